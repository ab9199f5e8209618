using System.Runtime.CompilerServices;

namespace Coffer.Core.Audit;

/// <summary>Reads the records of a trail, beside the server that writes it or without one. Lines that are no records are passed over.</summary>
/// <param name="directory">The trail's folder.</param>
/// <param name="clock">The clock by which a follower waits.</param>
public sealed class AuditReader(string directory, TimeProvider clock)
{
    private const int MaxEntries = 1000, FirstWindow = 64 * 1024;

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    private readonly TrailFolder _folder = TrailFolder.ForReading(directory);

    /// <summary>The records that match, oldest first.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The limit is out of range.</exception>
    /// <exception cref="IOException">The folder or a file in it cannot be read.</exception>
    public async IAsyncEnumerable<AuditEntry> QueryAsync(AuditQuery query, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        if (query.Limit is { } limit)
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1, nameof(query));
            ArgumentOutOfRangeException.ThrowIfGreaterThan(limit, 100_000, nameof(query));
        }

        (IReadOnlyList<long> files, long offset) = TrailSearch.Since(_folder, query.Since ?? long.MinValue);
        AuditFilter filter = new(query);
        await Task.CompletedTask.ConfigureAwait(false);
        foreach (AuditEntry entry in query.Limit is null ? All(files, offset, filter, cancellationToken) : Newest(files, offset, filter, query.Limit.Value, cancellationToken))
        {
            yield return entry;
        }
    }

    /// <summary>
    /// Every record that becomes durable from now on, as it comes; goes on into the next file and over restarts of the
    /// server. Ends when cancelled.
    /// </summary>
    public async IAsyncEnumerable<AuditEntry> FollowAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        long durable = DurableSequence();
        IReadOnlyList<long> numbers = _folder.Numbers();
        long number = numbers.Count > 0 ? numbers[^1] : 1;
        (long offset, _) = Durable(number, 0, durable, null);
        bool look = true;
        while (true)
        {
            if (look)
            {
                // Asked before the lines are read: a file that has a successor by then does not grow any more.
                bool ended = _folder.Numbers() is [.., long newest] && newest > number;
                List<AuditEntry> entries = [];
                (offset, bool all) = Durable(number, offset, durable, entries);
                foreach (AuditEntry entry in entries)
                {
                    yield return entry;
                }

                if (ended && all)
                {
                    (number, offset) = (number + 1, 0);
                    continue;
                }

                if (entries.Count == MaxEntries)
                {
                    continue;
                }
            }

            await Task.Delay(Pause, clock, cancellationToken).ConfigureAwait(false);
            long before = durable;
            durable = DurableSequence();
            look = durable != before || durable == long.MaxValue;
        }
    }

    // Lines behind the head may be taken back: a flush that failed is cut off, and others are written in its place. So
    // nothing behind it is shown, or counts as read.
    private (long Offset, bool All) Durable(long number, long offset, long durable, List<AuditEntry>? entries)
    {
        Stream stream;
        try
        {
            stream = _folder.OpenRead(number);
        }
        catch (FileNotFoundException)
        {
            return (offset, false);
        }

        using TrailLineReader reader = new(stream, offset);
        while (entries is null || entries.Count < MaxEntries)
        {
            if (!reader.TryRead(out ReadOnlySpan<byte> line))
            {
                return (offset, true);
            }

            if (LineFrame.TryRead(line, out LineFrame frame))
            {
                if (frame.Sequence > durable)
                {
                    return (offset, false);
                }

                offset = reader.Offset;
                if (entries is not null && AuditLine.TryParseRecord(line, out long sequence, out AuditRecord? record))
                {
                    entries.Add(new(sequence, record));
                }
            }
        }

        return (offset, false);
    }

    // What the head says is enough here: whether it is authentic is for the verifier to say. A copy may have none.
    private long DurableSequence() => _folder.ReadHead() is { } head ? TrailHead.SequenceOf(head) : long.MaxValue;

    private IEnumerable<AuditEntry> All(IReadOnlyList<long> files, long offset, AuditFilter filter, CancellationToken cancellationToken)
    {
        foreach (long number in files)
        {
            using TrailLineReader reader = new(_folder.OpenRead(number), offset);
            offset = 0;
            while (Next(reader, filter) is { } entry)
            {
                cancellationToken.ThrowIfCancellationRequested();
                yield return entry;
            }
        }
    }

    // The newest file first, and of each its end first, so that the last few records of a long trail cost little.
    private List<AuditEntry> Newest(IReadOnlyList<long> files, long offset, AuditFilter filter, int limit, CancellationToken cancellationToken)
    {
        List<AuditEntry> newest = [];
        for (int i = files.Count - 1; i >= 0 && newest.Count < limit; i--)
        {
            newest.InsertRange(0, Newest(files[i], i == 0 ? offset : 0, filter, limit - newest.Count, cancellationToken));
        }

        return newest;
    }

    private Queue<AuditEntry> Newest(long number, long begin, AuditFilter filter, int limit, CancellationToken cancellationToken)
    {
        for (long window = FirstWindow; ; window *= 8)
        {
            Stream stream = _folder.OpenRead(number);
            long start = stream.Length - window;
            using TrailLineReader reader = new(stream, long.Max(begin, start));
            if (start > begin)
            {
                // Most likely the middle of a line.
                reader.TryRead(out _);
            }

            Queue<AuditEntry> last = [];
            while (Next(reader, filter) is { } entry)
            {
                cancellationToken.ThrowIfCancellationRequested();
                last.Enqueue(entry);
                if (last.Count > limit)
                {
                    last.Dequeue();
                }
            }

            if (last.Count == limit || start <= begin)
            {
                return last;
            }
        }
    }

    private static AuditEntry? Next(TrailLineReader reader, AuditFilter? filter)
    {
        while (reader.TryRead(out ReadOnlySpan<byte> line))
        {
            if ((filter is null || filter.MayMatch(line)) && AuditLine.TryParseRecord(line, out long sequence, out AuditRecord? record) &&
                (filter is null || filter.Query.Matches(record)))
            {
                return new(sequence, record);
            }
        }

        return null;
    }

    /// <summary>
    /// Looks for the exact members in the bytes before a line is parsed: they are written by one writer in one form, and a
    /// quotation mark inside a text is escaped, so they stand nowhere else.
    /// </summary>
    private sealed class AuditFilter
    {
        private readonly List<byte[]> _members = [];

        public AuditFilter(AuditQuery query)
        {
            Query = query;
            Require(",\"principal\":\""u8, query.Principal, AuditLimits.Principal);
            Require(",\"vault\":\""u8, query.Vault, AuditLimits.Vault);
            Require(",\"decision\":\""u8, query.Decision switch
            {
                AuditDecision.Allow => "allow",
                AuditDecision.Deny => "deny",
                AuditDecision.Fail => "fail",
                _ => null,
            }, 8);
        }

        public AuditQuery Query { get; }

        public bool MayMatch(ReadOnlySpan<byte> line)
        {
            foreach (byte[] member in _members)
            {
                if (line.IndexOf(member) < 0)
                {
                    return false;
                }
            }

            return true;
        }

        private void Require(ReadOnlySpan<byte> opening, string? text, int limit)
        {
            if (text is not null)
            {
                LineBuffer buffer = new(128);
                AuditRecordWriter.Text(buffer, opening, text, limit);
                _members.Add(buffer.Written.ToArray());
            }
        }
    }
}
