using System.Security.Cryptography;
using Coffer.Core.Access.People;
using Coffer.Core.Audit;
using Coffer.Core.Errors;
using Coffer.Core.Sealing;
using Coffer.Core.Secrets;
using Coffer.Core.Stores;

namespace Coffer.Core.Access;

public sealed partial class LoginService
{
    private const string LoginAction = "Login", TooManyAtOnce = "too many passwords at this moment";

    private readonly PasswordHasher _hasher;
    private readonly GuessLimiter _guesses;

    /// <summary>
    /// Logs a person in by password and, where they have them, one-time or recovery code; the answer is a session's token. A
    /// wrong name, password or code, and one that is missing, cost the same and are told the same. Errors: Unauthenticated;
    /// Throttled (too many tries of the name or address, or too many at this moment); PreconditionFailed (no passwords here).
    /// </summary>
    /// <param name="context">Where it comes from.</param>
    /// <param name="name">The person's name, exactly: another spelling of it is nobody's.</param>
    /// <param name="password">UTF-8. Stays the caller's.</param>
    /// <param name="code">Six digits, or a recovery code as it was shown; null where there is none.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async ValueTask<IssuedCredential> LoginAsync(LoginContext context, string name, SecretValue password, string? code, CancellationToken cancellationToken)
    {
        bool isName = PrincipalName.TryParse(name, out PrincipalName parsed);
        Principal? principal = isName ? _parts.Access.Current.PrincipalsByName.GetValueOrDefault(parsed) : null;
        string? tried = isName ? parsed.Value : null;
        await TakeGuessAsync(context, LoginAction, principal, tried, GuessedFactor.All).ConfigureAwait(false);
        // Nobody's credentials are looked up as well, so that both ways are as long.
        Factors factors = await FactorsOfAsync(principal?.Id ?? Guid.Empty, cancellationToken).ConfigureAwait(false);
        bool may = MayLogIn(principal);
        using SecretValue? canonical = PasswordRules.Canonical(password);
        using SecretValue nothing = SecretValue.Rent(0);
        bool right = await HashedAsync(
            _hasher.IsRightAsync(canonical ?? nothing, (may ? factors.Password : null)?.Verifier ?? default, _parts.Keys, cancellationToken),
            _parts.Record(context, LoginAction, principal, null, AuditDecision.Deny, TooManyAtOnce),
            () => _guesses.GiveBack(principal?.Id, tried, context.Address, GuessedFactor.All)).ConfigureAwait(false) && canonical is not null;
        (string? way, string reason) = right
            ? await SecondFactorAsync(principal!, factors, code, cancellationToken).ConfigureAwait(false)
            : (null, principal is null ? "no person of that name" : !may ? "not a person who may log in" : factors.Password is null ? "no password" : "wrong password");
        if (way is null)
        {
            // Of names only those that somebody has are written down: people type passwords into the wrong field.
            await _parts.RecordAsync(_parts.Record(context, LoginAction, principal, null, AuditDecision.Deny, reason)).ConfigureAwait(false);
            throw Error.Unauthenticated("the name, password or code is not right");
        }

        _guesses.Right(principal!.Id, context.Address, GuessedFactor.All);
        return await OpenSessionAsync(context, principal, factors.Password!.PublicId, _parts.LoginSeconds, way, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Sets a password with an invitation, which is used up; sessions got with the one before end. Errors: Unauthenticated (no
    /// such invitation, past its end, used); InvalidRequest (the password, which leaves the invitation as it is); Throttled.
    /// </summary>
    /// <param name="context">Where it comes from.</param>
    /// <param name="invitation">Its token. Stays the caller's.</param>
    /// <param name="password">UTF-8. Stays the caller's.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async ValueTask<Principal> AcceptInvitationAsync(LoginContext context, SecretValue invitation, SecretValue password, CancellationToken cancellationToken)
    {
        const string action = "AcceptInvitation";
        await TakeGuessAsync(context, action, null, null, GuessedFactor.None).ConfigureAwait(false);
        Keyring keys = _parts.Keys;
        byte[] verifier = keys.Index(invitation.Span);
        Credential? found = _credentials.Sound(await _parts.Store.Access.FindCredentialAsync((ReadOnlyMemory<byte>)verifier, cancellationToken).ConfigureAwait(false));
        Principal? principal = found is { Kind: CredentialKind.Invitation, PrincipalId: { } id } && CryptographicOperations.FixedTimeEquals(found.Verifier.Span, verifier)
            ? _parts.Access.Current.Principals.GetValueOrDefault(id)
            : null;
        async ValueTask<CofferException> RefusedAsync(string reason)
        {
            await _parts.RecordAsync(_parts.Record(context, action, principal, principal is null ? null : found!.PublicId, AuditDecision.Deny, reason)).ConfigureAwait(false);
            return Error.Unauthenticated("the invitation is not valid, or was used");
        }

        if (principal is null || found!.Expires <= _parts.Clock.Now() || !MayLogIn(principal))
        {
            throw await RefusedAsync(principal is null ? "no such invitation" : MayLogIn(principal) ? "past its end" : "not a person who may log in").ConfigureAwait(false);
        }

        // Whoever was invited sets another password: guesses at the one before count no more.
        _guesses.Right(principal.Id, context.Address, GuessedFactor.Password);
        using SecretValue canonical = PasswordRules.Check(password, principal.Name);
        byte[] hash = await HashedAsync(_hasher.MakeAsync(canonical, keys, cancellationToken), _parts.Record(context, action, principal, found.PublicId, AuditDecision.Fail, TooManyAtOnce)).ConfigureAwait(false);
        AuditRecord record = _parts.Record(context, action, principal, found.PublicId, AuditDecision.Allow, "invitation");
        bool done = await _admin.ChangeCredentialsAsync(
            principal.Id,
            all => all.Any(c => c.PublicId == found.PublicId) ? PasswordChange(keys, principal.Id, all, hash) : null,
            record,
            cancellationToken).ConfigureAwait(false);
        return done ? principal : throw await RefusedAsync("used already").ConfigureAwait(false);
    }

    /// <summary>Changes the caller's own password; sessions got with the old one end. Errors: AccessDenied; InvalidRequest; Throttled; PreconditionFailed (they have none).</summary>
    /// <param name="caller">A person who has logged in.</param>
    /// <param name="old">The password so far. Stays the caller's.</param>
    /// <param name="fresh">The new one. Stays the caller's.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async ValueTask ChangePasswordAsync(Caller caller, SecretValue old, SecretValue fresh, CancellationToken cancellationToken)
    {
        const string action = "ChangePassword";
        Factors factors = await OwnFactorsAsync(caller, action, cancellationToken, GuessedFactor.Password).ConfigureAwait(false);
        Keyring keys = _parts.Keys;
        using SecretValue before = await OwnPasswordAsync(caller, action, factors, old, cancellationToken).ConfigureAwait(false);
        using SecretValue after = PasswordRules.Check(fresh, caller.Principal.Name);
        if (after.FixedTimeEquals(before))
        {
            throw Error.InvalidRequest("the new password is the old one", "password");
        }

        byte[] hash = await HashedAsync(_hasher.MakeAsync(after, keys, cancellationToken), Own(caller, action, AuditDecision.Fail, TooManyAtOnce)).ConfigureAwait(false);
        AuditRecord record = Own(caller, action, AuditDecision.Allow, "old password");
        if (!await _admin.ChangeCredentialsAsync(
            caller.Principal.Id,
            all => all.Any(c => c.PublicId == factors.Password!.PublicId) ? PasswordChange(keys, caller.Principal.Id, all, hash) : null,
            record,
            cancellationToken).ConfigureAwait(false))
        {
            throw Error.VersionConflict("the password was changed meanwhile");
        }
    }

    /// <summary>Lets a person try again at once who guessed too often, or whose name others guessed at. Errors: AccessDenied; NotFound.</summary>
    public async ValueTask UnlockAsync(Caller caller, PrincipalName name, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        await _admin.AuthoriseServerAsync(caller, name.Value).ConfigureAwait(false);
        _guesses.Forgive(_admin.FindPrincipal(name).Id);
    }

    /// <summary>Forgets tries and logins that count no more.</summary>
    internal void Prune()
    {
        _guesses.Prune();
        _browsers.Prune();
    }

    /// <summary>Stores a session and answers its token.</summary>
    internal async ValueTask<IssuedCredential> OpenSessionAsync(LoginContext context, Principal principal, string parent, long seconds, string way, CancellationToken cancellationToken)
    {
        Keyring keys = _parts.Keys;
        SecretValue secret = CredentialService.DrawToken(CredentialService.TokenPrefix);
        try
        {
            long now = _parts.Clock.Now();
            Credential session = RowMacs.Sign(keys, new Credential
            {
                PublicId = AdminService.Draw("cn-", 12),
                PrincipalId = principal.Id,
                Kind = CredentialKind.Token,
                Verifier = keys.Index(secret.Span),
                Description = context.Address is { } address ? $"{way}, from {address}" : $"{way}, on this machine",
                Created = now,
                Expires = now + (seconds * Microseconds.PerSecond),
                Parent = parent,
            });
            AuditRecord record = _parts.Record(context, LoginAction, principal, session.PublicId, AuditDecision.Allow, way);
            bool opened = await _admin.ChangeCredentialsAsync(
                principal.Id,
                all => new()
                {
                    Credentials = [session],
                    RemovedCredentials = [.. all.Where(AdminService.IsSession).SkipLast(AdminService.MaxSessions - 1).Select(c => c.PublicId)],
                },
                record,
                cancellationToken).ConfigureAwait(false);
            return opened ? new(session, secret) : throw Error.Unauthenticated();
        }
        catch
        {
            secret.Dispose();
            throw;
        }
    }

    private AccessChange PasswordChange(Keyring keys, Guid owner, IReadOnlyList<Credential> all, byte[] hash)
    {
        // A new public id: what hangs on the old one ends by itself, and its rows go along.
        Credential fresh = RowMacs.Sign(keys, new Credential
        {
            PublicId = AdminService.Draw("cp-", 12),
            PrincipalId = owner,
            Kind = CredentialKind.Password,
            Verifier = hash,
            Created = _parts.Clock.Now(),
            // That there is a second factor goes on being signed.
            Parent = all.LastOrDefault(c => c.Kind == CredentialKind.Password)?.Parent ?? all.FirstOrDefault(AdminService.IsConfirmedSeed)?.PublicId,
        });
        HashSet<string> old = [.. all.Where(c => c.Kind == CredentialKind.Password).Select(c => c.PublicId)];
        return new()
        {
            Credentials = [fresh],
            RemovedCredentials = [.. old, .. all.Where(c => c.Kind == CredentialKind.Invitation || (AdminService.IsSession(c) && old.Contains(c.Parent!))).Select(c => c.PublicId)],
        };
    }

    private static bool MayLogIn(Principal? principal) => principal is { Enabled: true, Kind: PrincipalKind.Person or PrincipalKind.Operator };

    /// <summary>The caller's own password as it is hashed, which the caller disposes; throws AccessDenied where it is not theirs.</summary>
    private async ValueTask<SecretValue> OwnPasswordAsync(Caller caller, string action, Factors factors, SecretValue typed, CancellationToken cancellationToken)
    {
        SecretValue? canonical = PasswordRules.Canonical(typed);
        try
        {
            if (canonical is null || !await HashedAsync(
                _hasher.IsRightAsync(canonical, factors.Password!.Verifier, _parts.Keys, cancellationToken),
                Own(caller, action, AuditDecision.Deny, TooManyAtOnce),
                () => _guesses.GiveBack(caller.Principal.Id, null, caller.Address, GuessedFactor.Password)).ConfigureAwait(false))
            {
                throw await DeniedAsync(caller, action, "the password is not right").ConfigureAwait(false);
            }
        }
        catch
        {
            canonical?.Dispose();
            throw;
        }

        _guesses.Right(caller.Principal.Id, caller.Address, GuessedFactor.Password);
        return canonical;
    }

    /// <summary>Waits for a hash. One that is turned away since too many wait is in the trail, and was no guess.</summary>
    private async ValueTask<T> HashedAsync<T>(ValueTask<T> hash, AuditRecord turnedAway, Action? giveBack = null)
    {
        try
        {
            return await hash.ConfigureAwait(false);
        }
        catch (CofferException busy) when (busy.Code == CofferErrorCode.Throttled)
        {
            giveBack?.Invoke();
            await _parts.RecordAsync(turnedAway).ConfigureAwait(false);
            throw;
        }
    }

    private async ValueTask TakeGuessAsync(LoginContext context, string action, Principal? principal, string? name, GuessedFactor factors)
    {
        try
        {
            _guesses.Take(principal?.Id, name, context.Address, factors);
        }
        catch (CofferException throttled) when (throttled.Code == CofferErrorCode.Throttled)
        {
            await _parts.RecordAsync(_parts.Record(context, action, principal, null, AuditDecision.Deny, "too many tries")).ConfigureAwait(false);
            throw;
        }
    }
}
