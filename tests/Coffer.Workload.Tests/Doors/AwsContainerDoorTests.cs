using System.Text;
using System.Text.Json;
using Coffer.Workload.Doors;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Time.Testing;

namespace Coffer.Workload.Tests.Doors;

public sealed class AwsContainerDoorTests
{
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero));
    private int _issued;

    private AwsContainerDoor Door(TimeSpan life, Func<int, Exception?>? failure = null) => new(
        _ =>
        {
            int number = Interlocked.Increment(ref _issued);
            return failure?.Invoke(number) is { } broken
                ? ValueTask.FromException<AwsSessionCredentials>(broken)
                : ValueTask.FromResult(new AwsSessionCredentials($"ASIA{number}", "top \"secret\""u8.ToArray(), "token", _clock.GetUtcNow() + life));
        },
        _clock);

    private static string Token(AwsContainerDoor door) => door.Variables("http://127.0.0.1:1").Single(v => v.Key == "AWS_CONTAINER_AUTHORIZATION_TOKEN").Value;

    private static async Task<(int Status, JsonElement Body, string? Cache)> AskAsync(AwsContainerDoor door, string? token, string method = "GET")
    {
        DefaultHttpContext context = new();
        context.Request.Method = method;
        context.Request.Path = door.Prefix;
        if (token is not null)
        {
            context.Request.Headers.Authorization = token;
        }

        using MemoryStream body = new();
        context.Response.Body = body;
        await door.AnswerAsync(context);
        await context.Response.BodyWriter.FlushAsync(TestContext.Current.CancellationToken);
        return (context.Response.StatusCode, JsonSerializer.Deserialize<JsonElement>(Encoding.UTF8.GetString(body.ToArray())), context.Response.Headers.CacheControl);
    }

    [Fact]
    public async Task The_answer_has_the_four_fields_that_every_sdk_wants()
    {
        AwsContainerDoor door = Door(TimeSpan.FromHours(1));

        (int status, JsonElement body, string? cache) = await AskAsync(door, Token(door));

        Assert.Equal(200, status);
        Assert.Equal("""{"AccessKeyId":"ASIA1","SecretAccessKey":"top \"secret\"","Token":"token","Expiration":"2026-01-02T04:04:05Z"}""", body.GetRawText());
        Assert.Equal("no-store", cache);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("wrong")]
    [InlineData("Bearer RIGHT")]
    [InlineData("RIGHT ")]
    public async Task Without_the_token_as_it_is_there_is_nothing(string? given)
    {
        AwsContainerDoor door = Door(TimeSpan.FromHours(1));

        (int status, JsonElement body, _) = await AskAsync(door, given?.Replace("RIGHT", Token(door), StringComparison.Ordinal));

        Assert.Equal(403, status);
        Assert.Equal("AccessDenied", body.GetProperty("Code").GetString());
        Assert.Equal(0, _issued);
    }

    [Fact]
    public async Task Only_get_is_answered()
    {
        AwsContainerDoor door = Door(TimeSpan.FromHours(1));

        Assert.Equal(405, (await AskAsync(door, Token(door), "POST")).Status);
    }

    [Theory]
    [InlineData(720, 689, 1)]
    [InlineData(720, 691, 2)]
    [InlineData(60, 29, 1)]
    [InlineData(60, 31, 2)]
    [InlineData(20, 9, 1)]
    [InlineData(20, 11, 2)]
    public async Task Keys_are_kept_and_renewed_well_before_their_end(int life, int later, int issued)
    {
        AwsContainerDoor door = Door(TimeSpan.FromMinutes(life));
        await AskAsync(door, Token(door));

        _clock.Advance(TimeSpan.FromMinutes(later));
        (int status, JsonElement body, _) = await AskAsync(door, Token(door));

        Assert.Equal(200, status);
        Assert.Equal($"ASIA{issued}", body.GetProperty("AccessKeyId").GetString());
    }

    [Fact]
    public async Task When_a_renewal_fails_what_still_holds_is_given()
    {
        AwsContainerDoor door = Door(TimeSpan.FromHours(1), number => number == 2 ? new IOException("away") : null);
        await AskAsync(door, Token(door));
        _clock.Advance(TimeSpan.FromMinutes(40));

        Assert.Equal("ASIA1", (await AskAsync(door, Token(door))).Body.GetProperty("AccessKeyId").GetString());
        Assert.Equal("ASIA1", (await AskAsync(door, Token(door))).Body.GetProperty("AccessKeyId").GetString());
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("ASIA3", (await AskAsync(door, Token(door))).Body.GetProperty("AccessKeyId").GetString());
    }

    [Fact]
    public async Task What_has_expired_is_never_given()
    {
        AwsContainerDoor door = Door(TimeSpan.FromHours(1), number => number == 2 ? new IOException("away, with a secret in its text") : null);
        await AskAsync(door, Token(door));
        _clock.Advance(TimeSpan.FromMinutes(61));

        (int status, JsonElement body, _) = await AskAsync(door, Token(door));

        Assert.Equal(503, status);
        Assert.Equal("ServiceUnavailable", body.GetProperty("Code").GetString());
        Assert.DoesNotContain("secret", body.GetRawText(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_refusal_of_the_server_is_told_in_its_words()
    {
        AwsContainerDoor door = Door(TimeSpan.FromHours(1), _ => new WorkloadException("shop-api is disabled", "enable it"));

        (int status, JsonElement body, _) = await AskAsync(door, Token(door));

        Assert.Equal(403, status);
        Assert.Equal("""{"Code":"AccessDenied","Message":"shop-api is disabled"}""", body.GetRawText());
    }

    /// <summary>SDKs give up after a second and ask again: the issue that they started goes on.</summary>
    [Fact]
    public async Task Callers_share_one_issue_that_none_of_them_can_end()
    {
        TaskCompletionSource<AwsSessionCredentials> slow = new();
        int asked = 0;
        AwsContainerDoor door = new(
            _ =>
            {
                Interlocked.Increment(ref asked);
                return new(slow.Task);
            },
            _clock);
        using CancellationTokenSource impatient = new();
        DefaultHttpContext context = new() { RequestAborted = impatient.Token };
        context.Request.Method = "GET";
        context.Request.Headers.Authorization = Token(door);
        Task gone = door.AnswerAsync(context);
        Task<(int Status, JsonElement Body, string? Cache)> patient = AskAsync(door, Token(door));
        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => gone);

        slow.SetResult(new("ASIA1", "secret"u8.ToArray(), "token", _clock.GetUtcNow().AddHours(1)));

        Assert.Equal(200, (await patient).Status);
        Assert.Equal(1, asked);
    }

    [Fact]
    public void Keys_do_not_print_themselves() =>
        Assert.DoesNotContain("hidden", new AwsSessionCredentials("ASIA1", "hidden"u8.ToArray(), "hidden", default).ToString(), StringComparison.Ordinal);
}
