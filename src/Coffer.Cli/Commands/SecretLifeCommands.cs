using System.CommandLine;
using System.Globalization;
using Coffer.Client;
using Coffer.Contracts;
using Coffer.Core.Secrets;
using Coffer.Launch;

namespace Coffer.Cli.Commands;

/// <summary><c>list</c>, <c>history</c>, <c>rollback</c>, <c>delete</c>, <c>recover</c>.</summary>
internal static class SecretLifeCommands
{
    public static IEnumerable<Command> All(CliContext context) => [List(context), History(context), Rollback(context), Delete(context), Recover(context)];

    internal static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    private static Command List(CliContext context)
    {
        Argument<string?> where = new("vault") { Description = "the vault, perhaps with /PREFIX of the names (default: COFFER_VAULT)", HelpName = "VAULT[/PREFIX]", Arity = ArgumentArity.ZeroOrOne };
        Option<bool> deleted = new("--deleted") { Description = "those scheduled for deletion" };
        Command command = new("list", "names in a vault, never values") { where, deleted };
        command.SetAction((parsed, cancellation) => context.RunAsync(async terminal =>
        {
            string text = parsed.GetValue(where) ?? Environment.GetEnvironmentVariable("COFFER_VAULT") ?? throw new CliException(CofferExit.Usage, "which vault?", "coffer vault list shows them");
            int slash = text.IndexOf('/', StringComparison.Ordinal);
            string vault = slash < 0 ? text : text[..slash], prefix = slash < 0 ? "" : text[(slash + 1)..];
            using CofferClient client = context.Connect(parsed);
            List<SecretInfo> all = [];
            string? page = null;
            do
            {
                SecretList list = await client.ListSecretsAsync(vault, new() { Prefix = prefix, Deleted = parsed.GetValue(deleted) ? DeletedSecrets.Only : DeletedSecrets.Exclude, Page = page, Limit = 1000 }, cancellation).ConfigureAwait(false);
                all.AddRange(list.Secrets);
                page = list.Next;
            }
            while (page is not null);
            context.Answer(parsed, new SecretList { Secrets = all }, ContractsJson.Default.SecretList, () => terminal.Table(
                ["name", "version", "changed", "description"],
                [.. all.Select(s => (IReadOnlyList<string>)[s.Name, s.Current == 0 ? "-" : s.Current.ToString(CultureInfo.InvariantCulture), Time(s.Changed), s.Description])]));
            return CofferExit.Ok;
        }));
        return command;
    }

    private static Command History(CliContext context)
    {
        Argument<string> path = SecretCommands.PathArgument();
        Option<string?> vault = SecretCommands.VaultOption();
        Command command = new("history", "a secret's versions, newest first") { path, vault };
        command.SetAction((parsed, cancellation) => context.RunAsync(async terminal =>
        {
            SecretPath secret = SecretAddress.Parse(parsed.GetValue(path)!, parsed.GetValue(vault));
            using CofferClient client = context.Connect(parsed);
            VersionList list = await client.ListVersionsAsync(secret.Vault.Value, secret.Name.Value, null, null, cancellation).ConfigureAwait(false);
            context.Answer(parsed, list, ContractsJson.Default.VersionList, () => terminal.Table(
                ["version", "state", "labels", "bytes", "written", "by", "wire"],
                [.. list.Versions.Select(v => (IReadOnlyList<string>)[v.Number.ToString(CultureInfo.InvariantCulture), v.State, string.Join(',', v.Labels), v.Size.ToString(CultureInfo.InvariantCulture), Time(v.Created), v.CreatedBy, v.Wire])]));
            return CofferExit.Ok;
        }));
        return command;
    }

    private static Command Rollback(CliContext context)
    {
        Argument<string> path = SecretCommands.PathArgument();
        Option<string?> vault = SecretCommands.VaultOption();
        Option<string> to = new("--to") { Description = "number or id of the version to make current", HelpName = "VERSION", Required = true };
        Command command = new("rollback", "make an older version current again; nothing is lost") { path, vault, to };
        command.SetAction((parsed, cancellation) => context.RunAsync(async terminal =>
        {
            SecretPath secret = SecretAddress.Parse(parsed.GetValue(path)!, parsed.GetValue(vault));
            using CofferClient client = context.Connect(parsed);
            WriteResult result = await client.RollbackAsync(secret.Vault.Value, secret.Name.Value, parsed.GetValue(to)!, cancellation).ConfigureAwait(false);
            context.Answer(parsed, result, ContractsJson.Default.WriteResult, () => terminal.Line($"{secret} version {result.Secret.Current} is current"));
            return CofferExit.Ok;
        }));
        return command;
    }

    private static Command Delete(CliContext context)
    {
        Argument<string> path = SecretCommands.PathArgument();
        Option<string?> vault = SecretCommands.VaultOption();
        Option<bool> purge = new("--purge") { Description = "at once and for good" };
        Command command = new("delete", "schedule a secret for deletion; coffer recover brings it back until then") { path, vault, purge };
        command.SetAction((parsed, cancellation) => context.RunAsync(async terminal =>
        {
            SecretPath secret = SecretAddress.Parse(parsed.GetValue(path)!, parsed.GetValue(vault));
            using CofferClient client = context.Connect(parsed);
            WriteResult result = parsed.GetValue(purge)
                ? await client.PurgeSecretAsync(secret.Vault.Value, secret.Name.Value, cancellation).ConfigureAwait(false)
                : await client.DeleteSecretAsync(secret.Vault.Value, secret.Name.Value, null, cancellation).ConfigureAwait(false);
            context.Answer(parsed, result, ContractsJson.Default.WriteResult, () => terminal.Line(
                result.Secret.PurgeAt is { } date && !parsed.GetValue(purge) ? $"{secret} goes for good on {Time(date)}" : $"{secret} is gone"));
            return CofferExit.Ok;
        }));
        return command;
    }

    private static Command Recover(CliContext context)
    {
        Argument<string> path = SecretCommands.PathArgument();
        Option<string?> vault = SecretCommands.VaultOption();
        Command command = new("recover", "take a deletion back") { path, vault };
        command.SetAction((parsed, cancellation) => context.RunAsync(async terminal =>
        {
            SecretPath secret = SecretAddress.Parse(parsed.GetValue(path)!, parsed.GetValue(vault));
            using CofferClient client = context.Connect(parsed);
            WriteResult result = await client.RecoverSecretAsync(secret.Vault.Value, secret.Name.Value, cancellation).ConfigureAwait(false);
            context.Answer(parsed, result, ContractsJson.Default.WriteResult, () => terminal.Line($"{secret} is back"));
            return CofferExit.Ok;
        }));
        return command;
    }
}
