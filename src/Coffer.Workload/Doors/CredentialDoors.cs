using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Coffer.Workload.Doors;

/// <summary>
/// One vendor's way of handing credentials to a program that stores none: a path on the loopback listener, the variables that
/// lead a program there, and the answer. A wire adds its door as one row of <see cref="WorkloadOptions.Doors"/>.
/// </summary>
public interface ICredentialDoor
{
    /// <summary>Path prefix, starting with a slash.</summary>
    string Prefix { get; }

    /// <summary>The child's variables that lead here. <paramref name="address"/> is the listener's <c>http://127.0.0.1:port</c>.</summary>
    IEnumerable<KeyValuePair<string, string>> Variables(string address);

    /// <summary>Variables of credentials that would win over this door: removed from the child's environment.</summary>
    IReadOnlyList<string> Overridden { get; }

    /// <summary>Answers a request, after checking its token.</summary>
    Task AnswerAsync(HttpContext context);
}

/// <summary>A temporary AWS access key.</summary>
/// <param name="AccessKeyId">Public id.</param>
/// <param name="SecretAccessKey">The secret, UTF-8.</param>
/// <param name="SessionToken">Sent with every request.</param>
/// <param name="Expires">End.</param>
public sealed record AwsSessionCredentials(string AccessKeyId, ReadOnlyMemory<byte> SecretAccessKey, string SessionToken, DateTimeOffset Expires)
{
    /// <inheritdoc/>
    public override string ToString() => $"{AccessKeyId} ***";
}

/// <summary>
/// The container credentials endpoint of AWS, as every AWS SDK asks it: a GET with the token as it is in Authorization.
/// </summary>
public sealed class AwsContainerDoor : ICredentialDoor
{
    // SDKs fetch again when under 15 minutes remain; ours are renewed before, so that a fetch never returns a stale one.
    private static readonly TimeSpan RenewBefore = TimeSpan.FromMinutes(30);

    private readonly Func<CancellationToken, ValueTask<AwsSessionCredentials>> _issue;
    private readonly TimeProvider _clock;
    private readonly string _token = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
    private readonly SemaphoreSlim _one = new(1, 1);
    private AwsSessionCredentials? _current;

    /// <summary>Over an issuer of temporary keys that last an hour or more.</summary>
    public AwsContainerDoor(Func<CancellationToken, ValueTask<AwsSessionCredentials>> issue, TimeProvider clock)
    {
        _issue = issue;
        _clock = clock;
    }

    /// <inheritdoc/>
    public string Prefix => "/aws/credentials";

    /// <inheritdoc/>
    public IReadOnlyList<string> Overridden { get; } =
    [
        "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_PROFILE",
        "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    ];

    /// <inheritdoc/>
    public IEnumerable<KeyValuePair<string, string>> Variables(string address) =>
    [
        new("AWS_CONTAINER_CREDENTIALS_FULL_URI", address + Prefix),
        new("AWS_CONTAINER_AUTHORIZATION_TOKEN", _token),
    ];

    /// <inheritdoc/>
    public async Task AnswerAsync(HttpContext context)
    {
        if (!HttpMethods.IsGet(context.Request.Method))
        {
            await RefuseAsync(context, StatusCodes.Status405MethodNotAllowed, "MethodNotAllowed", "only GET").ConfigureAwait(false);
            return;
        }

        byte[] given = SHA256.HashData(Encoding.UTF8.GetBytes(context.Request.Headers.Authorization.ToString()));
        if (!CryptographicOperations.FixedTimeEquals(given, SHA256.HashData(Encoding.UTF8.GetBytes(_token))))
        {
            await RefuseAsync(context, StatusCodes.Status403Forbidden, "AccessDenied", "the authorization token is not right").ConfigureAwait(false);
            return;
        }

        AwsSessionCredentials credentials;
        try
        {
            credentials = await CurrentAsync(context.RequestAborted).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is not OperationCanceledException)
        {
            await RefuseAsync(context, StatusCodes.Status503ServiceUnavailable, "ServiceUnavailable", "Coffer could not issue credentials").ConfigureAwait(false);
            return;
        }

        context.Response.ContentType = "application/json";
        context.Response.Headers.CacheControl = "no-store";
        await using Utf8JsonWriter writer = new(context.Response.BodyWriter);
        writer.WriteStartObject();
        writer.WriteString("AccessKeyId"u8, credentials.AccessKeyId);
        writer.WriteString("SecretAccessKey"u8, credentials.SecretAccessKey.Span);
        writer.WriteString("Token"u8, credentials.SessionToken);
        writer.WriteString("Expiration"u8, credentials.Expires.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture));
        writer.WriteEndObject();
    }

    private async ValueTask<AwsSessionCredentials> CurrentAsync(CancellationToken cancellationToken)
    {
        await _one.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (_current is null || _current.Expires - _clock.GetUtcNow() < RenewBefore)
            {
                _current = await _issue(cancellationToken).ConfigureAwait(false);
            }

            return _current;
        }
        finally
        {
            _one.Release();
        }
    }

    private static async Task RefuseAsync(HttpContext context, int status, string code, string message)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json";
        await using Utf8JsonWriter writer = new(context.Response.BodyWriter);
        writer.WriteStartObject();
        writer.WriteString("Code"u8, code);
        writer.WriteString("Message"u8, message);
        writer.WriteEndObject();
    }
}
