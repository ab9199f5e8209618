using System.Globalization;
using System.Reflection;
using System.Security.Cryptography;
using System.Text;

namespace Coffer.Workload.Child;

/// <summary>
/// Files of one run in a folder of its own (0700): certificates, the Node preload, an empty gcloud folder, a socket. Removed at
/// the end; what a killed run leaves is swept by the next.
/// </summary>
internal sealed class RunFolder : IDisposable
{
    private const string Prefix = "coffer-run-";

    private static readonly string[] InheritedBundles = ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"];

    private static readonly string[] SystemBundles = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

    private RunFolder(string path) => Path = path;

    public string Path { get; }

    /// <summary>Public roots, inherited roots and the run's CA.</summary>
    public string Bundle => System.IO.Path.Combine(Path, "bundle.pem");

    /// <summary>The run's CA alone.</summary>
    public string Authority => System.IO.Path.Combine(Path, "ca.pem");

    /// <summary>The Node preload.</summary>
    public string Hook => System.IO.Path.Combine(Path, "hook.cjs");

    /// <summary>An empty gcloud configuration.</summary>
    public string Gcloud => System.IO.Path.Combine(Path, "gcloud");

    /// <summary>Where the proxy reaches the TLS handler.</summary>
    public string Tunnel => System.IO.Path.Combine(Path, "tunnel.sock");

    public static RunFolder Create(string authorityPem, IReadOnlyDictionary<string, string> inherited)
    {
        string parent = inherited.TryGetValue("XDG_RUNTIME_DIR", out string? runtime) && Directory.Exists(runtime) ? runtime : System.IO.Path.GetTempPath();
        Sweep(parent);
        string path = System.IO.Path.Combine(parent, $"{Prefix}{Environment.ProcessId.ToString(CultureInfo.InvariantCulture)}-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4))}");
        Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        RunFolder folder = new(path);
        Directory.CreateDirectory(folder.Gcloud);
        File.WriteAllText(folder.Authority, authorityPem);
        File.WriteAllText(folder.Bundle, Roots(inherited) + authorityPem);
        using Stream hook = Assembly.GetExecutingAssembly().GetManifestResourceStream("Coffer.Workload.hook.cjs")!;
        using FileStream target = File.Create(folder.Hook);
        hook.CopyTo(target);
        return folder;
    }

    public void Dispose() => Remove(Path);

    /// <summary>The union of the system's roots and of every bundle the environment names: without those a company's own root gets lost.</summary>
    private static string Roots(IReadOnlyDictionary<string, string> inherited)
    {
        StringBuilder roots = new();
        HashSet<string> seen = new(StringComparer.Ordinal);
        IEnumerable<string> files = InheritedBundles.Select(n => inherited.GetValueOrDefault(n)).OfType<string>().Concat(SystemBundles.Where(File.Exists).Take(1));
        foreach (string file in files.Where(File.Exists).Distinct(StringComparer.Ordinal))
        {
            foreach (string block in File.ReadAllText(file).Split("-----BEGIN CERTIFICATE-----").Skip(1))
            {
                int end = block.IndexOf("-----END CERTIFICATE-----", StringComparison.Ordinal);
                if (end > 0 && seen.Add(block[..end].Trim()))
                {
                    roots.Append("-----BEGIN CERTIFICATE-----").Append(block, 0, end).Append("-----END CERTIFICATE-----\n");
                }
            }
        }

        return roots.ToString();
    }

    private static void Sweep(string parent)
    {
        foreach (string folder in Directory.EnumerateDirectories(parent, Prefix + "*"))
        {
            string[] parts = System.IO.Path.GetFileName(folder)[Prefix.Length..].Split('-');
            if (!int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out int pid) || !Directory.Exists($"/proc/{pid}"))
            {
                Remove(folder);
            }
        }
    }

    private static void Remove(string folder)
    {
        try
        {
            Directory.Delete(folder, recursive: true);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // Another user's, or gone already.
        }
    }
}
