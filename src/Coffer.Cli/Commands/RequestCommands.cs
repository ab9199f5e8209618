using System.CommandLine;
using Coffer.Client;
using Coffer.Contracts;
using Coffer.Launch;

namespace Coffer.Cli.Commands;

/// <summary><c>coffer request …</c>, <c>approve</c> and <c>refuse</c>: what one person asks and another decides.</summary>
internal static class RequestCommands
{
    public static IEnumerable<Command> All(CliContext context) => [Create(context), Decide(context, "approve", "say yes to somebody else's request", true), Decide(context, "refuse", "say no to somebody else's request", false)];

    private static Command Create(CliContext context)
    {
        Command request = new("request", "ask a second person: for a grant, to break glass, to purge …") { List(context), Withdraw(context) };
        Argument<string> actions = new("actions") { Description = "a role or actions, separated by commas", HelpName = "ACTIONS" };
        Argument<string> group = new("group") { Description = "the group to join", HelpName = "GROUP" };
        Option<string?> principal = new("--principal") { Description = "for this principal, not for yourself", HelpName = "NAME" };
        Option<string?> forGroup = new("--group") { Description = "for this group", HelpName = "NAME" };
        request.Subcommands.Add(Ask(context, "grant", "a grant, for a time or for good", "1h", actions, principal, forGroup));
        request.Subcommands.Add(Ask(context, "break-glass", "to read secrets that are behind glass", "1h"));
        request.Subcommands.Add(Ask(context, "purge", "to erase for good", "1h"));
        request.Subcommands.Add(Ask(context, "membership", "to join a group that holds grants in the vault", "0", group, principal));
        request.Subcommands.Add(Ask(context, "loosen", "to take away what protects the vault", "1h"));
        return request;
    }

    private static Command Ask(CliContext context, string kind, string what, string usual, params Symbol[] own)
    {
        Argument<string> on = new("on") { Description = "a vault, or vault/PATTERN (* and ?)", HelpName = "VAULT[/PATTERN]" };
        Option<string> reason = new("--reason") { Description = "why, in one line; it is in the trail", HelpName = "TEXT", Required = true };
        Option<string> time = new("--for") { Description = "for how long once approved: 30m, 12h, 90d; 0 = for good", HelpName = "TIME", DefaultValueFactory = _ => usual };
        Command command = new(kind, what);
        foreach (Argument argument in own.OfType<Argument>())
        {
            command.Arguments.Add(argument);
        }

        command.Arguments.Add(on);
        command.Options.Add(reason);
        if (kind != "membership")
        {
            command.Options.Add(time);
        }

        foreach (Option option in own.OfType<Option>())
        {
            command.Options.Add(option);
        }

        command.SetAction((parsed, cancellation) => context.RunAsync(async terminal =>
        {
            string target = parsed.GetValue(on)!;
            int slash = target.IndexOf('/', StringComparison.Ordinal);
            string? actions = own.OfType<Argument<string>>().FirstOrDefault(a => a.Name == "actions") is { } list ? parsed.GetValue(list) : null;
            string? joined = own.OfType<Argument<string>>().FirstOrDefault(a => a.Name == "group") is { } one ? parsed.GetValue(one) : null;
            string? Of(string name) => own.OfType<Option<string?>>().FirstOrDefault(o => o.Name == name) is { } option ? parsed.GetValue(option) : null;
            using CofferClient client = context.Connect(parsed);
            ApprovalInfo made = await client.CreateRequestAsync(new()
            {
                Kind = kind,
                Vault = slash < 0 ? target : target[..slash],
                Names = slash < 0 ? null : target[(slash + 1)..],
                Actions = actions?.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries),
                Principal = Of("--principal"),
                Group = joined ?? Of("--group"),
                Reason = parsed.GetValue(reason)!,
                Seconds = kind == "membership" ? 0 : Moment.Seconds(parsed.GetValue(time)!),
            }, cancellation).ConfigureAwait(false);
            context.Answer(parsed, made, ContractsJson.Default.ApprovalInfo, () =>
            {
                terminal.Line(made.Id);
                terminal.Remark($"hint: somebody else who administers {made.Vault} decides: coffer approve {made.Id}");
            });
            return CofferExit.Ok;
        }));
        return command;
    }

    private static Command Decide(CliContext context, string name, string what, bool approve)
    {
        Argument<string> id = new("id") { Description = "the request", HelpName = "ID" };
        Option<string?> time = new("--for") { Description = "a shorter time than was asked for", HelpName = "TIME" };
        Command command = new(name, what) { id };
        if (approve)
        {
            command.Options.Add(time);
        }

        command.SetAction((parsed, cancellation) => context.RunAsync(async terminal =>
        {
            using CofferClient client = context.Connect(parsed);
            string? shorter = approve ? parsed.GetValue(time) : null;
            ApprovalInfo decided = await client.DecideRequestAsync(
                parsed.GetValue(id)!, new() { Approve = approve, Seconds = shorter is null ? null : Moment.Seconds(shorter) }, cancellation).ConfigureAwait(false);
            context.Answer(parsed, decided, ContractsJson.Default.ApprovalInfo, () => terminal.Line(Sentence(decided)));
            return CofferExit.Ok;
        }));
        return command;
    }

    private static Command List(CliContext context)
    {
        Command command = new("list", "your requests, and those that you may decide");
        command.SetAction((parsed, cancellation) => context.RunAsync(async terminal =>
        {
            using CofferClient client = context.Connect(parsed);
            ApprovalList list = await client.ListRequestsAsync(cancellation).ConfigureAwait(false);
            context.Answer(parsed, list, ContractsJson.Default.ApprovalList, () => terminal.Table(
                ["request", "state", "what", "by", "for", "reason"],
                [.. list.Requests.Select(r => (IReadOnlyList<string>)[r.Id, r.State, What(r), r.Requester, r.Subject, r.Reason])]));
            return CofferExit.Ok;
        }));
        return command;
    }

    private static Command Withdraw(CliContext context)
    {
        Argument<string> id = new("id") { Description = "the request", HelpName = "ID" };
        Command command = new("withdraw", "take your own request back") { id };
        command.SetAction((parsed, cancellation) => context.RunAsync(async _ =>
        {
            using CofferClient client = context.Connect(parsed);
            await client.WithdrawRequestAsync(parsed.GetValue(id)!, cancellation).ConfigureAwait(false);
            return CofferExit.Ok;
        }));
        return command;
    }

    private static string What(ApprovalInfo request) =>
        $"{request.Kind}{(request.Actions.Count > 0 ? " " + string.Join(',', request.Actions) : "")} on {request.Vault}{(request.Names == "*" ? "" : "/" + request.Names)}";

    private static string Sentence(ApprovalInfo request) =>
        $"{request.Id}  {request.State}: {What(request)} for {request.Subject}{(request.ValidUntil is { } until ? $" until {SecretLifeCommands.Time(until)}" : "")}";
}
