using Coffer.Workload.Child;
using Microsoft.Win32.SafeHandles;

namespace Coffer.Workload.Agent;

/// <summary>A file that decides who gets whose credentials, and so one that nobody else may have written: this user's or root's, in such folders.</summary>
public static class OwnedFile
{
    private const int Longest = 1024 * 1024;

    /// <summary>
    /// Its bytes. Throws <see cref="FileNotFoundException"/> where there is none, and <see cref="WorkloadException"/> for a link, for what is no file, and
    /// where another user owns it or may change it, or a folder on the way to it. What is judged is the open file, not a name that may mean another one a moment later.
    /// </summary>
    public static byte[] Read(string path)
    {
        path = Path.GetFullPath(path);
        if (!Directory.Exists(Path.GetDirectoryName(path)))
        {
            throw new FileNotFoundException(null, path);
        }

        AgentPaths.CheckFolder(path);
        using SafeFileHandle? file = FileStatus.Open(path, followsLinks: false, out bool isLink);
        if (isLink)
        {
            throw new WorkloadException($"{path} is a link", "a link could lead anywhere: name the file itself");
        }

        if (file is null)
        {
            throw FileStatus.Of(path) is null ? new FileNotFoundException(null, path) : new WorkloadException($"{path} may not be read", "it must be root's or the agent's own, and readable by the agent");
        }

        if (FileStatus.Of(file) is not { Type: FileStatus.Regular } status)
        {
            throw new WorkloadException($"{path} is not a regular file", "name a file");
        }

        if (!status.IsOurs)
        {
            throw new WorkloadException($"{path} belongs to another user", "it must be root's or the agent's own");
        }

        if ((status.Mode & (UnixFileMode.GroupWrite | UnixFileMode.OtherWrite)) != 0)
        {
            throw new WorkloadException($"{path} may be changed by others", $"chmod go-w {path}");
        }

        byte[] bytes = new byte[Longest + 1];
        using FileStream stream = new(file, FileAccess.Read, bufferSize: 0);
        int length = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        return length <= Longest ? bytes[..length] : throw new WorkloadException($"{path} is too long", "it has a mebibyte at most");
    }
}
