using Coffer.Core.Stores;
using Microsoft.Data.Sqlite;

namespace Coffer.Stores.Sqlite;

/// <summary>Audit bodies that were committed with their change, in the order of commits.</summary>
internal sealed class SqliteAudit(SqliteScope scope) : IAuditStore
{
    public ValueTask<IReadOnlyList<PendingAudit>> PendingAsync(int limit, CancellationToken cancellationToken) =>
        scope.Read(
            limit,
            static (session, limit) =>
            {
                List<PendingAudit> pending = [];
                using SqliteDataReader row = session.Query(Sql.Pending, limit);
                while (row.Read())
                {
                    pending.Add(new(row.Id(0), row.Blob(1)));
                }

                return (IReadOnlyList<PendingAudit>)pending;
            },
            cancellationToken);

    public async ValueTask RemovePendingAsync(IReadOnlyCollection<Guid> ids, CancellationToken cancellationToken) =>
        await scope.WriteAsync(
            ids,
            static (session, ids) =>
            {
                foreach (Guid id in ids)
                {
                    session.Execute(Sql.RemovePending, SqliteRows.Bytes(id));
                }

                return ids.Count;
            },
            cancellationToken).ConfigureAwait(false);

    public async ValueTask SaveCheckpointAsync(byte[] checkpoint, CancellationToken cancellationToken) =>
        await scope.WriteAsync(checkpoint, static (session, checkpoint) => session.Execute(Sql.SaveCheckpoint, checkpoint), cancellationToken).ConfigureAwait(false);

    public ValueTask<byte[]?> CheckpointAsync(CancellationToken cancellationToken) =>
        scope.Read(
            0,
            static (session, _) =>
            {
                using SqliteDataReader row = session.Query(Sql.Checkpoint);
                return row.Read() ? row.Blob(0) : null;
            },
            cancellationToken);

    /// <summary>Adds a body in the transaction of its change.</summary>
    public static int Add(SqliteSession session, PendingAudit pending) => session.Execute(Sql.AddPending, SqliteRows.Bytes(pending.Id), pending.Body);
}
