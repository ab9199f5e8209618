namespace Coffer.Core.Audit;

/// <summary>
/// The audit trail: append-only files of JSON lines, hash-chained, with signed checkpoints. An append completes when its
/// record is on the disk; all records that wait at one moment share one flush. One process at a time. Thread-safe.
/// </summary>
public sealed partial class AuditTrail : IAsyncDisposable
{
    // A plain object, since the flush thread waits on it.
    private readonly object _gate = new();
    private readonly AuditTrailOptions _options;
    private readonly ITrailFolder _folder;
    private readonly Thread _thread;
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TrailFollowers _followers;
    private readonly ITimer _timer;

    [ThreadStatic]
    private static LineBuffer? _line;

    private TrailBatch _filling = new();
    private TrailBatch _spare = new();
    private bool _tick;
    private bool _waiting;
    private bool _stopping;
    private bool _abandoned;
    private volatile bool _healthy = true;

    private AuditTrail(AuditTrailOptions options, ITrailFolder folder, TrailStart start)
    {
        _options = options;
        _folder = folder;
        _chain = start.Chain;
        _fileNumber = start.FileNumber;
        _fileLength = start.FileLength;
        _file = folder.OpenAppend(_fileNumber);
        _opening = start.Cause;
        _broken = start.Broken;
        _followers = new(options, folder);
        _thread = new(Run, maxStackSize: 512 * 1024) { IsBackground = true, Name = "audit trail" };
        _timer = options.Clock.CreateTimer(static trail => ((AuditTrail)trail!).Tick(), this, options.CheckpointInterval, options.CheckpointInterval);
    }

    /// <summary>
    /// Whether the last flush reached the disk. False from a failure until the next flush that does; every append tries
    /// again, so nothing has to be done but to make room.
    /// </summary>
    public bool Healthy => _healthy;

    /// <summary>Number of the last durable line.</summary>
    public long LastSequence
    {
        get
        {
            lock (_gate)
            {
                return _durable.Sequence;
            }
        }
    }

    /// <summary>The hash over the rows of the store, as the durable records leave them.</summary>
    public AuditStateHash State
    {
        get
        {
            lock (_gate)
            {
                return _durable.State;
            }
        }
    }

    /// <summary>Flushes so far: how many records shared each is for a test or a metric to say.</summary>
    internal long Flushes => Interlocked.Read(ref _flushes);

    /// <summary>Opens the trail, checks its end back to the last checkpoint, removes a line that a crash left incomplete.</summary>
    /// <exception cref="AuditTrailBrokenException">The chain is broken or cut.</exception>
    /// <exception cref="AuditUnavailableException">The folder cannot be used, is open to others, or is in use.</exception>
    public static ValueTask<AuditTrail> OpenAsync(AuditTrailOptions options, CancellationToken cancellationToken = default) =>
        OpenAsync(options, TrailFolder.ForWriting(options.Directory), cancellationToken);

    internal static async ValueTask<AuditTrail> OpenAsync(AuditTrailOptions options, ITrailFolder folder, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.FileBytes, 4096);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.CheckpointRecords, 1);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(options.CheckpointInterval, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.PendingBytes, 64 * 1024);
        AuditTrail trail;
        try
        {
            TrailStart start = TrailStart.Find(options, folder, cancellationToken);
            trail = new(options, folder, start);
        }
        catch (Exception e)
        {
            folder.Dispose();
            throw e is IOException or UnauthorizedAccessException ? new AuditUnavailableException("the audit trail cannot be opened", e) : e;
        }

        trail._thread.Start();
        await trail.WriteFirstLineAsync().ConfigureAwait(false);
        trail._followers.Start();
        return trail;
    }

    /// <summary>Appends one record. Completes when it is durable.</summary>
    /// <exception cref="AuditUnavailableException">It is not, and will not be: do not answer.</exception>
    /// <exception cref="ArgumentException">The record's change is malformed.</exception>
    public ValueTask AppendAsync(AuditRecord record)
    {
        LineBuffer line = Line();
        AuditRecordWriter.Write(line, record);
        PendingAppend pending = PendingAppend.Rent();
        lock (_gate)
        {
            if (Refusal() is { } refusal)
            {
                return ValueTask.FromException(refusal);
            }

            _filling.Add(line.Written, record, pending);
            Wake();
        }

        return pending.Task;
    }

    /// <summary>Appends several records, one behind the other. Completes when all are durable; when it fails, none is.</summary>
    /// <inheritdoc cref="AppendAsync" path="/exception"/>
    public ValueTask AppendBatchAsync(IReadOnlyList<AuditRecord> records)
    {
        if (records.Count == 0)
        {
            return ValueTask.CompletedTask;
        }

        LineBuffer lines = Line();
        Span<int> ends = records.Count <= 128 ? stackalloc int[records.Count] : new int[records.Count];
        for (int i = 0; i < records.Count; i++)
        {
            AuditRecordWriter.Write(lines, records[i]);
            ends[i] = lines.Length;
        }

        PendingAppend pending = PendingAppend.Rent();
        lock (_gate)
        {
            if (Refusal() is { } refusal)
            {
                return ValueTask.FromException(refusal);
            }

            int start = 0;
            for (int i = 0; i < records.Count; i++)
            {
                _filling.Add(lines.Written[start..ends[i]], records[i], i == records.Count - 1 ? pending : null);
                start = ends[i];
            }

            Wake();
        }

        return pending.Task;
    }

    /// <summary>
    /// Which of these records are in the trail. After a crash, the bodies that wait in the outbox and are not among the
    /// answer are appended, so that each is there once.
    /// </summary>
    /// <param name="ids">Record ids.</param>
    /// <param name="sinceTime">No record asked for is older, UTC microseconds. Reads back only to the last checkpoint before it.</param>
    public ValueTask<ISet<Guid>> FindAsync(IReadOnlyCollection<Guid> ids, long sinceTime) =>
        ValueTask.FromResult(TrailSearch.Find(_folder, ids, sinceTime));

    /// <summary>Whether any of these records is in the trail; parameters as in <see cref="FindAsync"/>.</summary>
    public async ValueTask<bool> ContainsAnyAsync(IReadOnlyCollection<Guid> ids, long sinceTime) =>
        (await FindAsync(ids, sinceTime).ConfigureAwait(false)).Count > 0;

    /// <summary>Writes what waits, then a last checkpoint; waits until <see cref="AuditTrailOptions.OnCheckpoint"/> was told.</summary>
    public async ValueTask DisposeAsync()
    {
        await _timer.DisposeAsync().ConfigureAwait(false);
        lock (_gate)
        {
            (bool first, _stopping) = (!_stopping, true);
            if (!first)
            {
                return;
            }

            Wake();
        }

        await _ended.Task.ConfigureAwait(false);
        await _followers.DisposeAsync().ConfigureAwait(false);
        _folder.Dispose();
    }

    /// <summary>As if the process had been killed: for tests of what the next start makes of it.</summary>
    internal ValueTask AbandonAsync()
    {
        _abandoned = true;
        return DisposeAsync();
    }

    private AuditUnavailableException? Refusal() =>
        _stopping ? new AuditUnavailableException("the audit trail is closed")
        : _filling.Bytes.Length >= _options.PendingBytes ? new AuditUnavailableException("too many audit records wait for the disk")
        : null;

    private void Tick()
    {
        lock (_gate)
        {
            _tick = true;
            Wake();
        }
    }

    // Under the gate. While the flush thread is busy it needs no call: it looks again before it waits.
    private void Wake()
    {
        if (_waiting)
        {
            _waiting = false;
            Monitor.Pulse(_gate);
        }
    }

    /// <summary>Where this thread writes its records before it takes the gate, so that nobody waits for another's writing.</summary>
    private static LineBuffer Line()
    {
        LineBuffer line = _line ??= new(1024);
        line.Clear();
        return line;
    }
}
