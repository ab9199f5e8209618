using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Coffer.Core.Rotations;

namespace Coffer.Server.Rotations;

/// <summary>
/// One step by a service: the event posted to an https address, any 2xx the outcome. Its certificate is verified, redirects are not followed, its
/// answer is not read. The header that AWS's own runtimes mark a failed function with counts as a failure.
/// </summary>
internal sealed class FunctionHook : IDisposable
{
    private const int MostTokenBytes = 16 * 1024;

    private readonly FunctionEntry _entry;
    private readonly TimeProvider _clock;
    private readonly HttpClient _client;

    public FunctionHook(FunctionEntry entry, TimeProvider clock)
    {
        _entry = entry;
        _clock = clock;
        SocketsHttpHandler handler = new()
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = false,
            ConnectTimeout = entry.Timeout,
            MaxResponseHeadersLength = 16,
            MaxResponseDrainSize = 64 * 1024,
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
        };
        if (entry.CertificateAuthority is { } file)
        {
            X509ChainPolicy policy = new() { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
            policy.CustomTrustStore.ImportFromPemFile(file);
            handler.SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = policy };
        }

        // Time is measured by the server's clock, below.
        _client = new(handler) { Timeout = Timeout.InfiniteTimeSpan };
    }

    public async ValueTask<RotationOutcome> InvokeAsync(byte[] sent, CancellationToken cancellationToken)
    {
        using CancellationTokenSource time = new(_entry.Timeout, _clock);
        using CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(time.Token, cancellationToken);
        try
        {
            using HttpRequestMessage request = new(HttpMethod.Post, _entry.Url) { Content = new ByteArrayContent(sent) };
            request.Content.Headers.ContentType = new("application/json");
            request.Headers.UserAgent.Add(new ProductInfoHeaderValue("coffer", null));
            if (_entry.TokenFile is { } file)
            {
                request.Headers.Authorization = new("Bearer", await TokenAsync(file, end.Token).ConfigureAwait(false));
            }

            using HttpResponseMessage response = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, end.Token).ConfigureAwait(false);
            return response.Headers.Contains("X-Amz-Function-Error") ? new(false, "the function answered that it failed")
                : response.IsSuccessStatusCode ? new(true, Status(response))
                : new(false, Status(response));
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new(false, string.Create(CultureInfo.InvariantCulture, $"no answer in {_entry.Seconds} seconds"));
        }
        catch (HttpRequestException failure)
        {
            return new(false, $"no answer: {failure.HttpRequestError}");
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or FormatException)
        {
            return new(false, "the token's file cannot be read");
        }
    }

    public void Dispose() => _client.Dispose();

    private static async ValueTask<string> TokenAsync(string file, CancellationToken cancellationToken)
    {
        FileInfo found = new(file);
        string text = found.Length <= MostTokenBytes ? (await File.ReadAllTextAsync(file, cancellationToken).ConfigureAwait(false)).Trim() : throw new IOException();
        return text.Length > 0 && !text.AsSpan().ContainsAnyExceptInRange('!', '~') ? text : throw new IOException();
    }

    private static string Status(HttpResponseMessage response) => string.Create(CultureInfo.InvariantCulture, $"status {(int)response.StatusCode}");
}
