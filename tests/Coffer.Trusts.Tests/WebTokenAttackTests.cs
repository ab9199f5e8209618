using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Coffer.Core.Access;
using Coffer.Trusts.Tests.Support;
using Coffer.Trusts.Tokens;
using CsCheck;

namespace Coffer.Trusts.Tests;

/// <summary>Attack 5: forged, confused and oversized tokens.</summary>
public sealed class WebTokenAttackTests : IAsyncDisposable
{
    private readonly TestIssuer _issuer = new();

    public ValueTask DisposeAsync() => _issuer.DisposeAsync();

    [Theory]
    [InlineData("none")]
    [InlineData("None")]
    [InlineData("NONE")]
    [InlineData("nOnE")]
    [InlineData("")]
    public async Task Attack_05_no_algorithm_is_no_signature(string algorithm)
    {
        string good = _issuer.Token();
        string header = TestIssuer.Text(Encoding.UTF8.GetBytes($$"""{"alg":"{{algorithm}}","kid":"key-1"}"""));
        string payload = good.Split('.')[1];
        foreach (string token in new[] { $"{header}.{payload}.", $"{header}.{payload}", $"{header}.{payload}.{good.Split('.')[2]}", $"{header}.{payload}.AA" })
        {
            Assert.Null((await _issuer.VerifyAsync(_issuer.Trust(), token)).Claims);
        }
    }

    [Fact]
    public async Task Attack_05_a_public_key_is_no_secret_of_an_HMAC()
    {
        byte[][] secrets = [Encoding.UTF8.GetBytes(_issuer.Key.ExportSubjectPublicKeyInfoPem()), Encoding.UTF8.GetBytes(_issuer.Key.ExportRSAPublicKeyPem()), _issuer.Key.ExportSubjectPublicKeyInfo(), Encoding.UTF8.GetBytes(_issuer.KeySet())];
        foreach (byte[] secret in secrets)
        {
            string token = TestIssuer.Sign("""{"alg":"HS256","kid":"key-1"}""", _issuer.Claims().ToJsonString(), s => HMACSHA256.HashData(secret, s));
            await _issuer.RefusesAsync(_issuer.Trust(), token, "algorithm");
        }

        // Nor does a symmetric key get into the set by the issuer's own document.
        _issuer.Published.Add(new JsonObject { ["kty"] = "oct", ["kid"] = "oct", ["k"] = TestIssuer.Text(secrets[0]) });
        await _issuer.RefusesAsync(_issuer.Trust(), TestIssuer.Sign("""{"alg":"RS256","kid":"oct"}""", _issuer.Claims().ToJsonString(), s => HMACSHA256.HashData(secrets[0], s)), "no such key");
    }

    [Theory]
    [InlineData("jku")]
    [InlineData("x5u")]
    [InlineData("jwk")]
    [InlineData("x5c")]
    public async Task Attack_05_a_key_is_never_taken_from_the_token(string member)
    {
        using RSA mine = RSA.Create(2048);
        await using StubServer evil = new("evil.test");
        JsonObject key = TestIssuer.KeyOf(mine, "evil");
        evil.Answer = _ => new(200, new JsonObject { ["keys"] = new JsonArray(key.DeepClone()) }.ToJsonString());
        JsonNode value = member switch
        {
            "jwk" => key.DeepClone(),
            "x5c" => new JsonArray(TestIssuer.Text(mine.ExportSubjectPublicKeyInfo())),
            _ => evil.Origin + "/keys",
        };
        foreach (string kid in new[] { "evil", TestIssuer.KeyId, evil.Origin + "/keys", "../../keys", "' or 1=1" })
        {
            JsonObject header = new() { ["alg"] = "RS256", ["kid"] = kid, [member] = value.DeepClone() };
            string token = TestIssuer.Sign(header.ToJsonString(), _issuer.Claims().ToJsonString(), s => mine.SignData(s, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));
            Assert.Null((await _issuer.VerifyAsync(_issuer.Trust(), token)).Claims);
        }

        Assert.Equal(0, evil.Connections);
        Assert.All(_issuer.Server.Requests, r => Assert.Contains(r.Path, (string[])["/.well-known/openid-configuration", "/keys"]));
    }

    [Theory]
    [InlineData(""" ,"crit":["exp"] """)]
    [InlineData(""" ,"crit":[] """)]
    [InlineData(""" ,"b64":false """)]
    [InlineData(""" ,"zip":"DEF" """)]
    public async Task Attack_05_an_extension_that_must_be_understood_is_refused(string member)
    {
        string token = _issuer.Sign($$"""{"alg":"RS256","kid":"key-1"{{member}}}""", _issuer.Claims().ToJsonString());
        await _issuer.RefusesAsync(_issuer.Trust(), token, "extension");
    }

    [Theory]
    [InlineData(""" ,"sub":"other"}""")]
    [InlineData(""" ,"iss":"https://evil.test"}""")]
    [InlineData(""" ,"s\u0075b":"other"}""")]
    [InlineData(""" ,"deep":{"a":1,"a":2}}""")]
    [InlineData(""" ,"list":[{"a":1,"\u0061":2}]}""")]
    public async Task Attack_05_a_repeated_claim_is_refused(string end)
    {
        string claims = _issuer.Claims().ToJsonString()[..^1] + end;
        await _issuer.RefusesAsync(_issuer.Trust(), _issuer.Sign("""{"alg":"RS256","kid":"key-1"}""", claims), "repeated");
    }

    [Fact]
    public async Task Attack_05_a_repeated_member_of_the_header_is_refused() =>
        await _issuer.RefusesAsync(_issuer.Trust(), _issuer.Sign("""{"alg":"RS256","kid":"key-1","alg":"none"}""", _issuer.Claims().ToJsonString()), "header");

    [Fact]
    public async Task Attack_05_two_claims_that_come_to_have_the_same_name_are_refused()
    {
        await _issuer.RefusesAsync(_issuer.Trust(), _issuer.Token(c =>
        {
            c["kubernetes.io"] = new JsonObject { ["namespace"] = "shop" };
            c["kubernetes"] = new JsonObject { ["io"] = new JsonObject { ["namespace"] = "kube-system" } };
        }), "same name");
    }

    [Fact]
    public async Task Attack_05_a_huge_token_is_refused_before_anything_else()
    {
        string token = _issuer.Token(c => c["pad"] = new string('x', CompactToken.MaxLength));
        await _issuer.RefusesAsync(_issuer.Trust(), token, "too long");
        await _issuer.RefusesAsync(_issuer.Trust(), new string('.', CompactToken.MaxLength), "not a signed token");
        await _issuer.RefusesAsync(_issuer.Trust(), _issuer.Sign("""{"alg":"RS256","kid":"key-1"}""", new StringBuilder().Insert(0, """{"a":""", 400).Append('1').Append('}', 400).ToString()), "malformed");
        Assert.Equal(0, _issuer.Server.Connections);
    }

    [Fact]
    public async Task Attack_05_a_token_of_another_issuer_causes_no_call()
    {
        await _issuer.RefusesAsync(_issuer.Trust(), _issuer.Token(c => c["iss"] = "https://evil.test"), "another issuer");
        await _issuer.RefusesAsync(_issuer.Trust(), _issuer.Token(c => c["iss"] = _issuer.Server.Origin + "/"), "another issuer");
        Assert.Equal(0, _issuer.Server.Connections);
    }

    [Fact]
    public async Task Attack_05_weak_keys_are_no_keys()
    {
        using RSA weak = RSA.Create(1024);
        _issuer.Published = [TestIssuer.KeyOf(weak, "weak")];
        string token = TestIssuer.Sign("""{"alg":"RS256","kid":"weak"}""", _issuer.Claims().ToJsonString(), s => weak.SignData(s, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));
        await _issuer.RefusesAsync(_issuer.Trust(), token, "no key that can be used");
    }

    [Fact]
    public async Task A_key_for_encryption_or_for_another_algorithm_verifies_nothing()
    {
        foreach ((string member, JsonNode value) in new (string, JsonNode)[] { ("use", "enc"), ("alg", "RS512"), ("key_ops", new JsonArray("encrypt")) })
        {
            JsonObject key = TestIssuer.KeyOf(_issuer.Key, TestIssuer.KeyId);
            key[member] = value.DeepClone();
            using RSA other = RSA.Create(2048);
            _issuer.Published = [key, TestIssuer.KeyOf(other, "other")];
            _issuer.Clock.Advance(IssuerKeys.Fresh);
            await _issuer.RefusesAsync(_issuer.Trust(), _issuer.Token(), "no such key");
        }
    }

    [Fact]
    public void Attack_05_no_other_bytes_than_those_signed_are_taken()
    {
        string good = _issuer.Token();
        Trust trust = _issuer.Trust(_ => new() { ["jwks"] = _issuer.Offline() });
        Gen.Select(Gen.Int[0, good.Length - 1], Gen.Char["AZaz09-_.=+/ \n\0é"]).Sample((at, character) =>
        {
            string changed = good[..at] + character + good[(at + 1)..];
            (ProvenClaims? claims, _) = _issuer.Verifier.VerifyAsync(trust, null, new TrustProof.WebToken(changed), default).AsTask().GetAwaiter().GetResult();
            return changed == good || claims is null;
        }, iter: 2000);
    }

    [Fact]
    public void Any_text_at_all_is_refused_without_a_fault()
    {
        Trust trust = _issuer.Trust(_ => new() { ["jwks"] = _issuer.Offline() });
        Gen<string> part = Gen.OneOf(Gen.String, Gen.String.Select(s => TestIssuer.Text(Encoding.UTF8.GetBytes(s))), Gen.Const("eyJhbGciOiJSUzI1NiJ9"), Gen.Const("e30"), Gen.Byte.Array.Select(TestIssuer.Text));
        part.Array[0, 5].Select(p => string.Join('.', p)).Sample(text =>
            _issuer.Verifier.VerifyAsync(trust, null, new TrustProof.WebToken(text), default).AsTask().GetAwaiter().GetResult() is (null, { Length: > 0 }));
    }

    [Theory]
    [InlineData("repo\\ud800")]
    [InlineData("\\udc00")]
    public async Task Half_a_character_is_refused(string text) =>
        await _issuer.RefusesAsync(_issuer.Trust(), _issuer.Sign("""{"alg":"RS256","kid":"key-1"}""", _issuer.Claims().ToJsonString()[..^1] + $$""" ,"odd":"{{text}}"}"""), "malformed");

    [Fact]
    public void Claims_are_flattened_as_a_slow_reading_of_them_says()
    {
        Gen<JsonNode?> leaf = Gen.OneOf(Gen.Bool.Select(_ => (JsonNode?)null), Gen.Bool.Select(b => (JsonNode?)b), Gen.Int.Select(i => (JsonNode?)i), Gen.String[Gen.Char['a', 'z'], 0, 4].Select(s => (JsonNode?)s));
        Gen<string> name = Gen.String[Gen.Char['a', 'd'], 1, 2];
        Gen<JsonNode?> list = leaf.Array[0, 3].Select(items => (JsonNode?)new JsonArray([.. items.Select(i => i?.DeepClone())]));
        Gen<JsonNode?> Tree(int depth) => depth == 0 ? Gen.OneOf(leaf, list) : Gen.OneOf(leaf, list, Gen.Select(name, Tree(depth - 1)).Array[0, 4].Select(Made));
        static JsonNode? Made((string, JsonNode?)[] members)
        {
            JsonObject made = [];
            foreach ((string key, JsonNode? value) in members)
            {
                made[key] = value?.DeepClone();
            }

            return made;
        }

        Gen.Select(name, Tree(3)).Array[0, 5].Select(Made).Sample(node =>
        {
            using System.Text.Json.JsonDocument document = System.Text.Json.JsonDocument.Parse(node!.ToJsonString());
            Dictionary<string, string[]> expected = new(StringComparer.Ordinal);
            Read(expected, [], node);
            IReadOnlyDictionary<string, System.Collections.Immutable.ImmutableArray<string>> found = ClaimValues.Of(document.RootElement)!;
            return found.Count == expected.Count && expected.All(e => found[e.Key].SequenceEqual(e.Value));
        });

        static void Read(Dictionary<string, string[]> into, string[] path, JsonNode? node)
        {
            if (node is JsonObject members)
            {
                foreach ((string key, JsonNode? value) in members)
                {
                    Read(into, [.. path, key], value);
                }

                return;
            }

            into.Add(string.Join('.', path), node is JsonArray items ? [.. items.Where(i => i is not null).Select(i => Leaf(i!))] : node is null ? [] : [Leaf(node)]);
        }

        static string Leaf(JsonNode node) => node.GetValueKind() switch
        {
            System.Text.Json.JsonValueKind.String => node.GetValue<string>(),
            System.Text.Json.JsonValueKind.Number => node.GetValue<int>().ToString(CultureInfo.InvariantCulture),
            _ => node.GetValue<bool>() ? "true" : "false",
        };
    }
}
