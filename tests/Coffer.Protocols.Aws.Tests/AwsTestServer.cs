using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Coffer.Core;
using Coffer.Core.Access;
using Coffer.Core.Sealing;
using Coffer.Core.Secrets;
using Coffer.Core.Stores;
using Coffer.Protocols.Aws.Policies;
using Coffer.Testing;
using CsCheck;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Coffer.Protocols.Aws.Tests;

/// <summary>An access key for tests to sign with.</summary>
public sealed record TestKey(string Id, string Secret, string? Token = null);

/// <summary>
/// The dialect behind the real pipeline in a real Kestrel on loopback, over a real core and store in a temporary folder.
/// Vaults <c>shop-dev</c> (home of nearly everyone) and <c>other</c>; time stands still until a test moves it.
/// </summary>
public sealed class AwsTestServer : IAsyncDisposable
{
    public static readonly DateTimeOffset Start = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero).AddMicroseconds(678_912);

    public const string Region = "eu-west-1";

    private readonly string _folder = Directory.CreateTempSubdirectory("coffer-aws-").FullName;
    private readonly Dictionary<string, TestKey> _keys = new(StringComparer.Ordinal);
    private readonly List<string> _log = [];
    private InMemoryStore? _store;
    private WebApplication? _app;
    private AwsDialect? _dialect;
    private RateGate? _rates;

    public StandInIssuer Issuer { get; } = new();

    public StandInFunctions Functions { get; } = new();

    public FakeTimeProvider Clock { get; } = new(Start);

    public CofferCore Core { get; private set; } = null!;

    public int Port { get; private set; }

    /// <summary>Everything logged, raw.</summary>
    public IReadOnlyList<string> Log => _log;

    public Caller Operator { get; private set; } = null!;

    public Vault Vault => Core.Access.Vaults[VaultName.Parse("shop-dev")];

    public Vault Other => Core.Access.Vaults[VaultName.Parse("other")];

    public static async Task<AwsTestServer> StartAsync(RateOptions? rates = null, Func<IStore, IStore>? around = null)
    {
        AwsTestServer server = new();
        try
        {
            await server.OpenAsync(rates ?? new() { PerAddress = 0, PerPrincipal = 0, FailuresPerAddress = 0 }, around);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    public TestKey KeyOf(string principal) => _keys[principal];

    /// <summary>A temporary key that a principal got with its own key.</summary>
    public async Task<TestKey> SessionOfAsync(string principal, int seconds = 3600, string name = "session-1", string? home = null)
    {
        CancellationToken cancellationToken = TestContext.Current.CancellationToken;
        (KnownAccessKey? own, _) = await Core.Credentials.FindAccessKeyAsync(KeyOf(principal).Id, null, IPAddress.Loopback, cancellationToken);
        using TemporaryAccessKey issued = await Core.Credentials.IssueSessionAsync(
            CallerOf(principal), own!.Identity, null, home is null ? null : VaultName.Parse(home), seconds, name, cancellationToken);
        return new(issued.AccessKeyId, Encoding.ASCII.GetString(issued.SecretAccessKey.Span), issued.SessionToken);
    }

    /// <summary>Signs and sends a JSON request of an operation.</summary>
    public Task<TestAnswer> CallAsync(string operation, string body, string principal = "writer") => CallAsync(operation, body, KeyOf(principal));

    /// <summary>The same, signed for a region.</summary>
    public Task<TestAnswer> CallInAsync(string region, string operation, string body, string principal = "writer") => SendAsync(TestRequest.Json(operation, body), KeyOf(principal), region: region);

    /// <summary>Signs and sends a JSON request of an operation.</summary>
    public Task<TestAnswer> CallAsync(string operation, string body, TestKey key) => SendAsync(TestRequest.Json(operation, body), key);

    /// <summary>Signs (with a key) and sends.</summary>
    public Task<TestAnswer> SendAsync(TestRequest request, TestKey? key, string? service = null, string region = Region)
    {
        request = request with { Host = $"127.0.0.1:{Port}" };
        return SendRawAsync((key is null ? request : TestSigner.Sign(request, key, Clock.GetUtcNow(), region, service)).ToBytes());
    }

    /// <summary>Sends bytes as they are and reads the answer to its end.</summary>
    public async Task<TestAnswer> SendRawAsync(byte[] bytes)
    {
        using TcpClient client = new();
        await client.ConnectAsync(IPAddress.Loopback, Port, TestContext.Current.CancellationToken);
        NetworkStream stream = client.GetStream();
        try
        {
            await stream.WriteAsync(bytes, TestContext.Current.CancellationToken);
        }
        catch (IOException)
        {
            // The server may answer and close before it has read everything.
        }

        using MemoryStream all = new();
        try
        {
            await stream.CopyToAsync(all, TestContext.Current.CancellationToken);
        }
        catch (IOException) when (all.Length > 0)
        {
        }

        return TestAnswer.Parse(all.ToArray());
    }

    /// <summary>A core caller for what tests arrange behind the wire's back.</summary>
    public Caller CallerOf(string principal, string dialect = "native") => new()
    {
        Principal = Core.Access.PrincipalsByName[PrincipalName.Parse(principal)],
        Credential = "test",
        Dialect = dialect,
        WireOperation = "Test",
        RequestId = "test",
    };

    /// <summary>Every line of the audit trail so far.</summary>
    public async Task<string> TrailAsync()
    {
        StringBuilder text = new();
        foreach (string file in Directory.EnumerateFiles(Path.Combine(_folder, "audit")).Where(f => !f.EndsWith(".lock", StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            using FileStream stream = new(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            using StreamReader reader = new(stream);
            text.Append(await reader.ReadToEndAsync(TestContext.Current.CancellationToken));
        }

        return text.ToString();
    }

    public async ValueTask DisposeAsync()
    {
        if (_app is not null)
        {
            await _app.DisposeAsync();
        }

        _dialect?.Dispose();
        if (Core is not null)
        {
            await Core.DisposeAsync();
        }

        if (_store is not null)
        {
            await _store.DisposeAsync();
        }

        _rates?.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task OpenAsync(RateOptions rates, Func<IStore, IStore>? around)
    {
        CancellationToken cancellationToken = TestContext.Current.CancellationToken;
        _store = new();
        Core = new(new() { Store = around?.Invoke(_store) ?? _store, AuditDirectory = Path.Combine(_folder, "audit"), Clock = Clock, Verifiers = [Issuer], Functions = Functions, Languages = [new IamLanguage()] });
        await Core.Seals.InitializeAsync(new KeyFileSeal(Path.Combine(_folder, "seal.key")), cancellationToken);
        await Core.StartAsync(cancellationToken);
        await Core.BootstrapAsync(PrincipalName.Parse("root"), 0, cancellationToken);
        Operator = CallerOf("root");
        VaultName shop = VaultName.Parse("shop-dev"), other = VaultName.Parse("other");
        await Core.Admin.CreateVaultAsync(Operator, shop, new(), cancellationToken);
        await Core.Admin.CreateVaultAsync(Operator, other, new(), cancellationToken);
        await AddAsync("admin", PrincipalKind.Operator, shop, new Grant { Actions = CofferActions.Admin });
        await AddAsync("writer", PrincipalKind.Workload, shop, new Grant { Actions = CofferActions.Writer, Vault = shop });
        await AddAsync("app", PrincipalKind.Workload, shop, new Grant { Actions = CofferActions.Reader, Vault = shop, Names = "app/*" });
        await AddAsync("blind", PrincipalKind.Workload, shop, new Grant { Actions = CofferActions.Write, Vault = shop });
        await AddAsync("nobody", PrincipalKind.Person, shop);
        await AddAsync("homeless", PrincipalKind.Person, null, new Grant { Actions = CofferActions.Reader });
        await AddAsync("barred", PrincipalKind.Workload, shop, new Grant { Actions = CofferActions.Reader, Vault = shop }, new Grant { Allow = false, Actions = CofferActions.Read, Vault = shop, Names = "app/*" });

        _rates = new(rates, isRefilled: false);
        _dialect = new(new() { Core = Core, Rates = _rates, Loggers = NullLoggerFactory.Instance });
        DialectPipeline pipeline = new([_dialect], _rates, new ListLogger(_log));
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(o => o.Listen(IPAddress.Loopback, 0));
        _app = builder.Build();
        _app.Run(pipeline.HandleAsync);
        await _app.StartAsync(cancellationToken);
        Port = new Uri(_app.Urls.First()).Port;

        async Task AddAsync(string name, PrincipalKind kind, VaultName? home, params Grant[] grants)
        {
            PrincipalName principal = PrincipalName.Parse(name);
            await Core.Admin.CreatePrincipalAsync(Operator, principal, kind, home, "", cancellationToken);
            foreach (Grant grant in grants)
            {
                await Core.Admin.CreateGrantAsync(Operator, principal, isGroup: false, grant, cancellationToken);
            }

            using IssuedCredential issued = await Core.Admin.CreateAccessKeyAsync(Operator, principal, new(), cancellationToken);
            _keys[name] = new(issued.Credential.PublicId, Encoding.ASCII.GetString(issued.Secret.Span));
        }
    }

    private sealed class ListLogger(List<string> lines) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            lock (lines)
            {
                lines.Add($"{formatter(state, exception)} {exception}");
            }
        }
    }
}

/// <summary>A request as it goes on the wire.</summary>
public sealed record TestRequest(string Method, string Target, ImmutableArray<(string Name, string Value)> Headers, byte[] Body)
{
    public string Host { get; init; } = "localhost";

    public static TestRequest Json(string operation, string body) => Json(operation, Encoding.UTF8.GetBytes(body));

    public static TestRequest Json(string operation, byte[] body) =>
        new("POST", "/", [("Content-Type", "application/x-amz-json-1.1"), ("X-Amz-Target", "secretsmanager." + operation)], body);

    public static TestRequest Form(string body) =>
        new("POST", "/", [("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")], Encoding.UTF8.GetBytes(body));

    public TestRequest With(string name, string value) => this with { Headers = Headers.Add((name, value)) };

    public TestRequest Without(string name) => this with { Headers = Headers.RemoveAll(h => h.Name.Equals(name, StringComparison.OrdinalIgnoreCase)) };

    public string? Header(string name) => Headers.FirstOrDefault(h => h.Name.Equals(name, StringComparison.OrdinalIgnoreCase)).Value;

    public byte[] ToBytes()
    {
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"{Method} {Target} HTTP/1.1\r\nHost: {Host}\r\n");
        foreach ((string name, string value) in Headers)
        {
            text.Append(CultureInfo.InvariantCulture, $"{name}: {value}\r\n");
        }

        text.Append(CultureInfo.InvariantCulture, $"Content-Length: {Body.Length}\r\nConnection: close\r\n\r\n");
        return [.. Encoding.UTF8.GetBytes(text.ToString()), .. Body];
    }
}

/// <summary>An answer as it came from the wire.</summary>
public sealed record TestAnswer(int Status, ImmutableArray<(string Name, string Value)> Headers, string Body)
{
    public string? Header(string name) => Headers.FirstOrDefault(h => h.Name.Equals(name, StringComparison.OrdinalIgnoreCase)).Value;

    public System.Text.Json.Nodes.JsonObject Json => System.Text.Json.Nodes.JsonNode.Parse(Body)!.AsObject();

    /// <summary>Name of the error, or "OK".</summary>
    public string Outcome => Status == 200 ? "OK" : (string?)Json["__type"] ?? "?";

    public string? Message => (string?)(Json["message"] ?? Json[nameof(Message)]);

    public string? this[string member] => Json[member]?.ToString();

    public static TestAnswer Parse(byte[] bytes)
    {
        string text = Encoding.UTF8.GetString(bytes);
        int end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        Assert.True(end > 0, "the server did not answer");
        string[] lines = text[..end].Split("\r\n");
        return new(
            int.Parse(lines[0].Split(' ')[1], CultureInfo.InvariantCulture),
            [.. lines.Skip(1).Select(l => (l[..l.IndexOf(':', StringComparison.Ordinal)], l[(l.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim()))],
            text[(end + 4)..]);
    }
}

/// <summary>Choices among given values.</summary>
internal static class Any
{
    /// <summary>How often a property is tried: as said, or COFFER_FUZZ times as often, for hours by hand.</summary>
    public static int Times(int usual) => usual * (int.TryParse(Environment.GetEnvironmentVariable("COFFER_FUZZ"), NumberStyles.None, CultureInfo.InvariantCulture, out int more) ? more : 1);

    public static Gen<T> Of<T>(IReadOnlyList<T> values) => Gen.Int[0, values.Count - 1].Select(i => values[i]);
}
