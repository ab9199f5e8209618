using System.CommandLine;
using Coffer.Launch;

namespace Coffer.Cli.Commands;

/// <summary><c>coffer completion</c>: a script for the shell that asks this program what may come next.</summary>
internal static class CompletionCommand
{
    private const string Bash = """
        _coffer() {
            local line="${COMP_LINE}" IFS=$'\n'
            COMPREPLY=($(compgen -W "$(coffer "[suggest:${COMP_POINT}]" "${line}" 2>/dev/null)" -- "${COMP_WORDS[COMP_CWORD]}"))
        }
        complete -o default -F _coffer coffer
        """;

    private const string Zsh = """
        #compdef coffer
        _coffer() {
            local -a found
            found=("${(@f)$(coffer "[suggest:${CURSOR}]" "${BUFFER}" 2>/dev/null)}")
            compadd -a found
        }
        compdef _coffer coffer
        """;

    private const string Fish = """
        complete -c coffer -a '(coffer "[suggest:"(commandline -C)"]" (commandline -cp) 2>/dev/null)'
        """;

    public static Command Create(CliContext context)
    {
        Argument<string> shell = new("shell") { Description = "bash, zsh or fish", HelpName = "SHELL" };
        shell.AcceptOnlyFromAmong("bash", "zsh", "fish");
        Command command = new("completion", "a completion script: source it from the shell's start file") { shell };
        command.SetAction((parsed, _) => context.RunAsync(terminal =>
        {
            terminal.Line(parsed.GetValue(shell) switch { "zsh" => Zsh, "fish" => Fish, _ => Bash });
            return Task.FromResult(CofferExit.Ok);
        }));
        return command;
    }
}
