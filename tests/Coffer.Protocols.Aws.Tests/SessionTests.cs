using System.Text;
using System.Xml.Linq;
using Coffer.Core.Access;

namespace Coffer.Protocols.Aws.Tests;

/// <summary>Temporary keys by STS: what they may do, how long, and who gets none.</summary>
public sealed class SessionTests
{
    private static readonly XNamespace Sts = "https://sts.amazonaws.com/doc/2011-06-15/";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Who_may_be_assumed_by_the_caller_is_for_as_long_as_was_asked()
    {
        await using AwsTestServer server = await StartAsync();
        await server.CallAsync("CreateSecret", """{"Name":"app/db","SecretString":"v","ClientRequestToken":"11111111-1111-4111-8111-111111111111"}""");
        TestAnswer answer = await AskAsync(server, $"Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A{server.Vault.Number}%3Arole%2Fapp&RoleSessionName=deploy%40ci&DurationSeconds=900&ExternalId=any", "blind");
        Assert.True(answer.Status == 200, answer.Outcome);
        XElement result = XDocument.Parse(answer.Body).Root!.Element(Sts + "AssumeRoleResult")!;
        Assert.Equal($"arn:aws:sts::{server.Vault.Number}:assumed-role/app/deploy@ci", result.Element(Sts + "AssumedRoleUser")!.Element(Sts + "Arn")!.Value);
        Assert.EndsWith(":deploy@ci", result.Element(Sts + "AssumedRoleUser")!.Element(Sts + "AssumedRoleId")!.Value, StringComparison.Ordinal);
        Assert.Equal("2026-01-02T03:19:05Z", result.Element(Sts + "Credentials")!.Element(Sts + "Expiration")!.Value);
        TestKey key = KeyIn(result);
        Assert.Contains($"<Arn>arn:aws:sts::{server.Vault.Number}:assumed-role/app/deploy@ci</Arn>", (await AskAsync(server, "Action=GetCallerIdentity&Version=2011-06-15", key)).Body, StringComparison.Ordinal);
        Assert.Equal("v", (await server.CallAsync("GetSecretValue", """{"SecretId":"app/db"}""", key))["SecretString"]);
        // What its caller may and it may not, it may not.
        Assert.Equal("AccessDeniedException", (await server.CallAsync("PutSecretValue", """{"SecretId":"app/db","SecretString":"w","ClientRequestToken":"22222222-2222-4222-8222-222222222222"}""", key)).Outcome);
        server.Clock.Advance(TimeSpan.FromSeconds(900));
        Assert.Equal("ExpiredTokenException", (await server.CallAsync("GetSecretValue", """{"SecretId":"app/db"}""", key)).Outcome);
        Assert.Contains("AssumeRole", await server.TrailAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_role_that_is_not_there_and_one_that_may_not_be_assumed_are_told_alike()
    {
        await using AwsTestServer server = await StartAsync();
        string own = server.Vault.Number.ToString(), other = server.Other.Number.ToString();
        foreach (string arn in new[] { $"arn:aws:iam::{own}:role/writer", $"arn:aws:iam::{own}:role/never-was", $"arn:aws:iam::{other}:role/app", $"arn:aws:iam::{own}:role/admin", $"arn:aws:iam::{own}:user/app", $"arn:aws:sts::{own}:role/app", "arn:aws:iam::000000000000:role/app" })
        {
            TestAnswer answer = await AssumeAsync(server, arn, "blind");
            Assert.Equal((403, "AccessDenied"), (answer.Status, CodeOf(answer)));
            Assert.Contains($"<Message>User: arn:aws:sts::{own}:assumed-role/blind/blind is not authorized to perform: sts:AssumeRole on resource: {arn}</Message>", answer.Body, StringComparison.Ordinal);
        }

        Assert.DoesNotContain("<b>", (await AssumeAsync(server, "arn:aws:iam::000000000000:role/<b>x</b>", "blind")).Body, StringComparison.Ordinal);
        // Nor is it an administrator's to become who is not there.
        Assert.Equal(403, (await AssumeAsync(server, $"arn:aws:iam::{own}:role/never-was", "admin")).Status);
        Assert.Equal(200, (await AssumeAsync(server, $"arn:aws:iam::{own}:role/some/path/app", "admin")).Status);
    }

    [Fact]
    public async Task An_assumed_key_ends_with_the_key_it_was_got_with_and_with_its_principal()
    {
        await using AwsTestServer server = await StartAsync();
        TestKey first = KeyIn(XDocument.Parse((await AssumeAsync(server, $"arn:aws:iam::{server.Vault.Number}:role/app", "blind")).Body).Root!);
        Assert.Equal(200, (await AskAsync(server, "Action=GetCallerIdentity&Version=2011-06-15", first)).Status);
        await server.Core.Admin.UpdatePrincipalAsync(server.Operator, PrincipalName.Parse("app"), false, null, null, Cancellation);
        Assert.Equal(403, (await AskAsync(server, "Action=GetCallerIdentity&Version=2011-06-15", first)).Status);
        await server.Core.Admin.UpdatePrincipalAsync(server.Operator, PrincipalName.Parse("app"), true, null, null, Cancellation);
        Assert.Equal(200, (await AskAsync(server, "Action=GetCallerIdentity&Version=2011-06-15", first)).Status);
        await server.Core.Admin.DeleteCredentialAsync(server.Operator, server.KeyOf("blind").Id, Cancellation);
        Assert.Equal(403, (await AskAsync(server, "Action=GetCallerIdentity&Version=2011-06-15", first)).Status);
    }

    [Theory]
    [InlineData("Policy=%7B%7D", "MalformedPolicyDocument")]
    [InlineData("PolicyArns.member.1.arn=arn%3Aaws%3Aiam%3A%3Aaws%3Apolicy%2FReadOnlyAccess", "MalformedPolicyDocument")]
    [InlineData("TransitiveTagKeys.member.1=a", "InvalidParameterValue")]
    [InlineData("SourceIdentity=me", "InvalidParameterValue")]
    [InlineData("SerialNumber=123456789&TokenCode=123456", "AccessDenied")]
    [InlineData("DurationSeconds=899", "ValidationError")]
    [InlineData("DurationSeconds=43201", "ValidationError")]
    [InlineData("DurationSeconds=1e3", "MalformedInput")]
    public async Task What_would_narrow_a_session_and_cannot_be_honoured_is_refused(string parameter, string code)
    {
        await using AwsTestServer server = await StartAsync();
        TestAnswer answer = await AskAsync(server, $"Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A{server.Vault.Number}%3Arole%2Fapp&RoleSessionName=s1&{parameter}", "blind");
        Assert.Equal(code, CodeOf(answer));
        Assert.DoesNotContain("SecretAccessKey", answer.Body, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("RoleSessionName=s1", "Value null at 'roleArn' failed to satisfy constraint: Member must not be null")]
    [InlineData("RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fapp", "Value null at 'roleSessionName' failed to satisfy constraint: Member must not be null")]
    [InlineData("RoleArn=short&RoleSessionName=s1", "Value 'short' at 'roleArn' failed to satisfy constraint: Member must have length greater than or equal to 20")]
    [InlineData("RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fapp&RoleSessionName=a%20b", @"Value at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]*")]
    public async Task Parameters_are_checked_before_anybody_is_looked_up(string parameters, string message)
    {
        await using AwsTestServer server = await StartAsync();
        TestAnswer answer = await AskAsync(server, "Action=AssumeRole&Version=2011-06-15&" + parameters, "blind");
        Assert.Equal((400, "ValidationError"), (answer.Status, CodeOf(answer)));
        Assert.Equal("1 validation error detected: " + message, XDocument.Parse(answer.Body).Descendants(Sts + "Message").Single().Value);
    }

    [Fact]
    public async Task A_session_token_is_the_callers_own_and_not_got_with_another()
    {
        await using AwsTestServer server = await StartAsync();
        TestAnswer answer = await AskAsync(server, "Action=GetSessionToken&Version=2011-06-15&DurationSeconds=129600", "writer");
        XElement result = XDocument.Parse(answer.Body).Root!.Element(Sts + "GetSessionTokenResult")!;
        Assert.Equal("2026-01-02T15:04:05Z", result.Element(Sts + "Credentials")!.Element(Sts + "Expiration")!.Value);
        TestKey key = KeyIn(result);
        Assert.Equal("OK", (await server.CallAsync("CreateSecret", """{"Name":"s"}""", key)).Outcome);
        TestAnswer again = await AskAsync(server, "Action=GetSessionToken&Version=2011-06-15", key);
        Assert.Equal((403, "AccessDenied"), (again.Status, CodeOf(again)));
        // Without its token the key is nobody's.
        Assert.Equal(403, (await AskAsync(server, "Action=GetCallerIdentity&Version=2011-06-15", key with { Token = null })).Status);
    }

    [Fact]
    public async Task A_token_of_a_trusted_issuer_is_proof_enough_for_the_role_that_the_trust_proves_and_for_no_other()
    {
        await using AwsTestServer server = await StartAsync();
        await TrustAsync(server, "ci", "app", "repo:acme/shop");
        await server.CallAsync("CreateSecret", """{"Name":"app/db","SecretString":"v","ClientRequestToken":"11111111-1111-4111-8111-111111111111"}""");
        long soon = (server.Clock.GetUtcNow() + TimeSpan.FromSeconds(600)).ToUnixTimeSeconds() * 1_000_000;
        server.Issuer.Add("a.genuine.token", soon, ("sub", "repo:acme/shop"), ("aud", "sts.amazonaws.com"));
        server.Issuer.Add("of.another.repository", soon, ("sub", "repo:acme/other"), ("aud", "sts.amazonaws.com"));
        TestAnswer answer = await ShowAsync(server, "app", "a.genuine.token");
        Assert.True(answer.Status == 200, answer.Outcome);
        XElement result = XDocument.Parse(answer.Body).Root!.Element(Sts + "AssumeRoleWithWebIdentityResult")!;
        Assert.Equal("repo:acme/shop", result.Element(Sts + "SubjectFromWebIdentityToken")!.Value);
        Assert.Equal("sts.amazonaws.com", result.Element(Sts + "Audience")!.Value);
        Assert.Equal("https://issuer.example", result.Element(Sts + "Provider")!.Value);
        // No longer than the token itself.
        Assert.Equal("2026-01-02T03:14:05Z", result.Element(Sts + "Credentials")!.Element(Sts + "Expiration")!.Value);
        TestKey key = KeyIn(result);
        Assert.Equal("v", (await server.CallAsync("GetSecretValue", """{"SecretId":"app/db"}""", key))["SecretString"]);
        foreach ((string role, string token) in new[] { ("writer", "a.genuine.token"), ("never-was", "a.genuine.token"), ("app", "of.another.repository"), ("app", "made.up.token") })
        {
            TestAnswer refused = await ShowAsync(server, role, token);
            Assert.Equal((403, "AccessDenied"), (refused.Status, CodeOf(refused)));
            Assert.Contains("<Message>Not authorized to perform sts:AssumeRoleWithWebIdentity</Message>", refused.Body, StringComparison.Ordinal);
        }

        // The trust's end is the key's.
        await server.Core.Admin.DeleteTrustAsync(server.Operator, PrincipalName.Parse("ci"), Cancellation);
        Assert.Equal("UnrecognizedClientException", (await server.CallAsync("GetSecretValue", """{"SecretId":"app/db"}""", key)).Outcome);
        string trail = await server.TrailAsync();
        Assert.Contains("AssumeRoleWithWebIdentity", trail, StringComparison.Ordinal);
        Assert.DoesNotContain("genuine", trail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nothing_but_a_web_identity_goes_without_a_signature()
    {
        await using AwsTestServer server = await StartAsync();
        await TrustAsync(server, "ci", "app", "repo:acme/shop");
        server.Issuer.Add("a.genuine.token", null, ("sub", "repo:acme/shop"));
        foreach (string form in new[] { "Action=GetCallerIdentity&Version=2011-06-15", "Action=AssumeRole&Version=2011-06-15&RoleArn=x&RoleSessionName=s1", "Action=AssumeRoleWithWebIdentity&Version=1999-01-01" })
        {
            Assert.Equal("MissingAuthenticationToken", CodeOf(await AskAsync(server, form, (TestKey?)null)));
        }

        // A token in an address would be in the log of every proxy.
        TestAnswer get = await server.SendAsync(new("GET", $"/?Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn={Uri.EscapeDataString($"arn:aws:iam::{server.Vault.Number}:role/app")}&RoleSessionName=s1&WebIdentityToken=a.genuine.token", [], []), null);
        Assert.Equal("MissingAuthenticationToken", CodeOf(get));
        Assert.Equal("ValidationError", CodeOf(await AskAsync(server, "Action=AssumeRoleWithWebIdentity&Version=2011-06-15", (TestKey?)null)));
    }

    private static Task<Trust> TrustAsync(AwsTestServer server, string name, string principal, string subject) => server.Core.Admin.CreateTrustAsync(
        server.Operator,
        new()
        {
            Name = PrincipalName.Parse(name),
            Kind = TrustKind.WebToken,
            Issuer = "https://issuer.example",
            Audiences = ["sts.amazonaws.com"],
            Claims = Core.Secrets.Secret.NoTags.Add("sub", subject),
            Principal = PrincipalName.Parse(principal),
        },
        null,
        Cancellation).AsTask();

    private static Task<TestAnswer> ShowAsync(AwsTestServer server, string role, string token) => AskAsync(
        server,
        $"Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn={Uri.EscapeDataString($"arn:aws:iam::{server.Vault.Number}:role/{role}")}&RoleSessionName=s1&WebIdentityToken={token}",
        (TestKey?)null);

    private static async Task<AwsTestServer> StartAsync()
    {
        AwsTestServer server = await AwsTestServer.StartAsync();
        await server.Core.Admin.AllowAssumingAsync(server.Operator, PrincipalName.Parse("app"), PrincipalName.Parse("blind"), isGroup: false, Cancellation);
        return server;
    }

    private static Task<TestAnswer> AssumeAsync(AwsTestServer server, string arn, string by) =>
        AskAsync(server, $"Action=AssumeRole&Version=2011-06-15&RoleArn={Uri.EscapeDataString(arn)}&RoleSessionName=s1", by);

    private static Task<TestAnswer> AskAsync(AwsTestServer server, string form, string by) => AskAsync(server, form, server.KeyOf(by));

    private static Task<TestAnswer> AskAsync(AwsTestServer server, string form, TestKey? key) =>
        server.SendAsync(new("POST", "/", [("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")], Encoding.UTF8.GetBytes(form)), key);

    private static string? CodeOf(TestAnswer answer) => XDocument.Parse(answer.Body).Descendants(Sts + "Code").SingleOrDefault()?.Value;

    private static TestKey KeyIn(XElement answer)
    {
        XElement credentials = answer.DescendantsAndSelf(Sts + "Credentials").Single();
        return new(credentials.Element(Sts + "AccessKeyId")!.Value, credentials.Element(Sts + "SecretAccessKey")!.Value, credentials.Element(Sts + "SessionToken")!.Value);
    }
}
