using System.Net;
using System.Security.Cryptography;
using System.Text;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;

namespace Coffer.Core.Access;

/// <summary>A bearer token, shown once. Nothing of it is stored: it seals what is needed to know it again.</summary>
/// <param name="Id">Public id: what the trail shows.</param>
/// <param name="Token">The token. Dispose it.</param>
/// <param name="Expires">End, UTC microseconds.</param>
public sealed record BearerToken(string Id, SecretValue Token, long Expires) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose() => Token.Dispose();

    /// <inheritdoc/>
    public override string ToString() => $"{Id} ***";
}

public sealed partial class CredentialService
{
    /// <summary>First characters of a bearer token.</summary>
    public const string BearerPrefix = "cfs_";

    /// <summary>Audience of Coffer's own API. A token for one audience proves nobody at another.</summary>
    public const string CofferAudience = "coffer";

    /// <summary>Shortest life of a bearer token, in seconds.</summary>
    public const int MinBearerSeconds = 60;

    private const int BearerIdLength = 16, MaxAudience = 256;

    /// <summary>
    /// Issues a bearer token for oneself, for a principal that one may assume, or for any as a server administrator. It
    /// inherits the networks of the credential it is got with; for oneself its limits too, and it ends no later. Errors: AccessDenied; NotFound; InvalidRequest.
    /// </summary>
    /// <param name="caller">Who asks.</param>
    /// <param name="own">How they were proven.</param>
    /// <param name="principal">For whom, or null for oneself.</param>
    /// <param name="home">The vault that calls land in, or null for the principal's own.</param>
    /// <param name="audience">Where it is good: <see cref="CofferAudience"/>, or what a wire asks for. 1–256 characters.</param>
    /// <param name="seconds">Its life, 60 to 43,200 seconds.</param>
    /// <param name="sessionName">Shown in the trail; may be ''.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async ValueTask<BearerToken> IssueBearerAsync(
        Caller caller, Identity? own, PrincipalName? principal, VaultName? home, string audience, int seconds, string sessionName, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        CheckBearer(audience, seconds);
        (Principal target, bool self) = await MayBecomeAsync(caller, principal, home).ConfigureAwait(false);
        long end = self ? own?.Expires ?? long.MaxValue : long.MaxValue;
        return Bearer(target, own?.Root ?? caller.Credential, home ?? target.Home, audience, seconds, end, sessionName, TraitsOf(caller, own, self, null));
    }

    /// <summary>A bearer token shown for one audience.</summary>
    public async ValueTask<(Identity? Identity, ProofFailure Failure)> ProveBearerAsync(string token, string audience, IPAddress? address, CancellationToken cancellationToken)
    {
        if (token.Length < BearerPrefix.Length + BearerIdLength || !token.StartsWith(BearerPrefix, StringComparison.Ordinal)
            || OpenSession(BearerContext(token.Substring(BearerPrefix.Length, BearerIdLength)), token[(BearerPrefix.Length + BearerIdLength)..]) is not { } opened)
        {
            return (null, ProofFailure.Unknown);
        }

        Session session = opened.Session;
        AccessSnapshot snapshot = _parts.Access.Current;
        if (!string.Equals(session.Audience, audience, StringComparison.Ordinal) || !await IsAliveAsync(snapshot, session.Parent, cancellationToken).ConfigureAwait(false))
        {
            return (null, ProofFailure.Unknown);
        }

        if (!snapshot.Principals.TryGetValue(session.Principal, out Principal? principal) || !principal.Enabled)
        {
            return (null, ProofFailure.Disabled);
        }

        if (session.Expires <= _parts.Clock.Now())
        {
            return (null, ProofFailure.Expired);
        }

        return !IsWithin(session.Traits.Cidrs, address)
            ? (null, ProofFailure.WrongAddress)
            : (new()
            {
                Principal = principal,
                Credential = BearerId(token.Substring(BearerPrefix.Length, BearerIdLength)),
                Root = session.Parent,
                Home = session.Home,
                Session = session.Name.Length == 0 ? null : session.Name,
                Expires = session.Expires,
                Limits = session.Traits.Limits,
                Cidrs = session.Traits.Cidrs,
                SessionTags = session.Traits.Tags,
                TransitiveTags = session.Traits.TransitiveTags,
                Issued = session.Issued,
            }, default);
    }

    internal static void CheckBearer(string audience, int seconds)
    {
        if (seconds is < MinBearerSeconds or > MaxSessionSeconds)
        {
            throw Error.InvalidRequest($"a token lasts {MinBearerSeconds} to {MaxSessionSeconds} seconds", "seconds");
        }

        if (audience.Length is 0 or > MaxAudience || audience.AsSpan().ContainsAnyExceptInRange('!', '~'))
        {
            throw Error.InvalidRequest($"an audience is 1 to {MaxAudience} visible ASCII characters", "audience");
        }
    }

    internal BearerToken Bearer(
        Principal principal, string root, VaultName? home, string audience, int seconds, long end, string sessionName, SessionTraits traits)
    {
        long now = _parts.Clock.Now();
        long expires = Math.Min(now + (seconds * Microseconds.PerSecond), end);
        string id = RandomNumberGenerator.GetString("abcdefghijkmnpqrstuvwxyz23456789", BearerIdLength);
        using SecretValue nothing = SecretValue.Rent(0);
        string text = SealSession(BearerContext(id), new(principal.Id, root, now, expires, home, sessionName, traits, audience), nothing);
        SecretValue token = SecretValue.Rent(BearerPrefix.Length + BearerIdLength + text.Length);
        Encoding.ASCII.GetBytes(BearerPrefix + id + text, token.Buffer);
        return new(BearerId(id), token, expires);
    }

    private static string BearerId(string id) => "cs-" + id;

    // Apart from the ids of temporary access keys, which begin with ASIA.
    private static string BearerContext(string id) => "bearer-" + id;
}
