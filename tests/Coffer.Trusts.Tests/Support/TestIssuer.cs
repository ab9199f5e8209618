using System.Buffers.Text;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Coffer.Core.Access;
using Coffer.Core.Secrets;
using Coffer.Trusts.Outbound;
using Coffer.Trusts.Tokens;
using Microsoft.Extensions.Time.Testing;

namespace Coffer.Trusts.Tests.Support;

/// <summary>An OIDC issuer with one RSA key, its clock, and a verifier that knows it only by its address.</summary>
internal sealed class TestIssuer : IAsyncDisposable
{
    public const string Audience = "coffer", KeyId = "key-1";

    // Drawn once: a key pair of RSA takes long, and no test changes it.
    private static readonly RSAParameters KeyPair = Draw();

    public TestIssuer()
    {
        Http = new(Clock, (_, _) => Task.FromResult<IPAddress[]>([Address]));
        Keys = new(Http, Clock);
        Verifier = new(Keys, Clock);
        Published = [KeyOf(Key, KeyId)];
        Server.Answer = AnswerAsUsual;
    }

    public StubServer Server { get; } = new("issuer.test");

    public FakeTimeProvider Clock { get; } = new(TimeProvider.System.GetUtcNow());

    public RSA Key { get; } = RSA.Create(KeyPair);

    /// <summary>The keys in the set that is served.</summary>
    public List<JsonNode> Published { get; set; }

    /// <summary>What names resolve to.</summary>
    public IPAddress Address { get; set; } = IPAddress.Loopback;

    public OutboundHttp Http { get; }

    public IssuerKeys Keys { get; }

    public WebTokenVerifier Verifier { get; }

    public long Now => Clock.GetUtcNow().ToUnixTimeSeconds();

    public async ValueTask DisposeAsync()
    {
        Key.Dispose();
        await Server.DisposeAsync();
    }

    private static RSAParameters Draw()
    {
        using RSA key = RSA.Create(2048);
        return key.ExportParameters(true);
    }

    public StubAnswer AnswerAsUsual(StubRequest request) => request.Path switch
    {
        "/.well-known/openid-configuration" => new(200, $$"""{"issuer":"{{Server.Origin}}","jwks_uri":"{{Server.Origin}}/keys"}"""),
        "/keys" => new(200, KeySet()),
        _ => new(404, "{}"),
    };

    public string KeySet() => new JsonObject { ["keys"] = new JsonArray([.. Published.Select(k => k.DeepClone())]) }.ToJsonString();

    public Trust Trust(Func<JsonObject, JsonObject>? settings = null, params string[] claims) => new()
    {
        Id = Guid.NewGuid(),
        Name = PrincipalName.Parse("ci"),
        Kind = TrustKind.WebToken,
        Issuer = Server.Origin,
        Audiences = [Audience],
        Claims = claims.Aggregate(Secret.NoTags, (all, c) => all.Add(c.Split('=')[0], c.Split('=')[1])),
        PrincipalId = Guid.NewGuid(),
        Settings = (settings ?? (s => s))(new() { ["allowPrivateNetwork"] = true, ["roots"] = Server.RootPem }).ToJsonString(),
        Created = 0,
    };

    /// <summary>The claims of a good token; a test changes them.</summary>
    public JsonObject Claims() => new()
    {
        ["iss"] = Server.Origin,
        ["aud"] = Audience,
        ["sub"] = "repo:acme/shop:ref:refs/heads/main",
        ["iat"] = Now,
        ["exp"] = Now + 300,
        ["repository"] = "acme/shop",
    };

    public string Token(Action<JsonObject>? change = null)
    {
        JsonObject claims = Claims();
        change?.Invoke(claims);
        return Sign($$"""{"alg":"RS256","kid":"{{KeyId}}","typ":"JWT"}""", claims.ToJsonString());
    }

    /// <summary>Signs any text as header and payload.</summary>
    public string Sign(string header, string payload) => Sign(header, payload, s => Key.SignData(s, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));

    public static string Sign(string header, string payload, Func<byte[], byte[]> sign)
    {
        string signed = Text(Encoding.UTF8.GetBytes(header)) + "." + Text(Encoding.UTF8.GetBytes(payload));
        return signed + "." + Text(sign(Encoding.ASCII.GetBytes(signed)));
    }

    public static string Text(byte[] bytes) => Base64Url.EncodeToString(bytes);

    public static JsonObject KeyOf(RSA key, string? id)
    {
        RSAParameters parameters = key.ExportParameters(false);
        JsonObject made = new() { ["kty"] = "RSA", ["use"] = "sig", ["n"] = Text(parameters.Modulus!), ["e"] = Text(parameters.Exponent!) };
        if (id is not null)
        {
            made["kid"] = id;
        }

        return made;
    }

    public static JsonObject KeyOf(ECDsa key, string id)
    {
        ECParameters parameters = key.ExportParameters(false);
        return new() { ["kty"] = "EC", ["crv"] = string.Create(CultureInfo.InvariantCulture, $"P-{key.KeySize}"), ["x"] = Text(parameters.Q.X!), ["y"] = Text(parameters.Q.Y!), ["kid"] = id };
    }

    public ValueTask<(ProvenClaims? Claims, string Reason)> VerifyAsync(Trust trust, string token) =>
        Verifier.VerifyAsync(trust, null, new TrustProof.WebToken(token), TestContext.Current.CancellationToken);

    /// <summary>The token is refused for that reason, and none of its text is in it.</summary>
    public async Task RefusesAsync(Trust trust, string token, string reason)
    {
        (ProvenClaims? claims, string why) = await VerifyAsync(trust, token);
        Assert.Null(claims);
        Assert.Contains(reason, why, StringComparison.Ordinal);
    }

    public static JsonObject With(JsonObject settings, string name, JsonNode? value)
    {
        settings[name] = value;
        return settings;
    }

    public JsonNode Offline() => JsonNode.Parse(KeySet())!;

    public static string Raw(JsonNode node) => JsonSerializer.Serialize(node);
}
