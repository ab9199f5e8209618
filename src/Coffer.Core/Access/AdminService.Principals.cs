using System.Collections.Immutable;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;
using Coffer.Core.Stores;

namespace Coffer.Core.Access;

public sealed partial class AdminService
{
    /// <summary>Creates a principal. Errors: AccessDenied; AlreadyExists; NotFound (home vault).</summary>
    public ValueTask<Principal> CreatePrincipalAsync(Caller caller, PrincipalName name, PrincipalKind kind, VaultName? home, string description, CancellationToken cancellationToken) =>
        ChangeAsync(caller, Operation.Administer, null, name.Value, (snapshot, keys) =>
        {
            if (snapshot.PrincipalsByName.ContainsKey(name))
            {
                throw Error.AlreadyExists("principal", name.Value);
            }

            CheckHome(snapshot, home);
            SecretLimits.CheckDescription(description);
            Principal principal = Sign(keys, snapshot, new Principal
            {
                Id = Guid.NewGuid(),
                Name = name,
                Kind = kind,
                Home = home,
                Description = description,
                Created = _parts.Clock.Now(),
            });
            return (new AccessChange { Principals = [principal] }, principal);
        }, cancellationToken);

    /// <summary>Changes a principal; members left null stay. Disabling stops every credential of it in the very next request. Errors: AccessDenied; NotFound.</summary>
    public ValueTask<Principal> UpdatePrincipalAsync(Caller caller, PrincipalName name, bool? enabled, VaultName? home, string? description, CancellationToken cancellationToken) =>
        ChangeAsync(caller, Operation.Administer, null, name.Value, (snapshot, keys) =>
        {
            Principal before = Find(snapshot, name);
            CheckHome(snapshot, home);
            SecretLimits.CheckDescription(description ?? "");
            Principal principal = Sign(keys, snapshot, before with
            {
                Enabled = enabled ?? before.Enabled,
                Home = home ?? before.Home,
                Description = description ?? before.Description,
                Revision = before.Revision + 1,
            });
            return (new AccessChange { Principals = [principal] }, principal);
        }, cancellationToken);

    /// <summary>Removes a principal with its credentials, trusts, memberships and grants. Errors: AccessDenied; NotFound.</summary>
    public ValueTask<Principal> DeletePrincipalAsync(Caller caller, PrincipalName name, CancellationToken cancellationToken) =>
        ChangeAsync(caller, Operation.Administer, null, name.Value, (snapshot, keys) =>
        {
            Principal principal = Find(snapshot, name);
            IEnumerable<Group> groups = snapshot.GroupsOf.TryGetValue(principal.Id, out ImmutableArray<Group> own) ? own : [];
            return (new AccessChange
            {
                RemovedPrincipals = [principal.Id],
                RemovedPolicies = [.. PoliciesOn(snapshot, Attachment.ToPrincipal(principal.Id)).Select(p => p.Id)],
                Groups = [.. groups.Select(g => Sign(keys, snapshot, g with { Members = g.Members.Remove(principal.Id), Revision = g.Revision + 1 }))],
            }, principal);
        }, cancellationToken);

    /// <summary>All principals, by name. Errors: AccessDenied.</summary>
    public async ValueTask<ImmutableArray<Principal>> ListPrincipalsAsync(Caller caller, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        await AuthoriseAsync(caller, Operation.ReadPolicy, null, "principals").ConfigureAwait(false);
        return [.. Snapshot.Principals.Values.OrderBy(p => p.Name.Value, StringComparer.Ordinal)];
    }

    /// <summary>One principal with its groups. Errors: AccessDenied; NotFound.</summary>
    public async ValueTask<(Principal Principal, ImmutableArray<Group> Groups)> GetPrincipalAsync(Caller caller, PrincipalName name, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        await AuthoriseAsync(caller, Operation.ReadPolicy, null, name.Value).ConfigureAwait(false);
        AccessSnapshot snapshot = Snapshot;
        Principal principal = Find(snapshot, name);
        return (principal, snapshot.GroupsOf.TryGetValue(principal.Id, out ImmutableArray<Group> groups) ? groups : []);
    }

    /// <summary>Creates a group. Errors: AccessDenied; AlreadyExists.</summary>
    public ValueTask<Group> CreateGroupAsync(Caller caller, PrincipalName name, CancellationToken cancellationToken) =>
        ChangeAsync(caller, Operation.Administer, null, name.Value, (snapshot, keys) =>
        {
            if (snapshot.GroupsByName.ContainsKey(name))
            {
                throw Error.AlreadyExists("group", name.Value);
            }

            Group group = Sign(keys, snapshot, new Group { Id = Guid.NewGuid(), Name = name, Created = _parts.Clock.Now() });
            return (new AccessChange { Groups = [group] }, group);
        }, cancellationToken);

    /// <summary>Adds principals to a group and removes others. Errors: AccessDenied; NotFound; PreconditionFailed (what it holds takes a second person).</summary>
    public ValueTask<Group> EditGroupAsync(Caller caller, PrincipalName name, IReadOnlyCollection<PrincipalName> add, IReadOnlyCollection<PrincipalName> remove, CancellationToken cancellationToken) =>
        ChangeAsync(caller, Operation.Administer, null, name.Value, (snapshot, keys) =>
        {
            Group before = snapshot.GroupsByName.GetValueOrDefault(name) ?? throw Error.NotFound("group", name.Value);
            Principal[] added = [.. add.Select(p => Find(snapshot, p))];
            Principal[] removed = [.. remove.Select(p => Find(snapshot, p))];
            foreach (ParsedPolicy policy in snapshot.On(GrantLanguage.LanguageName, Attachment.ToGroup(before.Id)))
            {
                // Whoever joins holds what the group holds; whoever leaves is denied no more what it denies.
                if (GrantLanguage.GrantOf(policy) is { } held && (held.Allow ? added : removed).Length > 0)
                {
                    RefuseAlone(snapshot, held.Vault, "ask with: coffer request membership");
                }
            }

            return MembersChange(keys, snapshot, before, added, removed);
        }, cancellationToken);

    private static (AccessChange Change, Group Group) MembersChange(Sealing.Keyring keys, AccessSnapshot snapshot, Group before, Principal[] added, Principal[] removed)
    {
        Group group = Sign(keys, snapshot, before with
        {
            Members = before.Members.Union(added.Select(p => p.Id)).Except(removed.Select(p => p.Id)),
            Revision = before.Revision + 1,
        });
        IEnumerable<Principal> touched = added.Concat(removed).DistinctBy(p => p.Id).Select(p =>
        {
            IEnumerable<Guid> others = snapshot.GroupsOf.TryGetValue(p.Id, out ImmutableArray<Group> own) ? own.Where(g => g.Id != before.Id).Select(g => g.Id) : [];
            return Sign(keys, snapshot, p with { Revision = p.Revision + 1 }, groups: group.Members.Contains(p.Id) ? others.Append(before.Id) : others);
        });
        return (new AccessChange { Groups = [group], Principals = [.. touched] }, group);
    }

    /// <summary>Removes a group with its grants. Errors: AccessDenied; NotFound.</summary>
    public ValueTask<Group> DeleteGroupAsync(Caller caller, PrincipalName name, CancellationToken cancellationToken) =>
        ChangeAsync(caller, Operation.Administer, null, name.Value, (snapshot, keys) =>
        {
            Group group = snapshot.GroupsByName.GetValueOrDefault(name) ?? throw Error.NotFound("group", name.Value);
            IEnumerable<Principal> members = group.Members.Select(m => snapshot.Principals.GetValueOrDefault(m)).OfType<Principal>().Select(p =>
                Sign(keys, snapshot, p with { Revision = p.Revision + 1 }, groups: snapshot.GroupsOf[p.Id].Where(g => g.Id != group.Id).Select(g => g.Id)));
            return (new AccessChange
            {
                RemovedGroups = [group.Id],
                RemovedPolicies = [.. PoliciesOn(snapshot, Attachment.ToGroup(group.Id)).Select(p => p.Id)],
                Principals = [.. members],
            }, group);
        }, cancellationToken);

    /// <summary>All groups, by name. Errors: AccessDenied.</summary>
    public async ValueTask<ImmutableArray<Group>> ListGroupsAsync(Caller caller, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        await AuthoriseAsync(caller, Operation.ReadPolicy, null, "groups").ConfigureAwait(false);
        return [.. Snapshot.Groups.Values.OrderBy(g => g.Name.Value, StringComparer.Ordinal)];
    }

    private static void CheckHome(AccessSnapshot snapshot, VaultName? home)
    {
        if (home is { } vault && !snapshot.Vaults.ContainsKey(vault))
        {
            throw Error.NotFound("vault", vault.Value);
        }
    }
}
