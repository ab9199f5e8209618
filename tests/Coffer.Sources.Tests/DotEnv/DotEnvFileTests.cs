using System.Net.Sockets;
using Coffer.Sources.DotEnv;
using Coffer.Sources.Posix;
using Xunit;

namespace Coffer.Sources.Tests.DotEnv;

public sealed class DotEnvFileTests : IDisposable
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void An_edit_replaces_the_file_with_one_that_only_its_owner_reads()
    {
        string path = _folder.Write(".env", "# head\nA=1\n", OwnerOnly | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
        Assert.True(DotEnvFile.Edit(path, document => document.Set("A", "2")));
        Assert.Equal("# head\nA=2\n", File.ReadAllText(path));
        Assert.Equal(OwnerOnly, File.GetUnixFileMode(path));
        Assert.Equal([path], Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void An_edit_makes_the_file_and_one_that_changes_nothing_writes_nothing()
    {
        string path = _folder[".env"];
        Assert.True(DotEnvFile.Edit(path, document => document.Set("A", "1")));
        Assert.Equal(OwnerOnly, File.GetUnixFileMode(path));
        DateTime written = File.GetLastWriteTimeUtc(path);
        Assert.False(DotEnvFile.Edit(path, document => document.Set("A", "1")));
        Assert.Equal(written, File.GetLastWriteTimeUtc(path));
    }

    [Fact]
    public void Attack_48_a_symbolic_link_is_never_written_through()
    {
        string target = _folder.Write("target", "A=1\n");
        File.CreateSymbolicLink(_folder[".env"], target);
        AssertUnsafe(() => DotEnvFile.Edit(_folder[".env"], document => document.Set("A", "2")));
        Assert.Equal("A=1\n", File.ReadAllText(target));
        Assert.NotNull(File.ResolveLinkTarget(_folder[".env"], false));

        File.CreateSymbolicLink(_folder["dangling"], _folder["made-by-attack"]);
        AssertUnsafe(() => DotEnvFile.Edit(_folder["dangling"], document => document.Set("A", "2")));
        Assert.False(File.Exists(_folder["made-by-attack"]));
    }

    [Fact]
    public void Attack_48_a_link_put_in_place_during_the_edit_is_not_followed()
    {
        string path = _folder.Write(".env", "A=1\n"), target = _folder.Write("target", "precious\n");
        SourceException error = Assert.Throws<SourceException>(() => DotEnvFile.Edit(path, document =>
        {
            File.Delete(path);
            File.CreateSymbolicLink(path, target);
            return document.Set("A", "2");
        }));
        Assert.Equal(SourceErrorKind.Conflict, error.Kind);
        Assert.Equal("precious\n", File.ReadAllText(target));
        Assert.Equal(2, Directory.GetFileSystemEntries(_folder.Path).Length);
    }

    [Fact]
    public void Attack_48_pipes_devices_sockets_and_directories_are_neither_read_nor_written_and_nothing_hangs()
    {
        TemporaryFolder.Run("mkfifo", _folder["pipe"]);
        Directory.CreateDirectory(_folder["directory"]);
        using Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(_folder["socket"]));
        foreach (string path in new[] { _folder["pipe"], _folder["directory"], _folder["socket"], "/dev/zero", "/dev/null" })
        {
            AssertUnsafe(() => DotEnvFile.Read(path));
            AssertUnsafe(() => DotEnvFile.Edit(path, document => document.Set("A", "2")));
        }

        File.CreateSymbolicLink(_folder["to-pipe"], _folder["pipe"]);
        AssertUnsafe(() => DotEnvFile.Read(_folder["to-pipe"]));
    }

    [Fact]
    public void A_link_to_a_file_is_read_since_mounted_secrets_are_links()
    {
        File.CreateSymbolicLink(_folder[".env"], _folder.Write("..data", "A=1\n"));
        Assert.Equal(["A"], DotEnvFile.Read(_folder[".env"]).Keys);
    }

    [Fact]
    public void A_file_that_every_user_may_change_is_refused() =>
        AssertUnsafe(() => DotEnvFile.Read(_folder.Write(".env", "A=1\n", OwnerOnly | UnixFileMode.OtherWrite)));

    [Fact]
    public void A_change_by_another_program_during_the_edit_is_not_overwritten()
    {
        string path = _folder.Write(".env", "A=1\n");
        SourceException error = Assert.Throws<SourceException>(() => DotEnvFile.Edit(path, document =>
        {
            File.AppendAllText(path, "B=by another\n");
            return document.Set("A", "2");
        }));
        Assert.Equal(SourceErrorKind.Conflict, error.Kind);
        Assert.Equal("A=1\nB=by another\n", File.ReadAllText(path));

        SourceException created = Assert.Throws<SourceException>(() => DotEnvFile.Edit(_folder["new"], document =>
        {
            File.WriteAllText(_folder["new"], "by another\n");
            return document.Set("A", "2");
        }));
        Assert.Equal(SourceErrorKind.Conflict, created.Kind);
        Assert.Equal("by another\n", File.ReadAllText(_folder["new"]));
    }

    [Fact]
    public void Two_edits_at_once_do_not_lose_one()
    {
        string path = _folder.Write(".env", "A=1\n");
        DotEnvFile.Edit(path, document =>
        {
            Assert.Equal(SourceErrorKind.Conflict, Assert.Throws<SourceException>(() => DotEnvFile.Edit(path, d => d.Set("B", "2"))).Kind);
            return document.Set("A", "2");
        });
        Assert.Equal("A=2\n", File.ReadAllText(path));
    }

    [Fact]
    public void A_malformed_file_is_left_as_it_is()
    {
        string path = _folder.Write(".env", "A='x\n");
        Assert.Equal(SourceErrorKind.Invalid, Assert.Throws<SourceException>(() => DotEnvFile.Edit(path, document => document.Set("A", "2"))).Kind);
        Assert.Equal("A='x\n", File.ReadAllText(path));
    }

    [Fact]
    public void Missing_files_and_folders_are_not_found()
    {
        Assert.Equal(SourceErrorKind.NotFound, Assert.Throws<SourceException>(() => DotEnvFile.Read(_folder[".env"])).Kind);
        Assert.Equal(SourceErrorKind.NotFound, Assert.Throws<SourceException>(() => DotEnvFile.Edit(_folder["no/.env"], d => d.Set("A", "1"))).Kind);
        Assert.Equal(SourceErrorKind.Invalid, Assert.Throws<SourceException>(() => DotEnvFile.Edit(_folder["x/"], d => d.Set("A", "1"))).Kind);
    }

    [Fact]
    public void Attack_50_a_gigabyte_is_refused_without_reading_it()
    {
        string path = _folder.Write(".env", "A=1\n");
        using (FileStream file = File.OpenWrite(path))
        {
            file.SetLength(1L << 30);
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal(SourceErrorKind.Invalid, Assert.Throws<SourceException>(() => DotEnvFile.Read(path)).Kind);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1_000_000);
    }

    [Fact]
    public void Files_without_a_size_are_read_to_their_end_and_no_further()
    {
        Assert.StartsWith("Name:", System.Text.Encoding.UTF8.GetString(RegularFile.Read("/proc/self/status", 1_000_000)), StringComparison.Ordinal);
        Assert.Throws<SourceException>(() => RegularFile.Read("/proc/self/status", 100));
    }

    private static void AssertUnsafe(Action action)
    {
        SourceException error = Assert.Throws<SourceException>(action);
        Assert.True(error.Kind == SourceErrorKind.Unsafe, error.Message);
    }
}
