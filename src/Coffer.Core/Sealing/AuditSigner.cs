using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json.Serialization;
using Coffer.Core.Audit;
using Coffer.Core.Secrets;

namespace Coffer.Core.Sealing;

/// <summary>
/// Signs the checkpoints of the audit trail: ECDSA on P-256 with SHA-256, signatures as 64 bytes (r · s). The public key can be
/// given to an auditor, who then needs nothing else to check a trail. Thread-safe.
/// </summary>
[HoldsSecret]
[DebuggerDisplay(SecretValue.Redacted)]
[JsonConverter(typeof(RedactedJsonConverter))]
public sealed class AuditSigner : IAuditSigner, IDisposable
{
    /// <summary>Bytes of the private scalar.</summary>
    internal const int PrivateBytes = 32;

    private readonly Lock _lock = new();
    private readonly KeyLifetime _lifetime;
    private readonly ECDsa _key;
    private readonly byte[] _publicKey;

    [DebuggerBrowsable(DebuggerBrowsableState.Never)]
    private readonly byte[] _macKey = GC.AllocateArray<byte>(SHA256.HashSizeInBytes, pinned: true);

    private AuditSigner(ECDsa key, ReadOnlySpan<byte> scalar)
    {
        _key = key;
        _publicKey = key.ExportSubjectPublicKeyInfo();
        KeyId = IdOf(_publicKey);
        HKDF.DeriveKey(HashAlgorithmName.SHA256, scalar, _macKey, salt: "coffer/audit-key/1"u8, info: "coffer/audit-mac\0"u8);
        _lifetime = new(Zero);
    }

    /// <summary><c>p256-</c> and the first 16 hex digits of SHA-256 over the public key.</summary>
    public string KeyId { get; }

    /// <summary>The public key as DER SubjectPublicKeyInfo.</summary>
    public ReadOnlySpan<byte> PublicKey => _publicKey;

    /// <summary>The public key as PEM, to be given to auditors.</summary>
    public string ExportPublicKey() => PemEncoding.WriteString("PUBLIC KEY", _publicKey);

    /// <inheritdoc/>
    public byte[] Sign(ReadOnlySpan<byte> data)
    {
        using KeyLifetime.Use use = _lifetime.Enter();
        lock (_lock)
        {
            return _key.SignData(data, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
        }
    }

    /// <inheritdoc/>
    public bool Verify(string keyId, ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature)
    {
        using KeyLifetime.Use use = _lifetime.Enter();
        if (!string.Equals(keyId, KeyId, StringComparison.Ordinal))
        {
            return false;
        }

        lock (_lock)
        {
            return _key.VerifyData(data, signature, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
        }
    }

    /// <inheritdoc/>
    public void Mac(ReadOnlySpan<byte> data, Span<byte> mac)
    {
        using KeyLifetime.Use use = _lifetime.Enter();
        HMACSHA256.HashData(_macKey, data, mac);
    }

    /// <inheritdoc/>
    public bool VerifyMac(string keyId, ReadOnlySpan<byte> data, ReadOnlySpan<byte> mac)
    {
        using KeyLifetime.Use use = _lifetime.Enter();
        Span<byte> expected = stackalloc byte[SHA256.HashSizeInBytes];
        HMACSHA256.HashData(_macKey, data, expected);
        return string.Equals(keyId, KeyId, StringComparison.Ordinal) & CryptographicOperations.FixedTimeEquals(expected, mac);
    }

    /// <summary>Zeroes the private key as soon as the last operation under way ends.</summary>
    public void Dispose() => _lifetime.Close();

    /// <summary>Always <c>***</c>.</summary>
    public override string ToString() => SecretValue.Redacted;

    /// <summary>Draws a private scalar.</summary>
    internal static SecretValue DrawScalar()
    {
        SecretValue scalar = SecretValue.Rent(PrivateBytes);
        while (true)
        {
            RandomNumberGenerator.Fill(scalar.Buffer);
            try
            {
                Import(scalar.Span).Dispose();
                return scalar;
            }
            catch (CryptographicException)
            {
                // Not below the order of the curve: one draw in four thousand million.
            }
        }
    }

    /// <summary>From a private scalar; throws <see cref="CryptographicException"/> if it is none.</summary>
    internal static AuditSigner From(SecretValue scalar) => new(Import(scalar.Span), scalar.Span);

    /// <summary>The public key that belongs to a scalar: DER SubjectPublicKeyInfo.</summary>
    internal static byte[] PublicKeyOf(SecretValue scalar)
    {
        using ECDsa key = Import(scalar.Span);
        return key.ExportSubjectPublicKeyInfo();
    }

    private static string IdOf(ReadOnlySpan<byte> publicKey) => "p256-" + Convert.ToHexStringLower(SHA256.HashData(publicKey).AsSpan(0, 8));

    private static ECDsa Import(ReadOnlySpan<byte> scalar)
    {
        byte[] d = GC.AllocateArray<byte>(PrivateBytes, pinned: true);
        try
        {
            scalar.CopyTo(d);
            return ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, D = d });
        }
        finally
        {
            CryptographicOperations.ZeroMemory(d);
        }
    }

    private void Zero()
    {
        CryptographicOperations.ZeroMemory(_macKey);
        lock (_lock)
        {
            _key.Dispose();
        }
    }
}
