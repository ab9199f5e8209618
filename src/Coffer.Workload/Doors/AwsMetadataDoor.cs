using System.Buffers.Binary;
using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;

namespace Coffer.Workload.Doors;

/// <summary>
/// The instance metadata service of AWS, version 2 only: a PUT gives a token of limited life, and only with that are the name of
/// the role and its credentials told. A request that was passed on by a proxy is refused, as there: it may be somebody else's.
/// </summary>
public sealed class AwsMetadataDoor : ICredentialDoor
{
    private const string TokenPath = "/latest/api/token", RolePath = "/latest/meta-data/iam/security-credentials";
    private const string TokenHeader = "x-aws-ec2-metadata-token", LifeHeader = "x-aws-ec2-metadata-token-ttl-seconds";
    private const int LongestLife = 21_600, NonceLength = 8, MacLength = 16;

    private readonly AwsSession _session;
    private readonly string _role;
    private readonly TimeProvider _clock;
    private readonly byte[] _key = RandomNumberGenerator.GetBytes(32);

    /// <summary>Over the temporary key of one identity; <paramref name="role"/> is the name it is told under.</summary>
    public AwsMetadataDoor(AwsSession session, string role, TimeProvider clock)
    {
        _session = session;
        _role = role;
        _clock = clock;
    }

    /// <inheritdoc/>
    public string Prefix => "/latest";

    /// <inheritdoc/>
    public string Wire => "aws";

    /// <inheritdoc/>
    public IReadOnlyList<string> Overridden { get; } = [.. AwsVariables.Credentials, "AWS_EC2_METADATA_DISABLED", "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"];

    /// <inheritdoc/>
    public IEnumerable<KeyValuePair<string, string>> Variables(string address) =>
        [new("AWS_EC2_METADATA_SERVICE_ENDPOINT", address + "/"), new("AWS_EC2_METADATA_V1_DISABLED", "true")];

    /// <inheritdoc/>
    public IEnumerable<KeyValuePair<string, string>> Hiding => AwsVariables.NoFiles;

    /// <inheritdoc/>
    public Task AnswerAsync(HttpContext context)
    {
        HttpRequest request = context.Request;
        string path = request.Path.Value ?? "";
        if (request.Headers.ContainsKey("X-Forwarded-For"))
        {
            return RefuseAsync(context, StatusCodes.Status403Forbidden);
        }

        if (path == TokenPath)
        {
            return HttpMethods.IsPut(request.Method) ? GiveTokenAsync(context) : RefuseAsync(context, StatusCodes.Status405MethodNotAllowed);
        }

        if (!HttpMethods.IsGet(request.Method))
        {
            return RefuseAsync(context, StatusCodes.Status405MethodNotAllowed);
        }

        // Without the token nothing is told, not even what there is.
        if (!IsToken(request.Headers[TokenHeader].ToString()))
        {
            return RefuseAsync(context, StatusCodes.Status401Unauthorized);
        }

        if (path is RolePath or RolePath + "/")
        {
            return DoorAnswer.WriteTextAsync(context, StatusCodes.Status200OK, _role);
        }

        return path == $"{RolePath}/{_role}" ? GiveAsync(context) : RefuseAsync(context, StatusCodes.Status404NotFound);
    }

    /// <inheritdoc/>
    public Task TurnAwayAsync(HttpContext context, string message) => RefuseAsync(context, StatusCodes.Status403Forbidden);

    /// <inheritdoc/>
    public Task PrimeAsync(CancellationToken cancellationToken) => _session.PrimeAsync(cancellationToken);

    /// <inheritdoc/>
    public void Dispose()
    {
        CryptographicOperations.ZeroMemory(_key);
        _session.Dispose();
    }

    private Task GiveAsync(HttpContext context) => DoorAnswer.TryAsync(
        context,
        stop => _session.DocumentAsync(
            writer =>
            {
                writer.WriteString("Code"u8, "Success"u8);
                writer.WriteString("LastUpdated"u8, AwsSession.Text(_clock.GetUtcNow()));
                writer.WriteString("Type"u8, "AWS-HMAC"u8);
            },
            stop),
        (status, message) => status == StatusCodes.Status503ServiceUnavailable
            ? RefuseAsync(context, status)
            // This service has no 403 for credentials: it answers with a document that says why there are none.
            : DoorAnswer.WriteAsync(context, StatusCodes.Status200OK, DoorAnswer.Object(writer =>
            {
                writer.WriteString("Code"u8, "AssumeRoleUnauthorizedAccess"u8);
                writer.WriteString("Message"u8, message);
                writer.WriteString("LastUpdated"u8, AwsSession.Text(_clock.GetUtcNow()));
            })));

    private Task GiveTokenAsync(HttpContext context)
    {
        string text = context.Request.Headers[LifeHeader].ToString();
        if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int seconds) || seconds is < 1 or > LongestLife)
        {
            return RefuseAsync(context, StatusCodes.Status400BadRequest);
        }

        context.Response.Headers[LifeHeader] = text;
        Span<byte> token = stackalloc byte[8 + NonceLength + MacLength];
        BinaryPrimitives.WriteInt64BigEndian(token, _clock.GetUtcNow().AddSeconds(seconds).ToUnixTimeMilliseconds());
        RandomNumberGenerator.Fill(token.Slice(8, NonceLength));
        Mac(token[..(8 + NonceLength)], token[(8 + NonceLength)..]);
        return DoorAnswer.WriteTextAsync(context, StatusCodes.Status200OK, Base64Url.EncodeToString(token));
    }

    private bool IsToken(string text)
    {
        Span<byte> token = stackalloc byte[8 + NonceLength + MacLength], mac = stackalloc byte[MacLength];
        if (text.Length != Base64Url.GetEncodedLength(token.Length) || !Base64Url.TryDecodeFromChars(text, token, out int length) || length != token.Length)
        {
            return false;
        }

        Mac(token[..(8 + NonceLength)], mac);
        return CryptographicOperations.FixedTimeEquals(mac, token[(8 + NonceLength)..]) && BinaryPrimitives.ReadInt64BigEndian(token) > _clock.GetUtcNow().ToUnixTimeMilliseconds();
    }

    private void Mac(ReadOnlySpan<byte> text, Span<byte> mac)
    {
        Span<byte> whole = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(_key, text, whole);
        whole[..MacLength].CopyTo(mac);
    }

    private static Task RefuseAsync(HttpContext context, int status) =>
        DoorAnswer.WriteTextAsync(context, status, $"{status} - {Microsoft.AspNetCore.WebUtilities.ReasonPhrases.GetReasonPhrase(status)}");
}
