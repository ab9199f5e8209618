using System.CommandLine;
using Coffer.Client;
using Coffer.Contracts;
using Coffer.Launch;

namespace Coffer.Cli.Commands;

/// <summary><c>coffer key …</c>: credentials of a principal.</summary>
internal static class KeyCommands
{
    public static Command Create(CliContext context) => new("key", "credentials of a principal: AWS access keys and tokens of Coffer's own API")
    {
        Make(context), List(context), Show(context), Delete(context),
    };

    private static Argument<string> Principal() => new("principal") { Description = "whose", HelpName = "PRINCIPAL" };

    private static Command Make(CliContext context)
    {
        Argument<string> principal = Principal();
        Option<string> kind = new("--kind") { Description = "access-key or token", DefaultValueFactory = _ => "access-key", HelpName = "KIND" };
        kind.AcceptOnlyFromAmong("access-key", "token");
        Option<string?> description = new("--description") { Description = "what it is for", HelpName = "TEXT" };
        Option<string?> expires = new("--expires") { Description = "when it ends: 90d, 12h, 30m, or a date", HelpName = "WHEN" };
        Option<int?> uses = new("--uses") { Description = "how often it may be used", HelpName = "N" };
        Option<string[]> cidrs = new("--cidr") { Description = "network it may be used from", HelpName = "CIDR" };
        Command command = new("create", "make a credential; its secret half is shown once, never again") { principal, kind, description, expires, uses, cidrs };
        command.SetAction((parsed, cancellation) => context.RunAsync(async terminal =>
        {
            NewCredential body = new()
            {
                Description = parsed.GetValue(description),
                Expires = Moment.Parse(parsed.GetValue(expires), context.Clock),
                Uses = parsed.GetValue(uses),
                Cidrs = parsed.GetValue(cidrs) is { Length: > 0 } networks ? networks : null,
            };
            using CofferClient client = context.Connect(parsed);
            bool token = parsed.GetValue(kind) == "token";
            using IssuedSecret issued = token
                ? await client.CreateTokenAsync(parsed.GetValue(principal)!, body, cancellation).ConfigureAwait(false)
                : await client.CreateAccessKeyAsync(parsed.GetValue(principal)!, body, cancellation).ConfigureAwait(false);
            context.Answer(parsed, issued, ContractsJson.Default.IssuedSecret, () =>
            {
                terminal.Line($"id      {issued.Credential.Id}");
                terminal.Out.Write("secret  ");
                terminal.WriteValue(issued.Secret.Utf8);
                if (!terminal.OutputIsTerminal)
                {
                    terminal.Line("");
                }

                terminal.Remark("the secret is shown once: keep it now");
            });
            return CofferExit.Ok;
        }));
        return command;
    }

    private static Command List(CliContext context)
    {
        Argument<string> principal = Principal();
        Command command = new("list", "credentials of a principal, without their secrets") { principal };
        command.SetAction((parsed, cancellation) => context.RunAsync(async terminal =>
        {
            using CofferClient client = context.Connect(parsed);
            CredentialList list = await client.ListCredentialsAsync(parsed.GetValue(principal)!, cancellation).ConfigureAwait(false);
            context.Answer(parsed, list, ContractsJson.Default.CredentialList, () => terminal.Table(
                ["id", "kind", "created", "expires", "last used", "description"],
                [.. list.Credentials.Select(c => (IReadOnlyList<string>)[c.Id, c.Kind, SecretLifeCommands.Time(c.Created), c.Expires is { } end ? SecretLifeCommands.Time(end) : "-", c.LastUsed?.ToString("yyyy-MM-dd", System.Globalization.CultureInfo.InvariantCulture) ?? "-", c.Description])]));
            return CofferExit.Ok;
        }));
        return command;
    }

    private static Command Show(CliContext context)
    {
        Argument<string> principal = Principal();
        Argument<string> id = new("id") { Description = "public id of the credential", HelpName = "ID" };
        Command command = new("show", "one credential, without its secret") { principal, id };
        command.SetAction((parsed, cancellation) => context.RunAsync(async terminal =>
        {
            using CofferClient client = context.Connect(parsed);
            CredentialList list = await client.ListCredentialsAsync(parsed.GetValue(principal)!, cancellation).ConfigureAwait(false);
            CredentialInfo found = list.Credentials.FirstOrDefault(c => c.Id == parsed.GetValue(id)) ?? throw new CliException(CofferExit.NotFound, "there is no such credential");
            context.Answer(parsed, found, ContractsJson.Default.CredentialInfo, () =>
            {
                terminal.Line($"id           {found.Id}");
                terminal.Line($"kind         {found.Kind}");
                terminal.Line($"created      {SecretLifeCommands.Time(found.Created)}");
                terminal.Line($"expires      {(found.Expires is { } end ? SecretLifeCommands.Time(end) : "-")}");
                terminal.Line($"networks     {(found.Cidrs.Count > 0 ? string.Join(", ", found.Cidrs) : "any")}");
                terminal.Line($"description  {found.Description}".TrimEnd());
            });
            return CofferExit.Ok;
        }));
        return command;
    }

    private static Command Delete(CliContext context)
    {
        Argument<string> id = new("id") { Description = "public id of the credential", HelpName = "ID" };
        Command command = new("delete", "remove a credential; it stops working in the very next request") { id };
        command.SetAction((parsed, cancellation) => context.RunAsync(async _ =>
        {
            using CofferClient client = context.Connect(parsed);
            await client.DeleteCredentialAsync(parsed.GetValue(id)!, cancellation).ConfigureAwait(false);
            return CofferExit.Ok;
        }));
        return command;
    }
}
