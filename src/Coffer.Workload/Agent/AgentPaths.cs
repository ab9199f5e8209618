using System.Net.Sockets;
using Coffer.Workload.Child;

namespace Coffer.Workload.Agent;

/// <summary>The two kinds of file that an agent makes: sockets, and a token file in memory. Where they are, nobody else may change names.</summary>
internal static class AgentPaths
{
    private const UnixFileMode OthersWrite = UnixFileMode.GroupWrite | UnixFileMode.OtherWrite;
    private static readonly string[] InMemory = ["tmpfs", "ramfs"];

    /// <summary>
    /// Makes way for a socket: removes one that nobody listens at. Throws <see cref="WorkloadException"/> where somebody does, where the path is something
    /// else, and where its folder is not safe.
    /// </summary>
    public static void MakeWay(string path)
    {
        CheckFolder(path);
        if (FileStatus.Of(path) is not { } old)
        {
            return;
        }

        if (old.Type != FileStatus.Socket)
        {
            throw new WorkloadException($"{path} is there, and no socket", "name another path, or move it away");
        }

        using Socket probe = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            probe.Connect(new UnixDomainSocketEndPoint(path));
        }
        catch (SocketException)
        {
            File.Delete(path);
            return;
        }

        throw new WorkloadException($"somebody listens at {path} already", "is another agent running?");
    }

    /// <summary>
    /// A token is kept in memory only: not on a disk, where it would outlive its deletion. Throws <see cref="WorkloadException"/> for another
    /// file system, for a folder that others may write to, and for a path that is something else.
    /// </summary>
    public static void CheckTokenFile(string path)
    {
        string folder = CheckFolder(path);
        if (!InMemory.Contains(new DriveInfo(folder).DriveFormat))
        {
            throw new WorkloadException($"{folder} is not in memory", "a token does not belong on a disk: name a file below /run or /dev/shm, where systemd's RuntimeDirectory= makes a folder");
        }

        if (FileStatus.Of(path) is { } old && old.Type != FileStatus.Regular)
        {
            throw new WorkloadException($"{path} is there, and no regular file", "name another path, or move it away");
        }
    }

    private static string CheckFolder(string path)
    {
        string folder = Path.GetDirectoryName(Path.GetFullPath(path)) ?? "/";
        FileStatus? status = FileStatus.Of(folder);
        return status is not { Type: FileStatus.Directory } ? throw new WorkloadException($"{folder} is no folder", "make it first: RuntimeDirectory= in the service's unit does")
            : !status.IsOurs || (status.Mode & OthersWrite) != 0
                ? throw new WorkloadException($"others may change what is in {folder}", "name a path in a folder of root's or the agent's own that nobody else may write to")
                : folder;
    }
}
