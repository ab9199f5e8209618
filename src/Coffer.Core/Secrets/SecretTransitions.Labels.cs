using System.Collections.Immutable;
using System.Globalization;
using Coffer.Core.Errors;

namespace Coffer.Core.Secrets;

public static partial class SecretTransitions
{
    /// <summary>Moves, attaches or detaches one label. AWSCURRENT can only be moved, and only to a version with a value.</summary>
    public static Transition MoveLabel(SecretState state, SecretPath path, MoveLabel command, long now)
    {
        RefuseDeleted(state, path);
        VersionLabel label = command.Label;
        int at = state.NumberOf(label);
        if (command.To is null && command.From is null)
        {
            throw Error.InvalidCombination("a label is moved to a version, removed from one, or both", "label");
        }

        if (command.To is null && label == VersionLabel.Current)
        {
            throw Error.LabelConflict(label, Shown(state, at), "the label can only be moved to another version, never removed");
        }

        if (at != (command.From ?? 0) && !(command.From is null && at == command.To))
        {
            throw Error.LabelConflict(label, Shown(state, at), at == 0 ? "the label is on no version" : "the label is on another version than the one it is to be removed from");
        }

        if (command.To is { } to)
        {
            SecretVersion target = state.Version(to) ?? throw Error.VersionNotFound(path, to.ToString(CultureInfo.InvariantCulture));
            if (label == VersionLabel.Current && (!target.HasValue || target.StateAt(now) == VersionState.Destroyed))
            {
                throw Error.PreconditionFailed("the version has no value", "version");
            }
        }

        int current = state.Head.Current;
        SecretState after = label == VersionLabel.Current
            ? Move(state, command.To!.Value)
            : Place(state, label, command.To ?? 0);
        CheckLabelCount(after);
        after = after with
        {
            Head = after.Head with { Changed = now, Revision = after.Head.Revision + (label.IsReserved ? 0 : 1) },
        };
        return new(after, SecretEvents.LabelsChanged | (after.Head.Current != current ? SecretEvents.CurrentMoved : 0), command.To ?? at);
    }

    /// <summary>Replaces every label but the reserved ones; each must name a version with a value.</summary>
    public static Transition ReplaceAliases(SecretState state, SecretPath path, ReplaceAliases command, long now)
    {
        RefuseDeleted(state, path);
        ImmutableSortedDictionary<VersionLabel, int> labels = state.Labels.RemoveRange(state.Labels.Keys.Where(l => !l.IsReserved));
        foreach ((VersionLabel label, int number) in command.Aliases)
        {
            if (label.IsReserved)
            {
                throw Error.InvalidRequest("this alias is reserved", "aliases");
            }

            if (state.Version(number) is not { HasValue: true } version || version.StateAt(now) == VersionState.Destroyed)
            {
                throw Error.VersionNotFound(path, number.ToString(CultureInfo.InvariantCulture));
            }

            labels = labels.SetItem(label, number);
        }

        SecretState after = state with { Labels = labels, Head = state.Head with { Changed = now, Revision = state.Head.Revision + 1 } };
        CheckLabelCount(after);
        return new(after, SecretEvents.LabelsChanged);
    }

    /// <summary>If <c>current</c> = A ≠ B: <c>previous</c> := A. Then <c>current</c> := B.</summary>
    private static SecretState Move(SecretState state, int to)
    {
        int from = state.Head.Current;
        return from == to
            ? state
            : state with { Head = state.Head with { Current = to, Previous = from != 0 ? from : state.Head.Previous == to ? 0 : state.Head.Previous } };
    }

    private static SecretState PlaceLabels(SecretState state, int number, ImmutableArray<VersionLabel>? labels, int most)
    {
        int was = state.Head.Current;
        bool becomesCurrent = labels is not { } given || given.Contains(VersionLabel.Current) || was == 0;
        if (becomesCurrent)
        {
            if (was != 0 && was != number && state.Labels.GetValueOrDefault(VersionLabel.Pending) == was)
            {
                state = state with { Labels = state.Labels.Remove(VersionLabel.Pending) };
            }

            state = Move(state, number);
        }

        foreach (VersionLabel label in labels ?? [])
        {
            if (label != VersionLabel.Current)
            {
                state = Place(state, label, number);
            }
        }

        // A value that comes to a pending version without the label keeps none: the labels are exactly those listed.
        if (labels is { } listed && !listed.Contains(VersionLabel.Pending) && state.Labels.GetValueOrDefault(VersionLabel.Pending) == number)
        {
            state = state with { Labels = state.Labels.Remove(VersionLabel.Pending) };
        }

        CheckLabelCount(state, labels is null ? SecretLimits.Labels : most);
        return state;
    }

    private static SecretState Place(SecretState state, VersionLabel label, int number) =>
        label == VersionLabel.Previous ? state with { Head = state.Head with { Previous = number } }
        : number == 0 ? state with { Labels = state.Labels.Remove(label) }
        : state with { Labels = state.Labels.SetItem(label, number) };

    private static void CheckLabelCount(SecretState state, int most = SecretLimits.Labels)
    {
        if (state.Labels.Count > most)
        {
            throw Error.QuotaExceeded($"a secret carries at most {most} labels");
        }
    }

    private static string? Shown(SecretState state, int number) => number == 0 ? null : state.Version(number)?.AwsId ?? number.ToString(CultureInfo.InvariantCulture);

    /// <summary>
    /// Removes old versions by the writing wire's rule: only versions that wire wrote, never current, never labelled
    /// ones. Under purge protection they are hidden until the vault's retention is over.
    /// </summary>
    private static (SecretState State, bool Pruned) Prune(SecretState state, Vault vault, PruneRule rule, string wire, long now)
    {
        bool pruned = false;
        bool Removable(SecretVersion v) =>
            string.Equals(v.Wire, wire, StringComparison.Ordinal) && v.Number != state.Head.Current
            && !state.Labels.ContainsValue(v.Number) && (rule.ByWindow ? !PreviousCounts(state) || v.Number != state.Head.Previous : v.Number != state.Head.Previous);

        void Drop(SecretVersion version)
        {
            SecretState before = state;
            // What still waits for its value has nothing to protect; hidden, it would be erased and could be filled afterwards.
            state = vault.PurgeProtection && version.HasValue && version.StateAt(now) != VersionState.Destroyed ? Hide(state, vault, version, now) : Remove(state, version.Number);
            pruned |= !ReferenceEquals(state, before);
        }

        if (rule.ByWindow)
        {
            int first = state.Head.Current - rule.Keep + 1;
            if (state.Head.Current - state.Head.Oldest >= rule.Keep)
            {
                foreach (SecretVersion version in state.Versions.Values.Where(v => v.Number < first && Removable(v)).ToArray())
                {
                    Drop(version);
                }

                state = state with { Head = state.Head with { Oldest = first } };
            }

            return (state, pruned);
        }

        // Only the wire's own versions count, and of those not what is already hidden: else each write would hide more.
        int excess = state.Head.VersionCount > rule.Keep
            ? state.Versions.Values.Count(v => string.Equals(v.Wire, wire, StringComparison.Ordinal) && !(vault.PurgeProtection && v.DestroyAt is not null)) - rule.Keep
            : 0;
        foreach (SecretVersion version in state.Versions.Values.Where(v => Removable(v) && v.Created <= now - rule.MinimumAge && v.DestroyAt is null).Take(Math.Max(excess, 0)).ToArray())
        {
            Drop(version);
            excess--;
        }

        if (excess > 0 && !vault.PurgeProtection)
        {
            throw Error.QuotaExceeded($"the secret has more than {rule.Keep} versions, and none is old enough to go");
        }

        return (state, pruned);
    }

    /// <summary>AWSPREVIOUS protects a version only where AWS has touched the secret.</summary>
    private static bool PreviousCounts(SecretState state) =>
        state.Labels.Count > 0 || state.Versions.Values.Any(v => string.Equals(v.Wire, "aws", StringComparison.Ordinal));
}
