using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace Coffer.Core.Audit.Indexing;

/// <summary>Reads what <see cref="IndexBytes"/> wrote. Whatever the bytes, it ends in <see cref="InvalidDataException"/> at worst.</summary>
internal ref struct IndexByteReader(ReadOnlySpan<byte> bytes)
{
    private ReadOnlySpan<byte> _rest = bytes;

    public readonly bool AtEnd => _rest.IsEmpty;

    public readonly ReadOnlySpan<byte> Rest => _rest;

    /// <summary>A number of up to 31 bits.</summary>
    public int Number()
    {
        uint number = 0;
        for (int i = 0; i < 5 && i < _rest.Length; i++)
        {
            byte part = _rest[i];
            number |= (uint)(part & 0x7F) << (7 * i);
            if (part < 0x80)
            {
                _rest = _rest[(i + 1)..];
                return number <= int.MaxValue && (i < 4 || part < 8) ? (int)number : throw IndexBytes.Damaged();
            }
        }

        throw IndexBytes.Damaged();
    }

    public byte Byte() => Bytes(1)[0];

    public long Long() => BinaryPrimitives.ReadInt64LittleEndian(Bytes(8));

    public ReadOnlySpan<byte> Bytes(int count)
    {
        if ((uint)count > (uint)_rest.Length)
        {
            throw IndexBytes.Damaged();
        }

        ReadOnlySpan<byte> bytes = _rest[..count];
        _rest = _rest[count..];
        return bytes;
    }

    /// <summary>Bytes with their number in front.</summary>
    public ReadOnlySpan<byte> Block() => Bytes(Number());
}

/// <summary>Numbers and texts of the index as bytes: little-endian, numbers in groups of seven bits.</summary>
internal static class IndexBytes
{
    /// <summary>What every reader of an index throws on bytes that no writer of ours left.</summary>
    public static InvalidDataException Damaged() => new("the audit index is damaged");

    public static void Number(LineBuffer buffer, int number)
    {
        uint rest = checked((uint)number);
        Span<byte> room = buffer.Reserve(5);
        int written = 0;
        for (; rest >= 0x80; rest >>= 7)
        {
            room[written++] = (byte)(rest | 0x80);
        }

        room[written++] = (byte)rest;
        buffer.Advance(written);
    }

    public static void Long(LineBuffer buffer, long number)
    {
        BinaryPrimitives.WriteInt64LittleEndian(buffer.Reserve(8), number);
        buffer.Advance(8);
    }

    public static void Int(LineBuffer buffer, int number)
    {
        BinaryPrimitives.WriteInt32LittleEndian(buffer.Reserve(4), number);
        buffer.Advance(4);
    }

    public static void Block(LineBuffer buffer, ReadOnlySpan<byte> bytes)
    {
        Number(buffer, bytes.Length);
        buffer.Append(bytes);
    }

    public static void Text(LineBuffer buffer, ReadOnlySpan<char> text) =>
        buffer.Advance(Encoding.UTF8.GetBytes(text, buffer.Reserve(Encoding.UTF8.GetMaxByteCount(text.Length))));

    /// <summary>CRC-32C: against accidents, not against people; who may write here may write the trail too.</summary>
    public static uint Sum(ReadOnlySpan<byte> bytes)
    {
        uint sum = uint.MaxValue;
        for (; bytes.Length >= 8; bytes = bytes[8..])
        {
            sum = BitOperations.Crc32C(sum, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        }

        foreach (byte value in bytes)
        {
            sum = BitOperations.Crc32C(sum, value);
        }

        return ~sum;
    }
}
