using System.Diagnostics;
using System.Globalization;
using Coffer.Workload.Child;
using Coffer.Workload.Tests.Support;

namespace Coffer.Workload.Tests.Child;

public sealed class ChildProcessTests
{
    private static async Task<(int Exit, string Out)> RunAsync(TimeSpan linger, params string[] words)
    {
        using Process host = ChildHost.Start(linger, words);
        string output = await host.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await host.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (host.ExitCode, output);
    }

    private static async Task SignalAsync(string name, int pid) =>
        Assert.Equal(0, (await Programs.RunAsync("/bin/kill", [$"-{name}", pid.ToString(CultureInfo.InvariantCulture)], new Dictionary<string, string>())).Exit);

    [Theory]
    [InlineData("exit 0", 0)]
    [InlineData("exit 42", 42)]
    [InlineData("kill -TERM $$", 143)]
    [InlineData("kill -KILL $$", 137)]
    public async Task It_exits_as_the_program_exits(string script, int exit) =>
        Assert.Equal(exit, (await RunAsync(TimeSpan.Zero, "/bin/sh", "-c", script)).Exit);

    [Fact]
    public async Task Arguments_and_environment_arrive_as_given()
    {
        (int exit, string output) = await RunAsync(TimeSpan.Zero, "/bin/sh", "-c", "printf '%s|' \"$@\"; env", "sh", "a b", "--", "$x", "ü");

        Assert.Equal(0, exit);
        Assert.StartsWith("a b|--|$x|ü|", output, StringComparison.Ordinal);
        Assert.Contains("PATH=/usr/bin:/bin\n", output, StringComparison.Ordinal);
        Assert.DoesNotContain("COFFER_TEST", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("TERM")]
    [InlineData("HUP")]
    [InlineData("INT")]
    [InlineData("QUIT")]
    [InlineData("USR1")]
    public async Task A_signal_to_it_alone_reaches_the_program_once(string signal)
    {
        using Process host = ChildHost.Start(TimeSpan.Zero, "/bin/sh", "-c", $"trap 'echo got; n=$((n+1))' {signal}; echo ready; while [ -z \"$n\" ]; do sleep 0.05; done; sleep 0.2; exit $((6+n))");
        Assert.Equal("ready", await host.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken));

        await SignalAsync(signal, host.Id);

        Assert.Equal("got\n", await host.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken));
        await host.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(7, host.ExitCode);
    }

    /// <summary>Standard output ends when its last holder does: the program and what it started are gone too.</summary>
    [Fact]
    public async Task When_it_is_killed_the_program_dies_with_it()
    {
        Assert.True(File.Exists("/usr/bin/setpriv"), "util-linux's setpriv is not installed");
        using Process host = ChildHost.Start(TimeSpan.Zero, "/bin/sh", "-c", "trap '' TERM HUP INT; echo ready; exec sleep 1000");
        Assert.Equal("ready", await host.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken));

        await SignalAsync("KILL", host.Id);

        Assert.Equal("", await host.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("sleep 1000 & echo started; exit 3")]
    [InlineData("setsid sleep 1000 & echo started; exit 3")]
    [InlineData("(setsid sh -c 'sleep 1000 & sleep 1000 & wait' &) ; echo started; exit 3")]
    [InlineData("(trap '' TERM; sleep 1000) & echo started; exit 3")]
    public async Task What_the_program_leaves_behind_is_ended(string script)
    {
        (int exit, string output) = await RunAsync(TimeSpan.Zero, "/bin/sh", "-c", script);

        Assert.Equal((3, "started\n"), (exit, output));
    }

    [Fact]
    public async Task What_the_program_leaves_behind_may_finish_within_the_time_it_is_given()
    {
        (int exit, string output) = await RunAsync(TimeSpan.FromMinutes(10), "/bin/sh", "-c", "(setsid sh -c 'sleep 0.3; echo late' &) ; exit 4");

        Assert.Equal((4, "late\n"), (exit, output));
    }

    /// <summary>One is enough, as soon as the program is gone: what is left says that it is ready when nobody has the program's number any more.</summary>
    [Fact]
    public async Task A_signal_ends_the_wait_for_what_is_left()
    {
        const string Left = "trap 'echo ended; exit' TERM; while kill -0 $1 2>/dev/null; do :; done; echo ready; while :; do sleep 0.05; done";
        using Process host = ChildHost.Start(TimeSpan.FromMinutes(10), "/bin/sh", "-c", $"(setsid sh -c \"$1\" sh $$ &) ; exit 5", "sh", Left);
        Assert.Equal("ready", await host.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken));

        await SignalAsync("INT", host.Id);

        Assert.Equal("ended\n", await host.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken));
        await host.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(5, host.ExitCode);
    }

    /// <summary>One that has ended and that nobody has seen to yet, or whose number is another's by now, must be sent nothing: the signal would be lost.</summary>
    [Fact]
    public async Task A_program_that_has_ended_is_not_taken_for_one_that_runs()
    {
        const string Script = """
            import os, sys
            pid = os.fork()
            if pid == 0:
                os._exit(0)
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
            print(pid, flush=True)
            sys.stdin.read()
            """;
        using Process parent = Process.Start(new ProcessStartInfo("/usr/bin/python3", ["-c", Script]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        int ended = int.Parse((await parent.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken))!, CultureInfo.InvariantCulture);

        Assert.True(Descendants.IsLiving(parent.Id, parent: Environment.ProcessId));
        Assert.False(Descendants.IsLiving(parent.Id, parent: ended));
        Assert.False(Descendants.IsLiving(ended, parent: parent.Id));

        parent.StandardInput.Close();
        await parent.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.False(Descendants.IsLiving(parent.Id, parent: Environment.ProcessId));
    }

    [Fact]
    public async Task A_script_without_interpreter_line_is_for_sh()
    {
        string script = Path.GetTempFileName();
        try
        {
            File.WriteAllText(script, "exit 9\n");
            File.SetUnixFileMode(script, UnixFileMode.UserRead | UnixFileMode.UserExecute);

            Assert.Equal(9, (await RunAsync(TimeSpan.Zero, script)).Exit);
        }
        finally
        {
            File.Delete(script);
        }
    }

    /// <summary>Ctrl-C on a terminal: the kernel tells the whole group, so the program must hear of it once and not twice.</summary>
    [Fact]
    public async Task An_interrupt_from_the_terminal_arrives_once()
    {
        const string Script = """
            import os, pty, sys
            pid, fd = pty.fork()
            if pid == 0:
                os.execv(sys.argv[1], sys.argv[1:])
            seen = b''
            def until(mark):
                global seen
                while mark not in seen:
                    try:
                        part = os.read(fd, 4096)
                    except OSError:
                        return
                    if not part: return
                    seen += part
            until(b'ready')
            os.write(fd, b'\x03')
            until(b'got')
            os.write(fd, b'done\n')
            until(b'never')
            print('count', seen.count(b'got'), 'exit', os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
            """;
        Dictionary<string, string> environment = ChildHost.Environment(TimeSpan.Zero, "/bin/sh", "-c", "trap 'echo got' INT; echo ready; while ! read line; do :; done; exit 8");

        (int exit, string output, string error) = await Programs.RunAsync("/usr/bin/python3", ["-c", Script, "/usr/bin/dotnet", typeof(ChildHost).Assembly.Location], environment);

        Assert.Equal((0, "count 1 exit 8\n", ""), (exit, output, error));
    }
}
