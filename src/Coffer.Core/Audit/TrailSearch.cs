namespace Coffer.Core.Audit;

/// <summary>Finds places in the trail from its end backwards, so that cost follows what is asked and not how long the trail is.</summary>
internal static class TrailSearch
{
    // A checkpoint's line is shorter than the overlap, and its kind stands this near to its beginning.
    private const int Block = 1024 * 1024, Overlap = 8 * 1024, Opening = 64;

    /// <summary>The last checkpoint in the file that matches, with where its line begins; or null.</summary>
    public static (long Offset, AuditCheckpoint Checkpoint)? LastCheckpoint(Stream stream, Func<AuditCheckpoint, bool> matches)
    {
        long length = stream.Length;
        byte[] buffer = new byte[Opening + Block + Overlap];
        for (long end = length; end > 0;)
        {
            long start = long.Max(0, end - Block), from = long.Max(0, start - Opening);
            int size = (int)(long.Min(length, end + Overlap) - from);
            stream.Position = from;
            size = stream.ReadAtLeast(buffer.AsSpan(0, size), size, throwOnEndOfStream: false);
            ReadOnlySpan<byte> bytes = buffer.AsSpan(0, size);
            for (int limit = int.Min(size, (int)(end - from)); ;)
            {
                int kind = bytes[..limit].LastIndexOf(AuditCheckpoint.KindMember);
                if (kind < 0)
                {
                    break;
                }

                int feed = bytes[..kind].LastIndexOf((byte)'\n'), close = bytes[kind..].IndexOf((byte)'\n');
                limit = kind;
                if ((feed >= 0 || from == 0) && close >= 0 &&
                    AuditCheckpoint.TryParse(bytes[(feed + 1)..(kind + close)], out AuditCheckpoint? checkpoint) && matches(checkpoint))
                {
                    return (from + feed + 1, checkpoint);
                }
            }

            end = start;
        }

        return null;
    }

    public static ISet<Guid> Find(ITrailFolder folder, IReadOnlyCollection<Guid> ids, long sinceTime)
    {
        HashSet<Guid> found = [], wanted = [.. ids];
        if (wanted.Count == 0)
        {
            return found;
        }

        (IReadOnlyList<long> files, long offset) = Since(folder, sinceTime);
        foreach (long number in files)
        {
            using TrailLineReader reader = new(folder.OpenRead(number), offset);
            offset = 0;
            while (reader.TryRead(out ReadOnlySpan<byte> line))
            {
                if (AuditLine.TryIdOf(line, out Guid id) && wanted.Remove(id))
                {
                    found.Add(id);
                }
            }
        }

        return found;
    }

    /// <summary>The files to read, and where in the first of them, to see every record as late as that time.</summary>
    public static (IReadOnlyList<long> Files, long Offset) Since(ITrailFolder folder, long time)
    {
        IReadOnlyList<long> files = FilesSince(folder, time);
        return (files, files.Count == 0 ? 0 : OffsetSince(folder, files[0], time));
    }

    /// <summary>The files to read to see every record as late as that time.</summary>
    public static IReadOnlyList<long> FilesSince(ITrailFolder folder, long time)
    {
        IReadOnlyList<long> numbers = folder.Numbers();
        for (int i = numbers.Count - 1; i > 0; i--)
        {
            using Stream stream = folder.OpenRead(numbers[i]);
            if (First(stream) is { } first && first.Latest < time)
            {
                return [.. numbers.Skip(i)];
            }
        }

        return numbers;
    }

    /// <summary>Where in the first of those files to begin.</summary>
    public static long OffsetSince(ITrailFolder folder, long number, long time)
    {
        using Stream stream = folder.OpenRead(number);
        return LastCheckpoint(stream, c => c.Latest < time)?.Offset ?? 0;
    }

    /// <summary>Where the line behind that number begins.</summary>
    public static (long Number, long Offset) Behind(ITrailFolder folder, long sequence)
    {
        IReadOnlyList<long> numbers = folder.Numbers();
        for (int i = numbers.Count - 1; i >= 0; i--)
        {
            using TrailLineReader reader = new(folder.OpenRead(numbers[i]));
            bool first = true;
            while (reader.TryRead(out ReadOnlySpan<byte> line) && LineFrame.TryRead(line, out LineFrame frame))
            {
                if (frame.Sequence > sequence)
                {
                    if (first && i > 0)
                    {
                        break;
                    }

                    return (numbers[i], reader.LineOffset);
                }

                first = false;
            }

            if (!first)
            {
                return (numbers[i], reader.Offset);
            }
        }

        return (numbers.Count > 0 ? numbers[0] : 1, 0);
    }

    private static AuditCheckpoint? First(Stream stream)
    {
        byte[] bytes = new byte[Overlap];
        stream.Position = 0;
        int size = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        int feed = bytes.AsSpan(0, size).IndexOf((byte)'\n');
        return feed > 0 && AuditCheckpoint.TryParse(bytes.AsSpan(0, feed), out AuditCheckpoint? checkpoint) ? checkpoint : null;
    }
}
