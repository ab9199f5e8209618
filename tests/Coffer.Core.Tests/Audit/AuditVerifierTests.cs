using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Coffer.Core.Audit;
using Xunit;

namespace Coffer.Core.Tests.Audit;

/// <summary>One trail of several files, altered in every way one can think of; each time the problem is named with its place.</summary>
public class AuditVerifierTests
{
    private const string Opening = "trail-000001.jsonl", Middle = "trail-000002.jsonl";

    public static TheoryData<string> Members => [
        "seq", "id", "time", "dialect", "operation", "action", "principal", "principalId", "credential", "vault", "name", "version", "decision",
        "reason", "address", "userAgent", "requestId", "change", "prev", "hash",
    ];

    public static TheoryData<string> Content => [.. Members.Select(static m => m.Data).Where(static m => m is not ("prev" or "hash" or "seq"))];

    [Theory]
    [MemberData(nameof(Members))]
    public async Task A_changed_member_is_found_at_its_line(string member)
    {
        using TamperedTrail trail = await TamperedTrail.MakeAsync();
        int line = trail.Find(Middle, static l => l.Contains("\"change\":", StringComparison.Ordinal));
        trail.Lines(Middle)[line] = Alter(trail.Lines(Middle)[line], member);
        Assert.Equal([(AuditProblemKind.Changed, Middle, line + 1L)], await trail.ProblemsAsync());
    }

    [Theory]
    [MemberData(nameof(Content))]
    public async Task A_changed_member_with_its_hash_made_anew_is_found_by_the_line_behind_it(string member)
    {
        using TamperedTrail trail = await TamperedTrail.MakeAsync();
        int line = trail.Find(Middle, static l => l.Contains("\"change\":", StringComparison.Ordinal));
        trail.Lines(Middle)[line] = Rehash(Alter(trail.Lines(Middle)[line], member), null);
        List<(AuditProblemKind, string, long)> problems = await trail.ProblemsAsync();
        Assert.Equal((AuditProblemKind.Changed, Middle, line + 1L), problems[0]);
    }

    [Fact]
    public async Task A_chain_made_anew_to_the_end_is_found_by_the_next_signature()
    {
        using TamperedTrail trail = await TamperedTrail.MakeAsync();
        int line = trail.Find(Middle, static l => l.Contains("\"name\":", StringComparison.Ordinal));
        trail.Lines(Middle)[line] = Alter(trail.Lines(Middle)[line], "name");
        trail.RehashFrom(Middle, line);
        int checkpoint = trail.Lines(Middle).FindIndex(line, static l => l.Contains("\"kind\":\"checkpoint\"", StringComparison.Ordinal));
        List<(AuditProblemKind Kind, string File, long Line)> problems = await trail.ProblemsAsync();
        Assert.Equal((AuditProblemKind.BadSignature, Middle, checkpoint + 1L), problems[0]);
        Assert.All(problems, static p => Assert.True(p.Kind is AuditProblemKind.BadSignature or AuditProblemKind.Changed));
    }

    [Fact]
    public async Task A_chain_made_anew_behind_the_last_checkpoint_is_found_by_the_head()
    {
        using TamperedTrail trail = await TamperedTrail.MakeAsync(closed: false);
        string file = trail.Files[^1];
        int line = trail.Lines(file).Count - 2;
        Assert.Contains("\"name\":", trail.Lines(file)[line], StringComparison.Ordinal);
        trail.Lines(file)[line] = Alter(trail.Lines(file)[line], "name");
        trail.RehashFrom(file, line);
        Assert.Equal([(AuditProblemKind.Changed, file, line + 2L)], await trail.ProblemsAsync());
    }

    [Fact]
    public async Task A_dropped_line_is_found_wherever_it_was()
    {
        using TamperedTrail trail = await TamperedTrail.MakeAsync();
        foreach ((string file, int line, string next, long at) in trail.Everywhere())
        {
            string taken = trail.Lines(file)[line];
            trail.Lines(file).RemoveAt(line);
            bool last = file == trail.Files[^1] && line == trail.Lines(file).Count;
            Assert.Equal(
                [last ? (AuditProblemKind.CutOff, file, line + 1L) : (AuditProblemKind.Dropped, next, at)],
                await trail.ProblemsAsync());
            trail.Lines(file).Insert(line, taken);
        }
    }

    [Fact]
    public async Task Two_lines_exchanged_are_found_wherever_they_were()
    {
        using TamperedTrail trail = await TamperedTrail.MakeAsync();
        foreach (string file in trail.Files)
        {
            List<string> lines = trail.Lines(file);
            for (int line = 0; line + 1 < lines.Count; line++)
            {
                (lines[line], lines[line + 1]) = (lines[line + 1], lines[line]);
                Assert.Equal([(AuditProblemKind.Reordered, file, line + 2L)], await trail.ProblemsAsync());
                (lines[line], lines[line + 1]) = (lines[line + 1], lines[line]);
            }
        }
    }

    [Fact]
    public async Task A_repeated_line_is_found_wherever_it_stands()
    {
        using TamperedTrail trail = await TamperedTrail.MakeAsync();
        foreach ((string file, int line, _, _) in trail.Everywhere())
        {
            trail.Lines(file).Insert(line + 1, trail.Lines(file)[line]);
            Assert.Equal([(AuditProblemKind.Duplicated, file, line + 2L)], await trail.ProblemsAsync());
            trail.Lines(file).RemoveAt(line + 1);
            trail.Lines(trail.Files[^1]).Add(trail.Lines(file)[line]);
            Assert.Equal([(AuditProblemKind.Duplicated, trail.Files[^1], trail.Lines(trail.Files[^1]).Count)], await trail.ProblemsAsync());
            trail.Lines(trail.Files[^1]).RemoveAt(trail.Lines(trail.Files[^1]).Count - 1);
        }
    }

    [Fact]
    public async Task Attack_43_a_trail_cut_at_any_line_is_found()
    {
        using TamperedTrail trail = await TamperedTrail.MakeAsync();
        string file = trail.Files[^1];
        while (trail.Lines(file).Count > 0)
        {
            trail.Lines(file).RemoveAt(trail.Lines(file).Count - 1);
            Assert.Equal([(AuditProblemKind.CutOff, file, trail.Lines(file).Count + 1L)], await trail.ProblemsAsync());
            AuditTrailBrokenException refused = await Assert.ThrowsAsync<AuditTrailBrokenException>(() => trail.At.OpenAsync().AsTask());
            Assert.Equal(AuditProblemKind.CutOff, refused.Problem.Kind);
        }

        trail.Remove(file);
        Assert.Equal(AuditProblemKind.CutOff, Assert.Single(await trail.ProblemsAsync()).Kind);
    }

    [Fact]
    public async Task Attack_43_a_trail_cut_together_with_an_old_head_is_found_by_the_checkpoint_in_the_database()
    {
        using TrailDirectory at = new();
        await at.WriteAsync(20);
        byte[] head = await File.ReadAllBytesAsync(at.Head, TestContext.Current.CancellationToken), file = await File.ReadAllBytesAsync(at.FileOf(1), TestContext.Current.CancellationToken);
        AuditCheckpoint kept = await at.WriteAsync(1);
        await File.WriteAllBytesAsync(at.Head, head, TestContext.Current.CancellationToken);
        await File.WriteAllBytesAsync(at.FileOf(1), file, TestContext.Current.CancellationToken);
        Assert.Empty((await at.VerifyAsync()).Problems);
        Assert.Equal(AuditProblemKind.CutOff, Assert.Single((await at.VerifyAsync(kept)).Problems).Kind);
        AuditTrailBrokenException refused = await Assert.ThrowsAsync<AuditTrailBrokenException>(() => at.OpenAsync(at.Options with { Expected = AuditCheckpoint.Parse(kept.ToUtf8()) }).AsTask());
        Assert.Equal(AuditProblemKind.CutOff, refused.Problem.Kind);
    }

    [Fact]
    public async Task Files_exchanged_are_found()
    {
        using TamperedTrail trail = await TamperedTrail.MakeAsync();
        Assert.True(trail.Files.Count >= 4);
        (List<string> second, List<string> third) = ([.. trail.Lines(trail.Files[1])], [.. trail.Lines(trail.Files[2])]);
        trail.Replace(trail.Files[1], third);
        trail.Replace(trail.Files[2], second);
        Assert.Equal([(AuditProblemKind.Reordered, trail.Files[2], 1L)], await trail.ProblemsAsync());
    }

    [Fact]
    public async Task A_missing_file_is_found_and_may_be_missing_only_at_the_beginning_and_only_if_said_so()
    {
        using TamperedTrail trail = await TamperedTrail.MakeAsync();
        trail.Remove(Middle);
        Assert.Equal([(AuditProblemKind.MissingFile, Middle, 0L)], await trail.ProblemsAsync());
        Assert.Equal(AuditProblemKind.MissingFile, (await Assert.ThrowsAsync<AuditTrailBrokenException>(() => trail.At.OpenAsync().AsTask())).Problem.Kind);
        trail.Remove(Opening);
        Assert.Equal([(AuditProblemKind.MissingFile, Opening, 0L)], await trail.ProblemsAsync());
        Assert.Empty((await trail.At.VerifyAsync(firstFile: 3)).Problems);
        await using AuditTrail opened = await trail.At.OpenAsync();
        Assert.True(opened.Healthy);
    }

    [Fact]
    public async Task A_forged_checkpoint_is_found()
    {
        using TamperedTrail trail = await TamperedTrail.MakeAsync();
        int line = trail.Find(Middle, static l => l.Contains("\"cause\":\"count\"", StringComparison.Ordinal));
        string right = trail.Lines(Middle)[line];
        foreach (string member in (string[])["state", "sig", "key", "latest", "time", "cause"])
        {
            trail.Lines(Middle)[line] = Rehash(Alter(right, member), null);
            AuditProblemKind kind = member == "cause" ? AuditProblemKind.BadCheckpoint : AuditProblemKind.BadSignature;
            Assert.Equal((kind, Middle, line + 1L), (await trail.ProblemsAsync())[0]);
        }
    }

    [Fact]
    public async Task A_checkpoint_that_is_signed_but_contradicts_the_records_is_found()
    {
        using TrailDirectory at = new();
        AuditStateHash lie = AuditStateHash.Zero.Add(AuditRowKind.Secret, Changes.Uid(9), 0, 9);
        LineBuffer buffer = new(1024);
        TrailChain chain = default;
        chain.AppendCheckpoint(buffer, at.Signer, AuditCheckpointCause.Created, 1);
        AuditRecord record = at.Record(1, Changes.Write(1));
        chain.AppendRecord(buffer, record.ToUtf8().AsSpan()[1..^1], record.Time, record.Change);
        chain.State = chain.State.Add(lie);
        chain.AppendCheckpoint(buffer, at.Signer, AuditCheckpointCause.Closed, 2);
        Directory.CreateDirectory(at.Path);
        await File.WriteAllBytesAsync(at.FileOf(1), buffer.Written.ToArray(), TestContext.Current.CancellationToken);
        await File.WriteAllBytesAsync(at.Head, TrailHead.Format(0, new byte[32], at.Signer), TestContext.Current.CancellationToken);
        AuditProblem problem = Assert.Single((await at.VerifyAsync()).Problems);
        Assert.Equal((AuditProblemKind.BadCheckpoint, 3L), (problem.Kind, problem.Line));
    }

    [Fact]
    public async Task A_trail_of_another_server_is_found_at_its_first_signature()
    {
        using TamperedTrail trail = await TamperedTrail.MakeAsync();
        AuditReport report = await AuditVerifier.VerifyAsync(trail.At.Path, new TestSigner("other"), cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal((AuditProblemKind.BadSignature, TrailFolder.HeadName), (report.Problems[0].Kind, report.Problems[0].File));
        Assert.Equal((AuditProblemKind.BadSignature, Opening, 1L), (report.Problems[1].Kind, report.Problems[1].File, report.Problems[1].Line));
        Assert.Equal(0, report.Checkpoints);
    }

    [Fact]
    public async Task A_head_that_is_replaced_or_gone_is_found_and_an_older_one_does_no_harm()
    {
        using TrailDirectory at = new();
        await at.WriteAsync(20);
        byte[] old = await File.ReadAllBytesAsync(at.Head, TestContext.Current.CancellationToken);
        await at.WriteAsync(20);
        byte[] forged = TrailHead.Format(5, SHA256.HashData([1]), new TestSigner("other")), wrong = TrailHead.Format(5, SHA256.HashData([1]), at.Signer);
        (byte[]? Head, AuditProblemKind? Kind, string? File)[] all =
        [
            (old, null, null), (forged, AuditProblemKind.BadSignature, TrailFolder.HeadName), ([], AuditProblemKind.BadSignature, TrailFolder.HeadName),
            (old[..100], AuditProblemKind.BadSignature, TrailFolder.HeadName), (wrong, AuditProblemKind.Changed, Opening), (null, AuditProblemKind.CutOff, TrailFolder.HeadName),
        ];
        foreach ((byte[]? head, AuditProblemKind? kind, string? file) in all)
        {
            File.Delete(at.Head);
            if (head is not null)
            {
                await File.WriteAllBytesAsync(at.Head, head, TestContext.Current.CancellationToken);
            }

            AuditProblem? problem = (await at.VerifyAsync()).First;
            Assert.Equal((kind, file), (problem?.Kind, problem?.File));
        }
    }

    [Fact]
    public async Task A_checkpoint_from_the_database_that_was_not_signed_here_is_found()
    {
        using TrailDirectory at = new();
        AuditCheckpoint kept = await at.WriteAsync(20);
        Assert.Empty((await at.VerifyAsync(kept)).Problems);
        AuditCheckpoint forged = AuditCheckpoint.Parse(Encoding.UTF8.GetBytes(Alter(Encoding.UTF8.GetString(kept.ToUtf8()), "state")));
        Assert.Equal(AuditProblemKind.BadSignature, (await at.VerifyAsync(forged)).First?.Kind);
    }

    [Fact]
    public async Task What_is_no_line_at_all_is_found_and_costs_no_memory()
    {
        using TamperedTrail trail = await TamperedTrail.MakeAsync();
        trail.Lines(Middle).Insert(3, new string('x', 3 * AuditLimits.LineBytes));
        trail.Lines(Middle).Insert(9, "");
        Assert.Equal([(AuditProblemKind.Changed, Middle, 4L), (AuditProblemKind.Changed, Middle, 10L)], await trail.ProblemsAsync());
    }

    [Fact]
    public async Task A_break_is_accepted_only_by_a_signed_record_and_stays_in_the_report()
    {
        using TamperedTrail trail = await TamperedTrail.MakeAsync(closed: false);
        string file = trail.Files[^1];
        int line = trail.Lines(file).Count - 2;
        trail.Lines(file)[line] = Alter(trail.Lines(file)[line], "reason");
        Assert.Equal([(AuditProblemKind.Changed, file, line + 1L)], await trail.ProblemsAsync());
        AuditTrailBrokenException refused = await Assert.ThrowsAsync<AuditTrailBrokenException>(() => trail.At.OpenAsync().AsTask());
        Assert.Equal((AuditProblemKind.Changed, file, line + 1L), (refused.Problem.Kind, refused.Problem.File, refused.Problem.Line));
        Assert.Contains("coffer audit verify", refused.Message, StringComparison.Ordinal);
        await using (AuditTrail opened = await trail.At.OpenAsync(trail.At.Options with { AcceptBroken = true }))
        {
            await opened.AppendAsync(trail.At.Record(1));
        }

        AuditReport report = await trail.At.VerifyAsync();
        Assert.True(report.Sound, string.Join('\n', report.Problems));
        Assert.Equal(1, report.Breaks);
        Assert.True(Assert.Single(report.Problems).Accepted);
        await using (await trail.At.OpenAsync())
        {
        }

        trail.Reload();
        trail.Lines(Opening)[4] = Alter(trail.Lines(Opening)[4], "reason");
        await trail.ProblemsAsync();
        Assert.False((await trail.At.VerifyAsync()).Sound);
    }

    [Fact]
    public async Task A_cut_that_was_accepted_stays_in_the_report()
    {
        using TamperedTrail trail = await TamperedTrail.MakeAsync();
        trail.Lines(trail.Files[^1]).RemoveRange(trail.Lines(trail.Files[^1]).Count - 2, 2);
        await trail.ProblemsAsync();
        await using (await trail.At.OpenAsync(trail.At.Options with { AcceptBroken = true }))
        {
        }

        AuditReport report = await trail.At.VerifyAsync();
        Assert.True(report.Sound, string.Join('\n', report.Problems));
        Assert.Equal(AuditProblemKind.CutOff, Assert.Single(report.Problems).Kind);
    }

    internal static string Alter(string line, string member)
    {
        int at = line.IndexOf($"\"{member}\":", StringComparison.Ordinal) + member.Length + 3;
        while (!char.IsAsciiLetterOrDigit(line[at]))
        {
            at++;
        }

        if (member == "change")
        {
            at = line.IndexOf("\"revision\":[", at, StringComparison.Ordinal) + 14;
        }
        else if (member is "seq" or "time" or "latest")
        {
            at = line.IndexOfAny([',', '}'], at) - 1;
        }

        char other = line[at] is '1' ? '2' : char.IsAsciiDigit(line[at]) ? '1' : line[at] is 'a' ? 'b' : 'a';
        return line[..at] + other + line[(at + 1)..];
    }

    internal static string Rehash(string line, string? previous)
    {
        string body = line[..line.IndexOf(",\"hash\":\"", StringComparison.Ordinal)];
        if (previous is not null)
        {
            body = string.Create(CultureInfo.InvariantCulture, $"{body[..body.IndexOf(",\"prev\":\"", StringComparison.Ordinal)]},\"prev\":\"{previous}\"");
        }

        return $"{body},\"hash\":\"{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(body)))}\"}}";
    }
}
