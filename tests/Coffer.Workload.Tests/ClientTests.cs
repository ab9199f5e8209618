using System.Net;
using Coffer.Workload.Tests.Support;

namespace Coffer.Workload.Tests;

/// <summary>Real programs, unchanged, with nothing configured but a default profile whose keys must not be used.</summary>
public sealed class ClientTests
{
    private static async Task<string> RunAsync(StubCloud cloud, string program, params string[] arguments)
    {
        (int exit, string output, string error) = await Programs.RunAsync(program, arguments, cloud.Environment);
        Assert.True(exit == 0, $"{program} ended with {exit}: {error}");
        return output;
    }

    [Fact]
    public async Task Boto3_reads_a_secret_under_the_literal_host_of_any_region()
    {
        await using StubCloud cloud = await StubCloud.StartAsync();

        string output = await RunAsync(cloud, "/usr/bin/python3", "-c", """
            import boto3
            read = lambda **where: boto3.client("secretsmanager", **where).get_secret_value(SecretId="api-key")["SecretString"]
            print(read()); print(read(region_name="eu-west-1"))
            """);

        Assert.Equal(
            "secretsmanager.us-east-1.amazonaws.com HTTP/1.1 ASIAFROMTHEDOOR00000 us-east-1\nsecretsmanager.eu-west-1.amazonaws.com HTTP/1.1 ASIAFROMTHEDOOR00000 eu-west-1\n",
            output);
        Assert.All(cloud.Seen, request => Assert.DoesNotContain("proxy-", request, StringComparison.OrdinalIgnoreCase));
        Assert.Equal(["secretsmanager.us-east-1.amazonaws.com", "secretsmanager.eu-west-1.amazonaws.com"], cloud.Log.Select(l => l.Host));
    }

    [Fact]
    public async Task Boto3_is_caught_though_an_inherited_no_proxy_would_lead_it_past()
    {
        await using StubCloud cloud = await StubCloud.StartAsync(inherited: new Dictionary<string, string> { ["NO_PROXY"] = ".amazonaws.com,*", ["AWS_ACCESS_KEY_ID"] = "AKIALEFTOVER", ["AWS_SECRET_ACCESS_KEY"] = "x", ["AWS_PROFILE"] = "none" });

        string output = await RunAsync(cloud, "/usr/bin/python3", "-c", "import boto3; print(boto3.client('secretsmanager').get_secret_value(SecretId='api-key')['SecretString'])");

        Assert.Equal("secretsmanager.us-east-1.amazonaws.com HTTP/1.1 ASIAFROMTHEDOOR00000 us-east-1\n", output);
    }

    [Fact]
    public async Task Kept_credentials_reach_the_handler_as_they_are()
    {
        await using StubCloud cloud = await StubCloud.StartAsync(o => o with { KeepCredentials = true }, new Dictionary<string, string> { ["AWS_ACCESS_KEY_ID"] = "AKIAKEPT000000000000", ["AWS_SECRET_ACCESS_KEY"] = "x", ["AWS_DEFAULT_REGION"] = "eu-west-1" });

        string output = await RunAsync(cloud, "/usr/bin/python3", "-c", "import boto3; print(boto3.client('secretsmanager').get_secret_value(SecretId='api-key')['SecretString'])");

        Assert.Equal("secretsmanager.eu-west-1.amazonaws.com HTTP/1.1 AKIAKEPT000000000000 eu-west-1\n", output);
    }

    [Fact]
    public async Task The_aws_command_line_reads_a_secret()
    {
        await using StubCloud cloud = await StubCloud.StartAsync();

        string output = await RunAsync(cloud, "/usr/bin/aws", "secretsmanager", "get-secret-value", "--secret-id", "api-key", "--query", "SecretString", "--output", "text");

        Assert.Equal("secretsmanager.us-east-1.amazonaws.com HTTP/1.1 ASIAFROMTHEDOOR00000 us-east-1\n", output);
    }

    [Theory]
    [InlineData("--http1.1", "HTTP/1.1")]
    [InlineData("--http2", "HTTP/2")]
    public async Task Curl_sees_the_handler_under_a_vendors_name(string version, string protocol)
    {
        await using StubCloud cloud = await StubCloud.StartAsync();

        string output = await RunAsync(cloud, "/usr/bin/curl", "-sS", version, "https://secretsmanager.us-east-1.amazonaws.com/");

        Assert.Contains($"secretsmanager.us-east-1.amazonaws.com {protocol} ", output, StringComparison.Ordinal);
    }

    /// <summary>The rest of the world: the real server's own certificate, verified by the client, under a root that only the inherited bundle names.</summary>
    [Fact]
    public async Task Curl_reaches_the_rest_of_the_world_through_a_blind_tunnel()
    {
        await using TlsServer rest = new("rest.example.test");
        string root = Path.GetTempFileName();
        File.WriteAllText(root, rest.Root.ExportCertificatePem());
        await using StubCloud cloud = await StubCloud.StartAsync(
            o => o with
            {
                Resolve = (host, _) => Task.FromResult<IPAddress[]>(host == "rest.example.test" ? [IPAddress.Parse("203.0.113.7")] : []),
                Connect = (socket, _, cancellation) => socket.ConnectAsync(IPAddress.Loopback, rest.Port, cancellation),
            },
            new Dictionary<string, string> { ["SSL_CERT_FILE"] = root });

        string output = await RunAsync(cloud, "/usr/bin/curl", "-sS", "-w", "%{ssl_verify_result}", "https://rest.example.test/path");
        (int exit, _, string refused) = await Programs.RunAsync("/usr/bin/curl", ["-sS", "https://169.254.169.254/latest/"], cloud.Environment);

        Assert.Equal("hello0", output);
        Assert.StartsWith("GET /path HTTP/1.1\r\n", Assert.Single(rest.Requests), StringComparison.Ordinal);
        Assert.NotEqual(0, exit);
        Assert.Contains("403", refused, StringComparison.Ordinal);
        Assert.Equal([("rest.example.test", 443, "tunnel"), ("169.254.169.254", 443, "refused")], cloud.Log);
        Assert.Empty(cloud.Seen);
        File.Delete(root);
    }

    /// <summary>Node ignores proxies: the preload leads each way of opening TLS to the handler, and the process still ends by itself.</summary>
    [Fact]
    public async Task Node_reaches_the_handler_under_the_literal_host()
    {
        await using StubCloud cloud = await StubCloud.StartAsync();

        string output = await RunAsync(cloud, "/usr/bin/node", "-e", """
            const tls = require('tls'), https = require('https'), http2 = require('http2');
            const host = 'secretsmanager.us-east-1.amazonaws.com';
            const story = (text) => JSON.parse(text).SecretString;
            const raw = () => new Promise((ok, no) => {
              const s = tls.connect({ host, port: 443, servername: host }, () => s.write(`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`));
              let all = ''; s.on('data', (d) => all += d).on('end', () => ok(story(all.split('\r\n\r\n')[1]))).on('error', no);
            });
            const get = () => new Promise((ok, no) => https.get(`https://${host}/`, (r) => { let all = ''; r.on('data', (d) => all += d).on('end', () => ok(story(all))); }).on('error', no));
            const h2 = () => new Promise((ok, no) => {
              const c = http2.connect(`https://${host}`); c.on('error', no);
              const r = c.request({ ':path': '/' }); let all = '';
              r.on('data', (d) => all += d).on('end', () => { c.close(); ok(story(all)); }).end();
            });
            (async () => {
              console.log(await raw()); console.log(await get()); console.log(await h2()); console.log(story(await (await fetch(`https://${host}/`)).text()));
            })();
            """);

        const string Story = "secretsmanager.us-east-1.amazonaws.com";
        Assert.Equal($"{Story} HTTP/1.1 - -\n{Story} HTTP/1.1 - -\n{Story} HTTP/2 - -\n{Story} HTTP/1.1 - -\n", output);
        Assert.Empty(cloud.Log);
    }

    [Fact]
    public async Task The_preload_does_nothing_without_its_port_and_nothing_to_other_names()
    {
        await using StubCloud cloud = await StubCloud.StartAsync();
        await using TlsServer rest = new("localhost");
        Dictionary<string, string> without = new(cloud.Environment);
        without.Remove("COFFER_TLS_PORT");
        const string Same = "const before = require('tls').connect.name; console.log(before);";

        Assert.Equal("connect\n", (await Programs.RunAsync("/usr/bin/node", ["-e", Same], without)).Out);
        string output = await RunAsync(cloud, "/usr/bin/node", "-e", $$"""
            const s = require('tls').connect({ host: '127.0.0.1', port: {{rest.Port}}, servername: 'localhost', rejectUnauthorized: false }, () => { console.log(s.getPeerCertificate().issuer.CN); s.end(); });
            """);

        Assert.Equal("Rest of the world\n", output);
    }
}
