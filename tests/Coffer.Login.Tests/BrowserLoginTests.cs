using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Coffer.Client;
using Coffer.Contracts;
using Coffer.Login.Issuers;
using Coffer.Login.Tests.Support;
using CsCheck;

namespace Coffer.Login.Tests;

/// <summary>Logins by browser: authorization code with PKCE to a loopback address, from both sides of an issuer that keeps to the standards, and of one that does not.</summary>
public sealed class BrowserLoginTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Whoever_confirms_in_the_browser_is_logged_in()
    {
        await using LoginTestServer server = await LoginTestServer.StartAsync();
        using LoginResult result = await LogInAsync(server, browser => browser.FollowAsync());
        Assert.Equal("pat", result.Principal);
        Assert.Equal("pat", (await server.Client(result.Token).WhoAmIAsync(Cancellation)).Principal);
        Dictionary<string, string> asked = Assert.Single(server.Provider.Asked);
        Assert.Equal(("code", StubProvider.ClientId, "openid email", "S256", "one"), (asked["response_type"], asked["client_id"], asked["scope"], asked["code_challenge_method"], asked["tenant"]));
        Assert.StartsWith("http://127.0.0.1:", asked["redirect_uri"], StringComparison.Ordinal);
        Assert.All(new[] { "state", "nonce", "code_challenge" }, name => Assert.True(asked[name].Length >= 32));
        // Nothing that proves anything went through the browser.
        Assert.DoesNotContain("code_verifier", asked.Keys);
    }

    [Fact]
    public async Task Attack_10_an_answer_without_this_logins_state_is_refused_and_the_true_one_awaited()
    {
        await using LoginTestServer server = await LoginTestServer.StartAsync();
        using LoginResult result = await LogInAsync(server, async browser =>
        {
            string code = server.Provider.Issue(browser.Asked);
            string state = browser.Asked["state"];
            foreach (string query in new[]
            {
                $"code={code}", $"code={code}&state=", $"code={code}&state={state.ToUpperInvariant()}", $"code={code}&state={state}A", $"code={code}&state={state[..^1]}",
                $"code={code}&state={state}&state={state}", $"code={code}&code={code}&state={state}", $"error=access_denied&state=x", $"state={state}&iss={server.Provider.Issuer}", $"code=&state={state}&iss={server.Provider.Issuer}",
            })
            {
                (HttpStatusCode status, string page) = await browser.BringAsync(query);
                Assert.Equal(HttpStatusCode.BadRequest, status);
                Assert.DoesNotContain(code, page, StringComparison.Ordinal);
            }

            await browser.FollowAsync();
        });
        Assert.Equal("pat", result.Principal);
    }

    [Fact]
    public async Task Attack_10_another_host_method_or_path_reaches_nothing()
    {
        await using LoginTestServer server = await LoginTestServer.StartAsync();
        using LoginResult result = await LogInAsync(server, async browser =>
        {
            string good = $"/callback?code={server.Provider.Issue(browser.Asked)}&state={browser.Asked["state"]}&iss={server.Provider.Issuer}", host = browser.Callback.Authority;
            foreach (string request in new[]
            {
                $"GET {good} HTTP/1.1\r\nHost: evil.example\r\n\r\n", $"GET {good} HTTP/1.1\r\nHost: localhost:{browser.Callback.Port}\r\n\r\n", $"GET {good} HTTP/1.1\r\n\r\n",
                $"GET {good} HTTP/1.1\r\nHost: {host}\r\nHost: {host}\r\n\r\n", $"POST {good} HTTP/1.1\r\nHost: {host}\r\n\r\n", $"GET /{good} HTTP/1.1\r\nHost: {host}\r\n\r\n",
                $"GET http://{host}{good} HTTP/1.1\r\nHost: {host}\r\n\r\n", $"GET {good}\r\n\r\n", "\0\0\0\r\n\r\n",
            })
            {
                Assert.StartsWith("HTTP/1.1 400 ", await browser.SendAsync(request), StringComparison.Ordinal);
            }

            // One that says nothing is in nobody's way.
            using Socket silent = new(SocketType.Stream, ProtocolType.Tcp);
            await silent.ConnectAsync(IPAddress.Loopback, browser.Callback.Port, Cancellation);
            await browser.FollowAsync();
        });
        Assert.Equal("pat", result.Principal);
    }

    [Fact]
    public async Task Attack_10_an_answer_of_another_issuer_ends_the_login()
    {
        await using LoginTestServer server = await LoginTestServer.StartAsync();
        foreach (Func<List<(string Name, string Value)>, List<(string, string)>> change in new Func<List<(string Name, string Value)>, List<(string, string)>>[]
        {
            all => [.. all.Where(p => p.Name != "iss")],
            all => [.. all.Where(p => p.Name != "iss"), ("iss", "https://evil.example")],
            all => [.. all.Where(p => p.Name != "iss"), ("iss", server.Provider.Issuer + "/")],
        })
        {
            server.Provider.Callback = change;
            LoginException refused = await Assert.ThrowsAsync<LoginException>(() => LogInAsync(server, browser => browser.FollowAsync()));
            Assert.Equal((LoginFault.Refused, "the browser's answer is from another issuer"), (refused.Fault, refused.Message));
        }

        // Nobody's code was shown to a token endpoint.
        Assert.DoesNotContain(server.Provider.Server.Requests, r => r.Path == "/token");
        // An issuer that does not promise to name itself may leave it out, and not be wrong.
        server.Provider.Document = d => d.Remove("authorization_response_iss_parameter_supported");
        server.Provider.Callback = all => [.. all.Where(p => p.Name != "iss")];
        (await LogInAsync(server, browser => browser.FollowAsync())).Dispose();
        server.Provider.Callback = all => [.. all.Where(p => p.Name != "iss"), ("iss", "https://evil.example")];
        await Assert.ThrowsAsync<LoginException>(() => LogInAsync(server, browser => browser.FollowAsync()));
    }

    [Fact]
    public async Task Attack_10_a_code_that_was_issued_for_somebody_elses_login_opens_nothing()
    {
        await using LoginTestServer server = await LoginTestServer.StartAsync();
        // Issued for a verifier that this login does not have, brought here with the right state.
        server.Provider.Callback = all => [("code", server.Provider.Issue(new(server.Provider.Asked.Last()) { ["code_challenge"] = OAuthText.Challenge(OAuthText.NewVerifier()) })), .. all.Skip(1)];
        LoginException refused = await Assert.ThrowsAsync<LoginException>(() => LogInAsync(server, browser => browser.FollowAsync()));
        Assert.Equal((LoginFault.Declined, "the issuer declined: invalid_grant"), (refused.Fault, refused.Message));
    }

    [Fact]
    public async Task Attack_10_a_code_is_good_once()
    {
        await using LoginTestServer server = await LoginTestServer.StartAsync();
        string? code = null;
        server.Provider.Callback = all =>
        {
            code ??= all[0].Value;
            return [("code", code), .. all.Skip(1)];
        };
        (await LogInAsync(server, browser => browser.FollowAsync())).Dispose();
        LoginException refused = await Assert.ThrowsAsync<LoginException>(() => LogInAsync(server, browser => browser.FollowAsync()));
        Assert.Equal("the issuer declined: invalid_grant", refused.Message);
    }

    [Fact]
    public async Task Attack_10_a_token_for_another_login_is_refused_by_the_server()
    {
        await using LoginTestServer server = await LoginTestServer.StartAsync();
        foreach (Action<System.Text.Json.Nodes.JsonObject> change in new Action<System.Text.Json.Nodes.JsonObject>[]
        {
            c => c["nonce"] = "another", c => c.Remove("nonce"), c => c["nonce"] = c["nonce"]!.GetValue<string>().ToUpperInvariant(),
            c => c["aud"] = "another-client", c => c["iss"] = "https://evil.example", c => c["email"] = "eve@example.com", c => c["exp"] = 1,
        })
        {
            server.Provider.Claims = change;
            CofferClientException refused = await Assert.ThrowsAsync<CofferClientException>(() => LogInAsync(server, browser => browser.FollowAsync()));
            Assert.Equal((401, "the login is not valid"), (refused.Status, refused.Message));
        }
    }

    [Fact]
    public async Task Attack_10_what_the_issuer_says_of_an_error_is_on_no_page_and_no_terminal()
    {
        await using LoginTestServer server = await LoginTestServer.StartAsync();
        const string script = "<script>alert(1)</script>";
        server.Provider.Callback = all => [("error", "access_denied"), ("error_description", script), ("error_uri", "https://evil.example"), .. all.Skip(1)];
        string page = "";
        LoginException declined = await Assert.ThrowsAsync<LoginException>(() => LogInAsync(server, async browser => page = await browser.FollowAsync()));
        Assert.Equal((LoginFault.Declined, "the issuer declined: access_denied"), (declined.Fault, declined.Message));
        Assert.DoesNotContain("alert", page, StringComparison.Ordinal);
        server.Provider.Callback = all => [("error", script), .. all.Skip(1)];
        declined = await Assert.ThrowsAsync<LoginException>(() => LogInAsync(server, async browser => page = await browser.FollowAsync()));
        Assert.Equal("the issuer declined: an error without a code", declined.Message);
        Assert.DoesNotContain("alert", page, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("issuer", "https://evil.example", "the issuer's document is of another issuer")]
    [InlineData("authorization_endpoint", "http://localhost/authorize", "the issuer's authorization_endpoint is not an https address")]
    [InlineData("authorization_endpoint", "file:///bin/sh", "the issuer's authorization_endpoint is not an https address")]
    [InlineData("token_endpoint", "http://localhost/token", "the issuer's token_endpoint is not an https address")]
    [InlineData("token_endpoint", "", "the issuer's token_endpoint is not an https address")]
    public async Task An_issuers_document_that_leads_elsewhere_is_refused_before_a_browser_opens(string member, string value, string problem)
    {
        await using LoginTestServer server = await LoginTestServer.StartAsync();
        server.Provider.Document = d => d[member] = value;
        LoginException refused = await Assert.ThrowsAsync<LoginException>(() => LogInAsync(server, _ => throw new InvalidOperationException("a browser opened")));
        Assert.Equal((LoginFault.Refused, problem), (refused.Fault, refused.Message));
    }

    [Fact]
    public async Task A_certificate_that_is_not_trusted_ends_the_login()
    {
        await using LoginTestServer server = await LoginTestServer.StartAsync();
        using IssuerHttp http = new();
        CofferClient client = server.Client();
        LoginProvider provider = Assert.Single((await client.ListLoginProvidersAsync(Cancellation)).Providers);
        LoginException refused = await Assert.ThrowsAsync<LoginException>(() => new IssuerLogin(client, http, server.Clock).ByBrowserAsync(provider, _ => { }, Cancellation));
        Assert.EndsWith("is not trusted", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nobody_is_awaited_for_ever()
    {
        await using LoginTestServer server = await LoginTestServer.StartAsync();
        LoginException late = await Assert.ThrowsAsync<LoginException>(() => LogInAsync(server, async browser =>
        {
            // Where a request is answered, the waiting has begun.
            Assert.Equal(HttpStatusCode.BadRequest, (await browser.BringAsync("state=another")).Status);
            server.Clock.Advance(TimeSpan.FromMinutes(10));
        }));
        Assert.Equal((LoginFault.Declined, "nobody confirmed the login in time"), (late.Fault, late.Message));
    }

    [Fact]
    public void Attack_10_no_query_without_the_state_is_an_answer() =>
        Gen.Select(Gen.String[0, 80], Gen.String[1, 12], Gen.Int[0, 3]).Sample((noise, state, form) =>
        {
            string query = form switch { 0 => noise, 1 => $"code={noise}&state={Uri.EscapeDataString(state)}x", 2 => $"{noise}&state=%{state}", _ => $"state={noise}&code=c&iss=i" };
            bool has = OAuthText.TryReadQuery(query, out Dictionary<string, string>? values) && values.TryGetValue("state", out string? given) && given == state;
            BrowserAnswer answer = BrowserAnswer.Of(query, state, "i", false);
            Assert.True(has || answer is BrowserAnswer.Foreign);
            // With the state it is one, unless it brings nothing that an answer consists of.
            Assert.True(!has || values!.ContainsKey("iss") || values.ContainsKey("error") || values.GetValueOrDefault("code") is not { Length: > 0 } code || answer == new BrowserAnswer.Code(code));
        });

    [Theory]
    [InlineData("state=s&code=c", "Code { Text = c }")]
    [InlineData("code=c&iss=i&state=s", "Code { Text = c }")]
    [InlineData("state=s&error=access_denied&code=c", "Declined { Reason = access_denied }")]
    [InlineData("state=s&code=c&iss=j", "MixedUp { }")]
    [InlineData("state=s&code=", "Foreign { }")]
    [InlineData("state=s", "Foreign { }")]
    [InlineData("state=S&code=c", "Foreign { }")]
    [InlineData("state=s&state=s&code=c", "Foreign { }")]
    public void With_the_state_it_is_judged_by_what_it_brings(string query, string judged) => Assert.Equal(judged, BrowserAnswer.Of(query, "s", "i", false).ToString());

    private static async Task<LoginResult> LogInAsync(LoginTestServer server, Func<TestBrowser, Task> visit)
    {
        using IssuerHttp http = new(server.Provider.Server.Roots);
        CofferClient client = server.Client();
        LoginProvider provider = Assert.Single((await client.ListLoginProvidersAsync(Cancellation)).Providers);
        Task visited = Task.CompletedTask;
        // A visit that fails must not be awaited for ever: nobody would bring an answer any more.
        using CancellationTokenSource failed = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        try
        {
            return await new IssuerLogin(client, http, server.Clock).ByBrowserAsync(
                provider,
                address =>
                {
                    TestBrowser browser = new(address, server.Provider.Server.Roots);
                    visited = Task.Run(() => VisitAsync(browser), Cancellation);
                },
                failed.Token);
        }
        finally
        {
            await visited;
        }

        async Task VisitAsync(TestBrowser browser)
        {
            try
            {
                await visit(browser);
            }
            catch
            {
                await failed.CancelAsync();
                throw;
            }
        }
    }

    /// <summary>A person's browser.</summary>
    private sealed class TestBrowser(Uri address, X509Certificate2Collection roots)
    {
        public Dictionary<string, string> Asked { get; } = OAuthText.TryReadQuery(address.Query[1..], out Dictionary<string, string>? asked) ? asked : throw new InvalidOperationException("no query");

        public Uri Callback => new(Asked["redirect_uri"]);

        /// <summary>Goes where the program says, and from there where the issuer says; answers the last page.</summary>
        public async Task<string> FollowAsync()
        {
            X509ChainPolicy policy = new() { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
            policy.CustomTrustStore.AddRange(roots);
            using SocketsHttpHandler handler = new() { AllowAutoRedirect = false, SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = policy } };
            using HttpClient http = new(handler);
            using HttpResponseMessage there = await http.GetAsync(address, Cancellation);
            Assert.Equal(HttpStatusCode.Redirect, there.StatusCode);
            using HttpResponseMessage here = await http.GetAsync(there.Headers.Location, Cancellation);
            Assert.Equal("default-src 'none'; frame-ancestors 'none'", Assert.Single(here.Headers.GetValues("Content-Security-Policy")));
            return await here.Content.ReadAsStringAsync(Cancellation);
        }

        public async Task<(HttpStatusCode Status, string Page)> BringAsync(string query)
        {
            using HttpClient http = new();
            using HttpResponseMessage answer = await http.GetAsync(new Uri($"{Callback}?{query}"), Cancellation);
            return (answer.StatusCode, await answer.Content.ReadAsStringAsync(Cancellation));
        }

        public async Task<string> SendAsync(string request)
        {
            using Socket socket = new(SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(IPAddress.Loopback, Callback.Port, Cancellation);
            await using NetworkStream stream = new(socket);
            await stream.WriteAsync(Encoding.Latin1.GetBytes(request), Cancellation);
            using StreamReader reader = new(stream, Encoding.Latin1);
            return await reader.ReadToEndAsync(Cancellation);
        }
    }
}
