using Microsoft.AspNetCore.Http;

namespace Coffer.Workload.Tests;

public sealed class LoopbackNameTests
{
    [Theory]
    [InlineData("127.0.0.1", true)]
    [InlineData("127.0.0.1:7101", true)]
    [InlineData("127.8.9.10:7101", true)]
    [InlineData("[::1]", true)]
    [InlineData("[::1]:7101", true)]
    [InlineData("[::ffff:127.0.0.1]:7101", true)]
    [InlineData("localhost", true)]
    [InlineData("LocalHost:7101", true)]
    [InlineData("localhost.:7101", true)]
    [InlineData("shop.localhost", true)]
    [InlineData("", false)]
    [InlineData("128.0.0.1", false)]
    [InlineData("0.0.0.0", false)]
    [InlineData("[::]", false)]
    [InlineData("[2001:db8::1]", false)]
    [InlineData("localhost.example.com", false)]
    [InlineData("notlocalhost", false)]
    [InlineData("127.0.0.1.example.com", false)]
    [InlineData("rebound.example.com:7101", false)]
    public void Only_this_machine_to_itself_is_loopback(string host, bool isLoopback) => Assert.Equal(isLoopback, LoopbackName.Is(new HostString(host)));
}
