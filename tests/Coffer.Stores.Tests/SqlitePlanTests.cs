using Coffer.Stores.Sqlite;
using Coffer.Testing;
using Coffer.Core.Secrets;
using Coffer.Core.Stores;
using Microsoft.Data.Sqlite;
using SQLitePCL;
using Xunit;

namespace Coffer.Stores.Tests;

/// <summary>What SQLite says it will do for every statement that the store can prepare.</summary>
public sealed class SqlitePlanTests : IDisposable
{
    private static readonly string[] WithoutPlan = ["BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "PRAGMA", "VACUUM"];

    private readonly SqliteFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task No_statement_walks_a_table_or_sorts_by_itself()
    {
        await using SqliteStore store = await FilledAsync();
        using SqliteSession session = SqliteStore.Connect(_folder.Options);
        int planned = 0;
        List<string> faults = [];
        foreach (Sql sql in Sql.All.Where(s => !WithoutPlan.Any(w => s.Text.StartsWith(w, StringComparison.Ordinal))))
        {
            planned++;
            faults.AddRange(Faults(session.Connection, sql.Text, sql.Parameters, sql.ScanReason is not null, sql.SortReason is not null).Select(f => $"{f}\n    {sql.Text}"));
        }

        Assert.True(planned > 80, $"only {planned} statements were planned");
        Assert.Empty(faults);
    }

    [Theory]
    [InlineData("SELECT * FROM secrets WHERE description = 'x'", "SCAN secrets")]
    [InlineData("SELECT * FROM secrets WHERE vault_id = 1 ORDER BY description", "USE TEMP B-TREE FOR ORDER BY")]
    [InlineData("SELECT secret_id FROM secrets ORDER BY vault_id, location, name", "SCAN secrets USING COVERING INDEX sqlite_autoindex_secrets_2")]
    public async Task A_statement_that_would_is_found_out(string text, string fault)
    {
        await using SqliteStore store = await FilledAsync();
        using SqliteSession session = SqliteStore.Connect(_folder.Options);
        Assert.Contains(fault, Faults(session.Connection, text, [], mayScan: false, maySort: false));
    }

    [Fact]
    public async Task The_plain_read_is_three_look_ups_by_key()
    {
        await using SqliteStore store = await FilledAsync();
        using SqliteSession session = SqliteStore.Connect(_folder.Options);
        string[] plan = [.. Plan(session.Connection, Sql.FindCurrent.Text, Sql.FindCurrent.Parameters)];
        Assert.Equal(3, plan.Length);
        Assert.StartsWith("SEARCH h USING INDEX sqlite_autoindex_secrets_2 (vault_id=? AND location=? AND name=?)", plan[0], StringComparison.Ordinal);
        Assert.StartsWith("SEARCH v USING PRIMARY KEY (secret_id=? AND number=?)", plan[1], StringComparison.Ordinal);
        Assert.StartsWith("SEARCH s USING INDEX sqlite_autoindex_sealed_values_1 (secret_id=? AND number=?)", plan[2], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_listing_by_a_rare_beginning_of_names_is_sorted_from_the_index_alone()
    {
        await using SqliteStore store = await FilledAsync();
        using SqliteSession session = SqliteStore.Connect(_folder.Options);
        Sql sql = Sql.NarrowList(SecretFilter.Active, SecretOrder.Created, descending: false);
        string[] plan = [.. Plan(session.Connection, sql.Text, sql.Parameters)];
        Assert.Contains("SEARCH h USING COVERING INDEX secrets_active_by_name (vault_id=? AND location=? AND wires=? AND name>? AND name<?)", plan);
        Sql width = Sql.IsWide(SecretFilter.Deleted);
        Assert.Equal(["SEARCH h USING COVERING INDEX secrets_deleted_by_name (vault_id=? AND location=? AND wires=? AND name>? AND name<?)"], Plan(session.Connection, width.Text, width.Parameters));
    }

    [Fact]
    public async Task A_listing_by_a_common_beginning_of_names_is_the_same_from_the_index_of_its_order()
    {
        await using SqliteStore store = await FilledAsync();
        using SqliteSession session = SqliteStore.Connect(_folder.Options);
        string columns = string.Join(", ", Rows(session.Connection, "SELECT name FROM pragma_table_info('secrets') WHERE name NOT IN ('secret_id', 'uid', 'name', 'name_folded', 'created')"));
        using (SqliteCommand fill = session.Connection.CreateCommand())
        {
            // Created in another order than named.
            fill.CommandText = $"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10050) INSERT INTO secrets (uid, name, name_folded, created, {columns}) SELECT randomblob(16), 'wide/' || i, 'wide/' || i, (i * 7919) % 10051, {columns} FROM n, (SELECT * FROM secrets WHERE deleted_at IS NULL ORDER BY secret_id LIMIT 1)";
            Assert.Equal(10_050, fill.ExecuteNonQuery());
        }

        Secret any = (await store.Secrets.ListAsync(new() { VaultId = 1, Limit = 1 }, TestContext.Current.CancellationToken)).Single();
        foreach (string prefix in new[] { "wide/", "wide/1", "wide/19" })
        {
            string[] expected = [.. Enumerable.Range(1, 10_050).Where(i => $"wide/{i}".StartsWith(prefix, StringComparison.Ordinal)).OrderBy(i => i * 7919 % 10_051).Select(i => $"wide/{i}")];
            List<string> seen = [];
            SecretListQuery query = new() { VaultId = any.VaultId, Order = SecretOrder.Created, NamePrefix = prefix, Limit = 7 };
            while (seen.Count < 21 && await store.Secrets.ListAsync(query, TestContext.Current.CancellationToken) is { Count: > 0 } page)
            {
                seen.AddRange(page.Select(h => h.Name.Value));
                query = query with { After = new(page[^1].Created, "", page[^1].Id) };
            }

            Assert.Equal(expected.Take(21), seen);
        }
    }

    [Fact]
    public async Task A_prepared_statement_stays_prepared()
    {
        await using SqliteStore store = await FilledAsync();
        using SqliteSession session = SqliteStore.Connect(_folder.Options);
        session.Connection.Handle!.enable_sqlite3_next_stmt(true);
        for (int i = 1; i <= 20; i++)
        {
            using SqliteDataReader row = session.Query(Sql.FindCurrent, 1L, i % 2 == 0 ? "" : "elsewhere", $"name-{i}");
            Assert.Equal(i % 2 == 0, row.Read());
        }

        const int Reprepared = 5, Runs = 6;
        sqlite3_stmt statement = raw.sqlite3_next_stmt(session.Connection.Handle, null!);
        Assert.Equal(Sql.FindCurrent.Text, raw.sqlite3_sql(statement).utf8_to_string());
        Assert.Equal((20, 0), (raw.sqlite3_stmt_status(statement, Runs, 0), raw.sqlite3_stmt_status(statement, Reprepared, 0)));
    }

    [Fact]
    public async Task Every_foreign_key_has_an_index_to_follow_it_back()
    {
        await using SqliteStore store = await FilledAsync();
        using SqliteSession session = SqliteStore.Connect(_folder.Options);
        List<string> faults = [];
        foreach (string table in Rows(session.Connection, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"))
        {
            foreach (string column in Rows(session.Connection, $"SELECT \"from\" FROM pragma_foreign_key_list('{table}') WHERE seq = 0"))
            {
                string[] leading = [.. Rows(session.Connection, $"SELECT c.name FROM pragma_index_list('{table}') i, pragma_index_info(i.name) c WHERE c.seqno = 0 AND i.partial = 0")];
                bool isRowId = Rows(session.Connection, $"SELECT name FROM pragma_table_info('{table}') WHERE pk = 1 AND type = 'INTEGER'").SingleOrDefault() == column;
                if (!leading.Contains(column) && !isRowId)
                {
                    faults.Add($"{table}.{column}");
                }
            }
        }

        Assert.Empty(faults);
    }

    private static IEnumerable<string> Faults(SqliteConnection connection, string text, IReadOnlyList<string> parameters, bool mayScan, bool maySort) =>
        Plan(connection, text, parameters).Where(step => (!maySort && step.Contains("TEMP B-TREE", StringComparison.Ordinal)) || (!mayScan && step.StartsWith("SCAN", StringComparison.Ordinal) && step != "SCAN CONSTANT ROW"));

    private static IEnumerable<string> Plan(SqliteConnection connection, string text, IReadOnlyList<string> parameters)
    {
        using SqliteCommand command = connection.CreateCommand();
        command.CommandText = "EXPLAIN QUERY PLAN " + text;
        foreach (string name in parameters)
        {
            command.Parameters.AddWithValue(name, 1);
        }

        using SqliteDataReader row = command.ExecuteReader();
        while (row.Read())
        {
            yield return row.GetString(3);
        }
    }

    private static IEnumerable<string> Rows(SqliteConnection connection, string text)
    {
        using SqliteCommand command = connection.CreateCommand();
        command.CommandText = text;
        using SqliteDataReader row = command.ExecuteReader();
        List<string> rows = [];
        while (row.Read())
        {
            rows.Add(row.GetString(0));
        }

        return rows;
    }

    private async ValueTask<SqliteStore> FilledAsync()
    {
        SqliteStore store = await _folder.OpenAsync();
        await using IStoreTransaction transaction = await store.BeginAsync(TestContext.Current.CancellationToken);
        long vault = (await transaction.SaveAsync(StoreRows.Vault("shop"), TestContext.Current.CancellationToken))!.Value;
        for (int i = 1; i <= 300; i++)
        {
            SecretChange change = new() { After = new() { Head = StoreRows.Plain(vault, $"name-{i}", i) }, Versions = [StoreRows.PlainVersion(1)], Values = [(1, [1])] };
            await transaction.SaveAsync(change, TestContext.Current.CancellationToken);
        }

        await transaction.CommitAsync(TestContext.Current.CancellationToken);
        return store;
    }
}
