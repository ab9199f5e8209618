using System.Collections.Immutable;
using System.Net;
using System.Text;
using System.Text.Json;
using Coffer.Core.Access;
using Coffer.Core.Secrets;
using Coffer.Core.Stores;
using Microsoft.Data.Sqlite;

namespace Coffer.Stores.Sqlite;

/// <summary>Principals, groups, credentials, trusts, policies, roles and aliases: reads, and the use of credentials.</summary>
internal sealed partial class SqliteAccess(SqliteScope scope) : IAccessStore
{
    private static readonly AttachmentKind[] LoadedKinds =
        [AttachmentKind.Server, AttachmentKind.Vault, AttachmentKind.Principal, AttachmentKind.Group, AttachmentKind.Credential];

    public ValueTask<AccessRows> LoadAsync(CancellationToken cancellationToken) =>
        scope.ReadTogether(
            0,
            static (session, _) => new AccessRows(
                session.Number(Sql.Epoch) ?? 0,
                Rows(session.Query(Sql.Principals), ReadPrincipal),
                ReadGroups(session),
                Rows(session.Query(Sql.Trusts), ReadTrust),
                [.. LoadedKinds.SelectMany(kind => Rows(session.Query(Sql.PoliciesOfKind, (int)kind), ReadPolicy))],
                Rows(session.Query(Sql.Roles), ReadRole),
                Rows(session.Query(Sql.Aliases), ReadAlias),
                Rows(session.Query(Sql.Approvals), ReadApproval)),
            cancellationToken);

    public ValueTask<Credential?> FindCredentialAsync(string publicId, CancellationToken cancellationToken) =>
        scope.Read(publicId, static (session, id) => One(session.Query(Sql.FindCredential, id)), cancellationToken);

    public ValueTask<Credential?> FindCredentialAsync(ReadOnlyMemory<byte> verifier, CancellationToken cancellationToken) =>
        scope.Read(
            verifier,
            static (session, verifier) => One(session.Query(Sql.FindCredentialByVerifier, SqliteRows.Bytes(verifier))),
            cancellationToken);

    public ValueTask<IReadOnlyList<Credential>> CredentialsAsync(Guid? principalId, string after, int limit, CancellationToken cancellationToken) =>
        scope.Read(
            (principalId, after, limit),
            static (session, key) => (IReadOnlyList<Credential>)Rows(
                key.principalId is { } principal
                    ? session.Query(Sql.CredentialsOf, SqliteRows.Bytes(principal), key.after, long.MinValue, key.limit)
                    : session.Query(Sql.Credentials, key.after, long.MinValue, key.limit),
                ReadCredential),
            cancellationToken);

    public async ValueTask<bool> TakeUseAsync(string publicId, CancellationToken cancellationToken)
    {
        // Most credentials count no uses and cost no write.
        long? left = await scope.Read(publicId, static (session, id) => session.Number(Sql.UsesLeft, id), cancellationToken).ConfigureAwait(false);
        return left is < 0 || (left > 0 && await scope.WriteAsync(publicId, static (session, id) => session.Execute(Sql.TakeUse, id) > 0, cancellationToken).ConfigureAwait(false));
    }

    public async ValueTask<bool> TakeStepAsync(string publicId, long step, CancellationToken cancellationToken) =>
        await scope.WriteAsync((publicId, step), static (session, key) => session.Execute(Sql.TakeStep, key.step, key.publicId) > 0, cancellationToken).ConfigureAwait(false);

    public async ValueTask MarkUsedAsync(IReadOnlyCollection<(string PublicId, int Day)> uses, CancellationToken cancellationToken) =>
        await scope.WriteAsync(
            uses,
            static (session, uses) =>
            {
                foreach ((string id, int day) in uses)
                {
                    session.Execute(Sql.MarkUsed, day, id);
                }

                return uses.Count;
            },
            cancellationToken).ConfigureAwait(false);

    public ValueTask<IReadOnlyList<Policy>> PoliciesAsync(Attachment attachment, CancellationToken cancellationToken) =>
        scope.Read(attachment, static (session, on) => (IReadOnlyList<Policy>)Rows(session.Query(Sql.PoliciesOn, (int)on.Kind, on.Id), ReadPolicy), cancellationToken);

    private static Credential? One(SqliteDataReader row)
    {
        using (row)
        {
            return row.Read() ? ReadCredential(row) : null;
        }
    }

    private static List<T> Rows<T>(SqliteDataReader row, Func<SqliteDataReader, T> read)
    {
        using (row)
        {
            List<T> rows = [];
            while (row.Read())
            {
                rows.Add(read(row));
            }

            return rows;
        }
    }

    private static Principal ReadPrincipal(SqliteDataReader row) => new()
    {
        Id = row.Id(0),
        Name = PrincipalName.Parse(row.GetString(1)),
        Kind = (PrincipalKind)row.GetInt32(2),
        Home = row.Text(3) is { } home ? VaultName.Parse(home) : null,
        Enabled = row.GetBoolean(4),
        Description = row.GetString(5),
        Created = row.GetInt64(6),
        Revision = row.GetInt32(7),
        Annotations = row.Pairs(8),
        PolicyDigest = row.Blob(9),
        Mac = row.Blob(10),
    };

    private static List<Group> ReadGroups(SqliteSession session)
    {
        ILookup<Guid, Guid> members = Rows(session.Query(Sql.Members), static row => (Group: row.Id(0), Principal: row.Id(1))).ToLookup(m => m.Group, m => m.Principal);
        return Rows(session.Query(Sql.Groups), row => new Group
        {
            Id = row.Id(0),
            Name = PrincipalName.Parse(row.GetString(1)),
            Members = [.. members[row.Id(0)]],
            Created = row.GetInt64(2),
            Revision = row.GetInt32(3),
            PolicyDigest = row.Blob(4),
            Mac = row.Blob(5),
        });
    }

    private static Credential ReadCredential(SqliteDataReader row) => new()
    {
        PublicId = row.GetString(0),
        PrincipalId = row.IsDBNull(1) ? null : row.Id(1),
        Kind = (CredentialKind)row.GetInt32(2),
        Verifier = row.BlobOrEmpty(3),
        Sealed = row.Blob(4),
        Description = row.GetString(5),
        Created = row.GetInt64(6),
        Expires = row.Time(7),
        UsesLeft = row.IsDBNull(8) ? null : row.GetInt32(8),
        Cidrs = [.. row.Texts(9).Select(IPNetwork.Parse)],
        LastUsedDay = row.Day(10),
        Policies = row.Texts(11),
        Limits = ReadLimits(row.Text(12)),
        Parent = row.Text(13),
        Revision = row.GetInt32(14),
        PolicyDigest = row.Blob(15),
        Mac = row.Blob(16),
        LastStep = row.GetInt64(17) is >= 0 and var step ? step : null,
    };

    private static Trust ReadTrust(SqliteDataReader row) => new()
    {
        Id = row.Id(0),
        Name = PrincipalName.Parse(row.GetString(1)),
        Kind = (TrustKind)row.GetInt32(2),
        Issuer = row.GetString(3),
        Audiences = row.Texts(4),
        Claims = row.Pairs(5),
        PrincipalId = row.IsDBNull(6) ? null : row.Id(6),
        PrincipalClaim = row.Text(7),
        NewGroup = row.IsDBNull(8) ? null : row.Id(8),
        MaxSeconds = row.GetInt32(9),
        Settings = row.GetString(10),
        Sealed = row.Blob(11),
        Created = row.GetInt64(12),
        Revision = row.GetInt32(13),
        Mac = row.Blob(14),
    };

    private static ApprovalRequest ReadApproval(SqliteDataReader row) => new()
    {
        Id = row.GetString(0),
        Kind = (ApprovalKind)row.GetInt32(1),
        Vault = VaultName.Parse(row.GetString(2)),
        Names = row.GetString(3),
        RequesterId = row.Id(4),
        Grant = row.GetString(5),
        SubjectId = row.Id(6),
        SubjectIsGroup = row.GetBoolean(7),
        Reason = row.GetString(8),
        Seconds = row.GetInt64(9),
        Created = row.GetInt64(10),
        Expires = row.GetInt64(11),
        State = (ApprovalState)row.GetInt32(12),
        DecidedBy = row.IsDBNull(13) ? null : row.Id(13),
        DecidedAt = row.IsDBNull(14) ? null : row.GetInt64(14),
        ValidUntil = row.IsDBNull(15) ? null : row.GetInt64(15),
        Revision = row.GetInt32(16),
        Mac = row.Blob(17),
    };

    private static Policy ReadPolicy(SqliteDataReader row) => new()
    {
        Id = row.Id(0),
        Language = row.GetString(1),
        Name = row.GetString(2),
        Use = (PolicyUse)row.GetInt32(3),
        Source = row.GetString(4),
        AttachedTo = new((AttachmentKind)row.GetInt32(5), row.GetString(6)),
        Created = row.GetInt64(7),
        CreatedBy = row.GetString(8),
        Revision = row.GetInt32(9),
        Mac = row.Blob(10),
    };

    private static Role ReadRole(SqliteDataReader row) =>
        new(row.GetString(0), row.GetString(1) is { Length: > 0 } vault ? VaultName.Parse(vault) : null, row.GetString(2), row.Texts(3)) { Mac = row.Blob(4) };

    private static PrincipalAlias ReadAlias(SqliteDataReader row) => new(row.GetString(0), row.GetString(1), row.Id(2), row.Pairs(3)) { Mac = row.Blob(4) };

    /// <summary>[["language", "source", "source"], …]</summary>
    private static string? LimitsJson(ImmutableArray<PolicySet> limits) => limits.IsDefaultOrEmpty ? null : SqliteRows.Written(limits, static (json, limits) =>
    {
        json.WriteStartArray();
        foreach (PolicySet limit in limits)
        {
            SqliteRows.WriteTexts(json, limit.Sources.Insert(0, limit.Language));
        }

        json.WriteEndArray();
    });

    private static ImmutableArray<PolicySet> ReadLimits(string? text)
    {
        if (text is null)
        {
            return [];
        }

        Utf8JsonReader json = new(Encoding.UTF8.GetBytes(text));
        SqliteRows.Expect(ref json, JsonTokenType.StartArray);
        ImmutableArray<PolicySet>.Builder limits = ImmutableArray.CreateBuilder<PolicySet>();
        while (json.Read() && json.TokenType == JsonTokenType.StartArray)
        {
            ImmutableArray<string> texts = SqliteRows.ReadTexts(ref json);
            limits.Add(texts.IsEmpty ? throw SqliteRows.Spoilt() : new(texts[0], texts.RemoveAt(0)));
        }

        return json.TokenType == JsonTokenType.EndArray ? limits.ToImmutable() : throw SqliteRows.Spoilt();
    }
}
