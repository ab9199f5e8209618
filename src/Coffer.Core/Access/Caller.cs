using System.Collections.Immutable;
using System.Net;
using Coffer.Core.Secrets;

namespace Coffer.Core.Access;

/// <summary>Who asks, with what, from where, through which wire. The first argument of every use case.</summary>
public sealed record Caller
{
    /// <summary>The principal that was proven.</summary>
    public required Principal Principal { get; init; }

    /// <summary>Public id of the credential or name of the trust that proved it.</summary>
    public required string Credential { get; init; }

    /// <summary>The dialect's name.</summary>
    public required string Dialect { get; init; }

    /// <summary>The wire's own name for the operation.</summary>
    public required string WireOperation { get; init; }

    /// <summary>Unique per request; shown to the caller and in the trail.</summary>
    public required string RequestId { get; init; }

    /// <summary>Where the request came from, or null for the local socket.</summary>
    public IPAddress? Address { get; init; }

    /// <summary>What the client calls itself, or null. Raw input: escaped and cut where it is written.</summary>
    public string? UserAgent { get; init; }

    /// <summary>The vault that calls land in where the wire names none: the session's, else the principal's home.</summary>
    public VaultName? Home { get; init; }

    /// <summary>Session name (AWS sessions only), or null.</summary>
    public string? Session { get; init; }

    /// <summary>Tags given to the session, which stand over those of the principal.</summary>
    public ImmutableSortedDictionary<string, string> SessionTags { get; init; } = Secret.NoTags;

    /// <summary>When the temporary credential was issued, UTC microseconds; null for one that is stored.</summary>
    public long? Issued { get; init; }

    /// <summary>The asking wire's own question, opaque to the core; its own policy language may read it.</summary>
    public object? Native { get; init; }

    /// <summary>Limits of the credential: every set must allow.</summary>
    public ImmutableArray<PolicySet> Limits { get; init; } = [];
}
