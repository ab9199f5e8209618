using System.Threading.Channels;

namespace Coffer.Core.Audit;

/// <summary>Who is told of what is durable: the keeper of checkpoints and the further destinations. None of them is waited for.</summary>
internal sealed class TrailFollowers : IAsyncDisposable
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(1), LongestPause = TimeSpan.FromMinutes(1), Farewell = TimeSpan.FromSeconds(5);

    private readonly Lock _gate = new();
    private readonly AuditTrailOptions _options;
    private readonly ITrailFolder _folder;
    private readonly Channel<AuditCheckpoint> _checkpoints = Channel.CreateBounded<AuditCheckpoint>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest });
    private readonly List<Channel<bool>> _signals = [];
    private readonly List<Task> _loops = [];
    private readonly CancellationTokenSource _stop = new();
    private (long Number, long Length) _end;

    public TrailFollowers(AuditTrailOptions options, ITrailFolder folder) => (_options, _folder) = (options, folder);

    public void Start()
    {
        if (_options.OnCheckpoint is { } keep)
        {
            _loops.Add(Task.Run(() => KeepCheckpointsAsync(keep)));
        }

        foreach (IAuditSink sink in _options.Sinks)
        {
            Channel<bool> signal = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
            _signals.Add(signal);
            (long, long) now = End();
            _loops.Add(Task.Run(() => FeedAsync(sink, signal.Reader, now)));
        }
    }

    /// <summary>Called by the flush thread; never waits.</summary>
    public void Advance(long number, long length, AuditCheckpoint? checkpoint)
    {
        lock (_gate)
        {
            _end = (number, length);
        }

        if (checkpoint is not null && _options.OnCheckpoint is not null)
        {
            _checkpoints.Writer.TryWrite(checkpoint);
        }

        foreach (Channel<bool> signal in _signals)
        {
            signal.Writer.TryWrite(true);
        }
    }

    public async ValueTask DisposeAsync()
    {
        _checkpoints.Writer.Complete();
        foreach (Channel<bool> signal in _signals)
        {
            signal.Writer.Complete();
        }

        // A destination that hangs may not hold up the shutdown; what it did not take is in the files.
        await using (_options.Clock.CreateTimer(static stop => ((CancellationTokenSource)stop!).Cancel(), _stop, Farewell, Timeout.InfiniteTimeSpan).ConfigureAwait(false))
        {
            await Task.WhenAll(_loops).ConfigureAwait(false);
        }

        _stop.Dispose();
    }

    private (long Number, long Length) End()
    {
        lock (_gate)
        {
            return _end;
        }
    }

    private async Task KeepCheckpointsAsync(Func<AuditCheckpoint, ValueTask> keep)
    {
        await foreach (AuditCheckpoint checkpoint in _checkpoints.Reader.ReadAllAsync().ConfigureAwait(false))
        {
            try
            {
                await keep(checkpoint).ConfigureAwait(false);
            }
            catch (Exception)
            {
                // The database is away: the trail has the checkpoint, and the next one says all that this one says.
            }
        }
    }

    private async Task FeedAsync(IAuditSink sink, ChannelReader<bool> signal, (long Number, long Length) now)
    {
        try
        {
            (long Number, long Offset) at = await RetryAsync(async () =>
            {
                long last = await sink.LastSequenceAsync(_stop.Token).ConfigureAwait(false);
                return last == long.MaxValue ? now : TrailSearch.Behind(_folder, last);
            }).ConfigureAwait(false);
            byte[] buffer = new byte[AuditLimits.LineBytes];
            bool more;
            do
            {
                at = await DrainAsync(sink, at, buffer).ConfigureAwait(false);
                more = await signal.WaitToReadAsync(_stop.Token).ConfigureAwait(false);
                signal.TryRead(out _);
            }
            while (more);
            await DrainAsync(sink, at, buffer).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
        }
    }

    private async Task<(long Number, long Offset)> DrainAsync(IAuditSink sink, (long Number, long Offset) at, byte[] buffer)
    {
        (long Number, long Length) end = End();
        while (at.Number < end.Number || at.Offset < end.Length)
        {
            int size = await RetryAsync(() => Task.FromResult(Read(at, end, buffer))).ConfigureAwait(false);
            if (size == 0)
            {
                if (at.Number >= end.Number)
                {
                    break;
                }

                at = (at.Number + 1, 0);
                continue;
            }

            await RetryAsync(async () =>
            {
                await sink.WriteAsync(buffer.AsMemory(0, size), _stop.Token).ConfigureAwait(false);
                return true;
            }).ConfigureAwait(false);
            at.Offset += size;
        }

        return at;
    }

    // Whole lines only, and none that is not yet durable.
    private int Read((long Number, long Offset) at, (long Number, long Length) end, byte[] buffer)
    {
        using Stream stream = _folder.OpenRead(at.Number);
        stream.Position = at.Offset;
        int size = at.Number == end.Number ? (int)long.Min(buffer.Length, end.Length - at.Offset) : buffer.Length;
        size = stream.ReadAtLeast(buffer.AsSpan(0, size), size, throwOnEndOfStream: false);
        return buffer.AsSpan(0, size).LastIndexOf((byte)'\n') + 1;
    }

    private async Task<T> RetryAsync<T>(Func<Task<T>> attempt)
    {
        for (TimeSpan pause = FirstPause; ; pause = pause < LongestPause ? pause * 2 : LongestPause)
        {
            try
            {
                return await attempt().ConfigureAwait(false);
            }
            catch (Exception e) when (e is not OperationCanceledException || !_stop.IsCancellationRequested)
            {
                await Task.Delay(pause, _options.Clock, _stop.Token).ConfigureAwait(false);
            }
        }
    }
}
