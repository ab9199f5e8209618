using System.Globalization;
using System.Net;
using Coffer.Core.Access.People;
using Coffer.Core.Errors;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Coffer.Core.Tests.Access;

public class GuessLimiterTests
{
    private readonly FakeTimeProvider _clock = new();
    private readonly Guid _person = Guid.NewGuid();

    [Fact]
    public void Each_further_try_waits_twice_as_long_and_the_tenth_locks()
    {
        GuessLimiter guesses = new(_clock);
        List<double> waits = [];
        for (int i = 0; i < GuessLimiter.MostPerName; i++)
        {
            double waited = 0;
            while (Wait(() => guesses.Take(_person, "alice", null, GuessedFactor.Password)) is { Ticks: > 0 } wait)
            {
                waited += wait.TotalSeconds;
                _clock.Advance(wait);
            }

            waits.Add(waited);
        }

        Assert.Equal([0, 0, 0, 0, 1, 2, 4, 8, 16, 32], waits);
        Assert.Equal(GuessLimiter.Lock, Wait(() => guesses.Take(_person, "alice", null, GuessedFactor.Password)));
    }

    [Fact]
    public void After_the_lock_one_may_guess_as_at_first()
    {
        GuessLimiter guesses = new(_clock);
        Fill(guesses, _person, null, GuessLimiter.MostPerName);
        Assert.Equal(GuessLimiter.Lock, Wait(() => guesses.Take(_person, null, null, GuessedFactor.Password)));
        _clock.Advance(GuessLimiter.Lock - TimeSpan.FromSeconds(1));
        Assert.Equal(TimeSpan.FromSeconds(1), Wait(() => guesses.Take(_person, null, null, GuessedFactor.Password)));
        _clock.Advance(TimeSpan.FromSeconds(1));
        for (int i = 0; i < GuessLimiter.FreePerName; i++)
        {
            Assert.Equal(TimeSpan.Zero, Wait(() => guesses.Take(_person, null, null, GuessedFactor.Password)));
        }
    }

    [Fact]
    public void A_refused_try_does_not_count()
    {
        GuessLimiter guesses = new(_clock);
        Fill(guesses, _person, null, 5);
        for (int i = 0; i < 100; i++)
        {
            Assert.Equal(TimeSpan.FromSeconds(2), Wait(() => guesses.Take(_person, null, null, GuessedFactor.Password)));
        }

        _clock.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(TimeSpan.Zero, Wait(() => guesses.Take(_person, null, null, GuessedFactor.Password)));
        Assert.Equal(TimeSpan.FromSeconds(4), Wait(() => guesses.Take(_person, null, null, GuessedFactor.Password)));
    }

    [Fact]
    public void A_try_counts_when_it_begins()
    {
        GuessLimiter guesses = new(_clock);
        int let = 0;
        Parallel.For(0, 64, _ =>
        {
            if (Wait(() => guesses.Take(_person, null, null, GuessedFactor.Password)) == TimeSpan.Zero)
            {
                Interlocked.Increment(ref let);
            }
        });
        Assert.Equal(GuessLimiter.FreePerName + 1, let);
    }

    [Fact]
    public void Names_that_nobody_has_are_locked_like_others()
    {
        GuessLimiter guesses = new(_clock);
        Fill(guesses, null, "mallory", GuessLimiter.MostPerName);
        Assert.Equal(GuessLimiter.Lock, Wait(() => guesses.Take(null, "mallory", null, GuessedFactor.Password)));
    }

    [Fact]
    public void No_flood_of_names_frees_one_or_fills_the_memory()
    {
        GuessLimiter guesses = new(_clock);
        Fill(guesses, _person, null, GuessLimiter.MostPerName);
        Fill(guesses, null, "mallory", GuessLimiter.MostPerName);
        for (int i = 0; i < 200_000; i++)
        {
            try
            {
                guesses.Take(null, "n" + i.ToString(CultureInfo.InvariantCulture), null, GuessedFactor.Password);
            }
            catch (CofferException full) when (full.Code == CofferErrorCode.Throttled)
            {
                // Its slot is in use by others.
            }
        }

        Assert.True(Wait(() => guesses.Take(_person, null, null, GuessedFactor.Password)) > TimeSpan.FromMinutes(13));
        Assert.True(Wait(() => guesses.Take(null, "mallory", null, GuessedFactor.Password)) > TimeSpan.FromMinutes(13));
        Assert.True(guesses.Count <= 65_536 + 1);
        _clock.Advance(GuessLimiter.Lock);
        guesses.Prune();
        Assert.Equal(0, guesses.Count);
    }

    [Fact]
    public void An_address_is_locked_whatever_names_it_tries_and_with_it_its_network()
    {
        GuessLimiter guesses = new(_clock);
        IPAddress one = IPAddress.Parse("2001:db8:1:2::1"), beside = IPAddress.Parse("2001:db8:1:2:ffff::9"), other = IPAddress.Parse("2001:db8:1:3::1");
        for (int i = 0; i < GuessLimiter.MostPerAddress; i++)
        {
            string name = "n" + i.ToString(CultureInfo.InvariantCulture);
            _clock.Advance(Wait(() => guesses.Take(null, name, one, GuessedFactor.Password)));
            if (i >= GuessLimiter.FreePerAddress)
            {
                _clock.Advance(TimeSpan.FromSeconds(1 << (i - GuessLimiter.FreePerAddress)));
            }
        }

        Assert.True(Wait(() => guesses.Take(_person, null, beside, GuessedFactor.Password)) > TimeSpan.FromSeconds(30));
        Assert.Equal(TimeSpan.Zero, Wait(() => guesses.Take(_person, null, other, GuessedFactor.Password)));
    }

    [Fact]
    public void An_address_written_in_two_ways_is_one()
    {
        GuessLimiter guesses = new(_clock);
        Fill(guesses, null, null, GuessLimiter.FreePerAddress + 1, IPAddress.Parse("192.0.2.1"));
        Assert.Equal(TimeSpan.FromSeconds(1), Wait(() => guesses.Take(null, null, IPAddress.Parse("::ffff:192.0.2.1"), GuessedFactor.Password)));
    }

    [Fact]
    public void Being_right_gives_the_tries_back()
    {
        GuessLimiter guesses = new(_clock);
        IPAddress address = IPAddress.Parse("192.0.2.1");
        for (int i = 0; i < 1000; i++)
        {
            guesses.Take(_person, null, address, GuessedFactor.Password);
            guesses.Right(_person, address, GuessedFactor.Password);
        }

        Fill(guesses, _person, null, GuessLimiter.MostPerName);
        guesses.Forgive(_person);
        Assert.Equal(TimeSpan.Zero, Wait(() => guesses.Take(_person, null, address, GuessedFactor.Password)));
    }

    [Fact]
    public void Each_factor_counts_by_itself_and_only_what_was_proven_starts_anew()
    {
        GuessLimiter guesses = new(_clock);
        for (int i = 0; i < GuessLimiter.MostPerName; i++)
        {
            guesses.Take(_person, null, null, GuessedFactor.Password);
            guesses.Right(_person, null, GuessedFactor.Password);
            _clock.Advance(Wait(() => guesses.Take(_person, null, null, GuessedFactor.Code)));
            _clock.Advance(TimeSpan.FromMinutes(2));
        }

        Assert.True(Wait(() => guesses.Take(_person, null, null, GuessedFactor.Code)) > TimeSpan.FromMinutes(10));
        // A login tries both, and waits for both.
        Assert.True(Wait(() => guesses.Take(_person, "alice", null, GuessedFactor.All)) > TimeSpan.FromMinutes(10));
        Assert.Equal(TimeSpan.Zero, Wait(() => guesses.Take(_person, null, null, GuessedFactor.Password)));
        guesses.Forgive(_person);
        Assert.Equal(TimeSpan.Zero, Wait(() => guesses.Take(_person, "alice", null, GuessedFactor.All)));
    }

    [Fact]
    public void A_try_that_was_none_is_given_back()
    {
        GuessLimiter guesses = new(_clock);
        IPAddress address = IPAddress.Parse("192.0.2.1");
        for (int i = 0; i < 1000; i++)
        {
            Guid? person = i % 2 == 0 ? _person : null;
            guesses.Take(person, "alice", address, GuessedFactor.All);
            guesses.GiveBack(person, "alice", address, GuessedFactor.All);
        }

        Fill(guesses, _person, null, GuessLimiter.FreePerName);
    }

    [Fact]
    public void A_clock_that_is_set_back_frees_and_locks_nobody()
    {
        GuessLimiter guesses = new(new LeapingClock(_clock));
        Fill(guesses, _person, null, GuessLimiter.MostPerName);
        Assert.Equal(GuessLimiter.Lock, Wait(() => guesses.Take(_person, null, null, GuessedFactor.Password)));
    }

    private void Fill(GuessLimiter guesses, Guid? person, string? name, int tries, IPAddress? address = null)
    {
        for (int done = 0; done < tries;)
        {
            TimeSpan wait = Wait(() => guesses.Take(person, name, address, GuessedFactor.Password));
            _clock.Advance(wait);
            done += wait == TimeSpan.Zero ? 1 : 0;
        }
    }

    private static TimeSpan Wait(Action take)
    {
        try
        {
            take();
            return TimeSpan.Zero;
        }
        catch (CofferException throttled) when (throttled.Code == CofferErrorCode.Throttled)
        {
            return throttled.Error.RetryAfter!.Value;
        }
    }

    /// <summary>Shows another day with every look; what has passed since is right.</summary>
    private sealed class LeapingClock(TimeProvider inner) : TimeProvider
    {
        private int _days;

        public override long TimestampFrequency => inner.TimestampFrequency;

        public override DateTimeOffset GetUtcNow() => inner.GetUtcNow().AddDays(-Interlocked.Increment(ref _days));

        public override long GetTimestamp() => inner.GetTimestamp();
    }
}
