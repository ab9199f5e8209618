using System.Net;
using System.Net.Sockets;
using Coffer.Workload.Doors;
using Microsoft.AspNetCore.Http;

namespace Coffer.Workload;

/// <summary>What one child of <c>coffer dev</c> or <c>coffer run --as</c> is surrounded with.</summary>
public sealed record WorkloadOptions
{
    /// <summary>
    /// Answers what arrives under a vendor's name or at the loopback TLS port. A vendor's name is in the request's features as
    /// <see cref="Intercepting.InterceptedName"/>.
    /// </summary>
    public required RequestDelegate Handler { get; init; }

    /// <summary>Wires that <see cref="Handler"/> speaks; listed names of others answer in their own error shape.</summary>
    public required IReadOnlySet<string> Wires { get; init; }

    /// <summary>The credential doors of this identity.</summary>
    public required IReadOnlyList<ICredentialDoor> Doors { get; init; }

    /// <summary>HashiCorp Vault's token for the child, or null.</summary>
    public VaultTokenSink? VaultToken { get; init; }

    /// <summary>Coffer's own API for the child, or null.</summary>
    public CofferApiToken? ApiToken { get; init; }

    /// <summary>The environment the child would have had.</summary>
    public required IReadOnlyDictionary<string, string> Inherited { get; init; }

    /// <summary>The vault that plain names land in.</summary>
    public required string Vault { get; init; }

    /// <summary>Local socket of the server, for the child's own use of <c>coffer</c>, or null.</summary>
    public string? Socket { get; init; }

    /// <summary>Sign-in services to intercept too (<c>sts</c>, <c>login</c>, <c>oauth2</c>). Off by default.</summary>
    public IReadOnlySet<string> AlsoServices { get; init; } = new HashSet<string>();

    /// <summary>Leaves credentials that the environment brings along in force.</summary>
    public bool KeepCredentials { get; init; }

    /// <summary>
    /// Opens a proxy port without password and a trust store for Java, which knows no proxy password and no PEM file. Null means:
    /// where the child's PATH or JAVA_HOME has a Java. It makes every Java print a line on standard error.
    /// </summary>
    public bool? Java { get; init; }

    /// <summary>The clock.</summary>
    public required TimeProvider Clock { get; init; }

    /// <summary>Told of each proxy decision: host, port, outcome.</summary>
    public Action<string, int, string> Log { get; init; } = (_, _, _) => { };

    /// <summary>A seam for tests: resolution of blind tunnels.</summary>
    internal Func<string, CancellationToken, Task<IPAddress[]>>? Resolve { get; init; }

    /// <summary>A seam for tests: how a socket is connected to an address that was checked.</summary>
    internal Func<Socket, IPEndPoint, CancellationToken, ValueTask>? Connect { get; init; }
}
