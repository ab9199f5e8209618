using System.Security.Cryptography;
using Coffer.Workload.Child;
using Microsoft.Win32.SafeHandles;

namespace Coffer.Workload.Agent;

/// <summary>
/// A file with the agent's own credential. It is read anew whenever it is needed and not kept, so that a new one counts at once and the
/// agent's memory holds none for long.
/// </summary>
public sealed class CredentialFile
{
    private const int Longest = 16 * 1024;
    private const UnixFileMode Others = UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;
    private const UnixFileMode Group = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute;

    private readonly string _path;
    private readonly UnixFileMode _forbidden;
    private readonly bool _followsLinks;

    private CredentialFile(string path, UnixFileMode forbidden, bool followsLinks)
    {
        _path = path;
        _forbidden = forbidden;
        _followsLinks = followsLinks;
    }

    /// <summary>A file of this user or root that nobody else may read: mode 0600 or 0400, and no link.</summary>
    public static CredentialFile Private(string path) => new(Path.GetFullPath(path), Group | Others, followsLinks: false);

    /// <summary>
    /// A credential that systemd loaded, by name. Its folder is in memory and this service's alone; group bits are how an access list shows there.
    /// Throws <see cref="WorkloadException"/> outside such a service, and for a name with a slash.
    /// </summary>
    public static CredentialFile FromSystemd(string name, Func<string, string?>? read = null)
    {
        string? folder = (read ?? Environment.GetEnvironmentVariable)("CREDENTIALS_DIRECTORY");
        return string.IsNullOrEmpty(folder) ? throw new WorkloadException("there is no CREDENTIALS_DIRECTORY", "say LoadCredential= in the service's unit, or name a file with --token-file")
            : name.Length == 0 || name.Contains('/', StringComparison.Ordinal) || name is "." or ".." ? throw new WorkloadException("a credential's name has no slash", "name it as LoadCredential= does")
            : new(Path.Combine(folder, name), Others, followsLinks: false);
    }

    /// <summary>A token that Kubernetes projects into a pod and renews there, through links. The pod is its boundary.</summary>
    public static CredentialFile Projected(string path) => new(Path.GetFullPath(path), UnixFileMode.OtherWrite | UnixFileMode.GroupWrite, followsLinks: true);

    /// <summary>Its text, without white space at the ends, as UTF-8. The caller zeroes it. Throws <see cref="WorkloadException"/>, which names the file and never its text.</summary>
    public byte[] Read()
    {
        using SafeFileHandle? file = FileStatus.Open(_path, _followsLinks, out bool isLink);
        // Of what is open, and not of its name: that could lead elsewhere a moment later.
        FileStatus? status = file is null ? null : FileStatus.Of(file);
        if (status is null && !isLink)
        {
            throw Missing();
        }

        if (file is null || status is not { Type: FileStatus.Regular })
        {
            throw new WorkloadException($"{_path} is not a regular file", "a link could lead anywhere: name the file itself");
        }

        if (!_followsLinks && !status.IsOurs)
        {
            throw new WorkloadException($"{_path} belongs to another user", "it must be root's or the agent's own");
        }

        if ((status.Mode & _forbidden) != 0)
        {
            throw new WorkloadException($"{_path} is open to others", $"chmod 600 {_path}, and make a new credential: this one may be known");
        }

        byte[] buffer = new byte[Longest + 1];
        try
        {
            using FileStream stream = new(file, FileAccess.Read, bufferSize: 0);
            int length = stream.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
            if (length > Longest)
            {
                throw new WorkloadException($"{_path} is too long for a credential", "it holds one token and nothing else");
            }

            ReadOnlySpan<byte> text = buffer.AsSpan(0, length).Trim(" \t\r\n"u8);
            return text.IsEmpty || text.ContainsAnyExceptInRange((byte)'!', (byte)'~')
                ? throw new WorkloadException($"{_path} holds no token", "it holds one token and nothing else")
                : text.ToArray();
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw Missing();
        }
        finally
        {
            CryptographicOperations.ZeroMemory(buffer);
        }
    }

    /// <inheritdoc/>
    public override string ToString() => _path;

    private WorkloadException Missing() => new($"{_path} is not there, or may not be read", "the agent reads it anew each time it needs a token");
}
