namespace Coffer.Core.Sealing;

/// <summary>
/// What kind of row a MAC belongs to; each kind has its own key, so that no row passes for one of another kind. Numbers
/// go into stored MACs and never change.
/// </summary>
internal enum RowKind
{
    Vault = 1,
    Secret = 2,
    Version = 3,
    Principal = 4,
    Group = 5,
    Member = 6,
    Credential = 7,
    Trust = 8,
    Policy = 9,
    Role = 10,
    Alias = 11,
    AuditHead = 12,
    Lease = 13,
    Approval = 14,
}
