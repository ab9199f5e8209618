using Coffer.Core.Audit;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;
using Coffer.Core.Stores;

namespace Coffer.Core.Access;

public sealed partial class AdminService
{
    /// <summary>First characters of an invitation.</summary>
    public const string InvitationPrefix = "cfi_";

    /// <summary>Shortest and longest life of an invitation, in seconds.</summary>
    public const int MinInvitationSeconds = 300, MaxInvitationSeconds = 7 * 86_400;

    /// <summary>Most sessions of one person at a time; a further login ends the oldest.</summary>
    public const int MaxSessions = 50;

    private const int KeptExpiredDays = 30;

    private string _swept = "";

    /// <summary>
    /// Makes an invitation: whoever has it may set the person's password, once, until it ends. It replaces earlier ones. With
    /// <paramref name="reset"/> the password, the one-time codes and every session end first. Errors: AccessDenied; NotFound;
    /// InvalidRequest (not a person); PreconditionFailed (no passwords here).
    /// </summary>
    /// <param name="caller">Who asks.</param>
    /// <param name="name">The person.</param>
    /// <param name="seconds">Its life, 300 to 604,800 seconds.</param>
    /// <param name="reset">Whether what they have now ends.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async ValueTask<IssuedCredential> InviteAsync(Caller caller, PrincipalName name, int seconds, bool reset, CancellationToken cancellationToken)
    {
        string action = reset ? "ResetPerson" : "InvitePerson";
        if (seconds is < MinInvitationSeconds or > MaxInvitationSeconds)
        {
            throw Error.InvalidRequest($"an invitation lasts {MinInvitationSeconds} to {MaxInvitationSeconds} seconds", "seconds");
        }

        string reason = await AuthoriseAsync(caller, Operation.Administer, null, name.Value, record: false, action).ConfigureAwait(false);
        AuditRecord record = Record(caller, Operation.Administer, null, name.Value, AuditDecision.Allow, reason) with { Action = action };
        Principal person = Snapshot.PrincipalsByName.GetValueOrDefault(name) ?? throw await FailedAsync(record, Error.NotFound("principal", name.Value)).ConfigureAwait(false);
        if (person.Kind == PrincipalKind.Workload)
        {
            throw await FailedAsync(record, Error.InvalidRequest("only people have passwords", "principal")).ConfigureAwait(false);
        }

        if (_parts.Passwords is null)
        {
            throw await FailedAsync(record, Error.PreconditionFailed("this server keeps no passwords")).ConfigureAwait(false);
        }

        Sealing.Keyring keys = _parts.Keys;
        Secrets.SecretValue secret = CredentialService.DrawToken(InvitationPrefix);
        try
        {
            long now = _parts.Clock.Now();
            Credential invitation = RowMacs.Sign(keys, new Credential
            {
                PublicId = Draw("ci-", 12),
                PrincipalId = person.Id,
                Kind = CredentialKind.Invitation,
                Verifier = keys.Index(secret.Span),
                Description = $"by {caller.Principal.Name}",
                Created = now,
                Expires = now + (seconds * Microseconds.PerSecond),
                UsesLeft = 1,
            });
            bool Ends(Credential c) => c.Kind == CredentialKind.Invitation || (reset && (IsFactor(c) || IsSession(c)));
            return await ChangeCredentialsAsync(
                person.Id,
                all => new() { Credentials = [invitation], RemovedCredentials = [.. all.Where(Ends).Select(c => c.PublicId)] },
                record,
                cancellationToken).ConfigureAwait(false) ? new(invitation, secret) : throw await FailedAsync(record, Error.NotFound("principal", name.Value)).ConfigureAwait(false);
        }
        catch
        {
            secret.Dispose();
            throw;
        }
    }

    /// <summary>Sessions of a person, by their beginning: one's own, or as a server administrator anybody's. Errors: AccessDenied; NotFound.</summary>
    public async ValueTask<IReadOnlyList<Credential>> ListSessionsAsync(Caller caller, PrincipalName name, CancellationToken cancellationToken)
    {
        await AuthoriseOwnAsync(caller, Operation.ReadPolicy, name == caller.Principal.Name, "ListSessions", name.Value).ConfigureAwait(false);
        long now = _parts.Clock.Now();
        return [.. (await AllOfAsync(Find(Snapshot, name).Id, cancellationToken).ConfigureAwait(false)).Where(c => IsSession(c) && !(c.Expires <= now))];
    }

    /// <summary>Ends the session that the caller is proven with. Errors: PreconditionFailed (the caller has none).</summary>
    public async ValueTask LogoutAsync(Caller caller, CancellationToken cancellationToken)
    {
        Credential? session = await _credentials.FindAsync(caller.Credential, cancellationToken).ConfigureAwait(false);
        if (session is null || !IsSession(session) || session.PrincipalId != caller.Principal.Id)
        {
            throw Error.PreconditionFailed("the caller is not proven by a session");
        }

        AuditRecord record = Record(caller, Operation.WhoAmI, null, session.PublicId, AuditDecision.Allow, "the session's own end") with { Action = "Logout" };
        await ChangeCredentialsAsync(caller.Principal.Id, all => Without(all, session.PublicId), record, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>One credential removed; null where it is gone already.</summary>
    private static AccessChange? Without(IReadOnlyList<Credential> all, string publicId) =>
        all.Any(c => c.PublicId == publicId) ? new() { RemovedCredentials = [publicId] } : null;

    /// <summary>
    /// The password's row, saying which seed goes with it, so that one taken out of the store is missed: the password alone opens
    /// nothing then, and sessions got with both end. Null where there is no password.
    /// </summary>
    internal static Credential? WithSeed(Sealing.Keyring keys, IReadOnlyList<Credential> all, string? seed) =>
        all.LastOrDefault(c => c.Kind == CredentialKind.Password) is { } password ? RowMacs.Sign(keys, password with { Parent = seed, Revision = password.Revision + 1 }) : null;

    /// <summary>One-time and recovery codes removed, and the password's row saying so.</summary>
    internal static AccessChange WithoutCodes(Sealing.Keyring keys, IReadOnlyList<Credential> all) => new()
    {
        Credentials = WithSeed(keys, all, null) is { } password ? [password] : [],
        RemovedCredentials = [.. all.Where(c => c.Kind is CredentialKind.OneTimeCode or CredentialKind.RecoveryCode).Select(c => c.PublicId)],
    };

    internal static bool IsConfirmedSeed(Credential credential) => credential is { Kind: CredentialKind.OneTimeCode, Expires: null };

    private async ValueTask<CofferException> FailedAsync(AuditRecord record, CofferException failure)
    {
        await _parts.RecordAsync(record with { Decision = AuditDecision.Fail, Reason = failure.Code.ToString() }).ConfigureAwait(false);
        return failure;
    }

    internal static bool IsSession(Credential credential) => credential is { Kind: CredentialKind.Token, Parent: not null };

    internal static bool IsFactor(Credential credential) => credential.Kind is CredentialKind.Password or CredentialKind.OneTimeCode or CredentialKind.RecoveryCode;

    /// <summary>Decides and records, as a server administrator.</summary>
    internal ValueTask<string> AuthoriseServerAsync(Caller caller, string subject) => AuthoriseAsync(caller, Operation.Administer, null, subject);

    internal Principal FindPrincipal(PrincipalName name) => Find(Snapshot, name);

    /// <summary>Every credential of one principal whose row is sound, by creation.</summary>
    internal async ValueTask<List<Credential>> AllOfAsync(Guid principal, CancellationToken cancellationToken)
    {
        List<Credential> all = [];
        string last = "";
        while (await _parts.Store.Access.CredentialsAsync(principal, last, CredentialPage, cancellationToken).ConfigureAwait(false) is { Count: > 0 } page)
        {
            all.AddRange(page.Where(c => _credentials.Sound(c) is not null));
            last = page[^1].PublicId;
            if (page.Count < CredentialPage)
            {
                break;
            }
        }

        return all;
    }

    /// <summary>
    /// Changes credentials of one principal under the gate; false (and nothing happens) where <paramref name="prepare"/> answers
    /// null or the store refuses. What decides access is not loaded anew: credentials are no part of it.
    /// </summary>
    internal async ValueTask<bool> ChangeCredentialsAsync(Guid principal, Func<IReadOnlyList<Credential>, AccessChange?> prepare, AuditRecord record, CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            List<Credential> all = await AllOfAsync(principal, cancellationToken).ConfigureAwait(false);
            return prepare(all) is { } change && await SaveCredentialsAsync(change, all, record, cancellationToken).ConfigureAwait(false);
        }
        catch (CofferException failure) when (failure.Code is not (CofferErrorCode.Sealed or CofferErrorCode.Unavailable))
        {
            await _parts.RecordAsync(record with { Decision = AuditDecision.Fail, Reason = failure.Code.ToString() }).ConfigureAwait(false);
            throw;
        }
        finally
        {
            _gate.Release();
        }
    }

    private async ValueTask<bool> SaveCredentialsAsync(AccessChange change, IReadOnlyList<Credential> before, AuditRecord record, CancellationToken cancellationToken)
    {
        await using IStoreTransaction transaction = await _parts.Store.BeginAsync(cancellationToken).ConfigureAwait(false);
        if (!await transaction.SaveAsync(change, cancellationToken).ConfigureAwait(false))
        {
            return false;
        }

        record = record with { Change = new() { Rows = RowsOf(Snapshot, change, before) } };
        await transaction.AddPendingAsync(new(record.Id, record.ToUtf8()), cancellationToken).ConfigureAwait(false);
        await transaction.CommitAsync(cancellationToken).ConfigureAwait(false);
        _credentials.Forget(change);
        _parts.Pending.Committed(record);
        return true;
    }

    /// <summary>
    /// Removes, page by page with every call, what is past its end: sessions, invitations and unconfirmed seeds at once, keys a
    /// month later, so that it can still be seen why one stopped.
    /// </summary>
    internal async ValueTask<int> RemoveExpiredAsync(CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            IReadOnlyList<Credential> page = await _parts.Store.Access.CredentialsAsync(null, _swept, CredentialPage, cancellationToken).ConfigureAwait(false);
            _swept = page.Count < CredentialPage ? "" : page[^1].PublicId;
            long now = _parts.Clock.Now();
            List<string> ended = [];
            foreach (Credential credential in page)
            {
                bool brief = IsSession(credential) || credential.Kind is CredentialKind.Invitation or CredentialKind.OneTimeCode;
                if (credential.Expires + (brief ? 0 : KeptExpiredDays * Microseconds.PerDay) <= now
                    || (IsSession(credential) && credential.Parent is { } parent && !await _credentials.IsAliveAsync(Snapshot, parent, cancellationToken).ConfigureAwait(false)))
                {
                    ended.Add(credential.PublicId);
                }
            }

            if (ended.Count > 0)
            {
                AuditRecord record = Record(SystemCaller.For("maintenance"), Operation.Administer, null, null, AuditDecision.Allow, $"{ended.Count} credentials past their end") with { Action = "RemoveExpired" };
                await SaveCredentialsAsync(new() { RemovedCredentials = ended }, page, record, cancellationToken).ConfigureAwait(false);
            }

            return ended.Count;
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>
    /// Decides on something of one's own, which people may without any grant (a deny still counts, and so do the limits of what
    /// they are proven with), or of somebody else's, which takes <paramref name="otherwise"/>. Recorded.
    /// </summary>
    private async ValueTask<string> AuthoriseOwnAsync(Caller caller, Operation otherwise, bool own, string action, string subject, bool record = true, VaultName? vault = null)
    {
        if (!own || caller.Principal.Kind == PrincipalKind.Workload || !caller.Limits.IsEmpty)
        {
            return await AuthoriseAsync(caller, otherwise, vault, subject, record, action).ConfigureAwait(false);
        }

        AccessDecision decision = AccessEvaluator.Decide(Snapshot, new() { Operation = Operation.WhoAmI, Caller = caller, Now = _parts.Clock.Now() });
        string reason = decision.Allowed ? "one's own" : decision.Reason;
        if (record || !decision.Allowed)
        {
            await _parts.RecordAsync(Record(caller, Operation.WhoAmI, null, subject, decision.Allowed ? AuditDecision.Allow : AuditDecision.Deny, reason) with { Action = action }).ConfigureAwait(false);
        }

        return decision.Allowed ? reason : throw Error.AccessDenied(action, subject, reason);
    }
}
