using System.Globalization;
using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using Coffer.Core.Stores;
using Microsoft.Data.Sqlite;

namespace Coffer.Stores.Sqlite;

/// <summary>Numbered schema steps, embedded, each applied once and remembered with its checksum.</summary>
internal static class SqliteMigrations
{
    /// <summary>"Cffr" in the file's header: tells our file from another program's database.</summary>
    public const int ApplicationId = 0x43666672;

    private const string Table = """
        CREATE TABLE IF NOT EXISTS schema_migrations (
            number   INTEGER PRIMARY KEY,
            name     TEXT    NOT NULL,
            checksum TEXT    NOT NULL,
            applied  INTEGER NOT NULL
        ) STRICT;
        """;

    /// <summary>Number, name, text and SHA-256 (lower-case hex) of every step this program carries, in order.</summary>
    public static IReadOnlyList<(int Number, string Name, string Text, string Checksum)> All { get; } = [.. Load()];

    /// <summary>Applies what is missing, in one transaction. Refuses a newer schema and a step that was changed.</summary>
    public static void Apply(SqliteSession session, long now)
    {
        int application = (int)Pragma(session, "application_id");
        if (application != ApplicationId && (application != 0 || Pragma(session, "schema_version") != 0))
        {
            throw new StoreStartException(StoreStartReason.NotADatabase, "the database belongs to another program; give Coffer a folder of its own");
        }

        session.Run("BEGIN EXCLUSIVE");
        session.Run(string.Create(CultureInfo.InvariantCulture, $"PRAGMA application_id = {ApplicationId}"));
        session.Run(Table);
        Dictionary<int, string> applied = Applied(session);
        int newest = All[^1].Number;
        if (applied.Keys.FirstOrDefault(n => n > newest) is var newer and > 0)
        {
            throw new StoreStartException(
                StoreStartReason.NewerSchema,
                $"the database has schema {newer}, this Coffer knows schemas up to {newest}; start the newer Coffer that wrote it, or restore an older backup");
        }

        foreach ((int number, string name, string text, string checksum) in All)
        {
            if (!applied.TryGetValue(number, out string? known))
            {
                session.Run(text);
                session.Execute(Sql.AddMigration, number, name, checksum, now);
            }
            else if (!string.Equals(known, checksum, StringComparison.Ordinal))
            {
                throw new StoreStartException(
                    StoreStartReason.ChangedMigration,
                    $"schema step {name} in the database is not the one this Coffer carries; use a released build, or restore a backup");
            }
        }

        session.Run("COMMIT");
    }

    private static Dictionary<int, string> Applied(SqliteSession session)
    {
        Dictionary<int, string> applied = [];
        using SqliteDataReader row = session.Query(Sql.Migrations);
        while (row.Read())
        {
            applied[row.GetInt32(0)] = row.GetString(1);
        }

        return applied;
    }

    private static long Pragma(SqliteSession session, string name)
    {
        using SqliteCommand command = session.Connection.CreateCommand();
        command.CommandText = name switch
        {
            "application_id" => "PRAGMA application_id",
            _ => "PRAGMA schema_version",
        };
        return (long)command.ExecuteScalar()!;
    }

    private static IEnumerable<(int Number, string Name, string Text, string Checksum)> Load()
    {
        Assembly assembly = typeof(SqliteMigrations).Assembly;
        foreach (string name in assembly.GetManifestResourceNames().Where(n => char.IsAsciiDigit(n[0])).Order(StringComparer.Ordinal))
        {
            using Stream stream = assembly.GetManifestResourceStream(name)!;
            byte[] bytes = new byte[stream.Length];
            stream.ReadExactly(bytes);
            yield return (int.Parse(name.AsSpan(0, 4), NumberStyles.None, CultureInfo.InvariantCulture), name, Encoding.UTF8.GetString(bytes), Convert.ToHexStringLower(SHA256.HashData(bytes)));
        }
    }
}
