using System.Buffers.Text;
using System.Diagnostics;

namespace Coffer.Core.Audit;

/// <summary>Bytes that grow, kept and used again. Not thread-safe.</summary>
internal sealed class LineBuffer(int capacity)
{
    private readonly int _capacity = capacity;
    private byte[] _bytes = new byte[capacity];

    public int Length { get; private set; }

    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, Length);

    public ReadOnlyMemory<byte> WrittenMemory => _bytes.AsMemory(0, Length);

    public Span<byte> From(int start) => _bytes.AsSpan(start, Length - start);

    /// <summary>Room for at least that many bytes; <see cref="Advance"/> says how many were used.</summary>
    public Span<byte> Reserve(int count)
    {
        if (_bytes.Length - Length < count)
        {
            Array.Resize(ref _bytes, int.Max(_bytes.Length * 2, checked(Length + count)));
        }

        return _bytes.AsSpan(Length);
    }

    public void Advance(int count) => Length += count;

    public void Append(byte value)
    {
        Reserve(1)[0] = value;
        Length++;
    }

    public void Append(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(Reserve(bytes.Length));
        Length += bytes.Length;
    }

    public void Append(long number)
    {
        bool formatted = Utf8Formatter.TryFormat(number, Reserve(20), out int written);
        Debug.Assert(formatted, "twenty digits and a sign hold every long");
        Length += written;
    }

    public void AppendHex(ReadOnlySpan<byte> bytes)
    {
        bool formatted = Convert.TryToHexStringLower(bytes, Reserve(bytes.Length * 2), out int written);
        Debug.Assert(formatted, "two digits a byte were reserved");
        Length += written;
    }

    public void Append(Guid id)
    {
        bool formatted = id.TryFormat(Reserve(36), out int written);
        Debug.Assert(formatted, "a GUID is 36 characters");
        Length += written;
    }

    /// <summary>Empties it; what one burst made large does not stay so.</summary>
    public void Clear()
    {
        Length = 0;
        if (_bytes.Length > 16 * _capacity)
        {
            _bytes = new byte[_capacity];
        }
    }
}
