using System.Buffers.Binary;
using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json.Serialization;
using Coffer.Core.Secrets;

namespace Coffer.Core.Sealing;

/// <summary>
/// The data keys: the newest seals, older ones still open. One instance from unseal to seal, rotations included.
/// Thread-safe and lock-free; after <see cref="Dispose"/> operations under way finish, later ones throw
/// <see cref="SealedException"/>, and the keys are zero.
/// </summary>
[HoldsSecret]
[DebuggerDisplay(SecretValue.Redacted)]
[JsonConverter(typeof(RedactedJsonConverter))]
public sealed class Keyring : IDisposable
{
    /// <summary>Bytes of what <see cref="Mac"/> answers.</summary>
    internal const int MacBytes = sizeof(uint) + SHA256.HashSizeInBytes;

    private readonly KeyLifetime _lifetime;

    [DebuggerBrowsable(DebuggerBrowsableState.Never)]
    private readonly byte[] _indexKey;

    // Ascending by id; replaced as a whole.
    [DebuggerBrowsable(DebuggerBrowsableState.Never)]
    private volatile DataKey[] _keys;

    internal Keyring(IReadOnlyCollection<DataKey> keys, AuditSigner auditSigner)
    {
        ArgumentOutOfRangeException.ThrowIfZero(keys.Count);
        _keys = [.. keys.OrderBy(k => k.Id)];
        _indexKey = _keys[0].Derive("token-index");
        AuditSigner = auditSigner;
        _lifetime = new(Zero);
    }

    /// <summary>The key that signs the audit trail; stays the same over rotations of the data keys.</summary>
    public AuditSigner AuditSigner { get; }

    /// <summary>Id of the key that seals.</summary>
    public uint NewestKeyId => _keys[^1].Id;

    /// <summary>How many data keys there are.</summary>
    public int KeyCount => _keys.Length;

    /// <summary>Seals under the newest key for one place.</summary>
    public byte[] Seal(ReadOnlySpan<byte> plaintext, in SealContext context)
    {
        using KeyLifetime.Use use = _lifetime.Enter();
        Span<byte> nonce = stackalloc byte[SealedValue.NonceBytes];
        RandomNumberGenerator.Fill(nonce);
        return SealedValue.Seal(_keys[^1], plaintext, context, nonce);
    }

    /// <summary>Opens what was sealed for this place; throws <see cref="SealIntegrityException"/> for anything else.</summary>
    public SecretValue Open(ReadOnlySpan<byte> sealedBytes, in SealContext context)
    {
        using KeyLifetime.Use use = _lifetime.Enter();
        DataKey key = Find(SealedValue.KeyIdOf(sealedBytes)) ?? throw new SealIntegrityException(SealFailure.UnknownKey);
        return SealedValue.Open(key, sealedBytes, context);
    }

    /// <summary>
    /// Keyed hash of a token, by which it is found in the store: 32 bytes. From the first data key, so that it stays the
    /// same over rotations.
    /// </summary>
    public byte[] Index(ReadOnlySpan<byte> token)
    {
        using KeyLifetime.Use use = _lifetime.Enter();
        return HMACSHA256.HashData(_indexKey, token);
    }

    /// <summary>
    /// A key of 32 bytes for one purpose, the caller's to zero. From the first data key, so that it stays the same over
    /// rotations.
    /// </summary>
    public byte[] DeriveKey(string purpose)
    {
        using KeyLifetime.Use use = _lifetime.Enter();
        return _keys[0].Derive("purpose/" + purpose);
    }

    /// <summary>Zeroes the keys as soon as the last operation under way ends.</summary>
    public void Dispose()
    {
        _lifetime.Close();
        AuditSigner.Dispose();
    }

    /// <summary>Always <c>***</c>.</summary>
    public override string ToString() => SecretValue.Redacted;

    /// <summary>MAC of a row in canonical form under the newest key: key id (4 bytes, big-endian) · HMAC-SHA256.</summary>
    internal byte[] Mac(RowKind kind, ReadOnlySpan<byte> canonicalRow)
    {
        using KeyLifetime.Use use = _lifetime.Enter();
        DataKey key = _keys[^1];
        byte[] mac = new byte[MacBytes];
        BinaryPrimitives.WriteUInt32BigEndian(mac, key.Id);
        HMACSHA256.HashData(key.MacKey(kind), canonicalRow, mac.AsSpan(sizeof(uint)));
        return mac;
    }

    /// <summary>Whether the MAC is that of this row; false as well for one of an unknown key or a wrong length.</summary>
    internal bool VerifyMac(RowKind kind, ReadOnlySpan<byte> canonicalRow, ReadOnlySpan<byte> mac)
    {
        using KeyLifetime.Use use = _lifetime.Enter();
        if (mac.Length != MacBytes || Find(BinaryPrimitives.ReadUInt32BigEndian(mac)) is not { } key)
        {
            return false;
        }

        Span<byte> expected = stackalloc byte[SHA256.HashSizeInBytes];
        HMACSHA256.HashData(key.MacKey(kind), canonicalRow, expected);
        return CryptographicOperations.FixedTimeEquals(expected, mac[sizeof(uint)..]);
    }

    /// <summary>Whether there is a key of that id.</summary>
    internal bool Has(uint keyId) => Find(keyId) is not null;

    /// <summary>Takes in a key that the store holds already; from now on the highest id seals. One caller at a time.</summary>
    internal void Add(DataKey key)
    {
        using KeyLifetime.Use use = _lifetime.Enter();
        _keys = [.. _keys.Append(key).OrderBy(k => k.Id)];
    }

    // From the newest on: that is where nearly every row is.
    private DataKey? Find(uint id)
    {
        DataKey[] keys = _keys;
        for (int i = keys.Length - 1; i >= 0; i--)
        {
            if (keys[i].Id == id)
            {
                return keys[i];
            }
        }

        return null;
    }

    private void Zero()
    {
        foreach (DataKey key in _keys)
        {
            key.Zero();
        }

        CryptographicOperations.ZeroMemory(_indexKey);
    }
}
