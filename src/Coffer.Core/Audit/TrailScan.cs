using Coffer.Core.Audit.Indexing;

namespace Coffer.Core.Audit;

/// <summary>
/// Reads the records of one file that match: at the places that an index names, or by looking at every line. Lines that are
/// no records are passed over.
/// </summary>
internal sealed class TrailScan
{
    private const int FirstWindow = 64 * 1024, MostGap = 16 * 1024, MostRun = 256 * 1024;

    private readonly TrailFolder _folder;
    private readonly AuditQuery _query;

    // Looked for in the bytes before a line is parsed: members are written by one writer in one form, and a quotation mark
    // inside a text is escaped, so they stand nowhere else.
    private readonly List<byte[]> _members = [];

    public TrailScan(TrailFolder folder, AuditQuery query)
    {
        _folder = folder;
        _query = query;
        Require(",\"principal\":\""u8, query.Principal, AuditLimits.Principal);
        Require(",\"credential\":\""u8, query.Credential, AuditLimits.Credential);
        Require(",\"vault\":\""u8, query.Vault, AuditLimits.Vault);
        Require(",\"address\":\""u8, query.Address, AuditLimits.Address);
        Require(",\"requestId\":\""u8, query.RequestId, AuditLimits.RequestId);
        Require(",\"decision\":\""u8, query.Decision switch
        {
            AuditDecision.Allow => "allow",
            AuditDecision.Deny => "deny",
            AuditDecision.Fail => "fail",
            _ => null,
        }, 8);
    }

    /// <summary>The records at these places that match.</summary>
    public IEnumerable<AuditEntry> At(long number, ArraySegment<RecordPlace> places, CancellationToken cancellationToken)
    {
        if (places.Count == 0)
        {
            yield break;
        }

        using Stream stream = _folder.OpenRead(number);
        byte[] buffer = new byte[4096];
        for (int first = 0, next; first < places.Count; first = next)
        {
            cancellationToken.ThrowIfCancellationRequested();
            long start = places[first].Start, end = places[first].End;

            // Neighbours are read together; what is far apart is not worth the bytes between.
            for (next = first + 1; next < places.Count && places[next].Start - end <= MostGap && places[next].End - start <= MostRun; next++)
            {
                end = places[next].End;
            }

            int length = (int)long.Min(end - start, AuditLimits.LineBytes + MostRun);
            if (buffer.Length < length)
            {
                buffer = new byte[int.Max(length, int.Min(2 * buffer.Length, MostRun))];
            }

            stream.Position = start;
            length = stream.ReadAtLeast(buffer.AsSpan(0, length), length, throwOnEndOfStream: false);
            for (int i = first; i < next; i++)
            {
                int at = (int)long.Min(length, places[i].Start - start);
                if (LineAt(buffer.AsSpan(at..length)) is { } entry)
                {
                    yield return entry;
                }
            }
        }
    }

    /// <summary>Every record from there on that matches.</summary>
    public IEnumerable<AuditEntry> From(long number, long offset, CancellationToken cancellationToken)
    {
        using TrailLineReader reader = new(_folder.OpenRead(number), offset);
        while (Next(reader) is { } entry)
        {
            cancellationToken.ThrowIfCancellationRequested();
            yield return entry;
        }
    }

    /// <summary>The newest records from there on that match, oldest first: the end of the file is looked at first, so that the last few of a long file cost little.</summary>
    public IReadOnlyCollection<AuditEntry> Newest(long number, long begin, int limit, CancellationToken cancellationToken)
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
            while (Next(reader) is { } entry)
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

    /// <summary>The record in this line, if it is one that matches.</summary>
    public AuditEntry? Match(ReadOnlySpan<byte> line)
    {
        foreach (byte[] member in _members)
        {
            if (line.IndexOf(member) < 0)
            {
                return null;
            }
        }

        return AuditLine.TryParseRecord(line, out long sequence, out AuditRecord? record) && _query.Matches(record) ? new(sequence, record) : null;
    }

    private AuditEntry? LineAt(ReadOnlySpan<byte> bytes)
    {
        int feed = bytes.IndexOf((byte)'\n');
        return feed >= 0 ? Match(bytes[..feed]) : null;
    }

    private AuditEntry? Next(TrailLineReader reader)
    {
        while (reader.TryRead(out ReadOnlySpan<byte> line))
        {
            if (Match(line) is { } entry)
            {
                return entry;
            }
        }

        return null;
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
