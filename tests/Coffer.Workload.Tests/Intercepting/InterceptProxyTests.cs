using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Coffer.Workload.Intercepting;
using Coffer.Workload.Tests.Support;

namespace Coffer.Workload.Tests.Intercepting;

public sealed class InterceptProxyTests
{
    private static readonly string Authorization = $"Proxy-Authorization: Basic {Convert.ToBase64String("kid:pw"u8)}\r\n";

    private readonly List<string> _log = [];
    private readonly List<string> _local = [];

    private InterceptProxyOptions Options(int upstream, string resolved = "203.0.113.7") => new()
    {
        Credentials = ("kid", "pw"),
        OpenLocal = async (name, cancellation) =>
        {
            _local.Add(name.Host);
            return await Wire.ConnectAsync(upstream);
        },
        Roots = _ => new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck },
        Resolve = (_, _) => Task.FromResult(resolved.Split(',').Select(IPAddress.Parse).ToArray()),
        Connect = (socket, _, cancellation) => socket.ConnectAsync(IPAddress.Loopback, upstream, cancellation),
        Log = (host, port, outcome) =>
        {
            lock (_log)
            {
                _log.Add($"{host}:{port} {outcome}");
            }
        },
    };

    private static string Status(string answer) => answer.Length > 12 ? answer[9..12] : answer;

    [Theory]
    [InlineData("")]
    [InlineData("Proxy-Authorization: Basic d3Jvbmc6d3Jvbmc=\r\n")]
    [InlineData("Proxy-Authorization: Bearer x\r\n")]
    [InlineData("Proxy-Authorization: Basic\r\n")]
    [InlineData("Authorization: Basic a2lkOnB3\r\n")]
    public async Task Without_the_right_credentials_it_asks_for_them(string header)
    {
        await using InterceptProxy proxy = new(Options(1));

        string answer = await Wire.AskAsync(proxy.Port, $"CONNECT example.com:443 HTTP/1.1\r\n{header}\r\n");

        Assert.StartsWith("HTTP/1.1 407 ", answer, StringComparison.Ordinal);
        Assert.Contains("\r\nProxy-Authenticate: Basic realm=\"", answer, StringComparison.Ordinal);
        Assert.Contains("\r\nConnection: close\r\n", answer, StringComparison.Ordinal);
        Assert.Empty(_log);
    }

    [Theory]
    [InlineData("GET http://example.com/ HTTP/1.1", "403")]
    [InlineData("GET http://169.254.169.254/latest/ HTTP/1.1", "403")]
    [InlineData("GET / HTTP/1.1", "400")]
    [InlineData("OPTIONS * HTTP/1.1", "405")]
    [InlineData("CONNECT example.com HTTP/1.1", "400")]
    [InlineData("CONNECT user@example.com:443 HTTP/1.1", "400")]
    [InlineData("GET https://user:pw@example.com/ HTTP/1.1", "400")]
    [InlineData("CONNECT 127.0.0.1:443 HTTP/1.1", "403")]
    [InlineData("CONNECT 2130706433:443 HTTP/1.1", "403")]
    [InlineData("CONNECT 0x7f.1:443 HTTP/1.1", "403")]
    [InlineData("CONNECT [::ffff:127.0.0.1]:443 HTTP/1.1", "403")]
    [InlineData("CONNECT 169.254.169.254:443 HTTP/1.1", "403")]
    [InlineData("CONNECT localhost:443 HTTP/1.1", "403")]
    [InlineData("CONNECT metadata.google.internal:443 HTTP/1.1", "403")]
    [InlineData("GET https://127.0.0.1/ HTTP/1.1", "403")]
    public async Task What_it_does_not_do_it_refuses(string line, string status)
    {
        await using InterceptProxy proxy = new(Options(1));

        Assert.Equal(status, Status(await Wire.AskAsync(proxy.Port, $"{line}\r\n{Authorization}\r\n")));
        Assert.Empty(_local);
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("203.0.113.7,127.0.0.1")]
    [InlineData("::ffff:169.254.169.254")]
    [InlineData("fd00:ec2::254")]
    public async Task A_name_that_resolves_to_this_machine_or_metadata_is_refused(string addresses)
    {
        await using InterceptProxy proxy = new(Options(1, addresses));

        Assert.Equal("403", Status(await Wire.AskAsync(proxy.Port, $"CONNECT innocent.example.com:443 HTTP/1.1\r\n{Authorization}\r\n")));
        Assert.Equal(["innocent.example.com:443 refused"], _log);
    }

    [Fact]
    public async Task An_unreachable_host_is_a_502_without_a_body()
    {
        await using InterceptProxy proxy = new(Options(1) with { Connect = (_, _, _) => throw new SocketException((int)SocketError.ConnectionRefused) });

        string answer = await Wire.AskAsync(proxy.Port, $"CONNECT example.com:443 HTTP/1.1\r\n{Authorization}\r\n");

        Assert.StartsWith("HTTP/1.1 502 ", answer, StringComparison.Ordinal);
        Assert.EndsWith("\r\n\r\n", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_name_that_does_not_resolve_is_a_502()
    {
        await using InterceptProxy proxy = new(Options(1) with { Resolve = (_, _) => throw new SocketException((int)SocketError.HostNotFound) });

        Assert.Equal("502", Status(await Wire.AskAsync(proxy.Port, $"CONNECT nowhere.example:443 HTTP/1.1\r\n{Authorization}\r\n")));
    }

    [Theory]
    [InlineData("HTTP/1.0", "")]
    [InlineData("HTTP/1.1", "Host: whatever\r\n")]
    public async Task A_tunnel_carries_bytes_and_the_end_of_either_side(string version, string host)
    {
        await using TcpServer upstream = new(TcpServer.CountAsync);
        await using InterceptProxy proxy = new(Options(upstream.Port));
        await using NetworkStream client = await Wire.ConnectAsync(proxy.Port);
        CancellationToken stop = TestContext.Current.CancellationToken;

        // Bytes that follow the head in the same packet belong to the tunnel.
        await client.WriteAsync(Encoding.ASCII.GetBytes($"CONNECT example.com:443 {version}\r\n{host}{Authorization}\r\nearly"), stop);
        Assert.Equal("HTTP/1.1 200 Connection established\r\n\r\n", await Wire.HeadAsync(client));
        await client.WriteAsync(new byte[100_000], stop);
        client.Socket.Shutdown(SocketShutdown.Send);

        Assert.Equal("counted 100005", await Wire.RestAsync(client));
        Assert.Equal(["example.com:443 tunnel"], _log);
        Assert.Empty(_local);
    }

    [Theory]
    [InlineData("secretsmanager.us-east-1.amazonaws.com")]
    [InlineData("SECRETSMANAGER.eu-west-1.AMAZONAWS.COM.")]
    [InlineData("demo-dev.vault.azure.net")]
    [InlineData("secretmanager.googleapis.com")]
    public async Task A_listed_name_goes_to_the_local_handler_and_is_never_resolved(string host)
    {
        await using TcpServer handler = new(TcpServer.CountAsync);
        await using InterceptProxy proxy = new(Options(handler.Port) with { Resolve = (_, _) => throw new InvalidOperationException("resolved") });
        await using NetworkStream client = await Wire.ConnectAsync(proxy.Port);

        await client.WriteAsync(Encoding.ASCII.GetBytes($"CONNECT {host}:443 HTTP/1.1\r\n{Authorization}\r\n"), TestContext.Current.CancellationToken);
        Assert.Equal("200", Status(await Wire.HeadAsync(client)));
        client.Socket.Shutdown(SocketShutdown.Send);

        Assert.Equal("counted 0", await Wire.RestAsync(client));
        Assert.Equal([host.TrimEnd('.').ToLowerInvariant()], _local);
    }

    /// <summary>Also when the local handler is gone: a mistake here must not read production.</summary>
    [Theory]
    [InlineData("CONNECT secretsmanager.us-east-1.amazonaws.com:8443 HTTP/1.1", "403")]
    [InlineData("CONNECT secretsmanager.us-east-1.amazonaws.com:80 HTTP/1.1", "403")]
    [InlineData("GET https://demo.vault.azure.net:8443/secrets HTTP/1.1", "403")]
    [InlineData("CONNECT secretsmanager.us-east-1.amazonaws.com:443 HTTP/1.1", "502")]
    [InlineData("GET https://secretmanager.googleapis.com/v1/x HTTP/1.1", "502")]
    public async Task A_listed_name_is_never_tunnelled_to_the_real_service(string line, string status)
    {
        bool left = false;
        InterceptProxyOptions options = Options(1) with
        {
            OpenLocal = (_, _) => throw new IOException("gone"),
            Resolve = (_, _) =>
            {
                left = true;
                return Task.FromResult<IPAddress[]>([IPAddress.Parse("203.0.113.7")]);
            },
        };
        await using InterceptProxy proxy = new(options);

        Assert.Equal(status, Status(await Wire.AskAsync(proxy.Port, $"{line}\r\n{Authorization}\r\n")));
        Assert.False(left);
    }

    [Fact]
    public async Task Another_users_connection_gets_nothing()
    {
        await using InterceptProxy proxy = new(Options(1) with { IsAllowedPeer = _ => false });

        Assert.Equal("", await Wire.AskAsync(proxy.Port, $"CONNECT secretsmanager.us-east-1.amazonaws.com:443 HTTP/1.1\r\n{Authorization}\r\n"));
        Assert.Empty(_local);
    }

    [Fact]
    public async Task The_port_of_Java_asks_for_no_password_but_for_the_user()
    {
        await using TcpServer handler = new(TcpServer.CountAsync);
        await using InterceptProxy open = new(Options(handler.Port) with { AsksForPassword = false });
        await using InterceptProxy closed = new(Options(handler.Port) with { AsksForPassword = false, IsAllowedPeer = _ => false });
        await using NetworkStream client = await Wire.ConnectAsync(open.Port);
        await client.WriteAsync("CONNECT secretsmanager.us-east-1.amazonaws.com:443 HTTP/1.1\r\n\r\n"u8.ToArray(), TestContext.Current.CancellationToken);

        Assert.Equal("200", Status(await Wire.HeadAsync(client)));
        Assert.Equal("", await Wire.AskAsync(closed.Port, "CONNECT secretsmanager.us-east-1.amazonaws.com:443 HTTP/1.1\r\n\r\n"));
    }

    [Fact]
    public async Task A_head_without_end_is_refused_and_not_kept()
    {
        await using InterceptProxy proxy = new(Options(1));

        string answer = await Wire.AskAsync(proxy.Port, $"CONNECT example.com:443 HTTP/1.1\r\nX: {new string('a', ConnectHead.MaxBytes)}");

        Assert.Equal("400", Status(answer));
    }

    [Fact]
    public async Task A_head_that_does_not_come_ends_with_time()
    {
        Microsoft.Extensions.Time.Testing.FakeTimeProvider clock = new();
        TaskCompletionSource accepted = new();
        await using InterceptProxy proxy = new(Options(1) with
        {
            Clock = clock,
            IsAllowedPeer = _ =>
            {
                accepted.TrySetResult();
                return true;
            },
        });
        await using NetworkStream client = await Wire.ConnectAsync(proxy.Port);
        await client.WriteAsync("CONNECT"u8.ToArray(), TestContext.Current.CancellationToken);
        await accepted.Task;
        Task<string> rest = Wire.RestAsync(client);

        while (!rest.IsCompleted)
        {
            // The timer is made a moment after the peer was checked; time goes on until it is there.
            clock.Advance(TimeSpan.FromMinutes(1));
            await Task.Yield();
        }

        Assert.Equal("", await rest);
    }

    [Fact]
    public async Task Ending_it_ends_its_tunnels()
    {
        await using TcpServer upstream = new(TcpServer.CountAsync);
        InterceptProxy proxy = new(Options(upstream.Port));
        await using NetworkStream client = await Wire.ConnectAsync(proxy.Port);
        await client.WriteAsync(Encoding.ASCII.GetBytes($"CONNECT example.com:443 HTTP/1.1\r\n{Authorization}\r\n"), TestContext.Current.CancellationToken);
        await Wire.HeadAsync(client);

        await proxy.DisposeAsync();

        Assert.Equal("", await Wire.RestAsync(client));
    }

    /// <summary>Whatever arrives, it answers or closes, and goes on serving.</summary>
    [Fact]
    public async Task Broken_requests_do_not_end_the_proxy()
    {
        await using TcpServer upstream = new(TcpServer.CountAsync);
        await using InterceptProxy proxy = new(Options(upstream.Port));
        string good = $"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n{Authorization}\r\n";
        ulong state = 0x9E3779B97F4A7C15;
        for (int round = 0; round < 300; round++)
        {
            char[] text = good.ToCharArray();
            for (int change = 0; change < 3; change++)
            {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                text[(int)(state % (ulong)text.Length)] = (char)((state >> 20) & 0xff);
            }

            await using NetworkStream client = await Wire.ConnectAsync(proxy.Port);
            await client.WriteAsync(Encoding.Latin1.GetBytes(text), TestContext.Current.CancellationToken);
            client.Socket.Shutdown(SocketShutdown.Send);
            string answer = await Wire.RestAsync(client);
            Assert.True(answer.Length == 0 || answer.StartsWith("HTTP/1.1 ", StringComparison.Ordinal), $"round {round}");
        }

        await using NetworkStream last = await Wire.ConnectAsync(proxy.Port);
        await last.WriteAsync(Encoding.ASCII.GetBytes(good), TestContext.Current.CancellationToken);
        Assert.Equal("200", Status(await Wire.HeadAsync(last)));
    }

    [Fact]
    public async Task Absolute_form_goes_over_verified_tls_with_no_more_than_the_request()
    {
        await using TlsServer rest = new("rest.example.test");
        InterceptProxyOptions options = Options(rest.Port) with { Roots = _ => Trust(rest.Root) };
        await using InterceptProxy proxy = new(options);

        string answer = await Wire.AskAsync(proxy.Port, $"POST https://rest.example.test/a/../b HTTP/1.1\r\nHost: rest.example.test\r\n{Authorization}Content-Length: 4\r\n\r\nbodyGET https://rest.example.test/second HTTP/1.1\r\n{Authorization}\r\n");

        Assert.StartsWith("HTTP/1.1 200 OK", answer, StringComparison.Ordinal);
        Assert.EndsWith("hello", answer, StringComparison.Ordinal);
        string request = Assert.Single(rest.Requests);
        Assert.StartsWith("POST /a/../b HTTP/1.1\r\n", request, StringComparison.Ordinal);
        Assert.EndsWith("\r\n\r\nbody", request, StringComparison.Ordinal);
        Assert.DoesNotContain("proxy-", request, StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [InlineData("rest.example.test", false)]
    [InlineData("other.example.test", true)]
    public async Task Absolute_form_to_a_host_that_cannot_prove_its_name_is_a_502(string host, bool trusted)
    {
        await using TlsServer rest = new("rest.example.test");
        await using TlsServer stranger = new("stranger.example.test");
        await using InterceptProxy proxy = new(Options(rest.Port) with { Roots = _ => Trust(trusted ? rest.Root : stranger.Root) });

        Assert.Equal("502", Status(await Wire.AskAsync(proxy.Port, $"GET https://{host}/ HTTP/1.1\r\n{Authorization}\r\n")));
        Assert.Empty(rest.Requests);
    }

    [Fact]
    public async Task Absolute_form_can_be_switched_off()
    {
        await using InterceptProxy proxy = new(Options(1) with { ServeAbsoluteForm = false });

        Assert.Equal("403", Status(await Wire.AskAsync(proxy.Port, $"GET https://example.com/ HTTP/1.1\r\n{Authorization}\r\n")));
    }

    private static X509ChainPolicy Trust(X509Certificate2 root)
    {
        X509ChainPolicy policy = new() { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.Add(root);
        return policy;
    }
}
