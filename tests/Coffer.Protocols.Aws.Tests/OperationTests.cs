using System.Text;
using Coffer.Core.Secrets;

namespace Coffer.Protocols.Aws.Tests;

public sealed class OperationTests
{
    private const string T1 = "11111111-1111-4111-8111-111111111111", T2 = "22222222-2222-4222-8222-222222222222";

    private static string Create(string name, string token = T1, string value = "v") => $$"""{"Name":"{{name}}","SecretString":"{{value}}","ClientRequestToken":"{{token}}"}""";

    private static string Put(string name, string token, string value = "v", string more = "") => $$"""{"SecretId":"{{name}}","SecretString":"{{value}}","ClientRequestToken":"{{token}}"{{more}}}""";

    [Theory]
    [InlineData("disable", "AWSCURRENT")]
    [InlineData("destroy", "AWSCURRENT")]
    public async Task A_current_version_that_cannot_be_read_answers_like_a_missing_label(string how, string label)
    {
        await using AwsTestServer server = await AwsTestServer.StartAsync();
        await server.CallAsync("CreateSecret", Create("s"));
        SecretPath path = new(server.Vault.Name, SecretName.Parse("s"));
        CancellationToken cancellationToken = TestContext.Current.CancellationToken;
        _ = how == "disable"
            ? await server.Core.Secrets.DisableAsync(server.CallerOf("admin"), path, new([1], VersionSetMode.Strict), cancellationToken)
            : await server.Core.Secrets.DestroyAsync(server.CallerOf("admin"), path, new([1], VersionSetMode.Strict), cancellationToken);
        TestAnswer plain = await server.CallAsync("GetSecretValue", """{"SecretId":"s"}""");
        Assert.Equal(("ResourceNotFoundException", $"Secrets Manager can't find the specified secret value for staging label: {label}"), (plain.Outcome, plain.Message));
        TestAnswer byId = await server.CallAsync("GetSecretValue", $$"""{"SecretId":"s","VersionId":"{{T1}}"}""");
        Assert.Equal(("ResourceNotFoundException", $"Secrets Manager can't find the specified secret value for VersionId: {T1}"), (byId.Outcome, byId.Message));
    }

    [Fact]
    public async Task An_update_that_is_refused_or_repeated_changes_neither_description_nor_value()
    {
        await using AwsTestServer server = await AwsTestServer.StartAsync();
        await server.CallAsync("CreateSecret", Create("s"));
        static string Update(string description, string value, string token) => $$"""{"SecretId":"s","Description":"{{description}}","SecretString":"{{value}}","ClientRequestToken":"{{token}}"}""";
        Assert.Equal("ResourceExistsException", (await server.CallAsync("UpdateSecret", Update("never", "other", T1))).Outcome);
        Assert.Null((await server.CallAsync("DescribeSecret", """{"SecretId":"s"}"""))["Description"]);
        Assert.Equal("OK", (await server.CallAsync("UpdateSecret", Update("mine", "two", T2))).Outcome);
        string? changed = (await server.CallAsync("DescribeSecret", """{"SecretId":"s"}"""))["LastChangedDate"];
        server.Clock.Advance(TimeSpan.FromSeconds(5));
        TestAnswer again = await server.CallAsync("UpdateSecret", Update("mine", "two", T2));
        Assert.Equal(("OK", T2), (again.Outcome, again["VersionId"]));
        TestAnswer after = await server.CallAsync("DescribeSecret", """{"SecretId":"s"}""");
        Assert.Equal(("mine", changed), (after["Description"], after["LastChangedDate"]));
        Assert.Equal("two", (await server.CallAsync("GetSecretValue", """{"SecretId":"s"}"""))["SecretString"]);
    }

    [Fact]
    public async Task A_secret_has_at_most_fifty_tags()
    {
        await using AwsTestServer server = await AwsTestServer.StartAsync();
        await server.CallAsync("CreateSecret", Create("s"));
        static string Tags(int from, int count) => $$"""{"SecretId":"s","Tags":[{{string.Join(',', Enumerable.Range(from, count).Select(i => $$"""{"Key":"k{{i}}","Value":""}"""))}}]}""";
        Assert.Equal("LimitExceededException", (await server.CallAsync("TagResource", Tags(0, 51))).Outcome);
        Assert.Equal("OK", (await server.CallAsync("TagResource", Tags(0, 50))).Outcome);
        Assert.Equal("OK", (await server.CallAsync("TagResource", Tags(0, 50))).Outcome);
        Assert.Equal("LimitExceededException", (await server.CallAsync("TagResource", Tags(50, 1))).Outcome);
    }

    [Fact]
    public async Task A_random_password_has_every_type_wanted_and_nothing_else()
    {
        await using AwsTestServer server = await AwsTestServer.StartAsync();
        (string Member, string Characters)[] types =
        [
            ("ExcludeLowercase", "abcdefghijklmnopqrstuvwxyz"), ("ExcludeUppercase", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"), ("ExcludeNumbers", "0123456789"),
            ("ExcludePunctuation", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"),
        ];
        HashSet<string> drawn = [];
        for (int mask = 0; mask < 32; mask++)
        {
            string[] wanted = [.. types.Where((_, i) => (mask & (1 << i)) != 0).Select(t => t.Characters.Replace("a", "", StringComparison.Ordinal).Replace("\"", "", StringComparison.Ordinal)), .. (mask & 16) != 0 ? (string[])[" "] : []];
            if (wanted.Length == 0)
            {
                continue;
            }

            string switches = string.Join(',', types.Select((t, i) => $"\"{t.Member}\":{((mask & (1 << i)) == 0 ? "true" : "false")}"));
            foreach (int length in (int[])[wanted.Length, 32, 4096])
            {
                TestAnswer answer = await server.CallAsync("GetRandomPassword", $"{{{switches},\"IncludeSpace\":{((mask & 16) != 0 ? "true" : "false")},\"ExcludeCharacters\":\"a\\\"\",\"PasswordLength\":{length}}}", "app");
                string password = answer["RandomPassword"]!;
                Assert.Equal(length, password.Length);
                Assert.All(wanted, type => Assert.True(password.AsSpan().ContainsAny(type), $"a type is missing at {mask}, {length}"));
                Assert.True(!password.AsSpan().ContainsAnyExcept(string.Concat(wanted)), $"a character was excluded at {mask}, {length}");
                Assert.True(length < 32 || wanted is [" "] || drawn.Add(password), "a password came twice");
            }
        }
    }

    [Fact]
    public async Task Not_every_type_need_be_in_a_short_password_that_says_so()
    {
        await using AwsTestServer server = await AwsTestServer.StartAsync();
        Assert.Equal(1, (await server.CallAsync("GetRandomPassword", """{"PasswordLength":1,"RequireEachIncludedType":false}"""))["RandomPassword"]!.Length);
    }

    [Fact]
    public async Task Purge_protection_turns_a_forced_deletion_into_one_with_a_date()
    {
        await using AwsTestServer server = await AwsTestServer.StartAsync();
        await server.CallAsync("CreateSecret", Create("s"));
        await server.Core.Admin.UpdateVaultAsync(server.Operator, server.Vault.Name, new() { PurgeProtection = true }, TestContext.Current.CancellationToken);
        TestAnswer deleted = await server.CallAsync("DeleteSecret", """{"SecretId":"s","ForceDeleteWithoutRecovery":true}""", "admin");
        Assert.Equal("1769915045.678", deleted["DeletionDate"]);
        Assert.NotNull((await server.CallAsync("DescribeSecret", """{"SecretId":"s"}"""))["DeletedDate"]);
        TestAnswer again = await server.CallAsync("DeleteSecret", """{"SecretId":"s","ForceDeleteWithoutRecovery":true}""", "admin");
        Assert.Equal((400, "InvalidRequestException"), (again.Status, again.Outcome));
    }

    [Fact]
    public async Task Values_come_back_byte_for_byte()
    {
        await using AwsTestServer server = await AwsTestServer.StartAsync();
        string[] values = ["x", " ", "\u0000\u0001\u001f\u007f", "\"\\/\b\f\n\r\t", "é€😀\u2028\ufeff\ufffe", "{\"user\":\"a\",\"pass\":\"b\"}", new('x', 65_536), new('"', 65_536), new('\u0001', 65_536), new('€', 21_845)];
        for (int i = 0; i < values.Length; i++)
        {
            string json = System.Text.Json.JsonSerializer.Serialize(values[i]);
            Assert.Equal("OK", (await server.CallAsync("CreateSecret", $$"""{"Name":"s{{i}}","SecretString":{{json}},"ClientRequestToken":"{{T1}}"}""")).Outcome);
            TestAnswer read = await server.CallAsync("GetSecretValue", $$"""{"SecretId":"s{{i}}"}""");
            Assert.True(read["SecretString"] == values[i], $"value {i} came back changed");
        }

        byte[] bytes = [.. Enumerable.Range(0, 65_536).Select(i => (byte)i)];
        Assert.Equal("OK", (await server.CallAsync("CreateSecret", $$"""{"Name":"b","SecretBinary":"{{Convert.ToBase64String(bytes)}}","ClientRequestToken":"{{T1}}"}""")).Outcome);
        Assert.Equal(bytes, Convert.FromBase64String((await server.CallAsync("GetSecretValue", """{"SecretId":"b"}"""))["SecretBinary"]!));
    }

    [Theory]
    [InlineData(65_537, 'x')]
    [InlineData(21_846, '€')]
    [InlineData(0, 'x')]
    public async Task A_value_has_one_to_65536_bytes(int count, char c)
    {
        await using AwsTestServer server = await AwsTestServer.StartAsync();
        TestAnswer answer = await server.CallAsync("CreateSecret", Create("s", value: new string(c, count)));
        string rule = count == 0 ? "greater than or equal to 1" : "less than or equal to 65536";
        Assert.Equal(("ValidationException", $"1 validation error detected: Value at 'secretString' failed to satisfy constraint: Member must have length {rule}"), (answer.Outcome, answer.Message));
    }

    [Fact]
    public async Task What_another_wire_wrote_is_read_in_full_and_under_an_id()
    {
        await using AwsTestServer server = await AwsTestServer.StartAsync();
        using SecretValue large = SecretValue.Copy(Encoding.UTF8.GetBytes(new string('y', 200_000)));
        WriteOutcome made = await server.Core.Secrets.AddVersionAsync(
            server.CallerOf("admin"), new(server.Vault.Name, SecretName.Parse("big")), new() { Value = large, Kind = ValueKind.Object }, createIfMissing: true, TestContext.Current.CancellationToken);
        TestAnswer read = await server.CallAsync("GetSecretValue", """{"SecretId":"big"}""");
        Assert.Equal((200_000, made.Version!.Id.ToUuid()), (read["SecretString"]!.Length, read["VersionId"]));
        Assert.Equal("OK", (await server.CallAsync("GetSecretValue", $$"""{"SecretId":"big","VersionId":"{{read["VersionId"]}}"}""")).Outcome);
    }

    [Fact]
    public async Task A_name_that_this_wire_cannot_express_is_neither_listed_nor_found()
    {
        await using AwsTestServer server = await AwsTestServer.StartAsync();
        using SecretValue value = SecretValue.Copy("v"u8);
        await server.Core.Secrets.AddVersionAsync(server.CallerOf("admin"), new(server.Vault.Name, SecretName.Parse("with space")), new() { Value = value }, createIfMissing: true, TestContext.Current.CancellationToken);
        Assert.Empty((await server.CallAsync("ListSecrets", "{}")).Json["SecretList"]!.AsArray());
        Assert.Equal("ValidationException", (await server.CallAsync("GetSecretValue", """{"SecretId":"with space"}""")).Outcome);
    }

    [Fact]
    public async Task Old_versions_go_when_there_are_more_than_a_hundred_and_they_are_a_day_old()
    {
        await using AwsTestServer server = await AwsTestServer.StartAsync();
        await server.CallAsync("CreateSecret", Create("s"));
        for (int i = 0; i < 99; i++)
        {
            Assert.Equal("OK", (await server.CallAsync("PutSecretValue", Put("s", Guid.NewGuid().ToString()))).Outcome);
        }

        TestAnswer refused = await server.CallAsync("PutSecretValue", Put("s", T2));
        Assert.Equal((400, "LimitExceededException"), (refused.Status, refused.Outcome));
        server.Clock.Advance(TimeSpan.FromHours(25));
        Assert.Equal("OK", (await server.CallAsync("PutSecretValue", Put("s", T2))).Outcome);
        Assert.Equal("ResourceNotFoundException", (await server.CallAsync("GetSecretValue", $$"""{"SecretId":"s","VersionId":"{{T1}}"}""")).Outcome);
    }

    [Fact]
    public async Task Tags_that_were_all_removed_show_as_an_empty_list()
    {
        await using AwsTestServer server = await AwsTestServer.StartAsync();
        await server.CallAsync("CreateSecret", """{"Name":"never"}""");
        await server.CallAsync("CreateSecret", """{"Name":"once","Tags":[{"Key":"a","Value":"b"}]}""");
        await server.Core.Secrets.EditAsync(server.CallerOf("writer"), new(server.Vault.Name, SecretName.Parse("once")), new() { RemoveTags = ["a"] }, TestContext.Current.CancellationToken);
        Assert.Null((await server.CallAsync("DescribeSecret", """{"SecretId":"never"}""")).Json["Tags"]);
        Assert.Empty((await server.CallAsync("DescribeSecret", """{"SecretId":"once"}""")).Json["Tags"]!.AsArray());
    }

    [Theory]
    [InlineData("\"\"")]
    [InlineData("\"alias/aws/secretsmanager\"")]
    [InlineData("null")]
    public async Task The_default_key_is_not_shown(string key)
    {
        await using AwsTestServer server = await AwsTestServer.StartAsync();
        await server.CallAsync("CreateSecret", $$"""{"Name":"s","KmsKeyId":{{key}}}""");
        Assert.Null((await server.CallAsync("DescribeSecret", """{"SecretId":"s"}""")).Json["KmsKeyId"]);
    }

    [Fact]
    public async Task Forbidden_and_missing_look_alike()
    {
        await using AwsTestServer server = await AwsTestServer.StartAsync();
        await server.CallAsync("CreateSecret", Create("db-there"));
        foreach ((string operation, string principal, string rest) in new[]
        {
            ("GetSecretValue", "app", ""), ("DescribeSecret", "app", ""), ("RestoreSecret", "app", ""), ("DeleteSecret", "app", ""), ("DeleteSecret", "writer", ",\"ForceDeleteWithoutRecovery\":true"),
            ("GetSecretValue", "blind", ""), ("PutSecretValue", "nobody", $",\"SecretString\":\"v\",\"ClientRequestToken\":\"{T1}\""),
        })
        {
            TestAnswer there = await server.CallAsync(operation, $$"""{"SecretId":"db-there"{{rest}}}""", principal);
            TestAnswer gone = await server.CallAsync(operation, $$"""{"SecretId":"db-gone1"{{rest}}}""", principal);
            Assert.Equal("AccessDeniedException", there.Outcome);
            if (principal != "writer")
            {
                Assert.Equal((there.Status, there.Body.Length, there.Body.Replace("db-there", "db-gone1", StringComparison.Ordinal)), (gone.Status, gone.Body.Length, gone.Body));
            }
            else
            {
                Assert.Equal("AccessDeniedException", gone.Outcome);
            }
        }
    }

    [Fact]
    public async Task Requests_are_answered_under_their_own_id_and_recorded_under_it()
    {
        await using AwsTestServer server = await AwsTestServer.StartAsync();
        await server.CallAsync("CreateSecret", Create("s", value: "very-secret-value"));
        TestAnswer answer = await server.CallAsync("GetSecretValue", """{"SecretId":"s"}""");
        string id = answer.Header("x-amzn-RequestId")!;
        Assert.True(Guid.TryParse(id, out _));
        Assert.NotNull(answer.Header("Date"));
        string trail = await server.TrailAsync();
        Assert.Contains(id, trail, StringComparison.Ordinal);
        Assert.DoesNotContain("very-secret-value", trail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_body_that_is_too_large_is_refused()
    {
        await using AwsTestServer server = await AwsTestServer.StartAsync();
        TestAnswer answer = await server.CallAsync("GetSecretValue", "{\"SecretId\":\"" + new string('a', 1024 * 1024) + "\"}");
        Assert.Equal((413, "RequestEntityTooLargeException"), (answer.Status, answer.Outcome));
    }
}
