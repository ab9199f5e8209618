using System.Text;
using System.Threading.Channels;
using Coffer.Workload.Doors;
using Coffer.Workload.Tests.Support;

namespace Coffer.Workload.Tests.Doors;

/// <summary>Renewal ahead of time, as an agent does it: nobody asks, and the server comes and goes.</summary>
public sealed class RenewalTests : IDisposable
{
    private static readonly DateTimeOffset Start = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    private readonly ArmedClock _clock = new(Start);
    private readonly Channel<TimeSpan> _tries = Channel.CreateUnbounded<TimeSpan>();
    private Renewed<DoorToken>? _renewed;
    private volatile bool _away, _refuses, _late;
    private int _count;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => _renewed?.Dispose();

    private Renewed<DoorToken> Over(Renewal renewal, double minutes = 15) => _renewed = new(
        _ =>
        {
            string text = $"t{Interlocked.Increment(ref _count)}";
            _tries.Writer.TryWrite(_clock.GetUtcNow() - Start);
            return _away ? ValueTask.FromException<DoorToken>(new IOException("away"))
                : _refuses ? ValueTask.FromException<DoorToken>(new WorkloadException("not allowed", "ask"))
                : ValueTask.FromResult(new DoorToken(Encoding.ASCII.GetBytes(text), _clock.GetUtcNow().AddMinutes(_late ? -1 : minutes)));
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
        Assert.True(renewed.Keeping.IsCompleted);
        Assert.False(_clock.Armed.TryRead(out _));
        _clock.Advance(TimeSpan.FromHours(1));
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

    /// <summary>As where this machine's clock is wrong: the server must not be asked without a pause for ever.</summary>
    [Fact]
    public async Task What_ends_on_arrival_is_asked_for_again_in_growing_pauses()
    {
        _late = true;
        Renewed<DoorToken> renewed = Over(Renewal.AheadWith(() => 0));
        await Assert.ThrowsAsync<IOException>(async () => await ReadAsync(renewed));
        await _tries.Reader.ReadAsync(Stop);
        List<double> pauses = [];
        for (int i = 0; i < 7; i++)
        {
            pauses.Add((await PassPauseAsync()).TotalSeconds);
        }

        Assert.Equal([0.25, 0.5, 1, 2, 4, 5, 5], pauses);
    }

    /// <summary>Somebody has to change something at the server first; asking again and again fills its trail.</summary>
    [Fact]
    public async Task A_refused_renewal_is_tried_again_minutes_later_and_counts_apart_from_a_server_that_is_away()
    {
        Renewed<DoorToken> renewed = Over(Renewal.AheadWith(() => 0), minutes: 60);
        await ReadAsync(renewed);
        await _tries.Reader.ReadAsync(Stop);
        _refuses = true;
        List<double> pauses = [];
        for (int i = 0; i < 5; i++)
        {
            pauses.Add((await PassPauseAsync()).TotalMinutes);
        }

        Assert.Equal([40, 1, 2, 4, 5], pauses);
        Assert.Equal("t1", await ReadAsync(renewed));
        _away = true;
        Assert.Equal(5, (await PassPauseAsync()).TotalMinutes);
        Assert.Equal(0.25, (await PassPauseAsync()).TotalSeconds);
        Assert.Equal(0.5, (await PassPauseAsync()).TotalSeconds);
    }

    [Fact]
    public async Task What_was_never_issued_and_is_refused_is_not_asked_for_until_somebody_asks_again()
    {
        _refuses = true;
        Renewed<DoorToken> renewed = Over(Renewal.AheadWith(() => 0));
        await Assert.ThrowsAsync<WorkloadException>(async () => await ReadAsync(renewed));
        await _tries.Reader.ReadAsync(Stop);
        // Either it ends, or it begins a pause.
        Task keeping = renewed.Keeping;
        Assert.Same(keeping, await Task.WhenAny(keeping, _clock.Armed.WaitToReadAsync(Stop).AsTask()));
        _clock.Advance(TimeSpan.FromHours(1));
        Assert.Equal(1, _count);
        _refuses = false;

        Assert.Equal("t2", await ReadAsync(renewed));

        await _tries.Reader.ReadAsync(Stop);
        Assert.Equal(600, (await PassPauseAsync()).TotalSeconds);
        Assert.Equal("t3", await ReadAsync(renewed));
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
        await _clock.Armed.ReadAsync(Stop);
        Task keeping = renewed.Keeping;
        Assert.False(keeping.IsCompleted);
        renewed.Dispose();
        await keeping;
        _clock.Advance(TimeSpan.FromHours(2));
        Assert.Equal(1, _count);
    }
}
