using System.Collections.Immutable;

namespace Coffer.Core.Secrets;

/// <summary>A container of secrets with its own grants and retention; one per application and environment.</summary>
public sealed record Vault
{
    /// <summary>Row number in the store; 0 before it was saved.</summary>
    public long Id { get; init; }

    /// <summary>Immutable name.</summary>
    public required VaultName Name { get; init; }

    /// <summary>Immutable twelve-digit number: AWS account id, Google project number.</summary>
    public required VaultNumber Number { get; init; }

    /// <summary>Free text, up to 2,048 characters.</summary>
    public string Description { get; init; } = "";

    /// <summary>Creation, UTC microseconds.</summary>
    public required long Created { get; init; }

    /// <summary>How long a deleted secret can be recovered where the wire does not say: 7–90 days.</summary>
    public int RetentionDays { get; init; } = 30;

    /// <summary>Refuses every purge before its date. One way: off → on.</summary>
    public bool PurgeProtection { get; init; }

    /// <summary>Backups move only between vaults with the same owner label.</summary>
    public string Owner { get; init; } = "";

    /// <summary>Which of Azure's two exclusive permission systems this vault uses.</summary>
    public AzureAccess AzureAccess { get; init; } = AzureAccess.Rbac;

    /// <summary>Settings of the vault as a key-value mount.</summary>
    public KeyValueSettings KeyValue { get; init; } = new();

    /// <summary>Other texts that lead to this vault: (dialect, text), each unique in its dialect.</summary>
    public ImmutableSortedDictionary<string, string> Aliases { get; init; } = ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal);

    /// <summary>The project that the vault is one environment of, or ''.</summary>
    public string Project { get; init; } = "";

    /// <summary>Which environment of its project. Values are never copied from production to another.</summary>
    public VaultStage Stage { get; init; }

    /// <summary>Whoever may administer the vault may not read values in it.</summary>
    public bool SeparateDuties { get; init; }

    /// <summary>What takes a second person's approval in this vault.</summary>
    public ApprovalNeeds Approvals { get; init; }

    /// <summary>+1 on any change of the vault's settings.</summary>
    public int SettingsRevision { get; init; } = 1;

    /// <summary>Digest over the policies on it and their revisions, so that a deleted deny is noticed; empty = none.</summary>
    public ReadOnlyMemory<byte> PolicyDigest { get; init; }

    /// <summary>Authenticates the row; empty before it was saved.</summary>
    public ReadOnlyMemory<byte> Mac { get; init; }
}

/// <summary>Which environment of a project a vault is. Numbers are stored.</summary>
public enum VaultStage
{
    /// <summary>None in particular.</summary>
    None = 0,

    /// <summary>Development.</summary>
    Development = 1,

    /// <summary>Staging.</summary>
    Staging = 2,

    /// <summary>Production.</summary>
    Production = 3,
}

/// <summary>What takes a second person's approval. Flags; numbers are stored.</summary>
[Flags]
public enum ApprovalNeeds
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Reading the value of a secret with the tag <c>break-glass</c>, whatever the tag's value.</summary>
    BreakGlass = 1,

    /// <summary>Erasing a value or a secret for good.</summary>
    Purge = 2,

    /// <summary>A grant that allows, and whatever else widens who may do what.</summary>
    Grants = 4,

    /// <summary>All of these.</summary>
    All = BreakGlass | Purge | Grants,
}

/// <summary>Azure's two exclusive permission systems.</summary>
public enum AzureAccess
{
    /// <summary>Access policies on the vault.</summary>
    Policies = 1,

    /// <summary>Role assignments.</summary>
    Rbac = 2,
}

/// <summary>What Vault's key-value engine keeps per mount.</summary>
/// <param name="Version">1 or 2.</param>
/// <param name="MaxVersions">Versions kept per secret; 0 means the default of ten.</param>
/// <param name="CasRequired">Whether every write must say which version it replaces.</param>
/// <param name="DeleteVersionAfter">Seconds after which a new version is disabled; 0 means never.</param>
public sealed record KeyValueSettings(int Version = 2, int MaxVersions = 0, bool CasRequired = false, long DeleteVersionAfter = 0);
