using System.Net.Sockets;
using System.Text;
using Coffer.Sources.CofferApi;
using Coffer.Sources.References;
using CsCheck;
using Xunit;

namespace Coffer.Sources.Tests.CofferApi;

public sealed class CofferApiClientTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task All_references_are_asked_for_in_one_round_trip_and_answered_in_order()
    {
        await using StubServer server = new(_folder["s"], StubServer.Ok(
            """{"values":[{"text":"żółć\n"},{"error":{"code":"not_found","message":"No such secret."}},{"base64":"AAE="},{"text":"{\"user\":\"u\",\"port\":5432,\"more\":{\"a\":[1]}}","extra":{"x":1}}],"extra":[]}"""));
        IReadOnlyList<ResolvedSecret> results = CofferApiClient.Resolve(
            _folder["s"], [new("shop-dev", "a b", null, "3"), new("shop-dev", "missing", null, null), new("shop-dev", "binary", null, null), new("shop-dev", "db", "port", null)]);
        Assert.Equal("żółć\n", results[0].Text);
        Assert.Equal((SourceErrorKind.NotFound, "coffer://shop-dev/missing cannot be read: No such secret"), (results[1].Error!.Kind, results[1].Error!.Message));
        Assert.Equal(SourceErrorKind.Invalid, results[2].Error!.Kind);
        Assert.Equal("5432", results[3].Text);
        Assert.Equal("***", results[0].ToString());

        string request = Assert.Single(server.Requests);
        Assert.StartsWith("POST /coffer/v1/resolve HTTP/1.1\r\n", request, StringComparison.Ordinal);
        Assert.EndsWith("""{"references":[{"vault":"shop-dev","name":"a b","version":"3"},{"vault":"shop-dev","name":"missing"},{"vault":"shop-dev","name":"binary"},{"vault":"shop-dev","name":"db"}]}""", request, StringComparison.Ordinal);
    }

    [Fact]
    public async Task More_than_a_hundred_references_go_in_batches()
    {
        string Values(int count) => StubServer.Ok("{\"values\":[" + string.Join(',', Enumerable.Range(0, count).Select(i => $"{{\"text\":\"{i}\"}}")) + "]}");
        await using StubServer server = new(_folder["s"], Values(100), Values(50));
        IReadOnlyList<ResolvedSecret> results = CofferApiClient.Resolve(_folder["s"], [.. Enumerable.Range(0, 150).Select(i => new CofferReference("shop-dev", $"s{i}", null, null))]);
        Assert.Equal(150, results.Count);
        Assert.Equal("49", results[149].Text);
    }

    [Theory]
    [InlineData(400, SourceErrorKind.Invalid)]
    [InlineData(401, SourceErrorKind.Unauthenticated)]
    [InlineData(403, SourceErrorKind.AccessDenied)]
    [InlineData(404, SourceErrorKind.Unavailable)]
    [InlineData(409, SourceErrorKind.Conflict)]
    [InlineData(429, SourceErrorKind.Unavailable)]
    [InlineData(503, SourceErrorKind.Unavailable)]
    [InlineData(302, SourceErrorKind.Failure)]
    public async Task A_problem_document_becomes_the_error(int status, SourceErrorKind kind)
    {
        const string Body = """{"type":"about:blank","title":"t","detail":"the server \u001b[31mis sealed.","errors":{"x":[1]}}""";
        await using StubServer server = new(_folder["s"], $"HTTP/1.1 {status} X\r\nLocation: http://evil.example/\r\nContent-Length: {Encoding.UTF8.GetByteCount(Body)}\r\n\r\n{Body}");
        SourceException error = Assert.Throws<SourceException>(() => CofferApiClient.Resolve(_folder["s"], [new("shop-dev", "a", null, null)]));
        Assert.Equal(kind, error.Kind);
        Assert.DoesNotContain('\u001b', error.Message);
    }

    [Fact]
    public async Task Attack_51_a_redirect_is_an_error_and_nothing_follows_it()
    {
        await using StubServer server = new(_folder["s"], "HTTP/1.1 307 Moved\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
        Assert.Equal("the server answered 307", Assert.Throws<SourceException>(() => CofferApiClient.Resolve(_folder["s"], [new("shop-dev", "a", null, null)])).Message);
        Assert.Single(server.Requests);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"values":[]}""")]
    [InlineData("""{"values":[{"text":"hunter2"},{"text":"hunter2"}]}""")]
    [InlineData("""{"values":[{}]}""")]
    [InlineData("""{"values":[{"text":5}]}""")]
    [InlineData("""{"values":[{"text":"hunter2","base64":""}]}""")]
    [InlineData("""{"values":[{"text":"hunter2"}]""")]
    [InlineData("""{"values":[{"text":"hunter2"}]} x""")]
    [InlineData("""{"values":[{"text":"hunter2\ud800"}]}""")]
    [InlineData("""hunter2""")]
    public void An_answer_that_is_not_understood_is_an_error_that_does_not_quote_it(string json)
    {
        SourceException error = Assert.Throws<SourceException>(() => ResolveAnswer.Read(Encoding.UTF8.GetBytes(json), [new("shop-dev", "a", null, null)]));
        Assert.Equal(SourceErrorKind.Failure, error.Kind);
        Assert.DoesNotContain("hunter2", error.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"f":"x"}""", "x", null)]
    [InlineData("""{"a":{"f":"no"},"f":true}""", "true", null)]
    [InlineData("""{"f": { "a" : 1 } }""", """{ "a" : 1 }""", null)]
    [InlineData("""{"f":"x","f":"y"}""", "y", null)]
    [InlineData("""{"f":null}""", null, SourceErrorKind.NotFound)]
    [InlineData("""{"g":1}""", null, SourceErrorKind.NotFound)]
    [InlineData("""["f"]""", null, SourceErrorKind.Invalid)]
    [InlineData("""{"f":"x"} y""", null, SourceErrorKind.Invalid)]
    [InlineData("plain", null, SourceErrorKind.Invalid)]
    [InlineData("", null, SourceErrorKind.Invalid)]
    [InlineData("""{"f":"a\u0000b"}""", null, SourceErrorKind.Invalid)]
    public void A_field_is_a_member_of_a_json_object(string secret, string? value, SourceErrorKind? kind)
    {
        string json = "{\"values\":[{\"text\":\"" + System.Text.Json.JsonEncodedText.Encode(secret) + "\"}]}";
        ResolvedSecret result = ResolveAnswer.Read(Encoding.UTF8.GetBytes(json), [new("shop-dev", "a", "f", null)])[0];
        Assert.Equal((value, kind), (result.Text, result.Error?.Kind));
    }

    [Fact]
    public void Any_answer_is_values_or_the_typed_error() =>
        Gen.OneOf("{", "}", "[", "]", "\"values\":", "\"text\":", "\"error\":", "\"code\":", "\"base64\":", "\"x\"", "null", "1", ",", "\"\\ud800\"").Array[0, 16].Select(string.Concat).Sample(
            json =>
            {
                try
                {
                    ResolveAnswer.Read(Encoding.UTF8.GetBytes(json), [new("shop-dev", "a", "f", null)]);
                    ResolveAnswer.Problem(500, Encoding.UTF8.GetBytes(json));
                }
                catch (SourceException)
                {
                }
            },
            iter: 20_000);

    [Fact]
    public void The_socket_is_the_first_that_exists()
    {
        _folder.Write("run/coffer/coffer.sock", "");
        _folder.Write("home/.coffer/coffer.sock", "");
        _folder.Write("system", "");
        string? Find(string system, params (string Name, string Value)[] variables) =>
            CofferSocket.Find(name => variables.FirstOrDefault(v => v.Name == name).Value, _folder[system]);
        Assert.Equal("/x", Find("system", ("COFFER_SOCKET", "/x"), ("XDG_RUNTIME_DIR", _folder["run"])));
        Assert.Equal(_folder["run/coffer/coffer.sock"], Find("system", ("XDG_RUNTIME_DIR", _folder["run"]), ("HOME", _folder["home"])));
        Assert.Equal(_folder["system"], Find("system", ("XDG_RUNTIME_DIR", _folder["none"]), ("HOME", _folder["home"])));
        Assert.Equal(_folder["home/.coffer/coffer.sock"], Find("none", ("HOME", _folder["home"])));
        Assert.Null(Find("none"));
    }

    [Fact]
    public void What_is_no_socket_or_has_no_listener_is_refused_before_anything_is_sent()
    {
        Assert.Equal(SourceErrorKind.Unavailable, Kind(_folder["none"]));
        Assert.Equal(SourceErrorKind.Unsafe, Kind(_folder.Write("file", "")));
        using (Socket closed = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            closed.Bind(new UnixDomainSocketEndPoint(_folder["closed"]));
        }

        Assert.Equal(SourceErrorKind.Unavailable, Kind(_folder["closed"]));

        SourceErrorKind Kind(string path) => Assert.Throws<SourceException>(() => CofferApiClient.Resolve(path, [new("shop-dev", "a", null, null)])).Kind;
    }

    [Theory]
    [InlineData(1000u, 1000u, true)]
    [InlineData(0u, 1000u, true)]
    [InlineData(1001u, 1000u, false)]
    [InlineData(1000u, 0u, false)]
    public void Only_a_server_of_the_same_user_or_of_root_is_trusted(uint peer, uint self, bool trusted) => Assert.Equal(trusted, CofferSocket.IsTrusted(peer, self));
}
