using System.Collections.Concurrent;
using Coffer.Core.Access;
using Coffer.Core.Audit;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;
using Coffer.Core.Stores;

namespace Coffer.Core.Rotations;

/// <summary>
/// Rotates what is due: finds it by index, counts the attempt, calls the function's steps in order, and writes down how it ended. One rotation
/// of a secret at a time, a few of all secrets. All that it must remember stands in the store, so that a process that dies in between loses nothing:
/// the next one begins the steps anew, which every such function takes.
/// </summary>
internal sealed class RotationRunner(CofferCore core, CoreParts parts, SecretService secrets) : IAsyncDisposable
{
    private const int Most = 8;

    private static readonly RotationStep[] Steps = [RotationStep.Create, RotationStep.Set, RotationStep.Test, RotationStep.Finish];

    private readonly ConcurrentDictionary<SecretUid, Task> _running = new();
    private readonly CancellationTokenSource _stop = new();

    /// <summary>Begins what is due now, as far as there is room, without waiting for it. Answers how many it began.</summary>
    public async ValueTask<int> BeginDueAsync(CancellationToken cancellationToken)
    {
        if (parts.Functions is null || _running.Count >= Most)
        {
            return 0;
        }

        int begun = 0;
        Dictionary<long, Vault> vaults = parts.Access.Current.Vaults.Values.ToDictionary(v => v.Id);
        foreach (Secret head in await parts.Store.Secrets.DueAsync(DueWork.Rotate, parts.Clock.Now(), Most * 2, cancellationToken).ConfigureAwait(false))
        {
            TaskCompletionSource done = new(TaskCreationOptions.RunContinuationsAsynchronously);
            if (_running.Count < Most && vaults.TryGetValue(head.VaultId, out Vault? vault) && _running.TryAdd(head.Uid, done.Task))
            {
                begun++;
                _ = Task.Run(() => RunAsync(vault, head, done), CancellationToken.None);
            }
        }

        return begun;
    }

    /// <summary>Waits until nothing runs.</summary>
    public Task WaitAsync() => Task.WhenAll(_running.Values);

    /// <summary>Ends the functions that run; what they did not finish is begun again later.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await WaitAsync().ConfigureAwait(false);
        _stop.Dispose();
    }

    private async Task RunAsync(Vault vault, Secret head, TaskCompletionSource done)
    {
        try
        {
            await RotateAsync(SystemCaller.For("Rotate"), vault, head, _stop.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The server stops or is sealed. The attempt is counted and its successor has a date.
        }
        catch (CofferException failure)
        {
            parts.Alarm($"rotation of secret {head.Uid}: {failure.Code}");
        }
#pragma warning disable CA1031 // A function that fails in an unforeseen way must not end the process.
        catch (Exception failure) when (failure is not OutOfMemoryException)
#pragma warning restore CA1031
        {
            parts.Alarm($"rotation of secret {head.Uid}: {failure.GetType().Name}");
        }
        finally
        {
            _running.TryRemove(head.Uid, out _);
            done.SetResult();
            parts.RotationsAsked();
        }
    }

    private async ValueTask RotateAsync(Caller system, Vault vault, Secret due, CancellationToken cancellationToken)
    {
        (RotationRun? run, WriteOutcome? begun) = await secrets.AttemptRotationAsync(system, vault, due, cancellationToken).ConfigureAwait(false);
        if (run is null || begun is null || RotationSettings.Of(begun.Head) is not { } settings)
        {
            return;
        }

        bool done = true;
        if (run.IsTest)
        {
            await secrets.CopyForTestAsync(system, vault, due.Uid, run, cancellationToken).ConfigureAwait(false);
        }

        foreach (RotationStep step in run.IsTest ? [RotationStep.Test] : Steps)
        {
            if (!await secrets.IsUnderWayAsync(vault, due.Uid, run, cancellationToken).ConfigureAwait(false))
            {
                await RecordAsync(system, vault, begun, step, new(false, "cancelled, or the secret was deleted")).ConfigureAwait(false);
                return;
            }

            RotationOutcome outcome = parts.Functions!.MayInvoke(settings.Function, vault.Name)
                ? await parts.Functions.InvokeAsync(core, new(settings.Function, settings.Place, vault, begun.Head, RequestToken.Parse(run.Token), step), cancellationToken).ConfigureAwait(false)
                : new(false, "there is no such function any more");
            await RecordAsync(system, vault, begun, step, outcome).ConfigureAwait(false);
            if (!(done = outcome.Done))
            {
                break;
            }
        }

        try
        {
            if (done)
            {
                await secrets.FinishRotationAsync(system, vault, due.Uid, run, cancellationToken).ConfigureAwait(false);
                return;
            }
        }
        catch (CofferException refused) when (refused.Code == CofferErrorCode.PreconditionFailed)
        {
            await RecordAsync(system, vault, begun, RotationStep.Finish, new(false, refused.Message)).ConfigureAwait(false);
        }

        await secrets.PutOffRotationAsync(system, vault, due.Uid, run, cancellationToken).ConfigureAwait(false);
    }

    private ValueTask RecordAsync(Caller system, Vault vault, WriteOutcome begun, RotationStep step, RotationOutcome outcome) =>
        parts.RecordAsync(parts.Record(
            system with { WireOperation = $"{system.WireOperation}.{step}" },
            nameof(Operation.RotateSecret),
            vault.Name,
            begun.Head.Name,
            begun.Version is { } version ? version.Number.ToString(System.Globalization.CultureInfo.InvariantCulture) : null,
            outcome.Done ? AuditDecision.Allow : AuditDecision.Fail,
            outcome.Reason));
}
