using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Coffer.Core.Secrets;

namespace Coffer.Core.Sealing;

/// <summary>
/// A sealing key split among people: any <c>threshold</c> of the shares give it, fewer say nothing about it. A share's text is
/// <c>coffer-share-</c> and base64url of set id (4), threshold, index, 32 bytes and a checksum (4).
/// </summary>
public sealed class ShamirSeal : ISeal
{
    /// <summary>The type as stored.</summary>
    public const string TypeName = "shamir";

    private const string Prefix = "coffer-share-";
    private const int KeyBytes = 32;
    private const int ShareBytes = 4 + 1 + 1 + KeyBytes + 4;

    private readonly int _threshold;
    private readonly int _shares;
    private readonly List<SecretValue> _made = [];
    private readonly Dictionary<byte, byte[]> _given = [];
    private string? _set;

    /// <summary>For a new seal: 2–16 shares of which 2 or more are needed.</summary>
    public ShamirSeal(int threshold, int shares)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threshold, 2);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(shares, 16);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(threshold, shares);
        _threshold = threshold;
        _shares = shares;
    }

    /// <summary>For opening: shares are given one by one.</summary>
    public ShamirSeal()
    {
    }

    /// <inheritdoc/>
    public string Type => TypeName;

    /// <summary>The shares made by <see cref="Create"/>: to be shown once and disposed.</summary>
    public IReadOnlyList<SecretValue> Made => _made;

    /// <summary>Shares given so far.</summary>
    public int Given => _given.Count;

    /// <inheritdoc/>
    public (SealParameters Parameters, byte[] Key) Create()
    {
        byte[] key = RandomNumberGenerator.GetBytes(KeyBytes), set = RandomNumberGenerator.GetBytes(4);
        byte[][] coefficients = [.. Enumerable.Range(1, _threshold - 1).Select(_ => RandomNumberGenerator.GetBytes(KeyBytes))];
        Span<byte> share = stackalloc byte[ShareBytes];
        for (int index = 1; index <= _shares; index++)
        {
            set.CopyTo(share);
            share[4] = (byte)_threshold;
            share[5] = (byte)index;
            for (int i = 0; i < KeyBytes; i++)
            {
                // Horner from the highest coefficient down to the secret itself.
                byte y = 0;
                for (int c = coefficients.Length - 1; c >= 0; c--)
                {
                    y = (byte)(Field.Multiply(y, (byte)index) ^ coefficients[c][i]);
                }

                share[6 + i] = (byte)(Field.Multiply(y, (byte)index) ^ key[i]);
            }

            Checksum(share[..(ShareBytes - 4)], share[(ShareBytes - 4)..]);
            SecretValue text = SecretValue.Rent(Prefix.Length + Base64Url.GetEncodedLength(ShareBytes));
            Encoding.ASCII.GetBytes(Prefix, text.Buffer);
            Base64Url.EncodeToUtf8(share, text.Buffer[Prefix.Length..]);
            _made.Add(text);
        }

        CryptographicOperations.ZeroMemory(share);
        foreach (byte[] coefficient in coefficients)
        {
            CryptographicOperations.ZeroMemory(coefficient);
        }

        return (new() { Type = Type, KeyFingerprint = Fingerprints.Of(key), Threshold = _threshold, Shares = _shares, SetId = Convert.ToHexStringLower(set) }, key);
    }

    /// <inheritdoc/>
    public void Commit()
    {
    }

    /// <summary>Takes one share; refuses a damaged one, one given before, and one of another set.</summary>
    public void Give(ReadOnlySpan<byte> text)
    {
        Span<byte> share = stackalloc byte[ShareBytes + 3];
        Span<byte> checksum = stackalloc byte[4];
        text = text.Trim((byte)' ').TrimEnd((byte)'\n');
        if (!text.StartsWith("coffer-share-"u8) || text.Length != Prefix.Length + Base64Url.GetEncodedLength(ShareBytes)
            || Base64Url.DecodeFromUtf8(text[Prefix.Length..], share, out _, out int written) != System.Buffers.OperationStatus.Done || written != ShareBytes)
        {
            throw new SealRefusedException(SealRefusal.BadShare, "that is not a share");
        }

        share = share[..ShareBytes];
        Checksum(share[..(ShareBytes - 4)], checksum);
        if (!CryptographicOperations.FixedTimeEquals(checksum, share[(ShareBytes - 4)..]) || share[5] is 0 or > 16)
        {
            throw new SealRefusedException(SealRefusal.BadShare, "the share is damaged");
        }

        string set = Convert.ToHexStringLower(share[..4]);
        if (_set is not null && _set != set)
        {
            throw new SealRefusedException(SealRefusal.BadShare, "the share is of another set than the ones before");
        }

        _set = set;
        if (!_given.TryAdd(share[5], share.Slice(6, KeyBytes).ToArray()))
        {
            throw new SealRefusedException(SealRefusal.BadShare, "this share was given already");
        }

        CryptographicOperations.ZeroMemory(share);
    }

    /// <summary>Forgets the shares given so far.</summary>
    public void Reset()
    {
        foreach (byte[] share in _given.Values)
        {
            CryptographicOperations.ZeroMemory(share);
        }

        _given.Clear();
        _set = null;
    }

    /// <inheritdoc/>
    public byte[] Open(SealParameters parameters)
    {
        if (parameters.Type != Type)
        {
            throw new SealRefusedException(SealRefusal.OtherType, $"the server is sealed with a {parameters.Type}, not with shares");
        }

        if (_set is not null && _set != parameters.SetId)
        {
            throw new SealRefusedException(SealRefusal.BadShare, "the shares are of another set than this server's");
        }

        if (_given.Count < parameters.Threshold)
        {
            throw new SealRefusedException(SealRefusal.Missing, $"{_given.Count} of {parameters.Threshold} shares were given");
        }

        byte[] key = new byte[KeyBytes];
        byte[] points = [.. _given.Keys.Take(parameters.Threshold!.Value)];
        foreach (byte x in points)
        {
            // Lagrange at zero; in a field of characteristic two, minus is plus.
            byte weight = 1;
            foreach (byte other in points)
            {
                if (other != x)
                {
                    weight = Field.Multiply(weight, Field.Divide(other, (byte)(x ^ other)));
                }
            }

            byte[] y = _given[x];
            for (int i = 0; i < KeyBytes; i++)
            {
                key[i] ^= Field.Multiply(y[i], weight);
            }
        }

        if (Fingerprints.Of(key) != parameters.KeyFingerprint)
        {
            CryptographicOperations.ZeroMemory(key);
            Reset();
            throw new SealRefusedException(SealRefusal.Wrong, "the shares do not give the key; begin again");
        }

        return key;
    }

    private static void Checksum(ReadOnlySpan<byte> bytes, Span<byte> into)
    {
        Span<byte> hash = stackalloc byte[32];
        SHA256.HashData(bytes, hash);
        hash[..4].CopyTo(into);
    }

    /// <summary>GF(2⁸) with the AES polynomial, without tables or branches on secrets.</summary>
    private static class Field
    {
        public static byte Multiply(byte a, byte b)
        {
            int product = 0, x = a;
            for (int bit = 0; bit < 8; bit++)
            {
                product ^= x & -((b >> bit) & 1);
                x = (x << 1) ^ (0x11B & -((x >> 7) & 1));
            }

            return (byte)product;
        }

        public static byte Divide(byte a, byte b)
        {
            // The inverse is b to the 254th.
            byte inverse = 1, power = b;
            for (int bit = 1; bit < 8; bit++)
            {
                power = Multiply(power, power);
                inverse = Multiply(inverse, power);
            }

            return Multiply(a, inverse);
        }
    }
}
