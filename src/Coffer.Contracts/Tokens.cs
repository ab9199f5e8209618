using System.ComponentModel.DataAnnotations;

namespace Coffer.Contracts;

/// <summary>Asks for a short-lived bearer token; nothing of it is stored.</summary>
public sealed record NewBearerToken
{
    /// <summary>For whom; absent = for the caller. For someone else only who may act as them, or a server administrator.</summary>
    public string? Principal { get; init; }

    /// <summary>The vault that its calls land in; absent = the principal's home.</summary>
    public string? Vault { get; init; }

    /// <summary>
    /// Where it is good, 1–256 visible ASCII characters; <c>coffer</c>, this API, if absent. Wires: <c>azure:RESOURCE</c>,
    /// <c>google</c>, <c>vault</c>. A token for one proves nobody at another.
    /// </summary>
    public string? Audience { get; init; }

    /// <summary>How long it lasts; a quarter of an hour if absent.</summary>
    [Range(60, 43_200)]
    public int? Seconds { get; init; }

    /// <summary>Session name in the trail, 2–64 of <c>A-Za-z0-9+=,.@_-</c>; <c>coffer</c> if absent.</summary>
    public string? Name { get; init; }
}

/// <summary>A bearer token just made. Dispose it.</summary>
public sealed record IssuedBearerToken : IDisposable
{
    /// <summary>What the trail calls it.</summary>
    public required string Id { get; init; }

    /// <summary>The token.</summary>
    public required SecretText Token { get; init; }

    /// <summary>Its end.</summary>
    public required DateTimeOffset Expiration { get; init; }

    /// <inheritdoc/>
    public void Dispose() => Token.Dispose();
}

/// <summary>Who may act as a principal: exactly one of the two.</summary>
public sealed record Assumer
{
    /// <summary>A principal, such as a machine's agent.</summary>
    public string? Principal { get; init; }

    /// <summary>A group: each of its members.</summary>
    public string? Group { get; init; }
}

/// <summary>Who may act as a principal, in the order it was allowed.</summary>
public sealed record AssumerList
{
    /// <summary>Principals and groups.</summary>
    public required IReadOnlyList<Assumer> AssumedBy { get; init; }
}
