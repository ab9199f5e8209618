using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Coffer.Core.Secrets;

namespace Coffer.Trusts.Outbound;

/// <summary>A call that was not made or not answered. The message says why, without anything the other side sent.</summary>
internal sealed class OutboundException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>One call to a server that a trust names.</summary>
internal sealed record OutboundRequest
{
    public required Uri Target { get; init; }

    public HttpMethod Method { get; init; } = HttpMethod.Get;

    /// <summary>Headers as they are sent; none are added but Host and Content-Length.</summary>
    public IReadOnlyList<(string Name, string Value)> Headers { get; init; } = [];

    public ReadOnlyMemory<byte>? Body { get; init; }

    /// <summary>The trust's own token for this server, or null.</summary>
    public SecretValue? Bearer { get; init; }

    public bool PrivateNetworks { get; init; }

    /// <summary>The only roots that are trusted, or null for the system's.</summary>
    public X509Certificate2Collection? Roots { get; init; }
}

/// <summary>An answer, whole.</summary>
internal sealed record OutboundAnswer(HttpStatusCode Status, string? MediaType, byte[] Body);

/// <summary>
/// The one way out. HTTPS only; no redirect, proxy, cookie, cache or connection is shared between calls; the address is judged when
/// it is connected to; five seconds and one mebibyte at most.
/// </summary>
internal sealed class OutboundHttp(TimeProvider clock, Func<string, CancellationToken, Task<IPAddress[]>>? resolve = null)
{
    public const int MaxAnswerBytes = 1024 * 1024;

    public static readonly TimeSpan Timeout = TimeSpan.FromSeconds(5);

    // Whoever is not proven yet can cause calls: not more of them at a time than this.
    private const int MostCalls = 16;

    private readonly Func<string, CancellationToken, Task<IPAddress[]>> _resolve = resolve ?? Dns.GetHostAddressesAsync;
    private readonly SemaphoreSlim _calls = new(MostCalls);

    /// <summary>An address that may be called at all: absolute, https, without user, fragment or spaces. Null where it is not.</summary>
    public static Uri? TargetOf(string text) =>
        text.Length <= 2048 && !text.AsSpan().ContainsAnyExceptInRange('!', '~')
        && Uri.TryCreate(text, UriKind.Absolute, out Uri? uri) && uri.Scheme == Uri.UriSchemeHttps && uri.UserInfo.Length == 0 && uri.Fragment.Length == 0 && uri.Host.Length > 0
            ? uri
            : null;

    /// <summary>Calls and reads the whole answer, whatever its status. Throws <see cref="OutboundException"/>.</summary>
    public async Task<OutboundAnswer> SendAsync(OutboundRequest request, CancellationToken cancellationToken)
    {
        if (request.Target.Scheme != Uri.UriSchemeHttps)
        {
            throw new OutboundException("only https is called");
        }

        using CancellationTokenSource time = new(Timeout, clock);
        using CancellationTokenSource both = CancellationTokenSource.CreateLinkedTokenSource(time.Token, cancellationToken);
        bool entered = false;
        try
        {
            await _calls.WaitAsync(both.Token).ConfigureAwait(false);
            entered = true;
            using SocketsHttpHandler handler = Handler(request);
            using HttpMessageInvoker client = new(handler);
            using HttpRequestMessage message = Message(request);
            using HttpResponseMessage response = await client.SendAsync(message, both.Token).ConfigureAwait(false);
            return new(response.StatusCode, response.Content.Headers.ContentType?.MediaType, await ReadAsync(response.Content, both.Token).ConfigureAwait(false));
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new OutboundException("no answer in time");
        }
        catch (Exception failure) when (failure is HttpRequestException or IOException or SocketException or AuthenticationException)
        {
            throw failure as OutboundException ?? failure.InnerException as OutboundException ?? new OutboundException(
                failure is HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError } or AuthenticationException ? "the server's certificate is not trusted" : "the server cannot be reached", failure);
        }
        finally
        {
            if (entered)
            {
                _calls.Release();
            }
        }
    }

    private static HttpRequestMessage Message(OutboundRequest request)
    {
        HttpRequestMessage message = new(request.Method, request.Target) { Version = HttpVersion.Version11, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
        if (request.Body is { } body)
        {
            message.Content = new ReadOnlyMemoryContent(body);
        }

        foreach ((string name, string value) in request.Headers)
        {
            if (!message.Headers.TryAddWithoutValidation(name, value) && message.Content?.Headers.TryAddWithoutValidation(name, value) is not true)
            {
                throw new OutboundException("a header cannot be sent");
            }
        }

        if (request.Bearer is { } bearer)
        {
            message.Headers.Authorization = new("Bearer", Encoding.ASCII.GetString(bearer.Span));
        }

        return message;
    }

    private SocketsHttpHandler Handler(OutboundRequest request)
    {
        X509ChainPolicy policy = new() { RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true };
        policy.ApplicationPolicy.Add(new Oid("1.3.6.1.5.5.7.3.1"));
        if (request.Roots is { } roots)
        {
            policy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            policy.CustomTrustStore.AddRange(roots);
        }

        return new()
        {
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
            PreAuthenticate = false,
            Credentials = null,
            AutomaticDecompression = DecompressionMethods.None,
            MaxResponseHeadersLength = 32,
            MaxResponseDrainSize = 0,
            // No trace header of ours goes out.
            ActivityHeadersPropagator = null,
            SslOptions = new() { EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13, CertificateChainPolicy = policy },
            ConnectCallback = (context, cancellationToken) => ConnectAsync(context.DnsEndPoint, request.PrivateNetworks, cancellationToken),
        };
    }

    private async ValueTask<Stream> ConnectAsync(DnsEndPoint target, bool privateNetworks, CancellationToken cancellationToken)
    {
        IPAddress[] addresses = IPAddress.TryParse(target.Host.Trim('[', ']'), out IPAddress? literal) ? [literal] : await _resolve(target.Host, cancellationToken).ConfigureAwait(false);
        // One forbidden address among others is a name under somebody's control: none of them is used.
        if (addresses.Length == 0 || addresses.Any(a => !OutboundAddresses.Allows(a, privateNetworks)))
        {
            throw new OutboundException(privateNetworks ? "the address is one that is never called" : "the address is not on the Internet, and the trust does not allow private networks");
        }

        Socket socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(addresses, target.Port, cancellationToken).ConfigureAwait(false);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static async Task<byte[]> ReadAsync(HttpContent content, CancellationToken cancellationToken)
    {
        if (content.Headers.ContentLength > MaxAnswerBytes)
        {
            throw new OutboundException("the answer is too large");
        }

        using Stream stream = await content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        using MemoryStream whole = new();
        byte[] part = new byte[16 * 1024];
        int read;
        while ((read = await stream.ReadAsync(part, cancellationToken).ConfigureAwait(false)) > 0)
        {
            if (whole.Length + read > MaxAnswerBytes)
            {
                throw new OutboundException("the answer is too large");
            }

            whole.Write(part, 0, read);
        }

        return whole.ToArray();
    }
}
