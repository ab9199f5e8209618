using System.Text;

namespace Coffer.Workload.Intercepting;

/// <summary>
/// Requests of clients that do not know CONNECT (axios before 1.17) and send <c>GET https://host/path</c> to the proxy: the one
/// case in which this process sees the plaintext of another host. One request a connection; nothing of it is kept or logged.
/// </summary>
internal static class AbsoluteForm
{
    public static async Task RelayAsync(Stream client, ConnectHead head, byte[] raw, byte[] rest, Func<string, int, Task<Stream?>> open, CancellationToken cancellationToken)
    {
        if (!Uri.TryCreate(head.Target, UriKind.Absolute, out Uri? uri) || uri.UserInfo.Length > 0)
        {
            await RefuseAsync(client, "400 Bad Request", cancellationToken).ConfigureAwait(false);
            return;
        }

        Stream? server;
        try
        {
            server = await open(uri.IdnHost, uri.Port).ConfigureAwait(false);
        }
        catch (Exception failed) when (failed is IOException or System.Net.Sockets.SocketException or System.Security.Authentication.AuthenticationException)
        {
            await RefuseAsync(client, "502 Bad Gateway", cancellationToken).ConfigureAwait(false);
            return;
        }

        if (server is null)
        {
            await RefuseAsync(client, "403 Forbidden", cancellationToken).ConfigureAwait(false);
            return;
        }

        await using (server.ConfigureAwait(false))
        {
            await server.WriteAsync(Rewrite(head, raw, uri), cancellationToken).ConfigureAwait(false);
            await server.WriteAsync(rest, cancellationToken).ConfigureAwait(false);
            await Relay.BothWaysAsync(client, server, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Origin form, proxy headers stripped, one request only.</summary>
    private static byte[] Rewrite(ConnectHead head, byte[] raw, Uri uri)
    {
        StringBuilder request = new();
        request.Append(head.Method).Append(' ').Append(uri.PathAndQuery).Append(" HTTP/1.1\r\n");
        foreach (string line in Encoding.Latin1.GetString(raw).Split("\r\n").Skip(1).Where(l => l.Length > 0))
        {
            string name = line[..line.IndexOf(':', StringComparison.Ordinal)];
            if (!name.StartsWith("proxy-", StringComparison.OrdinalIgnoreCase) && !name.Equals("connection", StringComparison.OrdinalIgnoreCase))
            {
                request.Append(line).Append("\r\n");
            }
        }

        return Encoding.Latin1.GetBytes(request.Append("Connection: close\r\n\r\n").ToString());
    }

    private static ValueTask RefuseAsync(Stream client, string status, CancellationToken cancellationToken) =>
        client.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"), cancellationToken);
}
