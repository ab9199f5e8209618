using System.Text;
using System.Text.Json;
using Coffer.Contracts;

namespace Coffer.Protocols.Native.Tests;

public sealed class ContractsTests
{
    private const string Marker = "s3cr3t-marker";

    [Fact]
    public void Whatever_holds_a_value_prints_as_stars()
    {
        VersionInfo version = new() { Number = 1, Id = "0", State = "enabled", Kind = "text", Created = default, Updated = default };
        CredentialInfo credential = new() { Id = "ct-1", Kind = "token", Created = default };
        object[] holders =
        [
            Text(), new SecretBytes(Encoding.ASCII.GetBytes(Marker)),
            new SecretContent { Vault = "v", Name = "n", Version = version, Text = Text() },
            new NewSecret { Name = "n", Text = Text() }, new NewValue { Text = Text(), Base64 = new(Encoding.ASCII.GetBytes(Marker)) },
            new ResolvedValue { Text = Text() }, new ResolveResult { Values = [new() { Text = Text() }] },
            new IssuedSecret { Credential = credential, Secret = Text() },
            new SessionCredentials { AccessKeyId = "ASIA", SecretAccessKey = Text(), SessionToken = Text(), Expiration = default },
            new NewTrust { Name = "ci", Secret = Text() }, new TrustLogin { Trust = "ci", Token = Text() },
            new TrustLogin { Trust = "ci", SignedRequest = new() { Method = "GET", Url = "https://sts.example/?X-Amz-Security-Token=" + Marker, Headers = new Dictionary<string, string> { ["authorization"] = Marker }, Body = Marker } },
            new TrustSession { Principal = "p", Id = "cs-1", Expiration = default, Token = Text() },
            new IssuedBearerToken { Id = "cs-1", Token = Text(), Expiration = default },
            new PasswordLogin { Principal = "p", Password = Text(), Code = Text() }, new LoginResult { Id = "cn-1", Principal = "p", Token = Text(), Expires = default },
            new InvitationAcceptance { Invitation = Text(), Password = Text() }, new IssuedInvitation { Id = "ci-1", Principal = "p", Invitation = Text(), Expires = default },
            new PasswordChange { Old = Text(), New = Text() }, new PasswordProof { Password = Text() }, new CodeProof { Code = Text() }, new NewOneTimeCodes { Uri = Text(), Seed = Text(), Expires = default },
            new RecoveryCodeList { Codes = [Text()] }, new BrowserLoginProof { Login = "l", IdToken = Text() }, new RotatedCredential { Credential = credential, Secret = Text(), Old = credential },
            new UnsealRequest { Share = Text(), Passphrase = Text() }, new SealProof { Passphrase = Text(), Shares = [Text()] },
            new RekeyRequest { Seal = "passphrase", Passphrase = Text(), Proof = new() { Passphrase = Text() } },
            new RekeyResult { Seal = "shamir", Shares = [Text()] }, ZeroingBuffer.Of(Text(), ContractsJson.Default.SecretText),
        ];
        Assert.All(holders, h => Assert.DoesNotContain(Marker, h.ToString(), StringComparison.Ordinal));
        Type[] covered = [.. holders.Select(h => h.GetType())];
        Assert.All(
            typeof(SecretText).Assembly.GetExportedTypes().Where(t => t != typeof(ContractsJson) && t.GetProperties().Any(p => Holds(p.PropertyType))),
            t => Assert.Contains(t, covered));
    }

    [Fact]
    public void A_disposed_value_is_zeros()
    {
        SecretText text = Text();
        ReadOnlyMemory<byte> memory = text.Memory;
        text.Dispose();
        Assert.All(memory.ToArray(), b => Assert.Equal(0, b));
        SecretContent content = new() { Vault = "v", Name = "n", Version = null!, Base64 = new([1, 2, 3]) };
        memory = content.Bytes;
        content.Dispose();
        Assert.All(memory.ToArray(), b => Assert.Equal(0, b));
        ZeroingBuffer buffer = ZeroingBuffer.Of(Text(), ContractsJson.Default.SecretText);
        memory = buffer.WrittenMemory;
        buffer.Dispose();
        Assert.All(memory.ToArray(), b => Assert.Equal(0, b));
    }

    [Theory]
    [InlineData("{\"to\":3}", "3")]
    [InlineData("{\"to\":\"3\"}", "3")]
    [InlineData("{\"to\":3.0}", null)]
    [InlineData("{\"to\":null}", null)]
    [InlineData("{\"to\":{}}", null)]
    [InlineData("{}", null)]
    [InlineData("{\"to\":3,\"to\":4}", null)]
    [InlineData("{\"to\":3,\"From\":4}", null)]
    [InlineData("{\"To\":3}", null)]
    public void Requests_are_read_strictly(string json, string? expected)
    {
        if (expected is null)
        {
            Assert.Throws<JsonException>(() => JsonSerializer.Deserialize(json, ContractsJson.Strict.Rollback));
        }
        else
        {
            Assert.Equal(expected, JsonSerializer.Deserialize(json, ContractsJson.Strict.Rollback)!.To);
        }
    }

    [Fact]
    public void Answers_may_have_members_that_a_newer_server_added() =>
        Assert.Equal("ready", JsonSerializer.Deserialize("{\"status\":\"ready\",\"version\":\"9\",\"cluster\":{}}", ContractsJson.Default.Health)!.Status);

    [Theory]
    [InlineData("\"a\\ud800b\"")]
    [InlineData("\"\\udc00\"")]
    [InlineData("1")]
    [InlineData("{}")]
    public void What_is_no_text_is_refused_without_a_word_of_it(string json)
    {
        JsonException failure = Assert.Throws<JsonException>(() => JsonSerializer.Deserialize(json, ContractsJson.Default.SecretText));
        Assert.Null(failure.InnerException);
    }

    [Fact]
    public void Text_is_unescaped_into_its_buffer()
    {
        using SecretText text = JsonSerializer.Deserialize("\"\\u00fc\\n\\\"\\ud834\\udd1e\"", ContractsJson.Default.SecretText)!;
        Assert.Equal("ü\n\"𝄞", text.Reveal());
        using SecretBytes bytes = JsonSerializer.Deserialize("\"AAEC\\u002fw==\"", ContractsJson.Default.SecretBytes)!;
        Assert.Equal([0, 1, 2, 255], bytes.Span.ToArray());
        Assert.Throws<ArgumentException>(() => new SecretText([0xC0, 0xAF]));
    }

    private static SecretText Text() => SecretText.From(Marker);

    private static bool Holds(Type type) =>
        type == typeof(SecretText) || type == typeof(SecretBytes) || (type.IsGenericType && type.GetGenericArguments().Any(a => Holds(a) || a.GetProperties().Any(p => p.PropertyType == typeof(SecretText))))
        || (type.Assembly == typeof(SecretText).Assembly && type != typeof(ContractsJson) && type.GetProperties().Any(p => p.PropertyType == typeof(SecretText)));
}
