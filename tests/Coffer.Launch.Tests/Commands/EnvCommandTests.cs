using System.Diagnostics;
using System.Text;
using Coffer.Launch.Commands;
using Coffer.Sources.Tests;
using Xunit;

namespace Coffer.Launch.Tests.Commands;

public sealed class EnvCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void List_shows_names_and_values_only_when_asked()
    {
        _folder.Write(".env", "# head\nB=hunter2\nA='two words'\nB=x\nR=coffer://shop-dev/pw\n");
        Assert.Equal("B\nA\nR\n", Run("env", "list").Out);
        Assert.Equal("B=x\nA='two words'\nR=coffer://shop-dev/pw\n", Run("env", "list", "--show").Out);
        Assert.Equal("{\"file\":\".env\",\"keys\":[\"B\",\"A\",\"R\"]}\n", Run("env", "list", "--json").Out);
        Assert.Equal("{\"file\":\".env\",\"values\":{\"B\":\"x\",\"A\":\"two words\",\"R\":\"coffer://shop-dev/pw\"}}\n", Run("env", "list", "--json", "--show").Out);
    }

    [Fact]
    public void Get_prints_the_expanded_value_as_it_is()
    {
        _folder.Write("f", "A='l1\nl2'\nB=\"<$A>\"\nHOME=x\n");
        Assert.Equal("<l1\nl2>", Run("env", "get", "B", "--file", "f").Out);
        Assert.Equal("x", Run("env", "get", "--file=f", "HOME").Out);
        Assert.Equal("{\"key\":\"A\",\"value\":\"l1\\nl2\"}\n", Run("env", "get", "--json", "A", "--file", "f").Out);
        FrontResult missing = Run("env", "get", "NOPE", "--file", "f");
        Assert.Equal((CofferExit.NotFound, "coffer: f: NOPE is not in the file\nhint: coffer env list shows what is\n"), (missing.Exit, missing.Error));
    }

    [Fact]
    public void Set_takes_the_value_from_stdin_a_file_or_with_a_warning_from_the_command_line()
    {
        _folder.Write(".env", "# head\nA=1 # note\n");
        _folder.Write("value", "from a file\n");
        Assert.Equal((0, "", ""), Result(FrontProcess.Run(_folder.Path, [], "it's $5\n", "env", "set", "A")));
        Assert.Equal("# head\nA=\"it's \\$5\" # note\n", Text());
        Assert.Equal(0, Run("env", "set", "B", "--file-value", "value").Exit);
        Assert.Equal("from a file\n", Run("env", "get", "B").Out);
        FrontResult warned = Run("env", "set", "C", "--value", "x", "--json");
        Assert.Equal("{\"file\":\".env\",\"key\":\"C\",\"changed\":true}\n", warned.Out);
        Assert.StartsWith("coffer: warning: ", warned.Error, StringComparison.Ordinal);
        Assert.Contains("\"changed\":false", Run("env", "set", "C", "--value", "x", "--json").Out, StringComparison.Ordinal);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_folder[".env"]));
        Assert.Equal(CofferExit.Usage, Run("env", "set", "A", "--value", "x", "--file-value", "value").Exit);
    }

    [Fact]
    public void Set_does_not_repeat_a_value_in_its_errors()
    {
        FrontResult key = FrontProcess.Run(_folder.Path, [], "x", "env", "set", "A=hunter2");
        Assert.Equal(CofferExit.Invalid, key.Exit);
        Assert.DoesNotContain("hunter2", key.Error, StringComparison.Ordinal);
        FrontResult value = FrontProcess.Run(_folder.Path, [], "hunter2\0", "env", "set", "A");
        Assert.Equal(CofferExit.Invalid, value.Exit);
        Assert.DoesNotContain("hunter2", value.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(_folder[".env"]));
    }

    [Fact]
    public void The_prompt_does_not_echo()
    {
        // script gives the command a terminal; what the terminal shows is its output.
        (int exit, string shown) = AtPrompt("hunter2\n", "");
        Assert.Equal((0, "\r\n"), (exit, shown));
        Assert.Equal("A=hunter2\n", Text());
    }

    [Fact]
    public void A_prompt_that_is_interrupted_changes_nothing_and_leaves_a_terminal_that_echoes()
    {
        (int exit, string shown) = AtPrompt("hunt\u0003", "; echo exit $?; stty -a | grep -o -e ' -echo ' -e ' echo '");
        Assert.Equal(0, exit);
        Assert.EndsWith("exit 130\r\n echo \r\n", shown, StringComparison.Ordinal);
        Assert.DoesNotContain("hunt", shown, StringComparison.Ordinal);
        Assert.False(File.Exists(_folder[".env"]));
    }

    [Fact]
    public void Unset_removes_a_name_and_says_if_there_is_none()
    {
        _folder.Write(".env", "A=1\nB=2\n");
        Assert.Equal(0, Run("env", "unset", "A").Exit);
        Assert.Equal("B=2\n", Text());
        Assert.Equal(CofferExit.NotFound, Run("env", "unset", "A").Exit);
    }

    [Fact]
    public void Env_without_a_command_lists_the_commands_on_stderr()
    {
        FrontResult result = Run("env");
        Assert.Equal((CofferExit.Usage, ""), (result.Exit, result.Out));
        Assert.Contains("env unset KEY", result.Error, StringComparison.Ordinal);
        Assert.Contains("env unset KEY", Run("env", "--help").Out, StringComparison.Ordinal);
    }

    [Fact]
    public void Init_writes_the_ignore_entry_and_an_example_without_values_and_does_it_once()
    {
        TemporaryFolder.Run("git", "-C", _folder.Path, "init", "-q");
        _folder.Write(".env", "# password hunter2\nA=hunter2\nB='x'\n");
        Assert.Equal(0, Run("init", "--env").Exit);
        Assert.Equal(".env\n", File.ReadAllText(_folder[".gitignore"]));
        string example = File.ReadAllText(_folder[".env.example"]);
        Assert.EndsWith("\nA=\nB=\n", example, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", example, StringComparison.Ordinal);

        Assert.Equal("{\"ignore\":\".gitignore\",\"ignoreChanged\":false,\"example\":\".env.example\",\"exampleChanged\":false}\n", Run("init", "--env", "--json").Out);
        File.AppendAllText(_folder[".env"], "C=3\n");
        File.WriteAllText(_folder[".env.example"], "# mine\nA=sample\n");
        Run("init", "--env");
        Assert.Equal("# mine\nA=sample\nB=\nC=\n", File.ReadAllText(_folder[".env.example"]));

        TemporaryFolder.Run("git", "-C", _folder.Path, "add", "-f", ".env");
        Assert.Equal(CofferExit.Refused, Run("init", "--env").Exit);
    }

    [Fact]
    public void Init_without_a_file_and_through_a_link()
    {
        Assert.Equal(0, Run("init", "--env").Exit);
        Assert.False(File.Exists(_folder[".env"]));
        Assert.StartsWith("#", File.ReadAllText(_folder[".env.example"]), StringComparison.Ordinal);
        File.Delete(_folder[".gitignore"]);
        File.CreateSymbolicLink(_folder[".gitignore"], _folder["elsewhere"]);
        Assert.Equal(CofferExit.Refused, Run("init", "--env").Exit);
        Assert.False(File.Exists(_folder["elsewhere"]));
    }

    [Theory]
    [InlineData("", ".env\n")]
    [InlineData("bin/", "bin/\n.env\n")]
    [InlineData(".env\n", ".env\n")]
    [InlineData("/.env\r\n", "/.env\r\n")]
    [InlineData("**/.env\n", "**/.env\n")]
    [InlineData("# .env\n", "# .env\n.env\n")]
    [InlineData(".env*\n", ".env*\n!.env.example\n")]
    [InlineData(".env*\n!.env.example\n", ".env*\n!.env.example\n")]
    [InlineData(".env\n!.env\n", ".env\n!.env\n.env\n")]
    [InlineData("sub/.env\n", "sub/.env\n.env\n")]
    public void The_ignore_file_gets_what_it_lacks(string before, string after)
    {
        Assert.Equal(after, InitEnvCommand.Ignore(before, ".env"));
        Assert.Equal(after, InitEnvCommand.Ignore(after, ".env"));
    }

    // Types only once the prompt is there: what is typed ahead is thrown away, as by every password prompt.
    private (int Exit, string Shown) AtPrompt(string typed, string then)
    {
        // An interrupt reaches the shell around the program too, and only some shells go on after it by themselves.
        ProcessStartInfo start = new("/usr/bin/script", ["-qec", $"trap : INT; {FrontProcess.Program} env set A{then}", "/dev/null"])
        {
            WorkingDirectory = _folder.Path,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        using Process script = Process.Start(start)!;
        StringBuilder shown = new();
        while (!shown.ToString().EndsWith("value of A: ", StringComparison.Ordinal))
        {
            int next = script.StandardOutput.Read();
            Assert.True(next >= 0, $"no prompt came: {shown}");
            shown.Append((char)next);
        }

        script.StandardInput.Write(typed);
        script.StandardInput.Flush();
        string rest = script.StandardOutput.ReadToEnd();
        script.WaitForExit();
        return (script.ExitCode, rest);
    }

    private static (int, string, string) Result(FrontResult result) => (result.Exit, result.Out, result.Error);

    private string Text() => File.ReadAllText(_folder[".env"]);

    private FrontResult Run(params string[] arguments) => FrontProcess.Run(_folder.Path, arguments);
}
