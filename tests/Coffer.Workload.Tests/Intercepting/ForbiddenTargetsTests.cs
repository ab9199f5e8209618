using System.Net;
using Coffer.Workload.Intercepting;

namespace Coffer.Workload.Tests.Intercepting;

public sealed class ForbiddenTargetsTests
{
    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("127.255.255.254")]
    [InlineData("127.1")]
    [InlineData("2130706433")]
    [InlineData("0x7f000001")]
    [InlineData("0x7f.1")]
    [InlineData("0177.0.0.1")]
    [InlineData("0.0.0.0")]
    [InlineData("0.1.2.3")]
    [InlineData("169.254.169.254")]
    [InlineData("169.254.170.2")]
    [InlineData("2852039166")]
    [InlineData("0xa9fea9fe")]
    [InlineData("224.0.0.1")]
    [InlineData("239.255.255.250")]
    [InlineData("255.255.255.255")]
    [InlineData("::")]
    [InlineData("::1")]
    [InlineData("0:0:0:0:0:0:0:1")]
    [InlineData("::ffff:127.0.0.1")]
    [InlineData("::ffff:7f00:1")]
    [InlineData("::ffff:169.254.169.254")]
    [InlineData("::127.0.0.1")]
    [InlineData("64:ff9b::7f00:1")]
    [InlineData("64:ff9b::a9fe:a9fe")]
    [InlineData("2002:7f00:1::")]
    [InlineData("fe80::1")]
    [InlineData("febf::1")]
    [InlineData("ff02::1")]
    [InlineData("fd00:ec2::254")]
    [InlineData("fd20:ce::254")]
    public void This_machine_and_metadata_are_refused_in_every_spelling(string literal)
    {
        Assert.True(ForbiddenTargets.TryParse(literal, out IPAddress? address), "the spelling is one that resolvers take");
        Assert.True(ForbiddenTargets.Contains(address!));
        Assert.True(ForbiddenTargets.ContainsName(literal));
    }

    [Theory]
    [InlineData("10.0.0.1")]
    [InlineData("192.168.1.1")]
    [InlineData("172.16.0.9")]
    [InlineData("203.0.113.7")]
    [InlineData("128.0.0.1")]
    [InlineData("169.253.1.1")]
    [InlineData("2001:db8::1")]
    [InlineData("fd12:3456::1")]
    [InlineData("::ffff:10.0.0.1")]
    [InlineData("64:ff9b::a00:1")]
    public void Private_and_public_addresses_are_allowed(string literal)
    {
        Assert.False(ForbiddenTargets.Contains(IPAddress.Parse(literal)));
        Assert.False(ForbiddenTargets.ContainsName(literal));
    }

    [Theory]
    [InlineData("localhost")]
    [InlineData("LOCALHOST.")]
    [InlineData("a.localhost")]
    [InlineData("metadata.google.internal")]
    [InlineData("Metadata.Google.Internal.")]
    [InlineData("127.0.0.1.")]
    public void Names_of_this_machine_are_refused_before_they_are_resolved(string name) => Assert.True(ForbiddenTargets.ContainsName(name));

    [Theory]
    [InlineData("localhost.example.com")]
    [InlineData("example.com")]
    [InlineData("notlocalhost")]
    public void Other_names_are_not(string name) => Assert.False(ForbiddenTargets.ContainsName(name));
}
