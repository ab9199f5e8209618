using System.CommandLine;
using Coffer.Cli.Commands;

namespace Coffer.Cli;

/// <summary>Every command, in the order of the manual. Help, completion and <c>docs/cli.md</c> come from here.</summary>
internal static class CommandTree
{
    public static RootCommand Create(CliContext context)
    {
        RootCommand root = new("Coffer keeps secrets, and hands each one only to whom it was granted.");
        root.Options.Add(context.JsonOption);
        root.Options.Add(context.SocketOption);
        root.Options.Add(context.AddressOption);
        foreach (Command command in Commands(context))
        {
            root.Subcommands.Add(command);
        }

        return root;
    }

    /// <summary>The words that lead to a command, each followed by a space; '' for the root.</summary>
    public static string PathOf(Command command)
    {
        string path = "";
        for (Command? at = command; at is not null and not RootCommand; at = at.Parents.OfType<Command>().FirstOrDefault())
        {
            path = $"{at.Name} {path}";
        }

        return path;
    }

    private static IEnumerable<Command> Commands(CliContext context) =>
    [
        DevCommand.Create(context),
        .. LaunchCommands.All(ProjectCommands.Promote(context)),
        .. SecretCommands.All(context),
        SecretDetailCommands.Create(context),
        ServerCommands.Init(context),
        ServerCommands.Serve(context),
        AgentCommand.Create(context),
        .. SealCommands.All(context),
        VaultCommands.Create(context),
        .. LoginCommands.All(context),
        .. PrincipalCommands.All(context),
        .. PersonCommands.All(context),
        SecondFactorCommands.Create(context),
        KeyCommands.Create(context),
        AwsCredentialsCommand.Create(context),
        GrantCommands.Create(context),
        ProjectCommands.Create(context),
        .. RequestCommands.All(context),
        .. AnswerCommands.All(context),
        TrustCommands.Create(context),
        AuditCommands.Create(context),
        CompletionCommand.Create(context),
        ManualCommand.Create(context),
    ];
}
