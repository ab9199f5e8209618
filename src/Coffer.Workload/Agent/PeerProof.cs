using System.Net;
using System.Net.Sockets;
using System.Text;
using Coffer.Workload.Intercepting;
using Microsoft.Win32.SafeHandles;

namespace Coffer.Workload.Agent;

/// <summary>
/// Who is at the other end of a connection, by the kernel's word alone: the credentials of a Unix socket, or the kernel's table of TCP sockets,
/// whose inode leads to the processes that hold it.
/// </summary>
internal static class PeerProof
{
    private const int SolSocket = 1, PeerCredentials = 17, PeerSecurity = 31, PeerPidFd = 77;

    /// <summary>
    /// Null where it cannot be told. The processes are looked for only where <paramref name="needsProcess"/> says so of the user: that takes a walk through
    /// all that run, and is not for everybody who connects to cause.
    /// </summary>
    public static Peer? Of(Socket socket, Predicate<uint> needsProcess) => socket.AddressFamily == AddressFamily.Unix
        ? OfUnix(socket, needsProcess)
        : socket.RemoteEndPoint is IPEndPoint peer && socket.LocalEndPoint is IPEndPoint own ? OfTcp(peer, own, needsProcess) : null;

    private static Peer? OfUnix(Socket socket, Predicate<uint> needsProcess)
    {
        // struct ucred: pid, uid, gid.
        Span<byte> credentials = stackalloc byte[12];
        try
        {
            if (socket.GetRawSocketOption(SolSocket, PeerCredentials, credentials) != credentials.Length)
            {
                return null;
            }
        }
        catch (SocketException)
        {
            return null;
        }

        int pid = BitConverter.ToInt32(credentials[..4]);
        uint uid = BitConverter.ToUInt32(credentials[4..8]);
        if (pid <= 0 || !needsProcess(uid))
        {
            return new(uid, pid <= 0 ? [] : [new(pid, [], null)]);
        }

        // What is read by number may be of another process that has the number by now. A handle on the process says whether it still runs after that.
        using SafeFileHandle? process = ProcessOf(socket, out bool isGone);
        PeerFacts facts = new(pid, PeerProcess.ControlGroups(pid), LabelOf(socket) ?? PeerProcess.LabelOf(pid));
        return new(uid, isGone || (process is not null && PeerProcess.NumberOf(process) != pid) ? [] : [facts]);
    }

    /// <summary>The process that connected, whatever becomes of its number; null on kernels before 6.5, which do not tell it.</summary>
    private static SafeFileHandle? ProcessOf(Socket socket, out bool isGone)
    {
        isGone = false;
        Span<byte> handle = stackalloc byte[sizeof(int)];
        try
        {
            return socket.GetRawSocketOption(SolSocket, PeerPidFd, handle) == sizeof(int) ? new(BitConverter.ToInt32(handle), ownsHandle: true) : null;
        }
        catch (SocketException failure)
        {
            isGone = failure.SocketErrorCode is not (SocketError.ProtocolOption or SocketError.OperationNotSupported);
            return null;
        }
    }

    private static Peer? OfTcp(IPEndPoint peer, IPEndPoint own, Predicate<uint> needsProcess)
    {
        if (PeerCheck.Find(peer, own) is not { } socket)
        {
            return null;
        }

        return new(socket.Owner, needsProcess(socket.Owner) ? [.. PeerProcess.Holders(socket.Inode).Select(pid => new PeerFacts(pid, PeerProcess.ControlGroups(pid), PeerProcess.LabelOf(pid)))] : []);
    }

    /// <summary>The label that the peer had when it connected.</summary>
    private static string? LabelOf(Socket socket)
    {
        Span<byte> label = stackalloc byte[512];
        try
        {
            int length = socket.GetRawSocketOption(SolSocket, PeerSecurity, label);
            return Encoding.UTF8.GetString(label[..length]).TrimEnd('\0') is { Length: > 0 } text ? text : null;
        }
        catch (SocketException)
        {
            // No security module that labels sockets.
            return null;
        }
    }
}
