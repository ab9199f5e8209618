using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Coffer.Trusts.Tests.Support;

namespace Coffer.Login.Tests.Support;

/// <summary>
/// A provider of identities on loopback that keeps to the standards: codes are good once, for the client, address and PKCE verifier
/// that they were issued for. A test changes what it answers.
/// </summary>
internal sealed class StubProvider : IAsyncDisposable
{
    public const string ClientId = "coffer-cli", Email = "pat@example.com";

    private static readonly RSAParameters KeyPair = Draw();

    private readonly TimeProvider _clock;
    private readonly RSA _key = RSA.Create(KeyPair);
    private readonly ConcurrentDictionary<string, Dictionary<string, string>> _codes = new(StringComparer.Ordinal);

    public StubProvider(TimeProvider clock)
    {
        _clock = clock;
        Server.Answer = Answer;
    }

    public StubServer Server { get; } = new("localhost");

    public string Issuer => Server.Origin;

    /// <summary>Changes the document.</summary>
    public Action<JsonObject> Document { get; set; } = _ => { };

    /// <summary>Changes the claims of an ID token.</summary>
    public Action<JsonObject> Claims { get; set; } = _ => { };

    /// <summary>Changes what the browser is sent back with.</summary>
    public Func<List<(string Name, string Value)>, List<(string Name, string Value)>> Callback { get; set; } = all => all;

    /// <summary>What the token endpoint answers to device codes, one after the other; "token" is an ID token, "drop" no answer at all.</summary>
    public Queue<string> DeviceAnswers { get; } = new();

    /// <summary>The answer of the device endpoint.</summary>
    public Action<JsonObject> DeviceAnswer { get; set; } = _ => { };

    /// <summary>Requests for authorisation, as the browser brought them.</summary>
    public ConcurrentQueue<Dictionary<string, string>> Asked { get; } = new();

    /// <summary>A code for a request that nobody's browser made.</summary>
    public string Issue(Dictionary<string, string> request)
    {
        string code = "code-" + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(12));
        _codes[code] = request;
        return code;
    }

    public async ValueTask DisposeAsync()
    {
        _key.Dispose();
        await Server.DisposeAsync();
    }

    private StubAnswer Answer(StubRequest request)
    {
        string[] parts = request.Path.Split('?', 2);
        return parts[0] switch
        {
            "/.well-known/openid-configuration" => Json(200, DocumentNow()),
            "/keys" => Json(200, new() { ["keys"] = new JsonArray(KeyNow()) }),
            "/authorize" => Authorise(parts.Length > 1 ? parts[1] : ""),
            "/token" => Token(request.Body),
            "/device" => Device(),
            _ => new(404, "{}"),
        };
    }

    private JsonObject DocumentNow()
    {
        JsonObject document = new()
        {
            ["issuer"] = Issuer,
            ["jwks_uri"] = Issuer + "/keys",
            ["authorization_endpoint"] = Issuer + "/authorize?tenant=one",
            ["token_endpoint"] = Issuer + "/token",
            ["device_authorization_endpoint"] = Issuer + "/device",
            ["authorization_response_iss_parameter_supported"] = true,
        };
        Document(document);
        return document;
    }

    private StubAnswer Authorise(string query)
    {
        Dictionary<string, string> asked = Read(query);
        Asked.Enqueue(asked);
        List<(string Name, string Value)> back = Callback([("code", Issue(asked)), ("state", asked["state"]), ("iss", Issuer)]);
        return new(302, "", Extra: $"Location: {asked["redirect_uri"]}?{string.Join('&', back.Select(b => $"{b.Name}={Uri.EscapeDataString(b.Value)}"))}\r\n");
    }

    private StubAnswer Token(string body)
    {
        Dictionary<string, string> form = Read(body);
        if (form["grant_type"] == "urn:ietf:params:oauth:grant-type:device_code")
        {
            Assert.Equal(("device-1", ClientId), (form["device_code"], form["client_id"]));
            return DeviceAnswers.Dequeue() switch
            {
                "token" => Json(200, new() { ["token_type"] = "Bearer", ["access_token"] = "x", ["id_token"] = Sign(null) }),
                "drop" => throw new IOException(),
                { } error => Json(400, new() { ["error"] = error }),
            };
        }

        // A code is good once, whatever comes of it.
        return form["grant_type"] == "authorization_code" && _codes.TryRemove(form["code"], out Dictionary<string, string>? asked)
            && asked["client_id"] == form["client_id"] && asked["redirect_uri"] == form["redirect_uri"]
            && asked["code_challenge_method"] == "S256" && asked["code_challenge"] == Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(form["code_verifier"])))
            ? Json(200, new() { ["token_type"] = "Bearer", ["access_token"] = "x", ["id_token"] = Sign(asked["nonce"]) })
            : Json(400, new() { ["error"] = "invalid_grant", ["error_description"] = "<script>alert(1)</script>" });
    }

    private StubAnswer Device()
    {
        JsonObject answer = new() { ["device_code"] = "device-1", ["user_code"] = "WDJB-MJHT", ["verification_uri"] = Issuer + "/activate", ["expires_in"] = 300 };
        DeviceAnswer(answer);
        return Json(answer.ContainsKey("error") ? 400 : 200, answer);
    }

    private string Sign(string? nonce)
    {
        long now = _clock.GetUtcNow().ToUnixTimeSeconds();
        JsonObject claims = new() { ["iss"] = Issuer, ["aud"] = ClientId, ["sub"] = "1", ["email"] = Email, ["email_verified"] = true, ["iat"] = now, ["exp"] = now + 300 };
        if (nonce is not null)
        {
            claims["nonce"] = nonce;
        }

        Claims(claims);
        string signed = Text(Encoding.UTF8.GetBytes("""{"alg":"RS256","kid":"1"}""")) + "." + Text(Encoding.UTF8.GetBytes(claims.ToJsonString()));
        return signed + "." + Text(_key.SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));
    }

    private JsonObject KeyNow() => new() { ["kty"] = "RSA", ["kid"] = "1", ["n"] = Text(KeyPair.Modulus!), ["e"] = Text(KeyPair.Exponent!) };

    private static Dictionary<string, string> Read(string query) =>
        query.Split('&').Select(p => p.Split('=', 2)).ToDictionary(p => p[0], p => Uri.UnescapeDataString(p[1].Replace('+', ' ')), StringComparer.Ordinal);

    private static StubAnswer Json(int status, JsonObject body) => new(status, body.ToJsonString());

    private static string Text(byte[] bytes) => Base64Url.EncodeToString(bytes);

    private static RSAParameters Draw()
    {
        using RSA key = RSA.Create(2048);
        return key.ExportParameters(true);
    }
}
