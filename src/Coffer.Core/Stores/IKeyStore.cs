using System.Collections.Immutable;

namespace Coffer.Core.Stores;

/// <summary>The seal's public parameters and the wrapped data keys: everything needed to unseal but the seal's own secret.</summary>
/// <param name="Revision">+1 on every replacement; 1 at first.</param>
/// <param name="Seal">UTF-8 JSON of the seal's parameters with the wrapped root key.</param>
/// <param name="Keys">Data keys wrapped under the root key, in ascending order of id.</param>
public sealed record KeyTable(long Revision, byte[] Seal, ImmutableArray<WrappedKey> Keys);

/// <summary>One data key as stored.</summary>
/// <param name="KeyId">1 and up.</param>
/// <param name="CreatedAt">UTC microseconds.</param>
/// <param name="Wrapped">The key sealed under the root key.</param>
public sealed record WrappedKey(uint KeyId, long CreatedAt, byte[] Wrapped);

/// <summary>Where the key table rests.</summary>
public interface IKeyStore
{
    /// <summary>The table, or null before initialisation.</summary>
    ValueTask<KeyTable?> LoadAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Replaces the whole table in one transaction if the stored revision is still <paramref name="expectedRevision"/>
    /// (0 = there is none yet); false otherwise.
    /// </summary>
    ValueTask<bool> ReplaceAsync(KeyTable table, long expectedRevision, CancellationToken cancellationToken);
}
