using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
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
    private readonly InterceptProxy _proxy;

    private WorkloadHost(RunAuthority authority, RunFolder folder, WebApplication app, InterceptProxy proxy, IReadOnlyDictionary<string, string> environment)
    {
        _authority = authority;
        _folder = folder;
        _app = app;
        _proxy = proxy;
        Environment = environment;
    }

    /// <summary>The child's whole environment.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; }

    /// <summary>Opens all of it on loopback. Throws <see cref="WorkloadException"/>.</summary>
    public static async Task<WorkloadHost> StartAsync(WorkloadOptions options, CancellationToken cancellationToken)
    {
        ParentProxy? parent = ParentProxy.From(options.Inherited);
        RunAuthority authority = new(options.Clock);
        RunFolder folder = RunFolder.Create(authority.Pem, options.Inherited);
        WebApplication? app = null;
        InterceptProxy? proxy = null;
        try
        {
            app = Build(options, authority, folder);
            await app.StartAsync(cancellationToken).ConfigureAwait(false);
            ICollection<string> addresses = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses;
            int tlsPort = new Uri(addresses.First(a => a.StartsWith("https://127", StringComparison.Ordinal))).Port;
            string door = addresses.First(a => a.StartsWith("http://127", StringComparison.Ordinal)).TrimEnd('/');
            (string User, string Password) credentials = (Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4)), Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)));
            InterceptProxyOptions settings = new()
            {
                Credentials = credentials,
                OpenLocal = (name, cancellation) => OpenTunnelAsync(folder.Tunnel, name, cancellation),
                AlsoServices = options.AlsoServices,
                IsOwnLeaf = (host, certificate) => certificate is not null && certificate.GetRawCertData().AsSpan().SequenceEqual(authority.ContextOf(host).TargetCertificate.RawData),
                Parent = parent,
                Log = options.Log,
            };
            proxy = new(settings with { Resolve = options.Resolve ?? settings.Resolve, IsForbidden = options.IsForbidden ?? settings.IsForbidden });
            Dictionary<string, string> environment = ChildEnvironment.Create(options, new()
            {
                ProxyUrl = $"http://{credentials.User}:{credentials.Password}@127.0.0.1:{proxy.Port}",
                TlsPort = tlsPort,
                DoorAddress = door,
                Bundle = folder.Bundle,
                Authority = folder.Authority,
                Hook = folder.Hook,
                Gcloud = folder.Gcloud,
            });
            return new(authority, folder, app, proxy, environment);
        }
        catch
        {
            if (proxy is not null)
            {
                await proxy.DisposeAsync().ConfigureAwait(false);
            }

            if (app is not null)
            {
                await app.DisposeAsync().ConfigureAwait(false);
            }

            folder.Dispose();
            authority.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _proxy.DisposeAsync().ConfigureAwait(false);
        await _app.DisposeAsync().ConfigureAwait(false);
        _folder.Dispose();
        _authority.Dispose();
    }

    private static WebApplication Build(WorkloadOptions options, RunAuthority authority, RunFolder folder)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ContentRootPath = folder.Path, EnvironmentName = Environments.Production });
        builder.Configuration.Sources.Clear();
        builder.Logging.ClearProviders();
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(2));
        // The child's signals are the child's: the command decides when this ends.
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = 4 * 1024 * 1024;
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
                listen.Use(OnlyOwnUser);
                listen.Use(next => connection =>
                {
                    connection.Features.Set(DoorMark.Instance);
                    return next(connection);
                });
            });
        });
        WebApplication app = builder.Build();
        app.Run(context => HandleAsync(context, options));
        return app;
    }

    private static Task HandleAsync(HttpContext context, WorkloadOptions options)
    {
        if (context.Features.Get<DoorMark>() is not null)
        {
            ICredentialDoor? door = options.Doors.FirstOrDefault(d => context.Request.Path.StartsWithSegments(d.Prefix, StringComparison.Ordinal));
            if (door is not null)
            {
                return door.AnswerAsync(context);
            }

            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return Task.CompletedTask;
        }

        InterceptedName? name = context.Features.Get<InterceptedName>();
        if (name is null)
        {
            return options.Handler(context);
        }

        // Host or :authority must be the name that the connection was opened for; else one connection could speak for another.
        HostString host = context.Request.Host;
        if (!string.Equals(host.Host.TrimEnd('.'), name.Host, StringComparison.OrdinalIgnoreCase) || host.Port is not (null or 443))
        {
            context.Response.StatusCode = StatusCodes.Status421MisdirectedRequest;
            return Task.CompletedTask;
        }

        return options.Wires.Contains(name.Wire) ? options.Handler(context) : VendorRefusal.WriteAsync(context, name);
    }

    private static TlsHandshakeCallbackOptions Handshake(RunAuthority authority, WorkloadOptions options) => new()
    {
        OnConnection = handshake =>
        {
            string sni = handshake.ClientHelloInfo.ServerName.TrimEnd('.').ToLowerInvariant();
            InterceptedName? tunnel = handshake.Connection.Features.Get<InterceptedName>();
            if (tunnel is null && sni is not ("" or "localhost" or "127.0.0.1"))
            {
                // The hook's port has no CONNECT: the name in the handshake decides, and must be a listed one.
                tunnel = InterceptedHosts.Find(sni, 443, options.AlsoServices)?.Name ?? throw new AuthenticationException("not a listed name");
                handshake.Connection.Features.Set(tunnel);
            }

            if (tunnel is not null && sni.Length > 0 && sni != tunnel.Host)
            {
                throw new AuthenticationException("the name in the handshake is not the one of the tunnel");
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

    private sealed class DoorMark
    {
        public static readonly DoorMark Instance = new();
    }

    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
