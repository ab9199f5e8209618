using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text.Json;
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
/// Root key ← seal; data keys ← root key. Every change of the table is one replacement, so an interruption leaves the old
/// table or the new one, and each opens.
/// </summary>
public sealed class SealService
{
    private const int KeyBytes = 32;
    private const int NonceBytes = 12;
    private const int TagBytes = 16;

    private readonly IKeyStore _store;
    private readonly TimeProvider _clock;
    private readonly SemaphoreSlim _change = new(1, 1);
    private volatile Keyring? _current;

    /// <summary>Over a key store; nothing is loaded yet.</summary>
    public SealService(IKeyStore store, TimeProvider clock)
    {
        _store = store;
        _clock = clock;
    }

    /// <summary>The keyring; throws <see cref="SealedException"/> while sealed.</summary>
    public Keyring Current => _current ?? throw new SealedException();

    /// <summary>The state now.</summary>
    public async ValueTask<SealState> StateAsync(CancellationToken cancellationToken) =>
        _current is not null ? SealState.Unsealed
        : await _store.LoadAsync(cancellationToken).ConfigureAwait(false) is null ? SealState.Uninitialized
        : SealState.Sealed;

    /// <summary>The seal's public parameters, or null before initialisation.</summary>
    public async ValueTask<SealParameters?> ParametersAsync(CancellationToken cancellationToken) =>
        await _store.LoadAsync(cancellationToken).ConfigureAwait(false) is { } table ? Read(table).Seal : null;

    /// <summary>The public parameters of a table.</summary>
    public static SealParameters Parameters(KeyTable table) => Read(table).Seal;

    /// <summary>The stored table: sealed, for backups. Null before initialisation.</summary>
    public ValueTask<KeyTable?> TableAsync(CancellationToken cancellationToken) => _store.LoadAsync(cancellationToken);

    /// <summary>Makes root key, first data key and audit key, and unseals. False where a table is there already.</summary>
    public async ValueTask<bool> InitializeAsync(ISeal seal, CancellationToken cancellationToken)
    {
        await _change.WaitAsync(cancellationToken).ConfigureAwait(false);
        byte[] root = RandomNumberGenerator.GetBytes(KeyBytes);
        byte[] audit = AuditSigner.Draw(), data = RandomNumberGenerator.GetBytes(KeyBytes);
        try
        {
            if (await _store.LoadAsync(cancellationToken).ConfigureAwait(false) is not null)
            {
                return false;
            }

            (SealParameters parameters, byte[] sealingKey) = seal.Create();
            KeyTable table = new(1, Document(parameters, sealingKey, root, audit), [new(1, _clock.Now(), WrapData(root, 1, data))]);
            CryptographicOperations.ZeroMemory(sealingKey);
            if (!await _store.ReplaceAsync(table, 0, cancellationToken).ConfigureAwait(false))
            {
                return false;
            }

            seal.Commit();
            _current = Build(root, audit, table);
            return true;
        }
        finally
        {
            Zero(root, audit, data);
            _change.Release();
        }
    }

    /// <summary>Unseals. Throws <see cref="SealRefusedException"/>; false where there is no table.</summary>
    public async ValueTask<bool> UnsealAsync(ISeal seal, CancellationToken cancellationToken)
    {
        await _change.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (_current is not null)
            {
                return true;
            }

            if (await _store.LoadAsync(cancellationToken).ConfigureAwait(false) is not { } table)
            {
                return false;
            }

            (byte[] root, byte[] audit) = OpenRoot(seal, table);
            try
            {
                _current = Build(root, audit, table);
                return true;
            }
            finally
            {
                Zero(root, audit);
            }
        }
        finally
        {
            _change.Release();
        }
    }

    /// <summary>Opens a table that is not this store's (a backup's). The caller disposes the keyring.</summary>
    public static Keyring Open(ISeal seal, KeyTable table)
    {
        (byte[] root, byte[] audit) = OpenRoot(seal, table);
        try
        {
            return Build(root, audit, table);
        }
        finally
        {
            Zero(root, audit);
        }
    }

    /// <summary>Forgets every key. Operations in progress finish with what they have, or fail as sealed.</summary>
    public void Seal()
    {
        Keyring? keyring = _current;
        _current = null;
        keyring?.Dispose();
    }

    /// <summary>Adds a data key that seals from now on; older ones still open. Needs the seal, since data keys lie under the root key.</summary>
    public async ValueTask<uint> RotateKeysAsync(ISeal seal, CancellationToken cancellationToken)
    {
        await _change.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            KeyTable table = await _store.LoadAsync(cancellationToken).ConfigureAwait(false) ?? throw new SealedException();
            (byte[] root, byte[] audit) = OpenRoot(seal, table);
            byte[] data = RandomNumberGenerator.GetBytes(KeyBytes);
            try
            {
                uint id = table.Keys.Max(k => k.KeyId) + 1;
                KeyTable next = table with { Revision = table.Revision + 1, Keys = table.Keys.Add(new(id, _clock.Now(), WrapData(root, id, data))) };
                if (!await _store.ReplaceAsync(next, table.Revision, cancellationToken).ConfigureAwait(false))
                {
                    throw new SealRefusedException(SealRefusal.Wrong, "the key table was changed by another; try again");
                }

                Swap(Build(root, audit, next));
                return id;
            }
            finally
            {
                Zero(root, audit, data);
            }
        }
        finally
        {
            _change.Release();
        }
    }

    /// <summary>Puts a new root key under a new seal; the data keys stay. Interrupted at any point, the old seal or the new one opens.</summary>
    public async ValueTask RekeyAsync(ISeal seal, ISeal next, CancellationToken cancellationToken)
    {
        await _change.WaitAsync(cancellationToken).ConfigureAwait(false);
        byte[] newRoot = RandomNumberGenerator.GetBytes(KeyBytes);
        try
        {
            KeyTable table = await _store.LoadAsync(cancellationToken).ConfigureAwait(false) ?? throw new SealedException();
            (byte[] root, byte[] audit) = OpenRoot(seal, table);
            try
            {
                (SealParameters parameters, byte[] sealingKey) = next.Create();
                ImmutableArray<WrappedKey> keys = [.. table.Keys.Select(k =>
                {
                    byte[] data = UnwrapData(root, k);
                    byte[] wrapped = WrapData(newRoot, k.KeyId, data);
                    Zero(data);
                    return k with { Wrapped = wrapped };
                })];
                KeyTable replaced = new(table.Revision + 1, Document(parameters, sealingKey, newRoot, audit), keys);
                Zero(sealingKey);
                if (!await _store.ReplaceAsync(replaced, table.Revision, cancellationToken).ConfigureAwait(false))
                {
                    throw new SealRefusedException(SealRefusal.Wrong, "the key table was changed by another; try again");
                }

                next.Commit();
            }
            finally
            {
                Zero(root, audit);
            }
        }
        finally
        {
            Zero(newRoot);
            _change.Release();
        }
    }

    /// <summary>In-flight work may still hold the older keyring: it opens the same things, and goes with the process or the next seal.</summary>
    private void Swap(Keyring next) => _current = next;

    private static SealDocument Read(KeyTable table)
    {
        try
        {
            return JsonSerializer.Deserialize(table.Seal, SealJson.Default.SealDocument) ?? throw new SealIntegrityException(SealFailure.NotAuthentic);
        }
        catch (JsonException)
        {
            throw new SealIntegrityException(SealFailure.NotAuthentic);
        }
    }

    private static (byte[] Root, byte[] Audit) OpenRoot(ISeal seal, KeyTable table)
    {
        SealDocument document = Read(table);
        byte[] sealingKey = seal.Open(document.Seal);
        try
        {
            byte[] root = Unwrap(sealingKey, document.WrappedRoot, Label("root", 0));
            return (root, Unwrap(root, document.WrappedAuditKey, Label("audit", 0)));
        }
        finally
        {
            Zero(sealingKey);
        }
    }

    private static Keyring Build(byte[] root, byte[] audit, KeyTable table)
    {
        List<(uint Id, byte[] Key)> keys = [.. table.Keys.Select(k => (k.KeyId, UnwrapData(root, k)))];
        byte[] macKey = HKDF.Expand(HashAlgorithmName.SHA256, keys.MinBy(k => k.Id).Key, KeyBytes, "coffer audit head"u8.ToArray());
        Keyring keyring = new(keys, new AuditSigner(audit, macKey));
        keys.ForEach(k => Zero(k.Key));
        return keyring;
    }

    private static byte[] Document(SealParameters parameters, byte[] sealingKey, byte[] root, byte[] audit) => JsonSerializer.SerializeToUtf8Bytes(
        new SealDocument { Seal = parameters, WrappedRoot = Wrap(sealingKey, root, Label("root", 0)), WrappedAuditKey = Wrap(root, audit, Label("audit", 0)) },
        SealJson.Default.SealDocument);

    private static byte[] WrapData(byte[] root, uint id, byte[] key) => Wrap(root, key, Label("data", id));

    private static byte[] UnwrapData(byte[] root, WrappedKey key) => Unwrap(root, key.Wrapped, Label("data", key.KeyId));

    private static byte[] Label(string what, uint id)
    {
        byte[] label = [.. "coffer wrap "u8, .. System.Text.Encoding.ASCII.GetBytes(what), 0, 0, 0, 0];
        BinaryPrimitives.WriteUInt32BigEndian(label.AsSpan(label.Length - 4), id);
        return label;
    }

    /// <summary>Nonce, ciphertext, tag under a key derived for the label, with the label as associated data.</summary>
    private static byte[] Wrap(byte[] key, byte[] plaintext, byte[] label)
    {
        byte[] output = new byte[NonceBytes + plaintext.Length + TagBytes];
        RandomNumberGenerator.Fill(output.AsSpan(0, NonceBytes));
        byte[] derived = HKDF.Expand(HashAlgorithmName.SHA256, key, KeyBytes, label);
        using AesGcm cipher = new(derived, TagBytes);
        Zero(derived);
        cipher.Encrypt(output.AsSpan(0, NonceBytes), plaintext, output.AsSpan(NonceBytes, plaintext.Length), output.AsSpan(^TagBytes..), label);
        return output;
    }

    private static byte[] Unwrap(byte[] key, byte[] wrapped, byte[] label)
    {
        if (wrapped.Length < NonceBytes + TagBytes)
        {
            throw new SealIntegrityException(SealFailure.Truncated);
        }

        byte[] derived = HKDF.Expand(HashAlgorithmName.SHA256, key, KeyBytes, label);
        using AesGcm cipher = new(derived, TagBytes);
        Zero(derived);
        byte[] plaintext = GC.AllocateArray<byte>(wrapped.Length - NonceBytes - TagBytes, pinned: true);
        try
        {
            cipher.Decrypt(wrapped.AsSpan(0, NonceBytes), wrapped.AsSpan(NonceBytes, plaintext.Length), wrapped.AsSpan(^TagBytes..), plaintext, label);
            return plaintext;
        }
        catch (CryptographicException)
        {
            throw new SealIntegrityException(SealFailure.NotAuthentic);
        }
    }

    private static void Zero(params ReadOnlySpan<byte[]> keys)
    {
        foreach (byte[] key in keys)
        {
            CryptographicOperations.ZeroMemory(key);
        }
    }
}
