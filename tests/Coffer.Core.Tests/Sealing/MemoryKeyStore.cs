using Coffer.Core.Stores;

namespace Coffer.Core.Tests.Sealing;

/// <summary>What happens to the next replacement.</summary>
internal enum StoreFault
{
    None,

    /// <summary>Fails and stores nothing; answers again afterwards.</summary>
    FailBefore,

    /// <summary>Stores and fails; answers again afterwards.</summary>
    FailAfter,

    /// <summary>Stores nothing and is never heard of again: the process dies before the commit.</summary>
    CrashBefore,

    /// <summary>Stores and is never heard of again: the process dies after the commit.</summary>
    CrashAfter,

    /// <summary>Somebody else is faster.</summary>
    Lose,
}

/// <summary>A key table in memory that fails on demand. <see cref="Restart"/> brings it back after a crash.</summary>
internal sealed class MemoryKeyStore : IKeyStore
{
    private bool _dead;

    public KeyTable? Table { get; set; }

    public StoreFault Next { get; set; }

    public int Replacements { get; private set; }

    public void Restart() => _dead = false;

    public ValueTask<KeyTable?> LoadAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return _dead ? throw new IOException("the store is gone") : new(Table);
    }

    public ValueTask<bool> ReplaceAsync(KeyTable table, long expectedRevision, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        StoreFault fault = Next;
        Next = StoreFault.None;
        if (fault is StoreFault.FailBefore or StoreFault.CrashBefore)
        {
            _dead = fault == StoreFault.CrashBefore;
            throw new IOException("nothing was stored");
        }

        if (fault == StoreFault.Lose || (Table?.Revision ?? 0) != expectedRevision)
        {
            return new(false);
        }

        Table = table;
        Replacements++;
        if (fault is StoreFault.FailAfter or StoreFault.CrashAfter)
        {
            _dead = fault == StoreFault.CrashAfter;
            throw new IOException("it was stored, but nobody can say so");
        }

        return new(true);
    }
}
