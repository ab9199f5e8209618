using System.Runtime.CompilerServices;
using System.Security.Cryptography.X509Certificates;
using Coffer.Core.Access;
using Coffer.Core.Errors;
using Coffer.Trusts.Outbound;

namespace Coffer.Trusts;

/// <summary>Settings of a trust whose issuer is the one address that is asked: an AWS endpoint, a Kubernetes API server.</summary>
internal sealed record EndpointSettings
{
    /// <summary>Whether the endpoint may be on a private network or this machine.</summary>
    public bool AllowPrivateNetwork { get; set; }

    /// <summary>PEM certificates that the endpoint must chain to, in place of the system's.</summary>
    public string? Roots { get; set; }
}

/// <summary>A trust's endpoint, parsed once for a trust as it is.</summary>
internal sealed class TrustEndpoint
{
    private static readonly ConditionalWeakTable<Trust, TrustEndpoint> Known = [];

    private TrustEndpoint(Uri address, EndpointSettings settings)
    {
        Address = address;
        PrivateNetworks = settings.AllowPrivateNetwork;
        Roots = settings.Roots is null ? null : PemCertificates.Read(settings.Roots, "settings.roots");
    }

    public Uri Address { get; }

    public bool PrivateNetworks { get; }

    public X509Certificate2Collection? Roots { get; }

    /// <summary>Throws InvalidRequest where the issuer is no https address or the settings are not these.</summary>
    public static TrustEndpoint Of(Trust trust) => Known.GetValue(trust, static t => new(
        OutboundHttp.TargetOf(t.Issuer) is { Query: "" } address ? address : throw Error.InvalidRequest("the issuer is the https address that is asked", "issuer"),
        TrustsJson.Read(t, TrustsJson.Default.EndpointSettings)));
}
