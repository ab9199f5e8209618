using System.Text.Json;
using Coffer.Core.Secrets;
using CsCheck;

namespace Coffer.Protocols.Aws.Tests;

public sealed class NameTests(SharedServer shared) : IClassFixture<SharedServer>
{
    private const string Token = "11111111-1111-4111-8111-111111111111";

    private AwsTestServer Server => shared.Server;

    [Theory]
    [InlineData("app/db", null, "app/db", null)]
    [InlineData("/app", null, "/app", null)]
    [InlineData("x-a1b2c3", null, "x-a1b2c3", null)]
    [InlineData("rds!cluster-1", null, "rds!cluster-1", null)]
    [InlineData("arn:aws:secretsmanager:eu-west-1:123456789012:secret:app/db-AbCdEf", "123456789012", "app/db", "AbCdEf")]
    [InlineData("arn:aws:secretsmanager:eu-west-1:123456789012:secret:app/db", "123456789012", "app/db", null)]
    [InlineData("arn:aws:secretsmanager:eu-west-1:123456789012:secret:x-a1b2c3", "123456789012", "x", "a1b2c3")]
    [InlineData("arn:aws:secretsmanager:eu-west-1:123456789012:secret:x-a1b2c3-AbCdEf", "123456789012", "x-a1b2c3", "AbCdEf")]
    [InlineData("arn:aws:secretsmanager:eu-west-1:123456789012:secret:x-a1b2", "123456789012", "x-a1b2", null)]
    [InlineData("arn:aws:secretsmanager:eu-west-1:123456789012:secret:x-a1b2c3-", "123456789012", "x-a1b2c3-", null)]
    [InlineData("arn:aws:secretsmanager:eu-west-1:123456789012:secret:-a1b2c3", "123456789012", "-a1b2c3", null)]
    [InlineData("arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:x", "123456789012", "x", null)]
    [InlineData("arn:aws:secretsmanager:eu-west-1:000000000000:secret:x", "000000000000", "x", null)]
    public void A_secret_id_is_read_as(string text, string? account, string name, string? suffix) =>
        Assert.Equal(new AwsSecretId(account, SecretName.Parse(name), suffix), AwsNames.ParseSecretId(text));

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData("a b")]
    [InlineData("a%2fb")]
    [InlineData("a%2Fb")]
    [InlineData("a\0")]
    [InlineData("a\n")]
    [InlineData("..")]
    [InlineData(".")]
    [InlineData("a/../b")]
    [InlineData("a/./b")]
    [InlineData("../a")]
    [InlineData("a\\b")]
    [InlineData("caf\u00e9")]
    [InlineData("app\u2044db")]
    [InlineData("a\u200bb")]
    [InlineData("\uff41pp/db")]
    [InlineData("a*")]
    [InlineData("a?b")]
    [InlineData("a:b")]
    [InlineData("a,b")]
    [InlineData("a~b")]
    [InlineData("a#b")]
    [InlineData("a\"b")]
    [InlineData("arn:")]
    [InlineData("arn:aws:secretsmanager:eu-west-1:123456789012:secret")]
    [InlineData("arn:aws:secretsmanager:eu-west-1:123456789012:secret:")]
    [InlineData("arn:aws:secretsmanager:eu-west-1:12345678901:secret:x")]
    [InlineData("arn:aws:secretsmanager:eu-west-1:12345678901x:secret:x")]
    [InlineData("arn:aws:secretsmanager::123456789012:secret:x")]
    [InlineData("arn:aws:secretsmanager:EU:123456789012:secret:x")]
    [InlineData("arn:aws:s3:eu-west-1:123456789012:secret:x")]
    [InlineData("arn:aws:secretsmanager:eu-west-1:123456789012:key:x")]
    [InlineData("arn:gcp:secretsmanager:eu-west-1:123456789012:secret:x")]
    [InlineData("arn:aws:secretsmanager:eu-west-1:123456789012:secret:a:b")]
    [InlineData("arn:aws:secretsmanager:eu-west-1:123456789012:secret:../x-AbCdEf")]
    [InlineData("ARN:aws:secretsmanager:eu-west-1:123456789012:secret:x")]
    public async Task Anything_else_is_no_name_in_any_operation(string text)
    {
        string json = JsonEncodedText.Encode(text).ToString();
        foreach ((string operation, string body) in new[]
        {
            ("GetSecretValue", $$"""{"SecretId":"{{json}}"}"""),
            ("DescribeSecret", $$"""{"SecretId":"{{json}}"}"""),
            ("DeleteSecret", $$"""{"SecretId":"{{json}}"}"""),
            ("RestoreSecret", $$"""{"SecretId":"{{json}}"}"""),
            ("PutSecretValue", $$"""{"SecretId":"{{json}}","SecretString":"v","ClientRequestToken":"{{Token}}"}"""),
            ("CreateSecret", $$"""{"Name":"{{json}}"}"""),
        })
        {
            TestAnswer answer = await Server.CallAsync(operation, body);
            Assert.Equal((400, "ValidationException"), (answer.Status, answer.Outcome));
            if (text.Length > 0)
            {
                Assert.Equal(AwsNames.InvalidName, answer.Message);
            }
        }
    }

    [Theory]
    [InlineData("APP/DB")]
    [InlineData("App/db")]
    [InlineData("app/db/")]
    [InlineData("/app/db")]
    [InlineData("app//db")]
    [InlineData("app/d")]
    [InlineData("app/dbx")]
    [InlineData("app/db.")]
    public async Task A_name_that_only_looks_like_another_is_another(string name) =>
        Assert.Equal("ResourceNotFoundException", (await Server.CallAsync("GetSecretValue", $$"""{"SecretId":"{{name}}"}""")).Outcome);

    [Fact]
    public async Task Overlong_utf8_is_no_json()
    {
        foreach (byte[] slash in new byte[][] { [0xC0, 0xAF], [0xE0, 0x80, 0xAF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xFF] })
        {
            byte[] body = [.. "{\"SecretId\":\"app"u8, .. slash, .. "db\"}"u8];
            TestAnswer answer = await Server.SendAsync(TestRequest.Json("GetSecretValue", body), Server.KeyOf("writer"));
            Assert.Equal(400, answer.Status);
            Assert.Contains(answer.Outcome, (string[])["SerializationException", "ValidationException"]);
        }
    }

    [Fact]
    public async Task A_name_that_ends_like_an_arn_works_by_name_and_full_arn_but_not_by_partial_arn()
    {
        TestAnswer made = await Server.CallAsync("CreateSecret", $$"""{"Name":"x-a1b2c3","SecretString":"v","ClientRequestToken":"{{Token}}"}""");
        string arn = made["ARN"]!;
        Assert.Equal("OK", (await Server.CallAsync("GetSecretValue", """{"SecretId":"x-a1b2c3"}""")).Outcome);
        Assert.Equal("OK", (await Server.CallAsync("GetSecretValue", $$"""{"SecretId":"{{arn}}"}""")).Outcome);
        Assert.Equal("ResourceNotFoundException", (await Server.CallAsync("GetSecretValue", $$"""{"SecretId":"{{arn[..^7]}}"}""")).Outcome);
    }

    [Fact]
    public async Task The_arn_of_a_secret_that_was_created_anew_is_gone_for_every_operation()
    {
        await using AwsTestServer server = await AwsTestServer.StartAsync();
        string create = $$"""{"Name":"again","SecretString":"v","ClientRequestToken":"{{Token}}"}""";
        string old = (await server.CallAsync("CreateSecret", create))["ARN"]!;
        await server.CallAsync("DeleteSecret", """{"SecretId":"again","ForceDeleteWithoutRecovery":true}""", "admin");
        string now = (await server.CallAsync("CreateSecret", create))["ARN"]!;
        Assert.NotEqual(old, now);
        foreach ((string operation, string rest) in new[] { ("GetSecretValue", ""), ("DescribeSecret", ""), ("DeleteSecret", ""), ("RestoreSecret", ""), ("PutSecretValue", $$""","SecretString":"w","ClientRequestToken":"{{Token}}" """) })
        {
            TestAnswer answer = await server.CallAsync(operation, $$"""{"SecretId":"{{old}}"{{rest}}}""");
            Assert.Equal((400, "ResourceNotFoundException"), (answer.Status, answer.Outcome));
        }

        Assert.Equal(old, (await server.CallAsync("DeleteSecret", $$"""{"SecretId":"{{old}}","ForceDeleteWithoutRecovery":true}""", "admin"))["ARN"]);
        Assert.Equal("v", (await server.CallAsync("GetSecretValue", $$"""{"SecretId":"{{now}}"}"""))["SecretString"]);
    }

    [Fact]
    public async Task The_region_of_an_arn_is_the_one_the_caller_signed_for()
    {
        foreach (string region in (string[])["us-east-1", "eu-central-2", "local"])
        {
            TestRequest request = TestRequest.Json("DescribeSecret", """{"SecretId":"app/db"}""") with { Host = $"127.0.0.1:{Server.Port}" };
            TestAnswer answer = await Server.SendRawAsync(TestSigner.Sign(request, Server.KeyOf("writer"), AwsTestServer.Start, region).ToBytes());
            Assert.StartsWith($"arn:aws:secretsmanager:{region}:{Server.Vault.Number}:secret:app/db-", answer["ARN"], StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Whatever_is_asked_for_by_a_legal_name_is_that_name_or_nothing() =>
        Gen.String[Gen.Char["abAB/_+=.@-!%~:,* \u00e9"], 1, 12].Sample(
            text =>
            {
                try
                {
                    AwsSecretId id = AwsNames.ParseSecretId(text);
                    return id.Account is null && id.Suffix is null && id.Name.Value == text;
                }
                catch (AwsRefusal refusal)
                {
                    return refusal.Error.Message == AwsNames.InvalidName;
                }
            },
            iter: Any.Times(20_000));

    [Fact]
    public void Ids_of_a_principal_never_change_and_differ_between_principals()
    {
        Coffer.Core.Access.Identity Of(string guid, Coffer.Core.Access.PrincipalKind kind) => new()
        {
            Principal = new() { Id = Guid.Parse(guid), Name = Coffer.Core.Access.PrincipalName.Parse("n"), Kind = kind, Created = 0 },
            Credential = "c",
            Root = "c",
        };

        string person = AwsNames.CallerId(Of("00000000-0000-0000-0000-000000000001", Coffer.Core.Access.PrincipalKind.Person));
        Assert.Equal(person, AwsNames.CallerId(Of("00000000-0000-0000-0000-000000000001", Coffer.Core.Access.PrincipalKind.Person)));
        Assert.Matches("^AIDA[A-Z2-7]{17}$", person);
        Assert.NotEqual(person, AwsNames.CallerId(Of("00000000-0000-0000-0000-000000000002", Coffer.Core.Access.PrincipalKind.Person)));
        Assert.Matches("^AROA[A-Z2-7]{17}:n$", AwsNames.CallerId(Of("00000000-0000-0000-0000-000000000001", Coffer.Core.Access.PrincipalKind.Workload)));
    }
}
