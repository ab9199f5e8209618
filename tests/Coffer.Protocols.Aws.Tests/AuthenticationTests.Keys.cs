using System.Text;
using Coffer.Core.Access;

namespace Coffer.Protocols.Aws.Tests;

/// <summary>Temporary keys, identities signed in a query, and keys that stop working.</summary>
public sealed partial class AuthenticationTests
{
    [Fact]
    public async Task A_temporary_key_works_with_its_token_alone()
    {
        TestKey session = await Server.SessionOfAsync("writer"), other = await Server.SessionOfAsync("writer");
        Assert.Equal("OK", (await Server.CallAsync("GetSecretValue", Read, session)).Outcome);
        Assert.Equal("UnrecognizedClientException", (await Server.CallAsync("GetSecretValue", Read, session with { Token = null })).Outcome);
        Assert.Equal("UnrecognizedClientException", (await Server.CallAsync("GetSecretValue", Read, session with { Token = other.Token })).Outcome);
        Assert.Equal("UnrecognizedClientException", (await Server.CallAsync("GetSecretValue", Read, session with { Id = other.Id })).Outcome);
        Assert.Equal("UnrecognizedClientException", (await Server.CallAsync("GetSecretValue", Read, session with { Token = "Zm9yZWlnbg" })).Outcome);
        Assert.Equal("UnrecognizedClientException", (await Server.CallAsync("GetSecretValue", Read, session with { Token = session.Token![..^4] })).Outcome);
        Assert.Equal("InvalidSignatureException", (await Server.CallAsync("GetSecretValue", Read, session with { Secret = other.Secret })).Outcome);
        Assert.Equal("UnrecognizedClientException", (await Server.CallAsync("GetSecretValue", Read, Server.KeyOf("writer") with { Token = session.Token })).Outcome);
    }

    [Fact]
    public async Task A_temporary_key_ends()
    {
        await using AwsTestServer server = await AwsTestServer.StartAsync();
        TestKey session = await server.SessionOfAsync("writer", seconds: 900);
        Assert.Equal("OK", (await server.CallAsync("ListSecrets", "{}", session)).Outcome);
        server.Clock.Advance(TimeSpan.FromSeconds(900));
        TestAnswer answer = await server.CallAsync("ListSecrets", "{}", session);
        Assert.Equal((400, "ExpiredTokenException", "The security token included in the request is expired"), (answer.Status, answer.Outcome, answer.Message));
    }

    [Fact]
    public async Task A_temporary_key_ends_with_the_key_it_was_got_with()
    {
        await using AwsTestServer server = await AwsTestServer.StartAsync();
        TestKey session = await server.SessionOfAsync("writer");
        Assert.Equal("OK", (await server.CallAsync("ListSecrets", "{}", session)).Outcome);
        await server.Core.Admin.DeleteCredentialAsync(server.Operator, server.KeyOf("writer").Id, TestContext.Current.CancellationToken);
        Assert.Equal("UnrecognizedClientException", (await server.CallAsync("ListSecrets", "{}", session)).Outcome);
    }

    [Fact]
    public async Task A_session_shows_as_a_session_of_its_role()
    {
        TestKey session = await Server.SessionOfAsync("writer", name: "job-7");
        TestAnswer answer = await Server.SendAsync(TestRequest.Form("Action=GetCallerIdentity&Version=2011-06-15"), session);
        Assert.Contains($"<Arn>arn:aws:sts::{Server.Vault.Number}:assumed-role/writer/job-7</Arn>", answer.Body, StringComparison.Ordinal);
        Assert.Matches("<UserId>AROA[A-Z2-7]{17}:job-7</UserId>", answer.Body);
    }

    [Fact]
    public async Task A_session_of_another_home_lands_there()
    {
        TestKey session = await Server.SessionOfAsync("admin", home: "other");
        TestAnswer answer = await Server.CallAsync("GetSecretValue", Read, session);
        Assert.Equal("ResourceNotFoundException", answer.Outcome);
    }

    [Fact]
    public async Task A_presigned_identity_is_accepted_for_as_long_as_it_says_and_no_longer()
    {
        await using AwsTestServer server = await AwsTestServer.StartAsync();
        TestRequest request = new("GET", "/?Action=GetCallerIdentity&Version=2011-06-15", [], []) { Host = $"127.0.0.1:{server.Port}" };
        TestRequest minute = TestSigner.Presign(request, server.KeyOf("writer"), AwsTestServer.Start, 60);
        TestRequest week = TestSigner.Presign(request, await server.SessionOfAsync("writer"), AwsTestServer.Start, 604_800);
        Assert.Equal(200, (await server.SendRawAsync(minute.ToBytes())).Status);
        Assert.Equal(200, (await server.SendRawAsync(week.ToBytes())).Status);
        Assert.Equal(403, (await server.SendRawAsync((minute with { Target = minute.Target + "&x=1" }).ToBytes())).Status);
        Assert.Equal(403, (await server.SendRawAsync((minute with { Method = "POST" }).ToBytes())).Status);
        server.Clock.Advance(TimeSpan.FromSeconds(61));
        TestAnswer late = await server.SendRawAsync(minute.ToBytes());
        Assert.Equal(403, late.Status);
        Assert.Contains("<Code>SignatureDoesNotMatch</Code><Message>Signature expired: 20260102T030405Z is now earlier than", late.Body, StringComparison.Ordinal);
        Assert.Equal(200, (await server.SendRawAsync(week.ToBytes())).Status);
        server.Clock.Advance(TimeSpan.FromMinutes(15));
        Assert.Equal(403, (await server.SendRawAsync(week.ToBytes())).Status);
    }

    [Fact]
    public async Task A_presigned_request_says_what_it_lacks()
    {
        TestAnswer answer = await Server.SendRawAsync(Here(new TestRequest("GET", "/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=x", [], [])).ToBytes());
        Assert.Equal(400, answer.Status);
        Assert.Contains("<Code>IncompleteSignature</Code><Message>AWS query-string parameters must include &apos;X-Amz-Credential&apos;. AWS query-string parameters must include &apos;X-Amz-Signature&apos;. ", answer.Body, StringComparison.Ordinal);
        Assert.EndsWith("Re-examine the query-string parameters.</Message></Error>", answer.Body[..(answer.Body.IndexOf("</Error>", StringComparison.Ordinal) + 8)], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_disabled_principal_s_key_stops_in_the_next_request()
    {
        await using AwsTestServer server = await AwsTestServer.StartAsync();
        Assert.Equal("OK", (await server.CallAsync("ListSecrets", "{}")).Outcome);
        await server.Core.Admin.UpdatePrincipalAsync(server.Operator, PrincipalName.Parse("writer"), enabled: false, null, null, TestContext.Current.CancellationToken);
        Assert.Equal("UnrecognizedClientException", (await server.CallAsync("ListSecrets", "{}")).Outcome);
    }

    [Fact]
    public async Task A_removed_key_stops_in_the_next_request()
    {
        await using AwsTestServer server = await AwsTestServer.StartAsync();
        Assert.Equal("OK", (await server.CallAsync("ListSecrets", "{}")).Outcome);
        await server.Core.Admin.DeleteCredentialAsync(server.Operator, server.KeyOf("writer").Id, TestContext.Current.CancellationToken);
        Assert.Equal("UnrecognizedClientException", (await server.CallAsync("ListSecrets", "{}")).Outcome);
    }

    [Fact]
    public async Task A_key_is_counted_out()
    {
        await using AwsTestServer server = await AwsTestServer.StartAsync();
        using IssuedCredential issued = await server.Core.Admin.CreateAccessKeyAsync(server.Operator, PrincipalName.Parse("writer"), new() { Uses = 2 }, TestContext.Current.CancellationToken);
        TestKey key = new(issued.Credential.PublicId, Encoding.ASCII.GetString(issued.Secret.Span));
        Assert.Equal("InvalidSignatureException", (await server.CallAsync("ListSecrets", "{}", key with { Secret = "wrong" })).Outcome);
        Assert.Equal("OK", (await server.CallAsync("ListSecrets", "{}", key)).Outcome);
        Assert.Equal("OK", (await server.CallAsync("ListSecrets", "{}", key)).Outcome);
        Assert.NotEqual("OK", (await server.CallAsync("ListSecrets", "{}", key)).Outcome);
    }

    [Fact]
    public async Task A_key_bound_to_another_network_is_no_key_here()
    {
        await using AwsTestServer server = await AwsTestServer.StartAsync();
        using IssuedCredential issued = await server.Core.Admin.CreateAccessKeyAsync(
            server.Operator, PrincipalName.Parse("writer"), new() { Cidrs = [System.Net.IPNetwork.Parse("10.0.0.0/8")] }, TestContext.Current.CancellationToken);
        Assert.Equal("UnrecognizedClientException", (await server.CallAsync("ListSecrets", "{}", new TestKey(issued.Credential.PublicId, Encoding.ASCII.GetString(issued.Secret.Span)))).Outcome);
    }
}
