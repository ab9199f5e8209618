using System.Collections.Concurrent;
using System.Collections.Immutable;

namespace Coffer.Core.Secrets;

/// <summary>A verified head with its current version, that version's labels, and its value — still sealed.</summary>
internal sealed record CachedSecret(Secret Head, SecretVersion? Version, ReadOnlyMemory<byte> Sealed, ImmutableArray<VersionLabel> Labels);

/// <summary>
/// Sealed rows of recently read secrets, so that a hot read neither asks the store nor verifies MACs again. Never holds
/// plaintext. An entry leaves before the write that changes it is acknowledged; one that was loaded while such a write
/// went on is not kept. Two generations bound it: what was not used while the younger filled up goes.
/// </summary>
internal sealed class SecretCache(int capacity)
{
    private const int Stripes = 1024;

    private readonly long[] _changes = new long[Stripes];
    private readonly Lock _swap = new();
    private volatile ConcurrentDictionary<(long Vault, string Location, string Name), CachedSecret> _young = new();
    private volatile ConcurrentDictionary<(long Vault, string Location, string Name), CachedSecret> _old = new();
    private int _count;

    /// <summary>The entry, or null.</summary>
    public CachedSecret? Find(long vault, string location, string name)
    {
        (long, string, string) key = (vault, location, name);
        if (_young.TryGetValue(key, out CachedSecret? found))
        {
            return found;
        }

        if (_old.TryGetValue(key, out found))
        {
            // Promoted only if no write intervened: the stamp is taken before the entry is looked at again.
            long stamp = Stamp(vault, name);
            if (_old.TryGetValue(key, out found))
            {
                Keep(vault, location, name, found, stamp);
            }
        }

        return found;
    }

    /// <summary>To be taken before the store is asked.</summary>
    public long Stamp(long vault, string name) => Volatile.Read(ref _changes[Stripe(vault, name)]);

    /// <summary>Keeps a loaded row unless its stripe changed since the stamp.</summary>
    public void Keep(long vault, string location, string name, CachedSecret row, long stamp)
    {
        (long, string, string) key = (vault, location, name);
        ConcurrentDictionary<(long, string, string), CachedSecret> young = _young;
        if (young.TryAdd(key, row) && Interlocked.Increment(ref _count) > capacity)
        {
            Turn();
        }

        if (Stamp(vault, name) != stamp)
        {
            young.TryRemove(KeyValuePair.Create(key, row));
        }
    }

    /// <summary>Drops an entry: after the commit, before the acknowledgement.</summary>
    public void Drop(long vault, string location, string name)
    {
        Interlocked.Increment(ref _changes[Stripe(vault, name)]);
        (long, string, string) key = (vault, location, name);
        _young.TryRemove(key, out _);
        _old.TryRemove(key, out _);
    }

    /// <summary>Drops everything.</summary>
    public void Clear()
    {
        for (int i = 0; i < Stripes; i++)
        {
            Interlocked.Increment(ref _changes[i]);
        }

        lock (_swap)
        {
            _young = new();
            _old = new();
            _count = 0;
        }
    }

    private void Turn()
    {
        lock (_swap)
        {
            if (_count <= capacity)
            {
                return;
            }

            _old = _young;
            _young = new();
            _count = 0;
        }
    }

    private static int Stripe(long vault, string name) => (HashCode.Combine(vault, name) & int.MaxValue) % Stripes;
}
