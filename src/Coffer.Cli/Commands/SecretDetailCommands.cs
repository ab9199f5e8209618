using System.CommandLine;
using System.Globalization;
using Coffer.Client;
using Coffer.Contracts;
using Coffer.Core.Secrets;
using Coffer.Launch;

namespace Coffer.Cli.Commands;

/// <summary><c>coffer secret</c>: what belongs to one secret beside its values, who read it (and which version last), its tags, and how it rotates.</summary>
internal static class SecretDetailCommands
{
    public static Command Create(CliContext context) => new("secret", "one secret beside its values: its tags, who read it, and how it rotates") { Readers(context), Tag(context), Rotation(context) };

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

    private static Command Rotation(CliContext context)
    {
        Argument<string> path = SecretCommands.PathArgument();
        Option<string?> vault = SecretCommands.VaultOption();
        Command command = new("rotation", "whether it rotates, by which function, and when next") { path, vault };
        command.SetAction((parsed, cancellation) => context.RunAsync(async terminal =>
        {
            SecretPath secret = SecretAddress.Parse(parsed.GetValue(path)!, parsed.GetValue(vault));
            using CofferClient client = context.Connect(parsed);
            SecretInfo info = await client.GetSecretAsync(secret.Vault.Value, secret.Name.Value, cancellation).ConfigureAwait(false);
            context.Answer(parsed, info, ContractsJson.Default.SecretInfo, () =>
            {
                if (info.Rotation is not { } rotation)
                {
                    terminal.Remark($"{secret} does not rotate");
                    return;
                }

                terminal.Table(
                    ["rotates", "function", "schedule", "last", "next", "attempts"],
                    [[
                        rotation.Enabled ? "yes" : "no",
                        rotation.Function,
                        rotation.Schedule ?? (rotation.Days is { } days ? string.Create(CultureInfo.InvariantCulture, $"every {days} days") : "-"),
                        rotation.Last is { } last ? SecretLifeCommands.Time(last) : "-",
                        rotation.Next is { } next ? SecretLifeCommands.Time(next) : "-",
                        rotation.Attempts?.ToString(CultureInfo.InvariantCulture) ?? "-",
                    ]]);
            });
            return CofferExit.Ok;
        }));
        return command;
    }

    private static Command Tag(CliContext context)
    {
        Argument<string> path = SecretCommands.PathArgument();
        Argument<string[]> tags = new("tags") { Description = "tags to set; one of the same key is replaced", HelpName = "KEY=VALUE", Arity = ArgumentArity.ZeroOrMore };
        Option<string[]> remove = new("--remove") { Description = "a key to take off", HelpName = "KEY" };
        Option<string?> vault = SecretCommands.VaultOption();
        Command command = new("tag", "set tags and take them off: grants may ask for them, and break-glass puts a secret behind glass") { path, tags, vault, remove };
        command.SetAction((parsed, cancellation) => context.RunAsync(async terminal =>
        {
            SecretPath secret = SecretAddress.Parse(parsed.GetValue(path)!, parsed.GetValue(vault));
            Dictionary<string, string> set = new(StringComparer.Ordinal);
            foreach (string tag in parsed.GetValue(tags) ?? [])
            {
                int at = tag.IndexOf('=', StringComparison.Ordinal);
                if (at <= 0 || !set.TryAdd(tag[..at], tag[(at + 1)..]))
                {
                    throw new CliException(CofferExit.Usage, $"'{tag}' is no KEY=VALUE, or its key stands there twice", "coffer secret tag shop-dev/api-key team=payments");
                }
            }

            string[] removed = parsed.GetValue(remove) ?? [];
            if (set.Count + removed.Length == 0)
            {
                throw new CliException(CofferExit.Usage, "no tag was named", "KEY=VALUE sets one, --remove KEY takes one off");
            }

            using CofferClient client = context.Connect(parsed);
            WriteResult written = await client.UpdateSecretAsync(secret.Vault.Value, secret.Name.Value, new() { SetTags = set, RemoveTags = removed }, cancellationToken: cancellation).ConfigureAwait(false);
            context.Answer(parsed, written, ContractsJson.Default.WriteResult, static () => { });
            return CofferExit.Ok;
        }));
        return command;
    }
}
