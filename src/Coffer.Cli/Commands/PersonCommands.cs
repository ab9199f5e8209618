using System.CommandLine;
using Coffer.Cli.Output;
using Coffer.Client;
using Coffer.Contracts;
using Coffer.Launch;
using Coffer.Login;
using Coffer.Login.Sessions;

namespace Coffer.Cli.Commands;

/// <summary><c>coffer person …</c> and <c>coffer passwd</c>: how people come to a password, and lose it.</summary>
internal static class PersonCommands
{
    public static IEnumerable<Command> All(CliContext context) =>
    [
        new("person", "people's passwords, second factors and sessions") { Invite(context), Reset(context), Enrol(context), Unlock(context), Sessions(context) },
        ChangePassword(context),
    ];

    private static Argument<string> Name() => new("person") { Description = "a principal of kind person or operator", HelpName = "PERSON" };

    private static Command Invite(CliContext context) => Inviting(
        context, "invite", "let a person set their password; the invitation is good once, and replaces earlier ones", (client, person, options, cancellation) => client.InvitePersonAsync(person, options, cancellation));

    private static Command Reset(CliContext context) => Inviting(
        context, "reset", "end a person's password, second factor and sessions at once, and invite them anew", (client, person, options, cancellation) => client.ResetPersonAsync(person, options, cancellation));

    private static Command Inviting(CliContext context, string word, string description, Func<CofferClient, string, NewInvitation, CancellationToken, Task<IssuedInvitation>> call)
    {
        Argument<string> name = Name();
        Option<string?> life = new("--for") { Description = "how long the invitation is good: 30m to 7d (default: 24h)", HelpName = "TIME" };
        Command command = new(word, description) { name, life };
        command.SetAction((parsed, cancellation) => context.RunAsync(async terminal =>
        {
            using CofferClient client = context.Connect(parsed);
            using IssuedInvitation invitation = await call(client, parsed.GetValue(name)!, new() { Seconds = Moment.IntSeconds(parsed.GetValue(life)) }, cancellation).ConfigureAwait(false);
            context.Answer(parsed, invitation, ContractsJson.Default.IssuedInvitation, () =>
            {
                terminal.Line($"person      {invitation.Principal}");
                terminal.Line($"until       {SecretLifeCommands.Time(invitation.Expires)}");
                terminal.ValueLine("invitation  ", invitation.Invitation.Utf8);
                terminal.Remark($"give it to {invitation.Principal} and nobody else; they type it after: coffer person enrol");
            });
            return CofferExit.Ok;
        }));
        return command;
    }

    private static Command Enrol(CliContext context)
    {
        Command command = new("enrol", "set your password with an invitation");
        command.SetAction((parsed, cancellation) => context.RunAsync(async terminal =>
        {
            using CofferClient client = new(LoginCommands.Nobody(context, parsed));
            client.CheckPrivate();
            using InvitationAcceptance acceptance = new()
            {
                Invitation = SecretText.From(terminal.ReadHidden("invitation: ").AsSpan().Trim()),
                Password = NewPassword(terminal),
            };
            InvitedPerson person = await LoginCommands.HintedAsync(client.AcceptInvitationAsync(acceptance, cancellation), "ask for another: coffer person invite").ConfigureAwait(false);
            context.Answer(parsed, person, ContractsJson.Default.InvitedPerson, () => terminal.Line($"{person.Principal} has a password now"));
            terminal.Remark($"next: coffer login {person.Principal}, then coffer second-factor enable");
            return CofferExit.Ok;
        }));
        return command;
    }

    private static Command Unlock(CliContext context)
    {
        Argument<string> name = Name();
        Command command = new("unlock", "let a person try again at once whose name was guessed at too often") { name };
        command.SetAction((parsed, cancellation) => context.RunAsync(async _ =>
        {
            using CofferClient client = context.Connect(parsed);
            await client.UnlockPersonAsync(parsed.GetValue(name)!, cancellation).ConfigureAwait(false);
            return CofferExit.Ok;
        }));
        return command;
    }

    private static Command Sessions(CliContext context)
    {
        Argument<string?> name = new("person") { Description = "whose (default: your own)", HelpName = "PERSON", Arity = ArgumentArity.ZeroOrOne };
        Command command = new("sessions", "where a person is logged in; coffer key delete ends one") { name };
        command.SetAction((parsed, cancellation) => context.RunAsync(async terminal =>
        {
            using CofferClient client = context.Connect(parsed);
            string person = parsed.GetValue(name) ?? (await client.WhoAmIAsync(cancellation).ConfigureAwait(false)).Principal;
            SessionList list = await client.ListSessionsAsync(person, cancellation).ConfigureAwait(false);
            context.Answer(parsed, list, ContractsJson.Default.SessionList, () => terminal.Table(
                ["id", "begun", "ends", "how"],
                [.. list.Sessions.Select(s => (IReadOnlyList<string>)[s.Id, SecretLifeCommands.Time(s.Created), s.Expires is { } end ? SecretLifeCommands.Time(end) : "-", s.Description + (s.Current ? " (this one)" : "")])]));
            return CofferExit.Ok;
        }));
        return command;
    }

    private static Command ChangePassword(CliContext context)
    {
        Command command = new("passwd", "change your password; every session that was got with the old one ends");
        command.SetAction((parsed, cancellation) => context.RunAsync(async terminal =>
        {
            CofferClientOptions server = context.ServerOptions(parsed.GetValue(context.SocketOption), parsed.GetValue(context.AddressOption));
            using CofferClient client = new(server);
            using PasswordChange change = new() { Old = SecretText.From(terminal.ReadHidden("password so far: ")), New = NewPassword(terminal) };
            await client.ChangePasswordAsync(change, cancellation).ConfigureAwait(false);
            bool ended = await ForgetEndedAsync(context, server, cancellation).ConfigureAwait(false);
            terminal.Remark($"the password is changed, and the sessions of the old one have ended{(ended ? ": coffer login" : "")}");
            return CofferExit.Ok;
        }));
        return command;
    }

    /// <summary>
    /// Forgets the session that is kept here where the new password has ended it. One that was got through an issuer, or is another
    /// person's, has not ended: it is kept, since what is forgotten while it lasts can be ended from here no more.
    /// </summary>
    private static async Task<bool> ForgetEndedAsync(CliContext context, CofferClientOptions server, CancellationToken cancellationToken)
    {
        string name = StoredSession.ServerOf(server);
        try
        {
            using StoredSession? kept = context.Sessions.FindToEnd(name);
            if (kept is not null)
            {
                using CofferClient client = new(server with { Token = kept.Token, CaFile = server.CaFile ?? kept.CaFile });
                await client.WhoAmIAsync(cancellationToken).ConfigureAwait(false);
            }
        }
        catch (CofferClientException answered) when (answered.Status == 401)
        {
            return context.Sessions.Forget(name);
        }
        catch (Exception failure) when (failure is LoginException or CofferClientException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            // Not known: the next command tells.
        }

        return false;
    }

    private static SecretText NewPassword(Terminal terminal)
    {
        string first = terminal.ReadHidden("new password, 12 characters or more: ");
        return !terminal.InputIsTerminal || terminal.ReadHidden("again: ") == first
            ? SecretText.From(first)
            : throw new CliException(CofferExit.Invalid, "the two passwords differ");
    }
}
