using Coffer.Testing;

namespace Coffer.Cli.Tests;

/// <summary>Runs every script under Scripts against the built executable, each in a folder and with a home of its own.</summary>
public class ScriptTests
{
    internal static readonly string Root = RepositoryFolder.Root;

    public static TheoryData<string> Scripts() =>
        new(Directory.EnumerateFiles(ScriptFolder, "*.txt").Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal));

    private static string ScriptFolder => Path.Combine(Root, "tests", "Coffer.Cli.Tests", "Scripts");

    [Theory]
    [MemberData(nameof(Scripts))]
    public async Task Script(string name)
    {
        CliScript script = CliScript.Parse(await File.ReadAllTextAsync(Path.Combine(ScriptFolder, name), TestContext.Current.CancellationToken));
        await using ScriptRun run = new(Root);
        foreach (CliScript.Step step in script.Steps)
        {
            switch (step)
            {
                case CliScript.StartIssuer:
                    await run.StartIssuerAsync();
                    break;
                case CliScript.WriteProofs:
                    await run.WriteProofsAsync();
                    break;
                case CliScript.StartServer server:
                    await run.StartServerAsync(server.Options);
                    break;
                case CliScript.ActAs person:
                    await run.ActAsAsync(person.Principal);
                    break;
                case CliScript.WriteFile file:
                    await run.WriteAsync(file.Name, file.Content);
                    break;
                case CliScript.Command command:
                    (int exit, string output, string errors) = await run.RunAsync(command.Text, command.Typed);
                    Assert.True(
                        exit == command.Exit && CliScript.Matches(command.Output, output) && CliScript.Matches(command.Errors, errors),
                        $"expected\n{command}\n\ngot\n{output}\nstderr\n{errors}\nexit {exit}");
                    break;
            }
        }
    }

    [Fact]
    public async Task The_manual_is_what_the_commands_say()
    {
        await using ScriptRun run = new(Root);
        (int exit, string manual, string errors) = await run.RunAsync("coffer manual");
        Assert.True(exit == 0, errors);
        string checkedIn = await File.ReadAllTextAsync(Path.Combine(Root, "docs", "cli.md"), TestContext.Current.CancellationToken);
        Assert.True(checkedIn == manual, "docs/cli.md is out of date: ./coffer manual > docs/cli.md");
    }

    [Theory]
    [InlineData("access.md", "access-guide.txt")]
    [InlineData("people.md", "people-guide.txt")]
    [InlineData("trusts.md", "trusts-guide.txt")]
    [InlineData("agent.md", "agent-guide.txt")]
    public async Task A_guide_holds_the_commands_of_its_script_and_no_others(string guide, string script)
    {
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        static IEnumerable<string> Commands(IEnumerable<string> lines) => lines.Where(l => l.StartsWith("$ ", StringComparison.Ordinal));
        string[] read = await File.ReadAllLinesAsync(Path.Combine(Root, "docs", guide), cancellation);
        string[] run = await File.ReadAllLinesAsync(Path.Combine(ScriptFolder, script), cancellation);
        Assert.Equal(Commands(run), Commands(read));
    }
}
