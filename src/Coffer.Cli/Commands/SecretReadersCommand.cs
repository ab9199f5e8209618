using System.CommandLine;
using System.Globalization;
using Coffer.Client;
using Coffer.Contracts;
using Coffer.Core.Secrets;
using Coffer.Launch;

namespace Coffer.Cli.Commands;

/// <summary><c>coffer secret readers</c>: who read a secret, and which version last.</summary>
internal static class SecretReadersCommand
{
    public static Command Create(CliContext context) => new("secret", "what the trail knows of one secret") { Readers(context) };

    private static Command Readers(CliContext context)
    {
        Argument<string> path = SecretCommands.PathArgument();
        Option<string?> vault = SecretCommands.VaultOption();
        Command command = new("readers", "who read its values: each principal and version, with the last time") { path, vault };
        command.SetAction((parsed, cancellation) => context.RunAsync(async terminal =>
        {
            SecretPath secret = SecretAddress.Parse(parsed.GetValue(path)!, parsed.GetValue(vault));
            using CofferClient client = context.Connect(parsed);
            SecretReaders readers = await client.ListReadersAsync(secret.Vault.Value, secret.Name.Value, cancellation).ConfigureAwait(false);
            context.Answer(parsed, readers, ContractsJson.Default.SecretReaders, () =>
            {
                terminal.Table(
                    ["principal", "version", "last read", "times", "credential", "from", "wire"],
                    [.. readers.Readers.Select(static r => (IReadOnlyList<string>)[r.Principal, r.Version, SecretLifeCommands.Time(r.Last), r.Count.ToString(CultureInfo.InvariantCulture), r.Credential ?? "-", r.Address ?? "-", r.Dialect])]);
                if (readers.Readers.Count == 0)
                {
                    terminal.Remark($"nobody read {secret}, as far back as the trail goes");
                }
            });
            return CofferExit.Ok;
        }));
        return command;
    }
}
