using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Coffer.Workload.Child;

/// <summary>Who owns a path itself, and what it is; never what a link at it points to.</summary>
/// <param name="Owner">The owner's uid.</param>
/// <param name="Type">The kind of file: <see cref="Regular"/>, <see cref="Socket"/> …</param>
/// <param name="Mode">Permissions.</param>
internal sealed unsafe partial record FileStatus(uint Owner, int Type, UnixFileMode Mode)
{
    public const int Regular = 0x8000, Socket = 0xC000, Directory = 0x4000, Link = 0xA000;

    private const int AtFdCwd = -100, NoFollow = 0x100, EmptyPath = 0x1000;

    // Some numbers of open(2) are another machine's on ARM.
    private static int OpenNoFollow => RuntimeInformation.ProcessArchitecture is Architecture.Arm64 or Architecture.Arm ? 0x8000 : 0x20000;

    /// <summary>Null where there is no such file, or it cannot be told.</summary>
    public static FileStatus? Of(string path) => Of(AtFdCwd, path, NoFollow);

    /// <summary>The same of a file that is open: whatever becomes of its name meanwhile.</summary>
    public static FileStatus? Of(SafeFileHandle file)
    {
        bool held = false;
        try
        {
            file.DangerousAddRef(ref held);
            return Of((int)file.DangerousGetHandle(), "", EmptyPath);
        }
        finally
        {
            if (held)
            {
                file.DangerousRelease();
            }
        }
    }

    /// <summary>
    /// Opens a file for reading without waiting for anybody, so that its status is looked at before its bytes are. Null where there is none or it may not be
    /// read; <paramref name="isLink"/> where it is a link that was not to be followed.
    /// </summary>
    public static SafeFileHandle? Open(string path, bool followsLinks, out bool isLink)
    {
        const int NonBlocking = 0x800, CloseOnExec = 0x80000, TooManyLinks = 40;
        int file = OpenFile(path, NonBlocking | CloseOnExec | (followsLinks ? 0 : OpenNoFollow));
        isLink = file < 0 && !followsLinks && Marshal.GetLastPInvokeError() == TooManyLinks;
        return file < 0 ? null : new(file, ownsHandle: true);
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

    private static FileStatus? Of(int folder, string path, int flags)
    {
        if (!OperatingSystem.IsLinux())
        {
            return null;
        }

        const int TypeModeAndOwner = 0x1 | 0x2 | 0x8, OwnerOffset = 20, ModeOffset = 28;
        byte* result = stackalloc byte[256];
        if (Statx(folder, path, flags, TypeModeAndOwner, result) != 0)
        {
            return null;
        }

        int mode = *(ushort*)(result + ModeOffset);
        return new(*(uint*)(result + OwnerOffset), mode & 0xF000, (UnixFileMode)(mode & 0xFFF));
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int OpenFile(string path, int flags);

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(int folder, string path, int flags, uint mask, byte* result);

    [LibraryImport("libc", EntryPoint = "lchown", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int Chown(string path, uint owner, uint group);
}
