using System.Collections;
using System.CommandLine;
using Coffer.Cli.Output;
using Coffer.Core;
using Coffer.Core.Access;
using Coffer.Launch;
using Coffer.Protocols;
using Coffer.Server;
using Coffer.Workload;
using Coffer.Workload.Child;
using Coffer.Workload.Doors;
using Coffer.Workload.Intercepting;
using Microsoft.AspNetCore.Http;

namespace Coffer.Cli.Commands;

/// <summary>
/// <c>coffer dev</c>: a throw-away server. With a command behind <c>--</c>, that runs inside it, finds the secrets as it would in
/// the cloud, and ends it.
/// </summary>
internal static class DevCommand
{
    private const int SessionSeconds = 12 * 3600;

    /// <summary>Wires that the server speaks.</summary>
    internal static HashSet<string> Wires { get; } = ["aws"];

    public static Command Create(CliContext context)
    {
        Option<string?> vault = new("--vault") { Description = "the vault that plain names land in", HelpName = "VAULT", DefaultValueFactory = _ => DevServer.VaultName };
        Option<string?> identity = new("--as") { Description = "be this principal of the throw-away server in place of its administrator", HelpName = "PRINCIPAL" };
        Option<bool> keep = new("--keep-credentials") { Description = "leave cloud credentials of the environment in force" };
        Option<string[]> intercept = new("--intercept") { Description = "a sign-in service to answer for too: sts. the program's other uses of it then fail", HelpName = "SERVICE" };
        intercept.AcceptOnlyFromAmong("sts");
        Option<string?> functions = new("--functions") { Description = "file of the functions that rotate secrets (docs/rotation.md); without a command only", HelpName = "FILE" };
        Option<bool> verbose = new("--verbose") { Description = "log what the server and the proxy do" };
        Argument<string[]> program = new("command") { Description = "the program to run in it, after --", HelpName = "-- COMMAND", Arity = ArgumentArity.ZeroOrMore };
        Command command = new("dev", "a throw-away server with a sample vault, ready for the vendors' SDKs; a command runs inside it") { vault, identity, keep, intercept, functions, verbose, program };
        command.SetAction((parsed, cancellation) => context.RunAsync(async terminal =>
        {
            string[] words = parsed.GetValue(program) ?? [];
            (string? path, int exit) = words.Length == 0 ? (null, 0) : ProgramSearch.Find(words[0], Environment.GetEnvironmentVariable("PATH"));
            if (exit != 0)
            {
                throw new CliException(exit, exit == 126 ? "the program cannot be executed" : "the program was not found", "it is looked for in PATH, as a shell does");
            }

            if (path is not null && parsed.GetValue(functions) is not null)
            {
                // Around a command this process sees to every orphan, and would take the functions for such.
                throw new CliException(CofferExit.Usage, "functions do not run beside a command", "start coffer dev without one, and use it from another terminal");
            }

            await using DevServer dev = await DevServer.StartAsync(
                context.Clock, parsed.GetValue(verbose) ? ServerLogging.Console : null, ServerSettings.ReadFunctions(parsed.GetValue(functions)), cancellation).ConfigureAwait(false);
            CofferServer server = dev.Server;
            WorkloadOptions options = new()
            {
                Handler = request => HandleAsync(server, request),
                Wires = Wires,
                Doors = [new AwsContainerDoor(stop => IssueAsync(dev, parsed.GetValue(identity), parsed.GetValue(vault), stop), context.Clock)],
                Inherited = Inherited(),
                Vault = parsed.GetValue(vault)!,
                Socket = server.SocketPath,
                KeepCredentials = parsed.GetValue(keep),
                AlsoServices = (parsed.GetValue(intercept) ?? []).ToHashSet(StringComparer.Ordinal),
                Clock = context.Clock,
                Log = (host, port, outcome) =>
                {
                    if (parsed.GetValue(verbose))
                    {
                        terminal.Remark($"coffer: proxy: {host}:{port} {outcome}");
                    }
                },
            };
            if (path is not null)
            {
                await using WorkloadHost host = await WorkloadHost.StartAsync(options, cancellation).ConfigureAwait(false);
                return await ChildProcess.RunAsync(path, words[1..], host.Environment, context.Clock).ConfigureAwait(false);
            }

            Explain(terminal, server);
            await server.WaitForShutdownAsync(cancellation).ConfigureAwait(false);
            return CofferExit.Ok;
        }));
        return command;
    }

    /// <summary>The environment of this process.</summary>
    internal static Dictionary<string, string> Inherited() =>
        Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().ToDictionary(e => (string)e.Key, e => (string?)e.Value ?? "", StringComparer.Ordinal);

    private static Task HandleAsync(CofferServer server, HttpContext request)
    {
        if (request.Features.Get<InterceptedName>() is { } name)
        {
            request.Features.Set(new InterceptedHost(name.Host, name.Wire));
        }

        return server.Handler(request);
    }

    private static async ValueTask<AwsSessionCredentials> IssueAsync(DevServer dev, string? principal, string? vault, CancellationToken cancellationToken)
    {
        using TemporaryAccessKey key = await dev.IssueAsync(principal, vault, SessionSeconds, cancellationToken).ConfigureAwait(false);
        return new(key.AccessKeyId, key.SecretAccessKey.Span.ToArray(), key.SessionToken, Microseconds.ToTime(key.Expires));
    }

    private static void Explain(Terminal terminal, CofferServer server)
    {
        terminal.Line($"a throw-away server is up at {server.Address}; it is gone, with all in it, when you press Ctrl-C");
        terminal.Line("");
        terminal.Line($"  vault {DevServer.VaultName} holds:");
        foreach ((string name, string description) in DevServer.Samples)
        {
            terminal.Line($"    {name,-22} {description}");
        }

        terminal.Line("");
        terminal.Line("in another terminal:");
        terminal.Line($"  export COFFER_SOCKET={server.SocketPath} COFFER_VAULT={DevServer.VaultName}");
        terminal.Line("  ./coffer get api-key --show");
        terminal.Line("  ./coffer list; ./coffer audit tail");
        terminal.Line("");
        terminal.Line("or a program inside a server of its own, unchanged, with nothing configured:");
        terminal.Line("  ./coffer dev -- /usr/bin/python3 -c 'import boto3; print(boto3.client(\"secretsmanager\").get_secret_value(SecretId=\"api-key\")[\"SecretString\"])'");
    }
}
