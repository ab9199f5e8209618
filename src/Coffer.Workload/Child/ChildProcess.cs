using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Coffer.Workload.Child;

/// <summary>
/// Runs a program on this terminal with its own environment, and ends as it ends. The child stays in this process group, as in
/// a pipeline of a shell: what the terminal sends (interrupt, quit, window size, stop) reaches it from the terminal itself, and
/// only requests to this process alone are passed on, so that nothing arrives twice. Linux only knows the rest: the child is killed
/// when this process is, and what it leaves behind is adopted, waited for, and ended. The calling process must have no other children.
/// </summary>
public static partial class ChildProcess
{
    /// <summary>How long processes that outlive the program keep what surrounds them.</summary>
    public static readonly TimeSpan DefaultLinger = TimeSpan.FromSeconds(10);

    private const int NotExecutableFormat = 8;
    private const string Setpriv = "/usr/bin/setpriv";

    /// <summary>The exit code as a shell would give it: the program's own, or 128 and the number of the signal that ended it.</summary>
    /// <param name="program">Absolute path.</param>
    /// <param name="arguments">Without the program itself.</param>
    /// <param name="environment">The whole environment.</param>
    /// <param name="clock">The clock.</param>
    /// <param name="linger">
    /// How long what the program leaves running may go on after its end; then it is asked to terminate and five seconds later killed.
    /// <see cref="DefaultLinger"/> if null; may be infinite. A signal to this process ends the wait.
    /// </param>
    /// <exception cref="WorkloadException">The program cannot be started.</exception>
    public static async Task<int> RunAsync(string program, IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string> environment, TimeProvider clock, TimeSpan? linger = null)
    {
        Descendants? descendants = OperatingSystem.IsLinux() ? Descendants.Adopt() : null;
        bool hadTerminal = Terminal.Exists();
        SignalRelay relay = new();
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context => relay.Take(context, 2, unless: Terminal.IsForeground()));
        using PosixSignalRegistration quit = PosixSignalRegistration.Create(PosixSignal.SIGQUIT, context => relay.Take(context, 3, unless: Terminal.IsForeground()));
        // A terminal that went away told the whole group.
        using PosixSignalRegistration hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, context => relay.Take(context, 1, unless: hadTerminal && !Terminal.Exists()));
        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => relay.Take(context, 15, unless: false));
        using PosixSignalRegistration? user1 = descendants is null ? null : PosixSignalRegistration.Create((PosixSignal)10, context => relay.Take(context, 10, unless: false));
        using PosixSignalRegistration? user2 = descendants is null ? null : PosixSignalRegistration.Create((PosixSignal)12, context => relay.Take(context, 12, unless: false));
        using PosixSignalRegistration? ended = descendants is null ? null : PosixSignalRegistration.Create(PosixSignal.SIGCHLD, _ => descendants.ReapAdopted());
        using Process process = await StartAsync(program, arguments, environment).ConfigureAwait(false);
        relay.To(process.Id);
        descendants?.Except(process.Id);
        await process.WaitForExitAsync().ConfigureAwait(false);
        relay.End();
        if (descendants is not null)
        {
            await descendants.EndAsync(linger ?? DefaultLinger, relay.Stopped, clock).ConfigureAwait(false);
        }

        return process.ExitCode;
    }

    /// <summary>
    /// Starts it from a thread that lives as long as it does: the kernel's "signal me when my parent dies" means the parent's thread.
    /// </summary>
    private static Task<Process> StartAsync(string program, IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string> environment)
    {
        TaskCompletionSource<Process> started = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Thread parent = new(() =>
        {
            try
            {
                Process process = Start(program, arguments, environment);
                started.SetResult(process);
                process.WaitForExit();
            }
            catch (Exception failure)
            {
                // After the start there is nobody left to tell: the caller saw the end too, and may have disposed of the handle.
                started.TrySetException(failure is Win32Exception ? new WorkloadException("the program cannot be started", "run it without coffer to see why") : failure);
            }
        })
        {
            IsBackground = true,
            Name = "parent of the child",
        };
        parent.Start();
        return started.Task;
    }

    private static Process Start(string program, IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string> environment)
    {
        try
        {
            return DiesWithParent() ? Launch(Setpriv, ["--pdeathsig", "KILL", "--", program, .. arguments], environment) : Launch(program, arguments, environment);
        }
        catch (Win32Exception noFormat) when (noFormat.NativeErrorCode == NotExecutableFormat)
        {
            // A script without a first line that names its interpreter is for sh, as in every shell.
            return Launch("/bin/sh", [program, .. arguments], environment);
        }
    }

    private static Process Launch(string program, IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string> environment)
    {
        ProcessStartInfo start = new(program, arguments) { UseShellExecute = false };
        start.Environment.Clear();
        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }

        return Process.Start(start) ?? throw new WorkloadException("the program cannot be started", "run it without coffer to see why");
    }

    /// <summary>util-linux's setpriv asks the kernel for it and becomes the program; another's of the same name does not know how.</summary>
    private static bool DiesWithParent() => OperatingSystem.IsLinux() && File.Exists(Setpriv) && File.ResolveLinkTarget(Setpriv, returnFinalTarget: true) is null;

    /// <summary>Passes signals on to the child; before there is one, when there is; after, they end the wait for what it left.</summary>
    private sealed class SignalRelay
    {
        private readonly Lock _one = new();
        private readonly List<int> _early = [];
        private readonly TaskCompletionSource _stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _child;
        private bool _ended;

        /// <summary>Ends with the first signal after the child's end.</summary>
        public Task Stopped => _stopped.Task;

        public void Take(PosixSignalContext context, int signal, bool unless)
        {
            context.Cancel = true;
            lock (_one)
            {
                if (_ended)
                {
                    _stopped.TrySetResult();
                }
                else if (unless)
                {
                    // The terminal told the child too.
                }
                else if (_child == 0)
                {
                    _early.Add(signal);
                }
                else
                {
                    Send(signal);
                }
            }
        }

        public void To(int child)
        {
            lock (_one)
            {
                _child = child;
                _early.ForEach(Send);
            }
        }

        public void End()
        {
            lock (_one)
            {
                _ended = true;
            }
        }

        private void Send(int signal)
        {
            // The child may be gone before its end, or even its start, was told here: a signal then is not for it, and must not be lost.
            if (Descendants.IsLiving(_child, parent: Environment.ProcessId))
            {
                _ = Libc.Kill(_child, signal);
            }
            else
            {
                _stopped.TrySetResult();
            }
        }
    }

    private static class Terminal
    {
        private const string Controlling = "/dev/tty";

        /// <summary>Whether this process has a terminal that is still there.</summary>
        public static bool Exists() => ForegroundGroup() is not null;

        /// <summary>Whether what the terminal sends reaches this process and so its child.</summary>
        public static bool IsForeground() => ForegroundGroup() is { } group && group == Libc.GetProcessGroup();

        private static int? ForegroundGroup()
        {
            try
            {
                using Microsoft.Win32.SafeHandles.SafeFileHandle terminal = File.OpenHandle(Controlling, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
                return Libc.GetForegroundGroup(terminal) is > 0 and int group ? group : null;
            }
            catch (Exception none) when (none is IOException or UnauthorizedAccessException)
            {
                return null;
            }
        }
    }

    internal static partial class Libc
    {
        [LibraryImport("libc", EntryPoint = "kill")]
        public static partial int Kill(int pid, int signal);

        [LibraryImport("libc", EntryPoint = "prctl")]
        public static partial int Prctl(int option, nuint a, nuint b, nuint c, nuint d);

        [LibraryImport("libc", EntryPoint = "waitpid")]
        public static partial int WaitPid(int pid, out int status, int options);

        [LibraryImport("libc", EntryPoint = "getpgrp")]
        public static partial int GetProcessGroup();

        [LibraryImport("libc", EntryPoint = "tcgetpgrp")]
        public static partial int GetForegroundGroup(Microsoft.Win32.SafeHandles.SafeFileHandle terminal);
    }
}
