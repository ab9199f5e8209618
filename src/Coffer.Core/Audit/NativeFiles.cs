using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Coffer.Core.Audit;

/// <summary>
/// What .NET's file API cannot ask of Linux: opening without following a link, appending in the kernel, flushing data
/// without times, and a lock that ends with the process. Elsewhere the nearest that .NET offers.
/// </summary>
internal static class NativeFiles
{
    private const int ReadOnly = 0, WriteOnly = 1, Create = 0x40, NonBlocking = 0x800, AppendOnly = 0x400, CloseOnExec = 0x80000;
    private const int LockExclusive = 2, LockNonBlocking = 4, Interrupted = 4, WouldBlock = 11;

    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    // These two differ between architectures; the rest of Linux agrees.
    private static bool IsArm => RuntimeInformation.ProcessArchitecture is Architecture.Arm64 or Architecture.Arm;

    private static int NoFollow => IsArm ? 0x8000 : 0x20000;

    private static int DirectoryOnly => IsArm ? 0x4000 : 0x10000;

    public static SafeFileHandle OpenRead(string path)
    {
        if (!OperatingSystem.IsLinux())
        {
            RefuseLink(path);
            return File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        }

        return Regular(Open(path, ReadOnly | NonBlocking | NoFollow | CloseOnExec), path);
    }

    /// <summary>Opens or makes a file, mode 0600; every write goes to its end, whatever else happens to it.</summary>
    public static SafeFileHandle OpenAppend(string path)
    {
        if (!OperatingSystem.IsLinux())
        {
            return OpenWrite(path);
        }

        SafeFileHandle handle = Regular(Open(path, WriteOnly | Create | AppendOnly | NonBlocking | NoFollow | CloseOnExec), path);
        File.SetUnixFileMode(handle, Private);
        return handle;
    }

    /// <summary>Opens or makes a file, mode 0600, to be written in place.</summary>
    public static SafeFileHandle OpenWrite(string path)
    {
        if (OperatingSystem.IsLinux())
        {
            SafeFileHandle opened = Regular(Open(path, WriteOnly | Create | NonBlocking | NoFollow | CloseOnExec), path);
            File.SetUnixFileMode(opened, Private);
            return opened;
        }

        RefuseLink(path);
        SafeFileHandle handle = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite);
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(handle, Private);
        }

        return handle;
    }

    /// <summary>Takes the lock that the whole process holds until the handle is closed; null where another has it.</summary>
    public static SafeFileHandle? TryLock(string path)
    {
        if (!OperatingSystem.IsLinux())
        {
            try
            {
                return File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException)
            {
                return null;
            }
        }

        SafeFileHandle handle = OpenWrite(path);
        if (flock(handle, LockExclusive | LockNonBlocking) == 0)
        {
            return handle;
        }

        int error = Marshal.GetLastPInvokeError();
        handle.Dispose();
        return error == WouldBlock ? null : throw Failure(error, path);
    }

    /// <summary>Data and length are on the disk when it returns.</summary>
    public static void Sync(SafeFileHandle handle)
    {
        if (!OperatingSystem.IsLinux())
        {
            RandomAccess.FlushToDisk(handle);
            return;
        }

        while (fdatasync(handle) != 0)
        {
            int error = Marshal.GetLastPInvokeError();
            if (error != Interrupted)
            {
                throw Failure(error, "fdatasync");
            }
        }
    }

    /// <summary>The folder's entries are on the disk when it returns.</summary>
    public static void SyncDirectory(string path)
    {
        if (OperatingSystem.IsLinux())
        {
            using SafeFileHandle handle = Open(path, ReadOnly | DirectoryOnly | CloseOnExec);
            RandomAccess.FlushToDisk(handle);
        }
    }

    private static SafeFileHandle Open(string path, int flags)
    {
        byte[] text = new byte[Encoding.UTF8.GetMaxByteCount(path.Length) + 1];
        Encoding.UTF8.GetBytes(path, text);
        while (true)
        {
            int descriptor = open(text, flags, (int)Private);
            if (descriptor >= 0)
            {
                return new SafeFileHandle(descriptor, ownsHandle: true);
            }

            int error = Marshal.GetLastPInvokeError();
            if (error != Interrupted)
            {
                throw Failure(error, path);
            }
        }
    }

    // A pipe or device in the folder is not ours either.
    private static SafeFileHandle Regular(SafeFileHandle handle, string path)
    {
        try
        {
            _ = RandomAccess.GetLength(handle);
            return handle;
        }
        catch (NotSupportedException)
        {
            handle.Dispose();
            throw new IOException($"{Path.GetFileName(path)} is not a regular file");
        }
    }

    private static void RefuseLink(string path)
    {
        if (new FileInfo(path).LinkTarget is not null)
        {
            throw new IOException($"{Path.GetFileName(path)} is a link");
        }
    }

    private static IOException Failure(int error, string path)
    {
        const int NoEntry = 2, Loop = 40;
        string name = Path.GetFileName(path);
        return error switch
        {
            NoEntry => new FileNotFoundException($"{name} does not exist"),
            Loop => new IOException($"{name} is a link", error),
            _ => new IOException($"{name}: {new Win32Exception(error).Message}", error),
        };
    }

#pragma warning disable SYSLIB1054 // The generated form needs unsafe code for the whole project; these four take only integers and bytes.
#pragma warning disable CA1838, CA2101, IDE1006
    [DllImport("libc", SetLastError = true), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int open(byte[] path, int flags, int mode);

    [DllImport("libc", SetLastError = true), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int fdatasync(SafeFileHandle handle);

    [DllImport("libc", SetLastError = true), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int flock(SafeFileHandle handle, int operation);
#pragma warning restore
}
