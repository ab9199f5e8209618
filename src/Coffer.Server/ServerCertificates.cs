using System.Net;
using System.Net.Security;
using System.Runtime.Versioning;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Coffer.Server;

/// <summary>
/// The server's certificate from Coffer's own CA, both made at the first start and kept in the data folder (keys 0600).
/// Clients trust <c>tls/ca.pem</c>.
/// </summary>
internal sealed class ServerCertificates
{
    private static readonly TimeSpan CaLife = TimeSpan.FromDays(3650);
    private static readonly TimeSpan LeafLife = TimeSpan.FromDays(397);
    private static readonly TimeSpan RenewBefore = TimeSpan.FromDays(30);
    private static readonly TimeSpan Skew = TimeSpan.FromMinutes(5);

    private ServerCertificates(X509Certificate2 leaf, X509Certificate2Collection chain, string caFile)
    {
        CaFile = caFile;
        // Building the chain reads the machine's whole trust store, a tenth of a second: beside everything else, not before it.
        Context = Task.Run(() => SslStreamCertificateContext.Create(leaf, chain, offline: true));
    }

    /// <summary>The leaf with the certificates between it and its root.</summary>
    public Task<SslStreamCertificateContext> Context { get; }

    /// <summary>PEM file for clients to trust.</summary>
    public string CaFile { get; }

    /// <summary>Begins to read the machine's trust store, which every first chain in a process waits for.</summary>
    public static void Prepare() => Task.Run(static () =>
    {
        using X509Store roots = new(StoreName.Root, StoreLocation.LocalMachine, OpenFlags.ReadOnly);
    });

    /// <summary>Loads what is there, renews what is about to end, makes what is missing.</summary>
    public static ServerCertificates Open(ServerOptions options, TimeProvider clock)
    {
        if (options.CertificateFile is { } file)
        {
            RefuseOpenKey(options.CertificateKeyFile!);
            X509Certificate2 given = X509Certificate2.CreateFromPemFile(file, options.CertificateKeyFile);
            X509Certificate2Collection all = [];
            all.ImportFromPemFile(file);
            all.RemoveAt(0);
            return new(given, all, file);
        }

        string directory = options.CertificateDirectory;
        Directory.CreateDirectory(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        string caFile = Path.Combine(directory, "ca.pem"), caKey = Path.Combine(directory, "ca.key");
        string leafFile = Path.Combine(directory, "server.pem"), leafKey = Path.Combine(directory, "server.key");
        DateTimeOffset now = clock.GetUtcNow();
        if (!File.Exists(caFile) || !File.Exists(caKey))
        {
            using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            using X509Certificate2 made = MakeCa(key, now);
            Write(caKey, key.ExportPkcs8PrivateKeyPem(), secret: true);
            Write(caFile, made.ExportCertificatePem() + "\n", secret: false);
        }

        RefuseOpenKey(caKey);
        string[] names = [.. Names(options).Distinct(StringComparer.OrdinalIgnoreCase)];
        using X509Certificate2 ca = X509Certificate2.CreateFromPemFile(caFile, caKey);
        if (!Usable(leafFile, leafKey, ca, names, now))
        {
            using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            using X509Certificate2 made = MakeLeaf(ca, key, names, now);
            Write(leafKey, key.ExportPkcs8PrivateKeyPem(), secret: true);
            Write(leafFile, made.ExportCertificatePem() + "\n", secret: false);
        }

        RefuseOpenKey(leafKey);
        return new(X509Certificate2.CreateFromPemFile(leafFile, leafKey), [X509CertificateLoader.LoadCertificateFromFile(caFile)], caFile);
    }

    private static IEnumerable<string> Names(ServerOptions options) =>
        [.. options.HostNames, "localhost", Dns.GetHostName(), IPAddress.Loopback.ToString(), IPAddress.IPv6Loopback.ToString(),
         .. options.Address is { } a && !a.Equals(IPAddress.Any) && !a.Equals(IPAddress.IPv6Any) ? [a.ToString()] : Array.Empty<string>()];

    private static X509Certificate2 MakeCa(ECDsa key, DateTimeOffset now)
    {
        CertificateRequest request = new("CN=Coffer CA", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: true, pathLengthConstraint: 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        return request.CreateSelfSigned(now - Skew, now + CaLife);
    }

    private static X509Certificate2 MakeLeaf(X509Certificate2 ca, ECDsa key, string[] names, DateTimeOffset now)
    {
        CertificateRequest request = new("CN=coffer", key, HashAlgorithmName.SHA256);
        SubjectAlternativeNameBuilder alternatives = new();
        foreach (string name in names)
        {
            if (IPAddress.TryParse(name, out IPAddress? address))
            {
                alternatives.AddIpAddress(address);
            }
            else
            {
                alternatives.AddDnsName(name);
            }
        }

        request.CertificateExtensions.Add(alternatives.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1")], critical: false));
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(ca, includeKeyIdentifier: true, includeIssuerAndSerial: false));
        DateTimeOffset end = now + LeafLife;
        return request.Create(ca, now - Skew, end < ca.NotAfter ? end : ca.NotAfter, RandomNumberGenerator.GetBytes(16));
    }

    private static bool Usable(string file, string keyFile, X509Certificate2 ca, string[] names, DateTimeOffset now)
    {
        if (!File.Exists(file) || !File.Exists(keyFile))
        {
            return false;
        }

        using X509Certificate2 leaf = X509CertificateLoader.LoadCertificateFromFile(file);
        return leaf.NotAfter.ToUniversalTime() > now.UtcDateTime + RenewBefore
            && string.Equals(leaf.Issuer, ca.Subject, StringComparison.Ordinal)
            && names.All(n => leaf.MatchesHostname(n, allowWildcards: false, allowCommonName: false));
    }

    [UnsupportedOSPlatform("windows")]
    private static void WriteUnix(string file, string text, bool secret)
    {
        string next = file + ".new";
        File.Delete(next);
        UnixFileMode mode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using (FileStream stream = new(next, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            UnixCreateMode = secret ? mode : mode | UnixFileMode.GroupRead | UnixFileMode.OtherRead,
        }))
        {
            stream.Write(System.Text.Encoding.ASCII.GetBytes(text));
            stream.Flush(flushToDisk: true);
        }

        File.Move(next, file, overwrite: true);
    }

    private static void Write(string file, string text, bool secret)
    {
        if (OperatingSystem.IsWindows())
        {
            throw new PlatformNotSupportedException("the server runs on Unix systems");
        }

        WriteUnix(file, text, secret);
    }

    private static void RefuseOpenKey(string file)
    {
        if (!OperatingSystem.IsWindows() && (File.GetUnixFileMode(file) & (UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite)) != 0)
        {
            throw new ServerStartException($"the key file {file} can be read by others", "chmod 600 it, and replace the key if others may have read it");
        }
    }
}
