using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Coffer.Workload.Intercepting;
using Coffer.Workload.Tests.Support;

namespace Coffer.Workload.Tests.Intercepting;

public sealed class ParentProxyTests
{
    private static Dictionary<string, string> With(params (string, string)[] variables) => variables.ToDictionary(v => v.Item1, v => v.Item2);

    [Fact]
    public void No_variable_or_an_empty_one_is_no_proxy()
    {
        Assert.Null(ParentProxy.From(With()));
        Assert.Null(ParentProxy.From(With(("HTTPS_PROXY", ""), ("HTTP_PROXY", "http://p:1"))));
    }

    [Theory]
    [InlineData("ftp://proxy:21")]
    [InlineData("socks4://proxy:1080")]
    [InlineData("http://")]
    [InlineData("http://[")]
    public void A_proxy_that_it_cannot_speak_to_stops_the_start_with_a_hint(string value)
    {
        WorkloadException failure = Assert.Throws<WorkloadException>(() => ParentProxy.From(With(("HTTPS_PROXY", value))));

        Assert.Contains("unset", failure.Hint, StringComparison.Ordinal);
        Assert.DoesNotContain("proxy:", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("*", "anything.example", 443, true)]
    [InlineData("example.com", "example.com", 443, true)]
    [InlineData("example.com", "a.example.com", 443, true)]
    [InlineData("example.com", "EXAMPLE.com.", 443, true)]
    [InlineData(".example.com", "a.example.com", 443, true)]
    [InlineData("*.example.com", "a.example.com", 443, true)]
    [InlineData("example.com", "notexample.com", 443, false)]
    [InlineData("example.com:8443", "example.com", 8443, true)]
    [InlineData("example.com:8443", "example.com", 443, false)]
    [InlineData("10.0.0.0/8", "10.1.2.3", 443, true)]
    [InlineData("10.0.0.0/8", "11.1.2.3", 443, false)]
    [InlineData("2001:db8::/32", "10.1.2.3", 443, false)]
    [InlineData("a.test, b.test c.test", "c.test", 443, true)]
    [InlineData(".", "example.com", 443, false)]
    [InlineData("", "example.com", 443, false)]
    public void The_old_no_proxy_is_obeyed(string noProxy, string host, int port, bool direct)
    {
        Assert.Equal(direct, ParentProxy.From(With(("https_proxy", "http://p:1"), ("NO_PROXY", noProxy)))!.IsDirect(host, port));
        Assert.Equal(direct, ParentProxy.From(With(("https_proxy", "http://p:1"), ("no_proxy", noProxy)))!.IsDirect(host, port));
    }

    [Theory]
    [InlineData("HTTPS_PROXY", "http://us%40er:p%3aw@127.0.0.1:PORT")]
    [InlineData("ALL_PROXY", "us%40er:p%3aw@127.0.0.1:PORT")]
    public async Task A_tunnel_is_asked_for_by_name_with_the_proxys_own_credentials(string variable, string value)
    {
        string? head = null;
        await using TcpServer corporate = new(async stream =>
        {
            head = await Wire.HeadAsync(stream);
            await stream.WriteAsync("HTTP/1.1 200 OK\r\nX: y\r\n\r\nfirst"u8.ToArray());
            await TcpServer.CountAsync(stream);
        });
        ParentProxy parent = ParentProxy.From(With((variable, value.Replace("PORT", $"{corporate.Port}", StringComparison.Ordinal))))!;

        await using Stream tunnel = await parent.ConnectAsync("example.com", 443, new X509ChainPolicy(), TestContext.Current.CancellationToken);
        ((NetworkStream)tunnel).Socket.Shutdown(SocketShutdown.Send);

        Assert.Equal("firstcounted 0", await Wire.RestAsync(tunnel));
        Assert.Equal($"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\nProxy-Authorization: Basic {Convert.ToBase64String("us@er:p:w"u8)}\r\n\r\n", head);
    }

    [Theory]
    [InlineData("HTTP/1.1 407 No\r\n\r\n")]
    [InlineData("HTTP/1.1 403 No\r\n\r\n")]
    [InlineData("nonsense")]
    [InlineData("")]
    public async Task A_refusal_of_the_parent_is_a_failed_tunnel(string answer)
    {
        await using TcpServer corporate = new(async stream =>
        {
            await Wire.HeadAsync(stream);
            await stream.WriteAsync(Encoding.ASCII.GetBytes(answer));
        });
        ParentProxy parent = ParentProxy.From(With(("HTTPS_PROXY", $"http://127.0.0.1:{corporate.Port}")))!;

        await Assert.ThrowsAnyAsync<IOException>(() => parent.ConnectAsync("example.com", 443, new X509ChainPolicy(), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_proxy_over_tls_is_verified()
    {
        await using TlsServer corporate = new("localhost");
        X509ChainPolicy trust = new() { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        trust.CustomTrustStore.Add(corporate.Root);
        ParentProxy parent = ParentProxy.From(With(("HTTPS_PROXY", $"https://localhost:{corporate.Port}")))!;

        await using Stream tunnel = await parent.ConnectAsync("example.com", 443, trust, TestContext.Current.CancellationToken);

        Assert.StartsWith("CONNECT example.com:443 ", Assert.Single(corporate.Requests), StringComparison.Ordinal);
        X509ChainPolicy other = new() { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        await Assert.ThrowsAsync<System.Security.Authentication.AuthenticationException>(() => parent.ConnectAsync("example.com", 443, other, TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("socks5://127.0.0.1:PORT", false)]
    [InlineData("socks5h://me:pw@127.0.0.1:PORT", true)]
    public async Task Socks_is_spoken_too_and_resolves_names_at_the_proxy(string value, bool withPassword)
    {
        List<byte[]> seen = [];
        await using TcpServer socks = new(async stream =>
        {
            async Task<byte[]> Take(int count)
            {
                byte[] bytes = new byte[count];
                await stream.ReadExactlyAsync(bytes);
                seen.Add(bytes);
                return bytes;
            }

            byte[] hello = await Take(2);
            await Take(hello[1]);
            await stream.WriteAsync((byte[])[5, (byte)(withPassword ? 2 : 0)]);
            if (withPassword)
            {
                await Take(2 + 2 + 1 + 2);
                await stream.WriteAsync((byte[])[1, 0]);
            }

            await Take(4 + 1 + "example.com".Length + 2);
            await stream.WriteAsync((byte[])[5, 0, 0, 3, 1, (byte)'x', 0, 80]);
            await TcpServer.CountAsync(stream);
        });
        ParentProxy parent = ParentProxy.From(With(("ALL_PROXY", value.Replace("PORT", $"{socks.Port}", StringComparison.Ordinal))))!;

        await using Stream tunnel = await parent.ConnectAsync("example.com", 443, new X509ChainPolicy(), TestContext.Current.CancellationToken);
        ((NetworkStream)tunnel).Socket.Shutdown(SocketShutdown.Send);

        Assert.Equal("counted 0", await Wire.RestAsync(tunnel));
        Assert.Equal((byte[])[5, 1, 0, 3, 11, .. "example.com"u8, 1, 187], seen[^1]);
        if (withPassword)
        {
            Assert.Equal((byte[])[1, 2, .. "me"u8, 2, .. "pw"u8], seen[2]);
        }
    }

    [Fact]
    public async Task Socks_that_refuses_is_a_failed_tunnel()
    {
        await using TcpServer socks = new(async stream =>
        {
            await stream.ReadExactlyAsync(new byte[3]);
            await stream.WriteAsync((byte[])[5, 0xff]);
        });
        ParentProxy parent = ParentProxy.From(With(("ALL_PROXY", $"socks5://127.0.0.1:{socks.Port}")))!;

        await Assert.ThrowsAnyAsync<IOException>(() => parent.ConnectAsync("example.com", 443, new X509ChainPolicy(), TestContext.Current.CancellationToken));
    }

    /// <summary>The proxy above resolves, so only literals can be refused; listed names stay here.</summary>
    [Fact]
    public async Task Behind_a_parent_literals_are_refused_and_listed_names_stay_here()
    {
        int asked = 0;
        await using TcpServer corporate = new(async stream =>
        {
            Interlocked.Increment(ref asked);
            await Wire.HeadAsync(stream);
            await stream.WriteAsync("HTTP/1.1 200 OK\r\n\r\n"u8.ToArray());
            await TcpServer.CountAsync(stream);
        });
        await using TcpServer local = new(TcpServer.CountAsync);
        await using InterceptProxy proxy = new(new InterceptProxyOptions
        {
            Credentials = ("kid", "pw"),
            OpenLocal = async (_, _) => await Wire.ConnectAsync(local.Port),
            Roots = _ => new X509ChainPolicy(),
            Parent = ParentProxy.From(With(("HTTPS_PROXY", $"http://127.0.0.1:{corporate.Port}"))),
            Resolve = (_, _) => throw new InvalidOperationException("resolved here"),
        });
        string authorization = $"Proxy-Authorization: Basic {Convert.ToBase64String("kid:pw"u8)}\r\n";

        Assert.Contains(" 403 ", await Wire.AskAsync(proxy.Port, $"CONNECT 0x7f.1:443 HTTP/1.1\r\n{authorization}\r\n"), StringComparison.Ordinal);
        Assert.Contains(" 403 ", await Wire.AskAsync(proxy.Port, $"CONNECT localhost:443 HTTP/1.1\r\n{authorization}\r\n"), StringComparison.Ordinal);
        await using NetworkStream listed = await Wire.ConnectAsync(proxy.Port);
        await listed.WriteAsync(Encoding.ASCII.GetBytes($"CONNECT secretsmanager.us-east-1.amazonaws.com:443 HTTP/1.1\r\n{authorization}\r\n"), TestContext.Current.CancellationToken);
        Assert.Contains(" 200 ", await Wire.HeadAsync(listed), StringComparison.Ordinal);
        Assert.Equal(0, asked);
        await using NetworkStream other = await Wire.ConnectAsync(proxy.Port);
        await other.WriteAsync(Encoding.ASCII.GetBytes($"CONNECT example.com:443 HTTP/1.1\r\n{authorization}\r\n"), TestContext.Current.CancellationToken);
        Assert.Contains(" 200 ", await Wire.HeadAsync(other), StringComparison.Ordinal);
        Assert.Equal(1, asked);
    }
}
