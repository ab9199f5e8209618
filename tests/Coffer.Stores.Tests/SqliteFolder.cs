using Coffer.Stores.Sqlite;
using Xunit;

namespace Coffer.Stores.Tests;

/// <summary>A folder that goes with the test, and the store in it.</summary>
internal sealed class SqliteFolder : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("coffer-store-").FullName;

    public string Path => System.IO.Path.Combine(_root, "store");

    public string Database => System.IO.Path.Combine(Path, SqliteFiles.Database);

    public SqliteOptions Options => new() { Folder = Path };

    public ValueTask<SqliteStore> OpenAsync() => OpenAsync(Options);

    public static ValueTask<SqliteStore> OpenAsync(SqliteOptions options) =>
        SqliteStore.OpenAsync(options, TimeProvider.System, TestContext.Current.CancellationToken);

    /// <summary>Makes a folder in which this file is the database.</summary>
    public void Place(string file)
    {
        Directory.CreateDirectory(Path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        File.Copy(file, Database);
        File.SetUnixFileMode(Database, UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);
}
