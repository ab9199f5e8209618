// The AWS SDK for .NET v4 as a program meets it: its own credential chain, its own signer, its own endpoint variables.
// The Secrets Manager package itself is not served to this project, so its calls are signed by the SDK's signer.
// Arguments: nothing; `session` with a key that is no temporary one; `role NAME` for more of STS and the wire; `web-identity FILE` where the chain is to have taken that token.
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

if (args is ["session"])
{
    Credentials own = (await sts.GetSessionTokenAsync(new GetSessionTokenRequest { DurationSeconds = 900 })).Credentials;
    using AmazonSecurityTokenServiceClient same = new(own);
    Require((await same.GetCallerIdentityAsync(new GetCallerIdentityRequest())).Arn == identity.Arn, "the session is the caller's own");
    Console.WriteLine("ok");
    return;
}

AWSCredentials chain = await DefaultAWSCredentialsIdentityResolver.GetCredentialsAsync(null);
ImmutableCredentials keys = await chain.GetCredentialsAsync();
Require(keys.AccessKey.StartsWith("ASIA", StringComparison.Ordinal) && keys.UseToken, "the credentials are temporary");

Uri endpoint = new(Environment.GetEnvironmentVariable("AWS_ENDPOINT_URL_SECRETS_MANAGER") ?? throw new InvalidOperationException("no endpoint variable"));
if (args is ["web-identity", var token])
{
    Require(identity.Arn.EndsWith(":assumed-role/pipeline/build-7", StringComparison.Ordinal), "the chain took the token in the file");
    using AmazonSecurityTokenServiceClient anonymous = new(new AnonymousAWSCredentials());
    AssumeRoleWithWebIdentityResponse proven = await anonymous.AssumeRoleWithWebIdentityAsync(
        new AssumeRoleWithWebIdentityRequest { RoleArn = Environment.GetEnvironmentVariable("AWS_ROLE_ARN"), RoleSessionName = "asked", WebIdentityToken = await File.ReadAllTextAsync(token) });
    Require(proven.AssumedRoleUser.Arn.EndsWith(":assumed-role/pipeline/asked", StringComparison.Ordinal) && proven.Credentials.AccessKeyId.StartsWith("ASIA", StringComparison.Ordinal), "the token proves the role");
}
else if (args is ["role", var role])
{
    AssumeRoleResponse assumed = await sts.AssumeRoleAsync(new AssumeRoleRequest { RoleArn = $"arn:aws:iam::{identity.Account}:role/{role}", RoleSessionName = "dotnet", DurationSeconds = 900 });
    Require(assumed.AssumedRoleUser.Arn == $"arn:aws:sts::{identity.Account}:assumed-role/{role}/dotnet", "the role is assumed");
    using AmazonSecurityTokenServiceClient other = new(assumed.Credentials);
    Require((await other.GetCallerIdentityAsync(new GetCallerIdentityRequest())).Arn == assumed.AssumedRoleUser.Arn, "the assumed key is the role's");
    try
    {
        await sts.AssumeRoleAsync(new AssumeRoleRequest { RoleArn = $"arn:aws:iam::{identity.Account}:role/never-was", RoleSessionName = "dotnet" });
        Require(false, "a role that is not there is not assumed");
    }
    catch (AmazonSecurityTokenServiceException refused)
    {
        Require(refused.ErrorCode == "AccessDenied", "a role that is not there is denied");
    }

    string id = Guid.NewGuid().ToString();
    using JsonDocument created = await CallAsync("CreateSecret", $$"""{"Name":"dotnet/one","SecretString":"first","ClientRequestToken":"{{id}}","Tags":[{"Key":"team","Value":"red"}]}""");
    Require(created.RootElement.GetProperty("VersionId").GetString() == id, "the version has the token's id");
    using JsonDocument put = await CallAsync("PutSecretValue", $$"""{"SecretId":"dotnet/one","SecretBinary":"AQI=","ClientRequestToken":"{{Guid.NewGuid()}}"}""");
    Require(put.RootElement.GetProperty("VersionStages")[0].GetString() == "AWSCURRENT", "what is put becomes current");
    using JsonDocument described = await CallAsync("DescribeSecret", """{"SecretId":"dotnet/one"}""");
    Require(described.RootElement.GetProperty("VersionIdsToStages").EnumerateObject().Count() == 2, "two versions have stages");
    using JsonDocument batch = await CallAsync("BatchGetSecretValue", """{"SecretIdList":["dotnet/one","dotnet/none"]}""");
    Require(batch.RootElement.GetProperty("SecretValues")[0].GetProperty("SecretBinary").GetString() == "AQI=" && batch.RootElement.GetProperty("Errors").GetArrayLength() == 1, "one is read, one is told");
    using JsonDocument listed = await CallAsync("ListSecrets", """{"Filters":[{"Key":"name","Values":["dotnet/"]}]}""");
    Require(listed.RootElement.GetProperty("SecretList").GetArrayLength() == 1, "it is listed");
    using JsonDocument gone = await CallAsync("DeleteSecret", """{"SecretId":"dotnet/one","ForceDeleteWithoutRecovery":true}""");
    Require(gone.RootElement.GetProperty("DeletionDate").ValueKind == JsonValueKind.Number, "it is deleted");
}

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
