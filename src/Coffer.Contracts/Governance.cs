namespace Coffer.Contracts;

/// <summary>A project: one vault per environment, and its groups.</summary>
public sealed record ProjectInfo
{
    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>Its vaults that the caller may see, development first.</summary>
    public required IReadOnlyList<VaultInfo> Vaults { get; init; }

    /// <summary>Names of its groups.</summary>
    public required IReadOnlyList<string> Groups { get; init; }
}

/// <summary>Projects of which the caller may see a vault, by name.</summary>
public sealed record ProjectList
{
    /// <summary>The projects.</summary>
    public required IReadOnlyList<ProjectInfo> Projects { get; init; }
}

/// <summary>A new project.</summary>
public sealed record NewProject
{
    /// <summary>3–16 of <c>a-z 0-9 -</c>, as a vault's name.</summary>
    public required string Name { get; init; }
}

/// <summary>Copies current values from one environment to a later one.</summary>
public sealed record Promotion
{
    /// <summary>The vault to copy from.</summary>
    public required string From { get; init; }

    /// <summary>The vault to copy to.</summary>
    public required string To { get; init; }

    /// <summary>Names, 1–200.</summary>
    public required IReadOnlyList<string> Names { get; init; }

    /// <summary>False: only the plan; nothing is read or written.</summary>
    public bool Apply { get; init; }
}

/// <summary>One name of a promotion.</summary>
public sealed record PromotionItemInfo
{
    /// <summary>The name, in both vaults.</summary>
    public required string Name { get; init; }

    /// <summary><c>create</c>, <c>replace</c>, <c>same</c>, <c>missing</c> or <c>refused</c>.</summary>
    public required string Step { get; init; }

    /// <summary>The version written, or null.</summary>
    public int? Version { get; init; }
}

/// <summary>What a promotion does, or would do.</summary>
public sealed record PromotionResult
{
    /// <summary>One entry per name, in the order asked.</summary>
    public required IReadOnlyList<PromotionItemInfo> Items { get; init; }
}

/// <summary>A request that a second person decides.</summary>
public sealed record ApprovalInfo
{
    /// <summary>Its id.</summary>
    public required string Id { get; init; }

    /// <summary><c>grant</c>, <c>break-glass</c>, <c>purge</c>, <c>membership</c> or <c>loosen</c>.</summary>
    public required string Kind { get; init; }

    /// <summary>The vault.</summary>
    public required string Vault { get; init; }

    /// <summary>Pattern of names.</summary>
    public required string Names { get; init; }

    /// <summary>Who asks.</summary>
    public required string Requester { get; init; }

    /// <summary>Who it is for: a principal, or <c>group NAME</c>.</summary>
    public required string Subject { get; init; }

    /// <summary>Actions or role of the grant asked for; the group's name for a membership.</summary>
    public IReadOnlyList<string> Actions { get; init; } = [];

    /// <summary>Why.</summary>
    public required string Reason { get; init; }

    /// <summary>For how long, in seconds; 0 = for good.</summary>
    public required long Seconds { get; init; }

    /// <summary>When it was asked.</summary>
    public required DateTimeOffset Created { get; init; }

    /// <summary>Until when it can be decided.</summary>
    public required DateTimeOffset Expires { get; init; }

    /// <summary><c>pending</c>, <c>approved</c>, <c>refused</c>, <c>withdrawn</c> or <c>expired</c>.</summary>
    public required string State { get; init; }

    /// <summary>Who decided, or null.</summary>
    public string? DecidedBy { get; init; }

    /// <summary>Until when the approval holds, or null.</summary>
    public DateTimeOffset? ValidUntil { get; init; }
}

/// <summary>One's own requests and those that one may decide, newest first.</summary>
public sealed record ApprovalList
{
    /// <summary>The requests.</summary>
    public required IReadOnlyList<ApprovalInfo> Requests { get; init; }
}

/// <summary>Asks a second person.</summary>
public sealed record NewApprovalRequest
{
    /// <summary><c>grant</c>, <c>break-glass</c>, <c>purge</c>, <c>membership</c> or <c>loosen</c>.</summary>
    public required string Kind { get; init; }

    /// <summary>The vault.</summary>
    public required string Vault { get; init; }

    /// <summary>Pattern of names; <c>*</c> if absent.</summary>
    public string? Names { get; init; }

    /// <summary>Actions or a role, for a grant.</summary>
    public IReadOnlyList<string>? Actions { get; init; }

    /// <summary>A principal that it is for, if not oneself.</summary>
    public string? Principal { get; init; }

    /// <summary>For a grant, a group that it is for; for a membership, the group to join.</summary>
    public string? Group { get; init; }

    /// <summary>Why, in one line of up to 500 characters.</summary>
    public required string Reason { get; init; }

    /// <summary>For how long, in seconds: 60 to 7,776,000; 0 = for good, for grants and memberships.</summary>
    public required long Seconds { get; init; }
}

/// <summary>A decision on a request.</summary>
public sealed record ApprovalDecision
{
    /// <summary>Yes or no.</summary>
    public required bool Approve { get; init; }

    /// <summary>A shorter time than was asked for, in seconds, or null.</summary>
    public long? Seconds { get; init; }
}

/// <summary>What is asked about.</summary>
public sealed record AccessQuery
{
    /// <summary>An action (<c>read</c>, <c>write</c> …), or an operation as the audit trail names it.</summary>
    public required string Action { get; init; }

    /// <summary>The vault, or absent for the server itself.</summary>
    public string? Vault { get; init; }

    /// <summary>The secret, or null for the vault as a whole.</summary>
    public string? Name { get; init; }

    /// <summary>Whose call: for why and can; oneself if absent.</summary>
    public string? Principal { get; init; }

    /// <summary>From which address, or null: the local socket.</summary>
    public string? Address { get; init; }
}

/// <summary>Somebody who may.</summary>
public sealed record WhoCanInfo
{
    /// <summary>Who.</summary>
    public required string Principal { get; init; }

    /// <summary><c>workload</c>, <c>person</c> or <c>operator</c>.</summary>
    public required string Kind { get; init; }

    /// <summary>The policy and statement that allows it.</summary>
    public required string Reason { get; init; }

    /// <summary>When it ends by itself, or null.</summary>
    public DateTimeOffset? Until { get; init; }
}

/// <summary>Everybody who may, by name.</summary>
public sealed record WhoCanList
{
    /// <summary>Who may.</summary>
    public required IReadOnlyList<WhoCanInfo> Principals { get; init; }
}

/// <summary>What one policy said.</summary>
public sealed record PolicyTraceInfo
{
    /// <summary>Its language.</summary>
    public required string Language { get; init; }

    /// <summary>Its name.</summary>
    public required string Policy { get; init; }

    /// <summary>What it hangs on.</summary>
    public required string On { get; init; }

    /// <summary><c>allow</c>, <c>deny</c> or <c>silent</c>.</summary>
    public required string Verdict { get; init; }

    /// <summary>The statement, or why there is silence.</summary>
    public required string Statement { get; init; }
}

/// <summary>A decision explained.</summary>
public sealed record Explanation
{
    /// <summary>Whose call.</summary>
    public required string Principal { get; init; }

    /// <summary>The operation.</summary>
    public required string Operation { get; init; }

    /// <summary>The vault, or null for the server itself.</summary>
    public string? Vault { get; init; }

    /// <summary>The secret, or null.</summary>
    public string? Name { get; init; }

    /// <summary>Whether it is allowed now.</summary>
    public required bool Allowed { get; init; }

    /// <summary>The policy and statement that decided, or why nothing did.</summary>
    public required string Reason { get; init; }

    /// <summary>Every policy that applies.</summary>
    public required IReadOnlyList<PolicyTraceInfo> Considered { get; init; }

    /// <summary>When an allowed call stops being allowed by itself, or null.</summary>
    public DateTimeOffset? Until { get; init; }

    /// <summary>The smallest change that turns a denial, as a command; or null.</summary>
    public string? Remedy { get; init; }

    /// <summary>For a request of the trail: when it was decided.</summary>
    public DateTimeOffset? Then { get; init; }

    /// <summary>For a request of the trail: <c>allow</c>, <c>deny</c> or <c>fail</c>, as recorded.</summary>
    public string? ThenDecision { get; init; }

    /// <summary>For a request of the trail: the reason recorded.</summary>
    public string? ThenReason { get; init; }
}

/// <summary>One finding of an access review.</summary>
public sealed record ReviewFindingInfo
{
    /// <summary><c>unused-grant</c>, <c>wide-grant</c>, <c>ending-grant</c>, <c>no-second-factor</c>, <c>unused-credential</c>, <c>lasting-credential</c> or <c>disabled-holder</c>.</summary>
    public required string Kind { get; init; }

    /// <summary>The principal, or <c>group NAME</c>.</summary>
    public required string Subject { get; init; }

    /// <summary>The grant or credential, or ''.</summary>
    public required string Object { get; init; }

    /// <summary>The vault, or null.</summary>
    public string? Vault { get; init; }

    /// <summary>What was found, in words.</summary>
    public required string Detail { get; init; }

    /// <summary>The command that ends it, or null.</summary>
    public string? Remedy { get; init; }
}

/// <summary>An access review.</summary>
public sealed record Review
{
    /// <summary>The findings.</summary>
    public required IReadOnlyList<ReviewFindingInfo> Findings { get; init; }
}
