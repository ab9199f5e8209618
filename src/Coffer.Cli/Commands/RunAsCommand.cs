using Coffer.Cli.Agents;
using Coffer.Client;
using Coffer.Launch;
using Coffer.Launch.Processes;
using Coffer.Sources.CofferApi;
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
    /// <summary>Carries out a <c>run</c> that the launcher handed over; <paramref name="arguments"/> begin with <c>run</c>.</summary>
    public static async Task<int> RunAsync(CliContext context, string[] arguments, CancellationToken cancellationToken)
    {
        PreparedRun? run = LaunchProgram.Prepare(arguments, (address, references) => new RemoteSecrets(context.ServerOptions(null, address)).Resolve(references), out int exit);
        if (run is null)
        {
            return exit;
        }

        if (run.As is not { } workload)
        {
            return run.Execute();
        }

        IReadOnlySet<string> names = WorkloadDoors.Parse(run.Doors, DevCommand.Wires);
        Dictionary<string, string> inherited = run.Environment.ToDictionary(e => e.Key, e => e.Value, StringComparer.Ordinal);
        // Where no server is named, the local one that references are read from as well.
        string? socket = run.Socket ?? (run.Address is null && CofferClientOptions.FromEnvironment() is { SocketPath: null, Address: null } ? CofferSocket.Find(Environment.GetEnvironmentVariable) : null);
        CofferClientOptions server = context.ServerOptions(socket, run.Address);
        ServerForwarder.Check(server);
        ServerProof proof = StarterProof.Create(server, CliContext.Place(socket, run.Address).Token, context.Sessions);
        WorkloadIssuer issuer = new(server, proof, workload, inherited.GetValueOrDefault("COFFER_VAULT"), "coffer-run");
        WorkloadIdentity identity = await issuer.IdentifyAsync(withNumber: names.Contains("google"), cancellationToken).ConfigureAwait(false);
        // The child is the workload, not who started it: nothing of the starter's own way to the server goes along.
        foreach (string name in (ReadOnlySpan<string>)["COFFER_TOKEN", "COFFER_SOCKET"])
        {
            inherited.Remove(name);
        }

        WorkloadDoors doors = new(issuer, identity, names, context.Clock);
        using ForwardingHandler forwarder = ServerForwarder.To(server);
        await using WorkloadHost host = await WorkloadHost.StartAsync(
            new()
            {
                Handler = forwarder.HandleAsync,
                Wires = DevCommand.Wires,
                Doors = doors.ForChild(),
                VaultToken = doors.VaultToken(Renewal.OnDemand),
                ApiToken = new(issuer.IssueTokenAsync, context.Clock),
                Inherited = inherited,
                Vault = identity.Vault,
                Clock = context.Clock,
            },
            cancellationToken).ConfigureAwait(false);
        return await ChildProcess.RunAsync(run.Path, [.. run.Arguments.Skip(1)], host.Environment, context.Clock).ConfigureAwait(false);
    }
}
