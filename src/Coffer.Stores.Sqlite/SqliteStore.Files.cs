using System.Runtime.InteropServices;
using Coffer.Core.Stores;
using Microsoft.Win32.SafeHandles;

namespace Coffer.Stores.Sqlite;

/// <summary>The folder and its files: who may read them, who holds them, and on what kind of file system they are.</summary>
internal static partial class SqliteFiles
{
    public const string Database = "coffer.db", LockFile = "coffer.lock";

    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode Others =
        UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    private const int LockExclusive = 2, LockWithoutWaiting = 4, WouldBlock = 11;

    private static readonly byte[] Header = "SQLite format 3\0"u8.ToArray();

    /// <summary>Names that SQLite and we make in the folder.</summary>
    private static readonly string[] Names = [Database, Database + "-wal", Database + "-shm", LockFile];

    /// <summary>Checks or makes the folder and the empty database, and takes the lock that is held as long as the answer is open.</summary>
    public static SafeFileHandle Claim(string folder)
    {
        try
        {
            return ClaimFolder(folder);
        }
        catch (Exception failure) when (failure is UnauthorizedAccessException or IOException)
        {
            throw new StoreStartException(StoreStartReason.NotWritable, $"the folder {folder} cannot be written; check its owner, and that its file system is writable and has room", failure);
        }
    }

    /// <summary>Makes an empty file with mode 0600, durably; <see cref="IOException"/> if it exists.</summary>
    public static void CreateEmpty(string file)
    {
        FileStreamOptions options = new() { Mode = FileMode.CreateNew, Access = FileAccess.ReadWrite, Share = FileShare.ReadWrite, BufferSize = 0 };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = OwnerOnly;
        }

        using (FileStream stream = new(file, options))
        {
            stream.Flush(flushToDisk: true);
        }

        FlushFolder(Path.GetDirectoryName(Path.GetFullPath(file))!);
    }

    public static void Flush(string file)
    {
        using (SafeFileHandle handle = OpenHandle(file))
        {
            RandomAccess.FlushToDisk(handle);
        }

        FlushFolder(Path.GetDirectoryName(Path.GetFullPath(file))!);
    }

    /// <summary>Whether a statfs magic number is that of a network file system: NFS, SMB, CIFS, SMB2, AFS (two), Coda, NCP.</summary>
    public static bool IsNetwork(long magic) =>
        (uint)magic is 0x6969 or 0x517B or 0xFF534D42 or 0xFE534D42 or 0x5346414F or 0x6B414653 or 0x73757245 or 0x564C;

    private static SafeFileHandle ClaimFolder(string folder)
    {
        if (!Directory.Exists(folder))
        {
            _ = OperatingSystem.IsWindows() ? Directory.CreateDirectory(folder) : Directory.CreateDirectory(folder, OwnerOnly | UnixFileMode.UserExecute);
        }

        RefuseOthers(folder, "the folder", "chmod 700");
        if (OperatingSystem.IsLinux() && IsNetwork(FileSystemOf(folder)))
        {
            throw new StoreStartException(
                StoreStartReason.NetworkFileSystem,
                $"the folder {folder} is on a network file system, where locks and syncs cannot be trusted; use a local disk, or the PostgreSQL store");
        }

        foreach (string name in Names)
        {
            FileInfo file = new(Path.Combine(folder, name));
            if (file.LinkTarget is not null)
            {
                throw new StoreStartException(StoreStartReason.SymbolicLink, $"{file.FullName} is a symbolic link; name the real folder instead");
            }

            if (file.Exists)
            {
                RefuseOthers(file.FullName, "the file", "chmod 600");
            }
        }

        string lockFile = Path.Combine(folder, LockFile), database = Path.Combine(folder, Database);
        CreateMissing(lockFile);
        SafeFileHandle held;
        try
        {
            held = OpenHandle(lockFile);
        }
        catch (IOException taken) when (taken.HResult == WouldBlock)
        {
            // The runtime takes a shared lock of its own on whatever it opens, and so meets the other's first.
            throw new StoreStartException(StoreStartReason.InUse, $"another Coffer is running on {folder}; stop it first", taken);
        }

        try
        {
            // The kernel lets go of the lock with the process, however it ends: nothing stale can remain.
            if (!OperatingSystem.IsWindows() && Flock(held, LockExclusive | LockWithoutWaiting) != 0)
            {
                throw new StoreStartException(StoreStartReason.InUse, $"another Coffer is running on {folder}; stop it first");
            }

            CreateMissing(database);
            CheckHeader(database);
            return held;
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    private static void CreateMissing(string file)
    {
        try
        {
            if (!File.Exists(file))
            {
                CreateEmpty(file);
            }
        }
        catch (IOException) when (File.Exists(file))
        {
            // Another process was faster; the lock decides which of the two goes on.
        }
    }

    private static void CheckHeader(string database)
    {
        using SafeFileHandle handle = OpenHandle(database);
        if (RandomAccess.GetLength(handle) == 0)
        {
            return;
        }

        byte[] start = new byte[Header.Length];
        RandomAccess.Read(handle, start, 0);
        if (!start.AsSpan().SequenceEqual(Header))
        {
            throw new StoreStartException(StoreStartReason.NotADatabase, $"{database} is not a database; restore a backup, or give Coffer a folder of its own");
        }
    }

    private static SafeFileHandle OpenHandle(string file) => File.OpenHandle(file, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);

    private static void RefuseOthers(string path, string what, string remedy)
    {
        if (!OperatingSystem.IsWindows() && (File.GetUnixFileMode(path) & Others) != 0)
        {
            throw new StoreStartException(StoreStartReason.OpenToOthers, $"{what} {path} is open to other users; run: {remedy} '{path}'");
        }
    }

    private static void FlushFolder(string folder)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        int descriptor = Open(folder, 0);
        if (descriptor >= 0)
        {
            _ = Fsync(descriptor);
            _ = Close(descriptor);
        }
    }

    /// <summary>The kernel's magic number of the file system; 0 where it cannot be told.</summary>
    private static unsafe long FileSystemOf(string folder)
    {
        // struct statfs begins with f_type, a long on every 64-bit Linux; the whole is below 256 bytes.
        byte* buffer = stackalloc byte[256];
        return StatFs(folder, buffer) == 0 ? *(long*)buffer : 0;
    }

    [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
    private static partial int Flock(SafeFileHandle file, int operation);

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Fsync(int descriptor);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int descriptor);

    [LibraryImport("libc", EntryPoint = "statfs", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static unsafe partial int StatFs(string path, byte* buffer);
}
