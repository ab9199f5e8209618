using System.Globalization;
using System.Text;

namespace Coffer.Workload.Intercepting;

/// <summary>The first lines of a proxy request, parsed and bounded. Nothing of it is ever logged but host and port.</summary>
/// <param name="Method">The method.</param>
/// <param name="Target">The request target as sent.</param>
/// <param name="Authorization">The Proxy-Authorization value, or null.</param>
internal sealed record ConnectHead(string Method, string Target, string? Authorization)
{
    /// <summary>Largest head, in bytes.</summary>
    public const int MaxBytes = 16 * 1024;

    /// <summary>Parses a head that ends in an empty line; null where it is not HTTP/1.0 or 1.1.</summary>
    public static ConnectHead? Parse(ReadOnlySpan<byte> bytes)
    {
        if (bytes.ContainsAny((byte)0, (byte)0x7f))
        {
            return null;
        }

        string[] lines = Encoding.Latin1.GetString(bytes).Split("\r\n");
        string[] request = lines[0].Split(' ');
        if (request is not [{ Length: > 0 } method, { Length: > 0 } target, "HTTP/1.0" or "HTTP/1.1"] || !method.All(char.IsAsciiLetterUpper))
        {
            return null;
        }

        string? authorization = null;
        foreach (string line in lines.AsSpan(1))
        {
            if (line.Length == 0)
            {
                continue;
            }

            int colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon <= 0 || line[0] is ' ' or '\t')
            {
                return null;
            }

            if (line.AsSpan(0, colon).Equals("proxy-authorization", StringComparison.OrdinalIgnoreCase))
            {
                if (authorization is not null)
                {
                    return null;
                }

                authorization = line[(colon + 1)..].Trim();
            }
        }

        return new(method, target, authorization);
    }

    /// <summary>Host and port of a CONNECT target; a bracketed IPv6 literal keeps no brackets.</summary>
    public static bool TryParseAuthority(string text, out string host, out int port)
    {
        host = "";
        port = 0;
        int colon = text.LastIndexOf(':');
        if (colon <= 0 || !int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out port) || port is < 1 or > 65535)
        {
            return false;
        }

        host = text[..colon];
        if (host[0] == '[')
        {
            if (host[^1] != ']')
            {
                return false;
            }

            host = host[1..^1];
            return host.Length > 0 && host.All(c => char.IsAsciiHexDigit(c) || c is ':' or '.');
        }

        return host.Length <= 253 && host.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_');
    }
}
