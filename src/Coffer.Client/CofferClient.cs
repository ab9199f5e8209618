using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Coffer.Contracts;

namespace Coffer.Client;

/// <summary>
/// Coffer's own API, one method for one call. The token goes to the one origin that was given: no redirect is followed,
/// no proxy is used. Every method throws <see cref="CofferClientException"/> where the call failed. Safe for use from
/// several threads.
/// </summary>
public sealed partial class CofferClient : IDisposable
{
    private const int MaxAnswerBytes = 64 * 1024 * 1024;
    private const string ProblemType = "application/problem+json";

    private readonly HttpClient _http;
    private readonly CofferClientOptions _options;
    private readonly Uri _origin;
    private readonly X509Certificate2Collection? _roots;

    /// <summary>Connects when the first call is made. Throws <see cref="ArgumentException"/> where the options do not hold together, <see cref="IOException"/> where the CA file cannot be read.</summary>
    public CofferClient(CofferClientOptions options)
    {
        _options = options;
        _origin = options.Check();
        SocketsHttpHandler handler = new()
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = false,
            AutomaticDecompression = DecompressionMethods.None,
            ConnectTimeout = TimeSpan.FromSeconds(10),
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
        };
        if (options.SocketPath is { } path)
        {
            handler.ConnectCallback = async (_, cancellationToken) => await ConnectAsync(path, cancellationToken).ConfigureAwait(false);
        }
        else if ((_roots = options.ReadRoots()) is not null)
        {
            X509ChainPolicy policy = new() { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true };
            policy.CustomTrustStore.AddRange(_roots);
            handler.SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = policy };
        }

        if (options.ClientCertificate is { } certificate)
        {
            // Sent as it is: nothing is looked up or fetched to complete its chain, the server has what is above it.
            handler.SslOptions.ClientCertificateContext = SslStreamCertificateContext.Create(certificate, null, offline: true);
        }

        _http = new(handler) { Timeout = Timeout.InfiniteTimeSpan, DefaultRequestVersion = HttpVersion.Version11 };
        _http.DefaultRequestHeaders.UserAgent.Add(new("coffer-client", typeof(CofferClient).Assembly.GetName().Version?.ToString(3)));
        if (options.Token is { } token)
        {
            _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token.Reveal());
        }
    }

    /// <summary>A client for the Unix socket of a server or agent on this machine.</summary>
    public static CofferClient ForSocket(string path) => new(new() { SocketPath = path });

    /// <summary>A client for an address, with a token, trusting only the CA in <paramref name="caFile"/> (null: the system's).</summary>
    public static CofferClient ForAddress(Uri address, SecretText token, string? caFile = null) => new(new() { Address = address, Token = token, CaFile = caFile });

    /// <summary>How the server is. Asks for no proof of identity; a sealed server answers too.</summary>
    public Task<Health> GetHealthAsync(CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Get, "/coffer/health", ContractsJson.Default.Health, cancellationToken, alsoAccept: HttpStatusCode.ServiceUnavailable);

    /// <summary>Who the server thinks we are.</summary>
    public Task<WhoAmI> WhoAmIAsync(CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Get, "/coffer/v1/whoami", ContractsJson.Default.WhoAmI, cancellationToken);

    /// <inheritdoc/>
    public void Dispose()
    {
        _http.Dispose();
        foreach (X509Certificate2 root in _roots ?? [])
        {
            root.Dispose();
        }
    }

    private async Task<T> CallAsync<T>(HttpMethod method, string path, JsonTypeInfo<T> answer, CancellationToken cancellationToken, HttpContent? body = null, HttpStatusCode? alsoAccept = null, string? ifMatch = null)
    {
        using CancellationTokenSource timeout = Limit(cancellationToken);
        using HttpResponseMessage response = await SendAsync(method, path, body, ifMatch, alsoAccept, timeout.Token, cancellationToken).ConfigureAwait(false);
        try
        {
            using Stream stream = await response.Content.ReadAsStreamAsync(timeout.Token).ConfigureAwait(false);
            using ZeroingBuffer? bytes = await ZeroingBuffer.ReadAsync(stream, MaxAnswerBytes, timeout.Token).ConfigureAwait(false);
            return bytes is not null && IsJson(response) && JsonSerializer.Deserialize(bytes.WrittenSpan, answer) is { } result ? result : throw Unexpected(response);
        }
        catch (JsonException)
        {
            // The exception may quote what it could not read.
            throw Unexpected(response);
        }
        catch (Exception failure) when (Translate(failure, cancellationToken) is { } translated)
        {
            throw translated;
        }
    }

    private async Task CallAsync(HttpMethod method, string path, CancellationToken cancellationToken, HttpContent? body = null)
    {
        using CancellationTokenSource timeout = Limit(cancellationToken);
        using HttpResponseMessage response = await SendAsync(method, path, body, null, null, timeout.Token, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Sends and answers with a success, or throws. <paramref name="own"/> is the caller's token, to tell it from our time limit.</summary>
    private async Task<HttpResponseMessage> SendAsync(
        HttpMethod method, string path, HttpContent? body, string? ifMatch, HttpStatusCode? alsoAccept, CancellationToken limited, CancellationToken own)
    {
        // As written: no "..", "//" or "%2e" of a name is resolved on this side.
        Uri target = new(_origin.GetLeftPart(UriPartial.Authority) + path, new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
        using HttpRequestMessage request = new(method, target) { Content = body };
        if (ifMatch is not null)
        {
            request.Headers.IfMatch.Add(new($"\"{ifMatch}\""));
        }

        HttpResponseMessage response;
        try
        {
            response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limited).ConfigureAwait(false);
        }
        catch (Exception failure) when (Translate(failure, own) is { } translated)
        {
            throw translated;
        }

        if (response.IsSuccessStatusCode || response.StatusCode == alsoAccept)
        {
            return response;
        }

        using (response)
        {
            throw await ProblemOfAsync(response, limited, own).ConfigureAwait(false);
        }
    }

    private async Task<CofferClientException> ProblemOfAsync(HttpResponseMessage response, CancellationToken limited, CancellationToken own)
    {
        if ((int)response.StatusCode is >= 300 and < 400)
        {
            return CofferClientException.Local(CofferClientException.Redirected, "redirected", $"{Where} answered with a redirect, which is never followed", (int)response.StatusCode);
        }

        if (response.Content.Headers.ContentType?.MediaType != ProblemType)
        {
            return Unexpected(response);
        }

        try
        {
            using Stream stream = await response.Content.ReadAsStreamAsync(limited).ConfigureAwait(false);
            using ZeroingBuffer? bytes = await ZeroingBuffer.ReadAsync(stream, 64 * 1024, limited).ConfigureAwait(false);
            return bytes is not null && JsonSerializer.Deserialize(bytes.WrittenSpan, ContractsJson.Default.Problem) is { } problem ? new(problem) : Unexpected(response);
        }
        catch (JsonException)
        {
            return Unexpected(response);
        }
        catch (Exception failure) when (Translate(failure, own) is { } translated)
        {
            return translated;
        }
    }

    private CofferClientException? Translate(Exception failure, CancellationToken own) => failure switch
    {
        CofferClientException => null,
        OperationCanceledException when own.IsCancellationRequested => null,
        OperationCanceledException => CofferClientException.Local(CofferClientException.TimedOut, "no answer in time", $"{Where} did not answer in time", inner: failure),
        HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError } => CofferClientException.Local(
            CofferClientException.Unreachable, "the server's certificate is not trusted", $"no trusted connection to {Where}", hint: "set COFFER_CACERT to the CA certificate of the server", inner: failure),
        HttpRequestException or IOException or SocketException => CofferClientException.Local(
            CofferClientException.Unreachable, "the server cannot be reached", $"cannot reach {Where}", hint: "is it running? `coffer status`", inner: failure),
        _ => null,
    };

    private CofferClientException Unexpected(HttpResponseMessage response) => CofferClientException.Local(
        CofferClientException.UnexpectedAnswer, "not an answer of a Coffer server", $"{Where} answered {(int)response.StatusCode} in a form that is not Coffer's", (int)response.StatusCode);

    private string Where => _options.SocketPath ?? _origin.GetLeftPart(UriPartial.Authority);

    private CancellationTokenSource Limit(CancellationToken cancellationToken)
    {
        CancellationTokenSource source = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        source.CancelAfter(_options.Timeout);
        return source;
    }

    private static bool IsJson(HttpResponseMessage response) => response.Content.Headers.ContentType?.MediaType == "application/json";

    private static JsonBody Body<T>(T value, JsonTypeInfo<T> type) => new JsonBody(ZeroingBuffer.Of(value, type));

    /// <summary>One part of a path, percent-encoded as a whole: a <c>/</c> in a name is <c>%2F</c>.</summary>
    private static string Part(string text)
    {
        ArgumentException.ThrowIfNullOrEmpty(text);
        return Uri.EscapeDataString(text);
    }

    private static async ValueTask<Stream> ConnectAsync(string path, CancellationToken cancellationToken)
    {
        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellationToken).ConfigureAwait(false);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>A query string from those parameters that have a value.</summary>
    private static string Query(params ReadOnlySpan<(string Name, string? Value)> parameters)
    {
        StringBuilder query = new();
        foreach ((string name, string? value) in parameters)
        {
            if (value is not null)
            {
                query.Append(query.Length == 0 ? '?' : '&').Append(name).Append('=').Append(Uri.EscapeDataString(value));
            }
        }

        return query.ToString();
    }

    /// <summary>A JSON body in a buffer that is zeroed once it was sent.</summary>
    private sealed class JsonBody : HttpContent
    {
        private readonly ZeroingBuffer _json;

        public JsonBody(ZeroingBuffer json)
        {
            _json = json;
            Headers.ContentType = new("application/json");
        }

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => stream.WriteAsync(_json.WrittenMemory).AsTask();

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken) => stream.WriteAsync(_json.WrittenMemory, cancellationToken).AsTask();

        protected override bool TryComputeLength(out long length)
        {
            length = _json.WrittenMemory.Length;
            return true;
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                _json.Dispose();
            }

            base.Dispose(disposing);
        }
    }
}
