using System.Collections.Immutable;
using Coffer.Core.Errors;
using Coffer.Core.Sealing;
using Coffer.Core.Secrets;
using Coffer.Core.Stores;

namespace Coffer.Core.Access;

/// <summary>A grant with what it hangs on.</summary>
/// <param name="Id">Its name, unique: <c>g-</c> and eight characters.</param>
/// <param name="Subject">Name of the principal or group.</param>
/// <param name="IsGroup">Whether the subject is a group.</param>
/// <param name="Grant">What it says.</param>
/// <param name="Policy">The stored policy.</param>
public sealed record GrantEntry(string Id, PrincipalName Subject, bool IsGroup, Grant Grant, Policy Policy);

public sealed partial class AdminService
{
    /// <summary>
    /// Grants (or denies) to a principal or group. On one vault its administrators may; on all, the server's. Errors:
    /// AccessDenied; NotFound (subject or vault); InvalidRequest; InvalidName;
    /// PreconditionFailed (grants there take a second person).
    /// </summary>
    public ValueTask<GrantEntry> CreateGrantAsync(Caller caller, PrincipalName subject, bool isGroup, Grant grant, CancellationToken cancellationToken) =>
        ChangeAsync(caller, Operation.WritePolicy, grant.Vault, subject.Value, (snapshot, keys) =>
        {
            CheckHome(snapshot, grant.Vault);
            if (grant.Allow)
            {
                RefuseAlone(snapshot, grant.Vault, "ask with: coffer request grant, vault by vault");
            }

            return GrantChange(snapshot, keys, subject, isGroup, grant, caller.Principal.Name.Value);
        }, cancellationToken);

    /// <summary>The rows of a new grant.</summary>
    private (AccessChange Change, GrantEntry Entry) GrantChange(AccessSnapshot snapshot, Keyring keys, PrincipalName subject, bool isGroup, Grant grant, string by)
    {
        Group? group = isGroup ? snapshot.GroupsByName.GetValueOrDefault(subject) ?? throw Error.NotFound("group", subject.Value) : null;
        Principal? principal = isGroup ? null : Find(snapshot, subject);
        // Read back from its own text: what is stored is what will be judged.
        string source = grant.ToSource();
        Grant judged = Grant.Parse(source);
        Policy policy = RowMacs.Sign(keys, new Policy
        {
            Id = Guid.NewGuid(),
            Language = GrantLanguage.LanguageName,
            Name = Draw("g-", 8),
            Use = PolicyUse.Identity,
            Source = source,
            AttachedTo = group is null ? Attachment.ToPrincipal(principal!.Id) : Attachment.ToGroup(group.Id),
            Created = _parts.Clock.Now(),
            CreatedBy = by,
        });
        IEnumerable<Policy> all = PoliciesOn(snapshot, policy.AttachedTo).Append(policy);
        AccessChange change = group is null
            ? new() { Policies = [policy], Principals = [Sign(keys, snapshot, principal! with { Revision = principal.Revision + 1 }, all)] }
            : new() { Policies = [policy], Groups = [Sign(keys, snapshot, group with { Revision = group.Revision + 1 }, all)] };
        return (change, new GrantEntry(policy.Name, subject, isGroup, judged, policy));
    }

    /// <summary>Takes a grant back; it is out of force in the very next request. Errors: AccessDenied; NotFound.</summary>
    public ValueTask<GrantEntry> DeleteGrantAsync(Caller caller, string id, CancellationToken cancellationToken)
    {
        // Which vault it is on decides who may; a grant that does not exist asks for the server.
        GrantEntry? known = Grants(Snapshot).FirstOrDefault(g => string.Equals(g.Id, id, StringComparison.Ordinal));
        return ChangeAsync(caller, Operation.WritePolicy, known?.Grant.Vault, known?.Subject.Value, (snapshot, keys) =>
        {
            GrantEntry entry = Grants(snapshot).FirstOrDefault(g => string.Equals(g.Id, id, StringComparison.Ordinal) && g.Grant.Vault == known?.Grant.Vault)
                ?? throw Error.NotFound("grant");
            if (!entry.Grant.Allow)
            {
                RefuseAlone(snapshot, entry.Grant.Vault, "a deny is taken back only where grants do not");
            }

            IEnumerable<Policy> rest = PoliciesOn(snapshot, entry.Policy.AttachedTo).Where(p => p.Id != entry.Policy.Id);
            AccessChange change = entry.IsGroup
                ? new() { RemovedPolicies = [entry.Policy.Id], Groups = [Sign(keys, snapshot, snapshot.GroupsByName[entry.Subject] is var g ? g with { Revision = g.Revision + 1 } : g, rest)] }
                : new() { RemovedPolicies = [entry.Policy.Id], Principals = [Sign(keys, snapshot, snapshot.PrincipalsByName[entry.Subject] is var p ? p with { Revision = p.Revision + 1 } : p, rest)] };
            return (change, entry);
        }, cancellationToken);
    }

    /// <summary>
    /// Grants on one vault, or (null) all of them, by id. Errors: AccessDenied; NotFound.
    /// </summary>
    public async ValueTask<ImmutableArray<GrantEntry>> ListGrantsAsync(Caller caller, VaultName? vault, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        await AuthoriseAsync(caller, Operation.ReadPolicy, vault, "grants").ConfigureAwait(false);
        CheckHome(Snapshot, vault);
        return [.. Grants(Snapshot).Where(g => vault is null || g.Grant.Vault == vault || g.Grant.Vault is null).OrderBy(g => g.Policy.Created).ThenBy(g => g.Id, StringComparer.Ordinal)];
    }

    private static IEnumerable<GrantEntry> Grants(AccessSnapshot snapshot)
    {
        foreach (ParsedPolicy parsed in snapshot.Parsed.Values)
        {
            if (GrantLanguage.GrantOf(parsed) is not { } grant)
            {
                continue;
            }

            Policy policy = parsed.Policy;
            bool isGroup = policy.AttachedTo.Kind == AttachmentKind.Group;
            PrincipalName? subject = !Guid.TryParse(policy.AttachedTo.Id, out Guid id) ? null
                : isGroup ? snapshot.Groups.GetValueOrDefault(id)?.Name : snapshot.Principals.GetValueOrDefault(id)?.Name;
            if (subject is { } name)
            {
                yield return new(policy.Name, name, isGroup, grant, policy);
            }
        }
    }
}
