namespace Coffer.Stores.Sqlite;

/// <summary>Where the embedded store rests and how much it may use.</summary>
public sealed record SqliteOptions
{
    /// <summary>
    /// The folder that belongs to the store alone; created with mode 0700 if it is missing. An existing one must be
    /// closed to the group and to others.
    /// </summary>
    public required string Folder { get; init; }

    /// <summary>Page cache of each connection, in KiB (1,024–1,048,576). Memory is taken as pages are read.</summary>
    public int CacheKibibytes { get; init; } = 8 * 1024;

    /// <summary>Most idle reader connections that are kept (1–256); more are opened while they are needed.</summary>
    public int IdleReaders { get; init; } = 2 * Environment.ProcessorCount;

    /// <summary>How long a statement waits for another program that has the database open (a copy being made by hand).</summary>
    public TimeSpan BusyTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The database inside <see cref="Folder"/>: what a restore writes.</summary>
    public string DatabasePath => Path.Combine(Folder, SqliteFiles.Database);

    /// <summary>Most pages that the database may have, or null: the seam by which tests fill a small disk.</summary>
    internal int? MaxPages { get; init; }
}
