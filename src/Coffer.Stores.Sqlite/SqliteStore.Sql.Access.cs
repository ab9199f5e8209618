using Coffer.Core.Access;

namespace Coffer.Stores.Sqlite;

/// <content>Statements over the rows that decide access, the audit bodies and the keys.</content>
internal sealed partial class Sql
{
    private const string Whole = "the rows that decide access are in memory, all of them";


    private const string Credential = """
        SELECT public_id, principal_id, kind, verifier, sealed, description, created, expires, uses_left, cidrs, last_used_day, policies, limits,
               parent, revision, policy_digest, mac, last_step
        FROM credentials
        """;

    private const string Policy = """
        SELECT policy_id, language, name, use, source, attached_kind, attached_id, created, created_by, revision, mac FROM policies
        """;

    public static Sql Epoch { get; } = new("SELECT epoch FROM access_epoch WHERE epoch_id = 1");

    public static Sql MoveEpoch { get; } = new("UPDATE access_epoch SET epoch = epoch + 1 WHERE epoch_id = 1");

    public static Sql Principals { get; } = new(
        "SELECT principal_id, name, kind, home, enabled, description, created, revision, annotations, policy_digest, mac FROM principals ORDER BY principal_id", scan: Whole);

    public static Sql Groups { get; } = new("SELECT group_id, name, created, revision, policy_digest, mac FROM groups ORDER BY group_id", scan: Whole);

    public static Sql Members { get; } = new("SELECT group_id, principal_id FROM members ORDER BY group_id, principal_id", scan: Whole);

    public static Sql Trusts { get; } = new(
        """
        SELECT trust_id, name, kind, issuer, audiences, claims, principal_id, principal_claim, new_group, max_seconds, settings, sealed, created, revision, mac
        FROM trusts ORDER BY trust_id
        """,
        scan: Whole);

    public static Sql Approvals { get; } = new(
        """
        SELECT request_id, kind, vault, names, requester_id, grant_source, subject_id, subject_group, reason, seconds, created, expires, state,
               decided_by, decided_at, valid_until, revision, mac
        FROM approvals ORDER BY request_id
        """,
        scan: Whole);

    public static Sql Roles { get; } = new("SELECT language, vault, name, permissions, mac FROM roles ORDER BY language, vault, name", scan: Whole);

    public static Sql Aliases { get; } = new("SELECT mount, name, principal_id, metadata, mac FROM aliases ORDER BY mount, name", scan: Whole);

    /// <summary>Policies on one kind of object: those on single secrets, which may be many, are never loaded together.</summary>
    public static Sql PoliciesOfKind { get; } = new(Policy + " WHERE attached_kind = $kind ORDER BY attached_id, language, name");

    public static Sql PoliciesOn { get; } = new(Policy + " WHERE attached_kind = $kind AND attached_id = $id ORDER BY language, name");

    public static Sql FindCredential { get; } = new(Credential + " WHERE public_id = $id");

    public static Sql FindCredentialByVerifier { get; } = new(Credential + " WHERE verifier = $verifier");

    public static Sql CredentialsOf { get; } = new(Credential + """
         WHERE principal_id = $principal AND (created, public_id) > (coalesce((SELECT created FROM credentials WHERE public_id = $after), $first), $after)
        ORDER BY created, public_id LIMIT $limit
        """);

    public static Sql Credentials { get; } = new(Credential + """
         WHERE (created, public_id) > (coalesce((SELECT created FROM credentials WHERE public_id = $after), $first), $after)
        ORDER BY created, public_id LIMIT $limit
        """);

    public static Sql UsesLeft { get; } = new("SELECT coalesce(uses_left, -1) FROM credentials WHERE public_id = $id");

    public static Sql TakeUse { get; } = new("UPDATE credentials SET uses_left = uses_left - 1 WHERE public_id = $id AND uses_left > 0");

    public static Sql TakeStep { get; } = new("UPDATE credentials SET last_step = $step WHERE public_id = $id AND last_step < $step");

    public static Sql MarkUsed { get; } = new("UPDATE credentials SET last_used_day = $day WHERE public_id = $id AND last_used_day < $day");

    public static Sql SavePrincipal { get; } = new("""
        INSERT INTO principals (principal_id, name, kind, home, enabled, description, created, revision, annotations, policy_digest, mac)
        VALUES ($id, $name, $kind, $home, $enabled, $description, $created, $revision, $annotations, $digest, $mac)
        ON CONFLICT (principal_id) DO UPDATE SET name = excluded.name, kind = excluded.kind, home = excluded.home, enabled = excluded.enabled,
            description = excluded.description, created = excluded.created, revision = excluded.revision, annotations = excluded.annotations,
            policy_digest = excluded.policy_digest, mac = excluded.mac
        """);

    public static Sql SaveGroup { get; } = new("""
        INSERT INTO groups (group_id, name, created, revision, policy_digest, mac) VALUES ($id, $name, $created, $revision, $digest, $mac)
        ON CONFLICT (group_id) DO UPDATE SET name = excluded.name, created = excluded.created, revision = excluded.revision,
            policy_digest = excluded.policy_digest, mac = excluded.mac
        """);

    public static Sql ClearMembers { get; } = new("DELETE FROM members WHERE group_id = $group");

    public static Sql AddMember { get; } = new("INSERT INTO members (group_id, principal_id) VALUES ($group, $principal)");

    public static Sql SaveCredential { get; } = new("""
        INSERT INTO credentials (public_id, principal_id, kind, verifier, sealed, description, created, expires, uses_left, cidrs, last_used_day,
                                 policies, limits, parent, revision, policy_digest, mac, last_step)
        VALUES ($id, $principal, $kind, $verifier, $sealed, $description, $created, $expires, $uses, $cidrs, $used, $policies, $limits, $parent,
                $revision, $digest, $mac, $step)
        ON CONFLICT (public_id) DO UPDATE SET principal_id = excluded.principal_id, kind = excluded.kind, verifier = excluded.verifier,
            sealed = excluded.sealed, description = excluded.description, created = excluded.created, expires = excluded.expires,
            cidrs = excluded.cidrs, policies = excluded.policies, limits = excluded.limits,
            parent = excluded.parent, revision = excluded.revision, policy_digest = excluded.policy_digest, mac = excluded.mac
        """);

    public static Sql SaveTrust { get; } = new("""
        INSERT INTO trusts (trust_id, name, kind, issuer, audiences, claims, principal_id, principal_claim, new_group, max_seconds, settings,
                            sealed, created, revision, mac)
        VALUES ($id, $name, $kind, $issuer, $audiences, $claims, $principal, $claim, $group, $seconds, $settings, $sealed, $created, $revision, $mac)
        ON CONFLICT (trust_id) DO UPDATE SET name = excluded.name, kind = excluded.kind, issuer = excluded.issuer, audiences = excluded.audiences,
            claims = excluded.claims, principal_id = excluded.principal_id, principal_claim = excluded.principal_claim,
            new_group = excluded.new_group, max_seconds = excluded.max_seconds, settings = excluded.settings, sealed = excluded.sealed,
            created = excluded.created, revision = excluded.revision, mac = excluded.mac
        """);

    public static Sql SavePolicy { get; } = new("""
        INSERT INTO policies (policy_id, language, name, use, source, attached_kind, attached_id, created, created_by, revision, mac)
        VALUES ($id, $language, $name, $use, $source, $kind, $attached, $created, $by, $revision, $mac)
        ON CONFLICT (policy_id) DO UPDATE SET language = excluded.language, name = excluded.name, use = excluded.use, source = excluded.source,
            attached_kind = excluded.attached_kind, attached_id = excluded.attached_id, created = excluded.created,
            created_by = excluded.created_by, revision = excluded.revision, mac = excluded.mac
        """);

    public static Sql SaveApproval { get; } = new("""
        INSERT INTO approvals (request_id, kind, vault, names, requester_id, grant_source, subject_id, subject_group, reason, seconds, created,
                               expires, state, decided_by, decided_at, valid_until, revision, mac)
        VALUES ($id, $kind, $vault, $names, $requester, $grant, $subject, $group, $reason, $seconds, $created, $expires, $state, $by, $at, $until,
                $revision, $mac)
        ON CONFLICT (request_id) DO UPDATE SET kind = excluded.kind, vault = excluded.vault, names = excluded.names,
            requester_id = excluded.requester_id, grant_source = excluded.grant_source, subject_id = excluded.subject_id,
            subject_group = excluded.subject_group, reason = excluded.reason, seconds = excluded.seconds, created = excluded.created,
            expires = excluded.expires, state = excluded.state, decided_by = excluded.decided_by, decided_at = excluded.decided_at,
            valid_until = excluded.valid_until, revision = excluded.revision, mac = excluded.mac
        """);

    public static Sql SaveRole { get; } = new("""
        INSERT INTO roles (language, vault, name, permissions, mac) VALUES ($language, $vault, $name, $permissions, $mac)
        ON CONFLICT (language, vault, name) DO UPDATE SET permissions = excluded.permissions, mac = excluded.mac
        """);

    public static Sql SaveAlias { get; } = new("""
        INSERT INTO aliases (mount, name, principal_id, metadata, mac) VALUES ($mount, $name, $principal, $metadata, $mac)
        ON CONFLICT (mount, name) DO UPDATE SET principal_id = excluded.principal_id, metadata = excluded.metadata, mac = excluded.mac
        """);

    public static Sql RemovePrincipal { get; } = new("DELETE FROM principals WHERE principal_id = $id");

    public static Sql RemoveGroup { get; } = new("DELETE FROM groups WHERE group_id = $id");

    public static Sql RemoveCredential { get; } = new("DELETE FROM credentials WHERE public_id = $id");

    public static Sql RemoveTrust { get; } = new("DELETE FROM trusts WHERE trust_id = $id");

    public static Sql RemoveAlias { get; } = new("DELETE FROM aliases WHERE mount = $mount AND name = $name");

    public static Sql RemoveApproval { get; } = new("DELETE FROM approvals WHERE request_id = $id");

    public static Sql RemovePolicy { get; } = new("DELETE FROM policies WHERE policy_id = $id");

    public static Sql RemovePoliciesOn { get; } = new("DELETE FROM policies WHERE attached_kind = $kind AND attached_id = $id");

    public static Sql RemovePoliciesOnCredentialsOf { get; } = new($"""
        DELETE FROM policies WHERE attached_kind = {(int)AttachmentKind.Credential}
        AND attached_id IN (SELECT public_id FROM credentials WHERE principal_id = $principal)
        """);

    public static Sql Pending { get; } = new("SELECT record_id, body FROM audit_pending WHERE seq > 0 ORDER BY seq LIMIT $limit");

    public static Sql AddPending { get; } = new("INSERT INTO audit_pending (record_id, body) VALUES ($id, $body)");

    public static Sql RemovePending { get; } = new("DELETE FROM audit_pending WHERE record_id = $id");

    public static Sql Checkpoint { get; } = new("SELECT body FROM audit_checkpoint WHERE checkpoint_id = 1");

    public static Sql SaveCheckpoint { get; } = new("""
        INSERT INTO audit_checkpoint (checkpoint_id, body) VALUES (1, $body) ON CONFLICT (checkpoint_id) DO UPDATE SET body = excluded.body
        """);

    public static Sql Seal { get; } = new("SELECT revision, seal FROM seal WHERE seal_id = 1");

    public static Sql SaveSeal { get; } = new("""
        INSERT INTO seal (seal_id, revision, seal) VALUES (1, $revision, $seal)
        ON CONFLICT (seal_id) DO UPDATE SET revision = excluded.revision, seal = excluded.seal
        """);

    public static Sql Keys { get; } = new("SELECT key_id, created, wrapped FROM keys ORDER BY key_id", scan: "the key table is loaded whole, at unsealing");

    public static Sql ClearKeys { get; } = new("DELETE FROM keys", scan: "the key table is replaced whole");

    public static Sql AddKey { get; } = new("INSERT INTO keys (key_id, created, wrapped) VALUES ($id, $created, $wrapped)");
}
