using Coffer.Workload.Doors;
using Microsoft.Extensions.Time.Testing;

namespace Coffer.Workload.Tests.Doors;

public sealed class AzureDoorTests : IDisposable
{
    private const string Resource = "resource=https%3A%2F%2Fvault.azure.net";
    private const string Id = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";

    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero));
    private readonly StubIssuer _issuer;
    private readonly AzureTokens _tokens;
    private readonly AzureAppServiceDoor _appService;
    private readonly AzureMetadataDoor _metadata;

    public AzureDoorTests()
    {
        _issuer = new(_clock);
        _tokens = new(_issuer.IssueAsync, StubIssuer.Identity, new Uri("https://coffer.example:8200/"), _clock);
        _appService = new(_tokens);
        _metadata = new(_tokens);
    }

    public void Dispose() => _tokens.Dispose();

    private (string, string) Header => ("X-IDENTITY-HEADER", _appService.Variables("http://127.0.0.1:1").Single(v => v.Key == "IDENTITY_HEADER").Value);

    private Task<DoorCall> AskAsync(string query, params (string, string)[] headers) => DoorCall.AskAsync(_appService, "/msi/token?" + query, "GET", headers);

    private Task<DoorCall> AskInstanceAsync(string query, params (string, string)[] headers) => DoorCall.AskAsync(_metadata, "/metadata/identity/oauth2/token?" + query, "GET", headers);

    [Fact]
    public async Task App_Service_answers_with_the_members_that_every_client_wants()
    {
        DoorCall call = await AskAsync("api-version=2019-08-01&" + Resource, Header);
        Assert.Equal(200, call.Status);
        Assert.Equal($$"""{"access_token":"cfs_azure:https://vault.azure.net#1","expires_on":"1767323945","resource":"https://vault.azure.net","token_type":"Bearer","client_id":"{{Id}}"}""", call.Body);
        Assert.Equal("no-store", call.Headers.CacheControl);
        Assert.Equal("application/json", call.Headers.ContentType);
    }

    [Fact]
    public async Task Instance_metadata_answers_with_its_further_members()
    {
        DoorCall call = await AskInstanceAsync("api-version=2018-02-01&" + Resource, ("Metadata", "true"));
        Assert.Equal(200, call.Status);
        Assert.Equal(["access_token", "expires_on", "resource", "token_type", "client_id", "expires_in", "ext_expires_in", "not_before"], call.Json.EnumerateObject().Select(m => m.Name));
        Assert.Equal("900", call.Json.GetProperty("expires_in").GetString());
        Assert.Equal("1767323045", call.Json.GetProperty("not_before").GetString());
    }

    [Theory]
    [InlineData("https://vault.azure.net", "azure:https://vault.azure.net")]
    [InlineData("https://vault.azure.net/", "azure:https://vault.azure.net")]
    [InlineData("https://shop-dev.vault.azure.net", "azure:https://shop-dev.vault.azure.net")]
    [InlineData("https://vault.azure.cn", "azure:https://vault.azure.cn")]
    [InlineData("https://vault.usgovcloudapi.net/", "azure:https://vault.usgovcloudapi.net")]
    [InlineData("https://coffer.example:8200", "azure:https://coffer.example:8200")]
    public async Task A_resource_of_Key_Vault_is_repeated_exactly_and_is_the_audience(string resource, string audience)
    {
        DoorCall call = await AskAsync("api-version=2019-08-01&resource=" + resource, Header);
        Assert.Equal(200, call.Status);
        Assert.Equal(resource, call.Json.GetProperty("resource").GetString());
        Assert.Equal([audience], _issuer.Asked);
    }

    [Theory]
    [InlineData("https://management.azure.com/")]
    [InlineData("https://storage.azure.com")]
    [InlineData("https://evilvault.azure.net")]
    [InlineData("https://vault.azure.net.evil.example")]
    [InlineData("https://vault.azure.net@evil.example")]
    [InlineData("https://vault.azure.net:8443")]
    [InlineData("https://coffer.example")]
    [InlineData("http://vault.azure.net")]
    [InlineData("https://vault.azure.net/path")]
    [InlineData("https://vault.azure.net?x")]
    [InlineData("vault.azure.net")]
    [InlineData("https://vault.azure.net%0a")]
    [InlineData("")]
    public async Task Any_other_resource_is_a_plain_400_that_no_client_tries_again(string resource)
    {
        DoorCall call = await AskAsync("api-version=2019-08-01&resource=" + resource, Header);
        Assert.Equal(400, call.Status);
        Assert.Contains("Key Vault only", call.Json.GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.Equal(400, (await AskInstanceAsync("api-version=2018-02-01&resource=" + resource, ("Metadata", "true"))).Status);
        Assert.Empty(_issuer.Asked);
    }

    [Theory]
    [InlineData("client_id=" + Id, 200)]
    [InlineData("client_id=3F2504E0-4F89-41D3-9A0C-0305E82C3301", 200)]
    [InlineData("client_id=00000000-0000-0000-0000-000000000001", 400)]
    [InlineData("client_id=shop-api", 400)]
    [InlineData("object_id=" + Id, 200)]
    [InlineData("principal_id=00000000-0000-0000-0000-000000000001", 400)]
    [InlineData("mi_res_id=/subscriptions/s/resourcegroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/shop-api", 200)]
    [InlineData("mi_res_id=/subscriptions/s/resourcegroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/other", 400)]
    [InlineData("client_id=" + Id + "&mi_res_id=/x/other", 400)]
    public async Task A_program_that_names_an_identity_must_name_its_own(string identity, int status)
    {
        Assert.Equal(status, (await AskAsync($"api-version=2019-08-01&{Resource}&{identity}", Header)).Status);
        Assert.Equal(status, (await AskInstanceAsync($"api-version=2018-02-01&{Resource}&{identity.Replace("principal_id", "object_id", StringComparison.Ordinal)}", ("Metadata", "true"))).Status);
    }

    [Fact]
    public async Task Without_the_childs_own_header_there_is_nothing()
    {
        Assert.Equal(403, (await AskAsync("api-version=2019-08-01&" + Resource)).Status);
        Assert.Equal(403, (await AskAsync("api-version=2019-08-01&" + Resource, ("X-IDENTITY-HEADER", "wrong"))).Status);
        Assert.Equal(403, (await AskAsync("api-version=2019-08-01&" + Resource, Header, Header)).Status);
        Assert.Equal(403, (await AskAsync("api-version=2019-08-01&" + Resource, Header, ("X-Forwarded-For", "10.0.0.1"))).Status);
        Assert.Equal(405, (await DoorCall.AskAsync(_appService, "/msi/token", "POST", Header)).Status);
        Assert.Equal(400, (await AskAsync("api-version=2017-09-01&" + Resource, Header)).Status);
        Assert.Empty(_issuer.Asked);
    }

    [Theory]
    [InlineData(null, "2018-02-01", null)]
    [InlineData("false", "2018-02-01", null)]
    [InlineData("true", "2018-02-01", "10.0.0.1")]
    [InlineData("true", "2017-01-01", null)]
    [InlineData("true", "latest-one", null)]
    [InlineData("true", "", null)]
    public async Task Instance_metadata_asks_for_its_header_and_a_version(string? header, string version, string? forwarded)
    {
        List<(string, string)> headers = header is null ? [] : [("Metadata", header)];
        if (forwarded is not null)
        {
            headers.Add(("X-Forwarded-For", forwarded));
        }

        DoorCall call = await AskInstanceAsync($"api-version={version}&{Resource}", [.. headers]);
        Assert.Equal(400, call.Status);
        Assert.Equal("invalid_request", call.Json.GetProperty("error").GetString());
        Assert.Empty(_issuer.Asked);
    }

    [Fact]
    public async Task A_refusal_of_the_server_ends_the_credential_and_a_server_that_is_away_is_tried_again()
    {
        _issuer.Failure = new WorkloadException("shop-api is disabled", "enable it");
        DoorCall refused = await AskAsync("api-version=2019-08-01&" + Resource, Header);
        Assert.Equal((403, """{"statusCode":403,"message":"shop-api is disabled"}"""), (refused.Status, refused.Body));
        Assert.Equal("access_denied", (await AskInstanceAsync("api-version=2018-02-01&" + Resource, ("Metadata", "true"))).Json.GetProperty("error").GetString());
        _issuer.Failure = new IOException("a secret in its text");
        _clock.Advance(TimeSpan.FromSeconds(5));
        DoorCall away = await AskAsync("api-version=2019-08-01&" + Resource, Header);
        Assert.Equal(503, away.Status);
        Assert.Equal("1", away.Headers.RetryAfter);
        Assert.DoesNotContain("secret", away.Body, StringComparison.Ordinal);
        _issuer.Failure = null;
        _clock.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(200, (await AskAsync("api-version=2019-08-01&" + Resource, Header)).Status);
    }

    [Fact]
    public async Task A_program_that_asks_for_a_token_of_every_name_gets_some_and_no_more()
    {
        for (int i = 0; i < 64; i++)
        {
            Assert.Equal(200, (await AskAsync($"api-version=2019-08-01&resource=https://v{i}.vault.azure.net", Header)).Status);
        }

        Assert.Equal(403, (await AskAsync("api-version=2019-08-01&resource=https://v64.vault.azure.net", Header)).Status);
        Assert.Equal(200, (await AskAsync("api-version=2019-08-01&resource=https://v0.vault.azure.net", Header)).Status);
        Assert.Equal(64, _issuer.Asked.Count);
    }

    [Fact]
    public void The_variables_lead_there_and_what_would_win_goes()
    {
        Assert.Equal("http://127.0.0.1:7/msi/token", _appService.Variables("http://127.0.0.1:7").Single(v => v.Key == "IDENTITY_ENDPOINT").Value);
        Assert.Matches("^[0-9a-f]{32}$", Header.Item2);
        Assert.Contains("AZURE_CLIENT_SECRET", _appService.Overridden);
        Assert.Contains("IDENTITY_SERVER_THUMBPRINT", _appService.Overridden);
        Assert.Equal("http://127.0.0.1:7", _metadata.Variables("http://127.0.0.1:7").Single(v => v.Key == "AZURE_POD_IDENTITY_AUTHORITY_HOST").Value);
        using AzureAppServiceDoor other = new(_tokens);
        Assert.NotEqual(Header.Item2, other.Variables("").Single(v => v.Key == "IDENTITY_HEADER").Value);
    }
}
