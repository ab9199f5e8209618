using System.Runtime.InteropServices;

namespace Coffer.Workload.Child;

/// <summary>Who owns a path itself, and what it is; never what a link at it points to.</summary>
/// <param name="Owner">The owner's uid.</param>
/// <param name="Type">The kind of file: <see cref="Regular"/>, <see cref="Socket"/> …</param>
/// <param name="Mode">Permissions.</param>
internal sealed unsafe partial record FileStatus(uint Owner, int Type, UnixFileMode Mode)
{
    public const int Regular = 0x8000, Socket = 0xC000, Directory = 0x4000;

    /// <summary>Null where there is no such file, or it cannot be told.</summary>
    public static FileStatus? Of(string path)
    {
        if (!OperatingSystem.IsLinux())
        {
            return null;
        }

        const int AtFdCwd = -100, NoFollow = 0x100, TypeModeAndOwner = 0x1 | 0x2 | 0x8, OwnerOffset = 20, ModeOffset = 28;
        byte* result = stackalloc byte[256];
        if (Statx(AtFdCwd, path, NoFollow, TypeModeAndOwner, result) != 0)
        {
            return null;
        }

        int mode = *(ushort*)(result + ModeOffset);
        return new(*(uint*)(result + OwnerOffset), mode & 0xF000, (UnixFileMode)(mode & 0xFFF));
    }

    /// <summary>The user this process acts as.</summary>
    [LibraryImport("libc", EntryPoint = "geteuid")]
    public static partial uint CurrentUser();

    /// <summary>Whether a file belongs to root or to this user: nobody else may change its mode.</summary>
    public bool IsOurs => Owner == 0 || Owner == CurrentUser();

    /// <summary>Gives a file to another user. Throws <see cref="IOException"/> where this process may not.</summary>
    public static void Give(string path, uint owner)
    {
        if (Chown(path, owner, uint.MaxValue) != 0)
        {
            throw new IOException("a file cannot be given to another user without CAP_CHOWN");
        }
    }

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(int folder, string path, int flags, uint mask, byte* result);

    [LibraryImport("libc", EntryPoint = "lchown", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int Chown(string path, uint owner, uint group);
}
