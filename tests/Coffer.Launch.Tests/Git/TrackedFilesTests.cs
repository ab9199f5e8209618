using System.Text;
using Coffer.Launch.Git;
using Coffer.Sources.Tests;
using CsCheck;
using Xunit;

namespace Coffer.Launch.Tests.Git;

public sealed class TrackedFilesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("2", "sha1")]
    [InlineData("3", "sha1")]
    [InlineData("4", "sha1")]
    [InlineData("2", "sha256")]
    [InlineData("4", "sha256")]
    public void Every_version_of_the_index_is_read_as_git_reads_it(string version, string hash)
    {
        Git("init", "-q", $"--object-format={hash}");
        Git("config", "index.version", version);
        string[] names = ["a", "a/b", "a-b", "a.b", ".env.example", "app/.env", "app/z", "é/ü", "x y", new string('n', 200), "z/z/z"];
        foreach (string name in names.Where(n => n != "a"))
        {
            _folder.Write(name, name);
        }

        Git("add", "-A");
        if (version == "3")
        {
            // Only an entry with extended flags makes git write version 3.
            _folder.Write("later", "x");
            Git("add", "-N", "later");
            AssertTracked("later");
        }

        Assert.Equal(version == "3" ? 3 : int.Parse(version, System.Globalization.CultureInfo.InvariantCulture), File.ReadAllBytes(_folder[".git/index"])[7]);
        foreach (string name in names.Where(n => n != "a"))
        {
            AssertTracked(name);
        }

        foreach (string name in new[] { ".env", "app/.en", "app/.env2", "a/bb", "zz", "A/b" })
        {
            _folder.Write(name, "");
            AssertUntracked(name);
        }
    }

    [Fact]
    public void Any_set_of_names_is_found_as_git_finds_it() =>
        Gen.Select(Gen.OneOf("a", "b", ".env", "aa", "a b", "é").Array[1, 3].Select(parts => string.Join('/', parts)).Array[1, 12], Gen.OneOf("2", "4")).Sample(
            (names, version) =>
            {
                using TemporaryFolder folder = new();
                TemporaryFolder.Run("git", "-C", folder.Path, "init", "-q");
                TemporaryFolder.Run("git", "-C", folder.Path, "config", "index.version", version);
                HashSet<string> tracked = [];
                foreach (string name in names)
                {
                    // A name cannot be a file and a directory at once; git says no, and so it is not tracked.
                    if (!tracked.Any(other => other == name || other.StartsWith(name + "/", StringComparison.Ordinal) || name.StartsWith(other + "/", StringComparison.Ordinal)))
                    {
                        TemporaryFolder.Run("git", "-C", folder.Path, "update-index", "--add", "--cacheinfo", $"100644,e69de29bb2d1d6434b8b29ae775ad8c2e48c5391,{name}");
                        tracked.Add(name);
                    }
                }

                foreach (string name in names)
                {
                    Assert.Equal(tracked.Contains(name), GitIndex.Contains(folder[".git/index"], Encoding.UTF8.GetBytes(name)));
                }
            },
            iter: 25, threads: 1);

    [Fact]
    public void A_repository_without_an_index_or_no_repository_tracks_nothing()
    {
        _folder.Write(".env", "");
        AssertUntracked(".env");
        Git("init", "-q");
        AssertUntracked(".env");
        AssertUntracked("missing/.env");
    }

    [Fact]
    public void A_file_is_looked_up_under_the_name_it_really_has()
    {
        Git("init", "-q");
        _folder.Write("real/.env", "A=1\n");
        Git("add", "-A");
        Directory.CreateSymbolicLink(_folder["link"], _folder["real"]);
        File.CreateSymbolicLink(_folder["other"], _folder["real/.env"]);
        AssertTracked("link/.env");
        AssertTracked("other");
        AssertTracked("real/../link/./.env");
    }

    [Fact]
    public void A_linked_working_tree_and_a_submodule_have_their_index_elsewhere()
    {
        Git("init", "-q", "main");
        _folder.Write("main/.env", "A=1\n");
        _folder.Write("main/free", "");
        GitIn("main", "add", ".env");
        GitIn("main", "-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-qm", "x");
        GitIn("main", "worktree", "add", "-q", _folder["tree"]);
        AssertTracked("tree/.env");
        _folder.Write("tree/free", "");
        AssertUntracked("tree/free");
        Assert.True(File.Exists(_folder["tree/.git"]));

        Git("init", "-q", "outer");
        GitIn("outer", "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", _folder["main"], "sub");
        AssertTracked("outer/sub/.env");
    }

    [Fact]
    public void A_split_index_and_a_sparse_index_are_read()
    {
        Git("init", "-q", "-b", "main");
        _folder.Write(".env", "A=1\n");
        _folder.Write("dir/sub/.env", "A=1\n");
        _folder.Write("free", "");
        Git("add", ".env", "dir");
        Git("update-index", "--split-index");
        Assert.NotEmpty(Directory.GetFiles(_folder[".git"], "sharedindex.*"));
        AssertTracked(".env");
        AssertUntracked("free");
        Git("update-index", "--no-split-index");
        foreach (string shared in Directory.GetFiles(_folder[".git"], "sharedindex.*"))
        {
            File.Delete(shared);
        }

        Git("-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-qm", "x");
        Git("sparse-checkout", "set", "--cone", "--sparse-index");
        _folder.Write("dir/sub/.env", "A=1\n");
        AssertTracked("dir/sub/.env");
        AssertUntracked("free");
    }

    [Fact]
    public void A_repository_further_up_counts_too_even_past_an_empty_git_folder()
    {
        Git("init", "-q");
        _folder.Write("app/.env", "A=1\n");
        Git("add", "-A");
        Directory.CreateDirectory(_folder["app/.git"]);
        AssertTracked("app/.env");
    }

    [Fact]
    public void An_index_that_cannot_be_read_refuses_the_file_as_well()
    {
        Git("init", "-q");
        _folder.Write(".env", "A=1\n");
        foreach (byte[] index in new byte[][] { [], "DIRC"u8.ToArray(), [.. "DIRC"u8, 0, 0, 0, 9, 0, 0, 0, 1], [.. "DIRC"u8, 0, 0, 0, 2, 0xFF, 0xFF, 0xFF, 0xFF, 1, 2, 3] })
        {
            File.WriteAllBytes(_folder[".git/index"], index);
            Assert.Contains("cannot tell", AssertRefused(".env").Message, StringComparison.Ordinal);
        }

        File.Delete(_folder[".git/index"]);
        TemporaryFolder.Run("mkfifo", _folder[".git/index"]);
        Assert.Contains("cannot tell", AssertRefused(".env").Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Any_bytes_are_an_index_or_not_and_never_a_crash() =>
        Gen.Select(Gen.Byte[2, 4], Gen.Byte.Array[0, 300]).Sample(
            (version, bytes) =>
            {
                using TemporaryFolder folder = new();
                File.WriteAllBytes(folder["index"], [.. "DIRC"u8, 0, 0, 0, version, 0, 0, 0, 3, .. bytes]);
                GitIndex.Contains(folder["index"], "zzz"u8);
            },
            iter: 2_000);

    [Fact]
    public void Attack_47_a_hostile_repository_configuration_runs_nothing()
    {
        Git("init", "-q");
        _folder.Write(".env", "A=1\n");
        string marker = _folder["ran"];
        File.AppendAllText(_folder[".git/config"], $"[core]\n\tfsmonitor = \"touch {marker}; false\"\n\tsshCommand = touch {marker}\n\thooksPath = {_folder.Path}\n");
        AssertUntracked(".env");
        Assert.Equal(0, FrontProcess.Run(_folder.Path, "run", "--env-file", ".env", "--", "/bin/true").Exit);
        Assert.False(File.Exists(marker));
    }

    private void AssertTracked(string name) => Assert.Contains("git tracks", AssertRefused(name).Message, StringComparison.Ordinal);

    private LaunchException AssertRefused(string name)
    {
        LaunchException error = Assert.Throws<LaunchException>(() => TrackedFiles.Refuse(_folder[name]));
        Assert.Equal(CofferExit.Refused, error.Exit);
        return error;
    }

    private void AssertUntracked(string name) => TrackedFiles.Refuse(_folder[name]);

    private void Git(params string[] arguments) => TemporaryFolder.Run("git", ["-C", _folder.Path, .. arguments]);

    private void GitIn(string folder, params string[] arguments) => TemporaryFolder.Run("git", ["-C", _folder[folder], .. arguments]);
}
