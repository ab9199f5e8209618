using System.Collections.Concurrent;
using System.Threading.Channels;
using Coffer.Core.Audit;
using Coffer.Core.Secrets;
using Coffer.Core.Stores;

namespace Coffer.Core;

/// <summary>
/// What happens behind an acknowledged request: audit bodies that were committed with a change go on to the trail, in
/// order, at least once; days of last reads are noted in batches. Nothing here is lost by a crash but a day of last
/// read: bodies stay in the store until the trail has them.
/// </summary>
internal sealed class PendingWrites : IAsyncDisposable
{
    private const int BatchSize = 512;

    private static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(250);

    private readonly IStore _store;
    private readonly AuditTrail _trail;
    private readonly SecretCache _cache;
    private readonly TimeProvider _clock;
    private readonly Channel<AuditRecord> _committed = Channel.CreateUnbounded<AuditRecord>(new() { SingleReader = true });
    private readonly ConcurrentDictionary<long, (Secret Head, int Number, int Day)> _reads = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _loop;

    public PendingWrites(IStore store, AuditTrail trail, SecretCache cache, TimeProvider clock)
    {
        _store = store;
        _trail = trail;
        _cache = cache;
        _clock = clock;
        _loop = Task.Run(RunAsync);
    }

    /// <summary>Hands a committed body on. Never blocks.</summary>
    public void Committed(AuditRecord record) => _committed.Writer.TryWrite(record);

    /// <summary>Notes a read for the next batch.</summary>
    public void NoteRead(Secret head, int number, int day)
    {
        if (!_reads.TryGetValue(head.Id, out (Secret Head, int Number, int Day) noted) || noted.Day != day || noted.Number != number)
        {
            _reads[head.Id] = (head, number, day);
        }
    }

    /// <summary>The day of a read that is not in the store yet, or null.</summary>
    public int? ReadDay(long secretId) => _reads.TryGetValue(secretId, out (Secret Head, int Number, int Day) noted) ? noted.Day : null;

    /// <summary>Appends bodies that a crash left behind, each once where the trail already has it. Before anything else writes.</summary>
    public static async ValueTask<int> RecoverAsync(IStore store, AuditTrail trail, CancellationToken cancellationToken)
    {
        int recovered = 0;
        while (await store.Audit.PendingAsync(BatchSize, cancellationToken).ConfigureAwait(false) is { Count: > 0 } pending)
        {
            List<AuditRecord> records = [.. pending.Select(p => AuditRecord.Parse(p.Body))];
            ISet<Guid> known = await trail.FindAsync([.. pending.Select(p => p.Id)], records.Min(r => r.Time)).ConfigureAwait(false);
            records.RemoveAll(r => known.Contains(r.Id));
            if (records.Count > 0)
            {
                await trail.AppendBatchAsync(records).ConfigureAwait(false);
                recovered += records.Count;
            }

            await store.Audit.RemovePendingAsync([.. pending.Select(p => p.Id)], cancellationToken).ConfigureAwait(false);
        }

        return recovered;
    }

    /// <summary>Writes noted days of reads to the store.</summary>
    public async ValueTask FlushReadsAsync(CancellationToken cancellationToken)
    {
        KeyValuePair<long, (Secret Head, int Number, int Day)>[] noted = [.. _reads];
        if (noted.Length == 0)
        {
            return;
        }

        await _store.Secrets.MarkReadAsync([.. noted.Select(n => (n.Key, n.Value.Number, n.Value.Day))], cancellationToken).ConfigureAwait(false);
        foreach (KeyValuePair<long, (Secret Head, int Number, int Day)> entry in noted)
        {
            _cache.Drop(entry.Value.Head.VaultId, entry.Value.Head.Location, entry.Value.Head.Name.Value);
            _reads.TryRemove(entry);
        }
    }

    public async ValueTask DisposeAsync()
    {
        _committed.Writer.TryComplete();
        // What is queued is already durable in the store; the loop gets a moment to pass it on, no more.
        await Task.WhenAny(_loop, Task.Delay(TimeSpan.FromSeconds(10), _clock)).ConfigureAwait(false);
        await _stop.CancelAsync().ConfigureAwait(false);
        await _loop.ConfigureAwait(false);
        await FlushReadsAsync(CancellationToken.None).ConfigureAwait(false);
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        List<AuditRecord> batch = new(BatchSize);
        try
        {
            while (await _committed.Reader.WaitToReadAsync(_stop.Token).ConfigureAwait(false))
            {
                while (batch.Count < BatchSize && _committed.Reader.TryRead(out AuditRecord? record))
                {
                    batch.Add(record);
                }

                await PassOnAsync(batch).ConfigureAwait(false);
                batch.Clear();
            }
        }
        catch (OperationCanceledException)
        {
            // Stopped: the rest is in the store and is passed on at the next start.
        }
    }

    private async ValueTask PassOnAsync(List<AuditRecord> batch)
    {
        bool appended = false;
        while (true)
        {
            try
            {
                if (!appended)
                {
                    await _trail.AppendBatchAsync(batch).ConfigureAwait(false);
                    appended = true;
                }

                await _store.Audit.RemovePendingAsync([.. batch.Select(r => r.Id)], _stop.Token).ConfigureAwait(false);
                return;
            }
            catch (Exception failure) when (failure is AuditUnavailableException or Errors.CofferException)
            {
                await Task.Delay(RetryDelay, _clock, _stop.Token).ConfigureAwait(false);
            }
        }
    }
}
