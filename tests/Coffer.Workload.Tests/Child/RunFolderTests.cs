using Coffer.Workload.Child;

namespace Coffer.Workload.Tests.Child;

public sealed class RunFolderTests : IDisposable
{
    private const UnixFileMode Readable = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    private readonly string _parent = Directory.CreateTempSubdirectory("coffer-rf-").FullName;

    public void Dispose() => Directory.Delete(_parent, recursive: true);

    private RunFolder Create(params (string, string)[] inherited) =>
        RunFolder.Create("-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n", "^names$", inherited.Append(("XDG_RUNTIME_DIR", _parent)).ToDictionary(v => v.Item1, v => v.Item2));

    [Fact]
    public void A_folder_is_the_users_alone_and_its_files_can_be_read()
    {
        using RunFolder folder = Create();

        Assert.Equal(_parent, Path.GetDirectoryName(folder.Path));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(folder.Path));
        Assert.All([folder.Bundle, folder.Authority, folder.NodeExtra, folder.Hook], file => Assert.Equal(Readable, File.GetUnixFileMode(file)));
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder.Gcloud));
        Assert.EndsWith(File.ReadAllText(folder.Authority), File.ReadAllText(folder.Bundle), StringComparison.Ordinal);
        Assert.Equal(File.ReadAllText(folder.Authority), File.ReadAllText(folder.NodeExtra));
        Assert.Contains("/^names$/i", File.ReadAllText(folder.Hook), StringComparison.Ordinal);
        Assert.DoesNotContain("__NAMES__", File.ReadAllText(folder.Hook), StringComparison.Ordinal);
    }

    [Fact]
    public void Nodes_own_extra_roots_stay()
    {
        string extra = Path.Combine(_parent, "extra.pem");
        File.WriteAllText(extra, "-----BEGIN CERTIFICATE-----\nREVG\n-----END CERTIFICATE-----\n");

        using RunFolder folder = Create(("NODE_EXTRA_CA_CERTS", extra));

        Assert.Equal(File.ReadAllText(extra) + File.ReadAllText(folder.Authority), File.ReadAllText(folder.NodeExtra));
    }

    [Fact]
    public void It_is_gone_at_the_end()
    {
        RunFolder folder = Create();

        folder.Dispose();

        Assert.Empty(Directory.EnumerateFileSystemEntries(_parent));
    }

    [Fact]
    public void What_a_killed_run_left_is_swept_and_a_living_run_is_not()
    {
        using RunFolder living = Create();
        // Its process lives, as after the id was given to another one; nobody holds its lock.
        string dead = Directory.CreateDirectory(Path.Combine(_parent, $"coffer-run-{Environment.ProcessId}-0123456789abcdef")).FullName;
        File.WriteAllText(Path.Combine(dead, "lock"), "");
        File.WriteAllText(Path.Combine(dead, "bundle.pem"), "");
        // Killed before it had a lock.
        string early = Directory.CreateDirectory(Path.Combine(_parent, "coffer-run-2147483647-0123456789abcdef")).FullName;
        // About to take one.
        string starting = Directory.CreateDirectory(Path.Combine(_parent, $"coffer-run-{Environment.ProcessId}-fedcba9876543210")).FullName;
        string other = Directory.CreateDirectory(Path.Combine(_parent, "coffer-data")).FullName;

        using RunFolder next = Create();

        Assert.False(Directory.Exists(dead));
        Assert.False(Directory.Exists(early));
        Assert.All([living.Path, next.Path, starting, other], folder => Assert.True(Directory.Exists(folder), folder));
        Assert.True(File.Exists(living.Bundle));
    }

    [Fact]
    public void A_link_is_not_followed_when_sweeping()
    {
        string target = Directory.CreateDirectory(Path.Combine(_parent, "mine")).FullName;
        File.WriteAllText(Path.Combine(target, "keep"), "");
        Directory.CreateSymbolicLink(Path.Combine(_parent, "coffer-run-2147483647-0123456789abcdef"), target);

        using RunFolder folder = Create();

        Assert.True(File.Exists(Path.Combine(target, "keep")));
    }

    [Fact]
    public void A_parent_too_long_for_a_socket_is_not_used()
    {
        string deep = Directory.CreateDirectory(Path.Combine(_parent, new string('d', 60))).FullName;

        using RunFolder folder = RunFolder.Create("", "", new Dictionary<string, string> { ["XDG_RUNTIME_DIR"] = deep });

        Assert.False(folder.Path.StartsWith(deep, StringComparison.Ordinal));
        Assert.True(folder.Tunnel.Length < 108);
    }
}
