using System.CommandLine;
using Coffer.Client;
using Coffer.Contracts;
using Coffer.Launch;

namespace Coffer.Cli.Commands;

/// <summary><c>coffer principal allow-assume</c> and <c>forbid-assume</c>: who may act as a principal, as a machine's agent does for its programs.</summary>
internal static class AssumptionCommands
{
    public static Command Allow(CliContext context) => Make(context, "allow-assume", "let another principal, or a group, act as it: run --as, an agent", async (client, principal, by, cancellation) =>
    {
        await client.AllowAssumingAsync(principal, by, cancellation).ConfigureAwait(false);
        context.Terminal.Line($"{principal} may be assumed by {Text(by)}");
    });

    public static Command Forbid(CliContext context) => Make(context, "forbid-assume", "end that; tokens given before go on to their end", async (client, principal, by, cancellation) =>
    {
        await client.ForbidAssumingAsync(principal, by, cancellation).ConfigureAwait(false);
        context.Terminal.Line($"{principal} may no longer be assumed by {Text(by)}");
    });

    /// <summary>A principal or group, in words.</summary>
    public static string Text(Assumer by) => by.Group is { } group ? $"group {group}" : $"principal {by.Principal}";

    private static Command Make(CliContext context, string verb, string description, Func<CofferClient, string, Assumer, CancellationToken, Task> act)
    {
        Argument<string> name = PrincipalCommands.Name();
        Option<string> by = new("--by") { Description = "the principal who may act as it, or with --group the group", HelpName = "NAME", Required = true };
        Option<bool> group = new("--group") { Description = "--by names a group: each of its members may" };
        Command command = new(verb, description) { name, by, group };
        command.SetAction((parsed, cancellation) => context.RunAsync(async _ =>
        {
            using CofferClient client = context.Connect(parsed);
            string who = parsed.GetValue(by)!;
            await act(client, parsed.GetValue(name)!, parsed.GetValue(group) ? new() { Group = who } : new() { Principal = who }, cancellation).ConfigureAwait(false);
            return CofferExit.Ok;
        }));
        return command;
    }
}
