using System.CommandLine;
using Coffer.Client;
using Coffer.Contracts;
using Coffer.Launch;

namespace Coffer.Cli.Commands;

/// <summary><c>coffer grant …</c></summary>
internal static class GrantCommands
{
    public static Command Create(CliContext context) => new("grant", "who may do what on which names") { Make(context), List(context), Show(context), Delete(context) };

    private static Command Make(CliContext context)
    {
        Argument<string> subject = new("subject") { Description = "a principal, or a group with --group", HelpName = "SUBJECT" };
        Argument<string> actions = new("actions") { Description = "a role (reader, writer, operator, admin) or actions, separated by commas", HelpName = "ACTIONS" };
        Argument<string> on = new("on") { Description = "a vault, vault/PATTERN (* and ?), or * for every vault and the server itself", HelpName = "VAULT[/PATTERN]" };
        Option<bool> group = new("--group") { Description = "the subject is a group" };
        Option<bool> deny = new("--deny") { Description = "forbid in place of allow; a denial beats every permission" };
        Option<string?> until = new("--until") { Description = "when it ends: 90d, 12h, 30m, or a date", HelpName = "WHEN" };
        Option<string?> from = new("--from") { Description = "when it begins", HelpName = "WHEN" };
        Option<string[]> cidrs = new("--cidr") { Description = "only from this network", HelpName = "CIDR" };
        Option<string?> label = new("--label") { Description = "only versions with this label", HelpName = "LABEL" };
        Option<string[]> tags = new("--tag") { Description = "only secrets with this tag", HelpName = "KEY=VALUE" };
        Command command = new("create", "grant, or with --deny forbid") { subject, actions, on, group, deny, until, from, cidrs, label, tags };
        command.SetAction((parsed, cancellation) => context.RunAsync(async _ =>
        {
            string target = parsed.GetValue(on)!;
            int slash = target.IndexOf('/', StringComparison.Ordinal);
            string vault = slash < 0 ? target : target[..slash];
            NewGrant body = new()
            {
                Effect = parsed.GetValue(deny) ? "deny" : "allow",
                Principal = parsed.GetValue(group) ? null : parsed.GetValue(subject),
                Group = parsed.GetValue(group) ? parsed.GetValue(subject) : null,
                Actions = parsed.GetValue(actions)!.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries),
                Vault = vault == "*" ? null : vault,
                Names = slash < 0 ? "*" : target[(slash + 1)..],
                From = Moment.Parse(parsed.GetValue(from), context.Clock),
                Until = Moment.Parse(parsed.GetValue(until), context.Clock),
                Cidrs = parsed.GetValue(cidrs) is { Length: > 0 } networks ? networks : null,
                Label = parsed.GetValue(label),
                Tags = parsed.GetValue(tags) is { Length: > 0 } pairs ? pairs.Select(Pair).ToDictionary(p => p.Key, p => p.Value, StringComparer.Ordinal) : null,
            };
            using CofferClient client = context.Connect(parsed);
            GrantInfo grant = await client.CreateGrantAsync(body, cancellation).ConfigureAwait(false);
            context.Answer(parsed, grant, ContractsJson.Default.GrantInfo, () => context.Terminal.Line(Sentence(grant)));
            return CofferExit.Ok;
        }));
        return command;
    }

    private static Command List(CliContext context)
    {
        Argument<string?> vault = new("vault") { Description = "only grants that reach this vault", HelpName = "VAULT", Arity = ArgumentArity.ZeroOrOne };
        Command command = new("list", "grants on a vault, or all of them") { vault };
        command.SetAction((parsed, cancellation) => context.RunAsync(async terminal =>
        {
            using CofferClient client = context.Connect(parsed);
            GrantList list = await client.ListGrantsAsync(parsed.GetValue(vault), cancellation).ConfigureAwait(false);
            context.Answer(parsed, list, ContractsJson.Default.GrantList, () => terminal.Table(
                ["grant", "effect", "subject", "actions", "on", "until"],
                [.. list.Grants.Select(g => (IReadOnlyList<string>)[g.Id, g.Effect, g.Principal ?? $"group {g.Group}", string.Join(',', g.Actions), On(g), g.Until is { } end ? SecretLifeCommands.Time(end) : "-"])]));
            return CofferExit.Ok;
        }));
        return command;
    }

    private static Command Show(CliContext context)
    {
        Argument<string> id = new("id") { Description = "the grant's id", HelpName = "ID" };
        Command command = new("show", "one grant with its conditions") { id };
        command.SetAction((parsed, cancellation) => context.RunAsync(async terminal =>
        {
            using CofferClient client = context.Connect(parsed);
            GrantList list = await client.ListGrantsAsync(null, cancellation).ConfigureAwait(false);
            GrantInfo found = list.Grants.FirstOrDefault(g => g.Id == parsed.GetValue(id)) ?? throw new CliException(CofferExit.NotFound, "there is no such grant");
            context.Answer(parsed, found, ContractsJson.Default.GrantInfo, () =>
            {
                terminal.Line(Sentence(found));
                terminal.Line($"made {SecretLifeCommands.Time(found.Created)} by {found.CreatedBy}");
                if (found.Cidrs.Count > 0)
                {
                    terminal.Line($"only from {string.Join(", ", found.Cidrs)}");
                }

                foreach ((string key, string value) in found.Tags)
                {
                    terminal.Line($"only with tag {key}={value}");
                }
            });
            return CofferExit.Ok;
        }));
        return command;
    }

    private static Command Delete(CliContext context)
    {
        Argument<string> id = new("id") { Description = "the grant's id", HelpName = "ID" };
        Command command = new("delete", "take a grant back; it is out of force in the very next request") { id };
        command.SetAction((parsed, cancellation) => context.RunAsync(async _ =>
        {
            using CofferClient client = context.Connect(parsed);
            await client.DeleteGrantAsync(parsed.GetValue(id)!, cancellation).ConfigureAwait(false);
            return CofferExit.Ok;
        }));
        return command;
    }

    private static string On(GrantInfo grant) => grant.Names == "*" ? grant.Vault ?? "*" : $"{grant.Vault ?? "*"}/{grant.Names}";

    private static string Sentence(GrantInfo grant) =>
        $"{grant.Id}  {grant.Effect} {grant.Principal ?? $"group {grant.Group}"} {string.Join(',', grant.Actions)} on {On(grant)}{(grant.Until is { } end ? $" until {SecretLifeCommands.Time(end)}" : "")}";

    private static (string Key, string Value) Pair(string text)
    {
        int equals = text.IndexOf('=', StringComparison.Ordinal);
        return equals > 0 ? (text[..equals], text[(equals + 1)..]) : throw new CliException(CofferExit.Usage, "a tag is written KEY=VALUE");
    }
}
