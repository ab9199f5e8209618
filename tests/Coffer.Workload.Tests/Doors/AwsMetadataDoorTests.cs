using Coffer.Workload.Doors;
using Microsoft.Extensions.Time.Testing;

namespace Coffer.Workload.Tests.Doors;

public sealed class AwsMetadataDoorTests : IDisposable
{
    private const string TokenPath = "/latest/api/token", Roles = "/latest/meta-data/iam/security-credentials";
    private const string Life = "x-aws-ec2-metadata-token-ttl-seconds", Header = "x-aws-ec2-metadata-token";

    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero));
    private readonly StubIssuer _issuer;
    private readonly AwsMetadataDoor _door;

    public AwsMetadataDoorTests()
    {
        _issuer = new(_clock);
        _door = new(new AwsSession(_issuer.IssueKeyAsync, _clock), "shop-api", _clock);
    }

    public void Dispose() => _door.Dispose();

    private async Task<string> TokenAsync(string life = "21600") => (await DoorCall.AskAsync(_door, TokenPath, "PUT", (Life, life))).Body;

    private async Task<DoorCall> GetAsync(string path) => await DoorCall.AskAsync(_door, path, "GET", (Header, await TokenAsync()));

    [Fact]
    public async Task The_three_steps_of_every_sdk_lead_to_the_keys()
    {
        DoorCall token = await DoorCall.AskAsync(_door, TokenPath, "PUT", (Life, "21600"));
        Assert.Equal(200, token.Status);
        Assert.Equal("21600", token.Headers[Life]);
        Assert.Equal("shop-api", (await GetAsync(Roles + "/")).Body);
        Assert.Equal("shop-api", (await GetAsync(Roles)).Body);
        DoorCall keys = await GetAsync(Roles + "/shop-api");
        Assert.Equal(
            """{"Code":"Success","LastUpdated":"2026-01-02T03:04:05Z","Type":"AWS-HMAC","AccessKeyId":"ASIA1","SecretAccessKey":"s3cr3t","Token":"session","Expiration":"2026-01-02T04:04:05Z"}""",
            keys.Body);
        Assert.Equal("no-store", keys.Headers.CacheControl);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("0")]
    [InlineData("21601")]
    [InlineData("-1")]
    [InlineData("+5")]
    [InlineData("1e3")]
    [InlineData("99999999999999")]
    public async Task A_token_has_a_life_of_a_second_to_six_hours(string? life) =>
        Assert.Equal(400, (await DoorCall.AskAsync(_door, TokenPath, "PUT", life is null ? [] : [(Life, life)])).Status);

    [Fact]
    public async Task Without_a_token_that_holds_nothing_is_told()
    {
        using AwsMetadataDoorTests another = new();
        string token = await TokenAsync("60"), other = await another.TokenAsync();
        Assert.Equal(200, (await DoorCall.AskAsync(_door, Roles, "GET", (Header, token))).Status);
        foreach (string wrong in (string[])["", "x", token[..^1], token[..^2] + (token[^2] == 'A' ? "BA" : "AA"), token + "A", other, new string('A', token.Length)])
        {
            Assert.Equal(401, (await DoorCall.AskAsync(_door, Roles, "GET", (Header, wrong))).Status);
        }

        Assert.Equal(401, (await DoorCall.AskAsync(_door, Roles + "/shop-api")).Status);
        Assert.Equal(401, (await DoorCall.AskAsync(_door, "/latest/meta-data/placement/region")).Status);
        _clock.Advance(TimeSpan.FromSeconds(60));
        Assert.Equal(401, (await DoorCall.AskAsync(_door, Roles, "GET", (Header, token))).Status);
        Assert.Empty(_issuer.Asked);
    }

    [Fact]
    public async Task What_a_proxy_passed_on_is_refused()
    {
        Assert.Equal(403, (await DoorCall.AskAsync(_door, TokenPath, "PUT", (Life, "60"), ("X-Forwarded-For", "10.0.0.1"))).Status);
        Assert.Equal(403, (await DoorCall.AskAsync(_door, Roles, "GET", (Header, await TokenAsync()), ("X-Forwarded-For", "10.0.0.1"))).Status);
    }

    [Theory]
    [InlineData("/latest/meta-data/iam/security-credentials/other")]
    [InlineData("/latest/meta-data/iam/security-credentials/shop-api/")]
    [InlineData("/latest/meta-data/iam/security-credentials-extended/")]
    [InlineData("/latest/dynamic/instance-identity/document")]
    [InlineData("/latest/meta-data/")]
    [InlineData("/latest")]
    public async Task Nothing_else_is_there(string path) => Assert.Equal(404, (await GetAsync(path)).Status);

    [Fact]
    public async Task Methods_are_those_of_the_service()
    {
        Assert.Equal(405, (await DoorCall.AskAsync(_door, TokenPath, "GET", (Life, "60"))).Status);
        Assert.Equal(405, (await DoorCall.AskAsync(_door, Roles, "POST", (Header, await TokenAsync()))).Status);
    }

    [Fact]
    public async Task A_refusal_is_a_document_and_an_absence_is_a_503()
    {
        _issuer.Failure = new WorkloadException("shop-api is disabled", "");
        Assert.Equal("AssumeRoleUnauthorizedAccess", (await GetAsync(Roles + "/shop-api")).Json.GetProperty("Code").GetString());
        _issuer.Failure = new IOException();
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(503, (await GetAsync(Roles + "/shop-api")).Status);
    }
}
