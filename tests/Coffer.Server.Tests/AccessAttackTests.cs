using System.Text.Json;

namespace Coffer.Server.Tests;

/// <summary>Attempts to be another, to see what a rule hides, and to give oneself rights, against the whole server on both wires.</summary>
public class AccessAttackTests
{
    private const string Value = "correct-horse-battery-staple-7b20";

    // Spellings that some normalisation would take for "admins".
    private static readonly string[] Lookalikes =
    [
        " admins", "admins ", "Admins", "ADMINS", "\uff41dmins", "admins\u200b", "adm\u0131ns", "\u0430dmins", "admins\0", "admins\n", "ad mins", "admins/", "./admins", "admins%00", "admin\u017f", "admins\u0301",
    ];

    [Fact]
    public async Task Attack_03_only_a_principal_can_be_who_calls()
    {
        await using AttackedServer server = await AttackedServer.StartAsync();
        await server.PutAsync(AttackedServer.Vault, "app/key", Value);
        await MustAsync(server, "/coffer/v1/groups", """{"name":"team"}""");
        // A group that bears a principal's name is still not that principal, nor the principal it.
        await MustAsync(server, "/coffer/v1/groups", """{"name":"nobody"}""");
        string grant = await CreatedIdAsync(server, "/coffer/v1/grants", """{"group":"nobody","actions":["reader"],"vault":"alpha-dev"}""");
        await MustAsync(server, "/coffer/v1/trusts/local", """{"principal":"app","uid":64999}""");
        foreach (string other in (string[])["team", AttackedServer.Vault, grant, "uid:64999", server.App.TokenId, server.App.AccessKeyId, "reader", "admin", "*", "root", "system", ""])
        {
            string quoted = $"\"principal\":\"{other}\"", part = Uri.EscapeDataString(other);
            foreach ((string path, string body) in ((string, string)[])
                [
                    ("/coffer/v1/tokens", "{" + quoted + "}"),
                    ("/coffer/v1/sessions", "{" + quoted + "}"),
                    ($"/coffer/v1/principals/{part}/tokens", "{}"),
                    ($"/coffer/v1/principals/{part}/access-keys", "{}"),
                    ($"/coffer/v1/principals/{part}/invitation", "{}"),
                    ("/coffer/v1/login/password", "{" + quoted + ",\"password\":\"" + Value + "\"}"),
                ])
            {
                // The administrator, who may act as every principal there is.
                Answer answer = await server.NativeAsync(HttpMethod.Post, path, body);
                Assert.True(answer.IsProblem && answer.Status is 400 or 401 or 403 or 404, $"{path} {other}: {answer}");
                Assert.DoesNotContain("\"token\"", answer.Body, StringComparison.Ordinal);
            }

            Answer bearer = await server.NativeAsync(HttpMethod.Get, "/coffer/v1/whoami", token: other.Length == 0 ? "x" : other);
            Assert.True(bearer.Status == 401 && bearer.IsProblem, bearer.ToString());
            if (other.Length > 0 && other != server.App.AccessKeyId)
            {
                Answer signed = await server.AwsAsync("GetSecretValue", """{"SecretId":"app/key"}""", server.App with { AccessKeyId = other });
                Assert.True(signed.IsAwsError && signed.Status is 400 or 403, signed.ToString());
            }
        }

        // Every one of these doors opens for a principal.
        foreach ((string path, string body) in ((string, string)[])
            [
                ("/coffer/v1/tokens", """{"principal":"app"}"""), ("/coffer/v1/sessions", """{"principal":"app"}"""), ("/coffer/v1/principals/app/tokens", "{}"), ("/coffer/v1/principals/app/access-keys", "{}"),
                ("/coffer/v1/principals/developer/invitation", "{}"),
            ])
        {
            Answer answer = await server.NativeAsync(HttpMethod.Post, path, body);
            Assert.True(answer.Status < 300, $"{path}: {answer}");
        }

        Assert.Equal(403, (await server.NativeAsync(HttpMethod.Get, $"{AttackedServer.Secrets}/app%2Fkey/value", token: server.Nobody.Token)).Status);
        Assert.True((await server.AwsAsync("GetSecretValue", """{"SecretId":"app/key"}""", server.Nobody)).IsAwsError);
    }

    [Fact]
    public async Task Attack_12_no_spelling_of_a_name_is_taken_for_another_through_any_door()
    {
        await using AttackedServer server = await AttackedServer.StartAsync();
        await server.PutAsync(AttackedServer.Vault, "app/key", Value);
        await MustAsync(server, "/coffer/v1/groups", """{"name":"admins"}""");
        await MustAsync(server, "/coffer/v1/principals", """{"name":"admins"}""");
        await MustAsync(server, "/coffer/v1/vaults", """{"name":"admins"}""");
        await MustAsync(server, "/coffer/v1/grants", """{"group":"admins","actions":["admin"]}""");
        foreach (string name in Lookalikes)
        {
            string json = JsonEncodedText.Encode(name).ToString(), part = Uri.EscapeDataString(name);
            foreach ((HttpMethod method, string path, string? body) in ((HttpMethod, string, string?)[])
                [
                    (HttpMethod.Post, "/coffer/v1/principals", $$"""{"name":"{{json}}"}"""),
                    (HttpMethod.Post, "/coffer/v1/groups", $$"""{"name":"{{json}}"}"""),
                    (HttpMethod.Post, "/coffer/v1/vaults", $$"""{"name":"{{json}}"}"""),
                    (HttpMethod.Post, "/coffer/v1/projects", $$"""{"name":"{{json}}"}"""),
                    (HttpMethod.Post, "/coffer/v1/grants", $$"""{"principal":"{{json}}","actions":["read"],"vault":"alpha-dev"}"""),
                    (HttpMethod.Post, "/coffer/v1/grants", $$"""{"group":"{{json}}","actions":["read"],"vault":"alpha-dev"}"""),
                    (HttpMethod.Post, "/coffer/v1/grants", $$"""{"principal":"app","actions":["read"],"vault":"{{json}}"}"""),
                    (HttpMethod.Patch, "/coffer/v1/groups/admins", $$"""{"add":["{{json}}"]}"""),
                    (HttpMethod.Patch, $"/coffer/v1/groups/{part}", """{"add":["app"]}"""),
                    (HttpMethod.Delete, $"/coffer/v1/groups/{part}", null),
                    (HttpMethod.Get, $"/coffer/v1/principals/{part}", null),
                    (HttpMethod.Delete, $"/coffer/v1/principals/{part}", null),
                    (HttpMethod.Post, $"/coffer/v1/principals/{part}/tokens", "{}"),
                    (HttpMethod.Post, "/coffer/v1/principals/admins/assumed-by", $$"""{"group":"{{json}}"}"""),
                    (HttpMethod.Post, "/coffer/v1/tokens", $$"""{"principal":"{{json}}"}"""),
                    (HttpMethod.Post, "/coffer/v1/sessions", $$"""{"principal":"{{json}}"}"""),
                    (HttpMethod.Post, "/coffer/v1/sessions", $$"""{"vault":"{{json}}"}"""),
                    (HttpMethod.Post, "/coffer/v1/trusts/local", $$"""{"principal":"{{json}}","uid":64998}"""),
                    (HttpMethod.Post, "/coffer/v1/login/password", $$"""{"principal":"{{json}}","password":"x"}"""),
                    (HttpMethod.Post, "/coffer/v1/access/why", $$"""{"action":"read","vault":"alpha-dev","principal":"{{json}}"}"""),
                    (HttpMethod.Post, "/coffer/v1/resolve", $$"""{"references":[{"vault":"{{json}}","name":"app/key"}]}"""),
                    (HttpMethod.Get, $"/coffer/v1/vaults/{part}", null),
                    (HttpMethod.Delete, $"/coffer/v1/vaults/{part}", null),
                    (HttpMethod.Get, $"/coffer/v1/vaults/{part}/secrets/app%2Fkey/value", null),
                ])
            {
                Answer answer = await server.NativeAsync(method, path, body);
                bool batch = path.EndsWith("/resolve", StringComparison.Ordinal) && answer.Status == 200 && answer.Body.Contains("\"error\"", StringComparison.Ordinal);
                // A zero byte in a path is refused by the HTTP stack itself, without a body.
                Assert.True(batch || answer.Status is >= 400 and < 500, $"{method} {path} {body}: {answer}");
                Assert.DoesNotContain(Value, answer.Body, StringComparison.Ordinal);
            }
        }

        foreach (string id in (string[])[server.App.AccessKeyId.ToLowerInvariant(), server.App.AccessKeyId + " ", " " + server.App.AccessKeyId, server.App.AccessKeyId + "%00", server.App.AccessKeyId[..^1]])
        {
            Answer signed = await server.AwsAsync("GetSecretValue", """{"SecretId":"app/key"}""", server.App with { AccessKeyId = id });
            Assert.True(signed.IsAwsError && !signed.Body.Contains(Value, StringComparison.Ordinal), $"{id}: {signed}");
        }

        Assert.Contains(Value, (await server.AwsAsync("GetSecretValue", """{"SecretId":"app/key"}""", server.App)).Body, StringComparison.Ordinal);
        Answer groups = await server.NativeAsync(HttpMethod.Get, "/coffer/v1/groups/admins");
        Assert.Contains("\"members\":[]", groups.Body, StringComparison.Ordinal);
        Assert.Equal(200, (await server.NativeAsync(HttpMethod.Get, "/coffer/v1/principals/admins")).Status);
        Assert.Equal(200, (await server.NativeAsync(HttpMethod.Get, "/coffer/v1/vaults/admins")).Status);
    }

    [Fact]
    public async Task Attack_14_a_listing_shows_nothing_under_a_denial()
    {
        await using AttackedServer server = await AttackedServer.StartAsync();
        await server.PutAsync(AttackedServer.Vault, "app/key", Value);
        await server.PutAsync(AttackedServer.Vault, "app/hidden/one", Value);
        await server.PutAsync(AttackedServer.Vault, "app/hidden/two", Value);
        await MustAsync(server, "/coffer/v1/grants", """{"effect":"deny","principal":"app","actions":["list","describe"],"vault":"alpha-dev","names":"app/hidden/*"}""");
        foreach (string query in (string[])["", "?prefix=app/", "?prefix=app/hidden/", "?prefix=app/h", "?limit=1", "?order=-name", "?deleted=include", "?deleted=only"])
        {
            Answer list = await server.NativeAsync(HttpMethod.Get, AttackedServer.Secrets + query, token: server.App.Token);
            for (int page = 0; page < 5; page++)
            {
                Assert.True(list.Status == 200, $"{query}: {list}");
                Assert.DoesNotContain("hidden", list.Body, StringComparison.Ordinal);
                using JsonDocument body = JsonDocument.Parse(list.Body);
                if (!body.RootElement.TryGetProperty("next", out JsonElement next) || next.ValueKind != JsonValueKind.String)
                {
                    break;
                }

                list = await server.NativeAsync(HttpMethod.Get, $"{AttackedServer.Secrets}{(query.Length == 0 ? "?" : query + "&")}page={Uri.EscapeDataString(next.GetString()!)}", token: server.App.Token);
            }
        }

        foreach (string body in (string[])
            [
                "{}", """{"MaxResults":1}""", """{"Filters":[{"Key":"name","Values":["app/hidden"]}]}""", """{"Filters":[{"Key":"all","Values":["hidden"]}]}""", """{"Filters":[{"Key":"name","Values":["!app/key"]}]}""", """{"IncludePlannedDeletion":true,"SortOrder":"desc"}""",
            ])
        {
            Answer list = await server.AwsAsync("ListSecrets", body, server.App);
            Assert.True(list.Status == 200, $"{body}: {list}");
            Assert.DoesNotContain("hidden", list.Body, StringComparison.Ordinal);
        }

        // The rest is listed to the same caller, and all of it where nothing is denied.
        Assert.Contains("app/key", (await server.NativeAsync(HttpMethod.Get, AttackedServer.Secrets, token: server.App.Token)).Body, StringComparison.Ordinal);
        Answer all = await server.NativeAsync(HttpMethod.Get, AttackedServer.Secrets, token: server.Developer.Token);
        Assert.Contains("app/hidden/two", all.Body, StringComparison.Ordinal);
        Assert.Contains("app/hidden/two", (await server.AwsAsync("ListSecrets", "{}", server.Developer)).Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Attack_15_what_somebody_may_choose_is_never_read_as_a_pattern()
    {
        await using AttackedServer server = await AttackedServer.StartAsync();
        await server.PutAsync(AttackedServer.Vault, "lab/a", Value);
        await MustAsync(server, "/coffer/v1/grants", """{"principal":"nobody","actions":["read"],"vault":"alpha-dev","tags":{"team":"*"}}""");
        // The condition means the one character: a tag of any other text does not fulfil it.
        Assert.Equal(200, (await server.NativeAsync(HttpMethod.Patch, AttackedServer.Secrets + "/lab%2Fa", """{"setTags":{"team":"blue"}}""")).Status);
        Assert.Equal(403, (await server.NativeAsync(HttpMethod.Get, AttackedServer.Secrets + "/lab%2Fa/value", token: server.Nobody.Token)).Status);
        Assert.True((await server.AwsAsync("GetSecretValue", """{"SecretId":"lab/a"}""", server.Nobody)).IsAwsError);
        // And a tag of that character fulfils no condition but this one.
        Assert.Equal(200, (await server.NativeAsync(HttpMethod.Patch, AttackedServer.Secrets + "/lab%2Fa", """{"setTags":{"team":"*"}}""")).Status);
        Assert.Equal(200, (await server.NativeAsync(HttpMethod.Get, AttackedServer.Secrets + "/lab%2Fa/value", token: server.Nobody.Token)).Status);
        Assert.Contains(Value, (await server.AwsAsync("GetSecretValue", """{"SecretId":"lab/a"}""", server.Nobody)).Body, StringComparison.Ordinal);
        await MustAsync(server, "/coffer/v1/grants", """{"principal":"app","actions":["read"],"vault":"alpha-dev","names":"lab/*","tags":{"team":"red"}}""");
        Assert.Equal(403, (await server.NativeAsync(HttpMethod.Get, AttackedServer.Secrets + "/lab%2Fa/value", token: server.App.Token)).Status);
        // Neither the principal, the session nor the label of a version brings characters of a pattern along.
        foreach (string wild in (string[])["*", "app*", "a?p", "+", "app,developer", "app/../developer", "{{identity}}", "${aws:username}"])
        {
            Answer principal = await server.NativeAsync(HttpMethod.Post, "/coffer/v1/principals", $$"""{"name":"{{wild}}"}""");
            Assert.True(principal.IsProblem && principal.Status == 400, principal.ToString());
            Answer session = await server.NativeAsync(HttpMethod.Post, "/coffer/v1/sessions", $$"""{"principal":"{{wild}}"}""");
            Assert.True(session.IsProblem, session.ToString());
        }

        await MustAsync(server, "/coffer/v1/tokens", """{"name":"+=,.@_-"}""");
        Answer secret = await server.AwsAsync("CreateSecret", $$"""{"Name":"lab/*","SecretString":"{{Value}}"}""", server.Developer);
        Assert.True(secret.IsAwsError, secret.ToString());
    }

    [Fact]
    public async Task Attack_16_nothing_of_another_is_reached_by_its_id()
    {
        await using AttackedServer server = await AttackedServer.StartAsync();
        await server.PutAsync(AttackedServer.Vault, "app/key", Value);
        await server.PutAsync(AttackedServer.Other, "app/key", Value);
        string grant = await CreatedIdAsync(server, "/coffer/v1/grants", """{"principal":"nobody","actions":["describe"],"vault":"beta-dev"}""");
        string request = await CreatedIdAsync(server, "/coffer/v1/requests", """{"kind":"grant","vault":"beta-dev","actions":["read"],"reason":"to test","seconds":3600}""");
        Answer own = await server.NativeAsync(HttpMethod.Get, AttackedServer.Secrets + "/app%2Fkey/value", token: server.Developer.Token);
        string asked = own.Headers["X-Request-Id"];
        // app administers alpha-dev: everything of another vault and another principal is closed to it all the same.
        await MustAsync(server, "/coffer/v1/grants", """{"principal":"app","actions":["admin"],"vault":"alpha-dev"}""");
        (HttpMethod Method, string Path, string? Body)[] calls =
        [
            (HttpMethod.Delete, $"/coffer/v1/credentials/{server.Nobody.TokenId}", null),
            (HttpMethod.Get, $"/coffer/v1/credentials/{server.Nobody.TokenId}", null),
            (HttpMethod.Patch, $"/coffer/v1/credentials/{server.Nobody.AccessKeyId}", """{"enabled":false}"""),
            (HttpMethod.Post, $"/coffer/v1/credentials/{server.Developer.TokenId}/rotate", "{}"),
            (HttpMethod.Get, "/coffer/v1/principals/developer/credentials", null),
            (HttpMethod.Get, "/coffer/v1/principals/developer/sessions", null),
            (HttpMethod.Delete, $"/coffer/v1/grants/{grant}", null),
            (HttpMethod.Get, $"/coffer/v1/grants/{grant}", null),
            (HttpMethod.Delete, $"/coffer/v1/requests/{request}", null),
            (HttpMethod.Post, $"/coffer/v1/requests/{request}/decision", """{"approve":true}"""),
            (HttpMethod.Get, $"/coffer/v1/access/requests/{asked}", null),
            (HttpMethod.Get, "/coffer/v1/vaults/beta-dev/secrets/app%2Fkey/readers", null),
            (HttpMethod.Get, "/coffer/v1/vaults/beta-dev", null),
            (HttpMethod.Post, "/coffer/v1/promotions", """{"from":"beta-dev","to":"alpha-dev","names":["app/key"]}"""),
            (HttpMethod.Post, "/coffer/v1/sessions", """{"vault":"beta-dev","principal":"nobody"}"""),
            (HttpMethod.Get, "/coffer/v1/vaults/beta-dev/secrets/app%2Fkey/value", null),
            (HttpMethod.Get, "/coffer/v1/audit", null),
        ];
        foreach ((HttpMethod method, string path, string? body) in calls)
        {
            Answer answer = await server.NativeAsync(method, path, body, server.App.Token);
            Assert.True(answer.IsProblem && answer.Status is 403 or 404, $"{method} {path}: {answer}");
            Assert.DoesNotContain(Value, answer.Body, StringComparison.Ordinal);
        }

        // A session in a vault of which one holds nothing is none the richer for it.
        Answer session = await server.NativeAsync(HttpMethod.Post, "/coffer/v1/tokens", """{"vault":"beta-dev"}""", server.App.Token);
        Assert.True(session.Status == 201, $"a session in beta-dev: {session.Status}");
        using JsonDocument issued = JsonDocument.Parse(session.Body);
        Answer read = await server.NativeAsync(HttpMethod.Get, "/coffer/v1/vaults/beta-dev/secrets/app%2Fkey/value", token: issued.RootElement.GetProperty("token").GetString());
        Assert.Equal(403, read.Status);

        // The ARN of another vault's secret, or of another account, reaches nothing through this one.
        Answer described = await server.AwsAsync("DescribeSecret", """{"SecretId":"app/key"}""", server.Developer);
        using JsonDocument document = JsonDocument.Parse(described.Body);
        string arn = document.RootElement.GetProperty("ARN").GetString()!;
        Assert.True((await server.AwsAsync("GetSecretValue", $$"""{"SecretId":"{{arn}}"}""", server.App)).Status == 200, arn);
        string[] parts = arn.Split(':');
        // Partition and region are no boundary: another one names the same secret, to the same callers.
        foreach (string right in (string[])[arn, string.Join(':', [.. parts[..3], "us-gov-west-1", .. parts[4..]]), arn.Replace("arn:aws:", "arn:aws-cn:", StringComparison.Ordinal)])
        {
            Assert.Equal(200, (await server.AwsAsync("GetSecretValue", $$"""{"SecretId":"{{right}}"}""", server.App)).Status);
            Answer answer = await server.AwsAsync("GetSecretValue", $$"""{"SecretId":"{{right}}"}""", server.Nobody);
            Assert.True(answer.IsAwsError && !answer.Body.Contains(Value, StringComparison.Ordinal), $"{right}: {answer}");
        }

        foreach (string wrong in (string[])
            [
                string.Join(':', [.. parts[..4], "000000000000", .. parts[5..]]), arn + "x", arn[..^1],
            ])
        {
            Answer answer = await server.AwsAsync("GetSecretValue", $$"""{"SecretId":"{{wrong}}"}""", server.App);
            Assert.True(answer.IsAwsError && !answer.Body.Contains(Value, StringComparison.Ordinal), $"{wrong}: {answer}");
        }

        foreach (string id in (string[])[server.Nobody.TokenId, server.Nobody.AccessKeyId])
        {
            Assert.Equal(200, (await server.NativeAsync(HttpMethod.Get, "/coffer/v1/credentials/" + id)).Status);
        }

        await WorkForWhoMayAsync(server, calls);
    }

    [Fact]
    public async Task Attack_17_who_administers_a_vault_gives_itself_nothing_beyond_it()
    {
        await using AttackedServer server = await AttackedServer.StartAsync();
        await server.PutAsync(AttackedServer.Other, "app/key", Value);
        await MustAsync(server, "/coffer/v1/groups", """{"name":"operators"}""");
        await MustAsync(server, "/coffer/v1/grants", """{"group":"operators","actions":["admin"]}""");
        await MustAsync(server, "/coffer/v1/grants", """{"principal":"app","actions":["admin"],"vault":"alpha-dev"}""");
        (HttpMethod Method, string Path, string? Body)[] calls =
        [
            (HttpMethod.Post, "/coffer/v1/sys/seal", "{}"),
            (HttpMethod.Post, "/coffer/v1/grants", """{"principal":"app","actions":["admin"]}"""),
            (HttpMethod.Post, "/coffer/v1/grants", """{"principal":"app","actions":["read"],"vault":"beta-dev"}"""),
            (HttpMethod.Patch, "/coffer/v1/groups/operators", """{"add":["app"]}"""),
            (HttpMethod.Post, "/coffer/v1/groups", """{"name":"mine"}"""),
            (HttpMethod.Patch, "/coffer/v1/principals/app", """{"home":"beta-dev"}"""),
            (HttpMethod.Patch, "/coffer/v1/principals/nobody", """{"enabled":false}"""),
            (HttpMethod.Post, "/coffer/v1/principals", """{"name":"puppet"}"""),
            (HttpMethod.Post, "/coffer/v1/principals/developer/tokens", "{}"),
            (HttpMethod.Post, "/coffer/v1/principals/developer/access-keys", "{}"),
            (HttpMethod.Post, "/coffer/v1/principals/developer/assumed-by", """{"principal":"app"}"""),
            (HttpMethod.Post, "/coffer/v1/principals/developer/reset", "{}"),
            (HttpMethod.Post, "/coffer/v1/trusts/local", """{"principal":"developer","uid":64997}"""),
            (HttpMethod.Post, "/coffer/v1/tokens", """{"principal":"developer"}"""),
            (HttpMethod.Post, "/coffer/v1/sessions", """{"principal":"developer"}"""),
            (HttpMethod.Post, "/coffer/v1/sys/rotate-keys", "{}"),
            (HttpMethod.Post, "/coffer/v1/vaults", """{"name":"mine-dev"}"""),
        ];
        foreach ((HttpMethod method, string path, string? body) in calls)
        {
            Answer answer = await server.NativeAsync(method, path, body, server.App.Token);
            Assert.True(answer.IsProblem && answer.Status is 403 or 404, $"{method} {path}: {answer}");
        }

        Answer read = await server.NativeAsync(HttpMethod.Get, "/coffer/v1/vaults/beta-dev/secrets/app%2Fkey/value", token: server.App.Token);
        Assert.Equal(403, read.Status);
        // The AWS wire knows the vault of the key's principal alone, whatever account an ARN names.
        Answer vault = await server.NativeAsync(HttpMethod.Get, "/coffer/v1/vaults/beta-dev");
        using JsonDocument other = JsonDocument.Parse(vault.Body);
        string number = other.RootElement.GetProperty("number").GetString()!;
        foreach (string id in (string[])[$"arn:aws:secretsmanager:eu-west-1:{number}:secret:app/key", $"arn:aws:secretsmanager:eu-west-1:{number}:secret:app/key-AbCdEf", "app/key"])
        {
            foreach (string operation in (string[])["GetSecretValue", "DescribeSecret", "DeleteSecret"])
            {
                Answer answer = await server.AwsAsync(operation, $$"""{"SecretId":"{{id}}"}""", server.App);
                Assert.True(answer.IsAwsError && !answer.Body.Contains(Value, StringComparison.Ordinal), $"{operation} {id}: {answer}");
            }
        }

        Assert.Equal(403, (await server.NativeAsync(HttpMethod.Get, "/coffer/v1/principals/developer/credentials", token: server.App.Token)).Status);
        await server.AssertSoundAsync();
        await WorkForWhoMayAsync(server, calls);
    }

    /// <summary>
    /// That each call does what it says for the administrator, the last first since some of them end what others are about: a route that is no more
    /// would answer everybody 404, and prove nothing.
    /// </summary>
    private static async Task WorkForWhoMayAsync(AttackedServer server, IEnumerable<(HttpMethod Method, string Path, string? Body)> calls)
    {
        foreach ((HttpMethod method, string path, string? body) in calls.Reverse())
        {
            Answer answer = await server.NativeAsync(method, path, body);
            // Two are refused even then, for reasons that only their own route has.
            bool isOwn = answer.Body.Contains("not with a keyfile", StringComparison.Ordinal) || answer.Body.Contains("a second person decides", StringComparison.Ordinal);
            Assert.True(answer.Status < 300 || isOwn, $"{method} {path}: {answer}");
        }
    }

    private static async Task MustAsync(AttackedServer server, string path, string body)
    {
        Answer answer = await server.NativeAsync(HttpMethod.Post, path, body);
        Assert.True(answer.Status < 300, $"{path} {body}: {answer}");
    }

    private static async Task<string> CreatedIdAsync(AttackedServer server, string path, string body)
    {
        Answer answer = await server.NativeAsync(HttpMethod.Post, path, body);
        Assert.True(answer.Status < 300, $"{path} {body}: {answer}");
        using JsonDocument document = JsonDocument.Parse(answer.Body);
        return document.RootElement.GetProperty("id").ToString();
    }
}
