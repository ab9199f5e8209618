using System.CommandLine;
using Coffer.Client;
using Coffer.Contracts;
using Coffer.Launch;

namespace Coffer.Cli.Commands;

/// <summary><c>coffer principal …</c> and <c>coffer group …</c></summary>
internal static class PrincipalCommands
{
    public static IEnumerable<Command> All(CliContext context) =>
    [
        new("principal", "who may ask: workloads, people, operators") { Make(context), List(context), Show(context), Switch(context, "enable", true), Switch(context, "disable", false), AssumptionCommands.Allow(context), AssumptionCommands.Forbid(context), Delete(context) },
        new("group", "sets of principals") { MakeGroup(context), ListGroups(context), Members(context, "add"), Members(context, "remove"), DeleteGroup(context) },
    ];

    internal static Argument<string> Name() => new("principal") { Description = "1 to 64 of a-z, 0-9, '.', '_' and '-'", HelpName = "PRINCIPAL" };

    private static Argument<string> GroupName() => new("group") { Description = "1 to 64 of a-z, 0-9, '.', '_' and '-'", HelpName = "GROUP" };

    private static void Print(CliContext context, ParseResult parsed, PrincipalInfo principal, AssumerList? assumers = null) => context.Answer(parsed, principal, ContractsJson.Default.PrincipalInfo, () =>
    {
        context.Terminal.Line($"name     {principal.Name}{(principal.Enabled ? "" : "  (disabled)")}");
        context.Terminal.Line($"kind     {principal.Kind}");
        context.Terminal.Line($"id       {principal.Id:D}");
        context.Terminal.Line($"home     {principal.Home ?? "-"}");
        context.Terminal.Line($"groups   {(principal.Groups is { Count: > 0 } groups ? string.Join(", ", groups) : "-")}");
        context.Terminal.Line($"created  {SecretLifeCommands.Time(principal.Created)}");
        if (assumers is { AssumedBy.Count: > 0 })
        {
            context.Terminal.Line($"assumed  by {string.Join(", ", assumers.AssumedBy.Select(AssumptionCommands.Text))}");
        }
    });

    private static Command Make(CliContext context)
    {
        Argument<string> name = Name();
        Option<string> kind = new("--kind") { Description = "workload, person or operator", DefaultValueFactory = _ => "workload", HelpName = "KIND" };
        kind.AcceptOnlyFromAmong("workload", "person", "operator");
        Option<string?> home = new("--home") { Description = "the vault its calls land in where they name none", HelpName = "VAULT" };
        Option<string?> description = new("--description") { Description = "what it is", HelpName = "TEXT" };
        Command command = new("create", "make a principal") { name, kind, home, description };
        command.SetAction((parsed, cancellation) => context.RunAsync(async _ =>
        {
            using CofferClient client = context.Connect(parsed);
            Print(context, parsed, await client.CreatePrincipalAsync(
                new() { Name = parsed.GetValue(name)!, Kind = parsed.GetValue(kind), Home = parsed.GetValue(home), Description = parsed.GetValue(description) }, cancellation).ConfigureAwait(false));
            return CofferExit.Ok;
        }));
        return command;
    }

    private static Command List(CliContext context)
    {
        Command command = new("list", "all principals");
        command.SetAction((parsed, cancellation) => context.RunAsync(async terminal =>
        {
            using CofferClient client = context.Connect(parsed);
            PrincipalList list = await client.ListPrincipalsAsync(cancellation).ConfigureAwait(false);
            context.Answer(parsed, list, ContractsJson.Default.PrincipalList, () => terminal.Table(
                ["principal", "kind", "home", "state", "description"],
                [.. list.Principals.Select(p => (IReadOnlyList<string>)[p.Name, p.Kind, p.Home ?? "-", p.Enabled ? "enabled" : "disabled", p.Description])]));
            return CofferExit.Ok;
        }));
        return command;
    }

    private static Command Show(CliContext context)
    {
        Argument<string> name = Name();
        Command command = new("show", "one principal with its groups and who may act as it") { name };
        command.SetAction((parsed, cancellation) => context.RunAsync(async _ =>
        {
            using CofferClient client = context.Connect(parsed);
            string principal = parsed.GetValue(name)!;
            Print(
                context,
                parsed,
                await client.GetPrincipalAsync(principal, cancellation).ConfigureAwait(false),
                context.Json(parsed) ? null : await client.ListAssumersAsync(principal, cancellation).ConfigureAwait(false));
            return CofferExit.Ok;
        }));
        return command;
    }

    private static Command Switch(CliContext context, string verb, bool enabled)
    {
        Argument<string> name = Name();
        Command command = new(verb, enabled ? "let its credentials work again" : "stop every credential of it at once") { name };
        command.SetAction((parsed, cancellation) => context.RunAsync(async _ =>
        {
            using CofferClient client = context.Connect(parsed);
            Print(context, parsed, await client.UpdatePrincipalAsync(parsed.GetValue(name)!, new() { Enabled = enabled }, cancellation).ConfigureAwait(false));
            return CofferExit.Ok;
        }));
        return command;
    }

    private static Command Delete(CliContext context)
    {
        Argument<string> name = Name();
        Command command = new("delete", "remove a principal with its keys and grants") { name };
        command.SetAction((parsed, cancellation) => context.RunAsync(async _ =>
        {
            using CofferClient client = context.Connect(parsed);
            await client.DeletePrincipalAsync(parsed.GetValue(name)!, cancellation).ConfigureAwait(false);
            return CofferExit.Ok;
        }));
        return command;
    }

    private static Command MakeGroup(CliContext context)
    {
        Argument<string> name = GroupName();
        Command command = new("create", "make a group") { name };
        command.SetAction((parsed, cancellation) => context.RunAsync(async _ =>
        {
            using CofferClient client = context.Connect(parsed);
            await client.CreateGroupAsync(parsed.GetValue(name)!, cancellation).ConfigureAwait(false);
            return CofferExit.Ok;
        }));
        return command;
    }

    private static Command ListGroups(CliContext context)
    {
        Command command = new("list", "all groups");
        command.SetAction((parsed, cancellation) => context.RunAsync(async terminal =>
        {
            using CofferClient client = context.Connect(parsed);
            GroupList list = await client.ListGroupsAsync(cancellation).ConfigureAwait(false);
            context.Answer(parsed, list, ContractsJson.Default.GroupList, () => terminal.Table(
                ["group", "members"], [.. list.Groups.Select(g => (IReadOnlyList<string>)[g.Name, string.Join(", ", g.Members ?? [])])]));
            return CofferExit.Ok;
        }));
        return command;
    }

    private static Command Members(CliContext context, string verb)
    {
        Argument<string> group = GroupName();
        Argument<string[]> principals = new("principals") { Description = "names of principals", HelpName = "PRINCIPAL", Arity = ArgumentArity.OneOrMore };
        Command command = new(verb, verb == "add" ? "put principals into a group" : "take principals out of a group") { group, principals };
        command.SetAction((parsed, cancellation) => context.RunAsync(async _ =>
        {
            using CofferClient client = context.Connect(parsed);
            GroupChange change = verb == "add" ? new() { Add = parsed.GetValue(principals) } : new() { Remove = parsed.GetValue(principals) };
            await client.UpdateGroupAsync(parsed.GetValue(group)!, change, cancellation).ConfigureAwait(false);
            return CofferExit.Ok;
        }));
        return command;
    }

    private static Command DeleteGroup(CliContext context)
    {
        Argument<string> name = GroupName();
        Command command = new("delete", "remove a group with its grants") { name };
        command.SetAction((parsed, cancellation) => context.RunAsync(async _ =>
        {
            using CofferClient client = context.Connect(parsed);
            await client.DeleteGroupAsync(parsed.GetValue(name)!, cancellation).ConfigureAwait(false);
            return CofferExit.Ok;
        }));
        return command;
    }
}
