using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Coffer.Workload.Child;

/// <summary>
/// Runs a program on this terminal with its own environment, and ends as it ends. Interrupts reach it from the terminal
/// itself and only it acts on them; requests to terminate are passed on. When it has ended, what it left running in this
/// process's care is ended too, since everything around it goes.
/// </summary>
public static partial class ChildProcess
{
    private const int PrSetChildSubreaper = 36;
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(5);

    /// <summary>The exit code as a shell would give it: the program's own, or 128 and the number of the signal that ended it.</summary>
    public static async Task<int> RunAsync(string program, IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string> environment, TimeProvider clock)
    {
        if (OperatingSystem.IsLinux())
        {
            // Orphans of the child become ours, so that we know of them at the end.
            _ = Prctl(PrSetChildSubreaper, 1, 0, 0, 0);
        }

        ProcessStartInfo start = new(program, arguments) { UseShellExecute = false };
        start.Environment.Clear();
        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }

        Process? child = null;
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context => context.Cancel = true);
        using PosixSignalRegistration quit = PosixSignalRegistration.Create(PosixSignal.SIGQUIT, context => context.Cancel = true);
        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => PassOn(context, child, 15));
        using PosixSignalRegistration hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, context => PassOn(context, child, 1));
        using Process process = Process.Start(start) ?? throw new WorkloadException("the program did not start", "run it without coffer to see why");
        child = process;
        await process.WaitForExitAsync().ConfigureAwait(false);
        await EndDescendantsAsync(clock).ConfigureAwait(false);
        return process.ExitCode;
    }

    private static void PassOn(PosixSignalContext context, Process? child, int signal)
    {
        context.Cancel = true;
        if (child is { HasExited: false })
        {
            _ = Kill(child.Id, signal);
        }
    }

    private static async Task EndDescendantsAsync(TimeProvider clock)
    {
        int[] left = [.. ChildrenOf(Environment.ProcessId)];
        foreach (int pid in left)
        {
            _ = Kill(pid, 15);
        }

        using CancellationTokenSource late = new(Grace, clock);
        foreach (int pid in left)
        {
            try
            {
                using Process process = Process.GetProcessById(pid);
                await process.WaitForExitAsync(late.Token).ConfigureAwait(false);
            }
            catch (ArgumentException)
            {
                // Gone already.
            }
            catch (OperationCanceledException)
            {
                _ = Kill(pid, 9);
            }
        }
    }

    private static IEnumerable<int> ChildrenOf(int parent)
    {
        string file = $"/proc/{parent}/task/{parent}/children";
        string text = File.Exists(file) ? File.ReadAllText(file) : "";
        return text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(p => int.Parse(p, System.Globalization.CultureInfo.InvariantCulture));
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int pid, int signal);

    [LibraryImport("libc", EntryPoint = "prctl")]
    private static partial int Prctl(int option, nuint a, nuint b, nuint c, nuint d);
}
