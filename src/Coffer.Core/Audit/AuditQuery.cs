using Coffer.Core.Access;

namespace Coffer.Core.Audit;

/// <summary>Which records to find; what is null does not matter.</summary>
public sealed record AuditQuery
{
    /// <summary>Name of the principal, exactly.</summary>
    public string? Principal { get; init; }

    /// <summary>The vault, exactly.</summary>
    public string? Vault { get; init; }

    /// <summary>The name, by a pattern: <c>*</c> any run of characters, <c>?</c> one; case counts.</summary>
    public string? NamePattern { get; init; }

    /// <summary>
    /// <c>vault/name</c>, by a pattern as of grants (<see cref="Glob"/>): <c>shop-prod/team/*</c>. Records about a vault have its
    /// name alone, those about an object without one have a slash in front.
    /// </summary>
    public string? PathPattern { get; init; }

    /// <summary>Public id of the credential, exactly.</summary>
    public string? Credential { get; init; }

    /// <summary>The peer's address, exactly.</summary>
    public string? Address { get; init; }

    /// <summary>The id under which answer and log know the request, exactly. One request can have several records.</summary>
    public string? RequestId { get; init; }

    /// <summary>One of the core operations of the record, or the wire's own operation, exactly but for case.</summary>
    public string? Action { get; init; }

    /// <summary>How it ended.</summary>
    public AuditDecision? Decision { get; init; }

    /// <summary>Not earlier, UTC microseconds.</summary>
    public long? Since { get; init; }

    /// <summary>Earlier than this, UTC microseconds.</summary>
    public long? Until { get; init; }

    /// <summary>Only that many, the newest; 1–100,000.</summary>
    public int? Limit { get; init; }

    internal bool Matches(AuditRecord record) =>
        (Principal is null || record.Principal == Principal) &&
        (Vault is null || record.Vault == Vault) &&
        (Decision is null || record.Decision == Decision) &&
        (Since is null || record.Time >= Since) &&
        (Until is null || record.Time < Until) &&
        (Credential is null || record.Credential == Credential) &&
        (Address is null || record.Address == Address) &&
        (RequestId is null || record.RequestId == RequestId) &&
        (NamePattern is null || (record.Name is { } name && Glob.Matches(NamePattern, name))) &&
        (PathPattern is null || IsAt(record, PathPattern)) &&
        (Action is null || IsAction(record, Action));

    private static bool IsAt(AuditRecord record, string pattern) =>
        (record.Vault ?? record.Name) is not null && Glob.Matches(pattern, record.Name is null ? record.Vault : $"{record.Vault}/{record.Name}");

    private static bool IsAction(AuditRecord record, string action)
    {
        if (record.WireOperation.Equals(action, StringComparison.OrdinalIgnoreCase))
        {
            return true;
        }

        foreach (Range part in record.Action.AsSpan().Split('+'))
        {
            if (record.Action.AsSpan(part).Trim().Equals(action, StringComparison.OrdinalIgnoreCase))
            {
                return true;
            }
        }

        return false;
    }
}
