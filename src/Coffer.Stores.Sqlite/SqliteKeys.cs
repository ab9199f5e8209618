using System.Collections.Immutable;
using Coffer.Core.Stores;
using Microsoft.Data.Sqlite;

namespace Coffer.Stores.Sqlite;

/// <summary>The seal and the wrapped data keys.</summary>
internal sealed class SqliteKeys(SqliteScope scope) : IKeyStore
{
    public ValueTask<KeyTable?> LoadAsync(CancellationToken cancellationToken) => scope.ReadTogether(0, static (session, _) => Load(session), cancellationToken);

    public ValueTask<bool> ReplaceAsync(KeyTable table, long expectedRevision, CancellationToken cancellationToken) =>
        scope.WriteAsync(
            (table, expectedRevision),
            static (session, call) =>
            {
                if ((Load(session)?.Revision ?? 0) != call.expectedRevision)
                {
                    return false;
                }

                session.Execute(Sql.SaveSeal, call.table.Revision, call.table.Seal);
                session.Execute(Sql.ClearKeys);
                foreach (WrappedKey key in call.table.Keys)
                {
                    session.Execute(Sql.AddKey, (long)key.KeyId, key.CreatedAt, key.Wrapped);
                }

                // Keys wrapped under the seal before must not stay in the log.
                session.HasErased = true;
                return true;
            },
            cancellationToken);

    private static KeyTable? Load(SqliteSession session)
    {
        long revision;
        byte[] seal;
        using (SqliteDataReader row = session.Query(Sql.Seal))
        {
            if (!row.Read())
            {
                return null;
            }

            revision = row.GetInt64(0);
            seal = row.Blob(1);
        }

        ImmutableArray<WrappedKey>.Builder keys = ImmutableArray.CreateBuilder<WrappedKey>();
        using SqliteDataReader key = session.Query(Sql.Keys);
        while (key.Read())
        {
            keys.Add(new(checked((uint)key.GetInt64(0)), key.GetInt64(1), key.Blob(2)));
        }

        return new(revision, seal, keys.ToImmutable());
    }
}
