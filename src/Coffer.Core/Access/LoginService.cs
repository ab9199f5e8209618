using System.Collections.Immutable;
using System.Net;
using Coffer.Core.Access.People;
using Coffer.Core.Audit;
using Coffer.Core.Errors;
using Coffer.Core.Sealing;
using Coffer.Core.Secrets;

namespace Coffer.Core.Access;

/// <summary>Where a login comes from: there is no caller yet.</summary>
/// <param name="Dialect">The wire.</param>
/// <param name="WireOperation">That wire's own name for the operation.</param>
/// <param name="RequestId">The request.</param>
/// <param name="Address">Where it came from, or null for the local socket.</param>
/// <param name="UserAgent">What the client calls itself, or null.</param>
public sealed record LoginContext(string Dialect, string WireOperation, string RequestId, IPAddress? Address, string? UserAgent);

/// <summary>
/// Logins: by a trust, with nothing stored, and people's. Every try is recorded, but one that its client gave up before it was judged. Errors say no more than that the proof was
/// not accepted; the trail says why.
/// </summary>
public sealed partial class LoginService
{
    private readonly CoreParts _parts;
    private readonly AdminService _admin;
    private readonly CredentialService _credentials;

    internal LoginService(CoreParts parts, AdminService admin, CredentialService credentials)
    {
        _parts = parts;
        _admin = admin;
        _credentials = credentials;
        _hasher = new(parts.Passwords, parts.PasswordCost);
        _guesses = new(parts.Clock);
        _browsers = new(parts.Clock);
    }

    /// <summary>
    /// Takes a proof for the principal of a trust. The identity's <see cref="Identity.Expires"/> is the proof's own end. Errors:
    /// Unauthenticated (unknown trust, wrong proof, claims that do not match, disabled principal); Unavailable.
    /// </summary>
    public async ValueTask<Identity> ProveTrustAsync(LoginContext context, PrincipalName trustName, TrustProof proof, CancellationToken cancellationToken)
    {
        Trust? trust = _parts.Access.Current.Trusts.FirstOrDefault(t => t.Name == trustName && TakesProofs(t));
        (Identity? identity, string reason) = trust is null ? (null, "no trust of that name") : await TryTrustAsync(trust, proof, cancellationToken).ConfigureAwait(false);
        await _parts.RecordAsync(_parts.Record(context, LoginAction, identity?.Principal, trust?.Name.Value, identity is null ? AuditDecision.Deny : AuditDecision.Allow, reason)).ConfigureAwait(false);
        return identity ?? throw Error.Unauthenticated();
    }

    /// <summary>
    /// The same for a proof that names the principal and no trust: the first trust that proves that principal, and takes the
    /// proof, counts. Errors: Unauthenticated; Unavailable.
    /// </summary>
    public async ValueTask<Identity> ProvePrincipalAsync(LoginContext context, Principal? principal, TrustKind kind, TrustProof proof, CancellationToken cancellationToken)
    {
        string reason = "no trust proves that principal so";
        foreach (Trust trust in _parts.Access.Current.Trusts.Where(t => principal is not null && t.PrincipalId == principal.Id && t.Kind == kind && TakesProofs(t)))
        {
            (Identity? identity, reason) = await TryTrustAsync(trust, proof, cancellationToken).ConfigureAwait(false);
            if (identity is not null)
            {
                await _parts.RecordAsync(_parts.Record(context, LoginAction, identity.Principal, trust.Name.Value, AuditDecision.Allow, reason)).ConfigureAwait(false);
                return identity;
            }
        }

        await _parts.RecordAsync(_parts.Record(context, LoginAction, null, null, AuditDecision.Deny, reason)).ConfigureAwait(false);
        throw Error.Unauthenticated();
    }

    /// <summary>
    /// A bearer token for an identity that a trust proved: ends with the proof, and no later than the trust allows. Errors:
    /// InvalidRequest.
    /// </summary>
    /// <param name="identity">From <see cref="ProveTrustAsync"/>.</param>
    /// <param name="audience">Where it is good.</param>
    /// <param name="seconds">Its life, 60 seconds or more; cut to what the trust allows.</param>
    /// <param name="sessionName">Shown in the trail; may be ''.</param>
    public BearerToken Bearer(Identity identity, string audience, int seconds, string sessionName)
    {
        CredentialService.CheckBearer(audience, seconds);
        return _credentials.Bearer(identity.Principal, identity.Root, identity.Home, audience, Math.Min(seconds, LongestOf(identity)), identity.Expires ?? long.MaxValue, sessionName, new() { Limits = identity.Limits, Cidrs = identity.Cidrs });
    }

    /// <summary>
    /// A temporary AWS access key for such an identity, with the same ends. Errors: InvalidRequest.
    /// </summary>
    /// <param name="identity">From <see cref="ProveTrustAsync"/>.</param>
    /// <param name="seconds">Its life, 900 to 43,200 seconds; cut to what the trust allows.</param>
    /// <param name="sessionName">Shown in the trail; may be ''.</param>
    /// <param name="asked">What else narrows it and what it carries, or null.</param>
    public TemporaryAccessKey AccessKey(Identity identity, int seconds, string sessionName, SessionTraits? asked = null)
    {
        CredentialService.CheckSession(seconds);
        return _credentials.AccessKey(identity.Principal, identity.Root, identity.Home, Math.Min(seconds, LongestOf(identity)), identity.Expires ?? long.MaxValue, sessionName, new() { Limits = [.. identity.Limits, .. asked?.Limits ?? []], Cidrs = identity.Cidrs, Tags = asked?.Tags ?? Secret.NoTags, TransitiveTags = asked?.TransitiveTags ?? [] });
    }

    /// <summary>Refuses a life or audience that <see cref="Bearer"/> or <see cref="AccessKey"/> would, before anything is proven. Throws InvalidRequest.</summary>
    /// <param name="accessKey">Whether an access key is wanted, not a bearer token.</param>
    /// <param name="audience">The bearer token's audience.</param>
    /// <param name="seconds">The life wanted.</param>
    public static void CheckLife(bool accessKey, string audience, int seconds)
    {
        if (accessKey)
        {
            CredentialService.CheckSession(seconds);
        }
        else
        {
            CredentialService.CheckBearer(audience, seconds);
        }
    }

    /// <summary>Whether proofs are shown to it as they are: the kernel shows local users, and a browser's login brings its token with the nonce that was asked for.</summary>
    private static bool TakesProofs(Trust trust) => trust.Kind != TrustKind.LocalUser && LoginSettings.Of(trust) is null;

    private int LongestOf(Identity identity) =>
        _parts.Access.Current.Trusts.FirstOrDefault(t => CredentialService.RootOf(t) == identity.Root)?.MaxSeconds ?? throw Error.Unauthenticated();

    /// <summary>Whether every claim that the trust pins has a value that matches.</summary>
    internal static bool Matches(Trust trust, ProvenClaims claims)
    {
        foreach ((string name, string pattern) in trust.Claims)
        {
            bool glob = pattern.AsSpan().ContainsAny('*', '?');
            if (!claims.Values.TryGetValue(name, out ImmutableArray<string> values)
                || !values.Any(v => glob ? Glob.Matches(pattern, v) : string.Equals(pattern, v, StringComparison.Ordinal)))
            {
                return false;
            }
        }

        return true;
    }

    private async ValueTask<(Identity? Identity, string Reason)> TryTrustAsync(Trust trust, TrustProof proof, CancellationToken cancellationToken, Func<ProvenClaims, string?>? misfit = null)
    {
        ITrustVerifier? verifier = _parts.Verifiers.FirstOrDefault(v => v.Kinds.Contains(trust.Kind));
        if (verifier is null)
        {
            return (null, "this server verifies no proofs of that kind");
        }

        using SecretValue? secret = trust.Sealed.IsEmpty ? null : Open(trust);
        (ProvenClaims? claims, string reason) = await verifier.VerifyAsync(trust, secret, proof, cancellationToken).ConfigureAwait(false);
        if (claims is null)
        {
            return (null, reason);
        }

        if (!Matches(trust, claims))
        {
            return (null, "the claims do not match the trust");
        }

        if (misfit?.Invoke(claims) is { } why)
        {
            return (null, why);
        }

        Principal? principal = trust.PrincipalId is { } id ? _parts.Access.Current.Principals.GetValueOrDefault(id) : await FindOrCreateAsync(trust, claims, cancellationToken).ConfigureAwait(false);
        return principal switch
        {
            null => (null, "the trust knows no principal of that name"),
            { Enabled: false } => (null, "the principal is disabled"),
            _ => (new()
            {
                Principal = principal,
                Credential = trust.Name.Value,
                Root = CredentialService.RootOf(trust),
                Home = principal.Home,
                Expires = claims.Expires,
                Claims = claims,
            }, $"trust {trust.Name}"),
        };
    }

    private async ValueTask<Principal?> FindOrCreateAsync(Trust trust, ProvenClaims claims, CancellationToken cancellationToken)
    {
        // One value and no list: what could mean two principals means none.
        if (!claims.Values.TryGetValue(trust.PrincipalClaim!, out ImmutableArray<string> values) || values is not [{ } value] || !AdminService.IsAlias(value))
        {
            return null;
        }

        AccessSnapshot snapshot = _parts.Access.Current;
        return snapshot.Aliases.TryGetValue((AdminService.MountOf(trust), value), out PrincipalAlias? known)
            ? snapshot.Principals.GetValueOrDefault(known.PrincipalId)
            : trust.NewGroup is null ? null : await _admin.CreateFromTrustAsync(trust, value, cancellationToken).ConfigureAwait(false);
    }

    private SecretValue Open(Trust trust)
    {
        try
        {
            return _parts.Keys.Open(trust.Sealed.Span, SealContext.ForConfiguration($"trust:{trust.Id:D}"));
        }
        catch (SealIntegrityException failure)
        {
            _parts.Alarm($"trust {trust.Name}");
            throw Error.Integrity($"trust {trust.Name}", failure);
        }
    }
}
