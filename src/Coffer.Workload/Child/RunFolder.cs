using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace Coffer.Workload.Child;

/// <summary>
/// Files of one run in a folder of its own (0700): certificates, the Node preload, empty settings, a socket. Removed at the
/// end; what a killed run leaves is swept by the next. A run holds a lock as long as it lives, which the kernel drops with the
/// process however it ends: so neither a reused process id nor another PID namespace makes a live run look dead.
/// </summary>
internal sealed partial class RunFolder : IDisposable
{
    private const string Prefix = "coffer-run-";
    private const string LockName = "lock";
    private const int Writable = 3;

    // sockaddr_un holds 107 bytes; the longest name below and the folder's own are about 50.
    private const int MaxParentLength = 56;

    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode Readable = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    private readonly FileStream _lock;

    private RunFolder(string path, FileStream own)
    {
        Path = path;
        _lock = own;
    }

    public string Path { get; }

    /// <summary>Public roots, inherited roots and the run's CA.</summary>
    public string Bundle => System.IO.Path.Combine(Path, "bundle.pem");

    /// <summary>The run's CA alone.</summary>
    public string Authority => System.IO.Path.Combine(Path, "ca.pem");

    /// <summary>The run's CA and what the inherited NODE_EXTRA_CA_CERTS names: Node adds these to its own roots.</summary>
    public string NodeExtra => System.IO.Path.Combine(Path, "node.pem");

    /// <summary>Public and inherited roots for Java, and the run's CA.</summary>
    public string JavaTrust => System.IO.Path.Combine(Path, "trust.jks");

    /// <summary>The Node preload.</summary>
    public string Hook => System.IO.Path.Combine(Path, "hook.cjs");

    /// <summary>An empty gcloud configuration.</summary>
    public string Gcloud => System.IO.Path.Combine(Path, "gcloud");

    /// <summary>The short-lived token for HashiCorp Vault's clients, mode 0600.</summary>
    public string VaultToken => System.IO.Path.Combine(Path, "vault-token");

    /// <summary>Where the proxy reaches the TLS handler.</summary>
    public string Tunnel => System.IO.Path.Combine(Path, "tunnel.sock");

    /// <summary>Public and inherited roots, without the run's CA, in PEM.</summary>
    public required string Roots { get; init; }

    public static RunFolder Create(string authorityPem, string names, IReadOnlyDictionary<string, string> inherited)
    {
        string parent = Parent(inherited);
        Sweep(parent);
        string path = System.IO.Path.Combine(parent, $"{Prefix}{Environment.ProcessId.ToString(CultureInfo.InvariantCulture)}-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8))}");
        Directory.CreateDirectory(path, Private);
        // Another user could have made it first, had they guessed the name.
        if (FileStatus.Of(path) is { } made && made.Owner != FileStatus.CurrentUser())
        {
            throw new WorkloadException("the folder of this run belongs to another user", "set XDG_RUNTIME_DIR or TMPDIR to a folder of your own");
        }

        RunFolder folder = new(path, Lock(path, FileMode.Create)!) { Roots = CaBundle.Build(inherited) };
        Directory.CreateDirectory(folder.Gcloud, Private);
        Write(folder.Authority, authorityPem);
        Write(folder.Bundle, folder.Roots + authorityPem);
        string? extra = inherited.GetValueOrDefault("NODE_EXTRA_CA_CERTS");
        Write(folder.NodeExtra, (File.Exists(extra) ? CaBundle.Merge([File.ReadAllText(extra)]) : "") + authorityPem);
        using StreamReader hook = new(Assembly.GetExecutingAssembly().GetManifestResourceStream("Coffer.Workload.hook.cjs")!);
        Write(folder.Hook, hook.ReadToEnd().Replace("/__NAMES__/", $"/{names}/i", StringComparison.Ordinal));
        return folder;
    }

    public void Dispose()
    {
        Remove(Path);
        _lock.Dispose();
    }

    /// <summary>Removes what dead runs of this user left. Public for tests only through <see cref="Create"/>.</summary>
    internal static void Sweep(string parent)
    {
        foreach (string folder in Directory.EnumerateDirectories(parent, Prefix + "*"))
        {
            // Never another user's: deleting a tree that somebody else can change under us could be led elsewhere.
            if (FileStatus.Of(folder)?.Owner == FileStatus.CurrentUser() && IsDead(folder))
            {
                Remove(folder);
            }
        }
    }

    private static string Parent(IReadOnlyDictionary<string, string> inherited)
    {
        // In memory where there is a place for it: what a killed run leaves then is gone with the machine's next start.
        IEnumerable<string?> places = [inherited.GetValueOrDefault("XDG_RUNTIME_DIR"), "/dev/shm", System.IO.Path.GetTempPath(), "/tmp"];
        return places.OfType<string>().Select(p => p.TrimEnd('/')).FirstOrDefault(p => p.Length > 0 && Encoding.UTF8.GetByteCount(p) <= MaxParentLength && Directory.Exists(p) && Access(p, Writable) == 0) ?? "/tmp";
    }

    private static bool IsDead(string folder)
    {
        try
        {
            using FileStream? free = Lock(folder, FileMode.Open);
            if (free is not null)
            {
                return true;
            }

            // Between making the folder and taking the lock there is none: then only the process tells.
            return !File.Exists(System.IO.Path.Combine(folder, LockName)) && !Directory.Exists($"/proc/{System.IO.Path.GetFileName(folder)[Prefix.Length..].Split('-')[0]}");
        }
        catch (UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static FileStream? Lock(string folder, FileMode mode)
    {
        try
        {
            return new(System.IO.Path.Combine(folder, LockName), mode, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException) when (mode == FileMode.Open)
        {
            return null;
        }
    }

    private static void Write(string file, string text)
    {
        File.WriteAllText(file, text, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
        File.SetUnixFileMode(file, Readable);
    }

    private static void Remove(string folder)
    {
        try
        {
            Directory.Delete(folder, recursive: true);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // Gone already, or a file of it is in the way; the next sweep tries again.
        }
    }

    [LibraryImport("libc", EntryPoint = "access", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Access(string path, int mode);
}
