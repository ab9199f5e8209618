using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Coffer.Core.Sealing;
using Coffer.Core.Secrets;
using Microsoft.Win32.SafeHandles;
using Xunit;
using static Coffer.Core.Tests.Sealing.TestKeys;

namespace Coffer.Core.Tests.Sealing;

/// <summary>
/// Attack 37: reads all of this process's own memory and looks for plaintext and keys after they were disposed. What is looked
/// for is known only in masked form, so that the search does not find itself.
/// </summary>
public sealed class MemoryTests
{
    [Fact]
    public void A_value_is_in_memory_while_it_lives_and_nowhere_after()
    {
        MaskedMarker marker = new(64);
        SecretValue value = SecretValue.Rent(marker.Length);
        marker.Unmask(value.Buffer);
        Assert.True(marker.Count() >= 1, "the search does not find a value that is there");

        value.Dispose();

        Assert.Equal(0, marker.Count());
    }

    [Fact]
    public void Sealing_and_opening_leave_no_plaintext_behind()
    {
        MaskedMarker marker = new(4096);
        using Keyring keys = Ring();
        byte[] sealedBytes;
        using (SecretValue value = SecretValue.Rent(marker.Length))
        {
            marker.Unmask(value.Buffer);
            sealedBytes = keys.Seal(value.Span, Value());
        }

        Assert.Equal(0, marker.Count());
        for (int i = 0; i < 100; i++)
        {
            using SecretValue opened = keys.Open(sealedBytes, Value());
            if (i == 50)
            {
                GC.Collect(2, GCCollectionMode.Forced, blocking: true, compacting: true);
                Assert.True(marker.Count() >= 1, "the search does not find the opened value");
            }
        }

        Assert.Equal(0, marker.Count());
    }

    [Fact]
    public void A_disposed_keyring_leaves_no_key_behind()
    {
        MaskedMarker dataKey = new(32), extracted = new(32), derived = new(32);
        Keyring keys = MakeRing(dataKey, extracted, derived);
        Assert.True(extracted.Count() >= 1, "the search does not find a key that is in use");
        keys.Open(keys.Seal("x"u8, Value()), Value()).Dispose();

        keys.Dispose();

        Assert.Equal(0, dataKey.Count());
        Assert.Equal(0, extracted.Count());
        Assert.Equal(0, derived.Count());
    }

    [Fact]
    public async Task The_sealing_key_is_in_memory_only_while_it_is_used()
    {
        CancellationToken none = TestContext.Current.CancellationToken;
        using ObservedSeal seal = new();
        SealService service = new(new MemoryKeyStore(), TimeProvider.System);
        await service.InitializeAsync(seal, none);
        await service.RotateKeysAsync(seal, none);
        Assert.Equal(0, seal.Marker.Count());
        service.Seal();
        await service.UnsealAsync(seal, none);

        service.Seal();

        Assert.Equal(0, seal.Marker.Count());
    }

    private static Keyring MakeRing(MaskedMarker dataKey, MaskedMarker extracted, MaskedMarker derived)
    {
        using SecretValue key = SecretValue.Rent(32), prk = SecretValue.Rent(32), mac = SecretValue.Rent(32), scalar = AuditSigner.DrawScalar();
        dataKey.Unmask(key.Buffer);
        HKDF.Extract(HashAlgorithmName.SHA256, key.Span, "coffer/data-key/1"u8, prk.Buffer);
        HMACSHA256.HashData(prk.Span, "coffer/mac\0\u0001\u0001"u8, mac.Buffer);
        extracted.Mask(prk.Span);
        derived.Mask(mac.Span);
        return new([new DataKey(1, key.Span)], AuditSigner.From(scalar));
    }

    /// <summary>Hands out a sealing key that is known only in masked form.</summary>
    private sealed class ObservedSeal : ISeal, IDisposable
    {
        public MaskedMarker Marker { get; } = new(32);

        public string Type => "observed";

        public (SealParameters Parameters, SecretValue Key) Create(SealParameters? inForce) => (new() { Type = Type, KeyFingerprint = "" }, Key());

        public SecretValue Open(SealParameters parameters) => Key();

        public void Dispose()
        {
        }

        private SecretValue Key()
        {
            SecretValue key = SecretValue.Rent(32);
            Marker.Unmask(key.Buffer);
            return key;
        }
    }

    /// <summary>Random bytes kept as an exclusive or with a mask, and a search of memory for each of their 16-byte pieces.</summary>
    private sealed class MaskedMarker
    {
        private const int WindowBytes = 1 << 20, PieceBytes = 16;

        // One for all, and pinned, so that its address range can be left out.
        private static readonly byte[] Window = GC.AllocateArray<byte>(WindowBytes, pinned: true);

        private readonly byte[] _masked;
        private readonly byte[] _mask;

        public MaskedMarker(int length)
        {
            _masked = RandomNumberGenerator.GetBytes(length);
            _mask = RandomNumberGenerator.GetBytes(length);
        }

        public int Length => _mask.Length;

        public void Unmask(Span<byte> target)
        {
            for (int i = 0; i < target.Length; i++)
            {
                target[i] = (byte)(_masked[i] ^ _mask[i]);
            }
        }

        public void Mask(ReadOnlySpan<byte> bytes)
        {
            for (int i = 0; i < bytes.Length; i++)
            {
                _masked[i] = (byte)(bytes[i] ^ _mask[i]);
            }
        }

        /// <summary>How many places of this process's writable memory hold a piece of the marker.</summary>
        public int Count()
        {
            Assert.True(OperatingSystem.IsLinux(), "only Linux lets a process read its own memory as a file");
            using SafeFileHandle memory = File.OpenHandle("/proc/self/mem", FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            long own = Marshal.UnsafeAddrOfPinnedArrayElement(Window, 0);
            int found = 0;
            foreach ((long start, long end) in WritableRanges())
            {
                // What was read into the window is not to be found there again: read round it.
                found += SearchRange(memory, start, Math.Min(end, Math.Max(start, own)));
                found += SearchRange(memory, Math.Max(start, Math.Min(end, own + WindowBytes)), end);
            }

            CryptographicOperations.ZeroMemory(Window);
            return found;
        }

        private int SearchRange(SafeFileHandle memory, long start, long end)
        {
            int found = 0;
            for (long at = start; at < end; at += WindowBytes - PieceBytes + 1)
            {
                found += Search(memory, at, (int)Math.Min(WindowBytes, end - at));
            }

            return found;
        }

        private static IEnumerable<(long Start, long End)> WritableRanges()
        {
            foreach (string line in File.ReadAllLines("/proc/self/maps"))
            {
                string[] parts = line.Split(' ', 3);
                if (parts[1].StartsWith("rw", StringComparison.Ordinal))
                {
                    string[] range = parts[0].Split('-');
                    yield return (long.Parse(range[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture), long.Parse(range[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture));
                }
            }
        }

        private int Search(SafeFileHandle memory, long at, int wanted)
        {
            int read;
            try
            {
                read = RandomAccess.Read(memory, Window.AsSpan(0, wanted), at);
            }
            catch (IOException)
            {
                // Mapped but not readable.
                return 0;
            }

            int found = 0;
            for (int piece = 0; piece + PieceBytes <= Length; piece += Math.Max(PieceBytes, Length / 4 / PieceBytes * PieceBytes))
            {
                found += Occurrences(Window.AsSpan(0, read), piece);
            }

            return found;
        }

        private int Occurrences(ReadOnlySpan<byte> bytes, int piece)
        {
            // Four bytes to look for quickly, the rest compared under the mask.
            Span<byte> first = stackalloc byte[4];
            for (int i = 0; i < first.Length; i++)
            {
                first[i] = (byte)(_masked[piece + i] ^ _mask[piece + i]);
            }

            int found = 0;
            while (bytes.IndexOf(first) is >= 0 and var next && next + PieceBytes <= bytes.Length)
            {
                int matching = first.Length;
                while (matching < PieceBytes && (byte)(bytes[next + matching] ^ _mask[piece + matching]) == _masked[piece + matching])
                {
                    matching++;
                }

                found += matching == PieceBytes ? 1 : 0;
                bytes = bytes[(next + 1)..];
            }

            return found;
        }
    }
}
