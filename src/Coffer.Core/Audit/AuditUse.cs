namespace Coffer.Core.Audit;

/// <summary>One who read a version of a secret.</summary>
public sealed record AuditReading
{
    /// <summary>Name of the principal.</summary>
    public required string Principal { get; init; }

    /// <summary>Number of the version.</summary>
    public required string Version { get; init; }

    /// <summary>How often, as far back as the trail goes.</summary>
    public required long Count { get; init; }

    /// <summary>The last time, whole.</summary>
    public required AuditEntry Last { get; init; }
}

/// <summary>What one principal was allowed to do in one vault for one reason.</summary>
public sealed record AuditUse
{
    /// <summary>More different names than this are not kept: who uses as many uses the vault.</summary>
    public const int MostNames = 16;

    /// <summary>Name of the principal.</summary>
    public required string Principal { get; init; }

    /// <summary>The vault, or '' for what concerns none.</summary>
    public required string Vault { get; init; }

    /// <summary>The core operation.</summary>
    public required string Action { get; init; }

    /// <summary>The record's reason: the grant or statement that allowed it.</summary>
    public required string Reason { get; init; }

    /// <summary>How often, as far back as the trail goes.</summary>
    public required long Count { get; init; }

    /// <summary>The last time, UTC microseconds.</summary>
    public required long Last { get; init; }

    /// <summary>The names, in ordinal order; at most <see cref="MostNames"/>.</summary>
    public required IReadOnlyList<string> Names { get; init; }

    /// <summary>Whether there were others than <see cref="Names"/>.</summary>
    public required bool MoreNames { get; init; }
}

/// <summary>How the index of the trail stands, and what was done to it.</summary>
public sealed record AuditIndexReport
{
    /// <summary>Files of the trail that are full: each has a segment in the index. The file that still grows has none.</summary>
    public required int Files { get; init; }

    /// <summary>Segments that are there and sound now.</summary>
    public required int Segments { get; init; }

    /// <summary>Records in them.</summary>
    public required long Records { get; init; }

    /// <summary>Bytes of them.</summary>
    public required long Bytes { get; init; }

    /// <summary>Segments that were missing and are built now.</summary>
    public required int Missing { get; init; }

    /// <summary>Segments that were damaged and are built anew.</summary>
    public required int Damaged { get; init; }

    /// <summary>Segments of another file than the trail has, built anew.</summary>
    public required int Stale { get; init; }

    /// <summary>Segments that were sound and are built anew all the same.</summary>
    public required int Rebuilt { get; init; }

    /// <summary>Segments that queries found damaged or stale since the start, and built anew.</summary>
    public required int Repaired { get; init; }
}
