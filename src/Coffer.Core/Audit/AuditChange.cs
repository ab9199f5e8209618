using Coffer.Core.Secrets;

namespace Coffer.Core.Audit;

/// <summary>Which table a revision is of. Numbers are part of the state hash and frozen.</summary>
public enum AuditRowKind
{
    /// <summary>The head of a secret, by uid.</summary>
    Secret = 1,

    /// <summary>A version, by the secret's uid and its number.</summary>
    Version = 2,

    /// <summary>A policy, by id.</summary>
    Policy = 3,

    /// <summary>A principal, by id.</summary>
    Principal = 4,

    /// <summary>A group, by id.</summary>
    Group = 5,

    /// <summary>A credential, by public id.</summary>
    Credential = 6,

    /// <summary>A trust, by id.</summary>
    Trust = 7,

    /// <summary>A vault, by number.</summary>
    Vault = 8,

    /// <summary>A request for approval, by id.</summary>
    Approval = 9,
}

/// <summary>A revision before and after a write; 0 = the row was not there, or is there no more.</summary>
/// <param name="Before">The revision found, 0 or more.</param>
/// <param name="After">The revision left behind, 0 or more.</param>
public readonly record struct AuditRevision(long Before, long After);

/// <summary>What a write did to one version.</summary>
/// <param name="Number">The version's number, 1 or more.</param>
/// <param name="Before">Its revision before; 0 = it was not there.</param>
/// <param name="After">Its revision after; 0 = it is gone.</param>
public readonly record struct AuditVersionRevision(int Number, long Before, long After);

/// <summary>What a write did to one row that is no part of a secret.</summary>
/// <param name="Kind">The table; neither <see cref="AuditRowKind.Secret"/> nor <see cref="AuditRowKind.Version"/>.</param>
/// <param name="Id">Its key in canonical text, up to 128 characters, printable ASCII.</param>
/// <param name="Before">Its revision before; 0 = it was not there.</param>
/// <param name="After">Its revision after; 0 = it is gone.</param>
public readonly record struct AuditRowRevision(AuditRowKind Kind, string Id, long Before, long After);

/// <summary>
/// The revisions that one committed write moved. From these alone the trail can tell, later, that a row of the store is
/// older than it should be. Small: numbers, no names.
/// </summary>
public sealed record AuditChange
{
    /// <summary>Most entries in <see cref="Versions"/> and <see cref="Rows"/> together; sum up the rest in <see cref="Gone"/>.</summary>
    public const int MaxRows = 1024;

    /// <summary>The secret's uid, 32 lower-case hex digits; null where no secret changed.</summary>
    public string? Uid { get; init; }

    /// <summary>The head's revision; (n, n) where it did not move, (n, 0) where the secret was purged.</summary>
    public AuditRevision Revision { get; init; }

    /// <summary>The versions written or removed.</summary>
    public IReadOnlyList<AuditVersionRevision> Versions { get; init; } = [];

    /// <summary>Rows of other tables written or removed.</summary>
    public IReadOnlyList<AuditRowRevision> Rows { get; init; } = [];

    /// <summary>
    /// Sum over the versions of <see cref="Uid"/> that went without being listed (a purge or prune of very many), or
    /// <see cref="AuditStateHash.Zero"/>.
    /// </summary>
    public AuditStateHash Gone { get; init; }

    /// <summary>Whether both say the same, row by row.</summary>
    public bool Equals(AuditChange? other) =>
        other is not null && Uid == other.Uid && Revision == other.Revision && Gone == other.Gone &&
        Versions.SequenceEqual(other.Versions) && Rows.SequenceEqual(other.Rows);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Uid, Revision, Versions.Count, Rows.Count, Gone);

    /// <summary>The revisions that one change of a secret moves.</summary>
    /// <param name="change">The change as given to the store.</param>
    /// <param name="gone">Sum over versions that go and are not loaded in <paramref name="change"/>.</param>
    public static AuditChange From(SecretChange change, AuditStateHash gone = default)
    {
        Secret head = (change.After ?? change.Before)?.Head ?? throw new ArgumentException("a change has a state before or after", nameof(change));
        List<AuditVersionRevision> versions = [];
        if (change.After is null)
        {
            foreach ((int number, SecretVersion version) in change.Before!.Versions)
            {
                versions.Add(new(number, version.Revision, 0));
            }
        }
        else
        {
            foreach (SecretVersion version in change.Versions)
            {
                versions.Add(new(version.Number, change.Before?.Version(version.Number)?.Revision ?? 0, version.Revision));
            }

            foreach (int number in change.RemovedVersions)
            {
                versions.Add(new(number, change.Before?.Version(number)?.Revision ?? 0, 0));
            }
        }

        if (versions.Count > MaxRows)
        {
            for (int i = MaxRows; i < versions.Count; i++)
            {
                gone = versions[i].After == 0
                    ? gone.Add(AuditRowKind.Version, head.Uid.ToString(), versions[i].Number, versions[i].Before)
                    : throw new ArgumentException($"one change writes at most {MaxRows} versions", nameof(change));
            }

            versions.RemoveRange(MaxRows, versions.Count - MaxRows);
        }

        return new()
        {
            Uid = head.Uid.ToString(),
            Revision = new(change.Before?.Head.Revision ?? 0, change.After?.Head.Revision ?? 0),
            Versions = versions,
            Gone = gone,
        };
    }
}
