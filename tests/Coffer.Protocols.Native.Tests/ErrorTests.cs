using System.Text.Json;
using Coffer.Contracts;
using Coffer.Core.Errors;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Coffer.Protocols.Native.Tests;

public sealed class ErrorTests
{
    public static TheoryData<CofferErrorCode> Codes => [.. Enum.GetValues<CofferErrorCode>()];

    [Theory]
    [MemberData(nameof(Codes))]
    public async Task Every_failure_is_a_problem_document(CofferErrorCode code)
    {
        DefaultHttpContext context = new() { TraceIdentifier = "11111111-1111-4111-8111-111111111111" };
        using MemoryStream body = new();
        context.Response.Body = body;
        NativeWire.Begin(context);
        await NativeErrors.WriteAsync(context, new(code, "what happened") { Parameter = "limit", RetryAfter = TimeSpan.FromMilliseconds(1200) });
        Problem problem = JsonSerializer.Deserialize(body.ToArray(), ContractsJson.Strict.Problem)!;
        Assert.Equal(context.Response.StatusCode, problem.Status);
        Assert.InRange(problem.Status, 400, 599);
        Assert.Equal("urn:coffer:error:" + problem.Code, problem.Type);
        Assert.Equal("what happened", problem.Detail);
        Assert.Equal("limit", problem.Parameter);
        Assert.Equal(context.TraceIdentifier, problem.RequestId);
        Assert.Equal("application/problem+json", context.Response.ContentType);
        Assert.Equal("no-store", context.Response.Headers.CacheControl);
        Assert.Equal("2", context.Response.Headers.RetryAfter);
        Assert.Equal(problem.Status == 401, !StringValues.IsNullOrEmpty(context.Response.Headers.WWWAuthenticate));
    }

    [Fact]
    public void No_two_failures_share_a_code() =>
        Assert.Equal(Enum.GetValues<CofferErrorCode>().Length, Enum.GetValues<CofferErrorCode>().Select(c => NativeErrors.Describe(c).Code).Distinct().Count());

    [Fact]
    public async Task Missing_and_forbidden_look_alike_to_one_who_would_be_denied()
    {
        await using NativeTestServer server = await NativeTestServer.StartAsync();
        await server.SendAsync("PUT", "/coffer/v1/vaults/shop-dev/secrets/there", "{\"text\":\"v\"}");
        foreach (string tail in new[] { "", "/value", "/versions", "/value?version=7", "/value?label=x" })
        {
            TestAnswer there = await server.SendAsync("GET", $"/coffer/v1/vaults/shop-dev/secrets/there{tail}", principal: "nobody");
            TestAnswer missing = await server.SendAsync("GET", $"/coffer/v1/vaults/shop-dev/secrets/gone1{tail}", principal: "nobody");
            TestAnswer nowhere = await server.SendAsync("GET", $"/coffer/v1/vaults/shop-xyz/secrets/there{tail}", principal: "nobody");
            Assert.Equal(403, there.Status);
            Assert.Equal(Shape(there), Shape(missing));
            Assert.Equal(Shape(there), Shape(nowhere));
        }
    }

    [Fact]
    public async Task A_failed_answer_never_carries_a_credential()
    {
        await using NativeTestServer server = await NativeTestServer.StartAsync();
        foreach ((string path, string body) in new[] { ("/coffer/v1/principals/none/tokens", "{}"), ("/coffer/v1/principals/reader/tokens", "{\"uses\":0}"), ("/coffer/v1/principals/none/access-keys", "{}"), ("/coffer/v1/sessions", "{\"seconds\":1}") })
        {
            TestAnswer answer = await server.SendAsync("POST", path, body);
            Assert.InRange(answer.Status, 400, 499);
            Assert.DoesNotContain("cft_", answer.Body, StringComparison.Ordinal);
            Assert.DoesNotContain("ASIA", answer.Body, StringComparison.Ordinal);
            Assert.DoesNotContain("AKIA", answer.Body, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task No_error_repeats_what_was_sent()
    {
        const string marker = "s3cr3t-marker";
        await using NativeTestServer server = await NativeTestServer.StartAsync();
        string secret = "/coffer/v1/vaults/shop-dev/secrets/a";
        string[] bodies =
        [
            $"{{\"text\":\"{marker}\"", $"{{\"{marker}\":1}}", $"{{\"text\":\"{marker}\",\"text\":\"{marker}\"}}", $"{{\"text\":[\"{marker}\"]}}", $"\"{marker}\"", marker,
            $"{{\"base64\":\"{marker}!\"}}", $"{{\"text\":\"{marker}\",\"requestToken\":\"{marker}\"}}", $"{{\"text\":\"{marker}\",\"labels\":[\"{marker}\\u0000\"]}}", $"{{\"text\":\"{marker}\\ud800\"}}",
            $"{{\"text\":\"{marker}\",\"notBefore\":\"{marker}\"}}", $"{{\"text\":\"{marker}\",\"ifCurrent\":\"{marker}\"}}",
        ];
        foreach (string body in bodies)
        {
            TestAnswer answer = await server.SendAsync("PUT", secret, body);
            Assert.Equal(400, answer.Status);
            Assert.DoesNotContain(marker, answer.Body, StringComparison.Ordinal);
        }

        Assert.DoesNotContain(marker, (await server.SendAsync("GET", $"{secret}?{marker}=1")).Body, StringComparison.Ordinal);
        Assert.DoesNotContain(marker, (await server.SendAsync("GET", "/coffer/v1/whoami", principal: null, headers: $"Authorization: Bearer cft_{marker}\r\n")).Body, StringComparison.Ordinal);
        TestAnswer trail = await server.SendAsync("GET", "/coffer/v1/audit");
        Assert.DoesNotContain(marker, trail.Body, StringComparison.Ordinal);
        Assert.DoesNotContain(server.Log, l => l.Contains(marker, StringComparison.Ordinal));
    }

    private static string Shape(TestAnswer answer)
    {
        Problem problem = JsonSerializer.Deserialize(answer.Body, ContractsJson.Default.Problem)!;
        return $"{answer.Status} {answer.Header("Content-Length")} {string.Join(',', answer.Headers.Select(h => h.Key))} {problem with { RequestId = null }}";
    }
}
