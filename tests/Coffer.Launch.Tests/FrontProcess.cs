using System.Diagnostics;
using System.Text;

namespace Coffer.Launch.Tests;

/// <summary>How a run of the front ended.</summary>
public sealed record FrontResult(int Exit, string Out, string Error, int Id);

/// <summary>Runs the built front as a process of its own, in a clean environment.</summary>
public static class FrontProcess
{
    public static string Program { get; } = Path.Combine(AppContext.BaseDirectory, "coffer");

    public static FrontResult Run(string folder, params string[] arguments) => Run(folder, [], "", arguments);

    public static FrontResult Run(string folder, (string Name, string Value)[] variables, string input, params string[] arguments) =>
        RunProgram(Program, folder, variables, input, arguments);

    public static FrontResult RunProgram(string program, string folder, (string Name, string Value)[] variables, string input, params string[] arguments)
    {
        ProcessStartInfo start = new(program, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.Latin1,
            StandardErrorEncoding = Encoding.UTF8,
        };
        start.Environment.Clear();
        start.Environment["PATH"] = "/usr/local/bin:/usr/bin:/bin";
        start.Environment["HOME"] = folder;
        start.Environment["FRONT"] = Program;
        foreach (string name in new[] { "DOTNET_ROOT", "DOTNET_ROOT_X64" })
        {
            if (Environment.GetEnvironmentVariable(name) is { } root)
            {
                start.Environment[name] = root;
            }
        }

        foreach ((string name, string value) in variables)
        {
            start.Environment[name] = value;
        }

        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        try
        {
            process.StandardInput.Write(input);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It ended without reading.
        }

        process.WaitForExit();
        return new(process.ExitCode, output.GetAwaiter().GetResult(), error.GetAwaiter().GetResult(), process.Id);
    }
}
