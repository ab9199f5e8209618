using System.Collections.Immutable;
using System.Globalization;
using Coffer.Core.Access.People;
using Coffer.Core.Audit;
using Coffer.Core.Errors;

namespace Coffer.Core.Access;

/// <summary>An issuer through which people log in.</summary>
/// <param name="Trust">The trust.</param>
/// <param name="Issuer">Its issuer's URL.</param>
/// <param name="ClientId">Coffer's client id there.</param>
/// <param name="Scopes">What to ask for.</param>
/// <param name="Device">Whether logins by device code are taken.</param>
public sealed record BrowserLoginProvider(PrincipalName Trust, string Issuer, string ClientId, ImmutableArray<string> Scopes, bool Device);

/// <summary>A login through an issuer that has begun.</summary>
/// <param name="Login">To be shown with the issuer's token; good once.</param>
/// <param name="State">What the browser must bring back.</param>
/// <param name="Nonce">What the issuer must put into its token.</param>
/// <param name="Expires">Until when, UTC microseconds.</param>
public sealed record BrowserLogin(string Login, string State, string Nonce, long Expires);

public sealed partial class LoginService
{
    private readonly BrowserLogins _browsers;

    /// <summary>The issuers through which people log in, by the trusts' names. Known to anyone, as is every issuer's own document.</summary>
    public ImmutableArray<BrowserLoginProvider> Providers() =>
        [.. _parts.Access.Current.Trusts.OrderBy(t => t.Name.Value, StringComparer.Ordinal).Select(ProviderOf).OfType<BrowserLoginProvider>()];

    /// <summary>Begins a login through an issuer. Errors: NotFound (no such trust, or none for people); PreconditionFailed (not by device code).</summary>
    /// <param name="trust">The trust.</param>
    /// <param name="device">Whether it goes by device code (RFC 8628).</param>
    public BrowserLogin BeginBrowserLogin(PrincipalName trust, bool device)
    {
        Trust found = _parts.Access.Current.Trusts.FirstOrDefault(t => t.Name == trust && ProviderOf(t) is not null) ?? throw Error.NotFound("login");
        return device && !ProviderOf(found)!.Device
            ? throw Error.PreconditionFailed("this issuer takes no logins by device code")
            : _browsers.Begin(found.Id, device);
    }

    /// <summary>
    /// Finishes a login with the ID token that the issuer gave for it; the answer is a session's token. The token must carry the
    /// login's nonce; one got by device code, which has none, must have been issued since the login began. Errors: Unauthenticated;
    /// Throttled; Unavailable.
    /// </summary>
    /// <param name="context">Where it comes from.</param>
    /// <param name="login">From <see cref="BeginBrowserLogin"/>.</param>
    /// <param name="idToken">The issuer's token.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async ValueTask<IssuedCredential> FinishBrowserLoginAsync(LoginContext context, string login, string idToken, CancellationToken cancellationToken)
    {
        await TakeGuessAsync(context, LoginAction, null, null, GuessedFactor.None).ConfigureAwait(false);
        BrowserLogins.Begun? begun = _browsers.Find(login);
        Trust? trust = begun is null ? null : _parts.Access.Current.Trusts.FirstOrDefault(t => t.Id == begun.Trust && ProviderOf(t) is not null);
        (Identity? identity, string reason) = trust is null
            ? (null, "no such login, or past its end")
            : await TryTrustAsync(trust, new TrustProof.WebToken(idToken), cancellationToken, claims => Misfit(begun!, claims)).ConfigureAwait(false);
        if (identity is not null && !MayLogIn(identity.Principal))
        {
            (identity, reason) = (null, "not a person who may log in");
        }

        if (identity is not null && !_browsers.Finish(begun!, idToken))
        {
            (identity, reason) = (null, "the login or the token was used already");
        }

        if (identity is null)
        {
            await _parts.RecordAsync(_parts.Record(context, LoginAction, null, trust?.Name.Value, AuditDecision.Deny, reason)).ConfigureAwait(false);
            throw Error.Unauthenticated("the login is not valid");
        }

        _guesses.Right(identity.Principal.Id, context.Address, GuessedFactor.None);
        return await OpenSessionAsync(context, identity.Principal, identity.Root, Math.Min(_parts.LoginSeconds, trust!.MaxSeconds), $"trust {trust.Name}", cancellationToken).ConfigureAwait(false);
    }

    private static BrowserLoginProvider? ProviderOf(Trust trust) =>
        LoginSettings.Of(trust) is { } settings ? new(trust.Name, trust.Issuer, settings.ClientId!, [.. settings.Scopes], settings.Device) : null;

    /// <summary>Why a token is not one for this login, or null.</summary>
    private static string? Misfit(BrowserLogins.Begun begun, ProvenClaims claims)
    {
        bool named = claims.Values.TryGetValue("nonce", out ImmutableArray<string> nonces);
        if (named || !begun.Device)
        {
            return named && nonces is [{ } nonce] && string.Equals(nonce, begun.Nonce, StringComparison.Ordinal) ? null : "the token was not issued for this login";
        }

        // Whole seconds on the issuer's side.
        return claims.Values.TryGetValue("iat", out ImmutableArray<string> issued) && issued is [{ } text]
            && decimal.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal seconds)
            && seconds >= begun.Began / Microseconds.PerSecond
            ? null
            : "the token is older than the login";
    }
}
