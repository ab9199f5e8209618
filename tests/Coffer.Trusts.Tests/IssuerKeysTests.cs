using System.Security.Cryptography;
using Coffer.Core.Access;
using Coffer.Trusts.Tests.Support;
using Coffer.Trusts.Tokens;

namespace Coffer.Trusts.Tests;

/// <summary>How long keys are kept, and how often an issuer is asked.</summary>
public sealed class IssuerKeysTests : IAsyncDisposable
{
    private readonly TestIssuer _issuer = new();

    public ValueTask DisposeAsync() => _issuer.DisposeAsync();

    private int Fetches => _issuer.Server.Requests.Count(r => r.Path == "/keys");

    [Fact]
    public async Task Keys_are_fetched_once_an_hour_and_shared_by_trusts()
    {
        for (int i = 0; i < 3; i++)
        {
            Assert.NotNull((await _issuer.VerifyAsync(_issuer.Trust(), _issuer.Token())).Claims);
        }

        Assert.Equal(1, Fetches);
        _issuer.Clock.Advance(IssuerKeys.Fresh);
        Assert.NotNull((await _issuer.VerifyAsync(_issuer.Trust(), _issuer.Token())).Claims);
        Assert.Equal(2, Fetches);
    }

    [Fact]
    public async Task Many_at_once_cause_one_fetch()
    {
        Trust trust = _issuer.Trust();
        (ProvenClaims? Claims, string Reason)[] all = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => _issuer.VerifyAsync(trust, _issuer.Token()).AsTask()));
        Assert.All(all, a => Assert.NotNull(a.Claims));
        Assert.Equal(1, Fetches);
    }

    [Fact]
    public async Task An_unknown_key_asks_again_at_most_once_a_minute()
    {
        Trust trust = _issuer.Trust();
        Assert.NotNull((await _issuer.VerifyAsync(trust, _issuer.Token())).Claims);
        string unknown = _issuer.Sign("""{"alg":"RS256","kid":"made-up"}""", _issuer.Claims().ToJsonString());
        for (int i = 0; i < 50; i++)
        {
            await _issuer.RefusesAsync(trust, unknown, "no such key");
        }

        Assert.Equal(1, Fetches);
        _issuer.Clock.Advance(IssuerKeys.BetweenTries);
        for (int i = 0; i < 50; i++)
        {
            await _issuer.RefusesAsync(trust, unknown, "no such key");
        }

        Assert.Equal(2, Fetches);
    }

    [Fact]
    public async Task A_new_key_of_the_issuer_is_found_and_the_old_one_is_forgotten()
    {
        Trust trust = _issuer.Trust();
        string old = _issuer.Token();
        Assert.NotNull((await _issuer.VerifyAsync(trust, old)).Claims);
        using RSA next = RSA.Create(2048);
        _issuer.Published = [TestIssuer.KeyOf(next, "key-2")];
        _issuer.Clock.Advance(IssuerKeys.BetweenTries);
        string fresh = TestIssuer.Sign("""{"alg":"RS256","kid":"key-2"}""", _issuer.Claims().ToJsonString(), s => next.SignData(s, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));
        Assert.NotNull((await _issuer.VerifyAsync(trust, fresh)).Claims);
        await _issuer.RefusesAsync(trust, old, "no such key");
    }

    [Fact]
    public async Task Where_the_issuer_is_away_the_old_keys_are_good_for_a_day()
    {
        Trust trust = _issuer.Trust();
        Assert.NotNull((await _issuer.VerifyAsync(trust, _issuer.Token())).Claims);
        _issuer.Server.Answer = _ => new(500, "{}");
        _issuer.Clock.Advance(IssuerKeys.Kept - TimeSpan.FromMinutes(2));
        Assert.NotNull((await _issuer.VerifyAsync(trust, _issuer.Token())).Claims);
        _issuer.Clock.Advance(TimeSpan.FromMinutes(2));
        await _issuer.RefusesAsync(trust, _issuer.Token(), "the issuer answered 500");
        _issuer.Server.Answer = _issuer.AnswerAsUsual;
        await _issuer.RefusesAsync(trust, _issuer.Token(), "the issuer answered 500");
        _issuer.Clock.Advance(IssuerKeys.BetweenTries);
        Assert.NotNull((await _issuer.VerifyAsync(trust, _issuer.Token())).Claims);
    }

    [Fact]
    public async Task Whoever_hangs_up_stops_nobody_elses_fetch()
    {
        Trust trust = _issuer.Trust();
        using CancellationTokenSource gone = new();
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _issuer.Verifier.VerifyAsync(trust, null, new TrustProof.WebToken(_issuer.Token()), gone.Token).AsTask());
        Assert.NotNull((await _issuer.VerifyAsync(trust, _issuer.Token())).Claims);
        Assert.Equal(1, Fetches);
    }

    [Theory]
    [InlineData("""{"issuer":"ORIGIN/","jwks_uri":"ORIGIN/keys"}""", "another issuer")]
    [InlineData("""{"issuer":"https://evil.test","jwks_uri":"ORIGIN/keys"}""", "another issuer")]
    [InlineData("""{"jwks_uri":"ORIGIN/keys"}""", "another issuer")]
    [InlineData("""{"issuer":"ORIGIN"}""", "no https address")]
    [InlineData("""{"issuer":"ORIGIN","jwks_uri":"http://issuer.test/keys"}""", "no https address")]
    [InlineData("""{"issuer":"ORIGIN","jwks_uri":"file:///etc/passwd"}""", "no https address")]
    [InlineData("""{"issuer":"ORIGIN","issuer":"ORIGIN","jwks_uri":"ORIGIN/keys"}""", "malformed")]
    [InlineData("""{"issuer":"ORIGIN","jwks_uri":"ORIGIN/elsewhere"}""", "answered 404")]
    [InlineData("[]", "malformed")]
    [InlineData("<html>", "malformed")]
    [InlineData("", "malformed")]
    public async Task A_discovery_document_that_is_not_this_issuers_is_refused(string document, string reason)
    {
        _issuer.Server.Answer = r => r.Path.StartsWith("/.well-known", StringComparison.Ordinal) ? new(200, document.Replace("ORIGIN", _issuer.Server.Origin, StringComparison.Ordinal)) : _issuer.AnswerAsUsual(r);
        await _issuer.RefusesAsync(_issuer.Trust(), _issuer.Token(), reason);
    }

    [Theory]
    [InlineData("""{"keys":[]}""")]
    [InlineData("""{"keys":{}}""")]
    [InlineData("""{}""")]
    [InlineData("""{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]}""")]
    [InlineData("""{"keys":[{"kty":"EC","crv":"P-256","x":"AQAB","y":"AQAB"}]}""")]
    [InlineData("""{"keys":[{"kty":"EC","crv":"P-256","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","y":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE"}]}""")]
    [InlineData("""{"keys":[7,null,"x",{"kty":5},{"kty":"RSA","n":"","e":""}]}""")]
    public async Task A_key_set_without_keys_is_refused(string set)
    {
        _issuer.Server.Answer = r => r.Path == "/keys" ? new(200, set) : _issuer.AnswerAsUsual(r);
        await _issuer.RefusesAsync(_issuer.Trust(), _issuer.Token(), "no key that can be used");
    }
}
