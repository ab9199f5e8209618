using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Coffer.Core.Access;
using Coffer.Core.Errors;
using Coffer.Trusts.Tests.Support;

namespace Coffer.Trusts.Tests;

/// <summary>What makes a token good, and each thing that makes it bad.</summary>
public sealed class WebTokenTests : IAsyncDisposable
{
    private readonly TestIssuer _issuer = new();

    public ValueTask DisposeAsync() => _issuer.DisposeAsync();

    [Fact]
    public async Task A_token_of_the_issuer_proves_its_claims()
    {
        (ProvenClaims? claims, string reason) = await _issuer.VerifyAsync(_issuer.Trust(), _issuer.Token());
        Assert.Equal("", reason);
        Assert.Equal(["acme/shop"], claims!.Values["repository"]);
        Assert.Equal((_issuer.Now + 300 + 30) * 1_000_000, claims.Expires);
        Assert.Equal(["/.well-known/openid-configuration", "/keys"], _issuer.Server.Requests.Select(r => r.Path));
    }

    [Fact]
    public async Task A_key_set_that_is_given_needs_no_network()
    {
        Trust trust = _issuer.Trust(s => new() { ["jwks"] = _issuer.Offline() });
        _issuer.Verifier.Check(trust);
        Assert.NotNull((await _issuer.VerifyAsync(trust, _issuer.Token())).Claims);
        Assert.Equal(0, _issuer.Server.Connections);
    }

    [Fact]
    public async Task A_session_outlives_the_token_only_where_the_trust_says_so()
    {
        Trust trust = _issuer.Trust(s => TestIssuer.With(s, "sessionOutlivesToken", true));
        Assert.Null((await _issuer.VerifyAsync(trust, _issuer.Token())).Claims!.Expires);
    }

    [Theory]
    [InlineData("RS256")]
    [InlineData("RS384")]
    [InlineData("RS512")]
    [InlineData("PS256")]
    [InlineData("PS384")]
    [InlineData("PS512")]
    public async Task Every_pinned_algorithm_of_RSA_is_verified(string algorithm)
    {
        HashAlgorithmName hash = new("SHA" + algorithm[2..]);
        RSASignaturePadding padding = algorithm[0] == 'P' ? RSASignaturePadding.Pss : RSASignaturePadding.Pkcs1;
        string token = TestIssuer.Sign($$"""{"alg":"{{algorithm}}","kid":"key-1"}""", _issuer.Claims().ToJsonString(), s => _issuer.Key.SignData(s, hash, padding));
        Assert.NotNull((await _issuer.VerifyAsync(_issuer.Trust(s => TestIssuer.With(s, "algorithms", new JsonArray(algorithm))), token)).Claims);
        if (algorithm != "RS256")
        {
            await _issuer.RefusesAsync(_issuer.Trust(), token, "algorithm");
        }
    }

    [Theory]
    [InlineData("ES256", 256)]
    [InlineData("ES384", 384)]
    [InlineData("ES512", 521)]
    public async Task Every_pinned_algorithm_of_curves_is_verified(string algorithm, int size)
    {
        using ECDsa key = ECDsa.Create(size == 256 ? ECCurve.NamedCurves.nistP256 : size == 384 ? ECCurve.NamedCurves.nistP384 : ECCurve.NamedCurves.nistP521);
        _issuer.Published.Add(TestIssuer.KeyOf(key, "curve"));
        string header = $$"""{"alg":"{{algorithm}}","kid":"curve"}""", payload = _issuer.Claims().ToJsonString();
        HashAlgorithmName hash = new("SHA" + algorithm[2..]);
        Trust trust = _issuer.Trust(s => TestIssuer.With(s, "algorithms", new JsonArray(algorithm)));
        Assert.NotNull((await _issuer.VerifyAsync(trust, TestIssuer.Sign(header, payload, s => key.SignData(s, hash)))).Claims);
        // The form of certificates is another encoding of the same numbers, and no signature here.
        await _issuer.RefusesAsync(trust, TestIssuer.Sign(header, payload, s => key.SignData(s, hash, DSASignatureFormat.Rfc3279DerSequence)), "signature");
    }

    [Theory]
    [InlineData("iss", "another issuer")]
    [InlineData("aud", "another audience")]
    [InlineData("exp", "when it ends")]
    [InlineData("iat", "when it was issued")]
    public async Task Attack_05_a_token_without_issuer_audience_or_times_is_refused(string claim, string reason)
    {
        await _issuer.RefusesAsync(_issuer.Trust(), _issuer.Token(c => c.Remove(claim)), reason);
        await _issuer.RefusesAsync(_issuer.Trust(), _issuer.Token(c => c[claim] = true), reason);
        await _issuer.RefusesAsync(_issuer.Trust(), _issuer.Token(c => c[claim] = null), reason);
    }

    [Fact]
    public async Task Times_are_judged_with_the_skew_and_no_more()
    {
        Trust trust = _issuer.Trust(s => TestIssuer.With(s, "clockSkew", 10));
        Assert.NotNull((await _issuer.VerifyAsync(trust, _issuer.Token(c => c["exp"] = _issuer.Now - 9))).Claims);
        await _issuer.RefusesAsync(trust, _issuer.Token(c => c["exp"] = _issuer.Now - 10), "expired");
        Assert.NotNull((await _issuer.VerifyAsync(trust, _issuer.Token(c => c["nbf"] = _issuer.Now + 9))).Claims);
        await _issuer.RefusesAsync(trust, _issuer.Token(c => c["nbf"] = _issuer.Now + 12), "not valid yet");
        await _issuer.RefusesAsync(trust, _issuer.Token(c => c["nbf"] = "soon"), "not valid yet");
        await _issuer.RefusesAsync(trust, _issuer.Token(c => c["iat"] = _issuer.Now + 12), "not valid yet");
        await _issuer.RefusesAsync(trust, _issuer.Token(c => c["iat"] = _issuer.Now - 3612), "too old");
        await _issuer.RefusesAsync(trust, _issuer.Token(c => c["exp"] = 1e300), "when it ends");
        await _issuer.RefusesAsync(trust, _issuer.Token(c => c["exp"] = -5), "when it ends");
    }

    [Theory]
    [InlineData("Coffer")]
    [InlineData("coffer ")]
    [InlineData("coffer.evil")]
    [InlineData("*")]
    public async Task An_audience_is_compared_exactly(string audience) =>
        await _issuer.RefusesAsync(_issuer.Trust(), _issuer.Token(c => c["aud"] = audience), "another audience");

    [Fact]
    public async Task A_list_of_audiences_needs_one_that_is_ours()
    {
        Assert.NotNull((await _issuer.VerifyAsync(_issuer.Trust(), _issuer.Token(c => c["aud"] = new JsonArray("other", "coffer")))).Claims);
        await _issuer.RefusesAsync(_issuer.Trust(), _issuer.Token(c => c["aud"] = new JsonArray("other", 5)), "another audience");
    }

    [Fact]
    public async Task A_token_without_key_id_is_taken_only_where_there_is_no_choice()
    {
        string token = _issuer.Sign("""{"alg":"RS256"}""", _issuer.Claims().ToJsonString());
        Trust one = _issuer.Trust(s => new() { ["jwks"] = _issuer.Offline() });
        Assert.NotNull((await _issuer.VerifyAsync(one, token)).Claims);
        using RSA other = RSA.Create(2048);
        _issuer.Published.Add(TestIssuer.KeyOf(other, "key-2"));
        await _issuer.RefusesAsync(_issuer.Trust(s => new() { ["jwks"] = _issuer.Offline() }), token, "no such key");
    }

    [Theory]
    [InlineData("""{"algorithms":["none"]}""", "algorithms")]
    [InlineData("""{"algorithms":["HS256"]}""", "algorithms")]
    [InlineData("""{"algorithms":[]}""", "algorithms")]
    [InlineData("""{"algorithms":["rs256"]}""", "algorithms")]
    [InlineData("""{"clockSkew":61}""", "skew")]
    [InlineData("""{"clockSkew":-1}""", "skew")]
    [InlineData("""{"maxTokenAge":59}""", "age")]
    [InlineData("""{"maxTokenAge":604801}""", "age")]
    [InlineData("""{"roots":"x"}""", "PEM")]
    [InlineData("""{"roots":"-----BEGIN PRIVATE KEY-----\nMC4=\n-----END PRIVATE KEY-----"}""", "PEM")]
    [InlineData("""{"clockskew":5}""", "not those of a trust")]
    [InlineData("""{"clockSkew":5,"clockSkew":6}""", "not those of a trust")]
    [InlineData("""{"jwks":{}}""", "key set")]
    [InlineData("""{"jwks":{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}}""", "public")]
    [InlineData("""{"algorithms":null}""", "not those of a trust")]
    [InlineData("[]", "not those of a trust")]
    [InlineData("null", "JSON object")]
    [InlineData("{", "not those of a trust")]
    public void Settings_that_cannot_be_verified_with_are_refused_when_they_are_written(string settings, string message)
    {
        CofferException refused = Assert.Throws<CofferException>(() => _issuer.Verifier.Check(_issuer.Trust() with { Settings = settings }));
        Assert.Equal(CofferErrorCode.InvalidRequest, refused.Error.Code);
        Assert.Contains(message, refused.Error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http://issuer.test")]
    [InlineData("issuer.test")]
    [InlineData("https://user@issuer.test")]
    [InlineData("https://issuer.test/?a=b")]
    [InlineData("https://issuer.test/#a")]
    [InlineData("https://issuer.test/ ")]
    [InlineData("file:///etc/passwd")]
    public void An_issuer_that_is_found_by_discovery_is_an_https_address(string issuer) =>
        Assert.Throws<CofferException>(() => _issuer.Verifier.Check(_issuer.Trust() with { Issuer = issuer }));

    [Fact]
    public void An_issuer_whose_keys_are_given_may_have_any_name() =>
        _issuer.Verifier.Check(_issuer.Trust(_ => new() { ["jwks"] = _issuer.Offline() }) with { Issuer = "kubernetes/serviceaccount" });
}
