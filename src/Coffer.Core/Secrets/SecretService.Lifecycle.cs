using System.Collections.Immutable;
using Coffer.Core.Access;
using Coffer.Core.Errors;
using Coffer.Core.Stores;

namespace Coffer.Core.Secrets;

public sealed partial class SecretService
{
    /// <summary>
    /// Deletes recoverably. <paramref name="window"/> in microseconds, null = the vault's retention. Errors: AccessDenied;
    /// NotFound; Deleted.
    /// </summary>
    public ValueTask<WriteOutcome> DeleteAsync(Caller caller, SecretPath path, long? window, CancellationToken cancellationToken) =>
        WriteAsync(caller, path, cancellationToken, new()
        {
            Operations = _ => [Operation.DeleteSecret],
            Apply = (state, vault, _, now) => SecretTransitions.Delete(state ?? throw Error.NotFound(path), vault, new(window ?? SecretTransitions.Retention(vault)), now),
        });

    /// <summary>Takes a deletion back. Errors: AccessDenied; NotFound.</summary>
    public ValueTask<WriteOutcome> RecoverAsync(Caller caller, SecretPath path, CancellationToken cancellationToken) =>
        WriteAsync(caller, path, cancellationToken, new()
        {
            Operations = _ => [Operation.RecoverSecret],
            Apply = (state, _, _, now) => SecretTransitions.Recover(state ?? throw Error.NotFound(path), now),
        });

    /// <summary>Removes a secret for good. Errors: AccessDenied; NotFound; PreconditionFailed (purge protection).</summary>
    public ValueTask<WriteOutcome> PurgeAsync(Caller caller, SecretPath path, CancellationToken cancellationToken) =>
        WriteAsync(caller, path, cancellationToken, new()
        {
            Operations = _ => [Operation.PurgeSecret],
            AllVersions = true,
            Apply = (state, vault, _, now) => SecretTransitions.Purge(state ?? throw Error.NotFound(path), vault, now),
        });

    /// <summary>Enables versions. Errors: AccessDenied; NotFound; VersionNotFound; Destroyed; Deleted.</summary>
    public ValueTask<WriteOutcome> EnableAsync(Caller caller, SecretPath path, EnableVersions command, CancellationToken cancellationToken) =>
        OnVersionsAsync(caller, path, Operation.EnableVersion, command.Numbers, cancellationToken, (state, _, now) => SecretTransitions.Enable(state, path, command, now));

    /// <summary>Disables versions. Errors: AccessDenied; NotFound; VersionNotFound; Destroyed; Deleted.</summary>
    public ValueTask<WriteOutcome> DisableAsync(Caller caller, SecretPath path, DisableVersions command, CancellationToken cancellationToken) =>
        OnVersionsAsync(caller, path, Operation.DisableVersion, command.Numbers, cancellationToken, (state, _, now) => SecretTransitions.Disable(state, path, command, now));

    /// <summary>Erases values. Errors: AccessDenied; NotFound; VersionNotFound; Destroyed; Deleted; PreconditionFailed.</summary>
    public ValueTask<WriteOutcome> DestroyAsync(Caller caller, SecretPath path, DestroyVersions command, CancellationToken cancellationToken) =>
        OnVersionsAsync(caller, path, Operation.DestroyVersion, command.Numbers, cancellationToken, (state, vault, now) => SecretTransitions.Destroy(state, vault, command, now));

    /// <summary>Changes attributes of one version. Errors: AccessDenied; NotFound; VersionNotFound; Destroyed; Deleted.</summary>
    public ValueTask<WriteOutcome> EditVersionAsync(Caller caller, SecretPath path, EditVersion command, CancellationToken cancellationToken) =>
        WriteAsync(caller, path, cancellationToken, new()
        {
            Operations = _ => command.Enabled switch
            {
                true => [Operation.EditMetadata, Operation.EnableVersion],
                false => [Operation.EditMetadata, Operation.DisableVersion],
                null => [Operation.EditMetadata],
            },
            Numbers = [command.Number],
            LoadAttributes = command.Tags is not null,
            Apply = (state, _, _, now) => SecretTransitions.EditVersion(state ?? throw Error.NotFound(path), path, command, now),
        });

    /// <summary>Begins a rotation. Errors: AccessDenied; NotFound; Deleted; TokenInUse; PreconditionFailed.</summary>
    public ValueTask<WriteOutcome> BeginRotationAsync(Caller caller, SecretPath path, RequestToken token, CancellationToken cancellationToken) =>
        WriteAsync(caller, path, cancellationToken, new()
        {
            Operations = _ => [Operation.RotateSecret],
            Token = token,
            Apply = (state, _, _, now) => SecretTransitions.BeginRotation(
                state ?? throw Error.NotFound(path), path, new(VersionId.Draw(), token, caller.Dialect, caller.Principal.Name.Value), now),
        });

    /// <summary>
    /// Does what has fallen due: removes secrets past their date and erases values scheduled to go. Answers how much was
    /// done; being late never shows, since states are derived from the time. Runs as the server itself.
    /// </summary>
    public async ValueTask<int> RunDueAsync(Caller system, int limit, CancellationToken cancellationToken)
    {
        long now = Now;
        int done = 0;
        Dictionary<long, Vault> vaults = _parts.Access.Current.Vaults.Values.ToDictionary(v => v.Id);
        foreach (Secret head in await _parts.Store.Secrets.DueAsync(DueWork.Purge, now, limit, cancellationToken).ConfigureAwait(false))
        {
            done += vaults.TryGetValue(head.VaultId, out Vault? vault) && await DueAsync(system, vault, head, now, null, cancellationToken).ConfigureAwait(false) ? 1 : 0;
        }

        foreach (Secret head in await _parts.Store.Secrets.DueAsync(DueWork.Destroy, now, limit, cancellationToken).ConfigureAwait(false))
        {
            done += vaults.TryGetValue(head.VaultId, out Vault? vault) && await DueAsync(system, vault, head, now, DueWork.Destroy, cancellationToken).ConfigureAwait(false) ? 1 : 0;
        }

        return done;
    }

    private ValueTask<WriteOutcome> OnVersionsAsync(
        Caller caller, SecretPath path, Operation operation, ImmutableArray<int> numbers, CancellationToken cancellationToken, Func<SecretState, Vault, long, Transition> apply) =>
        WriteAsync(caller, path, cancellationToken, new()
        {
            Operations = _ => [operation],
            Numbers = numbers,
            Version = numbers is [int only] ? new VersionSelector.ByNumber(only) : null,
            Apply = (state, vault, _, now) => apply(state ?? throw Error.NotFound(path), vault, now),
        });

    private async ValueTask<bool> DueAsync(Caller system, Vault vault, Secret head, long now, DueWork? work, CancellationToken cancellationToken)
    {
        await using IStoreTransaction transaction = await _parts.Store.BeginAsync(cancellationToken).ConfigureAwait(false);
        Secret? current = await transaction.Secrets.FindHeadAsync(head.Uid, cancellationToken).ConfigureAwait(false);
        if (current is null)
        {
            return false;
        }

        Verified(() => RowMacs.Verify(_parts.Keys, current, vault.Number));
        SecretPath path = new(vault.Name, current.Name);
        SecretState before = await WholeAsync(transaction.Secrets, current, cancellationToken).ConfigureAwait(false);
        SecretState? after = null;
        if (work == DueWork.Destroy)
        {
            before = before with
            {
                Labels = await LabelsAsync(transaction.Secrets, current, cancellationToken).ConfigureAwait(false),
            };
            after = SecretTransitions.EraseDue(before, now);
            if (ReferenceEquals(after, before))
            {
                return false;
            }

            after = Sign(_parts.Keys, vault, before, after);
        }
        else if (SecretTransitions.AsOf(current, vault, now) is var counts && !counts.IsGone(now))
        {
            if (ReferenceEquals(counts, current))
            {
                return false;
            }

            // Under purge protection an expiry deletes recoverably; what has counted as deleted until now is written down.
            before = before with { Labels = await LabelsAsync(transaction.Secrets, current, cancellationToken).ConfigureAwait(false) };
            after = Sign(_parts.Keys, vault, before, before with { Head = counts with { Changed = now, Revision = counts.Revision + 1 } });
        }

        SecretChange change = SecretChange.Between(before, after);
        if (await transaction.SaveAsync(change, cancellationToken).ConfigureAwait(false) is null)
        {
            return false;
        }

        Audit.AuditRecord record = _parts.Record(system, work == DueWork.Destroy ? nameof(Operation.DestroyVersion) : after is null ? nameof(Operation.PurgeSecret) : nameof(Operation.DeleteSecret), path.Vault, path.Name, null, Audit.AuditDecision.Allow, "due") with
        {
            Change = Audit.AuditChange.From(change),
        };
        await transaction.AddPendingAsync(new(record.Id, record.ToUtf8()), cancellationToken).ConfigureAwait(false);
        try
        {
            await transaction.CommitAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _parts.Cache.Drop(vault.Id, current.Location, current.Name.Value);
        }

        _parts.Pending.Committed(record);
        return true;
    }
}
