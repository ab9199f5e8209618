using System.Security.Cryptography;
using Coffer.Core.Access.People;
using Coffer.Core.Audit;
using Coffer.Core.Errors;
using Coffer.Core.Sealing;
using Coffer.Core.Secrets;
using Coffer.Core.Stores;

namespace Coffer.Core.Access;

/// <summary>A seed for one-time codes, shown once; it counts for nothing before a code confirms it. Dispose it.</summary>
/// <param name="Uri">The <c>otpauth:</c> address that apps read.</param>
/// <param name="Seed">The seed alone, in base32, to be typed.</param>
/// <param name="Expires">Until when it can be confirmed, UTC microseconds.</param>
public sealed record CodeEnrolment(SecretValue Uri, SecretValue Seed, long Expires) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose()
    {
        Uri.Dispose();
        Seed.Dispose();
    }

    /// <inheritdoc/>
    public override string ToString() => SecretValue.Redacted;
}

public sealed partial class LoginService
{
    /// <summary>How long a seed waits for its first code, in seconds.</summary>
    public const int EnrolmentSeconds = 600;

    /// <summary>
    /// Draws a seed for the caller's one-time codes, which takes their password: whoever found a session open cannot lock its owner
    /// out. An earlier seed that was not confirmed is forgotten. Errors: AccessDenied (wrong password, among others);
    /// PreconditionFailed (no password, or codes already); Throttled.
    /// </summary>
    /// <param name="caller">A person who has logged in.</param>
    /// <param name="password">UTF-8. Stays the caller's.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async ValueTask<CodeEnrolment> BeginOneTimeCodesAsync(Caller caller, SecretValue password, CancellationToken cancellationToken)
    {
        const string action = "BeginOneTimeCodes";
        Factors factors = await OwnFactorsAsync(caller, action, cancellationToken, GuessedFactor.Password).ConfigureAwait(false);
        (await OwnPasswordAsync(caller, action, factors, password, cancellationToken).ConfigureAwait(false)).Dispose();
        if (factors.HasSecond)
        {
            throw Error.PreconditionFailed("there are one-time codes already; end them first");
        }

        Keyring keys = _parts.Keys;
        using SecretValue seed = SecretValue.Rent(OneTimeCodes.SeedBytes);
        RandomNumberGenerator.Fill(seed.Buffer);
        long now = _parts.Clock.Now(), expires = now + (EnrolmentSeconds * Microseconds.PerSecond);
        string id = AdminService.Draw("co-", 12);
        Credential pending = RowMacs.Sign(keys, new Credential
        {
            PublicId = id,
            PrincipalId = caller.Principal.Id,
            Kind = CredentialKind.OneTimeCode,
            Sealed = keys.Seal(seed.Span, SealContext.ForCredential(id)),
            Created = now,
            Expires = expires,
        });
        await SaveOwnAsync(
            caller,
            all => all.Any(AdminService.IsConfirmedSeed) ? null : new() { Credentials = [pending], RemovedCredentials = [.. all.Where(c => c.Kind == CredentialKind.OneTimeCode).Select(c => c.PublicId)] },
            Own(caller, action, AuditDecision.Allow, "one's own"),
            cancellationToken).ConfigureAwait(false);
        return new(OneTimeCodes.Uri(seed.Span, caller.Principal.Name), OneTimeCodes.Base32(seed.Span), expires);
    }

    /// <summary>
    /// Confirms the seed with its first code: from now on the password alone opens nothing. Answers ten recovery codes, shown
    /// once; the caller disposes them. Errors: AccessDenied (wrong code); PreconditionFailed (nothing to confirm); Throttled.
    /// </summary>
    public async ValueTask<IReadOnlyList<SecretValue>> ConfirmOneTimeCodesAsync(Caller caller, string code, CancellationToken cancellationToken)
    {
        const string action = "ConfirmOneTimeCodes";
        Factors factors = await OwnFactorsAsync(caller, action, cancellationToken, GuessedFactor.Code).ConfigureAwait(false);
        if (factors.Pending is not { } pending)
        {
            throw Error.PreconditionFailed("there is no seed to confirm, or it waited too long");
        }

        if (!await TakeStepAsync(pending, code, cancellationToken).ConfigureAwait(false))
        {
            throw await DeniedAsync(caller, action, "the code is not right").ConfigureAwait(false);
        }

        _guesses.Right(caller.Principal.Id, caller.Address, GuessedFactor.Code);
        Credential confirmed = RowMacs.Sign(_parts.Keys, pending with { Expires = null, Revision = pending.Revision + 1 });
        return await ReplaceRecoveryCodesAsync(
            caller, action,
            all => all.Any(c => c.PublicId == pending.PublicId) && !all.Any(AdminService.IsConfirmedSeed) && AdminService.WithSeed(_parts.Keys, all, confirmed.PublicId) is { } password ? [confirmed, password] : null,
            cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Ends the caller's one-time and recovery codes, which takes one of them. Errors: AccessDenied (wrong code); PreconditionFailed; Throttled.</summary>
    public async ValueTask EndOneTimeCodesAsync(Caller caller, string code, CancellationToken cancellationToken)
    {
        const string action = "EndOneTimeCodes";
        await RequireCodeAsync(caller, action, code, cancellationToken).ConfigureAwait(false);
        await SaveOwnAsync(
            caller,
            all => AdminService.WithoutCodes(_parts.Keys, all),
            Own(caller, action, AuditDecision.Allow, "one's own"),
            cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Makes ten new recovery codes, which takes a code; the old ones end. The caller disposes them. Errors as for <see cref="EndOneTimeCodesAsync"/>.</summary>
    public async ValueTask<IReadOnlyList<SecretValue>> RenewRecoveryCodesAsync(Caller caller, string code, CancellationToken cancellationToken)
    {
        const string action = "RenewRecoveryCodes";
        Credential seed = await RequireCodeAsync(caller, action, code, cancellationToken).ConfigureAwait(false);
        return await ReplaceRecoveryCodesAsync(caller, action, all => all.Any(c => c.PublicId == seed.PublicId) ? [] : null, cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask<IReadOnlyList<SecretValue>> ReplaceRecoveryCodesAsync(Caller caller, string action, Func<IReadOnlyList<Credential>, Credential[]?> with, CancellationToken cancellationToken)
    {
        Keyring keys = _parts.Keys;
        List<SecretValue> codes = [.. Enumerable.Range(0, RecoveryCodes.Count).Select(_ => RecoveryCodes.Draw())];
        try
        {
            List<Credential> rows = [.. codes.Select(c => RowMacs.Sign(keys, new Credential
            {
                PublicId = AdminService.Draw("cr-", 12),
                PrincipalId = caller.Principal.Id,
                Kind = CredentialKind.RecoveryCode,
                Verifier = keys.Index(RecoveryCodes.Bound(caller.Principal.Id, c.Span)),
                Created = _parts.Clock.Now(),
                UsesLeft = 1,
            }))];
            await SaveOwnAsync(
                caller,
                all => with(all) is { } saved
                    ? new() { Credentials = [.. saved, .. rows], RemovedCredentials = [.. all.Where(c => c.Kind == CredentialKind.RecoveryCode).Select(c => c.PublicId)] }
                    : null,
                Own(caller, action, AuditDecision.Allow, "one-time code"),
                cancellationToken).ConfigureAwait(false);
            return codes;
        }
        catch
        {
            codes.ForEach(c => c.Dispose());
            throw;
        }
    }

    private async ValueTask<Credential> RequireCodeAsync(Caller caller, string action, string code, CancellationToken cancellationToken)
    {
        Factors factors = await OwnFactorsAsync(caller, action, cancellationToken, GuessedFactor.Code).ConfigureAwait(false);
        if (!factors.HasSecond)
        {
            throw Error.PreconditionFailed("there are no one-time codes");
        }

        if ((await SecondFactorAsync(caller.Principal, factors, code, cancellationToken).ConfigureAwait(false)).Way is null)
        {
            throw await DeniedAsync(caller, action, "the code is not right").ConfigureAwait(false);
        }

        _guesses.Right(caller.Principal.Id, caller.Address, GuessedFactor.Code);
        return factors.Seed!;
    }

    /// <summary>How the person proved themselves beside the password, or null and why not. Uses the code up.</summary>
    private async ValueTask<(string? Way, string Reason)> SecondFactorAsync(Principal principal, Factors factors, string? code, CancellationToken cancellationToken)
    {
        if (!factors.HasSecond)
        {
            return ("password", "");
        }

        // Taken out of the store behind our back. Who did that wants the password alone to be enough.
        if (factors.Seed is null)
        {
            _parts.Alarm($"credential {factors.Password!.Parent}");
            return (null, "the one-time codes are missing from the store");
        }

        if (code is null)
        {
            return (null, "no one-time code");
        }

        if (!RecoveryCodes.IsOne(code))
        {
            return await TakeStepAsync(factors.Seed, code, cancellationToken).ConfigureAwait(false) ? ("password and one-time code", "") : (null, "wrong or used one-time code");
        }

        byte[] bound = RecoveryCodes.Bound(principal.Id, System.Text.Encoding.ASCII.GetBytes(code));
        byte[] verifier = _parts.Keys.Index(bound);
        CryptographicOperations.ZeroMemory(bound);
        Credential? found = null;
        foreach (Credential candidate in factors.RecoveryCodes)
        {
            found = CryptographicOperations.FixedTimeEquals(candidate.Verifier.Span, verifier) ? candidate : found;
        }

        return found is not null && await _parts.Store.Access.TakeUseAsync(found.PublicId, cancellationToken).ConfigureAwait(false)
            ? ("password and recovery code", "")
            : (null, "wrong or used recovery code");
    }

    private async ValueTask<bool> TakeStepAsync(Credential seed, string code, CancellationToken cancellationToken)
    {
        using SecretValue secret = _credentials.OpenSecret(seed);
        return OneTimeCodes.StepFor(secret.Span, code, _parts.Clock.Now()) is { } step
            && await _parts.Store.Access.TakeStepAsync(seed.PublicId, step, cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask SaveOwnAsync(Caller caller, Func<IReadOnlyList<Credential>, AccessChange?> prepare, AuditRecord record, CancellationToken cancellationToken)
    {
        if (!await _admin.ChangeCredentialsAsync(caller.Principal.Id, prepare, record, cancellationToken).ConfigureAwait(false))
        {
            throw Error.VersionConflict("the codes were changed meanwhile");
        }
    }

    /// <summary>
    /// The caller's own factors. How somebody logs in is changed by a person who has logged in: with a session, or as a user of
    /// this machine; not with a key or token that may lie about.
    /// </summary>
    private async ValueTask<Factors> OwnFactorsAsync(Caller caller, string action, CancellationToken cancellationToken, GuessedFactor guessed)
    {
        AccessSnapshot snapshot = _parts.Access.Current;
        AccessDecision decision = AccessEvaluator.Decide(snapshot, new() { Operation = Operation.WhoAmI, Caller = caller, Now = _parts.Clock.Now() });
        bool loggedIn = await _credentials.HasLoggedInAsync(caller, cancellationToken).ConfigureAwait(false);
        if (!decision.Allowed || !MayLogIn(caller.Principal) || !caller.Limits.IsEmpty || !loggedIn)
        {
            throw await DeniedAsync(caller, action, decision.Allowed ? "only a person who has logged in changes how they log in" : decision.Reason).ConfigureAwait(false);
        }

        await TakeGuessAsync(new(caller.Dialect, caller.WireOperation, caller.RequestId, caller.Address, caller.UserAgent), action, caller.Principal, null, guessed).ConfigureAwait(false);
        Factors factors = await FactorsOfAsync(caller.Principal.Id, cancellationToken).ConfigureAwait(false);
        return factors.Password is null ? throw Error.PreconditionFailed("there is no password; an administrator invites: coffer person invite") : factors;
    }

    private async ValueTask<CofferException> DeniedAsync(Caller caller, string action, string reason)
    {
        await _parts.RecordAsync(Own(caller, action, AuditDecision.Deny, reason)).ConfigureAwait(false);
        return Error.AccessDenied(action, caller.Principal.Name.Value, reason);
    }

    private AuditRecord Own(Caller caller, string action, AuditDecision decision, string reason) =>
        _parts.Record(caller, action, null, null, null, decision, reason) with { Name = caller.Principal.Name.Value };

    private async ValueTask<Factors> FactorsOfAsync(Guid principal, CancellationToken cancellationToken)
    {
        List<Credential> all = await _admin.AllOfAsync(principal, cancellationToken).ConfigureAwait(false);
        long now = _parts.Clock.Now();
        Credential? password = all.LastOrDefault(c => c.Kind == CredentialKind.Password && !(c.Expires <= now));
        return new(
            password,
            all.FirstOrDefault(c => AdminService.IsConfirmedSeed(c) && (password?.Parent ?? c.PublicId) == c.PublicId),
            all.FirstOrDefault(c => c.Kind == CredentialKind.OneTimeCode && c.Expires > now),
            [.. all.Where(c => c.Kind == CredentialKind.RecoveryCode)]);
    }

    /// <summary>What a person logs in with.</summary>
    private sealed record Factors(Credential? Password, Credential? Seed, Credential? Pending, IReadOnlyList<Credential> RecoveryCodes)
    {
        /// <summary>Whether the password alone opens nothing: there are codes, or the password's row, which is signed, says that there are.</summary>
        public bool HasSecond => Seed is not null || Password?.Parent is not null;
    }
}
