using System.Collections.Immutable;
using Coffer.Core.Errors;

namespace Coffer.Core.Access;

public sealed partial class AdminService
{
    /// <summary>Lets the caller read the audit trail, and records that it was asked. Errors: AccessDenied.</summary>
    public async ValueTask AuthoriseAuditAsync(Caller caller, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        await AuthoriseAsync(caller, Operation.ReadAudit, null, "audit").ConfigureAwait(false);
    }

    /// <summary>
    /// Whether the caller may still read the trail: asked again while records stream out, so that a right that was taken
    /// back or a credential that was removed ends the stream. Not recorded, since the question that opened it is.
    /// </summary>
    public async ValueTask<bool> MayStillReadAuditAsync(Caller caller, CancellationToken cancellationToken)
    {
        AccessSnapshot snapshot = Snapshot;
        return snapshot.Principals.TryGetValue(caller.Principal.Id, out Principal? principal) && principal.Enabled
            && (snapshot.Trusts.Any(t => t.PrincipalId == principal.Id && string.Equals(t.Name.Value, caller.Credential, StringComparison.Ordinal))
                || (await _credentials.FindAsync(caller.Credential, cancellationToken).ConfigureAwait(false) is { } credential
                    && credential.PrincipalId == principal.Id && await _credentials.IsAliveAsync(snapshot, credential.PublicId, cancellationToken).ConfigureAwait(false)))
            && AccessEvaluator.Decide(snapshot, new() { Operation = Operation.ReadAudit, Caller = caller, Now = _parts.Clock.Now() }).Allowed;
    }

    /// <summary>
    /// Lets the caller run the server itself (seal, keys, backup: <paramref name="subject"/>), and records that it was
    /// asked. Errors: AccessDenied.
    /// </summary>
    public async ValueTask AuthoriseSystemAsync(Caller caller, string subject, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        await AuthoriseAsync(caller, Operation.Administer, null, subject).ConfigureAwait(false);
    }

    /// <summary>One grant. On one vault its administrators may; else the server's, for one that does not exist too. Errors: AccessDenied; NotFound.</summary>
    public async ValueTask<GrantEntry> GetGrantAsync(Caller caller, string id, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        GrantEntry? entry = Grants(Snapshot).FirstOrDefault(g => string.Equals(g.Id, id, StringComparison.Ordinal));
        await AuthoriseAsync(caller, Operation.ReadPolicy, entry?.Grant.Vault, entry?.Subject.Value ?? "grants").ConfigureAwait(false);
        return entry ?? throw Error.NotFound("grant");
    }

    /// <summary>One group with its members. Errors: AccessDenied; NotFound.</summary>
    public async ValueTask<(Group Group, ImmutableArray<Principal> Members)> GetGroupAsync(Caller caller, PrincipalName name, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        await AuthoriseAsync(caller, Operation.ReadPolicy, null, name.Value).ConfigureAwait(false);
        AccessSnapshot snapshot = Snapshot;
        Group group = snapshot.GroupsByName.GetValueOrDefault(name) ?? throw Error.NotFound("group", name.Value);
        return (group, [.. group.Members.Select(m => snapshot.Principals.GetValueOrDefault(m)).OfType<Principal>().OrderBy(p => p.Name.Value, StringComparer.Ordinal)]);
    }

    /// <summary>One credential with its principal, without its secret: one's own, or as a server administrator any. Errors: AccessDenied; NotFound.</summary>
    public async ValueTask<(Credential Credential, Principal? Owner)> GetCredentialAsync(Caller caller, string publicId, CancellationToken cancellationToken)
    {
        Credential? found = await _credentials.FindAsync(publicId, cancellationToken).ConfigureAwait(false);
        await AuthoriseOwnAsync(caller, Operation.ReadPolicy, found?.PrincipalId == caller.Principal.Id, "GetCredential", found?.PublicId ?? "credentials", vault: AuthorityOver(found)).ConfigureAwait(false);
        return found is null
            ? throw Error.NotFound("credential")
            : (found, found.PrincipalId is { } owner ? Snapshot.Principals.GetValueOrDefault(owner) : null);
    }
}
