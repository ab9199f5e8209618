using System.Globalization;
using Coffer.Core;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;
using Coffer.Core.Stores;
using Microsoft.Data.Sqlite;
using Microsoft.Win32.SafeHandles;

namespace Coffer.Stores.Sqlite;

/// <summary>
/// The embedded store: one SQLite database in one folder, held by one process. One writer, many readers; a commit is on
/// the disk before it answers. Calls run synchronously, as SQLite does; only the wait for the writer is asynchronous.
/// </summary>
public sealed class SqliteStore : IStore
{
    private const int LogWaitMilliseconds = 50;

    private readonly SqliteOptions _options;
    private readonly SafeFileHandle _claim;
    private readonly SqliteSession _writer;
    private readonly SemaphoreSlim _writing = new(1, 1);
    private readonly Lock _pool = new();
    private readonly Stack<SqliteSession> _idle = new();
    private bool _closed;

    private SqliteStore(SqliteOptions options, SafeFileHandle claim, SqliteSession writer)
    {
        _options = options;
        _claim = claim;
        _writer = writer;
        SqliteScope scope = new(this, null);
        Keys = new SqliteKeys(scope);
        Secrets = new SqliteSecrets(scope);
        Access = new SqliteAccess(scope);
        Audit = new SqliteAudit(scope);
    }

    /// <inheritdoc/>
    public IKeyStore Keys { get; }

    /// <inheritdoc/>
    public ISecretStore Secrets { get; }

    /// <inheritdoc/>
    public IAccessStore Access { get; }

    /// <inheritdoc/>
    public IAuditStore Audit { get; }

    /// <summary>
    /// Opens the store, making folder, database and schema where they are missing. Throws <see cref="StoreStartException"/>
    /// with the reason and the remedy where it must not start.
    /// </summary>
    public static ValueTask<SqliteStore> OpenAsync(SqliteOptions options, TimeProvider clock, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        SQLitePCL.Batteries_V2.Init();
        SafeFileHandle claim = SqliteFiles.Claim(options.Folder);
        SqliteSession? writer = null;
        try
        {
            writer = Connect(options);
            SqliteMigrations.Apply(writer, clock.Now());
            return new(new SqliteStore(options, claim, writer));
        }
        catch (Exception failure)
        {
            writer?.Dispose();
            claim.Dispose();
            if (failure is SqliteException driver)
            {
                throw Refused(options, driver);
            }

            throw;
        }
    }

    /// <inheritdoc/>
    public async ValueTask<IStoreTransaction> BeginAsync(CancellationToken cancellationToken) =>
        new Transaction(this, await BeginWriteAsync(cancellationToken).ConfigureAwait(false));

    /// <inheritdoc/>
    public async ValueTask BackupAsync(string file, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        try
        {
            SqliteFiles.CreateEmpty(file);
        }
        catch (IOException) when (Path.Exists(file))
        {
            throw Error.AlreadyExists("file", file);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw Error.Unavailable("the backup file cannot be written", failure);
        }

        // VACUUM INTO reads one committed state: readers go on, and so do writers, whose pages wait in the log meanwhile.
        await Task.Run(
            () =>
            {
                try
                {
                    using SqliteSession session = Connect(_options);
                    session.Execute(Sql.Backup, file);
                    SqliteFiles.Flush(file);
                }
                catch (Exception failure)
                {
                    File.Delete(file);
                    throw failure is IOException or UnauthorizedAccessException
                        ? Error.Unavailable("the backup file cannot be written", failure)
                        : SqliteScope.Told(null, failure);
                }
            },
            cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _writing.WaitAsync().ConfigureAwait(false);
        try
        {
            lock (_pool)
            {
                if (_closed)
                {
                    return;
                }

                _closed = true;
                while (_idle.TryPop(out SqliteSession? session))
                {
                    session.Dispose();
                }
            }

            _writer.Dispose();
            _claim.Dispose();
        }
        finally
        {
            // Whoever waits for the writer comes in and is told that the store is closed.
            _writing.Release();
        }
    }

    /// <summary>A reader from the pool, or a new one.</summary>
    internal SqliteSession Rent()
    {
        lock (_pool)
        {
            if (_closed)
            {
                throw Closed();
            }

            if (_idle.TryPop(out SqliteSession? session))
            {
                return session;
            }
        }

        SqliteSession opened = Connect(_options);
        opened.Run("PRAGMA query_only = ON");
        return opened;
    }

    internal void Return(SqliteSession session)
    {
        if (!session.HasFailed)
        {
            lock (_pool)
            {
                if (!_closed && _idle.Count < _options.IdleReaders)
                {
                    _idle.Push(session);
                    return;
                }
            }
        }

        session.Dispose();
    }

    /// <summary>Waits for the writer and opens a transaction on it.</summary>
    internal async ValueTask<SqliteSession> BeginWriteAsync(CancellationToken cancellationToken)
    {
        await _writing.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (_closed)
            {
                throw Closed();
            }

            _writer.Execute(Sql.BeginWrite);
            return _writer;
        }
        catch (Exception failure)
        {
            EndWrite(_writer);
            throw SqliteScope.Told(null, failure);
        }
    }

    /// <summary>Rolls back what was not committed and lets the next writer in.</summary>
    internal void EndWrite(SqliteSession session)
    {
        try
        {
            if (!_closed && session.InTransaction)
            {
                session.Execute(Sql.Rollback);
            }
            else if (session.HasErased && !session.HasFailed)
            {
                TruncateLog(session);
            }
        }
        catch (SqliteException)
        {
            // A failed transaction that SQLite has already rolled back by itself.
        }
        finally
        {
            session.HasFailed = false;
            _writing.Release();
        }
    }

    /// <summary>
    /// Erased values are zeroed in the database; their older pages leave the log with this. Where a reader still needs
    /// them, the next write tries again.
    /// </summary>
    private void TruncateLog(SqliteSession session)
    {
        SQLitePCL.raw.sqlite3_busy_timeout(session.Connection.Handle, LogWaitMilliseconds);
        session.HasErased = session.Number(Sql.TruncateLog) != 0;
        SQLitePCL.raw.sqlite3_busy_timeout(session.Connection.Handle, (int)_options.BusyTimeout.TotalMilliseconds);
    }

    private static CofferException Closed() => Error.Unavailable("the store is closed");

    /// <summary>Opens a connection with every setting the store relies on.</summary>
    internal static SqliteSession Connect(SqliteOptions options)
    {
        SqliteConnection connection = new(new SqliteConnectionStringBuilder
        {
            DataSource = Path.Combine(options.Folder, SqliteFiles.Database),
            Mode = SqliteOpenMode.ReadWrite,
            Pooling = false,
            DefaultTimeout = Math.Max(1, (int)options.BusyTimeout.TotalSeconds),
        }.ConnectionString);
        SqliteSession session = new(connection);
        try
        {
            connection.Open();
            // Plans never depend on bound values: without this a statement is compiled anew whenever a value is bound that
            // could decide whether a partial index serves it.
            SQLitePCL.raw.sqlite3_db_config(connection.Handle, SQLitePCL.raw.SQLITE_DBCONFIG_ENABLE_QPSG, 1, out _);
            session.Run(string.Create(CultureInfo.InvariantCulture, $"""
                PRAGMA busy_timeout = {(int)options.BusyTimeout.TotalMilliseconds};
                PRAGMA journal_mode = WAL;
                PRAGMA synchronous = FULL;
                PRAGMA foreign_keys = ON;
                PRAGMA secure_delete = ON;
                PRAGMA trusted_schema = OFF;
                PRAGMA temp_store = MEMORY;
                PRAGMA mmap_size = 17179869184;
                PRAGMA journal_size_limit = 67108864;
                PRAGMA cache_size = -{options.CacheKibibytes};
                """));
            if (options.MaxPages is { } pages)
            {
                session.Run(string.Create(CultureInfo.InvariantCulture, $"PRAGMA max_page_count = {pages}"));
            }

            return session;
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    private static StoreStartException Refused(SqliteOptions options, SqliteException driver) => driver.SqliteErrorCode switch
    {
        SQLitePCL.raw.SQLITE_NOTADB or SQLitePCL.raw.SQLITE_CORRUPT =>
            new(StoreStartReason.NotADatabase, $"the database in {options.Folder} is damaged; restore a backup", driver),
        SQLitePCL.raw.SQLITE_BUSY or SQLitePCL.raw.SQLITE_LOCKED =>
            new(StoreStartReason.InUse, $"another program has the database in {options.Folder} open; close it first", driver),
        _ => new(StoreStartReason.NotWritable, $"the database in {options.Folder} cannot be opened for writing; check its owner, and that its file system is writable and has room", driver),
    };

    private sealed class Transaction(SqliteStore store, SqliteSession session) : IStoreTransaction
    {
        private readonly SqliteScope _scope = new(store, session);

        public ISecretStore Secrets => field ??= new SqliteSecrets(_scope);

        public IAccessStore Access => field ??= new SqliteAccess(_scope);

        public ValueTask<long?> SaveAsync(SecretChange change, CancellationToken cancellationToken) =>
            Run(change, SqliteSecrets.Save, cancellationToken);

        public ValueTask<long?> SaveAsync(Vault vault, CancellationToken cancellationToken) =>
            Run(vault, SqliteSecrets.Save, cancellationToken);

        public ValueTask<bool> RemoveVaultAsync(long vaultId, CancellationToken cancellationToken) =>
            Run(vaultId, SqliteSecrets.RemoveVault, cancellationToken);

        public ValueTask<bool> SaveAsync(AccessChange change, CancellationToken cancellationToken) =>
            Run(change, SqliteAccess.Save, cancellationToken);

        public async ValueTask AddPendingAsync(PendingAudit pending, CancellationToken cancellationToken) =>
            await Run(pending, SqliteAudit.Add, cancellationToken).ConfigureAwait(false);

        public async ValueTask CommitAsync(CancellationToken cancellationToken)
        {
            await Run(0, static (session, _) => session.Execute(Sql.Commit), cancellationToken).ConfigureAwait(false);
            End();
        }

        public ValueTask DisposeAsync()
        {
            End();
            return ValueTask.CompletedTask;
        }

        private ValueTask<T> Run<TArgument, T>(TArgument argument, Func<SqliteSession, TArgument, T> write, CancellationToken cancellationToken) =>
            _scope.Read(argument, write, cancellationToken);

        private void End()
        {
            if (!_scope.IsOver)
            {
                _scope.IsOver = true;
                store.EndWrite(session);
            }
        }
    }
}
