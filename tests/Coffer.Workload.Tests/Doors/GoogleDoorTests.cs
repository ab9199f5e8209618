using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using Coffer.Workload.Doors;
using Microsoft.Extensions.Time.Testing;

namespace Coffer.Workload.Tests.Doors;

public sealed class GoogleDoorTests : IDisposable
{
    private const string V1 = "/computeMetadata/v1/", Account = V1 + "instance/service-accounts/default/";
    private const string Email = "shop-api@shop-dev.iam.gserviceaccount.com";
    private static readonly (string, string) Flavor = ("Metadata-Flavor", "Google");

    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero));
    private readonly StubIssuer _issuer;
    private readonly GoogleMetadataDoor _door;

    public GoogleDoorTests()
    {
        _issuer = new(_clock);
        _door = new(_issuer.IssueAsync, StubIssuer.Identity, _clock);
    }

    public void Dispose() => _door.Dispose();

    private Task<DoorCall> AskAsync(string target) => DoorCall.AskAsync(_door, target, "GET", Flavor);

    [Theory]
    [InlineData("/", "computeMetadata/\n")]
    [InlineData("/computeMetadata/", "v1/\n")]
    [InlineData(V1, "instance/\nproject/\nuniverse/\n")]
    [InlineData(V1 + "instance", "attributes/\nid\nservice-accounts/\n")]
    [InlineData(V1 + "project/project-id", "shop-dev")]
    [InlineData(V1 + "project/numeric-project-id", "123456789012")]
    [InlineData(V1 + "universe/universe-domain", "googleapis.com")]
    [InlineData(V1 + "instance/service-accounts/", Email + "/\ndefault/\n")]
    [InlineData(Account, "aliases\nemail\nidentity\nscopes\ntoken\n")]
    [InlineData(Account + "email", Email)]
    [InlineData(Account + "scopes", "https://www.googleapis.com/auth/cloud-platform\n")]
    [InlineData(V1 + "instance/service-accounts/" + Email + "/email", Email)]
    [InlineData(V1 + "project/project-id?alt=json", "\"shop-dev\"")]
    [InlineData(V1 + "project/?recursive=true", """{"attributes":{},"numericProjectId":123456789012,"projectId":"shop-dev"}""")]
    [InlineData(V1 + "project/?recursive=true&alt=text", "numeric-project-id 123456789012\nproject-id shop-dev\n")]
    [InlineData(Account + "?recursive=true", """{"aliases":["default"],"email":"shop-api@shop-dev.iam.gserviceaccount.com","scopes":["https://www.googleapis.com/auth/cloud-platform"]}""")]
    [InlineData(Account + "?recursive=True", """{"aliases":["default"],"email":"shop-api@shop-dev.iam.gserviceaccount.com","scopes":["https://www.googleapis.com/auth/cloud-platform"]}""")]
    public async Task The_tree_reads_as_Googles_does(string target, string body)
    {
        DoorCall call = await AskAsync(target);
        Assert.Equal((200, body), (call.Status, call.Body));
        Assert.Equal("Google", call.Headers["Metadata-Flavor"]);
        Assert.StartsWith("application/", call.Headers.ContentType.ToString(), StringComparison.Ordinal);
        Assert.Empty(_issuer.Asked);
    }

    [Fact]
    public async Task The_whole_tree_is_one_document_without_a_token_in_it()
    {
        JsonElement tree = (await AskAsync(V1 + "?recursive=true")).Json;
        Assert.Equal("shop-dev", tree.GetProperty("project").GetProperty("projectId").GetString());
        Assert.Equal(Email, tree.GetProperty("instance").GetProperty("serviceAccounts").GetProperty(Email).GetProperty("email").GetString());
        Assert.Empty(_issuer.Asked);
    }

    [Theory]
    [InlineData(V1 + "instance/zone")]
    [InlineData(V1 + "project/project-id/")]
    [InlineData(V1 + "project/project-id/x")]
    [InlineData(V1 + "instance/service-accounts/other/token")]
    [InlineData(V1 + "instance/service-accounts/other/identity?audience=x")]
    [InlineData(V1 + "../v1/project/project-id")]
    [InlineData("/computeMetadata/v2/")]
    [InlineData("/computeMetadata/v1beta1/instance/service-accounts/default/token")]
    public async Task What_is_not_there_is_a_404_with_the_flavor(string target)
    {
        DoorCall call = await AskAsync(target);
        Assert.Equal(404, call.Status);
        Assert.Equal("Google", call.Headers["Metadata-Flavor"]);
        Assert.Empty(_issuer.Asked);
    }

    [Theory]
    [InlineData(Account + "token")]
    [InlineData(Account + "token?scopes=https://www.googleapis.com/auth/cloud-platform")]
    [InlineData(V1 + "instance/service-accounts/" + Email + "/token")]
    public async Task A_token_has_the_three_members_and_what_is_left_of_its_life(string target)
    {
        await AskAsync(target);
        _clock.Advance(TimeSpan.FromSeconds(30));
        DoorCall call = await AskAsync(target);
        Assert.Equal("""{"access_token":"cfs_google#1","expires_in":870,"token_type":"Bearer"}""", call.Body);
        Assert.Equal("application/json", call.Headers.ContentType);
        Assert.Equal("no-store", call.Headers.CacheControl);
    }

    [Fact]
    public async Task An_identity_token_reads_as_a_jwt_and_carries_the_bearer_token_for_its_audience()
    {
        DoorCall call = await AskAsync(Account + "identity?audience=https://shop.example&format=full");
        Assert.Equal(200, call.Status);
        string[] parts = call.Body.Split('.');
        Assert.Equal(3, parts.Length);
        JsonElement claims = JsonSerializer.Deserialize<JsonElement>(Base64Url.DecodeFromChars(parts[1]));
        Assert.Equal("https://shop.example", claims.GetProperty("aud").GetString());
        Assert.Equal(Email, claims.GetProperty("email").GetString());
        Assert.Equal(1767323945, claims.GetProperty("exp").GetInt64());
        Assert.Matches("^[1-9][0-9]{20}$", claims.GetProperty("sub").GetString());
        Assert.Equal("cfs_google-id:https://shop.example#1", Encoding.ASCII.GetString(Base64Url.DecodeFromChars(parts[2])));
        Assert.Equal(["google-id:https://shop.example"], _issuer.Asked);
    }

    [Theory]
    [InlineData("")]
    [InlineData("?audience=")]
    [InlineData("?audience=two%20words")]
    public async Task An_identity_token_is_for_somebody(string query) => Assert.Equal(400, (await AskAsync(Account + "identity" + query)).Status);

    [Theory]
    [InlineData("GET", null, null, 403)]
    [InlineData("GET", "google", null, 403)]
    [InlineData("GET", "Google", "10.0.0.1", 403)]
    [InlineData("POST", "Google", null, 405)]
    [InlineData("HEAD", "Google", null, 200)]
    public async Task Without_the_flavor_or_from_a_proxy_nothing_is_told(string method, string? flavor, string? forwarded, int status)
    {
        foreach (string target in (string[])["/", V1 + "project/project-id", Account + "token"])
        {
            List<(string, string)> headers = flavor is null ? [] : [("Metadata-Flavor", flavor)];
            if (forwarded is not null)
            {
                headers.Add(("X-Forwarded-For", forwarded));
            }

            DoorCall call = await DoorCall.AskAsync(_door, target, method, [.. headers]);
            Assert.Equal(status, call.Status);
            Assert.Equal("Google", call.Headers["Metadata-Flavor"]);
        }
    }

    [Fact]
    public async Task A_server_that_is_away_is_a_503_until_it_is_back()
    {
        _issuer.Failure = new IOException();
        Assert.Equal(503, (await AskAsync(Account + "token")).Status);
        _issuer.Failure = new WorkloadException("not allowed", "");
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal((403, "not allowed"), await AskAsync(Account + "token") is var refused ? (refused.Status, refused.Body) : default);
        _issuer.Failure = null;
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(200, (await AskAsync(Account + "token")).Status);
    }
}
