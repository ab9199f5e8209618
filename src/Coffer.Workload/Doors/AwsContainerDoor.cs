using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Coffer.Workload.Doors;

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
    // SDKs fetch again when under 15 minutes remain, on every call if they must. What is handed out lasts longer than that, or
    // for half of its life where all of it is short.
    private static readonly TimeSpan RenewBefore = TimeSpan.FromMinutes(30);

    private readonly Func<CancellationToken, ValueTask<AwsSessionCredentials>> _issue;
    private readonly TimeProvider _clock;
    private readonly string _token = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
    private readonly byte[] _expected;
    private readonly Lock _renewing = new();
    private Task<AwsSessionCredentials>? _issuing;
    private (AwsSessionCredentials Credentials, DateTimeOffset Renew)? _current;

    /// <summary>Over an issuer of temporary keys that last an hour or more.</summary>
    public AwsContainerDoor(Func<CancellationToken, ValueTask<AwsSessionCredentials>> issue, TimeProvider clock)
    {
        _issue = issue;
        _clock = clock;
        _expected = SHA256.HashData(Encoding.ASCII.GetBytes(_token));
    }

    /// <inheritdoc/>
    public string Prefix => "/aws/credentials";

    /// <inheritdoc/>
    public string Wire => "aws";

    /// <inheritdoc/>
    public IReadOnlyList<string> Overridden { get; } =
    [
        "AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_CREDENTIAL_EXPIRATION",
        "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    ];

    /// <inheritdoc/>
    public IEnumerable<KeyValuePair<string, string>> Variables(string address) =>
    [
        new("AWS_CONTAINER_CREDENTIALS_FULL_URI", address + Prefix),
        new("AWS_CONTAINER_AUTHORIZATION_TOKEN", _token),
        new("AWS_EC2_METADATA_DISABLED", "true"),
    ];

    /// <inheritdoc/>
    public IEnumerable<KeyValuePair<string, string>> Hiding { get; } =
    [
        // A default profile in the user's files comes before the container in every chain; an empty file holds none.
        new("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
        new("AWS_CONFIG_FILE", "/dev/null"),
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
        if (!CryptographicOperations.FixedTimeEquals(given, _expected))
        {
            await RefuseAsync(context, StatusCodes.Status403Forbidden, "AccessDenied", "the authorization token is not right").ConfigureAwait(false);
            return;
        }

        AwsSessionCredentials credentials;
        try
        {
            credentials = await CurrentAsync(context.RequestAborted).ConfigureAwait(false);
        }
        catch (WorkloadException refused)
        {
            await RefuseAsync(context, StatusCodes.Status403Forbidden, "AccessDenied", refused.Message).ConfigureAwait(false);
            return;
        }
        catch (Exception failure) when (failure is not OperationCanceledException || !context.RequestAborted.IsCancellationRequested)
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
        DateTimeOffset now = _clock.GetUtcNow();
        Task<AwsSessionCredentials> issuing;
        AwsSessionCredentials? usable;
        lock (_renewing)
        {
            if (_current is { } current && now < current.Renew)
            {
                return current.Credentials;
            }

            usable = _current is { } old && now < old.Credentials.Expires ? old.Credentials : null;
            // SDKs give up after a second or two and ask again: all of them wait for one issue, which no caller's leaving ends.
            issuing = _issuing ??= IssueAsync();
        }

        try
        {
            return await issuing.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception failure) when (usable is not null && failure is not OperationCanceledException)
        {
            // The server is away for a moment; what was issued before still holds.
            return usable;
        }
    }

    private async Task<AwsSessionCredentials> IssueAsync()
    {
        await Task.Yield();
        try
        {
            AwsSessionCredentials issued = await _issue(CancellationToken.None).ConfigureAwait(false);
            DateTimeOffset now = _clock.GetUtcNow();
            TimeSpan half = (issued.Expires - now) / 2;
            lock (_renewing)
            {
                _current = (issued, issued.Expires - (half < RenewBefore ? half : RenewBefore));
            }

            return issued;
        }
        finally
        {
            lock (_renewing)
            {
                _issuing = null;
            }
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
