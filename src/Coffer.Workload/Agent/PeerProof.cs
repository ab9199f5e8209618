using System.Net;
using System.Net.Sockets;
using System.Text;
using Coffer.Workload.Intercepting;

namespace Coffer.Workload.Agent;

/// <summary>
/// Who is at the other end of a connection, by the kernel's word alone: the credentials of a Unix socket, or the kernel's table of TCP sockets,
/// whose inode leads to the processes that hold it.
/// </summary>
internal static class PeerProof
{
    private const int SolSocket = 1, PeerCredentials = 17, PeerSecurity = 31;

    /// <summary>Null where it cannot be told.</summary>
    public static Peer? Of(Socket socket, bool needsProcess) => socket.AddressFamily == AddressFamily.Unix
        ? OfUnix(socket, needsProcess)
        : socket.RemoteEndPoint is IPEndPoint peer && socket.LocalEndPoint is IPEndPoint own ? OfTcp(peer, own, needsProcess) : null;

    private static Peer? OfUnix(Socket socket, bool needsProcess)
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
        return new(uid, pid <= 0 ? [] : [new(pid, needsProcess ? PeerProcess.ControlGroups(pid) : [], needsProcess ? LabelOf(socket) ?? PeerProcess.LabelOf(pid) : null)]);
    }

    private static Peer? OfTcp(IPEndPoint peer, IPEndPoint own, bool needsProcess)
    {
        if (PeerCheck.Find(peer, own) is not { } socket)
        {
            return null;
        }

        return new(socket.Owner, needsProcess ? [.. PeerProcess.Holders(socket.Inode).Select(pid => new PeerFacts(pid, PeerProcess.ControlGroups(pid), PeerProcess.LabelOf(pid)))] : []);
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
