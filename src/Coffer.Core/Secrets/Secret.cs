using System.Collections.Immutable;

namespace Coffer.Core.Secrets;

/// <summary>
/// The head row of a secret: its metadata and pointers, never a value. Times are UTC microseconds.
/// <c>current</c> and <c>previous</c> are what AWS shows as AWSCURRENT and AWSPREVIOUS.
/// </summary>
public sealed record Secret
{
    /// <summary>Row number in the store, ascending with creation; 0 before it was saved.</summary>
    public long Id { get; init; }

    /// <summary>Drawn at creation; another one after purge and re-creation.</summary>
    public required SecretUid Uid { get; init; }

    /// <summary>Row number of the vault.</summary>
    public required long VaultId { get; init; }

    /// <summary>'' for a global secret; a Google region otherwise. The other wires see '' only.</summary>
    public string Location { get; init; } = "";

    /// <summary>The name.</summary>
    public required SecretName Name { get; init; }

    /// <summary>Free text, up to 2,048 characters.</summary>
    public string Description { get; init; } = "";

    /// <summary>Creation.</summary>
    public required long Created { get; init; }

    /// <summary>Any change at all, version and label changes included.</summary>
    public required long Changed { get; init; }

    /// <summary>+1 on any change of the secret's own metadata; not on version changes.</summary>
    public int Revision { get; init; } = 1;

    /// <summary>Last version number given; 0 = none ever.</summary>
    public int Highest { get; init; }

    /// <summary>Number of the version that a plain read returns; 0 = none.</summary>
    public int Current { get; init; }

    /// <summary>Number of the version that was current before; 0 = none.</summary>
    public int Previous { get; init; }

    /// <summary>Oldest version in the history that Vault reports; moved only by pruning.</summary>
    public int Oldest { get; init; }

    /// <summary>How many version rows there are.</summary>
    public int VersionCount { get; init; }

    /// <summary>When it was deleted recoverably, or null.</summary>
    public long? DeletedAt { get; init; }

    /// <summary>From when on it counts as gone, or null. Set together with <see cref="DeletedAt"/>.</summary>
    public long? PurgeAt { get; init; }

    /// <summary>Google's expiry of the whole secret, or null.</summary>
    public long? Expires { get; init; }

    /// <summary>UTC day number (days since 1970) of the last read, or null. Written behind; outside the MAC.</summary>
    public int? LastReadDay { get; init; }

    /// <summary>Whether it ever had a tag: AWS shows an empty list then, else nothing.</summary>
    public bool EverTagged { get; init; }

    /// <summary><see cref="Rotations.RotationSettings"/> as JSON, or null where none were ever made.</summary>
    public string? Rotation { get; init; }

    /// <summary>When the next rotation, or the next attempt at one, is to begin; null = nothing is due. What <see cref="Rotation"/> says, for the index.</summary>
    public long? RotationDue { get; init; }

    /// <summary>Bit mask of the policy languages that have a policy on this secret.</summary>
    public int PolicyLanguages { get; init; }

    /// <summary>Digest over the policies on this secret and their revisions, so that a deleted Deny is noticed.</summary>
    public ReadOnlyMemory<byte> PolicyDigest { get; init; }

    /// <summary>The tags in the space <see cref="AttributeSpace.Tag"/>: the only ones that conditions read.</summary>
    public ImmutableSortedDictionary<string, string> Tags { get; init; } = NoTags;

    /// <summary>How many label rows there are, so that the usual read asks for none.</summary>
    public int LabelCount { get; init; }

    /// <summary>Digest over the label rows; empty when there are none.</summary>
    public ReadOnlyMemory<byte> LabelDigest { get; init; }

    /// <summary>Authenticates the row; empty before it was saved.</summary>
    public ReadOnlyMemory<byte> Mac { get; init; }

    /// <summary>An empty tag map.</summary>
    public static ImmutableSortedDictionary<string, string> NoTags { get; } = ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal);

    /// <summary>Whether it is scheduled for deletion and can be recovered.</summary>
    public bool IsDeleted => DeletedAt is not null;

    /// <summary>Whether it counts as absent at <paramref name="now"/>, even though its row is still there.</summary>
    public bool IsGone(long now) => PurgeAt <= now || Expires <= now;

    /// <summary>Optimistic tag of the metadata: from uid and revision, no times in it.</summary>
    public string ETag => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Uid}-{Revision}");
}

/// <summary>What kind of bytes a version holds. Numbers are stored.</summary>
public enum ValueKind
{
    /// <summary>UTF-8 text, kept byte for byte.</summary>
    Text = 1,

    /// <summary>Bytes.</summary>
    Binary = 2,

    /// <summary>The text of a JSON object, kept member for member.</summary>
    Object = 3,
}

/// <summary>State of a version, derived from its dates and never stored.</summary>
public enum VersionState
{
    /// <summary>Readable.</summary>
    Enabled = 1,

    /// <summary>Kept but not readable: Vault's soft delete, Azure's <c>enabled:false</c> and Google's DISABLED are this one state.</summary>
    Disabled = 2,

    /// <summary>The value is erased.</summary>
    Destroyed = 3,
}

/// <summary>One version of a secret: an immutable value with a number and an id. Times are UTC microseconds.</summary>
public sealed record SecretVersion
{
    /// <summary>1, 2, 3 … per secret; never reused while the secret lives; gaps are legal.</summary>
    public required int Number { get; init; }

    /// <summary>32 hex digits; the token's own digits where it is a UUID not taken yet.</summary>
    public required VersionId Id { get; init; }

    /// <summary>The client's request token as sent, or null.</summary>
    public RequestToken? Token { get; init; }

    /// <summary>Whether the value was given; false while a rotation waits for it.</summary>
    public bool HasValue { get; init; } = true;

    /// <summary>What kind of bytes.</summary>
    public ValueKind Kind { get; init; } = ValueKind.Text;

    /// <summary>Bytes of plaintext.</summary>
    public int Size { get; init; }

    /// <summary>Keyed fingerprint of kind and value, by which a repeated token is told from a reused one.</summary>
    public ReadOnlyMemory<byte> Fingerprint { get; init; }

    /// <summary>When it was written.</summary>
    public required long Created { get; init; }

    /// <summary>Last change of its own attributes.</summary>
    public required long Updated { get; init; }

    /// <summary>+1 on PATCH, enable, disable, destroy.</summary>
    public int Revision { get; init; } = 1;

    /// <summary>From when on it is disabled (may lie in the future), or null.</summary>
    public long? DisabledAt { get; init; }

    /// <summary>When its value is to be erased, or null.</summary>
    public long? DestroyAt { get; init; }

    /// <summary>When its value was erased, or null.</summary>
    public long? DestroyedAt { get; init; }

    /// <summary>Informational start, or null.</summary>
    public long? NotBefore { get; init; }

    /// <summary>Informational end, or null.</summary>
    public long? Expires { get; init; }

    /// <summary>Content type as the writer gave it, or null.</summary>
    public string? ContentType { get; init; }

    /// <summary>Which dialect wrote it.</summary>
    public required string Wire { get; init; }

    /// <summary>AWS KmsKeyId at the time, or null.</summary>
    public string? KeyName { get; init; }

    /// <summary>Name of the principal who wrote it.</summary>
    public required string CreatedBy { get; init; }

    /// <summary>UTC day number of the last read, or null. Written behind; outside the MAC.</summary>
    public int? LastReadDay { get; init; }

    /// <summary>Authenticates the row; empty before it was saved.</summary>
    public ReadOnlyMemory<byte> Mac { get; init; }

    /// <summary>The version's state at <paramref name="now"/>: a scheduled change that is late never shows.</summary>
    public VersionState StateAt(long now) =>
        DestroyedAt is not null || DestroyAt <= now ? VersionState.Destroyed
        : DisabledAt <= now ? VersionState.Disabled
        : VersionState.Enabled;

    /// <summary>How AWS shows its identity: the token it was written with, or the id in UUID form.</summary>
    public string AwsId => Token?.Value ?? Id.ToUuid();

    /// <summary>Whether <paramref name="token"/> names this version: its own token, or its id as AWS shows it where it has none.</summary>
    public bool IsNamedBy(RequestToken token) =>
        Token is { } own ? own == token : string.Equals(Id.ToUuid(), token.Value, StringComparison.Ordinal);
}

/// <summary>
/// Which map of key–value pairs: they are apart on purpose, since one wire's right to change its map must not change
/// what another wire's policies decide on. Numbers are stored.
/// </summary>
public enum AttributeSpace
{
    /// <summary>AWS tags and Coffer's own: the only ones that conditions read.</summary>
    Tag = 1,

    /// <summary>Google labels.</summary>
    Label = 2,

    /// <summary>Google annotations.</summary>
    Annotation = 3,

    /// <summary>Vault custom metadata.</summary>
    Custom = 4,

    /// <summary>Azure tags, which belong to a version.</summary>
    VersionTag = 5,
}

/// <summary>One key and value in one space, on a secret (<paramref name="Number"/> 0) or one of its versions.</summary>
/// <param name="Number">Version number, or 0 for the secret itself.</param>
/// <param name="Space">Which map.</param>
/// <param name="Key">The key, ordinal.</param>
/// <param name="Value">The value.</param>
public readonly record struct SecretAttribute(int Number, AttributeSpace Space, string Key, string Value);

/// <summary>What only one wire knows about a secret or version: small JSON, opaque to the core.</summary>
/// <param name="Number">Version number, or 0 for the secret itself.</param>
/// <param name="Dialect">The dialect's name.</param>
/// <param name="Json">Its JSON.</param>
public readonly record struct SecretAnnotation(int Number, string Dialect, string Json);
