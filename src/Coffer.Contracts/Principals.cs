using System.ComponentModel.DataAnnotations;

namespace Coffer.Contracts;

/// <summary>Who the caller is.</summary>
public sealed record WhoAmI
{
    /// <summary>The principal's name.</summary>
    public required string Principal { get; init; }

    /// <summary>Its id.</summary>
    public required Guid Id { get; init; }

    /// <summary>What it is.</summary>
    [AllowedValues("workload", "person", "operator")]
    public required string Kind { get; init; }

    /// <summary>Public id of the credential, or name of the trust, that proved it.</summary>
    public required string Credential { get; init; }

    /// <summary>The vault that its calls land in where a wire names none, or absent.</summary>
    public string? Home { get; init; }

    /// <summary>When the proof ends, or absent.</summary>
    public DateTimeOffset? Expires { get; init; }
}

/// <summary>Who asks: a program, a person, or an operator of the server.</summary>
public sealed record PrincipalInfo
{
    /// <summary>Unique name.</summary>
    public required string Name { get; init; }

    /// <summary>Never changes.</summary>
    public required Guid Id { get; init; }

    /// <summary>What it is.</summary>
    [AllowedValues("workload", "person", "operator")]
    public required string Kind { get; init; }

    /// <summary>The vault that its calls land in where a wire names none, or absent.</summary>
    public string? Home { get; init; }

    /// <summary>False: every credential of it has stopped working.</summary>
    public bool Enabled { get; init; }

    /// <summary>Free text.</summary>
    public string Description { get; init; } = "";

    /// <summary>Creation.</summary>
    public required DateTimeOffset Created { get; init; }

    /// <summary>Names of its groups. Absent in listings.</summary>
    public IReadOnlyList<string>? Groups { get; init; }
}

/// <summary>All principals, by name.</summary>
public sealed record PrincipalList
{
    /// <summary>The principals.</summary>
    public required IReadOnlyList<PrincipalInfo> Principals { get; init; }
}

/// <summary>A new principal.</summary>
public sealed record NewPrincipal
{
    /// <summary>1–64 of <c>a-z 0-9 . _ -</c>.</summary>
    public required string Name { get; init; }

    /// <summary>What it is; a workload if absent.</summary>
    [AllowedValues("workload", "person", "operator")]
    public string? Kind { get; init; }

    /// <summary>The vault that its calls land in where a wire names none.</summary>
    public string? Home { get; init; }

    /// <summary>Free text, up to 2,048 characters.</summary>
    public string? Description { get; init; }
}

/// <summary>Changes of a principal; what is absent stays.</summary>
public sealed record PrincipalChange
{
    /// <summary>False stops every credential of it in the very next request.</summary>
    public bool? Enabled { get; init; }

    /// <summary>The vault that its calls land in where a wire names none.</summary>
    public string? Home { get; init; }

    /// <summary>Free text, up to 2,048 characters.</summary>
    public string? Description { get; init; }
}

/// <summary>A set of principals.</summary>
public sealed record GroupInfo
{
    /// <summary>Unique name.</summary>
    public required string Name { get; init; }

    /// <summary>Never changes.</summary>
    public required Guid Id { get; init; }

    /// <summary>Creation.</summary>
    public required DateTimeOffset Created { get; init; }

    /// <summary>Names of its members, sorted. Absent in listings.</summary>
    public IReadOnlyList<string>? Members { get; init; }
}

/// <summary>All groups, by name.</summary>
public sealed record GroupList
{
    /// <summary>The groups.</summary>
    public required IReadOnlyList<GroupInfo> Groups { get; init; }
}

/// <summary>A new group, without members.</summary>
public sealed record NewGroup
{
    /// <summary>1–64 of <c>a-z 0-9 . _ -</c>.</summary>
    public required string Name { get; init; }
}

/// <summary>Members to add and to remove.</summary>
public sealed record GroupChange
{
    /// <summary>Names of principals to add.</summary>
    public IReadOnlyList<string>? Add { get; init; }

    /// <summary>Names of principals to remove.</summary>
    public IReadOnlyList<string>? Remove { get; init; }
}
