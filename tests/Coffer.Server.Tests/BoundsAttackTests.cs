using System.Globalization;
using System.Text.Json;

namespace Coffer.Server.Tests;

/// <summary>Attempts to get past the end, the networks, the uses and the removal of a credential, by what is got with it, on both wires.</summary>
public class BoundsAttackTests
{
    private const string Value = "correct-horse-battery-staple-7b20";

    [Fact]
    public async Task Attack_19_the_bounds_of_a_credential_bind_all_that_is_got_with_it()
    {
        await using AttackedServer server = await AttackedServer.StartAsync();
        await server.PutAsync(AttackedServer.Vault, "app/key", Value);
        DateTimeOffset end = server.Clock.GetUtcNow().AddMinutes(20);
        string soon = await SecretAsync(server, $$"""{"expires":"{{end.ToString("O", CultureInfo.InvariantCulture)}}"}""");
        foreach (string path in (string[])["/coffer/v1/tokens", "/coffer/v1/sessions"])
        {
            Answer got = await server.NativeAsync(HttpMethod.Post, path, """{"seconds":43200}""", soon);
            if (got.Status == 201)
            {
                using JsonDocument document = JsonDocument.Parse(got.Body);
                Assert.True(document.RootElement.GetProperty("expiration").GetDateTimeOffset() <= end, got.ToString());
            }
            else
            {
                Assert.True(got.IsProblem && got.Status is 400 or 403, got.ToString());
            }
        }

        // Bound to a network that this test is not in: nothing is got with it, and no header says otherwise.
        string bound = await SecretAsync(server, """{"cidrs":["192.0.2.0/24"]}""");
        foreach (string header in (string[])["X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Client-IP", "True-Client-IP", "X-Padding"])
        {
            foreach ((HttpMethod method, string path, string? body) in ((HttpMethod, string, string?)[])[(HttpMethod.Get, "/coffer/v1/whoami", null), (HttpMethod.Post, "/coffer/v1/tokens", "{}"), (HttpMethod.Post, "/coffer/v1/sessions", "{}"), (HttpMethod.Get, AttackedServer.Secrets + "/app%2Fkey/value", null)])
            {
                Answer answer = await server.NativeAsync(method, path, body, bound, r => r.Headers.TryAddWithoutValidation(header, header == "Forwarded" ? "for=192.0.2.7" : "192.0.2.7"));
                Assert.True(answer.IsProblem && answer.Status is 401 or 403, $"{header} {path}: {answer}");
            }
        }

        // One use is one use on both ways in, and a session counts as one.
        string once = await SecretAsync(server, """{"uses":1}""");
        Assert.Equal(201, (await server.NativeAsync(HttpMethod.Post, "/coffer/v1/tokens", "{}", once)).Status);
        Assert.Equal(401, (await server.NativeAsync(HttpMethod.Get, "/coffer/v1/whoami", token: once)).Status);

        // What was got ends with what it was got with.
        Answer credential = await server.NativeAsync(HttpMethod.Post, "/coffer/v1/principals/app/tokens", "{}");
        using JsonDocument root = JsonDocument.Parse(credential.Body);
        Answer child = await server.NativeAsync(HttpMethod.Post, "/coffer/v1/tokens", "{}", root.RootElement.GetProperty("secret").GetString());
        using JsonDocument issued = JsonDocument.Parse(child.Body);
        string token = issued.RootElement.GetProperty("token").GetString()!;
        Assert.Equal(200, (await server.NativeAsync(HttpMethod.Get, AttackedServer.Secrets + "/app%2Fkey/value", token: token)).Status);
        Assert.True((await server.NativeAsync(HttpMethod.Delete, "/coffer/v1/credentials/" + root.RootElement.GetProperty("credential").GetProperty("id").GetString())).Status < 300);
        Assert.Equal(401, (await server.NativeAsync(HttpMethod.Get, AttackedServer.Secrets + "/app%2Fkey/value", token: token)).Status);
    }

    [Fact]
    public async Task Attack_19_the_bounds_of_an_access_key_bind_its_signatures_and_its_sessions()
    {
        await using AttackedServer server = await AttackedServer.StartAsync();
        await server.PutAsync(AttackedServer.Vault, "app/key", Value);
        const string read = """{"SecretId":"app/key"}""";
        Proof bound = await KeyAsync(server, """{"cidrs":["192.0.2.0/24"]}""");
        foreach (string header in (string[])["X-Forwarded-For", "X-Real-IP", "True-Client-IP"])
        {
            Answer answer = await server.AwsAsync("GetSecretValue", read, bound, r => r.Headers.TryAddWithoutValidation(header, "192.0.2.7"));
            Assert.True(answer.IsAwsError && !answer.Body.Contains(Value, StringComparison.Ordinal), answer.ToString());
        }

        Proof once = await KeyAsync(server, """{"uses":1}""");
        Assert.Equal(200, (await server.AwsAsync("GetSecretValue", read, once)).Status);
        Assert.True((await server.AwsAsync("GetSecretValue", read, once)).IsAwsError);

        // A temporary key got with a token: it ends with the token, and its session token stands for no other key.
        Answer made = await server.NativeAsync(HttpMethod.Post, "/coffer/v1/principals/app/tokens", "{}");
        using JsonDocument root = JsonDocument.Parse(made.Body);
        Answer session = await server.NativeAsync(HttpMethod.Post, "/coffer/v1/sessions", "{}", root.RootElement.GetProperty("secret").GetString());
        using JsonDocument issued = JsonDocument.Parse(session.Body);
        Proof temporary = server.App with { AccessKeyId = issued.RootElement.GetProperty("accessKeyId").GetString()!, SecretAccessKey = issued.RootElement.GetProperty("secretAccessKey").GetString()!, SessionToken = issued.RootElement.GetProperty("sessionToken").GetString() };
        Assert.Contains(Value, (await server.AwsAsync("GetSecretValue", read, temporary)).Body, StringComparison.Ordinal);
        Assert.True((await server.AwsAsync("GetSecretValue", read, temporary with { SessionToken = null })).IsAwsError);
        Assert.True((await server.AwsAsync("GetSecretValue", read, server.Nobody with { SessionToken = temporary.SessionToken })).IsAwsError);
        Assert.True((await server.NativeAsync(HttpMethod.Delete, "/coffer/v1/credentials/" + root.RootElement.GetProperty("credential").GetProperty("id").GetString())).Status < 300);
        Answer after = await server.AwsAsync("GetSecretValue", read, temporary);
        Assert.True(after.IsAwsError && !after.Body.Contains(Value, StringComparison.Ordinal), after.ToString());
    }

    private static async Task<Proof> KeyAsync(AttackedServer server, string body)
    {
        Answer answer = await server.NativeAsync(HttpMethod.Post, "/coffer/v1/principals/app/access-keys", body);
        Assert.True(answer.Status < 300, answer.ToString());
        using JsonDocument document = JsonDocument.Parse(answer.Body);
        return server.App with { AccessKeyId = document.RootElement.GetProperty("credential").GetProperty("id").GetString()!, SecretAccessKey = document.RootElement.GetProperty("secret").GetString()! };
    }

    private static async Task<string> SecretAsync(AttackedServer server, string body)
    {
        Answer answer = await server.NativeAsync(HttpMethod.Post, "/coffer/v1/principals/app/tokens", body);
        Assert.True(answer.Status < 300, answer.ToString());
        using JsonDocument document = JsonDocument.Parse(answer.Body);
        return document.RootElement.GetProperty("secret").GetString()!;
    }
}
