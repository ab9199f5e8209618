using System.Text;

namespace Coffer.Core.Audit;

/// <summary>What a start-up finds: where the chain stands, and whether it may go on from there.</summary>
internal sealed record TrailStart(TrailChain Chain, long FileNumber, long FileLength, AuditCheckpointCause Cause, AuditProblem? Broken)
{
    /// <exception cref="AuditTrailBrokenException">The trail is broken or cut, and that was not accepted.</exception>
    public static TrailStart Find(AuditTrailOptions options, ITrailFolder folder, CancellationToken cancellationToken)
    {
        IReadOnlyList<long> numbers = folder.Numbers();
        byte[]? headBytes = folder.ReadHead();
        TrailHead? head = headBytes is null ? null : TrailHead.Read(headBytes, options.Signer);
        ChainCheck check = new(options.Signer, fromBeginning: false);
        AuditProblem? problem = Gap(numbers);

        int newest = numbers.Count - 1;
        Tail tail = default;
        while (newest >= 0)
        {
            tail = Tail.Read(folder, numbers[newest], head, options, check, cancellationToken);
            if (tail.GoodLength > 0 || check.ProblemCount > 0)
            {
                break;
            }

            newest--;
        }

        problem ??= check.Problems.Count > 0 ? check.Problems[0] : null;
        if (newest < 0 && headBytes is null && options.Expected is null)
        {
            folder.WriteHead(TrailHead.Format(0, new byte[32], options.Signer), sync: true);
        }
        else
        {
            string file = newest < 0 ? TrailFolder.NameOf(1) : TrailFolder.NameOf(numbers[newest]);
            check.End(file, problem is null && tail.GoodLength > 0 ? LinesBefore(folder, numbers[newest], tail.GoodLength) : 0);
            problem ??= headBytes is null
                ? new(AuditProblemKind.CutOff, TrailFolder.HeadName, 0, 0, "the head of the trail is missing")
                : head is null ? new(AuditProblemKind.BadSignature, TrailFolder.HeadName, 0, 0, "the head of the trail is not one that this server wrote")
                : options.Expected is { } expected && !expected.IsSignedBy(options.Signer)
                    ? new(AuditProblemKind.BadSignature, "", 0, expected.Sequence, "the checkpoint that the database kept is not one that this server signed")
                : newest < 0 && (head.Sequence > 0 || options.Expected is not null)
                    ? new(AuditProblemKind.CutOff, TrailFolder.NameOf(1), 1, 1, "there is no line, but there was")
                : check.Problems.Count > 0 ? check.Problems[0]
                : null;
        }

        TrailChain chain = new() { Sequence = check.Sequence, Latest = check.Latest, State = check.State, SinceCheckpoint = check.SinceCheckpoint };
        if (problem is not null)
        {
            if (!options.AcceptBroken)
            {
                throw new AuditTrailBrokenException(problem);
            }

            if (problem.Kind == AuditProblemKind.CutOff && newest >= 0)
            {
                CutTorn(folder, numbers, newest, tail.GoodLength);
            }

            chain.Sequence = long.Max(chain.Sequence, long.Max(head?.Sequence ?? 0, options.Expected?.Sequence ?? 0));
            return new(chain, numbers.Count == 0 ? 1 : numbers[^1] + 1, 0, AuditCheckpointCause.Break, problem);
        }

        chain.SetHash(Convert.FromHexString(Encoding.ASCII.GetString(check.Hash)));
        CutTorn(folder, numbers, newest, tail.GoodLength);
        return newest < 0 ? new(chain, numbers.Count == 0 ? 1 : numbers[0], 0, AuditCheckpointCause.Created, null)
            : newest < numbers.Count - 1 ? new(chain, numbers[newest + 1], 0, AuditCheckpointCause.FileStart, null)
            : new(chain, numbers[newest], tail.GoodLength, AuditCheckpointCause.Opened, null);
    }

    private static AuditProblem? Gap(IReadOnlyList<long> numbers)
    {
        for (int i = 1; i < numbers.Count; i++)
        {
            if (numbers[i] != numbers[i - 1] + 1)
            {
                return new(AuditProblemKind.MissingFile, TrailFolder.NameOf(numbers[i - 1] + 1), 0, 0, "the file is missing between two others");
            }
        }

        return null;
    }

    // Files behind the newest that holds a line hold only what a crash left, and so does its end.
    private static void CutTorn(ITrailFolder folder, IReadOnlyList<long> numbers, int newest, long goodLength)
    {
        for (int i = int.Max(newest, 0); i < numbers.Count; i++)
        {
            using ITrailFile file = folder.OpenAppend(numbers[i]);
            long keep = i == newest ? goodLength : 0;
            if (file.Length > keep)
            {
                file.Truncate(keep);
                file.Sync();
            }
        }
    }

    private static long LinesBefore(ITrailFolder folder, long number, long offset)
    {
        using TrailLineReader reader = new(folder.OpenRead(number));
        while (reader.Offset < offset && reader.TryRead(out _))
        {
        }

        return reader.Lines;
    }

    /// <param name="GoodLength">Where the last whole line ends; what lies behind was never acknowledged.</param>
    private readonly record struct Tail(long GoodLength)
    {
        public static Tail Read(ITrailFolder folder, long number, TrailHead? head, AuditTrailOptions options, ChainCheck check, CancellationToken cancellationToken)
        {
            using Stream stream = folder.OpenRead(number);
            (long Offset, AuditCheckpoint Checkpoint)? from = TrailSearch.LastCheckpoint(stream, static _ => true);
            long start = from?.Offset ?? 0, before = 0, good = 0;
            if (head is not null && head.Sequence >= (from?.Checkpoint.Sequence ?? 0))
            {
                check.Expect(head.Sequence, head.Hash, "the head");
            }

            if (options.Expected is { } expected && expected.Sequence >= (from?.Checkpoint.Sequence ?? 0))
            {
                check.Expect(expected.Sequence, expected.LineHash, "the checkpoint in the database");
            }

            using TrailLineReader reader = new(folder.OpenRead(number), start);
            while (reader.TryRead(out ReadOnlySpan<byte> line))
            {
                cancellationToken.ThrowIfCancellationRequested();

                // Blocks that never reached the disk read as zeros; no line of ours has one. Whether what they replace was
                // acknowledged, the head knows.
                if (line.Contains((byte)0))
                {
                    break;
                }

                if (from is null)
                {
                    check.Report(AuditProblemKind.Changed, TrailFolder.NameOf(number), 1, 0, "the file does not begin with a checkpoint");
                    break;
                }

                long problems = check.ProblemCount;
                check.Line(TrailFolder.NameOf(number), before + reader.Lines, line);
                if (problems == 0 && check.ProblemCount > 0 && start > 0 && before == 0)
                {
                    // Only now that somebody will read it is the line's place in the file worth counting.
                    before = LinesBefore(folder, number, start);
                    check.Shift(before);
                }

                good = reader.Offset;
            }

            return new(good);
        }
    }
}
