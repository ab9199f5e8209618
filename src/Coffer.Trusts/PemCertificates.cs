using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Coffer.Core.Errors;

namespace Coffer.Trusts;

/// <summary>Certificates in the settings of a trust.</summary>
internal static class PemCertificates
{
    private const int Most = 32;

    /// <summary>One to 32 certificates, and nothing else between them. Throws InvalidRequest.</summary>
    public static X509Certificate2Collection Read(string pem, string member)
    {
        X509Certificate2Collection certificates = [];
        try
        {
            if (!pem.Contains("PRIVATE KEY", StringComparison.Ordinal))
            {
                certificates.ImportFromPem(pem);
            }
        }
        catch (CryptographicException)
        {
            certificates.Clear();
        }

        return certificates.Count is > 0 and <= Most ? certificates : throw Error.InvalidRequest($"1 to {Most} certificates as PEM text, and no private key", member);
    }
}
