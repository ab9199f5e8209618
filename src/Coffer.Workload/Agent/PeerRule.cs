namespace Coffer.Workload.Agent;

/// <summary>
/// Whom an agent's doors are for. The user always counts; control group and label narrow it to one service of that user. What cannot
/// be told about a caller does not match.
/// </summary>
public sealed record PeerRule
{
    /// <summary>The user's id, as this process sees it.</summary>
    public required uint Uid { get; init; }

    /// <summary>A control group that the caller must be in or below, as <c>/system.slice/shop-api.service</c>, or null.</summary>
    public string? ControlGroup { get; init; }

    /// <summary>The security module's label that the caller must have, as <c>system_u:system_r:shop_t:s0</c>, or null.</summary>
    public string? Label { get; init; }

    /// <summary>Whether a caller's process must be known: not of another user's, who is refused anyway.</summary>
    internal bool NeedsProcess(uint uid) => uid == Uid && (ControlGroup is not null || Label is not null);

    /// <summary>Null where the caller is meant, else why not, in words for a log.</summary>
    internal string? Refuse(Peer peer)
    {
        if (peer.Uid != Uid)
        {
            return $"the user is not {Uid}";
        }

        if (!NeedsProcess(peer.Uid))
        {
            return null;
        }

        if (peer.Processes.Count == 0)
        {
            return "the process at the other end cannot be seen: it is gone, or the agent lacks CAP_SYS_PTRACE";
        }

        // A socket may be shared: everyone who holds it gets what is sent to it.
        if (ControlGroup is not null && !peer.Processes.All(p => p.ControlGroups.Any(g => IsWithin(g, ControlGroup))))
        {
            return "the control group is another";
        }

        return Label is null || peer.Processes.All(p => string.Equals(p.Label, Label, StringComparison.Ordinal)) ? null : "the label is another";
    }

    /// <summary>Whether a group is another, or below it. <c>/a</c> is not below <c>/ab</c>, nor is anything that climbs.</summary>
    internal static bool IsWithin(string group, string outer)
    {
        string above = outer.TrimEnd('/');
        return !group.Split('/').Contains("..") && group.StartsWith(above, StringComparison.Ordinal) && (group.Length == above.Length || group[above.Length] == '/');
    }
}

/// <summary>A caller, as the kernel tells it.</summary>
/// <param name="Uid">The user.</param>
/// <param name="Processes">Those that hold its end of the connection; empty where nobody asked, or they cannot be seen.</param>
internal sealed record Peer(uint Uid, IReadOnlyList<PeerFacts> Processes);

/// <summary>A process at the other end.</summary>
/// <param name="Pid">Its id.</param>
/// <param name="ControlGroups">Its control groups.</param>
/// <param name="Label">Its label, or null.</param>
internal sealed record PeerFacts(int Pid, IReadOnlyList<string> ControlGroups, string? Label);
