using System.CommandLine;
using System.Net;
using System.Security.Cryptography;
using Coffer.Cli.Agents;
using Coffer.Client;
using Coffer.Launch;
using Coffer.Server;
using Coffer.Workload.Agent;
using Coffer.Workload.Doors;
using Coffer.Workload.Forwarding;
using Microsoft.Extensions.Logging;

namespace Coffer.Cli.Commands;

/// <summary><c>coffer agent</c>: doors for programs that nobody starts through Coffer, each for one user or service of this machine.</summary>
internal sealed partial class AgentCommand
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(500), LongestPause = TimeSpan.FromSeconds(30);

    private readonly CliContext _context;
    private readonly Option<string?> _config = new("--config") { Description = "a file that names several workloads, in place of the options for one", HelpName = "FILE" };
    private readonly Option<string?> _as = new("--as") { Description = "the workload to be; without it the agent's own principal", HelpName = "PRINCIPAL" };
    private readonly Option<string?> _vault = new("--vault") { Description = "the vault that its calls land in (default: its home)", HelpName = "VAULT" };
    private readonly Option<string?> _user = new("--user") { Description = "the user of this machine whose programs are answered", HelpName = "NAME" };
    private readonly Option<string?> _group = new("--control-group") { Description = "only programs in or below this control group: /system.slice/shop.service", HelpName = "PATH" };
    private readonly Option<string?> _label = new("--label") { Description = "only programs with this SELinux or AppArmor label", HelpName = "LABEL" };
    private readonly Option<string?> _doors = new("--doors") { Description = "vendors' doors to open at --listen, separated by commas (default: all that the server speaks)", HelpName = "LIST" };
    private readonly Option<string?> _listen = new("--listen") { Description = "loopback address and port of the vendors' doors", HelpName = "ADDRESS:PORT" };
    private readonly Option<string?> _serve = new("--serve-socket") { Description = "make a Unix socket that speaks Coffer's own API as the workload: COFFER_SOCKET for its programs", HelpName = "FILE" };
    private readonly Option<string?> _vaultFile = new("--vault-token-file") { Description = "keep HashiCorp Vault's token in a file of the user's, in memory", HelpName = "FILE" };
    private readonly Option<string?> _tokenFile = new("--token-file") { Description = "the agent's own token, in a file of mode 0600; with --trust the platform's token", HelpName = "FILE" };
    private readonly Option<string?> _credential = new("--credential") { Description = "the agent's own token, as systemd loaded it under this name", HelpName = "NAME" };
    private readonly Option<string?> _trust = new("--trust") { Description = "the trust that takes the platform's token, as Kubernetes projects it", HelpName = "NAME" };
    private readonly Option<bool> _print = new("--print-env") { Description = "print the variables for the workloads' programs, and end" };

    private AgentCommand(CliContext context) => _context = context;

    public static Command Create(CliContext context)
    {
        AgentCommand agent = new(context);
        Command command = new("agent", "hand short-lived credentials to programs of this machine, each to the one user or service they are for")
        {
            agent._config, agent._as, agent._vault, agent._user, agent._group, agent._label, agent._doors, agent._listen, agent._serve, agent._vaultFile,
            agent._tokenFile, agent._credential, agent._trust, agent._print,
        };
        command.SetAction((parsed, cancellation) => context.RunAsync(_ => agent.RunAsync(parsed, cancellation)));
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        AgentConfiguration configuration = Configuration(parsed);
        if (parsed.GetValue(_print))
        {
            Print(configuration);
            return CofferExit.Ok;
        }

        WorkloadAgent.KeepOutOfCoreDumps();
        CofferClientOptions server = Server(parsed, configuration.Server);
        ServerProof proof = AgentProofs.Create(server, configuration.Identity);
        using ILoggerFactory logging = LoggerFactory.Create(ServerLogging.Console);
        ILogger log = logging.CreateLogger("Coffer.Agent");
        using ServiceNotifier notifier = ServiceNotifier.FromEnvironment();
        using ForwardingHandler api = ServerForwarder.To(server);
        WorkloadAgent agent;
        try
        {
            agent = await OpenAsync(configuration, server, proof, api, notifier, log, cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return CofferExit.Ok;
        }

        await using (agent)
        {
            foreach ((AgentEntry entry, IPEndPoint? address) in configuration.Workloads.Zip(agent.Addresses))
            {
                LogServing(log, entry.Principal ?? "itself", entry.User, address?.ToString() ?? "no address", entry.Socket ?? "no socket");
            }

            notifier.Ready($"serving {configuration.Workloads.Count} workloads");
            await WatchAsync(agent, notifier, log, cancellationToken).ConfigureAwait(false);
            notifier.Stopping();
            LogStopping(log);
        }

        return CofferExit.Ok;
    }

    /// <summary>Until the server answers; a refusal ends it, so that a wrong credential shows at once.</summary>
    private async Task<WorkloadAgent> OpenAsync(
        AgentConfiguration configuration, CofferClientOptions server, ServerProof proof, ForwardingHandler api, ServiceNotifier notifier, ILogger log, CancellationToken cancellationToken)
    {
        for (TimeSpan pause = FirstPause; ; pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
        {
            try
            {
                List<AgentWorkload> workloads = [];
                foreach (AgentEntry entry in configuration.Workloads)
                {
                    workloads.Add(await WorkloadAsync(entry, server, proof, log, cancellationToken).ConfigureAwait(false));
                }

                return await WorkloadAgent.StartAsync(new() { Workloads = workloads, Api = api.HandleAsync, Clock = _context.Clock, Logging = ServerLogging.Console }, cancellationToken).ConfigureAwait(false);
            }
            catch (CofferClientException away) when (!WorkloadIssuer.IsRefusal(away))
            {
                LogWaiting(log, away.Message);
                notifier.Status("waiting for the server");
            }

            // Machines that start together do not come back together.
            TimeSpan spread = pause * (0.5 + (RandomNumberGenerator.GetInt32(1000) / 2000.0));
            await Task.Delay(spread, _context.Clock, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task<AgentWorkload> WorkloadAsync(AgentEntry entry, CofferClientOptions server, ServerProof proof, ILogger log, CancellationToken cancellationToken)
    {
        HashSet<string> names = Doors(entry);
        string shown = entry.Principal ?? "itself";
        WorkloadIssuer issuer = new(server, proof, entry.Principal, entry.Vault, "coffer-agent") { Issued = (audience, id, end) => LogIssued(log, audience, shown, id, end) };
        WorkloadIdentity identity = await issuer.IdentifyAsync(withNumber: names.Contains("google"), cancellationToken).ConfigureAwait(false);
        WorkloadDoors doors = new(issuer, identity, names, _context.Clock);
        return new()
        {
            Principal = identity.Name,
            Peer = new() { Uid = LocalUsers.Find(entry.User), ControlGroup = entry.ControlGroup, Label = entry.Label },
            Doors = entry.Listen is null ? [] : doors.ForMachine(),
            Listen = Listen(entry),
            ApiSocket = entry.Socket,
            ApiToken = entry.Socket is null ? null : new(issuer.IssueTokenAsync, _context.Clock, Renewal.Ahead),
            VaultTokenFile = entry.VaultTokenFile,
            VaultToken = entry.VaultTokenFile is null ? null : doors.VaultToken(Renewal.Ahead),
        };
    }

    private async Task WatchAsync(WorkloadAgent agent, ServiceNotifier notifier, ILogger log, CancellationToken cancellationToken)
    {
        TimeSpan interval = notifier.WatchdogInterval is { } asked ? asked / 2 : Timeout.InfiniteTimeSpan;
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                await Task.Delay(interval, _context.Clock, cancellationToken).ConfigureAwait(false);
                await agent.ProbeAsync(cancellationToken).ConfigureAwait(false);
                notifier.Watchdog();
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception failure) when (failure is IOException or System.Net.Sockets.SocketException)
            {
                // The manager hears nothing and starts it anew.
                LogUnwell(log);
            }
        }
    }

    private AgentConfiguration Configuration(ParseResult parsed)
    {
        AgentProof proof = new() { TokenFile = parsed.GetValue(_tokenFile), Credential = parsed.GetValue(_credential), Trust = parsed.GetValue(_trust) };
        Option<string?>[] single = [_as, _vault, _user, _group, _label, _doors, _listen, _serve, _vaultFile];
        AgentConfiguration configuration;
        if (parsed.GetValue(_config) is { } file)
        {
            if (single.FirstOrDefault(o => parsed.GetValue(o) is not null) is { } both)
            {
                throw new CliException(CofferExit.Usage, $"--config and {both.Name} exclude each other", "the file names the workloads");
            }

            configuration = AgentConfiguration.Read(Path.GetFullPath(file));
        }
        else
        {
            configuration = new()
            {
                Workloads =
                [
                    new()
                    {
                        Principal = parsed.GetValue(_as),
                        Vault = parsed.GetValue(_vault),
                        User = parsed.GetValue(_user) ?? throw new CliException(CofferExit.Usage, "whose programs are answered is not said", "--user NAME, or --config FILE"),
                        ControlGroup = parsed.GetValue(_group),
                        Label = parsed.GetValue(_label),
                        Doors = parsed.GetValue(_doors)?.Split(','),
                        Listen = parsed.GetValue(_listen),
                        Socket = parsed.GetValue(_serve) is { } socket ? Path.GetFullPath(socket) : null,
                        VaultTokenFile = parsed.GetValue(_vaultFile) is { } vault ? Path.GetFullPath(vault) : null,
                    },
                ],
            };
        }

        configuration = proof == new AgentProof() ? configuration : configuration with { Identity = proof };
        foreach (AgentEntry entry in configuration.Workloads)
        {
            // What is wrong with an entry shows before the server is asked for anything.
            _ = (Doors(entry), Listen(entry), LocalUsers.Find(entry.User));
        }

        return configuration;
    }

    /// <summary>The doors of an entry: the vendors' where it listens, HashiCorp Vault's where it has a file.</summary>
    private static HashSet<string> Doors(AgentEntry entry)
    {
        HashSet<string> names = entry.Listen is null ? [] : [.. WorkloadDoors.Parse(entry.Doors is null ? null : string.Join(',', entry.Doors), DevCommand.Wires)];
        names.Remove("vault");
        if (entry.VaultTokenFile is not null)
        {
            names.UnionWith(WorkloadDoors.Parse("vault", DevCommand.Wires));
        }

        return names;
    }

    private static IPEndPoint? Listen(AgentEntry entry) => entry.Listen is null ? null
        : IPEndPoint.TryParse(entry.Listen, out IPEndPoint? endpoint) ? endpoint
        : throw new CliException(CofferExit.Usage, "the address of the doors is not an address and port", "for example 127.0.0.1:7101");

    private void Print(AgentConfiguration configuration)
    {
        foreach (AgentEntry entry in configuration.Workloads)
        {
            if (configuration.Workloads.Count > 1)
            {
                _context.Terminal.Line($"# {entry.Principal ?? "the agent itself"}, for {entry.User}");
            }

            // The variables do not depend on who it is.
            WorkloadIdentity nobody = new() { Name = entry.Principal ?? "", Id = Guid.Empty, Vault = entry.Vault ?? "", VaultNumber = "" };
            WorkloadIssuer none = new(new(), _ => throw new InvalidOperationException(), entry.Principal, entry.Vault, "");
            AgentWorkload workload = new()
            {
                Principal = nobody.Name,
                Peer = new() { Uid = LocalUsers.Find(entry.User) },
                Doors = entry.Listen is null ? [] : new WorkloadDoors(none, nobody, Doors(entry), _context.Clock).ForMachine(),
                Listen = Listen(entry),
                ApiSocket = entry.Socket,
                VaultTokenFile = entry.VaultTokenFile,
            };
            foreach ((string name, string value) in workload.Variables(workload.Listen is { } end ? $"http://{end}" : null))
            {
                _context.Terminal.Line($"{name}={value}");
            }
        }
    }

    private CofferClientOptions Server(ParseResult parsed, AgentServer? named)
    {
        string? socket = parsed.GetValue(_context.SocketOption), address = parsed.GetValue(_context.AddressOption);
        CofferClientOptions options = CliContext.Place(socket ?? (address is null ? named?.Socket : null), address ?? (socket is null ? named?.Address : null));
        return named?.CaFile is { } file ? options with { CaFile = file } : options;
    }

    [LoggerMessage(EventId = 4010, Level = LogLevel.Information, Message = "serving {Workload} to {User} at {Address} and {Socket}")]
    private static partial void LogServing(ILogger log, string workload, string user, string address, string socket);

    [LoggerMessage(EventId = 4011, Level = LogLevel.Information, Message = "issued for {Audience} of {Workload}: {Id}, good until {End:O}")]
    private static partial void LogIssued(ILogger log, string audience, string workload, string id, DateTimeOffset end);

    [LoggerMessage(EventId = 4012, Level = LogLevel.Warning, Message = "waiting for the server: {Problem}")]
    private static partial void LogWaiting(ILogger log, string problem);

    [LoggerMessage(EventId = 4013, Level = LogLevel.Error, Message = "a listener does not answer; the watchdog is not told that all is well")]
    private static partial void LogUnwell(ILogger log);

    [LoggerMessage(EventId = 4014, Level = LogLevel.Information, Message = "stopping: the doors close, what was handed out goes on to its end")]
    private static partial void LogStopping(ILogger log);
}
