using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Coffer.Workload.Intercepting;

/// <summary>
/// The proxy that was configured before ours: blind tunnels go through it by name, with its own credentials and never the
/// child's. Its NO_PROXY is obeyed here, since the child's copy is cleaned.
/// </summary>
internal sealed class ParentProxy
{
    private readonly Uri _address;
    private readonly (string User, string Password)? _credentials;
    private readonly string[] _direct;

    private ParentProxy(Uri address, string[] direct)
    {
        _address = address;
        _direct = direct;
        if (address.UserInfo.Length > 0)
        {
            string[] parts = address.UserInfo.Split(':', 2);
            _credentials = (Uri.UnescapeDataString(parts[0]), parts.Length == 2 ? Uri.UnescapeDataString(parts[1]) : "");
        }
    }

    /// <summary>
    /// From the inherited environment, lower case first as curl and Python do; null where there is none. Throws
    /// <see cref="WorkloadException"/> for a kind of proxy we do not speak to.
    /// </summary>
    public static ParentProxy? From(IReadOnlyDictionary<string, string> environment)
    {
        string? text = new[] { "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY" }.Select(n => environment.GetValueOrDefault(n)).FirstOrDefault(v => !string.IsNullOrEmpty(v));
        if (text is null)
        {
            return null;
        }

        if (!Uri.TryCreate(text.Contains("://", StringComparison.Ordinal) ? text : "http://" + text, UriKind.Absolute, out Uri? address)
            || address.Scheme is not ("http" or "https" or "socks" or "socks5" or "socks5h") || address.Host.Length == 0)
        {
            throw new WorkloadException("the configured proxy is none that coffer can pass connections on to", "set HTTPS_PROXY to an http://, https:// or socks5:// address, or unset it");
        }

        string direct = $"{environment.GetValueOrDefault("NO_PROXY")},{environment.GetValueOrDefault("no_proxy")}";
        return new(address, direct.Split([',', ' '], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
    }

    /// <summary>Whether this host goes around the parent proxy.</summary>
    public bool IsDirect(string host, int port)
    {
        string name = host.TrimEnd('.');
        foreach (string entry in _direct)
        {
            int colon = entry.LastIndexOf(':');
            bool hasPort = colon > 0 && entry.IndexOf(':', StringComparison.Ordinal) == colon && int.TryParse(entry.AsSpan(colon + 1), out _);
            if (hasPort && entry[(colon + 1)..] != port.ToString(System.Globalization.CultureInfo.InvariantCulture))
            {
                continue;
            }

            string domain = (hasPort ? entry[..colon] : entry).TrimStart('*').TrimStart('.');
            if (entry == "*" || (domain.Length > 0 && (name.Equals(domain, StringComparison.OrdinalIgnoreCase) || name.EndsWith("." + domain, StringComparison.OrdinalIgnoreCase)))
                || (IPAddress.TryParse(name, out IPAddress? address) && IPNetwork.TryParse(entry, out IPNetwork network) && network.BaseAddress.AddressFamily == address.AddressFamily && network.Contains(address)))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Opens a tunnel by name, or throws <see cref="IOException"/>. A TLS proxy is verified against <paramref name="roots"/>.</summary>
    public async Task<Stream> ConnectAsync(string host, int port, X509ChainPolicy roots, CancellationToken cancellationToken)
    {
        Socket socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        Stream? stream = null;
        try
        {
            int proxyPort = !_address.IsDefaultPort ? _address.Port : _address.Scheme switch { "http" => 80, "https" => 443, _ => 1080 };
            await socket.ConnectAsync(_address.IdnHost, proxyPort, cancellationToken).ConfigureAwait(false);
            stream = new NetworkStream(socket, ownsSocket: true);
            if (_address.Scheme == "https")
            {
                SslStream secure = new(stream);
                stream = secure;
                await secure.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = _address.IdnHost, CertificateChainPolicy = roots }, cancellationToken).ConfigureAwait(false);
            }

            if (_address.Scheme.StartsWith("socks", StringComparison.Ordinal))
            {
                await Socks5.ConnectAsync(stream, host, port, _credentials, cancellationToken).ConfigureAwait(false);
            }
            else
            {
                await AskAsync(stream, host, port, cancellationToken).ConfigureAwait(false);
            }

            return stream;
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

    private async Task AskAsync(Stream stream, string host, int port, CancellationToken cancellationToken)
    {
        string authority = host.Contains(':', StringComparison.Ordinal) ? $"[{host}]:{port}" : $"{host}:{port}";
        string authorization = _credentials is not { } own ? "" : $"Proxy-Authorization: Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes($"{own.User}:{own.Password}"))}\r\n";
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n{authorization}\r\n"), cancellationToken).ConfigureAwait(false);
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
                if (answer.AsSpan().StartsWith("HTTP/1.1 2"u8) || answer.AsSpan().StartsWith("HTTP/1.0 2"u8))
                {
                    return;
                }

                throw new IOException("the parent proxy refused the tunnel");
            }
        }

        throw new IOException("the parent proxy did not answer");
    }
}
