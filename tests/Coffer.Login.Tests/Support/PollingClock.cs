using System.Collections.Concurrent;
using Microsoft.Extensions.Time.Testing;

namespace Coffer.Login.Tests.Support;

/// <summary>A clock that goes on by itself to the end of each short wait, and remembers how long each was. Longer ones are limits, and only pass.</summary>
internal sealed class PollingClock(FakeTimeProvider inner) : TimeProvider
{
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(200);

    /// <summary>The waits, in whole seconds.</summary>
    public ConcurrentQueue<int> Waits { get; } = new();

    public override long TimestampFrequency => inner.TimestampFrequency;

    public override DateTimeOffset GetUtcNow() => inner.GetUtcNow();

    public override long GetTimestamp() => inner.GetTimestamp();

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        ITimer timer = inner.CreateTimer(callback, state, dueTime, period);
        if (dueTime > TimeSpan.Zero && dueTime < Longest)
        {
            Waits.Enqueue((int)dueTime.TotalSeconds);
            ThreadPool.QueueUserWorkItem(_ => inner.Advance(dueTime));
        }

        return timer;
    }
}
