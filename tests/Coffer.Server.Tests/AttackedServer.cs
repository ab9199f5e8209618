using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using Coffer.Core;
using Coffer.Core.Access;
using Coffer.Core.Audit;
using Coffer.Core.Sealing;
using Coffer.Core.Secrets;
using Coffer.Core.Stores;
using Coffer.Stores.Sqlite;
using Microsoft.Extensions.Logging;

namespace Coffer.Server.Tests;

/// <summary>
/// A whole server in this process with both listeners, every line that it logs, and three principals: <c>developer</c>
/// administers, <c>app</c> reads and writes <c>app/*</c> of <see cref="Vault"/>, <c>nobody</c> has no grant at all.
/// </summary>
internal sealed class AttackedServer : IAsyncDisposable
{
    public const string Vault = "alpha-dev";
    public const string Other = "beta-dev";
    public const string Secrets = $"/coffer/v1/vaults/{Vault}/secrets";

    private readonly bool _ownsFolder;
    private bool _stopped;
    private readonly ConcurrentQueue<string> _answers = new();

    private AttackedServer(string folder, bool ownsFolder, CofferServer server, MemorySeal seal, TimeProvider clock, ConcurrentQueue<string> log)
    {
        Folder = folder;
        _ownsFolder = ownsFolder;
        Server = server;
        Seal = seal;
        Clock = clock;
        Log = log;
        Local = new(new SocketsHttpHandler { ConnectCallback = ConnectLocalAsync }) { BaseAddress = new("http://localhost") };
        X509Certificate2 authority = X509CertificateLoader.LoadCertificateFromFile(server.CaFile!);
        Remote = new(new SocketsHttpHandler { SslOptions = new() { RemoteCertificateValidationCallback = (_, leaf, _, _) => Issued(authority, leaf) }, AllowAutoRedirect = false }) { BaseAddress = server.Address };
    }

    public string Folder { get; }

    public CofferServer Server { get; }

    public MemorySeal Seal { get; }

    public TimeProvider Clock { get; }

    /// <summary>Everything logged, exceptions included.</summary>
    public ConcurrentQueue<string> Log { get; }

    /// <summary>Every answer of the server to this class, body and headers.</summary>
    public IEnumerable<string> Answers => _answers;

    /// <summary>The local socket: this user is <c>developer</c>.</summary>
    public HttpClient Local { get; }

    /// <summary>The TLS port.</summary>
    public HttpClient Remote { get; }

    public Proof App { get; private set; } = null!;

    public Proof Nobody { get; private set; } = null!;

    public Proof Developer { get; private set; } = null!;

    public static async Task<AttackedServer> StartAsync(string? folder = null, MemorySeal? seal = null, TimeProvider? clock = null, bool fill = true)
    {
        bool owns = folder is null;
        folder ??= Path.Combine(Directory.CreateTempSubdirectory("coffer-attack-").FullName, "data");
        seal ??= new();
        clock ??= TimeProvider.System;
        ConcurrentQueue<string> log = new();
        Lines lines = new(log);
        CofferServer server = await CofferServer.StartAsync(
            new() { DataDirectory = folder, Port = 0 }, clock, logging => logging.SetMinimumLevel(LogLevel.Trace).AddFilter("Microsoft", LogLevel.Trace).AddProvider(lines), seal, default);
        AttackedServer made = new(folder, owns, server, seal, clock, log);
        if (fill)
        {
            await made.FillAsync();
        }

        return made;
    }

    public Caller Administrator()
    {
        Identity identity = Server.Core.Credentials.ProveLocalUser(LocalUser.Id).Identity!;
        return new() { Principal = identity.Principal, Credential = identity.Credential, Dialect = "test", WireOperation = "prepare", RequestId = Guid.NewGuid().ToString("D"), Home = identity.Home };
    }

    public async Task PutAsync(string vault, string name, string value)
    {
        Answer answer = await NativeAsync(HttpMethod.Put, $"/coffer/v1/vaults/{vault}/secrets/{Uri.EscapeDataString(name)}", $$"""{"text":"{{value}}"}""");
        Assert.True(answer.Status is 200 or 201, answer.ToString());
    }

    /// <summary>One request of Coffer's own API: with a token over TLS, else over the local socket.</summary>
    public Task<Answer> NativeAsync(HttpMethod method, string path, string? body = null, string? token = null, Action<HttpRequestMessage>? change = null)
    {
        HttpRequestMessage request = new(method, path);
        if (body is not null)
        {
            request.Content = new StringContent(body, Encoding.UTF8, "application/json");
        }

        if (token is not null)
        {
            request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + token);
        }

        change?.Invoke(request);
        return SendAsync(token is null ? Local : Remote, request);
    }

    /// <summary>One signed request on the AWS wire over TLS.</summary>
    public Task<Answer> AwsAsync(string operation, string body, Proof proof, Action<HttpRequestMessage>? change = null)
    {
        HttpRequestMessage request = new(HttpMethod.Post, "/") { Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body)) };
        request.Content.Headers.TryAddWithoutValidation("Content-Type", "application/x-amz-json-1.1");
        string time = Clock.GetUtcNow().ToString("yyyyMMdd'T'HHmmss'Z'", System.Globalization.CultureInfo.InvariantCulture);
        string target = "secretsmanager." + operation, scope = $"{time[..8]}/eu-west-1/secretsmanager/aws4_request";
        bool temporary = proof.SessionToken is not null;
        string signed = temporary ? "host;x-amz-date;x-amz-security-token;x-amz-target" : "host;x-amz-date;x-amz-target";
        string canonical = $"POST\n/\n\nhost:{Server.Address!.Authority}\nx-amz-date:{time}\n{(temporary ? $"x-amz-security-token:{proof.SessionToken}\n" : "")}x-amz-target:{target}\n\n{signed}\n{Hash(body)}";
        byte[] key = Encoding.UTF8.GetBytes("AWS4" + proof.SecretAccessKey);
        foreach (string part in scope.Split('/'))
        {
            key = HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(part));
        }

        string signature = Convert.ToHexStringLower(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes($"AWS4-HMAC-SHA256\n{time}\n{scope}\n{Hash(canonical)}")));
        request.Headers.TryAddWithoutValidation("X-Amz-Date", time);
        request.Headers.TryAddWithoutValidation("X-Amz-Target", target);
        request.Headers.TryAddWithoutValidation("Authorization", $"AWS4-HMAC-SHA256 Credential={proof.AccessKeyId}/{scope}, SignedHeaders={signed}, Signature={signature}");
        if (temporary)
        {
            request.Headers.TryAddWithoutValidation("X-Amz-Security-Token", proof.SessionToken);
        }

        change?.Invoke(request);
        return SendAsync(Remote, request);
    }

    public async Task<Answer> SendAsync(HttpClient client, HttpRequestMessage request)
    {
        using HttpRequestMessage sent = request;
        using HttpResponseMessage response = await client.SendAsync(sent);
        Answer answer = new(
            (int)response.StatusCode,
            response.Headers.Concat(response.Content.Headers).ToDictionary(h => h.Key, h => string.Join(",", h.Value), StringComparer.OrdinalIgnoreCase),
            Encoding.Latin1.GetString(await response.Content.ReadAsByteArrayAsync()));
        _answers.Enqueue(answer.ToString());
        return answer;
    }

    /// <summary>That the server still serves both wires and its trail and store are whole.</summary>
    public async Task AssertSoundAsync()
    {
        Answer health = await NativeAsync(HttpMethod.Get, "/coffer/health");
        Assert.True(health.Status == 200, health.ToString());
        AuditReport trail = await Server.Core.VerifyAuditAsync(default);
        Assert.True(trail.Sound, string.Join("; ", trail.Problems));
        await AssertDenialsExplainedAsync();
    }

    /// <summary>That every denial of the trail (the newest hundred) is explained, by the policy that decided or by what was missing.</summary>
    private async Task AssertDenialsExplainedAsync()
    {
        Answer denials = await NativeAsync(HttpMethod.Get, "/coffer/v1/audit?decision=deny");
        Assert.Equal(200, denials.Status);
        HashSet<string> requests = [];
        foreach (string line in denials.Body.Split('\n', StringSplitOptions.RemoveEmptyEntries).Reverse())
        {
            using JsonDocument record = JsonDocument.Parse(line);
            // Who was not known was asked about by nobody: there is no policy to explain.
            if (record.RootElement.TryGetProperty("principal", out JsonElement principal) && principal.ValueKind == JsonValueKind.String && requests.Count < 100)
            {
                requests.Add(record.RootElement.GetProperty("requestId").GetString()!);
            }
        }

        foreach (string request in requests)
        {
            Answer why = await NativeAsync(HttpMethod.Get, "/coffer/v1/access/requests/" + request);
            Assert.True(why.Status == 200, why.ToString());
            using JsonDocument explained = JsonDocument.Parse(why.Body);
            Assert.NotEqual("", explained.RootElement.GetProperty("reason").GetString());
            Assert.NotEqual("", explained.RootElement.GetProperty("thenReason").GetString());
        }
    }

    /// <summary>Stops the server and leaves its folder.</summary>
    public async Task StopAsync(bool keepClients = false)
    {
        if (_stopped)
        {
            return;
        }

        _stopped = true;
        await Server.DisposeAsync();
        if (!keepClients)
        {
            Local.Dispose();
            Remote.Dispose();
        }
    }

    /// <summary>Checks every row of the folder while no server runs on it.</summary>
    public static async Task<CheckReport> CheckAsync(string folder, ISeal seal)
    {
        await using IStore store = await SqliteStore.OpenAsync(new SqliteOptions { Folder = Path.Combine(folder, "store") }, TimeProvider.System, default);
        SealService seals = new(store.Keys, TimeProvider.System);
        Assert.True(await seals.UnsealAsync(seal, default));
        CheckReport report = await StoreCheck.RunAsync(store, seals.Current, default);
        seals.Seal();
        return report;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        if (_ownsFolder)
        {
            Seal.Dispose();
            Directory.Delete(Path.GetDirectoryName(Folder)!, recursive: true);
        }
    }

    private static bool Issued(X509Certificate2 authority, X509Certificate? leaf)
    {
        using X509Chain chain = new();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(authority);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        return leaf is X509Certificate2 certificate && chain.Build(certificate);
    }

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    private async ValueTask<Stream> ConnectLocalAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(Server.SocketPath), cancellationToken);
        return new NetworkStream(socket, ownsSocket: true);
    }

    private async Task FillAsync()
    {
        CofferCore core = Server.Core;
        Assert.True(await core.BootstrapAsync(PrincipalName.Parse("developer"), LocalUser.Id, default));
        VaultName vault = VaultName.Parse(Vault);
        await core.Admin.CreateVaultAsync(Administrator(), vault, new(), default);
        await core.Admin.CreateVaultAsync(Administrator(), VaultName.Parse(Other), new(), default);
        await core.Admin.UpdatePrincipalAsync(Administrator(), PrincipalName.Parse("developer"), null, vault, null, default);
        foreach (string name in (string[])["app", "nobody"])
        {
            await core.Admin.CreatePrincipalAsync(Administrator(), PrincipalName.Parse(name), PrincipalKind.Workload, vault, "", default);
        }

        await core.Admin.CreateGrantAsync(Administrator(), PrincipalName.Parse("app"), false, new() { Actions = CofferActions.Writer, Vault = vault, Names = "app/*" }, default);
        App = await ProveAsync("app");
        Nobody = await ProveAsync("nobody");
        Developer = await ProveAsync("developer");
    }

    public async Task<Proof> ProveAsync(string principal)
    {
        using IssuedCredential key = await Server.Core.Admin.CreateAccessKeyAsync(Administrator(), PrincipalName.Parse(principal), new(), default);
        using IssuedCredential token = await Server.Core.Admin.CreateTokenAsync(Administrator(), PrincipalName.Parse(principal), new(), default);
        return new(key.Credential.PublicId, Encoding.UTF8.GetString(key.Secret.Span), Encoding.UTF8.GetString(token.Secret.Span), token.Credential.PublicId);
    }

    private sealed class Lines(ConcurrentQueue<string> log) : ILoggerProvider, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            log.Enqueue($"{logLevel} {formatter(state, exception)} {exception}");

        public void Dispose()
        {
        }
    }
}

/// <summary>What proves a principal on both wires; a temporary access key has a session's token as well.</summary>
internal sealed record Proof(string AccessKeyId, string SecretAccessKey, string Token, string TokenId, string? SessionToken = null)
{
    public override string ToString() => AccessKeyId;
}

/// <summary>One answer.</summary>
internal sealed record Answer(int Status, IReadOnlyDictionary<string, string> Headers, string Body)
{
    /// <summary>An error in the AWS wire's own shape.</summary>
    public bool IsAwsError => Status >= 400 && Body.StartsWith('{') && Body.Contains("\"__type\":\"", StringComparison.Ordinal);

    /// <summary>A problem document of Coffer's own API.</summary>
    public bool IsProblem => Status >= 400 && Headers.GetValueOrDefault("Content-Type") == "application/problem+json" && Body.Contains("\"code\":\"", StringComparison.Ordinal);

    public override string ToString() => $"{Status} {string.Join(" | ", Headers.Select(h => h.Key + ": " + h.Value))} {Body}";
}
