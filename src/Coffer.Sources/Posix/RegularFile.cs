using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Coffer.Sources.Posix;

/// <summary>Reads files that may have been put there by somebody else: never waits on a pipe, never touches a device, never reads without a bound.</summary>
public static class RegularFile
{
    /// <summary>
    /// The bytes of a regular file of at most <paramref name="maxBytes"/>. A symbolic link is followed, since mounted secrets are links. Throws
    /// <see cref="SourceException"/>: <see cref="SourceErrorKind.NotFound"/>, <see cref="SourceErrorKind.AccessDenied"/>,
    /// <see cref="SourceErrorKind.Unsafe"/> for anything but a file and, with <paramref name="refuseWritableByAnyone"/>, for a file that every user may change.
    /// </summary>
    public static byte[] Read(string path, int maxBytes, bool refuseWritableByAnyone = false)
    {
        using SafeFileHandle handle = Open(path, out FileFacts facts);
        if (refuseWritableByAnyone && facts.IsWritableByAnyone)
        {
            throw new SourceException(SourceErrorKind.Unsafe, "every user of this machine may change the file", $"chmod 600 {SourceException.Printable(path)}", path, 0, 0);
        }

        if (facts.Size > (ulong)maxBytes)
        {
            throw TooLarge(path, maxBytes);
        }

        // One byte more than the size said, so that a file that grows meanwhile is noticed.
        byte[] bytes = new byte[(int)facts.Size + 1];
        int length = 0;
        while (true)
        {
            int read = RandomAccess.Read(handle, bytes.AsSpan(length), length);
            if (read == 0)
            {
                return bytes[..length];
            }

            if ((length += read) == bytes.Length)
            {
                if (length > maxBytes)
                {
                    throw TooLarge(path, maxBytes);
                }

                Array.Resize(ref bytes, (int)Math.Min(bytes.Length * 2L, maxBytes + 1L));
            }
        }
    }

    /// <summary>Opens a regular file for reading, with the same rules.</summary>
    public static SafeFileHandle Open(string path) => Open(path, out _);

    internal static SafeFileHandle Open(string path, out FileFacts facts)
    {
        if (path.Length == 0 || path.Contains('\0', StringComparison.Ordinal))
        {
            throw new SourceException(SourceErrorKind.Invalid, "not a file name", null, path, 0, 0);
        }

        // Not blocking: opening a named pipe would otherwise wait for somebody to write to it.
        int descriptor = LibC.OpenAt(LibC.AT_FDCWD, path, LibC.O_RDONLY | LibC.O_NONBLOCK | LibC.O_CLOEXEC, 0);
        if (descriptor < 0)
        {
            throw FromError(Marshal.GetLastPInvokeError(), path);
        }

        SafeFileHandle handle = new(descriptor, ownsHandle: true);
        facts = LibC.Stat(descriptor, "", LibC.AT_EMPTY_PATH, out int error) ?? throw FromError(error, path);
        if (facts.IsRegular)
        {
            return handle;
        }

        handle.Dispose();
        throw NotRegular(path, facts);
    }

    internal static SourceException NotRegular(string path, FileFacts facts) =>
        new(SourceErrorKind.Unsafe, $"it is {facts.Kind}, not a regular file", "name a regular file", path, 0, 0);

    internal static SourceException FromError(int error, string path) => error switch
    {
        LibC.ENOENT or LibC.ENOTDIR => new(SourceErrorKind.NotFound, "no such file", "check the name and the current directory", path, 0, 0),
        LibC.EACCES or LibC.EPERM => new(SourceErrorKind.AccessDenied, "permission denied", "its owner can grant you access", path, 0, 0),
        LibC.ENXIO => new(SourceErrorKind.Unsafe, "it is a socket or a device, not a regular file", "name a regular file", path, 0, 0),
        _ => new(SourceErrorKind.Failure, Marshal.GetPInvokeErrorMessage(error).ToLowerInvariant(), null, path, 0, 0),
    };

    private static SourceException TooLarge(string path, int maxBytes) =>
        new(SourceErrorKind.Invalid, $"the file is larger than {maxBytes / (1024 * 1024)} MiB", null, path, 0, 0);
}
