namespace Coffer.Launch.Arguments;

/// <summary>One option, as data: the parser, the help, the completion and the manual all read this.</summary>
/// <param name="Name">With its dashes: <c>--env-file</c>.</param>
/// <param name="Argument">The argument's name in help, or null for a switch.</param>
/// <param name="Help">One phrase, lower case, no full stop.</param>
/// <param name="Default">What happens without it, or null.</param>
/// <param name="Repeatable">Whether it may be given more than once.</param>
/// <param name="FullProgram">Whether only the full program can do it.</param>
public sealed record LaunchOption(string Name, string? Argument, string Help, string? Default = null, bool Repeatable = false, bool FullProgram = false);

/// <summary>One command, as data.</summary>
/// <param name="Path">The words after <c>coffer</c>: <c>env set</c>.</param>
/// <param name="Operands">The operands in help: <c>KEY</c>, or empty.</param>
/// <param name="MinimumOperands">How many there must be.</param>
/// <param name="MaximumOperands">How many there may be.</param>
/// <param name="TakesCommand">Whether the first operand begins a command line of its own, with all that follows.</param>
/// <param name="Summary">One sentence.</param>
/// <param name="Notes">What the help adds below the options, a paragraph each.</param>
/// <param name="Options">In the order of the help.</param>
public sealed record LaunchCommand(
    string Path,
    string Operands,
    int MinimumOperands,
    int MaximumOperands,
    bool TakesCommand,
    string Summary,
    IReadOnlyList<string> Notes,
    IReadOnlyList<LaunchOption> Options);
