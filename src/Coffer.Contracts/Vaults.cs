using System.ComponentModel.DataAnnotations;

namespace Coffer.Contracts;

/// <summary>A container of secrets with its own grants and retention.</summary>
public sealed record VaultInfo
{
    /// <summary>Immutable name.</summary>
    public required string Name { get; init; }

    /// <summary>Immutable twelve digits: the AWS account id and Google project number it appears under.</summary>
    public required string Number { get; init; }

    /// <summary>Free text.</summary>
    public string Description { get; init; } = "";

    /// <summary>Creation.</summary>
    public required DateTimeOffset Created { get; init; }

    /// <summary>Days for which a deleted secret can be recovered.</summary>
    [Range(7, 90)]
    public int RetentionDays { get; init; }

    /// <summary>Whether every purge before its date is refused.</summary>
    public bool PurgeProtection { get; init; }

    /// <summary>Backups move only between vaults with the same owner label.</summary>
    public string Owner { get; init; } = "";

    /// <summary>The project that it is an environment of, or ''.</summary>
    public string Project { get; init; } = "";

    /// <summary><c>development</c>, <c>staging</c>, <c>production</c>, or null.</summary>
    public string? Stage { get; init; }

    /// <summary>Whether whoever administers the vault may not read values in it.</summary>
    public bool SeparateDuties { get; init; }

    /// <summary>What takes a second person: <c>break-glass</c>, <c>purge</c>, <c>grants</c>.</summary>
    public IReadOnlyList<string> Approvals { get; init; } = [];
}

/// <summary>The vaults that the caller may see, by name.</summary>
public sealed record VaultList
{
    /// <summary>The vaults.</summary>
    public required IReadOnlyList<VaultInfo> Vaults { get; init; }
}

/// <summary>A new vault.</summary>
public sealed record NewVault
{
    /// <summary>3–24 of <c>a-z 0-9 -</c>, starts with a letter, no <c>--</c>, no trailing <c>-</c>.</summary>
    public required string Name { get; init; }

    /// <summary>Free text, up to 2,048 characters.</summary>
    public string? Description { get; init; }

    /// <summary>Days for which a deleted secret can be recovered; 30 if absent.</summary>
    [Range(7, 90)]
    public int? RetentionDays { get; init; }

    /// <summary>Refuses every purge before its date. Cannot be switched off again.</summary>
    public bool? PurgeProtection { get; init; }

    /// <summary>Owner label, up to 64 characters.</summary>
    public string? Owner { get; init; }

    /// <summary>Whoever may administer the vault may not read values in it. Switched off only with a second person's approval.</summary>
    public bool? SeparateDuties { get; init; }

    /// <summary>What takes a second person: <c>break-glass</c>, <c>purge</c>, <c>grants</c>. Fewer only with a second person's approval.</summary>
    public IReadOnlyList<string>? Approvals { get; init; }
}

/// <summary>Changes of a vault's settings; what is absent stays.</summary>
public sealed record VaultChange
{
    /// <summary>Free text, up to 2,048 characters.</summary>
    public string? Description { get; init; }

    /// <summary>Days for which a deleted secret can be recovered.</summary>
    [Range(7, 90)]
    public int? RetentionDays { get; init; }

    /// <summary>Can be switched on, never off.</summary>
    public bool? PurgeProtection { get; init; }

    /// <summary>Owner label, up to 64 characters.</summary>
    public string? Owner { get; init; }

    /// <summary>Whoever may administer the vault may not read values in it. Switched off only with a second person's approval.</summary>
    public bool? SeparateDuties { get; init; }

    /// <summary>What takes a second person: <c>break-glass</c>, <c>purge</c>, <c>grants</c>. Fewer only with a second person's approval.</summary>
    public IReadOnlyList<string>? Approvals { get; init; }
}
