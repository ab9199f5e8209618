using System.Collections.Concurrent;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;

namespace Coffer.Core.Audit.Indexing;

/// <summary>What is wrong with a segment.</summary>
internal enum SegmentState
{
    /// <summary>Nothing.</summary>
    Sound,

    /// <summary>There is none.</summary>
    Missing,

    /// <summary>Its sums are not right.</summary>
    Damaged,

    /// <summary>It was made from another file.</summary>
    Stale,
}

/// <summary>Opens segments and says whether they belong to the trail's files as they are now. Thread-safe.</summary>
internal sealed class SegmentStore(TrailFolder trail, string directory)
{
    /// <summary>Directories of segments in memory; beyond, all are forgotten and read again when needed.</summary>
    private const long MostDirectoryBytes = 64 * 1024 * 1024;

    private readonly ConcurrentDictionary<long, SegmentDirectory> _directories = new();
    private long _directoryBytes;

    public SegmentFolder Folder { get; } = new(directory);

    /// <summary>Opens it and reads all of it.</summary>
    public SegmentState Examine(long number)
    {
        // What is in memory may be right where what is on the disk is not.
        _directories.TryRemove(number, out _);
        (SegmentState state, SegmentReader? segment) = Open(number);
        using (segment)
        {
            try
            {
                segment?.Check();
                return state;
            }
            catch (InvalidDataException)
            {
                return SegmentState.Damaged;
            }
        }
    }

    /// <summary>The segment of a file, if it is sound as far as its directory says; dispose it.</summary>
    /// <exception cref="IOException">The trail's file cannot be read.</exception>
    public (SegmentState State, SegmentReader? Segment) Open(long number)
    {
        SafeFileHandle? file;
        try
        {
            file = Folder.OpenRead(number);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return (SegmentState.Damaged, null);
        }

        if (file is null)
        {
            return (SegmentState.Missing, null);
        }

        bool kept = false;
        try
        {
            byte[] raw = new byte[SegmentHeader.Size];
            if (RandomAccess.Read(file, raw, 0) != raw.Length || !SegmentHeader.TryRead(raw, out SegmentHeader? header))
            {
                return (SegmentState.Damaged, null);
            }

            using (Stream stream = trail.OpenRead(number))
            {
                if (header.Number != number || header.TrailLength != stream.Length || !Digest(stream, stream.Length).AsSpan().SequenceEqual(header.TrailDigest.Span))
                {
                    return (SegmentState.Stale, null);
                }
            }

            if (DirectoryOf(number, file, header, raw) is not { } directory)
            {
                return (SegmentState.Damaged, null);
            }

            kept = true;
            return (SegmentState.Sound, new(file, directory));
        }
        finally
        {
            if (!kept)
            {
                file.Dispose();
            }
        }
    }

    /// <summary>Puts the segment of a full file in its place.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be written.</exception>
    public void Write(long number, FileIndexBuilder index)
    {
        using Stream stream = trail.OpenRead(number);
        Folder.Write(number, SegmentWriter.Compose(index, number, stream.Length, Digest(stream, stream.Length)));
    }

    /// <summary>SHA-256 of the last bytes before <paramref name="length"/>.</summary>
    public static byte[] Digest(Stream stream, long length)
    {
        Span<byte> bytes = stackalloc byte[(int)long.Min(SegmentHeader.DigestBytes, length)];
        stream.Position = length - bytes.Length;
        int read = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        return SHA256.HashData(bytes[..read]);
    }

    private SegmentDirectory? DirectoryOf(long number, SafeFileHandle file, SegmentHeader header, byte[] raw)
    {
        if (_directories.TryGetValue(number, out SegmentDirectory? known) && known.RawHeader.Span.SequenceEqual(raw))
        {
            return known;
        }

        SegmentDirectory? directory = SegmentDirectory.Read(file, header, raw);
        if (directory is not null)
        {
            if (Interlocked.Add(ref _directoryBytes, directory.Bytes) > MostDirectoryBytes)
            {
                _directories.Clear();
                Interlocked.Exchange(ref _directoryBytes, directory.Bytes);
            }

            _directories[number] = directory;
        }

        return directory;
    }
}
