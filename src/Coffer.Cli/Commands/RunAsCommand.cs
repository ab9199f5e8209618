using System.Security.Cryptography.X509Certificates;
using Coffer.Client;
using Coffer.Contracts;
using Coffer.Launch;
using Coffer.Launch.Processes;
using Coffer.Workload;
using Coffer.Workload.Child;
using Coffer.Workload.Doors;
using Coffer.Workload.Forwarding;

namespace Coffer.Cli.Commands;

/// <summary>
/// What <c>coffer run</c> needs the full program for: a server on another machine, and <c>--as NAME</c>, where this process stays
/// beside the child with the doors and the proxy of that workload.
/// </summary>
internal static class RunAsCommand
{
    private const int SessionSeconds = 3600;

    /// <summary>Carries out a <c>run</c> that the launcher handed over; <paramref name="arguments"/> begin with <c>run</c>.</summary>
    public static async Task<int> RunAsync(CliContext context, string[] arguments, CancellationToken cancellationToken)
    {
        CofferClientOptions server = context.ServerOptions(null, null);
        PreparedRun? run = LaunchProgram.Prepare(arguments, new RemoteSecrets(server).Resolve, out int exit);
        if (run is null)
        {
            return exit;
        }

        if (run.As is not { } workload)
        {
            return run.Execute();
        }

        using CofferClient client = new(server);
        PrincipalInfo principal = await client.GetPrincipalAsync(workload, cancellationToken).ConfigureAwait(false);
        Dictionary<string, string> inherited = run.Environment.ToDictionary(e => e.Key, e => e.Value, StringComparer.Ordinal);
        string vault = inherited.GetValueOrDefault("COFFER_VAULT") ?? principal.Home
            ?? throw new CliException(CofferExit.Usage, $"{workload} has no home vault", "say --vault, or give it one: coffer principal create --home");
        // The child is the workload, not who started it: nothing of the starter's own way to the server goes along.
        foreach (string name in (ReadOnlySpan<string>)["COFFER_TOKEN", "COFFER_SOCKET"])
        {
            inherited.Remove(name);
        }

        using ForwardingHandler forwarder = new(new() { SocketPath = server.SocketPath, Address = server.Address, Roots = Roots(server.CaFile) });
        await using WorkloadHost host = await WorkloadHost.StartAsync(
            new()
            {
                Handler = forwarder.HandleAsync,
                Wires = DevCommand.Wires,
                Doors = [new AwsContainerDoor(stop => IssueAsync(client, workload, vault, stop), context.Clock)],
                Inherited = inherited,
                Vault = vault,
                Clock = context.Clock,
            },
            cancellationToken).ConfigureAwait(false);
        return await ChildProcess.RunAsync(run.Path, [.. run.Arguments.Skip(1)], host.Environment, context.Clock).ConfigureAwait(false);
    }

    private static X509Certificate2Collection Roots(string? file)
    {
        X509Certificate2Collection roots = [];
        if (file is not null)
        {
            roots.ImportFromPemFile(file);
        }

        return roots;
    }

    private static async ValueTask<AwsSessionCredentials> IssueAsync(CofferClient client, string workload, string vault, CancellationToken cancellationToken)
    {
        using SessionCredentials issued = await client.IssueSessionAsync(new() { Principal = workload, Vault = vault, Seconds = SessionSeconds, Name = "coffer-run" }, cancellationToken).ConfigureAwait(false);
        return new(issued.AccessKeyId, issued.SecretAccessKey.Utf8.ToArray(), issued.SessionToken.Reveal(), issued.Expiration);
    }
}
