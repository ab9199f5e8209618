using System.Collections.Immutable;
using Coffer.Core.Access;
using Coffer.Core.Stores;

namespace Coffer.Testing;

public sealed partial class InMemoryStore
{
    private static (State, object?) Save(State before, AccessChange change)
    {
        State state = Remove(before, change);
        state = state with
        {
            Epoch = before.Epoch + 1,
            Principals = state.Principals.SetItems(change.Principals.Select(p => KeyValuePair.Create(p.Id, p))),
            Groups = state.Groups.SetItems(change.Groups.Select(g => KeyValuePair.Create(g.Id, g))),
            Credentials = state.Credentials.SetItems(change.Credentials.Select(c => KeyValuePair.Create(c.PublicId, Kept(state, c)))),
            Trusts = state.Trusts.SetItems(change.Trusts.Select(t => KeyValuePair.Create(t.Id, t))),
            Policies = state.Policies.SetItems(change.Policies.Select(p => KeyValuePair.Create(p.Id, p))),
            Roles = state.Roles.SetItems(change.Roles.Select(r => KeyValuePair.Create((r.Language, r.Vault?.Value ?? "", r.Name), r))),
            Approvals = state.Approvals.SetItems(change.Approvals.Select(a => KeyValuePair.Create(a.Id, a))),
            Aliases = state.Aliases.SetItems(change.Aliases.Select(a => KeyValuePair.Create((a.Mount, a.Name), a))),
        };
        return IsSound(state) ? (state, true) : (before, false);
    }

    private static State Remove(State state, AccessChange change)
    {
        HashSet<Guid> principals = [.. change.RemovedPrincipals], groups = [.. change.RemovedGroups];
        HashSet<string> credentials = [.. change.RemovedCredentials, .. state.Credentials.Values.Where(c => c.PrincipalId is { } p && principals.Contains(p)).Select(c => c.PublicId)];
        HashSet<Attachment> gone =
        [
            .. principals.Select(Attachment.ToPrincipal), .. groups.Select(Attachment.ToGroup), .. credentials.Select(Attachment.ToCredential),
        ];
        return state with
        {
            Principals = state.Principals.RemoveRange(principals),
            Groups = state.Groups.RemoveRange(groups).ToImmutableSortedDictionary(g => g.Key, g => g.Value with { Members = g.Value.Members.Except(principals) }),
            Credentials = state.Credentials.RemoveRange(credentials),
            Trusts = state.Trusts.RemoveRange(change.RemovedTrusts).RemoveRange(state.Trusts.Values.Where(t => t.PrincipalId is { } p && principals.Contains(p)).Select(t => t.Id)),
            Approvals = state.Approvals.RemoveRange(change.RemovedApprovals).RemoveRange(state.Approvals.Values.Where(a => principals.Contains(a.RequesterId)).Select(a => a.Id)),
            Policies = Without(state.Policies.RemoveRange(change.RemovedPolicies), p => gone.Contains(p.AttachedTo)),
            Aliases = state.Aliases.RemoveRange(change.RemovedAliases).RemoveRange(state.Aliases.Where(a => principals.Contains(a.Value.PrincipalId)).Select(a => a.Key)),
        };
    }

    /// <summary>Uses and the day of the last one are written by using the credential alone.</summary>
    private static Credential Kept(State state, Credential credential) =>
        state.Credentials.TryGetValue(credential.PublicId, out Credential? old) ? credential with { UsesLeft = old.UsesLeft, LastUsedDay = old.LastUsedDay, LastStep = old.LastStep } : credential;

    private static bool IsSound(State state)
    {
        static bool AreUnique<T>(IEnumerable<T> keys) => keys.GroupBy(k => k).All(g => g.Count() == 1);

        IEnumerable<Guid> named = state.Groups.Values.SelectMany(g => g.Members)
            .Concat(state.Credentials.Values.Where(c => c.PrincipalId is not null).Select(c => c.PrincipalId!.Value))
            .Concat(state.Trusts.Values.Where(t => t.PrincipalId is not null).Select(t => t.PrincipalId!.Value))
            .Concat(state.Approvals.Values.Select(a => a.RequesterId))
            .Concat(state.Aliases.Values.Select(a => a.PrincipalId));
        return AreUnique(state.Principals.Values.Select(p => p.Name))
            && AreUnique(state.Groups.Values.Select(g => g.Name))
            && AreUnique(state.Trusts.Values.Select(t => t.Name))
            && AreUnique(state.Policies.Values.Select(p => (p.AttachedTo, p.Language, p.Name)))
            && AreUnique(state.Credentials.Values.Where(c => !c.Verifier.IsEmpty).Select(c => Convert.ToHexString(c.Verifier.Span)))
            && named.All(state.Principals.ContainsKey);
    }

    private sealed partial class Ports
    {
        public ValueTask<AccessRows> LoadAsync(CancellationToken cancellationToken)
        {
            State state = now();
            return new(new AccessRows(
                state.Epoch,
                [.. state.Principals.Values],
                [.. state.Groups.Values],
                [.. state.Trusts.Values],
                [.. Sorted(state.Policies.Values.Where(p => p.AttachedTo.Kind != AttachmentKind.Secret))],
                [.. state.Roles.OrderBy(r => r.Key.Language, StringComparer.Ordinal).ThenBy(r => r.Key.Vault, StringComparer.Ordinal).ThenBy(r => r.Key.Name, StringComparer.Ordinal).Select(r => r.Value)],
                [.. state.Aliases.OrderBy(a => a.Key.Mount, StringComparer.Ordinal).ThenBy(a => a.Key.Name, StringComparer.Ordinal).Select(a => a.Value)],
                [.. state.Approvals.Values]));
        }

        public ValueTask<Credential?> FindCredentialAsync(string publicId, CancellationToken cancellationToken) => new(now().Credentials.GetValueOrDefault(publicId));

        public ValueTask<Credential?> FindCredentialAsync(ReadOnlyMemory<byte> verifier, CancellationToken cancellationToken) =>
            new(now().Credentials.Values.FirstOrDefault(c => !c.Verifier.IsEmpty && c.Verifier.Span.SequenceEqual(verifier.Span)));

        public ValueTask<IReadOnlyList<Credential>> CredentialsAsync(Guid? principalId, string after, int limit, CancellationToken cancellationToken)
        {
            (long Created, string Id) last = now().Credentials.TryGetValue(after, out Credential? known) ? (known.Created, after) : (long.MinValue, "");
            return List(now().Credentials.Values
                .Where(c => principalId is null || c.PrincipalId == principalId)
                .Where(c => c.Created > last.Created || (c.Created == last.Created && string.CompareOrdinal(c.PublicId, last.Id) > 0))
                .OrderBy(c => c.Created).ThenBy(c => c.PublicId, StringComparer.Ordinal)
                .Take(limit));
        }

        public async ValueTask<bool> TakeUseAsync(string publicId, CancellationToken cancellationToken) =>
            (bool)(await update(
                state => state.Credentials.GetValueOrDefault(publicId) switch
                {
                    null or { UsesLeft: <= 0 } => (state, false),
                    { UsesLeft: null } => (state, true),
                    { } credential => (state with { Credentials = state.Credentials.SetItem(publicId, credential with { UsesLeft = credential.UsesLeft - 1 }) }, true),
                },
                cancellationToken))!;

        public async ValueTask<bool> TakeStepAsync(string publicId, long step, CancellationToken cancellationToken) =>
            (bool)(await update(
                state => state.Credentials.GetValueOrDefault(publicId) is { } credential && (credential.LastStep ?? -1) < step
                    ? (state with { Credentials = state.Credentials.SetItem(publicId, credential with { LastStep = step }) }, true)
                    : (state, false),
                cancellationToken))!;

        public async ValueTask MarkUsedAsync(IReadOnlyCollection<(string PublicId, int Day)> uses, CancellationToken cancellationToken) =>
            await update(
                state =>
                {
                    foreach ((string id, int day) in uses)
                    {
                        if (state.Credentials.TryGetValue(id, out Credential? credential))
                        {
                            state = state with { Credentials = state.Credentials.SetItem(id, credential with { LastUsedDay = Math.Max(day, credential.LastUsedDay ?? -1) }) };
                        }
                    }

                    return (state, null);
                },
                cancellationToken);

        public ValueTask<IReadOnlyList<Policy>> PoliciesAsync(Attachment attachment, CancellationToken cancellationToken) =>
            List(Sorted(now().Policies.Values.Where(p => p.AttachedTo == attachment)));

        private static IEnumerable<Policy> Sorted(IEnumerable<Policy> policies) => policies
            .OrderBy(p => p.AttachedTo.Kind).ThenBy(p => p.AttachedTo.Id, StringComparer.Ordinal)
            .ThenBy(p => p.Language, StringComparer.Ordinal).ThenBy(p => p.Name, StringComparer.Ordinal);
    }
}
