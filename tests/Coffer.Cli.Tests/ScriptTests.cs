using System.Diagnostics;

namespace Coffer.Cli.Tests;

/// <summary>Runs every script under Scripts against the built executable, each in a folder and with a home of its own.</summary>
public class ScriptTests
{
    private static readonly string Root = FindRoot();

    public static TheoryData<string> Scripts() =>
        new(Directory.EnumerateFiles(ScriptFolder, "*.txt").Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal));

    private static string ScriptFolder => Path.Combine(Root, "tests", "Coffer.Cli.Tests", "Scripts");

    [Theory]
    [MemberData(nameof(Scripts))]
    public async Task Script(string name)
    {
        CliScript script = CliScript.Parse(await File.ReadAllTextAsync(Path.Combine(ScriptFolder, name), TestContext.Current.CancellationToken));
        string folder = Directory.CreateTempSubdirectory("coffer-cli-").FullName;
        Process? server = null;
        try
        {
            foreach (CliScript.Step step in script.Steps)
            {
                switch (step)
                {
                    case CliScript.StartServer:
                        (int made, _, string problem) = await RunAsync(folder, "coffer init --data \"$HOME/data\"");
                        Assert.True(made == 0, problem);
                        server = await ServeAsync(folder);
                        break;
                    case CliScript.WriteFile file:
                        await File.WriteAllTextAsync(Path.Combine(folder, file.Name), file.Content, TestContext.Current.CancellationToken);
                        break;
                    case CliScript.Command command:
                        (int exit, string output, string errors) = await RunAsync(folder, command.Text);
                        Assert.True(
                            exit == command.Exit && CliScript.Matches(command.Output, output) && CliScript.Matches(command.Errors, errors),
                            $"expected\n{command}\n\ngot\n{output}\nstderr\n{errors}\nexit {exit}");
                        break;
                }
            }
        }
        finally
        {
            if (server is not null)
            {
                server.Kill();
                await server.WaitForExitAsync(CancellationToken.None);
                server.Dispose();
            }

            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task The_manual_is_what_the_commands_say()
    {
        string folder = Directory.CreateTempSubdirectory("coffer-cli-").FullName;
        (int exit, string manual, string errors) = await RunAsync(folder, "coffer manual");
        Directory.Delete(folder, recursive: true);
        Assert.True(exit == 0, errors);
        string checkedIn = await File.ReadAllTextAsync(Path.Combine(Root, "docs", "cli.md"), TestContext.Current.CancellationToken);
        Assert.True(checkedIn == manual, "docs/cli.md is out of date: ./coffer manual > docs/cli.md");
    }

    [Fact]
    public async Task The_guide_to_access_holds_the_commands_of_its_script_and_no_others()
    {
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        static IEnumerable<string> Commands(IEnumerable<string> lines) => lines.Where(l => l.StartsWith("$ ", StringComparison.Ordinal));
        string[] guide = await File.ReadAllLinesAsync(Path.Combine(Root, "docs", "access.md"), cancellation);
        string[] script = await File.ReadAllLinesAsync(Path.Combine(ScriptFolder, "access-guide.txt"), cancellation);
        Assert.Equal(Commands(script), Commands(guide));
    }

    private static async Task<(int Exit, string Output, string Errors)> RunAsync(string folder, string command)
    {
        using Process process = Process.Start(Start(folder, "/bin/sh", "-c", command))!;
        process.StandardInput.Close();
        Task<string> output = process.StandardOutput.ReadToEndAsync(), errors = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, await output, await errors);
    }

    private static async Task<Process> ServeAsync(string folder)
    {
        Process server = Process.Start(Start(folder, "coffer", "serve", "--data", Path.Combine(folder, "data"), "--listen", "127.0.0.1:0"))!;
        List<string> lines = [];
        while (await server.StandardError.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
        {
            lines.Add(line);
            if (line.Contains("serving on", StringComparison.Ordinal))
            {
                // The rest is read and dropped, so that the server never waits for us.
                _ = server.StandardError.ReadToEndAsync(CancellationToken.None);
                return server;
            }
        }

        throw new InvalidOperationException("the server did not start: " + string.Join('\n', lines));
    }

    private static ProcessStartInfo Start(string folder, string program, params string[] arguments)
    {
        string bin = Path.Combine(Root, "artifacts", "coffer");
        Assert.True(File.Exists(Path.Combine(bin, "coffer")), "the executable is not built: ./coffer --build-only");
        ProcessStartInfo start = new(program == "coffer" ? Path.Combine(bin, "coffer") : program, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment.Clear();
        start.Environment["PATH"] = $"{bin}:/usr/local/bin:/usr/bin:/bin";
        start.Environment["HOME"] = folder;
        start.Environment["LANG"] = "C.UTF-8";
        start.Environment["COFFER_SOCKET"] = Path.Combine(folder, "data", "coffer.sock");
        // Only the framework-dependent build needs it.
        start.Environment["DOTNET_ROOT"] = Environment.GetEnvironmentVariable("DOTNET_ROOT") ?? "/usr/share/dotnet";
        return start;
    }

    private static string FindRoot()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "Coffer.slnx")))
        {
            folder = Path.GetDirectoryName(folder);
        }

        return folder ?? throw new InvalidOperationException("the repository's root is not above the test");
    }
}
