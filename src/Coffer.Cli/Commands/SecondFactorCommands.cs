using System.CommandLine;
using System.Text;
using Coffer.Cli.Output;
using Coffer.Client;
using Coffer.Contracts;
using Coffer.Launch;

namespace Coffer.Cli.Commands;

/// <summary><c>coffer second-factor …</c>: one-time codes of an app, and recovery codes for when it is lost.</summary>
internal static class SecondFactorCommands
{
    public static Command Create(CliContext context) => new("second-factor", "your own one-time codes (TOTP) and recovery codes")
    {
        Enable(context), Disable(context), Renew(context),
    };

    private static Command Enable(CliContext context)
    {
        Command command = new("enable", "pair an app; from then on your password alone opens nothing");
        command.SetAction((parsed, cancellation) => context.RunAsync(async terminal =>
        {
            if (context.Json(parsed) && !terminal.ErrorsAreTerminal)
            {
                throw new CliException(CofferExit.Usage, "the seed is not written to what may be a log", "run it on a terminal, or without --json: the seed is then a line of the answer");
            }

            using CofferClient client = context.Connect(parsed);
            using PasswordProof password = new() { Password = SecretText.From(terminal.ReadHidden("password: ")) };
            using (NewOneTimeCodes codes = await client.BeginOneTimeCodesAsync(password, cancellation).ConfigureAwait(false))
            {
                // Beside the answer, which is the recovery codes.
                if (terminal.ErrorsWidth is { } width && QrCode.Of(codes.Uri.Utf8) is { } code && code.Width <= width)
                {
                    foreach (string line in code.Lines())
                    {
                        terminal.Remark(line);
                    }
                }

                terminal.Remark("give your app this address, or type the seed into it (30 seconds, 6 digits, SHA-1):");
                terminal.ShowValue("address  ", codes.Uri.Utf8);
                terminal.ShowValue("seed     ", Encoding.UTF8.GetBytes(string.Join(' ', codes.Seed.Reveal().Chunk(4).Select(c => new string(c)))));
            }

            using CodeProof proof = Ask(terminal, "the code that it shows now: ");
            using RecoveryCodeList list = await client.ConfirmOneTimeCodesAsync(proof, cancellation).ConfigureAwait(false);
            Show(context, parsed, list);
            return CofferExit.Ok;
        }));
        return command;
    }

    private static Command Disable(CliContext context)
    {
        Command command = new("disable", "end your one-time and recovery codes, which takes one of them");
        command.SetAction((parsed, cancellation) => context.RunAsync(async terminal =>
        {
            using CofferClient client = context.Connect(parsed);
            using CodeProof proof = Ask(terminal, "one-time or recovery code: ");
            await client.EndOneTimeCodesAsync(proof, cancellation).ConfigureAwait(false);
            terminal.Remark("your password alone logs you in now");
            return CofferExit.Ok;
        }));
        return command;
    }

    private static Command Renew(CliContext context)
    {
        Command command = new("recovery-codes", "make ten new recovery codes, which takes a code; the old ones end");
        command.SetAction((parsed, cancellation) => context.RunAsync(async terminal =>
        {
            using CofferClient client = context.Connect(parsed);
            using CodeProof proof = Ask(terminal, "one-time or recovery code: ");
            using RecoveryCodeList list = await client.RenewRecoveryCodesAsync(proof, cancellation).ConfigureAwait(false);
            Show(context, parsed, list);
            return CofferExit.Ok;
        }));
        return command;
    }

    private static CodeProof Ask(Terminal terminal, string prompt) => new() { Code = SecretText.From(terminal.ReadHidden(prompt).AsSpan().Trim()) };

    private static void Show(CliContext context, ParseResult parsed, RecoveryCodeList list) => context.Answer(parsed, list, ContractsJson.Default.RecoveryCodeList, () =>
    {
        context.Terminal.Remark("these recovery codes are shown once; each is good once, in place of the app. keep them on paper:");
        foreach (SecretText code in list.Codes)
        {
            context.Terminal.ValueLine("", code.Utf8);
        }
    });
}
