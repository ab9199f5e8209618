using System.CommandLine;
using System.Globalization;
using Coffer.Client;
using Coffer.Contracts;
using Coffer.Launch;

namespace Coffer.Cli.Commands;

/// <summary><c>coffer vault …</c></summary>
internal static class VaultCommands
{
    public static Command Create(CliContext context) => new("vault", "containers of secrets, one per application and environment")
    {
        Make(context), List(context), Show(context), Update(context), Delete(context),
    };

    private static Argument<string> Name() => new("vault") { Description = "3 to 24 of a-z, 0-9 and -", HelpName = "VAULT" };

    private static Option<string?> Description() => new("--description") { Description = "what it is for", HelpName = "TEXT" };

    private static Option<int?> Retention() => new("--retention-days") { Description = "how long a deleted secret can be recovered: 7 to 90", HelpName = "DAYS" };

    private static Option<bool?> Protection() => new("--purge-protection") { Description = "nothing goes before its date; can never be switched off" };

    private static void Print(CliContext context, ParseResult parsed, VaultInfo vault) => context.Answer(parsed, vault, ContractsJson.Default.VaultInfo, () =>
    {
        context.Terminal.Line($"name         {vault.Name}");
        context.Terminal.Line($"number       {vault.Number}");
        context.Terminal.Line($"created      {SecretLifeCommands.Time(vault.Created)}");
        context.Terminal.Line($"retention    {vault.RetentionDays} days{(vault.PurgeProtection ? ", purge protection" : "")}");
        if (vault.Project.Length > 0)
        {
            context.Terminal.Line($"project      {vault.Project}, {vault.Stage}");
        }

        if (vault.SeparateDuties || vault.Approvals.Count > 0)
        {
            string[] guards = [.. vault.SeparateDuties ? ["separate duties"] : Array.Empty<string>(), .. vault.Approvals.Select(a => $"two persons for {a}")];
            context.Terminal.Line($"guards       {string.Join(", ", guards)}");
        }

        context.Terminal.Line($"description  {vault.Description}".TrimEnd());
    });

    private static Command Make(CliContext context)
    {
        Argument<string> name = Name();
        Option<string?> description = Description();
        Option<int?> retention = Retention();
        Option<bool?> protection = Protection();
        Command command = new("create", "make a vault") { name, description, retention, protection };
        command.SetAction((parsed, cancellation) => context.RunAsync(async _ =>
        {
            using CofferClient client = context.Connect(parsed);
            Print(context, parsed, await client.CreateVaultAsync(
                new() { Name = parsed.GetValue(name)!, Description = parsed.GetValue(description), RetentionDays = parsed.GetValue(retention), PurgeProtection = parsed.GetValue(protection) }, cancellation).ConfigureAwait(false));
            return CofferExit.Ok;
        }));
        return command;
    }

    private static Command List(CliContext context)
    {
        Command command = new("list", "the vaults you may see");
        command.SetAction((parsed, cancellation) => context.RunAsync(async terminal =>
        {
            using CofferClient client = context.Connect(parsed);
            VaultList list = await client.ListVaultsAsync(cancellation).ConfigureAwait(false);
            context.Answer(parsed, list, ContractsJson.Default.VaultList, () => terminal.Table(
                ["vault", "number", "retention", "description"],
                [.. list.Vaults.Select(v => (IReadOnlyList<string>)[v.Name, v.Number, v.RetentionDays.ToString(CultureInfo.InvariantCulture) + "d", v.Description])]));
            return CofferExit.Ok;
        }));
        return command;
    }

    private static Command Show(CliContext context)
    {
        Argument<string> name = Name();
        Command command = new("show", "one vault") { name };
        command.SetAction((parsed, cancellation) => context.RunAsync(async _ =>
        {
            using CofferClient client = context.Connect(parsed);
            Print(context, parsed, await client.GetVaultAsync(parsed.GetValue(name)!, cancellation).ConfigureAwait(false));
            return CofferExit.Ok;
        }));
        return command;
    }

    private static Command Update(CliContext context)
    {
        Argument<string> name = Name();
        Option<string?> description = Description();
        Option<int?> retention = Retention();
        Option<bool?> protection = Protection();
        Option<bool?> separate = new("--separate-duties") { Description = "whoever administers the vault reads no values in it; switching it off takes two" };
        Option<string?> approvals = new("--approvals") { Description = "what takes a second person: break-glass, purge, grants, separated by commas, or none; fewer take two", HelpName = "LIST" };
        Command command = new("update", "change a vault's settings") { name, description, retention, protection, separate, approvals };
        command.SetAction((parsed, cancellation) => context.RunAsync(async _ =>
        {
            using CofferClient client = context.Connect(parsed);
            Print(context, parsed, await client.UpdateVaultAsync(
                parsed.GetValue(name)!,
                new()
                {
                    Description = parsed.GetValue(description),
                    RetentionDays = parsed.GetValue(retention),
                    PurgeProtection = parsed.GetValue(protection),
                    SeparateDuties = parsed.GetValue(separate),
                    Approvals = parsed.GetValue(approvals) switch
                    {
                        null => null,
                        "none" => [],
                        { } list => list.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries),
                    },
                },
                cancellation).ConfigureAwait(false));
            return CofferExit.Ok;
        }));
        return command;
    }

    private static Command Delete(CliContext context)
    {
        Argument<string> name = Name();
        Command command = new("delete", "remove an empty vault that no grant names") { name };
        command.SetAction((parsed, cancellation) => context.RunAsync(async _ =>
        {
            using CofferClient client = context.Connect(parsed);
            await client.DeleteVaultAsync(parsed.GetValue(name)!, cancellation).ConfigureAwait(false);
            return CofferExit.Ok;
        }));
        return command;
    }
}
