using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;

namespace Coffer.Contracts;

/// <summary>Metadata of a secret; never a value.</summary>
public sealed record SecretInfo
{
    /// <summary>The vault.</summary>
    public required string Vault { get; init; }

    /// <summary>The name in it.</summary>
    public required string Name { get; init; }

    /// <summary>32 hex digits that tell this secret from one that had the name before.</summary>
    public required string Uid { get; init; }

    /// <summary>Free text, up to 2,048 characters.</summary>
    public string Description { get; init; } = "";

    /// <summary>Key-value pairs that conditions can read.</summary>
    public IReadOnlyDictionary<string, string> Tags { get; init; } = new Dictionary<string, string>();

    /// <summary>Number of the version that a plain read returns; 0 = none.</summary>
    public int Current { get; init; }

    /// <summary>How many versions there are.</summary>
    public int VersionCount { get; init; }

    /// <summary>Creation.</summary>
    public required DateTimeOffset Created { get; init; }

    /// <summary>Last change, versions and labels included.</summary>
    public required DateTimeOffset Changed { get; init; }

    /// <summary>When it was deleted recoverably, or absent.</summary>
    public DateTimeOffset? Deleted { get; init; }

    /// <summary>From when on it is gone for good, or absent.</summary>
    public DateTimeOffset? PurgeAt { get; init; }

    /// <summary>End of the whole secret, or absent.</summary>
    public DateTimeOffset? Expires { get; init; }

    /// <summary>Day of the last read of a value, or absent.</summary>
    public DateOnly? LastRead { get; init; }

    /// <summary>Whether and when it rotates. Absent where that was never set.</summary>
    public RotationInfo? Rotation { get; init; }

    /// <summary>Optimistic tag of the metadata, for If-Match.</summary>
    [JsonPropertyName("etag")]
    public required string ETag { get; init; }

    /// <summary>Versions that carry a label, newest first. Absent in listings.</summary>
    public IReadOnlyList<VersionInfo>? Versions { get; init; }
}

/// <summary>How a secret rotates.</summary>
public sealed record RotationInfo
{
    /// <summary>Whether it does; false after a cancellation, which keeps the rest.</summary>
    public required bool Enabled { get; init; }

    /// <summary>The function, as the wire that set it names it.</summary>
    public required string Function { get; init; }

    /// <summary>Days between rotations, or absent.</summary>
    public int? Days { get; init; }

    /// <summary>The schedule as an expression, or absent.</summary>
    public string? Schedule { get; init; }

    /// <summary>End of the last rotation that succeeded, or absent.</summary>
    public DateTimeOffset? Last { get; init; }

    /// <summary>When the next window opens (past, where a rotation is late), or absent.</summary>
    public DateTimeOffset? Next { get; init; }

    /// <summary>When that window closes, or absent.</summary>
    public DateTimeOffset? NextUntil { get; init; }

    /// <summary>How often the rotation that is under way was begun, or absent where none is.</summary>
    public int? Attempts { get; init; }
}

/// <summary>One version of a secret; never its value.</summary>
public sealed record VersionInfo
{
    /// <summary>1, 2, 3 … per secret.</summary>
    public required int Number { get; init; }

    /// <summary>32 lower-case hex digits.</summary>
    public required string Id { get; init; }

    /// <summary>What can be done with it.</summary>
    [AllowedValues("enabled", "disabled", "destroyed", "pending")]
    public required string State { get; init; }

    /// <summary>What kind of bytes it holds. An object is the text of a JSON object.</summary>
    [AllowedValues("text", "binary", "object")]
    public required string Kind { get; init; }

    /// <summary>Bytes of the value.</summary>
    public int Size { get; init; }

    /// <summary>Its labels, pointers such as AWSCURRENT included.</summary>
    public IReadOnlyList<string> Labels { get; init; } = [];

    /// <summary>When it was written.</summary>
    public required DateTimeOffset Created { get; init; }

    /// <summary>Last change of its attributes.</summary>
    public required DateTimeOffset Updated { get; init; }

    /// <summary>Name of the principal who wrote it.</summary>
    public string CreatedBy { get; init; } = "";

    /// <summary>The wire it was written through.</summary>
    public string Wire { get; init; } = "";

    /// <summary>Content type as the writer gave it, or absent.</summary>
    public string? ContentType { get; init; }

    /// <summary>Informational start, or absent.</summary>
    public DateTimeOffset? NotBefore { get; init; }

    /// <summary>Informational end, or absent.</summary>
    public DateTimeOffset? Expires { get; init; }

    /// <summary>From when on it is disabled, or absent.</summary>
    public DateTimeOffset? DisabledAt { get; init; }

    /// <summary>When its value is to be erased, or absent.</summary>
    public DateTimeOffset? DestroyAt { get; init; }

    /// <summary>When its value was erased, or absent.</summary>
    public DateTimeOffset? Destroyed { get; init; }

    /// <summary>Day of the last read, or absent.</summary>
    public DateOnly? LastRead { get; init; }
}

/// <summary>One page of secrets. May be short, even empty, and still have a next one.</summary>
public sealed record SecretList
{
    /// <summary>The secrets.</summary>
    public required IReadOnlyList<SecretInfo> Secrets { get; init; }

    /// <summary>To be sent as <c>page</c> for the next page; absent at the end.</summary>
    public string? Next { get; init; }
}

/// <summary>One page of the versions of a secret, newest first.</summary>
public sealed record VersionList
{
    /// <summary>The secret.</summary>
    public required SecretInfo Secret { get; init; }

    /// <summary>The versions.</summary>
    public required IReadOnlyList<VersionInfo> Versions { get; init; }

    /// <summary>To be sent as <c>before</c> for the next page; absent at the end.</summary>
    public int? Next { get; init; }
}

/// <summary>A value with the version it belongs to: exactly one of <see cref="Text"/> and <see cref="Base64"/>. Dispose it.</summary>
public sealed record SecretContent : IDisposable
{
    /// <summary>The vault.</summary>
    public required string Vault { get; init; }

    /// <summary>The secret.</summary>
    public required string Name { get; init; }

    /// <summary>The version.</summary>
    public required VersionInfo Version { get; init; }

    /// <summary>The value where it is text (kinds text and object).</summary>
    public SecretText? Text { get; init; }

    /// <summary>The value where it is bytes.</summary>
    public SecretBytes? Base64 { get; init; }

    /// <summary>The value's bytes; text is UTF-8.</summary>
    [JsonIgnore]
    public ReadOnlyMemory<byte> Bytes => Text?.Memory ?? Base64?.Memory ?? default;

    /// <inheritdoc/>
    public void Dispose()
    {
        Text?.Dispose();
        Base64?.Dispose();
    }
}

/// <summary>A new secret. With <see cref="Text"/> or <see cref="Base64"/> it gets its first version at once.</summary>
public sealed record NewSecret : IDisposable
{
    /// <summary>The name: 1–512 of <c>A-Za-z0-9/_+=.@-!:,~</c> and inner spaces, no <c>.</c> or <c>..</c> segment.</summary>
    public required string Name { get; init; }

    /// <summary>Free text, up to 2,048 characters.</summary>
    public string? Description { get; init; }

    /// <summary>Key-value pairs that conditions can read.</summary>
    public IReadOnlyDictionary<string, string>? Tags { get; init; }

    /// <summary>The value as text.</summary>
    public SecretText? Text { get; init; }

    /// <summary>The value as bytes.</summary>
    public SecretBytes? Base64 { get; init; }

    /// <summary>32–64 printable characters of the client's choice: the same request sent twice makes one version.</summary>
    public string? RequestToken { get; init; }

    /// <inheritdoc/>
    public void Dispose()
    {
        Text?.Dispose();
        Base64?.Dispose();
    }
}

/// <summary>A new value: exactly one of <see cref="Text"/> and <see cref="Base64"/>.</summary>
public sealed record NewValue : IDisposable
{
    /// <summary>The value as text.</summary>
    public SecretText? Text { get; init; }

    /// <summary>The value as bytes.</summary>
    public SecretBytes? Base64 { get; init; }

    /// <summary>32–64 printable characters of the client's choice: the same request sent twice makes one version.</summary>
    public string? RequestToken { get; init; }

    /// <summary>Number of the version that must be current, 0 = the secret must have none; absent = no check.</summary>
    [Range(0, int.MaxValue)]
    public int? IfCurrent { get; init; }

    /// <summary>Labels to put on the version. Absent, or with AWSCURRENT among them: it becomes current.</summary>
    public IReadOnlyList<string>? Labels { get; init; }

    /// <summary>Content type, or absent.</summary>
    public string? ContentType { get; init; }

    /// <summary>Informational start, or absent.</summary>
    public DateTimeOffset? NotBefore { get; init; }

    /// <summary>Informational end, or absent.</summary>
    public DateTimeOffset? Expires { get; init; }

    /// <inheritdoc/>
    public void Dispose()
    {
        Text?.Dispose();
        Base64?.Dispose();
    }
}

/// <summary>What a write left behind.</summary>
public sealed record WriteResult
{
    /// <summary>The secret afterwards; before it, where it was purged.</summary>
    public required SecretInfo Secret { get; init; }

    /// <summary>The version that was made or named, or absent.</summary>
    public VersionInfo? Version { get; init; }

    /// <summary>False where a repeated request changed nothing.</summary>
    public bool Changed { get; init; }
}

/// <summary>Changes of a secret's metadata; what is absent stays.</summary>
public sealed record SecretChange
{
    /// <summary>New description.</summary>
    public string? Description { get; init; }

    /// <summary>Tags to set; existing keys are replaced.</summary>
    public IReadOnlyDictionary<string, string>? SetTags { get; init; }

    /// <summary>Keys of tags to remove; unknown ones are passed over.</summary>
    public IReadOnlyList<string>? RemoveTags { get; init; }
}

/// <summary>Makes an older version current again.</summary>
public sealed record Rollback
{
    /// <summary>Number or id of the version to go back to.</summary>
    [JsonConverter(typeof(VersionTextConverter))]
    public required string To { get; init; }
}

/// <summary>Moves a label (both members), attaches it (only <see cref="To"/>) or takes it off (only <see cref="From"/>).</summary>
public sealed record LabelMove
{
    /// <summary>1–256 printable characters.</summary>
    public required string Label { get; init; }

    /// <summary>Number or id of the version it is on now.</summary>
    [JsonConverter(typeof(VersionTextConverter))]
    public string? From { get; init; }

    /// <summary>Number or id of the version it is to be on.</summary>
    [JsonConverter(typeof(VersionTextConverter))]
    public string? To { get; init; }
}

/// <summary>Versions of one secret, by number.</summary>
public sealed record VersionNumbers
{
    /// <summary>1–100 numbers.</summary>
    public required IReadOnlyList<int> Versions { get; init; }
}
