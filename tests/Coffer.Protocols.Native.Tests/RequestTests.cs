using System.Text;
using Coffer.Contracts;
using CsCheck;

namespace Coffer.Protocols.Native.Tests;

public sealed class RequestTests
{
    private const string Secret = "/coffer/v1/vaults/shop-dev/secrets/a";

    [Fact]
    public async Task A_token_that_is_wrong_is_not_helped_by_the_socket()
    {
        await using NativeTestServer server = await NativeTestServer.StartAsync();
        byte[] request = "GET /coffer/v1/whoami HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer cft_0000000000000000000000000000000000000000000\r\n\r\n"u8.ToArray();
        Assert.Equal(401, (await server.SendRawAsync(request, local: true)).Status);
    }

    [Fact]
    public async Task Two_tokens_are_none()
    {
        await using NativeTestServer server = await NativeTestServer.StartAsync();
        Assert.Equal(401, (await server.SendAsync("GET", "/coffer/v1/whoami", headers: $"Authorization: Bearer {server.TokenOf("reader")}\r\n")).Status);
    }

    [Fact]
    public async Task A_removed_token_and_a_disabled_principal_are_refused_at_once()
    {
        await using NativeTestServer server = await NativeTestServer.StartAsync();
        Assert.Equal(200, (await server.SendAsync("GET", "/coffer/v1/whoami", principal: "reader")).Status);
        await server.SendAsync("PATCH", "/coffer/v1/principals/reader", "{\"enabled\":false}");
        Assert.Equal(401, (await server.SendAsync("GET", "/coffer/v1/whoami", principal: "reader")).Status);
        using Client.CofferClient client = server.Client("writer");
        WhoAmI me = await client.WhoAmIAsync(TestContext.Current.CancellationToken);
        await server.SendAsync("DELETE", $"/coffer/v1/credentials/{me.Credential}");
        Assert.Equal(401, (await server.SendAsync("GET", "/coffer/v1/whoami", principal: "writer")).Status);
    }

    [Fact]
    public async Task An_expired_token_says_so()
    {
        await using NativeTestServer server = await NativeTestServer.StartAsync();
        using Client.CofferClient root = server.Client();
        using IssuedSecret token = await root.CreateTokenAsync("reader", new() { Expires = server.Clock.GetUtcNow().AddHours(1) }, TestContext.Current.CancellationToken);
        string header = $"Authorization: Bearer {token.Secret.Reveal()}\r\n";
        Assert.Equal(200, (await server.SendAsync("GET", "/coffer/v1/whoami", principal: null, headers: header)).Status);
        server.Clock.Advance(TimeSpan.FromHours(1));
        TestAnswer late = await server.SendAsync("GET", "/coffer/v1/whoami", principal: null, headers: header);
        Assert.Equal(401, late.Status);
        Assert.Contains("credential_expired", late.Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_refused_proof_is_in_the_trail_and_too_many_are_throttled()
    {
        await using NativeTestServer server = await NativeTestServer.StartAsync(new() { PerAddress = 0, PerPrincipal = 0, FailuresPerAddress = 2 });
        List<int> statuses = [];
        for (int i = 0; i < 8; i++)
        {
            statuses.Add((await server.SendAsync("GET", "/coffer/v1/whoami", principal: null)).Status);
        }

        Assert.Equal([401, 401, 401, 401, 429, 429, 429, 429], statuses);
        string trail = (await server.SendAsync("GET", "/coffer/v1/audit?action=Authenticate")).Body;
        Assert.Equal(4, trail.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        Assert.Contains("\"wireOperation\":\"whoAmI\"", trail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_answer_forbids_to_be_kept()
    {
        await using NativeTestServer server = await NativeTestServer.StartAsync();
        await server.SendAsync("PUT", Secret, "{\"text\":\"v\"}");
        foreach (string target in new[] { Secret, $"{Secret}/value", "/coffer/health", "/coffer/v1/nothing", "/coffer/v1/audit", "/coffer/openapi.json", "/" })
        {
            TestAnswer answer = await server.SendAsync("GET", target);
            Assert.Equal("no-store", answer.Header("Cache-Control"));
            Assert.Equal("nosniff", answer.Header("X-Content-Type-Options"));
            Assert.True(Guid.TryParse(answer.Header("X-Request-Id"), out _));
        }
    }

    [Fact]
    public async Task Head_is_get_without_a_body()
    {
        await using NativeTestServer server = await NativeTestServer.StartAsync();
        await server.SendAsync("PUT", Secret, "{\"text\":\"v\"}");
        foreach (string target in new[] { Secret, $"{Secret}/value", "/coffer/openapi.json", "/coffer/v1/vaults", "/coffer/v1/none" })
        {
            TestAnswer get = await server.SendAsync("GET", target), head = await server.SendAsync("HEAD", target);
            Assert.Equal(get.Status, head.Status);
            Assert.Equal(get.Header("Content-Length"), head.Header("Content-Length"));
            Assert.Equal(get.Header("ETag"), head.Header("ETag"));
            Assert.Empty(head.Body);
        }
    }

    [Fact]
    public async Task The_largest_value_fits_and_one_byte_more_does_not()
    {
        await using NativeTestServer server = await NativeTestServer.StartAsync();
        string largest = new('x', 1024 * 1024);
        Assert.Equal(201, (await server.SendAsync("PUT", Secret, $"{{\"text\":\"{largest}\"}}")).Status);
        Assert.Equal(200, (await server.SendAsync("PUT", Secret, $"{{\"base64\":\"{Convert.ToBase64String(Encoding.ASCII.GetBytes(largest))}\"}}")).Status);
        TestAnswer more = await server.SendAsync("PUT", Secret, $"{{\"text\":\"{largest}x\"}}");
        Assert.Equal(413, more.Status);
        Assert.Contains("too_large", more.Body, StringComparison.Ordinal);
        Assert.Equal(413, (await server.SendAsync("PUT", Secret, new string(' ', (4 * 1024 * 1024) + 1))).Status);
        Assert.Equal(413, (await server.SendAsync("POST", "/coffer/v1/vaults", new string(' ', (256 * 1024) + 1))).Status);
    }

    [Fact]
    public async Task A_deep_body_is_refused()
    {
        await using NativeTestServer server = await NativeTestServer.StartAsync();
        string deep = string.Concat(Enumerable.Repeat("{\"text\":", 5000)) + "1" + new string('}', 5000);
        Assert.Equal(400, (await server.SendAsync("PUT", Secret, deep)).Status);
        Assert.Equal(400, (await server.SendAsync("PUT", Secret, new string('[', 100_000))).Status);
    }

    [Fact]
    public async Task Any_text_comes_back_byte_for_byte()
    {
        await using NativeTestServer server = await NativeTestServer.StartAsync();
        using Client.CofferClient client = server.Client();
        string[] texts = ["\"quoted\" \\ /", "tab\tline\r\nend", "ü€𝄞\u2028\u2029", "\u0001\u001f\u007f", " space ", "{\"a\": [1, 2,3]}", "'; DROP TABLE--", "<script>&amp;"];
        foreach (string text in texts)
        {
            using NewValue value = new() { Text = SecretText.From(text) };
            await client.PutValueAsync("shop-dev", "a", value, TestContext.Current.CancellationToken);
            using SecretContent read = await client.GetValueAsync("shop-dev", "a", cancellationToken: TestContext.Current.CancellationToken);
            Assert.Equal(text, read.Text!.Reveal());
        }
    }

    [Fact]
    public async Task No_body_however_bent_is_a_server_error()
    {
        await using NativeTestServer server = await NativeTestServer.StartAsync();
        NativeRoute[] taking = [.. RouteTableTests.Routes.Where(r => r.Body is not null && r.Id is not ("seal" or "unseal"))];
        Gen<string> value = Gen.OneOf("null", "1", "-1", "1e999", "true", "\"\"", "\"a\"", "[null]", "[[]]", "{}", "{\"a\":null}", "[\"a\",null]", "99999999999999999999", "\"2026-01-01T00:00:00Z\"", "\"\\u0000\"", "[0]", "[-1]", "[1.5]");
        await Gen.Select(Gen.Int[0, taking.Length - 1], value.Array[0, 6], Gen.Int[0, 1_000]).SampleAsync(
            async (index, values, shift) =>
            {
                NativeRoute route = taking[index];
                string body = Body(route, values, shift);
                string path = route.Template.Replace("{vault}", "shop-dev", StringComparison.Ordinal).Replace("{name}", "a", StringComparison.Ordinal).Replace("{principal}", "nobody", StringComparison.Ordinal).Replace("{group}", "g", StringComparison.Ordinal);
                TestAnswer answer = await server.SendAsync(route.Method, path, body);
                Assert.True(answer.Status < 500, $"{route.Id} answered {answer.Status} to {body}");
            },
            iter: 250,
            threads: 1);
        Assert.Empty(server.Log);
    }

    private static string Body(NativeRoute route, string[] values, int shift)
    {
        string[] names = [.. route.Body!.Properties.Select(p => p.Name)];
        return "{" + string.Join(',', values.Select((v, i) => (Name: names[(i + shift) % names.Length], Value: v)).DistinctBy(p => p.Name).Select(p => $"\"{p.Name}\":{p.Value}")) + "}";
    }
}
