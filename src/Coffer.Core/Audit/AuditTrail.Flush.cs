namespace Coffer.Core.Audit;

public sealed partial class AuditTrail
{
    private readonly LineBuffer _output = new(64 * 1024);
    private readonly LineBuffer _head = new(TrailHead.Size);

    // The flush thread's own: where the chain and the file stand, as the disk has them.
    private TrailChain _chain;
    private ITrailFile _file;
    private long _fileNumber;
    private long _fileLength;
    private AuditCheckpointCause? _opening;
    private AuditProblem? _broken;
    private bool _damaged;
    private bool _ending;
    private long _flushes;

    // A copy of _chain for others to read, under the gate.
    private TrailChain _durable;
    private TaskCompletionSource? _firstLine;

    private async Task WriteFirstLineAsync()
    {
        TaskCompletionSource first = new(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            _firstLine = first;
            _tick = true;
            Wake();
        }

        try
        {
            await first.Task.ConfigureAwait(false);
        }
        catch
        {
            await AbandonAsync().ConfigureAwait(false);
            throw;
        }
    }

    private void Run()
    {
        bool stopping = false;
        while (!stopping)
        {
            TrailBatch batch;
            bool tick;
            TaskCompletionSource? first;
            lock (_gate)
            {
                while (_filling.IsEmpty && !_stopping && !_tick)
                {
                    _waiting = true;
                    Monitor.Wait(_gate);
                }

                _waiting = false;

                batch = _filling;
                (_filling, _spare) = (_spare, _filling);
                (tick, stopping) = (_tick, _stopping);
                _tick = false;
                (first, _firstLine) = (_firstLine, null);
            }

            AuditUnavailableException? failure = Flush(batch, tick, stopping && !_abandoned);
            batch.Complete(failure);
            if (failure is null)
            {
                first?.SetResult();
            }
            else
            {
                first?.SetException(failure);
            }
        }

        _file.Dispose();
        _ended.SetResult();
    }

    private AuditUnavailableException? Flush(TrailBatch batch, bool tick, bool closing)
    {
        try
        {
            if (_damaged)
            {
                Repair();
            }

            if (_fileLength >= _options.FileBytes && _opening is null)
            {
                BeginNextFile();
            }

            TrailChain next = _chain;
            AuditCheckpoint? checkpoint = Compose(batch, ref next, tick, closing);
            if (_output.Length > 0)
            {
                Write(next, checkpoint);
            }

            _healthy = true;
            return null;
        }
        catch (Exception e)
        {
            // Nobody was told anything yet, so all of it can be taken back: the next flush begins by cutting the file to
            // its last durable line. This thread outlives every failure, or no request would ever be answered again.
            _healthy = false;
            _damaged = true;
            return new AuditUnavailableException("the audit record could not be written", e);
        }
    }

    private AuditCheckpoint? Compose(TrailBatch batch, ref TrailChain next, bool tick, bool closing)
    {
        AuditCheckpoint? checkpoint = null;
        _output.Clear();
        if (_opening is { } cause)
        {
            checkpoint = next.AppendCheckpoint(_output, _options.Signer, cause, _options.Clock.Now(), _broken);
        }

        int start = 0;
        ReadOnlySpan<byte> bytes = batch.Bytes.Written;
        foreach (TrailBatch.Entry entry in batch.Entries)
        {
            next.AppendRecord(_output, bytes[start..entry.End], entry.Time, entry.Change);
            start = entry.End;
            if (next.SinceCheckpoint >= _options.CheckpointRecords)
            {
                checkpoint = next.AppendCheckpoint(_output, _options.Signer, AuditCheckpointCause.Count, _options.Clock.Now());
            }
        }

        if (closing)
        {
            checkpoint = next.AppendCheckpoint(_output, _options.Signer, AuditCheckpointCause.Closed, _options.Clock.Now());
        }
        else if (tick && next.SinceCheckpoint > 0)
        {
            checkpoint = next.AppendCheckpoint(_output, _options.Signer, AuditCheckpointCause.Time, _options.Clock.Now());
        }

        return checkpoint;
    }

    private void Write(in TrailChain next, AuditCheckpoint? checkpoint)
    {
        _file.Append(_output.Written);
        _file.Sync();
        Interlocked.Increment(ref _flushes);
        _fileLength += _output.Length;
        _chain = next;
        (_opening, _broken, _ending) = (null, null, false);
        lock (_gate)
        {
            _durable = next;
        }

        WriteHead();
        _followers.Advance(_fileNumber, _fileLength, checkpoint);
    }

    // The records are durable whether or not the head can be written; a head that lags only notices less.
    private void WriteHead()
    {
        try
        {
            Span<byte> hash = stackalloc byte[32];
            _chain.CopyHash(hash);
            TrailHead.Format(_head, _chain.Sequence, hash, _options.Signer);
            _folder.WriteHead(_head.Written, sync: false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
        }
    }

    // Bytes of a failed write may be on the disk, whole lines among them. They were never acknowledged, and after a failed
    // fdatasync nobody knows which pages hold what: cut them off and write anew.
    private void Repair()
    {
        _file.Dispose();
        _file = _folder.OpenAppend(_fileNumber);
        long length = _file.Length;
        if (length < _fileLength)
        {
            throw new IOException($"{TrailFolder.NameOf(_fileNumber)} is shorter than what was acknowledged");
        }

        if (length > _fileLength)
        {
            _file.Truncate(_fileLength);
            _file.Sync();
        }

        _damaged = false;
    }

    private void BeginNextFile()
    {
        if (!_ending)
        {
            TrailChain next = _chain;
            _output.Clear();
            AuditCheckpoint checkpoint = next.AppendCheckpoint(_output, _options.Signer, AuditCheckpointCause.FileEnd, _options.Clock.Now());
            Write(next, checkpoint);
            _ending = true;
        }

        ITrailFile file = _folder.OpenAppend(_fileNumber + 1);
        if (file.Length != 0)
        {
            file.Dispose();
            throw new IOException($"{TrailFolder.NameOf(_fileNumber + 1)} already exists");
        }

        _file.Dispose();
        _file = file;
        _fileNumber++;
        _fileLength = 0;
        _opening = AuditCheckpointCause.FileStart;
    }
}
