using System.Collections.Immutable;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using System.Text.Json.Serialization;
using Coffer.Core.Errors;

namespace Coffer.Trusts.Tokens;

/// <summary>Settings of a trust in web tokens. Times in seconds. Members have setters, since generated readers drop the defaults of the others.</summary>
internal sealed record WebTokenSettings
{
    public const int MaxSkew = 60, MinAge = 60, MaxAge = 7 * 86_400;

    /// <summary>The issuer's key set, where it is given and not fetched.</summary>
    public JsonElement? Jwks { get; set; }

    /// <summary>Algorithms that are taken. Pinned here: a token never chooses.</summary>
    public IReadOnlyList<string> Algorithms { get; set; } = ["RS256", "ES256"];

    /// <summary>How far the issuer's clock may be from ours.</summary>
    public int ClockSkew { get; set; } = 30;

    /// <summary>How long after it was issued a token may be shown.</summary>
    public int MaxTokenAge { get; set; } = 3600;

    /// <summary>Whether the issuer may be on a private network or this machine.</summary>
    public bool AllowPrivateNetwork { get; set; }

    /// <summary>PEM certificates that the issuer's server must chain to, in place of the system's.</summary>
    public string? Roots { get; set; }

    /// <summary>
    /// Whether a session may be longer than the token that it is got with. Tokens of CI systems live minutes and jobs hours; the
    /// trust's own limit then counts alone.
    /// </summary>
    public bool SessionOutlivesToken { get; set; }

    /// <summary>Claims that must not match, by name: what a trust's own claims, which say what must, cannot leave out.</summary>
    public IReadOnlyDictionary<string, string>? Refused { get; set; }

    /// <summary>That people log in through this issuer: the core reads and checks it.</summary>
    public JsonElement? Login { get; set; }

    [JsonIgnore]
    public ImmutableArray<WebKey>? Keys { get; private set; }

    [JsonIgnore]
    public X509Certificate2Collection? RootCertificates { get; private set; }

    /// <summary>Checks every member and parses what is parsed once. Throws InvalidRequest.</summary>
    public WebTokenSettings Checked()
    {
        if (Algorithms.Count == 0 || Algorithms.FirstOrDefault(a => !WebKey.Algorithms.Contains(a)) is not null)
        {
            throw Error.InvalidRequest($"algorithms are one or more of {string.Join(", ", WebKey.Algorithms)}", "settings.algorithms");
        }

        if (ClockSkew is < 0 or > MaxSkew)
        {
            throw Error.InvalidRequest($"the clock skew is 0 to {MaxSkew} seconds", "settings.clockSkew");
        }

        if (MaxTokenAge is < MinAge or > MaxAge)
        {
            throw Error.InvalidRequest($"the age of a token is {MinAge} to {MaxAge} seconds", "settings.maxTokenAge");
        }

        if (Jwks is { } set)
        {
            if (HasPrivatePart(set))
            {
                throw Error.InvalidRequest("the key set holds private or symmetric keys; give the public ones", "settings.jwks");
            }

            Keys = WebKey.ParseSet(set) is { IsEmpty: false } keys && keys.Any(k => Algorithms.Any(k.Fits))
                ? keys
                : throw Error.InvalidRequest("the key set has no key for these algorithms", "settings.jwks");
        }

        if (Refused is not null && Refused.Any(r => r.Key.Length is 0 or > 256 || r.Value is not { Length: > 0 and <= 2048 }))
        {
            throw Error.InvalidRequest("a refused claim has a name and a pattern", "settings.refused");
        }

        RootCertificates = Roots is null ? null : PemCertificates.Read(Roots, "settings.roots");
        return this;
    }

    private static bool HasPrivatePart(JsonElement set) =>
        set.ValueKind == JsonValueKind.Object && set.TryGetProperty("keys", out JsonElement keys) && keys.ValueKind == JsonValueKind.Array
        && keys.EnumerateArray().Any(k => k.ValueKind == JsonValueKind.Object && (k.TryGetProperty("d", out _) || k.TryGetProperty("k", out _)));
}
