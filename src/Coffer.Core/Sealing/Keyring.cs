using System.Buffers.Binary;
using System.Collections.Frozen;
using System.Security.Cryptography;
using System.Text;
using Coffer.Core.Secrets;

namespace Coffer.Core.Sealing;

/// <summary>
/// The data keys. The newest seals; older ones still open. A sealed thing is
/// <code>
/// | layout 1 | key id 4, big-endian | nonce 12 | ciphertext | tag 16 |
/// </code>
/// encrypted with AES-256-GCM under a key that HKDF-SHA256 derives from the data key and the thing's own place, so that a
/// key meets its one plaintext; the nonce is random as well, since a cloned store may seal the same place twice.
/// Associated data: layout, key id and the place.
/// </summary>
[HoldsSecret]
public sealed class Keyring : IDisposable
{
    /// <summary>The layout written now.</summary>
    public const byte Layout = 1;

    /// <summary>Bytes that sealing adds.</summary>
    public const int Overhead = HeadBytes + NonceBytes + TagBytes;

    private const int HeadBytes = 5;
    private const int NonceBytes = 12;
    private const int TagBytes = 16;
    private const int KeyBytes = 32;
    private const int MacBytes = 4 + 32;

    private readonly FrozenDictionary<uint, DataKey> _keys;
    private readonly DataKey _newest;
    private readonly byte[] _indexKey;
    private int _disposed;

    internal Keyring(IReadOnlyList<(uint Id, byte[] Key)> keys, AuditSigner signer)
    {
        _keys = keys.ToFrozenDictionary(k => k.Id, k => new DataKey(k.Id, k.Key));
        _newest = _keys[keys.Max(k => k.Id)];
        // Look-ups by keyed hash must find what was stored under older keys too: the first data key stays for ever.
        First = _keys[keys.Min(k => k.Id)];
        _indexKey = DeriveKey("index");
        AuditSigner = signer;
    }

    /// <summary>Signs the audit trail.</summary>
    public AuditSigner AuditSigner { get; }

    /// <summary>Id of the key that seals now.</summary>
    public uint NewestKeyId => _newest.Id;

    private DataKey First { get; }

    /// <summary>Seals for one place.</summary>
    public byte[] Seal(ReadOnlySpan<byte> plaintext, SealContext context)
    {
        byte[] output = new byte[plaintext.Length + Overhead];
        Span<byte> bytes = output;
        bytes[0] = Layout;
        BinaryPrimitives.WriteUInt32BigEndian(bytes[1..], _newest.Id);
        Span<byte> nonce = bytes.Slice(HeadBytes, NonceBytes);
        RandomNumberGenerator.Fill(nonce);
        Span<byte> place = stackalloc byte[HeadBytes + Math.Min(context.MaxBytes, 4096)];
        bytes[..HeadBytes].CopyTo(place);
        place = place[..(HeadBytes + context.Write(place[HeadBytes..]))];
        Span<byte> key = stackalloc byte[KeyBytes];
        Derive(_newest, place, key);
        Guard();
        using AesGcm cipher = new(key, TagBytes);
        CryptographicOperations.ZeroMemory(key);
        cipher.Encrypt(nonce, plaintext, bytes.Slice(HeadBytes + NonceBytes, plaintext.Length), bytes[^TagBytes..], place);
        return output;
    }

    /// <summary>Opens what was sealed for this place, or throws <see cref="SealIntegrityException"/>.</summary>
    public SecretValue Open(ReadOnlySpan<byte> bytes, SealContext context)
    {
        if (bytes.Length < Overhead)
        {
            throw new SealIntegrityException(SealFailure.Truncated);
        }

        if (bytes[0] != Layout)
        {
            throw new SealIntegrityException(SealFailure.UnknownLayout);
        }

        if (!_keys.TryGetValue(BinaryPrimitives.ReadUInt32BigEndian(bytes[1..]), out DataKey? dataKey))
        {
            throw new SealIntegrityException(SealFailure.UnknownKey);
        }

        Span<byte> place = stackalloc byte[HeadBytes + Math.Min(context.MaxBytes, 4096)];
        bytes[..HeadBytes].CopyTo(place);
        place = place[..(HeadBytes + context.Write(place[HeadBytes..]))];
        Span<byte> key = stackalloc byte[KeyBytes];
        Derive(dataKey, place, key);
        Guard();
        using AesGcm cipher = new(key, TagBytes);
        CryptographicOperations.ZeroMemory(key);
        int length = bytes.Length - Overhead;
        SecretValue value = SecretValue.Rent(length);
        try
        {
            cipher.Decrypt(bytes.Slice(HeadBytes, NonceBytes), bytes.Slice(HeadBytes + NonceBytes, length), bytes[^TagBytes..], value.Buffer, place);
            return value;
        }
        catch (CryptographicException)
        {
            value.Dispose();
            throw new SealIntegrityException(SealFailure.NotAuthentic);
        }
    }

    /// <summary>Authenticates a row in canonical form: key id and HMAC-SHA256.</summary>
    public byte[] Mac(RowKind kind, ReadOnlySpan<byte> row)
    {
        byte[] mac = new byte[MacBytes];
        BinaryPrimitives.WriteUInt32BigEndian(mac, _newest.Id);
        Compute(_newest, kind, row, mac.AsSpan(4));
        Guard();
        return mac;
    }

    /// <summary>Whether the MAC is right, in constant time; false for a key that is not known.</summary>
    public bool VerifyMac(RowKind kind, ReadOnlySpan<byte> row, ReadOnlySpan<byte> mac)
    {
        if (mac.Length != MacBytes || !_keys.TryGetValue(BinaryPrimitives.ReadUInt32BigEndian(mac), out DataKey? key))
        {
            return false;
        }

        Span<byte> right = stackalloc byte[32];
        Compute(key, kind, row, right);
        Guard();
        return CryptographicOperations.FixedTimeEquals(right, mac[4..]);
    }

    /// <summary>Keyed hash of a high-entropy text, by which it is found again. The same for as long as the installation lives.</summary>
    public byte[] Index(ReadOnlySpan<byte> token)
    {
        byte[] hash = HMACSHA256.HashData(_indexKey, token);
        Guard();
        return hash;
    }

    /// <summary>A key of 32 bytes for one purpose. The same for as long as the installation lives.</summary>
    public byte[] DeriveKey(string purpose)
    {
        byte[] key = HKDF.Expand(HashAlgorithmName.SHA256, First.Material, KeyBytes, Encoding.UTF8.GetBytes("coffer purpose " + purpose));
        Guard();
        return key;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            return;
        }

        foreach (DataKey key in _keys.Values)
        {
            key.Dispose();
        }

        CryptographicOperations.ZeroMemory(_indexKey);
        AuditSigner.Dispose();
    }

    /// <inheritdoc/>
    public override string ToString() => SecretValue.Redacted;

    /// <summary>
    /// Called after key material was read: <see cref="Dispose"/> raises its flag before it zeroes, so whoever may have read
    /// zeroes finds the flag up, and nothing is ever sealed under a key of zeroes.
    /// </summary>
    private void Guard()
    {
        if (Volatile.Read(ref _disposed) != 0)
        {
            throw new SealedException();
        }
    }

    private static void Derive(DataKey key, ReadOnlySpan<byte> place, Span<byte> output)
    {
        Span<byte> info = stackalloc byte[16 + place.Length];
        "coffer value key"u8.CopyTo(info);
        place.CopyTo(info[16..]);
        HKDF.Expand(HashAlgorithmName.SHA256, key.Material, output, info);
    }

    private static void Compute(DataKey key, RowKind kind, ReadOnlySpan<byte> row, Span<byte> output)
    {
        // The kind leads, so that a row of one table never passes for one of another.
        Span<byte> small = stackalloc byte[512];
        if (row.Length < small.Length)
        {
            small[0] = (byte)kind;
            row.CopyTo(small[1..]);
            HMACSHA256.HashData(key.MacKey, small[..(row.Length + 1)], output);
            return;
        }

        using IncrementalHash mac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, key.MacKey);
        mac.AppendData([(byte)kind]);
        mac.AppendData(row);
        mac.GetHashAndReset(output);
    }

    [HoldsSecret]
    private sealed class DataKey : IDisposable
    {
        public DataKey(uint id, byte[] material)
        {
            Id = id;
            Material = GC.AllocateArray<byte>(KeyBytes, pinned: true);
            material.CopyTo(Material, 0);
            MacKey = GC.AllocateArray<byte>(KeyBytes, pinned: true);
            HKDF.Expand(HashAlgorithmName.SHA256, Material, MacKey, "coffer row mac"u8);
        }

        public uint Id { get; }

        public byte[] Material { get; }

        public byte[] MacKey { get; }

        public void Dispose()
        {
            CryptographicOperations.ZeroMemory(Material);
            CryptographicOperations.ZeroMemory(MacKey);
        }

        public override string ToString() => SecretValue.Redacted;
    }
}
