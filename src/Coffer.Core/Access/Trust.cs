using System.Collections.Immutable;
using Coffer.Core.Secrets;

namespace Coffer.Core.Access;

/// <summary>How a trust's proof is verified. Numbers are stored.</summary>
public enum TrustKind
{
    /// <summary>The kernel says which user holds the other end of the local socket.</summary>
    LocalUser = 1,

    /// <summary>A signed web token of an OIDC issuer: keys by discovery, or given.</summary>
    WebToken = 2,

    /// <summary>A Kubernetes service account token, reviewed by its API server.</summary>
    Kubernetes = 3,

    /// <summary>A presigned AWS GetCallerIdentity, put to a configured endpoint.</summary>
    AwsIdentity = 4,

    /// <summary>A client certificate of a given CA.</summary>
    Certificate = 5,
}

/// <summary>What proves a principal with no stored secret.</summary>
public sealed record Trust
{
    /// <summary>Issuer of the machine itself: the kernel says which user holds the other end of the Unix socket.</summary>
    public const string LocalSocket = "unix:peer";

    /// <summary>Never changes.</summary>
    public required Guid Id { get; init; }

    /// <summary>Unique name.</summary>
    public required PrincipalName Name { get; init; }

    /// <summary>How the proof is verified.</summary>
    public TrustKind Kind { get; init; } = TrustKind.LocalUser;

    /// <summary>Where the proof comes from: <see cref="LocalSocket"/>, or the issuer's URL or name, compared exactly.</summary>
    public required string Issuer { get; init; }

    /// <summary>Audiences of which the proof must name one. Never empty where the kind has audiences.</summary>
    public ImmutableArray<string> Audiences { get; init; } = [];

    /// <summary>Claims that must match, all of them: exactly, or by a pattern with <c>*</c>; for the local socket <c>uid</c>.</summary>
    public ImmutableSortedDictionary<string, string> Claims { get; init; } = Secret.NoTags;

    /// <summary>The principal that a match proves; null where <see cref="PrincipalClaim"/> names it.</summary>
    public required Guid? PrincipalId { get; init; }

    /// <summary>The claim whose value finds (or, with <see cref="NewGroup"/>, creates) the principal, or null.</summary>
    public string? PrincipalClaim { get; init; }

    /// <summary>The group that principals are created into; null: none are created.</summary>
    public Guid? NewGroup { get; init; }

    /// <summary>Longest life of a session got with it, in seconds, 60 to 43,200.</summary>
    public int MaxSeconds { get; init; } = 3600;

    /// <summary>Settings of the verifier, as its JSON text; '' for none. Holds no secret.</summary>
    public string Settings { get; init; } = "";

    /// <summary>The verifier's own secret (a token for reviews), sealed; or empty.</summary>
    public ReadOnlyMemory<byte> Sealed { get; init; }

    /// <summary>Creation, UTC microseconds.</summary>
    public required long Created { get; init; }

    /// <summary>+1 on any change.</summary>
    public int Revision { get; init; } = 1;

    /// <summary>Authenticates the row; empty before it was saved.</summary>
    public ReadOnlyMemory<byte> Mac { get; init; }
}
