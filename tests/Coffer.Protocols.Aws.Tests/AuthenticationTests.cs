using System.Text.RegularExpressions;
using CsCheck;

namespace Coffer.Protocols.Aws.Tests;

/// <summary>A server for tests that only read what they made themselves.</summary>
public sealed class SharedServer : IAsyncLifetime
{
    public AwsTestServer Server { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Server = await AwsTestServer.StartAsync();
        TestAnswer made = await Server.CallAsync("CreateSecret", """{"Name":"app/db","SecretString":"hunter2-hunter2","ClientRequestToken":"11111111-1111-4111-8111-111111111111"}""");
        Assert.Equal("OK", made.Outcome);
    }

    public ValueTask DisposeAsync() => Server.DisposeAsync();
}

public sealed partial class AuthenticationTests(SharedServer shared) : IClassFixture<SharedServer>
{
    private const string Read = """{"SecretId":"app/db"}""";

    private static readonly TestRequest Request = TestRequest.Json("GetSecretValue", Read);

    private AwsTestServer Server => shared.Server;

    private static string Hash => "(Hashed with SHA-256 and encoded with Base64)";

    /// <summary>Each row of the reference's table, as a change to a request that would otherwise be accepted.</summary>
    public static TheoryData<string, string, string> Rows => new()
    {
        { "both", "InvalidSignatureException", "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header." },
        { "none", "MissingAuthenticationTokenException", "Missing Authentication Token" },
        { "query on json", "MissingAuthenticationTokenException", "Missing Authentication Token" },
        { "no credential", "IncompleteSignatureException", $"Authorization header requires 'Credential' parameter. {Hash} Authorization=<hash>" },
        { "no signature", "IncompleteSignatureException", $"Authorization header requires 'Signature' parameter. {Hash} Authorization=<hash>" },
        { "no signed headers", "IncompleteSignatureException", $"Authorization header requires 'SignedHeaders' parameter. {Hash} Authorization=<hash>" },
        { "no date", "IncompleteSignatureException", $"Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. {Hash} Authorization=<hash>" },
        { "nothing at all", "IncompleteSignatureException", $"Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. {Hash} Authorization=<hash>" },
        { "bad pair", "IncompleteSignatureException", "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with Base64): '<hash>'." },
        { "part twice", "IncompleteSignatureException", "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with Base64): '<hash>'." },
        { "date format", "IncompleteSignatureException", "Date must be in ISO-8601 'basic format'. Got '2026-01-02T03:04:05Z'. See http://en.wikipedia.org/wiki/ISO_8601" },
        { "too old", "InvalidSignatureException", "Signature expired: 20260102T025904Z is now earlier than 20260102T025905Z (20260102T030405Z - 5 min.)" },
        { "in the future", "InvalidSignatureException", "Signature not yet current: 20260102T030906Z is still later than 20260102T030905Z (20260102T030405Z + 5 min.)" },
        { "host unsigned", "InvalidSignatureException", "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization." },
        { "date unsigned", "InvalidSignatureException", "'X-Amz-Date' must be a 'SignedHeader' in the AWS Authorization." },
        { "target unsigned", "InvalidSignatureException", "'X-Amz-Target' must be a 'SignedHeader' in the AWS Authorization." },
        { "token unsigned", "InvalidSignatureException", "'X-Amz-Security-Token' must be a 'SignedHeader' in the AWS Authorization." },
        { "too many headers", "InvalidSignatureException", "The AWS Authorization lists too many 'SignedHeaders'." },
        { "algorithm", "IncompleteSignatureException", "Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256'." },
        { "credential parts", "IncompleteSignatureException", "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'AKIDEXAMPLE/20260102/eu-west-1/aws4_request'" },
        { "region", "InvalidSignatureException", "Credential should be scoped to a valid region, not 'EU_WEST'." },
        { "service", "InvalidSignatureException", "Credential should be scoped to correct service: 'secretsmanager'." },
        { "terminator", "InvalidSignatureException", "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'." },
        { "scope date", "InvalidSignatureException", "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20260101' != '20260102', from '20260102T030405Z'." },
        { "scope everything", "InvalidSignatureException", "Credential should be scoped to a valid region, not 'EU_WEST'. Credential should be scoped to correct service: 'secretsmanager'. Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'. Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20260101' != '20260102', from '20260102T030405Z'." },
        { "unknown key", "UnrecognizedClientException", "The security token included in the request is invalid." },
        { "odd key", "UnrecognizedClientException", "The security token included in the request is invalid." },
        { "token for a lasting key", "UnrecognizedClientException", "The security token included in the request is invalid." },
        { "wrong secret", "InvalidSignatureException", Differs },
        { "upper-case signature", "InvalidSignatureException", Differs },
        { "short signature", "InvalidSignatureException", Differs },
        { "unsigned payload", "InvalidSignatureException", Differs },
        { "wrong body hash", "InvalidSignatureException", Differs },
    };

    private const string Differs =
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.";

    [Theory]
    [MemberData(nameof(Rows))]
    public async Task A_wrong_proof_gets_exactly_this_answer(string row, string type, string message)
    {
        TestAnswer answer = await Server.SendRawAsync(Spoil(row).ToBytes());
        Assert.Equal((400, type, message), (answer.Status, answer.Outcome, HashText().Replace(answer.Message!, "<hash>")));
        Assert.Equal(["__type", "message"], answer.Json.Select(m => m.Key));
        Assert.Contains($"\"{type}", await Server.TrailAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(-300)]
    [InlineData(0)]
    [InlineData(300)]
    public async Task A_clock_may_be_off_by_five_minutes(int seconds)
    {
        TestRequest signed = TestSigner.Sign(Here(Request), Server.KeyOf("writer"), AwsTestServer.Start.AddSeconds(seconds).AddTicks(-AwsTestServer.Start.Ticks % TimeSpan.TicksPerSecond + (seconds < 0 ? TimeSpan.TicksPerSecond : 0)));
        Assert.Equal("OK", (await Server.SendRawAsync(signed.ToBytes())).Outcome);
    }

    [Theory]
    [InlineData("20260102T030405Z")]
    [InlineData("Fri, 02 Jan 2026 03:04:05 GMT")]
    public async Task The_date_header_serves_where_there_is_no_other(string date)
    {
        TestRequest request = Here(Request).With("Date", date);
        TestRequest signed = TestSigner.Sign(request.With("X-Amz-Date", "20260102T030405Z"), Server.KeyOf("writer"), AwsTestServer.Start, names: "content-type;date;host;x-amz-target");
        Assert.Equal("OK", (await Server.SendRawAsync(signed.Without("X-Amz-Date").ToBytes())).Outcome);
    }

    [Theory]
    [InlineData(", ")]
    [InlineData(",")]
    [InlineData(" ")]
    [InlineData(",  ")]
    public async Task Parts_may_be_apart_by_commas_or_blanks(string separator)
    {
        TestRequest signed = Sign(Request);
        TestRequest changed = signed.Without("Authorization").With("Authorization", signed.Header("Authorization")!.Replace(", ", separator, StringComparison.Ordinal));
        Assert.Equal("OK", (await Server.SendRawAsync(changed.ToBytes())).Outcome);
    }

    [Fact]
    public async Task Header_sets_of_all_four_SDKs_are_accepted()
    {
        string hash = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(Request.Body));
        TestRequest js = Here(Request).With("amz-sdk-invocation-id", "7c0f3b0e").With("amz-sdk-request", "attempt=1; max=3").With("x-amz-content-sha256", hash)
            .With("x-amz-user-agent", "aws-sdk-js/3").With("User-Agent", "aws-sdk-js/3");
        Assert.Equal("OK", (await Server.SendRawAsync(TestSigner.Sign(js, Server.KeyOf("writer"), AwsTestServer.Start).ToBytes())).Outcome);
        TestRequest dotnet = Here(Request).With("X-Amz-Content-SHA256", hash).With("X-Amz-Api-Version", "2017-10-17");
        Assert.Equal("OK", (await Server.SendRawAsync(TestSigner.Sign(dotnet, Server.KeyOf("writer"), AwsTestServer.Start).ToBytes())).Outcome);
    }

    [Theory]
    [InlineData("/aws")]
    [InlineData("/aws/")]
    [InlineData("/a%20b/c")]
    [InlineData("/?x=1&a=2")]
    public async Task A_path_in_front_of_the_service_changes_nothing(string target) =>
        Assert.Equal("OK", (await Server.SendAsync(Request with { Target = target }, Server.KeyOf("writer"))).Outcome);

    [Theory]
    [InlineData("X-Amz-Target", "secretsmanager.DescribeSecret")]
    [InlineData("X-Amz-Target", "secretsmanager.GetSecretValue")]
    [InlineData("X-Amz-Date", "20260102T030405Z")]
    [InlineData("X-Amz-Date", "20260102T030400Z")]
    [InlineData("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")]
    [InlineData("X-Amz-Security-Token", "dG9rZW4")]
    public async Task A_header_that_decides_cannot_be_added_behind_the_signature(string name, string value) =>
        Assert.NotEqual("OK", (await Server.SendRawAsync(Sign(Request).With(name, value).ToBytes())).Outcome);

    [Fact]
    public async Task A_second_authorization_header_is_refused()
    {
        TestRequest signed = Sign(Request);
        Assert.Equal("IncompleteSignatureException", (await Server.SendRawAsync(signed.With("Authorization", signed.Header("Authorization")!).ToBytes())).Outcome);
    }

    [Fact]
    public async Task A_very_long_authorization_header_is_refused()
    {
        TestRequest signed = Sign(Request);
        TestRequest longer = signed.Without("Authorization").With("Authorization", signed.Header("Authorization") + ", X=" + new string('x', 9000));
        Assert.Equal("IncompleteSignatureException", (await Server.SendRawAsync(longer.ToBytes())).Outcome);
    }

    [Fact]
    public void Any_changed_byte_of_what_was_signed_fails()
    {
        TestRequest signed = Sign(TestRequest.Json("GetSecretValue", """{"SecretId":"app/db","VersionStage":"AWSCURRENT"}"""));
        string authorization = signed.Header("Authorization")!;
        int[] spots = [.. Enumerable.Range(0, authorization.Length).Where(i => authorization[i] is not (',' or ' '))];
        Gen.Select(Any.Of(spots), Any.Of<char>([.. "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/=;_-+."])).Sample(
            (at, c) =>
            {
                string changed = authorization[..at] + c + authorization[(at + 1)..];
                return changed == authorization || Send(signed.Without("Authorization").With("Authorization", changed)) != "OK";
            },
            iter: Any.Times(250));
        Gen.Select(Gen.Int[0, signed.Body.Length - 1], Gen.Byte[1, 255]).Sample(
            (at, mask) =>
            {
                byte[] body = [.. signed.Body];
                body[at] ^= mask;
                return Send(signed with { Body = body }) == "InvalidSignatureException";
            },
            iter: Any.Times(100));
    }

    [Fact]
    public void The_parser_of_the_header_never_breaks()
    {
        string[] pieces = ["AWS4-HMAC-SHA256", " ", ",", ";", "=", "/", "Credential=", "Signature=", "SignedHeaders=", "host", "x-amz-date", "x-amz-target", "content-type",
            Server.KeyOf("writer").Id, "20260102", "eu-west-1", "secretsmanager", "aws4_request", new('a', 64), "é", "%00", "\t", "Basic", "\"", new(';', 200), new('/', 50)];
        Any.Of(pieces).Array[0, 24].Sample(
            parts =>
            {
                string outcome = Send(Here(Request).With("X-Amz-Date", "20260102T030405Z").With("Authorization", string.Concat(parts)));
                return outcome is "IncompleteSignatureException" or "InvalidSignatureException" or "UnrecognizedClientException" or "MissingAuthenticationTokenException" or "?";
            },
            iter: Any.Times(400));
    }

    [Fact]
    public async Task Many_wrong_proofs_from_one_address_are_slowed_down()
    {
        await using AwsTestServer server = await AwsTestServer.StartAsync(new() { PerAddress = 0, PerPrincipal = 0, FailuresPerAddress = 1 });
        List<string> outcomes = [];
        for (int i = 0; i < 4; i++)
        {
            outcomes.Add((await server.CallAsync("ListSecrets", "{}", server.KeyOf("writer") with { Secret = "wrong" })).Outcome);
        }

        Assert.Equal(["InvalidSignatureException", "InvalidSignatureException", "ThrottlingException", "ThrottlingException"], outcomes);
        Assert.Equal("OK", (await server.CallAsync("ListSecrets", "{}")).Outcome);
    }

    [Fact]
    public async Task A_sealed_server_says_so_in_the_wire_s_own_shape()
    {
        await using AwsTestServer server = await AwsTestServer.StartAsync();
        Assert.Equal("OK", (await server.CallAsync("ListSecrets", "{}")).Outcome);
        await server.Core.SealAsync(TestContext.Current.CancellationToken);
        TestAnswer json = await server.CallAsync("ListSecrets", "{}");
        Assert.Equal((503, "ServiceUnavailable", "The server is sealed."), (json.Status, json.Outcome, json.Message));
        TestAnswer sts = await server.SendAsync(TestRequest.Form("Action=GetCallerIdentity&Version=2011-06-15"), server.KeyOf("writer"));
        Assert.Equal(503, sts.Status);
        Assert.Contains("<Type>Receiver</Type><Code>ServiceUnavailable</Code>", sts.Body, StringComparison.Ordinal);
    }

    [Fact]
    public void Derived_keys_are_bounded_and_old_days_go()
    {
        using AwsSigningKeys keys = new();
        for (int i = 0; i < 20_000; i++)
        {
            keys.Keep(new($"k{i}", 20260101, "r", "s"), new byte[32]);
        }

        Assert.InRange(keys.Count, 1, 8_192);
        keys.Keep(new("k", 20260103, "r", "s"), [.. Enumerable.Repeat((byte)7, 32)]);
        Assert.Equal(1, keys.Count);
        byte[] copied = new byte[32];
        Assert.True(keys.TryCopy(new("k", 20260103, "r", "s"), copied));
        Assert.Equal(7, copied[31]);
        Assert.False(keys.TryCopy(new("k", 20260103, "r", "sts"), copied));
        keys.Clear();
        Assert.Equal(0, keys.Count);
    }

    private string Send(TestRequest request)
    {
        TestAnswer answer = Server.SendRawAsync(request.ToBytes()).GetAwaiter().GetResult();
        Assert.True(answer.Status < 500, "a wrong proof is never the server's failure");
        return answer.Body.StartsWith('{') ? answer.Outcome : "?";
    }

    private TestRequest Here(TestRequest request) => request with { Host = $"127.0.0.1:{Server.Port}" };

    private TestRequest Sign(TestRequest request, TestKey? key = null, string? names = null, string? service = null) =>
        TestSigner.Sign(Here(request), key ?? Server.KeyOf("writer"), AwsTestServer.Start, names: names, service: service);

    private TestRequest Spoil(string row)
    {
        TestRequest signed = Sign(Request);
        string authorization = signed.Header("Authorization")!;
        TestRequest With(string text) => signed.Without("Authorization").With("Authorization", text);
        TestRequest Replaced(string old, string text) => With(authorization.Replace(old, text, StringComparison.Ordinal));
        TestRequest At(DateTimeOffset time) => TestSigner.Sign(Here(Request), Server.KeyOf("writer"), time);
        return row switch
        {
            "both" => signed with { Target = "/?X-Amz-Algorithm=AWS4-HMAC-SHA256" },
            "none" => signed.Without("Authorization"),
            "query on json" => TestSigner.Presign(Here(Request), Server.KeyOf("writer"), AwsTestServer.Start, 60, "secretsmanager"),
            "no credential" => Replaced("Credential=", "Other="),
            "no signature" => Replaced("Signature=", "Other="),
            "no signed headers" => Replaced("SignedHeaders=", "Other="),
            "no date" => signed.Without("X-Amz-Date"),
            "nothing at all" => With("Bearer something").Without("X-Amz-Date"),
            "bad pair" => With(authorization + ", rest"),
            "part twice" => With(authorization + ", Signature=" + new string('0', 64)),
            "date format" => signed.Without("X-Amz-Date").With("X-Amz-Date", "2026-01-02T03:04:05Z"),
            "too old" => At(AwsTestServer.Start.AddSeconds(-301)),
            "in the future" => At(AwsTestServer.Start.AddSeconds(301)),
            "host unsigned" => Sign(Request, names: "content-type;x-amz-date;x-amz-target"),
            "date unsigned" => Sign(Request, names: "content-type;host;x-amz-target"),
            "target unsigned" => Sign(Request, names: "content-type;host;x-amz-date"),
            "token unsigned" => Sign(Request, Server.KeyOf("writer") with { Token = "dG9rZW4" }, "content-type;host;x-amz-date;x-amz-target"),
            "too many headers" => Sign(Request, names: "host;x-amz-date;x-amz-target" + string.Concat(Enumerable.Range(0, 100).Select(i => $";x-h{i}"))),
            "algorithm" => Replaced("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"),
            "credential parts" => With("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/eu-west-1/aws4_request, SignedHeaders=host;x-amz-date;x-amz-target, Signature=0"),
            "region" => Replaced("/eu-west-1/", "/EU_WEST/"),
            "service" => Sign(Request, service: "sts"),
            "terminator" => Replaced("aws4_request", "aws5_request"),
            "scope date" => Replaced("/20260102/", "/20260101/"),
            "scope everything" => Replaced("/20260102/eu-west-1/secretsmanager/aws4_request", "/20260101/EU_WEST/s3/aws5_request"),
            "unknown key" => Sign(Request, Server.KeyOf("writer") with { Id = "AKIAUNKNOWN000000000" }),
            "odd key" => Sign(Request, Server.KeyOf("writer") with { Id = "A" }),
            "token for a lasting key" => Sign(Request, Server.KeyOf("writer") with { Token = "dG9rZW4" }),
            "wrong secret" => Sign(Request, Server.KeyOf("writer") with { Secret = "wrong" }),
            "upper-case signature" => With(authorization[..^64] + authorization[^64..].ToUpperInvariant()),
            "short signature" => With(authorization[..^1]),
            "unsigned payload" => Sign(Request.With("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")),
            "wrong body hash" => Sign(Request.With("X-Amz-Content-Sha256", new string('0', 64))),
            _ => throw new InvalidOperationException(row),
        };
    }

    [GeneratedRegex("(?<=Authorization=|: ')[A-Za-z0-9+/]{43}=")]
    private static partial Regex HashText();
}
