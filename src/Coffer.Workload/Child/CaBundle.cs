using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Coffer.Workload.Child;

/// <summary>
/// The roots a child trusts anyway: the system's, and those of every bundle its environment names, since without these a
/// company's own root would get lost. Only certificates are taken over, whatever else a file holds.
/// </summary>
internal static class CaBundle
{
    private const string Begin = "-----BEGIN CERTIFICATE-----";
    private const string End = "-----END CERTIFICATE-----";

    /// <summary>Variables that name a bundle (a file, or a folder of them).</summary>
    public static readonly string[] Variables =
        ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", "VAULT_CACERT", "HTTPLIB2_CA_CERTS"];

    private static readonly string[] SystemBundles =
    [
        "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
        "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem",
    ];

    /// <summary>The union, in PEM, each certificate once.</summary>
    public static string Build(IReadOnlyDictionary<string, string> inherited)
    {
        IEnumerable<string> named = Variables.Select(v => inherited.GetValueOrDefault(v)).OfType<string>();
        return Merge(named.Concat(SystemBundles.Where(File.Exists).Take(1)).Distinct(StringComparer.Ordinal).SelectMany(Texts));
    }

    /// <summary>The certificates of some PEM texts, each once.</summary>
    public static string Merge(IEnumerable<string> texts)
    {
        StringBuilder roots = new();
        HashSet<string> seen = new(StringComparer.Ordinal);
        foreach (string text in texts)
        {
            for (int at = text.IndexOf(Begin, StringComparison.Ordinal); at >= 0; at = text.IndexOf(Begin, at, StringComparison.Ordinal))
            {
                at += Begin.Length;
                int end = text.IndexOf(End, at, StringComparison.Ordinal);
                if (end < 0)
                {
                    break;
                }

                string body = string.Concat(text.AsSpan(at, end - at).ToString().Where(c => !char.IsWhiteSpace(c)));
                // Any file may be named; what is no base64 would spoil the bundle for the strict readers among the clients.
                if (System.Buffers.Text.Base64.IsValid(body) && body.Length > 0 && seen.Add(body))
                {
                    roots.Append(Begin).Append('\n');
                    foreach (char[] line in body.Chunk(64))
                    {
                        roots.Append(line).Append('\n');
                    }

                    roots.Append(End).Append('\n');
                }
            }
        }

        return roots.ToString();
    }

    /// <summary>A bundle's certificates; those that cannot be read are left out.</summary>
    public static X509Certificate2Collection Parse(string pem)
    {
        X509Certificate2Collection certificates = [];
        foreach (string block in pem.Split(Begin).Skip(1))
        {
            try
            {
                certificates.Add(X509Certificate2.CreateFromPem(Begin + block));
            }
            catch (CryptographicException)
            {
                // A root that we cannot read vouches for nothing here.
            }
        }

        return certificates;
    }

    private static IEnumerable<string> Texts(string path)
    {
        List<string> texts = [];
        try
        {
            foreach (string file in Directory.Exists(path) ? Directory.EnumerateFiles(path) : File.Exists(path) ? [path] : [])
            {
                texts.Add(File.ReadAllText(file, Encoding.Latin1));
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // The child could not have read it either.
        }

        return texts;
    }
}
