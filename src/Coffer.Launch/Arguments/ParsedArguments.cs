using Coffer.Sources;

namespace Coffer.Launch.Arguments;

/// <summary>The options and operands of one command line, checked against the command's table.</summary>
internal sealed class ParsedArguments
{
    private readonly List<(LaunchOption Option, string Value)> _options = [];

    private ParsedArguments(LaunchCommand command) => Command = command;

    public LaunchCommand Command { get; }

    public bool WantsHelp { get; private set; }

    /// <summary>Whether an option was given that only the full program can do.</summary>
    public bool NeedsFullProgram => _options.Exists(given => given.Option.FullProgram);

    public List<string> Operands { get; } = [];

    public static ParsedArguments Parse(LaunchCommand command, ReadOnlySpan<string> arguments)
    {
        ParsedArguments parsed = new(command);
        bool onlyOperands = false;
        for (int i = 0; i < arguments.Length; i++)
        {
            string argument = arguments[i];
            if (onlyOperands || argument.Length < 2 || argument[0] != '-')
            {
                parsed.Operands.Add(argument);

                // What follows a command is the command's own, dashes and all.
                onlyOperands |= command.TakesCommand;
            }
            else if (argument == "--")
            {
                onlyOperands = true;
            }
            else if (argument is "--help" or "-h")
            {
                parsed.WantsHelp = true;
                return parsed;
            }
            else
            {
                parsed.AddOption(argument, arguments, ref i);
            }
        }

        return parsed.Operands.Count < command.MinimumOperands
            ? throw Usage(command, command.TakesCommand ? "no command to run" : $"{command.Operands} is missing")
            : parsed.Operands.Count > command.MaximumOperands ? throw Usage(command, "more arguments than the command takes") : parsed;
    }

    public bool Has(LaunchOption option) => _options.Exists(given => given.Option == option);

    public string? Value(LaunchOption option) => _options.Find(given => given.Option == option).Value;

    public IReadOnlyList<string> Values(LaunchOption option) => [.. _options.Where(given => given.Option == option).Select(given => given.Value)];

    public static LaunchException Usage(LaunchCommand command, string problem) => new(CofferExit.Usage, problem, $"coffer {command.Path} --help");

    private void AddOption(string argument, ReadOnlySpan<string> arguments, ref int at)
    {
        int equals = argument.IndexOf('=', StringComparison.Ordinal);
        string name = equals < 0 ? argument : argument[..equals];
        LaunchOption option = Command.Options.FirstOrDefault(known => known.Name == name)
            ?? throw Usage(Command, $"coffer {Command.Path} has no option {SourceException.Printable(name)}");
        string value = "";
        if (option.Argument is null)
        {
            if (equals >= 0)
            {
                throw Usage(Command, $"{name} takes no value");
            }
        }
        else
        {
            value = equals >= 0 ? argument[(equals + 1)..] : ++at < arguments.Length ? arguments[at] : throw Usage(Command, $"{name} needs a value");
        }

        if (!option.Repeatable && Has(option))
        {
            throw Usage(Command, $"{name} is given twice");
        }

        _options.Add((option, value));
    }
}
