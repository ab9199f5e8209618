using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Coffer.Core.Access;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;
using Coffer.Trusts.Outbound;

namespace Coffer.Trusts.Tokens;

/// <summary>Signed web tokens (RFC 7519) of any OIDC issuer.</summary>
internal sealed class WebTokenVerifier(IssuerKeys issuers, TimeProvider clock) : ITrustVerifier
{
    // Parsed once for a trust as it is; a changed trust is another object.
    private readonly ConditionalWeakTable<Trust, WebTokenSettings> _settings = [];

    public ImmutableArray<TrustKind> Kinds => [TrustKind.WebToken];

    public void Check(Trust trust)
    {
        WebTokenSettings settings = TrustsJson.Read(trust, TrustsJson.Default.WebTokenSettings).Checked();
        if (!trust.Sealed.IsEmpty)
        {
            throw Error.InvalidRequest("a trust in web tokens has no secret of its own", "secret");
        }

        if (settings.Keys is null && (OutboundHttp.TargetOf(trust.Issuer) is not { } issuer || issuer.Query.Length > 0))
        {
            throw Error.InvalidRequest("the issuer is an https address whose keys are found by discovery, or the key set is given", "issuer");
        }

        PublicIssuers.Check(trust);
    }

    public async ValueTask<(ProvenClaims? Claims, string Reason)> VerifyAsync(Trust trust, SecretValue? secret, TrustProof proof, CancellationToken cancellationToken)
    {
        if (proof is not TrustProof.WebToken { Token: { } text })
        {
            return (null, "not a proof of this kind");
        }

        WebTokenSettings settings;
        try
        {
            settings = _settings.GetValue(trust, static t => TrustsJson.Read(t, TrustsJson.Default.WebTokenSettings).Checked());
        }
        catch (CofferException)
        {
            return (null, "the trust's settings cannot be used");
        }

        using CompactToken? token = CompactToken.Parse(text, out string reason);
        if (token is null)
        {
            return (null, reason);
        }

        if (!settings.Algorithms.Contains(token.Algorithm, StringComparer.Ordinal))
        {
            return (null, "the token's algorithm is not one that the trust allows");
        }

        // Before any call goes out: a token of somebody else's issuer never causes one.
        if (!string.Equals(StrictJson.Text(token.Claims, "iss"), trust.Issuer, StringComparison.Ordinal))
        {
            return (null, "the token is of another issuer");
        }

        if (Refusal(trust, settings, token.Claims) is { } refusal)
        {
            return (null, refusal);
        }

        ImmutableArray<WebKey> keys;
        try
        {
            bool Fits(WebKey key) => key.Fits(token.Algorithm) && (token.KeyId is null || string.Equals(key.Id, token.KeyId, StringComparison.Ordinal));
            keys = settings.Keys is { } given
                ? [.. given.Where(Fits)]
                : await issuers.FindAsync(new(trust.Issuer, settings.AllowPrivateNetwork, settings.Roots), settings.RootCertificates, Fits, cancellationToken).ConfigureAwait(false);
        }
        catch (OutboundException failure)
        {
            return (null, "the issuer's keys are not known: " + failure.Message);
        }

        // A token without a key id must leave no choice.
        if (keys.IsEmpty || (token.KeyId is null && keys.Length > 1))
        {
            return (null, "the issuer has no such key");
        }

        if (!keys.Any(k => k.Verify(token.Algorithm, token.Signed, token.Signature)))
        {
            return (null, "the token's signature is wrong");
        }

        if (ClaimValues.Of(token.Claims) is not { } values)
        {
            return (null, "two claims of the token come to have the same name");
        }

        return settings.Refused?.Any(r => values.TryGetValue(r.Key, out ImmutableArray<string> found) && found.Any(v => Glob.Matches(r.Value, v))) is true
            ? (null, "the token has a claim that the trust refuses")
            : (new(values, settings.SessionOutlivesToken ? null : (long)((Seconds(token.Claims, "exp")!.Value + settings.ClockSkew) * 1_000_000)), "");
    }

    /// <summary>Why a token is refused by its audience or times, or null.</summary>
    private string? Refusal(Trust trust, WebTokenSettings settings, JsonElement claims)
    {
        if (!Audiences(claims).Any(a => trust.Audiences.Contains(a, StringComparer.Ordinal)))
        {
            return "the token is for another audience";
        }

        if (Seconds(claims, "exp") is not { } expires || Seconds(claims, "iat") is not { } issued)
        {
            return "the token does not say when it was issued and when it ends";
        }

        double now = clock.GetUtcNow().ToUnixTimeMilliseconds() / 1000d;
        if (now >= expires + settings.ClockSkew)
        {
            return "the token has expired";
        }

        if (issued > now + settings.ClockSkew || (claims.TryGetProperty("nbf", out _) && !(Seconds(claims, "nbf") <= now + settings.ClockSkew)))
        {
            return "the token is not valid yet";
        }

        return now > issued + settings.MaxTokenAge + settings.ClockSkew ? "the token is too old" : null;
    }

    private static IEnumerable<string> Audiences(JsonElement claims) => !claims.TryGetProperty("aud", out JsonElement audience) ? [] : audience.ValueKind switch
    {
        JsonValueKind.String => [audience.GetString()!],
        JsonValueKind.Array => audience.EnumerateArray().Where(a => a.ValueKind == JsonValueKind.String).Select(a => a.GetString()!),
        _ => [],
    };

    /// <summary>Seconds since 1970, within the years that a clock knows; or null.</summary>
    private static double? Seconds(JsonElement claims, string name) =>
        claims.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out double seconds) && seconds is >= 0 and < 253_402_300_800 ? seconds : null;
}
