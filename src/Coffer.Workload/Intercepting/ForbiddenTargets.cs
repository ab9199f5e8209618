using System.Net;
using System.Net.Sockets;

namespace Coffer.Workload.Intercepting;

/// <summary>
/// Where a blind tunnel never goes: this machine, link-local and metadata addresses, multicast. Checked on the address that
/// is connected to, after resolution, so that no spelling or name gets around it. Private networks stay reachable: the
/// child can reach them itself.
/// </summary>
internal static class ForbiddenTargets
{
    private static readonly IPNetwork[] Networks =
    [
        IPNetwork.Parse("0.0.0.0/8"), IPNetwork.Parse("127.0.0.0/8"), IPNetwork.Parse("169.254.0.0/16"), IPNetwork.Parse("224.0.0.0/4"), IPNetwork.Parse("255.255.255.255/32"),
        IPNetwork.Parse("::/128"), IPNetwork.Parse("::1/128"), IPNetwork.Parse("fe80::/10"), IPNetwork.Parse("ff00::/8"), IPNetwork.Parse("fd00:ec2::/32"), IPNetwork.Parse("fd20:ce::254/128"),
    ];

    /// <summary>Whether an address is forbidden, in IPv4-mapped, IPv4-compatible, NAT64 or 6to4 form too.</summary>
    public static bool Contains(IPAddress address)
    {
        foreach (IPAddress form in Forms(address))
        {
            if (Networks.Any(n => n.BaseAddress.AddressFamily == form.AddressFamily && n.Contains(form)))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Names that are forbidden before resolution: a parent proxy would resolve them where we cannot see.</summary>
    public static bool ContainsName(string host)
    {
        string name = host.TrimEnd('.').ToLowerInvariant();
        return name is "localhost" or "metadata.google.internal" or "metadata" or "instance-data"
            || name.EndsWith(".localhost", StringComparison.Ordinal)
            || (TryParse(name, out IPAddress? literal) && Contains(literal!));
    }

    /// <summary>A literal in any spelling that resolvers take: dotted, decimal, hexadecimal, octal, bracketed.</summary>
    public static bool TryParse(string host, out IPAddress? address) => IPAddress.TryParse(host.Trim('[', ']'), out address);

    private static IEnumerable<IPAddress> Forms(IPAddress address)
    {
        yield return address;
        if (address.AddressFamily != AddressFamily.InterNetworkV6)
        {
            yield break;
        }

        byte[] bytes = address.GetAddressBytes();
        if (address.IsIPv4MappedToIPv6 || bytes.AsSpan(0, 12).IndexOfAnyExcept((byte)0) < 0 || bytes.AsSpan(0, 12).SequenceEqual((byte[])[0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0]))
        {
            yield return new(bytes.AsSpan(12));
        }
        else if (bytes[0] == 0x20 && bytes[1] == 0x02)
        {
            yield return new(bytes.AsSpan(2, 4));
        }
    }
}
