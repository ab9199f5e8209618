using System.Text.Json.Serialization;

namespace Coffer.Contracts;

/// <summary>Values wanted: at most 100, each decided by itself.</summary>
public sealed record ResolveRequest
{
    /// <summary>Which.</summary>
    public required IReadOnlyList<SecretReference> References { get; init; }
}

/// <summary>Which value.</summary>
public sealed record SecretReference
{
    /// <summary>The vault.</summary>
    public required string Vault { get; init; }

    /// <summary>The secret's name.</summary>
    public required string Name { get; init; }

    /// <summary>Number or id of a version; absent = the current one.</summary>
    [JsonConverter(typeof(VersionTextConverter))]
    public string? Version { get; init; }
}

/// <summary>The values in the order they were asked for. Dispose it.</summary>
public sealed record ResolveResult : IDisposable
{
    /// <summary>One per reference.</summary>
    public required IReadOnlyList<ResolvedValue> Values { get; init; }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (ResolvedValue value in Values)
        {
            value.Text?.Dispose();
            value.Base64?.Dispose();
        }
    }
}

/// <summary>Exactly one of the three.</summary>
public sealed record ResolvedValue
{
    /// <summary>The value where it is text.</summary>
    public SecretText? Text { get; init; }

    /// <summary>The value where it is bytes.</summary>
    public SecretBytes? Base64 { get; init; }

    /// <summary>Why there is no value.</summary>
    public ResolveError? Error { get; init; }
}

/// <summary>Why one reference has no value. Forbidden and missing look alike to whoever may not see the difference.</summary>
/// <param name="Code">As in <see cref="Problem.Code"/>.</param>
/// <param name="Message">A sentence for people.</param>
public sealed record ResolveError(string Code, string Message);
