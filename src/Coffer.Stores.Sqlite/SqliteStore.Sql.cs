using System.Text.RegularExpressions;
using Coffer.Core.Stores;

namespace Coffer.Stores.Sqlite;

/// <summary>
/// Every statement the store prepares, and nothing else can be prepared. Values are bound in the order in which the text
/// first names its parameters. No text is ever built from input.
/// </summary>
internal sealed partial class Sql
{
    private const string Head = """
        h.secret_id, h.uid, h.vault_id, h.location, h.name, h.description, h.created, h.changed, h.revision, h.highest, h.current, h.previous,
        h.oldest, h.version_count, h.deleted_at, h.purge_at, h.expires, h.last_read_day, h.ever_tagged, h.rotation, h.policy_languages,
        h.policy_digest, h.tags, h.label_count, h.label_digest, h.mac, h.rotation_due
        """;

    private const string Within = "h.vault_id = $vault AND h.location = $location AND h.wires = $wires";

    private const string Version = """
        v.number, v.id, v.token, v.has_value, v.kind, v.size, v.fingerprint, v.created, v.updated, v.revision, v.disabled_at, v.destroy_at,
        v.destroyed_at, v.not_before, v.expires, v.content_type, v.wire, v.key_name, v.created_by, v.last_read_day, v.mac
        """;

    private Sql(string text, int slots = 1, string? scan = null, string? sort = null)
    {
        Text = text;
        Slots = slots;
        ScanReason = scan;
        SortReason = sort;
        Parameters = [.. ParameterName().Matches(text).Select(m => m.Value).Distinct(StringComparer.Ordinal)];
        Index = Register.Statements.Count;
        Register.Statements.Add(this);
    }

    /// <summary>A stored member, so that whoever asks for it has every statement made.</summary>
    public static IReadOnlyList<Sql> All { get; } = Register.Statements;

    public int Index { get; }

    public string Text { get; }

    /// <summary>How many of it are open at once on one connection.</summary>
    public int Slots { get; }

    /// <summary>Why it may read a whole table, or null where it must not.</summary>
    public string? ScanReason { get; }

    /// <summary>Why it may sort by itself, or null where it must not.</summary>
    public string? SortReason { get; }

    public IReadOnlyList<string> Parameters { get; }

    public static Sql Begin { get; } = new("BEGIN");

    public static Sql BeginWrite { get; } = new("BEGIN IMMEDIATE");

    public static Sql Commit { get; } = new("COMMIT");

    public static Sql Rollback { get; } = new("ROLLBACK");

    public static Sql Savepoint { get; } = new("SAVEPOINT change");

    public static Sql ReleaseSavepoint { get; } = new("RELEASE change");

    public static Sql RollbackToSavepoint { get; } = new("ROLLBACK TO change");

    public static Sql TruncateLog { get; } = new("PRAGMA wal_checkpoint(TRUNCATE)");

    public static Sql Backup { get; } = new("VACUUM INTO $file");

    public static Sql Migrations { get; } = new("SELECT number, checksum FROM schema_migrations ORDER BY number", scan: "a few rows, read at start");

    public static Sql AddMigration { get; } = new("INSERT INTO schema_migrations (number, name, checksum, applied) VALUES ($number, $name, $checksum, $applied)");

    // Secrets: look-ups.
    public static Sql Vaults { get; } = new(
        """
        SELECT vault_id, name, number, description, created, retention_days, purge_protection, owner, azure_access, kv_version, max_versions,
               cas_required, delete_version_after, settings_revision, policy_digest, mac, project, stage, separate_duties, approvals
        FROM vaults ORDER BY name
        """,
        scan: "vaults are few and all of them are in memory");

    public static Sql VaultAliases { get; } = new("SELECT vault_id, dialect, text FROM vault_aliases", scan: "goes with the vaults");

    public static Sql FindCurrent { get; } = new($"""
        SELECT {Head}, {Version}, s.sealed
        FROM secrets h
        LEFT JOIN versions v ON v.secret_id = h.secret_id AND v.number = h.current
        LEFT JOIN sealed_values s ON s.secret_id = h.secret_id AND s.number = h.current
        WHERE h.vault_id = $vault AND h.location = $location AND h.name = $name
        """);

    public static Sql FindHead { get; } = new($"SELECT {Head} FROM secrets h WHERE h.vault_id = $vault AND h.location = $location AND h.name = $name");

    public static Sql FindHeadByUid { get; } = new($"SELECT {Head} FROM secrets h WHERE h.uid = $uid");

    public static Sql FindFolded { get; } = new($"""
        SELECT {Head} FROM secrets h WHERE h.vault_id = $vault AND h.location = '' AND h.name_folded = $folded ORDER BY h.created, h.secret_id LIMIT 1
        """);

    public static Sql FindVersion { get; } = new($"""
        SELECT {Version}, s.sealed
        FROM versions v LEFT JOIN sealed_values s ON s.secret_id = v.secret_id AND s.number = v.number
        WHERE v.secret_id = $secret AND v.number = $number
        """);

    public static Sql FindVersionAlone { get; } = new($"SELECT {Version} FROM versions v WHERE v.secret_id = $secret AND v.number = $number");

    public static Sql FindNumberById { get; } = new("SELECT number FROM versions WHERE secret_id = $secret AND id = $id");

    public static Sql FindNumberByToken { get; } = new("SELECT number FROM versions WHERE secret_id = $secret AND token = $token");

    public static Sql Labels { get; } = new("SELECT label, number FROM labels WHERE secret_id = $secret ORDER BY label");

    public static Sql VersionsUp { get; } = new($"SELECT {Version} FROM versions v WHERE v.secret_id = $secret AND v.number > $after ORDER BY v.number LIMIT $limit");

    public static Sql VersionsDown { get; } = new($"SELECT {Version} FROM versions v WHERE v.secret_id = $secret AND v.number < $after ORDER BY v.number DESC LIMIT $limit");

    public static Sql Attributes { get; } = new(
        $"SELECT number, space, key, value FROM attributes WHERE secret_id = $secret AND space <> {(int)Core.Secrets.AttributeSpace.Tag} ORDER BY number, space, key");

    public static Sql Annotations { get; } = new("SELECT number, dialect, json FROM annotations WHERE secret_id = $secret ORDER BY number, dialect");

    public static Sql FolderSeek { get; } = new(
        """
        SELECT name FROM secrets
        WHERE vault_id = $vault AND location = '' AND deleted_at IS NULL AND wires = $wires AND name >= $from AND name < $to
        ORDER BY name LIMIT 1
        """);

    public static Sql DueByPurge { get; } = new($"SELECT {Head} FROM secrets h WHERE h.purge_at <= $now ORDER BY h.purge_at, h.secret_id LIMIT $limit");

    public static Sql DueByExpiry { get; } = new($"SELECT {Head} FROM secrets h WHERE h.expires <= $now ORDER BY h.expires, h.secret_id LIMIT $limit");

    public static Sql DueByDestroy { get; } = new($"""
        SELECT {Head}
        FROM versions v JOIN secrets h ON h.secret_id = v.secret_id
        WHERE v.destroy_at <= $now AND v.destroyed_at IS NULL ORDER BY v.destroy_at, v.secret_id
        """);

    public static Sql DueByRotation { get; } = new($"SELECT {Head} FROM secrets h WHERE h.rotation_due <= $now ORDER BY h.rotation_due, h.secret_id LIMIT $limit");

    public static Sql Count { get; } = new("SELECT sum(secrets) FROM counters WHERE vault_id = $vault");

    /// <summary>Listings by filter (active, deleted), order and direction; one is open per set of wires that share it.</summary>
    private static Sql[] Lists { get; } = [.. AllLists()];

    private static Sql[] NarrowLists { get; } = [.. AllNarrowLists()];

    private static Sql[] Widths { get; } = [.. Filters.Select(f => new Sql($"SELECT 1 FROM secrets h INDEXED BY {f.Index} WHERE {Within} AND h.deleted_at {f.Deleted} AND h.name >= $from AND h.name < $to LIMIT 1 OFFSET $most"))];

    // Secrets: writes.
    public static Sql MarkSecretRead { get; } = new("UPDATE secrets SET last_read_day = $day WHERE secret_id = $secret AND last_read_day < $day");

    public static Sql MarkVersionRead { get; } = new("UPDATE versions SET last_read_day = $day WHERE secret_id = $secret AND number = $number AND last_read_day < $day");

    public static Sql InsertVault { get; } = new("""
        INSERT INTO vaults (name, number, description, created, retention_days, purge_protection, owner, azure_access, kv_version, max_versions,
                            cas_required, delete_version_after, settings_revision, policy_digest, mac, project, stage, separate_duties, approvals)
        VALUES ($name, $number, $description, $created, $retention, $protection, $owner, $azure, $kv, $max, $cas, $after, $revision, $digest, $mac,
                $project, $stage, $separate, $approvals)
        ON CONFLICT DO NOTHING
        """);

    public static Sql UpdateVault { get; } = new("""
        UPDATE vaults SET description = $description, retention_days = $retention, purge_protection = $protection, owner = $owner,
               azure_access = $azure, kv_version = $kv, max_versions = $max, cas_required = $cas, delete_version_after = $after,
               settings_revision = $revision, policy_digest = $digest, mac = $mac, project = $project, stage = $stage,
               separate_duties = $separate, approvals = $approvals
        WHERE vault_id = $vault AND name = $name AND number = $number
        """);

    public static Sql ClearVaultAliases { get; } = new("DELETE FROM vault_aliases WHERE vault_id = $vault");

    public static Sql AddVaultAlias { get; } = new("INSERT INTO vault_aliases (dialect, text, vault_id) VALUES ($dialect, $text, $vault) ON CONFLICT DO NOTHING");

    public static Sql RemoveVaultPolicies { get; } = new($"""
        DELETE FROM policies WHERE attached_kind = {(int)Core.Access.AttachmentKind.Vault}
        AND attached_id = (SELECT CAST(number AS TEXT) FROM vaults WHERE vault_id = $vault)
        """);

    public static Sql RemoveVaultRoles { get; } = new("DELETE FROM roles WHERE vault = (SELECT name FROM vaults WHERE vault_id = $vault)");

    public static Sql RemoveVault { get; } = new("DELETE FROM vaults WHERE vault_id = $vault");

    public static Sql HasSecrets { get; } = new("SELECT EXISTS (SELECT 1 FROM secrets WHERE vault_id = $vault)");

    public static Sql HasVault { get; } = new("SELECT EXISTS (SELECT 1 FROM vaults WHERE vault_id = $vault)");

    public static Sql InsertHead { get; } = new("""
        INSERT INTO secrets (uid, vault_id, location, name, name_folded, wires, description, created, changed, revision, highest, current, previous,
                             oldest, version_count, deleted_at, purge_at, expires, last_read_day, ever_tagged, rotation, policy_languages,
                             policy_digest, tags, label_count, label_digest, mac, rotation_due)
        VALUES ($uid, $vault, $location, $name, $folded, $wires, $description, $created, $changed, $revision, $highest, $current, $previous,
                $oldest, $count, $deleted, $purge, $expires, $read, $tagged, $rotation, $languages, $digest, $tags, $labels, $label_digest, $mac, $rotation_due)
        ON CONFLICT DO NOTHING
        """);

    public static Sql CheckHead { get; } = new("""
        SELECT 1 FROM secrets WHERE secret_id = $secret AND uid = $uid AND changed = $changed AND revision = $revision AND highest = $highest
        AND current = $current AND previous = $previous AND version_count = $count AND mac = $mac
        """);

    public static Sql UpdateHead { get; } = new("""
        UPDATE secrets SET description = $description, changed = $changed, revision = $revision, highest = $highest, current = $current,
               previous = $previous, oldest = $oldest, version_count = $count, deleted_at = $deleted, purge_at = $purge, expires = $expires,
               ever_tagged = $tagged, rotation = $rotation, policy_languages = $languages, policy_digest = $digest, tags = $tags,
               label_count = $labels, label_digest = $label_digest, mac = $mac, rotation_due = $rotation_due
        WHERE secret_id = $secret
        """);

    public static Sql RemoveHead { get; } = new("DELETE FROM secrets WHERE secret_id = $secret");

    public static Sql CountSecret { get; } = new("""
        INSERT INTO counters (vault_id, location, wires, secrets) VALUES ($vault, $location, $wires, $by)
        ON CONFLICT (vault_id, location, wires) DO UPDATE SET secrets = secrets + $by
        """);

    public static Sql SaveVersion { get; } = new("""
        INSERT INTO versions (secret_id, number, id, token, has_value, kind, size, fingerprint, created, updated, revision, disabled_at, destroy_at,
                              destroyed_at, not_before, expires, content_type, wire, key_name, created_by, last_read_day, mac)
        VALUES ($secret, $number, $id, $token, $has, $kind, $size, $fingerprint, $created, $updated, $revision, $disabled, $destroy, $destroyed,
                $not_before, $expires, $type, $wire, $key, $by, $read, $mac)
        ON CONFLICT (secret_id, number) DO UPDATE SET
            id = excluded.id, token = excluded.token, has_value = excluded.has_value, kind = excluded.kind, size = excluded.size,
            fingerprint = excluded.fingerprint, created = excluded.created, updated = excluded.updated, revision = excluded.revision,
            disabled_at = excluded.disabled_at, destroy_at = excluded.destroy_at, destroyed_at = excluded.destroyed_at,
            not_before = excluded.not_before, expires = excluded.expires, content_type = excluded.content_type, wire = excluded.wire,
            key_name = excluded.key_name, created_by = excluded.created_by, mac = excluded.mac
        """);

    public static Sql RemoveVersion { get; } = new("DELETE FROM versions WHERE secret_id = $secret AND number = $number");

    public static Sql RemoveVersionAttributes { get; } = new("DELETE FROM attributes WHERE secret_id = $secret AND number = $number");

    public static Sql RemoveVersionAnnotations { get; } = new("DELETE FROM annotations WHERE secret_id = $secret AND number = $number");

    public static Sql SaveValue { get; } = new("""
        INSERT INTO sealed_values (secret_id, number, sealed) VALUES ($secret, $number, $sealed)
        ON CONFLICT (secret_id, number) DO UPDATE SET sealed = excluded.sealed
        """);

    public static Sql ZeroValue { get; } = new("UPDATE sealed_values SET sealed = zeroblob(length(sealed)) WHERE secret_id = $secret AND number = $number");

    public static Sql ZeroValues { get; } = new("UPDATE sealed_values SET sealed = zeroblob(length(sealed)) WHERE secret_id = $secret");

    public static Sql RemoveValue { get; } = new("DELETE FROM sealed_values WHERE secret_id = $secret AND number = $number");

    public static Sql SaveLabel { get; } = new("""
        INSERT INTO labels (secret_id, label, number) VALUES ($secret, $label, $number) ON CONFLICT (secret_id, label) DO UPDATE SET number = excluded.number
        """);

    public static Sql RemoveLabel { get; } = new("DELETE FROM labels WHERE secret_id = $secret AND label = $label");

    public static Sql SaveAttribute { get; } = new("""
        INSERT INTO attributes (secret_id, number, space, key, value, vault_id) VALUES ($secret, $number, $space, $key, $value, $vault)
        ON CONFLICT (secret_id, number, space, key) DO UPDATE SET value = excluded.value
        """);

    public static Sql RemoveAttribute { get; } = new("DELETE FROM attributes WHERE secret_id = $secret AND number = $number AND space = $space AND key = $key");

    public static Sql SaveAnnotation { get; } = new("""
        INSERT INTO annotations (secret_id, number, dialect, json) VALUES ($secret, $number, $dialect, $json)
        ON CONFLICT (secret_id, number, dialect) DO UPDATE SET json = excluded.json
        """);

    public static Sql RemoveAnnotation { get; } = new("DELETE FROM annotations WHERE secret_id = $secret AND number = $number AND dialect = $dialect");

    /// <summary>The listing of one filter (not <see cref="SecretFilter.All"/>), order and direction, within one set of wires.</summary>
    public static Sql List(SecretFilter filter, SecretOrder order, bool descending) =>
        Lists[((filter == SecretFilter.Deleted ? 1 : 0) * 8) + (((int)order - 1) * 2) + (descending ? 1 : 0)];

    /// <summary>The same by the beginning of names where few names begin so: those are sorted, not all secrets looked through for them. Not for the order of names.</summary>
    public static Sql NarrowList(SecretFilter filter, SecretOrder order, bool descending) =>
        NarrowLists[((filter == SecretFilter.Deleted ? 1 : 0) * 6) + (((int)order - 1) * 2) + (descending ? 1 : 0)];

    /// <summary>A row where more names than <c>$most</c> are in a range; from the index alone.</summary>
    public static Sql IsWide(SecretFilter filter) => Widths[filter == SecretFilter.Deleted ? 1 : 0];

    private static IEnumerable<Sql> AllNarrowLists()
    {
        foreach ((string deleted, string index) in Filters)
        {
            foreach (string column in new[] { "created", "changed", "last_read_day" })
            {
                foreach (bool descending in new[] { false, true })
                {
                    string way = descending ? " DESC" : "", behind = descending ? "<" : ">";
                    yield return new($"""
                        SELECT {Head} FROM (
                            SELECT h.secret_id FROM secrets h INDEXED BY {index}
                            WHERE {Within} AND h.deleted_at {deleted} AND h.name >= $from AND h.name < $to AND (h.{column}, h.secret_id) {behind} ($number, $id)
                            ORDER BY h.{column}{way}, h.secret_id{way} LIMIT $limit) page
                        JOIN secrets h ON h.secret_id = page.secret_id ORDER BY h.{column}{way}, h.secret_id{way}
                        """, slots: Coffer.Core.Secrets.WireExpression.Masks.Length, scan: "the page itself", sort: "no more names than were counted before");
                }
            }
        }
    }

    private static IEnumerable<Sql> AllLists()
    {
        foreach ((string deleted, _) in Filters)
        {
            // In the order of SecretOrder. The plus keeps the planner from preferring the range of names to the order asked for.
            foreach (string? column in new[] { "created", "changed", "last_read_day", null })
            {
                foreach (bool descending in new[] { false, true })
                {
                    string way = descending ? " DESC" : "", behind = descending ? "<" : ">";
                    string range = column is null
                        ? "h.name >= $from AND h.name < $to ORDER BY h.name" + way
                        : $"+h.name >= $from AND +h.name < $to AND (h.{column}, h.secret_id) {behind} ($number, $id) ORDER BY h.{column}{way}, h.secret_id{way}";
                    yield return new($"""
                        SELECT {Head} FROM secrets h
                        WHERE {Within} AND h.deleted_at {deleted} AND {range} LIMIT $limit
                        """, slots: Coffer.Core.Secrets.WireExpression.Masks.Length);
                }
            }
        }
    }

    private static (string Deleted, string Index)[] Filters => [("IS NULL", "secrets_active_by_name"), ("IS NOT NULL", "secrets_deleted_by_name")];

    /// <summary>A class of its own, so that it is there before the first statement of either file.</summary>
    private static class Register
    {
        public static List<Sql> Statements { get; } = [];
    }

    [GeneratedRegex(@"\$[a-z_]+")]
    private static partial Regex ParameterName();
}
