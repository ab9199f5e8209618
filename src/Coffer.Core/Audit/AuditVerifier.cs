using System.Globalization;

namespace Coffer.Core.Audit;

/// <summary>
/// Proves that nothing in a trail was changed, dropped, moved, repeated or cut off, or says what was. Reads only; may run
/// beside a server that writes. Constant memory, however long the trail.
/// </summary>
/// <remarks>
/// What it cannot prove by itself: that the end was not cut back to an older state <em>together with</em> a copy of the head
/// from that time. Give it the checkpoint that the database kept, or one noted elsewhere, and it can.
/// </remarks>
public static partial class AuditVerifier
{
    /// <summary>Verifies a whole trail.</summary>
    /// <param name="directory">The trail's folder.</param>
    /// <param name="signer">Knows the keys that signed.</param>
    /// <param name="expected">A checkpoint that must be in it, or null.</param>
    /// <param name="firstFile">
    /// The file to begin with: more than 1 where older files were moved away on purpose. What lies before is taken on trust.
    /// </param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <exception cref="IOException">The folder or a file in it cannot be read.</exception>
    public static Task<AuditReport> VerifyAsync(
        string directory, IAuditSigner signer, AuditCheckpoint? expected = null, long firstFile = 1, CancellationToken cancellationToken = default) =>
        Task.Run(() => Verify(TrailFolder.ForReading(directory), signer, expected, firstFile, null, cancellationToken), cancellationToken);

    private static AuditReport Verify(
        TrailFolder folder, IAuditSigner signer, AuditCheckpoint? expected, long firstFile, Action<AuditChange>? onChange, CancellationToken cancellationToken)
    {
        ChainCheck check = new(signer, fromBeginning: firstFile <= 1) { OnChange = onChange };

        // The head first: a server that writes meanwhile only adds lines behind it.
        ReadHead(folder, signer, check);
        if (expected is not null)
        {
            if (expected.IsSignedBy(signer))
            {
                check.Expect(expected.Sequence, expected.LineHash, "the checkpoint in the database");
            }
            else
            {
                check.Report(AuditProblemKind.BadSignature, "", 0, expected.Sequence, "the checkpoint that the database kept is not one that this server signed");
            }
        }

        IReadOnlyList<long> numbers = folder.Numbers();
        long bytes = 0, next = firstFile, lastLine = 0;
        string lastFile = TrailFolder.NameOf(firstFile);
        int files = 0;
        for (int i = 0; i < numbers.Count; i++)
        {
            if (numbers[i] < firstFile)
            {
                continue;
            }

            if (numbers[i] > next)
            {
                check.MissingFile(TrailFolder.NameOf(next), numbers[i] == next + 1
                    ? "the file is missing"
                    : string.Create(CultureInfo.InvariantCulture, $"this file and the {numbers[i] - next - 1} behind it are missing"));
            }

            next = numbers[i] + 1;
            lastFile = TrailFolder.NameOf(numbers[i]);
            using TrailLineReader reader = new(folder.OpenRead(numbers[i]));
            lastLine = ReadFile(reader, lastFile, i == numbers.Count - 1, check, cancellationToken);
            bytes += reader.Offset + reader.RestLength;
            files++;
        }

        check.End(lastFile, lastLine);
        return new()
        {
            Problems = [.. check.Problems], ProblemCount = check.ProblemCount, Files = files, Records = check.Records, Checkpoints = check.Checkpoints,
            Breaks = check.Breaks, Bytes = bytes, LastSequence = check.Sequence, State = check.State,
        };
    }

    private static long ReadFile(TrailLineReader reader, string file, bool isLast, ChainCheck check, CancellationToken cancellationToken)
    {
        while (reader.TryRead(out ReadOnlySpan<byte> line))
        {
            cancellationToken.ThrowIfCancellationRequested();
            check.Line(file, reader.Lines, line);
        }

        if (reader.RestLength > 0)
        {
            check.Report(
                isLast ? AuditProblemKind.TornTail : AuditProblemKind.Changed, file, reader.Lines + 1, 0,
                string.Create(CultureInfo.InvariantCulture, $"{reader.RestLength} bytes of an incomplete line"));
        }

        return reader.Lines;
    }

    private static void ReadHead(TrailFolder folder, IAuditSigner signer, ChainCheck check)
    {
        // Read beside a writer, a head can be half new; twice in a row is no accident.
        for (int attempt = 0; attempt < 5; attempt++)
        {
            byte[]? bytes = folder.ReadHead();
            if (bytes is null)
            {
                check.Report(AuditProblemKind.CutOff, TrailFolder.HeadName, 0, 0, "the head of the trail is missing");
                return;
            }

            if (TrailHead.Read(bytes, signer) is { } head)
            {
                check.Expect(head.Sequence, head.Hash, "the head");
                return;
            }
        }

        check.Report(AuditProblemKind.BadSignature, TrailFolder.HeadName, 0, 0, "the head of the trail is not one that this server wrote");
    }
}
