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

    public void Add(ReadOnlySpan<byte> line, AuditRecord record, PendingAppend? completion)
    {
        Bytes.Append(line);
        _entries.Add(new(Bytes.Length, record.Time, record.Change, completion));
    }

    /// <summary>Tells all who wait, in few steps of the thread pool: a step for each of them would cost more than what it does.</summary>
    public void Complete(AuditUnavailableException? failure)
    {
        AppendedGroup? group = null;
        foreach (Entry entry in Entries)
        {
            if (entry.Completion is not { } completion)
            {
                continue;
            }

            group ??= new(failure);
            if (group.Add(completion))
            {
                ThreadPool.UnsafeQueueUserWorkItem(group, preferLocal: false);
                group = null;
            }
        }

        if (group is not null)
        {
            ThreadPool.UnsafeQueueUserWorkItem(group, preferLocal: false);
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

    private static int _pooled;

    // Completed on the thread pool, never on the flush thread: what waits may go on at once.
    private ManualResetValueTaskSourceCore<bool> _core;

    public static PendingAppend Rent()
    {
        if (!Pool.TryDequeue(out PendingAppend? pending))
        {
            return new();
        }

        Interlocked.Decrement(ref _pooled);
        return pending;
    }

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
            if (Interlocked.Increment(ref _pooled) <= MaxPooled)
            {
                Pool.Enqueue(this);
            }
            else
            {
                Interlocked.Decrement(ref _pooled);
            }
        }
    }
}

/// <summary>Some of those who waited for one flush; the thread pool lets them go on one behind the other.</summary>
internal sealed class AppendedGroup(AuditUnavailableException? failure) : IThreadPoolWorkItem
{
    // Large enough to save most of the steps, small enough that what one of them does holds up only a few.
    private const int Size = 8;

    private readonly PendingAppend[] _appends = new PendingAppend[Size];
    private int _count;

    /// <summary>Answers whether it is full now.</summary>
    public bool Add(PendingAppend append)
    {
        _appends[_count++] = append;
        return _count == Size;
    }

    public void Execute()
    {
        foreach (PendingAppend append in _appends.AsSpan(0, _count))
        {
            if (failure is null)
            {
                append.Succeed();
            }
            else
            {
                // One object per waiter: a thrown exception collects a stack.
                append.Fail(new AuditUnavailableException(failure.Message, failure.InnerException));
            }
        }
    }
}
