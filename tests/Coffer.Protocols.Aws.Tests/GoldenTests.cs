using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Coffer.Testing;

namespace Coffer.Protocols.Aws.Tests;

/// <summary>
/// Exchanges as they go over the wire, one story per file. Above a line <c>----</c> the request without what every
/// request has (host, date, signature), below it the answer expected; <c>====</c> parts exchanges. Comments in front of a
/// request: <c># as: NAME</c> signs as that principal (default writer), <c># region: NAME</c> for that region, <c># clock: +8d</c> moves time first,
/// <c># rotate: now</c> (or <c>failing</c>) does what rotations are due.
/// Placeholders in answers: {suffix} {account} {token} {uuid} {id}; in requests: {account} and {other} (numbers of the two
/// vaults), {arn} (the last answer's ARN), {token} (the last NextToken). COFFER_GOLDEN=update writes answers into the
/// source tree, to be read before they are believed.
/// </summary>
public sealed partial class GoldenTests
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "Golden");

    public static TheoryData<string> Files => [.. Directory.EnumerateFiles(Folder, "*.http").Select(f => Path.GetFileNameWithoutExtension(f)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Files))]
    public async Task The_wire_says_exactly_this(string story)
    {
        await using AwsTestServer server = await AwsTestServer.StartAsync();
        string[] exchanges = (await File.ReadAllTextAsync(Path.Combine(Folder, story + ".http"), TestContext.Current.CancellationToken)).Split("\n====\n");
        string arn = "", token = "";
        List<string> written = [];
        for (int i = 0; i < exchanges.Length; i++)
        {
            string[] halves = exchanges[i].Split("\n----\n", 2);
            string request = halves[0].Replace("{arn}", arn, StringComparison.Ordinal).Replace("{token}", token, StringComparison.Ordinal)
                .Replace("{account}", server.Vault.Number.ToString(), StringComparison.Ordinal).Replace("{other}", server.Other.Number.ToString(), StringComparison.Ordinal);
            TestAnswer answer = await SendAsync(server, request);
            string actual = Text(answer);
            if (ArnOf().Match(answer.Body) is { Success: true } found)
            {
                arn = found.Groups[1].Value;
            }

            if (TokenOf().Match(answer.Body) is { Success: true } next)
            {
                token = next.Groups[1].Value;
            }

            written.Add(halves[0] + "\n----\n" + Generalise(actual, server));
            if (!Updating)
            {
                Assert.True(halves.Length == 2, $"{story}: exchange {i + 1} has no expected answer");
                Assert.True(Pattern(halves[1].TrimEnd('\n')).IsMatch(actual), $"{story}, exchange {i + 1}: expected\n{halves[1]}\nbut got\n{actual}");
            }
        }

        if (Updating)
        {
            await File.WriteAllTextAsync(RepositoryFolder.At($"tests/Coffer.Protocols.Aws.Tests/Golden/{story}.http"), string.Join("\n====\n", written) + "\n", TestContext.Current.CancellationToken);
        }
    }

    private static bool Updating => Environment.GetEnvironmentVariable("COFFER_GOLDEN") == "update";

    private static async Task<TestAnswer> SendAsync(AwsTestServer server, string text)
    {
        string principal = "writer", region = AwsTestServer.Region;
        List<string> lines = [.. text.Trim('\n').Split('\n')];
        while (lines[0].StartsWith('#'))
        {
            string[] comment = lines[0].TrimStart('#', ' ').Split(": ", 2);
            lines.RemoveAt(0);
            switch (comment[0])
            {
                case "as": principal = comment[1]; break;
                case "region": region = comment[1]; break;
                case "rotate": server.Functions.Fails = comment[1] == "failing"; await server.Core.RotateDueAsync(TestContext.Current.CancellationToken); break;
                case "clock": server.Clock.Advance(Span(comment[1])); break;
                default: break;
            }
        }

        string[] first = lines[0].Split(' ');
        int blank = lines.IndexOf("");
        IEnumerable<string> headers = lines.Skip(1).Take((blank < 0 ? lines.Count : blank) - 1);
        string body = blank < 0 ? "" : string.Join('\n', lines.Skip(blank + 1));
        TestRequest request = new(
            first[0],
            first[1],
            [.. headers.Select(h => (h[..h.IndexOf(':', StringComparison.Ordinal)], h[(h.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim()))],
            Encoding.UTF8.GetBytes(body));
        return await server.SendAsync(request, principal == "none" ? null : server.KeyOf(principal), body.Contains("Version=2010-05-08", StringComparison.Ordinal) ? "iam" : null, region);
    }

    private static TimeSpan Span(string text) => text[^1] switch
    {
        'd' => TimeSpan.FromDays(int.Parse(text[1..^1], CultureInfo.InvariantCulture)),
        'm' => TimeSpan.FromMinutes(int.Parse(text[1..^1], CultureInfo.InvariantCulture)),
        _ => TimeSpan.FromSeconds(int.Parse(text[1..^1], CultureInfo.InvariantCulture)),
    };

    private static string Text(TestAnswer answer)
    {
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"HTTP/1.1 {answer.Status}\n");
        foreach (string name in (ReadOnlySpan<string>)["Content-Type", "x-amzn-RequestId", "x-amzn-ErrorType"])
        {
            if (answer.Header(name) is { } value)
            {
                text.Append(CultureInfo.InvariantCulture, $"{name}: {value}\n");
            }
        }

        return text.Append('\n').Append(answer.Body).ToString().TrimEnd('\n');
    }

    private static string Generalise(string actual, AwsTestServer server)
    {
        string text = actual.Replace(server.Vault.Number.ToString(), "{account}", StringComparison.Ordinal).Replace(server.Other.Number.ToString(), "{other}", StringComparison.Ordinal);
        text = SuffixOf().Replace(text, "$1{suffix}");
        text = TokenOf().Replace(text, "\"NextToken\":\"{token}\"");
        text = UniqueId().Replace(text, "$1{id}");
        text = NewSecret().Replace(text, "$1{secret}<");
        return RequestId().Replace(text, "$1{uuid}");
    }

    private static Regex Pattern(string expected) => new(
        "^" + Regex.Escape(expected)
            .Replace("\\{suffix}", "[A-Za-z0-9]{6}", StringComparison.Ordinal)
            .Replace("\\{account}", "[0-9]{12}", StringComparison.Ordinal)
            .Replace("\\{other}", "[0-9]{12}", StringComparison.Ordinal)
            .Replace("\\{token}", "[A-Za-z0-9_-]+", StringComparison.Ordinal)
            .Replace("\\{id}", "[A-Z2-7]{16,17}", StringComparison.Ordinal)
            .Replace("\\{secret}", "[A-Za-z0-9+/=_-]+", StringComparison.Ordinal)
            .Replace("\\{uuid}", "[0-9a-f-]{36}", StringComparison.Ordinal) + "$",
        RegexOptions.CultureInvariant);

    [GeneratedRegex("\"ARN\":\"([^\"]+)\"")]
    private static partial Regex ArnOf();

    [GeneratedRegex("\"NextToken\":\"([^\"]+)\"")]
    private static partial Regex TokenOf();

    [GeneratedRegex("(:secret:[A-Za-z0-9/_+=.@!-]+-)[A-Za-z0-9]{6}(?=[\" .])")]
    private static partial Regex SuffixOf();

    [GeneratedRegex("(AROA|AIDA|ANPA|ASIA|AKIA)[A-Z2-7]{16,17}(?![A-Z2-7])")]
    private static partial Regex UniqueId();

    [GeneratedRegex("(<SecretAccessKey>|<SessionToken>)[^<]+<")]
    private static partial Regex NewSecret();

    [GeneratedRegex("(x-amzn-RequestId: |<RequestId>)[0-9a-f-]{36}")]
    private static partial Regex RequestId();
}
