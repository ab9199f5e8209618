using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Coffer.Workload.Agent;
using Coffer.Workload.Doors;
using Coffer.Workload.Tests.Doors;
using Coffer.Workload.Tests.Support;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Coffer.Workload.Tests.Agent;

/// <summary>An agent with every door for one peer, over an issuer of numbered tokens and a server that tells what reached it.</summary>
internal sealed class AgentRun : IAsyncDisposable
{
    private readonly string _memory;
    private WorkloadAgent? _agent;

    private AgentRun()
    {
        Assert.True(Directory.Exists("/dev/shm"), "there is no /dev/shm: the token file needs a file system in memory");
        _memory = $"/dev/shm/coffer-agent-test-{Guid.NewGuid():N}";
        Directory.CreateDirectory(_memory, (UnixFileMode)0x1ED);
        Issuer = new(TimeProvider.System);
    }

    public LogLines Log { get; } = new();

    public StubIssuer Issuer { get; }

    public ConcurrentQueue<string> Forwarded { get; } = new();

    public string Folder => _memory;

    public string ApiSocket => Path.Combine(_memory, "api.sock");

    public string TokenFile => Path.Combine(_memory, "vault-token");

    public WorkloadAgent Agent => _agent!;

    public string Address => $"http://{Agent.Addresses[0]}";

    public static async Task<AgentRun> StartAsync(Func<PeerRule, PeerRule>? rule = null, Func<AgentRun, AgentWorkload, AgentWorkload>? change = null, Action<AgentRun>? failed = null)
    {
        AgentRun run = new();
        PeerRule peer = new() { Uid = OtherUser.Peer };
        AgentWorkload workload = new()
        {
            Principal = "shop-api",
            Peer = rule?.Invoke(peer) ?? peer,
            Doors =
            [
                new AwsMetadataDoor(new(run.Issuer.IssueKeyAsync, TimeProvider.System, Renewal.Ahead), "shop-api", TimeProvider.System),
                new AwsContainerDoor(run.Issuer.IssueKeyAsync, TimeProvider.System),
                new AzureMetadataDoor(new(run.Issuer.IssueAsync, StubIssuer.Identity, null, TimeProvider.System, Renewal.Ahead)),
                new AzureAppServiceDoor(new(run.Issuer.IssueAsync, StubIssuer.Identity, null, TimeProvider.System)),
                new GoogleMetadataDoor(run.Issuer.IssueAsync, StubIssuer.Identity, TimeProvider.System, Renewal.Ahead),
            ],
            Listen = new IPEndPoint(IPAddress.Loopback, 0),
            ApiSocket = run.ApiSocket,
            ApiToken = new(run.Issuer.IssueAsync, TimeProvider.System, Renewal.Ahead),
            VaultTokenFile = run.TokenFile,
            VaultToken = new(run.Issuer.IssueAsync, TimeProvider.System, Renewal.Ahead),
        };
        try
        {
            run._agent = await WorkloadAgent.StartAsync(
                new()
                {
                    Workloads = [change?.Invoke(run, workload) ?? workload],
                    Api = context =>
                    {
                        run.Forwarded.Enqueue($"{context.Request.Method} {context.Request.Path} {context.Request.Headers.Authorization}");
                        return context.Response.WriteAsync("served", context.RequestAborted);
                    },
                    Clock = TimeProvider.System,
                    Logging = logging => logging.AddProvider(run.Log),
                },
                TestContext.Current.CancellationToken);
            return run;
        }
        catch
        {
            failed?.Invoke(run);
            await run.DisposeAsync();
            throw;
        }
    }

    /// <summary>As this process, which is root and not the peer.</summary>
    public HttpClient OwnClient(bool isApi = false) => new(new SocketsHttpHandler
    {
        UseProxy = false,
        ConnectCallback = async (_, cancellation) =>
        {
            Socket socket = isApi ? new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) : new(SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(isApi ? new UnixDomainSocketEndPoint(ApiSocket) : Agent.Addresses[0]!, cancellation);
            return new NetworkStream(socket, ownsSocket: true);
        },
    })
    {
        BaseAddress = new(isApi ? "http://localhost/" : Address),
    };

    public async ValueTask DisposeAsync()
    {
        if (_agent is not null)
        {
            await _agent.DisposeAsync();
        }

        Directory.Delete(_memory, recursive: true);
    }
}
