using System.Globalization;
using System.Net;
using System.Text;
using Coffer.Core;
using Coffer.Core.Access;
using Coffer.Core.Sealing;
using Coffer.Core.Secrets;
using Coffer.Server.Rotations;
using Microsoft.Extensions.Logging;

namespace Coffer.Server;

/// <summary>
/// A throw-away server with a sample vault and identity. Its folder goes when it stops; its root key is only in memory, so
/// that what a SIGKILL leaves behind opens for nobody, and the next start sweeps it.
/// </summary>
public sealed class DevServer : IAsyncDisposable
{
    /// <summary>The sample vault.</summary>
    public const string VaultName = "demo-dev";

    /// <summary>The principal that the child is by default: it administers this server.</summary>
    public const string DeveloperName = "developer";

    private const string FolderPrefix = "coffer-dev-";

    private readonly MemorySeal _seal;

    private DevServer(CofferServer server, MemorySeal seal, string directory)
    {
        Server = server;
        _seal = seal;
        Directory = directory;
    }

    /// <summary>The server.</summary>
    public CofferServer Server { get; }

    /// <summary>Its folder, gone when it stops.</summary>
    public string Directory { get; }

    /// <summary>The sample secrets with a word on each: what a person is told to try.</summary>
    public static IReadOnlyList<(string Name, string Description)> Samples { get; } =
    [
        ("api-key", "a made-up API key"),
        ("database/password", "a name with a folder"),
        ("database/connection", "a JSON object"),
    ];

    /// <summary>Starts one on a free port. <paramref name="logging"/> null keeps it quiet.</summary>
    public static async Task<DevServer> StartAsync(TimeProvider clock, Action<ILoggingBuilder>? logging, FunctionSettings? functions, CancellationToken cancellationToken)
    {
        string parent = Parent();
        Sweep(parent);
        string directory = Path.Combine(parent, FolderPrefix + Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
        ServerOptions options = new() { DataDirectory = directory, Address = IPAddress.Loopback, Port = 0, Functions = functions };
        MemorySeal seal = new();
        CofferServer? server = null;
        try
        {
            server = await CofferServer.StartAsync(options, clock, logging ?? (quiet => quiet.SetMinimumLevel(LogLevel.None)), seal, cancellationToken).ConfigureAwait(false);
            await FillAsync(server.Core, cancellationToken).ConfigureAwait(false);
            return new(server, seal, directory);
        }
        catch
        {
            if (server is not null)
            {
                await server.DisposeAsync().ConfigureAwait(false);
            }

            seal.Dispose();
            Remove(directory);
            throw;
        }
    }

    /// <summary>A temporary access key for the developer, or (as in <c>--as</c>) for another principal of this server.</summary>
    public async ValueTask<TemporaryAccessKey> IssueAsync(string? principal, string? vault, int seconds, CancellationToken cancellationToken)
    {
        CofferCore core = Server.Core;
        Identity developer = Developer(core);
        return await core.Credentials.IssueSessionAsync(
            CallerOf(developer, "dev"),
            developer,
            principal is null ? null : PrincipalName.Parse(principal),
            Core.Secrets.VaultName.Parse(vault ?? VaultName),
            seconds,
            "coffer-dev",
            cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync().ConfigureAwait(false);
        _seal.Dispose();
        Remove(Directory);
    }

    private static async ValueTask FillAsync(CofferCore core, CancellationToken cancellationToken)
    {
        await core.BootstrapAsync(PrincipalName.Parse(DeveloperName), LocalUser.Id, cancellationToken).ConfigureAwait(false);
        Caller caller = CallerOf(Developer(core), "sample");
        Core.Secrets.VaultName vault = Core.Secrets.VaultName.Parse(VaultName);
        await core.Admin.CreateVaultAsync(caller, vault, new() { Description = "a sample vault for development" }, cancellationToken).ConfigureAwait(false);
        await core.Admin.UpdatePrincipalAsync(caller, PrincipalName.Parse(DeveloperName), null, vault, null, cancellationToken).ConfigureAwait(false);
        foreach ((string name, string description) in Samples)
        {
            using SecretValue value = SampleValue(name);
            await core.Secrets.CreateAsync(
                caller,
                vault,
                new() { Uid = SecretUid.Draw(), Name = SecretName.Parse(name), Description = description },
                new() { Value = value },
                cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Sample values look like what they stand for and are of no use anywhere; drawn anew at every start.</summary>
    private static SecretValue SampleValue(string name)
    {
        string random = System.Security.Cryptography.RandomNumberGenerator.GetString("abcdefghijkmnpqrstuvwxyz23456789", 20);
        return SecretValue.Copy(Encoding.UTF8.GetBytes(name switch
        {
            "api-key" => "sample-api-key-" + random,
            "database/connection" => $$"""{"host":"localhost","port":5432,"user":"demo","password":"{{random}}"}""",
            _ => random,
        }));
    }

    private static Identity Developer(CofferCore core) =>
        core.Credentials.ProveLocalUser(LocalUser.Id).Identity ?? throw new ServerStartException("the throw-away server has no developer", "report this");

    private static Caller CallerOf(Identity identity, string operation) => new()
    {
        Principal = identity.Principal,
        Credential = identity.Credential,
        Dialect = "native",
        WireOperation = operation,
        RequestId = Guid.NewGuid().ToString("D"),
        Home = identity.Home,
    };

    /// <summary>In memory where the system offers it to this user, else the temporary folder.</summary>
    private static string Parent() =>
        Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR") is { Length: > 0 } runtime && System.IO.Directory.Exists(runtime) ? runtime : Path.GetTempPath();

    /// <summary>Removes folders of this user whose process is gone.</summary>
    private static void Sweep(string parent)
    {
        foreach (string folder in System.IO.Directory.EnumerateDirectories(parent, FolderPrefix + "*"))
        {
            string id = Path.GetFileName(folder)[FolderPrefix.Length..];
            bool alive = int.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out int pid) && pid != Environment.ProcessId && System.IO.Directory.Exists($"/proc/{pid}");
            if (!alive)
            {
                Remove(folder);
            }
        }
    }

    private static void Remove(string directory)
    {
        try
        {
            System.IO.Directory.Delete(directory, recursive: true);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // Another user's folder, or one that is in use: not ours to remove.
        }
    }
}
