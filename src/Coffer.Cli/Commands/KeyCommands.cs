using System.CommandLine;
using Coffer.Cli.Output;
using Coffer.Client;
using Coffer.Contracts;
using Coffer.Launch;

namespace Coffer.Cli.Commands;

/// <summary><c>coffer key …</c>: credentials of a principal.</summary>
internal static class KeyCommands
{
    public static Command Create(CliContext context) => new("key", "credentials of a principal: AWS access keys and tokens of Coffer's own API")
    {
        Make(context), List(context), Show(context), Rotate(context), Update(context), Delete(context),
    };

    private static Argument<string> Principal() => new("principal") { Description = "whose", HelpName = "PRINCIPAL" };

    private static Argument<string> Id() => new("id") { Description = "public id of the credential", HelpName = "ID" };

    private static void Print(Terminal terminal, string id, SecretText secret)
    {
        terminal.Line($"id      {id}");
        terminal.ValueLine("secret  ", secret.Utf8);
        terminal.Remark("the secret is shown once: keep it now");
    }

    private static void Print(CliContext context, ParseResult parsed, CredentialInfo credential) => context.Answer(parsed, credential, ContractsJson.Default.CredentialInfo, () =>
    {
        Terminal terminal = context.Terminal;
        terminal.Line($"id           {credential.Id}");
        terminal.Line($"kind         {credential.Kind}");
        terminal.Line($"created      {SecretLifeCommands.Time(credential.Created)}");
        terminal.Line($"expires      {(credential.Expires is { } end ? SecretLifeCommands.Time(end) : "-")}");
        terminal.Line($"networks     {(credential.Cidrs.Count > 0 ? string.Join(", ", credential.Cidrs) : "any")}");
        terminal.Line($"description  {credential.Description}".TrimEnd());
    });

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
            context.Answer(parsed, issued, ContractsJson.Default.IssuedSecret, () => Print(terminal, issued.Credential.Id, issued.Secret));
            return CofferExit.Ok;
        }));
        return command;
    }

    private static Command Rotate(CliContext context)
    {
        Argument<string> id = Id();
        Option<string?> overlap = new("--overlap") { Description = "how long the old one goes on: 0 to 30d (default: 24h)", HelpName = "TIME" };
        Option<string?> expires = new("--expires") { Description = "when the new one ends (default: when the old one would have)", HelpName = "WHEN" };
        Command command = new("rotate", "make another key like this one; the old one goes on for a while, so that nothing stops") { id, overlap, expires };
        command.SetAction((parsed, cancellation) => context.RunAsync(async terminal =>
        {
            CredentialRotation options = new()
            {
                OverlapSeconds = Moment.IntSeconds(parsed.GetValue(overlap)),
                Expires = Moment.Parse(parsed.GetValue(expires), context.Clock),
            };
            using CofferClient client = context.Connect(parsed);
            using RotatedCredential rotated = await client.RotateCredentialAsync(parsed.GetValue(id)!, options, cancellation).ConfigureAwait(false);
            context.Answer(parsed, rotated, ContractsJson.Default.RotatedCredential, () =>
            {
                Print(terminal, rotated.Credential.Id, rotated.Secret);
                terminal.Remark(rotated.Old.Expires is { } end && end > context.Clock.GetUtcNow() ? $"{rotated.Old.Id} goes on until {SecretLifeCommands.Time(end)}" : $"{rotated.Old.Id} has ended");
            });
            return CofferExit.Ok;
        }));
        return command;
    }

    private static Command Update(CliContext context)
    {
        Argument<string> id = Id();
        Option<string?> description = new("--description") { Description = "what it is for", HelpName = "TEXT" };
        Option<string?> expires = new("--expires") { Description = "when it ends: 90d, 12h, 30m, or a date", HelpName = "WHEN" };
        Option<bool> disable = new("--disable") { Description = "end it in the very next request" };
        Option<bool> enable = new("--enable") { Description = "let it work again, without an end or until --expires" };
        Command command = new("update", "change what a credential is for, or its end") { id, description, expires, disable, enable };
        command.Validators.Add(result =>
        {
            if (result.GetValue(disable) && (result.GetValue(enable) || result.GetValue(expires) is not null))
            {
                result.AddError("--disable goes with neither --enable nor --expires");
            }
        });
        command.SetAction((parsed, cancellation) => context.RunAsync(async _ =>
        {
            CredentialUpdate change = new()
            {
                Description = parsed.GetValue(description),
                Expires = Moment.Parse(parsed.GetValue(expires), context.Clock),
                Enabled = parsed.GetValue(disable) ? false : parsed.GetValue(enable) ? true : null,
            };
            using CofferClient client = context.Connect(parsed);
            Print(context, parsed, await client.UpdateCredentialAsync(parsed.GetValue(id)!, change, cancellation).ConfigureAwait(false));
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
        Argument<string> id = Id();
        Command command = new("show", "one credential, without its secret") { principal, id };
        command.SetAction((parsed, cancellation) => context.RunAsync(async terminal =>
        {
            using CofferClient client = context.Connect(parsed);
            CredentialList list = await client.ListCredentialsAsync(parsed.GetValue(principal)!, cancellation).ConfigureAwait(false);
            CredentialInfo found = list.Credentials.FirstOrDefault(c => c.Id == parsed.GetValue(id)) ?? throw new CliException(CofferExit.NotFound, "there is no such credential");
            Print(context, parsed, found);
            return CofferExit.Ok;
        }));
        return command;
    }

    private static Command Delete(CliContext context)
    {
        Argument<string> id = Id();
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
