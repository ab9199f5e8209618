using System.Runtime.Versioning;
using Coffer.Core.Audit;
using Xunit;

namespace Coffer.Core.Tests.Audit;

/// <summary>Disks that fill up, break or lose power.</summary>
[UnsupportedOSPlatform("windows")]
public class AuditFailureTests
{
    [Fact]
    public async Task Attack_44_on_a_full_disk_nothing_is_acknowledged_and_the_trail_heals_when_there_is_room()
    {
        using TrailDirectory at = new();
        FaultyFolder folder = new(at.Path);
        await using (AuditTrail trail = await AuditTrail.OpenAsync(at.Options, folder, TestContext.Current.CancellationToken))
        {
            await trail.AppendAsync(at.Record(1, Changes.Write(1)));
            AuditStateHash state = trail.State;

            // At every offset inside the line, and between lines of a group.
            for (int room = 0; room < 900; room += 37)
            {
                folder.Room = room;
                AuditUnavailableException full = await Assert.ThrowsAsync<AuditUnavailableException>(() => trail.AppendBatchAsync([at.Record(2, Changes.Write(2)), at.Record(3)]).AsTask());
                Assert.Equal(28, Assert.IsType<IOException>(full.InnerException).HResult);
                Assert.False(trail.Healthy);
                Assert.Equal((2, state), (trail.LastSequence, trail.State));
            }

            folder.Room = null;
            await trail.AppendAsync(at.Record(4, Changes.Write(4)));
            Assert.True(trail.Healthy);
        }

        AuditReport report = await at.VerifyAsync();
        Assert.Empty(report.Problems);
        Assert.Equal(2, report.Records);
    }

    [Fact]
    public async Task Attack_44_on_a_disk_that_became_read_only_nothing_is_acknowledged()
    {
        using TrailDirectory at = new();
        FaultyFolder folder = new(at.Path);
        await using (AuditTrail trail = await AuditTrail.OpenAsync(at.Options, folder, TestContext.Current.CancellationToken))
        {
            await trail.AppendAsync(at.Record(1));
            folder.ReadOnly = true;
            for (int i = 0; i < 3; i++)
            {
                await Assert.ThrowsAsync<AuditUnavailableException>(() => trail.AppendAsync(at.Record(2)).AsTask());
            }

            Assert.False(trail.Healthy);
            folder.ReadOnly = false;
            await trail.AppendAsync(at.Record(3));
        }

        Assert.Equal(2, (await at.VerifyAsync()).Records);
        Assert.Empty((await at.VerifyAsync()).Problems);
    }

    [Fact]
    public async Task Whole_lines_of_a_flush_that_failed_are_taken_back_since_nobody_was_told_of_them()
    {
        using TrailDirectory at = new();
        FaultyFolder folder = new(at.Path);
        await using (AuditTrail trail = await AuditTrail.OpenAsync(at.Options, folder, TestContext.Current.CancellationToken))
        {
            folder.SyncFails = true;
            await Assert.ThrowsAsync<AuditUnavailableException>(() => trail.AppendAsync(at.Record(1)).AsTask());
            await Assert.ThrowsAsync<AuditUnavailableException>(() => trail.AppendAsync(at.Record(2)).AsTask());
            folder.SyncFails = false;
            await trail.AppendAsync(at.Record(3));
        }

        AuditReport report = await at.VerifyAsync();
        Assert.Empty(report.Problems);
        Assert.Equal(1, report.Records);
    }

    [Fact]
    public async Task One_failure_fails_every_record_of_its_flush_each_with_its_own_exception()
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
        Task first = trail.AppendAsync(at.Record(0)).AsTask();
        await entered.WaitAsync(TestContext.Current.CancellationToken);
        Task[] rest = [.. Enumerable.Range(1, 10).Select(i => trail.AppendAsync(at.Record(i)).AsTask())];
        folder.BeforeSync = null;
        folder.Room = 10;
        release.Release();
        await first;
        List<Exception> failures = [];
        foreach (Task task in rest)
        {
            failures.Add(await Assert.ThrowsAsync<AuditUnavailableException>(() => task));
        }

        Assert.Equal(10, failures.Distinct(ReferenceEqualityComparer.Instance).Count());
        folder.Room = null;
        await trail.AppendAsync(at.Record(99));
        Assert.Equal(3, trail.LastSequence);
    }

    [Fact]
    public async Task A_full_disk_at_the_change_of_files_loses_nothing()
    {
        using TrailDirectory at = new();
        FaultyFolder folder = new(at.Path);
        int acknowledged = 0;
        await using (AuditTrail trail = await AuditTrail.OpenAsync(at.Options with { FileBytes = 4096 }, folder, TestContext.Current.CancellationToken))
        {
            for (int i = 0; i < 300; i++)
            {
                folder.Room = i % 3 == 0 ? i * 11 % 1500 : null;
                folder.ReadOnly = i % 7 == 3;
                try
                {
                    await trail.AppendAsync(at.Record(i));
                    acknowledged++;
                }
                catch (AuditUnavailableException)
                {
                }
            }

            (folder.Room, folder.ReadOnly) = (null, false);
        }

        AuditReport report = await at.VerifyAsync();
        Assert.Empty(report.Problems);
        Assert.True(report.Files > 5);
        Assert.Equal(acknowledged, report.Records);
        Assert.InRange(acknowledged, 100, 299);
    }

    [Fact]
    public async Task Attack_44_a_line_torn_at_any_byte_is_removed_at_the_next_start_and_nothing_else()
    {
        using TrailDirectory at = new();
        byte[] whole, head;
        await using (AuditTrail trail = await at.OpenAsync())
        {
            await trail.AppendAsync(at.Record(1, Changes.Write(1)));
            head = await File.ReadAllBytesAsync(at.Head, TestContext.Current.CancellationToken);
            await trail.AppendAsync(at.Record(2, Changes.Write(2)));
            whole = await File.ReadAllBytesAsync(at.FileOf(1), TestContext.Current.CancellationToken);
            await trail.AbandonAsync();
        }

        int lastLine = whole.AsSpan(0, whole.Length - 1).LastIndexOf((byte)'\n') + 1;
        for (int length = lastLine; length < whole.Length; length++)
        {
            await File.WriteAllBytesAsync(at.FileOf(1), whole[..length], TestContext.Current.CancellationToken);
            await File.WriteAllBytesAsync(at.Head, head, TestContext.Current.CancellationToken);
            Assert.True((await at.VerifyAsync()).Sound);
            await using (AuditTrail trail = await at.OpenAsync())
            {
                Assert.Equal(3, trail.LastSequence);
                Assert.Equal(AuditStateHash.Zero.Apply(Changes.Write(1)), trail.State);
                await trail.AbandonAsync();
            }

            Assert.Empty((await at.VerifyAsync()).Problems);
        }
    }

    [Fact]
    public async Task Attack_44_blocks_that_never_reached_the_disk_are_removed_unless_the_head_knows_that_they_did()
    {
        using TrailDirectory at = new();
        byte[] whole, before, after;
        await using (AuditTrail trail = await at.OpenAsync())
        {
            await trail.AppendAsync(at.Record(1));
            before = await File.ReadAllBytesAsync(at.Head, TestContext.Current.CancellationToken);
            await trail.AppendBatchAsync([.. Enumerable.Range(2, 20).Select(i => at.Record(i))]);
            whole = await File.ReadAllBytesAsync(at.FileOf(1), TestContext.Current.CancellationToken);
            after = await File.ReadAllBytesAsync(at.Head, TestContext.Current.CancellationToken);
            await trail.AbandonAsync();
        }

        whole.AsSpan(4096, 2048).Clear();
        await File.WriteAllBytesAsync(at.FileOf(1), whole, TestContext.Current.CancellationToken);
        AuditTrailBrokenException refused = await Assert.ThrowsAsync<AuditTrailBrokenException>(() => at.OpenAsync().AsTask());
        Assert.Equal(AuditProblemKind.CutOff, refused.Problem.Kind);
        await File.WriteAllBytesAsync(at.Head, before, TestContext.Current.CancellationToken);
        await using (await at.OpenAsync())
        {
        }

        Assert.NotEqual(before, after);
        Assert.Empty((await at.VerifyAsync()).Problems);
    }

    [Fact]
    public async Task A_crash_between_two_files_is_no_damage()
    {
        using TrailDirectory at = new();
        await at.WriteAsync(60, fileBytes: 10_000);
        IReadOnlyList<long> numbers = TrailFolder.ForReading(at.Path).Numbers();
        string next = at.FileOf(numbers[^1] + 1);
        foreach (string torn in (string[])["", "{\"seq\":1", "\0\0\0\0\n\0"])
        {
            await File.WriteAllTextAsync(next, torn, TestContext.Current.CancellationToken);
            await using (AuditTrail trail = await at.OpenAsync())
            {
                await trail.AppendAsync(at.Record(1));
                await trail.AbandonAsync();
            }

            Assert.Empty((await at.VerifyAsync()).Problems);
            next = at.FileOf(TrailFolder.ForReading(at.Path).Numbers()[^1] + 1);
        }
    }

    [Fact]
    public async Task A_crash_while_the_trail_was_made_is_no_damage()
    {
        using TrailDirectory at = new();
        Directory.CreateDirectory(at.Path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        await File.WriteAllBytesAsync(at.Head, TrailHead.Format(0, new byte[32], at.Signer), TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(at.FileOf(1), "{\"seq\":1,\"ti", TestContext.Current.CancellationToken);
        await using (AuditTrail trail = await at.OpenAsync())
        {
            await trail.AppendAsync(at.Record(1));
        }

        Assert.Empty((await at.VerifyAsync()).Problems);
    }

    [Fact]
    public async Task Attack_44_a_clock_that_jumps_breaks_neither_the_chain_nor_a_search()
    {
        using TrailDirectory at = new();
        await using AuditTrail trail = await at.OpenAsync(at.Options with { CheckpointRecords = 2 });
        List<AuditRecord> records = [];
        foreach (int seconds in (int[])[0, 5_000, -90_000, 10, -3, 200_000, -200_000, 1, 2])
        {
            records.Add(at.Record(records.Count) with { Id = Guid.CreateVersion7(), Time = at.Clock.Now() + (seconds * Microseconds.PerSecond) });
            await trail.AppendAsync(records[^1]);
        }

        Assert.Empty((await at.VerifyAsync()).Problems);
        foreach (AuditRecord record in records)
        {
            Assert.Equal([record.Id], await trail.FindAsync([record.Id, Guid.CreateVersion7()], record.Time));
            Assert.True(await trail.ContainsAnyAsync([record.Id], record.Time));
        }
    }

    [Fact]
    public async Task Attack_21_no_file_is_readable_by_others_executable_or_behind_a_link()
    {
        using TrailDirectory at = new();
        await at.WriteAsync(60, fileBytes: 10_000);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(at.Path));
        Assert.All(Directory.GetFiles(at.Path), static file =>
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
            Assert.Matches(@"^trail(-[0-9]{6}\.jsonl|\.head|\.lock)$", Path.GetFileName(file));
        });

        string outside = Path.Combine(Path.GetDirectoryName(at.Path)!, "outside");
        foreach (string name in (string[])[TrailFolder.NameOf(TrailFolder.ForReading(at.Path).Numbers()[^1]), TrailFolder.HeadName, TrailFolder.LockName])
        {
            string file = Path.Combine(at.Path, name), kept = outside + "-" + name;
            File.Move(file, kept);
            File.CreateSymbolicLink(file, kept);
            byte[] before = await File.ReadAllBytesAsync(kept, TestContext.Current.CancellationToken);
            await Assert.ThrowsAsync<AuditUnavailableException>(() => at.OpenAsync().AsTask());
            Assert.Equal(before, await File.ReadAllBytesAsync(kept, TestContext.Current.CancellationToken));
            File.Delete(file);
            File.Move(kept, file);
        }

        File.SetUnixFileMode(at.Path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupRead);
        await Assert.ThrowsAsync<AuditUnavailableException>(() => at.OpenAsync().AsTask());
        File.SetUnixFileMode(at.Path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        File.CreateSymbolicLink(outside + "-folder", at.Path);
        await Assert.ThrowsAsync<AuditUnavailableException>(() => at.OpenAsync(at.Options with { Directory = outside + "-folder" }).AsTask());
        await using (await at.OpenAsync())
        {
        }
    }

    [Fact]
    public async Task A_link_put_where_the_next_file_will_be_is_not_written_through()
    {
        using TrailDirectory at = new();
        string outside = Path.Combine(Path.GetDirectoryName(at.Path)!, "victim");
        await using AuditTrail trail = await at.OpenAsync(at.Options with { FileBytes = 4096 });
        File.CreateSymbolicLink(at.FileOf(2), outside);
        await Assert.ThrowsAsync<AuditUnavailableException>(async () =>
        {
            for (int i = 0; i < 100; i++)
            {
                await trail.AppendAsync(at.Record(i));
            }
        });
        Assert.False(File.Exists(outside));
        File.Delete(at.FileOf(2));
        await trail.AppendAsync(at.Record(100));
        Assert.True(trail.Healthy);
    }
}
