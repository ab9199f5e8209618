namespace Coffer.Cli;

/// <summary>A command ends with a problem, a hint and an exit code.</summary>
/// <param name="exit">One of <see cref="Coffer.Launch.CofferExit"/>.</param>
/// <param name="problem">Lower case, no full stop, no value.</param>
/// <param name="hint">What to do, or null.</param>
internal sealed class CliException(int exit, string problem, string? hint = null) : Exception(problem)
{
    public int Exit { get; } = exit;

    public string? Hint { get; } = hint;
}
