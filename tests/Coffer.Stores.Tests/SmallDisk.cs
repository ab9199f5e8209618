using System.Diagnostics;

namespace Coffer.Stores.Tests;

/// <summary>A file system in memory of a given size, mounted on a folder; only root may do that, and CI is root.</summary>
internal sealed class SmallDisk : IDisposable
{
    private readonly string _folder;

    public SmallDisk(string folder, string size)
    {
        _folder = folder;
        Directory.CreateDirectory(folder);
        Run("mount", "-t", "tmpfs", "-o", $"size={size},mode=700", "tmpfs", folder);
    }

    /// <summary>Changes an option: "ro", "rw" or "size=8m".</summary>
    public void Remount(string option) => Run("mount", "-o", $"remount,{option}", _folder);

    public void Dispose() => Run("umount", "--lazy", _folder);

    private static void Run(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"this test needs the right to mount a small tmpfs (run it as root, or in a container with CAP_SYS_ADMIN): {error.Trim()}");
        }
    }
}
