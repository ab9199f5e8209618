namespace Coffer.Workload.Child;

/// <summary>Finds a program as a shell does: a name with a slash is a path, any other is looked for in PATH and nowhere else.</summary>
public static class ProgramSearch
{
    private const UnixFileMode Execute = UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    /// <summary>The absolute path and 0, or null and 127 (not found) or 126 (found, not executable).</summary>
    public static (string? Path, int Exit) Find(string program, string? path)
    {
        if (program.Contains('/', StringComparison.Ordinal))
        {
            string full = System.IO.Path.GetFullPath(program);
            return !File.Exists(full) ? (null, 127) : IsExecutable(full) ? (full, 0) : (null, 126);
        }

        int exit = 127;
        foreach (string folder in (path ?? "/usr/local/bin:/usr/bin:/bin").Split(':'))
        {
            // An empty entry means the working folder, as in a shell; only if PATH says so.
            string candidate = System.IO.Path.GetFullPath(System.IO.Path.Combine(folder.Length == 0 ? "." : folder, program));
            if (File.Exists(candidate))
            {
                if (IsExecutable(candidate))
                {
                    return (candidate, 0);
                }

                exit = 126;
            }
        }

        return (null, exit);
    }

    private static bool IsExecutable(string file) => (File.GetUnixFileMode(file) & Execute) != 0;
}
