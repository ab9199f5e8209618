using System.Net;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Coffer.Client;
using Coffer.Contracts;
using Coffer.Core;
using Coffer.Core.Access;
using Coffer.Core.Sealing;
using Coffer.Core.Secrets;
using Coffer.Protocols;
using Coffer.Protocols.Native;
using Coffer.Testing;
using Coffer.Trusts;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Coffer.Login.Tests.Support;

/// <summary>
/// Coffer's own API over a real core, with the real verifiers, and a provider of identities beside it that the trust <c>staff</c> is in. The
/// person <c>pat</c> is <c>pat@example.com</c> there.
/// </summary>
internal sealed class LoginTestServer : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("coffer-login-").FullName;
    private readonly List<IDisposable> _owned = [];
    private WebApplication? _app;
    private CofferCore? _core;

    private LoginTestServer() => Provider = new(Clock);

    /// <summary>The server's and the provider's clock.</summary>
    public FakeTimeProvider Clock { get; } = new(TimeProvider.System.GetUtcNow());

    public StubProvider Provider { get; }

    public CofferClientOptions Options { get; private set; } = null!;

    public CofferCore Core => _core!;

    public Caller Root { get; private set; } = null!;

    public static async Task<LoginTestServer> StartAsync()
    {
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        LoginTestServer server = new();
        CofferCore core = new(new() { Store = new InMemoryStore(), AuditDirectory = Path.Combine(server._folder, "audit"), Clock = server.Clock, Passwords = Hash, Verifiers = TrustVerifiers.All(server.Clock) });
        server._core = core;
        await core.Seals.InitializeAsync(new MemorySeal(), cancellation);
        await core.StartAsync(cancellation);
        await core.BootstrapAsync(PrincipalName.Parse("root"), 1000, cancellation);
        server.Root = new() { Principal = core.Access.PrincipalsByName[PrincipalName.Parse("root")], Credential = "local-1000", Dialect = "test", WireOperation = "seed", RequestId = "seed" };
        await core.Admin.CreatePrincipalAsync(server.Root, PrincipalName.Parse("pat"), PrincipalKind.Person, null, "", cancellation);
        await core.Admin.CreateTrustAsync(server.Root, server.Trust("staff"), null, cancellation);
        await core.Admin.LinkAsync(server.Root, PrincipalName.Parse("staff"), StubProvider.Email, PrincipalName.Parse("pat"), cancellation);
        RateGate rates = new(new() { PerAddress = 0, PerPrincipal = 0, FailuresPerAddress = 0 });
        server._owned.Add(rates);
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        server._app = builder.Build();
        DialectPipeline pipeline = new([new NativeDialect(new() { Core = core, Rates = rates, Loggers = NullLoggerFactory.Instance }, new NoSystem())], rates, NullLogger.Instance);
        server._app.Run(pipeline.HandleAsync);
        await server._app.StartAsync(cancellation);
        server.Options = new() { Address = new(server._app.Urls.First()) };
        return server;
    }

    public CofferClient Client(SecretText? token = null)
    {
        CofferClient client = new(Options with { Token = token });
        _owned.Add(client);
        return client;
    }

    public async ValueTask DisposeAsync()
    {
        _owned.ForEach(o => o.Dispose());
        if (_app is not null)
        {
            await _app.DisposeAsync();
        }

        if (_core is not null)
        {
            await _core.DisposeAsync();
        }

        await Provider.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private Coffer.Core.Access.NewTrust Trust(string name) => new()
    {
        Name = PrincipalName.Parse(name),
        Kind = TrustKind.WebToken,
        Issuer = Provider.Issuer,
        Audiences = [StubProvider.ClientId],
        PrincipalClaim = "email",
        MaxSeconds = 7200,
        Settings = new JsonObject
        {
            ["allowPrivateNetwork"] = true,
            ["roots"] = Provider.Server.RootPem,
            ["login"] = new JsonObject { ["clientId"] = StubProvider.ClientId, ["scopes"] = new JsonArray("openid", "email"), ["device"] = true },
        }.ToJsonString(),
    };

    /// <summary>Stands in for Argon2id, whose cost no test here needs.</summary>
    private static void Hash(ReadOnlySpan<byte> passphrase, ReadOnlySpan<byte> salt, Argon2Parameters parameters, Span<byte> output) => HMACSHA256.HashData(salt, passphrase, output);

    private sealed class NoSystem : ISystemControl
    {
        public DateTimeOffset Started => default;

        public bool RemoteUnseal => false;

        public bool MayUnseal(LocalPeer peer) => false;

        public ValueTask<SealStatus> StatusAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask SealAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask<bool> UnsealAsync(SecretValue? passphrase, SecretValue? share, CancellationToken cancellationToken) => throw new NotSupportedException();

        public void ForgetShares() => throw new NotSupportedException();

        public ValueTask<uint> RotateKeysAsync(SecretValue? passphrase, IReadOnlyList<SecretValue> shares, CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask<IReadOnlyList<SecretValue>> RekeyAsync(SecretValue? passphrase, IReadOnlyList<SecretValue> shares, SecretValue? newPassphrase, int newThreshold, int newShares, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public Task BackupAsync(Stream target, CancellationToken cancellationToken) => throw new NotSupportedException();
    }
}
