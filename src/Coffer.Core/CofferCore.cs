using System.Collections.Immutable;
using Coffer.Core.Access;
using Coffer.Core.Audit;
using Coffer.Core.Errors;
using Coffer.Core.Rotations;
using Coffer.Core.Sealing;
using Coffer.Core.Secrets;
using Coffer.Core.Stores;

namespace Coffer.Core;

/// <summary>What the core is made of: the store, the seal, where the trail lies, and the policy languages of the dialects.</summary>
public sealed record CofferCoreOptions
{
    /// <summary>The open store. The core does not dispose it.</summary>
    public required IStore Store { get; init; }

    /// <summary>The trail's own folder.</summary>
    public required string AuditDirectory { get; init; }

    /// <summary>The clock.</summary>
    public required TimeProvider Clock { get; init; }

    /// <summary>Policy languages beside Coffer's own.</summary>
    public ImmutableArray<IPolicyLanguage> Languages { get; init; } = [];

    /// <summary>Told when a row, value or policy fails its integrity check: what it was, never its content.</summary>
    public Action<string> Alarm { get; init; } = _ => { };

    /// <summary>Verifiers of proofs of identity, each for its kinds of trust.</summary>
    public ImmutableArray<ITrustVerifier> Verifiers { get; init; } = [];

    /// <summary>What rotates secrets, or null: nothing does.</summary>
    public Rotations.IRotationFunctions? Functions { get; init; }

    /// <summary>How long a rotation that failed waits.</summary>
    public Rotations.RotationRetries Retries { get; init; } = Rotations.RotationRetries.Default;

    /// <summary>How people's passwords are hashed, or null: nobody has one.</summary>
    public PassphraseKdf? Passwords { get; init; }

    /// <summary>Life of a person's session unless set otherwise, in seconds: eight hours.</summary>
    public const int DefaultLoginSeconds = 28_800;

    /// <summary>How long a person's session lasts after a login, in seconds, 300 to 86,400. Use does not make it longer.</summary>
    public int LoginSeconds { get; init; } = DefaultLoginSeconds;

    /// <summary>Sealed rows kept in memory; 0 keeps none.</summary>
    public int CachedSecrets { get; init; } = 16_384;

    /// <summary>Goes on behind a broken trail (see <see cref="AuditTrailOptions.AcceptBroken"/>).</summary>
    public bool AcceptBrokenTrail { get; init; }

    /// <summary>A trail file is closed at this many bytes.</summary>
    public long AuditFileBytes { get; init; } = 64 * 1024 * 1024;
}

/// <summary>
/// The core as a whole. Sealed until <see cref="StartAsync"/>; every use case answers <see cref="CofferErrorCode.Sealed"/>
/// before. One instance per process.
/// </summary>
public sealed partial class CofferCore : IAsyncDisposable
{
    private static readonly TimeSpan Tick = TimeSpan.FromSeconds(30);
    private const int DuePerTick = 500;

    private readonly CofferCoreOptions _options;
    private readonly SemaphoreSlim _transition = new(1, 1);
    private volatile Running? _running;

    /// <summary>Puts the core together without touching the store.</summary>
    public CofferCore(CofferCoreOptions options)
    {
        _options = options;
        Seals = new SealService(options.Store.Keys, options.Clock);
        Languages = [new GrantLanguage(), .. options.Languages];
    }

    /// <summary>The seal and the keyring.</summary>
    public SealService Seals { get; }

    /// <summary>The policy languages, Coffer's own first.</summary>
    public ImmutableArray<IPolicyLanguage> Languages { get; }

    /// <summary>Whether requests are served.</summary>
    public bool IsRunning => _running is not null;

    /// <summary>Use cases on secrets.</summary>
    public SecretService Secrets => Run.Secrets;

    /// <summary>Use cases on vaults, principals, credentials and grants.</summary>
    public AdminService Admin => Run.Admin;

    /// <summary>Proofs of identity.</summary>
    public CredentialService Credentials => Run.Credentials;

    /// <summary>Logins of people, and of programs by trusts.</summary>
    public LoginService Logins => Run.Logins;

    /// <summary>The state that decisions use now.</summary>
    public AccessSnapshot Access => Run.Parts.Access.Current;

    /// <summary>The audit trail.</summary>
    public AuditTrail Trail => Run.Parts.Trail;

    /// <summary>The clock.</summary>
    public TimeProvider Clock => _options.Clock;

    private Running Run => _running ?? throw Error.Sealed();

    /// <summary>
    /// Begins to serve with an unsealed keyring: opens the trail, passes on what a crash left behind, loads and verifies
    /// what decides access. Throws <see cref="AuditTrailBrokenException"/>.
    /// </summary>
    public async ValueTask StartAsync(CancellationToken cancellationToken)
    {
        await _transition.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (_running is not null)
            {
                return;
            }

            IStore store = _options.Store;
            byte[]? checkpoint = await store.Audit.CheckpointAsync(cancellationToken).ConfigureAwait(false);
            AuditTrail trail = await AuditTrail.OpenAsync(
                new()
                {
                    Directory = _options.AuditDirectory,
                    Signer = Seals.Current.AuditSigner,
                    Clock = _options.Clock,
                    FileBytes = _options.AuditFileBytes,
                    Expected = checkpoint is null ? null : AuditCheckpoint.Parse(checkpoint),
                    OnCheckpoint = c => store.Audit.SaveCheckpointAsync(c.ToUtf8(), CancellationToken.None),
                    AcceptBroken = _options.AcceptBrokenTrail,
                },
                cancellationToken).ConfigureAwait(false);
            PendingWrites? pending = null;
            try
            {
                await PendingWrites.RecoverAsync(store, trail, cancellationToken).ConfigureAwait(false);
                SecretCache cache = new(_options.CachedSecrets);
                AccessDirectory access = new(store, Seals, Languages, _options.Alarm);
                await access.ReloadAsync(cancellationToken).ConfigureAwait(false);
                pending = new(store, trail, cache, _options.Clock);
                _running = new(this, new()
                {
                    Store = store,
                    Seals = Seals,
                    Trail = trail,
                    Clock = _options.Clock,
                    Access = access,
                    Cache = cache,
                    Pending = pending,
                    Alarm = _options.Alarm,
                    Verifiers = _options.Verifiers,
                    Passwords = _options.Passwords,
                    LoginSeconds = _options.LoginSeconds,
                    Functions = _options.Functions,
                    Retries = _options.Retries,
                    RotationsAsked = AskForRotations,
                });
            }
            catch
            {
                if (pending is not null)
                {
                    await pending.DisposeAsync().ConfigureAwait(false);
                }

                await trail.DisposeAsync().ConfigureAwait(false);
                throw;
            }
        }
        finally
        {
            _transition.Release();
        }
    }

    /// <summary>Ends serving: passes on what is queued, signs the trail's end, forgets every key and cached row.</summary>
    public async ValueTask SealAsync(CancellationToken cancellationToken)
    {
        await _transition.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            Running? running = _running;
            _running = null;
            if (running is not null)
            {
                await running.DisposeAsync().ConfigureAwait(false);
            }

            Seals.Seal();
        }
        finally
        {
            _transition.Release();
        }
    }

    /// <summary>Does periodic work until cancelled: due erasures and purges, notes of last use, the index of the trail.</summary>
    public async Task MaintainAsync(CancellationToken cancellationToken)
    {
        using PeriodicTimer timer = new(Tick, _options.Clock);
        while (await timer.WaitForNextTickAsync(cancellationToken).ConfigureAwait(false))
        {
            if (_running is { } running)
            {
                await running.TickAsync(DuePerTick, cancellationToken).ConfigureAwait(false);
                await KeepIndexAsync(cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Does all periodic work once; for tests and shutdown.</summary>
    public ValueTask TickAsync(CancellationToken cancellationToken) => Run.TickAsync(DuePerTick, cancellationToken);

    /// <summary>
    /// Makes the first principal of a new installation: an operator who may do everything, proven by a Unix user of this
    /// machine. Nothing happens if there is a principal already; answers whether it was made.
    /// </summary>
    public ValueTask<bool> BootstrapAsync(PrincipalName name, uint localUser, CancellationToken cancellationToken) =>
        Run.Admin.BootstrapAsync(name, localUser, cancellationToken);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await SealAsync(CancellationToken.None).ConfigureAwait(false);
        _transition.Dispose();
        _rotationsAsked.Dispose();
    }

    private sealed class Running : IAsyncDisposable
    {
        private readonly Caller _system;

        public Running(CofferCore core, CoreParts parts)
        {
            Parts = parts;
            Credentials = new(parts);
            Secrets = new(parts);
            Admin = new(parts, Credentials);
            Logins = new(parts, Admin, Credentials);
            Rotations = new(core, parts, Secrets);
            _system = SystemCaller.For("maintenance");
        }

        public CoreParts Parts { get; }

        public SecretService Secrets { get; }

        public AdminService Admin { get; }

        public CredentialService Credentials { get; }

        public LoginService Logins { get; }

        public RotationRunner Rotations { get; }

        public async ValueTask TickAsync(int limit, CancellationToken cancellationToken)
        {
            try
            {
                while (await Secrets.RunDueAsync(_system, limit, cancellationToken).ConfigureAwait(false) >= limit)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                }

                await Parts.Pending.FlushReadsAsync(cancellationToken).ConfigureAwait(false);
                await Credentials.FlushUsesAsync(cancellationToken).ConfigureAwait(false);
                await Admin.RemoveOldApprovalsAsync(cancellationToken).ConfigureAwait(false);
                await Admin.RemoveExpiredAsync(cancellationToken).ConfigureAwait(false);
                Logins.Prune();
            }
            catch (CofferException failure)
            {
                // Late work never shows; the next tick tries again. The log learns why.
                Parts.Alarm($"maintenance: {failure.Code}");
            }
        }

        public async ValueTask DisposeAsync()
        {
            await Rotations.DisposeAsync().ConfigureAwait(false);
            try
            {
                await Credentials.FlushUsesAsync(CancellationToken.None).ConfigureAwait(false);
                await Parts.Pending.DisposeAsync().ConfigureAwait(false);
            }
            catch (CofferException failure)
            {
                Parts.Alarm($"shutdown: {failure.Code}");
            }

            await Parts.Trail.DisposeAsync().ConfigureAwait(false);
            Credentials.Clear();
            Parts.Cache.Clear();
            Parts.Access.Clear();
        }
    }
}

/// <summary>The server itself, where it acts without being asked.</summary>
internal static class SystemCaller
{
    private static readonly Principal Server = new() { Id = Guid.Empty, Name = PrincipalName.Parse("coffer"), Kind = PrincipalKind.Operator, Created = 0 };

    public static Caller For(string operation) => new()
    {
        Principal = Server,
        Credential = "server",
        Dialect = "core",
        WireOperation = operation,
        RequestId = "server",
    };
}
