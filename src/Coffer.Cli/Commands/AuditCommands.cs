using System.CommandLine;
using Coffer.Cli.Output;
using Coffer.Client;
using Coffer.Contracts;
using Coffer.Launch;

namespace Coffer.Cli.Commands;

/// <summary><c>coffer audit …</c></summary>
internal static class AuditCommands
{
    public static Command Create(CliContext context) => new("audit", "the trail: who asked for what, and which policy decided") { Tail(context), Query(context), Verify(context), Index(context) };

    private static Command Tail(CliContext context)
    {
        Option<bool> follow = new("--follow", "-f") { Description = "go on with what comes" };
        Option<int> count = new("--lines", "-n") { Description = "how many records", DefaultValueFactory = _ => 20, HelpName = "N" };
        Command command = new("tail", "the newest records") { follow, count };
        command.SetAction((parsed, cancellation) => context.RunAsync(async terminal =>
        {
            using CofferClient client = context.Connect(parsed);
            await PrintAsync(context, parsed, terminal, client, new() { Limit = parsed.GetValue(count) }, parsed.GetValue(follow), cancellation).ConfigureAwait(false);
            return CofferExit.Ok;
        }));
        return command;
    }

    private static Command Query(CliContext context)
    {
        Option<string?> principal = new("--principal") { Description = "by name", HelpName = "PRINCIPAL" };
        Option<string?> path = new("--path") { Description = "vault/name of this pattern (* any run, slashes too; ? one)", HelpName = "PATTERN" };
        Option<string?> vault = new("--vault") { Description = "in this vault", HelpName = "VAULT" };
        Option<string?> name = new("--name") { Description = "names of this pattern (* and ?)", HelpName = "PATTERN" };
        Option<string?> action = new("--action") { Description = "core operation, such as ReadValue, or the wire's own, such as GetSecretValue", HelpName = "ACTION" };
        Option<string?> decision = new("--decision") { Description = "allow, deny or fail", HelpName = "DECISION" };
        decision.AcceptOnlyFromAmong("allow", "deny", "fail");
        Option<string?> credential = new("--credential") { Description = "by public id: what did this key do?", HelpName = "ID" };
        Option<string?> peer = new("--peer") { Description = "from this address", HelpName = "ADDRESS" };
        Option<string?> request = new("--request") { Description = "the id in an error message or in the log", HelpName = "ID" };
        Option<string?> since = new("--since") { Description = "from then on: 90d, 12h or 30m ago, or a date", HelpName = "WHEN" };
        Option<string?> until = new("--until") { Description = "up to then", HelpName = "WHEN" };
        Option<int> limit = new("--limit") { Description = "the newest so many", DefaultValueFactory = _ => 1000, HelpName = "N" };
        Option<bool> follow = new("--follow", "-f") { Description = "go on with what comes and matches" };
        Command command = new("query", "records that match, oldest first") { principal, path, vault, name, action, decision, credential, peer, request, since, until, limit, follow };
        command.SetAction((parsed, cancellation) => context.RunAsync(async terminal =>
        {
            using CofferClient client = context.Connect(parsed);
            AuditSearch search = new()
            {
                Principal = parsed.GetValue(principal),
                Path = parsed.GetValue(path),
                Vault = parsed.GetValue(vault),
                Name = parsed.GetValue(name),
                Action = parsed.GetValue(action),
                Decision = parsed.GetValue(decision),
                Credential = parsed.GetValue(credential),
                Address = parsed.GetValue(peer),
                Request = parsed.GetValue(request),
                Since = Moment.Parse(parsed.GetValue(since), context.Clock, ago: true),
                Until = Moment.Parse(parsed.GetValue(until), context.Clock, ago: true),
                Limit = parsed.GetValue(limit),
            };
            await PrintAsync(context, parsed, terminal, client, search, parsed.GetValue(follow), cancellation).ConfigureAwait(false);
            return CofferExit.Ok;
        }));
        return command;
    }

    private static Command Index(CliContext context)
    {
        Option<bool> rebuild = new("--rebuild") { Description = "build all of it anew" };
        Command command = new("index", "examine the trail's index, and build what is missing, damaged or stale in it") { rebuild };
        command.SetAction((parsed, cancellation) => context.RunAsync(async terminal =>
        {
            using CofferClient client = context.Connect(parsed);
            AuditIndexState state = await client.IndexAuditAsync(parsed.GetValue(rebuild), cancellation).ConfigureAwait(false);
            context.Answer(parsed, state, ContractsJson.Default.AuditIndexState, () =>
            {
                terminal.Line($"{state.Segments} of {state.Files} full files have a segment: {state.Records} records, {state.Bytes} bytes");
                terminal.Line($"built now: {state.Missing} missing, {state.Damaged} damaged, {state.Stale} stale, {state.Rebuilt} sound; by queries since the start: {state.Repaired} damaged or stale");
            });
            return state.Segments == state.Files ? CofferExit.Ok : CofferExit.Failure;
        }));
        return command;
    }

    private static Command Verify(CliContext context)
    {
        Command command = new("verify", "find a changed, dropped, reordered, duplicated or cut-off record");
        command.SetAction((parsed, cancellation) => context.RunAsync(async terminal =>
        {
            using CofferClient client = context.Connect(parsed);
            AuditVerification report = await client.VerifyAuditAsync(cancellation).ConfigureAwait(false);
            context.Answer(parsed, report, ContractsJson.Default.AuditVerification, () =>
            {
                foreach (AuditFault fault in report.Problems)
                {
                    terminal.Line($"{fault.Kind}: {fault.File}:{fault.Line} record {fault.Sequence} {fault.Detail}".TrimEnd());
                }

                terminal.Line(report.Sound
                    ? $"sound: {report.Records} records in {report.Files} files, {report.Checkpoints} signed checkpoints"
                    : $"NOT sound: {report.ProblemCount} problems in {report.Records} records");
            });
            return report.Sound ? CofferExit.Ok : CofferExit.Invalid;
        }));
        return command;
    }

    private static async Task PrintAsync(CliContext context, ParseResult parsed, Terminal terminal, CofferClient client, AuditSearch search, bool follow, CancellationToken cancellation)
    {
        await foreach (AuditEvent entry in (follow ? client.FollowAuditAsync(search, cancellation) : client.QueryAuditAsync(search, cancellation)).ConfigureAwait(false))
        {
            Print(context, parsed, terminal, entry);
        }
    }

    private static void Print(CliContext context, ParseResult parsed, Terminal terminal, AuditEvent entry)
    {
        if (context.Json(parsed))
        {
            context.WriteJson(entry, ContractsJson.Default.AuditEvent);
            return;
        }

        string place = entry.Vault is null ? entry.Name ?? "-" : entry.Name is null ? entry.Vault : $"{entry.Vault}/{entry.Name}";
        terminal.Line($"{SecretLifeCommands.Time(entry.Time)} {entry.Decision,-5} {entry.Principal ?? "-"} {entry.Dialect}:{entry.WireOperation} {entry.Action} {place}{(entry.Version is null ? "" : " v" + entry.Version)}  {entry.Reason}");
    }
}
