using System.Buffers;
using System.Buffers.Text;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;

namespace Coffer.Workload.Doors;

/// <summary>
/// Google's metadata server: every request and every answer carries <c>Metadata-Flavor: Google</c>, which no web page can send. It has no
/// secret, since its variables hold a host and nothing else; who may ask is for the peer check of its listener.
/// </summary>
public sealed class GoogleMetadataDoor : ICredentialDoor
{
    /// <summary>Audience of access tokens.</summary>
    public const string TokenAudience = "google";

    /// <summary>In front of the audience of an identity token.</summary>
    public const string IdentityAudience = "google-id:";

    private const string Root = "/computeMetadata/v1", Accounts = "instance/service-accounts/";
    private const string FlavorHeader = "Metadata-Flavor", Flavor = "Google";
    private const int LongestAudience = 200;

    private readonly TokenCache _tokens;
    private readonly WorkloadIdentity _identity;
    private readonly GoogleMetadata _metadata;
    private readonly TimeProvider _clock;

    /// <summary>Over an issuer.</summary>
    public GoogleMetadataDoor(TokenIssuer issue, WorkloadIdentity identity, TimeProvider clock, Renewal? renewal = null)
    {
        _tokens = new(issue, clock, renewal);
        _identity = identity;
        _metadata = new(identity);
        _clock = clock;
    }

    /// <inheritdoc/>
    public string Prefix => "/computeMetadata";

    /// <inheritdoc/>
    public string Wire => "google";

    /// <inheritdoc/>
    public IReadOnlyList<string> Overridden { get; } =
    [
        "GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_GHA_CREDS_PATH", "CLOUDSDK_AUTH_ACCESS_TOKEN", "CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE", "GCE_METADATA_HOST", "GCE_METADATA_IP",
        "GCE_METADATA_ROOT", "GCE_METADATA_MTLS_MODE", "NO_GCE_CHECK", "METADATA_SERVER_DETECTION",
    ];

    /// <inheritdoc/>
    public IEnumerable<KeyValuePair<string, string>> Variables(string address)
    {
        string host = new Uri(address).Authority;
        return
        [
            new("GCE_METADATA_HOST", host), new("GCE_METADATA_IP", host), new("GCE_METADATA_ROOT", host),
            new("METADATA_SERVER_DETECTION", "assume-present"),
        ];
    }

    /// <inheritdoc/>
    public IEnumerable<KeyValuePair<string, string>> Hiding => [];

    /// <inheritdoc/>
    public bool Claims(PathString path) => path.Value is "/" || path.StartsWithSegments(Prefix, StringComparison.Ordinal);

    /// <inheritdoc/>
    public Task AnswerAsync(HttpContext context)
    {
        HttpRequest request = context.Request;
        context.Response.Headers[FlavorHeader] = Flavor;
        if (!HttpMethods.IsGet(request.Method) && !HttpMethods.IsHead(request.Method))
        {
            return RefuseAsync(context, StatusCodes.Status405MethodNotAllowed, "only GET");
        }

        if (request.Headers.ContainsKey("X-Forwarded-For"))
        {
            return RefuseAsync(context, StatusCodes.Status403Forbidden, "requests that were forwarded are refused");
        }

        if (request.Headers[FlavorHeader] != Flavor)
        {
            return RefuseAsync(context, StatusCodes.Status403Forbidden, $"Missing {FlavorHeader}:{Flavor} header.");
        }

        string path = request.Path.Value ?? "/";
        if (path is "/")
        {
            return DoorAnswer.WriteTextAsync(context, StatusCodes.Status200OK, "computeMetadata/\n", "application/text");
        }

        if (path is "/computeMetadata" or "/computeMetadata/")
        {
            return DoorAnswer.WriteTextAsync(context, StatusCodes.Status200OK, "v1/\n", "application/text");
        }

        if (!request.Path.StartsWithSegments(Root, StringComparison.Ordinal, out PathString below))
        {
            return RefuseAsync(context, StatusCodes.Status404NotFound, "not found");
        }

        string inside = (below.Value ?? "").TrimStart('/');
        string? account = inside.StartsWith(Accounts, StringComparison.Ordinal) ? inside[Accounts.Length..] : null;
        if (account == "default/token" || account == $"{_identity.Email}/token")
        {
            return DoorAnswer.TryAsync(context, TokenAsync, (status, message) => RefuseAsync(context, status, message));
        }

        if (account == "default/identity" || account == $"{_identity.Email}/identity")
        {
            return GiveIdentityAsync(context);
        }

        return _metadata.Read(inside, string.Equals(request.Query["recursive"], "true", StringComparison.OrdinalIgnoreCase), request.Query["alt"]) is { } found
            ? DoorAnswer.WriteAsync(context, StatusCodes.Status200OK, found.Body, found.ContentType)
            : RefuseAsync(context, StatusCodes.Status404NotFound, "not found");
    }

    /// <inheritdoc/>
    public Task TurnAwayAsync(HttpContext context, string message)
    {
        context.Response.Headers[FlavorHeader] = Flavor;
        return RefuseAsync(context, StatusCodes.Status403Forbidden, message);
    }

    /// <inheritdoc/>
    public async Task PrimeAsync(CancellationToken cancellationToken) => await _tokens.UseAsync(TokenAudience, _ => true, cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public void Dispose() => _tokens.Dispose();

    private ValueTask<byte[]> TokenAsync(CancellationToken cancellationToken) => _tokens.UseAsync(
        TokenAudience,
        token => DoorAnswer.Object(writer =>
        {
            writer.WriteString("access_token"u8, token.Value);
            writer.WriteNumber("expires_in"u8, (long)(token.Expires - _clock.GetUtcNow()).TotalSeconds);
            writer.WriteString("token_type"u8, "Bearer"u8);
        }),
        cancellationToken);

    private Task GiveIdentityAsync(HttpContext context)
    {
        string audience = context.Request.Query["audience"].ToString();
        if (audience.Length is 0 or > LongestAudience || audience.AsSpan().ContainsAnyExceptInRange('!', '~'))
        {
            return RefuseAsync(context, StatusCodes.Status400BadRequest, "non-empty audience parameter required");
        }

        return DoorAnswer.TryAsync(
            context,
            stop => _tokens.UseAsync(IdentityAudience + audience, token => IdentityToken(audience, token), stop),
            (status, message) => RefuseAsync(context, status, message),
            "text/html");
    }

    /// <summary>
    /// What libraries take apart to learn its end: a header, claims, and in place of a signature the bearer token itself, which only
    /// the server that issued it can judge. The claims are for the program to read; nobody may believe them for their own sake.
    /// </summary>
    private byte[] IdentityToken(string audience, DoorToken token)
    {
        byte[] claims = DoorAnswer.Object(writer =>
        {
            writer.WriteString("aud"u8, audience);
            writer.WriteString("azp"u8, _identity.UniqueId);
            writer.WriteString("email"u8, _identity.Email);
            writer.WriteBoolean("email_verified"u8, true);
            writer.WriteNumber("exp"u8, token.Expires.ToUnixTimeSeconds());
            writer.WriteNumber("iat"u8, _clock.GetUtcNow().ToUnixTimeSeconds());
            writer.WriteString("iss"u8, "urn:coffer"u8);
            writer.WriteString("sub"u8, _identity.UniqueId);
        });
        ArrayBufferWriter<byte> buffer = new(4096);
        Append(buffer, """{"alg":"coffer","typ":"JWT"}"""u8);
        buffer.Write("."u8);
        Append(buffer, claims);
        buffer.Write("."u8);
        Append(buffer, token.Value);
        byte[] text = buffer.WrittenSpan.ToArray();
        buffer.Clear();
        CryptographicOperations.ZeroMemory(claims);
        return text;
    }

    private static void Append(ArrayBufferWriter<byte> buffer, ReadOnlySpan<byte> part)
    {
        Span<byte> space = buffer.GetSpan(Base64Url.GetEncodedLength(part.Length));
        buffer.Advance(Base64Url.EncodeToUtf8(part, space));
    }

    private static Task RefuseAsync(HttpContext context, int status, string message) => DoorAnswer.WriteTextAsync(context, status, message);
}
