namespace Coffer.Workload;

/// <summary>The surroundings of a child cannot be made: what is wrong, and what to do.</summary>
/// <param name="problem">Lower case, no full stop.</param>
/// <param name="hint">What to do.</param>
public sealed class WorkloadException(string problem, string hint) : Exception(problem)
{
    /// <summary>What to do.</summary>
    public string Hint { get; } = hint;
}
