using System.Buffers.Binary;
using System.Numerics;

namespace Coffer.Core.Audit.Indexing;

/// <summary>Some of a file's records, by their place among its records from 0: one bit each.</summary>
internal sealed class OrdinalSet(int count)
{
    private readonly ulong[] _words = new ulong[(count + 63) / 64];

    public void Add(int ordinal)
    {
        if ((uint)ordinal >= (uint)count)
        {
            throw IndexBytes.Damaged();
        }

        _words[ordinal >> 6] |= 1UL << ordinal;
    }

    /// <summary>Adds <paramref name="begin"/> up to but not including <paramref name="end"/>.</summary>
    public void AddRange(int begin, int end)
    {
        for (int ordinal = begin; ordinal < end; ordinal++)
        {
            if ((ordinal & 63) == 0 && end - ordinal >= 64)
            {
                _words[ordinal >> 6] = ulong.MaxValue;
                ordinal += 63;
            }
            else
            {
                Add(ordinal);
            }
        }
    }

    /// <summary>Adds those whose bit is set.</summary>
    public void AddBits(ReadOnlySpan<byte> bits)
    {
        if (bits.Length != _words.Length * 8)
        {
            throw IndexBytes.Damaged();
        }

        for (int i = 0; i < _words.Length; i++)
        {
            _words[i] |= BinaryPrimitives.ReadUInt64LittleEndian(bits[(i * 8)..]);
        }

        if (count % 64 != 0 && _words[^1] >> (count % 64) != 0)
        {
            throw IndexBytes.Damaged();
        }
    }

    public void WriteBits(LineBuffer buffer)
    {
        foreach (ulong word in _words)
        {
            IndexBytes.Long(buffer, (long)word);
        }
    }

    public void IntersectWith(OrdinalSet other)
    {
        for (int i = 0; i < _words.Length; i++)
        {
            _words[i] &= other._words[i];
        }
    }

    /// <summary>The last <paramref name="most"/> of them, ascending.</summary>
    public int[] Newest(int most)
    {
        int total = 0;
        foreach (ulong word in _words)
        {
            total += BitOperations.PopCount(word);
        }

        int[] ordinals = new int[int.Min(total, most)];
        int at = ordinals.Length;
        for (int i = _words.Length - 1; at > 0; i--)
        {
            for (ulong word = _words[i]; word != 0 && at > 0;)
            {
                int bit = BitOperations.Log2(word);
                word &= ~(1UL << bit);
                ordinals[--at] = (i << 6) | bit;
            }
        }

        return ordinals;
    }
}
