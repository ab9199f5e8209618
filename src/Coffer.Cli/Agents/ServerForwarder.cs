using Coffer.Client;
using Coffer.Launch;
using Coffer.Workload.Forwarding;

namespace Coffer.Cli.Agents;

/// <summary>What passes a workload's own calls on to the server.</summary>
internal static class ServerForwarder
{
    /// <summary>To the server of some options, trusting what a client with them trusts. Throws <see cref="CliException"/> where calls would go in the clear.</summary>
    public static ForwardingHandler To(CofferClientOptions server)
    {
        Check(server);
        return new(new() { SocketPath = server.SocketPath, Address = server.Address, Roots = server.SocketPath is null ? server.ReadRoots() ?? [] : [] });
    }

    /// <summary>Whether calls can be passed on to the server, before anything is asked of it. Throws <see cref="CliException"/>.</summary>
    public static void Check(CofferClientOptions server)
    {
        if (server.SocketPath is null && server.Address is not { IsAbsoluteUri: true, Scheme: "https" })
        {
            throw new CliException(CofferExit.Usage, "a workload's calls are passed on to a local socket or an https:// address only", "say --socket FILE or --address https://HOST:PORT");
        }
    }
}
