using Coffer.Workload.Agent;
using Coffer.Workload.Intercepting;
using CsCheck;

namespace Coffer.Workload.Tests.Agent;

public sealed class PeerRuleTests
{
    private const string Service = "/system.slice/shop-api.service";

    private static Peer Of(uint uid, params (string Group, string? Label)[] processes) => new(uid, [.. processes.Select((p, i) => new PeerFacts(i + 1, [p.Group], p.Label))]);

    [Theory]
    [InlineData(Service, Service, true)]
    [InlineData(Service + "/worker", Service, true)]
    [InlineData(Service, Service + "/", true)]
    [InlineData(Service + "x", Service, false)]
    [InlineData("/system.slice", Service, false)]
    [InlineData("/", Service, false)]
    [InlineData(Service + "/../other.service", Service, false)]
    [InlineData("/user.slice" + Service, Service, false)]
    [InlineData("/anything", "/", true)]
    public void A_group_is_itself_and_what_is_below_it(string group, string outer, bool isWithin) => Assert.Equal(isWithin, PeerRule.IsWithin(group, outer));

    [Fact]
    public void The_user_always_counts()
    {
        PeerRule rule = new() { Uid = 1000, ControlGroup = Service };
        Assert.Null(rule.Refuse(Of(1000, (Service, null))));
        Assert.NotNull(rule.Refuse(Of(1001, (Service, null))));
        Assert.NotNull(rule.Refuse(Of(0, (Service, null))));
    }

    [Fact]
    public void What_cannot_be_told_does_not_match()
    {
        Assert.Null(new PeerRule { Uid = 1000 }.Refuse(Of(1000)));
        Assert.Contains("CAP_SYS_PTRACE", new PeerRule { Uid = 1000, ControlGroup = Service }.Refuse(Of(1000)), StringComparison.Ordinal);
        Assert.NotNull(new PeerRule { Uid = 1000, Label = "shop_t" }.Refuse(Of(1000, (Service, null))));
        Assert.NotNull(new PeerRule { Uid = 1000, ControlGroup = Service }.Refuse(new(1000, [new(1, [], null)])));
    }

    /// <summary>Whoever else holds the socket reads what is sent to it.</summary>
    [Fact]
    public void All_who_hold_the_connection_must_match()
    {
        PeerRule rule = new() { Uid = 1000, ControlGroup = Service, Label = "shop_t" };
        Assert.Null(rule.Refuse(Of(1000, (Service, "shop_t"), (Service + "/sub", "shop_t"))));
        Assert.NotNull(rule.Refuse(Of(1000, (Service, "shop_t"), ("/user.slice/user-1000.slice", "shop_t"))));
        Assert.NotNull(rule.Refuse(Of(1000, (Service, "shop_t"), (Service, "other_t"))));
    }

    [Theory]
    [InlineData("0::/system.slice/a.service\n", "/system.slice/a.service")]
    [InlineData("9:name=systemd:/system.slice/a.service\n4:memory:/elsewhere\n0::/\n", "/system.slice/a.service /")]
    [InlineData("0::/user.slice/with:colon.scope\n", "/user.slice/with:colon.scope")]
    [InlineData("4:memory:/docker/1\n", "")]
    [InlineData("0::relative\ngarbage\n::", "")]
    [InlineData("", "")]
    public void The_groups_that_count_are_the_unified_one_and_systemds(string lines, string groups) =>
        Assert.Equal(groups, string.Join(' ', PeerProcess.ControlGroupsIn(lines)));

    [Fact]
    public void No_text_breaks_the_reading_of_groups() =>
        Gen.String.Sample(text => Assert.All(PeerProcess.ControlGroupsIn(text), g => Assert.StartsWith("/", g, StringComparison.Ordinal)));

    /// <summary>Against the meaning said the slow way: part by part.</summary>
    [Fact]
    public void Being_within_agrees_with_a_comparison_part_by_part() =>
        Gen.Select(Gen.OneOf(new[] { "a", "ab", "b", "..", "" }.Select(Gen.Const).ToArray()).Array[0, 5], Gen.OneOf(new[] { "a", "ab", "b" }.Select(Gen.Const).ToArray()).Array[0, 3]).Sample((inner, outer) =>
        {
            string group = "/" + string.Join('/', inner), rule = "/" + string.Join('/', outer);
            string[] parts = group.TrimStart('/').Length == 0 ? [] : group[1..].Split('/');
            bool expected = !parts.Contains("..") && parts.Length >= outer.Length && parts.Take(outer.Length).SequenceEqual(outer);
            Assert.Equal(expected, PeerRule.IsWithin(group, rule));
        });
}
