using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Coffer.Core.Access;
using Coffer.Core.Rotations;
using Coffer.Core.Sealing;
using Coffer.Core.Secrets;
using Coffer.Server.Rotations;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;

namespace Coffer.Server.Tests;

/// <summary>What the operator's file says, and how a program or an address is called by it.</summary>
public sealed class RotationFunctionTests : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("coffer-functions-").FullName;
    private readonly MemorySeal _seal = new();
    private CofferServer _server = null!;
    private Vault _vault = null!;
    private Secret _head = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _server = await CofferServer.StartAsync(
            new() { DataDirectory = Path.Combine(_folder, "data"), Address = IPAddress.Loopback, Port = 0 }, TimeProvider.System, l => l.SetMinimumLevel(LogLevel.None), _seal, Token);
        await _server.Core.BootstrapAsync(PrincipalName.Parse("admin"), LocalUser.Id, Token);
        Identity admin = _server.Core.Credentials.ProveLocalUser(LocalUser.Id).Identity!;
        Caller caller = new() { Principal = admin.Principal, Credential = admin.Credential, Dialect = "test", WireOperation = "test", RequestId = "test" };
        await _server.Core.Admin.CreateVaultAsync(caller, VaultName.Parse("shop-dev"), new(), Token);
        await _server.Core.Admin.CreatePrincipalAsync(caller, PrincipalName.Parse("rotator"), PrincipalKind.Workload, VaultName.Parse("shop-dev"), "", Token);
        using SecretValue value = SecretValue.Copy("x"u8);
        WriteOutcome written = await _server.Core.Secrets.AddVersionAsync(caller, new(VaultName.Parse("shop-dev"), SecretName.Parse("db")), new() { Value = value }, createIfMissing: true, Token);
        (_vault, _head) = (written.Vault, written.Head);
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _seal.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData("", "line 1")]
    [InlineData("[]", "not a file of functions")]
    [InlineData("{}", "not a file of functions")]
    [InlineData("""{"functions":{}}""", "it names no function")]
    [InlineData("""{"functions":{"f":{"vaults":["shop-dev"]}}}""", "f: it has either run or url")]
    [InlineData("""{"functions":{"f":{"run":["/bin/true"],"url":"https://x/","principal":"p","vaults":["shop-dev"]}}}""", "either run or url")]
    [InlineData("""{"functions":{"f":{"run":["/bin/true"],"vaults":["shop-dev"]}}}""", "a program works as a principal")]
    [InlineData("""{"functions":{"f":{"run":["/bin/true"],"principal":"p"}}}""", "not a file of functions")]
    [InlineData("""{"functions":{"f":{"run":["/bin/true"],"principal":"p","vaults":[]}}}""", "at least one")]
    [InlineData("""{"functions":{"f":{"run":["/bin/true"],"principal":"p","vaults":["*"]}}}""", "names of vaults")]
    [InlineData("""{"functions":{"f":{"run":["true"],"principal":"p","vaults":["shop-dev"]}}}""", "absolute path")]
    [InlineData("""{"functions":{"f":{"run":["/nowhere/true"],"principal":"p","vaults":["shop-dev"]}}}""", "program that exists")]
    [InlineData("""{"functions":{"f":{"run":[],"principal":"p","vaults":["shop-dev"]}}}""", "run begins")]
    [InlineData("""{"functions":{"f":{"run":["/bin/true"],"principal":"p","vaults":["shop-dev"],"timeoutSeconds":901}}}""", "1 to 900 seconds")]
    [InlineData("""{"functions":{"f":{"run":["/bin/true"],"principal":"p","vaults":["shop-dev"],"environment":{"A=B":"c"}}}}""", "names of variables")]
    [InlineData("""{"functions":{"f":{"run":["/bin/true"],"principal":"p","vaults":["shop-dev"],"shell":true}}}""", "$.functions.f.shell")]
    [InlineData("""{"functions":{"f":{"url":"http://x/","vaults":["shop-dev"]}}}""", "https address")]
    [InlineData("""{"functions":{"f":{"url":"https://u:p@x/","vaults":["shop-dev"]}}}""", "without a user")]
    [InlineData("""{"functions":{"f":{"url":"https://x/","principal":"p","vaults":["shop-dev"]}}}""", "are for a program")]
    [InlineData("""{"functions":{"f":{"url":"https://x/","vaults":["shop-dev"],"certificateAuthority":"none.pem"}}}""", "file does not exist")]
    [InlineData("""{"endpoint":"http://x","functions":{"f":{"url":"https://x/","vaults":["shop-dev"]}}}""", "the endpoint is an https address")]
    [InlineData("""{"retrySeconds":0,"functions":{"f":{"url":"https://x/","vaults":["shop-dev"]}}}""", "a retry waits")]
    [InlineData("""{"retrySeconds":60,"longestRetrySeconds":5,"functions":{"f":{"url":"https://x/","vaults":["shop-dev"]}}}""", "a retry waits")]
    public void A_file_that_is_wrong_stops_the_server_and_says_where(string text, string told)
    {
        ServerStartException refused = Assert.Throws<ServerStartException>(() => FunctionSettings.Parse(Encoding.UTF8.GetBytes(text), "/etc/coffer/functions.json"));
        Assert.Contains(told, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_function_is_meant_by_name_and_alias_and_only_by_its_vaults()
    {
        using RotationFunctions functions = Functions("""{"functions":{"f":{"run":["/bin/true"],"principal":"rotator","vaults":["shop-dev"]},"g:live":{"url":"https://localhost/","vaults":["shop-dev"]}}}""");
        VaultName shop = VaultName.Parse("shop-dev");
        foreach (string arn in new[] { Arn("f"), Arn("f:live"), Arn("f:$LATEST"), Arn("f:7"), Arn("g:live"), "arn:aws-cn:lambda:cn-north-1:999999999999:function:f" })
        {
            Assert.True(functions.MayInvoke(arn, shop), arn);
            Assert.False(functions.MayInvoke(arn, VaultName.Parse("other")), arn);
        }

        foreach (string arn in new[] { "f", "", Arn("g"), Arn("g:dead"), Arn("h"), Arn("f:"), Arn("f:a:b"), Arn("../f"), "arn:aws:lambda:eu-west-1:12345678901:function:f", "arn:aws:iam:eu-west-1:123456789012:function:f", "arn:aws:lambda:EU:123456789012:function:f", Arn(new string('f', 141)) })
        {
            Assert.False(functions.MayInvoke(arn, shop), arn);
        }
    }

    [Fact]
    public async Task A_program_gets_its_event_and_a_key_of_its_principal_and_nothing_else()
    {
        string seen = Path.Combine(_folder, "seen");
        RotationOutcome outcome = await RunAsync("env > seen; cat > event; pwd > where", RotationStep.Set, """{"FROM_FILE":"yes","AWS_REGION":"no"}""");
        Assert.Equal(new(true, "exit status 0"), outcome);
        Dictionary<string, string> environment = (await File.ReadAllLinesAsync(seen, Token)).Select(l => l.Split('=', 2)).ToDictionary(l => l[0], l => l[1]);
        string address = _server.Address!.GetLeftPart(UriPartial.Authority);
        foreach ((string name, string value) in new (string, string)[]
        {
            ("AWS_REGION", "eu-west-3"), ("AWS_DEFAULT_REGION", "eu-west-3"), ("AWS_ENDPOINT_URL", address), ("AWS_ENDPOINT_URL_SECRETS_MANAGER", address), ("SECRETS_MANAGER_ENDPOINT", address),
            ("AWS_CA_BUNDLE", _server.CaFile!), ("FROM_FILE", "yes"), ("AWS_CONFIG_FILE", "/dev/null"), ("AWS_LAMBDA_FUNCTION_NAME", "f"),
        })
        {
            Assert.Equal(value, environment[name]);
        }

        string[] own = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SHARED_CREDENTIALS_FILE", "AWS_EC2_METADATA_DISABLED", "NODE_EXTRA_CA_CERTS", "PATH", "LANG", "HOME", "PWD", "OLDPWD", "SHLVL", "_"];
        Assert.Empty(environment.Keys.Except(own).Except(["AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SECRETS_MANAGER", "SECRETS_MANAGER_ENDPOINT", "AWS_CA_BUNDLE", "FROM_FILE", "AWS_CONFIG_FILE", "AWS_LAMBDA_FUNCTION_NAME"]));
        (KnownAccessKey? key, _) = await _server.Core.Credentials.FindAccessKeyAsync(environment["AWS_ACCESS_KEY_ID"], environment["AWS_SESSION_TOKEN"], IPAddress.Loopback, Token);
        Assert.Equal(("rotator", "shop-dev"), (key!.Identity.Principal.Name.Value, key.Identity.Home!.Value.Value));
        JsonObject sent = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(_folder, "event"), Token))!.AsObject();
        Assert.Equal(("setSecret", "11111111-1111-4111-8111-111111111111", 3), ((string?)sent["Step"], (string?)sent["ClientRequestToken"], sent.Count));
        Assert.Matches("^arn:aws:secretsmanager:eu-west-3:[0-9]{12}:secret:db-[A-Za-z0-9]{6}$", (string?)sent["SecretId"]);
        Assert.Equal(_folder, (await File.ReadAllTextAsync(Path.Combine(_folder, "where"), Token)).Trim());
    }

    [Theory]
    [InlineData("exit 3", "exit status 3")]
    [InlineData("exec 0<&-; echo S3cr3t; echo S3cr3t >&2; exit 1", "exit status 1")]
    [InlineData("kill -9 $$", "exit status 137")]
    public async Task A_program_that_fails_is_told_by_its_status_alone(string script, string told) => Assert.Equal(new(false, told), await RunAsync(script));

    [Fact]
    public async Task A_program_that_prints_without_end_is_not_held_up_and_one_that_cannot_start_is_told()
    {
        Assert.Equal(new(true, "exit status 0"), await RunAsync("head -c 5000000 /dev/zero; head -c 5000000 /dev/zero >&2"));
        using RotationFunctions functions = Functions(Entry($"\"run\":[\"{typeof(RotationFunctionTests).Assembly.Location}\"],\"principal\":\"rotator\""));
        RotationOutcome outcome = await functions.InvokeAsync(_server.Core, Call("f"), Token);
        Assert.False(outcome.Done);
        using RotationFunctions nobody = Functions("""{"functions":{"f":{"run":["/bin/true"],"principal":"nobody","vaults":["shop-dev"]}}}""");
        Assert.Equal(new(false, "the function's principal is missing or disabled"), await nobody.InvokeAsync(_server.Core, Call("f"), Token));
    }

    [Fact]
    public async Task A_program_whose_time_is_over_is_killed_with_all_that_it_started()
    {
        FakeTimeProvider clock = new();
        // The program and a child of it in the background say that they run by opening the pipe; it closes when both are gone.
        string pipe = Path.Combine(_folder, "pipe");
        Assert.Equal(new(true, "exit status 0"), await RunAsync("mkfifo pipe"));
        using RotationFunctions functions = Functions(Program("exec 3> pipe; (trap '' TERM; echo child >&3; exec sleep 600) & echo parent >&3; exec sleep 600"), clock);
        Task<RotationOutcome> run = functions.InvokeAsync(_server.Core, Call("f"), Token).AsTask();
        using StreamReader reader = new(new FileStream(pipe, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        Assert.Equal(["child", "parent"], new[] { await reader.ReadLineAsync(Token), await reader.ReadLineAsync(Token) }.Order());
        clock.Advance(TimeSpan.FromSeconds(61));
        Assert.Equal(new(false, "killed after 60 seconds"), await run);
        Assert.Null(await reader.ReadLineAsync(Token));
    }

    [Fact]
    public async Task A_server_that_stops_ends_its_programs()
    {
        using CancellationTokenSource stop = new();
        Assert.Equal(new(true, "exit status 0"), await RunAsync("mkfifo pipe"));
        using RotationFunctions functions = Functions(Program("exec 3> pipe; echo up >&3; exec sleep 600"));
        Task<RotationOutcome> run = functions.InvokeAsync(_server.Core, Call("f"), stop.Token).AsTask();
        using StreamReader reader = new(new FileStream(Path.Combine(_folder, "pipe"), FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        Assert.Equal("up", await reader.ReadLineAsync(Token));
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run);
        Assert.Null(await reader.ReadLineAsync(Token));
    }

    [Fact]
    public async Task An_address_is_posted_the_event_and_its_status_is_the_outcome()
    {
        List<(string Path, string? Authorization, string Body)> seen = [];
        await using WebApplication hook = await HookAsync(async context =>
        {
            using StreamReader reader = new(context.Request.Body);
            seen.Add((context.Request.Path, context.Request.Headers.Authorization, await reader.ReadToEndAsync(Token)));
            context.Response.StatusCode = context.Request.Path.Value![^3..] is var status && int.TryParse(status, out int code) ? code : 200;
            context.Response.Headers.Location = "https://localhost:1/elsewhere";
            if (context.Request.Path == "/error")
            {
                context.Response.Headers["X-Amz-Function-Error"] = "Unhandled";
            }

            if (context.Request.Path == "/endless")
            {
                byte[] block = new byte[65_536];
                while (!context.RequestAborted.IsCancellationRequested)
                {
                    await context.Response.Body.WriteAsync(block, context.RequestAborted);
                }
            }
        });
        string address = hook.Urls.First().Replace("127.0.0.1", "localhost", StringComparison.Ordinal);
        await File.WriteAllTextAsync(Path.Combine(_folder, "token"), "tell-nobody\n", Token);
        foreach ((string path, bool done, string told) in new[]
        {
            ("/200", true, "status 200"), ("/204", true, "status 204"), ("/302", false, "status 302"), ("/307", false, "status 307"), ("/401", false, "status 401"), ("/500", false, "status 500"),
            ("/error", false, "the function answered that it failed"), ("/endless", true, "status 200"),
        })
        {
            using RotationFunctions functions = Functions(Entry($"\"url\":\"{address}{path}\",\"certificateAuthority\":\"hook.pem\",\"tokenFile\":\"token\""));
            Assert.Equal((path, new RotationOutcome(done, told)), (path, await functions.InvokeAsync(_server.Core, Call("f"), Token)));
        }

        Assert.Equal(8, seen.Count);
        Assert.All(seen, s => Assert.Equal("Bearer tell-nobody", s.Authorization));
        Assert.Contains("\"Step\":\"createSecret\"", seen[0].Body, StringComparison.Ordinal);

        // Nobody vouches for that certificate, or it is another's name.
        foreach (string entry in new[] { $"\"url\":\"{address}/200\"", $"\"url\":\"{address.Replace("localhost", "127.0.0.1", StringComparison.Ordinal)}/200\",\"certificateAuthority\":\"hook.pem\"" })
        {
            using RotationFunctions functions = Functions(Entry(entry));
            Assert.Equal(new(false, "no answer: SecureConnectionError"), await functions.InvokeAsync(_server.Core, Call("f"), Token));
        }

        Assert.Equal(8, seen.Count);
        File.Delete(Path.Combine(_folder, "token"));
        using RotationFunctions without = Functions(Entry($"\"url\":\"{address}/200\",\"certificateAuthority\":\"hook.pem\",\"tokenFile\":\"token\""));
        Assert.Equal(new(false, "the token's file cannot be read"), await without.InvokeAsync(_server.Core, Call("f"), Token));
    }

    [Fact]
    public async Task An_address_that_does_not_answer_is_given_up()
    {
        FakeTimeProvider clock = new();
        TaskCompletionSource asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using WebApplication hook = await HookAsync(async context =>
        {
            asked.SetResult();
            await new TaskCompletionSource().Task.WaitAsync(context.RequestAborted);
        });
        string address = hook.Urls.First().Replace("127.0.0.1", "localhost", StringComparison.Ordinal);
        using RotationFunctions functions = Functions(Entry($"\"url\":\"{address}/\",\"certificateAuthority\":\"hook.pem\""), clock);
        Task<RotationOutcome> run = functions.InvokeAsync(_server.Core, Call("f"), Token).AsTask();
        await asked.Task;
        clock.Advance(TimeSpan.FromSeconds(61));
        Assert.Equal(new(false, "no answer in 60 seconds"), await run);
    }

    private static string Arn(string function) => "arn:aws:lambda:eu-west-1:123456789012:function:" + function;

    private RotationCall Call(string function, RotationStep step = RotationStep.Create) => new(Arn(function), "eu-west-3", _vault, _head, RequestToken.Parse("11111111-1111-4111-8111-111111111111"), step);

    private static string Entry(string members) => "{\"functions\":{\"f\":{" + members + ",\"vaults\":[\"shop-dev\"]}}}";

    private static string Program(string script, string environment = "{}") => new JsonObject
    {
        ["functions"] = new JsonObject
        {
            ["f"] = new JsonObject { ["run"] = new JsonArray("/bin/sh", "-c", script), ["principal"] = "rotator", ["vaults"] = new JsonArray("shop-dev"), ["environment"] = JsonNode.Parse(environment) },
        },
    }.ToJsonString();

    private RotationFunctions Functions(string text, TimeProvider? clock = null) =>
        new(FunctionSettings.Parse(Encoding.UTF8.GetBytes(text), Path.Combine(_folder, "functions.json")), clock ?? TimeProvider.System) { Server = (_server.Address!, _server.CaFile) };

    private async Task<RotationOutcome> RunAsync(string script, RotationStep step = RotationStep.Create, string environment = "{}")
    {
        using RotationFunctions functions = Functions(Program(script, environment));
        return await functions.InvokeAsync(_server.Core, Call("f", step), Token);
    }

    private async Task<WebApplication> HookAsync(RequestDelegate handle)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new("CN=hook", key, HashAlgorithmName.SHA256);
        SubjectAlternativeNameBuilder names = new();
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        X509Certificate2 certificate = request.CreateSelfSigned(now.AddMinutes(-5), now.AddDays(1));
        await File.WriteAllTextAsync(Path.Combine(_folder, "hook.pem"), certificate.ExportCertificatePem(), Token);
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0, l => l.UseHttps(certificate)));
        WebApplication app = builder.Build();
        app.Run(handle);
        await app.StartAsync(Token);
        return app;
    }
}
