using Coffer.Core.Access;
using Coffer.Core.Stores;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Coffer.Stores.Sqlite;

/// <summary>Writes of the rows that decide access: removals first, then rows in the order in which they refer to one another.</summary>
internal sealed partial class SqliteAccess
{
    /// <summary>All of the change, or nothing and false where a unique name is taken or a row names a principal that is not there.</summary>
    internal static bool Save(SqliteSession session, AccessChange change)
    {
        session.Execute(Sql.Savepoint);
        try
        {
            Remove(session, change);
            Write(session, change);
            session.Execute(Sql.MoveEpoch);
        }
        catch (SqliteException taken) when (taken.SqliteExtendedErrorCode is raw.SQLITE_CONSTRAINT_UNIQUE or raw.SQLITE_CONSTRAINT_PRIMARYKEY or raw.SQLITE_CONSTRAINT_FOREIGNKEY)
        {
            session.Execute(Sql.RollbackToSavepoint);
            session.Execute(Sql.ReleaseSavepoint);
            return false;
        }

        session.Execute(Sql.ReleaseSavepoint);
        return true;
    }

    private static void Remove(SqliteSession session, AccessChange change)
    {
        // Credentials, memberships, trusts and aliases go with their principal by foreign key; policies hang on text.
        foreach (Guid id in change.RemovedPrincipals)
        {
            session.Execute(Sql.RemovePoliciesOnCredentialsOf, SqliteRows.Bytes(id));
            RemovePoliciesOn(session, Attachment.ToPrincipal(id));
            session.Execute(Sql.RemovePrincipal, SqliteRows.Bytes(id));
        }

        foreach (Guid id in change.RemovedGroups)
        {
            RemovePoliciesOn(session, Attachment.ToGroup(id));
            session.Execute(Sql.RemoveGroup, SqliteRows.Bytes(id));
        }

        foreach (string id in change.RemovedCredentials)
        {
            RemovePoliciesOn(session, Attachment.ToCredential(id));
            session.Execute(Sql.RemoveCredential, id);
        }

        foreach (Guid id in change.RemovedTrusts)
        {
            session.Execute(Sql.RemoveTrust, SqliteRows.Bytes(id));
        }

        foreach ((string mount, string name) in change.RemovedAliases)
        {
            session.Execute(Sql.RemoveAlias, mount, name);
        }

        foreach (string id in change.RemovedApprovals)
        {
            session.Execute(Sql.RemoveApproval, id);
        }

        foreach (Guid id in change.RemovedPolicies)
        {
            session.Execute(Sql.RemovePolicy, SqliteRows.Bytes(id));
        }
    }

    private static void Write(SqliteSession session, AccessChange change)
    {
        foreach (Principal p in change.Principals)
        {
            session.Execute(
                Sql.SavePrincipal,
                SqliteRows.Bytes(p.Id), p.Name.Value, (int)p.Kind, p.Home?.Value, p.Enabled, p.Description, p.Created, p.Revision, SqliteRows.Json(p.Annotations),
                SqliteRows.Bytes(p.PolicyDigest), SqliteRows.Bytes(p.Mac));
        }

        foreach (Group g in change.Groups)
        {
            byte[] id = SqliteRows.Bytes(g.Id);
            session.Execute(Sql.SaveGroup, id, g.Name.Value, g.Created, g.Revision, SqliteRows.Bytes(g.PolicyDigest), SqliteRows.Bytes(g.Mac));
            session.Execute(Sql.ClearMembers, id);
            foreach (Guid member in g.Members)
            {
                session.Execute(Sql.AddMember, id, SqliteRows.Bytes(member));
            }
        }

        foreach (Credential c in change.Credentials)
        {
            session.Execute(
                Sql.SaveCredential,
                c.PublicId, c.PrincipalId is { } principal ? SqliteRows.Bytes(principal) : null, (int)c.Kind, SqliteRows.BytesOrNull(c.Verifier),
                SqliteRows.Bytes(c.Sealed), c.Description, c.Created, c.Expires, c.UsesLeft, SqliteRows.Json([.. c.Cidrs.Select(n => n.ToString())]),
                SqliteRows.Day(c.LastUsedDay), SqliteRows.Json(c.Policies), LimitsJson(c.Limits), c.Parent, c.Revision, SqliteRows.Bytes(c.PolicyDigest),
                SqliteRows.Bytes(c.Mac), c.LastStep ?? -1);
        }

        foreach (Trust t in change.Trusts)
        {
            session.Execute(
                Sql.SaveTrust,
                SqliteRows.Bytes(t.Id), t.Name.Value, (int)t.Kind, t.Issuer, SqliteRows.Json(t.Audiences), SqliteRows.Json(t.Claims), IdOrNull(t.PrincipalId),
                t.PrincipalClaim, IdOrNull(t.NewGroup), t.MaxSeconds, t.Settings, SqliteRows.Bytes(t.Sealed), t.Created, t.Revision, SqliteRows.Bytes(t.Mac));
        }

        foreach (Policy p in change.Policies)
        {
            session.Execute(
                Sql.SavePolicy,
                SqliteRows.Bytes(p.Id), p.Language, p.Name, (int)p.Use, p.Source, (int)p.AttachedTo.Kind, p.AttachedTo.Id, p.Created, p.CreatedBy, p.Revision,
                SqliteRows.Bytes(p.Mac));
        }

        foreach (ApprovalRequest a in change.Approvals)
        {
            session.Execute(
                Sql.SaveApproval,
                a.Id, (int)a.Kind, a.Vault.Value, a.Names, SqliteRows.Bytes(a.RequesterId), a.Grant, SqliteRows.Bytes(a.SubjectId), a.SubjectIsGroup, a.Reason,
                a.Seconds, a.Created, a.Expires, (int)a.State, IdOrNull(a.DecidedBy), a.DecidedAt, a.ValidUntil, a.Revision, SqliteRows.Bytes(a.Mac));
        }

        foreach (Role r in change.Roles)
        {
            session.Execute(Sql.SaveRole, r.Language, r.Vault?.Value ?? "", r.Name, SqliteRows.Json(r.Permissions), SqliteRows.Bytes(r.Mac));
        }

        foreach (PrincipalAlias a in change.Aliases)
        {
            session.Execute(Sql.SaveAlias, a.Mount, a.Name, SqliteRows.Bytes(a.PrincipalId), SqliteRows.Json(a.Metadata), SqliteRows.Bytes(a.Mac));
        }
    }

    private static byte[]? IdOrNull(Guid? id) => id is { } known ? SqliteRows.Bytes(known) : null;

    private static void RemovePoliciesOn(SqliteSession session, Attachment attachment) =>
        session.Execute(Sql.RemovePoliciesOn, (int)attachment.Kind, attachment.Id);
}
