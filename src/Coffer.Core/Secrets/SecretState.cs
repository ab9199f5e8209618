using System.Collections.Immutable;
using Coffer.Core.Errors;

namespace Coffer.Core.Secrets;

/// <summary>
/// What a transition works on: the head, all labels and attributes that matter, and the versions the command names.
/// Immutable; a transition answers with another one, and <see cref="SecretChange"/> is the difference.
/// </summary>
public sealed record SecretState
{
    /// <summary>The head row.</summary>
    public required Secret Head { get; init; }

    /// <summary>The loaded versions by number: those the command names, current and previous; all of them only where a rule needs it.</summary>
    public ImmutableSortedDictionary<int, SecretVersion> Versions { get; init; } = ImmutableSortedDictionary<int, SecretVersion>.Empty;

    /// <summary>Every label row. AWSCURRENT and AWSPREVIOUS are pointers of the head and not in here.</summary>
    public ImmutableSortedDictionary<VersionLabel, int> Labels { get; init; } = ImmutableSortedDictionary<VersionLabel, int>.Empty;

    /// <summary>Loaded attributes other than the head's tags, by (version or 0, space, key).</summary>
    public ImmutableDictionary<(int Number, AttributeSpace Space, string Key), string> Attributes { get; init; } =
        ImmutableDictionary<(int Number, AttributeSpace Space, string Key), string>.Empty;

    /// <summary>Loaded annotations by (version or 0, dialect).</summary>
    public ImmutableDictionary<(int Number, string Dialect), string> Annotations { get; init; } =
        ImmutableDictionary<(int Number, string Dialect), string>.Empty;

    /// <summary>The loaded version, or null.</summary>
    public SecretVersion? Version(int number) => number > 0 && Versions.TryGetValue(number, out SecretVersion? version) ? version : null;

    /// <summary>The version that carries a label, pointers included; 0 = none.</summary>
    public int NumberOf(VersionLabel label) =>
        label == VersionLabel.Current ? Head.Current
        : label == VersionLabel.Previous ? Head.Previous
        : Labels.GetValueOrDefault(label);

    /// <summary>The labels of one version, pointers included, in ordinal order.</summary>
    public ImmutableArray<VersionLabel> LabelsOf(int number)
    {
        ImmutableArray<VersionLabel>.Builder labels = ImmutableArray.CreateBuilder<VersionLabel>();
        foreach ((VersionLabel label, int at) in Labels)
        {
            if (at == number)
            {
                labels.Add(label);
            }
        }

        if (Head.Current == number)
        {
            labels.Add(VersionLabel.Current);
        }

        if (Head.Previous == number)
        {
            labels.Add(VersionLabel.Previous);
        }

        labels.Sort();
        return labels.ToImmutable();
    }
}

/// <summary>What happened, for the audit record and for those who follow changes. Flags.</summary>
[Flags]
public enum SecretEvents
{
    /// <summary>Nothing changed (a repeated request).</summary>
    None = 0,

    /// <summary>The secret was created.</summary>
    Created = 1,

    /// <summary>A version was added or filled.</summary>
    VersionAdded = 2,

    /// <summary>The current version is another one.</summary>
    CurrentMoved = 4,

    /// <summary>Labels were set, moved or removed.</summary>
    LabelsChanged = 8,

    /// <summary>Metadata, tags or settings changed.</summary>
    MetadataChanged = 16,

    /// <summary>A version was enabled, disabled or patched.</summary>
    VersionChanged = 32,

    /// <summary>A value was erased.</summary>
    ValueErased = 64,

    /// <summary>The secret was deleted recoverably.</summary>
    Deleted = 128,

    /// <summary>The secret was recovered.</summary>
    Recovered = 256,

    /// <summary>The secret was purged.</summary>
    Purged = 512,

    /// <summary>Old versions were removed.</summary>
    Pruned = 1024,
}

/// <summary>The outcome of one transition.</summary>
/// <param name="After">The state afterwards; null when the secret is purged.</param>
/// <param name="Events">What happened.</param>
/// <param name="Number">The version the command made or named; 0 = none.</param>
/// <param name="TakesValue">Whether <paramref name="Number"/> is to receive the value that came with the command.</param>
public sealed record Transition(SecretState? After, SecretEvents Events, int Number = 0, bool TakesValue = false);

/// <summary>The rows that a store must write to get from one state to another, all in one transaction.</summary>
public sealed class SecretChange
{
    /// <summary>The state as loaded, or null where the secret is new.</summary>
    public SecretState? Before { get; init; }

    /// <summary>The state to reach, MACs set; null = purge everything under <see cref="Before"/>.</summary>
    public SecretState? After { get; init; }

    /// <summary>Version rows to insert or replace.</summary>
    public IReadOnlyList<SecretVersion> Versions { get; init; } = [];

    /// <summary>Version rows (and their values) to remove.</summary>
    public IReadOnlyList<int> RemovedVersions { get; init; } = [];

    /// <summary>Sealed values to store: version number and sealed bytes.</summary>
    public IReadOnlyList<(int Number, byte[] Sealed)> Values { get; init; } = [];

    /// <summary>Versions whose sealed value is to be overwritten and removed.</summary>
    public IReadOnlyList<int> ErasedValues { get; init; } = [];

    /// <summary>
    /// The difference between two states, without MACs and values.
    /// </summary>
    public static SecretChange Between(SecretState? before, SecretState? after)
    {
        if (after is null)
        {
            return new() { Before = before };
        }

        List<SecretVersion> changed = [];
        List<int> erased = [], removed = [];
        foreach ((int number, SecretVersion version) in after.Versions)
        {
            SecretVersion? old = before?.Version(number);
            if (!ReferenceEquals(old, version))
            {
                changed.Add(version);
                if (version.DestroyedAt is not null && old is { DestroyedAt: null, HasValue: true })
                {
                    erased.Add(number);
                }
            }
        }

        foreach (int number in before?.Versions.Keys ?? [])
        {
            if (!after.Versions.ContainsKey(number))
            {
                removed.Add(number);
            }
        }

        return new() { Before = before, After = after, Versions = changed, RemovedVersions = removed, ErasedValues = erased };
    }
}

/// <summary>Bounds of the core. Each wire enforces its own, narrower ones before.</summary>
public static class SecretLimits
{
    /// <summary>Largest value, in bytes.</summary>
    public const int ValueBytes = 1024 * 1024;

    /// <summary>Most labels on one secret.</summary>
    public const int Labels = 50;

    /// <summary>Most pairs in one attribute space of one secret or version.</summary>
    public const int Attributes = 100;

    /// <summary>Longest description, in characters.</summary>
    public const int Description = 2048;

    /// <summary>Most versions one command may name.</summary>
    public const int VersionsPerCommand = 100;

    internal static void CheckDescription(string text)
    {
        if (text.Length > Description)
        {
            throw Error.InvalidRequest("the description is longer than 2048 characters", "description");
        }
    }

    internal static void CheckAttributes(IEnumerable<KeyValuePair<string, string>> pairs)
    {
        int count = 0;
        foreach ((string key, string value) in pairs)
        {
            if (key.Length is 0 or > 512 || value.Length > 16_384)
            {
                throw Error.InvalidRequest("a tag, label or annotation has an empty or overlong key or an overlong value", "tags");
            }

            count++;
        }

        if (count > Attributes)
        {
            throw Error.QuotaExceeded($"a secret holds at most {Attributes} pairs of a kind");
        }
    }
}
