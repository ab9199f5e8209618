namespace Coffer.Core.Stores;

/// <summary>
/// Durable rows of sealed things. A store is not trusted: it sees names, numbers and sealed bytes, never a value or a
/// key; the core authenticates what it reads. "Missing" is null, a lost race is false; a driver failure becomes
/// <see cref="Errors.CofferErrorCode.Unavailable"/> and nothing else.
/// </summary>
public interface IStore : IAsyncDisposable
{
    /// <summary>The key table.</summary>
    IKeyStore Keys { get; }

    /// <summary>Vaults and secrets; each call sees one committed state.</summary>
    ISecretStore Secrets { get; }

    /// <summary>Principals, credentials and policies; each call sees one committed state.</summary>
    IAccessStore Access { get; }

    /// <summary>Audit bodies that wait for the trail, and the trail's checkpoints.</summary>
    IAuditStore Audit { get; }

    /// <summary>
    /// Opens the transaction of one write. Writes to one secret are serial; a store may make all writes serial.
    /// Disposing without commit rolls back.
    /// </summary>
    ValueTask<IStoreTransaction> BeginAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Writes a consistent copy of the whole store to a new file (still sealed: it holds what the store holds). Refuses
    /// an existing file.
    /// </summary>
    ValueTask BackupAsync(string file, CancellationToken cancellationToken);
}

/// <summary>One write: loads for update, saves, commits. Not thread-safe.</summary>
public interface IStoreTransaction : IAsyncDisposable
{
    /// <summary>The ports inside the transaction: they see its own changes.</summary>
    ISecretStore Secrets { get; }

    /// <summary>The ports inside the transaction: they see its own changes.</summary>
    IAccessStore Access { get; }

    /// <summary>
    /// Writes one change of a secret; sets <c>Id</c> of a new head. Answers the head's row number, or null if the name is
    /// taken, or the head row is no longer the one in <see cref="Secrets.SecretChange.Before"/>.
    /// </summary>
    ValueTask<long?> SaveAsync(Core.Secrets.SecretChange change, CancellationToken cancellationToken);

    /// <summary>
    /// Inserts (<c>Id</c> 0) or replaces a vault; answers its row number, or null if name, number or an alias is taken, or
    /// there is no vault of this row number, name and number to replace.
    /// </summary>
    ValueTask<long?> SaveAsync(Core.Secrets.Vault vault, CancellationToken cancellationToken);

    /// <summary>Removes a vault with the policies on it and its roles; false if it still holds secrets or is unknown.</summary>
    ValueTask<bool> RemoveVaultAsync(long vaultId, CancellationToken cancellationToken);

    /// <summary>
    /// Applies a change, removals first: all of it, or nothing and false if a unique name or verifier is taken or a row
    /// names a principal that is not there. Uses and the day of the last use of a credential that exists stay as stored.
    /// </summary>
    ValueTask<bool> SaveAsync(AccessChange change, CancellationToken cancellationToken);

    /// <summary>Adds the audit record's body; it is committed with the change, or neither is.</summary>
    ValueTask AddPendingAsync(PendingAudit pending, CancellationToken cancellationToken);

    /// <summary>Makes all of it durable before it answers.</summary>
    ValueTask CommitAsync(CancellationToken cancellationToken);
}

/// <summary>An audit record that was committed with a change and waits to be in the trail.</summary>
/// <param name="Id">The record's id; ascending with time (UUID version 7).</param>
/// <param name="Body">The record, serialised; never holds a value.</param>
public sealed record PendingAudit(Guid Id, byte[] Body);

/// <summary>Audit bodies that wait for the trail, and its checkpoints.</summary>
public interface IAuditStore
{
    /// <summary>Bodies not yet confirmed to be in the trail, oldest first.</summary>
    ValueTask<IReadOnlyList<PendingAudit>> PendingAsync(int limit, CancellationToken cancellationToken);

    /// <summary>Removes bodies that are durably in the trail.</summary>
    ValueTask RemovePendingAsync(IReadOnlyCollection<Guid> ids, CancellationToken cancellationToken);

    /// <summary>Keeps the latest checkpoint (the trail's own signed bytes).</summary>
    ValueTask SaveCheckpointAsync(byte[] checkpoint, CancellationToken cancellationToken);

    /// <summary>The latest checkpoint, or null.</summary>
    ValueTask<byte[]?> CheckpointAsync(CancellationToken cancellationToken);
}
