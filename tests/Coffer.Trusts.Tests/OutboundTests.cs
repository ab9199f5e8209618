using System.Net;
using Coffer.Trusts.Outbound;
using Coffer.Trusts.Tests.Support;
using Microsoft.Extensions.Time.Testing;

namespace Coffer.Trusts.Tests;

/// <summary>Attack 24: what a trust names may be anything, and only some of it is ever called.</summary>
public sealed class OutboundTests : IAsyncDisposable
{
    private readonly StubServer _server = new("inside.test");
    private readonly FakeTimeProvider _clock = new();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Theory]
    [InlineData("8.8.8.8", true, true)]
    [InlineData("2606:4700::1111", true, true)]
    [InlineData("127.0.0.1", false, true)]
    [InlineData("127.8.9.10", false, true)]
    [InlineData("10.1.2.3", false, true)]
    [InlineData("172.16.0.1", false, true)]
    [InlineData("172.31.255.255", false, true)]
    [InlineData("172.32.0.1", true, true)]
    [InlineData("192.168.1.1", false, true)]
    [InlineData("100.64.0.1", false, true)]
    [InlineData("198.18.0.1", false, true)]
    [InlineData("::1", false, true)]
    [InlineData("fd12:3456::1", false, true)]
    [InlineData("::ffff:10.0.0.1", false, true)]
    [InlineData("64:ff9b::10.0.0.1", false, true)]
    [InlineData("2002:0a00:0001::1", false, true)]
    [InlineData("169.254.169.254", false, false)]
    [InlineData("169.254.170.2", false, false)]
    [InlineData("168.63.129.16", false, false)]
    [InlineData("100.100.100.200", false, false)]
    [InlineData("192.0.0.192", false, false)]
    [InlineData("0.0.0.0", false, false)]
    [InlineData("0.1.2.3", false, false)]
    [InlineData("224.0.0.1", false, false)]
    [InlineData("255.255.255.255", false, false)]
    [InlineData("::", false, false)]
    [InlineData("fe80::1", false, false)]
    [InlineData("fe80::1%2", false, false)]
    [InlineData("ff02::1", false, false)]
    [InlineData("fd00:ec2::254", false, false)]
    [InlineData("fd20:ce::254", false, false)]
    [InlineData("::ffff:169.254.169.254", false, false)]
    [InlineData("::169.254.169.254", false, false)]
    [InlineData("::ffff:0:169.254.169.254", false, false)]
    [InlineData("64:ff9b::169.254.169.254", false, false)]
    [InlineData("64:ff9b:1::169.254.169.254", false, false)]
    [InlineData("2002:a9fe:a9fe::1", false, false)]
    [InlineData("2001:db8::5efe:169.254.169.254", false, false)]
    [InlineData("2001:0:1:2:3:4:5601:5601", false, false)]
    public void Attack_24_an_address_is_called_only_where_it_may_be(string address, bool open, bool inside)
    {
        Assert.Equal(open, OutboundAddresses.Allows(IPAddress.Parse(address), privateNetworks: false));
        Assert.Equal(inside, OutboundAddresses.Allows(IPAddress.Parse(address), privateNetworks: true));
    }

    [Fact]
    public async Task Attack_24_a_name_that_resolves_inside_is_not_called()
    {
        OutboundException refused = await Assert.ThrowsAsync<OutboundException>(() => SendAsync(_server.Origin, false, IPAddress.Loopback));
        Assert.Contains("does not allow private networks", refused.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<OutboundException>(() => SendAsync(_server.Origin, false, IPAddress.Parse("8.8.8.8"), IPAddress.Loopback));
        Assert.Equal(0, _server.Connections);
    }

    [Theory]
    [InlineData("https://127.0.0.1:{0}/")]
    [InlineData("https://2130706433:{0}/")]
    [InlineData("https://0x7f000001:{0}/")]
    [InlineData("https://0177.0.0.1:{0}/")]
    [InlineData("https://127.1:{0}/")]
    [InlineData("https://[::ffff:127.0.0.1]:{0}/")]
    [InlineData("https://[::127.0.0.1]:{0}/")]
    [InlineData("https://localhost:{0}/")]
    public async Task Attack_24_no_spelling_of_an_address_gets_around(string target)
    {
        OutboundHttp http = new(_clock);
        OutboundRequest request = new() { Target = new(string.Format(System.Globalization.CultureInfo.InvariantCulture, target, _server.Port)), Roots = _server.Roots };
        await Assert.ThrowsAsync<OutboundException>(() => http.SendAsync(request, TestContext.Current.CancellationToken));
        Assert.Equal(0, _server.Connections);
    }

    [Fact]
    public async Task Attack_24_the_metadata_service_is_not_called_even_with_private_networks()
    {
        OutboundException refused = await Assert.ThrowsAsync<OutboundException>(() => SendAsync(_server.Origin, true, IPAddress.Parse("169.254.169.254")));
        Assert.Contains("never called", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Attack_24_a_name_that_changes_between_calls_is_judged_each_time()
    {
        _server.Answer = _ => new(200, "{}");
        Queue<IPAddress> answers = new([IPAddress.Loopback, IPAddress.Parse("169.254.169.254")]);
        OutboundHttp http = new(_clock, (_, _) => Task.FromResult<IPAddress[]>([answers.Dequeue()]));
        OutboundRequest request = new() { Target = new(_server.Origin), Roots = _server.Roots, PrivateNetworks = true };
        Assert.Equal(HttpStatusCode.OK, (await http.SendAsync(request, TestContext.Current.CancellationToken)).Status);
        await Assert.ThrowsAsync<OutboundException>(() => http.SendAsync(request, TestContext.Current.CancellationToken));
        Assert.Empty(answers);
    }

    [Fact]
    public async Task Attack_24_a_redirect_is_an_answer_and_no_call()
    {
        await using StubServer inside = new("other.test");
        _server.Answer = _ => new(302, "", Extra: $"Location: {inside.Origin}/\r\nSet-Cookie: a=b\r\n");
        Assert.Equal(HttpStatusCode.Found, (await SendAsync(_server.Origin, true, IPAddress.Loopback)).Status);
        Assert.Equal(0, inside.Connections);
        Assert.Single(_server.Requests);
    }

    [Fact]
    public async Task Nothing_is_sent_but_what_the_call_says()
    {
        _server.Answer = _ => new(200, "{}", Extra: "Set-Cookie: a=b; Path=/\r\n");
        await SendAsync(_server.Origin, true, IPAddress.Loopback);
        await SendAsync(_server.Origin, true, IPAddress.Loopback);
        Assert.All(_server.Requests, r => Assert.Equal(["Host"], r.Headers.Select(h => h.Name)));
    }

    [Fact]
    public async Task A_server_under_another_root_is_not_trusted()
    {
        await using StubServer other = new("inside.test");
        OutboundHttp http = new(_clock, (_, _) => Task.FromResult<IPAddress[]>([IPAddress.Loopback]));
        OutboundException refused = await Assert.ThrowsAsync<OutboundException>(() => http.SendAsync(new() { Target = new(_server.Origin), Roots = other.Roots, PrivateNetworks = true }, TestContext.Current.CancellationToken));
        Assert.Contains("certificate", refused.Message, StringComparison.Ordinal);
        refused = await Assert.ThrowsAsync<OutboundException>(() => http.SendAsync(new() { Target = new(_server.Origin), PrivateNetworks = true }, TestContext.Current.CancellationToken));
        Assert.Contains("certificate", refused.Message, StringComparison.Ordinal);
        Assert.Empty(_server.Requests);
    }

    [Fact]
    public async Task An_answer_larger_than_a_mebibyte_is_not_read()
    {
        _server.Answer = _ => new(200, new string('x', OutboundHttp.MaxAnswerBytes + 1));
        OutboundException refused = await Assert.ThrowsAsync<OutboundException>(() => SendAsync(_server.Origin, true, IPAddress.Loopback));
        Assert.Contains("too large", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Whoever_does_not_answer_is_given_up_on()
    {
        _server.Answer = _ => StubAnswer.Silence;
        Task<OutboundAnswer> call = SendAsync(_server.Origin, true, IPAddress.Loopback);
        await _server.Arrived.Task.WaitAsync(TestContext.Current.CancellationToken);
        Assert.False(call.IsCompleted);
        _clock.Advance(OutboundHttp.Timeout);
        OutboundException refused = await Assert.ThrowsAsync<OutboundException>(() => call);
        Assert.Contains("in time", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Only_https_is_called()
    {
        OutboundHttp http = new(_clock);
        await Assert.ThrowsAsync<OutboundException>(() => http.SendAsync(new() { Target = new("http://inside.test/") }, TestContext.Current.CancellationToken));
    }

    private Task<OutboundAnswer> SendAsync(string target, bool privateNetworks, params IPAddress[] addresses) =>
        new OutboundHttp(_clock, (_, _) => Task.FromResult(addresses)).SendAsync(new() { Target = new(target), Roots = _server.Roots, PrivateNetworks = privateNetworks }, TestContext.Current.CancellationToken);
}
