using System.Globalization;
using System.Text;
using CsCheck;

namespace Coffer.Server.Tests;

/// <summary>Hostile requests against the whole server, on both wires.</summary>
public class WireAttackTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private const string Value = "correct-horse-battery-staple-41f7";

    private static readonly string[] Hostile =
    [
        " app/key", "app/key ", "APP/KEY", "app/./key", "app/../app/key", "app//key", "/app/key", "app/key/", "app%2fkey", "app/key%00",
        "app/key\0", "app\\key", "app/kеy", "app/key\u200b", "ａpp/key", "..", ".", "app/\ud83d\ude00", "app/*", "app/k?y", "app/key\n", "app/key;x",
    ];

    [Fact]
    public async Task Attack_11_no_refusal_carries_a_credential_or_a_value()
    {
        await using AttackedServer server = await AttackedServer.StartAsync();
        await server.PutAsync(AttackedServer.Vault, "app/key", Value);
        string[] credentials = [server.App.Token, server.App.SecretAccessKey, server.Nobody.Token, server.Nobody.SecretAccessKey, server.Developer.Token, server.Developer.SecretAccessKey, Value];
        List<Answer> answers = [];
        foreach (string token in (string[])[server.App.Token, server.Nobody.Token, server.App.Token + "x", "cft_nonsense-nonsense-nonsense", " "])
        {
            foreach ((HttpMethod method, string path, string? body) in NativeRequests())
            {
                answers.Add(await server.NativeAsync(method, path, body, token));
            }
        }

        foreach (Proof proof in (Proof[])[server.App, server.Nobody, server.App with { SecretAccessKey = server.Nobody.SecretAccessKey }, server.App with { AccessKeyId = "AKIAAAAAAAAAAAAAAAAA" }])
        {
            foreach ((string operation, string body) in AwsRequests())
            {
                answers.Add(await server.AwsAsync(operation, body, proof));
            }
        }

        Answer[] refusals = [.. answers.Where(a => a.Status is < 200 or > 299)];
        Assert.True(refusals.Length > 60, $"only {refusals.Length} refusals");
        foreach (Answer refusal in refusals)
        {
            Assert.True(refusal.IsProblem || refusal.IsAwsError, refusal.ToString());
            Assert.DoesNotContain(credentials, c => refusal.ToString().Contains(c, StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task Attack_12_13_no_other_spelling_reaches_a_secret_a_principal_or_a_vault_on_any_wire()
    {
        await using AttackedServer server = await AttackedServer.StartAsync();
        await server.PutAsync(AttackedServer.Vault, "app/key", Value);
        foreach (string name in Hostile)
        {
            string part = Uri.EscapeDataString(name);
            Answer native = await server.NativeAsync(HttpMethod.Get, $"{AttackedServer.Secrets}/{part}/value", token: server.App.Token);
            // A zero byte in a path is refused by the HTTP stack itself, without a body.
            Assert.True((native.IsProblem || (name.Contains('\0', StringComparison.Ordinal) && native.Status == 400)) && !native.Body.Contains(Value, StringComparison.Ordinal), name + ": " + native);
            Answer aws = await server.AwsAsync("GetSecretValue", $$"""{"SecretId":"{{System.Text.Json.JsonEncodedText.Encode(name)}}"}""", server.App);
            Assert.True(aws.IsAwsError && !aws.Body.Contains(Value, StringComparison.Ordinal), name + ": " + aws);
            Answer created = await server.NativeAsync(HttpMethod.Post, "/coffer/v1/principals", $$"""{"name":"{{System.Text.Json.JsonEncodedText.Encode(name)}}","kind":"operator"}""");
            Assert.True(created.Status is >= 400 and < 500, name + ": " + created);
        }

        foreach (string path in (string[])
            [
                "/coffer/v1/vaults//alpha-dev/secrets/app%2Fkey/value", "/coffer/v1/vaults/alpha-dev/secrets/app/key/value", "/coffer/v1/vaults/ALPHA-DEV/secrets/app%2Fkey/value",
                "/coffer/v1/vaults/alpha-dev/secrets/app%2Fkey/value/", "/coffer/v1/vaults/alpha-dev/secrets/app%252Fkey/value", "/coffer/V1/vaults/alpha-dev/secrets/app%2Fkey/value",
                "/coffer/v1/vaults/alpha-dev%00/secrets/app%2Fkey/value", "/coffer/v1/vaults/alpha-dev/secrets/app%c0%afkey/value", "/coffer/v1/vaults/beta-dev%2F..%2Falpha-dev/secrets/app%2Fkey/value",
            ])
        {
            Answer answer = await server.NativeAsync(HttpMethod.Get, path, token: server.App.Token);
            Assert.True(answer.Status is >= 400 and < 500 && !answer.Body.Contains(Value, StringComparison.Ordinal), path + ": " + answer);
        }

        // The one spelling works, so that the refusals above mean something.
        Answer right = await server.NativeAsync(HttpMethod.Get, $"{AttackedServer.Secrets}/app%2Fkey/value", token: server.App.Token);
        Assert.Contains(Value, right.Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Attack_18_a_batch_is_decided_item_by_item()
    {
        await using AttackedServer server = await AttackedServer.StartAsync();
        await server.PutAsync(AttackedServer.Vault, "app/key", Value);
        await server.PutAsync(AttackedServer.Vault, "other/key", "forbidden-61c2");
        await server.PutAsync(AttackedServer.Other, "app/key", "forbidden-77aa");
        Answer batch = await server.NativeAsync(
            HttpMethod.Post,
            "/coffer/v1/resolve",
            """{"references":[{"vault":"alpha-dev","name":"app/key"},{"vault":"alpha-dev","name":"other/key"},{"vault":"beta-dev","name":"app/key"},{"vault":"alpha-dev","name":"app/missing"}]}""",
            server.App.Token);
        Assert.True(batch.Status == 200, batch.ToString());
        Assert.Contains(Value, batch.Body, StringComparison.Ordinal);
        Assert.DoesNotContain("forbidden-", batch.Body, StringComparison.Ordinal);
        using System.Text.Json.JsonDocument document = System.Text.Json.JsonDocument.Parse(batch.Body);
        string?[] codes = [.. document.RootElement.GetProperty("values").EnumerateArray().Select(v => v.TryGetProperty("error", out System.Text.Json.JsonElement e) ? e.GetProperty("code").GetString() : null)];
        Assert.Equal([null, "access_denied", "access_denied"], codes[..3]);
        Assert.NotNull(codes[3]);
        Answer all = await server.NativeAsync(
            HttpMethod.Post, "/coffer/v1/resolve", """{"references":[{"vault":"alpha-dev","name":"app/key"},{"vault":"alpha-dev","name":"other/key"}]}""", server.Nobody.Token);
        Assert.DoesNotContain(Value, all.Body, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("deep")]
    [InlineData("keys")]
    [InlineData("number")]
    [InlineData("duplicate")]
    [InlineData("huge")]
    [InlineData("text")]
    [InlineData("utf8")]
    [InlineData("unknown")]
    [InlineData("null")]
    [InlineData("array")]
    public async Task Attack_26_hostile_json_is_refused_in_the_wires_own_shape(string kind)
    {
        await using AttackedServer server = await AttackedServer.StartAsync();
        string name = "app/x", junk = kind switch
        {
            "deep" => new string('[', 100_000),
            "keys" => "{" + string.Join(",", Enumerable.Range(0, 60_000).Select(i => $"\"k{i}\":{i}")) + "}",
            "number" => "1e" + new string('9', 50_000),
            "huge" => "\"" + new string('x', 5 * 1024 * 1024) + "\"",
            "text" => "\"unterminated",
            "utf8" => "\"\\ud800\"",
            _ => "1",
        };
        (string native, string aws) = kind switch
        {
            "duplicate" => ("""{"text":"a","text":"b"}""", """{"SecretId":"app/key","SecretId":"other"}"""),
            "unknown" => ("""{"text":"a","surprise":1}""", """{"SecretId":[{}]}"""),
            "null" => ("null", "null"),
            "array" => ("[]", "[]"),
            _ => ($$"""{"text":"a","contentType":{{junk}}}""", $$"""{"SecretId":{{junk}}}"""),
        };
        try
        {
            Answer one = await server.NativeAsync(HttpMethod.Put, $"{AttackedServer.Secrets}/{Uri.EscapeDataString(name)}", native, server.App.Token);
            Assert.True(one.IsProblem && one.Status is 400 or 413, one.ToString());
            Answer two = await server.AwsAsync("GetSecretValue", aws, server.App);
            Assert.True(two.IsAwsError && two.Status is 400 or 413, two.ToString());
        }
        catch (HttpRequestException) when (kind == "huge")
        {
            // The server may answer and hang up while the client still sends.
        }

        await server.AssertSoundAsync();
    }

    [Fact]
    public async Task Attack_26_huge_headers_and_lines_are_refused_and_the_server_goes_on()
    {
        await using AttackedServer server = await AttackedServer.StartAsync();
        foreach (int size in (int[])[10_000, 70_000, 1_000_000])
        {
            foreach (Func<Task<Answer>> send in (Func<Task<Answer>>[])
                [
                    () => server.NativeAsync(HttpMethod.Get, "/coffer/v1/whoami", token: server.App.Token, change: r => r.Headers.TryAddWithoutValidation("X-Padding", new string('a', size))),
                    () => server.AwsAsync("ListSecrets", "{}", server.App, r => r.Headers.TryAddWithoutValidation("X-Padding", new string('a', size))),
                    () => server.NativeAsync(HttpMethod.Get, "/coffer/v1/" + new string('a', size), token: server.App.Token),
                    () => server.NativeAsync(HttpMethod.Get, "/coffer/v1/whoami", token: new string('a', size)),
                ])
            {
                try
                {
                    Answer answer = await send();
                    Assert.True(answer.Status is 200 or (>= 400 and < 500), $"{size}: {answer.Status}");
                }
                catch (HttpRequestException)
                {
                    // Refused while it was still sending: the connection is gone, which is an answer too.
                }
            }
        }

        await server.AssertSoundAsync();
    }

    [Fact]
    public async Task Attack_26_a_body_that_never_comes_blocks_nobody()
    {
        await using AttackedServer server = await AttackedServer.StartAsync();
        await server.PutAsync(AttackedServer.Vault, "app/key", Value);
        List<System.Net.Sockets.Socket> slow = [];
        for (int i = 0; i < 200; i++)
        {
            System.Net.Sockets.Socket socket = new(System.Net.Sockets.AddressFamily.Unix, System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Unspecified);
            await socket.ConnectAsync(new System.Net.Sockets.UnixDomainSocketEndPoint(server.Server.SocketPath), Cancel);
            await socket.SendAsync(Encoding.ASCII.GetBytes($"PUT {AttackedServer.Secrets}/app%2Fslow HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{{\"te"), Cancel);
            slow.Add(socket);
        }

        Answer read = await server.NativeAsync(HttpMethod.Get, $"{AttackedServer.Secrets}/app%2Fkey/value", token: server.App.Token);
        Assert.Equal(200, read.Status);
        slow.ForEach(s => s.Dispose());
        Answer missing = await server.NativeAsync(HttpMethod.Get, $"{AttackedServer.Secrets}/app%2Fslow");
        Assert.Equal(404, missing.Status);
        await server.AssertSoundAsync();
    }

    [Fact]
    public async Task Attack_31_no_combination_of_options_ends_the_process_or_answers_internal_error()
    {
        await using AttackedServer server = await AttackedServer.StartAsync();
        await server.PutAsync(AttackedServer.Vault, "app/key", Value);
        Gen<string> word = OneOf(
            "null", "0", "-1", "1", "7", "30", "2147483648", "1e400", "true", "false", "\"\"", "\"app/key\"", "\"AWSCURRENT\"", "\"AWSPENDING\"", "\"x\"", "[]", "{}", "[\"AWSCURRENT\"]",
            "[null]", "[{\"Key\":\"name\",\"Values\":[\"!\"]}]", "[{\"Key\":\"tag-key\"}]", "\"0123456789abcdef0123456789abcdef\"", "\"AAAA\"", "\"2020-01-01T00:00:00Z\"", "\"\\u0000\"", "[1,2,3]", "[0]", "[-1]");
        Gen<string> aws = Gen.Select(
            OneOf("SecretId", "Name", "VersionId", "VersionStage", "SecretString", "SecretBinary", "ClientRequestToken", "RecoveryWindowInDays", "ForceDeleteWithoutRecovery", "MaxResults", "NextToken", "Filters", "SortOrder", "SortBy", "IncludePlannedDeletion", "VersionStages", "Tags", "KmsKeyId", "AddReplicaRegions", "Type"),
            word,
            (k, v) => $"\"{k}\":{v}");
        Gen<string> own = Gen.Select(
            OneOf("name", "text", "base64", "description", "tags", "requestToken", "ifCurrent", "labels", "contentType", "notBefore", "expires", "label", "from", "to", "versions", "numbers", "version"), word, (k, v) => $"\"{k}\":{v}");
        Gen<string> awsBody = Gen.Select(aws.Array[0, 4], Gen.Bool, (p, target) => "{" + string.Join(",", (target ? ["\"SecretId\":\"app/key\""] : Array.Empty<string>()).Concat(p)) + "}");
        Gen<string> ownBody = own.Array[0, 4].Select(p => "{" + string.Join(",", p) + "}");
        Gen<string> query = Gen.Select(
            OneOf("limit", "page", "order", "deleted", "prefix", "days", "purge", "version", "label", "before", "x"),
            OneOf("", "0", "-1", "1", "1000", "99999999999", "true", "name", "-name", "lastRead", "only", "%00", "AWSCURRENT", "%F0%9F%98%80"), (k, v) => $"{k}={v}").Array[0, 3].Select(p => string.Join("&", p));
        Gen<string> operation = OneOf("GetSecretValue", "CreateSecret", "PutSecretValue", "DescribeSecret", "ListSecrets", "DeleteSecret", "RestoreSecret", "UpdateSecret", "RotateSecret");
        Gen<(HttpMethod, string)> route = OneOf(
            (HttpMethod.Get, ""), (HttpMethod.Post, ""), (HttpMethod.Get, "/app%2Fkey"), (HttpMethod.Put, "/app%2Fkey"), (HttpMethod.Patch, "/app%2Fkey"), (HttpMethod.Delete, "/app%2Fkey"), (HttpMethod.Get, "/app%2Fkey/value"),
            (HttpMethod.Get, "/app%2Fkey/versions"), (HttpMethod.Post, "/app%2Fkey/recover"), (HttpMethod.Post, "/app%2Fkey/rollback"), (HttpMethod.Post, "/app%2Fkey/labels"), (HttpMethod.Post, "/app%2Fkey/enable"),
            (HttpMethod.Post, "/app%2Fkey/disable"), (HttpMethod.Post, "/app%2Fkey/destroy"));
        int answered = 0, done = 0;
        await Gen.Select(operation, awsBody, route, ownBody, query).SampleAsync(
            async sample =>
            {
                (string op, string body, (HttpMethod method, string path), string json, string q) = sample;
                Answer a = await server.AwsAsync(op, body, server.Developer);
                Answer b = await server.NativeAsync(method, AttackedServer.Secrets + path + "?" + q, method == HttpMethod.Get ? null : json, server.Developer.Token);
                Interlocked.Add(ref answered, 2);
                Interlocked.Add(ref done, (a.Status < 300 ? 1 : 0) + (b.Status < 300 ? 1 : 0));
                Assert.True(a.Status < 300 || (a.IsAwsError && a.Status is < 500 or 501), a.ToString());
                Assert.True(b.Status < 300 || (b.IsProblem && b.Status is < 500 or 501), b.ToString());
            },
            iter: 3000,
            threads: 2);
        Assert.True(done > answered / 50, string.Create(CultureInfo.InvariantCulture, $"only {done} of {answered} odd requests did anything"));
        await server.AssertSoundAsync();
    }

    [Fact]
    public async Task Attack_32_33_what_a_malformed_request_carries_comes_back_nowhere()
    {
        await using AttackedServer server = await AttackedServer.StartAsync();
        int count = 0;
        List<string> markers = [];
        string Mark()
        {
            string marker = string.Create(CultureInfo.InvariantCulture, $"mrk{++count}q7Zr9xW2pL");
            markers.Add(marker);
            return marker;
        }

        string path = $"{AttackedServer.Secrets}/app%2Fm";
        foreach (Func<string, string> body in (Func<string, string>[])
            [
                m => $$"""{"text":"{{m}}""", m => $$"""{"text":"{{m}}",}""", m => $$"""{"text":"{{m}}","text":"{{m}}"}""", m => $$"""{"{{m}}":1}""", m => "{\"text\":{\"" + m + "\":1}}", m => m,
                m => $$"""{"base64":"{{m}}!"}""", m => $$"""{"text":"{{m}}","labels":["{{m}} \n"]}""", m => $$"""{"text":"{{m}}","expires":"{{m}}"}""", m => $$"""{"text":"{{m}}","base64":"{{m}}"}""", m => $$"""{"text":"{{m}}","requestToken":"x"}""",
            ])
        {
            Answer answer = await server.NativeAsync(HttpMethod.Put, path, body(Mark()), server.App.Token);
            Assert.True(answer.IsProblem, answer.ToString());
        }

        foreach (Func<string, string> body in (Func<string, string>[])
            [
                m => $$"""{"Name":"app/n","SecretString":"{{m}}""", m => "{\"Name\":\"app/n\",\"SecretString\":{\"" + m + "\":1}}", m => $$"""{"Name":"app/n","SecretBinary":"{{m}}!"}""", m => m, m => $$"""{"{{m}}":1}""",
                m => $$"""{"Name":"app/n","SecretString":"{{m}}","SecretBinary":"AAAA"}""", m => $$"""{"Name":"app/n","SecretString":"{{m}}","Description":5}""", m => $$"""{"Name":"","SecretString":"{{m}}"}""",
                m => $$"""{"Name":"other/n","SecretString":"{{m}}"}""", m => $$"""{"Name":"app/n","SecretString":"{{m}}","Tags":[{"Key":"a","Value":["{{m}}"]}]}""", m => $$"""{"Name":"app/n","SecretString":"{{m}}","ClientRequestToken":"x"}""",
            ])
        {
            Answer answer = await server.AwsAsync("CreateSecret", body(Mark()), server.App);
            Assert.True(answer.IsAwsError, answer.ToString());
        }

        foreach (string credential in (string[])[Mark(), "cft_" + Mark(), "cft_" + Mark() + new string('a', 43)])
        {
            Assert.Equal(401, (await server.NativeAsync(HttpMethod.Get, path, token: credential)).Status);
        }

        foreach (string header in (string[])["Basic " + Mark(), "AWS4-HMAC-SHA256 Credential=" + Mark(), "AWS4-HMAC-SHA256 Credential=AKIA/20260101/x/secretsmanager/aws4_request, SignedHeaders=host, Signature=" + Mark()])
        {
            Answer answer = await server.NativeAsync(HttpMethod.Get, path, change: r => r.Headers.TryAddWithoutValidation("Authorization", header));
            Assert.True(answer.Status is >= 400 and < 500, answer.ToString());
        }

        Answer session = await server.AwsAsync("ListSecrets", "{}", server.App, r => r.Headers.TryAddWithoutValidation("X-Amz-Security-Token", Mark()));
        Assert.True(session.IsAwsError, session.ToString());
        Answer raw = await server.NativeAsync(HttpMethod.Post, "/coffer/v1/sys/unseal", $$"""{"passphrase":"{{Mark()}}","share":"{{Mark()}}"}""");
        Assert.True(raw.Status >= 400, raw.ToString());
        Assert.Equal(31, markers.Count);
        string audit = string.Concat(Directory.EnumerateFiles(Path.Combine(server.Folder, "audit"), "*.jsonl").Select(File.ReadAllText));
        foreach (string marker in markers)
        {
            Assert.False(server.Answers.Any(a => a.Contains(marker, StringComparison.Ordinal)), $"{marker} is in an answer: {server.Answers.FirstOrDefault(a => a.Contains(marker, StringComparison.Ordinal))}");
            Assert.False(server.Log.Any(l => l.Contains(marker, StringComparison.Ordinal)), $"{marker} was logged: {server.Log.FirstOrDefault(l => l.Contains(marker, StringComparison.Ordinal))}");
            Assert.False(audit.Contains(marker, StringComparison.Ordinal), $"{marker} is in the trail");
        }

        await server.AssertSoundAsync();
    }

    [Fact]
    public async Task Attack_40_forbidden_and_missing_look_the_same_to_who_may_not_know()
    {
        await using AttackedServer server = await AttackedServer.StartAsync();
        await server.PutAsync(AttackedServer.Vault, "other/key-there", Value);
        foreach (Proof proof in (Proof[])[server.App, server.Nobody])
        {
            foreach (Func<string, Task<Answer>> send in (Func<string, Task<Answer>>[])
                [
                    n => server.NativeAsync(HttpMethod.Get, $"{AttackedServer.Secrets}/{Uri.EscapeDataString(n)}/value", token: proof.Token),
                    n => server.NativeAsync(HttpMethod.Get, $"{AttackedServer.Secrets}/{Uri.EscapeDataString(n)}", token: proof.Token),
                    n => server.NativeAsync(HttpMethod.Delete, $"{AttackedServer.Secrets}/{Uri.EscapeDataString(n)}", token: proof.Token),
                    n => server.NativeAsync(HttpMethod.Put, $"{AttackedServer.Secrets}/{Uri.EscapeDataString(n)}", """{"text":"a"}""", proof.Token),
                    n => server.NativeAsync(HttpMethod.Post, $"{AttackedServer.Secrets}/{Uri.EscapeDataString(n)}/recover", token: proof.Token),
                    n => server.NativeAsync(HttpMethod.Post, "/coffer/v1/resolve", "{\"references\":[{\"vault\":\"alpha-dev\",\"name\":\"" + n + "\"}]}", proof.Token),
                    n => server.AwsAsync("GetSecretValue", $$"""{"SecretId":"{{n}}"}""", proof),
                    n => server.AwsAsync("DescribeSecret", $$"""{"SecretId":"{{n}}"}""", proof),
                    n => server.AwsAsync("DeleteSecret", $$"""{"SecretId":"{{n}}"}""", proof),
                    n => server.AwsAsync("PutSecretValue", $$"""{"SecretId":"{{n}}","SecretString":"a"}""", proof),
                    n => server.AwsAsync("CreateSecret", $$"""{"Name":"{{n}}","SecretString":"a"}""", proof),
                ])
            {
                Answer there = await send("other/key-there"), gone = await send("other/key-wrong");
                Assert.Equal(there.Status, gone.Status);
                Assert.Equal(there.Headers.Keys.Order(), gone.Headers.Keys.Order());
                Assert.True(there.Body.Length == gone.Body.Length, $"{there}\n{gone}");
            }
        }

        // A vault that exists and one that does not, by a caller of neither.
        Answer vault = await server.NativeAsync(HttpMethod.Get, "/coffer/v1/vaults/beta-dev/secrets/a/value", token: server.Nobody.Token);
        Answer none = await server.NativeAsync(HttpMethod.Get, "/coffer/v1/vaults/zeta-dev/secrets/a/value", token: server.Nobody.Token);
        Assert.True((vault.Status, vault.Body.Length) == (none.Status, none.Body.Length), $"{vault}\n{none}");
    }

    private static Gen<T> OneOf<T>(params T[] choices) => Gen.Int[0, choices.Length - 1].Select(i => choices[i]);

    private static IEnumerable<(HttpMethod Method, string Path, string? Body)> NativeRequests() =>
    [
        (HttpMethod.Get, AttackedServer.Secrets + "/other/value", null),
        (HttpMethod.Get, AttackedServer.Secrets + "/app%2Fnone/value", null),
        (HttpMethod.Get, AttackedServer.Secrets + "/app%2Fkey/value?version=99", null),
        (HttpMethod.Put, AttackedServer.Secrets + "/app%2Fkey", "{"),
        (HttpMethod.Post, AttackedServer.Secrets, """{"name":"app/key","text":"correct-horse-battery-staple-41f7"}"""),
        (HttpMethod.Post, "/coffer/v1/principals/developer/tokens", "{}"),
        (HttpMethod.Post, "/coffer/v1/principals/app/access-keys", "{}"),
        (HttpMethod.Post, "/coffer/v1/sessions", """{"principal":"developer"}"""),
        (HttpMethod.Post, "/coffer/v1/sys/seal", null),
        (HttpMethod.Post, "/coffer/v1/sys/rekey", "{}"),
        (HttpMethod.Post, "/coffer/v1/sys/rotate-keys", "{}"),
        (HttpMethod.Get, "/coffer/v1/audit", null),
        (HttpMethod.Post, "/coffer/v1/sys/backup", null),
        (HttpMethod.Get, "/nowhere", null),
    ];

    private static IEnumerable<(string Operation, string Body)> AwsRequests() =>
    [
        ("GetSecretValue", """{"SecretId":"other/key"}"""),
        ("GetSecretValue", """{"SecretId":"app/none"}"""),
        ("GetSecretValue", """{"SecretId":"app/key","VersionId":"00000000-0000-0000-0000-000000000000"}"""),
        ("CreateSecret", """{"Name":"app/key","SecretString":"correct-horse-battery-staple-41f7"}"""),
        ("GetSecretValue", "{"),
        ("NoSuchOperation", "{}"),
    ];
}
