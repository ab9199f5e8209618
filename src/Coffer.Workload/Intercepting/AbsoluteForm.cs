using System.Globalization;
using System.Text;

namespace Coffer.Workload.Intercepting;

/// <summary>
/// Requests of clients that do not know CONNECT (axios before 1.17) and send <c>GET https://host/path</c> to the proxy: the one
/// case in which this process sees the plaintext of another host. One request a connection, and exactly its bytes: what a client
/// might send after it never reaches that host. Nothing of it is kept or logged.
/// </summary>
/// <param name="Host">Host, without brackets.</param>
/// <param name="Port">Port.</param>
/// <param name="Head">The head to send on: origin form, no header that is for the proxy or this connection alone.</param>
/// <param name="Body">How the request's body is framed.</param>
internal sealed record AbsoluteForm(string Host, int Port, byte[] Head, BodyFraming Body)
{
    private static readonly HashSet<string> OwnHeaders = new(StringComparer.OrdinalIgnoreCase) { "connection", "keep-alive", "upgrade", "te" };

    /// <summary>From a head whose target begins with <c>https://</c>; null where it is not one that two servers must understand alike.</summary>
    public static AbsoluteForm? From(ConnectHead head)
    {
        string rest = head.Target["https://".Length..];
        int end = rest.IndexOfAny(['/', '?', '#']);
        string authority = end < 0 ? rest : rest[..end];
        // The target goes on as sent: a signature may cover its exact spelling.
        string path = end < 0 ? "/" : rest[end] == '/' ? rest[end..] : "/" + rest[end..];
        string withPort = authority.LastIndexOf(':') > authority.LastIndexOf(']') ? authority : authority + ":443";
        if (path.Contains('#', StringComparison.Ordinal) || !ConnectHead.TryParseAuthority(withPort, out string host, out int port) || BodyFraming.Of(head) is not { } body)
        {
            return null;
        }

        StringBuilder text = new();
        text.Append(head.Method).Append(' ').Append(path).Append(" HTTP/1.1\r\n");
        if (!head.Headers.Any(h => h.Key.Equals("host", StringComparison.OrdinalIgnoreCase)))
        {
            text.Append("Host: ").Append(authority).Append("\r\n");
        }

        foreach ((string name, string value) in head.Headers)
        {
            if (!OwnHeaders.Contains(name) && !name.StartsWith("proxy-", StringComparison.OrdinalIgnoreCase))
            {
                text.Append(name).Append(": ").Append(value).Append("\r\n");
            }
        }

        return new(host, port, Encoding.Latin1.GetBytes(text.Append("Connection: close\r\n\r\n").ToString()), body);
    }

    /// <summary>Sends the request, and the answer back until the server ends it.</summary>
    public async Task RelayAsync(Stream client, byte[] read, Stream server, CancellationToken cancellationToken)
    {
        await server.WriteAsync(Head, cancellationToken).ConfigureAwait(false);
        using CancellationTokenSource over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task there = Body.CopyAsync(read, client, server, over.Token);
        try
        {
            // Where the server answers before it has read all, its answer counts.
            await server.CopyToAsync(client, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            await over.CancelAsync().ConfigureAwait(false);
            await there.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}

/// <summary>How long the body of a request is: a number of bytes, or chunks.</summary>
/// <param name="Length">Bytes, or null for chunks.</param>
internal sealed record BodyFraming(long? Length)
{
    private const int BufferBytes = 16 * 1024;

    /// <summary>By the headers; null where they contradict each other.</summary>
    public static BodyFraming? Of(ConnectHead head)
    {
        string[] lengths = [.. head.Headers.Where(h => h.Key.Equals("content-length", StringComparison.OrdinalIgnoreCase)).Select(h => h.Value)];
        string[] codings = [.. head.Headers.Where(h => h.Key.Equals("transfer-encoding", StringComparison.OrdinalIgnoreCase)).Select(h => h.Value)];
        return (lengths, codings) switch
        {
            ([], []) => new(0L),
            ([string length], []) when long.TryParse(length, NumberStyles.None, CultureInfo.InvariantCulture, out long bytes) => new(bytes),
            ([], [string coding]) when coding.Equals("chunked", StringComparison.OrdinalIgnoreCase) => new((long?)null),
            _ => null,
        };
    }

    /// <summary>Copies the body and not a byte more. Throws <see cref="IOException"/> where chunks are not well formed.</summary>
    public async Task CopyAsync(byte[] read, Stream from, Stream to, CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[BufferBytes];
        ReadOnlyMemory<byte> ahead = read;
        ChunkScanner scanner = new();
        long left = Length ?? 0;
        while (Length is null ? !scanner.IsDone : left > 0)
        {
            if (ahead.Length == 0)
            {
                int count = await from.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
                if (count == 0)
                {
                    throw new IOException("the request ended early");
                }

                ahead = buffer.AsMemory(0, count);
            }

            int take = Length is null ? scanner.Scan(ahead.Span) : (int)Math.Min(left, ahead.Length);
            left -= take;
            await to.WriteAsync(ahead[..take], cancellationToken).ConfigureAwait(false);
            ahead = ahead[take..];
        }
    }

    /// <summary>Finds where a chunked body ends.</summary>
    private sealed class ChunkScanner
    {
        private enum At
        {
            Size,
            Extension,
            Data,
            AfterData,
            Trailer,
        }

        private At _at;
        private long _size;
        private int _digits;
        private int _line;

        public bool IsDone { get; private set; }

        /// <summary>How many of the bytes belong to the body.</summary>
        public int Scan(ReadOnlySpan<byte> bytes)
        {
            int at = 0;
            while (at < bytes.Length && !IsDone)
            {
                if (_at == At.Data)
                {
                    int run = (int)Math.Min(_size, bytes.Length - at);
                    _size -= run;
                    at += run;
                    _at = _size == 0 ? At.AfterData : At.Data;
                    continue;
                }

                Take(bytes[at++]);
            }

            return at;
        }

        private void Take(byte next)
        {
            switch (_at)
            {
                case At.Size when char.IsAsciiHexDigit((char)next) && _digits < 8:
                    _size = (_size * 16) + Convert.ToInt32(((char)next).ToString(), 16);
                    _digits++;
                    break;
                case At.Size when next is (byte)'\r' or (byte)';' && _digits > 0:
                    _at = At.Extension;
                    break;
                case At.Extension when next == '\n':
                    _at = _size == 0 ? At.Trailer : At.Data;
                    _digits = 0;
                    _line = 0;
                    break;
                case At.Extension when ++_line < 1024:
                    break;
                case At.AfterData when next == '\r':
                    break;
                case At.AfterData when next == '\n':
                    _at = At.Size;
                    break;
                case At.Trailer when next == '\n':
                    IsDone = _line == 0;
                    _line = 0;
                    break;
                case At.Trailer when next == '\r' || ++_line < 8192:
                    break;
                default:
                    throw new IOException("the request's chunks are not well formed");
            }
        }
    }
}
