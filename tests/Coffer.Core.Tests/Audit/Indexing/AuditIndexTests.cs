using Coffer.Core.Audit;
using Coffer.Core.Audit.Indexing;
using CsCheck;
using Xunit;

namespace Coffer.Core.Tests.Audit.Indexing;

public class AuditIndexTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_query_leaves_one_segment_for_every_full_file_and_none_for_the_last()
    {
        using TrailDirectory at = new();
        await at.WriteAsync(100, fileBytes: 8192);
        int files = Directory.GetFiles(at.Path, "trail-*.jsonl").Length;
        Assert.True(files > 4);
        Assert.Equal(100, await CountAsync(at, new()));
        Assert.Equal(Enumerable.Range(1, files - 1).Select(static n => SegmentFolder.NameOf(n)), Segments(at));
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(SegmentOf(at, 1)));
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Path.Combine(at.Path, SegmentFolder.Name)));
        }

        // The trail knows nothing of it.
        Assert.True((await at.VerifyAsync()).Sound);
        await using AuditTrail trail = await at.OpenAsync();
        await trail.AppendAsync(at.Record(101));
        Assert.Equal(101, await CountAsync(at, new()));
    }

    [Fact]
    public async Task A_query_of_the_newest_builds_only_what_it_needs()
    {
        using TrailDirectory at = new();
        await at.WriteAsync(100, fileBytes: 8192);
        Assert.Equal(12, await CountAsync(at, new() { Limit = 12 }));
        Assert.Single(Segments(at));
    }

    [Fact]
    public async Task Every_byte_of_a_segment_is_under_a_sum_and_a_damaged_one_is_built_anew()
    {
        using TrailDirectory at = new();
        await at.WriteAsync(60, fileBytes: 30_000);
        AuditReader reader = new(at.Path, at.Clock);
        await reader.IndexAsync(rebuild: false, Cancellation);
        byte[] whole = await File.ReadAllBytesAsync(SegmentOf(at, 1), Cancellation);
        for (int i = 0; i < whole.Length; i += 61)
        {
            byte[] damaged = [.. whole];
            damaged[i] ^= 0x10;
            await File.WriteAllBytesAsync(SegmentOf(at, 1), damaged, Cancellation);
            AuditIndexReport report = await reader.IndexAsync(rebuild: false, Cancellation);
            Assert.Equal((0, 1, 0, 0), (report.Missing, report.Damaged, report.Stale, report.Rebuilt));
            Assert.Equal(whole, await File.ReadAllBytesAsync(SegmentOf(at, 1), Cancellation));
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(511)]
    [InlineData(512)]
    [InlineData(600)]
    [InlineData(-1)]
    public async Task A_query_over_a_segment_that_was_cut_finds_all_and_mends_it(int length)
    {
        using TrailDirectory at = new();
        await at.WriteAsync(100, fileBytes: 8192);
        AuditReader reader = new(at.Path, at.Clock);
        Assert.Equal(20, await CountAsync(reader, new() { Decision = AuditDecision.Deny }));
        byte[] whole = await File.ReadAllBytesAsync(SegmentOf(at, 2), Cancellation);
        await File.WriteAllBytesAsync(SegmentOf(at, 2), whole[..(length < 0 ? ^1 : length)], Cancellation);
        Assert.Equal(20, await CountAsync(reader, new() { Decision = AuditDecision.Deny }));
        Assert.Equal(whole, await File.ReadAllBytesAsync(SegmentOf(at, 2), Cancellation));
        Assert.Equal(1, (await reader.IndexAsync(rebuild: false, Cancellation)).Repaired);
    }

    [Fact]
    public async Task A_damaged_page_is_noticed_by_the_query_that_reads_it()
    {
        using TrailDirectory at = new();
        await at.WriteAsync(100, fileBytes: 8192);
        AuditReader reader = new(at.Path, at.Clock);
        Assert.Equal(100, await CountAsync(reader, new() { Principal = "shop-api" }));
        byte[] damaged = await File.ReadAllBytesAsync(SegmentOf(at, 3), Cancellation);
        Assert.True(SegmentHeader.TryRead(damaged.AsSpan(0, SegmentHeader.Size), out SegmentHeader? header));
        damaged[SegmentHeader.Size + header.Directory + header.Keys + 1] ^= 1;
        await File.WriteAllBytesAsync(SegmentOf(at, 3), damaged, Cancellation);
        Assert.Equal(100, await CountAsync(reader, new() { Principal = "shop-api" }));
        Assert.Equal(1, (await reader.IndexAsync(rebuild: false, Cancellation)).Repaired);
    }

    [Fact]
    public async Task A_segment_of_another_file_of_the_same_length_is_noticed()
    {
        using TrailDirectory at = new(), other = new();
        await at.WriteAsync(100, fileBytes: 8192);
        await other.WriteAsync(100, fileBytes: 8192);
        Assert.Equal(100, await CountAsync(at, new()));
        Assert.Equal(100, await CountAsync(other, new()));
        Assert.Equal(new FileInfo(at.FileOf(1)).Length, new FileInfo(other.FileOf(1)).Length);
        File.Copy(SegmentOf(other, 1), SegmentOf(at, 1), overwrite: true);
        File.Copy(SegmentOf(at, 3), SegmentOf(at, 2), overwrite: true);
        AuditIndexReport report = await new AuditReader(at.Path, at.Clock).IndexAsync(rebuild: false, Cancellation);
        Assert.Equal((0, 0, 2), (report.Missing, report.Damaged, report.Stale));
    }

    [Fact]
    public async Task What_a_crash_left_of_a_segment_is_not_read_and_is_removed()
    {
        using TrailDirectory at = new();
        await at.WriteAsync(100, fileBytes: 8192);
        AuditReader reader = new(at.Path, at.Clock);
        Assert.Equal(100, await CountAsync(reader, new()));
        string unfinished = SegmentOf(at, 1) + ".0123456789abcdef.tmp";
        File.Move(SegmentOf(at, 1), unfinished);
        await File.WriteAllBytesAsync(SegmentOf(at, 999), [1, 2, 3], Cancellation);
        Assert.Equal(100, await CountAsync(reader, new()));
        AuditIndexReport report = await reader.IndexAsync(rebuild: false, Cancellation);
        Assert.Equal((report.Files, 0), (report.Segments, report.Missing));
        Assert.False(File.Exists(unfinished));
        Assert.False(File.Exists(SegmentOf(at, 999)));
    }

    [Fact]
    public async Task Everything_is_built_anew_where_asked_and_after_the_folder_was_deleted()
    {
        using TrailDirectory at = new();
        await at.WriteAsync(100, fileBytes: 8192);
        AuditReader reader = new(at.Path, at.Clock);
        AuditIndexReport first = await reader.IndexAsync(rebuild: false, Cancellation), second = await reader.IndexAsync(rebuild: false, Cancellation), third = await reader.IndexAsync(rebuild: true, Cancellation);
        Assert.Equal((first.Files, first.Files, 0), (first.Segments, first.Missing, first.Rebuilt));
        Assert.Equal(first with { Missing = 0 }, second);
        Assert.Equal(first with { Missing = 0, Rebuilt = first.Files }, third);
        Assert.True(first.Records is > 80 and < 100);
        Directory.Delete(Path.Combine(at.Path, SegmentFolder.Name), recursive: true);
        Assert.Equal(20, await CountAsync(reader, new() { Decision = AuditDecision.Deny }));
        Assert.Equal(first.Files, Segments(at).Length);
    }

    [Fact]
    public async Task Where_no_segment_can_be_written_the_trail_itself_is_read()
    {
        using TrailDirectory at = new();
        await at.WriteAsync(100, fileBytes: 8192);

        // A file in the folder's place stands for whatever keeps it from being written, also for root.
        await File.WriteAllTextAsync(Path.Combine(at.Path, SegmentFolder.Name), "", Cancellation);
        AuditReader reader = new(at.Path, at.Clock);
        Assert.Equal(20, await CountAsync(reader, new() { Decision = AuditDecision.Deny }));
        Assert.Equal(3, await CountAsync(reader, new() { Limit = 3 }));
        Assert.Equal("db/password-7", (await reader.FindRequestAsync("req-7", Cancellation))!.Record.Name);
        Assert.Single(await reader.ReadersAsync("shop-prod", "db/password-7", Cancellation));
        Assert.Equal(80, (await reader.LastUseAsync(Cancellation)).Sum(static u => u.Count));
        AuditIndexReport report = await reader.IndexAsync(rebuild: false, Cancellation);
        Assert.Equal((0, 0), (report.Segments, report.Missing));

        // Not tried again with every query, but by and by.
        File.Delete(Path.Combine(at.Path, SegmentFolder.Name));
        Assert.Equal(100, await CountAsync(reader, new()));
        Assert.Empty(Segments(at));
        at.Clock.Advance(TimeSpan.FromMinutes(2));
        Assert.Equal(100, await CountAsync(reader, new()));
        Assert.Equal(report.Files, Segments(at).Length);
    }

    [Fact]
    public async Task A_trail_without_files_has_no_records_and_no_readers()
    {
        using TrailDirectory at = new();
        Directory.CreateDirectory(at.Path);
        AuditReader reader = new(at.Path, at.Clock);
        Assert.Equal(0, await CountAsync(reader, new()));
        Assert.Null(await reader.FindRequestAsync("req-1", Cancellation));
        Assert.Empty(await reader.ReadersAsync("shop-prod", "db", Cancellation));
        Assert.Equal(0, (await reader.IndexAsync(rebuild: true, Cancellation)).Files);
        await reader.KeepUpAsync(Cancellation);
    }

    [Fact]
    public async Task Segments_are_built_ahead_a_few_at_a_time_the_newest_first()
    {
        using TrailDirectory at = new();
        await at.WriteAsync(150, fileBytes: 8192);
        AuditReader reader = new(at.Path, at.Clock);
        int full = Directory.GetFiles(at.Path, "trail-*.jsonl").Length - 1;
        Assert.True(full > 5);
        await reader.KeepUpAsync(Cancellation);
        Assert.Equal(Enumerable.Range(full - 3, 4).Select(static n => SegmentFolder.NameOf(n)), Segments(at));
        for (int i = 0; i < full; i++)
        {
            await reader.KeepUpAsync(Cancellation);
        }

        Assert.Equal(full, Segments(at).Length);
    }

    [Fact]
    public async Task Lines_that_may_yet_be_taken_back_are_found_but_not_indexed()
    {
        using TrailDirectory at = new();
        await at.WriteAsync(5);
        FaultyFolder folder = new(at.Path);
        await using AuditTrail trail = await AuditTrail.OpenAsync(at.Options, folder, Cancellation);
        AuditReader reader = new(at.Path, at.Clock);
        folder.SyncFails = true;
        await Assert.ThrowsAsync<AuditUnavailableException>(() => trail.AppendAsync(at.Record(998)).AsTask());
        Assert.Equal("req-998", (await reader.FindRequestAsync("req-998", Cancellation))?.Record.RequestId);
        folder.SyncFails = false;

        // As long as the one that is taken back, so that only its bytes tell them apart.
        await trail.AppendAsync(at.Record(997));
        Assert.Null(await reader.FindRequestAsync("req-998", Cancellation));
        Assert.Equal("db/password-997", (await reader.FindRequestAsync("req-997", Cancellation))?.Record.Name);
        Assert.Equal(6, await CountAsync(reader, new()));
    }

    [Fact(Timeout = 120_000)]
    public async Task Queries_beside_appends_and_each_other_see_every_record_that_was_durable_before()
    {
        using TrailDirectory at = new();
        await using AuditTrail trail = await at.OpenAsync(at.Options with { FileBytes = 20_000 });
        AuditReader reader = new(at.Path, at.Clock);
        int durable = 0;
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        Task[] queries = [.. Enumerable.Range(0, 3).Select(n => Task.Run(() => AskAsync(n), Cancellation))];
        for (int i = 1; i <= 1500; i++)
        {
            await trail.AppendAsync(at.Record(i));
            Volatile.Write(ref durable, i);
        }

        await stop.CancelAsync();
        int[] rounds = [.. (await Task.WhenAll(queries.Cast<Task<int>>()))];
        Assert.All(rounds, static r => Assert.True(r > 0));
        Assert.Equal(1500, await CountAsync(reader, new()));

        async Task<int> AskAsync(int kind)
        {
            for (int round = 1; ; round++)
            {
                int before = Volatile.Read(ref durable);
                List<int> numbers = [];
                await foreach (AuditEntry entry in reader.QueryAsync(kind switch { 0 => new() { Principal = "shop-api" }, 1 => new() { Limit = 50, PathPattern = "shop-prod/db/*" }, _ => new() { Decision = AuditDecision.Deny } }, Cancellation))
                {
                    numbers.Add(entry.Record.PrincipalId!.Value.ToByteArray() is var id ? BitConverter.ToInt32(id) : 0);
                }

                int step = kind == 2 ? 5 : 1, last = numbers.Count == 0 ? 0 : numbers[^1];
                Assert.True(last >= before / step * step, $"{last} of {before}");
                Assert.Equal(Enumerable.Range(1, last / step).Select(n => n * step).TakeLast(kind == 1 ? 50 : int.MaxValue), numbers);
                if (stop.IsCancellationRequested)
                {
                    return round;
                }
            }
        }
    }

    [Fact]
    public async Task Of_several_records_of_a_request_the_one_that_was_refused_is_its_record()
    {
        using TrailDirectory at = new();
        await using AuditTrail trail = await at.OpenAsync(at.Options with { FileBytes = 8192 });
        for (int i = 1; i <= 60; i++)
        {
            await trail.AppendAsync(at.Record(i) with { RequestId = i is 20 or 21 or 22 ? "batch" : "req-" + i });
        }

        AuditReader reader = new(at.Path, at.Clock);
        Assert.Equal("db/password-20", (await reader.FindRequestAsync("batch", Cancellation))!.Record.Name);
        Assert.Equal("db/password-59", (await reader.FindRequestAsync("req-59", Cancellation))!.Record.Name);
        Assert.Equal(3, await CountAsync(reader, new() { RequestId = "batch" }));
        Assert.Null(await reader.FindRequestAsync("req-20", Cancellation));
    }

    [Fact]
    public async Task Of_many_names_in_one_use_the_first_few_are_kept_and_that_there_are_more()
    {
        using TrailDirectory at = new();
        await at.WriteAsync(100, fileBytes: 8192);
        AuditUse use = Assert.Single(await new AuditReader(at.Path, at.Clock).LastUseAsync(Cancellation));
        Assert.Equal(("shop-api", "shop-prod", "ReadValue", "grant shop-readers, statement 1", 80), (use.Principal, use.Vault, use.Action, use.Reason, use.Count));
        Assert.Equal((AuditUse.MostNames, true), (use.Names.Count, use.MoreNames));
        Assert.Equal(at.Clock.Now() + 99, use.Last);
    }

    [Fact]
    public async Task Bytes_of_an_index_that_no_writer_left_are_named_as_damage()
    {
        using TrailDirectory at = new();
        await at.WriteAsync(60, fileBytes: 30_000);
        await new AuditReader(at.Path, at.Clock).IndexAsync(rebuild: false, Cancellation);
        byte[] whole = await File.ReadAllBytesAsync(SegmentOf(at, 1), Cancellation);
        Assert.True(SegmentHeader.TryRead(whole.AsSpan(0, SegmentHeader.Size), out SegmentHeader? header));
        Check.Sample(Gen.Select(Gen.Int[0, (int)header.Body - 1], Gen.Byte).Array[1, 3], edits =>
        {
            // With sums that are right: as if one had made it on purpose, who might as well have changed the trail.
            byte[] forged = [.. whole];
            foreach ((int place, byte value) in edits)
            {
                forged[SegmentHeader.Size + header.Directory + place] = value;
            }

            Span<byte> directory = forged.AsSpan(SegmentHeader.Size, header.Directory), body = forged.AsSpan(SegmentHeader.Size + header.Directory);
            for (int page = 0; page * SegmentHeader.Page < body.Length; page++)
            {
                ReadOnlySpan<byte> content = body[(page * SegmentHeader.Page)..];
                System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(directory[(header.BlockTable + (4 * page))..], IndexBytes.Sum(content[..int.Min(content.Length, SegmentHeader.Page)]));
            }

            (header with { DirectorySum = IndexBytes.Sum(directory) }).Format().CopyTo(forged, 0);
            string file = Path.Combine(at.Path, "forged");
            File.WriteAllBytes(file, forged);
            using Microsoft.Win32.SafeHandles.SafeFileHandle handle = File.OpenHandle(file);
            using SegmentReader segment = new(handle, SegmentDirectory.Read(handle, header with { DirectorySum = IndexBytes.Sum(directory) }, [])!);
            foreach (AuditQuery query in (AuditQuery[])[new(), new() { Principal = "shop-api" }, new() { PathPattern = "shop*" }, new() { RequestId = "req-3" }, new() { Since = at.Clock.Now() + 20 }])
            {
                try
                {
                    _ = new IndexSearch(query).Find(segment, int.MaxValue);
                }
                catch (InvalidDataException)
                {
                }
            }
        }, iter: 2000, threads: 1);
    }

    private static string SegmentOf(TrailDirectory at, long number) => Path.Combine(at.Path, SegmentFolder.Name, SegmentFolder.NameOf(number));

    private static string[] Segments(TrailDirectory at) => !Directory.Exists(Path.Combine(at.Path, SegmentFolder.Name)) ? [] : [.. Directory.GetFiles(Path.Combine(at.Path, SegmentFolder.Name)).Select(static f => Path.GetFileName(f)).Order(StringComparer.Ordinal)];

    private static Task<int> CountAsync(TrailDirectory at, AuditQuery query) => CountAsync(new AuditReader(at.Path, at.Clock), query);

    private static async Task<int> CountAsync(AuditReader reader, AuditQuery query)
    {
        int count = 0;
        await foreach (AuditEntry entry in reader.QueryAsync(query, Cancellation))
        {
            Assert.NotNull(entry.Record);
            count++;
        }

        return count;
    }
}
