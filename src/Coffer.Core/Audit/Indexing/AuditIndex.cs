using System.Buffers.Text;
using System.Security.Cryptography;

namespace Coffer.Core.Audit.Indexing;

/// <summary>
/// The index of a whole trail: a segment for every full file, built when it is first needed, and one in memory for the file
/// that still grows, which catches up with it when asked. Made from the trail alone and trusted with nothing: what it names is
/// read from the trail and compared. Thread-safe.
/// </summary>
internal sealed class AuditIndex(TrailFolder trail, string directory, TimeProvider clock)
{
    private static readonly TimeSpan AfterFailure = TimeSpan.FromMinutes(1);

    private readonly SegmentStore _segments = new(trail, Path.GetFullPath(directory));
    private readonly SemaphoreSlim _turn = new(1, 1);
    private Growing? _growing;
    private long _repaired;
    private long _writableFrom = long.MinValue;

    /// <summary>
    /// Asks the index of one file, building it where needed. Null where it has none and none can be written: then the file is
    /// to be read as it is, unless <paramref name="inMemory"/> asks for an index for this once.
    /// </summary>
    /// <param name="number">The file.</param>
    /// <param name="last">Whether it is the one that still grows.</param>
    /// <param name="question">Asked once, or again of a segment built anew.</param>
    /// <param name="inMemory">Never null.</param>
    /// <param name="cancellationToken">Ends the building.</param>
    /// <exception cref="IOException">The trail's file cannot be read.</exception>
    public async ValueTask<T?> AskAsync<T>(long number, bool last, Func<IFileIndex, T> question, bool inMemory, CancellationToken cancellationToken)
        where T : class
    {
        // Since the caller looked, the file may have been filled and another begun.
        if (last && !(_growing?.Number > number && trail.LengthOf(number + 1) is not null))
        {
            return await AskGrowingAsync(number, question, cancellationToken).ConfigureAwait(false);
        }

        for (bool again = false; ; again = true)
        {
            (SegmentState state, SegmentReader? segment) = _segments.Open(number);
            using (segment)
            {
                try
                {
                    if (segment is not null)
                    {
                        return question(segment);
                    }
                }
                catch (InvalidDataException)
                {
                    state = SegmentState.Damaged;
                }
            }

            if (again || !await BuildAsync(number, state, cancellationToken).ConfigureAwait(false))
            {
                return inMemory ? question(Fill(new(), number, long.MaxValue, cancellationToken)) : null;
            }

            Count(state);
        }
    }

    /// <summary>Builds segments that are missing, of the newest files first, and reads what the growing file has more than a little of.</summary>
    /// <param name="most">No more than so many segments.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async ValueTask KeepUpAsync(int most, CancellationToken cancellationToken)
    {
        const long little = 4 * 1024 * 1024;
        IReadOnlyList<long> numbers = trail.Numbers();
        IReadOnlyDictionary<long, long> there = _segments.Folder.All();
        foreach (long number in numbers.SkipLast(1).Reverse().Where(n => !there.ContainsKey(n)).Take(most))
        {
            await BuildAsync(number, SegmentState.Missing, cancellationToken).ConfigureAwait(false);
        }

        if (numbers is [.., long last] && trail.LengthOf(last) - (_growing is { } growing && growing.Number == last ? growing.Index.Length : 0) > little)
        {
            await AskGrowingAsync(last, static index => index, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Examines every segment in full and builds those that are not sound, or all; removes what belongs to no file.</summary>
    public async ValueTask<AuditIndexReport> ExamineAsync(bool rebuild, CancellationToken cancellationToken)
    {
        List<long> full = [.. trail.Numbers().SkipLast(1)];
        int[] found = new int[4];
        int segments = 0;
        long records = 0, bytes = 0;
        _writableFrom = long.MinValue;
        foreach (long number in full)
        {
            SegmentState state = _segments.Examine(number);
            if ((state != SegmentState.Sound || rebuild) && await BuildAsync(number, state, cancellationToken, even: true).ConfigureAwait(false))
            {
                found[(int)state]++;
            }

            cancellationToken.ThrowIfCancellationRequested();
            (_, SegmentReader? segment) = _segments.Open(number);
            using (segment)
            {
                if (segment is not null)
                {
                    (segments, records, bytes) = (segments + 1, records + segment.Count, bytes + segment.Bytes);
                }
            }
        }

        _segments.Folder.RemoveOthers(full);
        return new()
        {
            Files = full.Count,
            Segments = segments,
            Records = records,
            Bytes = bytes,
            Missing = found[(int)SegmentState.Missing],
            Damaged = found[(int)SegmentState.Damaged],
            Stale = found[(int)SegmentState.Stale],
            Rebuilt = found[(int)SegmentState.Sound],
            Repaired = (int)Interlocked.Read(ref _repaired),
        };
    }

    private async ValueTask<T?> AskGrowingAsync<T>(long number, Func<IFileIndex, T> question, CancellationToken cancellationToken)
        where T : class
    {
        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (_growing is { } other && other.Number < number)
            {
                Finish(other, cancellationToken);
            }

            if (_growing is not { } growing || growing.Number != number || !IsBeginningOf(growing, number))
            {
                _growing = growing = new(number, new());
            }

            long durable = trail.ReadHead() is { } head ? TrailHead.SequenceOf(head) : long.MaxValue;
            try
            {
                Fill(growing.Index, number, durable, cancellationToken);
            }
            finally
            {
                using Stream stream = trail.OpenRead(number);
                growing.Digest = SegmentStore.Digest(stream, growing.Index.Length);
            }

            return question(growing.Index);
        }
        finally
        {
            _turn.Release();
        }
    }

    // The file is full now, and all but its last few lines are here.
    private void Finish(Growing other, CancellationToken cancellationToken)
    {
        try
        {
            Write(other.Number, cancellationToken);
        }
        catch (FileNotFoundException)
        {
            // Moved away meanwhile.
            _growing = null;
        }
    }

    private async ValueTask<bool> BuildAsync(long number, SegmentState state, CancellationToken cancellationToken, bool even = false)
    {
        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (!even && state != SegmentState.Damaged)
            {
                (SegmentState now, SegmentReader? segment) = _segments.Open(number);
                segment?.Dispose();
                if (now == SegmentState.Sound)
                {
                    // Somebody else was faster.
                    return true;
                }
            }

            return Write(number, cancellationToken);
        }
        finally
        {
            _turn.Release();
        }
    }

    // In turn. A folder that cannot be written is no reason to read a whole file for nothing with every query.
    private bool Write(long number, CancellationToken cancellationToken)
    {
        long now = clock.Now();
        if (now < _writableFrom)
        {
            return false;
        }

        FileIndexBuilder index = _growing is { } growing && growing.Number == number && IsBeginningOf(growing, number) ? growing.Index : new();
        if (_growing?.Number == number)
        {
            _growing = null;
        }

        try
        {
            if (_segments.Folder.Prepare())
            {
                Fill(index, number, long.MaxValue, cancellationToken);
                _segments.Write(number, index);
                return true;
            }
        }
        catch (Exception e) when (e is IOException and not FileNotFoundException or UnauthorizedAccessException or OverflowException)
        {
            // The answer comes from the trail then.
        }

        _writableFrom = now + (AfterFailure.Ticks / TimeSpan.TicksPerMicrosecond);
        return false;
    }

    // Lines behind the head may be taken back, and others written in their place.
    private FileIndexBuilder Fill(FileIndexBuilder index, long number, long durable, CancellationToken cancellationToken)
    {
        using TrailLineReader reader = new(trail.OpenRead(number), index.Length);
        while (reader.TryRead(out ReadOnlySpan<byte> line))
        {
            if (durable != long.MaxValue && SequenceOf(line) > durable)
            {
                break;
            }

            index.Add(line, reader.LineOffset, reader.Offset);
            if (index.Count % 1024 == 0)
            {
                cancellationToken.ThrowIfCancellationRequested();
            }
        }

        return index;
    }

    private bool IsBeginningOf(Growing growing, long number)
    {
        using Stream stream = trail.OpenRead(number);
        return stream.Length >= growing.Index.Length && SegmentStore.Digest(stream, growing.Index.Length).AsSpan().SequenceEqual(growing.Digest);
    }

    private static long SequenceOf(ReadOnlySpan<byte> line) =>
        line.StartsWith("{\"seq\":"u8) && Utf8Parser.TryParse(line[7..], out long sequence, out _) ? sequence : 0;

    private void Count(SegmentState state)
    {
        if (state is SegmentState.Damaged or SegmentState.Stale)
        {
            Interlocked.Increment(ref _repaired);
        }
    }

    /// <summary>The index of the growing file, and the digest of the bytes it ends with.</summary>
    private sealed class Growing(long number, FileIndexBuilder index)
    {
        public long Number => number;

        public FileIndexBuilder Index => index;

        public byte[] Digest { get; set; } = SHA256.HashData([]);
    }
}
