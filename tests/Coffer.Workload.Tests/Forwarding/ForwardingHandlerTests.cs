using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Coffer.Workload.Forwarding;
using Coffer.Workload.Intercepting;
using Coffer.Workload.Tests.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Coffer.Workload.Tests.Forwarding;

/// <summary>From a client through the proxy and the forwarder to a server elsewhere.</summary>
public sealed class ForwardingHandlerTests : IAsyncDisposable
{
    private const string Name = "secretsmanager.us-east-1.amazonaws.com";

    private readonly RunAuthority _authority = new(TimeProvider.System);
    private readonly string _socket = Path.Combine(Directory.CreateTempSubdirectory("coffer-fwd-").FullName, "s");
    private readonly List<string> _seen = [];
    private WebApplication? _server;
    private string? _certified;

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }

        _authority.Dispose();
        Directory.Delete(Path.GetDirectoryName(_socket)!, recursive: true);
    }

    private async Task<Uri> StartServerAsync(RequestDelegate answer)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(new Microsoft.AspNetCore.Server.Kestrel.Https.TlsHandshakeCallbackOptions
            {
                OnConnection = handshake =>
                {
                    _seen.Add($"sni {handshake.ClientHelloInfo.ServerName}");
                    return ValueTask.FromResult(new System.Net.Security.SslServerAuthenticationOptions { ServerCertificateContext = _authority.ContextOf(_certified) });
                },
            }));
            kestrel.ListenUnixSocket(_socket, listen => listen.Protocols = HttpProtocols.Http1);
        });
        _server = builder.Build();
        _server.Run(answer);
        await _server.StartAsync(TestContext.Current.CancellationToken);
        string address = _server.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First(a => a.StartsWith("https", StringComparison.Ordinal));
        return new($"https://localhost:{new Uri(address).Port}");
    }

    private X509Certificate2Collection Roots()
    {
        X509Certificate2Collection roots = [];
        roots.ImportFromPem(_authority.Pem);
        return roots;
    }

    private async Task EchoAsync(HttpContext context)
    {
        using StreamReader reader = new(context.Request.Body);
        string body = await reader.ReadToEndAsync(context.RequestAborted);
        string headers = string.Join('\n', context.Request.Headers.OrderBy(h => h.Key, StringComparer.OrdinalIgnoreCase).Select(h => $"{h.Key.ToLowerInvariant()}: {h.Value}"));
        context.Response.StatusCode = 201;
        context.Response.Headers["x-amzn-RequestId"] = "abc";
        context.Response.ContentType = "application/x-amz-json-1.1";
        await context.Response.WriteAsync($"{context.Request.Protocol} {context.Request.Method} {context.Features.Get<IHttpRequestFeature>()!.RawTarget}\n{headers}\n\n{body}", context.RequestAborted);
    }

    [Theory]
    [InlineData("1.1", false)]
    [InlineData("2.0", false)]
    [InlineData("1.1", true)]
    [InlineData("2.0", true)]
    public async Task Host_target_and_signed_headers_arrive_as_they_were_sent(string version, bool local)
    {
        Uri address = await StartServerAsync(EchoAsync);
        using ForwardingHandler forwarder = new(local ? new ForwardingOptions { SocketPath = _socket } : new ForwardingOptions { Address = address, Roots = Roots() });
        await using StubCloud cloud = await StubCloud.StartAsync(o => o with { Handler = forwarder.HandleAsync });
        using HttpClient client = cloud.Client(Version.Parse(version));
        Uri target = new($"https://{Name}/a/../b%2Fc/%7e?x=%41&y=", new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
        using HttpRequestMessage request = new(HttpMethod.Post, target) { Version = Version.Parse(version), VersionPolicy = HttpVersionPolicy.RequestVersionExact, Content = new StringContent("{\"SecretId\":\"ü\"}", Encoding.UTF8) };
        request.Content.Headers.Remove("Content-Type");
        request.Content.Headers.TryAddWithoutValidation("Content-Type", "application/x-amz-json-1.1");
        request.Headers.TryAddWithoutValidation("Authorization", "AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/secretsmanager/aws4_request, SignedHeaders=host;x-amz-date, Signature=00ff");
        request.Headers.TryAddWithoutValidation("X-Amz-Date", "20260101T000000Z");
        request.Headers.TryAddWithoutValidation("User-Agent", "aws-cli/2.9.19 Python/3.11.2 Linux/6.1 (x; y)");

        using HttpResponseMessage response = await client.SendAsync(request, TestContext.Current.CancellationToken);
        string text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        Assert.Equal("abc", Assert.Single(response.Headers.GetValues("x-amzn-RequestId")));
        Assert.Equal("application/x-amz-json-1.1", response.Content.Headers.ContentType?.ToString());
        Assert.Equal(
            $"""
            {(version == "2.0" && !local ? "HTTP/2" : "HTTP/1.1")} POST /a/../b%2Fc/%7e?x=%41&y=
            authorization: AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/secretsmanager/aws4_request, SignedHeaders=host;x-amz-date, Signature=00ff
            content-length: 17
            content-type: application/x-amz-json-1.1
            host: {Name}
            user-agent: aws-cli/2.9.19 Python/3.11.2 Linux/6.1 (x; y)
            x-amz-date: 20260101T000000Z
            """,
            text[..text.IndexOf("\n\n", StringComparison.Ordinal)]);
        Assert.EndsWith("\n\n{\"SecretId\":\"ü\"}", text, StringComparison.Ordinal);
        // The server proves its own name, not the vendor's.
        Assert.Equal(local ? [] : ["sni localhost"], _seen);
    }

    /// <summary>
    /// The server's local socket believes the kernel where no token is shown, and at the other end is not the program but what passes on for
    /// it. Without this a program could be whoever started it.
    /// </summary>
    [Theory]
    [InlineData("/coffer/v1/whoami")]
    [InlineData("/coffer/v1/whoami?X-Amz-Signature=1")]
    [InlineData("/COFFER/v1/whoami")]
    [InlineData("//coffer/v1/whoami")]
    [InlineData("/%63offer/v1/whoami")]
    [InlineData("/x/../coffer/v1/whoami")]
    [InlineData("/x%2f..%2fcoffer%2fv1/whoami")]
    [InlineData("/x%3f/../coffer/v1/whoami")]
    [InlineData("/x%253f/../%2563offer/v1/whoami")]
    [InlineData("/x\\..\\coffer/v1/whoami")]
    public async Task Nobody_speaks_for_who_passes_on_at_the_servers_local_socket(string target)
    {
        await StartServerAsync(context =>
        {
            lock (_seen)
            {
                _seen.Add("reached");
            }

            return Task.CompletedTask;
        });
        using ForwardingHandler forwarder = new(new ForwardingOptions { SocketPath = _socket });
        await using StubCloud cloud = await StubCloud.StartAsync(o => o with { Handler = forwarder.HandleAsync });
        using HttpClient named = cloud.Client(HttpVersion.Version11);
        using HttpClient direct = new(new SocketsHttpHandler { UseProxy = false, SslOptions = new() { CertificateChainPolicy = cloud.Trust() } });
        foreach (string? authorization in (string?[])[null, " ", "Bearer cfs_own"])
        {
            foreach (string host in (string[])[Name, $"127.0.0.1:{cloud.TlsPort}"])
            {
                using HttpRequestMessage request = new(HttpMethod.Get, new Uri($"https://{host}{target}", new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }));
                if (authorization is not null)
                {
                    request.Headers.TryAddWithoutValidation("Authorization", authorization);
                }

                using HttpResponseMessage answer = await (host == Name ? named : direct).SendAsync(request, TestContext.Current.CancellationToken);
                Assert.Equal(authorization?.Length > 1 ? HttpStatusCode.OK : HttpStatusCode.Unauthorized, answer.StatusCode);
            }
        }

        Assert.Equal(2, _seen.Count);
    }

    /// <summary>The server lets its own user unseal by the kernel's word alone, and a token changes nothing about that.</summary>
    [Theory]
    [InlineData("/coffer/v1/sys/unseal", 403)]
    [InlineData("/coffer/v1/sys/unseal?a=b", 403)]
    [InlineData("/coffer/v1/sys/unseal/", 403)]
    [InlineData("/coffer/v2/SYS/Unseal", 403)]
    [InlineData("//coffer//v1/sys//unseal", 403)]
    [InlineData("/coffer/v1/./sys/unseal", 403)]
    [InlineData("/coffer/v1/sys/x/../unseal", 403)]
    [InlineData("/coffer/v1/sys/a%2Fb/../unseal", 403)]
    [InlineData("/x%3f/../coffer/v1/sys/unseal", 403)]
    [InlineData("/coffer/v1/%73ys/%75nseal", 403)]
    [InlineData("/coffer/v1/sys/%2575nseal", 403)]
    [InlineData("/coffer/v1/sys%2funseal", 403)]
    [InlineData("/coffer/v1/sys\\unseal", 403)]
    [InlineData("/aws/coffer/v1/sys/unseal", 403)]
    [InlineData("/coffer/v1/sys/%25252525252525252575nseal", 400)]
    [InlineData("https://127.0.0.1/coffer/v1/sys/unseal", 400)]
    [InlineData("x://a?b/coffer/v1/sys/unseal", 400)]
    [InlineData("/coffer/v1/sys/status", 200)]
    [InlineData("/coffer/v1/vaults/demo/secrets/sys%2Funseal", 200)]
    [InlineData("/unseal", 200)]
    public async Task Nobody_unseals_by_the_kernels_word_on_who_passes_on(string target, int status)
    {
        int reached = 0;
        await StartServerAsync(_ =>
        {
            Interlocked.Increment(ref reached);
            return Task.CompletedTask;
        });
        using ForwardingHandler forwarder = new(new ForwardingOptions { SocketPath = _socket });
        await using StubCloud cloud = await StubCloud.StartAsync(o => o with { Handler = forwarder.HandleAsync });
        using TcpClient tcp = new();
        await tcp.ConnectAsync(IPAddress.Loopback, cloud.TlsPort, TestContext.Current.CancellationToken);
        await using SslStream stream = new(tcp.GetStream());
        await stream.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "localhost", CertificateChainPolicy = cloud.Trust() }, TestContext.Current.CancellationToken);

        await stream.WriteAsync(Encoding.ASCII.GetBytes($"POST {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer cfs_own\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"), TestContext.Current.CancellationToken);
        using StreamReader reader = new(stream);
        string answer = await reader.ReadToEndAsync(TestContext.Current.CancellationToken);

        Assert.StartsWith($"HTTP/1.1 {status} ", answer, StringComparison.Ordinal);
        Assert.Equal(status == 200 ? 1 : 0, reached);
    }

    [Fact]
    public async Task Boto3_works_through_it()
    {
        Uri address = await StartServerAsync(async context =>
        {
            context.Response.ContentType = "application/x-amz-json-1.1";
            await context.Response.WriteAsync($$"""{"Name":"api-key","SecretString":"{{context.Request.Host.Value}}"}""", context.RequestAborted);
        });
        using ForwardingHandler forwarder = new(new ForwardingOptions { Address = address, Roots = Roots() });
        await using StubCloud cloud = await StubCloud.StartAsync(o => o with { Handler = forwarder.HandleAsync });

        (int exit, string output, string error) = await Programs.RunAsync("/usr/bin/python3", ["-c", "import boto3; print(boto3.client('secretsmanager').get_secret_value(SecretId='api-key')['SecretString'])"], cloud.Environment);

        Assert.True(exit == 0, error);
        Assert.Equal($"{Name}\n", output);
    }

    [Fact]
    public async Task Bodies_are_streamed_both_ways_and_trailers_follow()
    {
        Uri address = await StartServerAsync(async context =>
        {
            byte[] buffer = new byte[64];
            while (await context.Request.Body.ReadAsync(buffer, context.RequestAborted) is > 0 and int read)
            {
                await context.Response.Body.WriteAsync(buffer.AsMemory(0, read), context.RequestAborted);
                await context.Response.Body.FlushAsync(context.RequestAborted);
            }

            context.Response.AppendTrailer("grpc-status", "0");
        });
        using ForwardingHandler forwarder = new(new ForwardingOptions { Address = address, Roots = Roots() });
        await using StubCloud cloud = await StubCloud.StartAsync(o => o with { Handler = forwarder.HandleAsync });
        using HttpClient client = cloud.Client(HttpVersion.Version20);
        System.IO.Pipelines.Pipe pipe = new();
        using HttpRequestMessage request = new(HttpMethod.Post, $"https://{Name}/") { Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact, Content = new Duplex(pipe.Reader.AsStream()) };
        CancellationToken stop = TestContext.Current.CancellationToken;

        await pipe.Writer.WriteAsync("one"u8.ToArray(), stop);
        using HttpResponseMessage response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, stop);
        await using Stream answer = await response.Content.ReadAsStreamAsync(stop);
        byte[] part = new byte[3];
        await answer.ReadExactlyAsync(part, stop);
        Assert.Equal("one"u8, part);
        await pipe.Writer.WriteAsync("two"u8.ToArray(), stop);
        await answer.ReadExactlyAsync(part, stop);
        Assert.Equal("two"u8, part);
        await pipe.Writer.CompleteAsync();

        Assert.Equal(0, await answer.ReadAsync(part, stop));
        Assert.Equal("0", Assert.Single(response.TrailingHeaders.GetValues("grpc-status")));
    }

    [Theory]
    [InlineData("away")]
    [InlineData("another CA")]
    [InlineData("another name")]
    [InlineData("no socket")]
    public async Task When_the_server_is_away_or_not_itself_the_vendors_error_is_a_502(string reason)
    {
        _certified = reason == "another name" ? "demo.vault.azure.net" : null;
        Uri address = await StartServerAsync(EchoAsync);
        using RunAuthority other = new(TimeProvider.System);
        X509Certificate2Collection roots = reason == "another CA" ? [] : Roots();
        if (reason == "another CA")
        {
            roots.ImportFromPem(other.Pem);
        }

        ForwardingOptions options = reason switch
        {
            "away" => new() { Address = new("https://127.0.0.1:1"), Roots = roots },
            "no socket" => new() { SocketPath = _socket + "x" },
            _ => new() { Address = address, Roots = roots },
        };
        using ForwardingHandler forwarder = new(options);
        await using StubCloud cloud = await StubCloud.StartAsync(o => o with { Handler = forwarder.HandleAsync });
        using HttpClient client = cloud.Client(HttpVersion.Version11);

        using HttpResponseMessage response = await client.GetAsync($"https://{Name}/", TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.BadGateway, response.StatusCode);
        Assert.Equal("""{"__type":"InternalServiceError","message":"the Coffer server does not answer"}""", await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Half_an_answer_is_never_taken_for_a_whole_one()
    {
        Uri address = await StartServerAsync(async context =>
        {
            await context.Response.WriteAsync("half", context.RequestAborted);
            await context.Response.Body.FlushAsync(context.RequestAborted);
            context.Abort();
        });
        using ForwardingHandler forwarder = new(new ForwardingOptions { Address = address, Roots = Roots() });
        await using StubCloud cloud = await StubCloud.StartAsync(o => o with { Handler = forwarder.HandleAsync });
        using HttpClient client = cloud.Client(HttpVersion.Version11);

        await Assert.ThrowsAsync<HttpRequestException>(() => client.GetStringAsync($"https://{Name}/", TestContext.Current.CancellationToken));
    }

    [Fact]
    public void It_needs_a_place_to_forward_to()
    {
        Assert.Throws<ArgumentException>(() => new ForwardingHandler(new ForwardingOptions()));
        Assert.Throws<ArgumentException>(() => new ForwardingHandler(new ForwardingOptions { Address = new("http://localhost:8200") }));
    }

    /// <summary>Unlike <see cref="StreamContent"/>, a body that the client does not wait for before it reads the answer.</summary>
    private sealed class Duplex(Stream body) : HttpContent
    {
        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            byte[] buffer = new byte[64];
            while (await body.ReadAsync(buffer) is > 0 and int read)
            {
                await stream.WriteAsync(buffer.AsMemory(0, read));
                await stream.FlushAsync();
            }
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
