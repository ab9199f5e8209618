using System.CommandLine;
using System.Globalization;
using Coffer.Client;
using Coffer.Contracts;
using Coffer.Launch;

namespace Coffer.Cli.Commands;

/// <summary><c>coffer who-can</c>, <c>can</c>, <c>why</c> and <c>access review</c>.</summary>
internal static class AnswerCommands
{
    public static IEnumerable<Command> All(CliContext context) => [WhoCan(context), Can(context), Why(context), new Command("access", "look over who may do what") { Review(context) }];

    private static Argument<string> Action() => new("action") { Description = "read, write, list … or an operation as the trail names it", HelpName = "ACTION" };

    private static Argument<string> On() => new("path") { Description = "a secret, a vault, or * for the server itself", HelpName = "VAULT[/NAME]" };

    private static Option<string?> From() => new("--from") { Description = "as from this address", HelpName = "ADDRESS" };

    private static Command WhoCan(CliContext context)
    {
        Argument<string> action = Action(), on = On();
        Option<string?> from = From();
        Command command = new("who-can", "everybody who may do it: through which policy, until when") { action, on, from };
        command.SetAction((parsed, cancellation) => context.RunAsync(async terminal =>
        {
            using CofferClient client = context.Connect(parsed);
            WhoCanList list = await client.WhoCanAsync(Query(parsed.GetValue(action)!, parsed.GetValue(on)!, null, parsed.GetValue(from)), cancellation).ConfigureAwait(false);
            context.Answer(parsed, list, ContractsJson.Default.WhoCanList, () => terminal.Table(
                ["principal", "kind", "until", "through"],
                [.. list.Principals.Select(p => (IReadOnlyList<string>)[p.Principal, p.Kind, p.Until is { } until ? SecretLifeCommands.Time(until) : "-", p.Reason])]));
            return CofferExit.Ok;
        }));
        return command;
    }

    private static Command Can(CliContext context)
    {
        Argument<string> principal = new("principal") { Description = "whose call", HelpName = "PRINCIPAL" }, action = Action(), on = On();
        Option<string?> from = From();
        Command command = new("can", "whether a principal may do it: yes (exit 0) or no (exit 4)") { principal, action, on, from };
        command.SetAction((parsed, cancellation) => context.RunAsync(async terminal =>
        {
            using CofferClient client = context.Connect(parsed);
            Explanation why = await client.ExplainAsync(Query(parsed.GetValue(action)!, parsed.GetValue(on)!, parsed.GetValue(principal), parsed.GetValue(from)), cancellation).ConfigureAwait(false);
            context.Answer(parsed, why, ContractsJson.Default.Explanation, () => terminal.Line($"{(why.Allowed ? "yes" : "no")}: {why.Reason}"));
            return why.Allowed ? CofferExit.Ok : CofferExit.AccessDenied;
        }));
        return command;
    }

    private static Command Why(CliContext context)
    {
        Argument<string[]> what = new("what") { Description = "a request id from an error message or the trail; or a principal, an action and a path", HelpName = "REQUEST | PRINCIPAL ACTION VAULT[/NAME]", Arity = new(1, 3) };
        Option<string?> from = From();
        Command command = new("why", "why a call was decided as it was, and what would change it") { what, from };
        command.SetAction((parsed, cancellation) => context.RunAsync(async terminal =>
        {
            using CofferClient client = context.Connect(parsed);
            Explanation why = parsed.GetValue(what) switch
            {
                [var request] => await client.ExplainRequestAsync(request, cancellation).ConfigureAwait(false),
                [var principal, var action, var on] => await client.ExplainAsync(Query(action, on, principal, parsed.GetValue(from)), cancellation).ConfigureAwait(false),
                _ => throw new CliException(CofferExit.Usage, "why takes a request id, or a principal, an action and a path"),
            };
            context.Answer(parsed, why, ContractsJson.Default.Explanation, () => Print(terminal, why));
            return CofferExit.Ok;
        }));
        return command;
    }

    private static void Print(Output.Terminal terminal, Explanation why)
    {
        if (why.Then is { } then)
        {
            terminal.Line($"{SecretLifeCommands.Time(then)}  {why.ThenDecision}: {why.ThenReason}");
        }

        terminal.Line($"{why.Principal} {why.Operation} {why.Vault ?? "*"}{(why.Name is null ? "" : "/" + why.Name)} now: {(why.Allowed ? "allowed" : "denied")}");
        terminal.Line($"  {why.Reason}{(why.Until is { } until ? $" (until {SecretLifeCommands.Time(until)})" : "")}");
        if (why.Considered.Count > 0)
        {
            terminal.Line("considered:");
            foreach (PolicyTraceInfo policy in why.Considered)
            {
                terminal.Line($"  {policy.Verdict,-6}  {policy.On}  {policy.Statement}");
            }
        }

        if (why.Remedy is not null)
        {
            terminal.Line($"to allow it: {why.Remedy}");
        }
    }

    private static Command Review(CliContext context)
    {
        Option<int> days = new("--days") { Description = "how far back use counts, and how far ahead an end", HelpName = "N", DefaultValueFactory = _ => 90 };
        Option<bool> csv = new("--csv") { Description = "comma-separated values (RFC 4180)" };
        Command command = new("review", "grants never used or wider than used, what ends, credentials that lie about, people without a second factor") { days, csv };
        command.SetAction((parsed, cancellation) => context.RunAsync(async terminal =>
        {
            using CofferClient client = context.Connect(parsed);
            Review review = await client.ReviewAccessAsync(parsed.GetValue(days), cancellation).ConfigureAwait(false);
            context.Answer(parsed, review, ContractsJson.Default.Review, () =>
            {
                if (parsed.GetValue(csv))
                {
                    terminal.Line("finding,subject,object,vault,detail,remedy");
                    foreach (ReviewFindingInfo f in review.Findings)
                    {
                        terminal.Line(string.Join(',', ((string[])[f.Kind, f.Subject, f.Object, f.Vault ?? "", f.Detail, f.Remedy ?? ""]).Select(Cell)));
                    }

                    return;
                }

                terminal.Table(["finding", "subject", "object", "vault", "detail"], [.. review.Findings.Select(f => (IReadOnlyList<string>)[f.Kind, f.Subject, f.Object.Length == 0 ? "-" : f.Object, f.Vault ?? "-", f.Detail])]);
                terminal.Remark(string.Create(CultureInfo.InvariantCulture, $"{review.Findings.Count} findings"));
            });
            return CofferExit.Ok;
        }));
        return command;
    }

    private static string Cell(string text) => text.AsSpan().ContainsAny(",\"\n") ? $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : text;

    private static AccessQuery Query(string action, string on, string? principal, string? address)
    {
        int slash = on.IndexOf('/', StringComparison.Ordinal);
        return new() { Action = action, Vault = on == "*" ? null : slash < 0 ? on : on[..slash], Name = slash < 0 ? null : on[(slash + 1)..], Principal = principal, Address = address };
    }
}
