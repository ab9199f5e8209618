using System.Runtime.InteropServices;

namespace Coffer.Sources.Posix;

/// <summary>The few calls of the C library that the base class library does not offer with these flags.</summary>
internal static unsafe partial class LibC
{
    public const int O_RDONLY = 0, O_WRONLY = 1, O_CREAT = 0x40, O_EXCL = 0x80, O_NONBLOCK = 0x800, O_CLOEXEC = 0x80000;
    public const int AT_FDCWD = -100, AT_SYMLINK_NOFOLLOW = 0x100, AT_EMPTY_PATH = 0x1000;
    public const int LOCK_EX = 2, LOCK_NB = 4;
    public const int EPERM = 1, ENOENT = 2, EINTR = 4, EAGAIN = 11, EACCES = 13, EEXIST = 17, ENOTDIR = 20, EISDIR = 21, ENXIO = 6, ENOSPC = 28, EROFS = 30, ELOOP = 40;

    // These two differ between processors.
    public static int O_DIRECTORY { get; } = RuntimeInformation.ProcessArchitecture is Architecture.Arm64 or Architecture.Arm ? 0x4000 : 0x10000;

    public static int O_NOFOLLOW { get; } = RuntimeInformation.ProcessArchitecture is Architecture.Arm64 or Architecture.Arm ? 0x8000 : 0x20000;

    private const uint STATX_BASIC_STATS = 0x7FF;

    [LibraryImport("libc", EntryPoint = "openat", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    public static partial int OpenAt(int folder, string path, int flags, uint mode);

    [LibraryImport("libc", EntryPoint = "close")]
    public static partial int Close(int descriptor);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    public static partial nint Read(int descriptor, byte* buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    public static partial nint Write(int descriptor, byte* buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    public static partial int FSync(int descriptor);

    [LibraryImport("libc", EntryPoint = "fchmod", SetLastError = true)]
    public static partial int FChMod(int descriptor, uint mode);

    [LibraryImport("libc", EntryPoint = "fchown", SetLastError = true)]
    public static partial int FChOwn(int descriptor, uint user, uint group);

    [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
    public static partial int FLock(int descriptor, int operation);

    [LibraryImport("libc", EntryPoint = "renameat", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    public static partial int RenameAt(int fromFolder, string from, int toFolder, string to);

    [LibraryImport("libc", EntryPoint = "unlinkat", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    public static partial int UnlinkAt(int folder, string path, int flags);

    [LibraryImport("libc", EntryPoint = "geteuid")]
    public static partial uint GetEffectiveUser();

    /// <summary>What is at <paramref name="path"/>, or null with the error in <paramref name="error"/>.</summary>
    public static FileFacts? Stat(int folder, string path, int flags, out int error)
    {
        StatX stat;
        error = StatXAt(folder, path, flags, STATX_BASIC_STATS, &stat) == 0 ? 0 : Marshal.GetLastPInvokeError();
        return error != 0 ? null : new(stat.Mode, stat.User, stat.Group, stat.Inode, stat.Size, stat.Modified.Seconds, stat.Modified.Nanoseconds, stat.DeviceMajor, stat.DeviceMinor);
    }

    // statx and not stat: its layout is the same on every processor.
    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int StatXAt(int folder, string path, int flags, uint mask, StatX* stat);

    [StructLayout(LayoutKind.Sequential)]
    private struct TimeX
    {
        public long Seconds;
        public uint Nanoseconds;
        public int Reserved;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct StatX
    {
        public uint Mask, BlockSize;
        public ulong Attributes;
        public uint Links, User, Group;
        public ushort Mode, Spare0;
        public ulong Inode, Size, Blocks, AttributesMask;
        public TimeX Accessed, Born, Changed, Modified;
        public uint SpecialMajor, SpecialMinor, DeviceMajor, DeviceMinor;
        public fixed ulong Spare[14];
    }
}

/// <summary>What the file system says about a path. Two that are equal are the same file, unchanged.</summary>
internal sealed record FileFacts(ushort Mode, uint User, uint Group, ulong Inode, ulong Size, long ModifiedSeconds, uint ModifiedNanoseconds, uint DeviceMajor, uint DeviceMinor)
{
    public bool IsRegular => (Mode & 0xF000) == 0x8000;

    public bool IsFolder => (Mode & 0xF000) == 0x4000;

    public bool IsSymbolicLink => (Mode & 0xF000) == 0xA000;

    public bool IsSocket => (Mode & 0xF000) == 0xC000;

    public bool IsWritableByAnyone => (Mode & 0b010) != 0;

    /// <summary>What it is, for a message.</summary>
    public string Kind => (Mode & 0xF000) switch
    {
        0x1000 => "a named pipe",
        0x2000 or 0x6000 => "a device",
        0x4000 => "a directory",
        0x8000 => "a file",
        0xA000 => "a symbolic link",
        0xC000 => "a socket",
        _ => "not a file",
    };
}
