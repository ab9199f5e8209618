using System.Collections.Immutable;
using System.Text;
using System.Text.Json.Nodes;
using Coffer.Client;
using Coffer.Contracts;
using Coffer.Core.Access;
using Coffer.Core.Errors;
using Coffer.Trusts.Aws;
using Coffer.Trusts.Tests.Support;
using CsCheck;

namespace Coffer.Trusts.Tests;

/// <summary>Signed GetCallerIdentity requests: what a client sends decides neither where we call nor what is asked there.</summary>
public sealed class AwsIdentityTests : IAsyncDisposable
{
    private const string Key = "ASIAEXAMPLEEXAMPLE12", Secret = "stub-secret-access-key", SessionToken = "stub/session+token==";
    private const string Arn = $"arn:aws:sts::{StubSts.Account}:assumed-role/shop/i-0abc";

    private TrustWorld _world = null!;

    public ValueTask DisposeAsync() => _world is null ? default : _world.DisposeAsync();

    private StubServer Sts => _world.Issuer.Server;

    [Fact]
    public async Task A_signed_request_proves_the_identity_that_the_endpoint_says()
    {
        await StartAsync();
        await _world.TakesAsync(Proof(Signed()));
        StubRequest sent = Assert.Single(Sts.Requests);
        Assert.Equal(("POST", "/", "Action=GetCallerIdentity&Version=2011-06-15"), (sent.Method, sent.Path, sent.Body));
        Assert.Equal(new Uri(Sts.Origin).Authority, sent.Header("Host"));
        Assert.Equal("coffer", sent.Header("X-Coffer-Audience"));
        Assert.DoesNotContain(Secret, string.Join('\n', sent.Headers), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("account=123456789012", true)]
    [InlineData("arn=arn:aws:sts::123456789012:assumed-role/shop/*", true)]
    [InlineData("userid=AROAEXAMPLE:i-0abc", true)]
    [InlineData("account=123456789013", false)]
    [InlineData("arn=arn:aws:sts::123456789012:assumed-role/sho/*", false)]
    [InlineData("arn=arn:aws:sts::123456789012:assumed-role/shop", false)]
    [InlineData("arn=arn:aws:iam::123456789012:role/shop", false)]
    public async Task Claims_are_account_arn_and_userid(string claims, bool taken)
    {
        await StartAsync(claims);
        Assert.Equal(taken, (await _world.LoginAsync(Proof(Signed()))).Identity is not null);
    }

    [Theory]
    [InlineData("")]
    [InlineData("arn=*")]
    [InlineData("arn=arn:aws:sts::*:assumed-role/shop/*")]
    [InlineData("arn=arn:aws:sts::12345678901?:assumed-role/shop/*")]
    [InlineData("account=12345678901*")]
    [InlineData("userid=AROA*")]
    public async Task Attack_19_a_trust_that_takes_other_accounts_is_not_made(string claims)
    {
        CofferException refused = await Assert.ThrowsAsync<CofferException>(() => StartAsync(claims));
        Assert.Equal(CofferErrorCode.InvalidRequest, refused.Code);
    }

    [Fact]
    public async Task Attack_01_where_the_client_says_it_goes_is_never_called()
    {
        await StartAsync();
        await using StubServer other = new("evil.test");
        other.Answer = _ => new(200, StubSts.Xml(Arn), "text/xml");
        // Signed for ours, but the address says another: it goes to ours.
        await _world.TakesAsync(Proof(Signed() with { Url = other.Origin + "/" }));
        await _world.TakesAsync(Proof(Signed() with { Url = $"https://sts.amazonaws.com@{new Uri(other.Origin).Authority}/" }));
        // Signed for the other, with a header or the address that says so.
        SignedRequest evil = AwsIdentityProof.Sign(Key, SecretText.From(Secret), null, new(other.Origin), "us-east-1", "coffer", _world.Issuer.Clock);
        await _world.RefusesAsync(Proof(evil), "another host");
        await _world.RefusesAsync(Proof(evil with { Headers = Without(evil.Headers, "host") }), "another host");
        await _world.RefusesAsync(Proof(evil with { Headers = With(evil.Headers, "host", new Uri(Sts.Origin).Authority) }), "answered 403");
        Assert.Equal(0, other.Connections);
    }

    [Theory]
    [InlineData("Action=AssumeRole&Version=2011-06-15")]
    [InlineData("Action=GetCallerIdentity&Version=2011-06-15&Action=GetSessionToken")]
    [InlineData("Version=2011-06-15&Action=GetCallerIdentity")]
    [InlineData("Action=GetCallerIdentity&Version=2011-06-15\n")]
    [InlineData("")]
    public async Task Attack_02_another_call_is_refused_before_it_is_made(string body)
    {
        await StartAsync();
        await _world.RefusesAsync(Proof(Signed() with { Body = body }), "not a signed GetCallerIdentity");
        Assert.Empty(Sts.Requests);
    }

    [Theory]
    [InlineData("https://{0}/?Action=AssumeRole")]
    [InlineData("https://{0}/admin")]
    [InlineData("https://{0}//")]
    [InlineData("https://{0}/#x")]
    [InlineData("https://{0}\\evil.test/")]
    [InlineData("https://{0}/ HTTP/1.1\r\nX-Evil: 1")]
    [InlineData("sts.amazonaws.com")]
    public async Task Attack_01_an_address_with_more_than_a_host_is_refused(string url)
    {
        await StartAsync();
        await _world.RefusesAsync(Proof(Signed() with { Url = url.Replace("{0}", new Uri(Sts.Origin).Authority, StringComparison.Ordinal) }), "not a signed GetCallerIdentity");
        Assert.Empty(Sts.Requests);
    }

    [Fact]
    public async Task Attack_02_the_audience_is_signed_and_ours()
    {
        await StartAsync();
        SignedRequest good = Signed();
        await _world.RefusesAsync(Proof(Signed("other")), "another audience");
        await _world.RefusesAsync(Proof(Signed("Coffer")), "another audience");
        await _world.RefusesAsync(Proof(good with { Headers = Without(good.Headers, "x-coffer-audience") }), "another audience");
        // There, but not signed: what was made for another service, with our header put to it.
        await _world.RefusesAsync(Proof(good with { Headers = With(good.Headers, "authorization", good.Headers["authorization"].Replace(";x-coffer-audience", "", StringComparison.Ordinal)) }), "another audience");
        Assert.Empty(Sts.Requests);
        await _world.RefusesAsync(Proof(Signed("other") is var signed ? signed with { Headers = With(signed.Headers, "x-coffer-audience", "coffer") } : signed), "answered 403");
    }

    [Fact]
    public async Task Attack_02_a_request_is_taken_once_and_for_minutes()
    {
        await StartAsync();
        SignedRequest request = Signed(), late = Signed(), early = Signed();
        await _world.TakesAsync(Proof(request));
        await _world.RefusesAsync(Proof(request), "shown before");
        await _world.RefusesAsync(Proof(request with { Url = Sts.Origin }), "shown before");
        Assert.Single(Sts.Requests);
        _world.Issuer.Clock.Advance(SignedIdentityRequest.MaxAge - TimeSpan.FromSeconds(1));
        await _world.TakesAsync(Proof(late));
        _world.Issuer.Clock.Advance(TimeSpan.FromSeconds(2));
        await _world.RefusesAsync(Proof(early), "too old");
        await _world.RefusesAsync(Proof(request), "too old");
        Microsoft.Extensions.Time.Testing.FakeTimeProvider ahead = new(_world.Issuer.Clock.GetUtcNow() + SignedIdentityRequest.MaxAhead + TimeSpan.FromSeconds(1));
        await _world.RefusesAsync(Proof(AwsIdentityProof.Sign(Key, SecretText.From(Secret), null, new(Sts.Origin), "us-east-1", "coffer", ahead)), "not of this time");
    }

    [Fact]
    public async Task Attack_02_a_restarted_server_takes_nothing_that_was_signed_before()
    {
        await StartAsync();
        SignedRequest before = Signed();
        await _world.TakesAsync(Proof(before));
        _world.Issuer.Clock.Advance(TimeSpan.FromSeconds(2));
        Trust trust = Assert.Single(_world.Core.Access.Trusts, t => t.Kind == TrustKind.AwsIdentity);
        CallerIdentityVerifier restarted = new(_world.Issuer.Http, _world.Issuer.Clock);
        (ProvenClaims? claims, string reason) = await restarted.VerifyAsync(trust, null, Proof(before), TestContext.Current.CancellationToken);
        Assert.Null(claims);
        Assert.Contains("before this server started", reason, StringComparison.Ordinal);
        Assert.NotNull((await restarted.VerifyAsync(trust, null, Proof(Signed()), TestContext.Current.CancellationToken)).Claims);
    }

    [Fact]
    public async Task Many_at_once_with_one_signature_are_one_login()
    {
        await StartAsync();
        SignedRequest request = Signed();
        bool[] taken = await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ => (await _world.LoginAsync(Proof(request))).Identity is not null));
        Assert.Single(taken, true);
    }

    [Theory]
    [InlineData("x-amz-target", "AWSSecurityTokenServiceV20110615.AssumeRole")]
    [InlineData("x-forwarded-host", "evil.test")]
    [InlineData("transfer-encoding", "chunked")]
    [InlineData("expect", "100-continue")]
    [InlineData("connection", "upgrade")]
    public async Task Attack_01_only_headers_of_a_list_go_out(string name, string value)
    {
        await StartAsync();
        SignedRequest good = Signed();
        // Signed with it: refused. Not signed: not sent.
        SignedRequest signs = good with { Headers = With(With(good.Headers, name, value), "authorization", good.Headers["authorization"].Replace("SignedHeaders=", $"SignedHeaders={name};", StringComparison.Ordinal)) };
        await _world.RefusesAsync(Proof(signs), "not sent on");
        Assert.Empty(Sts.Requests);
        await _world.TakesAsync(Proof(good with { Headers = With(good.Headers, name, value) }));
        Assert.Null(Assert.Single(Sts.Requests).Header(name));
    }

    [Theory]
    [InlineData("/sts/", "/s3/", "not a signed")]
    [InlineData("/aws4_request", "/aws5_request", "not a signed")]
    [InlineData("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1", "not a signed")]
    [InlineData("Signature=", "Signature=0", "not a signed")]
    [InlineData("Credential=", "Credential=../", "not a signed")]
    [InlineData("SignedHeaders=", "SignedHeaders=host;", "not sent on")]
    [InlineData(", Signature=", ", Signature=00, Signature=", "not a signed")]
    public async Task A_signature_of_another_form_is_refused(string part, string by, string reason)
    {
        await StartAsync();
        SignedRequest good = Signed();
        await _world.RefusesAsync(Proof(good with { Headers = With(good.Headers, "authorization", good.Headers["authorization"].Replace(part, by, StringComparison.Ordinal)) }), reason);
        Assert.Empty(Sts.Requests);
    }

    [Fact]
    public async Task Attack_24_what_the_endpoint_answers_is_bounded_and_read_strictly()
    {
        await StartAsync();
        (StubAnswer Answer, string Reason)[] answers =
        [
            (new(200, StubSts.Xml(Arn) + new string(' ', 1024 * 1024), "text/xml"), "too large"),
            (new(302, "", Extra: "Location: https://169.254.169.254/latest/meta-data/\r\n"), "answered 302"),
            (new(500, StubSts.Xml(Arn), "text/xml"), "answered 500"),
            (new(200, "{}"), "not that of GetCallerIdentity"),
            (new(200, "", "text/xml"), "not that of GetCallerIdentity"),
            (new(200, StubSts.Xml(Arn).Replace("sts.amazonaws.com/doc", "evil.test/doc", StringComparison.Ordinal), "text/xml"), "not that of GetCallerIdentity"),
            (new(200, $"<!DOCTYPE x [<!ENTITY e \"{StubSts.Account}\">]>" + StubSts.Xml(Arn, "&e;"), "text/xml"), "not that of GetCallerIdentity"),
            (new(200, StubSts.Xml(Arn, "999999999999"), "text/xml"), "not that of GetCallerIdentity"),
            (new(200, StubSts.Xml(Arn + "</Arn><Arn>arn:aws:iam::123456789012:root"), "text/xml"), "not that of GetCallerIdentity"),
            (new(200, StubSts.Xml(Arn).Replace("</GetCallerIdentityResult>", "</GetCallerIdentityResult><GetCallerIdentityResult><Account>1</Account></GetCallerIdentityResult>", StringComparison.Ordinal), "text/xml"), "not that of GetCallerIdentity"),
            (new(200, $"<html>{StubSts.Xml(Arn)}</html>", "text/html"), "not that of GetCallerIdentity"),
        ];
        foreach ((StubAnswer answer, string reason) in answers)
        {
            Sts.Answer = _ => answer;
            await _world.RefusesAsync(Proof(Signed()), reason);
        }
    }

    [Fact]
    public async Task Attack_24_an_endpoint_on_a_private_network_is_called_only_where_the_trust_says_so()
    {
        await StartAsync(allow: false);
        await _world.RefusesAsync(Proof(Signed()), "does not allow private networks");
        Assert.Equal(0, Sts.Connections);
    }

    [Fact]
    public async Task Whoever_signs_with_another_key_is_refused_by_the_endpoint()
    {
        await StartAsync();
        await _world.RefusesAsync(Proof(AwsIdentityProof.Sign(Key, SecretText.From("another"), null, new(Sts.Origin), "us-east-1", "coffer", _world.Issuer.Clock)), "answered 403");
    }

    // Signed by botocore 1.29.27 on 2026-01-02 at 03:04:05 for sts.eu-central-1.amazonaws.com, with the audience "coffer".
    [Theory]
    [InlineData("POST", "https://sts.eu-central-1.amazonaws.com/", "content-type;host;x-amz-date;x-amz-security-token;x-coffer-audience", "8ab7f8001ceaba33a27ebaa1a7c1cc2567154094c86cd5ec47399d9ba5e1fc8d")]
    [InlineData("GET", "https://sts.eu-central-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=ASIAEXAMPLEEXAMPLE12%2F20260102%2Feu-central-1%2Fsts%2Faws4_request&X-Amz-Date=20260102T030405Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host%3Bx-coffer-audience&X-Amz-Security-Token=stub%2Fsession%2Btoken%3D%3D", "host;x-coffer-audience", "56a5b7d44da897882fd2a106fcb3d6b34b1832ca0d4e344de000b8ce0be95634")]
    public void What_botocore_signs_is_understood_and_goes_out_as_it_was_signed(string method, string url, string names, string signature)
    {
        bool post = method == "POST";
        ImmutableSortedDictionary<string, string> headers = ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal).Add("x-coffer-audience", "coffer");
        if (post)
        {
            headers = headers.Add("content-type", "application/x-www-form-urlencoded; charset=utf-8").Add("x-amz-date", "20260102T030405Z").Add("x-amz-security-token", SessionToken)
                .Add("content-length", "43").Add("authorization", $"AWS4-HMAC-SHA256 Credential={Key}/20260102/eu-central-1/sts/aws4_request, SignedHeaders={names}, Signature={signature}");
        }

        DateTimeOffset now = new(2026, 1, 2, 3, 5, 0, TimeSpan.Zero);
        TrustProof.SignedRequest proof = new(method, post ? url : $"{url}&X-Amz-Signature={signature}", headers, post ? Encoding.ASCII.GetBytes("Action=GetCallerIdentity&Version=2011-06-15") : default);
        SignedIdentityRequest? parsed = SignedIdentityRequest.Parse(proof, "sts.eu-central-1.amazonaws.com", ["coffer"], now, out string reason);
        Assert.True(parsed is not null, reason);
        StubRequest sent = new(method, parsed.Query.Length == 0 ? "/" : "/?" + parsed.Query, [.. parsed.Headers, ("host", "sts.eu-central-1.amazonaws.com")], post ? "Action=GetCallerIdentity&Version=2011-06-15" : "");
        Assert.True(new StubSts(Secret, Arn).IsSigned(sent));
        Assert.Equal(signature, parsed.Signature);
        // One more member of the query, or one less.
        Assert.Null(SignedIdentityRequest.Parse(proof with { Url = proof.Url + (post ? "?" : "&") + "Foo=1" }, "sts.eu-central-1.amazonaws.com", ["coffer"], now, out _));
        Assert.Null(SignedIdentityRequest.Parse(proof with { Url = proof.Url.Replace("&Version=2011-06-15", "", StringComparison.Ordinal), Body = default }, "sts.eu-central-1.amazonaws.com", ["coffer"], now, out _));
    }

    [Fact]
    public void No_request_makes_the_parser_fail_and_none_that_is_changed_stays_whole()
    {
        Microsoft.Extensions.Time.Testing.FakeTimeProvider clock = new(TimeProvider.System.GetUtcNow());
        Gen.Select(Gen.String, Gen.String[Gen.Char[' ', '~'], 0, 200], Gen.String, Gen.String[Gen.Char[' ', '~'], 0, 60]).Sample((method, url, body, text) =>
        {
            SignedRequest good = AwsIdentityProof.Sign(Key, SecretText.From(Secret), null, new("https://sts.amazonaws.com"), "us-east-1", "coffer", clock);
            TrustProof.SignedRequest[] bad =
            [
                new(method, good.Url, Sorted(good.Headers), Encoding.UTF8.GetBytes(good.Body!)),
                new(good.Method, url, Sorted(good.Headers), Encoding.UTF8.GetBytes(good.Body!)),
                new(good.Method, good.Url, Sorted(good.Headers), Encoding.UTF8.GetBytes(body)),
                new(good.Method, good.Url, Sorted(good.Headers).SetItem("authorization", text), Encoding.UTF8.GetBytes(good.Body!)),
                new("GET", good.Url + "?" + text, Sorted(good.Headers), default),
            ];
            Assert.NotNull(SignedIdentityRequest.Parse(new(good.Method, good.Url, Sorted(good.Headers), Encoding.UTF8.GetBytes(good.Body!)), "sts.amazonaws.com", ["coffer"], clock.GetUtcNow(), out _));
            Assert.All(bad, b => Assert.Null(SignedIdentityRequest.Parse(b, "sts.amazonaws.com", ["coffer"], clock.GetUtcNow(), out _)));
        });
    }

    [Fact]
    public void A_full_memory_of_signatures_refuses_and_forgets_what_is_old()
    {
        Microsoft.Extensions.Time.Testing.FakeTimeProvider clock = new(TimeProvider.System.GetUtcNow());
        SeenSignatures seen = new(clock, TimeSpan.FromMinutes(20));
        for (int i = 0; i < 100_000; i++)
        {
            Assert.True(seen.Add($"{i}"));
        }

        Assert.False(seen.Add("more"));
        clock.Advance(TimeSpan.FromMinutes(21));
        Assert.True(seen.Add("more"));
        Assert.False(seen.Add("more"));
    }

    private async Task StartAsync(string claims = $"arn={Arn}", bool allow = true)
    {
        _world = await TrustWorld.StartAsync();
        Sts.Answer = new StubSts(Secret, Arn).Answer;
        JsonObject settings = new() { ["roots"] = Sts.RootPem };
        if (allow)
        {
            settings["allowPrivateNetwork"] = true;
        }

        await _world.CreateAsync(TrustPresets.Apply("aws", TrustWorld.New(TrustPresets.NoKind, Sts.Origin, claims, settings)));
    }

    private SignedRequest Signed(string audience = "coffer") =>
        AwsIdentityProof.Sign(Key, SecretText.From(Secret), SecretText.From(SessionToken), new(Sts.Origin), "us-east-1", audience, _world.Issuer.Clock);

    private static TrustProof.SignedRequest Proof(SignedRequest request) => new(request.Method, request.Url, Sorted(request.Headers), Encoding.UTF8.GetBytes(request.Body ?? ""));

    private static ImmutableSortedDictionary<string, string> Sorted(IReadOnlyDictionary<string, string> headers) => headers.ToImmutableSortedDictionary(StringComparer.Ordinal);

    private static ImmutableSortedDictionary<string, string> With(IReadOnlyDictionary<string, string> headers, string name, string value) => Sorted(headers).SetItem(name, value);

    private static ImmutableSortedDictionary<string, string> Without(IReadOnlyDictionary<string, string> headers, string name) => Sorted(headers).Remove(name);
}
