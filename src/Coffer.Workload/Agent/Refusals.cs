using Microsoft.Extensions.Logging;

namespace Coffer.Workload.Agent;

/// <summary>
/// Log lines about callers who were turned away: enough of each user to notice, not so many that one could fill a disk. What is left out is
/// counted, and told with the next line of that user.
/// </summary>
internal sealed partial class Refusals(ILogger log, TimeProvider clock)
{
    private const int PerMinute = 10, MostUsers = 1024;
    private static readonly TimeSpan Window = TimeSpan.FromMinutes(1);

    private readonly Lock _gate = new();
    private readonly Dictionary<uint, (DateTimeOffset Start, int Told, int LeftOut)> _users = [];

    /// <summary>Of how many users it is remembered what was told.</summary>
    internal int Users
    {
        get
        {
            lock (_gate)
            {
                return _users.Count;
            }
        }
    }

    /// <summary>Tells of one. Nothing of the request is told but which door it came to. The program is looked for only where a line is written.</summary>
    public void Tell(string workload, string door, Peer? peer, Func<(int Pid, string Name)> program, string reason)
    {
        if (peer is null)
        {
            // Nobody's in particular: counted under the one id that no user has.
            if (Counts(uint.MaxValue, out int unknown))
            {
                LogUnknown(door, workload, reason, unknown);
            }

            return;
        }

        if (Counts(peer.Uid, out int leftOut))
        {
            (int pid, string name) = program();
            LogRefused(door, workload, peer.Uid, pid, name, reason, leftOut);
        }
    }

    private bool Counts(uint uid, out int leftOut)
    {
        lock (_gate)
        {
            DateTimeOffset now = clock.GetUtcNow();
            if (!_users.TryGetValue(uid, out var counted) || now - counted.Start >= Window)
            {
                if (_users.Count >= MostUsers)
                {
                    _users.Clear();
                }

                leftOut = counted.LeftOut;
                _users[uid] = (now, 1, 0);
                return true;
            }

            leftOut = 0;
            bool tells = counted.Told < PerMinute;
            _users[uid] = tells ? counted with { Told = counted.Told + 1 } : counted with { LeftOut = counted.LeftOut + 1 };
            return tells;
        }
    }

    [LoggerMessage(EventId = 4001, Level = LogLevel.Warning, Message = "refused at the {Door} door of {Workload}: uid {Uid}, pid {Pid} ({Program}): {Reason}; {LeftOut} more of this user were not told")]
    private partial void LogRefused(string door, string workload, uint uid, int pid, string program, string reason, int leftOut);

    [LoggerMessage(EventId = 4002, Level = LogLevel.Warning, Message = "refused at the {Door} door of {Workload}: {Reason}; {LeftOut} more of unknown callers were not told")]
    private partial void LogUnknown(string door, string workload, string reason, int leftOut);
}
