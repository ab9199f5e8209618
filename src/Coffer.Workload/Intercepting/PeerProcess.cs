using System.Globalization;
using Microsoft.Win32.SafeHandles;

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

    /// <summary>
    /// Every process that holds the socket. None where their files may not be seen: another user's are shown to root and to
    /// holders of CAP_SYS_PTRACE alone.
    /// </summary>
    public static IEnumerable<int> Holders(ulong inode) => All().Where(pid => Holds(pid, inode));

    /// <summary>
    /// The control groups of a process: where the unified hierarchy has it, and where systemd's own has it on machines with the old
    /// layout. Empty where that cannot be told.
    /// </summary>
    public static IReadOnlyList<string> ControlGroups(int pid) =>
        Read($"/proc/{pid.ToString(CultureInfo.InvariantCulture)}/cgroup") is { } lines ? ControlGroupsIn(lines) : [];

    /// <summary>The same of such a file's text.</summary>
    internal static IReadOnlyList<string> ControlGroupsIn(string lines)
    {
        List<string> groups = [];
        foreach (string line in lines.Split('\n'))
        {
            // "number:controllers:path"; a path may hold colons.
            string[] fields = line.Split(':', 3);
            if (fields is ["0", "", var unified] && unified.StartsWith('/'))
            {
                groups.Add(unified);
            }
            else if (fields is [_, "name=systemd", var named] && named.StartsWith('/'))
            {
                groups.Add(named);
            }
        }

        return groups;
    }

    /// <summary>The security module's label of a process, or null where there is none or it cannot be told.</summary>
    public static string? LabelOf(int pid) => Read($"/proc/{pid.ToString(CultureInfo.InvariantCulture)}/attr/current")?.TrimEnd('\0', '\n') is { Length: > 0 } label ? label : null;

    /// <summary>The number of the process that a handle stands for, or null where it has ended.</summary>
    public static int? NumberOf(SafeFileHandle process)
    {
        const string Field = "Pid:";
        string? line = Read($"/proc/self/fdinfo/{process.DangerousGetHandle().ToString(CultureInfo.InvariantCulture)}")?.Split('\n').FirstOrDefault(l => l.StartsWith(Field, StringComparison.Ordinal));
        return int.TryParse(line?[Field.Length..], NumberStyles.Integer, CultureInfo.InvariantCulture, out int pid) && pid > 0 ? pid : null;
    }

    /// <summary>The name of a process for a log: printable, 32 characters at most. It is the process's own word.</summary>
    public static string NameOf(int pid)
    {
        string name = Read($"/proc/{pid.ToString(CultureInfo.InvariantCulture)}/comm")?.TrimEnd('\n') ?? "";
        return new([.. name.Take(32).Select(c => c is > ' ' and <= '~' ? c : '?')]);
    }

    private static string? Read(string file)
    {
        try
        {
            return File.ReadAllText(file);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // Gone, another user's, or no such module.
            return null;
        }
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
