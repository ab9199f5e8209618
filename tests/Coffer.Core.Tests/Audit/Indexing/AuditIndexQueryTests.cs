using Coffer.Core.Audit;
using Coffer.Core.Audit.Indexing;
using CsCheck;
using Xunit;

namespace Coffer.Core.Tests.Audit.Indexing;

public class AuditIndexQueryTests
{
    /// <summary>More by hand: <c>COFFER_FUZZ_ROUNDS=1000</c>.</summary>
    private static readonly long Rounds = long.TryParse(Environment.GetEnvironmentVariable("COFFER_FUZZ_ROUNDS"), out long rounds) ? rounds : 40;

    [Fact]
    public Task Any_query_of_any_trail_finds_what_reading_all_of_it_finds() =>
        Gen.Select(RandomTrails.Record.Array[1, 160], RandomTrails.Query.Array[25], Gen.Int[4096, 20_000], Gen.Int[0, 159]).SampleAsync(
            async (records, queries, fileBytes, pause) =>
            {
                using TrailDirectory at = new();
                List<AuditEntry> all = [];
                AuditReader reader = new(at.Path, at.Clock);
                long time = at.Clock.Now(), first = time;
                await using AuditTrail trail = await at.OpenAsync(at.Options with { FileBytes = fileBytes, CheckpointRecords = 9 });
                for (int i = 0; i < records.Length; i++)
                {
                    time += records[i].Step;
                    AuditRecord record = records[i].Record with { Time = time, Id = new(i, 0, 0, new byte[8]) };
                    await trail.AppendAsync(record);
                    all.Add(new(i, record));
                    if (i == pause)
                    {
                        // The index of the file that grows has seen part of it.
                        await CompareAsync(reader, all, new() { Principal = "shop-api" });
                    }
                }

                long Moment(double share) => first + (long)(share * (time - first));
                foreach ((AuditQuery query, double since, double until) in queries)
                {
                    await CompareAsync(reader, all, query with { Since = since < 0 ? null : Moment(since), Until = until > 1.5 ? null : Moment(until) });
                }

                // Another process, which finds segments only.
                await CompareAsync(new(at.Path, at.Clock), all, queries[0].Query);
                foreach (AuditEntry entry in all.Take(5))
                {
                    AuditEntry? found = await reader.FindRequestAsync(entry.Record.RequestId);
                    Assert.Contains(found!.Record.Id, all.Where(e => e.Record.RequestId == entry.Record.RequestId).Select(static e => e.Record.Id));
                }

                await CompareAggregatesAsync(reader, all);
            },
            iter: Rounds,
            threads: 1);

    private static async Task CompareAsync(AuditReader reader, List<AuditEntry> all, AuditQuery query)
    {
        List<Guid> found = [];
        await foreach (AuditEntry entry in reader.QueryAsync(query))
        {
            found.Add(entry.Record.Id);
        }

        Assert.Equal(RandomTrails.Answer(all, query).Select(static e => e.Record.Id), found);
    }

    private static async Task CompareAggregatesAsync(AuditReader reader, List<AuditEntry> all)
    {
        IEnumerable<(AuditEntry Entry, string Action)> allowed = all.Where(static e => e.Record.Decision == AuditDecision.Allow && e.Record.Principal is not null)
            .SelectMany(static e => e.Record.Action.Split('+').Select(a => (e, a.Trim())));
        var uses = allowed.GroupBy(static u => (u.Entry.Record.Principal!, u.Entry.Record.Vault ?? "", u.Action, u.Entry.Record.Reason))
            .ToDictionary(static g => g.Key, static g => (g.Count(), g.Max(static u => u.Entry.Record.Time), g.Select(static u => u.Entry.Record.Name).Where(static n => n is { Length: > 0 }).Distinct().Order(StringComparer.Ordinal).ToArray()));
        IReadOnlyList<AuditUse> found = await reader.LastUseAsync();
        Assert.Equal(uses.Count, found.Count);
        foreach (AuditUse use in found)
        {
            (int count, long last, string?[] names) = uses[(use.Principal, use.Vault, use.Action, use.Reason)];
            Assert.Equal((count, last), (use.Count, use.Last));
            Assert.Equal(names!, use.Names);
            Assert.False(use.MoreNames);
        }

        var readers = allowed.Where(static u => u.Action == "ReadValue" && u.Entry.Record is { Vault: "shop-prod", Name: "db/password", Version: not null })
            .GroupBy(static u => (u.Entry.Record.Principal!, u.Entry.Record.Version!))
            .ToDictionary(static g => g.Key, static g => ((long)g.Count(), g.MaxBy(static u => u.Entry.Sequence).Entry));
        Assert.Equal(
            readers.OrderByDescending(static r => r.Value.Item2.Sequence).Select(static r => (r.Key.Item1, r.Key.Item2, r.Value.Item1, r.Value.Item2.Record.Id)),
            (await reader.ReadersAsync("shop-prod", "db/password")).Select(static r => (r.Principal, r.Version, r.Count, r.Last.Record.Id)));
    }

    [Fact]
    public void Exactly_the_lines_that_are_records_are_indexed_and_with_their_own_texts()
    {
        IndexedRecord indexed = new();
        long records = 0;
        Gen.Select(RandomTrails.Record, Gen.Select(Gen.Double[0, 1], Gen.Int[0, 12], Gen.String[Gen.Char[' ', '~'], 0, 6], Gen.OneOf("", "null", "\\ud800", "\"", "\\u0041", "\xff")).Array[0, 2]).Sample(
            (what, edits) =>
            {
                List<byte> line = [.. what.Record.ToUtf8()];
                foreach ((double share, int length, string text, string token) in edits)
                {
                    int start = (int)(share * line.Count);
                    line.RemoveRange(start, int.Min(length, line.Count - start));
                    line.InsertRange(start, System.Text.Encoding.Latin1.GetBytes(text + token));
                }

                byte[] bytes = [.. line];
                bool isRecord = AuditLine.TryParseRecord(bytes, out _, out AuditRecord? record);
                Assert.Equal(isRecord, indexed.TryRead(bytes));
                if (isRecord)
                {
                    Interlocked.Increment(ref records);
                    Assert.Equal((record!.Time, record.Decision), (indexed.Time, indexed.Decision));
                    Same(record.WireOperation, indexed.WireOperation, true);
                    Same(record.Action, indexed.Action, true);
                    Same(record.Reason, indexed.Reason, true);
                    Same(record.RequestId, indexed.RequestId, true);
                    Same(record.Principal, indexed.Principal, indexed.HasPrincipal);
                    Same(record.Credential, indexed.Credential, indexed.HasCredential);
                    Same(record.Vault, indexed.Vault, indexed.HasVault);
                    Same(record.Name, indexed.Name, indexed.HasName);
                    Same(record.Version, indexed.Version, indexed.HasVersion);
                    Same(record.Address, indexed.Address, indexed.HasAddress);
                }
            },
            iter: 20_000,
            threads: 1);
        Assert.InRange(records, 5_000, 19_000);

        static void Same(string? text, ReadOnlySpan<byte> utf8, bool there) => Assert.Equal(text, there ? System.Text.Encoding.UTF8.GetString(utf8) : null);
    }

    [Fact]
    public void Parts_of_a_key_come_back_whatever_is_in_them()
    {
        Gen.String[Gen.OneOf(Gen.Char['a', 'c'], Gen.OneOf('\0', '\x01', 'ÿ')), 0, 5].Array[0, 4].Sample(static parts =>
        {
            byte[] key = IndexKey.OfParts(IndexField.Use, parts);
            Assert.Equal(parts, IndexKey.Parts(key));
            Assert.True(parts.Length == 0 || key.AsSpan().StartsWith(IndexKey.OfParts(IndexField.Use, parts.AsSpan(0, parts.Length - 1))));
        });
    }

    [Fact]
    public void A_set_of_ordinals_is_a_set_of_ordinals() =>
        Gen.Select(Gen.Int[1, 300], Gen.Int[0, 299].Array[0, 40], Gen.Int[0, 299].Array[0, 40], Gen.Int[0, 50]).Sample(static (count, some, others, most) =>
        {
            some = [.. some.Where(n => n < count)];
            others = [.. others.Where(n => n < count)];
            OrdinalSet set = Of(some), other = Of(others);
            Assert.Equal(some.Distinct().Order().TakeLast(most), set.Newest(most));
            LineBuffer bits = new(64);
            set.WriteBits(bits);
            OrdinalSet again = new(count);
            again.AddBits(bits.Written);
            Assert.Equal(set.Newest(count), again.Newest(count));
            again.IntersectWith(other);
            Assert.Equal(some.Intersect(others).Order(), again.Newest(count));
            OrdinalSet range = new(count);
            range.AddRange(count / 3, count);
            Assert.Equal(Enumerable.Range(count / 3, count - (count / 3)), range.Newest(count));
            Assert.Throws<InvalidDataException>(() => range.Add(count));

            OrdinalSet Of(int[] ordinals)
            {
                // Through the list that is kept.
                PostingList list = new();
                foreach (int ordinal in ordinals.Order())
                {
                    list.Add(ordinal);
                }

                OrdinalSet set = new(count);
                PostingList.Collect(list.ToPayload(count).Span, set);
                return set;
            }
        });
}
