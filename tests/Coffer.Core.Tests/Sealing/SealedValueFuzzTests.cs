using System.Buffers.Binary;
using System.Security.Cryptography;
using Coffer.Core.Sealing;
using CsCheck;
using Xunit;
using static Coffer.Core.Tests.Sealing.TestKeys;

namespace Coffer.Core.Tests.Sealing;

/// <summary>
/// Seeded mutation of sealed bytes: whatever arrives, the decoder answers or throws <see cref="SealIntegrityException"/>, and only
/// untouched bytes open. Bounded by a count; <c>COFFER_FUZZ_ROUNDS</c> lets it run for hours by hand.
/// </summary>
public sealed class SealedValueFuzzTests
{
    private static readonly long Rounds = long.TryParse(Environment.GetEnvironmentVariable("COFFER_FUZZ_ROUNDS"), out long rounds) ? rounds : 20_000;

    [Fact]
    public void Mutated_bytes_are_refused_as_such()
    {
        using Keyring keys = Ring((1u, RandomNumberGenerator.GetBytes(32)), (2u, RandomNumberGenerator.GetBytes(32)));
        byte[][] seeds = [.. Enumerable.Range(0, 8).Select(i => keys.Seal(new byte[i * 7], Value()))];
        Gen<Func<byte[], byte[]>> mutation = Gen.OneOf(
            Gen.Select(Gen.UInt, Gen.Byte).Select((at, b) => (Func<byte[], byte[]>)(s => Set(s, at, b))),
            Gen.UInt.Select(at => (Func<byte[], byte[]>)(s => s[..(int)(at % (uint)(s.Length + 1))])),
            Gen.UInt.Select(at => (Func<byte[], byte[]>)(s => s[(int)(at % (uint)(s.Length + 1))..])),
            Gen.Byte.Array[1, 64].Select(more => (Func<byte[], byte[]>)(s => [.. s, .. more])),
            Gen.Byte.Array[1, 8].Select(more => (Func<byte[], byte[]>)(s => [.. more, .. s])),
            Gen.UInt.Select(id => (Func<byte[], byte[]>)(s => KeyId(s, id))),
            Gen.Select(Gen.UInt, Gen.UInt).Select((a, b) => (Func<byte[], byte[]>)(s => Exchange(s, a, b))),
            Gen.Const((Func<byte[], byte[]>)(s => [.. s, .. s])),
            Gen.Byte.Array[0, 80].Select(all => (Func<byte[], byte[]>)(_ => all)));

        Gen.Select(Gen.Int[0, seeds.Length - 1], mutation.Array[1, 4]).Sample(
            (seed, mutations) =>
            {
                byte[] bytes = mutations.Aggregate(seeds[seed], (s, m) => m(s));
                bool untouched = seeds.Any(s => s.AsSpan().SequenceEqual(bytes));
                try
                {
                    keys.Open(bytes, Value()).Dispose();
                    return untouched;
                }
                catch (SealIntegrityException)
                {
                    return !untouched;
                }
            },
            iter: Rounds);
    }

    private static byte[] Set(byte[] bytes, uint at, byte value)
    {
        byte[] changed = [.. bytes];
        if (changed.Length > 0)
        {
            changed[at % (uint)changed.Length] = value;
        }

        return changed;
    }

    private static byte[] KeyId(byte[] bytes, uint id)
    {
        byte[] changed = [.. bytes];
        if (changed.Length >= SealedValue.HeaderBytes)
        {
            BinaryPrimitives.WriteUInt32BigEndian(changed.AsSpan(1), id % 4);
        }

        return changed;
    }

    private static byte[] Exchange(byte[] bytes, uint a, uint b)
    {
        byte[] changed = [.. bytes];
        if (changed.Length > 0)
        {
            (changed[a % (uint)changed.Length], changed[b % (uint)changed.Length]) = (changed[b % (uint)changed.Length], changed[a % (uint)changed.Length]);
        }

        return changed;
    }
}
