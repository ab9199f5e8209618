using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using CsCheck;

namespace Coffer.Protocols.Aws.Tests;

/// <summary>What no SDK sends: odd combinations, odd types, deep and broken JSON. Never a 5xx, never a value in an answer, log or trail.</summary>
public sealed class HostileRequestTests(SharedServer shared) : IClassFixture<SharedServer>
{
    private const string Marker = "S3cr3t-M4rker";

    private static readonly string[] Operations = ["GetSecretValue", "CreateSecret", "PutSecretValue", "DescribeSecret", "ListSecrets", "DeleteSecret", "RestoreSecret",
        "UpdateSecret", "UpdateSecretVersionStage", "ListSecretVersionIds", "TagResource", "UntagResource", "GetRandomPassword", "BatchGetSecretValue",
        "ReplicateSecretToRegions", "RemoveRegionsFromReplication", "StopReplicationToReplica", "RotateSecret", "CancelRotateSecret"];

    private static readonly (string Name, string[] Values)[] Members =
    [
        ("SecretId", ["\"app/db\"", "\"none\"", "\"a b\"", "\"\"", "\"arn:aws:secretsmanager:x:123456789012:secret:x\""]),
        ("Name", ["\"app/new\"", "\"app/db\"", "\"..\"", "\"\""]),
        ("ClientRequestToken", ["\"11111111-1111-4111-8111-111111111111\"", "\"short\"", "\"\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\""]),
        ("Description", ["\"\"", $"\"{Marker}\"", "\"\\u0000\\uD83D\\uDE00\"", "\"\\ud800\""]),
        ("KmsKeyId", ["\"\"", "\"alias/x\"", $"\"{Marker}\""]),
        ("SecretString", [$"\"{Marker}\"", "\"\"", "\"\\ud800\"", "\"\\u0000\""]),
        ("SecretBinary", ["\"UzNjcjN0LU00cmtlcg==\"", "\"%%%\"", "\"\"", "\"AAA\""]),
        ("Tags", ["[]", $$"""[{"Key":"a","Value":"{{Marker}}"}]""", "[{}]", "[[]]", "[null]", "{}", """[{"Key":"a","Key":"b"}]""", """[{"Key":{},"Value":[]}]"""]),
        ("VersionId", ["\"11111111-1111-4111-8111-111111111111\"", "\"x\"", "\"\""]),
        ("VersionStage", ["\"AWSCURRENT\"", "\"AWSPENDING\"", "\"\"", "\"\\u0007\""]),
        ("VersionStages", ["[]", "[\"AWSCURRENT\"]", "[\"AWSPREVIOUS\",\"AWSPREVIOUS\"]", "[\"AWSPENDING\",\"x\"]", "[null]", "[1]", "\"x\""]),
        ("RotationToken", ["\"x\"", "\"123456789012345678901234567890123456\""]),
        ("RecoveryWindowInDays", ["7", "30", "0", "-1", "9223372036854775807", "1e400", "7.5", "\"7\""]),
        ("ForceDeleteWithoutRecovery", ["true", "false", "\"true\"", "1"]),
        ("IncludePlannedDeletion", ["true", "false", "[]"]),
        ("MaxResults", ["1", "100", "0", "101", "-9223372036854775808", "1e3", "99999999999999999999"]),
        ("NextToken", ["\"\"", "\"x\"", $"\"{Marker}\"", "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\""]),
        ("Filters", ["[]", """[{"Key":"name","Values":["a"]}]""", """[{"Key":"all","Values":["!"]}]""", """[{"Key":"description","Values":["! !"," "]}]""", "[{}]", """[{"Key":"x"}]""", """[{"Key":"name","Values":[]}]""", """[{"Key":"name","Values":["\u0000"]}]""", """[{"Key":"tag-key","Values":["", "!"]}]"""]),
        ("SortOrder", ["\"asc\"", "\"desc\"", "\"x\""]),
        ("SortBy", ["\"name\"", "\"created-date\"", "\"last-accessed-date\"", "\"last-changed-date\"", "\"x\""]),
        ("AddReplicaRegions", ["[]", """[{"Region":"us-east-1"}]""", "[{}]", """[{"Region":"eu-west-1"}]""", """[{"Region":"us-east-1"},{"Region":"us-east-1"}]""", """[{"Region":"\u0000"}]""", """[{"Region":[]}]""", "[null]", $$"""[{"Region":"us-west-2","KmsKeyId":"{{Marker}}"}]"""]),
        ("RemoveReplicaRegions", ["[]", "[\"us-east-1\"]", "[\"x\"]", "[null]", "[{}]", "\"us-east-1\""]),
        ("ForceOverwriteReplicaSecret", ["true", "\"x\""]),
        ("Type", ["\"\"", "\"x\""]),
        ("RemoveFromVersionId", ["\"11111111-1111-4111-8111-111111111111\"", "\"x\""]),
        ("MoveToVersionId", ["\"11111111-1111-4111-8111-111111111111\"", "\"99999999-9999-4999-8999-999999999999\"", "[]"]),
        ("IncludeDeprecated", ["true", "1"]),
        ("TagKeys", ["[]", "[\"a\"]", "[\"\"]", "[null]", "\"a\""]),
        ("SecretIdList", ["[\"app/db\",\"none\"]", "[]", "[\"a b\"]", "[1]", "[\"app/db\",\"app/db\"]"]),
        ("PasswordLength", ["1", "32", "4096", "4097", "0", "-1", "1e2"]),
        ("ExcludeCharacters", ["\"\"", "\"abc\\u0000\\ud83d\\ude00\"", $"\"{Marker}\""]),
        ("ExcludeNumbers", ["true", "\"true\""]),
        ("ExcludePunctuation", ["true", "false"]),
        ("ExcludeUppercase", ["true", "[]"]),
        ("ExcludeLowercase", ["true", "false"]),
        ("IncludeSpace", ["true", "0"]),
        ("RequireEachIncludedType", ["true", "false", "{}"]),
        ("RotationLambdaARN", ["\"arn:aws:lambda:eu-west-1:123456789012:function:turn\"", "\"turn\"", "\"\"", $"\"{Marker}\"", "[]"]),
        ("RotationRules", ["{}", """{"AutomaticallyAfterDays":1}""", """{"AutomaticallyAfterDays":1001}""", """{"AutomaticallyAfterDays":1,"ScheduleExpression":"rate(4 hours)"}""", """{"ScheduleExpression":"cron(0 8 ? * 1#5 *)","Duration":"3h"}""", """{"Duration":"99h"}""", """{"ScheduleExpression":"rate(999999999999999999999 days)"}""", $$"""{"ScheduleExpression":"{{Marker}}"}""", """{"Duration":"1h","Duration":"2h"}"""]),
        ("RotateImmediately", ["true", "false", "\"false\""]),
        ("ExternalSecretRotationMetadata", ["[]", """[{"Key":"a","Value":"b"}]""", "{}"]),
        ("ExternalSecretRotationRoleArn", ["\"arn:aws:iam::123456789012:role/x\"", "\"x\""]),
        ("Unknown", ["{}", "[[[[]]]]", "null"]),
    ];

    private AwsTestServer Server => shared.Server;

    [Fact]
    public async Task Any_combination_of_members_is_answered_and_none_breaks_the_server()
    {
        // Of its own: whatever comes, deletions among it, changes nothing for the other tests.
        await using SharedServer own = new();
        await own.InitializeAsync();
        AwsTestServer server = own.Server;
        int log = server.Log.Count;
        Gen<string> member = Gen.Select(Gen.Int[0, Members.Length - 1], Gen.Int[0, 9], (m, v) => $"\"{Members[m].Name}\":{(v == 9 ? "null" : Members[m].Values[v % Members[m].Values.Length])}");
        Gen<(string, string)> request = Gen.Select(Any.Of(Operations), member.Array[0, 8], (operation, members) =>
            (operation, "{" + string.Join(',', members.DistinctBy(m => m[..m.IndexOf(':', StringComparison.Ordinal)])) + "}"));
        request.Sample(
            (operation, body) =>
            {
                TestAnswer answer = server.CallAsync(operation, body, "admin").GetAwaiter().GetResult();
                return answer.Status is 200 or 400 && (answer.Status == 200 || !answer.Body.Contains(Marker, StringComparison.Ordinal));
            },
            iter: Any.Times(800),
            threads: 1);
        Assert.Equal(log, server.Log.Count);
        Assert.DoesNotContain(Marker, await server.TrailAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public void Broken_json_is_never_the_server_s_failure()
    {
        byte[] whole = Encoding.UTF8.GetBytes($$"""{"SecretId":"app/db","SecretString":"{{Marker}}","ClientRequestToken":"11111111-1111-4111-8111-111111111111","VersionStages":["AWSCURRENT","x"],"Unknown":{"a":[1,2,{"b":null} ] } }""");
        Gen.Select(Gen.Int[0, whole.Length - 1], Gen.Int[0, 3], Gen.Byte, Gen.Int[0, whole.Length - 1]).Sample(
            (at, how, b, other) =>
            {
                byte[] body = how switch
                {
                    0 => [.. whole[..at], b, .. whole[(at + 1)..]],
                    1 => whole[..at],
                    2 => [.. whole[..at], .. whole[Math.Min(at, other)..]],
                    _ => [.. whole[..at], b, .. whole[at..]],
                };
                TestAnswer answer = Server.SendAsync(TestRequest.Json("PutSecretValue", body), Server.KeyOf("writer")).GetAwaiter().GetResult();
                return answer.Status is 200 or 400 && !answer.Body.Contains(Marker, StringComparison.Ordinal);
            },
            iter: Any.Times(600),
            threads: 1);
    }

    [Theory]
    [InlineData("deep arrays")]
    [InlineData("deep objects")]
    [InlineData("many members")]
    [InlineData("one name twice")]
    [InlineData("escaped name twice")]
    [InlineData("nested name twice")]
    [InlineData("huge number")]
    [InlineData("long list")]
    [InlineData("comment")]
    [InlineData("trailing comma")]
    [InlineData("byte order mark")]
    [InlineData("utf-16")]
    [InlineData("single quotes")]
    [InlineData("NaN")]
    public async Task Hostile_json_is_refused_as_unreadable(string kind)
    {
        byte[] body = kind switch
        {
            "deep arrays" => Text("{\"X\":" + new string('[', 50_000) + new string(']', 50_000) + "}"),
            "deep objects" => Text(string.Concat(Enumerable.Repeat("{\"a\":", 20_000)) + "1" + new string('}', 20_000)),
            "many members" => Text("{\"SecretId\":\"none\"," + string.Join(',', Enumerable.Range(0, 20_000).Select(i => $"\"m{i}\":{i}")) + ",\"SecretId\":\"none\"}"),
            "one name twice" => Text("{\"SecretId\":\"app/db\",\"SecretId\":\"none\"}"),
            "escaped name twice" => Text("{\"SecretId\":\"app/db\",\"Secret\\u0049d\":\"none\"}"),
            "nested name twice" => Text("{\"SecretId\":\"app/db\",\"SecretId\":null}"),
            "huge number" => Text("{\"SecretId\":" + new string('9', 100_000) + "}"),
            "long list" => Text("{\"SecretId\":[" + string.Join(',', Enumerable.Repeat("1", 50_000)) + "]}"),
            "comment" => Text("{/* x */\"SecretId\":\"app/db\"}"),
            "trailing comma" => Text("{\"SecretId\":\"app/db\",}"),
            "byte order mark" => [0xEF, 0xBB, 0xBF, .. Text("{\"SecretId\":\"app/db\"}")],
            "utf-16" => Encoding.Unicode.GetBytes("{\"SecretId\":\"app/db\"}"),
            "single quotes" => Text("{'SecretId':'app/db'}"),
            _ => Text("{\"SecretId\":NaN}"),
        };
        TestAnswer answer = await Server.SendAsync(TestRequest.Json("GetSecretValue", body), Server.KeyOf("writer"));
        Assert.Equal((400, """{"__type":"SerializationException"}"""), (answer.Status, answer.Body));
        Assert.Equal("OK", (await Server.CallAsync("ListSecrets", "{}")).Outcome);
    }

    [Theory]
    [InlineData("CreateSecret", """{"Name":"M x"}""")]
    [InlineData("CreateSecret", """{"Name":"n","SecretString":"M","SecretBinary":"AA==","ClientRequestToken":"11111111-1111-4111-8111-111111111111"}""")]
    [InlineData("CreateSecret", """{"Name":"n","SecretString":"M"}""")]
    [InlineData("CreateSecret", """{"Name":"n","SecretString":"M","ClientRequestToken":"M"}""")]
    [InlineData("CreateSecret", """{"Name":"n","SecretString":"M","ClientRequestToken":"11111111-1111-4111-8111-111111111111","Tags":[{"Key":"aws:M","Value":"M"}]}""")]
    [InlineData("CreateSecret", """{"Name":"n","SecretString":{"password":"M"},"ClientRequestToken":"11111111-1111-4111-8111-111111111111"}""")]
    [InlineData("CreateSecret", """{"Name":"n","SecretString":"M","ClientRequestToken":"11111111-1111-4111-8111-111111111111" "M"}""")]
    [InlineData("PutSecretValue", """{"SecretId":"app/none","SecretString":"M","ClientRequestToken":"11111111-1111-4111-8111-111111111111"}""")]
    [InlineData("PutSecretValue", """{"SecretId":"app/db","SecretString":"M","ClientRequestToken":"11111111-1111-4111-8111-111111111111"}""")]
    [InlineData("PutSecretValue", """{"SecretId":"app/db","SecretBinary":"M!","ClientRequestToken":"22222222-2222-4222-8222-222222222222"}""")]
    [InlineData("PutSecretValue", """{"SecretId":"app/db","SecretString":"M","VersionStages":["M\u0007"],"RotationToken":"M","ClientRequestToken":"22222222-2222-4222-8222-222222222222"}""")]
    [InlineData("ListSecrets", """{"NextToken":"M","Filters":[{"Key":"name","Values":["M*"]}]}""")]
    [InlineData("ListSecrets", """{"NextToken":"M"}""")]
    [InlineData("CreateSecret", """{"Name":"n","Description":"M_LONG"}""")]
    public async Task No_error_repeats_what_could_be_a_secret(string operation, string body)
    {
        body = body.Replace("M_LONG", string.Concat(Enumerable.Repeat(Marker, 200)), StringComparison.Ordinal);
        string marked = body.Contains(Marker, StringComparison.Ordinal) ? body : body.Replace("\"M", "\"" + Marker, StringComparison.Ordinal).Replace(":M", ":" + Marker, StringComparison.Ordinal);
        TestAnswer answer = await Server.CallAsync(operation, marked);
        Assert.Equal(400, answer.Status);
        Assert.DoesNotContain(Marker, answer.Body, StringComparison.Ordinal);
        Assert.DoesNotContain(Marker, await Server.TrailAsync(), StringComparison.Ordinal);
        Assert.DoesNotContain(Server.Log, line => line.Contains(Marker, StringComparison.Ordinal));
    }

    [Fact]
    public void Types_that_hold_values_print_as_nothing()
    {
        using AwsInput input = AwsInput.Parse(Encoding.UTF8.GetBytes($$"""{"SecretString":"{{Marker}}"}"""), AwsMembers.SecretString);
        using AwsBuffer buffer = new(16);
        buffer.Write(Marker);
        Assert.Equal(("***", "***", "***"), (input.ToString(), input.SecretString!.ToString(), buffer.ToString()));
    }

    [Fact]
    public void Parsing_then_printing_json_of_any_text_keeps_it() =>
        Gen.String[0, 50].Where(s => !s.Any(char.IsSurrogate)).Sample(text =>
        {
            using AwsInput input = AwsInput.Parse(Encoding.UTF8.GetBytes(new JsonObject { ["SecretString"] = text }.ToJsonString(new JsonSerializerOptions())), AwsMembers.SecretString);
            return Encoding.UTF8.GetString(input.SecretString!.Span) == text;
        });

    private static byte[] Text(string text) => Encoding.UTF8.GetBytes(text);
}
