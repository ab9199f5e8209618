using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using Coffer.Core.Stores;

namespace Coffer.Core.Sealing;

/// <summary>
/// A backup: the whole store in one encrypted file. The key table leads in the clear (it is sealed itself), so that the
/// file and the seal's secret are all that a restore needs.
/// <code>
/// | "COFFERB1" 8 | header length 4, big-endian | header JSON | salt 32 | chunks … |
/// chunk: ciphertext up to 64 KiB, tag 16; nonce = counter 11 bytes, last-chunk flag 1; associated data = hash of all before
/// </code>
/// A file that was cut, reordered or changed anywhere does not open.
/// </summary>
public static class BackupFile
{
    private const int ChunkBytes = 64 * 1024;
    private const int TagBytes = 16;
    private const int SaltBytes = 32;
    private const int MaxHeaderBytes = 1024 * 1024;

    private static ReadOnlySpan<byte> Magic => "COFFERB1"u8;

    /// <summary>Encrypts a copy of the store.</summary>
    public static async Task WriteAsync(Stream store, Stream target, KeyTable table, Keyring keys, CancellationToken cancellationToken)
    {
        byte[] header = JsonSerializer.SerializeToUtf8Bytes(
            new BackupHeader { Revision = table.Revision, Seal = table.Seal, Keys = [.. table.Keys.Select(k => new BackupKey { KeyId = k.KeyId, CreatedAt = k.CreatedAt, Wrapped = k.Wrapped })] },
            BackupJson.Default.BackupHeader);
        byte[] head = [.. Magic, 0, 0, 0, 0, .. header, .. RandomNumberGenerator.GetBytes(SaltBytes)];
        BinaryPrimitives.WriteInt32BigEndian(head.AsSpan(8), header.Length);
        await target.WriteAsync(head, cancellationToken).ConfigureAwait(false);
        using AesGcm cipher = Cipher(keys, head.AsSpan(head.Length - SaltBytes));
        byte[] associated = SHA256.HashData(head), plain = new byte[ChunkBytes], chunk = new byte[ChunkBytes + TagBytes];
        long counter = 0;
        int read = await store.ReadAtLeastAsync(plain, ChunkBytes, false, cancellationToken).ConfigureAwait(false);
        while (true)
        {
            byte[] ahead = new byte[1];
            bool last = read < ChunkBytes || await store.ReadAsync(ahead, cancellationToken).ConfigureAwait(false) == 0;
            cipher.Encrypt(Nonce(counter++, last), plain.AsSpan(0, read), chunk.AsSpan(0, read), chunk.AsSpan(read, TagBytes), associated);
            await target.WriteAsync(chunk.AsMemory(0, read + TagBytes), cancellationToken).ConfigureAwait(false);
            if (last)
            {
                return;
            }

            plain[0] = ahead[0];
            read = 1 + await store.ReadAtLeastAsync(plain.AsMemory(1), ChunkBytes - 1, false, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Decrypts into <paramref name="store"/> with the keyring that <paramref name="open"/> makes of the file's key table. Throws <see cref="SealIntegrityException"/>.</summary>
    public static async Task ReadAsync(Stream source, Func<KeyTable, Keyring> open, Stream store, CancellationToken cancellationToken)
    {
        byte[] start = new byte[12];
        await FillAsync(source, start, cancellationToken).ConfigureAwait(false);
        int length = BinaryPrimitives.ReadInt32BigEndian(start.AsSpan(8));
        if (!start.AsSpan(0, 8).SequenceEqual(Magic) || length is < 2 or > MaxHeaderBytes)
        {
            throw new SealIntegrityException(SealFailure.UnknownLayout);
        }

        byte[] rest = new byte[length + SaltBytes];
        await FillAsync(source, rest, cancellationToken).ConfigureAwait(false);
        using Keyring keys = open(Table(rest.AsSpan(0, length)));
        using AesGcm cipher = Cipher(keys, rest.AsSpan(length));
        byte[] associated = SHA256.HashData([.. start, .. rest]), chunk = new byte[ChunkBytes + TagBytes], plain = new byte[ChunkBytes];
        byte[] ahead = new byte[1];
        long counter = 0;
        int read = await source.ReadAtLeastAsync(chunk, chunk.Length, false, cancellationToken).ConfigureAwait(false);
        while (true)
        {
            bool last = read < chunk.Length || await source.ReadAsync(ahead, cancellationToken).ConfigureAwait(false) == 0;
            Decrypt(cipher, chunk.AsSpan(0, read), plain, Nonce(counter++, last), associated);
            await store.WriteAsync(plain.AsMemory(0, read - TagBytes), cancellationToken).ConfigureAwait(false);
            if (last)
            {
                return;
            }

            chunk[0] = ahead[0];
            read = 1 + await source.ReadAtLeastAsync(chunk.AsMemory(1), chunk.Length - 1, false, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>The seal that a backup needs, read from its head; nothing of it is proven until it opens.</summary>
    public static async ValueTask<SealParameters> ParametersAsync(string file, CancellationToken cancellationToken)
    {
        await using FileStream source = new(file, FileMode.Open, FileAccess.Read);
        byte[] start = new byte[12];
        await FillAsync(source, start, cancellationToken).ConfigureAwait(false);
        int length = BinaryPrimitives.ReadInt32BigEndian(start.AsSpan(8));
        if (!start.AsSpan(0, 8).SequenceEqual(Magic) || length is < 2 or > MaxHeaderBytes)
        {
            throw new SealIntegrityException(SealFailure.UnknownLayout);
        }

        byte[] header = new byte[length];
        await FillAsync(source, header, cancellationToken).ConfigureAwait(false);
        return SealService.Parameters(Table(header));
    }

    private static void Decrypt(AesGcm cipher, ReadOnlySpan<byte> chunk, Span<byte> plain, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associated)
    {
        if (chunk.Length < TagBytes)
        {
            throw new SealIntegrityException(SealFailure.Truncated);
        }

        try
        {
            cipher.Decrypt(nonce, chunk[..^TagBytes], chunk[^TagBytes..], plain[..(chunk.Length - TagBytes)], associated);
        }
        catch (CryptographicException)
        {
            throw new SealIntegrityException(SealFailure.NotAuthentic);
        }
    }

    private static KeyTable Table(ReadOnlySpan<byte> json)
    {
        try
        {
            BackupHeader header = JsonSerializer.Deserialize(json, BackupJson.Default.BackupHeader) ?? throw new SealIntegrityException(SealFailure.UnknownLayout);
            return new(header.Revision, header.Seal, [.. header.Keys.Select(k => new WrappedKey(k.KeyId, k.CreatedAt, k.Wrapped))]);
        }
        catch (JsonException)
        {
            throw new SealIntegrityException(SealFailure.UnknownLayout);
        }
    }

    private static AesGcm Cipher(Keyring keys, ReadOnlySpan<byte> salt)
    {
        byte[] purpose = keys.DeriveKey("backup"), key = new byte[32];
        try
        {
            HKDF.DeriveKey(HashAlgorithmName.SHA256, purpose, key, salt, "coffer backup file"u8);
            return new AesGcm(key, TagBytes);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(purpose);
            CryptographicOperations.ZeroMemory(key);
        }
    }

    private static byte[] Nonce(long counter, bool last)
    {
        byte[] nonce = new byte[12];
        BinaryPrimitives.WriteInt64BigEndian(nonce.AsSpan(3), counter);
        nonce[11] = last ? (byte)1 : (byte)0;
        return nonce;
    }

    private static async ValueTask FillAsync(Stream source, byte[] buffer, CancellationToken cancellationToken)
    {
        if (await source.ReadAtLeastAsync(buffer, buffer.Length, false, cancellationToken).ConfigureAwait(false) < buffer.Length)
        {
            throw new SealIntegrityException(SealFailure.Truncated);
        }
    }
}

/// <summary>The key table as a backup carries it.</summary>
internal sealed record BackupHeader
{
    public required long Revision { get; init; }

    public required byte[] Seal { get; init; }

    public required ImmutableArray<BackupKey> Keys { get; init; }
}

/// <summary>One wrapped data key.</summary>
internal sealed record BackupKey
{
    public required uint KeyId { get; init; }

    public required long CreatedAt { get; init; }

    public required byte[] Wrapped { get; init; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(BackupHeader))]
internal sealed partial class BackupJson : JsonSerializerContext;
