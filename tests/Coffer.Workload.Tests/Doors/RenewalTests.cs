using System.Text;
using System.Threading.Channels;
using Coffer.Workload.Doors;
using Microsoft.Extensions.Time.Testing;

namespace Coffer.Workload.Tests.Doors;

/// <summary>Renewal ahead of time, as an agent does it: nobody asks, and the server comes and goes.</summary>
public sealed class RenewalTests : IDisposable
{
    private static readonly DateTimeOffset Start = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    private readonly ArmedClock _clock = new(Start);
    private readonly Channel<TimeSpan> _tries = Channel.CreateUnbounded<TimeSpan>();
    private Renewed<DoorToken>? _renewed;
    private volatile bool _away;
    private int _count;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => _renewed?.Dispose();

    private Renewed<DoorToken> Over(Renewal renewal, double minutes = 15) => _renewed = new(
        _ =>
        {
            string text = $"t{Interlocked.Increment(ref _count)}";
            _tries.Writer.TryWrite(_clock.GetUtcNow() - Start);
            return _away ? ValueTask.FromException<DoorToken>(new IOException("away")) : ValueTask.FromResult(new DoorToken(Encoding.ASCII.GetBytes(text), _clock.GetUtcNow().AddMinutes(minutes)));
        },
        t => t.Expires, Renewed<DoorToken>.TwoThirds, _clock, renewal);

    private static ValueTask<string> ReadAsync(Renewed<DoorToken> renewed) => renewed.UseAsync(t => Encoding.ASCII.GetString(t.Value), Stop);

    /// <summary>Waits until the next pause has begun, lets it pass, waits for the try behind it, and answers how long the pause was.</summary>
    private async Task<TimeSpan> PassPauseAsync()
    {
        TimeSpan pause = await _clock.Armed.ReadAsync(Stop);
        _clock.Advance(pause);
        await _tries.Reader.ReadAsync(Stop);
        return pause;
    }

    [Theory]
    [InlineData(0.0, 600.0)]
    [InlineData(0.5, 570.0)]
    [InlineData(0.999, 540.06)]
    public async Task At_two_thirds_of_its_life_and_up_to_a_tenth_sooner_it_is_renewed_while_nobody_asks(double draw, double seconds)
    {
        Assert.Equal("t1", await ReadAsync(Over(Renewal.AheadWith(() => draw))));
        Assert.Equal(TimeSpan.Zero, await _tries.Reader.ReadAsync(Stop));
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(seconds, (await PassPauseAsync()).TotalSeconds, 0.001);
        }

        Assert.Equal(4, _count);
    }

    [Fact]
    public async Task On_demand_nothing_is_asked_for_that_nobody_needs()
    {
        Renewed<DoorToken> renewed = Over(Renewal.OnDemand);
        await ReadAsync(renewed);
        _clock.Advance(TimeSpan.FromHours(1));
        await Task.Yield();
        Assert.Equal(1, _count);
    }

    /// <summary>Whatever the moment it goes away at, a third of a life is left to come back in.</summary>
    [Fact]
    public async Task A_server_that_goes_and_comes_back_within_a_third_of_a_life_is_not_missed()
    {
        Renewed<DoorToken> renewed = Over(Renewal.AheadWith(() => 0));
        await ReadAsync(renewed);
        await _tries.Reader.ReadAsync(Stop);
        _away = true;
        List<double> pauses = [(await PassPauseAsync()).TotalSeconds];
        for (int i = 0; i < 7; i++)
        {
            Assert.Equal("t1", await ReadAsync(renewed));
            pauses.Add((await PassPauseAsync()).TotalSeconds);
        }

        Assert.Equal([600, 0.25, 0.5, 1, 2, 4, 5, 5], pauses);
        _away = false;
        await PassPauseAsync();
        // The next pause is that of a token which was just issued.
        Assert.Equal(600, (await _clock.Armed.ReadAsync(Stop)).TotalSeconds);
        Assert.Equal("t10", await ReadAsync(renewed));
    }

    [Fact]
    public async Task Pauses_are_shorter_by_what_was_drawn()
    {
        _away = true;
        Renewed<DoorToken> renewed = Over(Renewal.AheadWith(() => 0.5));
        await Assert.ThrowsAsync<IOException>(async () => await ReadAsync(renewed));
        await _tries.Reader.ReadAsync(Stop);
        List<double> pauses = [];
        for (int i = 0; i < 4; i++)
        {
            pauses.Add((await PassPauseAsync()).TotalMilliseconds);
        }

        Assert.Equal([188, 375, 750, 1500], pauses);
    }

    [Fact]
    public void Machines_draw_different_times_and_none_too_soon()
    {
        TimeSpan life = TimeSpan.FromMinutes(10);
        TimeSpan[] keeps = [.. Enumerable.Range(0, 200).Select(_ => Renewal.Ahead.Spread(life))];
        Assert.All(keeps, k => Assert.InRange(k, life * 0.9, life));
        Assert.True(keeps.Distinct().Count() > 150);
        Assert.All(Enumerable.Range(0, 200), _ => Assert.InRange(Renewal.Ahead.SpreadPause(life), life / 2, life));
    }

    [Fact]
    public async Task Its_end_ends_the_renewing()
    {
        Renewed<DoorToken> renewed = Over(Renewal.AheadWith(() => 0));
        await ReadAsync(renewed);
        renewed.Dispose();
        _clock.Advance(TimeSpan.FromHours(2));
        await Task.Yield();
        Assert.Equal(1, _count);
    }

    /// <summary>A clock that tells of each pause that begins on it. A caller's own patience is none.</summary>
    private sealed class ArmedClock(DateTimeOffset start) : FakeTimeProvider(start)
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
}
