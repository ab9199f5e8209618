using System.Security.Cryptography;
using Coffer.Core.Secrets;

namespace Coffer.Core.Sealing;

/// <summary>
/// A key of 32 bytes wrapped under another with AES-256-GCM:
/// <code>
///   layout 01 · nonce 12 · ciphertext 32 · tag 16          61 bytes
/// </code>
/// The wrapping key is derived (HKDF-SHA256) from the outer key and a label that says what is wrapped; associated data are
/// the layout and, in <see cref="RowWriter"/> form, what else belongs to the key.
/// </summary>
internal static class KeyWrap
{
    public const int KeyBytes = 32;
    public const int WrappedBytes = 1 + NonceBytes + KeyBytes + TagBytes;

    private const byte Layout = 1;
    private const int NonceBytes = 12, TagBytes = 16;

    public static SecretValue Draw()
    {
        SecretValue key = SecretValue.Rent(KeyBytes);
        RandomNumberGenerator.Fill(key.Buffer);
        return key;
    }

    /// <summary>Enough to tell keys apart, useless for finding one: 16 hex digits.</summary>
    public static string Fingerprint(SecretValue key) => Convert.ToHexStringLower(HMACSHA256.HashData(key.Span, "coffer/fingerprint"u8).AsSpan(0, 8));

    /// <summary>The root key under the seal's key, bound to all of the seal's parameters.</summary>
    public static byte[] WrapRoot(SecretValue sealingKey, SealParameters parameters, SecretValue root)
    {
        RowWriter row = new();
        try
        {
            parameters.Write(ref row);
            return Wrap(sealingKey, "coffer/root-key"u8, root, row.Written);
        }
        finally
        {
            row.Dispose();
        }
    }

    public static SecretValue UnwrapRoot(SecretValue sealingKey, SealParameters parameters, ReadOnlySpan<byte> wrapped)
    {
        RowWriter row = new();
        try
        {
            parameters.Write(ref row);
            return Unwrap(sealingKey, "coffer/root-key"u8, wrapped, row.Written);
        }
        finally
        {
            row.Dispose();
        }
    }

    /// <summary>A data key under the root key, bound to its id and age.</summary>
    public static byte[] WrapDataKey(SecretValue root, uint keyId, long createdAt, SecretValue key)
    {
        RowWriter row = new();
        try
        {
            row.Write((int)keyId);
            row.Write(createdAt);
            return Wrap(root, "coffer/data-key"u8, key, row.Written);
        }
        finally
        {
            row.Dispose();
        }
    }

    public static SecretValue UnwrapDataKey(SecretValue root, uint keyId, long createdAt, ReadOnlySpan<byte> wrapped)
    {
        RowWriter row = new();
        try
        {
            row.Write((int)keyId);
            row.Write(createdAt);
            return Unwrap(root, "coffer/data-key"u8, wrapped, row.Written);
        }
        finally
        {
            row.Dispose();
        }
    }

    /// <summary>The audit key's private scalar under the root key, bound to its public key.</summary>
    public static byte[] WrapAuditKey(SecretValue root, ReadOnlySpan<byte> publicKey, SecretValue scalar) => Wrap(root, "coffer/audit-key"u8, scalar, publicKey);

    public static SecretValue UnwrapAuditKey(SecretValue root, ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> wrapped) =>
        Unwrap(root, "coffer/audit-key"u8, wrapped, publicKey);

    private static byte[] Wrap(SecretValue outer, ReadOnlySpan<byte> label, SecretValue key, ReadOnlySpan<byte> associated)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(key.Length, KeyBytes);
        byte[] output = new byte[WrappedBytes];
        output[0] = Layout;
        Span<byte> nonce = output.AsSpan(1, NonceBytes);
        RandomNumberGenerator.Fill(nonce);
        Span<byte> derived = stackalloc byte[KeyBytes];
        HKDF.DeriveKey(HashAlgorithmName.SHA256, outer.Span, derived, salt: [], info: label);
        try
        {
            using AesGcm aes = new(derived, TagBytes);
            aes.Encrypt(nonce, key.Span, output.AsSpan(1 + NonceBytes, KeyBytes), output.AsSpan(1 + NonceBytes + KeyBytes), [Layout, .. associated]);
            return output;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(derived);
        }
    }

    /// <summary>Throws <see cref="SealIntegrityException"/> unless wrapped so.</summary>
    private static SecretValue Unwrap(SecretValue outer, ReadOnlySpan<byte> label, ReadOnlySpan<byte> wrapped, ReadOnlySpan<byte> associated)
    {
        if (wrapped.Length != WrappedBytes || wrapped[0] != Layout)
        {
            throw new SealIntegrityException(SealFailure.UnknownLayout, "the key table");
        }

        SecretValue key = SecretValue.Rent(KeyBytes);
        Span<byte> derived = stackalloc byte[KeyBytes];
        HKDF.DeriveKey(HashAlgorithmName.SHA256, outer.Span, derived, salt: [], info: label);
        try
        {
            using AesGcm aes = new(derived, TagBytes);
            aes.Decrypt(
                wrapped.Slice(1, NonceBytes),
                wrapped.Slice(1 + NonceBytes, KeyBytes),
                wrapped[(1 + NonceBytes + KeyBytes)..],
                key.Buffer,
                [Layout, .. associated]);
            return key;
        }
        catch (AuthenticationTagMismatchException)
        {
            key.Dispose();
            throw new SealIntegrityException(SealFailure.NotAuthentic, "the key table");
        }
        finally
        {
            CryptographicOperations.ZeroMemory(derived);
        }
    }
}
