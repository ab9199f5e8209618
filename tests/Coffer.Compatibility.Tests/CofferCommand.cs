using System.Diagnostics;
using Coffer.Testing;

namespace Coffer.Compatibility.Tests;

/// <summary>Runs the built executable as a person would, in an environment that configures nothing.</summary>
internal static class CofferCommand
{
    private static readonly string[] Kept = ["PATH", "HOME", "LANG", "TMPDIR"];

    /// <summary>The repository's root.</summary>
    public static string Root { get; } = RepositoryFolder.Root;

    /// <summary>Folder of the client programs.</summary>
    public static string Clients => Path.Combine(Root, "tests", "Coffer.Compatibility.Tests", "clients");

    /// <summary>Runs <c>coffer</c> with these arguments in a folder of its own and answers exit code and output.</summary>
    public static Task<(int Exit, string Output, string Errors)> RunAsync(string[] arguments, IReadOnlyDictionary<string, string>? environment = null, string? directory = null)
    {
        string executable = Path.Combine(Root, "artifacts", "coffer", "coffer");
        Assert.True(File.Exists(executable), "the executable is not built: ./coffer --build-only");
        return RunProgramAsync(executable, arguments, environment, directory);
    }

    /// <summary>The same with any program.</summary>
    public static async Task<(int Exit, string Output, string Errors)> RunProgramAsync(
        string executable, string[] arguments, IReadOnlyDictionary<string, string>? environment = null, string? directory = null)
    {
        string folder = directory ?? Directory.CreateTempSubdirectory("coffer-compat-").FullName;
        ProcessStartInfo start = new(executable, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            WorkingDirectory = folder,
        };
        foreach (string name in start.Environment.Keys.Where(k => !Kept.Contains(k)).ToArray())
        {
            start.Environment.Remove(name);
        }

        foreach ((string name, string value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        Task<string> output = process.StandardOutput.ReadToEndAsync(), errors = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        (int, string, string) result = (process.ExitCode, await output, await errors);
        if (directory is null)
        {
            Directory.Delete(folder, recursive: true);
        }

        return result;
    }

    /// <summary>Runs a client program inside <c>coffer dev</c> and requires that it ends with "ok".</summary>
    public static async Task RunClientAsync(params string[] command)
    {
        (int exit, string output, string errors) = await RunAsync(["dev", "--intercept", "sts", "--", .. command]);
        Assert.True(exit == 0 && output.TrimEnd().EndsWith("ok", StringComparison.Ordinal), $"exit {exit}\n{output}\n{errors}");
    }
}
