using System.Globalization;
using System.Security;
using System.Text.Json;
using Coffer.Core;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;
using Microsoft.AspNetCore.Http;

namespace Coffer.Protocols.Aws;

/// <summary>How an answer is written: by protocol of the service asked, or as an AWS front end answers what is none.</summary>
internal enum AwsShape
{
    /// <summary>AWS JSON 1.1.</summary>
    Json = 1,

    /// <summary>The query protocol: form in, XML out (STS).</summary>
    Query = 2,

    /// <summary>No protocol: a bare XML element.</summary>
    Bare = 3,
}

/// <summary>One error as this wire writes it.</summary>
/// <param name="Status">HTTP status.</param>
/// <param name="Type">Bare name of the error.</param>
/// <param name="Message">Text, or null for an error that has none.</param>
/// <param name="Modelled">Whether the service's model declares it: its member is <c>Message</c> then, else <c>message</c>.</param>
internal sealed record AwsError(int Status, string Type, string? Message, bool Modelled = false)
{
    public static AwsError UnknownOperation { get; } = new(400, "UnknownOperationException", null);

    public static AwsError Serialization { get; } = new(400, "SerializationException", null);

    public static AwsError Validation(string message) => new(400, "ValidationException", message);

    public static AwsError InvalidParameter(string message) => new(400, "InvalidParameterException", message, Modelled: true);

    public static AwsError InvalidRequest(string message) => new(400, "InvalidRequestException", message, Modelled: true);

    public static AwsError NotFound(string message) => new(400, "ResourceNotFoundException", message, Modelled: true);

    public static AwsError Exists(string message) => new(400, "ResourceExistsException", message, Modelled: true);

    public static AwsError LimitExceeded(string message) => new(400, "LimitExceededException", message, Modelled: true);

    public static AwsError MalformedPolicy(string message) => new(400, "MalformedPolicyDocumentException", message, Modelled: true);

    public static AwsError PublicPolicy(string message) => new(400, "PublicPolicyException", message, Modelled: true);

    /// <summary>A name that only the query protocol knows.</summary>
    public static AwsError Query(int status, string type, string message) => new(status, type, message);
}

/// <summary>Carries an error of this wire that is not the core's to know.</summary>
internal sealed class AwsRefusal(AwsError error) : Exception(error.Type)
{
    public AwsError Error { get; } = error;
}

/// <summary>
/// Errors of the core in this wire's words, and the three ways of writing them down. Everything a client can cause is
/// status 400, access denied and not found included: clients tell errors apart by name alone.
/// </summary>
internal static partial class AwsErrors
{
    /// <summary>The wire's answer to an error of the core. <paramref name="exchange"/> is null where the request was refused before it was looked at.</summary>
    /// <param name="error">The core's error.</param>
    /// <param name="exchange">What was asked, or null.</param>
    /// <param name="resource">The ARN where the caller may know it, else the SecretId as sent; null where no secret is meant.</param>
    public static AwsError Of(CofferError error, AwsExchange? exchange, string? resource) => error.Code switch
    {
        CofferErrorCode.InvalidRequest or CofferErrorCode.InvalidCombination => AwsError.InvalidParameter(Sentence(error.Message)),
        CofferErrorCode.InvalidName => AwsError.Validation(AwsNames.InvalidName),
        CofferErrorCode.Unauthenticated => UnknownKey,
        CofferErrorCode.CredentialExpired => ExpiredToken,
        CofferErrorCode.AccessDenied => AccessDenied(error, exchange, resource),
        CofferErrorCode.NotFound => AwsError.NotFound("Secrets Manager can't find the specified secret."),
        CofferErrorCode.VersionNotFound or CofferErrorCode.LabelNotFound or CofferErrorCode.Disabled or CofferErrorCode.Destroyed => NoValue(exchange),
        CofferErrorCode.AlreadyExists => AwsError.Exists($"The operation failed because the secret {error.Subject} already exists."),
        CofferErrorCode.TokenInUse => TokenInUse($"You can't use ClientRequestToken {error.Subject} because that value is already in use for a version of secret {resource}.", exchange?.Operation),
        CofferErrorCode.LabelConflict => exchange?.Operation == AwsOperation.UpdateSecretVersionStage
            ? AwsError.InvalidParameter(StageElsewhere(error, exchange))
            : AwsError.InvalidRequest("You provided a VersionStage that is not associated to the provided VersionId."),
        CofferErrorCode.Deleted => AwsError.InvalidRequest(MarkedForDeletion(exchange?.Operation)),
        CofferErrorCode.PreconditionFailed => exchange?.Refused ?? Precondition(error),
        CofferErrorCode.TooLarge => new(413, "RequestEntityTooLargeException", null),
        CofferErrorCode.QuotaExceeded => AwsError.LimitExceeded(Sentence(error.Message)),

        // Lost a race with other writers several times over: every SDK waits and tries again on this one.
        CofferErrorCode.Throttled or CofferErrorCode.VersionConflict => new(400, "ThrottlingException", "Rate exceeded"),
        CofferErrorCode.InvalidPageToken => new(400, "InvalidNextTokenException", "Invalid NextToken. The token is not valid for this listing.", Modelled: true),
        CofferErrorCode.Sealed => new(503, "ServiceUnavailable", "The server is sealed."),
        CofferErrorCode.Unavailable => new(503, "InternalServiceError", "The service is temporarily unavailable.", Modelled: true),
        CofferErrorCode.Unsupported => AwsError.UnknownOperation,
        CofferErrorCode.Integrity => new(400, "DecryptionFailure", "Secrets Manager can't decrypt the protected secret text.", Modelled: true),
        CofferErrorCode.Internal => new(500, "InternalServiceError", "An error occurred on the server side.", Modelled: true),
    };

    /// <summary>The same, naming the secret where the caller may know it.</summary>
    public static async ValueTask<AwsError> OfAsync(CofferCore core, CofferError error, AwsExchange? exchange, CancellationToken cancellationToken) =>
        Of(error, exchange, error.Code is CofferErrorCode.AccessDenied or CofferErrorCode.TokenInUse ? await ResourceAsync(core, exchange, cancellationToken).ConfigureAwait(false) : null);

    /// <summary>The ARN of the secret meant, if it is there and the caller may describe it; else what the caller sent.</summary>
    private static async ValueTask<string?> ResourceAsync(CofferCore core, AwsExchange? exchange, CancellationToken cancellationToken)
    {
        if (exchange is not { Caller: { } caller, Path: { } path })
        {
            return exchange?.SecretId;
        }

        try
        {
            return await core.Secrets.DescribableAsync(caller, path, cancellationToken).ConfigureAwait(false) is { } head && core.Access.Vaults.TryGetValue(path.Vault, out Vault? vault)
                ? AwsNames.Arn(exchange.Region, vault, head)
                : exchange.SecretId;
        }
        catch (CofferException)
        {
            // The error being told matters more than the name in it.
            return exchange.SecretId;
        }
    }

    /// <summary>Writes an error in the shape of the protocol that was asked.</summary>
    public static Task WriteAsync(HttpContext context, AwsShape shape, AwsError error)
    {
        context.Response.Headers["x-amzn-RequestId"] = context.RequestId();
        return shape switch
        {
            AwsShape.Json => WriteJsonAsync(context, error),
            AwsShape.Query => WriteTextAsync(context, QueryStatus(error), QueryBody(context, error)),
            AwsShape.Bare => WriteTextAsync(context, error.Status == 400 ? StatusCodes.Status403Forbidden : error.Status, BareBody(error)),
        };
    }

    private static async Task WriteJsonAsync(HttpContext context, AwsError error)
    {
        using AwsBuffer buffer = new(512);
        using (Utf8JsonWriter writer = new(buffer, AwsWire.WriterOptions))
        {
            writer.WriteStartObject();
            writer.WriteString("__type"u8, error.Type);
            if (error.Message is { } message)
            {
                writer.WriteString(error.Modelled ? "Message"u8 : "message"u8, message);
            }

            writer.WriteEndObject();
        }

        context.Response.StatusCode = error.Status;
        context.Response.Headers["x-amzn-ErrorType"] = error.Type;
        await AwsWire.SendAsync(context, buffer, AwsWire.JsonContentType).ConfigureAwait(false);
    }

    private static async Task WriteTextAsync(HttpContext context, int status, string body)
    {
        using AwsBuffer buffer = new(body.Length * 3);
        buffer.Write(body);
        context.Response.StatusCode = status;
        await AwsWire.SendAsync(context, buffer, AwsWire.XmlContentType).ConfigureAwait(false);
    }

    private static string QueryBody(HttpContext context, AwsError error) => string.Create(
        CultureInfo.InvariantCulture,
        $"<ErrorResponse xmlns=\"{AwsWire.NamespaceOf(context)}\"><Error><Type>{(error.Status >= 500 ? "Receiver" : "Sender")}</Type><Code>{QueryCode(error.Type)}</Code><Message>{SecurityElement.Escape(QueryMessage(error))}</Message></Error><RequestId>{context.RequestId()}</RequestId></ErrorResponse>");

    private static string BareBody(AwsError error) =>
        error.Message is null ? $"<{error.Type}/>\n" : $"<{error.Type}>\n  <Message>{SecurityElement.Escape(error.Message)}</Message>\n</{error.Type}>\n";

    /// <summary>The query protocol has its own names for what the JSON services call something else.</summary>
    private static string QueryCode(string type) => type switch
    {
        "MissingAuthenticationTokenException" => "MissingAuthenticationToken",
        "IncompleteSignatureException" => "IncompleteSignature",
        "InvalidSignatureException" => "SignatureDoesNotMatch",
        "UnrecognizedClientException" => "InvalidClientTokenId",
        "ExpiredTokenException" => "ExpiredToken",
        "AccessDeniedException" => "AccessDenied",
        "ThrottlingException" => "Throttling",
        "ValidationException" => "ValidationError",
        "InternalServiceError" => "InternalFailure",
        "RequestEntityTooLargeException" => "RequestEntityTooLarge",
        "UnknownOperationException" => "InvalidAction",
        _ => type,
    };

    private static int QueryStatus(AwsError error) => error.Type switch
    {
        "MissingAuthenticationTokenException" or "InvalidSignatureException" or "UnrecognizedClientException" or "ExpiredTokenException" or "AccessDeniedException" => StatusCodes.Status403Forbidden,
        _ => error.Status,
    };

    private static string QueryMessage(AwsError error) => error.Type switch
    {
        "MissingAuthenticationTokenException" => "Request is missing Authentication Token",
        _ => error.Message ?? "",
    };

    private static string Sentence(string message) => message.Length == 0 || message[^1] == '.' ? message : $"{char.ToUpperInvariant(message[0])}{message.AsSpan(1)}.";
}
