using System.CommandLine;
using Coffer.Cli.Output;
using Coffer.Core.Access;
using Coffer.Core.Sealing;
using Coffer.Core.Secrets;
using Coffer.Launch;
using Coffer.Server;

namespace Coffer.Cli.Commands;

/// <summary><c>coffer init</c> and <c>coffer serve</c>: a server that stays.</summary>
internal static class ServerCommands
{
    public static Command Init(CliContext context)
    {
        ServerSettings settings = new();
        Option<string> seal = new("--seal") { Description = "what protects the root key: keyfile, passphrase or shares", DefaultValueFactory = _ => "keyfile", HelpName = "KIND" };
        seal.AcceptOnlyFromAmong("keyfile", "passphrase", "shares");
        Option<int> shares = new("--shares") { Description = "number of shares, 2 to 16", DefaultValueFactory = _ => 5, HelpName = "N" };
        Option<int> threshold = new("--threshold") { Description = "shares needed to unseal", DefaultValueFactory = _ => 3, HelpName = "N" };
        Option<string> operatorName = new("--operator") { Description = "name of the first operator: you", DefaultValueFactory = _ => "admin", HelpName = "NAME" };
        Command command = new("init", "make a server's folder: keys, certificates, and its first operator");
        settings.AddTo(command);
        command.Options.Add(seal);
        command.Options.Add(shares);
        command.Options.Add(threshold);
        command.Options.Add(operatorName);
        command.SetAction((parsed, cancellation) => context.RunAsync(async terminal =>
        {
            ServerOptions options = settings.Read(parsed) with { Address = null };
            using SecretValue? passphrase = parsed.GetValue(seal) == "passphrase" ? ReadNewPassphrase(terminal) : null;
            ISeal made = parsed.GetValue(seal) switch
            {
                "passphrase" => new PassphraseSeal(passphrase!, PassphraseHash.Argon2Id),
                "shares" => Split(parsed.GetValue(threshold), parsed.GetValue(shares)),
                _ => new KeyFileSeal(options.KeyFile ?? Path.Combine(options.DataDirectory, "seal.key")),
            };
            bool first = await ServerInstallation.CreateAsync(options, PrincipalName.Parse(parsed.GetValue(operatorName)), made, context.Clock, cancellation).ConfigureAwait(false);
            if (!first)
            {
                throw new CliException(CofferExit.Conflict, $"{options.DataDirectory} holds a server already", "start it with: coffer serve");
            }

            terminal.Remark($"made a server in {options.DataDirectory}");
            if (made is ShamirSeal split)
            {
                terminal.Remark($"these are its {split.Made.Count} shares, shown once; {parsed.GetValue(threshold)} of them unseal it. give each to another person:");
                foreach (SecretValue share in split.Made)
                {
                    terminal.ValueLine("", share.Span);
                    share.Dispose();
                }
            }

            terminal.Remark($"you (uid {LocalUser.Id}) are its operator {parsed.GetValue(operatorName)} over the local socket");
            terminal.Remark($"next: coffer serve --data {options.DataDirectory}");
            return CofferExit.Ok;
        }));
        return command;
    }

    public static Command Serve(CliContext context)
    {
        ServerSettings settings = new();
        Command command = new("serve", "run a server until it is told to stop");
        settings.AddTo(command);
        command.SetAction((parsed, cancellation) => context.RunAsync(async _ =>
        {
            await using CofferServer server = await CofferServer.StartAsync(settings.Read(parsed), context.Clock, null, null, cancellation).ConfigureAwait(false);
            await server.WaitForShutdownAsync(cancellation).ConfigureAwait(false);
            return CofferExit.Ok;
        }));
        return command;
    }

    internal static SecretValue ReadNewPassphrase(Terminal terminal)
    {
        string first = terminal.ReadHidden("new passphrase: ");
        if (terminal.InputIsTerminal && terminal.ReadHidden("again: ") != first)
        {
            throw new CliException(CofferExit.Invalid, "the two passphrases differ");
        }

        return SecretValue.Copy(System.Text.Encoding.UTF8.GetBytes(first));
    }

    internal static ShamirSeal Split(int threshold, int shares) =>
        threshold is >= 2 && shares is >= 2 and <= 16 && threshold <= shares
            ? new(threshold, shares)
            : throw new CliException(CofferExit.Usage, "shares are 2 to 16, and the threshold is 2 to their number");
}
