using Coffer.Core.Secrets;

namespace Coffer.Core.Stores;

/// <summary>A head with one of its versions, as one query brings it.</summary>
/// <param name="Head">The head row.</param>
/// <param name="Version">The version, or null if there is none of that description.</param>
/// <param name="Sealed">Its sealed value, or empty (none yet, erased, or not asked for).</param>
public sealed record SecretRow(Secret Head, SecretVersion? Version, ReadOnlyMemory<byte> Sealed);

/// <summary>How a listing runs. Numbers are part of page tokens.</summary>
public enum SecretOrder
{
    /// <summary>By creation, then row number.</summary>
    Created = 1,

    /// <summary>By last change, then row number.</summary>
    Changed = 2,

    /// <summary>By day of last read (never read first), then row number.</summary>
    LastRead = 3,

    /// <summary>By name, ordinal.</summary>
    Name = 4,
}

/// <summary>Which secrets a listing covers.</summary>
public enum SecretFilter
{
    /// <summary>Those not scheduled for deletion.</summary>
    Active = 1,

    /// <summary>Those scheduled for deletion.</summary>
    Deleted = 2,

    /// <summary>Both.</summary>
    All = 3,
}

/// <summary>Position of a row in a listing: the key of the last row seen.</summary>
/// <param name="Number">The order's own number (time or day; -1 for "never"); 0 in a listing by name.</param>
/// <param name="Name">The name in a listing by name, else ''.</param>
/// <param name="Id">The row number.</param>
public readonly record struct SecretPosition(long Number, string Name, long Id);

/// <summary>One page of a listing in index order.</summary>
public sealed record SecretListQuery
{
    /// <summary>The vault's row number.</summary>
    public required long VaultId { get; init; }

    /// <summary>'' or a region.</summary>
    public string Location { get; init; } = "";

    /// <summary>Which secrets.</summary>
    public SecretFilter Filter { get; init; } = SecretFilter.Active;

    /// <summary>In which order.</summary>
    public SecretOrder Order { get; init; } = SecretOrder.Created;

    /// <summary>Whether backwards.</summary>
    public bool Descending { get; init; }

    /// <summary>Rows strictly behind this one, or null for the start.</summary>
    public SecretPosition? After { get; init; }

    /// <summary>Only names that begin so (any order; the order by name seeks, the others filter), or ''.</summary>
    public string NamePrefix { get; init; } = "";

    /// <summary>Only names that this wire can express, or null for all.</summary>
    public WireNames? Wire { get; init; }

    /// <summary>Most rows, 1–1,000.</summary>
    public required int Limit { get; init; }
}

/// <summary>Which wires can express a name; kept with the head row so that listings need not examine names. Flags, stored.</summary>
[Flags]
public enum WireNames
{
    /// <summary>Only Coffer's own wire.</summary>
    None = 0,

    /// <summary>AWS: <c>A-Za-z0-9/_+=.@-!</c>.</summary>
    Aws = 1,

    /// <summary>Azure: <c>0-9A-Za-z-</c>, up to 127.</summary>
    Azure = 2,

    /// <summary>Google: <c>A-Za-z0-9_-</c>, up to 255.</summary>
    Google = 4,

    /// <summary>Vault: no empty segment.</summary>
    Vault = 8,
}

/// <summary>Work that falls due by itself. Numbers are not stored.</summary>
public enum DueWork
{
    /// <summary>Deleted secrets whose date has come, and expired secrets.</summary>
    Purge = 1,

    /// <summary>Versions scheduled to be erased.</summary>
    Destroy = 2,

    /// <summary>Secrets whose rotation is to begin, or to be tried again.</summary>
    Rotate = 3,
}

/// <summary>What a listing shows of one secret beside its head.</summary>
/// <param name="Labels">All label rows.</param>
/// <param name="Versions">Versions that carry a label or pointer, newest first, without values.</param>
/// <param name="Annotations">Annotations of the secret itself.</param>
public sealed record SecretDetail(IReadOnlyList<KeyValuePair<VersionLabel, int>> Labels, IReadOnlyList<SecretVersion> Versions, IReadOnlyList<SecretAnnotation> Annotations);

/// <summary>
/// Vaults and secrets. Look-ups answer null for what is missing and do not know what is due: a head past its purge
/// date is returned as any other, and the core treats it as absent.
/// </summary>
public interface ISecretStore
{
    /// <summary>All vaults, by name.</summary>
    ValueTask<IReadOnlyList<Vault>> VaultsAsync(CancellationToken cancellationToken);

    /// <summary>The head with its current version and sealed value: the plain read, one query.</summary>
    ValueTask<SecretRow?> FindCurrentAsync(long vaultId, string location, string name, CancellationToken cancellationToken);

    /// <summary>The head alone.</summary>
    ValueTask<Secret?> FindHeadAsync(long vaultId, string location, string name, CancellationToken cancellationToken);

    /// <summary>The head of a secret by its uid, or null.</summary>
    ValueTask<Secret?> FindHeadAsync(SecretUid uid, CancellationToken cancellationToken);

    /// <summary>The oldest head whose name is equal without case (the only one that the Azure wire sees).</summary>
    ValueTask<Secret?> FindFoldedAsync(long vaultId, string foldedName, CancellationToken cancellationToken);

    /// <summary>One version with its sealed value, by number.</summary>
    ValueTask<(SecretVersion Version, ReadOnlyMemory<byte> Sealed)?> FindVersionAsync(long secretId, int number, CancellationToken cancellationToken);

    /// <summary>Number of the version with that id; 0 = none.</summary>
    ValueTask<int> FindNumberAsync(long secretId, VersionId id, CancellationToken cancellationToken);

    /// <summary>Number of the version with that token; 0 = none.</summary>
    ValueTask<int> FindNumberAsync(long secretId, RequestToken token, CancellationToken cancellationToken);

    /// <summary>All label rows of a secret.</summary>
    ValueTask<IReadOnlyList<KeyValuePair<VersionLabel, int>>> LabelsAsync(long secretId, CancellationToken cancellationToken);

    /// <summary>Versions behind a number (0 = from the first; or, descending, int.MaxValue = from the last), without values.</summary>
    ValueTask<IReadOnlyList<SecretVersion>> VersionsAsync(long secretId, int after, bool descending, int limit, CancellationToken cancellationToken);

    /// <summary>
    /// What a listing shows of several secrets, in one read and in their order: label rows, the versions that carry a label or pointer of the
    /// head given, without values and newest first, and annotations of the secret itself.
    /// </summary>
    ValueTask<IReadOnlyList<SecretDetail>> DetailsAsync(IReadOnlyList<Secret> heads, CancellationToken cancellationToken);

    /// <summary>All attributes other than the space <see cref="AttributeSpace.Tag"/>, which is in the head.</summary>
    ValueTask<IReadOnlyList<SecretAttribute>> AttributesAsync(long secretId, CancellationToken cancellationToken);

    /// <summary>All annotations.</summary>
    ValueTask<IReadOnlyList<SecretAnnotation>> AnnotationsAsync(long secretId, CancellationToken cancellationToken);

    /// <summary>One page of heads in index order.</summary>
    ValueTask<IReadOnlyList<Secret>> ListAsync(SecretListQuery query, CancellationToken cancellationToken);

    /// <summary>
    /// Children of a folder, seeking from child to child: active names that the Vault wire can express, below
    /// <paramref name="prefix"/> ('' or ending in '/') up to the next '/', folders with their '/', ordinal, behind
    /// <paramref name="after"/> ('' = from the start).
    /// </summary>
    ValueTask<IReadOnlyList<string>> FolderAsync(long vaultId, string prefix, string after, int limit, CancellationToken cancellationToken);

    /// <summary>Heads (<see cref="DueWork.Purge"/>, <see cref="DueWork.Rotate"/>) or heads of versions (<see cref="DueWork.Destroy"/>) that are due, oldest first.</summary>
    ValueTask<IReadOnlyList<Secret>> DueAsync(DueWork work, long now, int limit, CancellationToken cancellationToken);

    /// <summary>How many secrets a vault holds, deleted ones included.</summary>
    ValueTask<long> CountAsync(long vaultId, CancellationToken cancellationToken);

    /// <summary>Notes the UTC day of reads, in one batch; outside the MAC and the secret's serial writes.</summary>
    ValueTask MarkReadAsync(IReadOnlyCollection<(long SecretId, int Number, int Day)> reads, CancellationToken cancellationToken);
}
