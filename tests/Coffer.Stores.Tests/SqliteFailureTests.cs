using Coffer.Core.Errors;
using Coffer.Core.Secrets;
using Coffer.Core.Stores;
using Coffer.Stores.Sqlite;
using Coffer.Testing;
using Microsoft.Data.Sqlite;
using Xunit;

namespace Coffer.Stores.Tests;

/// <summary>Disk full, rows that somebody spoilt, values that must be gone, and calls on a store that is closed.</summary>
public sealed class SqliteFailureTests : IDisposable
{
    private readonly SqliteFolder _folder = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_full_disk_refuses_writes_keeps_reads_and_heals_when_there_is_room()
    {
        using SmallDisk disk = new(_folder.Path, "2m");
        await using SqliteStore store = await _folder.OpenAsync();
        long vault = await AddVaultAsync(store);
        int written = await FillAsync(store, vault);
        Assert.True(written > 3, $"the disk was full after {written} secrets");

        // Reads go on, nothing of the refused write is there, and further writes are refused in the same way.
        await SoundAsync(store, vault, written);
        Assert.Equal(CofferErrorCode.Unavailable, (await FailedAsync(store, vault, written + 1)).Code);
        await SoundAsync(store, vault, written);

        disk.Remount("size=16m");
        for (int number = written + 1; number <= written + 20; number++)
        {
            await AddAsync(store, vault, number);
        }

        await SoundAsync(store, vault, written + 20);
        await store.DisposeAsync();
        await using SqliteStore again = await _folder.OpenAsync();
        await SoundAsync(again, vault, written + 20);
    }

    [Fact]
    public async Task A_transaction_whose_statement_failed_can_only_be_given_up()
    {
        await using SqliteStore store = await SqliteFolder.OpenAsync(_folder.Options with { MaxPages = 80 });
        long vault = await AddVaultAsync(store);
        int written = await FillAsync(store, vault);
        await using (IStoreTransaction transaction = await store.BeginAsync(Token))
        {
            await Assert.ThrowsAsync<CofferException>(async () => await transaction.SaveAsync(ChangeOf(vault, written + 1, 500_000), Token));
            CofferException refused = await Assert.ThrowsAsync<CofferException>(async () => await transaction.SaveAsync(StoreRows.Vault("small", 9), Token));
            Assert.Equal(CofferErrorCode.Unavailable, refused.Code);
            Assert.Equal(CofferErrorCode.Unavailable, (await Assert.ThrowsAsync<CofferException>(async () => await transaction.CommitAsync(Token))).Code);
        }

        await SoundAsync(store, vault, written);
        Assert.Single(await store.Secrets.VaultsAsync(Token));
        await store.Audit.RemovePendingAsync([], Token);
    }

    [Fact]
    public async Task The_drivers_failure_stays_inside()
    {
        await using SqliteStore store = await SqliteFolder.OpenAsync(_folder.Options with { MaxPages = 80 });
        long vault = await AddVaultAsync(store);
        int written = await FillAsync(store, vault);
        CofferException refused = await FailedAsync(store, vault, written + 1);
        Assert.Equal("the store has no room left", refused.Message);
        Assert.Equal(13, Assert.IsType<SqliteException>(refused.InnerException).SqliteErrorCode);
    }

    [Fact]
    public async Task A_backup_that_has_no_room_leaves_no_file()
    {
        await using SqliteStore store = await _folder.OpenAsync();
        long vault = await AddVaultAsync(store);
        await AddAsync(store, vault, 1, 900_000);
        string target = Directory.CreateTempSubdirectory("coffer-small-").FullName;
        using SmallDisk disk = new(target, "256k");
        string file = Path.Combine(target, "copy");
        Assert.Equal(CofferErrorCode.Unavailable, (await Assert.ThrowsAsync<CofferException>(async () => await store.BackupAsync(file, Token))).Code);
        Assert.False(File.Exists(file));
        await SoundAsync(store, vault, 1);
    }

    [Fact]
    public async Task Writers_and_readers_go_on_while_a_backup_is_made_and_it_is_one_state()
    {
        await using SqliteStore store = await _folder.OpenAsync();
        long vault = await AddVaultAsync(store);
        for (int number = 1; number <= 20; number++)
        {
            await AddAsync(store, vault, number, 100_000);
        }

        string file = Path.Combine(_folder.Path, "copy");
        Task backup = store.BackupAsync(file, Token).AsTask();
        int next = 21;
        do
        {
            await AddAsync(store, vault, next++);
        }
        while (!backup.IsCompleted);
        await backup;
        using SqliteFolder restored = new();
        restored.Place(file);
        await using SqliteStore copy = await restored.OpenAsync();
        long count = await copy.Secrets.CountAsync(vault, Token);
        Assert.InRange(count, 20, next - 1);
        await SoundAsync(copy, vault, (int)count);
    }

    [Fact]
    public async Task Erased_and_purged_values_are_in_no_file_any_more()
    {
        byte[] erased = StoreRows.Bytes("erased", 1, 300), removed = StoreRows.Bytes("removed", 1, 9000), purged = StoreRows.Bytes("purged", 1, 300), key = StoreRows.Keys(1, 1).Keys[0].Wrapped;
        await using SqliteStore store = await _folder.OpenAsync();
        long vault = await AddVaultAsync(store);
        SecretState state = new() { Head = StoreRows.Plain(vault, "a"), Versions = StateOf(StoreRows.PlainVersion(1), StoreRows.PlainVersion(2)) };
        SecretState second = new() { Head = StoreRows.Plain(vault, "b", 2), Versions = StateOf(StoreRows.PlainVersion(1)) };
        state = await SaveAsync(store, new() { After = state, Versions = [.. state.Versions.Values], Values = [(1, erased), (2, removed)] });
        second = await SaveAsync(store, new() { After = second, Versions = [.. second.Versions.Values], Values = [(1, purged)] });
        Assert.True(await store.Keys.ReplaceAsync(StoreRows.Keys(1, 1), 0, Token));
        Assert.All(new[] { erased, removed[..100], purged, key }, bytes => Assert.True(IsOnDisk(bytes), "the search would not find anything"));

        SecretState after = state with
        {
            Head = state.Head with { Changed = state.Head.Changed + 1 },
            Versions = state.Versions.Remove(2).SetItem(1, state.Version(1)! with { DestroyedAt = StoreRows.Start }),
        };
        await SaveAsync(store, SecretChange.Between(state, after));
        await SaveAsync(store, new() { Before = second });
        Assert.True(await store.Keys.ReplaceAsync(StoreRows.Keys(2, 2), 1, Token));
        Assert.All(new[] { erased, removed[..100], removed[^100..], purged, key }, bytes => Assert.False(IsOnDisk(bytes), "an erased value is still in a file"));
    }

    [Theory]
    [InlineData("UPDATE secrets SET tags = '{\"a\":'")]
    [InlineData("UPDATE secrets SET tags = '[1]'")]
    [InlineData("UPDATE secrets SET name = 'no/../name'")]
    [InlineData("UPDATE secrets SET uid = x'00'")]
    [InlineData("UPDATE versions SET token = 'short'")]
    public async Task A_row_that_cannot_be_read_fails_its_integrity_and_tells_no_more(string spoil)
    {
        await using SqliteStore store = await _folder.OpenAsync();
        long vault = await AddVaultAsync(store);
        await AddAsync(store, vault, 1);
        using (SqliteConnection connection = new($"Data Source={_folder.Database};Pooling=False"))
        {
            connection.Open();
            using SqliteCommand command = connection.CreateCommand();
            command.CommandText = spoil;
            command.ExecuteNonQuery();
        }

        string name = spoil.Contains("name", StringComparison.Ordinal) ? "no/../name" : "secret-1";
        CofferException failure = await Assert.ThrowsAsync<CofferException>(async () => await store.Secrets.FindCurrentAsync(vault, "", name, Token));
        Assert.Equal(CofferErrorCode.Integrity, failure.Code);
    }

    [Fact]
    public async Task A_closed_store_is_unavailable()
    {
        SqliteStore store = await _folder.OpenAsync();
        await store.DisposeAsync();
        await store.DisposeAsync();
        Assert.Equal(CofferErrorCode.Unavailable, (await Assert.ThrowsAsync<CofferException>(async () => await store.Secrets.VaultsAsync(Token))).Code);
        Assert.Equal(CofferErrorCode.Unavailable, (await Assert.ThrowsAsync<CofferException>(async () => await store.BeginAsync(Token))).Code);
        Assert.Equal(CofferErrorCode.Unavailable, (await Assert.ThrowsAsync<CofferException>(async () => await store.Access.MarkUsedAsync([], Token))).Code);
        await using SqliteStore again = await _folder.OpenAsync();
    }

    private static System.Collections.Immutable.ImmutableSortedDictionary<int, SecretVersion> StateOf(params SecretVersion[] versions) =>
        System.Collections.Immutable.ImmutableSortedDictionary.CreateRange(versions.Select(v => KeyValuePair.Create(v.Number, v)));

    private static SecretChange ChangeOf(long vault, int number, int length) => new()
    {
        After = new() { Head = StoreRows.Plain(vault, $"secret-{number}", number) with { Current = 1, Highest = 1 } },
        Versions = [StoreRows.PlainVersion(1) with { Token = RequestToken.Parse($"token-{number:D32}") }],
        Values = [(1, StoreRows.Bytes("value", number, length))],
    };

    private static async ValueTask<long> AddVaultAsync(SqliteStore store)
    {
        await using IStoreTransaction transaction = await store.BeginAsync(Token);
        long id = (await transaction.SaveAsync(StoreRows.Vault("shop"), Token))!.Value;
        await transaction.CommitAsync(Token);
        return id;
    }

    private static async ValueTask AddAsync(SqliteStore store, long vault, int number, int length = 20_000)
    {
        await using IStoreTransaction transaction = await store.BeginAsync(Token);
        Assert.NotNull(await transaction.SaveAsync(ChangeOf(vault, number, length), Token));
        await transaction.AddPendingAsync(new(StoreRows.Id("record", number), StoreRows.Bytes("record", number)), Token);
        await transaction.CommitAsync(Token);
    }

    private static async ValueTask<SecretState> SaveAsync(SqliteStore store, SecretChange change)
    {
        await using IStoreTransaction transaction = await store.BeginAsync(Token);
        long id = (await transaction.SaveAsync(change, Token))!.Value;
        await transaction.CommitAsync(Token);
        return change.After is { } after ? after with { Head = after.Head with { Id = id } } : change.Before!;
    }

    /// <summary>Adds secrets until the store refuses; how many it took.</summary>
    private static async ValueTask<int> FillAsync(SqliteStore store, long vault)
    {
        for (int number = 1; ; number++)
        {
            try
            {
                await AddAsync(store, vault, number);
            }
            catch (CofferException full)
            {
                Assert.Equal(CofferErrorCode.Unavailable, full.Code);
                return number - 1;
            }
        }
    }

    private static async ValueTask<CofferException> FailedAsync(SqliteStore store, long vault, int number) =>
        await Assert.ThrowsAsync<CofferException>(async () => await AddAsync(store, vault, number, 900_000));

    /// <summary>Exactly so many secrets, each whole, each with its audit body.</summary>
    private static async ValueTask SoundAsync(SqliteStore store, long vault, int count)
    {
        Assert.Equal(count, await store.Secrets.CountAsync(vault, Token));
        Assert.Equal(count, (await store.Secrets.ListAsync(new() { VaultId = vault, Limit = 1000 }, Token)).Count);
        Assert.Equal(count, (await store.Audit.PendingAsync(1000, Token)).Count);
        for (int number = 1; number <= count; number++)
        {
            SecretRow row = (await store.Secrets.FindCurrentAsync(vault, "", $"secret-{number}", Token))!;
            Assert.True(row.Sealed.Span.SequenceEqual(StoreRows.Bytes("value", number, row.Sealed.Length)));
            Assert.True(row.Sealed.Length > 1000);
        }
    }

    private bool IsOnDisk(byte[] bytes) => Directory.GetFiles(_folder.Path, "coffer.db*").Any(file =>
    {
        using FileStream stream = new(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        byte[] content = new byte[stream.Length];
        stream.ReadExactly(content);
        return content.AsSpan().IndexOf(bytes) >= 0;
    });
}
