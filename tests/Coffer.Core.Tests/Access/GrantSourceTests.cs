using System.Net;
using Coffer.Core.Access;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;
using CsCheck;
using Xunit;

namespace Coffer.Core.Tests.Access;

/// <summary>The stored text of a grant: what is written is what is read, and what is not exactly understood is refused.</summary>
public sealed class GrantSourceTests
{
    [Fact]
    public void A_grant_survives_its_text()
    {
        Gen<string?> names = Gen.Int[0, 3].Select(i => (string?)new[] { "*", "app/*", "d?", "a,b c" }[i]);
        Gen.Select(Gen.Bool, Gen.Int[1, (int)CofferActions.Admin], names, Gen.Int[0, 31], Gen.Long[0, 1000]).Sample((allow, actions, pattern, parts, time) =>
        {
            Grant grant = new()
            {
                Allow = allow,
                Actions = (CofferActions)actions,
                Vault = (parts & 1) == 0 ? null : AccessWorld.Shop,
                Names = pattern!,
                Label = (parts & 2) == 0 ? null : VersionLabel.Parse("a \"label\" <with> more"),
                Cidrs = (parts & 4) == 0 ? [] : [Grant.ParseNetwork("10.0.0.0/8"), Grant.ParseNetwork("2001:db8::1")],
                From = (parts & 8) == 0 ? null : time,
                Until = (parts & 8) == 0 ? null : time + 1,
                Tags = (parts & 16) == 0 ? Secret.NoTags : Secret.NoTags.Add("env", "pröd").Add("\u0000\"", "\ud83d\ude00"),
            };
            Grant read = Grant.Parse(grant.ToSource());
            return read.ToSource() == grant.ToSource()
                && (read.Allow, read.Actions, read.Vault, read.Names, read.Label, read.From, read.Until) == (grant.Allow, grant.Actions, grant.Vault, grant.Names, grant.Label, grant.From, grant.Until)
                && read.Cidrs.SequenceEqual(grant.Cidrs) && read.Tags.SequenceEqual(grant.Tags);
        });
    }

    [Fact]
    public void The_smallest_grant_is_effect_and_actions()
    {
        Grant grant = Grant.Parse("""{"effect":"allow","actions":["reader"]}""");
        Assert.Equal((true, CofferActions.Reader, null, "*", null, null, null), (grant.Allow, grant.Actions, grant.Vault, grant.Names, grant.Label, grant.From, grant.Until));
        Assert.True(grant.Cidrs.IsEmpty && grant.Tags.IsEmpty);
        Assert.Equal("""{"effect":"allow","actions":["reader"],"names":"*"}""", grant.ToSource());
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("\"allow\"")]
    [InlineData("{}")]
    [InlineData("""{"actions":["read"]}""")]
    [InlineData("""{"effect":"allow"}""")]
    [InlineData("""{"effect":"allow","actions":[]}""")]
    [InlineData("""{"effect":"allow","actions":null}""")]
    [InlineData("""{"effect":"allow","actions":[null]}""")]
    [InlineData("""{"effect":"allow","actions":"read"}""")]
    [InlineData("""{"effect":"allow","actions":["reed"]}""")]
    [InlineData("""{"effect":"Allow","actions":["read"]}""")]
    [InlineData("""{"effect":"permit","actions":["read"]}""")]
    [InlineData("""{"effect":true,"actions":["read"]}""")]
    [InlineData("""{"Effect":"allow","actions":["read"]}""")]
    [InlineData("""{"effect":"allow","actions":["read"],"condition":{}}""")]
    [InlineData("""{"effect":"deny","effect":"allow","actions":["read"]}""")]
    [InlineData("""{"effect":"allow","actions":["list"],"actions":["read"]}""")]
    [InlineData("""{"effect":"allow","actions":["read"],"tags":{"env":"dev","env":"prod"}}""")]
    [InlineData("""{"effect":"allow","actions":["read"],"tags":{"env":null}}""")]
    [InlineData("""{"effect":"allow","actions":["read"],"tags":{"env":1}}""")]
    [InlineData("""{"effect":"allow","actions":["read"],"cidrs":[]}""")]
    [InlineData("""{"effect":"allow","actions":["read"],"cidrs":[null]}""")]
    [InlineData("""{"effect":"allow","actions":["read"],"cidrs":["everywhere"]}""")]
    [InlineData("""{"effect":"allow","actions":["read"],"from":5,"until":5}""")]
    [InlineData("""{"effect":"allow","actions":["read"],"from":"5"}""")]
    [InlineData("""{"effect":"allow","actions":["read"],"until":1.5}""")]
    [InlineData("""{"effect":"allow","actions":["read"],"until":1e99}""")]
    [InlineData("""{"effect":"allow","actions":["read"]} {}""")]
    [InlineData("""{"effect":"allow","actions":["read"],}""")]
    [InlineData("""{"effect":"allow",/* */"actions":["read"]}""")]
    public void Text_that_is_not_exactly_a_grant_is_refused(string source) =>
        Assert.Equal(CofferErrorCode.InvalidRequest, Assert.Throws<CofferException>(() => Grant.Parse(source)).Code);

    [Theory]
    [InlineData("""{"effect":"allow","actions":["read"],"vault":"Shop"}""")]
    [InlineData("""{"effect":"allow","actions":["read"],"vault":""}""")]
    [InlineData("""{"effect":"allow","actions":["read"],"names":""}""")]
    [InlineData("""{"effect":"allow","actions":["read"],"names":"a/../b"}""")]
    [InlineData("""{"effect":"allow","actions":["read"],"names":"[ab]"}""")]
    [InlineData("""{"effect":"allow","actions":["read"],"label":""}""")]
    [InlineData("""{"effect":"allow","actions":["read"],"label":"\u0001"}""")]
    public void Names_in_it_are_names(string source) =>
        Assert.Equal(CofferErrorCode.InvalidName, Assert.Throws<CofferException>(() => Grant.Parse(source)).Code);

    /// <summary>Forms that other programs read as another address than the one they look like.</summary>
    [Theory]
    [InlineData("10.1")]
    [InlineData("1")]
    [InlineData("010.0.0.1")]
    [InlineData("0x0a.0.0.1")]
    [InlineData("10.0.0.1/8")]
    [InlineData("10.0.0.0/33")]
    [InlineData("10.0.0.0/08")]
    [InlineData("10.0.0.0/+8")]
    [InlineData("10.0.0.0/")]
    [InlineData("10.0.0.0/255.0.0.0")]
    [InlineData(" 10.0.0.0/8")]
    [InlineData("10.0.0.0/8 ")]
    [InlineData("[::1]")]
    [InlineData("[::1]:80")]
    [InlineData("fe80::1%eth0")]
    [InlineData("2001:db8::1/32")]
    [InlineData("::/129")]
    [InlineData("::ffff:0.0.0.0/95")]
    [InlineData("")]
    [InlineData("/8")]
    public void A_network_is_written_in_one_way_or_refused(string text) =>
        Assert.Equal(CofferErrorCode.InvalidRequest, Assert.Throws<CofferException>(() => Grant.ParseNetwork(text)).Code);

    [Theory]
    [InlineData("10.0.0.0/8", "10.0.0.0/8")]
    [InlineData("10.1.2.3", "10.1.2.3/32")]
    [InlineData("0.0.0.0/0", "0.0.0.0/0")]
    [InlineData("2001:DB8::/32", "2001:db8::/32")]
    [InlineData("2001:db8:0:0::1", "2001:db8::1/128")]
    [InlineData("::ffff:10.0.0.0/104", "10.0.0.0/8")]
    [InlineData("::ffff:10.1.2.3", "10.1.2.3/32")]
    public void A_network_has_one_canonical_form(string text, string canonical)
    {
        IPNetwork network = Grant.ParseNetwork(text);
        Assert.Equal(canonical, network.ToString());
        Assert.Equal(network, Grant.ParseNetwork(network.ToString()));
    }

    [Fact]
    public void No_refusal_repeats_what_was_sent()
    {
        foreach (string source in (string[])["""{"effect":"hunter2","actions":["read"]}""", """{"effect":"allow","actions":["hunter2"]}""", """{"hunter2":1}""", """{"effect":"allow","actions":["read"],"cidrs":["hunter2"]}""", """{"effect":"allow","actions":["read"],"names":"hunter2%"}""", "hunter2"])
        {
            CofferException refusal = Assert.Throws<CofferException>(() => Grant.Parse(source));
            Assert.DoesNotContain("hunter2", refusal.ToString(), StringComparison.Ordinal);
            Assert.DoesNotContain("hunter2", refusal.Error.ToString(), StringComparison.Ordinal);
        }
    }
}
