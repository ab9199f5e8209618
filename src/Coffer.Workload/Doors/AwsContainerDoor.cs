using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace Coffer.Workload.Doors;

/// <summary>
/// The container credentials endpoint of AWS, as every AWS SDK asks it: a GET with the token as it is in Authorization.
/// </summary>
public sealed class AwsContainerDoor : ICredentialDoor
{
    private readonly AwsSession _session;
    private readonly string _token = DoorSecret.Draw();
    private readonly DoorSecret _expected;

    /// <summary>Over the temporary key of one identity.</summary>
    public AwsContainerDoor(AwsSession session)
    {
        _session = session;
        _expected = new(_token);
    }

    /// <summary>Over an issuer of temporary keys that last an hour or more.</summary>
    public AwsContainerDoor(Func<CancellationToken, ValueTask<AwsSessionCredentials>> issue, TimeProvider clock)
        : this(new AwsSession(issue, clock))
    {
    }

    /// <inheritdoc/>
    public string Prefix => "/aws/credentials";

    /// <inheritdoc/>
    public string Wire => "aws";

    /// <inheritdoc/>
    public IReadOnlyList<string> Overridden => AwsVariables.Credentials;

    /// <inheritdoc/>
    public IEnumerable<KeyValuePair<string, string>> Variables(string address) =>
    [
        new("AWS_CONTAINER_CREDENTIALS_FULL_URI", address + Prefix),
        new("AWS_CONTAINER_AUTHORIZATION_TOKEN", _token),
        new("AWS_EC2_METADATA_DISABLED", "true"),
    ];

    /// <inheritdoc/>
    public IEnumerable<KeyValuePair<string, string>> Hiding => AwsVariables.NoFiles;

    /// <inheritdoc/>
    public Task AnswerAsync(HttpContext context)
    {
        if (!HttpMethods.IsGet(context.Request.Method))
        {
            return RefuseAsync(context, StatusCodes.Status405MethodNotAllowed, "MethodNotAllowed", "only GET");
        }

        return _expected.Is(context.Request.Headers.Authorization.ToString())
            ? DoorAnswer.TryAsync(
                context,
                stop => _session.DocumentAsync(null, stop),
                (status, message) => RefuseAsync(context, status, status == StatusCodes.Status403Forbidden ? "AccessDenied" : "ServiceUnavailable", message))
            : RefuseAsync(context, StatusCodes.Status403Forbidden, "AccessDenied", "the authorization token is not right");
    }

    /// <inheritdoc/>
    public Task TurnAwayAsync(HttpContext context, string message) => RefuseAsync(context, StatusCodes.Status403Forbidden, "AccessDenied", message);

    /// <inheritdoc/>
    public Task PrimeAsync(CancellationToken cancellationToken) => _session.PrimeAsync(cancellationToken);

    private static Task RefuseAsync(HttpContext context, int status, string code, string message) => DoorAnswer.WriteAsync(context, status, DoorAnswer.Object(writer =>
    {
        writer.WriteString("Code"u8, code);
        writer.WriteString("Message"u8, message);
    }));

    /// <inheritdoc/>
    public void Dispose() => _session.Dispose();
}

/// <summary>Variables of AWS credentials.</summary>
internal static class AwsVariables
{
    /// <summary>Those that win over what a door gives.</summary>
    public static IReadOnlyList<string> Credentials { get; } =
    [
        "AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_CREDENTIAL_EXPIRATION",
        "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    ];

    /// <summary>A default profile in the user's files comes before every door in every chain; an empty file holds none.</summary>
    public static IEnumerable<KeyValuePair<string, string>> NoFiles { get; } = [new("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"), new("AWS_CONFIG_FILE", "/dev/null")];
}

/// <summary>The random token of one door and one child, compared in constant time.</summary>
internal sealed class DoorSecret(string token)
{
    private readonly byte[] _expected = SHA256.HashData(Encoding.ASCII.GetBytes(token));

    /// <summary>128 random bits in hexadecimal.</summary>
    public static string Draw() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));

    /// <summary>Whether that is it.</summary>
    public bool Is(string given) => CryptographicOperations.FixedTimeEquals(SHA256.HashData(Encoding.UTF8.GetBytes(given)), _expected);
}
