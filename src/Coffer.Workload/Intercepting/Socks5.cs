using System.Buffers.Binary;
using System.Text;

namespace Coffer.Workload.Intercepting;

/// <summary>The client's side of SOCKS 5 (RFC 1928, RFC 1929): one tunnel, by name, so that the proxy resolves it.</summary>
internal static class Socks5
{
    /// <summary>Opens the tunnel on a stream to the proxy, or throws <see cref="IOException"/>.</summary>
    public static async Task ConnectAsync(Stream proxy, string host, int port, (string User, string Password)? credentials, CancellationToken cancellationToken)
    {
        byte[] methods = credentials is null ? [5, 1, 0] : [5, 2, 0, 2];
        await proxy.WriteAsync(methods, cancellationToken).ConfigureAwait(false);
        byte[] choice = await ReadAsync(proxy, 2, cancellationToken).ConfigureAwait(false);
        if (choice is [5, 2] && credentials is { } own)
        {
            await proxy.WriteAsync((byte[])[1, .. Counted(own.User), .. Counted(own.Password)], cancellationToken).ConfigureAwait(false);
            if (await ReadAsync(proxy, 2, cancellationToken).ConfigureAwait(false) is not [_, 0])
            {
                throw new IOException("the parent proxy refused its credentials");
            }
        }
        else if (choice is not [5, 0])
        {
            throw new IOException("the parent proxy asks for a proof that coffer does not have");
        }

        byte[] target = System.Net.IPAddress.TryParse(host, out System.Net.IPAddress? address)
            ? [(byte)(address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork ? 1 : 4), .. address.GetAddressBytes()]
            : [3, .. Counted(host)];
        byte[] number = new byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(number, (ushort)port);
        await proxy.WriteAsync((byte[])[5, 1, 0, .. target, .. number], cancellationToken).ConfigureAwait(false);
        byte[] answer = await ReadAsync(proxy, 4, cancellationToken).ConfigureAwait(false);
        if (answer is not [5, 0, _, _])
        {
            throw new IOException("the parent proxy refused the tunnel");
        }

        // The address that it is bound to follows; nobody needs it, but the tunnel begins after it.
        int length = answer[3] switch
        {
            1 => 4,
            4 => 16,
            3 => (await ReadAsync(proxy, 1, cancellationToken).ConfigureAwait(false))[0],
            _ => throw new IOException("the parent proxy does not speak SOCKS 5"),
        };
        _ = await ReadAsync(proxy, length + 2, cancellationToken).ConfigureAwait(false);
    }

    private static byte[] Counted(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        return bytes.Length is > 0 and < 256 ? [(byte)bytes.Length, .. bytes] : throw new IOException("a name is too long for SOCKS 5");
    }

    private static async Task<byte[]> ReadAsync(Stream proxy, int count, CancellationToken cancellationToken)
    {
        byte[] bytes = new byte[count];
        await proxy.ReadExactlyAsync(bytes, cancellationToken).ConfigureAwait(false);
        return bytes;
    }
}
