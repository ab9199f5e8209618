using System.ComponentModel.DataAnnotations;
using System.Text.Json;

namespace Coffer.Contracts;

/// <summary>What proves a principal without a stored secret.</summary>
public sealed record TrustInfo
{
    /// <summary>Unique name.</summary>
    public required string Name { get; init; }

    /// <summary>How a proof is verified.</summary>
    [AllowedValues("local-user", "web-token", "kubernetes", "aws", "certificate")]
    public required string Kind { get; init; }

    /// <summary>The principal that it proves, or absent where a claim names it.</summary>
    public string? Principal { get; init; }

    /// <summary>The claim whose value names the principal, or absent.</summary>
    public string? PrincipalClaim { get; init; }

    /// <summary>The group that principals are created into, or absent: none are created.</summary>
    public string? NewGroup { get; init; }

    /// <summary>Where the proof comes from; <c>unix:peer</c> is the local socket.</summary>
    public required string Issuer { get; init; }

    /// <summary>Audiences of which a proof must name one; absent where the kind has none.</summary>
    public IReadOnlyList<string>? Audiences { get; init; }

    /// <summary>What must match, all of it; for the local socket the user id <c>uid</c>.</summary>
    public required IReadOnlyDictionary<string, string> Claims { get; init; }

    /// <summary>Longest life of a session got with it, in seconds; absent for the local socket.</summary>
    public int? MaxSeconds { get; init; }

    /// <summary>Settings of its kind. Absent in listings.</summary>
    public JsonElement? Settings { get; init; }

    /// <summary>Claim values and the principals that they mean, by value. Absent in listings, and where the trust names its principal.</summary>
    public IReadOnlyList<TrustLink>? Links { get; init; }

    /// <summary>Creation.</summary>
    public required DateTimeOffset Created { get; init; }
}

/// <summary>All trusts, by name.</summary>
public sealed record TrustList
{
    /// <summary>The trusts.</summary>
    public required IReadOnlyList<TrustInfo> Trusts { get; init; }
}

/// <summary>Lets a Unix user of the server's machine be a principal over the local socket.</summary>
public sealed record NewLocalTrust
{
    /// <summary>The principal.</summary>
    public required string Principal { get; init; }

    /// <summary>The user's id.</summary>
    public required uint Uid { get; init; }
}

/// <summary>A new trust: of a preset, or of a kind. It names its principal, or the claim that does. Dispose it.</summary>
public sealed record NewTrust : IDisposable
{
    /// <summary>1–64 of <c>a-z 0-9 . _ -</c>.</summary>
    public required string Name { get; init; }

    /// <summary>Fills in kind, issuer and settings of a system that everybody knows, and refuses what would let strangers in.</summary>
    [AllowedValues("github", "gitlab", "kubernetes", "azure", "google", "aws")]
    public string? Preset { get; init; }

    /// <summary>How a proof is verified; absent only with a preset.</summary>
    [AllowedValues("web-token", "kubernetes", "aws", "certificate")]
    public string? Kind { get; init; }

    /// <summary>The issuer, compared exactly: a web token's <c>iss</c>, the Kubernetes API server, the AWS endpoint, an authority's name. Absent where the preset knows it.</summary>
    public string? Issuer { get; init; }

    /// <summary>Audiences of which a proof must name one. Needed for every kind but certificates.</summary>
    public IReadOnlyList<string>? Audiences { get; init; }

    /// <summary>Claims that must match, all of them: exactly, or by a pattern with <c>*</c> and <c>?</c>. Names inside others are joined by a dot.</summary>
    public IReadOnlyDictionary<string, string>? Claims { get; init; }

    /// <summary>The principal that a match proves.</summary>
    public string? Principal { get; init; }

    /// <summary>The claim whose value names the principal, by a link made before.</summary>
    public string? PrincipalClaim { get; init; }

    /// <summary>With <see cref="PrincipalClaim"/>: the group that principals are created into whose value has no link.</summary>
    public string? NewGroup { get; init; }

    /// <summary>Longest life of a session got with it; an hour if absent.</summary>
    [Range(60, 43_200)]
    public int? MaxSeconds { get; init; }

    /// <summary>Settings of its kind, an object.</summary>
    public JsonElement? Settings { get; init; }

    /// <summary>What the server itself authenticates with where it asks about a proof (Kubernetes: a token that may review tokens). Sealed, never shown.</summary>
    public SecretText? Secret { get; init; }

    /// <inheritdoc/>
    public void Dispose() => Secret?.Dispose();
}

/// <summary>A claim's value and the principal that it means.</summary>
public sealed record TrustLink
{
    /// <summary>The value, 1–1,024 characters, compared exactly.</summary>
    public required string Value { get; init; }

    /// <summary>The principal.</summary>
    public required string Principal { get; init; }
}

/// <summary>A GetCallerIdentity that the client signed for the trust's endpoint, with the signed header <c>x-coffer-audience</c>.</summary>
public sealed record SignedRequest
{
    /// <summary>POST, or GET where it is presigned.</summary>
    [AllowedValues("POST", "GET")]
    public required string Method { get; init; }

    /// <summary>Its address. The server takes the query from it, and goes to the trust's own endpoint whatever it says.</summary>
    public required string Url { get; init; }

    /// <summary>Its headers.</summary>
    public required IReadOnlyDictionary<string, string> Headers { get; init; }

    /// <summary>Its body; absent for GET.</summary>
    public string? Body { get; init; }

    /// <summary>Nothing of it: address and headers carry a signature and may carry a session token.</summary>
    public override string ToString() => nameof(SignedRequest);
}

/// <summary>A login by a trust: exactly one of token and signed request. Dispose it.</summary>
public sealed record TrustLogin : IDisposable
{
    /// <summary>The trust's name.</summary>
    public required string Trust { get; init; }

    /// <summary>A web token, or a Kubernetes service account's token.</summary>
    public SecretText? Token { get; init; }

    /// <summary>A signed AWS request.</summary>
    public SignedRequest? SignedRequest { get; init; }

    /// <summary>What to get: a bearer token if absent, or a temporary AWS access key.</summary>
    [AllowedValues("bearer", "aws")]
    public string? Kind { get; init; }

    /// <summary>Where the bearer token is to be good; <c>coffer</c>, this API, if absent.</summary>
    public string? Audience { get; init; }

    /// <summary>How long it is to last, an hour if absent; cut to what the trust allows and to the proof's own end. At least 60, for AWS 900.</summary>
    [Range(60, 43_200)]
    public int? Seconds { get; init; }

    /// <summary>Session name in the trail, 2–64 of <c>A-Za-z0-9+=,.@_-</c>; <c>coffer</c> if absent.</summary>
    public string? Name { get; init; }

    /// <inheritdoc/>
    public void Dispose() => Token?.Dispose();
}

/// <summary>A login by the certificate that the client authenticated its TLS connection with.</summary>
public sealed record CertificateLogin
{
    /// <summary>The trust's name.</summary>
    public required string Trust { get; init; }

    /// <summary>What to get: a bearer token if absent, or a temporary AWS access key.</summary>
    [AllowedValues("bearer", "aws")]
    public string? Kind { get; init; }

    /// <summary>Where the bearer token is to be good; <c>coffer</c>, this API, if absent.</summary>
    public string? Audience { get; init; }

    /// <summary>How long it is to last, an hour if absent; cut to what the trust allows and to the certificate's end. At least 60, for AWS 900.</summary>
    [Range(60, 43_200)]
    public int? Seconds { get; init; }

    /// <summary>Session name in the trail, 2–64 of <c>A-Za-z0-9+=,.@_-</c>; <c>coffer</c> if absent.</summary>
    public string? Name { get; init; }
}

/// <summary>What a login gave: a bearer token or an access key, never both. Dispose it.</summary>
public sealed record TrustSession : IDisposable
{
    /// <summary>Who it is.</summary>
    public required string Principal { get; init; }

    /// <summary>What the trail calls the session.</summary>
    public required string Id { get; init; }

    /// <summary>Its end.</summary>
    public required DateTimeOffset Expiration { get; init; }

    /// <summary>The bearer token.</summary>
    public SecretText? Token { get; init; }

    /// <summary>The temporary AWS access key.</summary>
    public SessionCredentials? AccessKey { get; init; }

    /// <inheritdoc/>
    public void Dispose()
    {
        Token?.Dispose();
        AccessKey?.Dispose();
    }
}
