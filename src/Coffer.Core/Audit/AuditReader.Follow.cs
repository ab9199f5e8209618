using System.Runtime.CompilerServices;

namespace Coffer.Core.Audit;

public sealed partial class AuditReader
{
    private const int MaxEntries = 1000;

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    /// <summary>
    /// Every record that becomes durable from now on, as it comes; goes on into the next file and over restarts of the
    /// server. Ends when cancelled.
    /// </summary>
    public async IAsyncEnumerable<AuditEntry> FollowAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await foreach (AuditEntry entry in FollowAsync(End(), new(), cancellationToken).ConfigureAwait(false))
        {
            yield return entry;
        }
    }

    /// <summary>
    /// The records that match, oldest first, then those that become durable and match, as they come: each once, and none
    /// between left out. Ends when cancelled.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The limit is out of range.</exception>
    /// <exception cref="IOException">The folder or a file in it cannot be read.</exception>
    public async IAsyncEnumerable<AuditEntry> QueryAndFollowAsync(AuditQuery query, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        (long Number, long Offset, long Durable) end = End();
        await foreach (AuditEntry entry in QueryAsync(query, cancellationToken).ConfigureAwait(false))
        {
            // Of a copy without a head all that is there counts as durable, and nothing comes.
            if (entry.Sequence <= end.Durable)
            {
                yield return entry;
            }
        }

        await foreach (AuditEntry entry in FollowAsync(end, query, cancellationToken).ConfigureAwait(false))
        {
            yield return entry;
        }
    }

    private async IAsyncEnumerable<AuditEntry> FollowAsync((long Number, long Offset, long Durable) from, AuditQuery query, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        (long number, long offset, long durable) = from;
        TrailScan scan = new(_folder, query);
        bool look = true;
        while (true)
        {
            if (look)
            {
                // Asked before the lines are read: a file that has a successor by then does not grow any more.
                bool ended = _folder.Numbers() is [.., long newest] && newest > number;
                List<AuditEntry> entries = [];
                (offset, bool all) = Durable(number, offset, durable, scan, entries);
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

    /// <summary>Behind the last durable line: where it is, and its number.</summary>
    private (long Number, long Offset, long Durable) End()
    {
        long durable = DurableSequence();
        long number = _folder.Numbers() is [.., long last] ? last : 1;
        return (number, Durable(number, 0, durable, null, []).Offset, durable);
    }

    // Lines behind the head may be taken back: a flush that failed is cut off, and others are written in its place. So
    // nothing behind it is shown, or counts as read.
    private (long Offset, bool All) Durable(long number, long offset, long durable, TrailScan? scan, List<AuditEntry> entries)
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
        while (entries.Count < MaxEntries)
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
                if (scan?.Match(line) is { } entry)
                {
                    entries.Add(entry);
                }
            }
        }

        return (offset, false);
    }

    // What the head says is enough here: whether it is authentic is for the verifier to say. A copy may have none.
    private long DurableSequence() => _folder.ReadHead() is { } head ? TrailHead.SequenceOf(head) : long.MaxValue;
}
