using System.Net;
using Microsoft.AspNetCore.Http;

namespace Coffer.Workload;

/// <summary>
/// Whether Host names this machine to itself. A page of the web whose name was made to resolve to 127.0.0.1 has that name there, and must not be
/// answered at a loopback port.
/// </summary>
internal static class LoopbackName
{
    /// <summary>Any loopback address, <c>localhost</c>, and names below that (RFC 6761), which nobody can register.</summary>
    public static bool Is(HostString host)
    {
        string name = host.Host.TrimEnd('.');
        return name.Equals("localhost", StringComparison.OrdinalIgnoreCase) || name.EndsWith(".localhost", StringComparison.OrdinalIgnoreCase)
            || (IPAddress.TryParse(name, out IPAddress? address) && IPAddress.IsLoopback(address));
    }
}
