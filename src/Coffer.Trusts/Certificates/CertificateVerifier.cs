using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Coffer.Core.Access;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;

namespace Coffer.Trusts.Certificates;

/// <summary>
/// Client certificates: TLS has shown that the client holds the key, this says whose it is. Chained to the trust's own authorities and
/// to nothing else: no store of the system, no certificate or list fetched.
/// </summary>
internal sealed class CertificateVerifier(TimeProvider clock) : ITrustVerifier
{
    private const int MaxBytes = 16 * 1024, MinRsaBits = 2048;
    private const string Md5WithRsa = "1.2.840.113549.1.1.4", Sha1WithRsa = "1.2.840.113549.1.1.5", Sha1WithEcdsa = "1.2.840.10045.4.1";
    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";

    private readonly ConditionalWeakTable<Trust, Authorities> _authorities = [];

    public ImmutableArray<TrustKind> Kinds => [TrustKind.Certificate];

    public void Check(Trust trust)
    {
        if (!trust.Sealed.IsEmpty)
        {
            throw Error.InvalidRequest("a trust in certificates has no secret of its own", "secret");
        }

        Authorities.Of(trust);
    }

    public ValueTask<(ProvenClaims? Claims, string Reason)> VerifyAsync(Trust trust, SecretValue? secret, TrustProof proof, CancellationToken cancellationToken) =>
        ValueTask.FromResult(proof is TrustProof.ClientCertificate certificate ? Verify(trust, certificate.Der.Span) : (null, "not a proof of this kind"));

    private (ProvenClaims? Claims, string Reason) Verify(Trust trust, ReadOnlySpan<byte> der)
    {
        Authorities authorities;
        try
        {
            authorities = _authorities.GetValue(trust, Authorities.Of);
        }
        catch (CofferException)
        {
            return (null, "the trust's settings cannot be used");
        }

        try
        {
            // PEM would be taken too, with whatever stands around it.
            if (der is not [0x30, ..] || der.Length > MaxBytes)
            {
                return (null, "not a certificate");
            }

            using X509Certificate2 leaf = X509CertificateLoader.LoadCertificate(der);
            if (!leaf.RawDataMemory.Span.SequenceEqual(der))
            {
                return (null, "not a certificate");
            }

            if (Refusal(leaf) is { } refusal)
            {
                return (null, refusal);
            }

            using X509Chain chain = new();
            chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            chain.ChainPolicy.CustomTrustStore.AddRange(authorities.Roots);
            chain.ChainPolicy.ExtraStore.AddRange(authorities.Intermediates);
            chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
            chain.ChainPolicy.DisableCertificateDownloads = true;
            chain.ChainPolicy.ApplicationPolicy.Add(new Oid(ClientAuthentication));
            chain.ChainPolicy.VerificationTimeIgnored = false;
            chain.ChainPolicy.VerificationTime = clock.GetUtcNow().UtcDateTime;
            bool good = chain.Build(leaf);
            int links = chain.ChainElements.Count;
            foreach (X509ChainElement element in chain.ChainElements)
            {
                element.Certificate.Dispose();
            }

            return !good || links < 2 ? (null, "the certificate does not chain to the trust's authorities, or not now, or not for clients") : CertificateClaims.Of(leaf) is { } claims ? (claims, "") : (null, "a name in the certificate is not plain text");
        }
        catch (Exception failure) when (failure is CryptographicException or FormatException or System.Formats.Asn1.AsnContentException)
        {
            return (null, "not a certificate");
        }
    }

    /// <summary>Why a certificate is nobody's identity, or null. An authority is no client: whoever runs one could be anybody.</summary>
    private static string? Refusal(X509Certificate2 leaf)
    {
        bool forClients = false;
        foreach (X509Extension extension in leaf.Extensions)
        {
            switch (extension)
            {
                case X509BasicConstraintsExtension { CertificateAuthority: true }:
                    return "an authority's certificate is nobody's identity";
                case X509KeyUsageExtension usage when (usage.KeyUsages & X509KeyUsageFlags.KeyCertSign) != 0:
                    return "a certificate that may sign others is nobody's identity";
                case X509KeyUsageExtension usage when (usage.KeyUsages & X509KeyUsageFlags.DigitalSignature) == 0:
                    return "the certificate's key is not for signatures";
                case X509EnhancedKeyUsageExtension uses:
                    forClients = uses.EnhancedKeyUsages.Cast<Oid>().Any(o => o.Value == ClientAuthentication);
                    break;
            }
        }

        if (leaf.GetRSAPublicKey() is { } rsa)
        {
            using (rsa)
            {
                if (rsa.KeySize < MinRsaBits)
                {
                    return "the certificate's key is too short";
                }
            }
        }

        // A collision makes two certificates of one signature. What stands above the leaf is the trust's own, chosen by its administrator.
        if (leaf.SignatureAlgorithm.Value is Md5WithRsa or Sha1WithRsa or Sha1WithEcdsa)
        {
            return "the certificate's signature is of a broken kind";
        }

        if (leaf.SubjectName.RawData.AsSpan().SequenceEqual(leaf.IssuerName.RawData))
        {
            return "the certificate is its own authority";
        }

        return forClients ? null : "the certificate is not for clients";
    }

    private sealed record Authorities(X509Certificate2Collection Roots, X509Certificate2Collection Intermediates)
    {
        public static Authorities Of(Trust trust)
        {
            CertificateSettings settings = TrustsJson.Read(trust, TrustsJson.Default.CertificateSettings);
            X509Certificate2Collection roots = PemCertificates.Read(settings.Roots ?? throw Error.InvalidRequest("give the authority's certificate", "settings.roots"), "settings.roots");
            X509Certificate2Collection intermediates = settings.Intermediates is { } between ? PemCertificates.Read(between, "settings.intermediates") : [];
            foreach (X509Certificate2 certificate in roots.Concat(intermediates))
            {
                // A client's own certificate pinned as a root would let whoever has another of the same key, or none, in by its names.
                if (!certificate.Extensions.OfType<X509BasicConstraintsExtension>().Any(c => c.CertificateAuthority))
                {
                    throw Error.InvalidRequest("every certificate is an authority's (basic constraints CA: true); a client's own cannot be pinned", "settings.roots");
                }
            }

            return new(roots, intermediates);
        }
    }
}
