using System.Collections.Immutable;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;
using Coffer.Core.Stores;
using Microsoft.Data.Sqlite;

namespace Coffer.Stores.Sqlite;

/// <summary>Vaults and secrets: look-ups, each one query over keys.</summary>
internal sealed partial class SqliteSecrets(SqliteScope scope) : ISecretStore
{
    private const int HeadColumns = 27, VersionColumns = 21;

    public ValueTask<IReadOnlyList<Vault>> VaultsAsync(CancellationToken cancellationToken) =>
        scope.ReadTogether(0, static (session, _) => (IReadOnlyList<Vault>)ReadVaults(session), cancellationToken);

    public ValueTask<SecretRow?> FindCurrentAsync(long vaultId, string location, string name, CancellationToken cancellationToken) =>
        scope.Read(
            (vaultId, location, name),
            static (session, key) =>
            {
                using SqliteDataReader row = session.Query(Sql.FindCurrent, key.vaultId, key.location, key.name);
                if (!row.Read())
                {
                    return null;
                }

                SecretVersion? version = row.IsDBNull(HeadColumns) ? null : ReadVersion(row, HeadColumns);
                return new SecretRow(ReadHead(row), version, row.BlobOrEmpty(HeadColumns + VersionColumns));
            },
            cancellationToken);

    public ValueTask<Secret?> FindHeadAsync(long vaultId, string location, string name, CancellationToken cancellationToken) =>
        scope.Read((vaultId, location, name), static (session, key) => OneHead(session.Query(Sql.FindHead, key.vaultId, key.location, key.name)), cancellationToken);

    public ValueTask<Secret?> FindHeadAsync(SecretUid uid, CancellationToken cancellationToken) =>
        scope.Read(uid, static (session, uid) => OneHead(session.Query(Sql.FindHeadByUid, uid.ToBytes())), cancellationToken);

    public ValueTask<Secret?> FindFoldedAsync(long vaultId, string foldedName, CancellationToken cancellationToken) =>
        scope.Read((vaultId, foldedName), static (session, key) => OneHead(session.Query(Sql.FindFolded, key.vaultId, key.foldedName)), cancellationToken);

    public ValueTask<(SecretVersion Version, ReadOnlyMemory<byte> Sealed)?> FindVersionAsync(long secretId, int number, CancellationToken cancellationToken) =>
        scope.Read(
            (secretId, number),
            static (session, key) =>
            {
                using SqliteDataReader row = session.Query(Sql.FindVersion, key.secretId, key.number);
                return row.Read() ? (ReadVersion(row, 0), row.BlobOrEmpty(VersionColumns)) : ((SecretVersion, ReadOnlyMemory<byte>)?)null;
            },
            cancellationToken);

    public ValueTask<int> FindNumberAsync(long secretId, VersionId id, CancellationToken cancellationToken) =>
        scope.Read((secretId, id), static (session, key) => (int)(session.Number(Sql.FindNumberById, key.secretId, key.id.ToBytes()) ?? 0), cancellationToken);

    public ValueTask<int> FindNumberAsync(long secretId, RequestToken token, CancellationToken cancellationToken) =>
        scope.Read((secretId, token), static (session, key) => (int)(session.Number(Sql.FindNumberByToken, key.secretId, key.token.Value) ?? 0), cancellationToken);

    public ValueTask<IReadOnlyList<KeyValuePair<VersionLabel, int>>> LabelsAsync(long secretId, CancellationToken cancellationToken) =>
        scope.Read(secretId, static (session, secretId) => (IReadOnlyList<KeyValuePair<VersionLabel, int>>)Labels(session, secretId), cancellationToken);

    public ValueTask<IReadOnlyList<SecretVersion>> VersionsAsync(long secretId, int after, bool descending, int limit, CancellationToken cancellationToken) =>
        scope.Read(
            (secretId, after, descending, limit),
            static (session, key) =>
            {
                List<SecretVersion> versions = [];
                using SqliteDataReader row = session.Query(key.descending ? Sql.VersionsDown : Sql.VersionsUp, key.secretId, key.after, key.limit);
                while (row.Read())
                {
                    versions.Add(ReadVersion(row, 0));
                }

                return (IReadOnlyList<SecretVersion>)versions;
            },
            cancellationToken);

    public ValueTask<IReadOnlyList<SecretAttribute>> AttributesAsync(long secretId, CancellationToken cancellationToken) =>
        scope.Read(
            secretId,
            static (session, secretId) =>
            {
                List<SecretAttribute> attributes = [];
                using SqliteDataReader row = session.Query(Sql.Attributes, secretId);
                while (row.Read())
                {
                    attributes.Add(new(row.GetInt32(0), (AttributeSpace)row.GetInt32(1), row.GetString(2), row.GetString(3)));
                }

                return (IReadOnlyList<SecretAttribute>)attributes;
            },
            cancellationToken);

    public ValueTask<IReadOnlyList<SecretAnnotation>> AnnotationsAsync(long secretId, CancellationToken cancellationToken) =>
        scope.Read(secretId, static (session, secretId) => (IReadOnlyList<SecretAnnotation>)Annotations(session, secretId), cancellationToken);

    public ValueTask<long> CountAsync(long vaultId, CancellationToken cancellationToken) =>
        scope.Read(vaultId, static (session, vaultId) => session.Number(Sql.Count, vaultId) ?? 0, cancellationToken);

    private static Secret? OneHead(SqliteDataReader row)
    {
        using (row)
        {
            return row.Read() ? ReadHead(row) : null;
        }
    }

    private static List<Vault> ReadVaults(SqliteSession session)
    {
        Dictionary<long, ImmutableSortedDictionary<string, string>> aliases = [];
        using (SqliteDataReader row = session.Query(Sql.VaultAliases))
        {
            while (row.Read())
            {
                aliases[row.GetInt64(0)] = aliases.GetValueOrDefault(row.GetInt64(0), Secret.NoTags).SetItem(row.GetString(1), row.GetString(2));
            }
        }

        List<Vault> vaults = [];
        using SqliteDataReader vault = session.Query(Sql.Vaults);
        while (vault.Read())
        {
            vaults.Add(new()
            {
                Id = vault.GetInt64(0),
                Name = VaultName.Parse(vault.GetString(1)),
                Number = VaultNumber.From(vault.GetInt64(2)),
                Description = vault.GetString(3),
                Created = vault.GetInt64(4),
                RetentionDays = vault.GetInt32(5),
                PurgeProtection = vault.GetBoolean(6),
                Owner = vault.GetString(7),
                AzureAccess = (AzureAccess)vault.GetInt32(8),
                KeyValue = new(vault.GetInt32(9), vault.GetInt32(10), vault.GetBoolean(11), vault.GetInt64(12)),
                Aliases = aliases.GetValueOrDefault(vault.GetInt64(0), Secret.NoTags),
                SettingsRevision = vault.GetInt32(13),
                PolicyDigest = vault.Blob(14),
                Mac = vault.Blob(15),
                Project = vault.GetString(16),
                Stage = (VaultStage)vault.GetInt32(17),
                SeparateDuties = vault.GetBoolean(18),
                Approvals = (ApprovalNeeds)vault.GetInt32(19),
            });
        }

        return vaults;
    }

    /// <summary>The head from the first <see cref="HeadColumns"/> columns.</summary>
    private static Secret ReadHead(SqliteDataReader row) => new()
    {
        Id = row.GetInt64(0),
        Uid = SecretUid.From(Sixteen(row.Blob(1))),
        VaultId = row.GetInt64(2),
        Location = row.GetString(3),
        Name = SecretName.Parse(row.GetString(4)),
        Description = row.GetString(5),
        Created = row.GetInt64(6),
        Changed = row.GetInt64(7),
        Revision = row.GetInt32(8),
        Highest = row.GetInt32(9),
        Current = row.GetInt32(10),
        Previous = row.GetInt32(11),
        Oldest = row.GetInt32(12),
        VersionCount = row.GetInt32(13),
        DeletedAt = row.Time(14),
        PurgeAt = row.Time(15),
        Expires = row.Time(16),
        LastReadDay = row.Day(17),
        EverTagged = row.GetBoolean(18),
        Rotation = row.Text(19),
        PolicyLanguages = row.GetInt32(20),
        PolicyDigest = row.Blob(21),
        Tags = row.Pairs(22),
        LabelCount = row.GetInt32(23),
        LabelDigest = row.Blob(24),
        Mac = row.Blob(25),
        RotationDue = row.Time(26),
    };

    /// <summary>The version from the <see cref="VersionColumns"/> columns that begin at <paramref name="at"/>.</summary>
    private static SecretVersion ReadVersion(SqliteDataReader row, int at) => new()
    {
        Number = row.GetInt32(at),
        Id = VersionId.From(Sixteen(row.Blob(at + 1))),
        Token = row.Text(at + 2) is { } token ? RequestToken.Parse(token) : null,
        HasValue = row.GetBoolean(at + 3),
        Kind = (ValueKind)row.GetInt32(at + 4),
        Size = row.GetInt32(at + 5),
        Fingerprint = row.Blob(at + 6),
        Created = row.GetInt64(at + 7),
        Updated = row.GetInt64(at + 8),
        Revision = row.GetInt32(at + 9),
        DisabledAt = row.Time(at + 10),
        DestroyAt = row.Time(at + 11),
        DestroyedAt = row.Time(at + 12),
        NotBefore = row.Time(at + 13),
        Expires = row.Time(at + 14),
        ContentType = row.Text(at + 15),
        Wire = row.GetString(at + 16),
        KeyName = row.Text(at + 17),
        CreatedBy = row.GetString(at + 18),
        LastReadDay = row.Day(at + 19),
        Mac = row.Blob(at + 20),
    };

    private static byte[] Sixteen(byte[] bytes) => bytes.Length == 16 ? bytes : throw Error.Integrity("an identifier");
}
