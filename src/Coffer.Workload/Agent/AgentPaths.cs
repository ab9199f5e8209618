using System.Net.Sockets;
using Coffer.Workload.Child;

namespace Coffer.Workload.Agent;

/// <summary>The two kinds of file that an agent makes: sockets, and a token file in memory. Where they are, nobody else may change names.</summary>
internal static class AgentPaths
{
    private const int MostLinks = 40;
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

    /// <summary>
    /// The folder of a path. Throws where others may change a name in it, or on the way to it: whoever may rename a folder above decides what is below.
    /// Above, a folder that is everybody's will do if its sticky bit keeps what is ours in its place.
    /// </summary>
    public static string CheckFolder(string path)
    {
        string folder = Path.GetDirectoryName(Path.GetFullPath(path)) ?? "/";
        if (FileStatus.Of(folder) is not { Type: FileStatus.Directory })
        {
            throw NoFolder(folder);
        }

        string at = "/";
        int links = 0;
        Stack<string> ahead = new(folder.Split('/', StringSplitOptions.RemoveEmptyEntries).Reverse());
        CheckNames(at, FileStatus.Of(at), isLast: ahead.Count == 0);
        while (ahead.TryPop(out string? name))
        {
            string next = name == ".." ? Path.GetDirectoryName(at) ?? "/" : Path.Combine(at, name);
            FileStatus? status = FileStatus.Of(next);
            if (status is { Type: FileStatus.Link, IsOurs: true } && ++links <= MostLinks && new FileInfo(next).LinkTarget is { } target)
            {
                at = target.StartsWith('/') ? "/" : at;
                foreach (string part in target.Split('/', StringSplitOptions.RemoveEmptyEntries).Where(p => p != ".").Reverse())
                {
                    ahead.Push(part);
                }

                continue;
            }

            CheckNames(next, status, isLast: ahead.Count == 0);
            at = next;
        }

        return folder;
    }

    private static void CheckNames(string folder, FileStatus? status, bool isLast)
    {
        if (status is null)
        {
            throw NoFolder(folder);
        }

        bool isOthers = (status.Mode & OthersWrite) != 0 && (isLast || !status.Mode.HasFlag(UnixFileMode.StickyBit));
        if (status.Type != FileStatus.Directory || !status.IsOurs || isOthers)
        {
            throw new WorkloadException($"others may change what is in {folder}", "name a path in a folder of root's or the agent's own that nobody else may write to, nor to any folder above");
        }
    }

    private static WorkloadException NoFolder(string folder) => new($"{folder} is no folder", "make it first: RuntimeDirectory= in the service's unit does");
}
