using Coffer.Core.Audit;
using CsCheck;
using Xunit;

namespace Coffer.Core.Tests.Audit;

public class AuditStateHashTests
{
    private static readonly Gen<(AuditRowKind Kind, string Id, int Number, long Revision)> Row =
        Gen.Select(Gen.Int[1, 8], Gen.String[Gen.Char['a', 'f'], 1, 32], Gen.Int[0, 100], Gen.Long[1, 1_000_000]).Select(static (k, id, n, r) => ((AuditRowKind)k, id, n, r));

    [Fact]
    public void The_order_of_rows_does_not_matter_and_what_is_taken_out_leaves_no_trace() => Row.Array[0, 30].Sample(static rows =>
    {
        AuditStateHash forward = AuditStateHash.Zero, backward = AuditStateHash.Zero;
        foreach ((AuditRowKind kind, string id, int number, long revision) in rows)
        {
            forward = forward.Add(kind, id, number, revision);
        }

        foreach ((AuditRowKind kind, string id, int number, long revision) in rows.Reverse())
        {
            backward = backward.Add(kind, id, number, revision);
        }

        Assert.Equal(forward, backward);
        Assert.Equal(forward, AuditStateHash.From(forward.ToBytes()));
        Assert.True(AuditStateHash.TryParse(forward.ToString(), out AuditStateHash parsed) && parsed == forward);
        foreach ((AuditRowKind kind, string id, int number, long revision) in rows)
        {
            forward = forward.Remove(kind, id, number, revision);
        }

        Assert.Equal(AuditStateHash.Zero, forward);
    });

    [Fact]
    public void Addition_carries_between_the_halves()
    {
        AuditStateHash ones = AuditStateHash.From(Convert.FromHexString("00000000000000000000000000000000" + "ffffffffffffffffffffffffffffffff"));
        AuditStateHash one = AuditStateHash.From(Convert.FromHexString("00000000000000000000000000000000" + "00000000000000000000000000000001"));
        Assert.Equal("00000000000000000000000000000001" + "00000000000000000000000000000000", ones.Add(one).ToString());
        Assert.Equal(ones, ones.Add(one).Remove(one));
        Assert.Equal(new string('f', 64), AuditStateHash.Zero.Remove(one).ToString());
    }

    [Fact]
    public void Every_part_of_a_row_counts()
    {
        AuditStateHash[] all =
        [
            AuditStateHash.Zero.Add(AuditRowKind.Secret, "a", 0, 1), AuditStateHash.Zero.Add(AuditRowKind.Policy, "a", 0, 1), AuditStateHash.Zero.Add(AuditRowKind.Secret, "b", 0, 1),
            AuditStateHash.Zero.Add(AuditRowKind.Version, "a", 1, 1), AuditStateHash.Zero.Add(AuditRowKind.Version, "a", 2, 1), AuditStateHash.Zero.Add(AuditRowKind.Secret, "a", 0, 2),
        ];
        Assert.Equal(all.Length, all.Distinct().Count());

        // SHA-256 of "coffer-state-v1", 01, eight bytes 0, eight bytes 1, "a": computed elsewhere.
        Assert.Equal("dfafbf62", all[0].ToString()[..8]);
    }

    [Fact]
    public void A_write_applied_is_the_hash_of_the_rows_it_leaves()
    {
        AuditStateHash before = AuditStateHash.Zero.Add(new AuditStoreRow(AuditRowKind.Secret, Changes.Uid(1), 4, [(1, 2), (2, 1)]));
        AuditStateHash after = AuditStateHash.Zero.Add(new AuditStoreRow(AuditRowKind.Secret, Changes.Uid(1), 5, [(2, 2), (3, 1)])).Add(AuditRowKind.Policy, "p", 0, 1);
        AuditChange change = new()
        {
            Uid = Changes.Uid(1), Revision = new(4, 5), Versions = [new(1, 2, 0), new(2, 1, 2), new(3, 0, 1)], Rows = [new(AuditRowKind.Policy, "p", 0, 1)],
        };
        Assert.Equal(after, before.Apply(change));
        AuditStateHash versions = AuditStateHash.Zero.Add(AuditRowKind.Version, Changes.Uid(1), 2, 2).Add(AuditRowKind.Version, Changes.Uid(1), 3, 1);
        Assert.Equal(AuditStateHash.Zero.Add(AuditRowKind.Policy, "p", 0, 1), after.Apply(new() { Uid = Changes.Uid(1), Revision = new(5, 0), Gone = versions }));
    }
}
