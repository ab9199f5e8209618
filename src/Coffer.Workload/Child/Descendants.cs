using System.Globalization;
using System.Threading.Channels;

namespace Coffer.Workload.Child;

/// <summary>
/// What a child leaves running: this process becomes the parent of every orphan below it, sees to those that end, and ends the
/// rest at last.
/// </summary>
internal sealed class Descendants
{
    private const int SetChildSubreaper = 36;
    private const int NoHang = 1;
    private const int Terminate = 15;
    private const int Kill = 9;
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(5);

    private readonly Channel<bool> _changes = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private volatile int _except;

    private Descendants()
    {
    }

    /// <summary>From now on orphans below this process become its children.</summary>
    public static Descendants Adopt()
    {
        _ = ChildProcess.Libc.Prctl(SetChildSubreaper, 1, 0, 0, 0);
        return new();
    }

    /// <summary>The child whose end is somebody else's to see.</summary>
    public void Except(int pid) => _except = pid;

    /// <summary>Sees to adopted children that have ended: nobody else asks for them, and they would fill the process table.</summary>
    public void ReapAdopted()
    {
        Reap();
        _changes.Writer.TryWrite(true);
    }

    private void Reap()
    {
        if (_except != 0)
        {
            foreach ((int pid, int parent, char state) in Table())
            {
                if (parent == Environment.ProcessId && state == 'Z' && pid != _except)
                {
                    _ = ChildProcess.Libc.WaitPid(pid, out _, NoHang);
                }
            }
        }
    }

    /// <summary>Waits until nothing is left, at most for <paramref name="linger"/> or until <paramref name="stopped"/>; then ends what is.</summary>
    public async Task EndAsync(TimeSpan linger, Task stopped, TimeProvider clock)
    {
        if (await AreGoneAsync(linger, stopped, clock).ConfigureAwait(false))
        {
            return;
        }

        Signal(Terminate);
        Task never = new TaskCompletionSource().Task;
        // Those that are killed leave their own children to us: as often as there are any.
        for (int round = 0; round < 64 && !await AreGoneAsync(round == 0 ? Grace : Grace / 50, never, clock).ConfigureAwait(false); round++)
        {
            Signal(Kill);
        }
    }

    private async Task<bool> AreGoneAsync(TimeSpan limit, Task stopped, TimeProvider clock)
    {
        using CancellationTokenSource late = new();
        Task timer = Task.Delay(limit, clock, late.Token);
        bool gone;
        while (!(gone = !HasLiving()))
        {
            Task change = _changes.Reader.ReadAsync(late.Token).AsTask();
            if (await Task.WhenAny(change, timer, stopped).ConfigureAwait(false) != change)
            {
                gone = !HasLiving();
                break;
            }
        }

        await late.CancelAsync().ConfigureAwait(false);
        return gone;
    }

    private bool HasLiving()
    {
        Reap();
        return Table().Any(p => p.Parent == Environment.ProcessId && p.State != 'Z');
    }

    private static void Signal(int signal)
    {
        (int Pid, int Parent, char State)[] table = [.. Table()];
        HashSet<int> below = [Environment.ProcessId];
        int before;
        do
        {
            before = below.Count;
            below.UnionWith(table.Where(p => below.Contains(p.Parent)).Select(p => p.Pid));
        }
        while (below.Count > before);

        foreach (int pid in below.Where(p => p != Environment.ProcessId))
        {
            _ = ChildProcess.Libc.Kill(pid, signal);
        }
    }

    /// <summary>Whether a child runs: not one that has ended and waits to be seen to, nor another's that has its number by now. Where there is no such table, yes.</summary>
    public static bool IsLiving(int pid, int parent) =>
        !OperatingSystem.IsLinux() || (Read($"/proc/{pid.ToString(CultureInfo.InvariantCulture)}") is { State: not ('Z' or 'X') } process && process.Parent == parent);

    private static IEnumerable<(int Pid, int Parent, char State)> Table()
    {
        foreach (string folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out int pid) && Read(folder) is { } process)
            {
                yield return (pid, process.Parent, process.State);
            }
        }
    }

    private static (int Parent, char State)? Read(string folder)
    {
        try
        {
            // "pid (name) state parent …": the name may hold spaces and brackets.
            string stat = File.ReadAllText(folder + "/stat");
            string[] rest = stat[(stat.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            return (int.Parse(rest[1], CultureInfo.InvariantCulture), rest[0][0]);
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
