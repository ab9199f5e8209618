using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Coffer.Client;
using Coffer.Contracts;
using Coffer.Core;
using Coffer.Core.Access;
using Coffer.Core.Sealing;
using Coffer.Core.Secrets;
using Coffer.Testing;
using Coffer.Trusts;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Coffer.Protocols.Native.Tests;

/// <summary>
/// The dialect behind the real pipeline in a real Kestrel, on loopback and on a Unix socket, over a real core. Vaults
/// <c>shop-dev</c> and <c>other</c>; <c>root</c> administers the server, <c>keeper</c> administers shop-dev, <c>writer</c> and
/// <c>reader</c> have those roles there, <c>nobody</c> has no grant. Time stands still until a test moves it.
/// </summary>
internal sealed class NativeTestServer : IAsyncDisposable
{
    public const uint OperatorUid = 1000;

    private readonly string _folder = Directory.CreateTempSubdirectory("coffer-native-").FullName;
    private readonly Dictionary<string, string> _tokens = new(StringComparer.Ordinal);
    private readonly List<string> _log = [];
    private readonly List<CofferClient> _clients = [];
    private WebApplication? _app;
    private RateGate? _rates;

    public FakeTimeProvider Clock { get; } = new(new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero).AddMicroseconds(678_912));

    public InMemoryStore Store { get; } = new();

    public CofferCore Core { get; private set; } = null!;

    public TestSystem System { get; private set; } = null!;

    public int Port { get; private set; }

    public string Socket => Path.Combine(_folder, "coffer.sock");

    /// <summary>The user at the other end of the socket, as the kernel would say.</summary>
    public uint PeerUid { get; set; } = OperatorUid;

    public Caller Root { get; private set; } = null!;

    /// <summary>Takes as a web token what a test says.</summary>
    public TestIssuer Issuer { get; } = new();

    /// <summary>Everything logged, raw.</summary>
    public IReadOnlyList<string> Log => _log;

    public static async Task<NativeTestServer> StartAsync(RateOptions? rates = null)
    {
        NativeTestServer server = new();
        try
        {
            await server.OpenAsync(rates ?? new() { PerAddress = 0, PerPrincipal = 0, FailuresPerAddress = 0 });
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    public string TokenOf(string principal) => _tokens[principal];

    public CofferClient Client(string principal = "root") => Keep(new(new() { Address = new($"http://127.0.0.1:{Port}"), Token = SecretText.From(TokenOf(principal)) }));

    public CofferClient SocketClient() => Keep(CofferClient.ForSocket(Socket));

    /// <summary>Sends a request as <paramref name="principal"/> (null: as nobody) and reads the answer to its end.</summary>
    public Task<TestAnswer> SendAsync(string method, string target, string? body = null, string? principal = "root", string headers = "")
    {
        StringBuilder request = new($"{method} {target} HTTP/1.1\r\nHost: coffer.test\r\nConnection: close\r\n{headers}");
        if (principal is not null)
        {
            request.Append($"Authorization: Bearer {TokenOf(principal)}\r\n");
        }

        byte[] content = Encoding.UTF8.GetBytes(body ?? "");
        if (body is not null)
        {
            request.Append(headers.Contains("Content-Type", StringComparison.Ordinal) ? "" : "Content-Type: application/json\r\n").Append($"Content-Length: {content.Length}\r\n");
        }

        return SendRawAsync([.. Encoding.Latin1.GetBytes(request.Append("\r\n").ToString()), .. content]);
    }

    /// <summary>Sends bytes as they are, over the network or the socket.</summary>
    public async Task<TestAnswer> SendRawAsync(byte[] bytes, bool local = false)
    {
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        using Socket socket = local ? new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) : new(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(local ? new UnixDomainSocketEndPoint(Socket) : new IPEndPoint(IPAddress.Loopback, Port), cancellation);
        using NetworkStream stream = new(socket);
        using MemoryStream all = new();
        try
        {
            await stream.WriteAsync(bytes, cancellation);
            await stream.CopyToAsync(all, cancellation);
        }
        catch (IOException) when (all.Length > 0)
        {
            // The server may answer and close before it has read everything.
        }

        return TestAnswer.Parse(all.ToArray());
    }

    public async ValueTask DisposeAsync()
    {
        _clients.ForEach(c => c.Dispose());
        if (_app is not null)
        {
            await _app.DisposeAsync();
        }

        if (Core is not null)
        {
            await Core.DisposeAsync();
        }

        _rates?.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private CofferClient Keep(CofferClient client)
    {
        _clients.Add(client);
        return client;
    }

    private async Task OpenAsync(RateOptions rates)
    {
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        string audit = Path.Combine(_folder, "audit");
        ImmutableArray<ITrustVerifier> real = TrustVerifiers.All(Clock);
        Issuer.Real = real[0];
        Core = new(new() { Store = Store, AuditDirectory = audit, Clock = Clock, Passwords = Hash, Verifiers = [Issuer, .. real.Skip(1)] });
        MemorySeal seal = new();
        await Core.Seals.InitializeAsync(seal, cancellation);
        await Core.StartAsync(cancellation);
        System = new(Core, seal, Clock);
        await SeedAsync(cancellation);
        _rates = new(rates, isRefilled: false);
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Listen(IPAddress.Loopback, 0);
            kestrel.ListenUnixSocket(Socket);
        });
        _app = builder.Build();
        DialectPipeline pipeline = new([new NativeDialect(new() { Core = Core, Rates = _rates, Loggers = NullLoggerFactory.Instance }, System)], _rates, new ListLogger(_log));
        _app.Run(context =>
        {
            if (context.Connection.RemoteIpAddress is null)
            {
                context.Features.Set(new LocalPeer(PeerUid, 1));
            }

            return pipeline.HandleAsync(context);
        });
        await _app.StartAsync(cancellation);
        Port = new Uri(_app.Urls.First(u => u.StartsWith("http://127", StringComparison.Ordinal))).Port;
    }

    /// <summary>Stands in for Argon2id, whose cost no test of the wire needs.</summary>
    private static void Hash(ReadOnlySpan<byte> passphrase, ReadOnlySpan<byte> salt, Argon2Parameters parameters, Span<byte> output) =>
        global::System.Security.Cryptography.HMACSHA256.HashData(salt, passphrase, output);

    private async Task SeedAsync(CancellationToken cancellation)
    {
        await Core.BootstrapAsync(PrincipalName.Parse("root"), OperatorUid, cancellation);
        Root = new() { Principal = Core.Access.PrincipalsByName[PrincipalName.Parse("root")], Credential = "local-1000", Dialect = "test", WireOperation = "seed", RequestId = "seed" };
        await Core.Admin.CreateVaultAsync(Root, VaultName.Parse("shop-dev"), new() { Description = "the shop, in development" }, cancellation);
        await Core.Admin.CreateVaultAsync(Root, VaultName.Parse("other"), new(), cancellation);
        await TokenAsync("root", cancellation);
        // Apart in time, so that listings by creation have one order.
        Clock.Advance(TimeSpan.FromSeconds(1));
        foreach ((string name, CofferActions actions) in new[] { ("keeper", CofferActions.Admin), ("writer", CofferActions.Writer), ("reader", CofferActions.Reader), ("nobody", CofferActions.None) })
        {
            PrincipalName principal = PrincipalName.Parse(name);
            await Core.Admin.CreatePrincipalAsync(Root, principal, PrincipalKind.Workload, VaultName.Parse("shop-dev"), "", cancellation);
            if (actions != CofferActions.None)
            {
                await Core.Admin.CreateGrantAsync(Root, principal, isGroup: false, new() { Actions = actions, Vault = VaultName.Parse("shop-dev") }, cancellation);
            }

            await TokenAsync(name, cancellation);
            Clock.Advance(TimeSpan.FromSeconds(1));
        }
    }

    private async Task TokenAsync(string name, CancellationToken cancellation)
    {
        using IssuedCredential token = await Core.Admin.CreateTokenAsync(Root, PrincipalName.Parse(name), new(), cancellation);
        _tokens[name] = Encoding.ASCII.GetString(token.Secret.Span);
    }

    private sealed class ListLogger(List<string> lines) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            lock (lines)
            {
                lines.Add(formatter(state, exception) + exception);
            }
        }
    }
}

/// <summary>Takes tokens that a test has put in, and says of them what it said.</summary>
internal sealed class TestIssuer : ITrustVerifier
{
    public Dictionary<string, (string Name, string[] Values)[]> Tokens { get; } = new(StringComparer.Ordinal);

    public ImmutableArray<TrustKind> Kinds => [TrustKind.WebToken];

    /// <summary>What verifies the tokens that no test made up.</summary>
    public ITrustVerifier Real { get; set; } = null!;

    public void Check(Trust trust) => Real.Check(trust);

    public async ValueTask<(ProvenClaims? Claims, string Reason)> VerifyAsync(Trust trust, SecretValue? secret, TrustProof proof, CancellationToken cancellationToken) =>
        proof is TrustProof.WebToken { Token: { } token } && Tokens.TryGetValue(token, out (string Name, string[] Values)[]? claims)
            ? (new ProvenClaims(claims.ToFrozenDictionary(c => c.Name, c => ImmutableArray.Create(c.Values), StringComparer.Ordinal), null), "")
            : await Real.VerifyAsync(trust, secret, proof, cancellationToken);
}

/// <summary>An answer as it came over the wire.</summary>
internal sealed record TestAnswer(int Status, IReadOnlyList<KeyValuePair<string, string>> Headers, string Body)
{
    public string? Header(string name) => Headers.FirstOrDefault(h => h.Key.Equals(name, StringComparison.OrdinalIgnoreCase)).Value;

    public static TestAnswer Parse(byte[] bytes)
    {
        int end = bytes.AsSpan().IndexOf("\r\n\r\n"u8);
        Assert.True(end > 0, "no answer");
        string[] head = Encoding.Latin1.GetString(bytes, 0, end).Split("\r\n");
        List<KeyValuePair<string, string>> headers = [.. head.Skip(1).Select(h => h.Split(": ", 2)).Select(h => KeyValuePair.Create(h[0], h.Length > 1 ? h[1] : ""))];
        byte[] body = bytes[(end + 4)..];
        if (headers.Any(h => h.Key.Equals("Transfer-Encoding", StringComparison.OrdinalIgnoreCase)))
        {
            body = Unchunk(body);
        }

        return new(int.Parse(head[0].Split(' ')[1], global::System.Globalization.CultureInfo.InvariantCulture), headers, Encoding.UTF8.GetString(body));
    }

    private static byte[] Unchunk(ReadOnlySpan<byte> rest)
    {
        List<byte> all = [];
        while (rest.IndexOf("\r\n"u8) is >= 0 and int line)
        {
            int size = int.Parse(Encoding.ASCII.GetString(rest[..line]), global::System.Globalization.NumberStyles.HexNumber, global::System.Globalization.CultureInfo.InvariantCulture);
            if (size == 0)
            {
                break;
            }

            all.AddRange(rest.Slice(line + 2, size));
            rest = rest[(line + 2 + size + 2)..];
        }

        return [.. all];
    }
}

/// <summary>The server's own operations with a seal in memory; shares and passphrases are whatever a test says.</summary>
internal sealed class TestSystem(CofferCore core, MemorySeal seal, TimeProvider clock) : ISystemControl
{
    public string Passphrase { get; set; } = "correct horse battery";

    public List<string> Calls { get; } = [];

    public DateTimeOffset Started { get; } = clock.GetUtcNow();

    public bool RemoteUnseal { get; set; }

    public bool MayUnseal(LocalPeer peer) => peer.Uid is 0 or NativeTestServer.OperatorUid;

    public async ValueTask<SealStatus> StatusAsync(CancellationToken cancellationToken) =>
        new(await core.Seals.StateAsync(cancellationToken), PassphraseSeal.TypeName, 0, 0, 0);

    public ValueTask SealAsync(CancellationToken cancellationToken) => core.SealAsync(cancellationToken);

    public async ValueTask<bool> UnsealAsync(SecretValue? passphrase, SecretValue? share, CancellationToken cancellationToken)
    {
        Calls.Add("unseal");
        if (passphrase is null || Encoding.UTF8.GetString(passphrase.Span) != Passphrase)
        {
            throw new SealRefusedException(SealRefusal.Wrong, "the passphrase does not open this seal");
        }

        await core.Seals.UnsealAsync(seal, cancellationToken);
        await core.StartAsync(cancellationToken);
        return true;
    }

    public void ForgetShares() => Calls.Add("forget");

    public ValueTask<uint> RotateKeysAsync(SecretValue? passphrase, IReadOnlyList<SecretValue> shares, CancellationToken cancellationToken) => core.Seals.RotateKeysAsync(seal, cancellationToken);

    public ValueTask<IReadOnlyList<SecretValue>> RekeyAsync(
        SecretValue? passphrase, IReadOnlyList<SecretValue> shares, SecretValue? newPassphrase, int newThreshold, int newShares, CancellationToken cancellationToken)
    {
        Calls.Add($"rekey {newThreshold} of {newShares}");
        return ValueTask.FromResult<IReadOnlyList<SecretValue>>([.. Enumerable.Range(1, newShares).Select(n => SecretValue.Copy(Encoding.ASCII.GetBytes($"share-{n}")))]);
    }

    public async Task BackupAsync(Stream target, CancellationToken cancellationToken) => await target.WriteAsync("sealed bytes"u8.ToArray(), cancellationToken);
}
