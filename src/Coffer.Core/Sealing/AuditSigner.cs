using System.Security.Cryptography;
using Coffer.Core.Audit;
using Coffer.Core.Secrets;

namespace Coffer.Core.Sealing;

/// <summary>
/// Signs the trail's checkpoints with ECDSA P-256, so that whoever has the public key can verify them, and authenticates
/// the trail's head with HMAC-SHA256.
/// </summary>
[HoldsSecret]
public sealed class AuditSigner : IAuditSigner, IDisposable
{
    private readonly ECDsa _key;
    private readonly byte[] _macKey;
    private readonly Lock _use = new();

    internal AuditSigner(ReadOnlySpan<byte> pkcs8, byte[] macKey)
    {
        _key = ECDsa.Create();
        _key.ImportPkcs8PrivateKey(pkcs8, out _);
        _macKey = macKey;
        KeyId = "p256-" + Convert.ToHexStringLower(SHA256.HashData(_key.ExportSubjectPublicKeyInfo()).AsSpan(0, 8));
    }

    /// <inheritdoc/>
    public string KeyId { get; }

    /// <summary>A new private key in PKCS #8.</summary>
    internal static byte[] Draw()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return key.ExportPkcs8PrivateKey();
    }

    /// <summary>The public key in PEM, for those who verify elsewhere.</summary>
    public string ExportPublicKey()
    {
        lock (_use)
        {
            return _key.ExportSubjectPublicKeyInfoPem();
        }
    }

    /// <inheritdoc/>
    public byte[] Sign(ReadOnlySpan<byte> data)
    {
        lock (_use)
        {
            return _key.SignData(data, HashAlgorithmName.SHA256);
        }
    }

    /// <inheritdoc/>
    public bool Verify(string keyId, ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature)
    {
        if (!string.Equals(keyId, KeyId, StringComparison.Ordinal))
        {
            return false;
        }

        lock (_use)
        {
            return _key.VerifyData(data, signature, HashAlgorithmName.SHA256);
        }
    }

    /// <inheritdoc/>
    public void Mac(ReadOnlySpan<byte> data, Span<byte> mac) => HMACSHA256.HashData(_macKey, data, mac);

    /// <inheritdoc/>
    public bool VerifyMac(string keyId, ReadOnlySpan<byte> data, ReadOnlySpan<byte> mac)
    {
        Span<byte> right = stackalloc byte[32];
        Mac(data, right);
        return string.Equals(keyId, KeyId, StringComparison.Ordinal) && CryptographicOperations.FixedTimeEquals(right, mac);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        CryptographicOperations.ZeroMemory(_macKey);
        _key.Dispose();
    }

    /// <inheritdoc/>
    public override string ToString() => SecretValue.Redacted;
}
