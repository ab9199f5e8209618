using System.CommandLine;
using Coffer.Launch.Arguments;

namespace Coffer.Cli.Commands;

/// <summary>
/// <c>run</c> and <c>env</c> as the manual, help and completion see them. They are carried out by <c>Coffer.Launch</c>, in the native
/// front where there is one; only <c>run --as</c> and servers on other machines come here.
/// </summary>
internal static class LaunchCommands
{
    /// <param name="promote">A command about environments that servers carry out.</param>
    public static IEnumerable<Command> All(Command promote)
    {
        Command env = new("env", "read and edit a .env file, keeping comments, order and quotes; promote values between environments");
        foreach (LaunchCommand command in LaunchCommandTable.All)
        {
            string[] words = command.Path.Split(' ');
            if (words[0] == "env")
            {
                env.Subcommands.Add(Describe(command, words[1]));
            }
            else if (words[0] == "run")
            {
                yield return Describe(command, words[0]);
            }
        }

        env.Subcommands.Add(promote);
        yield return env;
    }

    private static Command Describe(LaunchCommand source, string name)
    {
        Command command = new(name, char.ToLowerInvariant(source.Summary[0]) + source.Summary[1..].TrimEnd('.'));
        foreach (LaunchOption option in source.Options.Where(o => o.Name is not ("--json" or "--socket" or "--address")))
        {
            string help = option.Default is null ? option.Help : $"{option.Help} (default: {option.Default})";
            Option described = option.Argument is null ? new Option<bool>(option.Name) { Description = help }
                : option.Repeatable ? new Option<string[]>(option.Name) { Description = help, HelpName = option.Argument }
                : new Option<string?>(option.Name) { Description = help, HelpName = option.Argument };
            command.Options.Add(described);
        }

        if (source.Operands.Length > 0)
        {
            command.Arguments.Add(new Argument<string[]>("operands")
            {
                HelpName = source.TakesCommand ? "-- COMMAND" : source.Operands,
                Arity = source.TakesCommand ? ArgumentArity.ZeroOrMore : ArgumentArity.ExactlyOne,
            });
        }

        return command;
    }
}
