using Coffer.Core.Audit;
using Coffer.Core.Errors;
using Coffer.Core.Sealing;

namespace Coffer.Core;

public sealed partial class CofferCore
{
    /// <summary>Reads the trail's records. Who may is for <see cref="Access.AdminService.AuthoriseAuditAsync"/> to say.</summary>
    public AuditReader AuditReader => field ??= new(_options.AuditDirectory, _options.Clock);

    /// <summary>
    /// Verifies the trail against the keys that signed it and the checkpoint that the store kept, beside requests. Errors:
    /// Sealed; Unavailable (the trail cannot be read).
    /// </summary>
    public async ValueTask<AuditReport> VerifyAuditAsync(CancellationToken cancellationToken)
    {
        try
        {
            // Before the trail is read: a checkpoint signed meanwhile lies behind what is expected, never before it.
            byte[]? checkpoint = await _options.Store.Audit.CheckpointAsync(cancellationToken).ConfigureAwait(false);
            return await AuditVerifier.VerifyAsync(
                _options.AuditDirectory, Seals.Current.AuditSigner, checkpoint is null ? null : AuditCheckpoint.Parse(checkpoint), cancellationToken: cancellationToken).ConfigureAwait(false);
        }
        catch (SealedException)
        {
            throw Error.Sealed();
        }
        catch (IOException failure)
        {
            throw Error.Unavailable("the audit trail cannot be read", failure);
        }
    }
}
