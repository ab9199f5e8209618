using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;

namespace Coffer.Login.Issuers;

/// <summary>
/// Calls to an issuer's endpoints, from the person's machine: HTTPS only, no redirect, no cookie, one mebibyte and fifteen seconds at
/// most. A proxy of the machine is used as it is for anything else.
/// </summary>
public sealed class IssuerHttp : IDisposable
{
    private const int MaxAnswerBytes = 1024 * 1024;

    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = 16, AllowDuplicateProperties = false };

    private readonly HttpClient _http;

    /// <summary>Calls with the system's roots, or only those given.</summary>
    /// <param name="roots">The only roots to trust, or null for the system's.</param>
    public IssuerHttp(X509Certificate2Collection? roots = null)
    {
        SocketsHttpHandler handler = new() { AllowAutoRedirect = false, UseCookies = false, AutomaticDecompression = DecompressionMethods.None, ConnectTimeout = TimeSpan.FromSeconds(10) };
        if (roots is not null)
        {
            X509ChainPolicy policy = new() { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true };
            policy.CustomTrustStore.AddRange(roots);
            handler.SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = policy };
        }

        _http = new(handler) { Timeout = TimeSpan.FromSeconds(15), MaxResponseContentBufferSize = MaxAnswerBytes };
        _http.DefaultRequestHeaders.Accept.Add(new("application/json"));
    }

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    /// <summary>An endpoint that may be called or opened: absolute, https, without user or fragment, in visible ASCII. Null where it is not.</summary>
    internal static Uri? Endpoint(string? text) =>
        text is { Length: <= 2048 } && !text.AsSpan().ContainsAnyExceptInRange('!', '~') && Uri.TryCreate(text, UriKind.Absolute, out Uri? uri)
        && uri.Scheme == Uri.UriSchemeHttps && uri.UserInfo.Length == 0 && uri.Fragment.Length == 0 && uri.Host.Length > 0
            ? uri
            : null;

    /// <summary>What a GET answers, which the caller disposes.</summary>
    internal Task<IssuerAnswer> GetAsync(Uri endpoint, CancellationToken cancellationToken) => SendAsync(new(HttpMethod.Get, endpoint), cancellationToken);

    /// <summary>What posting a form answers, which the caller disposes.</summary>
    internal Task<IssuerAnswer> PostAsync(Uri endpoint, CancellationToken cancellationToken, params IEnumerable<(string Name, string Value)> form) =>
        SendAsync(new(HttpMethod.Post, endpoint) { Content = new FormUrlEncodedContent(form.Select(f => KeyValuePair.Create(f.Name, f.Value))) }, cancellationToken);

    private async Task<IssuerAnswer> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        using HttpRequestMessage owned = request;
        string host = request.RequestUri!.Authority;
        byte[] bytes = [];
        try
        {
            using HttpResponseMessage response = await _http.SendAsync(request, cancellationToken).ConfigureAwait(false);
            bytes = await response.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false);
            return (int)response.StatusCode is >= 300 and < 400
                ? throw new LoginException(LoginFault.Refused, $"{host} answered with a redirect, which is never followed")
                : new((int)response.StatusCode, Parse(bytes));
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new LoginException(LoginFault.Unavailable, $"{host} did not answer in time");
        }
        catch (HttpRequestException failure)
        {
            throw new LoginException(
                LoginFault.Unavailable, failure.HttpRequestError == HttpRequestError.SecureConnectionError ? $"the certificate of {host} is not trusted" : $"{host} cannot be reached", null, failure);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(bytes);
        }
    }

    private static JsonDocument? Parse(byte[] bytes)
    {
        try
        {
            JsonDocument document = JsonDocument.Parse(Encoding.UTF8.GetString(bytes), Strict);
            if (document.RootElement.ValueKind == JsonValueKind.Object)
            {
                return document;
            }

            document.Dispose();
            return null;
        }
        catch (Exception malformed) when (malformed is JsonException or InvalidOperationException)
        {
            // The second is what is said of names with half a surrogate pair, which are looked at to find one given twice.
            return null;
        }
    }
}

/// <summary>An issuer's answer: its status, and its JSON object where it is one.</summary>
internal sealed record IssuerAnswer(int Status, JsonDocument? Json) : IDisposable
{
    public string? Text(string name) => Find(name, JsonValueKind.String, value => value.GetString());

    public bool Flag(string name) => Find<bool?>(name, JsonValueKind.True, _ => true) is true;

    public int? Number(string name) => Find<int?>(name, JsonValueKind.Number, value => value.TryGetInt32(out int number) ? number : null);

    public void Dispose() => Json?.Dispose();

    private T? Find<T>(string name, JsonValueKind kind, Func<JsonElement, T?> read)
    {
        try
        {
            return Json is not null && Json.RootElement.TryGetProperty(name, out JsonElement value) && value.ValueKind == kind ? read(value) : default;
        }
        catch (InvalidOperationException)
        {
            // Half a surrogate pair, in the value or in a name before it: no text.
            return default;
        }
    }
}
