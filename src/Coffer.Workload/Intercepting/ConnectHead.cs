using System.Globalization;
using System.Text;

namespace Coffer.Workload.Intercepting;

/// <summary>The first lines of a proxy request, parsed and bounded. Nothing of it is ever logged but host and port.</summary>
/// <param name="Method">The method.</param>
/// <param name="Target">The request target as sent.</param>
/// <param name="Authorization">The Proxy-Authorization value, or null.</param>
/// <param name="Headers">All headers as sent, in order.</param>
internal sealed record ConnectHead(string Method, string Target, string? Authorization, IReadOnlyList<KeyValuePair<string, string>> Headers)
{
    /// <summary>Largest head, in bytes.</summary>
    public const int MaxBytes = 16 * 1024;

    private const string TokenMarks = "!#$%&'*+-.^_`|~";

    /// <summary>
    /// Parses a head, without the empty line that ends it; null where it is not HTTP/1.0 or 1.1. Control characters, bare line
    /// ends, folded lines and names that are no token are refused: two readers could take those for different heads.
    /// </summary>
    public static ConnectHead? Parse(ReadOnlySpan<byte> bytes)
    {
        string[] lines = Encoding.Latin1.GetString(bytes).Split("\r\n");
        string[] request = lines[0].Split(' ');
        if (request is not [{ Length: > 0 } method, { Length: > 0 } target, "HTTP/1.0" or "HTTP/1.1"] || !method.All(char.IsAsciiLetterUpper) || !target.All(c => c is > ' ' and < '\x7f'))
        {
            return null;
        }

        string? authorization = null;
        List<KeyValuePair<string, string>> headers = new(lines.Length);
        foreach (string line in lines.AsSpan(1))
        {
            if (line.Length == 0)
            {
                continue;
            }

            int colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon <= 0 || line.Any(c => c is (< ' ' and not '\t') or '\x7f') || !line.Take(colon).All(c => char.IsAsciiLetterOrDigit(c) || TokenMarks.Contains(c, StringComparison.Ordinal)))
            {
                return null;
            }

            string name = line[..colon], value = line[(colon + 1)..].Trim(' ', '\t');
            if (name.Equals("proxy-authorization", StringComparison.OrdinalIgnoreCase))
            {
                if (authorization is not null)
                {
                    return null;
                }

                authorization = value;
            }

            headers.Add(new(name, value));
        }

        return new(method, target, authorization, headers);
    }

    /// <summary>Host and port of a CONNECT target; an IPv6 literal keeps no brackets.</summary>
    public static bool TryParseAuthority(string text, out string host, out int port)
    {
        host = "";
        port = 0;
        int colon = text.LastIndexOf(':');
        if (colon <= 0 || !int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out port) || port is < 1 or > 65535)
        {
            return false;
        }

        return TryParseHost(text[..colon], out host);
    }

    /// <summary>A host name or literal as it may stand before a port; an IPv6 literal keeps no brackets.</summary>
    public static bool TryParseHost(string text, out string host)
    {
        host = text;
        if (text.StartsWith('['))
        {
            host = text.Trim('[', ']');
            return text.Length == host.Length + 2 && host.Length > 0 && host.All(c => char.IsAsciiHexDigit(c) || c is ':' or '.');
        }

        return host.Length is > 0 and <= 254 && host.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_');
    }
}
