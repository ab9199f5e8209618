using System.Collections.Immutable;
using Coffer.Core.Access;

namespace Coffer.Core.Secrets;

/// <summary>Creates a secret without a version.</summary>
public sealed record CreateSecret
{
    /// <summary>Drawn before anything is decided, since it is part of the resource that policies judge.</summary>
    public required SecretUid Uid { get; init; }

    /// <summary>The name.</summary>
    public required SecretName Name { get; init; }

    /// <summary>'' or a region.</summary>
    public string Location { get; init; } = "";

    /// <summary>Free text.</summary>
    public string Description { get; init; } = "";

    /// <summary>Pairs in the space <see cref="AttributeSpace.Tag"/>.</summary>
    public ImmutableSortedDictionary<string, string> Tags { get; init; } = Secret.NoTags;

    /// <summary>What only the creating wire knows, by dialect.</summary>
    public ImmutableDictionary<string, string> Annotations { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>What the call is besides, by the creating wire's own account: asked too.</summary>
    public ImmutableArray<Operation> AlsoAsks { get; init; } = [];
}

/// <summary>A change of what only one wire knows about a secret, from what it knows now.</summary>
/// <param name="Dialect">Whose annotation.</param>
/// <param name="Change">From the annotation's JSON, or null for none, to the new one, or null for none. What it throws refuses the write.</param>
public sealed record AnnotationEdit(string Dialect, Func<string?, string?> Change);

/// <summary>A wire's own condition on a write, over what it alone knows of the secret. Held against the row that the write changes.</summary>
/// <param name="Dialect">Whose annotation.</param>
/// <param name="Check">Gets the annotation's JSON, or null for none. What it throws refuses the write.</param>
public sealed record AnnotationCondition(string Dialect, Action<string?> Check);

/// <summary>Adds a version, or fills the one that its token names. The value itself travels beside the command.</summary>
public sealed record AddVersion
{
    /// <summary>Id to use unless the token gives one.</summary>
    public required VersionId Id { get; init; }

    /// <summary>The client's request token, or null.</summary>
    public RequestToken? Token { get; init; }

    /// <summary>Kind of the value.</summary>
    public ValueKind Kind { get; init; } = ValueKind.Text;

    /// <summary>Bytes of the value.</summary>
    public required int Size { get; init; }

    /// <summary>Keyed fingerprint of kind and value.</summary>
    public required ReadOnlyMemory<byte> Fingerprint { get; init; }

    /// <summary>Labels to put on it. Null, or with AWSCURRENT among them: it becomes current. Otherwise current stays, unless there is none.</summary>
    public ImmutableArray<VersionLabel>? Labels { get; init; }

    /// <summary>Most labels the secret may carry when this command lists some: a wire's own quota.</summary>
    public int MaxLabels { get; init; } = SecretLimits.Labels;

    /// <summary>The dialect that writes.</summary>
    public required string Wire { get; init; }

    /// <summary>Name of the principal who writes.</summary>
    public required string By { get; init; }

    /// <summary>Content type, or null.</summary>
    public string? ContentType { get; init; }

    /// <summary>Informational start, UTC microseconds, or null.</summary>
    public long? NotBefore { get; init; }

    /// <summary>Informational end, UTC microseconds, or null.</summary>
    public long? Expires { get; init; }

    /// <summary>AWS KmsKeyId, or null.</summary>
    public string? KeyName { get; init; }

    /// <summary>Whether it is written disabled.</summary>
    public bool Disabled { get; init; }

    /// <summary>Microseconds after which it is disabled; 0 = never.</summary>
    public long DisableAfter { get; init; }

    /// <summary>The version number that must be current (0 = none ever), or null for no check.</summary>
    public int? IfCurrent { get; init; }

    /// <summary>Pairs in the space <see cref="AttributeSpace.VersionTag"/>.</summary>
    public ImmutableSortedDictionary<string, string> VersionTags { get; init; } = Secret.NoTags;

    /// <summary>The writing wire's rule for old versions, or null for none.</summary>
    public PruneRule? Prune { get; init; }

    /// <summary>Erases every older version (a key-value mount of version 1).</summary>
    public bool EraseOlder { get; init; }
}

/// <summary>Which old versions go after a write; only versions that the writing wire itself wrote.</summary>
/// <param name="Keep">How many versions stay.</param>
/// <param name="MinimumAge">Microseconds; younger versions stay, and when nothing may go the write is refused. Used with <paramref name="ByWindow"/> false.</param>
/// <param name="ByWindow">True: numbers up to current − keep go, counted from the history's oldest. False: the oldest unlabelled ones go while there are more than keep.</param>
public sealed record PruneRule(int Keep, long MinimumAge, bool ByWindow);

/// <summary>Begins a rotation: a version without a value that carries AWSPENDING.</summary>
/// <param name="Id">Id to use unless the token gives one.</param>
/// <param name="Token">The client's request token.</param>
/// <param name="Wire">The dialect that writes.</param>
/// <param name="By">Name of the principal.</param>
public sealed record BeginRotation(VersionId Id, RequestToken Token, string Wire, string By);

/// <summary>Moves, attaches (no <paramref name="From"/>) or detaches (no <paramref name="To"/>) a label. Numbers of versions.</summary>
/// <param name="Label">Which label.</param>
/// <param name="From">The version it is said to be on, or null.</param>
/// <param name="To">The version to put it on, or null.</param>
public sealed record MoveLabel(VersionLabel Label, int? From, int? To);

/// <summary>Replaces all labels but the three reserved ones (Google's version aliases).</summary>
/// <param name="Aliases">The complete new map.</param>
public sealed record ReplaceAliases(ImmutableSortedDictionary<VersionLabel, int> Aliases);

/// <summary>What a wire wants of versions that are unknown, destroyed, or already as asked.</summary>
public enum VersionSetMode
{
    /// <summary>Unknown or destroyed: refused. Already so: counts as a change.</summary>
    Strict = 1,

    /// <summary>Unknown or destroyed: passed over. Already so: nothing changes.</summary>
    Lenient = 2,
}

/// <summary>Enables versions.</summary>
/// <param name="Numbers">Which.</param>
/// <param name="Mode">How strictly.</param>
/// <param name="DisableAfter">Microseconds after which they are disabled again; 0 = never.</param>
public sealed record EnableVersions(ImmutableArray<int> Numbers, VersionSetMode Mode, long DisableAfter = 0);

/// <summary>Disables versions.</summary>
/// <param name="Numbers">Which.</param>
/// <param name="Mode">How strictly.</param>
public sealed record DisableVersions(ImmutableArray<int> Numbers, VersionSetMode Mode);

/// <summary>Erases the values of versions, now or after a delay.</summary>
/// <param name="Numbers">Which.</param>
/// <param name="Mode">How strictly.</param>
/// <param name="Delay">Microseconds; 0 = at once.</param>
public sealed record DestroyVersions(ImmutableArray<int> Numbers, VersionSetMode Mode, long Delay = 0);

/// <summary>Changes attributes of one version; members left null stay.</summary>
public sealed record EditVersion
{
    /// <summary>Which version.</summary>
    public required int Number { get; init; }

    /// <summary>New content type.</summary>
    public string? ContentType { get; init; }

    /// <summary>New informational start, UTC microseconds.</summary>
    public long? NotBefore { get; init; }

    /// <summary>New informational end, UTC microseconds.</summary>
    public long? Expires { get; init; }

    /// <summary>Enable or disable.</summary>
    public bool? Enabled { get; init; }

    /// <summary>New complete tag map.</summary>
    public ImmutableSortedDictionary<string, string>? Tags { get; init; }
}

/// <summary>Changes a secret's metadata; members left null stay.</summary>
public sealed record EditMetadata
{
    /// <summary>New description.</summary>
    public string? Description { get; init; }

    /// <summary>Tags to set (existing keys are replaced).</summary>
    public ImmutableSortedDictionary<string, string>? SetTags { get; init; }

    /// <summary>Most tags the secret may carry where this command sets some: a wire's own quota.</summary>
    public int MaxTags { get; init; } = int.MaxValue;

    /// <summary>Whether a change after which the caller could not make it again is refused: tags decide in policies.</summary>
    public bool KeepsAccess { get; init; }

    /// <summary>Tag keys to remove; absent ones are passed over.</summary>
    public ImmutableArray<string>? RemoveTags { get; init; }

    /// <summary>New complete map of one other space, or null.</summary>
    public (AttributeSpace Space, ImmutableSortedDictionary<string, string> Pairs)? ReplaceAttributes { get; init; }

    /// <summary>A change of one dialect's annotation, or null.</summary>
    public AnnotationEdit? Annotation { get; init; }

    /// <summary>New expiry of the whole secret, UTC microseconds; 0 = none; null = as it is.</summary>
    public long? Expires { get; init; }

    /// <summary>The revision the caller last saw, or null for no check.</summary>
    public int? IfRevision { get; init; }

    /// <summary>The secret whose revision that was, or null for whichever has the name now.</summary>
    public SecretUid? IfUid { get; init; }
}

/// <summary>Deletes recoverably.</summary>
/// <param name="Window">Microseconds until it counts as gone.</param>
public sealed record DeleteSecret(long Window);
