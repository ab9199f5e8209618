using System.Collections.Concurrent;
using System.Diagnostics;
using Coffer.Core;
using Coffer.Core.Access;
using Coffer.Core.Sealing;
using Coffer.Core.Secrets;
using Coffer.Testing;
using Coffer.Workload;
using Coffer.Workload.Doors;
using Microsoft.AspNetCore.Http;

namespace Coffer.Compatibility.Tests;

/// <summary>
/// All doors of one workload over a real core: a machine's principal may act as <c>shop-api</c>, and issues what the doors give. The
/// wires themselves are a stub, so that the vendors' libraries are judges of the doors alone.
/// </summary>
internal sealed class DoorCloud : IAsyncDisposable
{
    private const uint OperatorUid = 1000, MachineUid = 4242;

    private readonly string _folder = Directory.CreateTempSubdirectory("coffer-doors-").FullName;
    private readonly CofferCore _core;
    private WorkloadHost? _host;

    private DoorCloud() => _core = new(new() { Store = new InMemoryStore(), AuditDirectory = Path.Combine(_folder, "audit"), Clock = TimeProvider.System });

    /// <summary>Tokens that HashiCorp Vault's clients brought along.</summary>
    public ConcurrentQueue<string> VaultTokens { get; } = new();

    public IReadOnlyDictionary<string, string> Environment => _host!.Environment;

    public static async Task<DoorCloud> StartAsync(bool isInstance, CancellationToken cancellation)
    {
        DoorCloud cloud = new();
        await cloud._core.Seals.InitializeAsync(new MemorySeal(), cancellation);
        await cloud._core.StartAsync(cancellation);
        PrincipalName shop = PrincipalName.Parse("shop-api"), machine = PrincipalName.Parse("machine-7");
        VaultName vault = VaultName.Parse("shop-dev");
        await cloud._core.BootstrapAsync(PrincipalName.Parse("root"), OperatorUid, cancellation);
        Caller root = cloud.Prove(OperatorUid).Caller;
        Vault made = await cloud._core.Admin.CreateVaultAsync(root, vault, new(), cancellation);
        Principal principal = await cloud._core.Admin.CreatePrincipalAsync(root, shop, PrincipalKind.Workload, vault, "", cancellation);
        await cloud._core.Admin.CreatePrincipalAsync(root, machine, PrincipalKind.Workload, null, "", cancellation);
        await cloud._core.Admin.TrustLocalUserAsync(root, machine, MachineUid, cancellation);
        await cloud._core.Admin.AllowAssumingAsync(root, shop, machine, isGroup: false, cancellation);

        WorkloadIdentity identity = new() { Name = "shop-api", Id = principal.Id, Vault = "shop-dev", VaultNumber = made.Number.ToString() };
        AzureTokens azure = new(cloud.IssueAsync, identity, null, TimeProvider.System);
        AwsSession aws = new(cloud.IssueKeyAsync, TimeProvider.System);
        GoogleMetadataDoor google = new(cloud.IssueAsync, identity, TimeProvider.System);
        cloud._host = await WorkloadHost.StartAsync(
            new()
            {
                Handler = cloud.AnswerAsync,
                Wires = new HashSet<string> { "aws", "azure", "google", "vault" },
                Doors = isInstance
                    ? [new AwsMetadataDoor(aws, identity.Name, TimeProvider.System), new AzureMetadataDoor(azure), google]
                    : [new AwsContainerDoor(aws), new AzureAppServiceDoor(azure), google],
                VaultToken = new(cloud.IssueAsync, TimeProvider.System),
                Inherited = new Dictionary<string, string>
                {
                    ["PATH"] = System.Environment.GetEnvironmentVariable("PATH")!,
                    ["HOME"] = cloud._folder,
                    // Another identity's, which must not win.
                    ["AZURE_CLIENT_ID"] = "11111111-1111-1111-1111-111111111111",
                    ["AZURE_TENANT_ID"] = "22222222-2222-2222-2222-222222222222",
                    ["AZURE_CLIENT_SECRET"] = "theirs",
                    ["GOOGLE_APPLICATION_CREDENTIALS"] = "/nonexistent/key.json",
                    ["AWS_ACCESS_KEY_ID"] = "AKIATHEIRS0000000000",
                    ["AWS_SECRET_ACCESS_KEY"] = "theirs",
                    ["VAULT_TOKEN"] = "hvs.theirs",
                },
                Vault = "shop-dev",
                Clock = TimeProvider.System,
                Java = false,
            },
            cancellation);
        return cloud;
    }

    /// <summary>Runs a client program among the doors and answers what it printed before its "ok".</summary>
    public async Task<string[]> RunAsync(string program, params string[] arguments)
    {
        ProcessStartInfo start = new(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        start.Environment.Clear();
        foreach ((string name, string value) in Environment)
        {
            start.Environment[name] = value;
        }

        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        Task<string> output = process.StandardOutput.ReadToEndAsync(), errors = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        string[] lines = (await output).TrimEnd().Split('\n');
        // What it printed are tokens: only the errors are for the test's own output.
        Assert.True(process.ExitCode == 0 && lines[^1] == "ok", $"exit {process.ExitCode}\n{await errors}");
        return lines[..^1];
    }

    /// <summary>Whether a token proves shop-api for that audience and for no other.</summary>
    public async Task AssertProvesAsync(string token, string audience)
    {
        (Identity? identity, ProofFailure failure) = await _core.Credentials.ProveBearerAsync(token, audience, null, TestContext.Current.CancellationToken);
        Assert.True(identity is not null, $"the token proves nobody: {failure}");
        Assert.Equal("shop-api", identity.Principal.Name.Value);
        Assert.Equal("shop-dev", identity.Home?.Value);
        Assert.InRange(Microseconds.ToTime(identity.Expires!.Value), TimeProvider.System.GetUtcNow(), TimeProvider.System.GetUtcNow().AddMinutes(15));
        Assert.Null((await _core.Credentials.ProveBearerAsync(token, "coffer", null, TestContext.Current.CancellationToken)).Identity);
    }

    public async ValueTask DisposeAsync()
    {
        if (_host is not null)
        {
            await _host.DisposeAsync();
        }

        await _core.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private (Identity Identity, Caller Caller) Prove(uint uid)
    {
        Identity identity = _core.Credentials.ProveLocalUser(uid).Identity!;
        return (identity, new() { Principal = identity.Principal, Credential = identity.Credential, Dialect = "native", WireOperation = "test", RequestId = Guid.NewGuid().ToString("D") });
    }

    private async ValueTask<DoorToken> IssueAsync(string audience, CancellationToken cancellation)
    {
        (Identity identity, Caller caller) = Prove(MachineUid);
        using BearerToken token = await _core.Credentials.IssueBearerAsync(caller, identity, PrincipalName.Parse("shop-api"), null, audience, 900, "test", cancellation);
        return new(token.Token.Span.ToArray(), Microseconds.ToTime(token.Expires));
    }

    private async ValueTask<AwsSessionCredentials> IssueKeyAsync(CancellationToken cancellation)
    {
        (Identity identity, Caller caller) = Prove(MachineUid);
        using TemporaryAccessKey key = await _core.Credentials.IssueSessionAsync(caller, identity, PrincipalName.Parse("shop-api"), null, 3600, "test", cancellation);
        return new(key.AccessKeyId, key.SecretAccessKey.Span.ToArray(), key.SessionToken, Microseconds.ToTime(key.Expires));
    }

    private Task AnswerAsync(HttpContext context)
    {
        VaultTokens.Enqueue(context.Request.Headers["X-Vault-Token"].ToString());
        context.Response.ContentType = "application/json";
        return context.Response.WriteAsync("""{"data":{"data":{"seen":"yes"},"metadata":{}}}""", context.RequestAborted);
    }
}
