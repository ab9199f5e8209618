using System.Collections.Immutable;
using Coffer.Core.Access;
using Coffer.Core.Secrets;
using Coffer.Core.Stores;

namespace Coffer.Testing;

public sealed partial class InMemoryStore
{
    private static (State, object?) Save(State state, Vault vault)
    {
        bool isTaken = state.Vaults.Values.Any(v => v.Id != vault.Id
            && (v.Name == vault.Name || v.Number == vault.Number || v.Aliases.Any(a => vault.Aliases.TryGetValue(a.Key, out string? text) && text == a.Value)));
        if (isTaken || (vault.Id != 0 && !(state.Vaults.TryGetValue(vault.Id, out Vault? old) && old.Name == vault.Name && old.Number == vault.Number)))
        {
            return (state, null);
        }

        long id = vault.Id != 0 ? vault.Id : state.LastVaultId + 1;
        long created = state.Vaults.TryGetValue(id, out Vault? known) ? known.Created : vault.Created;
        return (state with { Vaults = state.Vaults.SetItem(id, vault with { Id = id, Created = created }), LastVaultId = Math.Max(state.LastVaultId, id) }, id);
    }

    private static (State, object?) RemoveVault(State state, long id)
    {
        if (!state.Vaults.TryGetValue(id, out Vault? vault) || state.Secrets.Values.Any(s => s.Head.VaultId == id))
        {
            return (state, false);
        }

        State after = state with
        {
            Vaults = state.Vaults.Remove(id),
            Policies = Without(state.Policies, p => p.AttachedTo == Attachment.To(vault.Number)),
            Roles = state.Roles.RemoveRange(state.Roles.Keys.Where(r => r.Vault == vault.Name.Value)),
        };
        bool isAccess = after.Policies.Count != state.Policies.Count || after.Roles.Count != state.Roles.Count;
        return (after with { Epoch = state.Epoch + (isAccess ? 1 : 0) }, true);
    }

    private static (State, object?) Save(State state, SecretChange change)
    {
        if (change.Before is { } before && !(state.Secrets.TryGetValue(before.Head.Id, out SecretRows? there) && IsSame(there.Head, before.Head)))
        {
            return (state, null);
        }

        if (change.After is not { } after)
        {
            Secret gone = change.Before!.Head;
            return (
                state with { Secrets = state.Secrets.Remove(gone.Id), Policies = Without(state.Policies, p => p.AttachedTo == Attachment.To(gone.Uid)) },
                gone.Id);
        }

        if (change.Before?.Head is { } old && (old.Uid, old.VaultId, old.Location, old.Name) != (after.Head.Uid, after.Head.VaultId, after.Head.Location, after.Head.Name))
        {
            throw new ArgumentException("uid, vault, location and name of a secret never change");
        }

        long id = change.Before?.Head.Id ?? state.LastSecretId + 1;
        if (change.Before is null
            && (!state.Vaults.ContainsKey(after.Head.VaultId)
                || state.Secrets.Values.Any(s => s.Head.Uid == after.Head.Uid
                    || (s.Head.VaultId == after.Head.VaultId && s.Head.Location == after.Head.Location && s.Head.Name == after.Head.Name))))
        {
            return (state, null);
        }

        SecretRows rows = state.Secrets.GetValueOrDefault(id) ?? new(after.Head);
        int? read = change.Before is null ? after.Head.LastReadDay : rows.Head.LastReadDay;
        rows = rows with
        {
            Head = after.Head with { Id = id, LastReadDay = read, Created = rows.Head.Created },
            Labels = after.Labels,
            Versions = rows.Versions.RemoveRange(change.RemovedVersions)
                .SetItems(change.Versions.Select(v => KeyValuePair.Create(v.Number, v with { LastReadDay = rows.Versions.TryGetValue(v.Number, out SecretVersion? known) ? known.LastReadDay : v.LastReadDay }))),
            Values = rows.Values.RemoveRange(change.ErasedValues).RemoveRange(change.RemovedVersions).SetItems(change.Values.Select(v => KeyValuePair.Create(v.Number, v.Sealed))),
            Attributes = rows.Attributes.RemoveRange(rows.Attributes.Keys.Where(k => change.RemovedVersions.Contains(k.Number) && k.Number != 0))
                .RemoveRange((change.Before?.Attributes.Keys ?? []).Where(k => !after.Attributes.ContainsKey(k)))
                .SetItems(after.Attributes.Where(a => a.Key.Space != AttributeSpace.Tag)),
            Annotations = rows.Annotations.RemoveRange(rows.Annotations.Keys.Where(k => change.RemovedVersions.Contains(k.Number) && k.Number != 0))
                .RemoveRange((change.Before?.Annotations.Keys ?? []).Where(k => !after.Annotations.ContainsKey(k)))
                .SetItems(after.Annotations),
        };
        return (state with { Secrets = state.Secrets.SetItem(id, rows), LastSecretId = Math.Max(state.LastSecretId, id) }, id);
    }

    private static bool IsSame(Secret stored, Secret seen) =>
        stored.Uid == seen.Uid && stored.Changed == seen.Changed && stored.Revision == seen.Revision && stored.Highest == seen.Highest && stored.Current == seen.Current
        && stored.Previous == seen.Previous && stored.VersionCount == seen.VersionCount && stored.Mac.Span.SequenceEqual(seen.Mac.Span);

    private static ImmutableSortedDictionary<Guid, Policy> Without(ImmutableSortedDictionary<Guid, Policy> policies, Func<Policy, bool> goes) =>
        policies.RemoveRange(policies.Values.Where(goes).Select(p => p.Id));

    private sealed partial class Ports
    {
        private static readonly SecretRows Nothing = new(null!);

        public ValueTask<IReadOnlyList<Vault>> VaultsAsync(CancellationToken cancellationToken) =>
            List(now().Vaults.Values.OrderBy(v => v.Name.Value, StringComparer.Ordinal));

        public ValueTask<SecretRow?> FindCurrentAsync(long vaultId, string location, string name, CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref _lookUps);
            return new(Find(vaultId, location, name) is { } rows
                ? new SecretRow(rows.Head, rows.Versions.GetValueOrDefault(rows.Head.Current), rows.Values.GetValueOrDefault(rows.Head.Current) ?? [])
                : null);
        }

        /// <summary>How often a secret was looked up by its name.</summary>
        public int LookUps => Volatile.Read(ref _lookUps);

        private int _lookUps;

        public ValueTask<Secret?> FindHeadAsync(long vaultId, string location, string name, CancellationToken cancellationToken) => new(Find(vaultId, location, name)?.Head);

        public ValueTask<Secret?> FindHeadAsync(SecretUid uid, CancellationToken cancellationToken) => new(Heads().FirstOrDefault(h => h.Uid == uid));

        public ValueTask<Secret?> FindFoldedAsync(long vaultId, string foldedName, CancellationToken cancellationToken) =>
            new(Heads().Where(h => h.VaultId == vaultId && h.Location.Length == 0 && h.Name.Fold() == foldedName).OrderBy(h => h.Created).ThenBy(h => h.Id).FirstOrDefault());

        public ValueTask<(SecretVersion Version, ReadOnlyMemory<byte> Sealed)?> FindVersionAsync(long secretId, int number, CancellationToken cancellationToken) =>
            new(Rows(secretId)?.Versions.GetValueOrDefault(number) is { } version ? (version, Rows(secretId)!.Values.GetValueOrDefault(number) ?? []) : null);

        public ValueTask<int> FindNumberAsync(long secretId, VersionId id, CancellationToken cancellationToken) => new(Versions(secretId).FirstOrDefault(v => v.Id == id)?.Number ?? 0);

        public ValueTask<int> FindNumberAsync(long secretId, RequestToken token, CancellationToken cancellationToken) =>
            new(Versions(secretId).FirstOrDefault(v => v.Token == token)?.Number ?? 0);

        public ValueTask<IReadOnlyList<KeyValuePair<VersionLabel, int>>> LabelsAsync(long secretId, CancellationToken cancellationToken) => List((Rows(secretId) ?? Nothing).Labels);

        public ValueTask<IReadOnlyList<SecretDetail>> DetailsAsync(IReadOnlyList<Secret> heads, CancellationToken cancellationToken) =>
            List(heads.Select(head =>
            {
                SecretRows rows = Rows(head.Id) ?? Nothing;
                HashSet<int> numbers = [.. rows.Labels.Select(l => l.Value), head.Current, head.Previous];
                return new SecretDetail(
                    [.. rows.Labels],
                    [.. Versions(head.Id).Where(v => numbers.Contains(v.Number)).Reverse()],
                    [.. rows.Annotations.Where(a => a.Key.Number == 0).Select(a => new SecretAnnotation(0, a.Key.Dialect, a.Value)).OrderBy(a => a.Dialect, StringComparer.Ordinal)]);
            }));

        public ValueTask<IReadOnlyList<SecretVersion>> VersionsAsync(long secretId, int after, bool descending, int limit, CancellationToken cancellationToken) =>
            List((descending ? Versions(secretId).Reverse().Where(v => v.Number < after) : Versions(secretId).Where(v => v.Number > after)).Take(limit));

        public ValueTask<IReadOnlyList<SecretAttribute>> AttributesAsync(long secretId, CancellationToken cancellationToken) =>
            List((Rows(secretId) ?? Nothing).Attributes.Select(a => new SecretAttribute(a.Key.Number, a.Key.Space, a.Key.Key, a.Value))
                .OrderBy(a => a.Number).ThenBy(a => a.Space).ThenBy(a => a.Key, StringComparer.Ordinal));

        public ValueTask<IReadOnlyList<SecretAnnotation>> AnnotationsAsync(long secretId, CancellationToken cancellationToken) =>
            List((Rows(secretId) ?? Nothing).Annotations.Select(a => new SecretAnnotation(a.Key.Number, a.Key.Dialect, a.Value))
                .OrderBy(a => a.Number).ThenBy(a => a.Dialect, StringComparer.Ordinal));

        public ValueTask<IReadOnlyList<Secret>> ListAsync(SecretListQuery query, CancellationToken cancellationToken)
        {
            Comparison<SecretPosition> compare = (a, b) =>
                a.Number != b.Number ? a.Number.CompareTo(b.Number)
                : query.Order == SecretOrder.Name ? string.CompareOrdinal(a.Name, b.Name)
                : a.Id.CompareTo(b.Id);
            IEnumerable<Secret> rows = Heads()
                .Where(h => h.VaultId == query.VaultId && h.Location == query.Location && h.Name.Value.StartsWith(query.NamePrefix, StringComparison.Ordinal))
                .Where(h => query.Filter == SecretFilter.All || h.IsDeleted == (query.Filter == SecretFilter.Deleted))
                .Where(h => query.Wire is not { } wire || WireExpression.For(h.Name).HasFlag(wire))
                .OrderBy(h => At(query.Order, h), Comparer<SecretPosition>.Create(compare));
            rows = query.Descending ? rows.Reverse() : rows;
            return List(rows.Where(h => query.After is not { } after || Math.Sign(compare(At(query.Order, h), after)) == (query.Descending ? -1 : 1)).Take(query.Limit));
        }

        public ValueTask<IReadOnlyList<string>> FolderAsync(long vaultId, string prefix, string after, int limit, CancellationToken cancellationToken) =>
            List(Heads()
                .Where(h => h.VaultId == vaultId && h.Location.Length == 0 && !h.IsDeleted && WireExpression.For(h.Name).HasFlag(WireNames.Vault))
                .Select(h => h.Name.Value)
                .Where(n => n.StartsWith(prefix, StringComparison.Ordinal) && n.Length > prefix.Length)
                .Select(n => n.IndexOf('/', prefix.Length) is var end and >= 0 ? n[prefix.Length..(end + 1)] : n[prefix.Length..])
                .Distinct()
                .Where(c => string.CompareOrdinal(c, after) > 0)
                .Order(StringComparer.Ordinal)
                .Take(limit));

        public ValueTask<IReadOnlyList<Secret>> DueAsync(DueWork work, long now, int limit, CancellationToken cancellationToken)
        {
            Func<Secret, long> due = work switch
            {
                DueWork.Purge => h => Math.Min(h.PurgeAt ?? long.MaxValue, h.Expires ?? long.MaxValue),
                DueWork.Destroy => h => Versions(h.Id).Where(v => v.DestroyedAt is null).Min(v => v.DestroyAt) ?? long.MaxValue,
                DueWork.Rotate => h => h.RotationDue ?? long.MaxValue,
            };
            return List(Heads().Where(h => due(h) <= now).OrderBy(due).ThenBy(h => h.Id).Take(limit));
        }

        public ValueTask<long> CountAsync(long vaultId, CancellationToken cancellationToken) => new(Heads().Count(h => h.VaultId == vaultId));

        public async ValueTask MarkReadAsync(IReadOnlyCollection<(long SecretId, int Number, int Day)> reads, CancellationToken cancellationToken) =>
            await update(
                state =>
                {
                    foreach ((long id, int number, int day) in reads)
                    {
                        if (state.Secrets.TryGetValue(id, out SecretRows? rows))
                        {
                            rows = rows with { Head = rows.Head with { LastReadDay = Math.Max(day, rows.Head.LastReadDay ?? -1) } };
                            if (rows.Versions.TryGetValue(number, out SecretVersion? version))
                            {
                                rows = rows with { Versions = rows.Versions.SetItem(number, version with { LastReadDay = Math.Max(day, version.LastReadDay ?? -1) }) };
                            }

                            state = state with { Secrets = state.Secrets.SetItem(id, rows) };
                        }
                    }

                    return (state, null);
                },
                cancellationToken);

        private static SecretPosition At(SecretOrder order, Secret head) => order switch
        {
            SecretOrder.Created => new(head.Created, "", head.Id),
            SecretOrder.Changed => new(head.Changed, "", head.Id),
            SecretOrder.LastRead => new(head.LastReadDay ?? -1, "", head.Id),
            SecretOrder.Name => new(0, head.Name.Value, head.Id),
        };

        private IEnumerable<Secret> Heads() => now().Secrets.Values.Select(s => s.Head);

        private SecretRows? Find(long vaultId, string location, string name) =>
            now().Secrets.Values.FirstOrDefault(s => s.Head.VaultId == vaultId && s.Head.Location == location && s.Head.Name.Value == name);

        private SecretRows? Rows(long id) => now().Secrets.GetValueOrDefault(id);

        private IEnumerable<SecretVersion> Versions(long id) => Rows(id)?.Versions.Values ?? [];
    }
}
