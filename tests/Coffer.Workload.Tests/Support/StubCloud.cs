using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Coffer.Workload.Doors;
using Coffer.Workload.Intercepting;
using Microsoft.AspNetCore.Http;

namespace Coffer.Workload.Tests.Support;

/// <summary>A workload host over a handler that answers as a Secrets Manager whose every secret is the story of its request.</summary>
internal sealed class StubCloud : IAsyncDisposable
{
    private readonly string _home;

    private StubCloud(WorkloadHost host, string home)
    {
        Host = host;
        _home = home;
    }

    public WorkloadHost Host { get; }

    public IReadOnlyDictionary<string, string> Environment => Host.Environment;

    public ConcurrentQueue<string> Seen { get; } = new();

    public ConcurrentQueue<(string Host, int Port, string Outcome)> Log { get; } = new();

    public Uri Proxy => new(Environment["HTTPS_PROXY"]);

    public int TlsPort => int.Parse(Environment["COFFER_TLS_PORT"], System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>The home folder holds a default profile with static keys, which must not win.</summary>
    public static async Task<StubCloud> StartAsync(Func<WorkloadOptions, WorkloadOptions>? change = null, IReadOnlyDictionary<string, string>? inherited = null)
    {
        string home = Directory.CreateTempSubdirectory("coffer-home-").FullName;
        Directory.CreateDirectory(Path.Combine(home, ".aws"));
        File.WriteAllText(Path.Combine(home, ".aws", "credentials"), "[default]\naws_access_key_id = AKIAFROMTHEPROFILE00\naws_secret_access_key = from-the-profile\n");
        Dictionary<string, string> environment = new() { ["PATH"] = "/usr/local/bin:/usr/bin:/bin", ["HOME"] = home };
        foreach ((string name, string value) in inherited ?? new Dictionary<string, string>())
        {
            environment[name] = value;
        }

        StubCloud? cloud = null;
        WorkloadOptions options = new()
        {
            Handler = context => cloud!.AnswerAsync(context),
            Wires = new HashSet<string> { "aws" },
            Doors = [new AwsContainerDoor(_ => ValueTask.FromResult(new AwsSessionCredentials("ASIAFROMTHEDOOR00000", "s3cr3t"u8.ToArray(), "session-token", TimeProvider.System.GetUtcNow().AddHours(1))), TimeProvider.System)],
            Inherited = environment,
            Vault = "demo-dev",
            Clock = TimeProvider.System,
            Java = false,
            Log = (host, port, outcome) => cloud!.Log.Enqueue((host, port, outcome)),
        };
        cloud = new(await WorkloadHost.StartAsync(change?.Invoke(options) ?? options, TestContext.Current.CancellationToken), home);
        return cloud;
    }

    /// <summary>A .NET client as the child's would be: the proxy and the run's CA, and nothing else.</summary>
    public HttpClient Client(Version version)
    {
        string[] user = Uri.UnescapeDataString(Proxy.UserInfo).Split(':');
        SocketsHttpHandler handler = new()
        {
            UseProxy = true,
            Proxy = new WebProxy($"http://127.0.0.1:{Proxy.Port}") { Credentials = new NetworkCredential(user[0], user[1]) },
            SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = Trust() },
        };
        return new(handler) { DefaultRequestVersion = version, DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact };
    }

    public X509ChainPolicy Trust()
    {
        X509ChainPolicy policy = new() { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.ImportFromPemFile(Environment["SSL_CERT_FILE"]);
        return policy;
    }

    public async ValueTask DisposeAsync()
    {
        await Host.DisposeAsync();
        Directory.Delete(_home, recursive: true);
    }

    private async Task AnswerAsync(HttpContext context)
    {
        using StreamReader reader = new(context.Request.Body);
        string body = await reader.ReadToEndAsync(context.RequestAborted);
        string authorization = context.Request.Headers.Authorization.ToString();
        string key = authorization.Contains("Credential=", StringComparison.Ordinal) ? authorization.Split("Credential=")[1].Split(',')[0] : "-";
        string[] scope = key.Split('/');
        string story = $"{context.Features.Get<InterceptedName>()?.Host ?? "-"} {context.Request.Protocol} {scope[0]} {(scope.Length > 2 ? scope[2] : "-")}";
        Seen.Enqueue($"{context.Request.Method} {context.Request.Path} {story} {body} {string.Join(';', context.Request.Headers.Select(h => h.Key))}");
        byte[] answer = Encoding.UTF8.GetBytes($$"""{"ARN":"arn:aws:secretsmanager:us-east-1:123456789012:secret:api-key-AbCdEf","Name":"api-key","VersionId":"0123456789abcdef0123456789abcdef","SecretString":"{{story}}","VersionStages":["AWSCURRENT"]}""");
        context.Response.ContentType = "application/x-amz-json-1.1";
        context.Response.ContentLength = answer.Length;
        await context.Response.Body.WriteAsync(answer, context.RequestAborted);
    }
}
