using System.Text.Json;
using System.Text;
using Coffer.Core.Audit;
using Xunit;

namespace Coffer.Core.Tests.Audit;

public class AuditTrailTests
{
    [Fact]
    public async Task A_new_trail_begins_and_ends_with_a_signed_checkpoint_and_verifies()
    {
        using TrailDirectory at = new();
        await using (AuditTrail trail = await at.OpenAsync())
        {
            await trail.AppendAsync(at.Record(1));
            Assert.True(trail.Healthy);
            Assert.Equal(2, trail.LastSequence);
        }

        string[] lines = await File.ReadAllLinesAsync(at.FileOf(1), TestContext.Current.CancellationToken);
        Assert.Equal(["created", null, "closed"], lines.Select(static l => JsonDocument.Parse(l).RootElement.TryGetProperty("cause", out JsonElement cause) ? cause.GetString() : null));
        AuditReport report = await at.VerifyAsync();
        Assert.Empty(report.Problems);
        Assert.Equal((1, 1L, 2L, 3L), (report.Files, report.Records, report.Checkpoints, report.LastSequence));
    }

    [Fact]
    public async Task Anyone_can_check_a_line_with_sha256sum()
    {
        using TrailDirectory at = new();
        await at.WriteAsync(3);
        string previous = new('0', 64);
        foreach (string line in await File.ReadAllLinesAsync(at.FileOf(1), TestContext.Current.CancellationToken))
        {
            string body = line[..line.IndexOf(",\"hash\":", StringComparison.Ordinal)];
            JsonElement json = JsonDocument.Parse(line).RootElement;
            Assert.Equal(previous, json.GetProperty("prev").GetString());
            previous = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes(body)));
            Assert.Equal(previous, json.GetProperty("hash").GetString());
        }
    }

    [Fact]
    public async Task Everyone_who_waits_at_one_moment_shares_one_flush()
    {
        using TrailDirectory at = new();
        FaultyFolder folder = new(at.Path);
        await using AuditTrail trail = await AuditTrail.OpenAsync(at.Options, folder, TestContext.Current.CancellationToken);
        using SemaphoreSlim entered = new(0), release = new(0);
        folder.BeforeSync = () =>
        {
            entered.Release();
            release.Wait();
        };
        int before = folder.Syncs;
        Task first = trail.AppendAsync(at.Record(0)).AsTask();
        await entered.WaitAsync(TestContext.Current.CancellationToken);
        Task[] rest = [.. Enumerable.Range(1, 200).Select(i => trail.AppendAsync(at.Record(i)).AsTask())];
        Assert.False(first.IsCompleted || rest.Any(static t => t.IsCompleted), "nothing is acknowledged before it is durable");
        folder.BeforeSync = null;
        release.Release();
        await Task.WhenAll([first, .. rest]);
        Assert.Equal(2, folder.Syncs - before);
        Assert.Equal(202, trail.LastSequence);
    }

    [Fact]
    public async Task A_batch_is_contiguous_and_acknowledged_as_one()
    {
        using TrailDirectory at = new();
        await using (AuditTrail trail = await at.OpenAsync(at.Options with { CheckpointRecords = 1000 }))
        {
            await Task.WhenAll(Enumerable.Range(0, 20).Select(b => trail.AppendBatchAsync([.. Enumerable.Range(0, 10).Select(i => at.Record((b * 10) + i))]).AsTask()));
            await trail.AppendBatchAsync([]);
        }

        List<int> names = await NamesAsync(at);
        Assert.Equal(200, names.Count);
        Assert.All(names.Chunk(10), static chunk => Assert.Equal(Enumerable.Range(chunk[0], 10), chunk));
    }

    [Fact]
    public async Task A_batch_with_a_malformed_record_leaves_nothing_behind()
    {
        using TrailDirectory at = new();
        await using (AuditTrail trail = await at.OpenAsync())
        {
            await Assert.ThrowsAsync<ArgumentException>(() => trail.AppendBatchAsync([at.Record(1), at.Record(2, new() { Uid = "wrong" })]).AsTask());
            await trail.AppendAsync(at.Record(3));
        }

        Assert.Equal([3], await NamesAsync(at));
        Assert.Empty((await at.VerifyAsync()).Problems);
    }

    [Fact]
    public async Task Many_appenders_at_once_make_one_chain_with_each_record_once()
    {
        using TrailDirectory at = new();
        await using (AuditTrail trail = await at.OpenAsync(at.Options with { FileBytes = 100_000, CheckpointRecords = 100 }))
        {
            await Task.WhenAll(Enumerable.Range(0, 16).Select(worker => Task.Run(async () =>
            {
                for (int i = 0; i < 250; i++)
                {
                    await trail.AppendAsync(at.Record((worker * 250) + i));
                }
            })));
        }

        AuditReport report = await at.VerifyAsync();
        Assert.Empty(report.Problems);
        Assert.True(report.Files > 10);
        Assert.Equal(Enumerable.Range(0, 4000), (await NamesAsync(at)).Order());
    }

    [Fact]
    public async Task Files_change_when_full_and_each_begins_and_ends_with_a_checkpoint()
    {
        using TrailDirectory at = new();
        await at.WriteAsync(200, fileBytes: 20_000, checkpointRecords: 1000);
        IReadOnlyList<long> numbers = TrailFolder.ForReading(at.Path).Numbers();
        Assert.True(numbers.Count >= 4);
        foreach (long number in numbers)
        {
            string[] lines = await File.ReadAllLinesAsync(at.FileOf(number), TestContext.Current.CancellationToken);
            Assert.Equal(number == 1 ? AuditCheckpointCause.Created : AuditCheckpointCause.FileStart, AuditCheckpoint.Parse(Encoding.UTF8.GetBytes(lines[0])).Cause);
            Assert.Equal(number == numbers[^1] ? AuditCheckpointCause.Closed : AuditCheckpointCause.FileEnd, AuditCheckpoint.Parse(Encoding.UTF8.GetBytes(lines[^1])).Cause);
            Assert.InRange(new FileInfo(at.FileOf(number)).Length, 1, 22_000);
        }
    }

    [Fact]
    public async Task Checkpoints_come_by_count_and_by_time_and_only_when_something_was_written()
    {
        using TrailDirectory at = new();
        List<AuditCheckpointCause> causes = [];
        SemaphoreSlim told = new(0);
        await using (AuditTrail trail = await at.OpenAsync(at.Options with
        {
            CheckpointRecords = 3,
            CheckpointInterval = TimeSpan.FromMinutes(1),
            OnCheckpoint = checkpoint =>
            {
                Assert.True(checkpoint.IsSignedBy(at.Signer));
                causes.Add(checkpoint.Cause);
                told.Release();
                return ValueTask.CompletedTask;
            },
        }))
        {
            await told.WaitAsync(TestContext.Current.CancellationToken);
            for (int i = 0; i < 3; i++)
            {
                await trail.AppendAsync(at.Record(i));
            }

            await told.WaitAsync(TestContext.Current.CancellationToken);
            at.Clock.Advance(TimeSpan.FromMinutes(1));
            await trail.AppendAsync(at.Record(4));
            at.Clock.Advance(TimeSpan.FromMinutes(1));
            await told.WaitAsync(TestContext.Current.CancellationToken);
        }

        Assert.Equal([AuditCheckpointCause.Created, AuditCheckpointCause.Count, AuditCheckpointCause.Time, AuditCheckpointCause.Closed], causes);
        Assert.Empty((await at.VerifyAsync()).Problems);
    }

    [Fact]
    public async Task What_waits_for_the_disk_is_bounded_and_more_is_refused_at_once()
    {
        using TrailDirectory at = new();
        FaultyFolder folder = new(at.Path);
        await using AuditTrail trail = await AuditTrail.OpenAsync(at.Options with { PendingBytes = 64 * 1024 }, folder, TestContext.Current.CancellationToken);
        using SemaphoreSlim entered = new(0), release = new(0);
        folder.BeforeSync = () =>
        {
            entered.Release();
            release.Wait();
        };
        List<Task> waiting = [trail.AppendAsync(at.Record(0)).AsTask()];
        await entered.WaitAsync(TestContext.Current.CancellationToken);
        Task last;
        do
        {
            last = trail.AppendAsync(at.Record(waiting.Count)).AsTask();
            waiting.Add(last);
        }
        while (!last.IsCompleted);
        Assert.InRange(waiting.Count, 100, 300);
        await Assert.ThrowsAsync<AuditUnavailableException>(() => last);
        folder.BeforeSync = null;
        release.Release();
        await Task.WhenAll(waiting[..^1]);
        await trail.AppendAsync(at.Record(1));
    }

    [Fact]
    public async Task After_closing_nothing_is_taken_any_more()
    {
        using TrailDirectory at = new();
        AuditTrail trail = await at.OpenAsync();
        await trail.DisposeAsync();
        await Assert.ThrowsAsync<AuditUnavailableException>(() => trail.AppendAsync(at.Record(1)).AsTask());
        await Assert.ThrowsAsync<AuditUnavailableException>(() => trail.AppendBatchAsync([at.Record(1)]).AsTask());
    }

    [Fact]
    public async Task A_second_trail_on_the_same_folder_is_refused_until_the_first_is_closed()
    {
        using TrailDirectory at = new();
        await using (await at.OpenAsync())
        {
            AuditUnavailableException refused = await Assert.ThrowsAsync<AuditUnavailableException>(() => at.OpenAsync().AsTask());
            Assert.Equal("the audit trail is in use by another process", refused.Message);
        }

        await using AuditTrail again = await at.OpenAsync();
        Assert.True(again.Healthy);
    }

    [Fact]
    public async Task The_state_and_the_chain_go_on_over_restarts()
    {
        using TrailDirectory at = new();
        AuditStateHash state;
        long sequence;
        await using (AuditTrail trail = await at.OpenAsync())
        {
            await trail.AppendAsync(at.Record(1, Changes.Write(1)));
            await trail.AppendAsync(at.Record(2, Changes.Write(2)));
            (state, sequence) = (trail.State, trail.LastSequence);
            await trail.AbandonAsync();
        }

        Assert.Equal(AuditStateHash.Zero.Apply(Changes.Write(1)).Apply(Changes.Write(2)), state);
        await using (AuditTrail trail = await at.OpenAsync())
        {
            Assert.Equal((state, sequence + 1), (trail.State, trail.LastSequence));
        }

        Assert.Equal(state, (await at.VerifyAsync()).State);
    }

    [Fact]
    public async Task A_slow_or_failing_destination_gets_every_line_and_holds_nobody_up()
    {
        using TrailDirectory at = new();
        RecordingSink fromStart = new(0), fromNow = new(long.MaxValue), flaky = new(0) { Failures = 2 };
        await at.WriteAsync(50);
        await using (AuditTrail trail = await at.OpenAsync(at.Options with { FileBytes = 16_384, Sinks = [fromStart, fromNow, flaky] }))
        {
            for (int i = 0; i < 100; i++)
            {
                await trail.AppendAsync(at.Record(i));
            }

            while (flaky.Failures > 0)
            {
                at.Clock.Advance(TimeSpan.FromSeconds(5));
                await Task.Yield();
            }

            Task closing = trail.DisposeAsync().AsTask();
            while (!closing.IsCompleted)
            {
                if (flaky.Calls < 3)
                {
                    at.Clock.Advance(TimeSpan.FromSeconds(1));
                }

                await Task.Yield();
            }
        }

        StringBuilder all = new();
        foreach (long number in TrailFolder.ForReading(at.Path).Numbers())
        {
            all.Append(await File.ReadAllTextAsync(at.FileOf(number), TestContext.Current.CancellationToken));
        }

        Assert.Equal(all.ToString(), fromStart.Text);
        Assert.Equal(all.ToString(), flaky.Text);
        Assert.EndsWith(fromNow.Text, all.ToString(), StringComparison.Ordinal);
        Assert.Equal(100, fromNow.Text.Split('\n').Count(static l => l.Contains("\"id\":", StringComparison.Ordinal)));
    }

    private static async Task<List<int>> NamesAsync(TrailDirectory at)
    {
        List<int> names = [];
        await foreach (AuditEntry entry in new AuditReader(at.Path, at.Clock).QueryAsync(new(), TestContext.Current.CancellationToken))
        {
            names.Add(int.Parse(entry.Record.Name!.Split('-')[1], System.Globalization.CultureInfo.InvariantCulture));
        }

        return names;
    }

    private sealed class RecordingSink(long last) : IAuditSink
    {
        private readonly StringBuilder _text = new();

        public volatile int Failures;

        public volatile int Calls;

        public string Text => _text.ToString();

        public ValueTask<long> LastSequenceAsync(CancellationToken cancellationToken) => ValueTask.FromResult(last);

        public ValueTask WriteAsync(ReadOnlyMemory<byte> lines, CancellationToken cancellationToken)
        {
            Calls++;
            if (Failures > 0)
            {
                Failures--;
                throw new IOException("the collector is away");
            }

            Assert.Equal((byte)'\n', lines.Span[^1]);
            _text.Append(Encoding.UTF8.GetString(lines.Span));
            return ValueTask.CompletedTask;
        }
    }
}
