using System.Net.Sockets;
using System.Runtime.InteropServices;
using Coffer.Sources.Posix;

namespace Coffer.Sources.CofferApi;

/// <summary>The local socket of a Coffer server or agent: where it is, and whether who listens there may be trusted.</summary>
public static class CofferSocket
{
    private const int SOL_SOCKET = 1, SO_PEERCRED = 17, TimeoutMilliseconds = 10_000;

    /// <summary>
    /// The path to use: <c>COFFER_SOCKET</c> if set, else the first that exists of <c>$XDG_RUNTIME_DIR/coffer/coffer.sock</c>,
    /// <c>/run/coffer/coffer.sock</c> and <c>~/.coffer/coffer.sock</c>, else null.
    /// </summary>
    /// <param name="variable">Reads an environment variable, or null.</param>
    public static string? Find(Func<string, string?> variable) => Find(variable, "/run/coffer/coffer.sock");

    internal static string? Find(Func<string, string?> variable, string system)
    {
        if (variable("COFFER_SOCKET") is { Length: > 0 } named)
        {
            return named;
        }

        string?[] places =
        [
            variable("XDG_RUNTIME_DIR") is { Length: > 0 } runtime ? $"{runtime}/coffer/coffer.sock" : null,
            system,
            variable("HOME") is { Length: > 0 } home ? $"{home}/.coffer/coffer.sock" : null,
        ];
        return Array.Find(places, place => place is not null && LibC.Stat(LibC.AT_FDCWD, place, 0, out _) is not null);
    }

    // Nothing is sent before the kernel has said who listens: otherwise whoever may create the path would be asked for secrets, and could answer.
    internal static Socket Connect(string path)
    {
        FileFacts facts = LibC.Stat(LibC.AT_FDCWD, path, 0, out int error) ?? throw (error == LibC.ENOENT
            ? new SourceException(SourceErrorKind.Unavailable, "no coffer server listens on this socket", "start one with coffer serve or coffer dev, or correct COFFER_SOCKET", path, 0, 0)
            : RegularFile.FromError(error, path));
        if (!facts.IsSocket)
        {
            throw new SourceException(SourceErrorKind.Unsafe, $"it is {facts.Kind}, not a socket", "correct COFFER_SOCKET", path, 0, 0);
        }

        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { ReceiveTimeout = TimeoutMilliseconds, SendTimeout = TimeoutMilliseconds };
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(path));
            CheckPeer(socket, path);
            return socket;
        }
        catch (Exception exception)
        {
            socket.Dispose();
            throw exception switch
            {
                SocketException { SocketErrorCode: SocketError.AccessDenied } => new SourceException(SourceErrorKind.AccessDenied, "permission denied", "the server's owner can grant you access to the socket", path, 0, 0),
                SocketException => new SourceException(SourceErrorKind.Unavailable, "no coffer server listens on this socket", "start one with coffer serve or coffer dev", path, 0, 0),
                ArgumentException => new SourceException(SourceErrorKind.Invalid, "the path is too long for a socket", "use one of at most 107 bytes", path, 0, 0),
                _ => exception,
            };
        }
    }

    internal static bool IsTrusted(uint peer, uint self) => peer == self || peer == 0;

    private static void CheckPeer(Socket socket, string path)
    {
        // struct ucred: process, user, group.
        Span<uint> credentials = stackalloc uint[3];
        int length = socket.GetRawSocketOption(SOL_SOCKET, SO_PEERCRED, MemoryMarshal.AsBytes(credentials));
        if (length != 12 || !IsTrusted(credentials[1], LibC.GetEffectiveUser()))
        {
            throw new SourceException(SourceErrorKind.Unsafe, "another user's program listens on this socket", "only a server run by you or by root is asked", path, 0, 0);
        }
    }
}
