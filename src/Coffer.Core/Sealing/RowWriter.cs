using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Coffer.Core.Sealing;

/// <summary>
/// Writes a row in its one canonical form, for its MAC: field by field in a fixed order, each as
/// <code>
///   length   4 bytes, big-endian; FFFFFFFF for none
///   bytes    integers big-endian in 4, 8 or 16 bytes; text as UTF-8; GUIDs as 16 bytes in the order they are printed
/// </code>
/// so that no two rows of a kind look alike. Starts empty as <c>new()</c>; dispose returns its buffer.
/// </summary>
internal ref struct RowWriter
{
    private const uint None = uint.MaxValue;
    private const int FirstBuffer = 512;

    private byte[]? _buffer;
    private int _length;

    /// <summary>What was written so far; valid until the next write.</summary>
    public readonly ReadOnlySpan<byte> Written => _buffer.AsSpan(0, _length);

    /// <summary>A field of bytes.</summary>
    public void Write(ReadOnlySpan<byte> value) => value.CopyTo(Field(value.Length));

    /// <summary>A field of text.</summary>
    public void Write(string? value)
    {
        if (value is null)
        {
            WriteNone();
        }
        else
        {
            Encoding.UTF8.GetBytes(value, Field(Encoding.UTF8.GetByteCount(value)));
        }
    }

    /// <summary>A field of 4 bytes.</summary>
    public void Write(int value) => BinaryPrimitives.WriteInt32BigEndian(Field(sizeof(int)), value);

    /// <summary>A field of 8 bytes.</summary>
    public void Write(long value) => BinaryPrimitives.WriteInt64BigEndian(Field(sizeof(long)), value);

    /// <summary>A field of 16 bytes.</summary>
    public void Write(UInt128 value) => BinaryPrimitives.WriteUInt128BigEndian(Field(16), value);

    /// <summary>A field of 16 bytes.</summary>
    public void Write(Guid value) => value.TryWriteBytes(Field(16), bigEndian: true, out _);

    /// <summary>A field of 4 bytes, or none.</summary>
    public void Write(int? value)
    {
        if (value is { } given)
        {
            Write(given);
        }
        else
        {
            WriteNone();
        }
    }

    /// <summary>A field of 8 bytes, or none.</summary>
    public void Write(long? value)
    {
        if (value is { } given)
        {
            Write(given);
        }
        else
        {
            WriteNone();
        }
    }

    /// <summary>A field of 16 bytes, or none.</summary>
    public void Write(Guid? value)
    {
        if (value is { } given)
        {
            Write(given);
        }
        else
        {
            WriteNone();
        }
    }

    /// <summary>Returns the buffer.</summary>
    public void Dispose()
    {
        if (_buffer is { } buffer)
        {
            _buffer = null;
            _length = 0;
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private void WriteNone() => BinaryPrimitives.WriteUInt32BigEndian(Grow(sizeof(uint)), None);

    private Span<byte> Field(int length)
    {
        Span<byte> field = Grow(sizeof(uint) + length);
        BinaryPrimitives.WriteUInt32BigEndian(field, (uint)length);
        return field[sizeof(uint)..];
    }

    private Span<byte> Grow(int more)
    {
        int needed = checked(_length + more);
        if (_buffer is null || needed > _buffer.Length)
        {
            byte[] larger = ArrayPool<byte>.Shared.Rent(Math.Max(needed, Math.Max(FirstBuffer, _length * 2)));
            Written.CopyTo(larger);
            if (_buffer is not null)
            {
                ArrayPool<byte>.Shared.Return(_buffer);
            }

            _buffer = larger;
        }

        Span<byte> grown = _buffer.AsSpan(_length, more);
        _length = needed;
        return grown;
    }
}
