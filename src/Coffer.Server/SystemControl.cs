using Coffer.Core;
using Coffer.Core.Sealing;
using Coffer.Core.Secrets;
using Coffer.Core.Stores;
using Coffer.Protocols;
using Coffer.Protocols.Native;

namespace Coffer.Server;

/// <summary>
/// Sealing, keys and backups of a running server. Who may is decided by who calls this; here is how.
/// </summary>
internal sealed class SystemControl(ServerOptions options, CofferCore core, IStore store) : ISystemControl
{
    private readonly SemaphoreSlim _one = new(1, 1);
    private readonly ShamirSeal _shares = new();

    /// <inheritdoc/>
    public DateTimeOffset Started { get; } = core.Clock.GetUtcNow();

    /// <inheritdoc/>
    public bool RemoteUnseal => options.RemoteUnseal;

    /// <inheritdoc/>
    public bool MayUnseal(LocalPeer peer) => peer.Uid == 0 || peer.Uid == LocalUser.Id;

    /// <inheritdoc/>
    public void ForgetShares() => _shares.Reset();

    /// <summary>
    /// Unseals at start where nobody has to be asked: with a seal the caller holds (made if there is none yet), or with the
    /// key file. Answers whether the server serves now.
    /// </summary>
    public static async ValueTask<bool> TryUnsealAsync(ServerOptions options, CofferCore core, ISeal? seal, CancellationToken cancellationToken)
    {
        SealParameters? parameters = await core.Seals.ParametersAsync(cancellationToken).ConfigureAwait(false);
        if (parameters is null)
        {
            if (seal is null)
            {
                throw new ServerStartException("there is no server in this folder yet", "make one with: coffer init");
            }

            await core.Seals.InitializeAsync(seal, cancellationToken).ConfigureAwait(false);
        }
        else
        {
            ISeal? opener = seal ?? (parameters.Type == KeyFileSeal.TypeName ? new KeyFileSeal(options.SealKeyFile) : null);
            if (opener is null)
            {
                return false;
            }

            await OpenAsync(core, opener, cancellationToken).ConfigureAwait(false);
        }

        await core.StartAsync(cancellationToken).ConfigureAwait(false);
        return true;
    }

    /// <summary>State, and how far an unsealing with shares has come.</summary>
    public async ValueTask<SealStatus> StatusAsync(CancellationToken cancellationToken)
    {
        SealState state = await core.Seals.StateAsync(cancellationToken).ConfigureAwait(false);
        SealParameters? parameters = await core.Seals.ParametersAsync(cancellationToken).ConfigureAwait(false);
        return new(state, parameters?.Type, _shares.Given, parameters?.Threshold ?? 0, parameters?.Shares ?? 0);
    }

    /// <summary>Forgets every key.</summary>
    public ValueTask SealAsync(CancellationToken cancellationToken) => core.SealAsync(cancellationToken);

    /// <summary>Takes a passphrase or one share; answers whether the server serves now.</summary>
    public async ValueTask<bool> UnsealAsync(SecretValue? passphrase, SecretValue? share, CancellationToken cancellationToken)
    {
        await _one.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            SealParameters parameters = await core.Seals.ParametersAsync(cancellationToken).ConfigureAwait(false)
                ?? throw new SealRefusedException(SealRefusal.Missing, "there is no server in this folder yet");
            if (share is not null)
            {
                if (_shares.Give(share.Span, parameters) > 0)
                {
                    return false;
                }
            }

            ISeal seal = share is not null ? _shares
                : passphrase is not null ? new PassphraseSeal(passphrase, PassphraseHash.Argon2Id)
                : new KeyFileSeal(options.SealKeyFile);
            await core.Seals.UnsealAsync(seal, cancellationToken).ConfigureAwait(false);
            _shares.Reset();
            await core.StartAsync(cancellationToken).ConfigureAwait(false);
            return true;
        }
        finally
        {
            _one.Release();
        }
    }

    /// <summary>Adds a data key. The seal's secret is asked for again, unless it is a key file.</summary>
    public ValueTask<uint> RotateKeysAsync(SecretValue? passphrase, IReadOnlyList<SecretValue> shares, CancellationToken cancellationToken) =>
        core.Seals.RotateKeysAsync(Opener(passphrase, shares), cancellationToken);

    /// <summary>Changes the seal and the root key. Answers the new shares, where the new seal has them.</summary>
    public async ValueTask<IReadOnlyList<SecretValue>> RekeyAsync(
        SecretValue? passphrase, IReadOnlyList<SecretValue> shares, SecretValue? newPassphrase, int newThreshold, int newShares, CancellationToken cancellationToken)
    {
        ShamirSeal? split = newShares > 0 ? new(newThreshold, newShares) : null;
        ISeal next = split is not null ? split
            : newPassphrase is not null ? new PassphraseSeal(newPassphrase, PassphraseHash.Argon2Id)
            : new KeyFileSeal(options.SealKeyFile);
        await core.Seals.RekeyAsync(Opener(passphrase, shares), next, cancellationToken).ConfigureAwait(false);
        return split?.Made ?? [];
    }

    /// <summary>Writes an encrypted copy of the store, while requests go on.</summary>
    public async Task BackupAsync(Stream target, CancellationToken cancellationToken)
    {
        string copy = Path.Combine(options.DatabaseDirectory, $"backup-{Guid.NewGuid():N}.tmp");
        try
        {
            await store.BackupAsync(copy, cancellationToken).ConfigureAwait(false);
            KeyTable table = await core.Seals.TableAsync(cancellationToken).ConfigureAwait(false) ?? throw new SealedException();
            await using FileStream source = new(copy, FileMode.Open, FileAccess.Read, FileShare.None);
            await BackupFile.WriteAsync(source, target, table, core.Seals.Current, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            File.Delete(copy);
        }
    }

    private ISeal Opener(SecretValue? passphrase, IReadOnlyList<SecretValue> shares)
    {
        if (passphrase is not null)
        {
            return new PassphraseSeal(passphrase, PassphraseHash.Argon2Id);
        }

        if (shares.Count == 0)
        {
            return new KeyFileSeal(options.SealKeyFile);
        }

        ShamirSeal given = new();
        foreach (SecretValue share in shares)
        {
            given.Give(share.Span);
        }

        return given;
    }

    private static async ValueTask OpenAsync(CofferCore core, ISeal seal, CancellationToken cancellationToken)
    {
        try
        {
            await core.Seals.UnsealAsync(seal, cancellationToken).ConfigureAwait(false);
        }
        catch (SealRefusedException refused)
        {
            throw new ServerStartException(refused.Message, "start with the key file that belongs to this folder (--key-file)", refused);
        }
    }
}
