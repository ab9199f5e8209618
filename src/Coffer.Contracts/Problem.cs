namespace Coffer.Contracts;

/// <summary>An error as an RFC 9457 problem document (<c>application/problem+json</c>). Never holds a value or raw input.</summary>
public sealed record Problem
{
    /// <summary><c>urn:coffer:error:</c> and the code.</summary>
    public required string Type { get; init; }

    /// <summary>What kind of failure, the same text for every one of its kind.</summary>
    public required string Title { get; init; }

    /// <summary>The HTTP status.</summary>
    public required int Status { get; init; }

    /// <summary>What happened this time.</summary>
    public string? Detail { get; init; }

    /// <summary>For programs: <c>not_found</c>, <c>access_denied</c> …; <c>docs/api.md</c> lists all.</summary>
    public required string Code { get; init; }

    /// <summary>The id under which log and audit trail know this request.</summary>
    public string? RequestId { get; init; }

    /// <summary>What to do about it, or absent.</summary>
    public string? Hint { get; init; }

    /// <summary>The member or parameter at fault, or absent.</summary>
    public string? Parameter { get; init; }
}
