using System.Text.Json;
using Coffer.Core.Errors;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Coffer.Stores.Sqlite;

/// <summary>One connection with its prepared statements. Used by one call at a time.</summary>
internal sealed class SqliteSession(SqliteConnection connection) : IDisposable
{
    private readonly SqliteCommand?[][] _statements = new SqliteCommand?[Sql.All.Count][];

    public SqliteConnection Connection => connection;

    /// <summary>Set when a statement failed: a reader is closed then, a transaction can only be rolled back.</summary>
    public bool HasFailed { get; set; }

    /// <summary>Whether values were erased since the log was last truncated.</summary>
    public bool HasErased { get; set; }

    public bool InTransaction => raw.sqlite3_get_autocommit(connection.Handle) == 0;

    public long LastRowId => raw.sqlite3_last_insert_rowid(connection.Handle);

    /// <summary>Runs a query; values in the order in which the text first names its parameters.</summary>
    public SqliteDataReader Query(Sql sql, params ReadOnlySpan<object?> values) => QueryAt(0, sql, values);

    /// <summary>Runs a query of which several are open at once, each in its own slot.</summary>
    public SqliteDataReader QueryAt(int slot, Sql sql, params ReadOnlySpan<object?> values) => Bound(slot, sql, values).ExecuteReader();

    /// <summary>Runs a statement and answers how many rows it changed.</summary>
    public int Execute(Sql sql, params ReadOnlySpan<object?> values) => Bound(0, sql, values).ExecuteNonQuery();

    /// <summary>The first column of the first row as a number, or null.</summary>
    public long? Number(Sql sql, params ReadOnlySpan<object?> values)
    {
        using SqliteDataReader row = Query(sql, values);
        return row.Read() && !row.IsDBNull(0) ? row.GetInt64(0) : null;
    }

    /// <summary>Runs text that is not kept: settings and migrations.</summary>
    public void Run(string text)
    {
        using SqliteCommand command = connection.CreateCommand();
        command.CommandText = text;
        command.ExecuteNonQuery();
    }

    public void Dispose()
    {
        foreach (SqliteCommand?[] slots in _statements)
        {
            foreach (SqliteCommand? statement in slots ?? [])
            {
                statement?.Dispose();
            }
        }

        connection.Dispose();
    }

    private SqliteCommand Bound(int slot, Sql sql, ReadOnlySpan<object?> values)
    {
        SqliteCommand?[] slots = _statements[sql.Index] ??= new SqliteCommand?[sql.Slots];
        SqliteCommand statement = slots[slot] ??= Prepare(sql);
        for (int i = 0; i < values.Length; i++)
        {
            statement.Parameters[i].Value = values[i] ?? DBNull.Value;
        }

        return statement;
    }

    private SqliteCommand Prepare(Sql sql)
    {
        SqliteCommand command = connection.CreateCommand();
        command.CommandText = sql.Text;
        foreach (string name in sql.Parameters)
        {
            command.Parameters.Add(new SqliteParameter(name, DBNull.Value));
        }

        command.Prepare();
        return command;
    }
}

/// <summary>
/// Where a port's calls run: on a pooled reader and, for writes, in a transaction of their own; or all of them on the
/// session of an open transaction.
/// </summary>
internal sealed class SqliteScope(SqliteStore store, SqliteSession? pinned)
{
    /// <summary>Set when the transaction is over: its ports lead nowhere then.</summary>
    public bool IsOver { get; set; }

    /// <summary>Runs one query.</summary>
    public ValueTask<T> Read<TArgument, T>(TArgument argument, Func<SqliteSession, TArgument, T> read, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<T>(cancellationToken);
        }

        ObjectDisposedException.ThrowIf(IsOver, typeof(Core.Stores.IStoreTransaction));
        SqliteSession? session = pinned;
        try
        {
            session ??= store.Rent();
            return session.HasFailed ? throw Failed() : new(read(session, argument));
        }
        catch (Exception failure)
        {
            return ValueTask.FromException<T>(Told(session, failure));
        }
        finally
        {
            if (pinned is null && session is not null)
            {
                store.Return(session);
            }
        }
    }

    /// <summary>Runs several queries on one committed state.</summary>
    public ValueTask<T> ReadTogether<TArgument, T>(TArgument argument, Func<SqliteSession, TArgument, T> read, CancellationToken cancellationToken) =>
        pinned is not null
            ? Read(argument, read, cancellationToken)
            : Read(
                (argument, read),
                static (session, call) =>
                {
                    session.Execute(Sql.Begin);
                    try
                    {
                        return call.read(session, call.argument);
                    }
                    finally
                    {
                        session.Execute(Sql.Rollback);
                    }
                },
                cancellationToken);

    /// <summary>Runs statements in the open transaction, or in one of their own that is durable before this answers.</summary>
    public async ValueTask<T> WriteAsync<TArgument, T>(TArgument argument, Func<SqliteSession, TArgument, T> write, CancellationToken cancellationToken)
    {
        if (pinned is not null)
        {
            return await Read(argument, write, cancellationToken).ConfigureAwait(false);
        }

        SqliteSession session = await store.BeginWriteAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            T answer = write(session, argument);
            session.Execute(Sql.Commit);
            return answer;
        }
        catch (Exception failure)
        {
            throw Told(session, failure);
        }
        finally
        {
            store.EndWrite(session);
        }
    }

    /// <summary>What the caller is told of a failure; the session is marked.</summary>
    public static Exception Told(SqliteSession? session, Exception failure)
    {
        switch (failure)
        {
            case SqliteException driver:
                session?.HasFailed = true;
                return Unavailable(driver);
            case JsonException or FormatException or InvalidCastException or OverflowException:
            case CofferException { Code: CofferErrorCode.InvalidName }:
                return Error.Integrity("a row that cannot be read", failure);
            default:
                return failure;
        }
    }

    private static CofferException Failed() => Error.Unavailable("an earlier statement of this transaction failed");

    private static CofferException Unavailable(SqliteException driver) => Error.Unavailable(
        driver.SqliteErrorCode switch
        {
            raw.SQLITE_FULL => "the store has no room left",
            raw.SQLITE_READONLY => "the store is read-only",
            raw.SQLITE_IOERR or raw.SQLITE_CANTOPEN => "the store cannot be read or written",
            raw.SQLITE_BUSY or raw.SQLITE_LOCKED => "the store is busy",
            raw.SQLITE_CORRUPT or raw.SQLITE_NOTADB => "the store is damaged",
            _ => "the store failed",
        },
        driver);
}
