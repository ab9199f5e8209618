using System.Globalization;
using System.Net;
using Coffer.Workload.Child;

namespace Coffer.Workload.Intercepting;

/// <summary>
/// Which user holds the other end of a loopback TCP connection: the kernel's table names the owner of each socket. The only
/// protection of ports that cannot ask for a password, and one more for those that do.
/// </summary>
internal static class PeerCheck
{
    /// <summary>Whether the peer is this process's own user (or root).</summary>
    public static bool IsOwnUser(EndPoint? remote, EndPoint? local)
    {
        if (!OperatingSystem.IsLinux())
        {
            return true;
        }

        return remote is IPEndPoint peer && local is IPEndPoint own && OwnerOf(peer, own) is { } uid && (uid == 0 || uid == FileStatus.CurrentUser());
    }

    /// <summary>Whether the peer is this process, or one below it that holds its end of the connection, and runs as the same user.</summary>
    public static bool IsOwnProcess(EndPoint? remote, EndPoint? local)
    {
        if (!OperatingSystem.IsLinux())
        {
            return true;
        }

        return remote is IPEndPoint peer && local is IPEndPoint own && Find(peer, own) is { } socket && socket.Owner == FileStatus.CurrentUser()
            && PeerProcess.Below(Environment.ProcessId).Any(pid => PeerProcess.Holds(pid, socket.Inode));
    }

    /// <summary>The user and inode of the socket whose local end is <paramref name="peer"/> and whose remote end is <paramref name="own"/>, or null.</summary>
    public static (uint Owner, ulong Inode)? Find(IPEndPoint peer, IPEndPoint own)
    {
        IPEndPoint from = Plain(peer), to = Plain(own);
        return Search("/proc/net/tcp", from, to) ?? Search("/proc/net/tcp6", from, to);
    }

    /// <summary>The owner of the socket whose local end is <paramref name="peer"/> and whose remote end is <paramref name="own"/>, or null.</summary>
    public static uint? OwnerOf(IPEndPoint peer, IPEndPoint own) => Find(peer, own)?.Owner;

    private static (uint Owner, ulong Inode)? Search(string table, IPEndPoint from, IPEndPoint to)
    {
        try
        {
            return SocketIn(File.ReadLines(table), from, to);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // No table, no proof: the caller refuses.
            return null;
        }
    }

    /// <summary>The owner by the lines of such a table.</summary>
    internal static uint? OwnerIn(IEnumerable<string> lines, IPEndPoint from, IPEndPoint to) => SocketIn(lines, from, to)?.Owner;

    private static (uint Owner, ulong Inode)? SocketIn(IEnumerable<string> lines, IPEndPoint from, IPEndPoint to)
    {
        foreach (string line in lines)
        {
            // A socket that its process has closed stays in the table without inode and as if root's: it proves nothing.
            string[] fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (fields.Length > 9 && fields[9] != "0" && Matches(fields[1], from) && Matches(fields[2], to)
                && uint.TryParse(fields[7], NumberStyles.None, CultureInfo.InvariantCulture, out uint uid) && ulong.TryParse(fields[9], NumberStyles.None, CultureInfo.InvariantCulture, out ulong inode))
            {
                return (uid, inode);
            }
        }

        return null;
    }

    private static bool Matches(string field, IPEndPoint end)
    {
        int colon = field.IndexOf(':', StringComparison.Ordinal);
        if (colon < 0 || !int.TryParse(field.AsSpan(colon + 1), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out int port) || port != end.Port)
        {
            return false;
        }

        // Addresses are words in the machine's byte order, four bytes each.
        byte[] bytes = Convert.FromHexString(field.AsSpan(0, colon));
        for (int word = 0; word < bytes.Length; word += 4)
        {
            Array.Reverse(bytes, word, 4);
        }

        IPAddress address = new(bytes);
        return Plain(new(address, port)).Address.Equals(end.Address);
    }

    private static IPEndPoint Plain(IPEndPoint end) => end.Address.IsIPv4MappedToIPv6 ? new(end.Address.MapToIPv4(), end.Port) : end;
}
