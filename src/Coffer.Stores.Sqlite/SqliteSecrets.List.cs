using Coffer.Core.Secrets;
using Coffer.Core.Stores;
using Microsoft.Data.Sqlite;

namespace Coffer.Stores.Sqlite;

/// <summary>
/// Listings. The indexes lead with the set of wires that can express a name, of which there are six; a listing merges
/// the sets that count for it, each already in order, so that a page costs its rows and not the vault's.
/// </summary>
internal sealed partial class SqliteSecrets
{
    /// <summary>So many names are sorted for a page; where more begin as asked for, the index of the order soon finds a page of them.</summary>
    private const int MostSorted = 10_000;

    /// <summary>Above every character a name may have.</summary>
    private const string AboveAll = "\u007f";

    /// <summary>Below every character a name may have: the next name after s is at or behind s with this.</summary>
    private const string BelowAll = "\u0001";

    public ValueTask<IReadOnlyList<Secret>> ListAsync(SecretListQuery query, CancellationToken cancellationToken) =>
        scope.ReadTogether(query, static (session, query) => (IReadOnlyList<Secret>)List(session, query), cancellationToken);

    public ValueTask<IReadOnlyList<SecretDetail>> DetailsAsync(IReadOnlyList<Secret> heads, CancellationToken cancellationToken) =>
        scope.ReadTogether(heads, static (session, heads) => (IReadOnlyList<SecretDetail>)[.. heads.Select(h => Detail(session, h))], cancellationToken);

    public ValueTask<IReadOnlyList<string>> FolderAsync(long vaultId, string prefix, string after, int limit, CancellationToken cancellationToken) =>
        scope.ReadTogether((vaultId, prefix, after, limit), static (session, key) => (IReadOnlyList<string>)Folder(session, key.vaultId, key.prefix, key.after, key.limit), cancellationToken);

    public ValueTask<IReadOnlyList<Secret>> DueAsync(DueWork work, long now, int limit, CancellationToken cancellationToken) =>
        scope.ReadTogether(
            (work, now, limit),
            static (session, key) => (IReadOnlyList<Secret>)(key.work switch
            {
                DueWork.Purge => DueByPurge(session, key.now, key.limit),
                DueWork.Destroy => DueByDestroy(session, key.now, key.limit),
                DueWork.Rotate => DueByRotation(session, key.now, key.limit),
            }),
            cancellationToken);

    private static SecretDetail Detail(SqliteSession session, Secret head)
    {
        List<KeyValuePair<VersionLabel, int>> labels = head.LabelCount == 0 ? [] : Labels(session, head.Id);
        List<SecretVersion> versions = [];
        foreach (int number in labels.Select(l => l.Value).Append(head.Current).Append(head.Previous).Where(n => n > 0).Distinct().OrderDescending())
        {
            using SqliteDataReader row = session.Query(Sql.FindVersionAlone, head.Id, number);
            if (row.Read())
            {
                versions.Add(ReadVersion(row, 0));
            }
        }

        return new(labels, versions, [.. Annotations(session, head.Id).Where(a => a.Number == 0)]);
    }

    private static List<KeyValuePair<VersionLabel, int>> Labels(SqliteSession session, long secretId)
    {
        List<KeyValuePair<VersionLabel, int>> labels = [];
        using SqliteDataReader row = session.Query(Sql.Labels, secretId);
        while (row.Read())
        {
            labels.Add(new(VersionLabel.Parse(row.GetString(0)), row.GetInt32(1)));
        }

        return labels;
    }

    private static List<SecretAnnotation> Annotations(SqliteSession session, long secretId)
    {
        List<SecretAnnotation> annotations = [];
        using SqliteDataReader row = session.Query(Sql.Annotations, secretId);
        while (row.Read())
        {
            annotations.Add(new(row.GetInt32(0), row.GetString(1), row.GetString(2)));
        }

        return annotations;
    }

    private static List<Secret> List(SqliteSession session, SecretListQuery query)
    {
        List<(SqliteDataReader Row, Secret? Head)> cursors = [];
        try
        {
            foreach (WireNames wires in WireExpression.Masks)
            {
                if ((wires & (query.Wire ?? WireNames.None)) == (query.Wire ?? WireNames.None))
                {
                    if (query.Filter != SecretFilter.Deleted)
                    {
                        cursors.Add((Open(session, query, SecretFilter.Active, wires), null));
                    }

                    if (query.Filter != SecretFilter.Active)
                    {
                        cursors.Add((Open(session, query, SecretFilter.Deleted, wires), null));
                    }
                }
            }

            for (int i = 0; i < cursors.Count; i++)
            {
                cursors[i] = Advance(cursors[i].Row);
            }

            List<Secret> page = [];
            while (page.Count < query.Limit)
            {
                int first = -1;
                for (int i = 0; i < cursors.Count; i++)
                {
                    if (cursors[i].Head is { } head && (first < 0 || Precedes(query, head, cursors[first].Head!)))
                    {
                        first = i;
                    }
                }

                if (first < 0)
                {
                    break;
                }

                page.Add(cursors[first].Head!);
                if (page.Count < query.Limit)
                {
                    cursors[first] = Advance(cursors[first].Row);
                }
            }

            return page;
        }
        finally
        {
            foreach ((SqliteDataReader row, _) in cursors)
            {
                row.Dispose();
            }
        }
    }

    private static SqliteDataReader Open(SqliteSession session, SecretListQuery query, SecretFilter filter, WireNames wires)
    {
        string from = query.NamePrefix, to = query.NamePrefix + AboveAll;
        Sql sql = Sql.List(filter, query.Order, query.Descending);
        int slot = WireExpression.Masks.IndexOf(wires);
        if (query.Order == SecretOrder.Name)
        {
            if (query.After is { } last)
            {
                (from, to) = query.Descending ? (from, Least(to, last.Name)) : (Greatest(from, last.Name + BelowAll), to);
            }

            return session.QueryAt(slot, sql, query.VaultId, query.Location, (int)wires, from, to, query.Limit);
        }

        if (query.NamePrefix.Length > 0)
        {
            using SqliteDataReader wide = session.Query(Sql.IsWide(filter), query.VaultId, query.Location, (int)wires, from, to, MostSorted);
            if (!wide.Read())
            {
                sql = Sql.NarrowList(filter, query.Order, query.Descending);
            }
        }

        SecretPosition after = query.After ?? (query.Descending ? new(long.MaxValue, "", long.MaxValue) : new(long.MinValue, "", 0));
        return session.QueryAt(slot, sql, query.VaultId, query.Location, (int)wires, from, to, after.Number, after.Id, query.Limit);
    }

    private static (SqliteDataReader Row, Secret? Head) Advance(SqliteDataReader row) => (row, row.Read() ? ReadHead(row) : null);

    private static bool Precedes(SecretListQuery query, Secret left, Secret right)
    {
        int order = query.Order switch
        {
            SecretOrder.Created => left.Created.CompareTo(right.Created),
            SecretOrder.Changed => left.Changed.CompareTo(right.Changed),
            SecretOrder.LastRead => (left.LastReadDay ?? -1).CompareTo(right.LastReadDay ?? -1),
            SecretOrder.Name => left.Name.CompareTo(right.Name),
        };
        order = order != 0 ? order : left.Id.CompareTo(right.Id);
        return query.Descending ? order > 0 : order < 0;
    }

    private static List<string> Folder(SqliteSession session, long vaultId, string prefix, string after, int limit)
    {
        // The next name of each set that the Vault wire can express; only those that the last child passed are sought anew.
        WireNames[] sets = [.. WireExpression.Masks.Where(m => m.HasFlag(WireNames.Vault))];
        string?[] next = new string?[sets.Length];
        string from = after.Length == 0 ? prefix + BelowAll : Behind(prefix + after), to = prefix + AboveAll;
        for (int i = 0; i < sets.Length; i++)
        {
            next[i] = Seek(session, vaultId, sets[i], from, to);
        }

        List<string> children = [];
        while (children.Count < limit && next.Where(n => n is not null).Min(StringComparer.Ordinal) is { } name)
        {
            int end = name.IndexOf('/', prefix.Length);
            string child = end < 0 ? name : name[..(end + 1)];
            children.Add(child[prefix.Length..]);
            from = Behind(child);
            for (int i = 0; i < sets.Length; i++)
            {
                if (next[i] is { } seen && string.CompareOrdinal(seen, from) < 0)
                {
                    next[i] = Seek(session, vaultId, sets[i], from, to);
                }
            }
        }

        return children;
    }

    /// <summary>The first possible name that is neither the child nor, where it is a folder, below it.</summary>
    private static string Behind(string child) => child[^1] == '/' ? child[..^1] + (char)('/' + 1) : child + BelowAll;

    private static string? Seek(SqliteSession session, long vaultId, WireNames wires, string from, string to)
    {
        using SqliteDataReader row = session.Query(Sql.FolderSeek, vaultId, (int)wires, from, to);
        return row.Read() ? row.GetString(0) : null;
    }

    private static List<Secret> DueByPurge(SqliteSession session, long now, int limit)
    {
        Dictionary<long, Secret> due = [];
        foreach (Sql sql in new[] { Sql.DueByPurge, Sql.DueByExpiry })
        {
            using SqliteDataReader row = session.Query(sql, now, limit);
            while (row.Read())
            {
                Secret head = ReadHead(row);
                due[head.Id] = head;
            }
        }

        return [.. due.Values.OrderBy(h => Math.Min(h.PurgeAt ?? long.MaxValue, h.Expires ?? long.MaxValue)).ThenBy(h => h.Id).Take(limit)];
    }

    private static List<Secret> DueByDestroy(SqliteSession session, long now, int limit)
    {
        List<Secret> due = [];
        HashSet<long> seen = [];
        using SqliteDataReader row = session.Query(Sql.DueByDestroy, now);
        while (due.Count < limit && row.Read())
        {
            if (seen.Add(row.GetInt64(0)))
            {
                due.Add(ReadHead(row));
            }
        }

        return due;
    }

    private static List<Secret> DueByRotation(SqliteSession session, long now, int limit)
    {
        List<Secret> due = [];
        using SqliteDataReader row = session.Query(Sql.DueByRotation, now, limit);
        while (row.Read())
        {
            due.Add(ReadHead(row));
        }

        return due;
    }

    private static string Least(string left, string right) => string.CompareOrdinal(left, right) < 0 ? left : right;

    private static string Greatest(string left, string right) => string.CompareOrdinal(left, right) > 0 ? left : right;
}
