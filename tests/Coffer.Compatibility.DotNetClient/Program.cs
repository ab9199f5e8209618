// The AWS SDK for .NET v4 as a program meets it: its own credential chain, its own signer, its own endpoint variables.
// The Secrets Manager package itself is not served to this project, so that one call is signed by the SDK's signer.
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Amazon.Runtime;
using Amazon.Runtime.Credentials;
using Amazon.Runtime.Internal;
using Amazon.Runtime.Internal.Auth;
using Amazon.Runtime.Internal.Util;
using Amazon.SecurityToken;
using Amazon.SecurityToken.Model;

using AmazonSecurityTokenServiceClient sts = new();
GetCallerIdentityResponse identity = await sts.GetCallerIdentityAsync(new GetCallerIdentityRequest());
Require(identity.Account.Length == 12 && identity.Arn.StartsWith("arn:aws:", StringComparison.Ordinal), "the identity has an account and an ARN");

AWSCredentials chain = await DefaultAWSCredentialsIdentityResolver.GetCredentialsAsync(null);
ImmutableCredentials keys = await chain.GetCredentialsAsync();
Require(keys.AccessKey.StartsWith("ASIA", StringComparison.Ordinal) && keys.UseToken, "the credentials are temporary");

Uri endpoint = new(Environment.GetEnvironmentVariable("AWS_ENDPOINT_URL_SECRETS_MANAGER") ?? throw new InvalidOperationException("no endpoint variable"));
using JsonDocument read = await CallAsync("GetSecretValue", """{"SecretId":"api-key"}""");
Require(read.RootElement.GetProperty("SecretString").GetString()!.Length > 0, "the sample secret has a value");
Require(read.RootElement.GetProperty("ARN").GetString()!.Split(':')[4] == identity.Account, "the secret is in the caller's account");
Console.WriteLine("ok");

async Task<JsonDocument> CallAsync(string operation, string body)
{
    DefaultRequest request = new(new Operation(), "Amazon.SecretsManager")
    {
        HttpMethod = "POST",
        ResourcePath = "/",
        Content = Encoding.UTF8.GetBytes(body),
        Endpoint = endpoint,
        AuthenticationRegion = "us-east-1",
    };
    request.Headers["X-Amz-Target"] = "secretsmanager." + operation;
    request.Headers["Content-Type"] = "application/x-amz-json-1.1";
    request.Headers["X-Amz-Security-Token"] = keys.Token;
    AmazonSecurityTokenServiceConfig config = new() { AuthenticationServiceName = "secretsmanager" };
    AWS4SigningResult signed = new AWS4Signer().SignRequest(request, config, new RequestMetrics(), keys.AccessKey, keys.SecretKey);
    using HttpClient http = new();
    using HttpRequestMessage message = new(HttpMethod.Post, endpoint) { Content = new ByteArrayContent(request.Content) };
    message.Headers.TryAddWithoutValidation("Authorization", signed.ForAuthorizationHeader);
    foreach ((string name, string value) in request.Headers)
    {
        if (name == "Content-Type")
        {
            message.Content.Headers.ContentType = MediaTypeHeaderValue.Parse(value);
        }
        else
        {
            message.Headers.TryAddWithoutValidation(name, value);
        }
    }

    using HttpResponseMessage answer = await http.SendAsync(message);
    string text = await answer.Content.ReadAsStringAsync();
    Require(answer.IsSuccessStatusCode, $"{operation} answers 200, not {(int)answer.StatusCode}");
    return JsonDocument.Parse(text);
}

static void Require(bool condition, string what)
{
    if (!condition)
    {
        Console.Error.WriteLine("failed: " + what);
        Environment.Exit(1);
    }
}

internal sealed class Operation : AmazonWebServiceRequest;
