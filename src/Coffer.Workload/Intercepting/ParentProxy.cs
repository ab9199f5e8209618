using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;

namespace Coffer.Workload.Intercepting;

/// <summary>
/// The proxy that was configured before ours: blind tunnels go through it by name, with its own credentials and never the
/// child's. Its NO_PROXY is obeyed here, since the child's copy is cleaned.
/// </summary>
internal sealed class ParentProxy
{
    private readonly Uri _address;
    private readonly string? _authorization;
    private readonly string[] _direct;

    private ParentProxy(Uri address, string[] direct)
    {
        _address = address;
        _direct = direct;
        _authorization = address.UserInfo.Length == 0 ? null : Convert.ToBase64String(Encoding.UTF8.GetBytes(Uri.UnescapeDataString(address.UserInfo)));
    }

    /// <summary>From the inherited environment; null where there is none. Throws <see cref="WorkloadException"/> for a scheme we do not speak.</summary>
    public static ParentProxy? From(IReadOnlyDictionary<string, string> environment)
    {
        string? text = First(environment, "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy");
        if (text is null)
        {
            return null;
        }

        if (!Uri.TryCreate(text.Contains("://", StringComparison.Ordinal) ? text : "http://" + text, UriKind.Absolute, out Uri? address) || address.Scheme is not ("http" or "https"))
        {
            throw new WorkloadException("the configured proxy is neither http:// nor https://", "set HTTPS_PROXY to such an address, or unset it");
        }

        string[] direct = (First(environment, "NO_PROXY", "no_proxy") ?? "").Split([',', ' '], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return new(address, direct);
    }

    /// <summary>Whether this host goes around the parent proxy.</summary>
    public bool IsDirect(string host)
    {
        foreach (string entry in _direct)
        {
            string name = entry.TrimStart('*').TrimStart('.');
            if (entry == "*" || host.Equals(name, StringComparison.OrdinalIgnoreCase) || host.EndsWith("." + name, StringComparison.OrdinalIgnoreCase)
                || (IPNetwork.TryParse(entry, out IPNetwork network) && IPAddress.TryParse(host, out IPAddress? address) && network.Contains(address)))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Opens a tunnel by name, or throws <see cref="IOException"/>.</summary>
    public async Task<Stream> ConnectAsync(string host, int port, CancellationToken cancellationToken)
    {
        Socket socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        Stream? stream = null;
        try
        {
            await socket.ConnectAsync(_address.Host, _address.Port, cancellationToken).ConfigureAwait(false);
            stream = new NetworkStream(socket, ownsSocket: true);
            if (_address.Scheme == "https")
            {
                SslStream secure = new(stream);
                stream = secure;
                await secure.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = _address.Host }, cancellationToken).ConfigureAwait(false);
            }

            string authority = host.Contains(':', StringComparison.Ordinal) ? $"[{host}]:{port}" : $"{host}:{port}";
            string head = $"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n{(_authorization is null ? "" : $"Proxy-Authorization: Basic {_authorization}\r\n")}\r\n";
            await stream.WriteAsync(Encoding.ASCII.GetBytes(head), cancellationToken).ConfigureAwait(false);
            byte[] answer = new byte[ConnectHead.MaxBytes];
            // One byte at a time: what follows the head belongs to the tunnel.
            for (int length = 0; length < answer.Length; length++)
            {
                if (await stream.ReadAsync(answer.AsMemory(length, 1), cancellationToken).ConfigureAwait(false) == 0)
                {
                    break;
                }

                if (answer.AsSpan(0, length + 1).EndsWith("\r\n\r\n"u8))
                {
                    return answer.AsSpan().StartsWith("HTTP/1.1 2"u8) || answer.AsSpan().StartsWith("HTTP/1.0 2"u8)
                        ? stream
                        : throw new IOException("the parent proxy refused the tunnel");
                }
            }

            throw new IOException("the parent proxy did not answer");
        }
        catch
        {
            if (stream is not null)
            {
                await stream.DisposeAsync().ConfigureAwait(false);
            }

            socket.Dispose();
            throw;
        }
    }

    private static string? First(IReadOnlyDictionary<string, string> environment, params ReadOnlySpan<string> names)
    {
        foreach (string name in names)
        {
            if (environment.TryGetValue(name, out string? value) && value.Length > 0)
            {
                return value;
            }
        }

        return null;
    }
}
