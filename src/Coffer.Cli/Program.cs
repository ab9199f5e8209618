using System.CommandLine;
using Coffer.Cli.Commands;
using Coffer.Cli.Output;

namespace Coffer.Cli;

/// <summary>The full program. The native front handles <c>run</c> and <c>env</c> itself and executes this for the rest.</summary>
internal static class Program
{
    public static async Task<int> Main(string[] arguments)
    {
        CliContext context = new(Terminal.OfProcess(), TimeProvider.System);
        if (Coffer.Launch.LaunchProgram.TryRun(arguments, out int exit))
        {
            return exit;
        }

        if (arguments is ["run", ..])
        {
            return await context.RunAsync(_ => RunAsCommand.RunAsync(context, arguments, CancellationToken.None)).ConfigureAwait(false);
        }

        RootCommand root = CommandTree.Create(context);
        ParseResult parsed = root.Parse(arguments.Length == 0 ? ["--help"] : arguments);
        if (parsed.Errors.Count > 0)
        {
            // An unknown word is also reported as a missing command: the word is what helps.
            foreach (System.CommandLine.Parsing.ParseError error in parsed.UnmatchedTokens.Count > 0 ? parsed.Errors.TakeLast(1) : parsed.Errors)
            {
                context.Terminal.Remark($"coffer: {char.ToLowerInvariant(error.Message[0])}{error.Message[1..].TrimEnd('.')}");
            }

            context.Terminal.Remark($"hint: coffer {CommandTree.PathOf(parsed.CommandResult.Command)}--help");
            return Coffer.Launch.CofferExit.Usage;
        }

        return await parsed.InvokeAsync(new InvocationConfiguration { Output = context.Terminal.Out, Error = context.Terminal.Errors, EnableDefaultExceptionHandler = false }).ConfigureAwait(false);
    }
}
