using System.Globalization;

namespace Coffer.Workload.Intercepting;

/// <summary>Which process holds a socket: the kernel shows each process's open files to itself, its user and root.</summary>
internal static class PeerProcess
{
    /// <summary>A process and all below it, nearest first. Orphans of a run are its children, since it adopts them.</summary>
    public static IEnumerable<int> Below(int root)
    {
        ILookup<int, int> children = All().Select(pid => (Pid: pid, Parent: ParentOf(pid))).Where(p => p.Parent is not null).ToLookup(p => p.Parent!.Value, p => p.Pid);
        Queue<int> ahead = new([root]);
        HashSet<int> seen = [root];
        while (ahead.TryDequeue(out int pid))
        {
            yield return pid;
            foreach (int child in children[pid].Where(seen.Add))
            {
                ahead.Enqueue(child);
            }
        }
    }

    /// <summary>Every process that can be seen.</summary>
    public static IEnumerable<int> All()
    {
        foreach (string folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out int pid))
            {
                yield return pid;
            }
        }
    }

    /// <summary>Whether a process holds the socket. A process whose files may not be seen holds nothing.</summary>
    public static bool Holds(int pid, ulong inode)
    {
        string wanted = $"socket:[{inode.ToString(CultureInfo.InvariantCulture)}]";
        try
        {
            foreach (string descriptor in Directory.EnumerateFileSystemEntries($"/proc/{pid.ToString(CultureInfo.InvariantCulture)}/fd"))
            {
                if (string.Equals(LinkOf(descriptor), wanted, StringComparison.Ordinal))
                {
                    return true;
                }
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // Gone, or another user's.
        }

        return false;
    }

    private static string? LinkOf(string descriptor)
    {
        try
        {
            return new FileInfo(descriptor).LinkTarget;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static int? ParentOf(int pid)
    {
        try
        {
            // "pid (name) state parent …": the name may hold spaces and brackets.
            string stat = File.ReadAllText($"/proc/{pid.ToString(CultureInfo.InvariantCulture)}/stat");
            string[] rest = stat[(stat.LastIndexOf(')') + 1)..].Split(' ', 3, StringSplitOptions.RemoveEmptyEntries);
            return int.Parse(rest[1], CultureInfo.InvariantCulture);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
