using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Coffer.Trusts.Tests.Support;

/// <summary>A request as it arrived.</summary>
internal sealed record StubRequest(string Method, string Path, IReadOnlyList<(string Name, string Value)> Headers, string Body)
{
    public string? Header(string name) => Headers.FirstOrDefault(h => string.Equals(h.Name, name, StringComparison.OrdinalIgnoreCase)).Value;
}

/// <summary>What is answered; null bytes mean that nothing is, and the connection stays open.</summary>
internal sealed record StubAnswer(int Status, string Body, string Type = "application/json", string? Extra = null)
{
    public static readonly StubAnswer Silence = new(0, "");
}

/// <summary>An HTTPS server on loopback under a CA of its own, one request a connection, that answers what a test says.</summary>
internal sealed class StubServer : IAsyncDisposable
{
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly X509Certificate2 _root, _certificate;
    private readonly CancellationTokenSource _stop = new();

    public StubServer(string host)
    {
        Host = host;
        using ECDsa rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest root = new("CN=Stub root", rootKey, HashAlgorithmName.SHA256);
        root.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        root.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        _root = root.CreateSelfSigned(now.AddHours(-1), now.AddDays(1));
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest leaf = new("CN=stub", key, HashAlgorithmName.SHA256);
        SubjectAlternativeNameBuilder names = new();
        names.AddDnsName(host);
        leaf.CertificateExtensions.Add(names.Build());
        using X509Certificate2 made = leaf.Create(_root, now.AddHours(-1), now.AddHours(12), [1, 2, 3, 4]);
        _certificate = made.CopyWithPrivateKey(key);
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen();
        _ = Task.Run(AcceptAsync);
    }

    public string Host { get; }

    public int Port => ((IPEndPoint)_listener.LocalEndPoint!).Port;

    public string Origin => string.Create(CultureInfo.InvariantCulture, $"https://{Host}:{Port}");

    public string RootPem => _root.ExportCertificatePem();

    public X509Certificate2Collection Roots => [_root];

    public Func<StubRequest, StubAnswer> Answer { get; set; } = _ => new(404, "{}");

    public ConcurrentQueue<StubRequest> Requests { get; } = new();

    /// <summary>Completes when a request was read whole.</summary>
    public TaskCompletionSource Arrived { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public int Connections { get; private set; }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        _certificate.Dispose();
        _root.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                Socket socket = await _listener.AcceptAsync(_stop.Token);
                Connections++;
                _ = Task.Run(() => ServeAsync(socket));
            }
            catch (Exception stopped) when (stopped is OperationCanceledException or ObjectDisposedException or SocketException)
            {
                return;
            }
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        try
        {
            await using SslStream stream = new(new NetworkStream(socket, ownsSocket: true));
            await stream.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = _certificate }, _stop.Token);
            StringBuilder text = new();
            byte[] buffer = new byte[8192];
            while (!IsWhole(text.ToString()))
            {
                int read = await stream.ReadAsync(buffer, _stop.Token);
                if (read == 0)
                {
                    return;
                }

                text.Append(Encoding.Latin1.GetString(buffer, 0, read));
            }

            StubRequest request = Parse(text.ToString());
            Requests.Enqueue(request);
            StubAnswer answer = Answer(request);
            Arrived.TrySetResult();
            if (answer == StubAnswer.Silence)
            {
                // Until the client gives up.
                _ = await stream.ReadAsync(buffer, _stop.Token);
                return;
            }

            byte[] body = Encoding.UTF8.GetBytes(answer.Body);
            await stream.WriteAsync(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"HTTP/1.1 {answer.Status} X\r\nContent-Type: {answer.Type}\r\nContent-Length: {body.Length}\r\nConnection: close\r\n{answer.Extra}\r\n")), _stop.Token);
            await stream.WriteAsync(body, _stop.Token);
            await stream.ShutdownAsync();
        }
        catch (Exception gone) when (gone is IOException or SocketException or OperationCanceledException or AuthenticationException)
        {
            // The client went away.
        }
    }

    private static StubRequest Parse(string text)
    {
        int end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        string[] lines = text[..end].Split("\r\n");
        string[] first = lines[0].Split(' ');
        return new(first[0], first[1], [.. lines.Skip(1).Select(l => (l[..l.IndexOf(':', StringComparison.Ordinal)], l[(l.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim()))], text[(end + 4)..]);
    }

    private static bool IsWhole(string text)
    {
        int end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        if (end < 0)
        {
            return false;
        }

        string? length = text[..end].Split("\r\n").FirstOrDefault(l => l.StartsWith("Content-Length:", StringComparison.OrdinalIgnoreCase))?.Split(':')[1];
        return text.Length >= end + 4 + int.Parse(length ?? "0", CultureInfo.InvariantCulture);
    }
}
