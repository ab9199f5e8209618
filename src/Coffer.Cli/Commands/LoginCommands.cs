using System.CommandLine;
using System.Diagnostics;
using Coffer.Cli.Output;
using Coffer.Client;
using Coffer.Contracts;
using Coffer.Launch;
using Coffer.Login;
using Coffer.Login.Issuers;
using Coffer.Login.Sessions;

namespace Coffer.Cli.Commands;

/// <summary><c>coffer login</c>, <c>logout</c> and <c>whoami</c>.</summary>
internal static class LoginCommands
{
    public static IEnumerable<Command> All(CliContext context) => [LogIn(context), LogOut(context), WhoAmI(context)];

    private static Command LogIn(CliContext context)
    {
        Argument<string?> name = new("person") { Description = "your name, for a login by password", HelpName = "PERSON", Arity = ArgumentArity.ZeroOrOne };
        Option<bool> browser = new("--browser") { Description = "log in at an issuer, with a browser on this machine" };
        Option<bool> device = new("--device") { Description = "log in at an issuer, with a browser on another device" };
        Option<string?> trust = new("--trust") { Description = "which issuer, where the server knows several", HelpName = "TRUST" };
        Option<bool> keychain = new("--keychain") { Description = "keep the token in the desktop's keychain (secret-tool), not in a file" };
        Command command = new("login", "log in as a person; later commands to this server use the session until it ends") { name, browser, device, trust, keychain };
        command.Validators.Add(result =>
        {
            if ((result.GetValue(browser) ? 1 : 0) + (result.GetValue(device) ? 1 : 0) + (result.GetValue(name) is null ? 0 : 1) > 1)
            {
                result.AddError("a login is by name and password, or --browser, or --device");
            }
        });
        command.SetAction((parsed, cancellation) => context.RunAsync(async terminal =>
        {
            if (parsed.GetValue(keychain) && context.Sessions.Keychain is null)
            {
                throw new CliException(CofferExit.Unavailable, "there is no keychain: secret-tool is not installed", "install libsecret-tools, or log in without --keychain");
            }

            CofferClientOptions server = context.PlaceOrLast(parsed.GetValue(context.SocketOption), parsed.GetValue(context.AddressOption));
            using CofferClient client = new(server);
            client.CheckPrivate();
            if (StoredSession.ServerOf(server) is var shown && shown != StoredSession.ServerOf(Nobody(context, parsed)))
            {
                terminal.Remark($"no server is named: logging in at {shown}, as the last time");
            }

            using LoginResult result = parsed.GetValue(browser) || parsed.GetValue(device)
                ? await AtIssuerAsync(context, client, parsed.GetValue(trust), parsed.GetValue(device), cancellation).ConfigureAwait(false)
                : await ByPasswordAsync(client, parsed.GetValue(name), terminal, cancellation).ConfigureAwait(false);
            SessionInfo session = new() { Id = result.Id, Description = StoredSession.ServerOf(server), Created = context.Clock.GetUtcNow(), Expires = result.Expires, Current = true };
            await KeepAsync(context, server, result, session, parsed.GetValue(keychain), cancellation).ConfigureAwait(false);
            context.Answer(parsed, session, ContractsJson.Default.SessionInfo, () =>
                terminal.Line($"logged in as {result.Principal} until {SecretLifeCommands.Time(result.Expires)}"));
            if (Environment.GetEnvironmentVariable("COFFER_TOKEN") is { Length: > 0 })
            {
                terminal.Remark("coffer: warning: COFFER_TOKEN is set, and counts before this session");
            }

            return CofferExit.Ok;
        }));
        return command;
    }

    private static Command LogOut(CliContext context)
    {
        Option<bool> all = new("--all") { Description = "end the sessions with every server" };
        Command command = new("logout", "end the session with this server, there and here") { all };
        command.SetAction((parsed, cancellation) => context.RunAsync(async terminal =>
        {
            SessionFolder sessions = context.Sessions;
            bool any;
            if (parsed.GetValue(all))
            {
                foreach (StoredSession each in sessions.AllToEnd(refused => NotEnded(context, refused.Message)))
                {
                    using StoredSession session = each;
                    await EndAsync(context, session, null, cancellation).ConfigureAwait(false);
                }

                any = sessions.ForgetAll() > 0;
            }
            else
            {
                CofferClientOptions server = context.PlaceOrLast(parsed.GetValue(context.SocketOption), parsed.GetValue(context.AddressOption));
                using StoredSession? session = Kept(context, StoredSession.ServerOf(server));
                if (session is not null)
                {
                    await EndAsync(context, session, server, cancellation).ConfigureAwait(false);
                }

                any = sessions.Forget(StoredSession.ServerOf(server));
            }

            if (!any)
            {
                terminal.Remark("there was no session");
            }

            return CofferExit.Ok;
        }));
        return command;
    }

    private static Command WhoAmI(CliContext context)
    {
        Command command = new("whoami", "who the server takes you for, and why");
        command.SetAction((parsed, cancellation) => context.RunAsync(async terminal =>
        {
            CofferClientOptions server = context.ServerOptions(parsed.GetValue(context.SocketOption), parsed.GetValue(context.AddressOption));
            using CofferClient client = new(server);
            WhoAmI who = await client.WhoAmIAsync(cancellation).ConfigureAwait(false);
            context.Answer(parsed, who, ContractsJson.Default.WhoAmI, () =>
            {
                terminal.Line($"name     {who.Principal}");
                terminal.Line($"kind     {who.Kind}");
                terminal.Line($"home     {who.Home ?? "-"}");
                terminal.Line($"through  {(server.Token is null ? $"the local socket ({who.Credential})" : CliContext.Place(parsed.GetValue(context.SocketOption), parsed.GetValue(context.AddressOption)).Token is null ? $"session {who.Credential}" : $"COFFER_TOKEN ({who.Credential})")}");
                terminal.Line($"until    {(who.Expires is { } end ? SecretLifeCommands.Time(end) : "-")}");
                terminal.Line($"server   {StoredSession.ServerOf(server)}");
            });
            return CofferExit.Ok;
        }));
        return command;
    }

    /// <summary>The way to a server that was named, without any proof of who we are but the socket's.</summary>
    internal static CofferClientOptions Nobody(CliContext context, ParseResult parsed) =>
        CliContext.Place(parsed.GetValue(context.SocketOption), parsed.GetValue(context.AddressOption)) with { Token = null };

    private static async Task<LoginResult> ByPasswordAsync(CofferClient client, string? name, Terminal terminal, CancellationToken cancellationToken)
    {
        name ??= terminal.ReadLine("name: ");
        // The code is always asked for: a server that said whether one is needed would say that the password was right.
        using PasswordLogin login = new()
        {
            Principal = name,
            Password = SecretText.From(terminal.ReadHidden("password: ")),
            Code = terminal.ReadHidden("one-time or recovery code (empty if you have none): ").Trim() is { Length: > 0 } code ? SecretText.From(code) : null,
        };
        return await HintedAsync(client.LoginAsync(login, cancellationToken), "a code is good once; after three tries each waits longer").ConfigureAwait(false);
    }

    /// <summary>Says of a refusal what helps with that one.</summary>
    internal static async Task<T> HintedAsync<T>(Task<T> call, string hint)
    {
        try
        {
            return await call.ConfigureAwait(false);
        }
        catch (CofferClientException refused) when (refused.Status == 401)
        {
            throw new CliException(CofferExit.Unauthenticated, refused.Message, hint);
        }
    }

    private static async Task<LoginResult> AtIssuerAsync(CliContext context, CofferClient client, string? trust, bool device, CancellationToken cancellationToken)
    {
        LoginProvider[] known = [.. (await client.ListLoginProvidersAsync(cancellationToken).ConfigureAwait(false)).Providers.Where(p => (trust is null || p.Trust == trust) && (p.Device || !device))];
        LoginProvider provider = known.Length switch
        {
            1 => known[0],
            0 => throw new CliException(CofferExit.NotFound, trust is null ? "the server knows no issuer for such a login" : $"people do not log in this way through {trust}", "docs/people.md says how a trust becomes one for people"),
            _ => throw new CliException(CofferExit.Usage, "the server knows several issuers", $"say which: --trust {string.Join(" | --trust ", known.Select(p => p.Trust))}"),
        };
        using IssuerHttp http = new();
        IssuerLogin login = new(client, http, context.Clock);
        return await HintedAsync(device
            ? login.ByDeviceAsync(
                provider,
                prompt =>
                {
                    context.Terminal.Remark($"on another device, open  {prompt.Address}");
                    context.Terminal.Remark($"and type the code        {prompt.Code}");
                    context.Terminal.Remark($"waiting until {SecretLifeCommands.Time(prompt.Expires)}; Ctrl-C gives up");
                },
                cancellationToken)
            : login.ByBrowserAsync(
                provider,
                address =>
                {
                    context.Terminal.Remark("your browser opens; if it does not, open this in it:");
                    context.Terminal.Remark(address.AbsoluteUri);
                    OpenBrowser(address);
                },
                cancellationToken), "an administrator sees why: coffer audit query --action Login").ConfigureAwait(false);
    }

    private static async Task KeepAsync(CliContext context, CofferClientOptions server, LoginResult result, SessionInfo session, bool keychain, CancellationToken cancellationToken)
    {
        string name = StoredSession.ServerOf(server);
        using StoredSession? before = Kept(context, name);
        using StoredSession kept = new()
        {
            Server = name,
            Principal = result.Principal,
            Id = result.Id,
            Begun = session.Created,
            Expires = result.Expires,
            CaFile = server.CaFile is { } file ? Path.GetFullPath(file) : null,
            InKeychain = keychain,
            Token = new(result.Token.Utf8),
        };
        try
        {
            context.Sessions.Keep(kept);
        }
        catch
        {
            // One that nobody can use is not left open.
            await EndAsync(context, kept, server, CancellationToken.None).ConfigureAwait(false);
            throw;
        }

        if (before is not null)
        {
            if (before.InKeychain && !keychain)
            {
                context.Sessions.Keychain?.Forget(name);
            }

            await EndAsync(context, before, server, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>The session with a server as far as there is one to end, or null; said where there may be one that cannot be.</summary>
    private static StoredSession? Kept(CliContext context, string server)
    {
        try
        {
            return context.Sessions.FindToEnd(server);
        }
        catch (LoginException refused)
        {
            NotEnded(context, refused.Message);
            return null;
        }
    }

    /// <summary>Ends a session on its server, as well as that goes.</summary>
    /// <param name="context">Where it is said if it does not go.</param>
    /// <param name="session">The session. Its own CA counts, for its own server.</param>
    /// <param name="named">A server that was named, whose CA may have been named as well; or null.</param>
    /// <param name="cancellationToken">Gives up.</param>
    private static async Task EndAsync(CliContext context, StoredSession session, CofferClientOptions? named, CancellationToken cancellationToken)
    {
        try
        {
            CofferClientOptions there = named is not null && session.Server == StoredSession.ServerOf(named) ? named : CliContext.PlaceOf(session.Server);
            using CofferClient client = new(there with { Token = session.Token, CaFile = there.CaFile ?? session.CaFile });
            await client.LogoutAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (CofferClientException refused) when (refused.Status == 401)
        {
            // It has ended already.
        }
        catch (Exception failure) when (failure is CofferClientException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            NotEnded(context, $"{session.Server} was not told: {session.Id} goes on there until {SecretLifeCommands.Time(session.Expires)}");
        }
    }

    private static void NotEnded(CliContext context, string problem)
    {
        context.Terminal.Remark($"coffer: warning: {problem}");
        context.Terminal.Remark("hint: a session that was not ended at its server ends there by coffer key delete ID; coffer person sessions shows it");
    }

    private static void OpenBrowser(Uri address)
    {
        string program = Environment.GetEnvironmentVariable("BROWSER") is { Length: > 0 } own ? own : OperatingSystem.IsMacOS() ? "open" : "xdg-open";
        try
        {
            // Its words are not ours to show, and it may outlive us. The address is an argument, never a part of what the shell reads.
            using Process? started = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", "exec \"$0\" \"$1\" >/dev/null 2>&1 </dev/null &", program, address.AbsoluteUri]));
            started?.WaitForExit();
        }
        catch (System.ComponentModel.Win32Exception)
        {
            // The address is on the screen.
        }
    }
}
