using System.Text;
using CsCheck;
using Coffer.Workload.Intercepting;

namespace Coffer.Workload.Tests.Intercepting;

public sealed class ConnectHeadTests
{
    private static ConnectHead? Parse(string text) => ConnectHead.Parse(Encoding.Latin1.GetBytes(text));

    [Theory]
    [InlineData("CONNECT demo-dev.vault.azure.net:443 HTTP/1.0\r\n")]
    [InlineData("CONNECT demo-dev.vault.azure.net:443 HTTP/1.1\r\nHost: demo-dev.vault.azure.net:443\r\n")]
    [InlineData("CONNECT demo-dev.vault.azure.net:443 HTTP/1.1\r\nhost: somewhere.else\r\nUser-Agent: x\r\n")]
    public void A_connect_needs_no_host_and_ignores_the_one_it_has(string text)
    {
        ConnectHead head = Assert.IsType<ConnectHead>(Parse(text));

        Assert.Equal("CONNECT", head.Method);
        Assert.Equal("demo-dev.vault.azure.net:443", head.Target);
        Assert.Null(head.Authorization);
    }

    [Fact]
    public void The_credentials_are_found_in_any_case_and_without_their_spaces() =>
        Assert.Equal("Basic abc=", Parse("CONNECT a:1 HTTP/1.1\r\npROXY-authorization: \t Basic abc= \r\n")?.Authorization);

    [Theory]
    [InlineData("")]
    [InlineData("CONNECT")]
    [InlineData("CONNECT a:1")]
    [InlineData("CONNECT a:1 HTTP/2.0\r\n")]
    [InlineData("CONNECT a:1 HTTP/1.1 x\r\n")]
    [InlineData("CONNECT  a:1 HTTP/1.1\r\n")]
    [InlineData(" CONNECT a:1 HTTP/1.1\r\n")]
    [InlineData("connect a:1 HTTP/1.1\r\n")]
    [InlineData("CONN\u0001ECT a:1 HTTP/1.1\r\n")]
    [InlineData("CONNECT a\u0000b:1 HTTP/1.1\r\n")]
    [InlineData("CONNECT a\u00e9:1 HTTP/1.1\r\n")]
    [InlineData("CONNECT a:1 HTTP/1.1\nHost: a\r\n")]
    [InlineData("CONNECT a:1 HTTP/1.1\r\nX: 1\nProxy-Authorization: Basic x\r\n")]
    [InlineData("CONNECT a:1 HTTP/1.1\r\nX: 1\rY: 2\r\n")]
    [InlineData("CONNECT a:1 HTTP/1.1\r\nX: 1\r\n folded\r\n")]
    [InlineData("CONNECT a:1 HTTP/1.1\r\nX : 1\r\n")]
    [InlineData("CONNECT a:1 HTTP/1.1\r\n: 1\r\n")]
    [InlineData("CONNECT a:1 HTTP/1.1\r\nno colon\r\n")]
    [InlineData("CONNECT a:1 HTTP/1.1\r\nX: \u007f\r\n")]
    [InlineData("CONNECT a:1 HTTP/1.1\r\nProxy-Authorization: a\r\nProxy-Authorization: a\r\n")]
    public void A_head_that_two_readers_could_take_for_different_ones_is_refused(string text) => Assert.Null(Parse(text));

    [Theory]
    [InlineData("example.com:443", "example.com", 443)]
    [InlineData("example.com.:1", "example.com.", 1)]
    [InlineData("[2001:db8::1]:65535", "2001:db8::1", 65535)]
    [InlineData("10.0.0.1:80", "10.0.0.1", 80)]
    [InlineData("a_b:443", "a_b", 443)]
    public void An_authority_is_a_host_and_a_port(string text, string host, int port)
    {
        Assert.True(ConnectHead.TryParseAuthority(text, out string parsed, out int number));
        Assert.Equal((host, port), (parsed, number));
    }

    [Theory]
    [InlineData("example.com")]
    [InlineData("example.com:")]
    [InlineData(":443")]
    [InlineData("example.com:0")]
    [InlineData("example.com:65536")]
    [InlineData("example.com:+443")]
    [InlineData("example.com: 443")]
    [InlineData("example.com:443x")]
    [InlineData("user@example.com:443")]
    [InlineData("user:pw@example.com:443")]
    [InlineData("exa mple.com:443")]
    [InlineData("example.com/:443")]
    [InlineData("[::1:443")]
    [InlineData("[]:443")]
    [InlineData("[[::1]]:443")]
    [InlineData("[fe80::1%25eth0]:443")]
    [InlineData("::1:443")]
    public void Anything_else_is_none(string text) => Assert.False(ConnectHead.TryParseAuthority(text, out _, out _));

    /// <summary>Mutations of good heads: never a crash, and what is taken is taken whole.</summary>
    [Fact]
    public void Mutated_heads_are_refused_or_read_in_one_way()
    {
        string[] seeds =
        [
            "CONNECT secretsmanager.us-east-1.amazonaws.com:443 HTTP/1.1\r\nHost: secretsmanager.us-east-1.amazonaws.com:443\r\nProxy-Authorization: Basic a2lkOnB3\r\n",
            "CONNECT [2001:db8::1]:443 HTTP/1.0\r\n",
            "GET https://example.com/a/../b?x=%41#f HTTP/1.1\r\nHost: example.com\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n",
        ];
        byte[] marks = [0, 9, 10, 13, 32, 58, 64, 91, 93, 127, 128, 255];
        Gen<byte> next = Gen.OneOf(Gen.Int[0, marks.Length - 1].Select(i => marks[i]), Gen.Byte);
        Gen<(int Kind, int At, byte Value)> step = Gen.Select(Gen.Int[0, 4], Gen.Int[0, 300], next);
        Gen.Select(Gen.Int[0, seeds.Length - 1].Select(i => seeds[i]), step.Array[1, 8]).Sample(
            (seed, steps) =>
            {
                List<byte> bytes = [.. Encoding.Latin1.GetBytes(seed)];
                foreach ((int kind, int at, byte value) in steps)
                {
                    int place = at % (bytes.Count + 1);
                    switch (kind)
                    {
                        case 0:
                            bytes.Insert(place, value);
                            break;
                        case 1 when place < bytes.Count:
                            bytes[place] = value;
                            break;
                        case 2 when place < bytes.Count:
                            bytes.RemoveAt(place);
                            break;
                        case 3:
                            bytes.RemoveRange(place, bytes.Count - place);
                            break;
                        default:
                            bytes.AddRange(bytes.GetRange(0, place));
                            break;
                    }
                }

                ConnectHead? head = ConnectHead.Parse(bytes.ToArray());
                if (head is null)
                {
                    return true;
                }

                bool plain = head.Headers.All(h => h.Value.All(c => c is '\t' or (>= ' ' and not '\x7f')) && h.Key.All(c => c is > ' ' and < '\x7f' and not ':')) && head.Target.All(c => c is > ' ' and < '\x7f');
                string again = $"{head.Method} {head.Target} HTTP/1.1\r\n" + string.Concat(head.Headers.Select(h => $"{h.Key}: {h.Value}\r\n"));
                ConnectHead? second = Parse(again);
                bool same = second is not null && second.Method == head.Method && second.Target == head.Target && second.Authorization == head.Authorization && second.Headers.SequenceEqual(head.Headers);
                bool authority = !ConnectHead.TryParseAuthority(head.Target, out string host, out int port) || (host.Length > 0 && port is > 0 and < 65536 && !host.Contains('@', StringComparison.Ordinal) && !host.Contains('/', StringComparison.Ordinal));
                if (head.Target.StartsWith("https://", StringComparison.Ordinal) && AbsoluteForm.From(head) is { } form)
                {
                    string sent = Encoding.Latin1.GetString(form.Head);
                    authority &= !sent.Contains("proxy-", StringComparison.OrdinalIgnoreCase) || !sent.Split("\r\n").Any(l => l.StartsWith("proxy-", StringComparison.OrdinalIgnoreCase));
                    authority &= sent.EndsWith("\r\n\r\n", StringComparison.Ordinal) && sent.IndexOf("\r\n\r\n", StringComparison.Ordinal) == sent.Length - 4;
                }

                return plain && same && authority;
            },
            iter: 50_000);
    }
}
