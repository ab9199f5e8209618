using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Coffer.Core.Rotations;

namespace Coffer.Server.Rotations;

/// <summary>
/// One step by a program: the event on its standard input, nothing of this server's environment, its exit status the outcome. What it prints is
/// read and forgotten: it could hold a secret. It has a process group of its own, which is killed when its time is over and at its end, and it
/// dies with the server.
/// </summary>
internal static partial class FunctionProcess
{
    private const string Setpriv = "/usr/bin/setpriv", Setsid = "/usr/bin/setsid";
    private const int SigKill = 9;

    public static async ValueTask<RotationOutcome> RunAsync(FunctionEntry entry, IReadOnlyDictionary<string, string> environment, byte[] sent, TimeProvider clock, CancellationToken cancellationToken)
    {
        using CancellationTokenSource time = new(entry.Timeout, clock);
        using CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(time.Token, cancellationToken);
        Process process;
        try
        {
            process = await StartAsync(Command(entry.Run!), entry.Folder, environment).ConfigureAwait(false);
        }
        catch (Win32Exception)
        {
            return new(false, "the program cannot be started");
        }

        using (process)
        {
            int id = process.Id;
            try
            {
                Task drained = Task.WhenAll(DrainAsync(process.StandardOutput.BaseStream), DrainAsync(process.StandardError.BaseStream));
                await TellAsync(process.StandardInput.BaseStream, sent, end.Token).ConfigureAwait(false);
                await process.WaitForExitAsync(end.Token).ConfigureAwait(false);
                return process.ExitCode == 0 ? new(true, "exit status 0") : new(false, string.Create(CultureInfo.InvariantCulture, $"exit status {process.ExitCode}"));
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                return new(false, string.Create(CultureInfo.InvariantCulture, $"killed after {entry.Seconds} seconds"));
            }
            finally
            {
                EndGroup(process, id);
            }
        }
    }

    /// <summary>
    /// Starts it from a thread that lives as long as it does: "kill me when my parent dies" means the parent's thread.
    /// </summary>
    private static Task<Process> StartAsync(List<string> command, string folder, IReadOnlyDictionary<string, string> environment)
    {
        TaskCompletionSource<Process> started = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Thread parent = new(() =>
        {
            try
            {
                ProcessStartInfo start = new(command[0], command.Skip(1))
                {
                    UseShellExecute = false,
                    RedirectStandardInput = true,
                    RedirectStandardOutput = true,
                    RedirectStandardError = true,
                    WorkingDirectory = folder,
                };
                start.Environment.Clear();
                foreach ((string name, string value) in environment)
                {
                    start.Environment[name] = value;
                }

                Process process = Process.Start(start) ?? throw new Win32Exception();
                int id = process.Id;
                started.SetResult(process);
                using Process watched = Process.GetProcessById(id);
                watched.WaitForExit();
            }
#pragma warning disable CA1031 // Whatever fails is the starter's to know; after the start there is nobody left to tell.
            catch (Exception failure)
#pragma warning restore CA1031
            {
                started.TrySetException(failure is Win32Exception ? failure : new Win32Exception(failure.Message));
            }
        })
        {
            IsBackground = true,
            Name = "parent of a rotation function",
        };
        parent.Start();
        return started.Task;
    }

    /// <summary>The tools of util-linux ask the kernel for what .NET cannot, and become the program.</summary>
    private static List<string> Command(IReadOnlyList<string> run) =>
        [.. File.Exists(Setpriv) ? (ReadOnlySpan<string>)[Setpriv, "--pdeathsig", "KILL", "--"] : [], .. File.Exists(Setsid) ? (ReadOnlySpan<string>)[Setsid] : [], .. run];

    private static async Task TellAsync(Stream input, byte[] sent, CancellationToken cancellationToken)
    {
        try
        {
            await using (input.ConfigureAwait(false))
            {
                await input.WriteAsync(sent, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (IOException)
        {
            // It does not read its event: its exit status says the rest.
        }
    }

    private static async Task DrainAsync(Stream output)
    {
        byte[] buffer = new byte[4096];
        try
        {
            while (await output.ReadAsync(buffer).ConfigureAwait(false) > 0)
            {
                // Read so that it is not held up, and not kept.
            }
        }
        catch (Exception closed) when (closed is IOException or ObjectDisposedException or OperationCanceledException)
        {
            // The process is over.
        }
        finally
        {
            Array.Clear(buffer);
        }
    }

    /// <summary>Kills the program and what it left behind; its group's number is its own, by setsid.</summary>
    private static void EndGroup(Process process, int id)
    {
        if (File.Exists(Setsid))
        {
            _ = Kill(-id, SigKill);
        }

        try
        {
            process.Kill(entireProcessTree: true);
        }
        catch (Exception over) when (over is InvalidOperationException or Win32Exception or AggregateException)
        {
            // It has ended.
        }
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int pid, int signal);
}
