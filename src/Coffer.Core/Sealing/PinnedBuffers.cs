using System.Collections.Concurrent;
using System.Numerics;
using System.Security.Cryptography;

namespace Coffer.Core.Sealing;

/// <summary>Marks a type whose instances hold secret bytes: it must print as <c>***</c>, which a test checks for every such type.</summary>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Struct)]
internal sealed class HoldsSecretAttribute : Attribute;

/// <summary>
/// Buffers on the pinned heap, in powers of two, zeroed whenever they come back. Pooled, because a fresh pinned array per
/// read would make every read a large allocation.
/// </summary>
internal static class PinnedBuffers
{
    private const int SmallestBits = 6;
    private const int LargestBits = 16;
    private const int KeptPerSize = 64;

    private static readonly ConcurrentBag<byte[]>[] Pools = [.. Enumerable.Range(0, LargestBits - SmallestBits + 1).Select(_ => new ConcurrentBag<byte[]>())];
    private static readonly int[] Counts = new int[LargestBits - SmallestBits + 1];

    public static byte[] Rent(int length)
    {
        int index = Index(length);
        if (index < Pools.Length && Pools[index].TryTake(out byte[]? pooled))
        {
            Interlocked.Decrement(ref Counts[index]);
            return pooled;
        }

        return GC.AllocateArray<byte>(index < Pools.Length ? 1 << (index + SmallestBits) : length, pinned: true);
    }

    public static void Return(byte[] buffer, int used)
    {
        CryptographicOperations.ZeroMemory(buffer.AsSpan(0, used));
        int index = Index(buffer.Length);
        if (index < Pools.Length && buffer.Length == 1 << (index + SmallestBits))
        {
            if (Interlocked.Increment(ref Counts[index]) <= KeptPerSize)
            {
                Pools[index].Add(buffer);
            }
            else
            {
                Interlocked.Decrement(ref Counts[index]);
            }
        }
    }

    private static int Index(int length) => Math.Max(0, BitOperations.Log2((uint)Math.Max(1, length - 1)) + 1 - SmallestBits);
}
