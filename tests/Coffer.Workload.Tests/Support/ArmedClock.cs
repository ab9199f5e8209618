using System.Threading.Channels;
using Microsoft.Extensions.Time.Testing;

namespace Coffer.Workload.Tests.Support;

/// <summary>A clock that tells of each pause that begins on it. A caller's own patience is none.</summary>
internal sealed class ArmedClock(DateTimeOffset start) : FakeTimeProvider(start)
{
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(700);
    private readonly Channel<TimeSpan> _armed = Channel.CreateUnbounded<TimeSpan>();

    public ChannelReader<TimeSpan> Armed => _armed.Reader;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        ITimer timer = base.CreateTimer(callback, state, dueTime, period);
        if (dueTime != Patience)
        {
            _armed.Writer.TryWrite(dueTime);
        }

        return timer;
    }
}
