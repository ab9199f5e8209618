using System.Collections.Immutable;
using System.Net;
using System.Security.Cryptography;
using Coffer.Core.Audit;
using Coffer.Core.Errors;
using Coffer.Core.Sealing;
using Coffer.Core.Secrets;
using Coffer.Core.Stores;

namespace Coffer.Core.Access;

/// <summary>What a new credential is bound to.</summary>
public sealed record CredentialOptions
{
    /// <summary>What it is for, free text.</summary>
    public string Description { get; init; } = "";

    /// <summary>End, UTC microseconds, or null.</summary>
    public long? Expires { get; init; }

    /// <summary>How often it may be used, or null.</summary>
    public int? Uses { get; init; }

    /// <summary>Networks it may be used from; empty = any.</summary>
    public ImmutableArray<IPNetwork> Cidrs { get; init; } = [];
}

/// <summary>What changes of a credential; what is null or false stays.</summary>
public sealed record CredentialChange
{
    /// <summary>What it is for.</summary>
    public string? Description { get; init; }

    /// <summary>Its end, UTC microseconds.</summary>
    public long? Expires { get; init; }

    /// <summary>Whether it has no end any more.</summary>
    public bool NoEnd { get; init; }

    /// <summary>Whether it ends now.</summary>
    public bool Disable { get; init; }
}

/// <summary>A credential just made, with its secret half: shown once, never again. Dispose it.</summary>
/// <param name="Credential">As stored.</param>
/// <param name="Secret">The secret access key, or the token's text.</param>
public sealed record IssuedCredential(Credential Credential, SecretValue Secret) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose() => Secret.Dispose();

    /// <inheritdoc/>
    public override string ToString() => $"{Credential.PublicId} ***";
}

public sealed partial class AdminService
{
    /// <summary>Longest time for which a rotated credential goes on, in seconds.</summary>
    public const int MaxOverlapSeconds = 30 * 86_400;

    private const int MaxCredentials = 20;
    private const string KeyAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

    /// <summary>Makes an AWS access key (<c>AKIA…</c>). Errors: AccessDenied; NotFound; QuotaExceeded; InvalidRequest.</summary>
    public ValueTask<IssuedCredential> CreateAccessKeyAsync(Caller caller, PrincipalName principal, CredentialOptions options, CancellationToken cancellationToken) =>
        IssueAsync(caller, principal, options, AccessKey, cancellationToken);

    /// <summary>Makes a token of Coffer's own API. Errors: AccessDenied; NotFound; QuotaExceeded; InvalidRequest.</summary>
    public ValueTask<IssuedCredential> CreateTokenAsync(Caller caller, PrincipalName principal, CredentialOptions options, CancellationToken cancellationToken) =>
        IssueAsync(caller, principal, options, Token, cancellationToken);

    /// <summary>
    /// Credentials of one principal but sessions, by creation, without their secrets: one's own, or as a server administrator
    /// anybody's. Errors: AccessDenied; NotFound.
    /// </summary>
    public async ValueTask<IReadOnlyList<Credential>> ListCredentialsAsync(Caller caller, PrincipalName principal, CancellationToken cancellationToken)
    {
        await AuthoriseOwnAsync(caller, Operation.ReadPolicy, principal == caller.Principal.Name, "ListCredentials", principal.Value, vault: AuthorityOver(principal)).ConfigureAwait(false);
        return [.. (await AllOfAsync(Find(Snapshot, principal).Id, cancellationToken).ConfigureAwait(false)).Where(c => !IsSession(c))];
    }

    /// <summary>
    /// Removes a credential; it stops working in the very next request, and so does what was got with it. A person who has
    /// logged in may remove their own keys and sessions, and any of these itself. Errors: AccessDenied; NotFound.
    /// </summary>
    public async ValueTask DeleteCredentialAsync(Caller caller, string publicId, CancellationToken cancellationToken)
    {
        Credential? found = await _credentials.FindAsync(publicId, cancellationToken).ConfigureAwait(false);
        // How one logs in is ended with what proves that one does, or by somebody else.
        bool own = found?.PrincipalId == caller.Principal.Id && !IsFactor(found)
            && (caller.Credential == publicId || await _credentials.HasLoggedInAsync(caller, cancellationToken).ConfigureAwait(false));
        string reason = await AuthoriseOwnAsync(caller, Operation.Administer, own, "DeleteCredential", found?.PublicId ?? "credentials", record: false, AuthorityOver(found)).ConfigureAwait(false);
        if (found is null || !await ChangeCredentialsAsync(
            found.PrincipalId ?? Guid.Empty,
            // The seed goes with its recovery codes; it may have been confirmed since it was found.
            all => all.Any(c => c.PublicId == found.PublicId && IsConfirmedSeed(c)) ? WithoutCodes(_parts.Keys, all) : Without(all, found.PublicId),
            Record(caller, Operation.Administer, null, found.PublicId, AuditDecision.Allow, reason) with { Action = "DeleteCredential" },
            cancellationToken).ConfigureAwait(false))
        {
            throw await MissingAsync(caller, "DeleteCredential").ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Makes another key or token like this one, so that there is no gap: both work until the old one ends after
    /// <paramref name="overlapSeconds"/>, or at its own end if that is sooner. A person who has logged in may do so with their own,
    /// for no longer than the old one would have lasted. Errors: AccessDenied; NotFound; QuotaExceeded; InvalidRequest; PreconditionFailed (no key or token, or past its end).
    /// </summary>
    /// <param name="caller">Who asks.</param>
    /// <param name="publicId">The old one.</param>
    /// <param name="overlapSeconds">How long the old one goes on, 0 to 2,592,000 seconds.</param>
    /// <param name="expires">End of the new one, UTC microseconds, as a server administrator; null: that of the old one.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async ValueTask<(IssuedCredential Fresh, Credential Old)> RotateCredentialAsync(Caller caller, string publicId, int overlapSeconds, long? expires, CancellationToken cancellationToken)
    {
        if (overlapSeconds is < 0 or > MaxOverlapSeconds)
        {
            throw Error.InvalidRequest($"the old one goes on for 0 to {MaxOverlapSeconds} seconds", "overlap");
        }

        long now = _parts.Clock.Now();
        CheckEnd(expires, now);

        Credential? found = await _credentials.FindAsync(publicId, cancellationToken).ConfigureAwait(false);
        // A token for a while, one that lies about, or of somebody who acts as the person, is no way to a key that lasts.
        bool own = found?.PrincipalId == caller.Principal.Id && !(expires > found.Expires) && (expires is null || found.Expires is not null)
            && await _credentials.HasLoggedInAsync(caller, cancellationToken).ConfigureAwait(false);
        string reason = await AuthoriseOwnAsync(caller, Operation.Administer, own, "RotateCredential", found?.PublicId ?? "credentials", record: false).ConfigureAwait(false);
        if (found is null)
        {
            throw await MissingAsync(caller, "RotateCredential").ConfigureAwait(false);
        }

        AuditRecord record = Record(caller, Operation.Administer, null, found.PublicId, AuditDecision.Allow, reason) with { Action = "RotateCredential" };
        if (found.Kind is not (CredentialKind.AccessKey or CredentialKind.Token) || IsSession(found) || found.PrincipalId is not { } owner)
        {
            throw await FailedAsync(record, Error.PreconditionFailed("only access keys and tokens are rotated")).ConfigureAwait(false);
        }

        SecretValue? secret = null;
        Credential? fresh = null, ending = null;
        try
        {
            if (!await ChangeCredentialsAsync(
                owner,
                all =>
                {
                    Credential? old = all.FirstOrDefault(c => c.PublicId == found.PublicId);
                    if (old is null || old.Expires <= now || old.UsesLeft <= 0)
                    {
                        throw Error.PreconditionFailed("the credential is past its end");
                    }

                    CheckQuota(all, now);
                    Keyring keys = _parts.Keys;
                    // A second one would come with uses of its own.
                    if (old.UsesLeft is not null)
                    {
                        throw Error.PreconditionFailed("a credential whose uses are counted is not rotated");
                    }

                    // Its policies hang on its id and are not copied; whoever has such a credential makes a new one.
                    if (!old.PolicyDigest.IsEmpty)
                    {
                        throw Error.PreconditionFailed("a credential with policies of its own is not rotated");
                    }

                    // By now it may end sooner than when its owner was allowed to rotate it.
                    long? end = own && old.Expires is { } last ? Math.Min(expires ?? last, last) : expires ?? old.Expires;
                    Credential like = old with { Created = now, Expires = end, Revision = 1, LastUsedDay = null, LastStep = null };
                    (like, secret) = old.Kind == CredentialKind.AccessKey ? AccessKey(keys, like) : Token(keys, like);
                    fresh = RowMacs.Sign(keys, like);
                    ending = RowMacs.Sign(keys, old with { Expires = Math.Min(old.Expires ?? long.MaxValue, now + (overlapSeconds * Microseconds.PerSecond)), Revision = old.Revision + 1 });
                    return new() { Credentials = [fresh, ending] };
                },
                record,
                cancellationToken).ConfigureAwait(false))
            {
                throw await FailedAsync(record, Error.NotFound("credential")).ConfigureAwait(false);
            }

            return (new(fresh!, secret!), ending!);
        }
        catch
        {
            secret?.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Changes description and end of a credential; what is null stays. An end of now disables it in the very next request,
    /// with what was got with it; a later one, or none, lets it work again. Errors: AccessDenied; NotFound; InvalidRequest.
    /// </summary>
    public async ValueTask<Credential> UpdateCredentialAsync(Caller caller, string publicId, CredentialChange change, CancellationToken cancellationToken)
    {
        SecretLimits.CheckDescription(change.Description ?? "");
        long now = _parts.Clock.Now();
        CheckEnd(change.Disable ? null : change.Expires, now);
        Credential? found = await _credentials.FindAsync(publicId, cancellationToken).ConfigureAwait(false);
        string reason = await AuthoriseAsync(caller, Operation.Administer, AuthorityOver(found), found?.PublicId ?? "credentials", record: false, "UpdateCredential").ConfigureAwait(false);
        AuditRecord record = Record(caller, Operation.Administer, null, found?.PublicId, AuditDecision.Allow, reason) with { Action = "UpdateCredential" };
        if (found?.PrincipalId is not { } owner || IsFactor(found) || found.Kind == CredentialKind.Invitation)
        {
            throw await FailedAsync(record, found is null ? Error.NotFound("credential") : Error.PreconditionFailed("only keys, tokens and sessions are changed in this way")).ConfigureAwait(false);
        }

        Credential? after = null;
        return await ChangeCredentialsAsync(
            owner,
            all =>
            {
                // Removed meanwhile: to save it would bring it back.
                if (all.FirstOrDefault(c => c.PublicId == found.PublicId) is not { } before)
                {
                    return null;
                }

                long? end = change.Disable ? Math.Min(before.Expires ?? long.MaxValue, now) : change.NoEnd ? null : change.Expires ?? before.Expires;
                if (IsSession(before) && !(end <= before.Expires))
                {
                    throw Error.PreconditionFailed("a session is not made longer");
                }

                after = RowMacs.Sign(_parts.Keys, before with { Description = change.Description ?? before.Description, Expires = end, Revision = before.Revision + 1 });
                return new() { Credentials = [after] };
            },
            record,
            cancellationToken).ConfigureAwait(false) ? after! : throw await FailedAsync(record, Error.NotFound("credential")).ConfigureAwait(false);
    }

    private async ValueTask<CofferException> MissingAsync(Caller caller, string action)
    {
        await _parts.RecordAsync(Record(caller, Operation.Administer, null, null, AuditDecision.Fail, nameof(CofferErrorCode.NotFound)) with { Action = action }).ConfigureAwait(false);
        return Error.NotFound("credential");
    }

    private static (Credential, SecretValue) AccessKey(Keyring keys, Credential credential)
    {
        SecretValue secret = CredentialService.DrawSecret();
        string id = "AKIA" + RandomNumberGenerator.GetString(KeyAlphabet, 16);
        return (credential with { PublicId = id, Kind = CredentialKind.AccessKey, Verifier = default, Sealed = keys.Seal(secret.Span, SealContext.ForCredential(id)) }, secret);
    }

    private static (Credential, SecretValue) Token(Keyring keys, Credential credential)
    {
        SecretValue secret = CredentialService.DrawToken(CredentialService.TokenPrefix);
        return (credential with { PublicId = Draw("ct-", 12), Kind = CredentialKind.Token, Verifier = keys.Index(secret.Span), Sealed = default }, secret);
    }

    private static void CheckEnd(long? expires, long now)
    {
        if (expires <= now)
        {
            throw Error.InvalidRequest("a credential ends in the future", "expires");
        }
    }

    /// <summary>Sessions and what people log in with do not count, and nor does what has ended.</summary>
    private static void CheckQuota(IEnumerable<Credential> all, long now)
    {
        if (all.Count(c => !IsSession(c) && !IsFactor(c) && c.Kind != CredentialKind.Invitation && !(c.Expires <= now)) >= MaxCredentials)
        {
            throw Error.QuotaExceeded($"a principal holds at most {MaxCredentials} credentials");
        }
    }

    private async ValueTask<IssuedCredential> IssueAsync(
        Caller caller, PrincipalName principal, CredentialOptions options, Func<Keyring, Credential, (Credential, SecretValue)> make, CancellationToken cancellationToken)
    {
        SecretLimits.CheckDescription(options.Description);
        CheckEnd(options.Expires, _parts.Clock.Now());
        if (options.Uses is < 1 or > 1_000_000_000)
        {
            throw Error.InvalidRequest("a credential has at least one use", "uses");
        }

        List<Credential> existing = Snapshot.PrincipalsByName.GetValueOrDefault(principal) is { } owner ? await AllOfAsync(owner.Id, cancellationToken).ConfigureAwait(false) : [];
        SecretValue? secret = null;
        try
        {
            VaultName? over = AuthorityOver(principal);
            Credential stored = await ChangeAsync(caller, Operation.Administer, over, principal.Value, (snapshot, keys) =>
            {
                Principal found = Find(snapshot, principal);
                if (over is { } vault && !IsOf(snapshot, found, vault))
                {
                    throw Error.VersionConflict();
                }

                CheckQuota(existing, _parts.Clock.Now());
                (Credential credential, secret) = make(keys, new()
                {
                    PublicId = "",
                    PrincipalId = found.Id,
                    Kind = CredentialKind.Token,
                    Description = options.Description,
                    Created = _parts.Clock.Now(),
                    Expires = options.Expires,
                    UsesLeft = options.Uses,
                    Cidrs = options.Cidrs,
                });
                credential = RowMacs.Sign(keys, credential);
                return (new AccessChange { Credentials = [credential] }, credential);
            }, cancellationToken).ConfigureAwait(false);
            return new(stored, secret!);
        }
        catch
        {
            secret?.Dispose();
            throw;
        }
    }
}
