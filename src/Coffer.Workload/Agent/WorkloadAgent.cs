using System.Net;
using System.Net.Sockets;
using Coffer.Workload.Child;
using Coffer.Workload.Doors;
using Coffer.Workload.Intercepting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Coffer.Workload.Agent;

/// <summary>
/// Stands beside programs that nobody starts through Coffer: each workload's doors at an address of their own, each for the one peer that the
/// kernel says it is. Whoever else comes is answered 403 in the vendor's own shape, and told of in the log.
/// </summary>
public sealed class WorkloadAgent : IAsyncDisposable
{
    /// <summary>A path that answers 204 to anybody: that the agent is alive, and nothing else.</summary>
    public const string AlivePath = "/.coffer/alive";

    private const UnixFileMode ForAll = (UnixFileMode)0x1B6;
    private const string NotYours = "these credentials are for another program of this machine";
    private const string Forwarded = "requests that were forwarded are refused";

    private readonly AgentOptions _options;
    private readonly WebApplication _app;

    private WorkloadAgent(AgentOptions options, WebApplication app, IReadOnlyList<IPEndPoint?> addresses)
    {
        _options = options;
        _app = app;
        Addresses = addresses;
    }

    /// <summary>Where each workload's doors are, in the order of the options; null where it has none.</summary>
    public IReadOnlyList<IPEndPoint?> Addresses { get; }

    /// <summary>
    /// Gets what every door gives, then opens all of them. Throws <see cref="WorkloadException"/> where options or surroundings are not right or the server refuses; what an
    /// issuer throws otherwise where the server is away. The doors are disposed with the agent, and where this throws.
    /// </summary>
    public static async Task<WorkloadAgent> StartAsync(AgentOptions options, CancellationToken cancellationToken)
    {
        WebApplication? app = null;
        try
        {
            foreach (AgentWorkload workload in options.Workloads)
            {
                workload.Check();
                await PrimeAsync(workload, cancellationToken).ConfigureAwait(false);
            }

            foreach (AgentWorkload workload in options.Workloads)
            {
                if (workload.ApiSocket is { } socket)
                {
                    AgentPaths.MakeWay(socket);
                }

                if (workload is { VaultToken: { } sink, VaultTokenFile: { } file })
                {
                    AgentPaths.CheckTokenFile(file);
                    await sink.WriteAsync(file, cancellationToken, workload.Peer.Uid).ConfigureAwait(false);
                    if (FileStatus.Of(file)?.Owner != workload.Peer.Uid)
                    {
                        throw new WorkloadException($"{file} could not be written for user {workload.Peer.Uid}", "the agent needs CAP_CHOWN to give a file to another user");
                    }
                }
            }

            app = Build(options);
            await app.StartAsync(cancellationToken).ConfigureAwait(false);
            foreach (string socket in options.Workloads.Select(w => w.ApiSocket).OfType<string>())
            {
                // Who may connect is no matter: who is answered is decided by the kernel's word on the caller.
                File.SetUnixFileMode(socket, ForAll);
            }

            return new(options, app, Bound(options, app));
        }
        catch (Exception failure)
        {
            await EndAsync(options, app).ConfigureAwait(false);
            throw failure is IOException { InnerException: AddressInUseException } ? new WorkloadException("an address of a door is in use", "another agent, or another program, has it: name another port") : failure;
        }
    }

    /// <summary>
    /// Keeps what this process holds out of core dumps, and out of reach of other programs of the same user. For the agent's own process, at
    /// its start.
    /// </summary>
    public static void KeepOutOfCoreDumps()
    {
        const int SetDumpable = 4;
        _ = ChildProcess.Libc.Prctl(SetDumpable, 0, 0, 0, 0);
    }

    /// <summary>Asks every listener of its own whether it is alive. Throws where one is not.</summary>
    public async Task ProbeAsync(CancellationToken cancellationToken)
    {
        foreach (EndPoint end in Addresses.OfType<EndPoint>().Concat(_options.Workloads.Select(w => w.ApiSocket).OfType<string>().Select(s => new UnixDomainSocketEndPoint(s))))
        {
            using Socket socket = new(end.AddressFamily, SocketType.Stream, end.AddressFamily == AddressFamily.Unix ? ProtocolType.Unspecified : ProtocolType.Tcp);
            await socket.ConnectAsync(end, cancellationToken).ConfigureAwait(false);
            using NetworkStream stream = new(socket);
            await stream.WriteAsync("GET /.coffer/alive HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"u8.ToArray(), cancellationToken).ConfigureAwait(false);
            byte[] head = new byte[12];
            await stream.ReadExactlyAsync(head, cancellationToken).ConfigureAwait(false);
            if (!head.AsSpan().SequenceEqual("HTTP/1.1 204"u8))
            {
                throw new IOException("a listener of the agent does not answer as it should");
            }
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync() => await EndAsync(_options, _app).ConfigureAwait(false);

    private static async Task PrimeAsync(AgentWorkload workload, CancellationToken cancellationToken)
    {
        foreach (ICredentialDoor door in workload.Doors)
        {
            await door.PrimeAsync(cancellationToken).ConfigureAwait(false);
        }

        if (workload.ApiToken is { } token)
        {
            await token.PrimeAsync(cancellationToken).ConfigureAwait(false);
        }

        if (workload.VaultToken is { } sink)
        {
            await sink.PrimeAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    private static async Task EndAsync(AgentOptions options, WebApplication? app)
    {
        if (app is not null)
        {
            await app.DisposeAsync().ConfigureAwait(false);
        }

        foreach (AgentWorkload workload in options.Workloads)
        {
            foreach (ICredentialDoor door in workload.Doors)
            {
                door.Dispose();
            }

            workload.ApiToken?.Dispose();
            workload.VaultToken?.Dispose();
        }
    }

    private static WebApplication Build(AgentOptions options)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { EnvironmentName = Environments.Production });
        builder.Configuration.Sources.Clear();
        builder.Logging.ClearProviders();
        options.Logging(builder.Logging);
        // Kestrel's own lines would tell of paths and peers in words that nobody chose.
        builder.Logging.AddFilter((_, category, level) => category?.StartsWith("Microsoft.", StringComparison.Ordinal) != true || level >= LogLevel.Error);
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(5));
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        builder.Services.AddSingleton(services => new Refusals(services.GetRequiredService<ILoggerFactory>().CreateLogger("Coffer.Agent"), options.Clock));
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = 4 * 1024 * 1024;
            kestrel.Limits.MaxConcurrentConnections = PeerConnections.Most;
            kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(15);
            PeerConnections connections = new();
            Refusals refusals = kestrel.ApplicationServices.GetRequiredService<Refusals>();
            foreach (AgentWorkload workload in options.Workloads)
            {
                if (workload.Listen is { } address)
                {
                    kestrel.Listen(address, listen => Identify(listen, workload, isApi: false, connections, refusals));
                }

                if (workload.ApiSocket is { } socket)
                {
                    kestrel.ListenUnixSocket(socket, listen => Identify(listen, workload, isApi: true, connections, refusals));
                }
            }
        });
        WebApplication app = builder.Build();
        Refusals refusals = app.Services.GetRequiredService<Refusals>();
        app.Run(context => HandleAsync(context, options, refusals));
        return app;
    }

    /// <summary>Once for a connection: its other end does not change hands unless its holder gives it away.</summary>
    private static void Identify(ListenOptions listen, AgentWorkload workload, bool isApi, PeerConnections connections, Refusals refusals)
    {
        listen.Protocols = HttpProtocols.Http1;
        listen.Use(next => async connection =>
        {
            Socket? socket = connection.Features.Get<IConnectionSocketFeature>()?.Socket;
            Peer? peer = socket is null ? null : PeerProof.Of(socket, workload.Peer.NeedsProcess);
            Caller caller = new(workload, isApi, peer, peer is null ? "who calls cannot be told" : workload.Peer.Refuse(peer));
            using IDisposable? held = connections.TryOpen(peer?.Uid, caller.Refusal is not null);
            if (held is null)
            {
                refusals.Tell(workload.Principal, isApi ? "api" : "unknown", peer, () => ProgramOf(peer!, socket), "it holds too many connections");
                connection.Abort(new ConnectionAbortedException("too many connections of one user"));
                return;
            }

            connection.Features.Set(caller);
            await next(connection).ConfigureAwait(false);
        });
    }

    private static Task HandleAsync(HttpContext context, AgentOptions options, Refusals refusals)
    {
        Caller caller = context.Features.Get<Caller>()!;
        if (caller.Refusal is not null)
        {
            // Nothing else will be said at this connection.
            context.Response.Headers.Connection = "close";
        }

        if (context.Request.Path == AlivePath)
        {
            context.Response.StatusCode = StatusCodes.Status204NoContent;
            return Task.CompletedTask;
        }

        ICredentialDoor? door = caller.IsApi ? null : caller.Workload.Doors.FirstOrDefault(d => d.Claims(context.Request.Path));
        // A page of the web whose name resolves to 127.0.0.1 names itself in Host; what a proxy passes on is somebody else's.
        string? reason = caller.Refusal
            ?? (!caller.IsApi && !LoopbackName.Is(context.Request.Host) ? "Host is not loopback"
                : context.Request.Headers.ContainsKey("X-Forwarded-For") || context.Request.Headers.ContainsKey("Forwarded") ? "the request was forwarded" : null);
        if (reason is not null)
        {
            refusals.Tell(caller.Workload.Principal, caller.IsApi ? "api" : door?.Wire ?? "unknown", caller.Peer, () => ProgramOf(caller.Peer!, context.Features.Get<IConnectionSocketFeature>()?.Socket), reason);
            return TurnAwayAsync(context, caller, door, caller.Refusal is null ? Forwarded : NotYours);
        }

        if (caller.IsApi)
        {
            return PassOnAsync(context, options, caller.Workload.ApiToken!);
        }

        if (door is not null)
        {
            return door.AnswerAsync(context);
        }

        context.Response.StatusCode = StatusCodes.Status404NotFound;
        return Task.CompletedTask;
    }

    private static (int Pid, string Name) ProgramOf(Peer peer, Socket? socket)
    {
        int pid = peer.Processes.Count > 0 ? peer.Processes[0].Pid
            : socket is not null && PeerProof.Of(socket, _ => true) is { Processes.Count: > 0 } known ? known.Processes[0].Pid
            : 0;
        return (pid, pid == 0 ? "not seen" : PeerProcess.NameOf(pid));
    }

    private static Task TurnAwayAsync(HttpContext context, Caller caller, ICredentialDoor? door, string message)
    {
        if (caller.IsApi)
        {
            return CofferApiToken.RefuseAsync(context, StatusCodes.Status403Forbidden, "access_denied", message);
        }

        if (door is not null)
        {
            return door.TurnAwayAsync(context, message);
        }

        context.Response.StatusCode = StatusCodes.Status403Forbidden;
        return Task.CompletedTask;
    }

    private static async Task PassOnAsync(HttpContext context, AgentOptions options, CofferApiToken token)
    {
        // Only Coffer's own API: what else a server speaks has proofs of its own, which this must not stand in for.
        if (!context.Request.Path.StartsWithSegments("/coffer", StringComparison.Ordinal))
        {
            await CofferApiToken.RefuseAsync(context, StatusCodes.Status404NotFound, "not_found", "there is nothing at this path").ConfigureAwait(false);
        }
        else if (await token.PutAsync(context).ConfigureAwait(false))
        {
            await options.Api(context).ConfigureAwait(false);
        }
    }

    private static List<IPEndPoint?> Bound(AgentOptions options, WebApplication app)
    {
        // Listeners tell their addresses in the order they were opened in.
        Queue<string> bound = new(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Where(a => !a.StartsWith("http://unix:", StringComparison.Ordinal)));
        return [.. options.Workloads.Select(w => w.Listen is { } asked ? new IPEndPoint(asked.Address, new Uri(bound.Dequeue()).Port) : null)];
    }

    /// <summary>Who opened a connection, and why they get nothing, if so.</summary>
    private sealed record Caller(AgentWorkload Workload, bool IsApi, Peer? Peer, string? Refusal);
}
