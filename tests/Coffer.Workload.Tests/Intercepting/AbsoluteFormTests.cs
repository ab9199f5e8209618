using System.Text;
using Coffer.Workload.Intercepting;

namespace Coffer.Workload.Tests.Intercepting;

public sealed class AbsoluteFormTests
{
    private static AbsoluteForm? From(string text) => AbsoluteForm.From(ConnectHead.Parse(Encoding.Latin1.GetBytes(text))!);

    [Theory]
    [InlineData("https://example.com/a/../b/%7e?x=1", "/a/../b/%7e?x=1", "example.com", 443)]
    [InlineData("https://example.com", "/", "example.com", 443)]
    [InlineData("https://example.com:8443?q", "/?q", "example.com", 8443)]
    [InlineData("https://[2001:db8::1]/", "/", "2001:db8::1", 443)]
    public void The_target_goes_on_as_it_was_sent(string target, string path, string host, int port)
    {
        AbsoluteForm form = Assert.IsType<AbsoluteForm>(From($"GET {target} HTTP/1.1\r\nHost: h\r\n"));

        Assert.StartsWith($"GET {path} HTTP/1.1\r\n", Encoding.Latin1.GetString(form.Head), StringComparison.Ordinal);
        Assert.Equal((host, port), (form.Host, form.Port));
    }

    [Fact]
    public void What_is_for_the_proxy_or_this_connection_does_not_go_on()
    {
        AbsoluteForm form = From("POST https://example.com/ HTTP/1.1\r\nProxy-Authorization: Basic secret\r\nproxy-connection: keep-alive\r\nConnection: keep-alive\r\nKeep-Alive: 5\r\nX-Amz-Date: 1\r\nContent-Length: 2\r\n")!;

        Assert.Equal("POST / HTTP/1.1\r\nHost: example.com\r\nX-Amz-Date: 1\r\nContent-Length: 2\r\nConnection: close\r\n\r\n", Encoding.Latin1.GetString(form.Head));
    }

    [Theory]
    [InlineData("GET https://user:pw@example.com/ HTTP/1.1\r\n")]
    [InlineData("GET https:///path HTTP/1.1\r\n")]
    [InlineData("GET https://example.com/#f HTTP/1.1\r\n")]
    [InlineData("GET https://example.com:0/ HTTP/1.1\r\n")]
    [InlineData("GET https://example.com/ HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n")]
    [InlineData("GET https://example.com/ HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n")]
    [InlineData("GET https://example.com/ HTTP/1.1\r\nContent-Length: -1\r\n")]
    [InlineData("GET https://example.com/ HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n")]
    public void A_request_that_two_servers_could_understand_differently_is_refused(string text) => Assert.Null(From(text));

    [Theory]
    [InlineData("Content-Length: 5\r\n", "helloGET / HTTP/1.1", "hello")]
    [InlineData("", "GET / HTTP/1.1", "")]
    [InlineData("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\nGET / HTTP/1.1", "5\r\nhello\r\n0\r\n\r\n")]
    [InlineData("Transfer-Encoding: chunked\r\n", "5;x=y\r\nhello\r\nA\r\n0123456789\r\n0\r\nTrailer: 1\r\n\r\nGET", "5;x=y\r\nhello\r\nA\r\n0123456789\r\n0\r\nTrailer: 1\r\n\r\n")]
    public async Task The_body_and_not_a_byte_more_goes_on(string header, string sent, string expected)
    {
        BodyFraming body = From($"POST https://example.com/ HTTP/1.1\r\n{header}")!.Body;
        for (int ahead = 0; ahead <= sent.Length; ahead++)
        {
            using MemoryStream from = new(Encoding.Latin1.GetBytes(sent[ahead..])), to = new();
            await body.CopyAsync(Encoding.Latin1.GetBytes(sent[..ahead]), from, to, TestContext.Current.CancellationToken);
            Assert.Equal(expected, Encoding.Latin1.GetString(to.ToArray()));
        }
    }

    [Theory]
    [InlineData("Content-Length: 5\r\n", "hell")]
    [InlineData("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n")]
    [InlineData("Transfer-Encoding: chunked\r\n", "\r\nhello\r\n0\r\n\r\n")]
    [InlineData("Transfer-Encoding: chunked\r\n", "5\r\nhelloX0\r\n\r\n")]
    [InlineData("Transfer-Encoding: chunked\r\n", "fffffffff\r\n")]
    [InlineData("Transfer-Encoding: chunked\r\n", "0x5\r\nhello\r\n0\r\n\r\n")]
    public async Task A_body_that_is_cut_off_or_malformed_ends_the_relay(string header, string sent)
    {
        BodyFraming body = From($"POST https://example.com/ HTTP/1.1\r\n{header}")!.Body;
        using MemoryStream from = new(Encoding.Latin1.GetBytes(sent)), to = new();

        await Assert.ThrowsAsync<IOException>(() => body.CopyAsync([], from, to, TestContext.Current.CancellationToken));
    }
}
