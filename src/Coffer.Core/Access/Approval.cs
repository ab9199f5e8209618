using Coffer.Core.Secrets;

namespace Coffer.Core.Access;

/// <summary>What a request for approval is for. Numbers are stored.</summary>
public enum ApprovalKind
{
    /// <summary>A grant: the requester's own for a time, or one that an administrator writes where grants take two.</summary>
    Grant = 1,

    /// <summary>To read the values of secrets behind glass, for a time.</summary>
    BreakGlass = 2,

    /// <summary>To erase values or secrets for good.</summary>
    Purge = 3,

    /// <summary>To make a principal a member of a group that holds grants in the vault.</summary>
    Membership = 4,

    /// <summary>To take away what protects the vault: separation of duties, or the need of an approval.</summary>
    Loosen = 5,
}

/// <summary>Where a request stands. Numbers are stored.</summary>
public enum ApprovalState
{
    /// <summary>Nobody decided yet. After <see cref="ApprovalRequest.Expires"/> nobody can.</summary>
    Pending = 1,

    /// <summary>A second person approved.</summary>
    Approved = 2,

    /// <summary>A second person refused.</summary>
    Refused = 3,

    /// <summary>The requester took it back.</summary>
    Withdrawn = 4,
}

/// <summary>What one person asks and another decides.</summary>
public sealed record ApprovalRequest
{
    /// <summary><c>r-</c> and eight characters.</summary>
    public required string Id { get; init; }

    /// <summary>What it is for.</summary>
    public required ApprovalKind Kind { get; init; }

    /// <summary>The vault.</summary>
    public required VaultName Vault { get; init; }

    /// <summary>Which names: a pattern with <c>*</c> and <c>?</c>.</summary>
    public required string Names { get; init; }

    /// <summary>Who asks.</summary>
    public required Guid RequesterId { get; init; }

    /// <summary>The grant's text where a grant is asked for, else ''.</summary>
    public string Grant { get; init; } = "";

    /// <summary>Who the grant is for: <see cref="RequesterId"/>, or another principal or a group.</summary>
    public Guid SubjectId { get; init; }

    /// <summary>Whether <see cref="SubjectId"/> is a group.</summary>
    public bool SubjectIsGroup { get; init; }

    /// <summary>Why, in the requester's words. Up to 500 characters, never empty.</summary>
    public required string Reason { get; init; }

    /// <summary>How long what is asked for shall hold once approved, in seconds; 0 = for good (a grant only).</summary>
    public required long Seconds { get; init; }

    /// <summary>When it was asked, UTC microseconds.</summary>
    public required long Created { get; init; }

    /// <summary>Until when it can be decided, UTC microseconds.</summary>
    public required long Expires { get; init; }

    /// <summary>Where it stands.</summary>
    public ApprovalState State { get; init; } = ApprovalState.Pending;

    /// <summary>Who decided, or null.</summary>
    public Guid? DecidedBy { get; init; }

    /// <summary>When, UTC microseconds, or null.</summary>
    public long? DecidedAt { get; init; }

    /// <summary>Until when the approval holds, UTC microseconds; null before, and where it holds for good.</summary>
    public long? ValidUntil { get; init; }

    /// <summary>+1 on any change.</summary>
    public int Revision { get; init; } = 1;

    /// <summary>Authenticates the row; empty before it was saved.</summary>
    public ReadOnlyMemory<byte> Mac { get; init; }

    /// <summary>Whether somebody can still decide.</summary>
    /// <param name="now">UTC microseconds.</param>
    public bool IsOpen(long now) => State == ApprovalState.Pending && now < Expires;

    /// <summary>Whether it was approved and the approval holds.</summary>
    /// <param name="now">UTC microseconds.</param>
    public bool Holds(long now) => State == ApprovalState.Approved && !(ValidUntil <= now);
}
