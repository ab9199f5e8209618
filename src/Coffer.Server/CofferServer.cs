using System.Collections.Immutable;
using System.Net.Security;
using System.Security.Authentication;
using Coffer.Core;
using Coffer.Core.Audit;
using Coffer.Core.Rotations;
using Coffer.Core.Sealing;
using Coffer.Core.Stores;
using Coffer.Protocols;
using Coffer.Protocols.Aws;
using Coffer.Protocols.Aws.Policies;
using Coffer.Protocols.Native;
using Coffer.Server.Rotations;
using Coffer.Stores.Sqlite;
using Coffer.Trusts;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Coffer.Server;

/// <summary>
/// One server: the store, the core, every dialect and the listeners. <see cref="Dialects"/> and <see cref="OpenStoreAsync"/>
/// are the composition: what Coffer speaks and where it keeps things stands there and nowhere else.
/// </summary>
public sealed class CofferServer : IAsyncDisposable
{
    private readonly ServerOptions _options;
    private readonly IStore _store;
    private readonly RateGate _rates;
    private readonly WebApplication _app;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _stop = new();
    private readonly RotationFunctions? _functions;
    private Task _maintenance = Task.CompletedTask;
    private Task _rotating = Task.CompletedTask;

    private CofferServer(ServerOptions options, IStore store, CofferCore core, RateGate rates, WebApplication app, DialectPipeline pipeline, ServerCertificates? certificates, RotationFunctions? functions, ILogger log)
    {
        _options = options;
        _store = store;
        Core = core;
        _rates = rates;
        _app = app;
        Handler = pipeline.HandleAsync;
        CaFile = certificates?.CaFile;
        _functions = functions;
        _log = log;
    }

    /// <summary>The core, for those who run the server in their own process.</summary>
    public CofferCore Core { get; }

    /// <summary>Answers one request of any wire: what every listener calls.</summary>
    public RequestDelegate Handler { get; }

    /// <summary>PEM file for clients to trust, or null where there is no TLS port.</summary>
    public string? CaFile { get; }

    /// <summary>Address of the TLS port once started, or null.</summary>
    public Uri? Address { get; private set; }

    /// <summary>Path of the local socket.</summary>
    public string SocketPath => _options.SocketFile;

    /// <summary>
    /// Opens the store, unseals where the seal's secret lies in a key file (or <paramref name="seal"/> gives it), and listens.
    /// Throws <see cref="ServerStartException"/>.
    /// </summary>
    /// <param name="options">Settings.</param>
    /// <param name="clock">The clock.</param>
    /// <param name="logging">Where log lines go, or null for the console.</param>
    /// <param name="seal">A seal held by the caller (a throw-away server), or null.</param>
    /// <param name="cancellationToken">Gives up starting.</param>
    public static async Task<CofferServer> StartAsync(ServerOptions options, TimeProvider clock, Action<ILoggingBuilder>? logging, ISeal? seal, CancellationToken cancellationToken)
    {
        IReadOnlyList<string> faults = options.Faults();
        if (faults.Count > 0)
        {
            throw new ServerStartException(string.Join("; ", faults), "correct the settings and start again");
        }

        ProcessHardening.Apply();
        if (options.Address is not null)
        {
            ServerCertificates.Prepare();
        }

        IStore store = await OpenStoreAsync(options, clock, cancellationToken).ConfigureAwait(false);
        WebApplication? app = null;
        CofferCore? core = null;
        RotationFunctions? functions = options.Functions is { } configured ? new(configured, clock) : null;
        try
        {
            WebApplicationBuilder builder = Builder(options, logging);
            ServerCertificates? certificates = options.Address is null ? null : ServerCertificates.Open(options, clock);
            builder.WebHost.ConfigureKestrel(kestrel => Listen(kestrel, options, certificates));
            app = builder.Build();
            ILoggerFactory loggers = app.Services.GetRequiredService<ILoggerFactory>();
            ILogger log = loggers.CreateLogger("Coffer.Server");
            RateGate rates = new(options.Rates);
            core = new(new()
            {
                Store = store,
                AuditDirectory = options.AuditDirectory,
                Clock = clock,
                Alarm = what => Log.Alarm(log, what),
                CachedSecrets = options.CachedSecrets,
                AcceptBrokenTrail = options.AcceptBrokenTrail,
                Passwords = PassphraseHash.Argon2Id,
                LoginSeconds = options.LoginSeconds,
                Verifiers = TrustVerifiers.All(clock),
                Functions = functions,
                Retries = options.Functions?.Retries ?? RotationRetries.Default,
                Languages = [new IamLanguage()],
            });
            DialectPipeline pipeline = new(Dialects(options, core, store, rates, loggers), rates, loggers.CreateLogger("Coffer.Protocols"));
            CofferServer server = new(options, store, core, rates, app, pipeline, certificates, functions, log);
            app.Run(server.Handler);
            await server.UnsealAsync(seal, cancellationToken).ConfigureAwait(false);
            if (certificates is not null)
            {
                await certificates.Context.ConfigureAwait(false);
            }

            await server.ListenAsync(cancellationToken).ConfigureAwait(false);
            return server;
        }
        catch (Exception failure)
        {
            if (app is not null)
            {
                await app.DisposeAsync().ConfigureAwait(false);
            }

            if (core is not null)
            {
                await core.DisposeAsync().ConfigureAwait(false);
            }

            await store.DisposeAsync().ConfigureAwait(false);
            functions?.Dispose();
            throw failure switch
            {
                IOException { InnerException: Microsoft.AspNetCore.Connections.AddressInUseException } or Microsoft.AspNetCore.Connections.AddressInUseException =>
                    new ServerStartException($"port {options.Port} is in use", "another server may be running; choose a port with --listen 127.0.0.1:PORT", failure),
                AuditTrailBrokenException broken => new ServerStartException(broken.Message, "coffer audit verify", failure),
                _ => failure,
            };
        }
    }

    /// <summary>Completes when the server is asked to stop (a signal, or <see cref="DisposeAsync"/>).</summary>
    public Task WaitForShutdownAsync(CancellationToken cancellationToken) => _app.WaitForShutdownAsync(cancellationToken);

    /// <summary>Finishes what is being answered, signs the trail's end, closes the store.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        // Disposing alone would cut connections off, with writes committed that nobody was told of.
        await _app.StopAsync(CancellationToken.None).ConfigureAwait(false);
        await _app.DisposeAsync().ConfigureAwait(false);
        await _maintenance.ConfigureAwait(false);
        await _rotating.ConfigureAwait(false);
        await Core.DisposeAsync().ConfigureAwait(false);
        await _store.DisposeAsync().ConfigureAwait(false);
        _functions?.Dispose();
        _rates.Dispose();
        _stop.Dispose();
        Log.Stopped(_log);
    }

    /// <summary>Every wire that Coffer speaks; the first that claims a request gets it, the last what nobody claims.</summary>
    private static ImmutableArray<IDialect> Dialects(ServerOptions options, CofferCore core, IStore store, RateGate rates, ILoggerFactory loggers)
    {
        DialectOptions shared = new() { Core = core, Rates = rates, Loggers = loggers };
        return
        [
            new AwsDialect(shared),
            new NativeDialect(shared, new SystemControl(options, core, store)),
        ];
    }

    /// <summary>Where the server keeps its rows.</summary>
    internal static async ValueTask<IStore> OpenStoreAsync(ServerOptions options, TimeProvider clock, CancellationToken cancellationToken)
    {
        try
        {
            Directory.CreateDirectory(options.DataDirectory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            return await SqliteStore.OpenAsync(new SqliteOptions { Folder = options.DatabaseDirectory }, clock, cancellationToken).ConfigureAwait(false);
        }
        catch (StoreStartException refused)
        {
            throw new ServerStartException(refused.Message, HintOf(refused.Reason), refused);
        }
    }

    private static string HintOf(StoreStartReason reason) => reason switch
    {
        StoreStartReason.NewerSchema => "start with the version of Coffer that wrote it, or a newer one",
        StoreStartReason.ChangedMigration => "the program does not belong to this store; install it anew",
        StoreStartReason.OpenToOthers => "chmod go-rwx the folder, and think about who may have read it",
        StoreStartReason.SymbolicLink => "name the folder itself",
        StoreStartReason.InUse => "another server runs on this folder; stop it first",
        StoreStartReason.NetworkFileSystem => "keep the store on a local disk",
        StoreStartReason.NotWritable => "the user who runs the server must own the folder",
        StoreStartReason.NotADatabase => "restore a backup with: coffer restore",
    };

    private static WebApplicationBuilder Builder(ServerOptions options, Action<ILoggingBuilder>? logging)
    {
        // Nothing of the working folder or of foreign environment variables configures a secrets server.
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ContentRootPath = options.DataDirectory, EnvironmentName = Environments.Production });
        // The host's own lines about requests begin with an activity and a scope for each; the trail knows more of a request.
        builder.Logging.SetMinimumLevel(LogLevel.Information).AddFilter("Microsoft", LogLevel.Warning).AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.None);
        (logging ?? ServerLogging.Console)(builder.Logging);
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(options.ShutdownSeconds));
        if (options.Telemetry)
        {
            Telemetry.Add(builder.Services);
        }

        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration();
        return builder;
    }

    private static void Listen(KestrelServerOptions kestrel, ServerOptions options, ServerCertificates? certificates)
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxConcurrentConnections = options.MaxConnections;
        kestrel.Limits.MaxRequestBodySize = 4 * 1024 * 1024;
        kestrel.Limits.MaxRequestHeadersTotalSize = 64 * 1024;
        kestrel.Limits.MaxRequestLineSize = 16 * 1024;
        kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(15);
        kestrel.Limits.Http2.MaxStreamsPerConnection = 256;
        if (certificates is not null)
        {
            kestrel.Listen(options.Address!, options.Port, listen =>
            {
                listen.Protocols = HttpProtocols.Http1AndHttp2;
                listen.UseHttps(new TlsHandshakeCallbackOptions
                {
                    OnConnection = async _ => new()
                    {
                        ServerCertificateContext = await certificates.Context.ConfigureAwait(false),
                        EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
                        ApplicationProtocols = [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11],
                        // Any certificate gets a connection, none gets anything by that: POST /coffer/v1/login/certificate judges it by a trust.
                        ClientCertificateRequired = options.ClientCertificates,
#pragma warning disable CA5359 // No server's certificate, and not judged here.
                        RemoteCertificateValidationCallback = options.ClientCertificates ? static (_, _, _, _) => true : null,
#pragma warning restore CA5359
                        // A resumed session would bring the certificate of another connection.
                        AllowTlsResume = !options.ClientCertificates,
                    },
                });
            });
        }

        File.Delete(options.SocketFile);
        kestrel.ListenUnixSocket(options.SocketFile, listen =>
        {
            listen.Protocols = HttpProtocols.Http1;
            listen.IdentifyPeers();
        });
    }

    private async ValueTask UnsealAsync(ISeal? seal, CancellationToken cancellationToken)
    {
        if (await SystemControl.TryUnsealAsync(_options, Core, seal, cancellationToken).ConfigureAwait(false))
        {
            Log.Unsealed(_log);
        }
        else
        {
            Log.StartedSealed(_log);
        }
    }

    private async ValueTask ListenAsync(CancellationToken cancellationToken)
    {
        await _app.StartAsync(cancellationToken).ConfigureAwait(false);
        // The folder already keeps others out; the mode says so on the socket too.
        File.SetUnixFileMode(_options.SocketFile, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        string? bound = _app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()?.Addresses
            .FirstOrDefault(a => a.StartsWith("https://", StringComparison.Ordinal));
        Address = bound is null ? null : new Uri(bound);
        Log.Serving(_log, bound ?? "no port", _options.SocketFile);
        _maintenance = Task.Run(() => KeepAsync(Core.MaintainAsync), CancellationToken.None);
        if (_functions is not null)
        {
            _functions.Server = Address is null ? null : (ForThisMachine(Address), _options.CertificateFile is null ? CaFile : null);
            _rotating = Task.Run(() => KeepAsync(Core.KeepRotatingAsync), CancellationToken.None);
        }
    }

    /// <summary>The port as programs of this machine reach it: an address for all interfaces is none to connect to.</summary>
    private static Uri ForThisMachine(Uri address) =>
        address.Host is "0.0.0.0" or "[::]" ? new UriBuilder(address) { Host = "localhost" }.Uri : address;

    private async Task KeepAsync(Func<CancellationToken, Task> work)
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await work(_stop.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (Exception failure) when (failure is not OutOfMemoryException)
            {
                // Being late never shows; a fault here must not end the process.
                Log.MaintenanceFailed(_log, failure);
            }
        }
    }
}
