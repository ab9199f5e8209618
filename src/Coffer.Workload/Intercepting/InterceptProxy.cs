using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Coffer.Workload.Intercepting;

/// <summary>What the proxy needs to know of its surroundings.</summary>
internal sealed record InterceptProxyOptions
{
    /// <summary>User name and password of this child, both of <c>A–Za–z0–9-_</c>.</summary>
    public required (string User, string Password) Credentials { get; init; }

    /// <summary>Opens a stream to the local handler of a listed name.</summary>
    public required Func<InterceptedName, CancellationToken, Task<Stream>> OpenLocal { get; init; }

    /// <summary>The run's own roots for listed names (true), the public and inherited ones for all others: a new policy each time.</summary>
    public required Func<bool, X509ChainPolicy> Roots { get; init; }

    /// <summary>Sign-in services that are intercepted too.</summary>
    public IReadOnlySet<string> AlsoServices { get; init; } = new HashSet<string>();

    /// <summary>The proxy configured before, or null.</summary>
    public ParentProxy? Parent { get; init; }

    /// <summary>Resolves names of blind tunnels; a seam for tests.</summary>
    public Func<string, CancellationToken, Task<IPAddress[]>> Resolve { get; init; } = Dns.GetHostAddressesAsync;

    /// <summary>Whether an address may not be connected to.</summary>
    public Func<IPAddress, bool> IsForbidden { get; init; } = ForbiddenTargets.Contains;

    /// <summary>Connects a socket to an address that was checked; a seam for tests, whose servers are all on loopback.</summary>
    public Func<Socket, IPEndPoint, CancellationToken, ValueTask> Connect { get; init; } = (socket, end, cancellation) => socket.ConnectAsync(end, cancellation);

    /// <summary>Serves absolute-form <c>https://</c> requests of old clients, which makes this process see their plaintext.</summary>
    public bool ServeAbsoluteForm { get; init; } = true;

    /// <summary>False for the one port of clients that cannot send a password (Java); there the peer's user is all there is.</summary>
    public bool AsksForPassword { get; init; } = true;

    /// <summary>The clock.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>Told of each decision: host, port, outcome. Never a path, header or body.</summary>
    public Action<string, int, string> Log { get; init; } = (_, _, _) => { };

    /// <summary>Whether the peer of a connection may use the proxy at all; a seam for tests.</summary>
    public Func<Socket, bool> IsAllowedPeer { get; init; } = socket => PeerCheck.IsOwnUser(socket.RemoteEndPoint, socket.LocalEndPoint);
}

/// <summary>
/// The CONNECT proxy of one child, on loopback: listed names go to the local handler, everything else is tunnelled blind, and
/// where nothing may go is refused.
/// </summary>
internal sealed class InterceptProxy : IAsyncDisposable
{
    private const int MaxConnections = 512;
    private const int MaxUnread = 64 * 1024;
    private const string Intercepted = "intercepted";
    private const string Refused = "refused";
    private static readonly TimeSpan HeadTimeout = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan AcceptPause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LastBytes = TimeSpan.FromSeconds(1);

    private readonly InterceptProxyOptions _options;
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly SemaphoreSlim _slots = new(MaxConnections, MaxConnections);
    private readonly CancellationTokenSource _stop = new();
    private readonly byte[] _expected;
    private readonly Task _accepting;

    public InterceptProxy(InterceptProxyOptions options)
    {
        _options = options;
        _expected = SHA256.HashData(Encoding.ASCII.GetBytes(Convert.ToBase64String(Encoding.ASCII.GetBytes($"{options.Credentials.User}:{options.Credentials.Password}"))));
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen(128);
        _accepting = Task.Run(AcceptAsync);
    }

    /// <summary>The port on 127.0.0.1.</summary>
    public int Port => ((IPEndPoint)_listener.LocalEndPoint!).Port;

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        _listener.Dispose();
        await _accepting.ConfigureAwait(false);
    }

    private async Task AcceptAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await _slots.WaitAsync(_stop.Token).ConfigureAwait(false);
                Socket socket = await _listener.AcceptAsync(_stop.Token).ConfigureAwait(false);
                _ = Task.Run(() => ServeAsync(socket));
            }
            catch (Exception stopped) when (stopped is OperationCanceledException or ObjectDisposedException or SocketException)
            {
                if (_stop.IsCancellationRequested)
                {
                    return;
                }

                // Most likely out of file descriptors: some will be free again in a moment.
                _slots.Release();
                await Task.Delay(AcceptPause, _options.Clock, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        try
        {
            socket.NoDelay = true;
            await using NetworkStream client = new(socket, ownsSocket: true);
            if (!_options.IsAllowedPeer(socket))
            {
                return;
            }

            await ServeAsync(client).ConfigureAwait(false);
        }
        catch (Exception gone) when (gone is IOException or SocketException or OperationCanceledException or ObjectDisposedException or System.Security.Authentication.AuthenticationException)
        {
            // Either side went away, or a certificate was not right: the tunnel ends.
        }
        finally
        {
            _slots.Release();
        }
    }

    private async Task ServeAsync(Stream client)
    {
        using CancellationTokenSource late = new(HeadTimeout, _options.Clock);
        using CancellationTokenSource slow = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token, late.Token);
        (byte[] Head, byte[] After)? read = await ReadHeadAsync(client, slow.Token).ConfigureAwait(false);
        if (read is not { } request || ConnectHead.Parse(request.Head) is not { } parsed)
        {
            await AnswerAsync(client, "400 Bad Request").ConfigureAwait(false);
            return;
        }

        if (_options.AsksForPassword && !IsAuthorized(parsed.Authorization))
        {
            await AnswerAsync(client, "407 Proxy Authentication Required", "Proxy-Authenticate: Basic realm=\"coffer\"\r\n").ConfigureAwait(false);
            return;
        }

        if (parsed.Method == "CONNECT")
        {
            await ConnectAsync(client, parsed.Target, request.After).ConfigureAwait(false);
        }
        else if (parsed.Target.StartsWith("https://", StringComparison.OrdinalIgnoreCase) && _options.ServeAbsoluteForm)
        {
            await RelayAsync(client, parsed, request.After).ConfigureAwait(false);
        }
        else
        {
            string status = parsed.Target.Contains("://", StringComparison.Ordinal) ? "403 Forbidden" : parsed.Target.StartsWith('/') ? "400 Bad Request" : "405 Method Not Allowed";
            await AnswerAsync(client, status).ConfigureAwait(false);
        }
    }

    private async Task ConnectAsync(Stream client, string target, byte[] rest)
    {
        if (!ConnectHead.TryParseAuthority(target, out string host, out int port))
        {
            await AnswerAsync(client, "400 Bad Request").ConfigureAwait(false);
            return;
        }

        Stream? server;
        string outcome;
        try
        {
            (server, outcome) = await OpenAsync(host, port).ConfigureAwait(false);
        }
        catch (Exception failed) when (IsFailure(failed))
        {
            _options.Log(host, port, "unreachable");
            await AnswerAsync(client, "502 Bad Gateway").ConfigureAwait(false);
            return;
        }

        _options.Log(host, port, outcome);
        if (server is null)
        {
            await AnswerAsync(client, "403 Forbidden").ConfigureAwait(false);
            return;
        }

        await using (server.ConfigureAwait(false))
        {
            await client.WriteAsync("HTTP/1.1 200 Connection established\r\n\r\n"u8.ToArray(), _stop.Token).ConfigureAwait(false);
            if (rest.Length > 0)
            {
                await server.WriteAsync(rest, _stop.Token).ConfigureAwait(false);
            }

            await Relay.BothWaysAsync(client, server, _stop.Token).ConfigureAwait(false);
        }
    }

    /// <summary>An absolute-form request: verified TLS from here to its host, or to the local handler for a listed name.</summary>
    private async Task RelayAsync(Stream client, ConnectHead head, byte[] rest)
    {
        if (AbsoluteForm.From(head) is not { } request)
        {
            await AnswerAsync(client, "400 Bad Request").ConfigureAwait(false);
            return;
        }

        Stream? server = null;
        string outcome;
        try
        {
            (server, outcome) = await OpenAsync(request.Host, request.Port).ConfigureAwait(false);
            if (server is not null)
            {
                SslStream secure = new(server);
                server = secure;
                X509ChainPolicy roots = _options.Roots(outcome == Intercepted);
                await secure.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = request.Host.TrimEnd('.'), CertificateChainPolicy = roots }, _stop.Token).ConfigureAwait(false);
            }
        }
        catch (Exception failed) when (IsFailure(failed))
        {
            if (server is not null)
            {
                await server.DisposeAsync().ConfigureAwait(false);
            }

            _options.Log(request.Host, request.Port, "unreachable");
            await AnswerAsync(client, "502 Bad Gateway").ConfigureAwait(false);
            return;
        }

        _options.Log(request.Host, request.Port, outcome);
        if (server is null)
        {
            await AnswerAsync(client, "403 Forbidden").ConfigureAwait(false);
            return;
        }

        await using (server.ConfigureAwait(false))
        {
            await request.RelayAsync(client, rest, server, _stop.Token).ConfigureAwait(false);
        }
    }

    /// <summary>The other end of a tunnel, or null where none may be.</summary>
    private async Task<(Stream? Server, string Outcome)> OpenAsync(string host, int port)
    {
        if (InterceptedHosts.Find(host, _options.AlsoServices) is { } listed)
        {
            return port == 443 ? (await _options.OpenLocal(listed, _stop.Token).ConfigureAwait(false), Intercepted) : (null, Refused);
        }

        if (ForbiddenTargets.ContainsName(host))
        {
            return (null, Refused);
        }

        using CancellationTokenSource late = new(ConnectTimeout, _options.Clock);
        using CancellationTokenSource slow = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token, late.Token);
        if (_options.Parent is { } parent && !parent.IsDirect(host, port))
        {
            return (await parent.ConnectAsync(host, port, _options.Roots(false), slow.Token).ConfigureAwait(false), "parent proxy");
        }

        IPAddress[] addresses = await _options.Resolve(host, slow.Token).ConfigureAwait(false);
        if (addresses.Any(_options.IsForbidden))
        {
            return (null, Refused);
        }

        foreach (IPAddress address in addresses)
        {
            // Connected to the very address that was checked: resolving again could give another.
            Socket socket = new(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
            try
            {
                await _options.Connect(socket, new(address, port), slow.Token).ConfigureAwait(false);
                return (new NetworkStream(socket, ownsSocket: true), "tunnel");
            }
            catch (SocketException)
            {
                socket.Dispose();
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        }

        throw new IOException("no address of the host answers");
    }

    private static bool IsFailure(Exception failed) => failed is IOException or SocketException or OperationCanceledException or System.Security.Authentication.AuthenticationException;

    private bool IsAuthorized(string? header) =>
        header is { Length: > 6 and < 512 } && header.StartsWith("Basic ", StringComparison.OrdinalIgnoreCase)
        && CryptographicOperations.FixedTimeEquals(SHA256.HashData(Encoding.Latin1.GetBytes(header[6..].Trim())), _expected);

    private static async Task<(byte[] Head, byte[] After)?> ReadHeadAsync(Stream client, CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[ConnectHead.MaxBytes];
        for (int length = 0; length < buffer.Length;)
        {
            int read = await client.ReadAsync(buffer.AsMemory(length), cancellationToken).ConfigureAwait(false);
            if (read == 0)
            {
                return null;
            }

            length += read;
            int end = buffer.AsSpan(0, length).IndexOf("\r\n\r\n"u8);
            if (end >= 0)
            {
                return (buffer[..(end + 2)], buffer[(end + 4)..length]);
            }
        }

        return null;
    }

    private async Task AnswerAsync(Stream client, string status, string headers = "")
    {
        using CancellationTokenSource late = new(LastBytes, _options.Clock);
        using CancellationTokenSource slow = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token, late.Token);
        await client.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 {status}\r\n{headers}Content-Length: 0\r\nConnection: close\r\n\r\n"), slow.Token).ConfigureAwait(false);
        if (client is NetworkStream { Socket: { } socket })
        {
            // Closing over unread bytes resets the connection, and the client would not see the answer.
            socket.Shutdown(SocketShutdown.Send);
            byte[] unread = new byte[4096];
            for (int total = 0, read = 1; read > 0 && total < MaxUnread; total += read)
            {
                read = await client.ReadAsync(unread, slow.Token).ConfigureAwait(false);
            }
        }
    }
}
