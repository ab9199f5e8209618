using System.Collections.Concurrent;
using System.Collections.Immutable;

namespace Coffer.Core.Secrets;

/// <summary>A verified head with its current version, that version's labels, and its value — still sealed.</summary>
internal sealed record CachedSecret(Secret Head, SecretVersion? Version, ReadOnlyMemory<byte> Sealed, ImmutableArray<VersionLabel> Labels);

/// <summary>
/// Sealed rows of recently read secrets, so that a hot read neither asks the store nor verifies MACs again; and names that
/// were asked for and are free, so that the time of a refusal does not tell one from the other. Never holds plaintext. An
/// entry leaves before the write that changes it is acknowledged; one that was loaded while such a write went on is not kept.
/// </summary>
internal sealed class SecretCache(int capacity)
{
    private const int Stripes = 1024;

    // Apart from the rows, so that whoever asks for names at random pushes no secret out.
    private const int FreeNames = 4096;

    // What stands for a free name; nothing of it is ever read.
    private static readonly CachedSecret Free = new(null!, null, default, []);

    private readonly long[] _changes = new long[Stripes];
    private readonly Generations _rows = new(capacity), _free = new(FreeNames);

    /// <summary>Whether the name is known here: with its row, or null as a free one.</summary>
    public bool TryFind(long vault, string location, string name, out CachedSecret? row)
    {
        (long, string, string) key = (vault, location, name);
        if (Find(_rows, key, vault, name) is { } found)
        {
            row = found;
            return true;
        }

        row = null;
        return Find(_free, key, vault, name) is not null;
    }

    /// <summary>To be taken before the store is asked.</summary>
    public long Stamp(long vault, string name) => Volatile.Read(ref _changes[Stripe(vault, name)]);

    /// <summary>Keeps what was loaded, null for a free name, unless its stripe changed since the stamp.</summary>
    public void Keep(long vault, string location, string name, CachedSecret? row, long stamp) =>
        Keep(row is null ? _free : _rows, (vault, location, name), row ?? Free, vault, name, stamp);

    /// <summary>Drops an entry: after the commit, before the acknowledgement.</summary>
    public void Drop(long vault, string location, string name)
    {
        Interlocked.Increment(ref _changes[Stripe(vault, name)]);
        (long, string, string) key = (vault, location, name);
        _rows.Remove(key);
        _free.Remove(key);
    }

    /// <summary>Drops everything.</summary>
    public void Clear()
    {
        for (int i = 0; i < Stripes; i++)
        {
            Interlocked.Increment(ref _changes[i]);
        }

        _rows.Clear();
        _free.Clear();
    }

    private CachedSecret? Find(Generations among, (long, string, string) key, long vault, string name)
    {
        CachedSecret? found = among.Find(key, out bool isOld);
        if (isOld)
        {
            // Promoted only if no write intervened: the stamp is taken before the entry is looked at again.
            long stamp = Stamp(vault, name);
            if (among.Find(key, out _) is { } still)
            {
                Keep(among, key, still, vault, name, stamp);
                return still;
            }
        }

        return found;
    }

    private void Keep(Generations among, (long, string, string) key, CachedSecret row, long vault, string name, long stamp)
    {
        ConcurrentDictionary<(long, string, string), CachedSecret> kept = among.Add(key, row);
        if (Stamp(vault, name) != stamp)
        {
            kept.TryRemove(KeyValuePair.Create(key, row));
        }
    }

    private static int Stripe(long vault, string name) => (HashCode.Combine(vault, name) & int.MaxValue) % Stripes;

    /// <summary>Two generations bound it: what was not used while the younger filled up goes.</summary>
    private sealed class Generations(int capacity)
    {
        private readonly Lock _swap = new();
        private volatile ConcurrentDictionary<(long, string, string), CachedSecret> _young = new();
        private volatile ConcurrentDictionary<(long, string, string), CachedSecret> _old = new();
        private int _count;

        public CachedSecret? Find((long, string, string) key, out bool isOld)
        {
            isOld = !_young.TryGetValue(key, out CachedSecret? found) && _old.TryGetValue(key, out found);
            return found;
        }

        /// <summary>Answers where it was put.</summary>
        public ConcurrentDictionary<(long, string, string), CachedSecret> Add((long, string, string) key, CachedSecret row)
        {
            ConcurrentDictionary<(long, string, string), CachedSecret> young = _young;
            if (young.TryAdd(key, row) && Interlocked.Increment(ref _count) > capacity)
            {
                Turn();
            }

            return young;
        }

        public void Remove((long, string, string) key)
        {
            _young.TryRemove(key, out _);
            _old.TryRemove(key, out _);
        }

        public void Clear()
        {
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
                if (_count > capacity)
                {
                    _old = _young;
                    _young = new();
                    _count = 0;
                }
            }
        }
    }
}
