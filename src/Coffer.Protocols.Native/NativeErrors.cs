using System.Globalization;
using Coffer.Contracts;
using Coffer.Core.Errors;
using Microsoft.AspNetCore.Http;

namespace Coffer.Protocols.Native;

/// <summary>The core's failures as RFC 9457 problem documents.</summary>
internal static class NativeErrors
{
    /// <summary>Media type of a problem document.</summary>
    public const string ContentType = "application/problem+json";

    /// <summary>Status, code for programs, title and, where there is something to do about it, a hint.</summary>
    public static (int Status, string Code, string Title, string? Hint) Describe(CofferErrorCode code) => code switch
    {
        CofferErrorCode.InvalidRequest => (400, "invalid_request", "the request is not valid", null),
        CofferErrorCode.InvalidName => (400, "invalid_name", "not a name", null),
        CofferErrorCode.InvalidCombination => (400, "invalid_combination", "the members do not go together", null),
        CofferErrorCode.Unauthenticated => (401, "unauthenticated", "the caller is not known", "send a token as Authorization: Bearer, or use the local socket"),
        CofferErrorCode.CredentialExpired => (401, "credential_expired", "the credential has expired", "ask for a new one"),
        CofferErrorCode.AccessDenied => (403, "access_denied", "not allowed", null),
        CofferErrorCode.NotFound => (404, "not_found", "there is no such thing", null),
        CofferErrorCode.VersionNotFound => (404, "version_not_found", "there is no such version", null),
        CofferErrorCode.LabelNotFound => (404, "label_not_found", "no version has this label", null),
        CofferErrorCode.AlreadyExists => (409, "already_exists", "the name is taken", null),
        CofferErrorCode.TokenInUse => (409, "token_in_use", "the request token is in use", "use a new request token for a new value"),
        CofferErrorCode.VersionConflict => (412, "version_conflict", "the object has changed", "read it again and decide anew"),
        CofferErrorCode.LabelConflict => (409, "label_conflict", "the label is elsewhere", null),
        CofferErrorCode.Deleted => (409, "deleted", "the secret is scheduled for deletion", "recover it first"),
        CofferErrorCode.Disabled => (409, "disabled", "the version is disabled", "enable it first"),
        CofferErrorCode.Destroyed => (410, "destroyed", "the value was erased", null),
        CofferErrorCode.PreconditionFailed => (409, "precondition_failed", "its state does not permit that", null),
        CofferErrorCode.TooLarge => (413, "too_large", "too large", null),
        CofferErrorCode.QuotaExceeded => (409, "quota_exceeded", "a quota is used up", null),
        CofferErrorCode.Throttled => (429, "throttled", "too many requests", "wait as long as Retry-After says"),
        CofferErrorCode.InvalidPageToken => (400, "invalid_page_token", "the page token is not valid here", "start again at the first page"),
        CofferErrorCode.Sealed => (503, "sealed", "the server is sealed", "an operator unseals it: coffer unseal"),
        CofferErrorCode.Unavailable => (503, "unavailable", "not available now", "try again; if it stays, look at the server's log"),
        CofferErrorCode.Unsupported => (501, "unsupported", "not supported", null),
        CofferErrorCode.Integrity => (500, "integrity", "a stored record is damaged", "the server's log says which, under the request id"),
        CofferErrorCode.Internal => (500, "internal", "internal error", "the server's log has it, under the request id"),
    };

    /// <summary>Writes a problem; <paramref name="status"/> only where HTTP has a status of its own for the case.</summary>
    public static Task WriteAsync(HttpContext context, CofferError error, int? status = null)
    {
        (int usual, string code, string title, string? hint) = Describe(error.Code);
        HttpResponse response = context.Response;
        if (usual == StatusCodes.Status401Unauthorized)
        {
            response.Headers.WWWAuthenticate = "Bearer realm=\"coffer\"";
        }

        if (error.RetryAfter is { } wait)
        {
            response.Headers.RetryAfter = Math.Max(1, (long)Math.Ceiling(wait.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
        }

        Problem problem = new()
        {
            Type = "urn:coffer:error:" + code,
            Title = title,
            Status = status ?? usual,
            Detail = error.Message,
            Code = code,
            RequestId = context.RequestId(),
            Hint = hint,
            Parameter = error.Parameter,
        };
        return NativeWire.WriteAsync(context, problem.Status, problem, ContractsJson.Default.Problem, ContentType);
    }
}
