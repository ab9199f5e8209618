using Coffer.Launch.Arguments;
using Xunit;

namespace Coffer.Launch.Tests.Arguments;

public sealed class ParsedArgumentsTests
{
    [Theory]
    [InlineData("-- cmd --help", "cmd --help")]
    [InlineData("cmd --env-file x", "cmd --env-file x")]
    [InlineData("--override -- -x", "-x")]
    [InlineData("--override --env-file=a --env-file b cmd -- x", "cmd -- x")]
    [InlineData("--env-file -- cmd", "cmd")]
    [InlineData("- x", "- x")]
    public void What_follows_the_options_of_run_is_the_command(string line, string command) =>
        Assert.Equal(command.Split(' '), ParsedArguments.Parse(LaunchCommandTable.Run, line.Split(' ')).Operands);

    [Fact]
    public void Options_take_their_value_with_a_space_or_an_equals_sign()
    {
        ParsedArguments parsed = ParsedArguments.Parse(LaunchCommandTable.Run, ["--env-file", "a=b", "--env-file=c=d", "--vault=", "cmd"]);
        Assert.Equal(["a=b", "c=d"], parsed.Values(LaunchCommandTable.EnvFile));
        Assert.Equal("", parsed.Value(LaunchCommandTable.Vault));
        Assert.Null(parsed.Value(LaunchCommandTable.As));
        Assert.False(parsed.NeedsFullProgram);
        Assert.True(ParsedArguments.Parse(LaunchCommandTable.Run, ["--as", "shop-api", "cmd"]).NeedsFullProgram);
        Assert.True(ParsedArguments.Parse(LaunchCommandTable.EnvGet, ["--help"]).WantsHelp);
    }

    [Theory]
    [InlineData("run", "")]
    [InlineData("run", "--")]
    [InlineData("run", "--nope cmd")]
    [InlineData("run", "--env-file")]
    [InlineData("run", "--override=1 cmd")]
    [InlineData("run", "--vault a --vault b cmd")]
    [InlineData("run", "-x cmd")]
    [InlineData("env get", "")]
    [InlineData("env get", "A B")]
    [InlineData("env list", "A")]
    public void Arguments_that_make_no_command_are_a_usage_error_with_a_hint(string path, string line)
    {
        LaunchCommand command = LaunchCommandTable.All.Single(c => c.Path == path);
        LaunchException error = Assert.Throws<LaunchException>(() => ParsedArguments.Parse(command, line.Split(' ', StringSplitOptions.RemoveEmptyEntries)));
        Assert.Equal((CofferExit.Usage, $"coffer {path} --help"), (error.Exit, error.Hint));
    }

    [Fact]
    public void The_table_is_fit_for_help_completion_and_manual()
    {
        Assert.Equal(LaunchCommandTable.All.Count, LaunchCommandTable.All.Select(c => c.Path).Distinct().Count());
        foreach (LaunchCommand command in LaunchCommandTable.All)
        {
            Assert.EndsWith(".", command.Summary, StringComparison.Ordinal);
            Assert.Equal(command.Options.Count, command.Options.Select(o => o.Name).Distinct().Count());
            string help = HelpText.Of(command);
            Assert.Contains($"Usage: coffer {command.Path}", help, StringComparison.Ordinal);
            foreach (LaunchOption option in command.Options)
            {
                Assert.StartsWith("--", option.Name, StringComparison.Ordinal);
                Assert.False(option.Help.EndsWith('.') || char.IsUpper(option.Help[0]), option.Name);
                Assert.Contains(option.Name, help, StringComparison.Ordinal);
                Assert.False(option.Argument is null && option.Repeatable, option.Name);
            }

            Assert.All(help.Split('\n'), line => Assert.InRange(line.Length, 0, 100));
        }
    }

    [Fact]
    public void Exit_codes_are_documented_each_once_and_never_change()
    {
        Assert.Equal([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 126, 127, 130], CofferExit.Meanings.Select(meaning => meaning.Code));
        Assert.Equal(
            CofferExit.Meanings.Select(meaning => meaning.Code),
            typeof(CofferExit).GetFields().Where(field => field.IsLiteral).Select(field => (int)field.GetRawConstantValue()!).Order());
    }
}
