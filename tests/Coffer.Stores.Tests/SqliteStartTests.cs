using System.Diagnostics;
using Coffer.Core.Stores;
using Coffer.Stores.Sqlite;
using Microsoft.Data.Sqlite;
using Xunit;

namespace Coffer.Stores.Tests;

public sealed class SqliteStartTests : IDisposable
{
    private const UnixFileMode Owner = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly SqliteFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Folder_and_files_are_made_for_the_owner_alone()
    {
        await using SqliteStore store = await _folder.OpenAsync();
        await store.Audit.SaveCheckpointAsync([1], TestContext.Current.CancellationToken);
        string backup = Path.Combine(_folder.Path, "backup");
        await store.BackupAsync(backup, TestContext.Current.CancellationToken);
        Assert.Equal(Owner | UnixFileMode.UserExecute, File.GetUnixFileMode(_folder.Path));
        string[] files = [.. Directory.GetFiles(_folder.Path).Select(f => Path.GetFileName(f)!).Order(StringComparer.Ordinal)];
        Assert.Equal(["backup", "coffer.db", "coffer.db-shm", "coffer.db-wal", "coffer.lock"], files);
        Assert.All(files, f => Assert.Equal(Owner, File.GetUnixFileMode(Path.Combine(_folder.Path, f))));
    }

    [Theory]
    [InlineData(UnixFileMode.GroupRead)]
    [InlineData(UnixFileMode.OtherExecute)]
    public async Task A_folder_open_to_others_is_refused(UnixFileMode extra)
    {
        Directory.CreateDirectory(_folder.Path, Owner | UnixFileMode.UserExecute);
        File.SetUnixFileMode(_folder.Path, Owner | UnixFileMode.UserExecute | extra);
        await RefusedAsync(StoreStartReason.OpenToOthers, "chmod 700");
    }

    [Theory]
    [InlineData("coffer.db")]
    [InlineData("coffer.db-wal")]
    [InlineData("coffer.lock")]
    public async Task A_file_open_to_others_is_refused(string name)
    {
        await MakeAsync();
        string file = Path.Combine(_folder.Path, name);
        await File.AppendAllTextAsync(file, "", TestContext.Current.CancellationToken);
        File.SetUnixFileMode(file, Owner | UnixFileMode.OtherRead);
        await RefusedAsync(StoreStartReason.OpenToOthers, "chmod 600");
    }

    [Fact]
    public async Task A_database_behind_a_symbolic_link_is_refused()
    {
        await MakeAsync();
        string real = Path.Combine(_folder.Path, "real.db");
        File.Move(_folder.Database, real);
        File.CreateSymbolicLink(_folder.Database, real);
        await RefusedAsync(StoreStartReason.SymbolicLink, "symbolic link");
    }

    [Fact]
    public async Task A_second_store_in_the_same_process_is_refused_and_the_first_goes_on()
    {
        await using SqliteStore first = await _folder.OpenAsync();
        await RefusedAsync(StoreStartReason.InUse, "another Coffer");
        await first.Audit.SaveCheckpointAsync([1], TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task A_folder_that_another_process_holds_is_refused_until_that_process_is_killed()
    {
        await MakeAsync();
        // flock(1) takes the same lock as a second Coffer would, and holds it alone: its child would outlive it by a moment.
        using Process holder = Process.Start(new ProcessStartInfo("flock", ["--exclusive", "--close", Path.Combine(_folder.Path, "coffer.lock"), "sh", "-c", "echo held; read line"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        }) ?? throw new InvalidOperationException("flock(1) of util-linux could not be started");
        try
        {
            Assert.Equal("held", await holder.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken));
            await RefusedAsync(StoreStartReason.InUse, "another Coffer");
        }
        finally
        {
            holder.Kill(entireProcessTree: true);
            await holder.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        await using SqliteStore store = await _folder.OpenAsync();
    }

    [Fact]
    public async Task Another_process_cannot_take_the_lock_of_a_store_that_is_open()
    {
        await using SqliteStore store = await _folder.OpenAsync();
        using Process other = Process.Start("flock", ["--exclusive", "--nonblock", Path.Combine(_folder.Path, "coffer.lock"), "true"]);
        await other.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(1, other.ExitCode);
    }

    [Fact]
    public async Task A_newer_schema_is_refused()
    {
        await MakeAsync();
        Run("INSERT INTO schema_migrations (number, name, checksum, applied) VALUES (9999, 'later', 'x', 1)");
        await RefusedAsync(StoreStartReason.NewerSchema, "9999");
    }

    [Fact]
    public async Task A_migration_that_was_changed_is_refused()
    {
        await MakeAsync();
        Run("UPDATE schema_migrations SET checksum = 'changed' WHERE number = 1");
        await RefusedAsync(StoreStartReason.ChangedMigration, "0001_initial");
    }

    [Fact]
    public async Task What_is_not_a_database_is_refused_and_left_as_it_was()
    {
        await MakeAsync();
        string text = new('x', 5000);
        await File.WriteAllTextAsync(_folder.Database, text, TestContext.Current.CancellationToken);
        await RefusedAsync(StoreStartReason.NotADatabase, "not a database");
        Assert.Equal(text, await File.ReadAllTextAsync(_folder.Database, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_damaged_database_is_refused()
    {
        await MakeAsync();
        using (FileStream file = File.OpenWrite(_folder.Database))
        {
            // Behind the header's first words: page size, schema root and all that follows.
            file.Seek(16, SeekOrigin.Begin);
            file.Write(new byte[8000]);
        }

        await RefusedAsync(StoreStartReason.NotADatabase, "damaged");
    }

    [Fact]
    public async Task A_database_of_another_program_is_refused_and_left_alone()
    {
        Directory.CreateDirectory(_folder.Path, Owner | UnixFileMode.UserExecute);
        Run("CREATE TABLE theirs (a)");
        File.SetUnixFileMode(_folder.Database, Owner);
        await RefusedAsync(StoreStartReason.NotADatabase, "another program");
        Run("INSERT INTO theirs VALUES (1)");
    }

    [Fact]
    public async Task An_empty_file_becomes_a_store()
    {
        Directory.CreateDirectory(_folder.Path, Owner | UnixFileMode.UserExecute);
        await File.WriteAllTextAsync(_folder.Database, "", TestContext.Current.CancellationToken);
        File.SetUnixFileMode(_folder.Database, Owner);
        await using SqliteStore store = await _folder.OpenAsync();
        Assert.Empty(await store.Secrets.VaultsAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_folder_that_cannot_be_made_is_refused()
    {
        await File.WriteAllTextAsync(_folder.Path, "a file where the folder should be", TestContext.Current.CancellationToken);
        await RefusedAsync(StoreStartReason.NotWritable, "cannot be written");
        File.Delete(_folder.Path);
    }

    [Fact]
    public async Task A_read_only_file_system_is_refused_and_serves_again_when_it_is_writable()
    {
        using SmallDisk disk = new(_folder.Path, "4m");
        await using (SqliteStore store = await _folder.OpenAsync())
        {
            await store.Audit.SaveCheckpointAsync([7], TestContext.Current.CancellationToken);
        }

        disk.Remount("ro");
        await RefusedAsync(StoreStartReason.NotWritable, "cannot be");
        disk.Remount("rw");
        await using SqliteStore again = await _folder.OpenAsync();
        Assert.Equal([7], await again.Audit.CheckpointAsync(TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData(0x6969, true)]
    [InlineData(0xFF534D42, true)]
    [InlineData(unchecked((int)0xFF534D42), true)]
    [InlineData(0xFE534D42, true)]
    [InlineData(0x517B, true)]
    [InlineData(0xEF53, false)]
    [InlineData(0x01021994, false)]
    [InlineData(0x794C7630, false)]
    [InlineData(0x58465342, false)]
    [InlineData(0, false)]
    public void Network_file_systems_are_known_by_their_numbers(long magic, bool isNetwork) => Assert.Equal(isNetwork, SqliteFiles.IsNetwork(magic));

    [Fact]
    public void Nothing_is_public_but_the_store_and_its_options() =>
        Assert.Equal(["SqliteOptions", "SqliteStore"], typeof(SqliteStore).Assembly.GetExportedTypes().Select(t => t.Name).Order(StringComparer.Ordinal));

    private async ValueTask RefusedAsync(StoreStartReason reason, string hint)
    {
        StoreStartException refused = await Assert.ThrowsAsync<StoreStartException>(async () => await _folder.OpenAsync());
        Assert.Equal(reason, refused.Reason);
        Assert.Contains(hint, refused.Message, StringComparison.Ordinal);
    }

    private async ValueTask MakeAsync() => await (await _folder.OpenAsync()).DisposeAsync();

    private void Run(string text)
    {
        using SqliteConnection connection = new($"Data Source={_folder.Database};Pooling=False");
        connection.Open();
        using SqliteCommand command = connection.CreateCommand();
        command.CommandText = text;
        command.ExecuteNonQuery();
    }
}
