using Coffer.Launch.Posix;
using Coffer.Sources;

namespace Coffer.Launch.Processes;

/// <summary>Finds a program as a shell does.</summary>
internal static class ProgramPath
{
    // What the C library searches when PATH is not set. The current directory is not in it.
    private const string Default = "/bin:/usr/bin";

    /// <summary>
    /// The file to execute. A name with a slash is a path; another is looked up in <paramref name="path"/>, where an empty element is the
    /// current directory, as POSIX says. Throws with exit code 127 or 126.
    /// </summary>
    public static string Find(string name, string? path)
    {
        string shown = SourceException.Printable(name);
        if (name.Contains('/', StringComparison.Ordinal))
        {
            return !File.Exists(name) && !Directory.Exists(name) ? throw NotFound(shown, "check the path")
                : Directory.Exists(name) ? throw NotExecutable(shown, "is a directory", "name a program in it")
                : IsExecutable(name) ? name
                : throw NotExecutable(shown, "is not executable", "chmod +x makes it so, if it is a program");
        }

        string? found = null;
        if (name.Length > 0)
        {
            foreach (string folder in (path ?? Default).Split(':'))
            {
                string candidate = folder.Length == 0 ? $"./{name}" : $"{folder}/{name}";
                if (File.Exists(candidate))
                {
                    if (IsExecutable(candidate))
                    {
                        return candidate;
                    }

                    found ??= candidate;
                }
            }
        }

        throw found is null
            ? NotFound(shown, File.Exists(name) ? "to run a program of the current directory, write ./ before its name" : "check the name and PATH")
            : NotExecutable(SourceException.Printable(found), "is not executable", "chmod +x makes it so, if it is a program");
    }

    internal static LaunchException NotFound(string shown, string hint) => new(CofferExit.ProgramNotFound, $"{shown}: program not found", hint);

    internal static LaunchException NotExecutable(string shown, string problem, string? hint) => new(CofferExit.NotExecutable, $"{shown} {problem}", hint);

    private static bool IsExecutable(string path) => LibC.AccessAt(LibC.AT_FDCWD, path, LibC.X_OK, LibC.AT_EACCESS) == 0;
}
