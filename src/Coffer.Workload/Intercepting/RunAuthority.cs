using System.Collections.Concurrent;
using System.Formats.Asn1;
using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Coffer.Workload.Intercepting;

/// <summary>
/// A CA made for this run: its key is only in memory, and critical name constraints let it vouch for the listed vendor
/// domains and loopback, nothing else. One leaf per exact name, so that HTTP/2 never joins two names in one connection.
/// </summary>
internal sealed class RunAuthority : IDisposable
{
    private static readonly TimeSpan CaLife = TimeSpan.FromDays(7);
    private static readonly TimeSpan LeafLife = TimeSpan.FromHours(24);
    private static readonly TimeSpan Skew = TimeSpan.FromMinutes(5);

    // A program may name any number of vaults; each costs a key and a certificate.
    private const int MaxLeaves = 512;

    /// <summary>What the CA may vouch for.</summary>
    private static readonly string[] PermittedDomains =
    [
        "amazonaws.com", "amazonaws.com.cn", "amazonaws.eu", "api.aws", "api.amazonwebservices.com.cn", "vault.azure.net", "vault.azure.cn", "vault.usgovcloudapi.net",
        "login.microsoftonline.com", "secretmanager.googleapis.com", "rep.googleapis.com", "oauth2.googleapis.com", "localhost",
    ];

    private readonly TimeProvider _clock;
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly X509Certificate2 _ca;
    private readonly ConcurrentDictionary<string, (SslStreamCertificateContext Context, DateTimeOffset Renew)> _leaves = new(StringComparer.Ordinal);
    private readonly Lock _making = new();

    public RunAuthority(TimeProvider clock)
    {
        _clock = clock;
        DateTimeOffset now = clock.GetUtcNow();
        CertificateRequest request = new($"CN=Coffer run {Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4))}", _key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, true, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        request.CertificateExtensions.Add(new X509Extension("2.5.29.30", NameConstraints(), critical: true));
        _ca = request.CreateSelfSigned(now - Skew, now + CaLife);
    }

    /// <summary>The CA's certificate in PEM.</summary>
    public string Pem => _ca.ExportCertificatePem() + "\n";

    /// <summary>The leaf of a name; null stands for loopback without a name. Made on first use, replaced at half-life.</summary>
    public SslStreamCertificateContext ContextOf(string? name)
    {
        string key = name ?? "";
        DateTimeOffset now = _clock.GetUtcNow();
        if (_leaves.TryGetValue(key, out (SslStreamCertificateContext Context, DateTimeOffset Renew) found) && found.Renew > now)
        {
            return found.Context;
        }

        lock (_making)
        {
            if (_leaves.TryGetValue(key, out found) && found.Renew > now)
            {
                return found.Context;
            }

            if (_leaves.Count >= MaxLeaves)
            {
                _leaves.Clear();
            }

            SslStreamCertificateContext made = SslStreamCertificateContext.Create(Make(name, now), [_ca], offline: true);
            _leaves[key] = (made, now + (LeafLife / 2));
            return made;
        }
    }

    public void Dispose()
    {
        _ca.Dispose();
        _key.Dispose();
    }

    private X509Certificate2 Make(string? name, DateTimeOffset now)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new("CN=Coffer leaf", key, HashAlgorithmName.SHA256);
        SubjectAlternativeNameBuilder names = new();
        if (name is null)
        {
            names.AddDnsName("localhost");
            names.AddIpAddress(IPAddress.Loopback);
        }
        else
        {
            names.AddDnsName(name);
        }

        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1")], critical: false));
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(_ca, includeKeyIdentifier: true, includeIssuerAndSerial: false));
        DateTimeOffset end = now + LeafLife;
        using X509Certificate2 made = request.Create(
            _ca.SubjectName, X509SignatureGenerator.CreateForECDsa(_key), now - Skew, end < _ca.NotAfter ? end : _ca.NotAfter, RandomNumberGenerator.GetBytes(16));
        return made.CopyWithPrivateKey(key);
    }

    /// <summary>RFC 5280 section 4.2.1.10: permitted subtrees of DNS names and of one IP network.</summary>
    private static byte[] NameConstraints()
    {
        AsnWriter writer = new(AsnEncodingRules.DER);
        using (writer.PushSequence())
        using (writer.PushSequence(new Asn1Tag(TagClass.ContextSpecific, 0)))
        {
            foreach (string domain in PermittedDomains)
            {
                using (writer.PushSequence())
                {
                    writer.WriteCharacterString(UniversalTagNumber.IA5String, domain, new Asn1Tag(TagClass.ContextSpecific, 2));
                }
            }

            using (writer.PushSequence())
            {
                writer.WriteOctetString([127, 0, 0, 1, 255, 255, 255, 255], new Asn1Tag(TagClass.ContextSpecific, 7));
            }
        }

        return writer.Encode();
    }
}
