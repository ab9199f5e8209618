using System.Runtime.CompilerServices;
using Coffer.Core.Audit.Indexing;

namespace Coffer.Core.Audit;

/// <summary>
/// Reads the records of a trail, beside the server that writes it or without one. Lines that are no records are passed over.
/// Searches by an index that lies in the trail's folder and is built where it is missing; where it cannot be, by reading the
/// whole trail. Thread-safe.
/// </summary>
/// <param name="directory">The trail's folder.</param>
/// <param name="clock">The clock by which a follower waits.</param>
public sealed partial class AuditReader(string directory, TimeProvider clock)
{
    private const int MostRecords = 100_000;

    private readonly TrailFolder _folder = TrailFolder.ForReading(directory);
    private readonly AuditIndex _index = new(TrailFolder.ForReading(directory), directory, clock);

    /// <summary>The records that match, oldest first.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The limit is out of range.</exception>
    /// <exception cref="IOException">The folder or a file in it cannot be read.</exception>
    public async IAsyncEnumerable<AuditEntry> QueryAsync(AuditQuery query, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        if (query.Limit is { } limit)
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1, nameof(query));
            ArgumentOutOfRangeException.ThrowIfGreaterThan(limit, MostRecords, nameof(query));
        }

        IReadOnlyList<long> files = query.Since is { } since ? TrailSearch.FilesSince(_folder, since) : _folder.Numbers();
        FileSearch search = new(this, query);
        if (query.Limit is null)
        {
            for (int i = 0; i < files.Count; i++)
            {
                FileMatches? found = await search.FindAsync(files[i], i == files.Count - 1, int.MaxValue, cancellationToken).ConfigureAwait(false);
                foreach (AuditEntry entry in search.All(files[i], found, i == 0, cancellationToken))
                {
                    yield return entry;
                }
            }

            yield break;
        }

        // The newest file first, so that the last few records of a long trail cost little.
        Stack<List<AuditEntry>> newest = [];
        int missing = query.Limit.Value;
        for (int i = files.Count - 1; i >= 0 && missing > 0; i--)
        {
            FileMatches? found = await search.FindAsync(files[i], i == files.Count - 1, missing, cancellationToken).ConfigureAwait(false);
            List<AuditEntry> entries = search.Newest(files[i], found, i == 0, missing, cancellationToken);
            newest.Push(entries);
            missing -= entries.Count;
        }

        foreach (AuditEntry entry in newest.SelectMany(static entries => entries))
        {
            yield return entry;
        }
    }

    /// <summary>
    /// The record of a request: the id is that in the answer and the log. Of several records (a call that reads many secrets has
    /// one for each) the last that was refused, or else the last. Null where there is none.
    /// </summary>
    /// <param name="requestId">The request's id, exactly.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    /// <exception cref="IOException">The folder or a file in it cannot be read.</exception>
    public async ValueTask<AuditEntry?> FindRequestAsync(string requestId, CancellationToken cancellationToken = default)
    {
        FileSearch search = new(this, new() { RequestId = requestId });
        IReadOnlyList<long> files = _folder.Numbers();
        for (int i = files.Count - 1; i >= 0; i--)
        {
            FileMatches? found = await search.FindAsync(files[i], i == files.Count - 1, MostRecords, cancellationToken).ConfigureAwait(false);
            if (search.Newest(files[i], found, i == 0, MostRecords, cancellationToken) is { Count: > 0 } entries)
            {
                return entries.FindLast(static e => e.Record.Decision != AuditDecision.Allow) ?? entries[^1];
            }
        }

        return null;
    }

    /// <summary>What an index knows of one file: places of records, and up to where it covers the file.</summary>
    private sealed record FileMatches(RecordPlace[] Places, long Covered);

    /// <summary>One query, file by file.</summary>
    private sealed class FileSearch(AuditReader reader, AuditQuery query)
    {
        private readonly IndexSearch _search = new(query);
        private readonly TrailScan _scan = new(reader._folder, query);

        /// <summary>Null where the file has no index.</summary>
        public ValueTask<FileMatches?> FindAsync(long number, bool last, int most, CancellationToken cancellationToken) =>
            reader._index.AskAsync(number, last, index => new FileMatches(_search.Find(index, most), index.Length), inMemory: false, cancellationToken);

        public IEnumerable<AuditEntry> All(long number, FileMatches? found, bool first, CancellationToken cancellationToken) =>
            found is null
                ? _scan.From(number, Begin(number, first), cancellationToken)
                : _scan.At(number, found.Places, cancellationToken).Concat(_scan.From(number, found.Covered, cancellationToken));

        public List<AuditEntry> Newest(long number, FileMatches? found, bool first, int limit, CancellationToken cancellationToken)
        {
            const int few = 64;
            if (found is null)
            {
                return [.. _scan.Newest(number, Begin(number, first), limit, cancellationToken)];
            }

            // Lines that the index does not cover yet, then backwards through what it named.
            Stack<List<AuditEntry>> newest = [];
            newest.Push([.. _scan.Newest(number, found.Covered, limit, cancellationToken)]);
            int missing = limit - newest.Peek().Count;
            for (int end = found.Places.Length; end > 0 && missing > 0;)
            {
                int begin = int.Max(0, end - int.Max(few, missing));
                List<AuditEntry> entries = [.. _scan.At(number, new(found.Places, begin, end - begin), cancellationToken)];
                newest.Push(entries.Count > missing ? entries[^missing..] : entries);
                missing -= newest.Peek().Count;
                end = begin;
            }

            return [.. newest.SelectMany(static entries => entries)];
        }

        private long Begin(long number, bool first) => first && query.Since is { } since ? TrailSearch.OffsetSince(reader._folder, number, since) : 0;
    }
}
