using System.Buffers.Text;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Coffer.Trusts.Tests.Support;

namespace Coffer.Cli.Tests;

/// <summary>
/// What a CI job, a pod, a machine in a cloud and a client with a certificate find around them: tokens in files and variables, GitHub's
/// runner, a GitLab of one's own, the AWS endpoint and the Kubernetes API server behind one address. All of it signed, and checked, as the real ones do.
/// </summary>
internal sealed class ScriptProofs : IAsyncDisposable
{
    private const string Audience = "https://coffer.acme.example", Tenant = "8f1b7c1e-5c57-4d0b-9d5e-2f2a7b8f0c11", RunnerToken = "runner-token", ReviewerToken = "reviewer-token";
    private const string AwsKey = "ASIAEXAMPLEEXAMPLE12", AwsSecret = "stub-secret-access-key", AwsSession = "stub/session+token==";

    private readonly StubServer _server = new("localhost");
    private readonly RSA _key = RSA.Create(2048);
    private readonly StubSts _sts = new(AwsSecret, $"arn:aws:sts::{StubSts.Account}:assumed-role/shop/i-0abc");
    private readonly string _gitLabToken;

    public ScriptProofs()
    {
        _server.Answer = Answer;
        _gitLabToken = Token("""{"namespace_path":"acme","project_id":"20","project_path":"acme/shop","user_login":"dora","ref":"main","ref_type":"branch","ref_protected":"true","sub":"project_path:acme/shop:ref_type:branch:ref:main"}""", _server.Origin);
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        using TestAuthority authority = new(now);
        using X509Certificate2 client = authority.Leaf(new()), stranger = authority.Leaf(new() { Dns = ["api.shop-evil.acme.example"] });
        Files = new Dictionary<string, string>
        {
            ["keys.json"] = KeySet(),
            ["pod-token"] = Token("""{"kubernetes.io":{"namespace":"shop","pod":{"name":"api-0","uid":"5e0b"},"serviceaccount":{"name":"api","uid":"14ee"}},"sub":"system:serviceaccount:shop:api"}""", "https://kubernetes.default.svc.cluster.local"),
            ["azure-token"] = Token($$$"""{"azp":"app-1","oid":"0a1b2c3d-0000-4000-8000-000000000001","sub":"0a1b2c3d-0000-4000-8000-000000000001","tid":"{{{Tenant}}}","ver":"2.0"}""", $"https://login.microsoftonline.com/{Tenant}/v2.0"),
            ["google-token"] = Token("""{"azp":"1122334455","email":"shop@acme.iam.gserviceaccount.com","email_verified":true,"sub":"1122334455"}""", "https://accounts.google.com"),
            ["reviewer-token"] = ReviewerToken,
            ["endpoint-ca.pem"] = _server.RootPem,
            ["client-ca.pem"] = authority.Pem,
            ["client.pem"] = client.ExportCertificatePem(),
            ["client-key.pem"] = Key(client),
            ["stranger.pem"] = stranger.ExportCertificatePem(),
            ["stranger-key.pem"] = Key(stranger),
        };
    }

    public IReadOnlyDictionary<string, string> Files { get; }

    public IEnumerable<KeyValuePair<string, string>> Environment(string folder) => new Dictionary<string, string>
    {
        ["ACTIONS_ID_TOKEN_REQUEST_URL"] = _server.Origin + "/runner?api-version=2.0",
        ["ACTIONS_ID_TOKEN_REQUEST_TOKEN"] = RunnerToken,
        ["COFFER_ID_TOKEN"] = _gitLabToken,
        ["AWS_ACCESS_KEY_ID"] = AwsKey,
        ["AWS_SECRET_ACCESS_KEY"] = AwsSecret,
        ["AWS_SESSION_TOKEN"] = AwsSession,
        ["GITLAB"] = _server.Origin,
        ["STS"] = _server.Origin,
        ["KUBERNETES"] = _server.Origin,
        ["COFFER_CACERT"] = Path.Combine(folder, "data", "tls", "ca.pem"),
        ["SSL_CERT_FILE"] = Path.Combine(folder, "endpoint-ca.pem"),
    };

    public async ValueTask DisposeAsync()
    {
        _key.Dispose();
        await _server.DisposeAsync();
    }

    private StubAnswer Answer(StubRequest request) => request.Path.Split('?')[0] switch
    {
        "/.well-known/openid-configuration" => new(200, $$"""{"issuer":"{{_server.Origin}}","jwks_uri":"{{_server.Origin}}/oauth/discovery/keys"}"""),
        "/oauth/discovery/keys" => new(200, KeySet()),
        // Half a surrogate pair, as JSON may spell it and no text can hold it.
        "/runner" when request.Path.EndsWith("&audience=half", StringComparison.Ordinal) => new(200, """{"value":"\ud800"}"""),
        "/runner" when request.Header("Authorization") == $"Bearer {RunnerToken}" => new(200, new JsonObject { ["value"] = GitHubToken(Uri.UnescapeDataString(request.Path.Split("&audience=")[1])) }.ToJsonString()),
        "/apis/authentication.k8s.io/v1/tokenreviews" when request.Header("Authorization") == $"Bearer {ReviewerToken}" && JsonNode.Parse(request.Body)!["spec"]!["token"]!.GetValue<string>() == Files["pod-token"] =>
            new(201, """{"status":{"authenticated":true,"audiences":["https://coffer.acme.example"],"user":{"username":"system:serviceaccount:shop:api","uid":"14ee"}}}"""),
        "/" => _sts.Answer(request),
        _ => new(401, "{}"),
    };

    private string GitHubToken(string audience) => Token("""
        {"sub":"repo:acme/shop:environment:production","ref":"refs/heads/main","repository":"acme/shop","repository_owner":"acme","repository_id":"74","actor":"dora","event_name":"push","environment":"production",
        "job_workflow_ref":"acme/shop/.github/workflows/deploy.yml@refs/heads/main"}
        """, "https://token.actions.githubusercontent.com", audience);

    private string Token(string claims, string issuer, string audience = Audience)
    {
        long now = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();
        JsonObject all = JsonNode.Parse(claims)!.AsObject();
        all["iss"] = issuer;
        all["aud"] = audience;
        all["iat"] = now;
        all["nbf"] = now - 5;
        all["exp"] = now + 600;
        string signed = Text("""{"alg":"RS256","kid":"key-1","typ":"JWT"}"""u8) + "." + Text(Encoding.UTF8.GetBytes(all.ToJsonString()));
        return signed + "." + Text(_key.SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));
    }

    private string KeySet()
    {
        RSAParameters parameters = _key.ExportParameters(false);
        return $$"""{"keys":[{"kty":"RSA","use":"sig","alg":"RS256","kid":"key-1","n":"{{Text(parameters.Modulus)}}","e":"{{Text(parameters.Exponent)}}"}]}""";
    }

    private static string Text(ReadOnlySpan<byte> bytes) => Base64Url.EncodeToString(bytes);

    private static string Key(X509Certificate2 certificate)
    {
        using ECDsa key = certificate.GetECDsaPrivateKey()!;
        return key.ExportPkcs8PrivateKeyPem();
    }
}
