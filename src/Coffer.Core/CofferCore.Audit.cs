using Coffer.Core.Audit;
using Coffer.Core.Errors;
using Coffer.Core.Sealing;
using Coffer.Core.Stores;

namespace Coffer.Core;

public sealed partial class CofferCore
{
    /// <summary>Reads the trail's records. Who may is for <see cref="Access.AdminService.AuthoriseAuditAsync"/> to say.</summary>
    public AuditReader AuditReader => field ?? Interlocked.CompareExchange(ref field, new(_options.AuditDirectory, _options.Clock), null) ?? field;

    /// <summary>Keeps the trail's index ready, outside any request: what fails here is tried again, and a query needs none of it.</summary>
    private async ValueTask KeepIndexAsync(CancellationToken cancellationToken)
    {
        try
        {
            await AuditReader.KeepUpAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
        }
    }

    /// <summary>
    /// Verifies the trail against the keys that signed it and the checkpoint that the store kept, and the store's rows against
    /// the trail, beside requests. Errors: Sealed; Unavailable (the trail cannot be read).
    /// </summary>
    public async ValueTask<AuditReport> VerifyAuditAsync(CancellationToken cancellationToken)
    {
        try
        {
            AuditReport report = await VerifyOnceAsync(cancellationToken).ConfigureAwait(false);
            if (!report.Problems.Any(IsOfStore))
            {
                return report;
            }

            // A write that fell between the reading of the trail and of the store looks like a fault once, a fault does so again.
            HashSet<string> before = [.. report.Problems.Where(IsOfStore).Select(p => p.Detail)];
            report = await VerifyOnceAsync(cancellationToken).ConfigureAwait(false);
            List<AuditProblem> problems = [.. report.Problems.Where(p => !IsOfStore(p) || before.Contains(p.Detail))];
            return report with { Problems = problems, ProblemCount = report.ProblemCount - (report.Problems.Count - problems.Count) };
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

    private async ValueTask<AuditReport> VerifyOnceAsync(CancellationToken cancellationToken)
    {
        // Before the trail is read: a checkpoint signed meanwhile lies behind what is expected, never before it.
        byte[]? checkpoint = await _options.Store.Audit.CheckpointAsync(cancellationToken).ConfigureAwait(false);
        return await AuditVerifier.VerifyStoreAsync(
            _options.AuditDirectory,
            Seals.Current.AuditSigner,
            StoreRevisions.ReadAsync(_options.Store, cancellationToken),
            checkpoint is null ? null : AuditCheckpoint.Parse(checkpoint),
            isExpected: IsExpected,
            cancellationToken: cancellationToken).ConfigureAwait(false);
    }

    private static bool IsOfStore(AuditProblem problem) => problem.Kind is AuditProblemKind.StaleRow or AuditProblemKind.MissingRow or AuditProblemKind.UnrecordedRow;

    /// <summary>
    /// A policy goes with what it hangs on without a mention of its own, and its absence shows in what is signed about the rest.
    /// A credential whose uses are counted counts its revision by itself; one with a revision from nowhere has no mac.
    /// </summary>
    private static bool IsExpected(AuditProblemKind problem, AuditRowKind row) =>
        (problem, row) is (AuditProblemKind.MissingRow, AuditRowKind.Policy) or (AuditProblemKind.UnrecordedRow, AuditRowKind.Credential);
}
