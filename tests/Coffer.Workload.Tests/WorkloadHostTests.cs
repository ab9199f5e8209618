using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using Coffer.Workload.Tests.Doors;
using Coffer.Workload.Tests.Support;

namespace Coffer.Workload.Tests;

public sealed class WorkloadHostTests
{
    private static async Task<SslStream> TunnelAsync(StubCloud cloud, string host, string sni)
    {
        NetworkStream stream = await Wire.ConnectAsync(cloud.Proxy.Port);
        string credentials = Convert.ToBase64String(Encoding.ASCII.GetBytes(Uri.UnescapeDataString(cloud.Proxy.UserInfo)));
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"CONNECT {host}:443 HTTP/1.1\r\nProxy-Authorization: Basic {credentials}\r\n\r\n"), TestContext.Current.CancellationToken);
        Assert.StartsWith("HTTP/1.1 200 ", await Wire.HeadAsync(stream), StringComparison.Ordinal);
        return await SecureAsync(cloud, stream, host, sni);
    }

    /// <summary>The certificate must be for <paramref name="name"/>, whatever name the handshake asks for.</summary>
    private static async Task<SslStream> SecureAsync(StubCloud cloud, Stream stream, string name, string sni)
    {
        SslStream secure = new(stream);
        await secure.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions
            {
                TargetHost = sni,
                CertificateChainPolicy = cloud.Trust(),
                RemoteCertificateValidationCallback = (_, certificate, _, errors) => (errors & ~SslPolicyErrors.RemoteCertificateNameMismatch) == 0
                    && ((System.Security.Cryptography.X509Certificates.X509Certificate2)certificate!).MatchesHostname(name),
            },
            TestContext.Current.CancellationToken);
        return secure;
    }

    private static async Task<string> GetAsync(SslStream stream, string host)
    {
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"), TestContext.Current.CancellationToken);
        return await Wire.RestAsync(stream);
    }

    [Theory]
    [InlineData("1.1")]
    [InlineData("2.0")]
    public async Task A_dotnet_client_reaches_the_handler_under_the_vendors_name(string version)
    {
        await using StubCloud cloud = await StubCloud.StartAsync();
        using HttpClient client = cloud.Client(Version.Parse(version));

        string first = await client.GetStringAsync("https://secretsmanager.us-east-1.amazonaws.com/", TestContext.Current.CancellationToken);
        string second = await client.GetStringAsync("https://secretsmanager.eu-west-1.amazonaws.com/", TestContext.Current.CancellationToken);

        string protocol = version == "2.0" ? "HTTP/2" : "HTTP/1.1";
        Assert.Contains($"secretsmanager.us-east-1.amazonaws.com {protocol} ", first, StringComparison.Ordinal);
        Assert.Contains($"secretsmanager.eu-west-1.amazonaws.com {protocol} ", second, StringComparison.Ordinal);
        Assert.All(cloud.Seen, request => Assert.DoesNotContain("proxy-", request, StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public async Task The_name_in_the_handshake_may_be_absent_but_not_another()
    {
        await using StubCloud cloud = await StubCloud.StartAsync();
        const string Name = "secretsmanager.us-east-1.amazonaws.com", Other = "secretsmanager.eu-west-1.amazonaws.com";
        await using SslStream absent = await TunnelAsync(cloud, Name, "");
        await using SslStream another = await TunnelAsync(cloud, Name, Other);

        Assert.StartsWith("HTTP/1.1 200 ", await GetAsync(absent, Name), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 421 ", await GetAsync(another, Name), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("secretsmanager.us-east-1.amazonaws.com", "200")]
    [InlineData("secretsmanager.us-east-1.amazonaws.com:443", "200")]
    [InlineData("SECRETSMANAGER.us-east-1.amazonaws.com", "200")]
    [InlineData("secretsmanager.us-east-1.amazonaws.com:8443", "421")]
    [InlineData("secretsmanager.eu-west-1.amazonaws.com", "421")]
    [InlineData("demo.vault.azure.net", "421")]
    [InlineData("127.0.0.1", "421")]
    public async Task Host_must_be_the_name_of_the_tunnel(string host, string status)
    {
        await using StubCloud cloud = await StubCloud.StartAsync();
        await using SslStream stream = await TunnelAsync(cloud, "secretsmanager.us-east-1.amazonaws.com", "secretsmanager.us-east-1.amazonaws.com");

        Assert.Equal(status, (await GetAsync(stream, host))[9..12]);
        Assert.Equal(status == "200" ? 1 : 0, cloud.Seen.Count);
    }

    [Theory]
    [InlineData("demo.vault.azure.net", "application/json", """{"error":{"code":"NotImplemented",""")]
    [InlineData("secretmanager.googleapis.com", "application/json", """{"error":{"code":501,""")]
    public async Task A_wire_that_is_not_spoken_answers_here_in_its_own_shape(string host, string type, string body)
    {
        await using StubCloud cloud = await StubCloud.StartAsync();
        using HttpClient client = cloud.Client(HttpVersion.Version11);

        using HttpResponseMessage answer = await client.GetAsync($"https://{host}/secrets/x", TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.NotImplemented, answer.StatusCode);
        Assert.Equal(type, answer.Content.Headers.ContentType?.MediaType);
        Assert.StartsWith(body, await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        Assert.Empty(cloud.Seen);
    }

    [Fact]
    public async Task Grpc_to_a_wire_that_is_not_spoken_ends_with_unimplemented()
    {
        await using StubCloud cloud = await StubCloud.StartAsync();
        using HttpClient client = cloud.Client(HttpVersion.Version20);
        using ByteArrayContent content = new([0, 0, 0, 0, 0]);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");

        using HttpResponseMessage answer = await client.PostAsync("https://secretmanager.googleapis.com/google.cloud.secretmanager.v1.SecretManagerService/AccessSecretVersion", content, TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal("12", Assert.Single(answer.Headers.GetValues("grpc-status")));
    }

    [Fact]
    public async Task At_the_hooks_port_the_name_in_the_handshake_decides()
    {
        await using StubCloud cloud = await StubCloud.StartAsync();
        const string Name = "secretsmanager.ap-south-1.amazonaws.com";
        await using SslStream listed = await SecureAsync(cloud, await Wire.ConnectAsync(cloud.TlsPort), Name, Name);
        await using SslStream misled = await SecureAsync(cloud, await Wire.ConnectAsync(cloud.TlsPort), Name, Name);

        Assert.Contains(Name, await GetAsync(listed, Name), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 421 ", await GetAsync(misled, "demo.vault.azure.net"), StringComparison.Ordinal);
        await Assert.ThrowsAnyAsync<Exception>(async () => await SecureAsync(cloud, await Wire.ConnectAsync(cloud.TlsPort), "example.com", "example.com"));
        await Assert.ThrowsAnyAsync<Exception>(async () => await SecureAsync(cloud, await Wire.ConnectAsync(cloud.TlsPort), "sts.amazonaws.com", "sts.amazonaws.com"));
    }

    [Theory]
    [InlineData("127.0.0.1:PORT", "200")]
    [InlineData("localhost:PORT", "200")]
    [InlineData("rebound.example.com", "421")]
    [InlineData("secretsmanager.us-east-1.amazonaws.com", "421")]
    public async Task The_loopback_port_is_for_loopback_names(string host, string status)
    {
        await using StubCloud cloud = await StubCloud.StartAsync();
        await using SslStream stream = await SecureAsync(cloud, await Wire.ConnectAsync(cloud.TlsPort), "localhost", "localhost");

        string answer = await GetAsync(stream, host.Replace("PORT", $"{cloud.TlsPort}", StringComparison.Ordinal));

        Assert.Equal(status, answer[9..12]);
    }

    [Fact]
    public async Task Sign_in_hosts_are_answered_where_they_are_asked_for()
    {
        await using StubCloud cloud = await StubCloud.StartAsync(o => o with { AlsoServices = new HashSet<string> { "sts" } });
        using HttpClient client = cloud.Client(HttpVersion.Version11);

        Assert.Contains("sts.eu-west-1.amazonaws.com", await client.GetStringAsync("https://sts.eu-west-1.amazonaws.com/", TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_door_gives_keys_to_its_token_and_to_nobody_else()
    {
        await using StubCloud cloud = await StubCloud.StartAsync();
        Uri door = new(cloud.Environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"]);
        string token = cloud.Environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"];
        string Ask(string path, string host, string given) => $"GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {given}\r\nConnection: close\r\n\r\n";

        string right = await Wire.AskAsync(door.Port, Ask(door.AbsolutePath, door.Authority, token));
        Assert.StartsWith("HTTP/1.1 200 ", right, StringComparison.Ordinal);
        Assert.Contains("\"AccessKeyId\":\"ASIAFROMTHEDOOR00000\"", right, StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 403 ", await Wire.AskAsync(door.Port, Ask(door.AbsolutePath, door.Authority, "x")), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 404 ", await Wire.AskAsync(door.Port, Ask("/other", door.Authority, token)), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 421 ", await Wire.AskAsync(door.Port, Ask(door.AbsolutePath, "rebound.example.com", token)), StringComparison.Ordinal);
        Assert.Empty(cloud.Seen);
    }

    /// <summary>The token of the child, known to another user, is no use to them: the process at the other end must be the child's.</summary>
    [Fact]
    public async Task Attack_35_The_childs_own_token_in_another_users_hands_opens_no_door()
    {
        await using StubCloud cloud = await StubCloud.StartAsync();
        string url = cloud.Environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"], header = "Authorization: " + cloud.Environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"];
        (int status, string body, _) = await OtherUser.AskAsync(OtherUser.Stranger, "-H", header, url);
        Assert.Equal(403, status);
        Assert.Equal("""{"Code":"AccessDenied","Message":"these credentials are for another program"}""", body);
    }

    [Fact]
    public async Task The_childs_token_of_this_run_is_replaced_on_the_way_and_is_worth_nothing_itself()
    {
        StubIssuer issuer = new(TimeProvider.System);
        string? arrived = null;
        await using StubCloud cloud = await StubCloud.StartAsync(o => o with
        {
            ApiToken = new(issuer.IssueAsync, TimeProvider.System),
            Handler = context =>
            {
                arrived = context.Request.Headers.Authorization;
                return Task.CompletedTask;
            },
        });
        string own = cloud.Environment["COFFER_TOKEN"];
        static async Task<string> AskAsync(StubCloud at, string token)
        {
            await using SslStream stream = await SecureAsync(at, await Wire.ConnectAsync(at.TlsPort), "localhost", "localhost");
            await stream.WriteAsync(Encoding.ASCII.GetBytes($"GET /coffer/v1/whoami HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"), TestContext.Current.CancellationToken);
            return await Wire.RestAsync(stream);
        }

        Assert.StartsWith("HTTP/1.1 200 ", await AskAsync(cloud, own), StringComparison.Ordinal);
        Assert.Equal("Bearer cfs_coffer#1", arrived);
        await AskAsync(cloud, own + "x");
        Assert.Equal($"Bearer {own}x", arrived);
        issuer.Failure = new WorkloadException("shop-api may not be assumed", "ask");
        await using StubCloud refused = await StubCloud.StartAsync(o => o with { ApiToken = new(issuer.IssueAsync, TimeProvider.System) });
        string answer = await AskAsync(refused, refused.Environment["COFFER_TOKEN"]);
        Assert.StartsWith("HTTP/1.1 403 ", answer, StringComparison.Ordinal);
        Assert.Contains("shop-api may not be assumed", answer, StringComparison.Ordinal);
        Assert.Empty(refused.Seen);
        Assert.All((string[])[.. cloud.Environment.Values, .. refused.Environment.Values], v => Assert.False(v.Contains("cfs_", StringComparison.Ordinal), "a short-lived token is in the environment"));
    }

    /// <summary>Old axios: the same name, the same handler, no CONNECT.</summary>
    [Fact]
    public async Task Absolute_form_to_a_listed_name_reaches_the_handler()
    {
        await using StubCloud cloud = await StubCloud.StartAsync();
        string credentials = Convert.ToBase64String(Encoding.ASCII.GetBytes(Uri.UnescapeDataString(cloud.Proxy.UserInfo)));

        string answer = await Wire.AskAsync(
            cloud.Proxy.Port,
            $"POST https://secretsmanager.eu-north-1.amazonaws.com/ HTTP/1.1\r\nHost: secretsmanager.eu-north-1.amazonaws.com\r\nProxy-Authorization: Basic {credentials}\r\nContent-Length: 4\r\n\r\nbody");

        Assert.StartsWith("HTTP/1.1 200 ", answer, StringComparison.Ordinal);
        string seen = Assert.Single(cloud.Seen);
        Assert.Contains("secretsmanager.eu-north-1.amazonaws.com", seen, StringComparison.Ordinal);
        Assert.Contains(" body ", seen, StringComparison.Ordinal);
        Assert.DoesNotContain("Proxy-", seen, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task When_it_ends_its_folder_and_ports_are_gone()
    {
        StubCloud cloud = await StubCloud.StartAsync();
        string folder = Path.GetDirectoryName(cloud.Environment["COFFER_CACERT"])!;
        Assert.True(Directory.Exists(folder));

        await cloud.DisposeAsync();

        Assert.False(Directory.Exists(folder));
        await Assert.ThrowsAnyAsync<SocketException>(() => Wire.ConnectAsync(cloud.Proxy.Port));
        await Assert.ThrowsAnyAsync<SocketException>(() => Wire.ConnectAsync(cloud.TlsPort));
    }

    [Fact]
    public async Task A_start_that_fails_leaves_nothing()
    {
        string parent = Directory.CreateTempSubdirectory("coffer-fail-").FullName;
        using CancellationTokenSource stopped = new();
        await stopped.CancelAsync();

        await Assert.ThrowsAnyAsync<Exception>(() => WorkloadHost.StartAsync(
            new WorkloadOptions
            {
                Handler = _ => Task.CompletedTask,
                Wires = new HashSet<string> { "aws" },
                Doors = [],
                Inherited = new Dictionary<string, string> { ["XDG_RUNTIME_DIR"] = parent },
                Vault = "v",
                Clock = TimeProvider.System,
            },
            stopped.Token));

        Assert.Empty(Directory.EnumerateFileSystemEntries(parent));
        Directory.Delete(parent);
    }

    [Fact]
    public async Task Java_gets_a_port_without_password_when_it_is_asked_for()
    {
        await using StubCloud cloud = await StubCloud.StartAsync(o => o with { Java = true });
        string options = cloud.Environment["JAVA_TOOL_OPTIONS"];
        int port = int.Parse(options.Split("-Dhttps.proxyPort=")[1].Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture);
        string store = options.Split("-Djavax.net.ssl.trustStore=")[1].Split(' ')[0];

        await using NetworkStream stream = await Wire.ConnectAsync(port);
        await stream.WriteAsync("CONNECT secretsmanager.us-east-1.amazonaws.com:443 HTTP/1.1\r\n\r\n"u8.ToArray(), TestContext.Current.CancellationToken);

        Assert.StartsWith("HTTP/1.1 200 ", await Wire.HeadAsync(stream), StringComparison.Ordinal);
        Assert.Equal([0xFE, 0xED, 0xFE, 0xED], File.ReadAllBytes(store)[..4]);
    }
}
