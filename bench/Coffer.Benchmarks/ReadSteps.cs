using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Coffer.Core;
using Coffer.Core.Access;
using Coffer.Core.Audit;
using Coffer.Core.Sealing;
using Coffer.Core.Secrets;
using Coffer.Protocols;
using Coffer.Protocols.Aws;
using Coffer.Stores.Sqlite;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging.Abstractions;

namespace Coffer.Benchmarks;

/// <summary>
/// The steps of one AWS read without a network, each by itself in one thread: processor time and allocated bytes per call.
/// The last lines run the whole pipeline, whose records go to a real disk, from one caller and from 64.
/// </summary>
internal sealed class ReadSteps : IAsyncDisposable
{
    private const string Body = """{"SecretId": "team07/secret-0000007"}""";
    private const string KeyOfRegion = "eu-west-1";

    private readonly string _folder = Directory.CreateTempSubdirectory("coffer-steps-").FullName;
    private readonly byte[] _body = Encoding.UTF8.GetBytes(Body);
    private readonly Dictionary<string, string> _headers = new(StringComparer.Ordinal);
    private SqliteStore _store = null!;
    private CofferCore _core = null!;
    private RateGate _rates = null!;
    private AwsDialect _dialect = null!;
    private AwsAuthentication _authentication = null!;
    private DialectPipeline _pipeline = null!;

    public static async Task RunAsync(int calls)
    {
        await using ReadSteps steps = new();
        await steps.OpenAsync();
        await steps.MeasureAsync(calls);
    }

    public async ValueTask DisposeAsync()
    {
        _authentication.Dispose();
        _dialect.Dispose();
        await _core.DisposeAsync();
        await _store.DisposeAsync();
        _rates.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task OpenAsync()
    {
        _store = await SqliteStore.OpenAsync(new SqliteOptions { Folder = Path.Combine(_folder, "store") }, TimeProvider.System, default);
        _core = new(new() { Store = _store, AuditDirectory = Path.Combine(_folder, "audit"), Clock = TimeProvider.System });
        await _core.Seals.InitializeAsync(new KeyFileSeal(Path.Combine(_folder, "seal.key")), default);
        await _core.StartAsync(default);
        await _core.BootstrapAsync(PrincipalName.Parse("root"), 0, default);
        Caller root = new()
        {
            Principal = _core.Access.PrincipalsByName[PrincipalName.Parse("root")],
            Credential = "bench",
            Dialect = "native",
            WireOperation = "bench",
            RequestId = "bench",
        };
        VaultName vault = VaultName.Parse("shop-dev");
        PrincipalName reader = PrincipalName.Parse("reader");
        await _core.Admin.CreateVaultAsync(root, vault, new(), default);
        await _core.Admin.CreatePrincipalAsync(root, reader, PrincipalKind.Workload, vault, "", default);
        await _core.Admin.CreateGrantAsync(root, reader, isGroup: false, new Grant { Actions = CofferActions.Reader, Vault = vault }, default);
        using IssuedCredential key = await _core.Admin.CreateAccessKeyAsync(root, reader, new(), default);
        using SecretValue value = SecretValue.Copy("value-0000007-of-forty-eight-characters-xxxxxxxxxxx"u8);
        await _core.Secrets.AddVersionAsync(root, new(vault, SecretName.Parse("team07/secret-0000007")), new() { Value = value, Kind = ValueKind.Text }, createIfMissing: true, default);
        _rates = new(new() { PerAddress = 0, PerPrincipal = 0 });
        DialectOptions options = new() { Core = _core, Rates = _rates, Loggers = NullLoggerFactory.Instance };
        _dialect = new(options);
        _authentication = new(_core, _rates);
        _pipeline = new([_dialect], _rates, NullLogger.Instance);
        Sign(key.Credential.PublicId, Encoding.ASCII.GetString(key.Secret.Span));
    }

    private async Task MeasureAsync(int calls)
    {
        Steps.Header();
        Steps.Measure("context of a request (the frame)", calls, () => Context());
        HttpContext context = Context();
        AwsExchange exchange = AwsExchange.Of(context);
        Steps.Measure("protocol and operation", calls, () => AwsExchange.Of(context));
        AwsAuthentication.Read(context, exchange, TimeProvider.System.GetUtcNow(), out AwsClaim claim);
        Steps.Measure("claim: parse and check", calls, () => AwsAuthentication.Read(context, exchange, TimeProvider.System.GetUtcNow(), out _));
        byte[] signingKey = RandomNumberGenerator.GetBytes(32);
        Steps.Measure("canonical request, hashes, compare", calls, () => AwsAuthentication.Matches(context, claim, signingKey, _body));
        await StepAsync("identity, all of it", calls, async () =>
        {
            ((MemoryStream)context.Request.Body).Position = 0;
            using RequestBody body = await _authentication.ProveAsync(context, exchange, 4096);
        });
        Steps.Measure("body: parse", calls, () => AwsInput.Parse(_body, AwsMembers.SecretId).Dispose());
        exchange.CallerIs(context, _core.Access);
        Steps.Measure("caller", calls, () => exchange.CallerIs(context, _core.Access));
        Caller caller = exchange.Caller!;
        SecretPath path = new(VaultName.Parse("shop-dev"), SecretName.Parse("team07/secret-0000007"));
        using SecretReading reading = await _core.Secrets.GetValueAsync(caller, path, VersionSelector.Current, default);
        AccessRequest request = new() { Operation = Operation.ReadValue, Caller = caller, Now = TimeProvider.System.Now(), VaultName = path.Vault, Vault = reading.Vault, Name = path.Name, Head = reading.Head, Version = VersionSelector.Current, Labels = reading.Labels };
        Steps.Measure("decision", calls, () => AccessEvaluator.Decide(_core.Access, request));
        byte[] sealedValue = _core.Seals.Current.Seal(reading.Value.Span, SealContext.ForValue(1, 2, 3, 4, 1));
        Steps.Measure("unsealing", calls, () => _core.Seals.Current.Open(sealedValue, SealContext.ForValue(1, 2, 3, 4, 1)).Dispose());
        LineBuffer line = new(4096);
        TrailChain chain = default;
        AuditRecord record = RecordOf(caller);
        Steps.Measure("record: make", calls, () => RecordOf(caller));
        Steps.Measure("record: write and chain", calls, () =>
        {
            line.Clear();
            AuditRecordWriter.Write(line, record);
            byte[] members = line.Written.ToArray();
            line.Clear();
            chain.AppendRecord(line, members, record.Time, null);
        });
        Steps.Measure("answer: write", calls, () => AwsWire.Write(reading, KeyOfRegion).Dispose());
        await CallersAsync("the whole, one caller", calls / 20, 1);
        await CallersAsync("the whole, 64 callers", calls * 2, 64);
    }

    private async Task CallersAsync(string name, int calls, int callers)
    {
        for (int round = 0; round < 2; round++)
        {
            long flushes = _core.Trail.Flushes, bytes = GC.GetTotalAllocatedBytes(), begin = TimeProvider.System.GetTimestamp();
            TimeSpan cpu = Environment.CpuUsage.TotalTime;
            await Task.WhenAll(Enumerable.Range(0, callers).Select(_ => Task.Run(async () =>
            {
                for (int i = 0; i < calls / callers; i++)
                {
                    HttpContext context = Context();
                    await _pipeline.HandleAsync(context);
                    if (context.Response.StatusCode != 200)
                    {
                        throw new InvalidOperationException($"answered {context.Response.StatusCode}");
                    }
                }
            })));
            if (round == 1)
            {
                double seconds = TimeProvider.System.GetElapsedTime(begin).TotalSeconds;
                Steps.Print(name, (Environment.CpuUsage.TotalTime - cpu).TotalMicroseconds / calls, (GC.GetTotalAllocatedBytes() - bytes) / (double)calls);
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{"",-34} {calls / seconds:F0}/s, {calls / (double)(_core.Trail.Flushes - flushes):F1} records a flush"));
            }
        }
    }

    private static Task StepAsync(string name, int calls, Func<Task> step)
    {
        // All of it completes at once here, so nothing is waited for.
        Steps.Measure(name, calls, () => step().GetAwaiter().GetResult());
        return Task.CompletedTask;
    }

    private static AuditRecord RecordOf(Caller caller) => new()
    {
        Id = Guid.CreateVersion7(TimeProvider.System.GetUtcNow()),
        Time = TimeProvider.System.Now(),
        Dialect = caller.Dialect,
        WireOperation = caller.WireOperation,
        Action = nameof(Operation.ReadValue),
        Principal = caller.Principal.Name.Value,
        PrincipalId = caller.Principal.Id,
        Credential = caller.Credential,
        Vault = "shop-dev",
        Name = "team07/secret-0000007",
        Version = "1",
        Decision = AuditDecision.Allow,
        Reason = "grant 0195b0c0-0000-7000-8000-000000000000",
        Address = caller.Address?.ToString(),
        UserAgent = caller.UserAgent,
        RequestId = caller.RequestId,
    };

    private DefaultHttpContext Context()
    {
        DefaultHttpContext context = new();
        context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget = "/";
        context.Request.Method = "POST";
        context.Request.Path = "/";
        context.Request.ContentLength = _body.Length;
        context.Request.Body = new MemoryStream(_body);
        context.Connection.RemoteIpAddress = IPAddress.Loopback;
        foreach ((string name, string value) in _headers)
        {
            context.Request.Headers[name] = value;
        }

        return context;
    }

    private void Sign(string id, string secret)
    {
        const string names = "content-type;host;x-amz-date;x-amz-target";
        string time = TimeProvider.System.GetUtcNow().ToString("yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture);
        string scope = $"{time[..8]}/{KeyOfRegion}/secretsmanager/aws4_request";
        _headers["Host"] = "127.0.0.1:8200";
        _headers["Content-Type"] = "application/x-amz-json-1.1";
        _headers["X-Amz-Target"] = "secretsmanager.GetSecretValue";
        _headers["X-Amz-Date"] = time;
        string canonical = $"POST\n/\n\ncontent-type:{_headers["Content-Type"]}\nhost:{_headers["Host"]}\nx-amz-date:{time}\nx-amz-target:{_headers["X-Amz-Target"]}\n\n{names}\n{Convert.ToHexStringLower(SHA256.HashData(_body))}";
        byte[] key = Encoding.UTF8.GetBytes("AWS4" + secret);
        foreach (string part in scope.Split('/'))
        {
            key = HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(part));
        }

        string toSign = $"AWS4-HMAC-SHA256\n{time}\n{scope}\n{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(canonical)))}";
        _headers["Authorization"] = $"AWS4-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders={names}, Signature={Convert.ToHexStringLower(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(toSign)))}";
    }
}
