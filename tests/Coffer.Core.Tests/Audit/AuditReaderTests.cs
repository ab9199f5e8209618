using System.Threading.Channels;
using Coffer.Core.Audit;
using Xunit;

namespace Coffer.Core.Tests.Audit;

public class AuditReaderTests
{
    [Fact]
    public async Task Records_are_found_by_each_of_their_marks_oldest_first()
    {
        using TrailDirectory at = new();
        await at.WriteAsync(100, fileBytes: 8192);
        long time = at.Clock.Now();
        (AuditQuery Query, int[] Numbers)[] all =
        [
            (new(), [.. Enumerable.Range(1, 100)]),
            (new() { Principal = "shop-api", Limit = 3 }, [98, 99, 100]),
            (new() { Principal = "shop" }, []),
            (new() { Vault = "shop-prod", NamePattern = "db/password-9?" }, [.. Enumerable.Range(90, 10)]),
            (new() { NamePattern = "*-1*0" }, [10, 100]),
            (new() { Decision = AuditDecision.Deny, Limit = 4 }, [85, 90, 95, 100]),
            (new() { Action = "readvalue", Since = time + 97 }, [97, 98, 99, 100]),
            (new() { Action = "GetSecretValue", Since = time + 10, Until = time + 13 }, [10, 11, 12]),
            (new() { Action = "PutSecretValue" }, []),
            (new() { Vault = "shop\"", Limit = 1 }, []),
            (new() { Limit = 100 }, [.. Enumerable.Range(1, 100)]),
        ];
        foreach ((AuditQuery query, int[] numbers) in all)
        {
            Assert.Equal(numbers.Select(static n => "db/password-" + n), await NamesAsync(at, query));
        }
    }

    [Fact]
    public async Task The_newest_of_a_large_file_are_the_newest_whatever_their_number()
    {
        using TrailDirectory at = new();
        await at.WriteAsync(400, fileBytes: 100_000_000, checkpointRecords: 1000);
        Assert.True(new FileInfo(at.FileOf(1)).Length > 3 * 64 * 1024);
        foreach (int limit in (int[])[1, 20, 100, 101, 102, 110, 399, 400, 401])
        {
            Assert.Equal(Enumerable.Range(1, 400).TakeLast(limit).Select(static n => "db/password-" + n), await NamesAsync(at, new() { Limit = limit }));
        }

        Assert.Equal(["db/password-1"], await NamesAsync(at, new() { NamePattern = "*-1", Limit = 20 }));
    }

    [Fact]
    public async Task A_query_with_a_foolish_limit_is_refused()
    {
        using TrailDirectory at = new();
        await at.WriteAsync(1);
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => NamesAsync(at, new() { Limit = 0 }));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => NamesAsync(at, new() { Limit = 100_001 }));
    }

    [Fact]
    public async Task A_search_reads_only_what_it_must_and_finds_each_record_whatever_the_file()
    {
        using TrailDirectory at = new();
        await using AuditTrail trail = await at.OpenAsync(at.Options with { FileBytes = 8192, CheckpointRecords = 5 });
        List<AuditRecord> records = [];
        for (int i = 0; i < 120; i++)
        {
            at.Clock.Advance(TimeSpan.FromSeconds(1));
            records.Add(at.Record(0) with { Id = Guid.CreateVersion7() });
            await trail.AppendAsync(records[^1]);
        }

        for (int i = 0; i < 120; i += 7)
        {
            Assert.Equal(records[i..].Select(static r => r.Id).ToHashSet(), await trail.FindAsync([.. records[i..].Select(static r => r.Id)], records[i].Time));
            Assert.Equal(i < 5, await trail.ContainsAnyAsync([records[0].Id], records[i].Time));
        }

        Assert.Empty(await trail.FindAsync([], 0));
        Assert.Empty(await trail.FindAsync([Guid.CreateVersion7()], 0));
    }

    [Fact(Timeout = 60_000)]
    public async Task A_follower_sees_every_record_once_over_files_restarts_and_flushes_that_failed()
    {
        using TrailDirectory at = new();
        await at.WriteAsync(5);
        Channel<string> seen = Channel.CreateUnbounded<string>();
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        FaultyFolder folder = new(at.Path);
        AuditTrail trail = await AuditTrail.OpenAsync(at.Options with { FileBytes = 6000 }, folder, TestContext.Current.CancellationToken);
        IAsyncEnumerator<AuditEntry> follower = new AuditReader(at.Path, at.Clock).FollowAsync(stop.Token).GetAsyncEnumerator(TestContext.Current.CancellationToken);
        Task follow = FollowAsync();
        for (int i = 100; i < 160; i++)
        {
            if (i == 130)
            {
                await trail.DisposeAsync();
                folder = new(at.Path);
                trail = await AuditTrail.OpenAsync(at.Options with { FileBytes = 6000 }, folder, TestContext.Current.CancellationToken);
            }

            if (i % 10 == 5)
            {
                // Part of a line, then a whole line that is not durable, stand where the next record will.
                folder.Room = i % 20 == 5 ? 300 : null;
                folder.SyncFails = i % 20 == 15;
                await Assert.ThrowsAsync<AuditUnavailableException>(() => trail.AppendAsync(at.Record(999)).AsTask());
                await PassAsync();
                (folder.Room, folder.SyncFails) = (null, false);
            }

            await trail.AppendAsync(at.Record(i));
            if (i % 3 == 0)
            {
                await ExpectAsync(i - 2, i);
            }
        }

        await trail.DisposeAsync();
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => follow);

        async Task FollowAsync()
        {
            while (await follower.MoveNextAsync())
            {
                seen.Writer.TryWrite(follower.Current.Record.Name!);
            }
        }

        // Lets the follower look several times at what is there.
        async Task PassAsync()
        {
            for (int i = 0; i < 20; i++)
            {
                at.Clock.Advance(TimeSpan.FromMilliseconds(200));
                await Task.Run(static () => { });
            }
        }

        async Task ExpectAsync(int from, int to)
        {
            for (int i = int.Max(100, from); i <= to; i++)
            {
                string? name;
                while (!seen.Reader.TryRead(out name))
                {
                    Assert.False(follow.IsFaulted, follow.Exception?.ToString());
                    at.Clock.Advance(TimeSpan.FromMilliseconds(200));
                    await Task.Yield();
                }

                Assert.Equal("db/password-" + i, name);
            }
        }
    }

    [Fact]
    public async Task Lines_that_are_no_records_are_passed_over()
    {
        using TrailDirectory at = new();
        await at.WriteAsync(3);
        string[] lines = await File.ReadAllLinesAsync(at.FileOf(1), TestContext.Current.CancellationToken);
        await File.WriteAllLinesAsync(at.FileOf(1), [lines[0], "", "{}", "\0", new string('[', 10_000), new string('x', 2 * AuditLimits.LineBytes), .. lines[1..]], TestContext.Current.CancellationToken);
        Assert.Equal(3, (await NamesAsync(at, new())).Count);
    }

    private static async Task<List<string>> NamesAsync(TrailDirectory at, AuditQuery query)
    {
        List<string> names = [];
        await foreach (AuditEntry entry in new AuditReader(at.Path, at.Clock).QueryAsync(query, TestContext.Current.CancellationToken))
        {
            names.Add(entry.Record.Name!);
        }

        return names;
    }
}
