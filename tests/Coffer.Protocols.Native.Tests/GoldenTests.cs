using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Coffer.Testing;

namespace Coffer.Protocols.Native.Tests;

/// <summary>
/// Exchanges as they go over the wire, one story per file. Above a line <c>----</c> the request without what every
/// request has (host, token), below it the answer expected; <c>====</c> parts exchanges. Comments in front of a
/// request: <c># as: NAME</c> calls as that principal (default root; <c>none</c> without a token), <c># local: UID</c> over the
/// socket, <c># clock: +8d</c> moves time first, <c># sealed</c> seals the server first. Placeholders stand for what is drawn:
/// <c>{uuid} {id} {number} {grant} {request} {token} {bearer} {session} {secret} {login} {person} {invitation} {key} {page} {n}</c>; in requests for the last one seen. COFFER_GOLDEN=update writes answers into
/// the source tree, to be read before they are believed.
/// </summary>
public sealed partial class GoldenTests
{
    private static readonly (string Name, Regex Pattern)[] Drawn =
    [
        ("page", PageOf()), ("login", LoginOf()), ("person", PersonOf()), ("drawn", BrowserOf()), ("invitation", InvitationOf()), ("bearer", BearerOf()), ("session", SessionOf()), ("secret", SecretOf()), ("uuid", UuidOf()), ("id", IdOf()), ("number", NumberOf()), ("grant", GrantOf()), ("request", RequestOf()), ("token", TokenOf()), ("key", KeyOf()), ("n", CountOf()),
    ];

    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "Golden");

    public static TheoryData<string> Files => [.. Directory.EnumerateFiles(Folder, "*.http").Select(f => Path.GetFileNameWithoutExtension(f)).Order(StringComparer.Ordinal)];

    private static bool Updating => Environment.GetEnvironmentVariable("COFFER_GOLDEN") == "update";

    [Theory]
    [MemberData(nameof(Files))]
    public async Task The_wire_says_exactly_this(string story)
    {
        await using NativeTestServer server = await NativeTestServer.StartAsync();
        string[] exchanges = (await File.ReadAllTextAsync(Path.Combine(Folder, story + ".http"), TestContext.Current.CancellationToken)).Split("\n====\n");
        Dictionary<string, string> seen = new(StringComparer.Ordinal);
        List<string> written = [];
        for (int i = 0; i < exchanges.Length; i++)
        {
            string[] halves = exchanges[i].TrimEnd('\n').Split("\n----\n", 2);
            string request = seen.Aggregate(halves[0], (text, pair) => text.Replace("{" + pair.Key + "}", pair.Value, StringComparison.Ordinal));
            TestAnswer answer = await SendAsync(server, request);
            string actual = Generalise(Text(answer), seen);
            written.Add(halves[0] + "\n----\n" + actual);
            if (!Updating)
            {
                Assert.True(halves.Length == 2, $"{story}: exchange {i + 1} has no expected answer");
                Assert.Equal(halves[1], actual);
            }
        }

        if (Updating)
        {
            await File.WriteAllTextAsync(RepositoryFolder.At($"tests/Coffer.Protocols.Native.Tests/Golden/{story}.http"), string.Join("\n====\n", written) + "\n", TestContext.Current.CancellationToken);
        }
    }

    [Fact]
    public void Every_route_has_an_exchange()
    {
        string all = string.Join('\n', Directory.EnumerateFiles(Folder, "*.http").Select(File.ReadAllText));
        // The document is compared whole and the endless stream read piece by piece elsewhere.
        foreach (NativeRoute route in RouteTableTests.Routes.Where(r => r.Id is not "getOpenApi"))
        {
            string pattern = $"^{route.Method} {Regex.Replace(Regex.Escape(route.Template), @"\\\{[a-z]+}", "[^/ ]+")}(\\?[^ ]*)?$";
            Assert.True(Regex.IsMatch(all, pattern, RegexOptions.Multiline), $"no exchange shows {route.Method} {route.Template}");
        }
    }

    private static async Task<TestAnswer> SendAsync(NativeTestServer server, string text)
    {
        string? principal = "root";
        bool local = false;
        List<string> lines = [.. text.Split('\n')];
        while (lines[0].StartsWith("# ", StringComparison.Ordinal))
        {
            string[] comment = lines[0][2..].Split(": ", 2);
            switch (comment[0])
            {
                case "as":
                    principal = comment[1] == "none" ? null : comment[1];
                    break;
                case "local":
                    (local, principal) = (true, null);
                    server.PeerUid = uint.Parse(comment[1], CultureInfo.InvariantCulture);
                    break;
                case "clock":
                    server.Clock.Advance(TimeSpan.FromDays(int.Parse(comment[1].Trim('+', 'd'), CultureInfo.InvariantCulture)));
                    break;
                case "sealed":
                    await server.Core.SealAsync(TestContext.Current.CancellationToken);
                    break;
                default:
                    Assert.Fail($"unknown comment {comment[0]}");
                    break;
            }

            lines.RemoveAt(0);
        }

        int blank = lines.IndexOf("");
        string body = blank < 0 ? "" : string.Join('\n', lines.Skip(blank + 1));
        StringBuilder request = new($"{lines[0]} HTTP/1.1\r\nHost: coffer.test\r\nConnection: close\r\n");
        foreach (string header in lines.Take(blank < 0 ? lines.Count : blank).Skip(1))
        {
            request.Append(header).Append("\r\n");
        }

        if (principal is not null)
        {
            request.Append(CultureInfo.InvariantCulture, $"Authorization: Bearer {server.TokenOf(principal)}\r\n");
        }

        byte[] content = Encoding.UTF8.GetBytes(body);
        if (content.Length > 0)
        {
            request.Append(text.Contains("\nContent-Type:", StringComparison.Ordinal) ? "" : "Content-Type: application/json\r\n").Append(CultureInfo.InvariantCulture, $"Content-Length: {content.Length}\r\n");
        }

        return await server.SendRawAsync([.. Encoding.Latin1.GetBytes(request.Append("\r\n").ToString()), .. content], local);
    }

    private static string Text(TestAnswer answer)
    {
        StringBuilder text = new(answer.Status.ToString(CultureInfo.InvariantCulture));
        foreach ((string name, string value) in answer.Headers.Where(h => h.Key is not ("Date" or "Connection" or "Content-Length" or "Transfer-Encoding" or "X-Request-Id")).OrderBy(h => h.Key, StringComparer.Ordinal))
        {
            text.Append('\n').Append(name).Append(": ").Append(value);
        }

        return answer.Body.Length == 0 ? text.ToString() : text.Append("\n\n").Append(answer.Body.TrimEnd('\n')).ToString();
    }

    private static string Generalise(string text, Dictionary<string, string> seen)
    {
        foreach ((string name, Regex pattern) in Drawn)
        {
            text = pattern.Replace(text, match =>
            {
                Group drawn = match.Groups["it"];
                seen[name] = drawn.Value;
                return match.Value.Replace(drawn.Value, "{" + name + "}", StringComparison.Ordinal);
            });
        }

        return text;
    }

    [GeneratedRegex("\"next\":\"(?<it>[A-Za-z0-9_-]{20,})\"")]
    private static partial Regex PageOf();

    [GeneratedRegex("\"(secret|secretAccessKey|sessionToken)\":\"(?<it>[A-Za-z0-9_+/=-]{30,})\"")]
    private static partial Regex SecretOf();

    [GeneratedRegex("(?<it>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})")]
    private static partial Regex UuidOf();

    [GeneratedRegex("(?<it>\\b[0-9a-f]{32}\\b)")]
    private static partial Regex IdOf();

    [GeneratedRegex("\"number\":\"(?<it>[0-9]{12})\"")]
    private static partial Regex NumberOf();

    [GeneratedRegex("(?<it>\\br-[a-z2-9]{8}\\b)")]
    private static partial Regex RequestOf();

    [GeneratedRegex("(?<it>\\bg-[a-z2-9]{8}\\b)")]
    private static partial Regex GrantOf();

    [GeneratedRegex("(?<it>\\bct-[a-z2-9]{12}\\b)")]
    private static partial Regex TokenOf();

    // The token of a person's session; its id; what a login through an issuer draws; an invitation's id.
    [GeneratedRegex("(?<it>\\bcft_[A-Za-z0-9_-]{43})")]
    private static partial Regex LoginOf();

    [GeneratedRegex("(?<it>\\bcn-[a-z2-9]{12}\\b)")]
    private static partial Regex PersonOf();

    [GeneratedRegex("\"(login|state|nonce|uri|seed)\":\"(?<it>[^\"]{20,})\"")]
    private static partial Regex BrowserOf();

    [GeneratedRegex("(?<it>\\b(cfi_[A-Za-z0-9_-]{43}|c[ip]-[a-z2-9]{12}\\b))")]
    private static partial Regex InvitationOf();

    [GeneratedRegex("(?<it>\\bcfs_[A-Za-z0-9_-]{30,})")]
    private static partial Regex BearerOf();

    [GeneratedRegex("(?<it>\\bcs-[a-z2-9]{16}\\b)")]
    private static partial Regex SessionOf();

    [GeneratedRegex("(?<it>\\b(AKIA|ASIA)[A-Z2-7]{16}\\b)")]
    private static partial Regex KeyOf();

    // Records of writes reach the trail a moment after the answer, so these counts are not the same every time.
    [GeneratedRegex("\"(sequence|bytes|records|lastSequence|checkpoints)\":(?<it>[0-9]+)")]
    private static partial Regex CountOf();
}
