using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Coffer.Sources.Posix;

/// <summary>
/// A change of one file in its folder: lock, read, replace. The new content is written beside the old under a random name that only the
/// owner may read, flushed, and renamed over it, so that a crash leaves the old file or the new one and a reader never sees half. All
/// steps go through one open folder, so that nobody can swap a parent directory between them.
/// </summary>
public sealed unsafe class FileReplacement : IDisposable
{
    private readonly string _path;
    private readonly string _name;
    private readonly int _folder;
    private readonly FileFacts? _before;

    private FileReplacement(string path, string name, int folder, FileFacts? before) => (_path, _name, _folder, _before) = (path, name, folder, before);

    /// <summary>Whether the file was there when the change began.</summary>
    public bool Exists => _before is not null;

    /// <summary>
    /// Begins a change of <paramref name="path"/>, which need not exist. Throws <see cref="SourceException"/>:
    /// <see cref="SourceErrorKind.Unsafe"/> when it is a symbolic link or anything but a regular file,
    /// <see cref="SourceErrorKind.Conflict"/> while another change of a file in that folder is under way,
    /// <see cref="SourceErrorKind.NotFound"/> without the folder.
    /// </summary>
    public static FileReplacement Begin(string path)
    {
        string name = Path.GetFileName(path);
        string folderPath = Path.GetDirectoryName(path) is { Length: > 0 } parent ? parent : path.StartsWith('/') ? "/" : ".";
        if (name is "" or "." or ".." || path.Contains('\0', StringComparison.Ordinal))
        {
            throw new SourceException(SourceErrorKind.Invalid, "not a file name", null, path, 0, 0);
        }

        int folder = LibC.OpenAt(LibC.AT_FDCWD, folderPath, LibC.O_RDONLY | LibC.O_DIRECTORY | LibC.O_CLOEXEC, 0);
        if (folder < 0)
        {
            throw RegularFile.FromError(Marshal.GetLastPInvokeError(), folderPath);
        }

        try
        {
            // Not waiting: whoever can open the folder can hold this lock for ever.
            if (LibC.FLock(folder, LibC.LOCK_EX | LibC.LOCK_NB) != 0)
            {
                throw new SourceException(SourceErrorKind.Conflict, "another program is changing a file in this directory", "try again", path, 0, 0);
            }

            FileFacts? before = LibC.Stat(folder, name, LibC.AT_SYMLINK_NOFOLLOW, out int error);
            if (before is null && error != LibC.ENOENT)
            {
                throw RegularFile.FromError(error, path);
            }

            if (before is { IsSymbolicLink: true })
            {
                throw new SourceException(SourceErrorKind.Unsafe, "it is a symbolic link, which is never written through", "name the file it points to", path, 0, 0);
            }

            return before is { IsRegular: false } ? throw RegularFile.NotRegular(path, before) : new(path, name, folder, before);
        }
        catch
        {
            _ = LibC.Close(folder);
            throw;
        }
    }

    /// <summary>The present content, or nothing if the file does not exist.</summary>
    public byte[] Read(int maxBytes) => Exists ? RegularFile.Read(_path, maxBytes) : [];

    /// <summary>
    /// Puts <paramref name="content"/> in place with the permissions <paramref name="mode"/> (bits as of chmod), whatever the old file's
    /// were. Throws <see cref="SourceErrorKind.Conflict"/> if the file changed since <see cref="Begin"/>; the old file then stays.
    /// </summary>
    public void Commit(ReadOnlySpan<byte> content, uint mode)
    {
        string temporary = $".{_name}.{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8))}.tmp";
        int file = LibC.OpenAt(_folder, temporary, LibC.O_WRONLY | LibC.O_CREAT | LibC.O_EXCL | LibC.O_NOFOLLOW | LibC.O_CLOEXEC, 0b110_000_000);
        if (file < 0)
        {
            throw RegularFile.FromError(Marshal.GetLastPInvokeError(), _path);
        }

        bool done = false;
        try
        {
            KeepOwner(file);
            WriteAll(file, content);
            Check(LibC.FChMod(file, mode));
            Check(LibC.FSync(file));
            if (LibC.Stat(_folder, _name, LibC.AT_SYMLINK_NOFOLLOW, out _) != _before)
            {
                throw new SourceException(SourceErrorKind.Conflict, "the file was changed meanwhile", "look at it and try again", _path, 0, 0);
            }

            Check(LibC.RenameAt(_folder, temporary, _folder, _name));
            done = true;
            Check(LibC.FSync(_folder));
        }
        finally
        {
            _ = LibC.Close(file);
            if (!done)
            {
                _ = LibC.UnlinkAt(_folder, temporary, 0);
            }
        }
    }

    /// <summary>Ends the change and frees the lock.</summary>
    public void Dispose() => _ = LibC.Close(_folder);

    // Root edits a user's file: it stays that user's.
    private void KeepOwner(int file)
    {
        if (_before is not null && _before.User != LibC.GetEffectiveUser() && LibC.FChOwn(file, _before.User, _before.Group) != 0)
        {
            throw new SourceException(SourceErrorKind.AccessDenied, "the file belongs to another user", "change it as its owner", _path, 0, 0);
        }
    }

    private void WriteAll(int file, ReadOnlySpan<byte> content)
    {
        fixed (byte* bytes = content)
        {
            for (nint written = 0; written < content.Length;)
            {
                nint count = LibC.Write(file, bytes + written, (nuint)(content.Length - written));
                if (count < 0 && Marshal.GetLastPInvokeError() == LibC.EINTR)
                {
                    continue;
                }

                Check((int)Math.Min(count, 0));
                written += count;
            }
        }
    }

    private void Check(int result)
    {
        if (result != 0)
        {
            throw RegularFile.FromError(Marshal.GetLastPInvokeError(), _path);
        }
    }
}
