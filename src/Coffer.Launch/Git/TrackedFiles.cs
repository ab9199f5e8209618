using System.Text;
using Coffer.Launch.Posix;
using Coffer.Sources;
using Coffer.Sources.Posix;

namespace Coffer.Launch.Git;

/// <summary>Whether git tracks a file: a secret in version control is in every clone, for ever.</summary>
internal static class TrackedFiles
{
    private const int PathMax = 4096;

    /// <summary>Throws if git tracks <paramref name="path"/>, under its own name or, for a link, that of its target; also if that cannot be told.</summary>
    public static void Refuse(string path)
    {
        string? target = RealPath(path);
        string? folder = RealPath(Path.GetDirectoryName(path) is { Length: > 0 } parent ? parent : path.StartsWith('/') ? "/" : ".");
        string? named = folder is null ? null : Path.Combine(folder, Path.GetFileName(path));
        if ((named is not null && IsTracked(named, path)) || (target is not null && target != named && IsTracked(target, path)))
        {
            throw new LaunchException(
                CofferExit.Refused,
                $"{SourceException.Printable(path)}: git tracks this file",
                "take it out with git rm --cached and coffer init --env, and change what it held; --allow-tracked reads it all the same");
        }
    }

    // Every repository above counts, not only the nearest: an empty .git folder hides a file from git, not from the history it is in.
    private static bool IsTracked(string absolute, string shown)
    {
        for (string? root = Path.GetDirectoryName(absolute); root is not null; root = Path.GetDirectoryName(root))
        {
            if (GitFolder(Path.Combine(root, ".git"), root) is { } git)
            {
                byte[] name = Encoding.UTF8.GetBytes(absolute[(root.Length == 1 ? 1 : root.Length + 1)..]);
                if (Holds(git, name, shown))
                {
                    return true;
                }
            }
        }

        return false;
    }

    private static bool Holds(string git, byte[] name, string shown)
    {
        try
        {
            string index = Path.Combine(git, "index");
            if (!File.Exists(index))
            {
                return false;
            }

            // A split index keeps most entries in files of their own.
            return (GitIndex.Contains(index, name) ?? throw CannotTell(shown))
                || Directory.EnumerateFiles(git, "sharedindex.*").Any(shared => GitIndex.Contains(shared, name) ?? throw CannotTell(shown));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or SourceException)
        {
            throw CannotTell(shown);
        }
    }

    // A folder, or in a linked working tree and a submodule a file that names one.
    private static string? GitFolder(string path, string root)
    {
        if (Directory.Exists(path))
        {
            return path;
        }

        if (!File.Exists(path))
        {
            return null;
        }

        string text = Encoding.UTF8.GetString(RegularFile.Read(path, 2 * PathMax));
        return text.StartsWith("gitdir: ", StringComparison.Ordinal) && !text.Contains('\0', StringComparison.Ordinal)
            ? Path.Combine(root, text["gitdir: ".Length..].TrimEnd('\r', '\n'))
            : null;
    }

    private static unsafe string? RealPath(string path)
    {
        byte* buffer = stackalloc byte[PathMax + 1];
        return LibC.RealPath(path, buffer) is null ? null : Encoding.UTF8.GetString(System.Runtime.InteropServices.MemoryMarshal.CreateReadOnlySpanFromNullTerminated(buffer));
    }

    private static LaunchException CannotTell(string path) => new(
        CofferExit.Refused, $"{SourceException.Printable(path)}: cannot tell whether git tracks this file, as the repository's index cannot be read", "--allow-tracked reads it all the same");
}
