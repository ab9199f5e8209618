using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Coffer.Core.Sealing;

/// <summary>What a MAC is over. Numbers are part of every MAC and frozen.</summary>
public enum RowKind
{
    /// <summary>A vault.</summary>
    Vault = 1,

    /// <summary>A secret's head.</summary>
    Secret = 2,

    /// <summary>A version.</summary>
    Version = 3,

    /// <summary>A principal.</summary>
    Principal = 4,

    /// <summary>A group with its members.</summary>
    Group = 5,

    /// <summary>A membership.</summary>
    Member = 6,

    /// <summary>A credential.</summary>
    Credential = 7,

    /// <summary>A trust.</summary>
    Trust = 8,

    /// <summary>A policy.</summary>
    Policy = 9,

    /// <summary>A role.</summary>
    Role = 10,

    /// <summary>An alias.</summary>
    Alias = 11,

    /// <summary>The head of the audit trail.</summary>
    AuditHead = 12,

    /// <summary>A lease.</summary>
    Lease = 13,
}

/// <summary>
/// Writes a row in its one canonical form: every field with its type and length, so that no two rows have the same bytes.
/// </summary>
internal ref struct RowWriter
{
    private byte[]? _buffer;
    private int _length;

    public RowWriter()
    {
        _buffer = ArrayPool<byte>.Shared.Rent(1024);
        _length = 0;
    }

    public readonly ReadOnlySpan<byte> Written => _buffer.AsSpan(0, _length);

    public void Write(long value)
    {
        Span<byte> field = Field(1, 8);
        BinaryPrimitives.WriteInt64BigEndian(field, value);
    }

    public void Write(int value) => Write((long)value);

    public void Write(long? value)
    {
        if (value is { } present)
        {
            Write(present);
        }
        else
        {
            Field(0, 0);
        }
    }

    public void Write(UInt128 value) => BinaryPrimitives.WriteUInt128BigEndian(Field(2, 16), value);

    public void Write(Guid value) => value.TryWriteBytes(Field(3, 16), bigEndian: true, out _);

    public void Write(string? value)
    {
        if (value is null)
        {
            Field(0, 0);
            return;
        }

        Encoding.UTF8.GetBytes(value, Field(4, Encoding.UTF8.GetByteCount(value)));
    }

    public void Write(ReadOnlySpan<byte> value) => value.CopyTo(Field(5, value.Length));

    public void Dispose()
    {
        if (_buffer is { } buffer)
        {
            _buffer = null;
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private Span<byte> Field(byte type, int length)
    {
        int need = _length + 5 + length;
        if (need > _buffer!.Length)
        {
            byte[] larger = ArrayPool<byte>.Shared.Rent(Math.Max(need, _buffer.Length * 2));
            Written.CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = larger;
        }

        Span<byte> head = _buffer.AsSpan(_length, 5);
        head[0] = type;
        BinaryPrimitives.WriteInt32BigEndian(head[1..], length);
        _length = need;
        return _buffer.AsSpan(need - length, length);
    }
}
