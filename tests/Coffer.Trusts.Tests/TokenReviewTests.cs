using System.Text.Json.Nodes;
using Coffer.Core.Access;
using Coffer.Core.Errors;
using Coffer.Trusts.Tests.Support;

namespace Coffer.Trusts.Tests;

/// <summary>Service account tokens, shown to a stub of the API server that made them.</summary>
public sealed class TokenReviewTests : IAsyncDisposable
{
    private const string Reviewer = "reviewer-token-of-the-trust";

    private TrustWorld _world = null!;

    public ValueTask DisposeAsync() => _world is null ? default : _world.DisposeAsync();

    private StubServer Api => _world.Issuer.Server;

    [Fact]
    public async Task The_API_server_is_asked_with_the_trust_s_own_token_and_says_who_it_is()
    {
        await StartAsync("namespace=shop;serviceaccount=api;pod=api-*");
        await _world.TakesAsync(Proof());
        StubRequest sent = Assert.Single(Api.Requests);
        Assert.Equal(("POST", "/apis/authentication.k8s.io/v1/tokenreviews", $"Bearer {Reviewer}"), (sent.Method, sent.Path, sent.Header("Authorization")));
        JsonNode body = JsonNode.Parse(sent.Body)!;
        Assert.True(JsonNode.DeepEquals(new JsonObject { ["apiVersion"] = "authentication.k8s.io/v1", ["kind"] = "TokenReview", ["spec"] = new JsonObject { ["token"] = Token(), ["audiences"] = new JsonArray(TestIssuer.Audience) } }, body), sent.Body);
    }

    [Fact]
    public async Task A_session_ends_with_the_token()
    {
        await StartAsync();
        Assert.Equal((_world.Issuer.Now + 300) * 1_000_000, (await _world.LoginAsync(Proof())).Identity?.Expires);
    }

    [Theory]
    [InlineData("authenticated", "false", "does not know the token")]
    [InlineData("authenticated", "\"true\"", "does not know the token")]
    [InlineData("authenticated", "null", "does not know the token")]
    // A server that knows no audiences; one that was asked for ours and means another.
    [InlineData("audiences", "null", "another audience")]
    [InlineData("audiences", "[]", "another audience")]
    [InlineData("audiences", "[\"https://kubernetes.default.svc\"]", "another audience")]
    [InlineData("audiences", "\"coffer\"", "another audience")]
    [InlineData("user", "null", "not of a service account")]
    [InlineData("user", "{\"username\":\"system:node:node-1\"}", "not of a service account")]
    [InlineData("user", "{\"username\":\"kubernetes-admin\"}", "not of a service account")]
    [InlineData("user", "{\"username\":\"system:serviceaccount:shop\"}", "not of a service account")]
    [InlineData("user", "{\"username\":\"system:serviceaccount:shop:api:x\"}", "not of a service account")]
    [InlineData("user", "{\"username\":\"system:serviceaccount::api\"}", "not of a service account")]
    [InlineData("user", "{\"username\":\"x:system:serviceaccount:shop:api\"}", "not of a service account")]
    [InlineData("user", "{\"username\":\"system:serviceaccount:shop-evil:api\"}", "do not match")]
    [InlineData("user", "{\"username\":\"system:serviceaccount:shop:default\"}", "do not match")]
    [InlineData("user", "{\"username\":\"system:serviceaccount:SHOP:api\"}", "do not match")]
    public async Task Attack_03_what_is_no_service_account_of_ours_is_refused(string member, string value, string reason)
    {
        await StartAsync();
        Api.Answer = _ => new(201, Review(member, value));
        await _world.RefusesAsync(Proof(), reason);
        Assert.Single(Api.Requests);
    }

    [Fact]
    public async Task A_pod_that_the_server_does_not_bind_has_no_pod_claim()
    {
        await StartAsync("namespace=shop;pod=api-0");
        Api.Answer = _ => new(201, Review("user", "{\"username\":\"system:serviceaccount:shop:api\"}"));
        await _world.RefusesAsync(Proof(), "do not match");
        Api.Answer = _ => new(201, Review("user", "{\"username\":\"system:serviceaccount:shop:api\",\"extra\":{\"authentication.kubernetes.io/pod-name\":[\"other\",\"api-0\"]}}"));
        await _world.RefusesAsync(Proof(), "do not match");
    }

    [Fact]
    public async Task Attack_24_what_the_server_answers_is_bounded_and_read_strictly()
    {
        await StartAsync();
        (StubAnswer Answer, string Reason)[] answers =
        [
            (new(401, Review()), "answered 401"),
            (new(403, Review()), "answered 403"),
            (new(302, "", Extra: "Location: https://169.254.169.254/\r\n"), "answered 302"),
            (new(201, Review() + new string(' ', 1024 * 1024)), "too large"),
            (new(201, "not json"), "malformed"),
            (new(201, "[]"), "malformed"),
            (new(201, "{}"), "does not know the token"),
            (new(201, """{"status":{"authenticated":false,"authenticated":true,"audiences":["coffer"],"user":{"username":"system:serviceaccount:shop:api"}}}"""), "malformed"),
            (new(201, """{"status":{"authenticated":true,"audiences":["coffer"],"user":{"username":"system:serviceaccount:shop:api","username":"x"}}}"""), "malformed"),
        ];
        foreach ((StubAnswer answer, string reason) in answers)
        {
            Api.Answer = _ => answer;
            await _world.RefusesAsync(Proof(), reason);
        }
    }

    [Fact]
    public async Task A_server_that_does_not_answer_lets_nobody_in()
    {
        await StartAsync();
        Api.Answer = _ => StubAnswer.Silence;
        Task refused = _world.RefusesAsync(Proof(), "no answer in time");
        await Api.Arrived.Task;
        _world.Issuer.Clock.Advance(TimeSpan.FromSeconds(6));
        await refused;
    }

    [Fact]
    public async Task What_is_no_token_causes_no_call()
    {
        await StartAsync();
        foreach (string text in new[] { "", "a.b.c", "reviewer", Reviewer, new string('a', 20_000), "eyJhbGciOiJub25lIn0.e30" })
        {
            Assert.Null((await _world.LoginAsync(text)).Identity);
        }

        Assert.Null((await _world.LoginAsync(new TrustProof.ClientCertificate(default))).Identity);
        Assert.Empty(Api.Requests);
    }

    [Fact]
    public async Task Attack_24_a_server_on_a_private_network_is_called_only_where_the_trust_says_so()
    {
        await StartAsync(allow: false);
        await _world.RefusesAsync(Proof(), "does not allow private networks");
        Assert.Equal(0, Api.Connections);
    }

    [Theory]
    [InlineData("serviceaccount=api", Reviewer, "pin the namespace")]
    [InlineData("namespace=shop*", Reviewer, "pin the namespace")]
    [InlineData("namespace=shop", null, "may create token reviews")]
    public async Task Attack_19_a_trust_that_is_too_wide_or_cannot_ask_is_not_made(string claims, string? secret, string reason)
    {
        CofferException refused = await Assert.ThrowsAsync<CofferException>(() => StartAsync(claims, secret));
        Assert.Equal(CofferErrorCode.InvalidRequest, refused.Code);
        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_reviewer_s_token_is_sealed_and_never_shown()
    {
        await StartAsync();
        Trust trust = Assert.Single(_world.Core.Access.Trusts, t => t.Kind == TrustKind.Kubernetes);
        Assert.DoesNotContain(Reviewer, trust.ToString() + trust.Settings, StringComparison.Ordinal);
        Assert.Equal(-1, trust.Sealed.Span.IndexOf("reviewer-token"u8));
    }

    private async Task StartAsync(string claims = "namespace=shop;serviceaccount=api", string? secret = Reviewer, bool allow = true)
    {
        _world = await TrustWorld.StartAsync();
        Api.Answer = r => r.Header("Authorization") == $"Bearer {Reviewer}" && r.Body.Contains(Token(), StringComparison.Ordinal) ? new(201, Review()) : new(401, "{}");
        JsonObject settings = new() { ["roots"] = Api.RootPem };
        if (allow)
        {
            settings["allowPrivateNetwork"] = true;
        }

        await _world.CreateAsync(TrustPresets.Apply("kubernetes", TrustWorld.New(TrustKind.Kubernetes, Api.Origin, claims, settings)), secret);
    }

    // Signed by nobody in particular: the API server is the one to know.
    private string Token() => TestIssuer.Sign("""{"alg":"RS256","kid":"of-the-cluster"}""", $$"""{"iss":"https://kubernetes.default.svc","aud":["coffer"],"exp":{{_world.Issuer.Now + 300}},"sub":"system:serviceaccount:shop:api"}""", _ => new byte[256]);

    private TrustProof.WebToken Proof() => new(Token());

    private static string Review(string? member = null, string value = "")
    {
        JsonNode review = JsonNode.Parse("""
            {"kind":"TokenReview","apiVersion":"authentication.k8s.io/v1","metadata":{},"spec":{"audiences":["coffer"]},"status":{"authenticated":true,"audiences":["coffer"],
            "user":{"username":"system:serviceaccount:shop:api","uid":"14ee","groups":["system:serviceaccounts"],"extra":{"authentication.kubernetes.io/pod-name":["api-0"],"authentication.kubernetes.io/pod-uid":["5e0b"],
            "authentication.kubernetes.io/node-name":["node-1"]}}}}
            """)!;
        if (member is not null)
        {
            review["status"]![member] = JsonNode.Parse(value);
        }

        return review.ToJsonString();
    }
}
