using System.Collections.Immutable;
using Coffer.Core.Secrets;

namespace Coffer.Stores.Sqlite;

/// <summary>Writes of vaults and secrets, each in the transaction of its caller.</summary>
internal sealed partial class SqliteSecrets
{
    public async ValueTask MarkReadAsync(IReadOnlyCollection<(long SecretId, int Number, int Day)> reads, CancellationToken cancellationToken) =>
        await scope.WriteAsync(
            reads,
            static (session, reads) =>
            {
                foreach ((long secret, int number, int day) in reads)
                {
                    session.Execute(Sql.MarkSecretRead, day, secret);
                    session.Execute(Sql.MarkVersionRead, day, secret, number);
                }

                return reads.Count;
            },
            cancellationToken).ConfigureAwait(false);

    /// <summary>Inserts or replaces a vault; its row number, or null if name, number or an alias is taken.</summary>
    internal static long? Save(SqliteSession session, Vault vault)
    {
        session.Execute(Sql.Savepoint);
        long? id = SaveRow(session, vault);
        if (id is { } saved)
        {
            session.Execute(Sql.ClearVaultAliases, saved);
            foreach ((string dialect, string text) in vault.Aliases)
            {
                if (session.Execute(Sql.AddVaultAlias, dialect, text, saved) == 0)
                {
                    id = null;
                    break;
                }
            }
        }

        if (id is null)
        {
            session.Execute(Sql.RollbackToSavepoint);
        }

        session.Execute(Sql.ReleaseSavepoint);
        return id;
    }

    /// <summary>Removes an empty vault with the policies on it and its roles.</summary>
    internal static bool RemoveVault(SqliteSession session, long vaultId)
    {
        if (session.Number(Sql.HasSecrets, vaultId) != 0)
        {
            return false;
        }

        int access = session.Execute(Sql.RemoveVaultPolicies, vaultId) + session.Execute(Sql.RemoveVaultRoles, vaultId);
        if (access > 0)
        {
            session.Execute(Sql.MoveEpoch);
        }

        return session.Execute(Sql.RemoveVault, vaultId) > 0;
    }

    /// <summary>Writes one change; the head's row number, or null if the name is taken or the head is another one by now.</summary>
    internal static long? Save(SqliteSession session, SecretChange change)
    {
        Secret? before = change.Before?.Head;
        if (before is not null && !IsStill(session, before))
        {
            return null;
        }

        if (change.After is not { } after)
        {
            return Purge(session, before!);
        }

        long? saved = before is null ? Insert(session, after.Head) : Update(session, before, after.Head);
        if (saved is { } id)
        {
            SaveVersions(session, id, change);
            SaveLabels(session, id, change.Before?.Labels, after.Labels);
            SaveAttributes(session, id, change);
            SaveAnnotations(session, id, change);
        }

        return saved;
    }

    private static long? SaveRow(SqliteSession session, Vault v)
    {
        KeyValueSettings kv = v.KeyValue;
        if (v.Id != 0)
        {
            int changed = session.Execute(
                Sql.UpdateVault,
                v.Description, v.RetentionDays, v.PurgeProtection, v.Owner, (int)v.AzureAccess, kv.Version, kv.MaxVersions, kv.CasRequired, kv.DeleteVersionAfter,
                v.SettingsRevision, SqliteRows.Bytes(v.PolicyDigest), SqliteRows.Bytes(v.Mac), v.Project, (int)v.Stage, v.SeparateDuties, (int)v.Approvals,
                v.Id, v.Name.Value, v.Number.Value);
            return changed == 0 ? null : v.Id;
        }

        int inserted = session.Execute(
            Sql.InsertVault,
            v.Name.Value, v.Number.Value, v.Description, v.Created, v.RetentionDays, v.PurgeProtection, v.Owner, (int)v.AzureAccess, kv.Version, kv.MaxVersions,
            kv.CasRequired, kv.DeleteVersionAfter, v.SettingsRevision, SqliteRows.Bytes(v.PolicyDigest), SqliteRows.Bytes(v.Mac), v.Project, (int)v.Stage,
            v.SeparateDuties, (int)v.Approvals);
        return inserted == 0 ? null : session.LastRowId;
    }

    private static bool IsStill(SqliteSession session, Secret s) => session.Number(
        Sql.CheckHead, s.Id, s.Uid.ToBytes(), s.Changed, s.Revision, s.Highest, s.Current, s.Previous, s.VersionCount, SqliteRows.Bytes(s.Mac)) == 1;

    private static long? Insert(SqliteSession session, Secret s)
    {
        if (session.Number(Sql.HasVault, s.VaultId) == 0)
        {
            return null;
        }

        int wires = (int)WireExpression.For(s.Name);
        int inserted = session.Execute(
            Sql.InsertHead,
            s.Uid.ToBytes(), s.VaultId, s.Location, s.Name.Value, s.Name.Fold(), wires, s.Description, s.Created, s.Changed, s.Revision, s.Highest, s.Current,
            s.Previous, s.Oldest, s.VersionCount, s.DeletedAt, s.PurgeAt, s.Expires, SqliteRows.Day(s.LastReadDay), s.EverTagged, s.Rotation, s.PolicyLanguages,
            SqliteRows.Bytes(s.PolicyDigest), SqliteRows.Json(s.Tags), s.LabelCount, SqliteRows.Bytes(s.LabelDigest), SqliteRows.Bytes(s.Mac),
            s.RotationDue);
        if (inserted == 0)
        {
            return null;
        }

        long id = session.LastRowId;
        session.Execute(Sql.CountSecret, s.VaultId, s.Location, wires, 1);
        return id;
    }

    private static long? Update(SqliteSession session, Secret before, Secret s)
    {
        if (s.Uid != before.Uid || s.VaultId != before.VaultId || s.Name != before.Name || !string.Equals(s.Location, before.Location, StringComparison.Ordinal))
        {
            throw new ArgumentException("uid, vault, location and name of a secret never change");
        }

        session.Execute(
            Sql.UpdateHead,
            s.Description, s.Changed, s.Revision, s.Highest, s.Current, s.Previous, s.Oldest, s.VersionCount, s.DeletedAt, s.PurgeAt, s.Expires, s.EverTagged,
            s.Rotation, s.PolicyLanguages, SqliteRows.Bytes(s.PolicyDigest), SqliteRows.Json(s.Tags), s.LabelCount, SqliteRows.Bytes(s.LabelDigest),
            SqliteRows.Bytes(s.Mac), s.RotationDue, before.Id);
        return before.Id;
    }

    /// <summary>Zeroes the values and removes everything under the head, and the policies on it.</summary>
    private static long? Purge(SqliteSession session, Secret s)
    {
        session.Execute(Sql.ZeroValues, s.Id);
        session.Execute(Sql.RemoveHead, s.Id);
        Core.Access.Attachment attachment = Core.Access.Attachment.To(s.Uid);
        session.Execute(Sql.RemovePoliciesOn, (int)attachment.Kind, attachment.Id);
        session.Execute(Sql.CountSecret, s.VaultId, s.Location, (int)WireExpression.For(s.Name), -1);
        session.HasErased = true;
        return s.Id;
    }

    private static void SaveVersions(SqliteSession session, long id, SecretChange change)
    {
        foreach (int number in change.ErasedValues.Concat(change.RemovedVersions))
        {
            session.Execute(Sql.ZeroValue, id, number);
            session.Execute(Sql.RemoveValue, id, number);
            session.HasErased = true;
        }

        foreach (int number in change.RemovedVersions)
        {
            session.Execute(Sql.RemoveVersion, id, number);
            session.Execute(Sql.RemoveVersionAttributes, id, number);
            session.Execute(Sql.RemoveVersionAnnotations, id, number);
        }

        foreach (SecretVersion v in change.Versions)
        {
            session.Execute(
                Sql.SaveVersion,
                id, v.Number, v.Id.ToBytes(), v.Token?.Value, v.HasValue, (int)v.Kind, v.Size, SqliteRows.Bytes(v.Fingerprint), v.Created, v.Updated, v.Revision,
                v.DisabledAt, v.DestroyAt, v.DestroyedAt, v.NotBefore, v.Expires, v.ContentType, v.Wire, v.KeyName, v.CreatedBy, SqliteRows.Day(v.LastReadDay),
                SqliteRows.Bytes(v.Mac));
        }

        foreach ((int number, byte[] value) in change.Values)
        {
            session.Execute(Sql.SaveValue, id, number, value);
        }
    }

    private static void SaveLabels(
        SqliteSession session, long id, ImmutableSortedDictionary<VersionLabel, int>? before, ImmutableSortedDictionary<VersionLabel, int> after)
    {
        foreach (VersionLabel label in before?.Keys.Where(l => !after.ContainsKey(l)) ?? [])
        {
            session.Execute(Sql.RemoveLabel, id, label.Value);
        }

        foreach ((VersionLabel label, int number) in after)
        {
            if (before?.GetValueOrDefault(label) != number)
            {
                session.Execute(Sql.SaveLabel, id, label.Value, number);
            }
        }
    }

    private static void SaveAttributes(SqliteSession session, long id, SecretChange change)
    {
        // Tags are in the head; their rows are for the index, and follow it.
        long vault = change.After!.Head.VaultId;
        Save(change.Before?.Head.Tags.Select(Tag), change.After.Head.Tags.Select(Tag), key => change.Before?.Head.Tags.GetValueOrDefault(key.Key));
        Save(
            change.Before?.Attributes.Where(IsNoTag),
            change.After.Attributes.Where(IsNoTag),
            key => change.Before?.Attributes.GetValueOrDefault(key));

        static KeyValuePair<(int Number, AttributeSpace Space, string Key), string> Tag(KeyValuePair<string, string> tag) => new((0, AttributeSpace.Tag, tag.Key), tag.Value);

        static bool IsNoTag(KeyValuePair<(int Number, AttributeSpace Space, string Key), string> row) => row.Key.Space != AttributeSpace.Tag;

        void Save(
            IEnumerable<KeyValuePair<(int Number, AttributeSpace Space, string Key), string>>? before,
            IEnumerable<KeyValuePair<(int Number, AttributeSpace Space, string Key), string>> after,
            Func<(int Number, AttributeSpace Space, string Key), string?> old)
        {
            HashSet<(int, AttributeSpace, string)> kept = [];
            foreach (((int Number, AttributeSpace Space, string Key) key, string value) in after)
            {
                kept.Add(key);
                if (!string.Equals(old(key), value, StringComparison.Ordinal))
                {
                    session.Execute(Sql.SaveAttribute, id, key.Number, (int)key.Space, key.Key, value, vault);
                }
            }

            foreach (((int Number, AttributeSpace Space, string Key) key, _) in before ?? [])
            {
                if (!kept.Contains(key))
                {
                    session.Execute(Sql.RemoveAttribute, id, key.Number, (int)key.Space, key.Key);
                }
            }
        }
    }

    private static void SaveAnnotations(SqliteSession session, long id, SecretChange change)
    {
        foreach (((int Number, string Dialect) key, _) in change.Before?.Annotations ?? [])
        {
            if (!change.After!.Annotations.ContainsKey(key))
            {
                session.Execute(Sql.RemoveAnnotation, id, key.Number, key.Dialect);
            }
        }

        foreach (((int Number, string Dialect) key, string json) in change.After!.Annotations)
        {
            if (!string.Equals(change.Before?.Annotations.GetValueOrDefault(key), json, StringComparison.Ordinal))
            {
                session.Execute(Sql.SaveAnnotation, id, key.Number, key.Dialect, json);
            }
        }
    }
}
