using Coffer.Workload.Agent;
using Coffer.Workload.Tests.Support;
using Microsoft.Extensions.Time.Testing;

namespace Coffer.Workload.Tests.Agent;

public sealed class RefusalsTests
{
    private readonly FakeTimeProvider _clock = new();
    private readonly LogLines _log = new();

    private void Tell(Refusals refusals, uint uid, int times)
    {
        for (int i = 0; i < times; i++)
        {
            refusals.Tell("shop-api", "aws", new(uid, []), () => (1, "curl"), "the user is not 1000");
        }
    }

    [Fact]
    public void A_user_fills_no_disk_and_is_counted_all_the_same()
    {
        Refusals refusals = new(_log, _clock);
        Tell(refusals, 1001, 1000);
        Assert.Equal(10, _log.All.Count);
        Tell(refusals, 1002, 1);
        Assert.Equal(11, _log.All.Count);

        _clock.Advance(TimeSpan.FromMinutes(1));
        Tell(refusals, 1001, 1);
        Assert.EndsWith("; 990 more of this user were not told ", _log.All[^1], StringComparison.Ordinal);
    }

    [Fact]
    public void Many_users_take_no_more_than_so_much_memory()
    {
        Refusals refusals = new(_log, _clock);
        for (uint uid = 1; uid <= 5000; uid++)
        {
            Tell(refusals, uid, 1);
            Assert.InRange(refusals.Users, 1, 1024);
        }

        Assert.Equal(5000, _log.All.Count);
    }

    [Fact]
    public void A_caller_who_cannot_be_told_is_told_of_as_that()
    {
        new Refusals(_log, _clock).Tell("shop-api", "api", null, () => (0, ""), "who calls cannot be told");
        Assert.StartsWith("Warning refused at the api door of shop-api: who calls cannot be told;", Assert.Single(_log.All), StringComparison.Ordinal);
    }
}
