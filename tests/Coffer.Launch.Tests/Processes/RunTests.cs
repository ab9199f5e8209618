using Coffer.Sources.Tests;
using Coffer.Sources.Tests.CofferApi;
using Xunit;

namespace Coffer.Launch.Tests.Processes;

/// <summary><c>coffer run</c> as a process: what the program gets, and how the caller sees it end.</summary>
public sealed class RunTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("exit 0", 0)]
    [InlineData("exit 7", 7)]
    [InlineData("kill -TERM $$", 143)]
    [InlineData("kill -KILL $$", 137)]
    public void The_program_ends_as_it_would_without_coffer(string script, int exit)
    {
        FrontResult result = Run("run", "--", "sh", "-c", script);
        Assert.Equal((exit, "", ""), (result.Exit, result.Out, result.Error));
    }

    /// <summary>What is wrong with the words shows before a program is looked for, a file read or a server asked.</summary>
    [Fact]
    public void Doors_without_a_workload_are_refused_before_anything_else()
    {
        FrontResult result = Run("run", "--doors", "aws", "--env-file", "none", "--", "/no/such/program");
        Assert.Equal(CofferExit.Usage, result.Exit);
        Assert.Contains("--doors goes with --as", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void The_program_takes_coffers_place_under_its_own_name()
    {
        FrontResult result = Run("run", "sh", "-c", "echo $$ $0 $#; tr '\\0' ' ' </proc/$$/cmdline", "zero", "a b", "");
        Assert.Equal($"{result.Id} zero 2\nsh -c echo $$ $0 $#; tr '\\0' ' ' </proc/$$/cmdline zero a b  ", result.Out);
    }

    [Fact]
    public void Stdin_and_stdout_are_the_programs_own() =>
        Assert.Equal("typed", FrontProcess.Run(_folder.Path, [], "typed", "run", "--", "cat").Out);

    [Fact]
    public void No_signal_is_left_ignored_or_blocked_and_no_descriptor_is_left_open()
    {
        const string Script = "grep -E '^Sig(Ign|Blk)' /proc/self/status; ls /proc/self/fd | wc -l";
        FrontResult without = FrontProcess.RunProgram("/bin/sh", _folder.Path, [], "", "-c", "ls /proc/self/fd | wc -l");
        Assert.Equal($"SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n{without.Out}", Run("run", "--", "/bin/sh", "-c", Script).Out);
    }

    [Fact]
    public void Descriptors_that_the_caller_passes_on_reach_the_program() =>
        Assert.Equal("passed\n", FrontProcess.RunProgram("/bin/sh", _folder.Path, [], "", "-c", "echo passed >f; exec 7<f; exec \"$FRONT\" run -- sh -c 'cat <&7'").Out);

    [Fact]
    public void Arguments_and_variables_that_are_not_utf8_arrive_as_they_are() =>
        Assert.Equal(
            "\u00e9 \u00ff",
            FrontProcess.RunProgram("/bin/sh", _folder.Path, [], "", "-c", "X=$(printf '\\377') exec \"$FRONT\" run -- sh -c 'printf \"%s %s\" \"$1\" \"$X\"' sh \"$(printf '\\351')\"").Out);

    [Fact]
    public void Files_give_variables_by_the_stated_precedence()
    {
        _folder.Write("one", "A=one\nB=one\nC=\"$EXIST-$B\"\n");
        _folder.Write("two", "A=two\nEXIST=two\n");
        const string Script = "echo $A $B $C $EXIST";
        Assert.Equal("two one env-one env\n", FrontProcess.Run(_folder.Path, [("EXIST", "env")], "", "run", "--env-file", "one", "--env-file", "two", "--", "sh", "-c", Script).Out);
        Assert.Equal("two one env-one two\n", FrontProcess.Run(_folder.Path, [("EXIST", "env")], "", "run", "--override", "--env-file", "one", "--env-file", "two", "--", "sh", "-c", Script).Out);
    }

    [Fact]
    public void Without_a_named_file_the_one_in_the_current_directory_is_read_and_none_further_up()
    {
        _folder.Write(".env", "A=here\n");
        Directory.CreateDirectory(_folder["sub"]);
        Assert.Equal("here\n", Run("run", "--", "sh", "-c", "echo $A").Out);
        Assert.Equal("\n", Run("run", "--no-env-file", "--", "sh", "-c", "echo $A").Out);
        Assert.Equal("\n", FrontProcess.Run(_folder["sub"], "run", "--", "sh", "-c", "echo $A").Out);
    }

    [Fact]
    public void With_no_inherit_only_the_bare_necessities_and_the_files_remain()
    {
        _folder.Write("f", "A=${SECRET-unset}\nB=env://SECRET\n");
        FrontResult result = FrontProcess.Run(_folder.Path, [("SECRET", "s"), ("LC_ALL", "C"), ("LANG", "C")], "", "run", "--no-inherit", "--env-file", "f", "--", "env");
        Assert.Equal(["A=unset", "B=s", $"HOME={_folder.Path}", "LANG=C", "LC_ALL=C", "PATH=/usr/local/bin:/usr/bin:/bin"], result.Out.TrimEnd().Split('\n').Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task References_are_resolved_through_the_local_socket_in_one_round_trip()
    {
        await using StubServer server = new(_folder["s"], StubServer.Ok("""{"values":[{"text":"s3cret"},{"text":"{\"user\":\"u\"}"}]}"""));
        _folder.Write(".env", "PW=coffer://shop-dev/db/pw@2\nUSERNAME=coffer:///db#user\nURL=pg://$USERNAME:$PW@db\n");
        FrontResult result = FrontProcess.Run(_folder.Path, [("COFFER_SOCKET", _folder["s"])], "", "run", "--vault", "home-dev", "--", "sh", "-c", "echo $PW $USERNAME $URL $COFFER_VAULT");
        Assert.Equal((0, "s3cret u pg://u:s3cret@db home-dev\n", ""), (result.Exit, result.Out, result.Error));
        Assert.EndsWith("""{"references":[{"vault":"shop-dev","name":"db/pw","version":"2"},{"vault":"home-dev","name":"db"}]}""", Assert.Single(server.Requests), StringComparison.Ordinal);
    }

    [Fact]
    public void A_reference_without_a_server_is_unavailable_and_the_program_does_not_start()
    {
        _folder.Write(".env", "PW=coffer://shop-dev/pw\n");
        FrontResult result = Run("run", "--", "sh", "-c", "echo started");
        Assert.Equal((CofferExit.Unavailable, ""), (result.Exit, result.Out));
        Assert.StartsWith("coffer: no coffer server runs here", result.Error, StringComparison.Ordinal);
        Assert.Contains("\nhint: ", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Errors_are_a_problem_with_its_place_and_a_hint_and_never_the_value()
    {
        _folder.Write("bad", "A=1\nB=\"hunter2\n");
        FrontResult result = Run("run", "--env-file", "bad", "--", "true");
        Assert.Equal((CofferExit.Invalid, "coffer: bad: line 2, column 3: a quote that is never closed\nhint: close it with \", and write \\\" for a quote inside the value\n"), (result.Exit, result.Error));
        Assert.Equal(CofferExit.NotFound, Run("run", "--env-file", "missing", "--", "true").Exit);
        Assert.Equal(CofferExit.Usage, Run("run").Exit);
        Assert.Equal("coffer: coffer run has no option --nope\nhint: coffer run --help\n", Run("run", "--nope", "true").Error);
        Assert.StartsWith("Runs a program", Run("run", "--help").Out, StringComparison.Ordinal);
    }

    [Fact]
    public void A_variable_that_is_not_set_is_warned_about_and_the_program_runs()
    {
        _folder.Write(".env", "A=pa$sword\n");
        FrontResult result = Run("run", "--", "sh", "-c", "echo $A");
        Assert.Equal((0, "pa\n"), (result.Exit, result.Out));
        Assert.StartsWith("coffer: warning: .env: line 1, column 5: ", result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("sword", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_tracked_file_is_refused_unless_it_is_allowed()
    {
        _folder.Write(".env", "A=1\n");
        TemporaryFolder.Run("git", "-C", _folder.Path, "init", "-q");
        Assert.Equal(0, Run("run", "--", "true").Exit);
        TemporaryFolder.Run("git", "-C", _folder.Path, "add", "-f", ".env");
        FrontResult result = Run("run", "--", "true");
        Assert.Equal(CofferExit.Refused, result.Exit);
        Assert.StartsWith("coffer: .env: git tracks this file\nhint: ", result.Error, StringComparison.Ordinal);
        Assert.Equal("1\n", Run("run", "--allow-tracked", "--", "sh", "-c", "echo $A").Out);
        Assert.Equal(CofferExit.Refused, FrontProcess.Run(_folder.Path, [("X", "dotenv://.env#A")], "", "run", "--no-env-file", "--", "true").Exit);
    }

    [Fact]
    public void Attack_35_a_value_handed_over_by_descriptor_is_in_no_environment()
    {
        _folder.Write(".env", "TOKEN=hunter2\nOTHER=x\n");
        FrontResult result = Run("run", "--fd", "TOKEN", "--", "sh", "-c", "tr '\\0' '\\n' </proc/$$/environ | grep -c hunter2; cat \"$TOKEN_FILE\" \"$TOKEN_FILE\"; echo x 2>/dev/null >>\"$TOKEN_FILE\"; echo; echo ${TOKEN-unset} $OTHER");
        Assert.Equal("0\nhunter2hunter2\nunset x\n", result.Out);
        Assert.Equal(CofferExit.NotFound, Run("run", "--fd", "NOPE", "--", "true").Exit);
    }

    [Fact]
    public void Attack_47_a_command_in_a_file_never_runs_and_is_an_error()
    {
        foreach (string text in new[] { $"A=$(touch {_folder["ran"]})", $"A=\"$(touch {_folder["ran"]})\"", $"A=`touch {_folder["ran"]}`", $"A=\"`touch {_folder["ran"]}`\"", $"A='$(touch {_folder["ran"]})'", $"A=${{B:-$(touch {_folder["ran"]})}}" })
        {
            _folder.Write(".env", text + "\n");
            Run("run", "--", "true");
            Run("env", "list", "--show");
            Run("env", "get", "A");
            Assert.False(File.Exists(_folder["ran"]), text);
        }

        _folder.Write(".env", "A=$(id)\n");
        Assert.Equal(CofferExit.Invalid, Run("run", "--", "true").Exit);
    }

    [Fact]
    public void Attack_48_a_pipe_in_place_of_the_file_is_refused_and_does_not_hang()
    {
        TemporaryFolder.Run("mkfifo", _folder["pipe"]);
        Assert.Equal(CofferExit.Refused, Run("run", "--env-file", "pipe", "--", "true").Exit);
        Assert.Equal(CofferExit.Refused, Run("env", "get", "--file", "pipe", "A").Exit);
        Assert.Equal(CofferExit.Refused, Run("env", "set", "--file", "pipe", "A").Exit);
    }

    [Fact]
    public void Attack_49_the_program_is_found_as_a_shell_finds_it_and_no_file_changes_that()
    {
        const UnixFileMode Executable = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        _folder.Write("true", $"#!/bin/sh\ntouch {_folder["hijacked"]}\n", Executable);
        _folder.Write("bin/tool", "#!/bin/sh\necho tool\n", Executable);

        // Neither the current directory, nor PATH of a file, nor a file above decides what runs.
        _folder.Write(".env", $"PATH={_folder.Path}\n");
        Assert.Equal(0, Run("run", "--override", "--", "true").Exit);
        Assert.Equal(0, FrontProcess.Run(_folder["bin"], "run", "--", "true").Exit);
        Assert.False(File.Exists(_folder["hijacked"]));
        Assert.Equal(CofferExit.ProgramNotFound, FrontProcess.Run(_folder["bin"], "run", "--", "tool").Exit);
        Assert.Contains("write ./", FrontProcess.Run(_folder["bin"], "run", "--", "tool").Error, StringComparison.Ordinal);

        // The caller's own PATH does, an empty element of it being the current directory.
        Assert.Equal("tool\n", FrontProcess.Run(_folder["bin"], [("PATH", "/usr/bin:")], "", "run", "--", "tool").Out);
        Assert.Equal("tool\n", FrontProcess.Run(_folder["bin"], "run", "--", "./tool").Out);
    }

    [Theory]
    [InlineData("LD_PRELOAD")]
    [InlineData("BASH_ENV")]
    public void Attack_49_a_file_that_nobody_named_may_not_decide_what_code_programs_load(string name)
    {
        _folder.Write(".env", $"A=1\n{name}=./evil.so\n");
        FrontResult result = Run("run", "--", "true");
        Assert.Equal(CofferExit.Refused, result.Exit);
        Assert.StartsWith($"coffer: .env: line 2: sets {name}", result.Error, StringComparison.Ordinal);
        Assert.Equal("./evil.so\n", Run("run", "--env-file", ".env", "--", "/bin/sh", "-c", $"echo ${name}").Out);
    }

    [Fact]
    public void Attack_50_what_crashes_other_parsers_runs_or_is_refused()
    {
        _folder.Write(".env", "A=#x");
        Assert.Equal("#x\n", Run("run", "--", "sh", "-c", "echo \"$A\"").Out);
        foreach (byte[] bytes in new byte[][] { "A=x\0y"u8.ToArray(), [0xFF, 0xFE, 0x41, 0], "A=\"x"u8.ToArray(), [0x41, 0x3D, 0xE9] })
        {
            File.WriteAllBytes(_folder[".env"], bytes);
            Assert.Equal(CofferExit.Invalid, Run("run", "--", "true").Exit);
        }
    }

    [Fact]
    public void Programs_that_cannot_be_executed_end_with_126_and_missing_ones_with_127()
    {
        _folder.Write("plain", "#!/bin/sh\n");
        _folder.Write("orphan", "#!/nowhere/sh\n", UnixFileMode.UserRead | UnixFileMode.UserExecute);
        _folder.Write("script", "echo \"$0 $1\"\n", UnixFileMode.UserRead | UnixFileMode.UserExecute);
        Assert.Equal(127, Run("run", "--", "no-such-program").Exit);
        Assert.Equal(127, Run("run", "--", "./no-such-program").Exit);
        Assert.Equal(127, Run("run", "--", "").Exit);
        Assert.Equal(127, Run("run", "--", "./orphan").Exit);
        Assert.Equal(126, Run("run", "--", "./plain").Exit);
        Assert.Equal(126, Run("run", "--", _folder.Path).Exit);
        Assert.Equal("./script x\n", Run("run", "--", "./script", "x").Out);

        _folder.Write(".env", $"A={new string('x', 200_000)}\n");
        FrontResult large = Run("run", "--", "true");
        Assert.Equal(126, large.Exit);
        Assert.Contains("too large", large.Error, StringComparison.Ordinal);
        Assert.Equal("200000\n", Run("run", "--fd", "A", "--", "sh", "-c", "wc -c <\"$A_FILE\"").Out);
    }

    [Fact]
    public void A_file_that_every_user_may_change_is_refused()
    {
        _folder.Write(".env", "A=1\n", UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherWrite);
        FrontResult result = Run("run", "--", "true");
        Assert.Equal((CofferExit.Refused, "coffer: .env: every user of this machine may change the file\nhint: chmod 600 .env\n"), (result.Exit, result.Error));
    }

    [Fact]
    public void Everything_else_goes_to_the_full_program_beside_the_front_with_the_same_arguments()
    {
        // The front where it really lies, called through a link from elsewhere, with a decoy in PATH and in the current directory.
        string install = _folder["install"], elsewhere = _folder["elsewhere"];
        Directory.CreateDirectory(install);
        foreach (string file in Directory.GetFiles(AppContext.BaseDirectory, "coffer*").Concat(Directory.GetFiles(AppContext.BaseDirectory, "Coffer.Launch.dll")).Concat(Directory.GetFiles(AppContext.BaseDirectory, "Coffer.Sources.dll")))
        {
            File.Copy(file, Path.Combine(install, Path.GetFileName(file)));
        }

        const UnixFileMode Executable = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        _folder.Write("install/coffer-full", "#!/bin/sh\necho full $# \"$@\"; exit 42\n", Executable);
        _folder.Write("elsewhere/coffer-full", "#!/bin/sh\necho decoy\n", Executable);
        File.CreateSymbolicLink(Path.Combine(elsewhere, "coffer"), Path.Combine(install, "coffer"));
        _folder.Write("elsewhere/.env", "PW=coffer://shop-dev/pw\n");

        (int, string) Front(params string[] arguments)
        {
            FrontResult result = FrontProcess.RunProgram(Path.Combine(elsewhere, "coffer"), elsewhere, [("PATH", $"{elsewhere}:/bin"), ("COFFER_ADDR", "https://coffer.example:8200")], "", arguments);
            return (result.Exit, result.Out);
        }

        Assert.Equal((42, "full 0\n"), Front());
        Assert.Equal((42, "full 3 get a b\n"), Front("get", "a", "b"));
        Assert.Equal((42, "full 1 --help\n"), Front("--help"));
        Assert.Equal((42, "full 3 env lint x\n"), Front("env", "lint", "x"));
        Assert.Equal((42, "full 5 run --as shop-api -- true\n"), Front("run", "--as", "shop-api", "--", "true"));
        Assert.Equal((42, "full 3 run -- true\n"), Front("run", "--", "true"));
        Assert.Equal((0, ""), Front("run", "--no-env-file", "--", "true"));

        File.Delete(Path.Combine(install, "coffer-full"));
        Assert.Equal((CofferExit.Failure, ""), Front("get", "a"));
    }

    private FrontResult Run(params string[] arguments) => FrontProcess.Run(_folder.Path, arguments);
}
