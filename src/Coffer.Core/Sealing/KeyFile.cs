using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Coffer.Core.Audit;
using Coffer.Core.Secrets;
using Microsoft.Win32.SafeHandles;

namespace Coffer.Core.Sealing;

/// <summary>
/// Reads and makes files of 32 key bytes. What is read is checked on the opened file, not on its name: a regular file, no
/// link, ours, and closed to everybody else.
/// </summary>
internal static class KeyFile
{
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode Others = (UnixFileMode)0b111_111;

    /// <summary>The key, or null where there is no file. Throws <see cref="SealRefusedException"/>.</summary>
    /// <param name="path">The file.</param>
    /// <param name="user">Who must own it; by default the user that runs this program.</param>
    public static SecretValue? Read(string path, uint? user = null)
    {
        using SafeFileHandle? handle = Open(path, user);
        return handle is null ? null
            : ReadKey(handle, path) ?? throw new SealRefusedException(SealRefusal.Unusable, $"key file {path} does not hold {KeyWrap.KeyBytes} random bytes");
    }

    /// <summary>Whether there is a file of ours that a crash cut short: too small, or of the right size with bytes that never reached the disk.</summary>
    public static bool IsIncomplete(string path)
    {
        using SafeFileHandle? handle = Open(path, null);
        if (handle is null || RandomAccess.GetLength(handle) > KeyWrap.KeyBytes)
        {
            return false;
        }

        using SecretValue? key = ReadKey(handle, path);
        return key is null;
    }

    /// <summary>
    /// Makes a file of mode 0600 that holds the key and is on the disk, with its name, when this returns. Refuses a file
    /// that is there.
    /// </summary>
    public static void Create(string path, SecretValue key)
    {
        try
        {
            FileStreamOptions options = new() { Mode = FileMode.CreateNew, Access = FileAccess.Write, BufferSize = 0 };
            if (!OperatingSystem.IsWindows())
            {
                options.UnixCreateMode = Private;
            }

            using (FileStream stream = new(path, options))
            {
                stream.Write(key.Span);
                stream.Flush(flushToDisk: true);
            }

            SyncFolder(path);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw Unusable(path, "cannot be made", failure);
        }
    }

    /// <summary>Gives a file its final name, over what has it now; on the disk when this returns.</summary>
    public static void Rename(string from, string to)
    {
        try
        {
            File.Move(from, to, overwrite: true);
            SyncFolder(to);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw Unusable(from, $"cannot be renamed to {to}", failure);
        }
    }

    /// <summary>Removes a file; nothing happens where there is none.</summary>
    public static void Delete(string path)
    {
        try
        {
            File.Delete(path);
            SyncFolder(path);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw Unusable(path, "cannot be removed", failure);
        }
    }

    private static SafeFileHandle? Open(string path, uint? user)
    {
        SafeFileHandle? handle = null;
        try
        {
            if (new FileInfo(path).LinkTarget is not null)
            {
                throw new SealRefusedException(SealRefusal.Unsafe, $"key file {path} is a symbolic link; hint: name the file itself");
            }

            handle = NativeFiles.OpenRead(path);
            Check(handle, path, user);
            return handle;
        }
        catch (Exception failure) when (failure is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            handle?.Dispose();
            throw Unusable(path, "cannot be opened", failure);
        }
        catch (SealRefusedException)
        {
            handle?.Dispose();
            throw;
        }
    }

    private static void Check(SafeFileHandle handle, string path, uint? user)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        UnixFileMode mode = File.GetUnixFileMode(handle);
        if ((mode & Others) != 0)
        {
            throw new SealRefusedException(
                SealRefusal.Unsafe, $"key file {path} is open to other users (mode {Convert.ToString((int)mode, 8).PadLeft(4, '0')}); hint: chmod 600 it and consider the key known");
        }

        if (OperatingSystem.IsLinux() && OwnerOf(handle, path) is var owner && owner != (user ?? geteuid()))
        {
            throw new SealRefusedException(SealRefusal.Unsafe, $"key file {path} belongs to user {owner}, not to the user that runs this program");
        }
    }

    /// <summary>Null where the content is not a key: another length, or only zeros.</summary>
    private static SecretValue? ReadKey(SafeFileHandle handle, string path)
    {
        SecretValue key = SecretValue.Rent(KeyWrap.KeyBytes);
        try
        {
            int read = 0;
            while (read < key.Length && RandomAccess.Read(handle, key.Buffer[read..], read) is > 0 and var more)
            {
                read += more;
            }

            if (read == key.Length && RandomAccess.GetLength(handle) == key.Length && key.Span.ContainsAnyExcept((byte)0))
            {
                return key;
            }

            key.Dispose();
            return null;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            key.Dispose();
            throw Unusable(path, "cannot be read", failure);
        }
    }

    private static void SyncFolder(string path) => NativeFiles.SyncDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);

    private static SealRefusedException Unusable(string path, string what, Exception failure) =>
        new(SealRefusal.Unusable, $"key file {path} {what}: {failure.Message}", failure);

    // The same layout on every architecture of Linux: user id at 20.
    private static uint OwnerOf(SafeFileHandle handle, string path)
    {
        const int EmptyPath = 0x1000, WantsOwner = 0x8, UserAt = 20;
        byte[] status = new byte[256];
        return statx(handle, [0], EmptyPath, WantsOwner, status) == 0
            ? BitConverter.IsLittleEndian ? BinaryPrimitives.ReadUInt32LittleEndian(status.AsSpan(UserAt)) : BinaryPrimitives.ReadUInt32BigEndian(status.AsSpan(UserAt))
            : throw new SealRefusedException(SealRefusal.Unusable, $"key file {path}: its owner cannot be learned");
    }

#pragma warning disable SYSLIB1054 // The generated form needs unsafe code for the whole project; these take only integers and bytes.
#pragma warning disable IDE1006
    [DllImport("libc", SetLastError = true), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int statx(SafeFileHandle folder, byte[] path, int flags, uint mask, byte[] status);

    [DllImport("libc"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern uint geteuid();
#pragma warning restore
}
