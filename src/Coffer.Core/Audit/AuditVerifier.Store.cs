using System.Globalization;

namespace Coffer.Core.Audit;

public static partial class AuditVerifier
{
    private const int MaxRowProblems = 10_000;

    /// <summary>
    /// Verifies the trail, then compares the store with it: a row that is older than the trail says was rolled back, one that
    /// the trail knows and the store does not was removed, one that is newer was written behind the server's back (or its
    /// record still waits to be appended).
    /// </summary>
    /// <param name="directory">The trail's folder.</param>
    /// <param name="signer">Knows the keys that signed.</param>
    /// <param name="rows">
    /// Every row of the store, read once, after the trail: what changes meanwhile can look newer than the trail, never older.
    /// </param>
    /// <param name="expected">A checkpoint that must be in the trail, or null.</param>
    /// <param name="firstFile">As in <see cref="VerifyAsync"/>; without the whole trail only rows that it mentions are judged.</param>
    /// <param name="isExpected">What may differ without being a problem, by kind and table; nothing if null.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <remarks>Memory: about 200 bytes for each secret, whatever the number of versions and records.</remarks>
    public static async Task<AuditReport> VerifyStoreAsync(
        string directory, IAuditSigner signer, IAsyncEnumerable<AuditStoreRow> rows, AuditCheckpoint? expected = null, long firstFile = 1,
        Func<AuditProblemKind, AuditRowKind, bool>? isExpected = null, CancellationToken cancellationToken = default)
    {
        using TrailFolder folder = TrailFolder.ForReading(directory);
        Dictionary<(AuditRowKind Kind, string Id), AuditStateHash> sums = [];
        AuditReport chain = await Task.Run(
            () => Verify(folder, signer, expected, firstFile, change => Sum(sums, change), cancellationToken), cancellationToken).ConfigureAwait(false);

        // First by sums alone; what differs is looked at in detail on a second way through the trail.
        bool whole = firstFile <= 1;
        Dictionary<(AuditRowKind Kind, string Id), AuditStoreRow?> suspects = [];
        await foreach (AuditStoreRow row in rows.WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            bool known = sums.Remove((row.Kind, row.Id), out AuditStateHash sum);
            if (whole ? sum != AuditStateHash.Zero.Add(row) : known)
            {
                suspects[(row.Kind, row.Id)] = row;
            }
        }

        foreach (((AuditRowKind, string) key, AuditStateHash sum) in sums)
        {
            if (sum != AuditStateHash.Zero)
            {
                suspects[key] = null;
            }
        }

        if (suspects.Count == 0)
        {
            return chain;
        }

        Dictionary<(AuditRowKind Kind, string Id), Known> known2 = [];
        await Task.Run(
            () => Verify(folder, signer, null, firstFile, change => Note(known2, suspects.ContainsKey, change), cancellationToken), cancellationToken).ConfigureAwait(false);
        List<AuditProblem> problems = [.. chain.Problems];
        long count = chain.ProblemCount;
        foreach (((AuditRowKind Kind, string Id) key, AuditStoreRow? row) in suspects)
        {
            foreach ((AuditProblemKind kind, string detail) in Compare(key.Kind, row, known2.GetValueOrDefault(key)))
            {
                if (isExpected?.Invoke(kind, key.Kind) == true)
                {
                    continue;
                }

                count++;
                if (problems.Count < chain.Problems.Count + MaxRowProblems)
                {
                    problems.Add(new(kind, "", 0, 0, $"{Name(key.Kind)} {key.Id}: {detail}"));
                }
            }
        }

        return chain with { Problems = problems, ProblemCount = count };
    }

    private static void Sum(Dictionary<(AuditRowKind, string), AuditStateHash> sums, AuditChange change)
    {
        if (change.Uid is { } uid)
        {
            AuditStateHash delta = AuditStateHash.Zero.Apply(change with { Rows = [] });
            Add(sums, (AuditRowKind.Secret, uid), delta);
        }

        foreach (AuditRowRevision row in change.Rows)
        {
            AuditStateHash delta = AuditStateHash.Zero.Apply(new() { Rows = [row] });
            Add(sums, (row.Kind, row.Id), delta);
        }
    }

    // What came and went again takes no memory.
    private static void Add(Dictionary<(AuditRowKind, string), AuditStateHash> sums, (AuditRowKind, string) row, AuditStateHash delta)
    {
        AuditStateHash sum = sums.GetValueOrDefault(row).Add(delta);
        if (sum == AuditStateHash.Zero)
        {
            sums.Remove(row);
        }
        else
        {
            sums[row] = sum;
        }
    }

    private static void Note(Dictionary<(AuditRowKind, string), Known> all, Predicate<(AuditRowKind, string)> wanted, AuditChange change)
    {
        if (change.Uid is { } uid && wanted((AuditRowKind.Secret, uid)))
        {
            Known known = Get(all, (AuditRowKind.Secret, uid));
            known.Note(0, change.Revision.Before, change.Revision.After);
            known.Unlisted |= change.Gone != default;
            foreach (AuditVersionRevision version in change.Versions)
            {
                known.Note(version.Number, version.Before, version.After);
            }
        }

        foreach (AuditRowRevision row in change.Rows)
        {
            if (wanted((row.Kind, row.Id)))
            {
                Get(all, (row.Kind, row.Id)).Note(0, row.Before, row.After);
            }
        }
    }

    private static Known Get(Dictionary<(AuditRowKind, string), Known> all, (AuditRowKind, string) key)
    {
        if (!all.TryGetValue(key, out Known? known))
        {
            all[key] = known = new();
        }

        return known;
    }

    private static IEnumerable<(AuditProblemKind Kind, string Detail)> Compare(AuditRowKind kind, AuditStoreRow? row, Known? known)
    {
        if (row is null || known is null)
        {
            yield return row is null
                ? (AuditProblemKind.MissingRow, "the trail has it, the store has not")
                : (AuditProblemKind.UnrecordedRow, "the store has it, the trail has not");
            yield break;
        }

        if (Compare("", row.Revision, known.Revisions.GetValueOrDefault(0, -1)) is { } head)
        {
            yield return head;
        }

        if (kind != AuditRowKind.Secret || known.Revisions.GetValueOrDefault(0, -1) == 0)
        {
            yield break;
        }

        HashSet<int> seen = [];
        foreach ((int number, long revision) in row.Versions)
        {
            seen.Add(number);
            if (Compare(string.Create(CultureInfo.InvariantCulture, $"version {number}: "), revision, known.Revisions.GetValueOrDefault(number, -1)) is { } version)
            {
                yield return version;
            }
        }

        foreach ((int number, long revision) in known.Revisions)
        {
            if (number > 0 && revision > 0 && !seen.Contains(number) && !known.Unlisted)
            {
                yield return (AuditProblemKind.MissingRow, string.Create(CultureInfo.InvariantCulture, $"version {number}: the trail has it, the store has not"));
            }
        }
    }

    // By the trail: -1 = never mentioned, 0 = gone.
    private static (AuditProblemKind Kind, string Detail)? Compare(string what, long stored, long recorded) =>
        stored == recorded ? null
        : recorded == 0 ? (AuditProblemKind.StaleRow, $"{what}the store has it, but the trail says that it was removed")
        : recorded < 0 ? (AuditProblemKind.UnrecordedRow, $"{what}the store has it, the trail has not")
        : stored < recorded
            ? (AuditProblemKind.StaleRow, string.Create(CultureInfo.InvariantCulture, $"{what}the store has revision {stored}, the trail {recorded}: the row was rolled back"))
            : (AuditProblemKind.UnrecordedRow, string.Create(CultureInfo.InvariantCulture, $"{what}the store has revision {stored}, the trail only {recorded}"));

    private static string Name(AuditRowKind kind) => kind == AuditRowKind.Secret ? "secret" : AuditRowNames.NameOf(kind);

    /// <summary>
    /// The newest revision that the trail mentions of each row (0 = the head, else a version). Two records of one secret can
    /// stand in the trail the other way round than they were committed, so the highest counts, and gone is for good: neither
    /// a uid nor a number comes again.
    /// </summary>
    private sealed class Known
    {
        public Dictionary<int, long> Revisions { get; } = [];

        public bool Unlisted { get; set; }

        public void Note(int number, long before, long after)
        {
            if (before == 0 && after == 0)
            {
                return;
            }

            bool seen = Revisions.TryGetValue(number, out long newest);
            Revisions[number] = after == 0 || (seen && newest == 0) ? 0 : long.Max(newest, after);
        }
    }
}
