using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Coffer.Workload.Doors;
using Coffer.Workload.Intercepting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;

namespace Coffer.Workload.Forwarding;

/// <summary>
/// Passes on what arrives under a vendor's name to a Coffer server, for <c>coffer run --as</c>. Host, target and headers go as
/// they came, since a signature covers them; bodies are streamed both ways, trailers and HTTP/2 included.
/// </summary>
public sealed class ForwardingHandler : IDisposable
{
    // Headers that belong to one connection (RFC 9110 section 7.6.1) or that the client below sets itself.
    private static readonly HashSet<string> OwnHeaders = new(StringComparer.OrdinalIgnoreCase)
        { "connection", "keep-alive", "proxy-connection", "proxy-authorization", "proxy-authenticate", "transfer-encoding", "upgrade", "te", "host", "content-length", "expect", "http2-settings" };

    private readonly ForwardingOptions _options;
    private readonly SocketsHttpHandler _handler;
    private readonly HttpMessageInvoker _client;

    /// <summary>Over a socket or an address. Throws <see cref="ArgumentException"/> where there is neither, or the address is not <c>https</c>.</summary>
    public ForwardingHandler(ForwardingOptions options)
    {
        if (options.SocketPath is null && options.Address is not { IsAbsoluteUri: true, Scheme: "https" })
        {
            throw new ArgumentException("a local socket or an https:// address is needed", nameof(options));
        }

        _options = options;
        _handler = new()
        {
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None,
            UseCookies = false,
            // The environment's proxy is for the program; the server is reached directly.
            UseProxy = false,
            ActivityHeadersPropagator = null,
            ConnectTimeout = options.ConnectTimeout,
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
            EnableMultipleHttp2Connections = true,
            ConnectCallback = ConnectAsync,
            // Several values of one header stay apart by the comma alone, as they are in a signature's canonical form.
            RequestHeaderEncodingSelector = (_, _) => System.Text.Encoding.Latin1,
            ResponseHeaderEncodingSelector = (_, _) => System.Text.Encoding.Latin1,
        };
        _client = new(_handler);
    }

    /// <summary>Answers a request with the server's answer, or 502 in the vendor's own error shape where the server is away.</summary>
    public async Task HandleAsync(HttpContext context)
    {
        CancellationToken aborted = context.RequestAborted;
        if (_options.SocketPath is not null && LocalTarget.Refuse(context) is var (status, code, message))
        {
            await CofferApiToken.RefuseAsync(context, status, code, message).ConfigureAwait(false);
            return;
        }

        try
        {
            using HttpRequestMessage request = Request(context);
            using HttpResponseMessage response = await _client.SendAsync(request, aborted).ConfigureAwait(false);
            await AnswerAsync(context, response, aborted).ConfigureAwait(false);
        }
        catch (Exception failed) when (failed is HttpRequestException or IOException or SocketException or AuthenticationException or OperationCanceledException)
        {
            if (aborted.IsCancellationRequested || context.Response.HasStarted)
            {
                // Half an answer must not look like a whole one.
                context.Abort();
                return;
            }

            await VendorRefusal.WriteAwayAsync(context, context.Features.Get<InterceptedName>()).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _client.Dispose();

    private HttpRequestMessage Request(HttpContext context)
    {
        HttpRequest from = context.Request;
        // The local socket speaks HTTP/1.1 alone.
        bool isHttp2 = HttpProtocol.IsHttp2(from.Protocol) && _options.SocketPath is null;
        string scheme = _options.SocketPath is null ? "https" : "http";
        // The target is the text as received: no dot segments resolved, no percent-encoding changed.
        string target = context.Features.Get<IHttpRequestFeature>()!.RawTarget;
        HttpRequestMessage request = new(new HttpMethod(from.Method), new Uri($"{scheme}://{from.Host.Value}{target}", new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }))
        {
            Version = isHttp2 ? HttpVersion.Version20 : HttpVersion.Version11,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        request.Headers.Host = from.Host.Value;
        if (context.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody == true)
        {
            request.Content = new RequestBody(from.Body, from.ContentLength);
        }
        else if (from.ContentLength == 0)
        {
            request.Content = new ByteArrayContent([]);
        }

        foreach ((string name, StringValues values) in from.Headers)
        {
            if (!OwnHeaders.Contains(name) && !name.StartsWith(':') && !request.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values))
            {
                request.Content ??= new ByteArrayContent([]);
                request.Content.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values);
            }
        }

        if (isHttp2 && from.Headers.TE == "trailers")
        {
            request.Headers.TE.Add(new TransferCodingWithQualityHeaderValue("trailers"));
        }

        return request;
    }

    private static async Task AnswerAsync(HttpContext context, HttpResponseMessage from, CancellationToken cancellationToken)
    {
        HttpResponse response = context.Response;
        response.StatusCode = (int)from.StatusCode;
        foreach ((string name, IEnumerable<string> values) in from.Headers.NonValidated.Select(h => (h.Key, (IEnumerable<string>)h.Value)).Concat(from.Content.Headers.NonValidated.Select(h => (h.Key, (IEnumerable<string>)h.Value))))
        {
            if (!OwnHeaders.Contains(name) || name.Equals("content-length", StringComparison.OrdinalIgnoreCase))
            {
                response.Headers[name] = values.ToArray();
            }
        }

        if (HttpMethods.IsHead(context.Request.Method) || from.StatusCode is HttpStatusCode.NoContent or HttpStatusCode.NotModified)
        {
            return;
        }

        await using Stream body = await from.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        byte[] buffer = new byte[16 * 1024];
        while (await body.ReadAsync(buffer, cancellationToken).ConfigureAwait(false) is > 0 and int read)
        {
            // Flushed each time: a stream's messages must not wait for one another.
            await response.Body.WriteAsync(buffer.AsMemory(0, read), cancellationToken).ConfigureAwait(false);
            await response.Body.FlushAsync(cancellationToken).ConfigureAwait(false);
        }

        if (response.SupportsTrailers())
        {
            foreach ((string name, HeaderStringValues values) in from.TrailingHeaders.NonValidated)
            {
                response.AppendTrailer(name, values.ToArray());
            }
        }
    }

    /// <summary>
    /// TLS is made here and not by the pool, which would take the vendor's name from Host for the server's: the server proves its
    /// own name, under the pinned roots.
    /// </summary>
    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        bool isLocal = _options.SocketPath is not null;
        Socket socket = isLocal ? new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) : new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        Stream? stream = null;
        try
        {
            if (isLocal)
            {
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(_options.SocketPath!), cancellationToken).ConfigureAwait(false);
                return new NetworkStream(socket, ownsSocket: true);
            }

            await socket.ConnectAsync(_options.Address!.IdnHost, _options.Address.Port, cancellationToken).ConfigureAwait(false);
            SslStream secure = new(new NetworkStream(socket, ownsSocket: true));
            stream = secure;
            SslClientAuthenticationOptions tls = new()
            {
                TargetHost = _options.Address.IdnHost,
                ApplicationProtocols = [context.InitialRequestMessage.Version.Major == 2 ? SslApplicationProtocol.Http2 : SslApplicationProtocol.Http11],
            };
            if (_options.Roots.Count > 0)
            {
                tls.CertificateChainPolicy = new() { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
                tls.CertificateChainPolicy.CustomTrustStore.AddRange(_options.Roots);
            }

            await secure.AuthenticateAsClientAsync(tls, cancellationToken).ConfigureAwait(false);
            return secure;
        }
        catch
        {
            if (stream is not null)
            {
                await stream.DisposeAsync().ConfigureAwait(false);
            }

            socket.Dispose();
            throw;
        }
    }

    /// <summary>A body as it arrives, of the length that its sender named, if any.</summary>
    private sealed class RequestBody(Stream body, long? length) : HttpContent
    {
        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, CancellationToken.None);

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
        {
            byte[] buffer = new byte[16 * 1024];
            while (await body.ReadAsync(buffer, cancellationToken).ConfigureAwait(false) is > 0 and int read)
            {
                await stream.WriteAsync(buffer.AsMemory(0, read), cancellationToken).ConfigureAwait(false);
                await stream.FlushAsync(cancellationToken).ConfigureAwait(false);
            }
        }

        protected override bool TryComputeLength(out long computed)
        {
            computed = length ?? 0;
            return length is not null;
        }
    }
}
