using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Threading.Tasks.Sources;

namespace Coffer.Core.Audit;

/// <summary>Records that wait for one flush. Two of these change places: one fills while the other is written.</summary>
internal sealed class TrailBatch
{
    private readonly List<Entry> _entries = [];

    public LineBuffer Bytes { get; } = new(32 * 1024);

    public ReadOnlySpan<Entry> Entries => CollectionsMarshal.AsSpan(_entries);

    public bool IsEmpty => _entries.Count == 0;

    public void Add(AuditRecord record, PendingAppend? completion)
    {
        int start = Bytes.Length;
        try
        {
            AuditRecordWriter.Write(Bytes, record);
        }
        catch
        {
            Bytes.Truncate(start);
            throw;
        }

        _entries.Add(new(Bytes.Length, record.Time, record.Change, completion));
    }

    /// <summary>Takes the last entries back, down to <paramref name="count"/>.</summary>
    public void Truncate(int count)
    {
        _entries.RemoveRange(count, _entries.Count - count);
        Bytes.Truncate(count == 0 ? 0 : _entries[count - 1].End);
    }

    public void Complete(AuditUnavailableException? failure)
    {
        foreach (Entry entry in Entries)
        {
            if (failure is null)
            {
                entry.Completion?.Succeed();
            }
            else
            {
                // One object per waiter: a thrown exception collects a stack.
                entry.Completion?.Fail(new AuditUnavailableException(failure.Message, failure.InnerException));
            }
        }

        _entries.Clear();
        Bytes.Clear();
        if (_entries.Capacity > 16_384)
        {
            _entries.Capacity = 0;
        }
    }

    /// <param name="End">Where the record's bytes end in the batch.</param>
    /// <param name="Time">The record's time.</param>
    /// <param name="Change">The record's change.</param>
    /// <param name="Completion">Who waits, or null but for the last record of a group.</param>
    public readonly record struct Entry(int End, long Time, AuditChange? Change, PendingAppend? Completion);
}

/// <summary>One waiting append: a pooled source, so that a record costs no allocation.</summary>
internal sealed class PendingAppend : IValueTaskSource
{
    private const int MaxPooled = 4096;

    private static readonly ConcurrentQueue<PendingAppend> Pool = new();

    // The flush thread must not run what waits for it.
    private ManualResetValueTaskSourceCore<bool> _core = new() { RunContinuationsAsynchronously = true };

    public static PendingAppend Rent() => Pool.TryDequeue(out PendingAppend? pending) ? pending : new();

    public ValueTask Task => new(this, _core.Version);

    public void Succeed() => _core.SetResult(true);

    public void Fail(Exception failure) => _core.SetException(failure);

    public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    public void GetResult(short token)
    {
        try
        {
            _core.GetResult(token);
        }
        finally
        {
            _core.Reset();
            if (Pool.Count < MaxPooled)
            {
                Pool.Enqueue(this);
            }
        }
    }
}
