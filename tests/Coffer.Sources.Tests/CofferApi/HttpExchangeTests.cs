using System.Text;
using Coffer.Sources.CofferApi;
using CsCheck;
using Xunit;

namespace Coffer.Sources.Tests.CofferApi;

public sealed class HttpExchangeTests
{
    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello")]
    [InlineData("HTTP/1.1 200\r\ncontent-length:5\r\n\r\nhello and more", 200, "hello")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nTrailer: x\r\n\r\n", 200, "hello")]
    [InlineData("HTTP/1.1 200 OK\r\n\r\nhello", 200, "hello")]
    [InlineData("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", 404, "")]
    [InlineData("HTTP/1.1 204 No\r\nContent-Length: 9\r\n\r\n", 204, "")]
    [InlineData("HTTP/1.0 200 OK\nContent-Length: 2\n\nok", 200, "ok")]
    public void Answers_are_read_however_they_arrive(string text, int status, string body)
    {
        foreach (int piece in new[] { 1, 2, 7, 100_000 })
        {
            using HttpExchange exchange = new(new PieceStream(Encoding.ASCII.GetBytes(text), piece));
            Assert.Equal(body, Encoding.ASCII.GetString(exchange.ReadAnswer()));
            Assert.Equal(status, exchange.Status);
        }
    }

    [Theory]
    [InlineData("", SourceErrorKind.Unavailable)]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", SourceErrorKind.Unavailable)]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Le", SourceErrorKind.Unavailable)]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", SourceErrorKind.Unavailable)]
    [InlineData("SSH-2.0-OpenSSH\r\n", SourceErrorKind.Failure)]
    [InlineData("HTTP/1.1 2x0 OK\r\n\r\n", SourceErrorKind.Failure)]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", SourceErrorKind.Failure)]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", SourceErrorKind.Failure)]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", SourceErrorKind.Failure)]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", SourceErrorKind.Failure)]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", SourceErrorKind.Failure)]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", SourceErrorKind.Failure)]
    [InlineData("HTTP/1.1 200 OK\r\nno colon\r\n\r\n", SourceErrorKind.Failure)]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", SourceErrorKind.Failure)]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFF\r\n", SourceErrorKind.Failure)]
    public void Answers_that_are_cut_or_malformed_are_errors(string text, SourceErrorKind kind)
    {
        using HttpExchange exchange = new(new PieceStream(Encoding.ASCII.GetBytes(text), 3));
        Assert.Equal(kind, Assert.Throws<SourceException>(exchange.ReadAnswer).Kind);
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\n", "X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nX: ", "yyyyyyyyyyyyyyyy")]
    [InlineData("HTTP/1.1 200 OK\r\n\r\n", "yyyyyyyyyyyyyyyy")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "00F00\r\n@@@@\r\n")]
    public void An_answer_without_end_is_given_up(string head, string repeated)
    {
        repeated = repeated.Replace("@@@@", new string('y', 0xF00), StringComparison.Ordinal);
        using HttpExchange exchange = new(new EndlessStream(Encoding.ASCII.GetBytes(head), Encoding.ASCII.GetBytes(repeated)));
        Assert.Equal(SourceErrorKind.Failure, Assert.Throws<SourceException>(exchange.ReadAnswer).Kind);
    }

    [Fact]
    public void Any_bytes_are_an_answer_or_the_typed_error() =>
        Gen.OneOf("HTTP/1.1 200 OK", "HTTP/1.1 100 x", "\r\n", "\n", "Content-Length: 3", "Transfer-Encoding: chunked", ":", "3", "0", "abc", " ", "\0", "FF").Array[0, 14].Select(string.Concat).Sample(
            text =>
            {
                try
                {
                    using HttpExchange exchange = new(new PieceStream(Encoding.ASCII.GetBytes(text), 5));
                    exchange.ReadAnswer();
                }
                catch (SourceException)
                {
                }
            },
            iter: 20_000);

    private sealed class PieceStream(byte[] content, int piece) : MemoryStream(content)
    {
        public override int Read(Span<byte> buffer) => base.Read(buffer[..Math.Min(buffer.Length, piece)]);
    }

    private sealed class EndlessStream(byte[] head, byte[] repeated) : Stream
    {
        private long _at;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => _at; set => throw new NotSupportedException(); }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override int Read(Span<byte> buffer)
        {
            for (int i = 0; i < buffer.Length; i++, _at++)
            {
                buffer[i] = _at < head.Length ? head[_at] : repeated[(_at - head.Length) % repeated.Length];
            }

            return buffer.Length;
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
