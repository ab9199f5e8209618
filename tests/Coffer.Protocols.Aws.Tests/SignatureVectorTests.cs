using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Coffer.Protocols.Aws.Tests;

/// <summary>
/// Requests that botocore signed (see <c>Vectors/sigv4.py</c>), so that the verifier is measured against another's reading
/// of the scheme and not against its own.
/// </summary>
public sealed class SignatureVectorTests
{
    private static readonly DateTimeOffset Signed = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
    private static readonly Dictionary<string, JsonElement> Vectors = Load();

    public static TheoryData<string> Names => [.. Vectors.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Botocore_s_signature_is_accepted(string name) => Assert.True(Verify(Vectors[name]));

    [Theory]
    [MemberData(nameof(Names))]
    public void Another_body_is_refused(string name) => Assert.False(Verify(Vectors[name], body: body => [.. body, (byte)' ']));

    [Theory]
    [MemberData(nameof(Names))]
    public void Another_secret_is_refused(string name) => Assert.False(Verify(Vectors[name], secret: secret => secret + "x"));

    [Theory]
    [MemberData(nameof(Names))]
    public void Another_method_is_refused(string name) => Assert.False(Verify(Vectors[name], change: context => context.Request.Method = "PUT"));

    [Theory]
    [MemberData(nameof(Names))]
    public void Another_path_is_refused(string name) =>
        Assert.False(Verify(Vectors[name], change: context => Http(context).RawTarget = Http(context).RawTarget.Split('?') is var parts ? parts[0] + "x" + (parts.Length > 1 ? "?" + parts[1] : "") : ""));

    [Theory]
    [MemberData(nameof(Names))]
    public void One_more_parameter_is_refused(string name) =>
        Assert.False(Verify(Vectors[name], change: context => Http(context).RawTarget += Http(context).RawTarget.Contains('?', StringComparison.Ordinal) ? "&z=1" : "?z=1"));

    [Theory]
    [MemberData(nameof(Names))]
    public void A_signed_header_with_another_value_is_refused(string name)
    {
        JsonElement vector = Vectors[name];
        DefaultHttpContext original = Context(vector, null, null);
        foreach (string header in SignedHeaders(original))
        {
            Assert.False(Verify(vector, change: context => context.Request.Headers[header] = context.Request.Headers[header].ToString() + "x"), header);
            Assert.False(Verify(vector, change: context => context.Request.Headers.Append(header, "x")), header);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_signed_header_that_is_left_out_is_refused(string name)
    {
        JsonElement vector = Vectors[name];
        foreach (string header in SignedHeaders(Context(vector, null, null)))
        {
            Assert.False(Verify(vector, change: context => context.Request.Headers.Remove(header)), header);
        }
    }

    [Fact]
    public void An_absolute_target_is_read_by_its_path() =>
        Assert.True(Verify(Vectors["prefix_slash"], change: context => Http(context).RawTarget = "http://anything:1" + Http(context).RawTarget));

    [Fact]
    public void A_session_token_is_part_of_what_is_signed()
    {
        AwsExchange exchange = AwsExchange.Of(Context(Vectors["boto3_session"], null, null));
        Assert.Null(AwsAuthentication.Read(Context(Vectors["boto3_session"], null, null), exchange, Signed, out AwsClaim claim));
        Assert.StartsWith("IQoJb3JpZ2luX2Vj", claim.SessionToken, StringComparison.Ordinal);
    }

    private static bool Verify(JsonElement vector, Func<string, string>? secret = null, Func<byte[], byte[]>? body = null, Action<HttpContext>? change = null)
    {
        byte[] bytes = vector.GetProperty("body").GetBytesFromBase64();
        DefaultHttpContext context = Context(vector, change, bytes);
        if (AwsAuthentication.Read(context, AwsExchange.Of(context), Signed, out AwsClaim claim) is not null)
        {
            return false;
        }

        string text = vector.GetProperty("secret").GetString()!;
        byte[] key = new byte[32];
        AwsAuthentication.Derive(Encoding.UTF8.GetBytes(secret?.Invoke(text) ?? text), claim, key);
        return AwsAuthentication.Matches(context, claim, key, body?.Invoke(bytes) ?? bytes);
    }

    private static DefaultHttpContext Context(JsonElement vector, Action<HttpContext>? change, byte[]? body)
    {
        DefaultHttpContext context = new();
        string target = vector.GetProperty("target").GetString()!;
        context.Request.Method = vector.GetProperty("method").GetString()!;
        Http(context).RawTarget = target;
        int mark = target.IndexOf('?', StringComparison.Ordinal);
        context.Request.QueryString = new(mark < 0 ? "" : target[mark..]);
        foreach (JsonElement header in vector.GetProperty("headers").EnumerateArray())
        {
            context.Request.Headers.Append(header[0].GetString()!, header[1].GetString());
        }

        if (body is not null && !context.Request.Headers.ContainsKey("Content-Length"))
        {
            context.Request.ContentLength = body.Length;
        }

        change?.Invoke(context);
        return context;
    }

    private static IHttpRequestFeature Http(HttpContext context) => context.Features.GetRequiredFeature<IHttpRequestFeature>();

    private static string[] SignedHeaders(HttpContext context)
    {
        string text = context.Request.Headers.Authorization.Count > 0 ? context.Request.Headers.Authorization.ToString() : "SignedHeaders=" + context.Request.Query["X-Amz-SignedHeaders"];
        int start = text.IndexOf("SignedHeaders=", StringComparison.Ordinal) + "SignedHeaders=".Length;
        int end = text.IndexOf(',', start);
        return (end < 0 ? text[start..] : text[start..end]).Split(';');
    }

    private static Dictionary<string, JsonElement> Load()
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Vectors", "sigv4.json")));
        return document.RootElement.EnumerateArray().ToDictionary(v => v.GetProperty("name").GetString()!, v => v.Clone());
    }
}
