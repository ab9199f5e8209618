using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using System.Xml.Linq;
using Coffer.Core;
using Coffer.Core.Access;
using Coffer.Core.Secrets;
using Coffer.Workload.Doors;
using Microsoft.AspNetCore.Http;

namespace Coffer.Protocols.Aws.Tests;

/// <summary>
/// Every way to credentials with nothing stored, over their end: what was given is refused then, and what is asked for next works. One
/// clock for the server, the door and the client.
/// </summary>
public sealed class ExpiryTests
{
    private static readonly XNamespace Sts = "https://sts.amazonaws.com/doc/2011-06-15/";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("container endpoint")]
    [InlineData("instance metadata")]
    [InlineData("web identity file")]
    [InlineData("credential process")]
    public async Task What_has_ended_is_refused_and_what_is_asked_for_next_works(string way)
    {
        await using AwsTestServer server = await AwsTestServer.StartAsync();
        await server.CallAsync("CreateSecret", """{"Name":"app/db","SecretString":"v","ClientRequestToken":"11111111-1111-4111-8111-111111111111"}""");
        using AwsSession session = new(_ => IssueAsync(server), server.Clock);
        using ICredentialDoor? door = way switch
        {
            "container endpoint" => new AwsContainerDoor(session),
            "instance metadata" => new AwsMetadataDoor(session, "app", server.Clock),
            _ => null,
        };
        Func<Task<(TestKey Key, DateTimeOffset End)>> ask = way switch
        {
            "container endpoint" => () => ContainerAsync(door!),
            "instance metadata" => () => MetadataAsync(door!),
            "web identity file" => await WebIdentityAsync(server),
            _ => () => ProcessAsync(server),
        };

        (TestKey first, DateTimeOffset end) = await ask();
        Assert.Equal(AwsTestServer.Start.AddHours(1).ToUnixTimeSeconds(), end.ToUnixTimeSeconds());
        Assert.Equal("v", await ReadAsync(server, first));

        // A client asks again ahead of the end, and both keys hold until then.
        server.Clock.SetUtcNow(end - TimeSpan.FromMinutes(10));
        (TestKey ahead, DateTimeOffset later) = await ask();
        Assert.NotEqual(first.Id, ahead.Id);
        Assert.True(later > end, "the key asked for ahead of the end outlives it");
        Assert.Equal(("v", "v"), (await ReadAsync(server, first), await ReadAsync(server, ahead)));

        // Told in whole seconds, cut: the moment itself may lie within that second.
        server.Clock.SetUtcNow(end.AddSeconds(1));
        Assert.Equal("ExpiredTokenException", await ReadAsync(server, first));
        Assert.Equal("v", await ReadAsync(server, ahead));

        // One that slept past every end gets a new one like the first time.
        server.Clock.SetUtcNow(later.AddHours(3));
        Assert.Equal("ExpiredTokenException", await ReadAsync(server, ahead));
        (TestKey last, _) = await ask();
        Assert.Equal("v", await ReadAsync(server, last));
        Assert.Equal(3, new HashSet<string> { first.Id, ahead.Id, last.Id }.Count);
    }

    private static async Task<string?> ReadAsync(AwsTestServer server, TestKey key)
    {
        TestAnswer answer = await server.CallAsync("GetSecretValue", """{"SecretId":"app/db"}""", key);
        return answer.Outcome == "OK" ? answer["SecretString"] : answer.Outcome;
    }

    /// <summary>What the server issues to a workload, whoever carries it: a door of the agent, or the process that an SDK starts.</summary>
    private static async ValueTask<AwsSessionCredentials> IssueAsync(AwsTestServer server)
    {
        (KnownAccessKey? own, _) = await server.Core.Credentials.FindAccessKeyAsync(server.KeyOf("app").Id, null, IPAddress.Loopback, Cancellation);
        using TemporaryAccessKey issued = await server.Core.Credentials.IssueSessionAsync(server.CallerOf("app"), own!.Identity, null, null, 3600, "coffer-agent", Cancellation);
        return new(issued.AccessKeyId, issued.SecretAccessKey.Span.ToArray(), issued.SessionToken, Microseconds.ToTime(issued.Expires));
    }

    private static async Task<(TestKey, DateTimeOffset)> ProcessAsync(AwsTestServer server)
    {
        using AwsSessionCredentials issued = await IssueAsync(server);
        return (new(issued.AccessKeyId, Encoding.ASCII.GetString(issued.SecretAccessKey.Span), issued.SessionToken), issued.Expires);
    }

    private static async Task<(TestKey, DateTimeOffset)> ContainerAsync(ICredentialDoor door)
    {
        string token = door.Variables("http://127.0.0.1:1").Single(v => v.Key == "AWS_CONTAINER_AUTHORIZATION_TOKEN").Value;
        return KeyIn(await AskAsync(door, "GET", "/aws/credentials", ("Authorization", token)));
    }

    private static async Task<(TestKey, DateTimeOffset)> MetadataAsync(ICredentialDoor door)
    {
        string token = await AskAsync(door, "PUT", "/latest/api/token", ("x-aws-ec2-metadata-token-ttl-seconds", "21600"));
        string role = await AskAsync(door, "GET", "/latest/meta-data/iam/security-credentials/", ("x-aws-ec2-metadata-token", token));
        return KeyIn(await AskAsync(door, "GET", "/latest/meta-data/iam/security-credentials/" + role, ("x-aws-ec2-metadata-token", token)));
    }

    private static (TestKey, DateTimeOffset) KeyIn(string json)
    {
        JsonObject document = JsonNode.Parse(json)!.AsObject();
        return (new((string)document["AccessKeyId"]!, (string)document["SecretAccessKey"]!, (string)document["Token"]!), (DateTimeOffset)document["Expiration"]!);
    }

    private static async Task<string> AskAsync(ICredentialDoor door, string method, string path, (string Name, string Value) header)
    {
        DefaultHttpContext context = new();
        context.Request.Method = method;
        context.Request.Path = path;
        context.Request.Headers.Append(header.Name, header.Value);
        using MemoryStream body = new();
        context.Response.Body = body;
        await door.AnswerAsync(context);
        Assert.Equal(200, context.Response.StatusCode);
        return Encoding.UTF8.GetString(body.ToArray());
    }

    /// <summary>The platform writes a new token into the file before the old one ends; each is taken until its own end.</summary>
    private static async Task<Func<Task<(TestKey, DateTimeOffset)>>> WebIdentityAsync(AwsTestServer server)
    {
        NewTrust cluster = new()
        {
            Name = PrincipalName.Parse("cluster"),
            Kind = TrustKind.WebToken,
            Issuer = "https://issuer.example",
            Audiences = ["sts.amazonaws.com"],
            Claims = Secret.NoTags.Add("sub", "shop"),
            Principal = PrincipalName.Parse("app"),
        };
        await server.Core.Admin.CreateTrustAsync(server.Operator, cluster, null, Cancellation);
        int written = 0;
        return async () =>
        {
            string token = $"token-{++written}";
            server.Issuer.Add(token, null, ("sub", "shop"));
            TestAnswer answer = await server.SendAsync(
                TestRequest.Form($"Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A{server.Vault.Number}%3Arole%2Fapp&RoleSessionName=pod&WebIdentityToken={token}"), key: null);
            Assert.True(answer.Status == 200, answer.Body);
            XElement credentials = XDocument.Parse(answer.Body).Descendants(Sts + "Credentials").Single();
            string Member(string name) => credentials.Element(Sts + name)!.Value;
            return (new(Member("AccessKeyId"), Member("SecretAccessKey"), Member("SessionToken")), (DateTimeOffset)credentials.Element(Sts + "Expiration")!);
        };
    }
}
