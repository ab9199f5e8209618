namespace Coffer.Server;

/// <summary>The server does not start: what is wrong and what to do about it.</summary>
/// <param name="problem">Lower case, no full stop.</param>
/// <param name="hint">What to do.</param>
/// <param name="inner">For the log.</param>
public sealed class ServerStartException(string problem, string hint, Exception? inner = null) : Exception(problem, inner)
{
    /// <summary>What to do about it.</summary>
    public string Hint { get; } = hint;
}
