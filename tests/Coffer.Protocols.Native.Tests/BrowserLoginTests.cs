using System.Text.Json.Nodes;
using Coffer.Client;
using Coffer.Contracts;
using Coffer.Core.Access;
using NewTrust = Coffer.Core.Access.NewTrust;

namespace Coffer.Protocols.Native.Tests;

/// <summary>Logins through an issuer, from the server's side.</summary>
public sealed class BrowserLoginTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_issuers_for_people_are_known_to_anyone_and_others_are_not()
    {
        await using NativeTestServer server = await StartAsync();
        await server.Core.Admin.CreateTrustAsync(server.Root, Trust("robots") with { Settings = "" }, null, Cancellation);
        using CofferClient nobody = PeopleTests.Anonymous(server);
        LoginProvider provider = Assert.Single((await nobody.ListLoginProvidersAsync(Cancellation)).Providers);
        Assert.Equal(("staff", "https://issuer.example", "coffer-cli", "openid email", true), (provider.Trust, provider.Issuer, provider.ClientId, string.Join(' ', provider.Scopes), provider.Device));
        Assert.Equal(404, (await Assert.ThrowsAsync<CofferClientException>(() => nobody.BeginBrowserLoginAsync(new() { Trust = "robots" }, Cancellation))).Status);
    }

    [Fact]
    public async Task A_token_with_the_logins_nonce_opens_a_session_that_ends_with_the_trust()
    {
        await using NativeTestServer server = await StartAsync();
        using CofferClient nobody = PeopleTests.Anonymous(server);
        BrowserLoginInfo begun = await nobody.BeginBrowserLoginAsync(new() { Trust = "staff" }, Cancellation);
        server.Issuer.Tokens["good"] = Claims(begun.Nonce);
        using LoginResult session = await nobody.FinishBrowserLoginAsync(new() { Login = begun.Login, IdToken = SecretText.From("good") }, Cancellation);
        Assert.Equal("pat", session.Principal);
        Assert.Equal(server.Clock.GetUtcNow().AddSeconds(7200), session.Expires);
        using CofferClient pat = PeopleTests.With(server, session.Token);
        Assert.Equal("pat", (await pat.WhoAmIAsync(Cancellation)).Principal);
        await server.Core.Admin.DeleteTrustAsync(server.Root, PrincipalName.Parse("staff"), Cancellation);
        Assert.Equal(401, (await Assert.ThrowsAsync<CofferClientException>(() => pat.WhoAmIAsync(Cancellation))).Status);
    }

    [Fact]
    public async Task Attack_10_another_nonce_none_or_two_are_refused()
    {
        await using NativeTestServer server = await StartAsync();
        using CofferClient nobody = PeopleTests.Anonymous(server);
        BrowserLoginInfo begun = await nobody.BeginBrowserLoginAsync(new() { Trust = "staff" }, Cancellation), other = await nobody.BeginBrowserLoginAsync(new() { Trust = "staff" }, Cancellation);
        server.Issuer.Tokens["other"] = Claims(other.Nonce);
        server.Issuer.Tokens["none"] = Claims();
        server.Issuer.Tokens["two"] = Claims(begun.Nonce, other.Nonce);
        server.Issuer.Tokens["case"] = Claims(begun.Nonce.ToUpperInvariant());
        foreach (string token in new[] { "other", "none", "two", "case", "unknown" })
        {
            Assert.Equal(401, (await FinishAsync(server, begun.Login, token)).Status);
        }
    }

    [Fact]
    public async Task Attack_10_a_login_is_finished_once_in_time_and_only_as_it_was_begun()
    {
        await using NativeTestServer server = await StartAsync();
        using CofferClient nobody = PeopleTests.Anonymous(server);
        BrowserLoginInfo begun = await nobody.BeginBrowserLoginAsync(new() { Trust = "staff" }, Cancellation);
        server.Issuer.Tokens["good"] = Claims(begun.Nonce);
        for (int i = 0; i < begun.Login.Length; i += 7)
        {
            char[] forged = begun.Login.ToCharArray();
            forged[i] = forged[i] == 'A' ? 'B' : 'A';
            Assert.Equal(401, (await FinishAsync(server, new(forged), "good")).Status);
        }

        Assert.Equal(401, (await FinishAsync(server, begun.Login + "A", "good")).Status);
        Assert.Equal(401, (await FinishAsync(server, "", "good")).Status);
        TestAnswer[] answers = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => FinishAsync(server, begun.Login, "good")));
        Assert.Single(answers, a => a.Status == 201);
        BrowserLoginInfo late = await nobody.BeginBrowserLoginAsync(new() { Trust = "staff" }, Cancellation);
        server.Issuer.Tokens["late"] = Claims(late.Nonce);
        server.Clock.Advance(TimeSpan.FromMinutes(10));
        Assert.Equal(401, (await FinishAsync(server, late.Login, "late")).Status);
    }

    [Fact]
    public async Task A_token_got_by_device_code_must_be_younger_than_the_login_and_is_good_once()
    {
        await using NativeTestServer server = await StartAsync();
        using CofferClient nobody = PeopleTests.Anonymous(server);
        long now = server.Clock.GetUtcNow().ToUnixTimeSeconds();
        BrowserLoginInfo begun = await nobody.BeginBrowserLoginAsync(new() { Trust = "staff", Device = true }, Cancellation), again = await nobody.BeginBrowserLoginAsync(new() { Trust = "staff", Device = true }, Cancellation);
        server.Issuer.Tokens["old"] = [.. Claims(), ("iat", [$"{now - 1}"])];
        server.Issuer.Tokens["fresh"] = [.. Claims(), ("iat", [$"{now}"])];
        server.Issuer.Tokens["without"] = Claims();
        server.Issuer.Tokens["odd"] = [.. Claims(), ("iat", ["now"])];
        foreach (string token in new[] { "old", "without", "odd" })
        {
            Assert.Equal(401, (await FinishAsync(server, begun.Login, token)).Status);
        }

        Assert.Equal(201, (await FinishAsync(server, begun.Login, "fresh")).Status);
        Assert.Equal(401, (await FinishAsync(server, again.Login, "fresh")).Status);
        // A login by browser does not do without its nonce, whatever the trust allows devices.
        BrowserLoginInfo browser = await nobody.BeginBrowserLoginAsync(new() { Trust = "staff" }, Cancellation);
        server.Issuer.Tokens["other"] = [.. Claims(), ("iat", [$"{now + 5}"])];
        Assert.Equal(401, (await FinishAsync(server, browser.Login, "other")).Status);
    }

    [Fact]
    public async Task A_token_with_another_signature_is_the_same_token()
    {
        await using NativeTestServer server = await StartAsync();
        using CofferClient nobody = PeopleTests.Anonymous(server);
        BrowserLoginInfo begun = await nobody.BeginBrowserLoginAsync(new() { Trust = "staff", Device = true }, Cancellation), again = await nobody.BeginBrowserLoginAsync(new() { Trust = "staff", Device = true }, Cancellation);
        server.Issuer.Tokens["head.claims.signature"] = server.Issuer.Tokens["head.claims.another"] = [.. Claims(), ("iat", [$"{server.Clock.GetUtcNow().ToUnixTimeSeconds()}"])];
        Assert.Equal(201, (await FinishAsync(server, begun.Login, "head.claims.signature")).Status);
        Assert.Equal(401, (await FinishAsync(server, again.Login, "head.claims.another")).Status);
    }

    [Fact]
    public async Task Scopes_that_nobody_gave_are_openid()
    {
        await using NativeTestServer server = await NativeTestServer.StartAsync();
        await server.Core.Admin.CreateTrustAsync(server.Root, Trust("staff") with { Settings = "{\"login\":{\"clientId\":\"coffer-cli\"}}" }, null, Cancellation);
        using CofferClient nobody = PeopleTests.Anonymous(server);
        LoginProvider provider = Assert.Single((await nobody.ListLoginProvidersAsync(Cancellation)).Providers);
        Assert.Equal(["openid"], provider.Scopes);
        Assert.False(provider.Device);
    }

    [Fact]
    public async Task Attack_3_a_workload_does_not_log_in_through_an_issuer()
    {
        await using NativeTestServer server = await StartAsync();
        await server.Core.Admin.LinkAsync(server.Root, PrincipalName.Parse("staff"), "reader@example.com", PrincipalName.Parse("reader"), Cancellation);
        using CofferClient nobody = PeopleTests.Anonymous(server);
        BrowserLoginInfo begun = await nobody.BeginBrowserLoginAsync(new() { Trust = "staff" }, Cancellation);
        server.Issuer.Tokens["robot"] = [("email", ["reader@example.com"]), ("nonce", [begun.Nonce])];
        Assert.Equal(401, (await FinishAsync(server, begun.Login, "robot")).Status);
    }

    [Theory]
    [InlineData("""{"login":{"clientId":"another"}}""")]
    [InlineData("""{"login":{}}""")]
    [InlineData("""{"login":{"clientId":"coffer-cli","scopes":["email"]}}""")]
    [InlineData("""{"login":{"clientId":"coffer-cli","scopes":["openid","a b"]}}""")]
    [InlineData("""{"login":{"clientId":"coffer-cli","scopes":["openid","a\"b"]}}""")]
    [InlineData("""{"login":true}""")]
    [InlineData("""{"login":{"clientId":"coffer-cli","clientId":"coffer-cli"}}""")]
    public async Task Settings_that_nobody_could_log_in_with_are_refused_when_they_are_written(string settings)
    {
        await using NativeTestServer server = await NativeTestServer.StartAsync();
        await Assert.ThrowsAsync<Core.Errors.CofferException>(async () => await server.Core.Admin.CreateTrustAsync(server.Root, Trust("staff") with { Settings = settings }, null, Cancellation));
    }

    private static async Task<NativeTestServer> StartAsync()
    {
        NativeTestServer server = await NativeTestServer.StartAsync();
        await server.Core.Admin.CreatePrincipalAsync(server.Root, PrincipalName.Parse("pat"), PrincipalKind.Person, null, "", Cancellation);
        await server.Core.Admin.CreateTrustAsync(server.Root, Trust("staff"), null, Cancellation);
        await server.Core.Admin.LinkAsync(server.Root, PrincipalName.Parse("staff"), "pat@example.com", PrincipalName.Parse("pat"), Cancellation);
        return server;
    }

    private static NewTrust Trust(string name) => new()
    {
        Name = PrincipalName.Parse(name),
        Kind = TrustKind.WebToken,
        Issuer = "https://issuer.example",
        Audiences = ["coffer-cli"],
        PrincipalClaim = "email",
        MaxSeconds = 7200,
        Settings = """{"login":{"clientId":"coffer-cli","scopes":["openid","email"],"device":true},"clockSkew":10}""",
    };

    private static (string Name, string[] Values)[] Claims(params string[] nonces) => nonces.Length == 0 ? [("email", ["pat@example.com"])] : [("email", ["pat@example.com"]), ("nonce", nonces)];

    private static Task<TestAnswer> FinishAsync(NativeTestServer server, string login, string token) =>
        server.SendAsync("POST", "/coffer/v1/login/oidc/finish", new JsonObject { ["login"] = login, ["idToken"] = token }.ToJsonString(), principal: null);
}
