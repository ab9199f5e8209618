using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using Coffer.Core.Secrets;
using Coffer.Core.Stores;

namespace Coffer.Core.Sealing;

/// <summary>
/// The key table's <see cref="KeyTable.Seal"/>, a JSON object in UTF-8:
/// <code>
///   { "layout": 1,
///     "seal": { "type": …, "keyFingerprint": …, … },             the seal's public parameters
///     "root": "…",                                                root key under the sealing key
///     "auditPublicKey": "…", "auditPrivateKey": "…",              audit key: DER, and its scalar under the root key
///     "mac": "…" }                                                HMAC-SHA256 under the root key over the whole table
/// </code>
/// bytes in base64. The MAC covers the revision and every data key, so that no key can be dropped from the table or put into it.
/// </summary>
internal sealed record KeyTableDocument
{
    private const int KnownLayout = 1;

    public required int Layout { get; init; }

    public required SealParameters Seal { get; init; }

    public required byte[] Root { get; init; }

    public required byte[] AuditPublicKey { get; init; }

    public required byte[] AuditPrivateKey { get; init; }

    public required byte[] Mac { get; init; }

    /// <summary>Reads strictly; throws <see cref="SealIntegrityException"/>.</summary>
    public static KeyTableDocument Parse(KeyTable table)
    {
        try
        {
            return JsonSerializer.Deserialize(table.Seal, KeyTableJson.Default.KeyTableDocument) is { Layout: KnownLayout } document && !table.Keys.IsDefaultOrEmpty ? document : throw Damaged(SealFailure.UnknownLayout);
        }
        catch (JsonException)
        {
            throw Damaged(SealFailure.UnknownLayout);
        }
    }

    /// <summary>A table to be stored, with everything wrapped and its MAC.</summary>
    public static KeyTable Make(long revision, SealParameters seal, SecretValue sealingKey, SecretValue root, byte[] auditPublicKey, SecretValue auditScalar, ImmutableArray<WrappedKey> keys) =>
        new KeyTableDocument
        {
            Layout = KnownLayout,
            Seal = seal,
            Root = KeyWrap.WrapRoot(sealingKey, seal, root),
            AuditPublicKey = auditPublicKey,
            AuditPrivateKey = KeyWrap.WrapAuditKey(root, auditPublicKey, auditScalar),
            Mac = [],
        }.ToTable(root, revision, keys);

    /// <summary>The same seal and root key over other keys or another revision.</summary>
    public KeyTable ToTable(SecretValue root, long revision, ImmutableArray<WrappedKey> keys) =>
        new(revision, JsonSerializer.SerializeToUtf8Bytes(this with { Mac = ComputeMac(root, revision, keys) }, KeyTableJson.Default.KeyTableDocument), keys);

    /// <summary>The root key, once the whole table proved to be as this program wrote it; throws <see cref="SealIntegrityException"/>.</summary>
    public SecretValue OpenRoot(SecretValue sealingKey, KeyTable table)
    {
        SecretValue root = KeyWrap.UnwrapRoot(sealingKey, Seal, Root);
        if (CryptographicOperations.FixedTimeEquals(ComputeMac(root, table.Revision, table.Keys), Mac))
        {
            return root;
        }

        root.Dispose();
        throw Damaged(SealFailure.NotAuthentic);
    }

    public SecretValue OpenAuditScalar(SecretValue root) => KeyWrap.UnwrapAuditKey(root, AuditPublicKey, AuditPrivateKey);

    private static SealIntegrityException Damaged(SealFailure failure) => new(failure, "the key table");

    private byte[] ComputeMac(SecretValue root, long revision, ImmutableArray<WrappedKey> keys)
    {
        Span<byte> key = stackalloc byte[SHA256.HashSizeInBytes];
        RowWriter row = new();
        try
        {
            row.Write(Layout);
            row.Write(revision);
            Seal.Write(ref row);
            row.Write(Root);
            row.Write(AuditPublicKey);
            row.Write(AuditPrivateKey);
            row.Write(keys.Length);
            foreach (WrappedKey wrapped in keys)
            {
                row.Write((int)wrapped.KeyId);
                row.Write(wrapped.CreatedAt);
                row.Write(wrapped.Wrapped);
            }

            HKDF.DeriveKey(HashAlgorithmName.SHA256, root.Span, key, salt: [], info: "coffer/key-table"u8);
            return HMACSHA256.HashData(key, row.Written);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
            row.Dispose();
        }
    }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    AllowDuplicateProperties = false,
    RespectNullableAnnotations = true)]
[JsonSerializable(typeof(KeyTableDocument))]
internal sealed partial class KeyTableJson : JsonSerializerContext;
