using System.Security.Cryptography.X509Certificates;

namespace Coffer.Workload.Forwarding;

/// <summary>Where a <see cref="ForwardingHandler"/> finds the Coffer server.</summary>
public sealed record ForwardingOptions
{
    /// <summary>Path of the server's local socket, which speaks plain HTTP to users of this machine; or null.</summary>
    public string? SocketPath { get; init; }

    /// <summary>The server's <c>https://</c> address, where there is no local socket.</summary>
    public Uri? Address { get; init; }

    /// <summary>The only roots that may vouch for the server at <see cref="Address"/>; empty means those of the system.</summary>
    public X509Certificate2Collection Roots { get; init; } = [];

    /// <summary>How long a connection to the server may take.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(5);
}
