using System.Collections.Immutable;
using Coffer.Core.Access;
using Coffer.Core.Audit;
using Coffer.Core.Errors;
using Coffer.Core.Rotations;
using Coffer.Core.Sealing;
using Coffer.Core.Stores;

namespace Coffer.Core.Secrets;

public sealed partial class SecretService
{
    /// <summary>One write, told before it runs: what is asked, what must be loaded, and the transition.</summary>
    private sealed class WritePlan
    {
        /// <summary>What is asked, given whether the secret exists.</summary>
        public required Func<Secret?, ImmutableArray<Operation>> Operations { get; init; }

        /// <summary>The transition (one of the two is set).</summary>
        public Func<SecretState?, Vault, AddVersion?, long, Transition>? Apply { get; init; }

        /// <summary>The transition over versions named by <see cref="Named"/>, as numbers in that order.</summary>
        public Func<SecretState?, Vault, ImmutableArray<int>, long, Transition>? ApplyNamed { get; init; }

        /// <summary>Versions the command names.</summary>
        public ImmutableArray<VersionSelector> Named { get; init; } = [];

        /// <summary>Versions the command names by number.</summary>
        public ImmutableArray<int> Numbers { get; init; } = [];

        /// <summary>Labels the command is about, for conditions.</summary>
        public ImmutableArray<VersionLabel> Labels { get; init; } = [];

        /// <summary>The value that comes with it.</summary>
        public VersionInput? Value { get; init; }

        /// <summary>The version meant, for conditions, where it is not the first of <see cref="Named"/>.</summary>
        public VersionSelector? Version { get; init; }

        /// <summary>A token whose version must be loaded, where no value comes with it.</summary>
        public RequestToken? Token { get; init; }

        /// <summary>Drawn uid of a secret that it may create.</summary>
        public SecretUid? NewUid { get; init; }

        /// <summary>Whether it may create the secret; a row that counts as gone is purged first.</summary>
        public bool Creates { get; init; }

        /// <summary>Whether every version row is needed (what goes must be told to the trail).</summary>
        public bool AllVersions { get; init; }

        /// <summary>Whether a change after which the caller could not make it again is refused.</summary>
        public bool KeepsAccess { get; init; }

        /// <summary>The change of the policies on the secret, from those that are on it; or null: they stay.</summary>
        public Func<Secret, ImmutableArray<ParsedPolicy>, AccessChange>? Policies { get; init; }

        /// <summary>Whether attributes and annotations are needed.</summary>
        public bool LoadAttributes { get; init; }
    }

    /// <summary>
    /// Judge, load for update, judge again if what was judged changed, apply, save with the audit body, commit, drop the
    /// cached row, hand the body to the trail. Acknowledged = committed.
    /// </summary>
    private async ValueTask<WriteOutcome> WriteAsync(Caller caller, SecretPath path, CancellationToken cancellationToken, WritePlan plan)
    {
        if (plan.Value is { Value.Length: 0 or > SecretLimits.ValueBytes } input)
        {
            throw input.Value.Length == 0 ? Error.InvalidRequest("a value has at least one byte", "value") : Error.TooLarge("value", SecretLimits.ValueBytes);
        }

        Vault? vault = VaultOf(path.Vault);
        string action = "";
        for (int attempt = 0; attempt < WriteAttempts; attempt++)
        {
            long now = Now;
            CachedSecret? judged = await FindAsync(vault, path, now, cancellationToken).ConfigureAwait(false);
            ImmutableArray<Operation> operations = plan.Operations(judged?.Head);
            action = string.Join('+', operations.Select(o => o.Text()));
            AccessRequest request = Request(caller, operations[0], path.Vault, vault, path.Name, judged?.Head, now) with
            {
                NewUid = judged is null ? plan.NewUid : null,
                Labels = plan.Labels,
                Version = plan.Version ?? (plan.Named is [var only, ..] ? only : null),
            };
            AccessDecision decision = await DecideAsync(request, operations, cancellationToken).ConfigureAwait(false);
            if (!decision.Allowed)
            {
                string told = string.Join('+', plan.Operations(null).Select(o => o.Text()));
                throw await DeniedAsync(caller, action, path, null, decision, told).ConfigureAwait(false);
            }

            if (vault is null)
            {
                throw await FailedAsync(caller, action, path, null, Error.NotFound("vault", path.Vault.Value)).ConfigureAwait(false);
            }

            WriteOutcome? outcome;
            try
            {
                outcome = await TryWriteAsync(caller, path, vault, judged?.Head, plan, action, decision.Reason, cancellationToken).ConfigureAwait(false);
            }
            catch (CofferException failure)
            {
                throw await FailedAsync(caller, action, path, null, failure).ConfigureAwait(false);
            }

            if (outcome is not null)
            {
                return outcome;
            }
        }

        throw await FailedAsync(caller, action, path, null, Error.VersionConflict("the secret is being changed by others")).ConfigureAwait(false);
    }

    /// <summary>One attempt; null when the secret is not the one that was judged any more.</summary>
    private async ValueTask<WriteOutcome?> TryWriteAsync(
        Caller caller, SecretPath path, Vault vault, Secret? judged, WritePlan plan, string action, string reason, CancellationToken cancellationToken)
    {
        await using IStoreTransaction transaction = await _parts.Store.BeginAsync(cancellationToken).ConfigureAwait(false);
        Keyring keys = _parts.Keys;
        long now = Now;
        Secret? head = await transaction.Secrets.FindHeadAsync(vault.Id, "", path.Name.Value, cancellationToken).ConfigureAwait(false);
        if (head is not null)
        {
            Verified(() => RowMacs.Verify(keys, head, vault.Number));
            head = SecretTransitions.AsOf(head, vault, now);
        }

        Secret? gone = head?.IsGone(now) == true ? head : null;
        head = gone is null && head is not null && path.Means(head.Uid) ? head : null;
        if (head?.Uid != judged?.Uid || (head is not null && (!head.PolicyDigest.Span.SequenceEqual(judged!.PolicyDigest.Span) || !head.Tags.SequenceEqual(judged.Tags))))
        {
            _parts.Cache.Drop(vault.Id, "", path.Name.Value);
            return null;
        }

        AddVersion? add = plan.Value is { } value ? CommandOf(caller, value, head?.Uid ?? plan.NewUid ?? default) : null;
        (SecretState? before, ImmutableArray<int> numbers) = head is null
            ? (null, [.. plan.Named.Select(_ => 0)])
            : await LoadAsync(transaction.Secrets, path, head, plan, add, cancellationToken).ConfigureAwait(false);
        AccessChange? policies = null;
        if (plan.Policies is { } edit)
        {
            ImmutableArray<ParsedPolicy> onSecret = await _parts.Access.OnSecretAsync(head, cancellationToken).ConfigureAwait(false);
            Secret on = head ?? throw Error.NotFound(path);
            policies = edit(on, onSecret);
            before = before! with { Head = on };
        }

        Transition transition = RotationTransitions.Follow(plan.Apply is not null ? plan.Apply(before, vault, add, now) : plan.ApplyNamed!(before, vault, numbers, now), now);
        if (transition.Events == SecretEvents.None)
        {
            await _parts.RecordAsync(_parts.Record(caller, action, path.Vault, path.Name, null, AuditDecision.Allow, reason)).ConfigureAwait(false);
            return Outcome(vault, transition.After!, transition);
        }

        if (plan.KeepsAccess && transition.After is { } changed
            && await DecideAsync(Request(caller, default, path.Vault, vault, path.Name, changed.Head, now), plan.Operations(changed.Head), cancellationToken).ConfigureAwait(false) is { Allowed: false } lost)
        {
            throw Error.AccessDenied(action, path.Name.Value, "the change would take the caller's own access away", lost.Explicit, lost.By);
        }

        AuditRecord? purge = null;
        if (gone is not null && plan.Creates)
        {
            SecretChange purged = new() { Before = await WholeAsync(transaction.Secrets, gone, cancellationToken).ConfigureAwait(false) };
            if (await transaction.SaveAsync(purged, cancellationToken).ConfigureAwait(false) is null)
            {
                return null;
            }

            purge = _parts.Record(caller, nameof(Operation.PurgeSecret), path.Vault, path.Name, null, AuditDecision.Allow, "due") with { Change = AuditChange.From(purged) };
            await transaction.AddPendingAsync(new(purge.Id, purge.ToUtf8()), cancellationToken).ConfigureAwait(false);
        }

        if (policies is not null && !await transaction.SaveAsync(policies, cancellationToken).ConfigureAwait(false))
        {
            return null;
        }

        SecretState? after = transition.After is null ? null : Sign(keys, vault, before, transition.After);
        SecretChange change = SecretChange.Between(before, after);
        if (transition.TakesValue && plan.Value is { } given)
        {
            SecretVersion made = after!.Version(transition.Number)!;
            change = With(change, [(made.Number, keys.Seal(given.Value.Span, ContextOf(vault, after.Head, made)))]);
        }

        if (await transaction.SaveAsync(change, cancellationToken).ConfigureAwait(false) is not { } id)
        {
            return null;
        }

        AuditRecord record = _parts.Record(caller, action, path.Vault, path.Name, transition.Number == 0 ? null : Text(transition.Number), AuditDecision.Allow, reason) with
        {
            Change = AuditChange.From(change),
        };
        await transaction.AddPendingAsync(new(record.Id, record.ToUtf8()), cancellationToken).ConfigureAwait(false);
        try
        {
            await transaction.CommitAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            // Whatever is told of a commit that failed, the store may hold it.
            _parts.Cache.Drop(vault.Id, "", path.Name.Value);
        }

        if (purge is not null)
        {
            _parts.Pending.Committed(purge);
        }

        _parts.Pending.Committed(record);
        SecretState shown = after is null ? before! : after with { Head = after.Head with { Id = id } };
        return Outcome(vault, shown, transition);
    }

    private async ValueTask<(SecretState State, ImmutableArray<int> Numbers)> LoadAsync(
        ISecretStore store, SecretPath path, Secret head, WritePlan plan, AddVersion? add, CancellationToken cancellationToken)
    {
        ImmutableArray<int>.Builder named = ImmutableArray.CreateBuilder<int>(plan.Named.Length);
        foreach (VersionSelector selector in plan.Named)
        {
            int number = selector switch
            {
                VersionSelector.ByNumber by => by.Number,
                VersionSelector.ById by => await store.FindNumberAsync(head.Id, by.Id, cancellationToken).ConfigureAwait(false),
                VersionSelector.ByToken by => await NumberOfAsync(store, head, by.Token, cancellationToken).ConfigureAwait(false),
                VersionSelector.CurrentVersion => head.Current,
                _ => 0,
            };
            named.Add(number != 0 ? number : throw Error.VersionNotFound(path, selector.Describe()));
        }

        HashSet<int> wanted = [head.Current, head.Previous, .. named, .. plan.Numbers];
        if ((add?.Token ?? plan.Token) is { } token)
        {
            wanted.Add(await store.FindNumberAsync(head.Id, token, cancellationToken).ConfigureAwait(false));
            if (token.TryGetVersionId(out VersionId id))
            {
                wanted.Add(await store.FindNumberAsync(head.Id, id, cancellationToken).ConfigureAwait(false));
            }
        }

        ImmutableSortedDictionary<VersionLabel, int> labels = await LabelsAsync(store, head, cancellationToken).ConfigureAwait(false);
        wanted.UnionWith(labels.Values);
        ImmutableSortedDictionary<int, SecretVersion>.Builder versions = ImmutableSortedDictionary.CreateBuilder<int, SecretVersion>();
        if (plan.AllVersions || (add is not null && (add.EraseOlder || (add.Prune is { } rule && head.VersionCount >= rule.Keep))))
        {
            versions.AddRange((await WholeAsync(store, head, cancellationToken).ConfigureAwait(false)).Versions);
        }
        else
        {
            foreach (int number in wanted)
            {
                if (await VersionAsync(store, head, number, cancellationToken).ConfigureAwait(false) is { } found)
                {
                    versions[number] = found.Version;
                }
            }
        }

        SecretState state = new() { Head = head, Labels = labels, Versions = versions.ToImmutable() };
        IReadOnlyList<SecretAnnotation> annotations = plan.LoadAttributes || path.Condition is not null ? await store.AnnotationsAsync(head.Id, cancellationToken).ConfigureAwait(false) : [];
        path.Condition?.Check(annotations.FirstOrDefault(a => a.Number == 0 && a.Dialect == path.Condition.Dialect).Json);
        if (plan.LoadAttributes)
        {
            IReadOnlyList<SecretAttribute> attributes = await store.AttributesAsync(head.Id, cancellationToken).ConfigureAwait(false);
            state = state with
            {
                Attributes = attributes.ToImmutableDictionary(a => (a.Number, a.Space, a.Key), a => a.Value),
                Annotations = annotations.ToImmutableDictionary(a => (a.Number, a.Dialect), a => a.Json),
            };
        }

        return (state, named.ToImmutable());
    }

    /// <summary>The head with every version row, verified.</summary>
    private async ValueTask<SecretState> WholeAsync(ISecretStore store, Secret head, CancellationToken cancellationToken)
    {
        Keyring keys = _parts.Keys;
        IReadOnlyList<SecretVersion> versions = await store.VersionsAsync(head.Id, 0, false, int.MaxValue, cancellationToken).ConfigureAwait(false);
        foreach (SecretVersion version in versions)
        {
            Verified(() => RowMacs.Verify(keys, version, head.Uid));
        }

        return new() { Head = head, Versions = versions.ToImmutableSortedDictionary(v => v.Number, v => v) };
    }

    private static SecretState Sign(Keyring keys, Vault vault, SecretState? before, SecretState after)
    {
        byte[] labels = RowMacs.LabelDigest(after.Labels);
        Secret head = RowMacs.Sign(keys, after.Head with { LabelCount = after.Labels.Count, LabelDigest = labels }, vault.Number);
        ImmutableSortedDictionary<int, SecretVersion> versions = after.Versions;
        foreach ((int number, SecretVersion version) in after.Versions)
        {
            if (!ReferenceEquals(before?.Version(number), version))
            {
                versions = versions.SetItem(number, RowMacs.Sign(keys, version, head.Uid));
            }
        }

        return after with { Head = head, Versions = versions };
    }

    private static SecretChange With(SecretChange change, IReadOnlyList<(int, byte[])> values) => new()
    {
        Before = change.Before,
        After = change.After,
        Versions = change.Versions,
        RemovedVersions = change.RemovedVersions,
        ErasedValues = change.ErasedValues,
        Values = values,
    };

    private static WriteOutcome Outcome(Vault vault, SecretState state, Transition transition) =>
        new(vault, state.Head, state.Version(transition.Number), transition.Number == 0 ? [] : state.LabelsOf(transition.Number), transition.Events)
        {
            Annotations = state.Annotations.Where(a => a.Key.Number == 0).ToImmutableDictionary(a => a.Key.Dialect, a => a.Value),
        };
}
