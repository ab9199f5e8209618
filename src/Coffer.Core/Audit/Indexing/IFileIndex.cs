namespace Coffer.Core.Audit.Indexing;

/// <summary>Where a record's line begins, and where the next record's does: the line ends at the first line feed between.</summary>
internal readonly record struct RecordPlace(long Start, long End);

/// <summary>A key of the index and how to get what it leads to. The key is valid until the next one is asked for.</summary>
internal readonly struct IndexTerm(IFileIndex index, ReadOnlyMemory<byte> key, object? entry, int at, int length)
{
    public ReadOnlySpan<byte> Key => key.Span;

    public ReadOnlyMemory<byte> Payload() => index.Payload(entry, at, length);
}

/// <summary>
/// Index of one file of the trail: in memory for the file that still grows, a segment for every other. Members throw
/// <see cref="InvalidDataException"/> on a damaged segment and <see cref="IOException"/> on one that cannot be read.
/// </summary>
internal interface IFileIndex : IDisposable
{
    /// <summary>How many records; they are known by their place among them, from 0.</summary>
    int Count { get; }

    /// <summary>How many bytes of the file it covers.</summary>
    long Length { get; }

    /// <summary>The earliest time of a record; <see cref="long.MaxValue"/> where there is none.</summary>
    long Earliest { get; }

    /// <summary>The latest time of a record; <see cref="long.MinValue"/> where there is none.</summary>
    long Latest { get; }

    /// <summary>What exactly this key leads to.</summary>
    bool TryFind(ReadOnlySpan<byte> key, out ReadOnlyMemory<byte> payload);

    /// <summary>All keys that begin so.</summary>
    IEnumerable<IndexTerm> Range(ReadOnlyMemory<byte> prefix);

    /// <summary>What a term leads to.</summary>
    ReadOnlyMemory<byte> Payload(object? entry, int at, int length);

    /// <summary>Adds the records that may have this request id, by <see cref="IndexKey.OfRequest"/>.</summary>
    void CollectRequest(uint hash, OrdinalSet into);

    /// <summary>Adds the records that may be as late as <paramref name="since"/> and earlier than <paramref name="until"/>.</summary>
    void CollectTimes(long since, long until, OrdinalSet into);

    /// <summary>Where a record is.</summary>
    RecordPlace Place(int ordinal);
}
