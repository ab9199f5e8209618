using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
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
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Coffer.Workload;

/// <summary>
/// Everything that surrounds one child: the proxy, the TLS handler behind it, the credential doors, the files and the
/// environment. Ends with the child.
/// </summary>
public sealed class WorkloadHost : IAsyncDisposable
{
    private readonly RunAuthority _authority;
    private readonly RunFolder _folder;
    private readonly WebApplication _app;
    private readonly IReadOnlyList<InterceptProxy> _proxies;
    private readonly WorkloadOptions _options;

    private WorkloadHost(
        WorkloadOptions options, RunAuthority authority, RunFolder folder, WebApplication app, IReadOnlyList<InterceptProxy> proxies, IReadOnlyDictionary<string, string> environment)
    {
        _options = options;
        _authority = authority;
        _folder = folder;
        _app = app;
        _proxies = proxies;
        Environment = environment;
    }

    /// <summary>The child's whole environment.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; }

    /// <summary>Opens all of it on loopback. The doors of the options are this host's from then on, and end with it. Throws <see cref="WorkloadException"/>.</summary>
    public static async Task<WorkloadHost> StartAsync(WorkloadOptions options, CancellationToken cancellationToken)
    {
        ParentProxy? parent = ParentProxy.From(options.Inherited);
        RunAuthority authority = new(options.Clock);
        RunFolder? folder = null;
        WebApplication? app = null;
        List<InterceptProxy> proxies = [];
        try
        {
            folder = RunFolder.Create(authority.Pem, InterceptedHosts.ToJavaScript(options.AlsoServices), options.Inherited);
            app = Build(options, authority, folder);
            await app.StartAsync(cancellationToken).ConfigureAwait(false);
            if (options.VaultToken is { } sink)
            {
                await sink.WriteAsync(folder.VaultToken, cancellationToken).ConfigureAwait(false);
            }

            ICollection<string> addresses = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses;
            int tlsPort = new Uri(addresses.First(a => a.StartsWith("https://127", StringComparison.Ordinal))).Port;
            (string User, string Password) credentials = (Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4)), Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)));
            InterceptProxyOptions settings = ProxyOptions(options, authority, folder, parent, credentials);
            proxies.Add(new(settings));
            (int Port, string TrustStore)? java = null;
            if (options.Java ?? HasJava(options.Inherited))
            {
                proxies.Add(new(settings with { AsksForPassword = false }));
                X509Certificate2Collection roots = CaBundle.Parse(folder.Roots + authority.Pem);
                await File.WriteAllBytesAsync(folder.JavaTrust, JavaTrustStore.Write(roots, options.Clock.GetUtcNow()), cancellationToken).ConfigureAwait(false);
                java = (proxies[1].Port, folder.JavaTrust);
            }

            Dictionary<string, string> environment = ChildEnvironment.Create(options, new()
            {
                ProxyUrl = $"http://{credentials.User}:{credentials.Password}@127.0.0.1:{proxies[0].Port}",
                TlsPort = tlsPort,
                DoorAddress = addresses.First(a => a.StartsWith("http://127", StringComparison.Ordinal)).TrimEnd('/'),
                Bundle = folder.Bundle,
                Authority = folder.Authority,
                NodeExtra = folder.NodeExtra,
                Hook = folder.Hook,
                Gcloud = folder.Gcloud,
                VaultToken = folder.VaultToken,
                Java = java,
            });
            return new(options, authority, folder, app, proxies, environment);
        }
        catch
        {
            await EndAsync(options, proxies, app, folder, authority).ConfigureAwait(false);
            throw;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync() => await EndAsync(_options, _proxies, _app, _folder, _authority).ConfigureAwait(false);

    private static async Task EndAsync(WorkloadOptions options, IReadOnlyList<InterceptProxy> proxies, WebApplication? app, RunFolder? folder, RunAuthority authority)
    {
        foreach (InterceptProxy proxy in proxies)
        {
            await proxy.DisposeAsync().ConfigureAwait(false);
        }

        if (app is not null)
        {
            await app.DisposeAsync().ConfigureAwait(false);
        }

        foreach (ICredentialDoor door in options.Doors)
        {
            door.Dispose();
        }

        options.VaultToken?.Dispose();
        options.ApiToken?.Dispose();
        folder?.Dispose();
        authority.Dispose();
    }

    private static InterceptProxyOptions ProxyOptions(WorkloadOptions options, RunAuthority authority, RunFolder folder, ParentProxy? parent, (string User, string Password) credentials)
    {
        Lazy<X509Certificate2Collection> own = new(() => CaBundle.Parse(authority.Pem)), others = new(() => CaBundle.Parse(folder.Roots));
        InterceptProxyOptions settings = new()
        {
            Credentials = credentials,
            OpenLocal = (name, cancellation) => OpenTunnelAsync(folder.Tunnel, name, cancellation),
            AlsoServices = options.AlsoServices,
            Roots = listed =>
            {
                X509ChainPolicy policy = new() { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
                policy.CustomTrustStore.AddRange((listed ? own : others).Value);
                return policy;
            },
            Parent = parent,
            Clock = options.Clock,
            Log = options.Log,
        };
        return settings with { Resolve = options.Resolve ?? settings.Resolve, Connect = options.Connect ?? settings.Connect };
    }

    private static bool HasJava(IReadOnlyDictionary<string, string> inherited) =>
        (inherited.GetValueOrDefault("JAVA_HOME") is { Length: > 0 } home && File.Exists(Path.Combine(home, "bin", "java")))
        || ProgramSearch.Find("java", inherited.GetValueOrDefault("PATH")).Path is not null;

    private static WebApplication Build(WorkloadOptions options, RunAuthority authority, RunFolder folder)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ContentRootPath = folder.Path, EnvironmentName = Environments.Production });
        builder.Configuration.Sources.Clear();
        builder.Logging.ClearProviders();
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(2));
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = 4 * 1024 * 1024;
            kestrel.Limits.MaxConcurrentConnections = 1024;
            kestrel.ListenUnixSocket(folder.Tunnel, listen =>
            {
                listen.Protocols = HttpProtocols.Http1AndHttp2;
                listen.Use(ReadTunnelName);
                listen.UseHttps(Handshake(authority, options));
            });
            kestrel.Listen(IPAddress.Loopback, 0, listen =>
            {
                listen.Protocols = HttpProtocols.Http1AndHttp2;
                listen.Use(OnlyOwnUser);
                listen.UseHttps(Handshake(authority, options));
            });
            kestrel.Listen(IPAddress.Loopback, 0, listen =>
            {
                listen.Protocols = HttpProtocols.Http1;
                listen.Use(MarkDoor);
            });
        });
        WebApplication app = builder.Build();
        app.Run(context => HandleAsync(context, options));
        return app;
    }

    private static Task HandleAsync(HttpContext context, WorkloadOptions options)
    {
        InterceptedName? name = context.Features.Get<InterceptedName>();
        if (context.Features.Get<Misdirected>() is not null || !IsFor(context.Request.Host, name))
        {
            context.Response.StatusCode = StatusCodes.Status421MisdirectedRequest;
            return Task.CompletedTask;
        }

        if (context.Features.Get<DoorMark>() is { } mark)
        {
            ICredentialDoor? door = options.Doors.FirstOrDefault(d => d.Claims(context.Request.Path));
            if (door is not null)
            {
                return mark == DoorMark.Own ? door.AnswerAsync(context) : door.TurnAwayAsync(context, "these credentials are for another program");
            }

            context.Response.StatusCode = mark == DoorMark.Own ? StatusCodes.Status404NotFound : StatusCodes.Status403Forbidden;
            return Task.CompletedTask;
        }

        if (name is not null)
        {
            return options.Wires.Contains(name.Wire) ? options.Handler(context) : VendorRefusal.WriteAsync(context, name);
        }

        return options.VaultToken is null && options.ApiToken is null ? options.Handler(context) : ReplaceTokensAsync(context, options);
    }

    private static async Task ReplaceTokensAsync(HttpContext context, WorkloadOptions options)
    {
        if ((options.VaultToken is not { } sink || await sink.ReplaceAsync(context).ConfigureAwait(false))
            && (options.ApiToken is not { } api || await api.ReplaceAsync(context).ConfigureAwait(false)))
        {
            await options.Handler(context).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Host or :authority must be the name that the connection was opened for; else one connection could speak for another. On
    /// the loopback ports it must be loopback; else a page of the web whose name resolves to 127.0.0.1 could speak to them.
    /// </summary>
    private static bool IsFor(HostString host, InterceptedName? name) =>
        name is null ? LoopbackName.Is(host) : string.Equals(host.Host.TrimEnd('.'), name.Host, StringComparison.OrdinalIgnoreCase) && host.Port is null or 443;

    private static TlsHandshakeCallbackOptions Handshake(RunAuthority authority, WorkloadOptions options) => new()
    {
        OnConnection = handshake =>
        {
            string sni = handshake.ClientHelloInfo.ServerName.TrimEnd('.').ToLowerInvariant();
            InterceptedName? tunnel = handshake.Connection.Features.Get<InterceptedName>();
            if (tunnel is null && sni is not ("" or "localhost" or "127.0.0.1"))
            {
                // The hook's port has no CONNECT: the name in the handshake decides, and must be a listed one.
                tunnel = InterceptedHosts.Find(sni, options.AlsoServices) ?? throw new AuthenticationException("not a listed name");
                handshake.Connection.Features.Set(tunnel);
            }
            else if (tunnel is not null && sni.Length > 0 && sni != tunnel.Host)
            {
                // A client that takes the certificate of another name gets a 421 to all it asks.
                handshake.Connection.Features.Set(Misdirected.Instance);
            }

            return ValueTask.FromResult(new SslServerAuthenticationOptions
            {
                ServerCertificateContext = authority.ContextOf(tunnel?.Host),
                EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
                ApplicationProtocols = [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11],
            });
        },
    };

    private static async Task<Stream> OpenTunnelAsync(string path, InterceptedName name, CancellationToken cancellationToken)
    {
        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellationToken).ConfigureAwait(false);
            NetworkStream stream = new(socket, ownsSocket: true);
            await stream.WriteAsync(Encoding.ASCII.GetBytes($"{name.Wire} {name.Host}\n"), cancellationToken).ConfigureAwait(false);
            return stream;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>The proxy writes one line before the client's bytes: which name the tunnel was opened for.</summary>
    private static ConnectionDelegate ReadTunnelName(ConnectionDelegate next) => async connection =>
    {
        while (true)
        {
            System.IO.Pipelines.ReadResult read = await connection.Transport.Input.ReadAsync().ConfigureAwait(false);
            SequencePosition? end = System.Buffers.BuffersExtensions.PositionOf(read.Buffer, (byte)'\n');
            if (end is { } line)
            {
                string[] words = Encoding.ASCII.GetString(read.Buffer.Slice(0, line)).Split(' ');
                connection.Transport.Input.AdvanceTo(read.Buffer.GetPosition(1, line));
                connection.Features.Set(new InterceptedName(words[1], words[0]));
                await next(connection).ConfigureAwait(false);
                return;
            }

            connection.Transport.Input.AdvanceTo(read.Buffer.Start, read.Buffer.End);
            if (read.IsCompleted || read.Buffer.Length > 512)
            {
                return;
            }
        }
    };

    private static ConnectionDelegate OnlyOwnUser(ConnectionDelegate next) => connection =>
        connection.Features.Get<IConnectionSocketFeature>()?.Socket is { } socket && PeerCheck.IsOwnUser(socket.RemoteEndPoint, socket.LocalEndPoint)
            ? next(connection)
            : Task.CompletedTask;

    /// <summary>Doors without a secret, as Google's, are for the child and what it starts, and no other process of the same user.</summary>
    private static ConnectionDelegate MarkDoor(ConnectionDelegate next) => connection =>
    {
        bool isOwn = connection.Features.Get<IConnectionSocketFeature>()?.Socket is { } socket && PeerCheck.IsOwnProcess(socket.RemoteEndPoint, socket.LocalEndPoint);
        connection.Features.Set(isOwn ? DoorMark.Own : DoorMark.Strange);
        return next(connection);
    };

    /// <summary>The connection is to a door.</summary>
    private sealed class DoorMark
    {
        public static readonly DoorMark Own = new(), Strange = new();
    }

    /// <summary>The handshake named another host than the tunnel.</summary>
    private sealed class Misdirected
    {
        public static readonly Misdirected Instance = new();
    }
}
