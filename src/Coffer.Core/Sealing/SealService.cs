using System.Collections.Immutable;
using Coffer.Core.Secrets;
using Coffer.Core.Stores;

namespace Coffer.Core.Sealing;

/// <summary>Whether the server can open what it keeps.</summary>
public enum SealState
{
    /// <summary>There is no key table yet.</summary>
    Uninitialized = 1,

    /// <summary>There is one, and it is closed.</summary>
    Sealed = 2,

    /// <summary>The keyring is in memory.</summary>
    Unsealed = 3,
}

/// <summary>
/// Root key ← seal; data keys ← root key. The root key is in memory only while one of these methods runs, so that changing the
/// keys takes the seal's secret again. Every change is one replacement of the key table: an interruption leaves the old table or
/// the new one, and each opens. Changes are serial; <see cref="Current"/> and <see cref="Seal"/> wait for nobody. Damaged or
/// forged tables are a <see cref="SealIntegrityException"/> everywhere.
/// </summary>
/// <param name="store">Where the key table rests; nothing is loaded yet.</param>
/// <param name="clock">For the age of keys.</param>
public sealed class SealService(IKeyStore store, TimeProvider clock)
{
    private readonly SemaphoreSlim _change = new(1, 1);
    private volatile Keyring? _current;

    /// <summary>Told after each unseal and seal, on the thread that did it.</summary>
    public event EventHandler<SealState>? Changed;

    /// <summary>The keyring; throws <see cref="SealedException"/> while sealed. The same instance from unseal to seal.</summary>
    public Keyring Current => _current ?? throw new SealedException();

    /// <summary>The state now.</summary>
    public async ValueTask<SealState> StateAsync(CancellationToken cancellationToken) =>
        _current is not null ? SealState.Unsealed
        : await store.LoadAsync(cancellationToken).ConfigureAwait(false) is null ? SealState.Uninitialized
        : SealState.Sealed;

    /// <summary>The seal's public parameters, or null before initialisation.</summary>
    public async ValueTask<SealParameters?> ParametersAsync(CancellationToken cancellationToken) =>
        await store.LoadAsync(cancellationToken).ConfigureAwait(false) is { } table ? KeyTableDocument.Parse(table).Seal : null;

    /// <summary>The public parameters of a table.</summary>
    public static SealParameters Parameters(KeyTable table) => KeyTableDocument.Parse(table).Seal;

    /// <summary>The stored table: sealed, for backups. Null before initialisation.</summary>
    public ValueTask<KeyTable?> TableAsync(CancellationToken cancellationToken) => store.LoadAsync(cancellationToken);

    /// <summary>Makes root key, first data key and audit key, and unseals. False where a table is there already. Throws <see cref="SealRefusedException"/>.</summary>
    public ValueTask<bool> InitializeAsync(ISeal seal, CancellationToken cancellationToken) => ChangeAsync(async () =>
    {
        if (await store.LoadAsync(cancellationToken).ConfigureAwait(false) is not null)
        {
            return false;
        }

        using SecretValue root = KeyWrap.Draw();
        using SecretValue scalar = AuditSigner.DrawScalar();
        (SealParameters parameters, SecretValue sealingKey) = seal.Create(null);
        KeyTable table;
        using (sealingKey)
        {
            table = KeyTableDocument.Make(1, parameters, sealingKey, root, AuditSigner.PublicKeyOf(scalar), scalar, [DrawDataKey(root, 1)]);
        }

        if (!await ReplaceAsync(table, 0, cancellationToken).ConfigureAwait(false))
        {
            return false;
        }

        Publish(Build(root, scalar, table));
        seal.Settle(parameters);
        return true;
    }, cancellationToken);

    /// <summary>Unseals; true as well if it was. False where there is no table. Throws <see cref="SealRefusedException"/>.</summary>
    public ValueTask<bool> UnsealAsync(ISeal seal, CancellationToken cancellationToken) => ChangeAsync(async () =>
    {
        if (_current is not null)
        {
            return true;
        }

        if (await store.LoadAsync(cancellationToken).ConfigureAwait(false) is not { } table)
        {
            return false;
        }

        Publish(Open(seal, table));
        return true;
    }, cancellationToken);

    /// <summary>Opens a table that is not this store's (a backup's). The caller disposes the keyring. Throws <see cref="SealRefusedException"/>.</summary>
    public static Keyring Open(ISeal seal, KeyTable table)
    {
        KeyTableDocument document = KeyTableDocument.Parse(table);
        using SecretValue root = OpenRoot(seal, document, table);
        using SecretValue scalar = document.OpenAuditScalar(root);
        return Build(root, scalar, table);
    }

    /// <summary>
    /// Forgets the keys at once: operations under way finish, later ones throw <see cref="SealedException"/>, and when the last
    /// has ended every key is zero.
    /// </summary>
    public void Seal()
    {
        if (Interlocked.Exchange(ref _current, null) is { } keyring)
        {
            keyring.Dispose();
            Changed?.Invoke(this, SealState.Sealed);
        }
    }

    /// <summary>
    /// Adds a data key, which seals from now on; what older ones sealed still opens. Answers its id. Needs the seal, since data
    /// keys lie under the root key. Throws <see cref="SealedException"/> where there is no table; <see cref="SealRefusedException"/>,
    /// with <see cref="SealRefusal.Conflict"/> if another node was faster.
    /// </summary>
    public ValueTask<uint> RotateKeysAsync(ISeal seal, CancellationToken cancellationToken) => ChangeAsync(async () =>
    {
        KeyTable table = await store.LoadAsync(cancellationToken).ConfigureAwait(false) ?? throw new SealedException();
        KeyTableDocument document = KeyTableDocument.Parse(table);
        using SecretValue root = OpenRoot(seal, document, table);
        WrappedKey added = DrawDataKey(root, checked(table.Keys.Max(k => k.KeyId) + 1));
        KeyTable next = document.ToTable(root, table.Revision + 1, table.Keys.Add(added));
        if (!await ReplaceAsync(next, table.Revision, cancellationToken).ConfigureAwait(false))
        {
            throw Conflict();
        }

        Adopt(root, next);
        return added.KeyId;
    }, cancellationToken);

    /// <summary>
    /// Puts a new root key under a new seal and wraps the data keys anew; values are not touched. Interrupted at any point, the
    /// old seal or the new one opens. Throws as <see cref="RotateKeysAsync"/> does.
    /// </summary>
    /// <param name="seal">The seal in force.</param>
    /// <param name="next">What is to open the store from now on.</param>
    /// <param name="cancellationToken">Cancels before the store is changed.</param>
    /// <param name="confirm">
    /// Called when the new seal has its secret and the store does not need it yet: the moment to hand out shares and hear that
    /// they arrived. If it throws, the old seal stays in force.
    /// </param>
    public async ValueTask RekeyAsync(ISeal seal, ISeal next, CancellationToken cancellationToken, Func<CancellationToken, ValueTask>? confirm = null) => await ChangeAsync(async () =>
    {
        KeyTable table = await store.LoadAsync(cancellationToken).ConfigureAwait(false) ?? throw new SealedException();
        KeyTableDocument document = KeyTableDocument.Parse(table);
        using SecretValue root = OpenRoot(seal, document, table);
        (SealParameters parameters, SecretValue sealingKey) = next.Create(document.Seal);
        using (sealingKey)
        {
            try
            {
                if (confirm is not null)
                {
                    await confirm(cancellationToken).ConfigureAwait(false);
                }
            }
            catch
            {
                next.Settle(document.Seal);
                throw;
            }

            // If this fails and the store cannot say what it holds, the next use of the seal settles it.
            if (!await ReplaceAsync(Rewrap(table, document, root, parameters, sealingKey), table.Revision, cancellationToken).ConfigureAwait(false))
            {
                next.Settle(await ParametersAsync(cancellationToken).ConfigureAwait(false) ?? document.Seal);
                throw Conflict();
            }
        }

        next.Settle(parameters);
        return true;
    }, cancellationToken).ConfigureAwait(false);

    private static SealRefusedException Conflict() =>
        new(SealRefusal.Conflict, "the key table was changed by somebody else at the same time; nothing was changed here; hint: try again");

    private static SecretValue OpenRoot(ISeal seal, KeyTableDocument document, KeyTable table)
    {
        if (seal.Type != document.Seal.Type)
        {
            throw new SealRefusedException(SealRefusal.OtherType, $"the server is sealed with a {document.Seal.Type}, not with a {seal.Type}");
        }

        using SecretValue sealingKey = seal.Open(document.Seal);
        return document.OpenRoot(sealingKey, table);
    }

    private static Keyring Build(SecretValue root, SecretValue scalar, KeyTable table)
    {
        List<DataKey> keys = [];
        try
        {
            foreach (WrappedKey wrapped in table.Keys)
            {
                keys.Add(Unwrap(root, wrapped));
            }

            return new(keys, AuditSigner.From(scalar));
        }
        catch
        {
            keys.ForEach(k => k.Zero());
            throw;
        }
    }

    private static KeyTable Rewrap(KeyTable table, KeyTableDocument document, SecretValue root, SealParameters parameters, SecretValue sealingKey)
    {
        using SecretValue newRoot = KeyWrap.Draw();
        using SecretValue scalar = document.OpenAuditScalar(root);
        ImmutableArray<WrappedKey>.Builder keys = ImmutableArray.CreateBuilder<WrappedKey>(table.Keys.Length);
        foreach (WrappedKey wrapped in table.Keys)
        {
            using SecretValue key = KeyWrap.UnwrapDataKey(root, wrapped.KeyId, wrapped.CreatedAt, wrapped.Wrapped);
            keys.Add(wrapped with { Wrapped = KeyWrap.WrapDataKey(newRoot, wrapped.KeyId, wrapped.CreatedAt, key) });
        }

        return KeyTableDocument.Make(table.Revision + 1, parameters, sealingKey, newRoot, document.AuditPublicKey, scalar, keys.MoveToImmutable());
    }

    private static DataKey Unwrap(SecretValue root, WrappedKey wrapped)
    {
        using SecretValue key = KeyWrap.UnwrapDataKey(root, wrapped.KeyId, wrapped.CreatedAt, wrapped.Wrapped);
        return new(wrapped.KeyId, key.Span);
    }

    private WrappedKey DrawDataKey(SecretValue root, uint id)
    {
        using SecretValue key = KeyWrap.Draw();
        long now = clock.Now();
        return new(id, now, KeyWrap.WrapDataKey(root, id, now, key));
    }

    private async ValueTask<T> ChangeAsync<T>(Func<ValueTask<T>> change, CancellationToken cancellationToken)
    {
        await _change.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await change().ConfigureAwait(false);
        }
        finally
        {
            _change.Release();
        }
    }

    /// <summary>Replaces the table; where the store fails to say whether it did, it is asked what it holds.</summary>
    private async ValueTask<bool> ReplaceAsync(KeyTable table, long expectedRevision, CancellationToken cancellationToken)
    {
        try
        {
            return await store.ReplaceAsync(table, expectedRevision, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            if (await HoldsAsync(table).ConfigureAwait(false))
            {
                return true;
            }

            throw;
        }
    }

    private async ValueTask<bool> HoldsAsync(KeyTable table)
    {
        try
        {
            // The MAC in it covers the whole table.
            return await store.LoadAsync(CancellationToken.None).ConfigureAwait(false) is { } stored && stored.Seal.AsSpan().SequenceEqual(table.Seal);
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            // The first failure is the one that the caller learns.
            return false;
        }
    }

    private void Publish(Keyring keyring)
    {
        _current = keyring;
        Changed?.Invoke(this, SealState.Unsealed);
    }

    /// <summary>Takes in the keys that the store has and the keyring has not: this rotation's, another node's, or one of unknown outcome.</summary>
    private void Adopt(SecretValue root, KeyTable table)
    {
        if (_current is not { } keyring)
        {
            return;
        }

        foreach (WrappedKey wrapped in table.Keys.Where(k => !keyring.Has(k.KeyId)))
        {
            DataKey key = Unwrap(root, wrapped);
            try
            {
                keyring.Add(key);
            }
            catch (SealedException)
            {
                // Sealed meanwhile: the next unseal finds it in the store.
                key.Zero();
            }
        }
    }
}
