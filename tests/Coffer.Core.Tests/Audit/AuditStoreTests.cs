using Coffer.Core.Audit;
using Xunit;

namespace Coffer.Core.Tests.Audit;

/// <summary>The store compared with the trail.</summary>
public class AuditStoreTests
{
    private static readonly AuditStoreRow[] Rows =
    [
        new(AuditRowKind.Secret, Changes.Uid(1), 3, [(1, 2), (3, 1)]),
        new(AuditRowKind.Secret, Changes.Uid(2), 1, [(1, 1)]),
        new(AuditRowKind.Policy, "p-1", 2, []),
        new(AuditRowKind.Credential, "AKIA1", 4, []),
    ];

    [Fact]
    public async Task A_store_that_is_what_the_trail_says_is_right()
    {
        using TrailDirectory at = await MakeAsync();
        Assert.Empty(await CompareAsync(at, Rows));
    }

    [Fact]
    public async Task Attack_43_a_row_that_was_rolled_back_is_named()
    {
        using TrailDirectory at = await MakeAsync();
        string one = Changes.Uid(1);
        (AuditStoreRow Row, AuditProblemKind Kind, string Detail)[] all =
        [
            (Rows[0] with { Revision = 2 }, AuditProblemKind.StaleRow, $"secret {one}: the store has revision 2, the trail 3: the row was rolled back"),
            (Rows[0] with { Versions = [(1, 1), (3, 1)] }, AuditProblemKind.StaleRow, $"secret {one}: version 1: the store has revision 1, the trail 2: the row was rolled back"),
            (Rows[0] with { Versions = [(1, 2)] }, AuditProblemKind.MissingRow, $"secret {one}: version 3: the trail has it, the store has not"),
            (Rows[0] with { Versions = [(1, 2), (2, 1), (3, 1)] }, AuditProblemKind.StaleRow, $"secret {one}: version 2: the store has it, but the trail says that it was removed"),
            (Rows[0] with { Versions = [(1, 2), (3, 1), (4, 1)] }, AuditProblemKind.UnrecordedRow, $"secret {one}: version 4: the store has it, the trail has not"),
            (Rows[0] with { Revision = 9 }, AuditProblemKind.UnrecordedRow, $"secret {one}: the store has revision 9, the trail only 3"),
            (Rows[2] with { Revision = 1 }, AuditProblemKind.StaleRow, "policy p-1: the store has revision 1, the trail 2: the row was rolled back"),
            (Rows[3] with { Revision = 3 }, AuditProblemKind.StaleRow, "credential AKIA1: the store has revision 3, the trail 4: the row was rolled back"),
        ];
        foreach ((AuditStoreRow row, AuditProblemKind kind, string detail) in all)
        {
            AuditProblem problem = Assert.Single(await CompareAsync(at, Rows.Select(r => r.Id == row.Id ? row : r)));
            Assert.Equal((kind, detail), (problem.Kind, problem.Detail));
        }
    }

    [Fact]
    public async Task Attack_43_rows_that_are_gone_or_come_back_are_named()
    {
        using TrailDirectory at = await MakeAsync();
        foreach (AuditStoreRow row in Rows)
        {
            Assert.Equal(AuditProblemKind.MissingRow, Assert.Single(await CompareAsync(at, Rows.Where(r => r != row))).Kind);
        }

        (AuditStoreRow Row, AuditProblemKind Kind)[] revived =
        [
            (new(AuditRowKind.Secret, Changes.Uid(3), 1, [(1, 1), (2, 1)]), AuditProblemKind.StaleRow),
            (new(AuditRowKind.Policy, "p-gone", 1, []), AuditProblemKind.StaleRow),
            (new(AuditRowKind.Policy, "p-never", 1, []), AuditProblemKind.UnrecordedRow),
        ];
        foreach ((AuditStoreRow row, AuditProblemKind kind) in revived)
        {
            Assert.Equal(kind, Assert.Single(await CompareAsync(at, [.. Rows, row])).Kind);
        }
    }

    [Fact]
    public async Task What_is_expected_to_differ_neither_counts_nor_crowds_out_what_is_not()
    {
        using TrailDirectory at = await MakeAsync();
        IEnumerable<AuditStoreRow> odd = Enumerable.Range(0, 10_500).Select(i => new AuditStoreRow(AuditRowKind.Credential, $"ct-{i}", 1, []));
        AuditReport report = await AuditVerifier.VerifyStoreAsync(
            at.Path, at.Signer, Stream([.. odd, .. Rows.Where(r => r.Kind != AuditRowKind.Policy)]), isExpected: (_, row) => row == AuditRowKind.Credential, cancellationToken: TestContext.Current.CancellationToken);
        AuditProblem problem = Assert.Single(report.Problems);
        Assert.Equal((AuditProblemKind.MissingRow, 1L), (problem.Kind, report.ProblemCount));
        AuditReport all = await AuditVerifier.VerifyStoreAsync(at.Path, at.Signer, Stream([.. odd, .. Rows]), isExpected: (_, row) => row == AuditRowKind.Credential, cancellationToken: TestContext.Current.CancellationToken);
        Assert.True(all.Sound);
    }

    [Fact]
    public async Task The_state_in_the_last_checkpoint_is_the_hash_of_the_rows()
    {
        using TrailDirectory at = await MakeAsync();
        AuditStateHash state = Rows.Aggregate(AuditStateHash.Zero, static (sum, row) => sum.Add(row));
        Assert.Equal(state, (await at.VerifyAsync()).State);
    }

    [Fact]
    public async Task Without_the_oldest_files_only_what_the_rest_mentions_is_judged()
    {
        using TrailDirectory at = await MakeAsync();
        for (int i = 0; i < 4; i++)
        {
            await at.WriteAsync(20, fileBytes: 4096);
        }

        File.Delete(at.FileOf(1));
        AuditStoreRow stale = new(AuditRowKind.Secret, Changes.Uid(18), 0, [(1, 1)]);
        AuditReport report = await AuditVerifier.VerifyStoreAsync(at.Path, at.Signer, Stream([.. Rows, stale]), firstFile: 2, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Contains(report.Problems, static p => p.Kind == AuditProblemKind.StaleRow && p.Detail.StartsWith("secret " + Changes.Uid(18), StringComparison.Ordinal));
        Assert.DoesNotContain(report.Problems, static p => p.Detail.Contains(Changes.Uid(2), StringComparison.Ordinal));
    }

    private static async Task<TrailDirectory> MakeAsync()
    {
        TrailDirectory at = new();
        string one = Changes.Uid(1), three = Changes.Uid(3);
        await using AuditTrail trail = await at.OpenAsync(at.Options with { CheckpointRecords = 2 });
        AuditChange[] changes =
        [
            Changes.Write(1),
            new() { Uid = one, Revision = new(1, 2), Versions = [new(2, 0, 1)], Rows = [new(AuditRowKind.Policy, "p-1", 0, 1)] },
            Changes.Write(2),
            Changes.Write(3),

            // Committed in this order, recorded in the other: two requests that ended together.
            new() { Uid = one, Revision = new(3, 3), Versions = [new(1, 1, 2)] },
            new() { Uid = one, Revision = new(2, 3), Versions = [new(2, 1, 0), new(3, 0, 1)] },
            new() { Rows = [new(AuditRowKind.Policy, "p-1", 1, 2), new(AuditRowKind.Policy, "p-gone", 0, 1), new(AuditRowKind.Credential, "AKIA1", 0, 4)] },
            new() { Uid = three, Revision = new(1, 1), Versions = [new(2, 0, 1)] },
            new() { Uid = three, Revision = new(1, 0), Versions = [new(1, 1, 0)], Gone = AuditStateHash.Zero.Add(AuditRowKind.Version, three, 2, 1), Rows = [new(AuditRowKind.Policy, "p-gone", 1, 0)] },
        ];
        for (int i = 0; i < changes.Length; i++)
        {
            await trail.AppendAsync(at.Record(i, changes[i]));
        }

        return at;
    }

    private static async Task<IReadOnlyList<AuditProblem>> CompareAsync(TrailDirectory at, IEnumerable<AuditStoreRow> rows) =>
        (await AuditVerifier.VerifyStoreAsync(at.Path, at.Signer, Stream(rows), cancellationToken: TestContext.Current.CancellationToken)).Problems;

    private static async IAsyncEnumerable<AuditStoreRow> Stream(IEnumerable<AuditStoreRow> rows)
    {
        await Task.Yield();
        foreach (AuditStoreRow row in rows)
        {
            yield return row;
        }
    }
}
