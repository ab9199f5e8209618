using System.Diagnostics;
using System.Globalization;

namespace Coffer.Cli.Tests;

internal sealed partial class ScriptRun
{
    private readonly List<Process> _background = [];

    public string Folder => _folder;

    /// <summary>The server's address.</summary>
    public string Address => _address!;

    /// <summary>As a crash ends it: at once, with nothing tidied up.</summary>
    public async Task KillServerAsync()
    {
        if (_server is { } server)
        {
            _server = null;
            server.Kill();
            await server.WaitForExitAsync(CancellationToken.None);
            server.Dispose();
        }
    }

    /// <summary>Starts a program that stays, with further variables; it ends with this at the latest.</summary>
    public Process StartBackground(IReadOnlyDictionary<string, string> variables, string program, params string[] arguments)
    {
        ProcessStartInfo start = Start(program, arguments);
        foreach ((string name, string value) in variables)
        {
            start.Environment[name] = value;
        }

        Process process = Process.Start(start)!;
        process.StandardInput.Close();
        _background.Add(process);
        return process;
    }

    /// <summary>Ends what was started here, and what a script started itself and noted in a file NAME.pid.</summary>
    private async Task EndBackgroundAsync()
    {
        foreach (string file in Directory.EnumerateFiles(_folder, "*.pid"))
        {
            if (int.TryParse((await File.ReadAllTextAsync(file, CancellationToken.None)).Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out int pid))
            {
                try
                {
                    Process process = Process.GetProcessById(pid);
                    // One that began after its number was noted is another that has the number by now.
                    if (process.StartTime <= File.GetLastWriteTime(file).AddSeconds(1))
                    {
                        _background.Add(process);
                    }
                    else
                    {
                        process.Dispose();
                    }
                }
                catch (Exception ended) when (ended is ArgumentException or InvalidOperationException)
                {
                    // It ended in the script, as it should.
                }
            }
        }

        foreach (Process process in _background)
        {
            if (!process.HasExited)
            {
                process.Kill();
                await process.WaitForExitAsync(CancellationToken.None);
            }

            process.Dispose();
        }
    }
}
