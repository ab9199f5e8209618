using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Coffer.Trusts.Tests.Support;

/// <summary>A certificate to be made; what stands here makes a good one for a client.</summary>
internal sealed record LeafOptions
{
    public string Subject { get; init; } = "CN=api, OU=shop, O=Acme";

    public string[] Dns { get; init; } = ["api.shop.acme.example"];

    public string[] Uris { get; init; } = [];

    public string[] Uses { get; init; } = [TestAuthority.ForClients];

    public X509KeyUsageFlags? KeyUsage { get; init; } = X509KeyUsageFlags.DigitalSignature;

    public bool IsAuthority { get; init; }

    public TimeSpan From { get; init; } = TimeSpan.FromHours(-1);

    public TimeSpan Until { get; init; } = TimeSpan.FromDays(30);

    /// <summary>Signed with SHA-1, as nobody should.</summary>
    public bool IsBroken { get; init; }

    public int? RsaBits { get; init; }

    public X509Extension[] Extensions { get; init; } = [];
}

/// <summary>A certificate authority, or one under it.</summary>
internal sealed class TestAuthority : IDisposable
{
    public const string ForClients = "1.3.6.1.5.5.7.3.2", ForServers = "1.3.6.1.5.5.7.3.1", ForAnything = "2.5.29.37.0";

    private readonly DateTimeOffset _now;
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    public TestAuthority(DateTimeOffset now, string name = "CN=Acme clients", TestAuthority? above = null, params X509Extension[] extensions)
    {
        _now = now;
        CertificateRequest request = new(name, _key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        foreach (X509Extension extension in extensions)
        {
            request.CertificateExtensions.Add(extension);
        }

        if (above is null)
        {
            Certificate = request.CreateSelfSigned(now.AddDays(-1), now.AddYears(1));
        }
        else
        {
            using X509Certificate2 made = request.Create(above.Certificate.SubjectName, X509SignatureGenerator.CreateForECDsa(above._key), now.AddDays(-1), now.AddDays(300), RandomNumberGenerator.GetBytes(8));
            Certificate = made.CopyWithPrivateKey(_key);
        }
    }

    public X509Certificate2 Certificate { get; }

    public string Pem => Certificate.ExportCertificatePem();

    public X509Certificate2 Leaf(LeafOptions options)
    {
        using RSA? rsa = options.RsaBits is { } bits ? RSA.Create(bits) : null;
        using ECDsa own = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = rsa is null ? new(options.Subject, own, HashAlgorithmName.SHA256) : new(options.Subject, rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(options.IsAuthority, false, 0, true));
        if (options.KeyUsage is { } usage)
        {
            request.CertificateExtensions.Add(new X509KeyUsageExtension(usage, true));
        }

        if (options.Uses.Length > 0)
        {
            OidCollection uses = [.. options.Uses.Select(u => new Oid(u))];
            request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension(uses, false));
        }

        if (options.Dns.Length + options.Uris.Length > 0)
        {
            SubjectAlternativeNameBuilder names = new();
            Array.ForEach(options.Dns, names.AddDnsName);
            Array.ForEach(options.Uris, u => names.AddUri(new(u)));
            request.CertificateExtensions.Add(names.Build());
        }

        foreach (X509Extension extension in options.Extensions)
        {
            request.CertificateExtensions.Add(extension);
        }

        using X509Certificate2 made = request.Create(Certificate.SubjectName, options.IsBroken ? new BrokenGenerator(_key) : X509SignatureGenerator.CreateForECDsa(_key), _now + options.From, _now + options.Until, RandomNumberGenerator.GetBytes(8));
        return rsa is null ? made.CopyWithPrivateKey(own) : made.CopyWithPrivateKey(rsa);
    }

    public void Dispose()
    {
        Certificate.Dispose();
        _key.Dispose();
    }

    private sealed class BrokenGenerator(ECDsa key) : X509SignatureGenerator
    {
        public override byte[] GetSignatureAlgorithmIdentifier(HashAlgorithmName hashAlgorithm)
        {
            AsnWriter writer = new(AsnEncodingRules.DER);
            using (writer.PushSequence())
            {
                writer.WriteObjectIdentifier("1.2.840.10045.4.1");
            }

            return writer.Encode();
        }

        public override byte[] SignData(byte[] data, HashAlgorithmName hashAlgorithm) => key.SignData(data, HashAlgorithmName.SHA1, DSASignatureFormat.Rfc3279DerSequence);

        protected override PublicKey BuildPublicKey() => PublicKey.CreateFromSubjectPublicKeyInfo(key.ExportSubjectPublicKeyInfo(), out _);
    }
}
