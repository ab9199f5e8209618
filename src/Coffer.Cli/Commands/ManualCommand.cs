using System.CommandLine;
using System.Text;
using Coffer.Launch;

namespace Coffer.Cli.Commands;

/// <summary><c>coffer manual</c>: prints <c>docs/cli.md</c> from the command definitions, so that the two cannot differ.</summary>
internal static class ManualCommand
{
    public static Command Create(CliContext context)
    {
        Command command = new("manual", "print the manual of all commands, as docs/cli.md") { Hidden = true };
        command.SetAction((_, _) => context.RunAsync(terminal =>
        {
            terminal.Out.Write(Write(CommandTree.Create(context)));
            return Task.FromResult(CofferExit.Ok);
        }));
        return command;
    }

    public static string Write(RootCommand root)
    {
        StringBuilder text = new("""
            # The command line

            Made from the command definitions by `coffer manual > docs/cli.md`; a test compares. Problems go to stderr as `coffer: problem` and
            `hint: what to do`; answers go to stdout, in JSON with `--json`. Nothing is coloured. Values are shown by `get` only, and on a
            terminal only with `--show`.

            ## Exit codes

            | code | meaning |
            |---|---|

            """);
        foreach ((int code, string meaning) in CofferExit.Meanings)
        {
            text.AppendLine(System.Globalization.CultureInfo.InvariantCulture, $"| {code} | {meaning} |");
        }

        text.AppendLine().AppendLine("## Options of every command").AppendLine();
        Options(text, root.Options.Where(o => o.Recursive && !o.Hidden));
        text.AppendLine();
        foreach (Command command in root.Subcommands.Where(c => !c.Hidden))
        {
            Command(text, command);
        }

        return text.ToString();
    }

    private static void Command(StringBuilder text, Command command)
    {
        string path = CommandTree.PathOf(command).TrimEnd();
        text.AppendLine(System.Globalization.CultureInfo.InvariantCulture, $"## coffer {path}").AppendLine().AppendLine(Sentence(command.Description)).AppendLine();
        if (command.Subcommands.Count > 0)
        {
            foreach (Command sub in command.Subcommands.Where(c => !c.Hidden))
            {
                Command(text, sub);
            }

            return;
        }

        string arguments = string.Concat(command.Arguments.Where(a => !a.Hidden).Select(a =>
            a.Arity.MinimumNumberOfValues == 0 ? $" [{a.HelpName ?? a.Name}]" : $" {a.HelpName ?? a.Name}{(a.Arity.MaximumNumberOfValues > 1 ? "…" : "")}"));
        text.AppendLine("```").AppendLine(System.Globalization.CultureInfo.InvariantCulture, $"coffer {path}{(command.Options.Any(o => !o.Hidden && o is not System.CommandLine.Help.HelpOption) ? " [options]" : "")}{arguments}").AppendLine("```").AppendLine();
        if (command.Arguments.Any(a => a.Description is not null && !a.Hidden))
        {
            text.AppendLine("| argument | |").AppendLine("|---|---|");
            foreach (Argument argument in command.Arguments.Where(a => !a.Hidden))
            {
                text.AppendLine(System.Globalization.CultureInfo.InvariantCulture, $"| `{argument.HelpName ?? argument.Name}` | {Cell(argument.Description)} |");
            }

            text.AppendLine();
        }

        Options(text, command.Options.Where(o => !o.Hidden && o is not System.CommandLine.Help.HelpOption));
        if (command.Options.Any(o => !o.Hidden && o is not System.CommandLine.Help.HelpOption))
        {
            text.AppendLine();
        }
    }

    private static void Options(StringBuilder text, IEnumerable<Option> options)
    {
        bool first = true;
        foreach (Option option in options.Where(o => o is not System.CommandLine.Help.HelpOption))
        {
            if (first)
            {
                text.AppendLine("| option | |").AppendLine("|---|---|");
                first = false;
            }

            string names = string.Join(", ", option.Aliases.Prepend(option.Name).Distinct().Select(n => $"`{n}{(option.HelpName is null ? "" : " " + option.HelpName)}`"));
            text.AppendLine(System.Globalization.CultureInfo.InvariantCulture, $"| {names} | {Cell(option.Description)} |");
        }
    }

    private static string Cell(string? text) => (text ?? "").Replace("|", "\\|", StringComparison.Ordinal);

    private static string Sentence(string? text) => string.IsNullOrEmpty(text) ? "" : char.ToUpperInvariant(text[0]) + text[1..] + ".";
}
