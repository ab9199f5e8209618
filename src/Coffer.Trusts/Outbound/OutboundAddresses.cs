using System.Net;
using System.Net.Sockets;

namespace Coffer.Trusts.Outbound;

/// <summary>
/// Where a server may call out to. Judged on the address that is connected to, after resolution, so that no spelling, name
/// or second answer of a name server gets around it.
/// </summary>
/// <remarks>
/// The table in Coffer.Workload looks alike and is another rule: a blind tunnel for a child that can reach private networks
/// by itself. Workload references nothing and runs on the client, so the two do not share a project.
/// </remarks>
internal static class OutboundAddresses
{
    /// <summary>Never, whatever a trust allows: link-local and metadata services (they hand out the machine's own identity), and what is no single host.</summary>
    private static readonly IPNetwork[] Never =
    [
        IPNetwork.Parse("0.0.0.0/8"), IPNetwork.Parse("169.254.0.0/16"), IPNetwork.Parse("100.100.100.200/32"), IPNetwork.Parse("168.63.129.16/32"),
        IPNetwork.Parse("192.0.0.0/24"), IPNetwork.Parse("224.0.0.0/4"), IPNetwork.Parse("240.0.0.0/4"),
        IPNetwork.Parse("::/128"), IPNetwork.Parse("fe80::/10"), IPNetwork.Parse("fec0::/10"), IPNetwork.Parse("ff00::/8"), IPNetwork.Parse("fd00:ec2::/32"), IPNetwork.Parse("fd20:ce::/64"),
    ];

    /// <summary>This machine and networks that are not the Internet: only for a trust that says so.</summary>
    private static readonly IPNetwork[] Private =
    [
        IPNetwork.Parse("10.0.0.0/8"), IPNetwork.Parse("100.64.0.0/10"), IPNetwork.Parse("127.0.0.0/8"), IPNetwork.Parse("172.16.0.0/12"), IPNetwork.Parse("192.168.0.0/16"),
        IPNetwork.Parse("192.0.2.0/24"), IPNetwork.Parse("192.88.99.0/24"), IPNetwork.Parse("198.18.0.0/15"), IPNetwork.Parse("198.51.100.0/24"), IPNetwork.Parse("203.0.113.0/24"),
        IPNetwork.Parse("::1/128"), IPNetwork.Parse("fc00::/7"), IPNetwork.Parse("64:ff9b:1::/48"), IPNetwork.Parse("100::/64"), IPNetwork.Parse("2001::/23"), IPNetwork.Parse("2001:db8::/32"),
    ];

    /// <summary>Whether an address may be connected to, in every form that carries an IPv4 address too.</summary>
    public static bool Allows(IPAddress address, bool privateNetworks)
    {
        foreach (IPAddress form in Forms(address))
        {
            if (IsIn(Never, form) || (!privateNetworks && IsIn(Private, form)))
            {
                return false;
            }
        }

        return true;
    }

    private static bool IsIn(IPNetwork[] networks, IPAddress address)
    {
        foreach (IPNetwork network in networks)
        {
            if (network.BaseAddress.AddressFamily == address.AddressFamily && network.Contains(address))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The address, and the IPv4 address inside: mapped, compatible, translated, NAT64 (both prefixes), 6to4, ISATAP, Teredo.</summary>
    private static IEnumerable<IPAddress> Forms(IPAddress address)
    {
        yield return address;
        if (address.AddressFamily != AddressFamily.InterNetworkV6)
        {
            yield break;
        }

        byte[] bytes = address.GetAddressBytes();
        // A scope (fe80::1%eth0) says where a link is, not what the address is.
        yield return new(bytes);
        bool compatible = bytes.AsSpan(0, 12).IndexOfAnyExcept((byte)0) < 0 && !address.Equals(IPAddress.IPv6Loopback) && !address.Equals(IPAddress.IPv6Any);
        bool translated = bytes.AsSpan(0, 8).IndexOfAnyExcept((byte)0) < 0 && bytes.AsSpan(8, 4).SequenceEqual((ReadOnlySpan<byte>)[0xff, 0xff, 0, 0]);
        bool nat64 = bytes.AsSpan(0, 4).SequenceEqual((ReadOnlySpan<byte>)[0, 0x64, 0xff, 0x9b]);
        bool isatap = bytes.AsSpan(9, 3).SequenceEqual((ReadOnlySpan<byte>)[0, 0x5e, 0xfe]) && (bytes[8] & ~3) == 0;
        if (compatible || translated || nat64 || isatap || address.IsIPv4MappedToIPv6)
        {
            yield return new(bytes.AsSpan(12));
        }

        if (bytes[0] == 0x20 && bytes[1] == 0x02)
        {
            yield return new(bytes.AsSpan(2, 4));
        }

        if (bytes.AsSpan(0, 4).SequenceEqual((ReadOnlySpan<byte>)[0x20, 0x01, 0, 0]))
        {
            byte[] teredo = bytes[12..];
            for (int i = 0; i < teredo.Length; i++)
            {
                teredo[i] ^= 0xff;
            }

            yield return new(teredo);
            yield return new(bytes.AsSpan(4, 4));
        }
    }
}
