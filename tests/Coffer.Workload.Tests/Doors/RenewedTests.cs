using System.Text;
using Coffer.Workload.Doors;
using CsCheck;
using Microsoft.Extensions.Time.Testing;

namespace Coffer.Workload.Tests.Doors;

public sealed class RenewedTests
{
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero));

    private Renewed<DoorToken> Over(Func<int, ValueTask<DoorToken>> issue)
    {
        int count = 0;
        return new(_ => issue(Interlocked.Increment(ref count)), t => t.Expires, Renewed<DoorToken>.TwoThirds, _clock);
    }

    private DoorToken Token(int number, double minutes = 15) => new(Encoding.ASCII.GetBytes($"t{number}"), _clock.GetUtcNow().AddMinutes(minutes));

    private static ValueTask<string> ReadAsync(Renewed<DoorToken> renewed) => renewed.UseAsync(t => Encoding.ASCII.GetString(t.Value), TestContext.Current.CancellationToken);

    [Fact]
    public async Task A_token_is_given_for_two_thirds_of_its_life_and_then_renewed()
    {
        using Renewed<DoorToken> renewed = Over(n => ValueTask.FromResult(Token(n)));
        Assert.Equal("t1", await ReadAsync(renewed));
        _clock.Advance(TimeSpan.FromSeconds(599));
        Assert.Equal("t1", await ReadAsync(renewed));
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("t2", await ReadAsync(renewed));
    }

    [Fact]
    public async Task What_was_replaced_and_what_is_left_at_the_end_are_zeros()
    {
        List<DoorToken> made = [];
        Renewed<DoorToken> renewed = Over(n =>
        {
            made.Add(Token(n));
            return ValueTask.FromResult(made[^1]);
        });
        await ReadAsync(renewed);
        _clock.Advance(TimeSpan.FromMinutes(11));
        await ReadAsync(renewed);
        Assert.Equal(new byte[2], made[0].Value.ToArray());
        Assert.Equal("t2", Encoding.ASCII.GetString(made[1].Value));
        renewed.Dispose();
        renewed.Dispose();
        Assert.Equal(new byte[2], made[1].Value.ToArray());
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await ReadAsync(renewed));
    }

    [Fact]
    public async Task After_a_failure_the_server_is_left_alone_for_a_while_that_grows_to_five_seconds()
    {
        int asked = 0;
        using Renewed<DoorToken> renewed = Over(n =>
        {
            asked = n;
            return ValueTask.FromException<DoorToken>(new IOException("away"));
        });
        foreach (int pause in (int[])[250, 500, 1000, 2000, 4000, 5000, 5000])
        {
            int before = asked;
            await Assert.ThrowsAsync<IOException>(async () => await ReadAsync(renewed));
            Assert.Equal(before + 1, asked);
            _clock.Advance(TimeSpan.FromMilliseconds(pause - 1));
            await Assert.ThrowsAsync<IOException>(async () => await ReadAsync(renewed));
            Assert.Equal(before + 1, asked);
            _clock.Advance(TimeSpan.FromMilliseconds(1));
        }
    }

    [Fact]
    public async Task A_refusal_stays_a_refusal_while_nobody_asks_again()
    {
        using Renewed<DoorToken> renewed = Over(_ => ValueTask.FromException<DoorToken>(new WorkloadException("not allowed", "ask")));
        Assert.Equal("not allowed", (await Assert.ThrowsAsync<WorkloadException>(async () => await ReadAsync(renewed))).Message);
        Assert.Equal("not allowed", (await Assert.ThrowsAsync<WorkloadException>(async () => await ReadAsync(renewed))).Message);
    }

    [Fact]
    public async Task A_server_that_comes_back_is_asked_again_and_the_old_token_bridges_the_gap()
    {
        bool away = false;
        using Renewed<DoorToken> renewed = Over(n => away ? ValueTask.FromException<DoorToken>(new IOException("away")) : ValueTask.FromResult(Token(n)));
        await ReadAsync(renewed);
        away = true;
        _clock.Advance(TimeSpan.FromMinutes(11));
        Assert.Equal("t1", await ReadAsync(renewed));
        _clock.Advance(TimeSpan.FromMinutes(3));
        Assert.Equal("t1", await ReadAsync(renewed));
        _clock.Advance(TimeSpan.FromMinutes(2));
        await Assert.ThrowsAsync<IOException>(async () => await ReadAsync(renewed));
        away = false;
        _clock.Advance(TimeSpan.FromSeconds(5));
        Assert.StartsWith("t", await ReadAsync(renewed), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_slow_renewal_keeps_nobody_waiting_who_has_a_token_that_holds()
    {
        TaskCompletionSource<DoorToken> slow = new();
        using Renewed<DoorToken> renewed = Over(n => n == 1 ? ValueTask.FromResult(Token(1)) : new(slow.Task));
        await ReadAsync(renewed);
        _clock.Advance(TimeSpan.FromMinutes(11));
        ValueTask<string> waiting = ReadAsync(renewed);
        _clock.Advance(TimeSpan.FromMilliseconds(700));
        Assert.Equal("t1", await waiting);
        slow.SetResult(Token(2));
    }

    [Fact]
    public async Task What_has_ended_when_it_arrives_is_not_given()
    {
        List<DoorToken> made = [];
        using Renewed<DoorToken> renewed = Over(n =>
        {
            made.Add(Token(n, minutes: -1));
            return ValueTask.FromResult(made[^1]);
        });
        // A failure like others: zeroed, and the next try waits.
        foreach (int pause in (int[])[250, 500, 1000])
        {
            int before = made.Count;
            await Assert.ThrowsAsync<IOException>(async () => await ReadAsync(renewed));
            Assert.Equal(before + 1, made.Count);
            Assert.Equal(new byte[2], made[^1].Value.ToArray());
            _clock.Advance(TimeSpan.FromMilliseconds(pause - 1));
            await Assert.ThrowsAsync<IOException>(async () => await ReadAsync(renewed));
            Assert.Equal(before + 1, made.Count);
            _clock.Advance(TimeSpan.FromMilliseconds(1));
        }
    }

    [Fact]
    public async Task What_ends_on_arrival_does_not_take_the_place_of_what_still_holds()
    {
        using Renewed<DoorToken> renewed = Over(n => ValueTask.FromResult(Token(n, minutes: n == 1 ? 15 : -1)));
        Assert.Equal("t1", await ReadAsync(renewed));
        _clock.Advance(TimeSpan.FromMinutes(11));
        Assert.Equal("t1", await ReadAsync(renewed));
    }

    /// <summary>However time and the server go, a token is given only while it holds.</summary>
    [Fact]
    public async Task No_token_is_ever_given_after_its_end() => await Gen.Select(Gen.Int[1, 600], Gen.Bool).Array[1, 60].SampleAsync(async steps =>
    {
        FakeTimeProvider clock = new();
        bool away = false;
        using Renewed<DoorToken> renewed = new(
            _ => away ? ValueTask.FromException<DoorToken>(new IOException()) : ValueTask.FromResult(new DoorToken([1], clock.GetUtcNow().AddMinutes(5))), t => t.Expires, Renewed<DoorToken>.TwoThirds, clock);
        foreach ((int seconds, bool isAway) in steps)
        {
            away = isAway;
            clock.Advance(TimeSpan.FromSeconds(seconds));
            try
            {
                Assert.True(await renewed.UseAsync(t => t.Expires, CancellationToken.None) > clock.GetUtcNow());
            }
            catch (IOException)
            {
            }
        }
    }, iter: 200);
}
