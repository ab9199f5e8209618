using System.Diagnostics;
using System.Text;
using Coffer.Contracts;
using Coffer.Login.Sessions;
using Microsoft.Extensions.Time.Testing;

namespace Coffer.Login.Tests;

/// <summary>Sessions as they are kept: the user's alone, whole or not at all, and none that somebody else could have put there.</summary>
public sealed class SessionFolderTests : IDisposable
{
    private const string Server = "https://coffer.example:8200";
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly string _home = Directory.CreateTempSubdirectory("coffer-sessions-").FullName;
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero));

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private string Place => Path.Combine(_home, "coffer", "sessions");

    private SessionFolder Folder => new(Place, null, _clock);

    public void Dispose() => Directory.Delete(_home, recursive: true);

    [Fact]
    public void A_session_is_kept_for_its_server_and_for_no_other()
    {
        Folder.Keep(Session());
        using StoredSession found = Folder.Find(Server)!;
        Assert.Equal(("pat", "cn-1", "cft_secret", "/etc/ca.pem", false), (found.Principal, found.Id, found.Token.Reveal(), found.CaFile, found.InKeychain));
        Assert.Equal(_clock.GetUtcNow().AddHours(8), found.Expires);
        foreach (string other in new[] { "https://coffer.example", "https://coffer.example:8201", "http://coffer.example:8200", "https://coffer.example.:8200", "unix:/run/coffer.sock" })
        {
            Assert.Null(Folder.Find(other));
        }

        Assert.Equal(Server, Last());
        Assert.DoesNotContain("cft_", found.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("cft_", $"{found with { Id = "x" }}", StringComparison.Ordinal);
    }

    [Fact]
    public void File_and_folder_are_the_users_alone_whatever_the_umask()
    {
        Folder.Keep(Session());
        Assert.Equal(Private | UnixFileMode.UserExecute, File.GetUnixFileMode(Place));
        Assert.Equal(Private, File.GetUnixFileMode(FileOf()));
        Folder.Keep(Session() with { Principal = "sam" });
        Assert.Equal(Private, File.GetUnixFileMode(FileOf()));
        Assert.Equal("sam", Folder.Find(Server)!.Principal);
    }

    [Theory]
    [InlineData(UnixFileMode.GroupRead)]
    [InlineData(UnixFileMode.OtherRead)]
    [InlineData(UnixFileMode.GroupWrite)]
    [InlineData(UnixFileMode.OtherWrite)]
    [InlineData(UnixFileMode.OtherExecute)]
    [InlineData(UnixFileMode.SetUser)]
    public void A_file_that_is_open_to_others_is_refused(UnixFileMode more)
    {
        Folder.Keep(Session());
        File.SetUnixFileMode(FileOf(), Private | more);
        Refused();
        Assert.True(Folder.Forget(Server));
        Assert.Null(Folder.Find(Server));
    }

    [Theory]
    [InlineData(UnixFileMode.GroupWrite)]
    [InlineData(UnixFileMode.OtherWrite)]
    public void A_folder_that_others_may_write_is_refused_for_reading_and_writing(UnixFileMode more)
    {
        Folder.Keep(Session());
        File.SetUnixFileMode(Place, Private | UnixFileMode.UserExecute | more);
        Refused();
        Assert.Equal(LoginFault.UnsafeFile, Assert.Throws<LoginException>(() => Folder.Keep(Session())).Fault);
    }

    [Fact]
    public async Task A_file_or_folder_of_another_user_is_refused()
    {
        Assert.True(Environment.UserName == "root", "only root can give a file away: run the tests as root");
        Folder.Keep(Session());
        await ChownAsync("nobody", FileOf());
        Refused();
        await ChownAsync("root", FileOf());
        Folder.Find(Server)!.Dispose();
        await ChownAsync("nobody", Place);
        Refused();
    }

    [Fact]
    public async Task Attack_48_a_link_a_pipe_or_a_folder_in_place_of_the_file_is_refused_and_nothing_waits()
    {
        Folder.Keep(Session());
        string file = FileOf(), elsewhere = Path.Combine(_home, "elsewhere");
        File.Move(file, elsewhere);
        File.CreateSymbolicLink(file, elsewhere);
        Refused();
        // What is written takes the link's place, and leaves what it pointed to.
        Folder.Keep(Session() with { Principal = "sam" });
        Assert.Null(new FileInfo(file).LinkTarget);
        Assert.Contains("\"pat\"", await File.ReadAllTextAsync(elsewhere, Cancellation), StringComparison.Ordinal);
        File.Delete(file);
        await RunAsync("mkfifo", "-m", "600", file);
        Refused();
        File.Delete(file);
        Directory.CreateDirectory(file, Private);
        Refused();
        Directory.Delete(file);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("""{"server":"https://coffer.example:8200"}""")]
    [InlineData("""{"server":"https://evil.example","principal":"pat","id":"cn-1","begun":"2026-01-02T03:04:05Z","expires":"2026-01-02T11:04:05Z","token":"cft_x"}""")]
    [InlineData("""{"server":"https://coffer.example:8200","server":"https://evil.example","principal":"pat","id":"cn-1","begun":"2026-01-02T03:04:05Z","expires":"2026-01-02T11:04:05Z","token":"cft_x"}""")]
    [InlineData("""{"server":"https://coffer.example:8200","principal":"pat","id":"cn-1","begun":"2026-01-02T03:04:05Z","expires":"never","token":"cft_x"}""")]
    [InlineData("""{"server":"https://coffer.example:8200","principal":"pat","id":"cn-1","begun":"2026-01-02T03:04:05Z","expires":"2026-01-02T11:04:05Z","token":7}""")]
    [InlineData("""{"server":"https://coffer.example:8200","principal":"\ud800","id":"cn-1","begun":"2026-01-02T03:04:05Z","expires":"2026-01-02T11:04:05Z","token":"cft_x"}""")]
    public void What_is_no_session_is_refused_and_not_repeated(string text)
    {
        Folder.Keep(Session());
        File.WriteAllText(FileOf(), text);
        LoginException refused = Assert.Throws<LoginException>(() => Folder.Find(Server));
        Assert.Equal(LoginFault.UnsafeFile, refused.Fault);
        Assert.DoesNotContain("cft_", refused.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Whoever_reads_while_it_is_written_sees_one_session_or_the_other_whole()
    {
        Folder.Keep(Session());
        using CancellationTokenSource stop = new();
        Task writing = Task.Run(
            () =>
            {
                for (int i = 0; !stop.IsCancellationRequested; i++)
                {
                    Folder.Keep(Session() with { Principal = i % 2 == 0 ? "sam" : new string('p', 64), Token = SecretText.From(i % 2 == 0 ? "cft_sam" : "cft_" + new string('p', 64)) });
                }
            },
            Cancellation);
        HashSet<string> met = [];
        for (int i = 0; i < 500 || !met.IsSupersetOf(["sam", new('p', 64)]); i++)
        {
            Assert.False(writing.IsCompleted, "nobody writes any more");
            using StoredSession seen = Folder.Find(Server)!;
            met.Add(seen.Principal);
            Assert.Contains((seen.Principal, seen.Token.Reveal()), new[] { ("pat", "cft_secret"), ("sam", "cft_sam"), (new string('p', 64), "cft_" + new string('p', 64)) });
        }

        await stop.CancelAsync();
        await writing;
        Assert.Single(Directory.GetFiles(Place));
    }

    [Fact]
    public void A_session_past_its_end_is_said_and_never_silently_somebody_elses_rights()
    {
        Folder.Keep(Session());
        _clock.Advance(TimeSpan.FromHours(8));
        LoginException ended = Assert.Throws<LoginException>(() => Folder.Find(Server));
        Assert.Equal((LoginFault.Ended, "the session of pat has ended"), (ended.Fault, ended.Message));
    }

    [Fact]
    public void The_last_server_is_the_one_that_was_logged_in_to_last()
    {
        Folder.Keep(Session());
        Folder.Keep(Session() with { Server = "unix:/run/coffer.sock", Begun = _clock.GetUtcNow().AddMinutes(1) });
        Assert.Equal("unix:/run/coffer.sock", Last());
        Assert.Equal([Server, "unix:/run/coffer.sock"], ToEnd(out _).Order(StringComparer.Ordinal));
        Assert.True(Folder.Forget("unix:/run/coffer.sock"));
        Assert.False(Folder.Forget("unix:/run/coffer.sock"));
        Assert.Equal(Server, Last());
        Assert.Equal(1, Folder.ForgetAll());
        Assert.Null(Last());
    }

    [Theory]
    [InlineData(UnixFileMode.GroupRead)]
    [InlineData(UnixFileMode.OtherRead)]
    [InlineData(UnixFileMode.OtherExecute)]
    public void What_others_may_have_read_is_used_for_nothing_but_to_end_it(UnixFileMode more)
    {
        Folder.Keep(Session());
        File.SetUnixFileMode(FileOf(), Private | more);
        Refused();
        using (StoredSession found = Folder.FindToEnd(Server)!)
        {
            Assert.Equal("cft_secret", found.Token.Reveal());
        }

        // It is still the one that was logged in to last: what goes on elsewhere in its place would be somebody else's.
        Assert.Equal([Server], ToEnd(out List<string> refused));
        Assert.Equal(Server, Last());
        Assert.Empty(refused);
        _clock.Advance(TimeSpan.FromHours(8));
        Assert.Null(Folder.FindToEnd(Server));
        Assert.Empty(ToEnd(out _));
    }

    [Theory]
    [InlineData(UnixFileMode.GroupWrite)]
    [InlineData(UnixFileMode.OtherWrite)]
    public void What_others_may_have_written_is_not_even_ended_and_the_others_come_all_the_same(UnixFileMode more)
    {
        Folder.Keep(Session());
        string wrong = FileOf();
        File.SetUnixFileMode(wrong, Private | more);
        string link = Path.Combine(Place, new string('a', 32) + ".json"), moved = Path.Combine(Place, new string('b', 32) + ".json");
        File.CreateSymbolicLink(link, wrong);
        Folder.Keep(Session() with { Server = "unix:/run/coffer.sock", Begun = _clock.GetUtcNow().AddMinutes(-1) });
        // Under another server's name it is no session, whatever it says.
        File.Copy(Directory.GetFiles(Place).Single(f => f != wrong && f != link), moved);
        Assert.Equal(LoginFault.UnsafeFile, Assert.Throws<LoginException>(() => Folder.FindToEnd(Server)).Fault);
        Assert.Equal(["unix:/run/coffer.sock"], ToEnd(out List<string> refused));
        Assert.Equal([$"{wrong} can be written by others", $"{link} is a link", $"{moved} is no session"], refused.OrderBy(r => r.Split(' ', 2)[1], StringComparer.Ordinal));
        refused.Clear();
        Assert.Equal("unix:/run/coffer.sock", Folder.LastServer(r => refused.Add(r.Message)));
        Assert.Equal(3, refused.Count);
        Assert.Equal(4, Folder.ForgetAll());
        Assert.Empty(Directory.GetFileSystemEntries(Place));
    }

    [Fact]
    public void What_is_wrong_with_the_folder_is_said_once()
    {
        Folder.Keep(Session());
        Folder.Keep(Session() with { Server = "unix:/run/coffer.sock" });
        File.SetUnixFileMode(Place, Private | UnixFileMode.UserExecute | UnixFileMode.OtherWrite);
        Assert.Empty(ToEnd(out List<string> refused));
        Assert.Equal([$"{Place} can be written by others"], refused);
    }

    [Fact]
    public void A_folder_that_others_may_only_read_is_used()
    {
        Folder.Keep(Session());
        File.SetUnixFileMode(Place, Private | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
        using StoredSession? found = Folder.Find(Server);
        Assert.NotNull(found);
    }

    [Fact]
    public void What_a_login_that_was_killed_left_goes_with_the_rest_and_is_ended()
    {
        Folder.Keep(Session());
        string file = FileOf(), other = Path.Combine(Place, new string('a', 32) + ".json.0123456789abcdef");
        File.Copy(file, file + ".0123456789abcdef");
        File.WriteAllText(other, "{");
        File.SetUnixFileMode(other, Private);
        Assert.Equal([Server, Server], ToEnd(out List<string> refused));
        Assert.Equal([$"{other} is no session"], refused);
        Assert.Equal(Server, Last());
        Assert.True(Folder.Forget(Server));
        Assert.Equal([other], Directory.GetFiles(Place));
        Assert.Equal(1, Folder.ForgetAll());
        Assert.Empty(Directory.GetFiles(Place));
    }

    [Fact]
    public void The_folder_is_where_the_environment_says()
    {
        string Of(params (string, string)[] variables) => SessionFolder.OfUser(_clock, name => variables.FirstOrDefault(v => v.Item1 == name).Item2).Folder;
        Assert.Equal("/a", Of(("COFFER_SESSIONS", "/a"), ("XDG_CONFIG_HOME", "/b")));
        Assert.Equal("/b/coffer/sessions", Of(("COFFER_SESSIONS", "relative"), ("XDG_CONFIG_HOME", "/b")));
        Assert.EndsWith("/.config/coffer/sessions", Of(("XDG_CONFIG_HOME", "")), StringComparison.Ordinal);
    }

    [Fact]
    public void In_the_keychain_the_token_is_in_no_file_and_in_no_argument()
    {
        Keychain keychain = FakeKeychain();
        SessionFolder folder = new(Place, keychain, _clock);
        folder.Keep(Session() with { InKeychain = true });
        Assert.DoesNotContain("cft_", File.ReadAllText(FileOf()), StringComparison.Ordinal);
        Assert.DoesNotContain("cft_", File.ReadAllText(Path.Combine(_home, "calls")), StringComparison.Ordinal);
        using (StoredSession found = folder.Find(Server)!)
        {
            Assert.Equal((true, "cft_secret"), (found.InKeychain, found.Token.Reveal()));
        }

        // Without the keychain nobody is anybody.
        Assert.Equal(LoginFault.Ended, Assert.Throws<LoginException>(() => Folder.Find(Server)).Fault);
        Assert.True(folder.Forget(Server));
        Assert.False(File.Exists(Path.Combine(_home, "kept")));
        Assert.Equal(["store", "lookup", "clear"], File.ReadAllLines(Path.Combine(_home, "calls")).Select(l => l.Split(' ')[0]));
    }

    [Fact]
    public void A_keychain_that_does_not_take_the_token_is_no_login()
    {
        Keychain keychain = FakeKeychain("exit 1");
        SessionFolder folder = new(Place, keychain, _clock);
        Assert.Equal(LoginFault.Unavailable, Assert.Throws<LoginException>(() => folder.Keep(Session() with { InKeychain = true })).Fault);
        Assert.Null(Folder.Find(Server));
        Assert.Null(Keychain.Find("relative:/nowhere", _clock));
        Assert.Equal(LoginFault.Unavailable, Assert.Throws<LoginException>(() => Folder.Keep(Session() with { InKeychain = true })).Fault);
    }

    private StoredSession Session() => new()
    {
        Server = Server,
        Principal = "pat",
        Id = "cn-1",
        Begun = _clock.GetUtcNow(),
        Expires = _clock.GetUtcNow().AddHours(8),
        CaFile = "/etc/ca.pem",
        Token = SecretText.From("cft_secret"),
    };

    private string? Last() => Folder.LastServer(refused => Assert.Fail(refused.Message));

    private string[] ToEnd(out List<string> refused)
    {
        List<string> told = refused = [];
        IReadOnlyList<StoredSession> all = Folder.AllToEnd(r => told.Add(r.Message));
        string[] servers = [.. all.Select(s => s.Server)];
        foreach (StoredSession each in all)
        {
            each.Dispose();
        }

        return servers;
    }

    private string FileOf() => Directory.GetFileSystemEntries(Place).Single();

    private void Refused()
    {
        LoginException refused = Assert.Throws<LoginException>(() => Folder.Find(Server));
        Assert.Equal(LoginFault.UnsafeFile, refused.Fault);
    }

    /// <summary>Stands in for the desktop's service: keeps one token in a file, and writes down how it was called.</summary>
    private Keychain FakeKeychain(string first = ":")
    {
        string tool = Path.Combine(_home, "secret-tool");
        File.WriteAllText(tool, $"""
            #!/bin/sh
            {first}
            echo "$@" >> {_home}/calls
            case $1 in
                store) cat > {_home}/kept ;;
                lookup) cat {_home}/kept ;;
                clear) rm {_home}/kept ;;
            esac
            """, new UTF8Encoding(false));
        File.SetUnixFileMode(tool, Private | UnixFileMode.UserExecute);
        return Keychain.Find(_home, TimeProvider.System)!;
    }

    private static Task ChownAsync(string owner, string path) => RunAsync("chown", owner, path);

    private static async Task RunAsync(string program, params string[] arguments)
    {
        using Process process = Process.Start(program, arguments);
        await process.WaitForExitAsync(Cancellation);
        Assert.Equal(0, process.ExitCode);
    }
}
