namespace Coffer.Workload.Doors;

/// <summary>
/// Something short-lived, renewed ahead of its end. Callers share one issue, which no caller's leaving ends; while a renewal
/// fails, what still holds is given; after a failure the next try waits a little, longer each time. A refusal does not pass by itself: what is
/// renewed while nobody asks is asked for minutes later then, and not at all where it never was issued.
/// </summary>
internal sealed class Renewed<T> : IDisposable
    where T : class, IDisposable
{
    // SDKs ask a local door with limits of a second or two.
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(700), FirstPause = TimeSpan.FromMilliseconds(250), LongestPause = TimeSpan.FromSeconds(5),
        FirstRefusedPause = TimeSpan.FromMinutes(1), LongestRefusedPause = TimeSpan.FromMinutes(5);

    private const string EndedAlready = "what was issued has ended already";

    private readonly Func<CancellationToken, ValueTask<T>> _issue;
    private readonly Func<T, DateTimeOffset> _end;
    private readonly Func<TimeSpan, TimeSpan> _keep;
    private readonly TimeProvider _clock;
    private readonly Renewal _renewal;
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _gate = new();
    private Task? _issuing, _keeping;
    private T? _current;
    private DateTimeOffset _renew, _retry, _retryUnasked;
    private Exception? _failure;
    private int _failures;
    private bool _ended;

    /// <param name="issue">Gets a new one.</param>
    /// <param name="end">When one ends.</param>
    /// <param name="keep">For how long one is given, by what it has left when it is issued.</param>
    /// <param name="clock">The clock.</param>
    /// <param name="renewal">Whether it is renewed while nobody asks; on demand if null.</param>
    public Renewed(Func<CancellationToken, ValueTask<T>> issue, Func<T, DateTimeOffset> end, Func<TimeSpan, TimeSpan> keep, TimeProvider clock, Renewal? renewal = null)
    {
        _renewal = renewal ?? Renewal.OnDemand;
        _issue = issue;
        _end = end;
        _keep = keep;
        _clock = clock;
    }

    /// <summary>Two thirds of a life: what is left is more than any SDK's own margin, down to lives of a quarter of an hour.</summary>
    public static TimeSpan TwoThirds(TimeSpan life) => life * 2 / 3;

    /// <summary>When the current one should be renewed while nobody asks, or the next try made; now if there is none.</summary>
    public DateTimeOffset Due
    {
        get
        {
            lock (_gate)
            {
                DateTimeOffset due = _current is null ? _clock.GetUtcNow() : _renew;
                return due > _retryUnasked ? due : _retryUnasked;
            }
        }
    }

    /// <summary>The renewing while nobody asks: ended where there is none.</summary>
    internal Task Keeping
    {
        get
        {
            lock (_gate)
            {
                return _keeping ?? Task.CompletedTask;
            }
        }
    }

    /// <summary>
    /// What <paramref name="use"/> makes of the current one. It must copy what it needs: the next renewal zeroes the rest. Throws
    /// what the issue threw where there is nothing that still holds.
    /// </summary>
    public async ValueTask<TResult> UseAsync<TResult>(Func<T, TResult> use, CancellationToken cancellationToken)
    {
        Task issuing;
        bool holds;
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_ended, this);
            DateTimeOffset now = _clock.GetUtcNow();
            holds = _current is not null && now < _end(_current);
            if (holds && (now < _renew || now < _retry))
            {
                return use(_current!);
            }

            if (now < _retry && _issuing is null)
            {
                throw _failure is WorkloadException refused ? new WorkloadException(refused.Message, refused.Hint) : new IOException("tried a moment ago", _failure);
            }

            issuing = _issuing ??= IssueAsync();
            _keeping ??= _renewal.IsAhead ? KeepAsync(_stop.Token) : null;
        }

        try
        {
            await (holds ? issuing.WaitAsync(Patience, _clock, cancellationToken) : issuing.WaitAsync(cancellationToken)).ConfigureAwait(false);
        }
        catch (Exception failure) when (holds && failure is not OperationCanceledException)
        {
            // The server is away, or slow, for a moment; what was issued before still holds.
        }

        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_ended, this);
            return _current is not null && _clock.GetUtcNow() < _end(_current) ? use(_current) : throw new IOException(EndedAlready, _failure);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_ended)
            {
                return;
            }

            _ended = true;
            _current?.Dispose();
            _current = null;
        }

        _stop.Cancel();
        _stop.Dispose();
    }

    /// <summary>Renews in time while nobody asks, from the first use to the end.</summary>
    private async Task KeepAsync(CancellationToken stop)
    {
        await Task.Yield();
        while (!stop.IsCancellationRequested)
        {
            try
            {
                Task? issuing;
                lock (_gate)
                {
                    issuing = _issuing;
                }

                if (issuing is not null)
                {
                    // The pause is counted from its outcome.
                    await issuing.WaitAsync(stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                }

                lock (_gate)
                {
                    if (_current is null && _failure is WorkloadException && _issuing is null)
                    {
                        _keeping = null;
                        return;
                    }
                }

                // Timers count whole milliseconds, and cut the rest off: a moment too soon is a try that is not due.
                TimeSpan pause = TimeSpan.FromMilliseconds(Math.Ceiling((Due - _clock.GetUtcNow()).TotalMilliseconds));
                await Task.Delay(pause > FirstPause / 2 ? pause : FirstPause / 2, _clock, stop).ConfigureAwait(false);
                await UseAsync(_ => true, stop).ConfigureAwait(false);
            }
            catch (Exception failure) when (failure is not OperationCanceledException and not ObjectDisposedException)
            {
                // The server is away, or refuses: the next try is at Due. Whoever asks meanwhile is told.
            }
            catch (Exception ended) when (ended is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private async Task IssueAsync()
    {
        CancellationToken stop = _stop.Token;
        await Task.Yield();
        try
        {
            T issued = await _issue(stop).ConfigureAwait(false);
            lock (_gate)
            {
                if (_ended)
                {
                    issued.Dispose();
                    return;
                }

                DateTimeOffset now = _clock.GetUtcNow();
                if (_end(issued) <= now)
                {
                    // No success, or the next try would be at once, and so would all that follow.
                    issued.Dispose();
                    throw new IOException(EndedAlready);
                }

                _current?.Dispose();
                _current = issued;
                _renew = now + _renewal.Spread(_keep(_end(issued) - now));
                _retry = _retryUnasked = DateTimeOffset.MinValue;
                _failure = null;
                _failures = 0;
            }
        }
        catch (Exception failure)
        {
            lock (_gate)
            {
                // A refusal counts anew after a server that was away, and the other way round.
                bool isRefused = failure is WorkloadException;
                _failures = isRefused == _failure is WorkloadException ? _failures : 0;
                double growth = Math.Pow(2, Math.Min(_failures++, 10));
                DateTimeOffset now = _clock.GetUtcNow();
                DateTimeOffset soon = now + Pause(FirstPause, LongestPause), late = isRefused ? now + Pause(FirstRefusedPause, LongestRefusedPause) : soon;
                // Who asks on demand may have had the reason removed just now; where there is a renewing besides, that is what tries.
                (_retry, _retryUnasked) = (_renewal.IsAhead ? late : soon, late);
                _failure = failure;

                TimeSpan Pause(TimeSpan first, TimeSpan longest) => _renewal.SpreadPause(first * growth < longest ? first * growth : longest);
            }

            throw;
        }
        finally
        {
            lock (_gate)
            {
                _issuing = null;
            }
        }
    }
}
