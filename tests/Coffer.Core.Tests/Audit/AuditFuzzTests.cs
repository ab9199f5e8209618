using Coffer.Core.Audit;
using CsCheck;
using Xunit;

namespace Coffer.Core.Tests.Audit;

/// <summary>
/// A real trail, broken by chance: whatever the bytes, reading them ends and says so. By hand for longer:
/// <c>COFFER_FUZZ_ROUNDS=1000000</c>.
/// </summary>
public class AuditFuzzTests
{
    private static readonly long Rounds = long.TryParse(Environment.GetEnvironmentVariable("COFFER_FUZZ_ROUNDS"), out long rounds) ? rounds : 1500;

    // One alteration: kind, place (as a share of the length), length, byte.
    private static readonly Gen<(int Kind, double At, int Length, byte Value)> Mutation = Gen.Select(Gen.Int[0, 5], Gen.Double[0, 1], Gen.Int[1, 600], Gen.Byte);

    [Fact]
    public async Task Attack_44_no_bytes_make_the_verifier_the_reader_or_a_start_throw_anything_unforeseen()
    {
        using TrailDirectory at = new();
        await at.WriteAsync(25, checkpointRecords: 5, fileBytes: 1_000_000);
        byte[] whole = await File.ReadAllBytesAsync(at.FileOf(1), TestContext.Current.CancellationToken), head = await File.ReadAllBytesAsync(at.Head, TestContext.Current.CancellationToken);
        long found = 0;
        await Gen.Select(Mutation.Array[1, 4], Gen.Bool).SampleAsync(
            async (mutations, onHead) =>
            {
                byte[] broken = Mutate(onHead ? head : whole, mutations);
                await File.WriteAllBytesAsync(at.FileOf(1), onHead ? whole : broken);
                await File.WriteAllBytesAsync(at.Head, onHead ? broken : head);
                AuditReport report = await AuditVerifier.VerifyAsync(at.Path, at.Signer);
                if (!broken.AsSpan().SequenceEqual(onHead ? head : whole) && !onHead)
                {
                    Assert.NotEmpty(report.Problems);
                    found++;
                }

                await foreach (AuditEntry entry in new AuditReader(at.Path, at.Clock).QueryAsync(new() { Vault = "shop-prod" }))
                {
                    Assert.NotNull(entry.Record);
                }

                try
                {
                    await using AuditTrail trail = await AuditTrail.OpenAsync(at.Options);
                    await trail.AbandonAsync();
                }
                catch (AuditTrailBrokenException broke)
                {
                    Assert.NotEmpty(broke.Problem.Detail);
                }
            },
            iter: Rounds,
            threads: 1);
        Assert.True(found > Rounds / 4);
    }

    [Fact]
    public void No_bytes_make_a_parser_throw()
    {
        byte[] line = new AuditRecord
        {
            Id = Guid.CreateVersion7(DateTimeOffset.UnixEpoch), Time = 1, Dialect = "aws", WireOperation = "o", Action = "a", Decision = AuditDecision.Allow, Reason = "\u2028r", RequestId = "q",
            Change = new() { Uid = Changes.Uid(1), Revision = new(1, 2), Versions = [new(1, 0, 1)], Rows = [new(AuditRowKind.Policy, "p", 0, 1)], Gone = AuditStateHash.Zero.Add(AuditRowKind.Policy, "p", 0, 1) },
        }.ToUtf8();
        LineBuffer checkpoint = new(1024);
        TrailChain chain = default;
        chain.AppendCheckpoint(checkpoint, new TestSigner(), AuditCheckpointCause.Break, 1, new(AuditProblemKind.Changed, "trail-000001.jsonl", 3, 4, ""));
        byte[] signed = checkpoint.Written[..^1].ToArray();
        Gen.Select(Mutation.Array[0, 4], Gen.Bool).Sample(
            (mutations, other) =>
            {
                byte[] broken = Mutate(other ? signed : line, mutations);
                _ = AuditLine.TryParseRecord(broken, out _, out _);
                _ = AuditLine.ChangeOf(broken);
                _ = AuditLine.TryIdOf(broken, out _);
                _ = AuditLine.TimeOf(broken);
                _ = AuditCheckpoint.TryParse(broken, out AuditCheckpoint? parsed) && parsed.IsSignedBy(new TestSigner());
                _ = LineFrame.TryRead(broken, out LineFrame frame) && frame.IsIntact();
                _ = TrailHead.Read(broken, new TestSigner());
            },
            iter: Rounds * 20);
    }

    private static byte[] Mutate(byte[] bytes, (int Kind, double At, int Length, byte Value)[] mutations)
    {
        List<byte> list = [.. bytes];
        foreach ((int kind, double place, int size, byte value) in mutations)
        {
            if (list.Count == 0)
            {
                break;
            }

            int at = (int)(place * (list.Count - 1)), length = int.Min(size, list.Count - at);
            switch (kind)
            {
                case 0: list[at] = value; break;
                case 1: list[at] ^= (byte)(1 << (value & 7)); break;
                case 2: list.RemoveRange(at, length); break;
                case 3: list.InsertRange(at, list.GetRange(at, length)); break;
                case 4: list.InsertRange(at, Enumerable.Repeat(value, length)); break;
                default: list.RemoveRange(at, list.Count - at); break;
            }
        }

        return [.. list];
    }
}
