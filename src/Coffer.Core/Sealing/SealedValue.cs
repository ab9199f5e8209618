using System.Buffers.Binary;
using System.Security.Cryptography;
using Coffer.Core.Secrets;

namespace Coffer.Core.Sealing;

/// <summary>
/// Sealed bytes, all that a store ever holds of a value:
/// <code>
///   0        1          5            17                17+n      33+n
///   ┌────────┬──────────┬────────────┬─────────────────┬─────────┐
///   │ layout │ key id   │ nonce      │ ciphertext      │ tag     │
///   │ 01     │ 4, big-  │ 12, random │ n, as plaintext │ 16      │
///   │        │ endian   │            │                 │         │
///   └────────┴──────────┴────────────┴─────────────────┴─────────┘
/// </code>
/// AES-256-GCM. The key is derived for one version alone (<see cref="DataKey"/>), so a nonce would have to repeat among
/// the few sealings of that version, and it is drawn at random on top: restoring a backup or cloning a machine repeats
/// nothing. Associated data: layout, key id and the whole <see cref="SealContext"/>.
/// </summary>
internal static class SealedValue
{
    public const byte Layout = 1;
    public const int NonceBytes = 12;
    public const int TagBytes = 16;
    public const int HeaderBytes = 1 + sizeof(uint);
    public const int OverheadBytes = HeaderBytes + NonceBytes + TagBytes;

    private const int LabelBytes = 12;

    public static byte[] Seal(DataKey key, ReadOnlySpan<byte> plaintext, in SealContext context, ReadOnlySpan<byte> nonce)
    {
        byte[] output = new byte[OverheadBytes + plaintext.Length];
        output[0] = Layout;
        BinaryPrimitives.WriteUInt32BigEndian(output.AsSpan(1), key.Id);
        nonce.CopyTo(output.AsSpan(HeaderBytes, NonceBytes));

        Span<byte> work = stackalloc byte[LabelBytes + HeaderBytes + SealContext.MaxBytes + 1];
        Span<byte> derived = stackalloc byte[DataKey.Bytes];
        ReadOnlySpan<byte> associated = Derive(key, output, context, work, derived);
        try
        {
            using AesGcm aes = new(derived, TagBytes);
            Span<byte> body = output.AsSpan(HeaderBytes + NonceBytes);
            aes.Encrypt(nonce, plaintext, body[..plaintext.Length], body[plaintext.Length..], associated);
            return output;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(derived);
        }
    }

    /// <summary>Checks what can be checked without a key, and answers which key is needed.</summary>
    public static uint KeyIdOf(ReadOnlySpan<byte> sealedBytes) =>
        sealedBytes.IsEmpty ? throw new SealIntegrityException(SealFailure.Empty)
        : sealedBytes[0] != Layout ? throw new SealIntegrityException(SealFailure.UnknownLayout)
        : sealedBytes.Length < OverheadBytes ? throw new SealIntegrityException(SealFailure.Truncated)
        : BinaryPrimitives.ReadUInt32BigEndian(sealedBytes[1..]);

    public static SecretValue Open(DataKey key, ReadOnlySpan<byte> sealedBytes, in SealContext context)
    {
        Span<byte> work = stackalloc byte[LabelBytes + HeaderBytes + SealContext.MaxBytes + 1];
        Span<byte> derived = stackalloc byte[DataKey.Bytes];
        ReadOnlySpan<byte> associated = Derive(key, sealedBytes, context, work, derived);
        SecretValue value = SecretValue.Rent(sealedBytes.Length - OverheadBytes);
        try
        {
            using AesGcm aes = new(derived, TagBytes);
            ReadOnlySpan<byte> body = sealedBytes[(HeaderBytes + NonceBytes)..];
            aes.Decrypt(sealedBytes.Slice(HeaderBytes, NonceBytes), body[..value.Length], body[value.Length..], value.Buffer, associated);
            return value;
        }
        catch (AuthenticationTagMismatchException)
        {
            value.Dispose();
            throw new SealIntegrityException(SealFailure.NotAuthentic);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(derived);
        }
    }

    /// <summary>
    /// Derives the key of this place and answers the associated data. One buffer serves both, since they overlap:
    /// label · [layout · key id · context without kind] · kind, where HKDF's block number stands in for the kind at first.
    /// </summary>
    private static ReadOnlySpan<byte> Derive(DataKey key, ReadOnlySpan<byte> header, in SealContext context, Span<byte> work, Span<byte> derived)
    {
        "coffer/seal\0"u8.CopyTo(work);
        header[..HeaderBytes].CopyTo(work[LabelBytes..]);
        int contextBytes = context.Write(work[(LabelBytes + HeaderBytes)..]);
        int informed = LabelBytes + HeaderBytes + context.KeyBytes(contextBytes);
        byte kind = work[informed];
        key.Expand(work[..(informed + 1)], derived);
        work[informed] = kind;
        return work.Slice(LabelBytes, HeaderBytes + contextBytes);
    }
}
