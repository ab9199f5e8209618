namespace Coffer.Core.Stores;

/// <summary>Why a store refuses to start.</summary>
public enum StoreStartReason
{
    /// <summary>The schema was written by a newer Coffer.</summary>
    NewerSchema = 1,

    /// <summary>A migration that was applied is not the one this Coffer carries.</summary>
    ChangedMigration = 2,

    /// <summary>Folder or files are open to the group or to others.</summary>
    OpenToOthers = 3,

    /// <summary>A file of the store is a symbolic link.</summary>
    SymbolicLink = 4,

    /// <summary>Another process holds the store.</summary>
    InUse = 5,

    /// <summary>The folder is on a network file system, where locks and syncs cannot be trusted.</summary>
    NetworkFileSystem = 6,

    /// <summary>Folder or files cannot be written.</summary>
    NotWritable = 7,

    /// <summary>The file is not a database, is damaged, or belongs to another program.</summary>
    NotADatabase = 8,
}

/// <summary>A store that refuses to start. The message is for the operator: what is wrong, then what to do.</summary>
/// <param name="reason">Why.</param>
/// <param name="message">What is wrong and what to do.</param>
/// <param name="inner">The driver's or system's own failure, or null.</param>
public sealed class StoreStartException(StoreStartReason reason, string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>Why.</summary>
    public StoreStartReason Reason { get; } = reason;
}
