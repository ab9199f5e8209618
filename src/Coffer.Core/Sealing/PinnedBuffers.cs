using System.Numerics;
using System.Security.Cryptography;

namespace Coffer.Core.Sealing;

/// <summary>
/// Buffers for plaintext. They are pinned, since a collector that moves an array leaves its old bytes behind; and pooled,
/// since pinned arrays are costly to make. What lies in the pool is zero.
/// </summary>
internal static class PinnedBuffers
{
    private const int SmallestBits = 6, LargestBits = 20;

    // Up to 4 MiB of each size, 256 buffers at most.
    private const int BytesPerSize = 4 << LargestBits;
    private const int MostPerSize = 256;

    private static readonly Shelf[] Shelves = MakeShelves();

    /// <summary>Makes or reuses a zeroed buffer of at least that many bytes; never shared with anything else.</summary>
    public static byte[] Rent(int length)
    {
        int shelf = ShelfOf(length);
        return shelf < Shelves.Length ? Shelves[shelf].Take() : GC.AllocateArray<byte>(length, pinned: true);
    }

    /// <summary>Zeroes the part that was used and keeps the buffer for later.</summary>
    public static void Return(byte[] buffer, int used)
    {
        CryptographicOperations.ZeroMemory(buffer.AsSpan(0, used));
        int shelf = ShelfOf(buffer.Length);
        if (shelf < Shelves.Length)
        {
            Shelves[shelf].Put(buffer);
        }
    }

    private static int ShelfOf(int length) => Math.Max(BitOperations.Log2((uint)Math.Max(length, 1) - 1) + 1 - SmallestBits, 0);

    private static Shelf[] MakeShelves()
    {
        Shelf[] shelves = new Shelf[LargestBits - SmallestBits + 1];
        for (int i = 0; i < shelves.Length; i++)
        {
            int size = 1 << (i + SmallestBits);
            shelves[i] = new(size, Math.Min(BytesPerSize / size, MostPerSize));
        }

        return shelves;
    }

    private sealed class Shelf(int size, int capacity)
    {
        private readonly byte[][] _buffers = new byte[capacity][];
        private readonly Lock _lock = new();
        private int _count;

        public byte[] Take()
        {
            lock (_lock)
            {
                if (_count > 0)
                {
                    return _buffers[--_count];
                }
            }

            return GC.AllocateArray<byte>(size, pinned: true);
        }

        public void Put(byte[] buffer)
        {
            lock (_lock)
            {
                if (_count < _buffers.Length)
                {
                    _buffers[_count++] = buffer;
                }
            }
        }
    }
}
