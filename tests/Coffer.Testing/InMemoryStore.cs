using System.Collections.Concurrent;
using System.Collections.Immutable;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;
using Coffer.Core.Stores;

namespace Coffer.Testing;

/// <summary>
/// The store as the ports describe it, written to be obvious: one immutable state, every question answered by looking at
/// all of it. The reference that real stores are compared with, and a store for tests of what stands above.
/// </summary>
public sealed partial class InMemoryStore : IStore
{
    private static readonly ConcurrentDictionary<string, State> Backups = new();

    private readonly SemaphoreSlim _writing = new(1, 1);
    private volatile State _state;

    /// <summary>An empty store.</summary>
    public InMemoryStore()
        : this(new State())
    {
    }

    private InMemoryStore(State state)
    {
        _state = state;
        Ports ports = new(() => _state, UpdateAsync);
        Keys = ports;
        Secrets = ports;
        Access = ports;
        Audit = ports;
    }

    private delegate (State After, object? Answer) Change(State before);

    /// <inheritdoc/>
    public IKeyStore Keys { get; }

    /// <inheritdoc/>
    public ISecretStore Secrets { get; }

    /// <summary>How often a secret was looked up by its name, outside transactions.</summary>
    public int LookUps => ((Ports)Secrets).LookUps;

    /// <inheritdoc/>
    public IAccessStore Access { get; }

    /// <inheritdoc/>
    public IAuditStore Audit { get; }

    /// <summary>A store that holds what <paramref name="store"/> holds now, as a stop and a start would give.</summary>
    public static InMemoryStore Reopen(InMemoryStore store) => new(store._state);

    /// <summary>A store that holds what a backup made in this process holds.</summary>
    public static InMemoryStore FromBackup(string file) => new(Backups[File.ReadAllText(file)]);

    /// <inheritdoc/>
    public async ValueTask<IStoreTransaction> BeginAsync(CancellationToken cancellationToken)
    {
        await _writing.WaitAsync(cancellationToken);
        return new Transaction(this);
    }

    /// <summary>Keeps the state in this process; the file holds the word by which <see cref="FromBackup"/> finds it.</summary>
    public ValueTask BackupAsync(string file, CancellationToken cancellationToken)
    {
        string word = Guid.NewGuid().ToString();
        try
        {
            using StreamWriter writer = new(new FileStream(file, FileMode.CreateNew));
            writer.Write(word);
        }
        catch (IOException) when (File.Exists(file))
        {
            throw Error.AlreadyExists("file", file);
        }

        Backups[word] = _state;
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private async ValueTask<object?> UpdateAsync(Change change, CancellationToken cancellationToken)
    {
        await _writing.WaitAsync(cancellationToken);
        try
        {
            (_state, object? answer) = change(_state);
            return answer;
        }
        finally
        {
            _writing.Release();
        }
    }

    private sealed class Transaction : IStoreTransaction
    {
        private readonly InMemoryStore _store;
        private readonly Ports _ports;
        private State _state;
        private bool _isOver;

        public Transaction(InMemoryStore store)
        {
            _store = store;
            _state = store._state;
            _ports = new(
                () =>
                {
                    ObjectDisposedException.ThrowIf(_isOver, this);
                    return _state;
                },
                (change, _) => new(Apply(change)));
        }

        public ISecretStore Secrets => _ports;

        public IAccessStore Access => _ports;

        public ValueTask<long?> SaveAsync(SecretChange change, CancellationToken cancellationToken) => new((long?)Apply(state => Save(state, change)));

        public ValueTask<long?> SaveAsync(Vault vault, CancellationToken cancellationToken) => new((long?)Apply(state => Save(state, vault)));

        public ValueTask<bool> RemoveVaultAsync(long vaultId, CancellationToken cancellationToken) => new((bool)Apply(state => RemoveVault(state, vaultId))!);

        public ValueTask<bool> SaveAsync(AccessChange change, CancellationToken cancellationToken) => new((bool)Apply(state => Save(state, change))!);

        public ValueTask AddPendingAsync(PendingAudit pending, CancellationToken cancellationToken)
        {
            Apply(state => (state with { Pending = state.Pending.Add(pending) }, null));
            return ValueTask.CompletedTask;
        }

        public ValueTask CommitAsync(CancellationToken cancellationToken)
        {
            ObjectDisposedException.ThrowIf(_isOver, this);
            cancellationToken.ThrowIfCancellationRequested();
            _store._state = _state;
            End();
            return ValueTask.CompletedTask;
        }

        public ValueTask DisposeAsync()
        {
            End();
            return ValueTask.CompletedTask;
        }

        private object? Apply(Change change)
        {
            ObjectDisposedException.ThrowIf(_isOver, this);
            (_state, object? answer) = change(_state);
            return answer;
        }

        private void End()
        {
            if (!_isOver)
            {
                _isOver = true;
                _store._writing.Release();
            }
        }
    }

    /// <summary>All ports, over whatever state is the one to look at.</summary>
    private sealed partial class Ports(Func<State> now, Func<Change, CancellationToken, ValueTask<object?>> update) : ISecretStore, IAccessStore, IAuditStore, IKeyStore
    {
        private static ValueTask<IReadOnlyList<T>> List<T>(IEnumerable<T> rows) => new([.. rows]);

        public ValueTask<IReadOnlyList<PendingAudit>> PendingAsync(int limit, CancellationToken cancellationToken) => List(now().Pending.Take(limit));

        public async ValueTask RemovePendingAsync(IReadOnlyCollection<Guid> ids, CancellationToken cancellationToken) =>
            await update(state => (state with { Pending = state.Pending.RemoveAll(p => ids.Contains(p.Id)) }, null), cancellationToken);

        public async ValueTask SaveCheckpointAsync(byte[] checkpoint, CancellationToken cancellationToken) =>
            await update(state => (state with { Checkpoint = checkpoint }, null), cancellationToken);

        public ValueTask<byte[]?> CheckpointAsync(CancellationToken cancellationToken) => new(now().Checkpoint);

        ValueTask<KeyTable?> IKeyStore.LoadAsync(CancellationToken cancellationToken) => new(now().Keys);

        public async ValueTask<bool> ReplaceAsync(KeyTable table, long expectedRevision, CancellationToken cancellationToken) =>
            (bool)(await update(state => (state.Keys?.Revision ?? 0) == expectedRevision ? (state with { Keys = table }, true) : (state, false), cancellationToken))!;
    }
}
