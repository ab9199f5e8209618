using System.CommandLine;
using System.Globalization;
using Coffer.Client;
using Coffer.Contracts;
using Coffer.Launch;

namespace Coffer.Cli.Commands;

/// <summary><c>coffer project …</c> and <c>coffer env promote</c>.</summary>
internal static class ProjectCommands
{
    public static Command Create(CliContext context) => new("project", "an application with its environments: development, staging, production") { Make(context), List(context) };

    public static Command Promote(CliContext context)
    {
        Argument<string> from = new("from") { Description = "the vault to copy from", HelpName = "FROM" };
        Argument<string> to = new("to") { Description = "the vault to copy to: a later environment", HelpName = "TO" };
        Argument<string[]> names = new("names") { Description = "which secrets", HelpName = "NAME…", Arity = ArgumentArity.OneOrMore };
        Option<bool> yes = new("--yes") { Description = "copy; without it only the plan is shown" };
        Command command = new("promote", "copy current values to a later environment, by plan; never out of production") { from, to, names, yes };
        command.SetAction((parsed, cancellation) => context.RunAsync(async terminal =>
        {
            using CofferClient client = context.Connect(parsed);
            Promotion wanted = new() { From = parsed.GetValue(from)!, To = parsed.GetValue(to)!, Names = parsed.GetValue(names)!, Apply = parsed.GetValue(yes) };
            PromotionResult result = await client.PromoteAsync(wanted, cancellation).ConfigureAwait(false);
            context.Answer(parsed, result, ContractsJson.Default.PromotionResult, () =>
            {
                terminal.Table(["secret", "step", "version"], [.. result.Items.Select(i => (IReadOnlyList<string>)[i.Name, i.Step, i.Version?.ToString(CultureInfo.InvariantCulture) ?? "-"])]);
                if (!wanted.Apply && result.Items.Any(i => i.Step is "create" or "replace"))
                {
                    terminal.Remark($"this is the plan for {wanted.From} → {wanted.To}; nothing was copied");
                    terminal.Remark("hint: the same with --yes copies");
                }
            });
            return result.Items.Any(i => i.Step is "missing" or "refused") ? CofferExit.Refused : CofferExit.Ok;
        }));
        return command;
    }

    private static Command Make(CliContext context)
    {
        Argument<string> name = new("project") { Description = "3 to 16 of a-z, 0-9 and -", HelpName = "PROJECT" };
        Command command = new("create", "make its vaults, groups and grants; what is there stays") { name };
        command.SetAction((parsed, cancellation) => context.RunAsync(async terminal =>
        {
            using CofferClient client = context.Connect(parsed);
            ProjectInfo project = await client.CreateProjectAsync(parsed.GetValue(name)!, cancellation).ConfigureAwait(false);
            context.Answer(parsed, project, ContractsJson.Default.ProjectInfo, () =>
            {
                terminal.Line($"vaults  {string.Join(", ", project.Vaults.Select(v => v.Name))}");
                terminal.Line($"groups  {string.Join(", ", project.Groups)}");
                terminal.Remark($"hint: coffer group add {project.Name}-developers NAME lets somebody write {project.Vaults[0].Name} and see the names in {project.Vaults[1].Name}");
            });
            return CofferExit.Ok;
        }));
        return command;
    }

    private static Command List(CliContext context)
    {
        Command command = new("list", "projects of which you may see a vault");
        command.SetAction((parsed, cancellation) => context.RunAsync(async terminal =>
        {
            using CofferClient client = context.Connect(parsed);
            ProjectList list = await client.ListProjectsAsync(cancellation).ConfigureAwait(false);
            context.Answer(parsed, list, ContractsJson.Default.ProjectList, () => terminal.Table(
                ["project", "vaults"], [.. list.Projects.Select(p => (IReadOnlyList<string>)[p.Name, string.Join(", ", p.Vaults.Select(v => v.Name))])]));
            return CofferExit.Ok;
        }));
        return command;
    }
}
