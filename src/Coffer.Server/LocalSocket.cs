using System.Net.Sockets;
using Coffer.Protocols;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Coffer.Server;

/// <summary>The Unix socket beside the TLS port: no TLS, no token — the kernel says which user holds the other end.</summary>
internal static class LocalSocket
{
    private const int SolSocket = 1;
    private const int SoPeerCred = 17;

    /// <summary>Reads the peer's credentials of each connection before its first request.</summary>
    public static void IdentifyPeers(this ListenOptions options) => options.Use(next => connection =>
    {
        if (connection.Features.Get<IConnectionSocketFeature>()?.Socket is { } socket && Read(socket) is { } peer)
        {
            connection.Features.Set(peer);
            return next(connection);
        }

        // Without a peer there is no identity: better no connection than an anonymous one.
        connection.Abort(new ConnectionAbortedException("the peer of the local socket could not be identified"));
        return Task.CompletedTask;
    });

    private static LocalPeer? Read(Socket socket)
    {
        Span<byte> credentials = stackalloc byte[12];
        int read = socket.GetRawSocketOption(SolSocket, SoPeerCred, credentials);
        return read == 12
            ? new(BitConverter.ToUInt32(credentials[4..8]), BitConverter.ToInt32(credentials[..4]))
            : null;
    }
}
