using Coffer.Core.Secrets;

namespace Coffer.Core.Errors;

/// <summary>The one place where errors are made, so that no message text is scattered and none can echo a value.</summary>
public static class Error
{
    /// <summary>A member of the request is malformed. <paramref name="message"/> must not contain raw input.</summary>
    public static CofferException InvalidRequest(string message, string? parameter = null) =>
        new(new(CofferErrorCode.InvalidRequest, message) { Parameter = parameter });

    /// <summary>Text that is not a name of the kind asked for. The text itself is never repeated.</summary>
    public static CofferException InvalidName(string kind, string rule) =>
        new(new(CofferErrorCode.InvalidName, $"not a valid {kind}: {rule}") { Parameter = kind });

    /// <summary>Members that exclude one another, or one that is missing.</summary>
    public static CofferException InvalidCombination(string message, string? parameter = null) =>
        new(new(CofferErrorCode.InvalidCombination, message) { Parameter = parameter });

    /// <summary>No or wrong proof of identity. The reason stays in the audit record.</summary>
    public static CofferException Unauthenticated(string message = "the credential is missing or not valid") =>
        new(new(CofferErrorCode.Unauthenticated, message));

    /// <summary>A credential past its end.</summary>
    public static CofferException CredentialExpired() =>
        new(new(CofferErrorCode.CredentialExpired, "the credential has expired"));

    /// <summary>Denied; <paramref name="reason"/> names the policy and statement, or the silence.</summary>
    public static CofferException AccessDenied(string action, string subject, string reason, bool isExplicit = false, Access.PolicyUse? by = null) =>
        new(new(CofferErrorCode.AccessDenied, $"not allowed to {action}: {reason}") { Subject = subject, Related = action, Explicit = isExplicit, By = by });

    /// <summary>No such secret.</summary>
    public static CofferException NotFound(SecretPath path) =>
        new(new(CofferErrorCode.NotFound, "there is no such secret") { Subject = path.Name.Value });

    /// <summary>No such object of another kind.</summary>
    public static CofferException NotFound(string kind, string? subject = null) =>
        new(new(CofferErrorCode.NotFound, $"there is no such {kind}") { Subject = subject, Parameter = kind });

    /// <summary>No version with that number or id, or it has no value yet.</summary>
    public static CofferException VersionNotFound(SecretPath path, string version) =>
        new(new(CofferErrorCode.VersionNotFound, "the secret has no such version with a value") { Subject = version, Related = path.Name.Value });

    /// <summary>No version with a value carries that label.</summary>
    public static CofferException LabelNotFound(SecretPath path, VersionLabel label) =>
        new(new(CofferErrorCode.LabelNotFound, "no version with a value carries this label") { Subject = label.Value, Related = path.Name.Value });

    /// <summary>The name is taken.</summary>
    public static CofferException AlreadyExists(string kind, string name) =>
        new(new(CofferErrorCode.AlreadyExists, $"a {kind} of this name already exists") { Subject = name, Parameter = kind });

    /// <summary>A request token whose version holds something else.</summary>
    public static CofferException TokenInUse(SecretPath path, string token) =>
        new(new(CofferErrorCode.TokenInUse, "the request token is already in use for another value of this secret") { Subject = token, Related = path.Name.Value });

    /// <summary>The object changed since the caller read it.</summary>
    public static CofferException VersionConflict(string message = "the object has changed since it was read") =>
        new(new(CofferErrorCode.VersionConflict, message));

    /// <summary>A label sits on <paramref name="attachedTo"/> (null: nowhere), not where the caller said.</summary>
    public static CofferException LabelConflict(VersionLabel label, string? attachedTo, string message) =>
        new(new(CofferErrorCode.LabelConflict, message) { Subject = label.Value, Related = attachedTo });

    /// <summary>The secret is scheduled for deletion.</summary>
    public static CofferException Deleted(SecretPath path) =>
        new(new(CofferErrorCode.Deleted, "the secret is scheduled for deletion; recover it first") { Subject = path.Name.Value });

    /// <summary>The version is disabled.</summary>
    public static CofferException Disabled(SecretPath path, int number) =>
        new(new(CofferErrorCode.Disabled, $"version {number} is disabled") { Subject = path.Name.Value });

    /// <summary>The version's value was erased.</summary>
    public static CofferException Destroyed(SecretPath path, int number) =>
        new(new(CofferErrorCode.Destroyed, $"the value of version {number} was erased") { Subject = path.Name.Value });

    /// <summary>The object's state does not permit the operation.</summary>
    public static CofferException PreconditionFailed(string message, string? parameter = null) =>
        new(new(CofferErrorCode.PreconditionFailed, message) { Parameter = parameter });

    /// <summary>Larger than permitted. <paramref name="limit"/> in bytes.</summary>
    public static CofferException TooLarge(string what, long limit) =>
        new(new(CofferErrorCode.TooLarge, $"the {what} is larger than {limit} bytes") { Parameter = what });

    /// <summary>A quota is used up.</summary>
    public static CofferException QuotaExceeded(string message) =>
        new(new(CofferErrorCode.QuotaExceeded, message));

    /// <summary>Too many requests.</summary>
    public static CofferException Throttled(TimeSpan? retryAfter = null) =>
        new(new(CofferErrorCode.Throttled, "too many requests") { RetryAfter = retryAfter });

    /// <summary>A continuation token that is not ours, or of another listing.</summary>
    public static CofferException InvalidPageToken() =>
        new(new(CofferErrorCode.InvalidPageToken, "the continuation token is not valid for this listing"));

    /// <summary>The server is sealed.</summary>
    public static CofferException Sealed() =>
        new(new(CofferErrorCode.Sealed, "the server is sealed"));

    /// <summary>The store or the trail cannot be used now.</summary>
    public static CofferException Unavailable(string message, Exception? inner = null) =>
        new(new(CofferErrorCode.Unavailable, message), inner);

    /// <summary>The operation does not exist here.</summary>
    public static CofferException Unsupported(string message) =>
        new(new(CofferErrorCode.Unsupported, message));

    /// <summary>A row or value failed its integrity check. The caller is told nothing but that; the log says which.</summary>
    public static CofferException Integrity(string what, Exception? inner = null) =>
        new(new(CofferErrorCode.Integrity, "a stored record failed its integrity check") { Related = what }, inner);

    /// <summary>Anything unforeseen.</summary>
    public static CofferException Internal(Exception? inner = null) =>
        new(new(CofferErrorCode.Internal, "internal error"), inner);
}
