using System.Globalization;
using System.Text;
using Coffer.Core.Access;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;

namespace Coffer.Protocols.Aws;

/// <summary>Texts that programs match on, word for word as AWS has them.</summary>
internal static partial class AwsErrors
{
    public static AwsError UnknownKey { get; } = new(400, "UnrecognizedClientException", "The security token included in the request is invalid.");

    public static AwsError ExpiredToken { get; } = new(400, "ExpiredTokenException", "The security token included in the request is expired");

    /// <summary>For requests that name no service at all.</summary>
    public static AwsError NoOperation { get; } = new(403, "AccessDeniedException", "Unable to determine service/operation name to be authorized");

    /// <summary>A call without an ARN by someone who has no home vault.</summary>
    public static AwsError NoHome(AwsExchange exchange, string? secretId) => AccessDenied(exchange, secretId, isExplicit: false);

    private static AwsError AccessDenied(CofferError error, AwsExchange? exchange, string? resource) =>
        exchange is null ? new(400, "AccessDeniedException", "Access denied") : AccessDenied(exchange, exchange.ResourceShown ?? exchange.ResourceArn ?? resource, error.Explicit, error.By);

    private static AwsError AccessDenied(AwsExchange exchange, string? resource, bool isExplicit, PolicyUse? by = null)
    {
        string action = exchange.Action, policy = by switch
        {
            PolicyUse.Resource or PolicyUse.Trust => "resource-based policy",
            PolicyUse.Boundary => "permissions boundary",
            PolicyUse.Organisation => "service control policy",
            PolicyUse.Session => "session policy",
            _ => "identity-based policy",
        };
        string on = resource is null ? "" : $" on resource: {resource}";
        string why = isExplicit ? $" with an explicit deny in {(policy[0] == 'i' ? "an" : "a")} {policy}" : $" because no {policy} allows the {action} action";
        return new(400, "AccessDeniedException", $"User: {exchange.CallerArn} is not authorized to perform: {action}{on}{why}");
    }

    /// <summary>
    /// A version that is missing, has no value yet, is disabled or erased: on this wire all one, told in terms of what was
    /// asked for.
    /// </summary>
    private static AwsError NoValue(AwsExchange? exchange) => AwsError.NotFound(exchange?.Selector switch
    {
        VersionSelector.ByToken by => $"Secrets Manager can't find the specified secret value for VersionId: {by.Token.Value}",
        VersionSelector.ByLabel by => $"Secrets Manager can't find the specified secret value for staging label: {by.Label.Value}",
        _ => $"Secrets Manager can't find the specified secret value for staging label: {VersionLabel.Current.Value}",
    });

    private static string StageElsewhere(CofferError error, AwsExchange exchange) => exchange.Move switch
    {
        (_, null) when error.Subject == VersionLabel.Current.Value => $"You can only move staging label {error.Subject} to a different secret version. It can't be completely removed.",
        (null, _) => $"The parameter RemoveFromVersionId can't be empty. Staging label {error.Subject} is currently attached to version {error.Related}, so you must explicitly reference that version in RemoveFromVersionId.",
        _ when error.Related is null => $"Staging label {error.Subject} is not attached to any version of the secret.",
        _ => $"Staging label {error.Subject} is currently attached to version {error.Related}, which is not the version in RemoveFromVersionId.",
    };

    private static string MarkedForDeletion(AwsOperation? operation) => operation switch
    {
        AwsOperation.CreateSecret => "You can't create this secret because a secret with this name is already scheduled for deletion.",
        AwsOperation.DeleteSecret => "You tried to perform the operation on a secret that's currently marked deleted.",
        _ => "You can't perform this operation on the secret because it was marked for deletion.",
    };
}

/// <summary>
/// Violations of the service model, gathered and answered together in the framework's own form. The text at fault is
/// repeated only where it is short, printable and no free text: never a value, a description or a tag.
/// </summary>
internal struct AwsViolations
{
    private const int LongestShown = 128;

    private StringBuilder? _text;
    private int _count;

    /// <summary>A required member that is absent.</summary>
    public void Missing(string path) => Append("Value null", path, "not be null");

    /// <summary>A member that breaks a rule; <paramref name="shown"/> null where it must not be repeated.</summary>
    public void Add(string path, string rule, string? shown) =>
        Append(shown is { Length: <= LongestShown } && !shown.AsSpan().ContainsAnyExceptInRange(' ', '~') ? $"Value '{shown}'" : "Value", path, rule);

    /// <summary>Bounds on the length of a text or list.</summary>
    public void Length(string path, int length, int least, int most, string? shown)
    {
        if (length < least)
        {
            Add(path, string.Create(CultureInfo.InvariantCulture, $"have length greater than or equal to {least}"), shown);
        }
        else if (length > most)
        {
            Add(path, string.Create(CultureInfo.InvariantCulture, $"have length less than or equal to {most}"), shown);
        }
    }

    /// <summary>Throws what was gathered as one <c>ValidationException</c>.</summary>
    public readonly void ThrowIfAny()
    {
        if (_text is not null)
        {
            string noun = _count == 1 ? "error" : "errors";
            throw new AwsRefusal(AwsError.Validation(string.Create(CultureInfo.InvariantCulture, $"{_count} validation {noun} detected: {_text}")));
        }
    }

    private void Append(string what, string path, string rule)
    {
        // A hostile list could break its rule thousands of times; the first few say it all.
        if (++_count <= 10)
        {
            (_text ??= new()).Append(_count == 1 ? "" : "; ").Append(what).Append(" at '").Append(path).Append("' failed to satisfy constraint: Member must ").Append(rule);
        }
    }
}
