using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Coffer.Sources.CofferApi;

/// <summary>
/// One request and its answer over a stream: as much of HTTP/1.1 as a local server needs. Written out because loading and starting
/// HttpClient takes longer than everything else <c>coffer run</c> does.
/// </summary>
internal sealed class HttpExchange(Stream stream) : IDisposable
{
    public const int MaxHeaderBytes = 32 * 1024;
    public const int MaxBodyBytes = 16 * 1024 * 1024;

    private byte[] _buffer = new byte[16 * 1024];
    private int _start;
    private int _end;

    public int Status { get; private set; }

    /// <summary>Sends a JSON body and reads the whole answer. The caller zeroes the answer.</summary>
    public byte[] Post(string path, ReadOnlySpan<byte> json)
    {
        // In one write: a server that answers from the headers alone must not find the connection still being written.
        byte[] head = Encoding.ASCII.GetBytes(
            $"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAccept: application/json\r\nContent-Length: {json.Length}\r\nConnection: close\r\n\r\n");
        stream.Write([.. head, .. json]);
        return ReadAnswer();
    }

    public byte[] ReadAnswer()
    {
        while (true)
        {
            int budget = MaxHeaderBytes;
            Status = ParseStatus(ReadLine(ref budget));
            (long? length, bool chunked) = ReadHeaders(ref budget);
            if (Status is >= 200)
            {
                return Status is 204 or 304 ? [] : chunked ? ReadChunks() : length is { } known ? ReadBytes(known) : ReadToEnd();
            }
        }
    }

    public void Dispose() => CryptographicOperations.ZeroMemory(_buffer);

    private static int ParseStatus(ReadOnlySpan<byte> line) =>
        line.Length >= 12 && line.StartsWith("HTTP/1."u8) && line[8] == ' ' && (line.Length == 12 || line[12] == ' ')
            && Utf8Parser.TryParse(line.Slice(9, 3), out int status, out int used) && used == 3 && status >= 100
            ? status
            : throw Malformed();

    private (long? Length, bool Chunked) ReadHeaders(ref int budget)
    {
        long? length = null;
        bool chunked = false;
        while (true)
        {
            ReadOnlySpan<byte> line = ReadLine(ref budget);
            if (line.IsEmpty)
            {
                // Both at once is how two parsers come to disagree about where an answer ends.
                return length is not null && chunked ? throw Malformed() : (length, chunked);
            }

            int colon = line.IndexOf((byte)':');
            if (colon <= 0)
            {
                throw Malformed();
            }

            ReadOnlySpan<byte> name = line[..colon], value = line[(colon + 1)..].Trim(" \t"u8);
            if (Ascii.EqualsIgnoreCase(name, "Content-Length"u8))
            {
                long parsed = value.Length is > 0 and <= 18 && !value.ContainsAnyExceptInRange((byte)'0', (byte)'9') && Utf8Parser.TryParse(value, out long number, out _) ? number : throw Malformed();
                length = length is null || length == parsed ? parsed : throw Malformed();
            }
            else if (Ascii.EqualsIgnoreCase(name, "Transfer-Encoding"u8))
            {
                chunked = !chunked && Ascii.EqualsIgnoreCase(value, "chunked"u8) ? true : throw Malformed();
            }
        }
    }

    private byte[] ReadBytes(long length)
    {
        byte[] body = new byte[length <= MaxBodyBytes ? (int)length : throw TooLarge()];
        Fill(body);
        return body;
    }

    private byte[] ReadChunks()
    {
        byte[] body = new byte[4096];
        int length = 0;
        while (true)
        {
            int budget = MaxHeaderBytes;
            ReadOnlySpan<byte> line = ReadLine(ref budget);
            int semicolon = line.IndexOf((byte)';');
            ReadOnlySpan<byte> digits = (semicolon < 0 ? line : line[..semicolon]).Trim(" \t"u8);
            if (digits.Length is < 1 or > 8 || !Utf8Parser.TryParse(digits, out uint size, out int used, 'X') || used != digits.Length)
            {
                throw Malformed();
            }

            if (size == 0)
            {
                while (!ReadLine(ref budget).IsEmpty)
                {
                }

                byte[] whole = body[..length];
                CryptographicOperations.ZeroMemory(body);
                return whole;
            }

            if (size > MaxBodyBytes - length)
            {
                throw TooLarge();
            }

            if (length + (int)size > body.Length)
            {
                byte[] grown = new byte[Math.Max(body.Length * 2, length + (int)size)];
                body.AsSpan(0, length).CopyTo(grown);
                CryptographicOperations.ZeroMemory(body);
                body = grown;
            }

            Fill(body.AsSpan(length, (int)size));
            length += (int)size;
            if (!ReadLine(ref budget).IsEmpty)
            {
                throw Malformed();
            }
        }
    }

    private byte[] ReadToEnd()
    {
        while (Receive() > 0)
        {
            if (_end - _start > MaxBodyBytes)
            {
                throw TooLarge();
            }
        }

        return _buffer[_start.._end];
    }

    private void Fill(Span<byte> target)
    {
        int buffered = Math.Min(target.Length, _end - _start);
        _buffer.AsSpan(_start, buffered).CopyTo(target);
        _start += buffered;
        for (int at = buffered; at < target.Length;)
        {
            int count = stream.Read(target[at..]);
            at += count > 0 ? count : throw Cut();
        }
    }

    // The span is good until the next read.
    private ReadOnlySpan<byte> ReadLine(ref int budget)
    {
        int searched = 0;
        while (true)
        {
            int feed = _buffer.AsSpan(_start + searched, _end - _start - searched).IndexOf((byte)'\n');
            int length = feed < 0 ? _end - _start : searched + feed + 1;
            if (length > budget)
            {
                throw Malformed();
            }

            if (feed >= 0)
            {
                ReadOnlySpan<byte> line = _buffer.AsSpan(_start, length - 1);
                _start += length;
                budget -= length;
                return line is [.., (byte)'\r'] ? line[..^1] : line;
            }

            searched = length;
            if (Receive() == 0)
            {
                throw Cut();
            }
        }
    }

    private int Receive()
    {
        if (_end == _buffer.Length)
        {
            byte[] next = _start > _buffer.Length / 2 ? _buffer : new byte[_buffer.Length * 2];
            _buffer.AsSpan(_start.._end).CopyTo(next);
            if (!ReferenceEquals(next, _buffer))
            {
                CryptographicOperations.ZeroMemory(_buffer);
            }

            (_buffer, _start, _end) = (next, 0, _end - _start);
        }

        int count = stream.Read(_buffer.AsSpan(_end));
        _end += count;
        return count;
    }

    private static SourceException Malformed() => new(SourceErrorKind.Failure, "what listens on the socket does not speak HTTP", "check that it is a coffer server");

    private static SourceException Cut() => new(SourceErrorKind.Unavailable, "the server ended its answer half-way", "look at the server's log");

    private static SourceException TooLarge() => new(SourceErrorKind.Failure, "the server's answer is larger than 16 MiB", "ask for fewer secrets at once");
}
