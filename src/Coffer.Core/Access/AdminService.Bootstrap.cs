using Coffer.Core.Audit;
using Coffer.Core.Stores;

namespace Coffer.Core.Access;

public sealed partial class AdminService
{
    /// <summary>See <see cref="CofferCore.BootstrapAsync"/>.</summary>
    internal async ValueTask<bool> BootstrapAsync(PrincipalName name, uint localUser, CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (Snapshot.Principals.Count > 0)
            {
                return false;
            }

            Sealing.Keyring keys = _parts.Keys;
            long now = _parts.Clock.Now();
            Principal bare = new() { Id = Guid.NewGuid(), Name = name, Kind = PrincipalKind.Operator, Created = now };
            Policy policy = RowMacs.Sign(keys, new Policy
            {
                Id = Guid.NewGuid(),
                Language = GrantLanguage.LanguageName,
                Name = Draw("g-", 8),
                Use = PolicyUse.Identity,
                Source = new Grant { Actions = CofferActions.Admin }.ToSource(),
                AttachedTo = Attachment.ToPrincipal(bare.Id),
                Created = now,
                CreatedBy = "coffer",
            });
            Principal principal = Sign(keys, Snapshot, bare, [policy]);
            AccessChange change = new() { Principals = [principal], Policies = [policy], Trusts = [LocalTrust(keys, principal, localUser)] };
            await using IStoreTransaction transaction = await _parts.Store.BeginAsync(cancellationToken).ConfigureAwait(false);
            if (!await transaction.SaveAsync(change, cancellationToken).ConfigureAwait(false))
            {
                return false;
            }

            AuditRecord record = Record(SystemCaller.For("initialise"), Operation.Administer, null, name.Value, AuditDecision.Allow, "first start") with
            {
                Change = new() { Rows = RowsOf(Snapshot, change, []) },
            };
            await FinishAsync(transaction, record, cancellationToken).ConfigureAwait(false);
            return true;
        }
        finally
        {
            _gate.Release();
        }
    }
}
