using Coffer.Client;
using Coffer.Contracts;
using Coffer.Login.Issuers;
using Coffer.Login.Tests.Support;
using Coffer.Trusts.Tests.Support;

namespace Coffer.Login.Tests;

/// <summary>Logins by device code (RFC 8628): how often is asked, and when it ends.</summary>
public sealed class DeviceLoginTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Whoever_confirms_on_another_device_is_logged_in()
    {
        await using LoginTestServer server = await LoginTestServer.StartAsync();
        PollingClock clock = Script(server, "authorization_pending", "authorization_pending", "token");
        DevicePrompt? prompt = null;
        using LoginResult result = await LogInAsync(server, clock, p => prompt = p);
        Assert.Equal("pat", result.Principal);
        Assert.Equal((server.Provider.Issuer + "/activate", "WDJB-MJHT"), (prompt!.Address, prompt.Code));
        Assert.Equal([5, 5, 5], clock.Waits);
        Assert.Equal("pat", (await server.Client(result.Token).WhoAmIAsync(Cancellation)).Principal);
    }

    [Fact]
    public async Task Slow_down_makes_every_wait_after_it_five_seconds_longer()
    {
        await using LoginTestServer server = await LoginTestServer.StartAsync();
        server.Provider.DeviceAnswer = a => a["interval"] = 7;
        PollingClock clock = Script(server, "authorization_pending", "slow_down", "authorization_pending", "slow_down", "token");
        (await LogInAsync(server, clock)).Dispose();
        Assert.Equal([7, 7, 12, 12, 17], clock.Waits);
    }

    [Fact]
    public async Task A_connection_that_breaks_halves_how_often_is_asked()
    {
        await using LoginTestServer server = await LoginTestServer.StartAsync();
        PollingClock clock = Script(server, "drop", "drop", "authorization_pending", "token");
        (await LogInAsync(server, clock)).Dispose();
        Assert.Equal([5, 10, 20, 20], clock.Waits);
    }

    [Theory]
    [InlineData("access_denied", "the login was declined")]
    [InlineData("expired_token", "nobody confirmed the login in time")]
    [InlineData("invalid_client", "the issuer declined: invalid_client")]
    [InlineData("\u001b[2Jgot you", "the issuer declined: an error without a code")]
    public async Task What_ends_a_login_ends_it_at_once(string error, string problem)
    {
        await using LoginTestServer server = await LoginTestServer.StartAsync();
        PollingClock clock = Script(server, "authorization_pending", error);
        LoginException ended = await Assert.ThrowsAsync<LoginException>(() => LogInAsync(server, clock));
        Assert.Equal((LoginFault.Declined, problem), (ended.Fault, ended.Message));
        Assert.Equal(2, clock.Waits.Count);
    }

    /// <summary>Half a surrogate pair is well-formed JSON and no text.</summary>
    [Theory]
    [InlineData("""{"error":"\ud800"}""", LoginFault.Declined)]
    [InlineData("""{"\ud800":1,"error":"access_denied"}""", LoginFault.Declined)]
    public async Task An_answer_that_is_no_text_ends_a_login_as_any_other_that_is_not_understood(string json, LoginFault fault)
    {
        await using LoginTestServer server = await LoginTestServer.StartAsync();
        Func<StubRequest, StubAnswer> others = server.Provider.Server.Answer;
        server.Provider.Server.Answer = request => request.Path == "/token" ? new(400, json) : others(request);
        LoginException ended = await Assert.ThrowsAsync<LoginException>(() => LogInAsync(server, Script(server)));
        Assert.Equal(fault, ended.Fault);
    }

    [Fact]
    public async Task Nobody_is_asked_after_the_time_that_the_issuer_gave()
    {
        await using LoginTestServer server = await LoginTestServer.StartAsync();
        server.Provider.DeviceAnswer = a => (a["expires_in"], a["interval"]) = (250, 100);
        PollingClock clock = Script(server, "authorization_pending", "authorization_pending", "token");
        LoginException ended = await Assert.ThrowsAsync<LoginException>(() => LogInAsync(server, clock));
        Assert.Equal((LoginFault.Declined, "nobody confirmed the login in time"), (ended.Fault, ended.Message));
        Assert.Equal(["token"], server.Provider.DeviceAnswers);
    }

    [Theory]
    [InlineData("user_code", "WDJB\u001b[2J")]
    [InlineData("user_code", "")]
    [InlineData("verification_uri", "http://issuer.example/activate")]
    [InlineData("verification_uri", "javascript:alert(1)")]
    [InlineData("verification_uri", "https://issuer.example/\u001b]0;x\u0007")]
    [InlineData("device_code", "")]
    [InlineData("expires_in", "soon")]
    public async Task Nothing_is_shown_that_is_no_address_and_code(string member, string value)
    {
        await using LoginTestServer server = await LoginTestServer.StartAsync();
        server.Provider.DeviceAnswer = a => a[member] = value;
        LoginException refused = await Assert.ThrowsAsync<LoginException>(() => LogInAsync(server, Script(server), _ => Assert.Fail("shown")));
        Assert.Equal(LoginFault.Refused, refused.Fault);
    }

    [Fact]
    public async Task Attack_10_a_token_from_before_the_login_is_no_answer_to_it()
    {
        await using LoginTestServer server = await LoginTestServer.StartAsync();
        server.Provider.Claims = c => c["iat"] = server.Clock.GetUtcNow().ToUnixTimeSeconds() - 60;
        CofferClientException refused = await Assert.ThrowsAsync<CofferClientException>(() => LogInAsync(server, Script(server, "token")));
        Assert.Equal(401, refused.Status);
    }

    [Fact]
    public async Task An_issuer_without_device_codes_says_so()
    {
        await using LoginTestServer server = await LoginTestServer.StartAsync();
        server.Provider.Document = d => d.Remove("device_authorization_endpoint");
        LoginException refused = await Assert.ThrowsAsync<LoginException>(() => LogInAsync(server, Script(server)));
        Assert.Equal(LoginFault.Unavailable, refused.Fault);
    }

    private static PollingClock Script(LoginTestServer server, params string[] answers)
    {
        foreach (string answer in answers)
        {
            server.Provider.DeviceAnswers.Enqueue(answer);
        }

        return new(server.Clock);
    }

    private static async Task<LoginResult> LogInAsync(LoginTestServer server, PollingClock clock, Action<DevicePrompt>? show = null)
    {
        using IssuerHttp http = new(server.Provider.Server.Roots);
        CofferClient client = server.Client();
        LoginProvider provider = Assert.Single((await client.ListLoginProvidersAsync(Cancellation)).Providers);
        return await new IssuerLogin(client, http, clock).ByDeviceAsync(provider, show ?? (_ => { }), Cancellation);
    }
}
