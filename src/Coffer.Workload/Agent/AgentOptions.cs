using System.Net;
using Coffer.Workload.Doors;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Coffer.Workload.Agent;

/// <summary>What an agent serves.</summary>
public sealed record AgentOptions
{
    /// <summary>The workloads of this machine, one or more.</summary>
    public required IReadOnlyList<AgentWorkload> Workloads { get; init; }

    /// <summary>Passes a request of Coffer's own API on to the server, with the token it then carries.</summary>
    public required RequestDelegate Api { get; init; }

    /// <summary>The clock.</summary>
    public required TimeProvider Clock { get; init; }

    /// <summary>Where log lines go.</summary>
    public required Action<ILoggingBuilder> Logging { get; init; }
}

/// <summary>One workload: its peer, and the doors that are the peer's alone. The agent owns the doors from its start on.</summary>
public sealed record AgentWorkload
{
    /// <summary>The principal's name, for logs and messages.</summary>
    public required string Principal { get; init; }

    /// <summary>Whom the doors are for.</summary>
    public required PeerRule Peer { get; init; }

    /// <summary>Doors of the vendors, all at <see cref="Listen"/>.</summary>
    public IReadOnlyList<ICredentialDoor> Doors { get; init; } = [];

    /// <summary>A loopback address and port for the vendors' doors, or null where there are none.</summary>
    public IPEndPoint? Listen { get; init; }

    /// <summary>Path of the Unix socket for Coffer's own API, or null.</summary>
    public string? ApiSocket { get; init; }

    /// <summary>The token that requests at <see cref="ApiSocket"/> get.</summary>
    public CofferApiToken? ApiToken { get; init; }

    /// <summary>Path of HashiCorp Vault's token file, on a file system in memory, or null.</summary>
    public string? VaultTokenFile { get; init; }

    /// <summary>What is written there.</summary>
    public VaultTokenSink? VaultToken { get; init; }

    /// <summary>The variables that lead a program of this workload here. None is a secret.</summary>
    public IEnumerable<KeyValuePair<string, string>> Variables(string? address)
    {
        foreach (KeyValuePair<string, string> variable in address is null ? [] : Doors.SelectMany(d => d.Variables(address)))
        {
            yield return variable;
        }

        if (ApiSocket is not null)
        {
            yield return new("COFFER_SOCKET", ApiSocket);
        }

        if (VaultTokenFile is not null)
        {
            yield return new("VAULT_TOKEN_FILE", VaultTokenFile);
        }
    }

    /// <summary>Throws <see cref="WorkloadException"/> where the parts do not go together.</summary>
    internal void Check()
    {
        if (Listen is { } listen && !IPAddress.IsLoopback(listen.Address))
        {
            throw new WorkloadException($"{listen} is not a loopback address", "who calls from another machine cannot be told; listen at 127.0.0.1");
        }

        if ((Doors.Count > 0) != Listen is not null)
        {
            throw new WorkloadException($"{Principal}: doors and the address they are at go together", "say both, or neither");
        }

        if (Doors.Count == 0 && ApiSocket is null && VaultTokenFile is null)
        {
            throw new WorkloadException($"{Principal}: nothing is to be served", "say an address for doors, or a socket");
        }

        if (ApiSocket is null != ApiToken is null || VaultTokenFile is null != VaultToken is null)
        {
            throw new WorkloadException($"{Principal}: a path and what is given there go together", "say both, or neither");
        }
    }
}
