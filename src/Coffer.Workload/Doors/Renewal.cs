using System.Security.Cryptography;

namespace Coffer.Workload.Doors;

/// <summary>When what a door gives is renewed.</summary>
public sealed record Renewal
{
    private const int Steps = 1 << 20;

    private Renewal()
    {
    }

    /// <summary>When somebody asks past two thirds of its life: for doors that end with the child they were opened for.</summary>
    public static Renewal OnDemand { get; } = new();

    /// <summary>
    /// At two thirds of its life even while nobody asks, so that whatever moment the server goes away at, what is held is good for a
    /// third of its life more; and never at the same moment on every machine.
    /// </summary>
    public static Renewal Ahead { get; } = new() { IsAhead = true, Draw = () => (double)RandomNumberGenerator.GetInt32(Steps) / Steps };

    internal bool IsAhead { get; init; }

    /// <summary>0 to below 1: how much of the spread a time is brought forward by.</summary>
    internal Func<double> Draw { get; init; } = () => 0;

    /// <summary>A time until a renewal: up to a tenth sooner.</summary>
    internal TimeSpan Spread(TimeSpan keep) => keep * (1 - (Draw() / 10));

    /// <summary>A pause after a failure: up to a half shorter, so that a server that comes back is not asked by all at once.</summary>
    internal TimeSpan SpreadPause(TimeSpan pause) => pause * (1 - (Draw() / 2));

    /// <summary>For tests: ahead, with a draw that they choose.</summary>
    internal static Renewal AheadWith(Func<double> draw) => Ahead with { Draw = draw };
}
