using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;

namespace Coffer.Login.Sessions;

/// <summary>Files that are their owner's alone. What is judged is the open file, not a name that may mean another one a moment later.</summary>
internal static unsafe partial class PrivateFile
{
    private const UnixFileMode Owner = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode Writable = UnixFileMode.GroupWrite | UnixFileMode.OtherWrite;
    private const int MaxBytes = 16 * 1024;

    private const int NotFound = 2, IsLink = 40, EmptyPath = 0x1000;

    // Linux: read only, no link (that flag is not the same on every processor), no wait for a pipe's other end, not for children.
    private static readonly int OpenFlags = (RuntimeInformation.ProcessArchitecture is Architecture.Arm64 or Architecture.Arm ? 0x8000 : 0x20000) | 0x800 | 0x80000;

    /// <summary>Reads a file whole into a pinned buffer, which the caller zeroes; null where there is none. Throws <see cref="LoginException"/> where it is not ours alone.</summary>
    /// <param name="path">The file.</param>
    /// <param name="seenIsEnough">Whether a file that others may have read, but not written, is read all the same: what it says is still ours.</param>
    public static byte[]? Read(string path, bool seenIsEnough = false)
    {
        if (!Directory.Exists(Path.GetDirectoryName(path)))
        {
            return null;
        }

        CheckFolder(Path.GetDirectoryName(path)!);
        using SafeFileHandle? handle = Open(path);
        if (handle is null)
        {
            return null;
        }

        if (!IsRegular(handle) || (OwnerOf(handle) is { } owner && owner != EffectiveUser()))
        {
            throw Unsafe($"{path} is not a file of yours");
        }

        UnixFileMode mode = File.GetUnixFileMode(handle);
        if ((mode & Writable) != 0)
        {
            throw Unsafe($"{path} can be written by others", "it may not be what you wrote: coffer logout removes it; then log in again");
        }

        if ((mode & ~Owner) != 0 && !seenIsEnough)
        {
            throw Unsafe($"{path} can be read by others", "whoever read it has your session: coffer logout ends it; then log in again");
        }

        long length = RandomAccess.GetLength(handle);
        if (length > MaxBytes)
        {
            throw Unsafe($"{path} is no session");
        }

        byte[] bytes = GC.AllocateUninitializedArray<byte>((int)length, pinned: true);
        int read = 0;
        while (read < bytes.Length && RandomAccess.Read(handle, bytes.AsSpan(read), read) is > 0 and var more)
        {
            read += more;
        }

        if (read < bytes.Length)
        {
            CryptographicOperations.ZeroMemory(bytes);
            throw Unsafe($"{path} changed while it was read");
        }

        return bytes;
    }

    /// <summary>Puts a file in place whole, or not at all.</summary>
    public static void Write(string path, ReadOnlySpan<byte> bytes)
    {
        string folder = Path.GetDirectoryName(path)!;
        Directory.CreateDirectory(folder, Owner | UnixFileMode.UserExecute);
        CheckFolder(folder);
        string part = $"{path}.{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8))}";
        try
        {
            using (FileStream stream = new(part, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = Owner, BufferSize = 0 }))
            {
                stream.Write(bytes);
                stream.Flush(flushToDisk: true);
            }

            File.Move(part, path, overwrite: true);
        }
        catch
        {
            File.Delete(part);
            throw;
        }
    }

    // Whoever may write the folder may put another file there.
    private static void CheckFolder(string folder)
    {
        using SafeFileHandle? handle = OperatingSystem.IsLinux() ? OpenLinux(folder) : null;
        if (handle is not null && OwnerOf(handle) is { } owner && owner != EffectiveUser())
        {
            throw Unsafe($"{folder} is not a folder of yours");
        }

        if (((handle is null ? File.GetUnixFileMode(folder) : File.GetUnixFileMode(handle)) & Writable) != 0)
        {
            throw Unsafe($"{folder} can be written by others", $"chmod 700 {folder}, coffer logout, and log in again");
        }
    }

    private static SafeFileHandle? Open(string path)
    {
        if (OperatingSystem.IsLinux())
        {
            return OpenLinux(path);
        }

        if (new FileInfo(path) is { LinkTarget: not null })
        {
            throw Unsafe($"{path} is a link");
        }

        return File.Exists(path) ? File.OpenHandle(path) : null;
    }

    private static SafeFileHandle? OpenLinux(string path)
    {
        int descriptor = OpenFile(path, OpenFlags);
        return descriptor >= 0 ? new(descriptor, ownsHandle: true) : Marshal.GetLastPInvokeError() switch
        {
            NotFound => null,
            IsLink => throw Unsafe($"{path} is a link"),
            _ => throw Unsafe($"{path} cannot be opened"),
        };
    }

    private static bool IsRegular(SafeFileHandle handle)
    {
        const int typeMask = 0xF000, regular = 0x8000, typeBit = 0x1, modeOffset = 28;
        byte* state = stackalloc byte[256];
        return !OperatingSystem.IsLinux() || (State(handle, "", EmptyPath, typeBit, state) == 0 && (*(ushort*)(state + modeOffset) & typeMask) == regular);
    }

    private static uint? OwnerOf(SafeFileHandle handle)
    {
        const int ownerBit = 0x8, ownerOffset = 20;
        byte* state = stackalloc byte[256];
        return OperatingSystem.IsLinux() ? State(handle, "", EmptyPath, ownerBit, state) == 0 ? *(uint*)(state + ownerOffset) : uint.MaxValue : null;
    }

    private static LoginException Unsafe(string problem, string? hint = null) => new(LoginFault.UnsafeFile, problem, hint ?? "coffer logout removes it; then log in again");

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int OpenFile(string path, int flags);

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int State(SafeFileHandle file, string path, int flags, uint mask, byte* result);

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint EffectiveUser();
}
