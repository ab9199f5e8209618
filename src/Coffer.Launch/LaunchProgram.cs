using Coffer.Launch.Arguments;
using Coffer.Launch.Commands;
using Coffer.Launch.Environments;
using Coffer.Launch.Posix;
using Coffer.Launch.Processes;
using Coffer.Sources;

namespace Coffer.Launch;

/// <summary>
/// <c>coffer run</c>, <c>coffer env</c> and <c>coffer init --env</c>: the commands that every program start waits for, in a library so small
/// that the front which carries it starts in milliseconds. The full program calls it too, for arguments that reach it.
/// </summary>
public static class LaunchProgram
{
    private const string EnvSummary = "Reads and edits .env files, keeping comments, order and quotes.";

    /// <summary>
    /// Carries the command out if it is one of this library's: then true, with the exit code (a <c>run</c> that succeeds never returns).
    /// False if the full program has to do it: another command, a server on another machine, or <c>--as</c>. Throws nothing; errors are a
    /// problem and a hint on stderr.
    /// </summary>
    public static bool TryRun(string[] arguments, out int exit) => TryRun(arguments, null, out exit);

    /// <summary>As <see cref="TryRun(string[], out int)"/>, with a way to secrets for when a server on another machine is named, or there is no local one but <c>COFFER_ADDR</c> is set.</summary>
    public static bool TryRun(string[] arguments, SecretResolver? remote, out int exit)
    {
        exit = CofferExit.Ok;
        try
        {
            if (arguments is ["env"] or ["env", "--help" or "-h", ..])
            {
                string help = HelpText.Of(EnvSummary, LaunchCommandTable.All.Where(command => command.Path.StartsWith("env ", StringComparison.Ordinal)));
                if (arguments.Length == 1)
                {
                    StandardStreams.Prompt(help);
                    exit = CofferExit.Usage;
                }
                else
                {
                    StandardStreams.Out(help);
                }

                return true;
            }

            if (Select(arguments) is not { } selected)
            {
                return false;
            }

            ParsedArguments parsed = ParsedArguments.Parse(selected.Command, arguments.AsSpan(selected.Words));
            if (parsed.WantsHelp)
            {
                StandardStreams.Out(HelpText.Of(selected.Command));
                return true;
            }

            if (parsed.NeedsFullProgram)
            {
                return false;
            }

            exit = selected.Execute(parsed, remote);
            return true;
        }
        catch (FullProgramNeededException)
        {
            return false;
        }
        catch (LaunchException error)
        {
            exit = Report(error);
            return true;
        }
        catch (SourceException error)
        {
            exit = Report(LaunchException.Of(error));
            return true;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            exit = Report(new LaunchException(CofferExit.Failure, "a file cannot be read or written", null));
            return true;
        }
    }

    /// <summary>
    /// Computes a <c>run</c> without carrying it out, for the full program's <c>--as</c>: the program, its arguments and its environment.
    /// <paramref name="arguments"/> begin with <c>run</c>. Null, with the exit code, when an error or the help was printed.
    /// </summary>
    public static PreparedRun? Prepare(string[] arguments, SecretResolver? remote, out int exit)
    {
        exit = CofferExit.Ok;
        try
        {
            ParsedArguments parsed = ParsedArguments.Parse(LaunchCommandTable.Run, arguments.AsSpan(1));
            if (!parsed.WantsHelp)
            {
                return RunCommand.Prepare(parsed, remote);
            }

            StandardStreams.Out(HelpText.Of(LaunchCommandTable.Run));
        }
        catch (LaunchException error)
        {
            exit = Report(error);
        }
        catch (SourceException error)
        {
            exit = Report(LaunchException.Of(error));
        }
        catch (FullProgramNeededException)
        {
            exit = Report(new LaunchException(CofferExit.Unavailable, "the server at COFFER_ADDR cannot be asked from here", null));
        }

        return null;
    }

    internal static int Report(LaunchException error)
    {
        foreach (string problem in error.Problems)
        {
            StandardStreams.Remark($"coffer: {problem}");
        }

        if (error.Hint is not null)
        {
            StandardStreams.Remark($"hint: {error.Hint}");
        }

        return error.Exit;
    }

    private static (LaunchCommand Command, int Words, Func<ParsedArguments, SecretResolver?, int> Execute)? Select(string[] arguments) => arguments switch
    {
        ["run", ..] => (LaunchCommandTable.Run, 1, (parsed, remote) => RunCommand.Prepare(parsed, remote).Execute()),
        ["env", "list", ..] => (LaunchCommandTable.EnvList, 2, (parsed, _) => EnvCommands.List(parsed)),
        ["env", "get", ..] => (LaunchCommandTable.EnvGet, 2, (parsed, _) => EnvCommands.Get(parsed)),
        ["env", "set", ..] => (LaunchCommandTable.EnvSet, 2, (parsed, _) => EnvCommands.Set(parsed)),
        ["env", "unset", ..] => (LaunchCommandTable.EnvUnset, 2, (parsed, _) => EnvCommands.Unset(parsed)),
        ["init", ..] when arguments.Contains("--env") => (LaunchCommandTable.Init, 1, (parsed, _) => InitEnvCommand.Execute(parsed)),
        _ => null,
    };
}
