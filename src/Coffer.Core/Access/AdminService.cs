using System.Collections.Immutable;
using System.Security.Cryptography;
using Coffer.Core.Audit;
using Coffer.Core.Errors;
using Coffer.Core.Sealing;
using Coffer.Core.Secrets;
using Coffer.Core.Stores;

namespace Coffer.Core.Access;

/// <summary>
/// The use cases on vaults, principals, groups, credentials, trusts and grants. As everywhere: caller first; decide,
/// record, act. A change is in force before it is acknowledged.
/// </summary>
public sealed partial class AdminService
{
    private const int MaxGone = AuditChange.MaxRows / 2;

    private readonly CoreParts _parts;
    private readonly CredentialService _credentials;
    // One change at a time: each signs the set of policies and groups that its neighbours hang on.
    private readonly SemaphoreSlim _gate = new(1, 1);

    internal AdminService(CoreParts parts, CredentialService credentials)
    {
        _parts = parts;
        _credentials = credentials;
    }

    private AccessSnapshot Snapshot => _parts.Access.Current;

    /// <summary>Who the caller is, recorded like every other question.</summary>
    public async ValueTask<Principal> WhoAmIAsync(Caller caller, CancellationToken cancellationToken)
    {
        await AuthoriseAsync(caller, Operation.WhoAmI, null, null).ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        return caller.Principal;
    }

    /// <summary>Whether the caller may have a random password made: anybody may whom no policy denies it. Recorded. Errors: AccessDenied.</summary>
    public async ValueTask CheckRandomPasswordAsync(Caller caller, VaultName? vault, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        await AuthoriseAsync(caller, Operation.RandomPassword, vault, null).ConfigureAwait(false);
    }

    /// <summary>Decides on an administrative operation, records a denial, and answers the reason of the permission.</summary>
    private async ValueTask<string> AuthoriseAsync(Caller caller, Operation operation, VaultName? vault, string? subject, bool record = true, string? action = null)
    {
        AccessRequest request = new()
        {
            Operation = operation,
            Caller = caller,
            Now = _parts.Clock.Now(),
            VaultName = vault,
            Vault = vault is { } name ? Snapshot.Vaults.GetValueOrDefault(name) : null,
        };
        AccessDecision decision = AccessEvaluator.Decide(Snapshot, request);
        if (!decision.Allowed)
        {
            AuditRecord denial = Record(caller, operation, vault, subject, AuditDecision.Deny, decision.Reason);
            await _parts.RecordAsync(action is null ? denial : denial with { Action = action }).ConfigureAwait(false);
            throw Error.AccessDenied(operation.Text(), subject ?? vault?.Value ?? "server", decision.Reason, decision.Explicit, decision.By);
        }

        if (record)
        {
            AuditRecord allowed = Record(caller, operation, vault, subject, AuditDecision.Allow, decision.Reason);
            await _parts.RecordAsync(action is null ? allowed : allowed with { Action = action }).ConfigureAwait(false);
        }

        return decision.Reason;
    }

    /// <summary>Authorises, then runs one change under the gate: prepare (may refuse), save with its audit body, commit, put in force.</summary>
    private async ValueTask<T> ChangeAsync<T>(
        Caller caller, Operation operation, VaultName? vault, string? subject, Func<AccessSnapshot, Keyring, (AccessChange Change, T Result)> prepare, CancellationToken cancellationToken, Func<AccessChange, Vault?>? with = null)
    {
        string reason = await AuthoriseAsync(caller, operation, vault, subject, record: false).ConfigureAwait(false);
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            (AccessChange change, T result) = prepare(Snapshot, _parts.Keys);
            // What goes with a principal is recorded as well, or the trail would miss it for ever.
            List<Credential> gone = [];
            foreach (Guid principal in change.RemovedPrincipals)
            {
                gone.AddRange(await AllOfAsync(principal, cancellationToken).ConfigureAwait(false));
            }

            // One record lists so many rows; those of a principal whose keys were rotated without end go before it, in records of their own.
            while (gone.Count > MaxGone)
            {
                AccessChange some = new() { RemovedCredentials = [.. gone.Take(MaxGone).Select(c => c.PublicId)] };
                await SaveCredentialsAsync(some, gone, Record(caller, operation, vault, subject, AuditDecision.Allow, reason), cancellationToken).ConfigureAwait(false);
                gone.RemoveRange(0, MaxGone);
            }

            await using IStoreTransaction transaction = await _parts.Store.BeginAsync(cancellationToken).ConfigureAwait(false);
            if (!await transaction.SaveAsync(change, cancellationToken).ConfigureAwait(false))
            {
                throw Error.AlreadyExists("object", subject ?? "");
            }

            List<AuditRowRevision> rows = RowsOf(Snapshot, change, gone);
            if (with?.Invoke(change) is { } changed)
            {
                _ = await transaction.SaveAsync(changed, cancellationToken).ConfigureAwait(false) ?? throw Error.VersionConflict();
                rows.Add(new(AuditRowKind.Vault, changed.Number.ToString(), changed.SettingsRevision - 1, changed.SettingsRevision));
            }

            AuditRecord record = Record(caller, operation, vault, subject, AuditDecision.Allow, reason) with { Change = new() { Rows = rows } };
            await FinishAsync(transaction, record, cancellationToken).ConfigureAwait(false);
            _credentials.Forget(change);
            return result;
        }
        catch (CofferException failure) when (failure.Code is not (CofferErrorCode.Sealed or CofferErrorCode.Unavailable))
        {
            await _parts.RecordAsync(Record(caller, operation, vault, subject, AuditDecision.Fail, failure.Code.ToString())).ConfigureAwait(false);
            throw;
        }
        finally
        {
            _gate.Release();
        }
    }

    private async ValueTask FinishAsync(IStoreTransaction transaction, AuditRecord record, CancellationToken cancellationToken)
    {
        await transaction.AddPendingAsync(new(record.Id, record.ToUtf8()), cancellationToken).ConfigureAwait(false);
        await transaction.CommitAsync(cancellationToken).ConfigureAwait(false);
        // Committed: what follows must happen whatever the client does.
        await _parts.Access.ReloadAsync(CancellationToken.None).ConfigureAwait(false);
        _parts.Pending.Committed(record);
    }

    private AuditRecord Record(Caller caller, Operation operation, VaultName? vault, string? subject, AuditDecision decision, string reason) =>
        _parts.Record(caller, operation.Text(), vault, null, null, decision, reason) with { Name = subject };

    private static List<AuditRowRevision> RowsOf(AccessSnapshot before, AccessChange change, IReadOnlyList<Credential> credentials)
    {
        HashSet<string> removed = [.. change.RemovedCredentials];
        List<AuditRowRevision> rows = [];
        rows.AddRange(change.Principals.Select(p => new AuditRowRevision(AuditRowKind.Principal, p.Id.ToString("D"), before.Principals.GetValueOrDefault(p.Id)?.Revision ?? 0, p.Revision)));
        rows.AddRange(change.Groups.Select(g => new AuditRowRevision(AuditRowKind.Group, g.Id.ToString("D"), before.Groups.GetValueOrDefault(g.Id)?.Revision ?? 0, g.Revision)));
        rows.AddRange(change.Policies.Select(p => new AuditRowRevision(AuditRowKind.Policy, p.Id.ToString("D"), before.Policies.GetValueOrDefault(p.Id)?.Revision ?? 0, p.Revision)));
        rows.AddRange(change.Trusts.Select(t => new AuditRowRevision(AuditRowKind.Trust, t.Id.ToString("D"), before.Trusts.FirstOrDefault(o => o.Id == t.Id)?.Revision ?? 0, t.Revision)));
        rows.AddRange(change.Credentials.Select(c => new AuditRowRevision(AuditRowKind.Credential, c.PublicId, c.Revision - 1, c.Revision)));
        rows.AddRange(credentials.Where(c => removed.Contains(c.PublicId) || (c.PrincipalId is { } owner && change.RemovedPrincipals.Contains(owner)))
            .Select(c => new AuditRowRevision(AuditRowKind.Credential, c.PublicId, c.Revision, 0)));
        rows.AddRange(before.Trusts.Where(t => t.PrincipalId is { } owner && change.RemovedPrincipals.Contains(owner))
            .Select(t => new AuditRowRevision(AuditRowKind.Trust, t.Id.ToString("D"), t.Revision, 0)));
        rows.AddRange(change.Approvals.Select(a => new AuditRowRevision(AuditRowKind.Approval, a.Id, before.Approvals.FirstOrDefault(o => o.Id == a.Id)?.Revision ?? 0, a.Revision)));
        rows.AddRange(change.RemovedApprovals.Select(id => new AuditRowRevision(AuditRowKind.Approval, id, before.Approvals.FirstOrDefault(o => o.Id == id)?.Revision ?? 0, 0)));
        rows.AddRange(change.RemovedPrincipals.Select(id => new AuditRowRevision(AuditRowKind.Principal, id.ToString("D"), before.Principals.GetValueOrDefault(id)?.Revision ?? 0, 0)));
        rows.AddRange(change.RemovedGroups.Select(id => new AuditRowRevision(AuditRowKind.Group, id.ToString("D"), before.Groups.GetValueOrDefault(id)?.Revision ?? 0, 0)));
        rows.AddRange(change.RemovedPolicies.Select(id => new AuditRowRevision(AuditRowKind.Policy, id.ToString("D"), before.Policies.GetValueOrDefault(id)?.Revision ?? 0, 0)));
        rows.AddRange(change.RemovedTrusts.Select(id => new AuditRowRevision(AuditRowKind.Trust, id.ToString("D"), before.Trusts.FirstOrDefault(o => o.Id == id)?.Revision ?? 0, 0)));
        return rows;
    }

    /// <summary>The principal with its set of policies and groups signed anew.</summary>
    private static Principal Sign(Keyring keys, AccessSnapshot snapshot, Principal principal, IEnumerable<Policy>? policies = null, IEnumerable<Guid>? groups = null) =>
        RowMacs.Sign(keys, principal with
        {
            PolicyDigest = RowMacs.PolicyDigest(
                policies ?? PoliciesOn(snapshot, Attachment.ToPrincipal(principal.Id)),
                groups ?? (snapshot.GroupsOf.TryGetValue(principal.Id, out ImmutableArray<Group> own) ? own.Select(g => g.Id) : [])),
        });

    private static Group Sign(Keyring keys, AccessSnapshot snapshot, Group group, IEnumerable<Policy>? policies = null) =>
        RowMacs.Sign(keys, group with { PolicyDigest = RowMacs.PolicyDigest(policies ?? PoliciesOn(snapshot, Attachment.ToGroup(group.Id))) });

    private static IEnumerable<Policy> PoliciesOn(AccessSnapshot snapshot, Attachment at) => snapshot.Policies.Values.Where(p => p.AttachedTo == at);

    private static Principal Find(AccessSnapshot snapshot, PrincipalName name) =>
        snapshot.PrincipalsByName.GetValueOrDefault(name) ?? throw Error.NotFound("principal", name.Value);

    internal static string Draw(string prefix, int characters)
    {
        const string alphabet = "abcdefghijkmnpqrstuvwxyz23456789";
        return prefix + RandomNumberGenerator.GetString(alphabet, characters);
    }
}
