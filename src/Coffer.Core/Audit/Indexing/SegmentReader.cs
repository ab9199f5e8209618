using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;

namespace Coffer.Core.Audit.Indexing;

/// <summary>
/// The index of a file that is full, from its segment. Reads only the pages that are asked for, and checks each. One caller
/// at a time; disposes the file.
/// </summary>
internal sealed class SegmentReader(SafeFileHandle file, SegmentDirectory directory) : IFileIndex
{
    private readonly SegmentHeader _header = directory.Header;
    private readonly ReadOnlyMemory<byte>[] _pages = new ReadOnlyMemory<byte>[directory.Header.Sums / 4];

    public int Count => _header.Records;

    public long Length => _header.TrailLength;

    public long Earliest => _header.Earliest;

    public long Latest => _header.Latest;

    /// <summary>Bytes of the segment.</summary>
    public long Bytes => _header.FileLength;

    private long PlacesAt => (long)_header.Keys + _header.Payloads;

    private long DistancesAt => PlacesAt + _header.Places;

    private long RequestsAt => DistancesAt + _header.Distances;

    /// <summary>Reads and checks all of it.</summary>
    public void Check()
    {
        const int at = 64;
        for (int page = 0; page < _pages.Length; page += at)
        {
            Load(page, int.Min(page + at, _pages.Length) - 1);
            Array.Clear(_pages);
        }
    }

    public bool TryFind(ReadOnlySpan<byte> key, out ReadOnlyMemory<byte> payload)
    {
        int block = directory.BlockOf(key);
        if (block >= 0)
        {
            BlockCursor cursor = new(this, block);
            while (cursor.MoveNext())
            {
                int order = cursor.Key.SequenceCompareTo(key);
                if (order >= 0)
                {
                    payload = order == 0 ? Payload(null, cursor.At, cursor.Length) : default;
                    return order == 0;
                }
            }
        }

        payload = default;
        return false;
    }

    public IEnumerable<IndexTerm> Range(ReadOnlyMemory<byte> prefix)
    {
        for (int block = int.Max(0, directory.BlockOf(prefix.Span)); block < directory.Blocks; block++)
        {
            BlockCursor cursor = new(this, block);
            while (cursor.MoveNext())
            {
                if (cursor.Key.StartsWith(prefix.Span))
                {
                    yield return new(this, cursor.KeyMemory, null, cursor.At, cursor.Length);
                }
                else if (cursor.Key.SequenceCompareTo(prefix.Span) > 0)
                {
                    yield break;
                }
            }
        }
    }

    public ReadOnlyMemory<byte> Payload(object? entry, int at, int length) =>
        (long)at + length <= _header.Payloads ? Read(_header.Keys + (long)at, length) : throw IndexBytes.Damaged();

    public void CollectRequest(uint hash, OrdinalSet into)
    {
        const int inPage = SegmentHeader.Page / 8;
        ulong first = (ulong)hash << 32;
        int low = 0, high = Count;

        // The first that is not smaller lies in [low, high]. Hashes are even, so a guess by proportion is off by some hundreds
        // of places at most; what is read around it nearly always holds the place.
        for (int guess = (int)((ulong)hash * (uint)Count >> 32); high - low > inPage; guess = low + ((high - low) / 2))
        {
            int begin = int.Clamp(guess - (inPage / 2), low, high - inPage), end = begin + inPage;
            if (Request(begin) >= first)
            {
                high = begin;
            }
            else if (Request(end - 1) < first)
            {
                low = end;
            }
            else
            {
                (low, high) = (begin, end - 1);
            }
        }

        while (low < high)
        {
            int middle = low + ((high - low) / 2);
            (low, high) = Request(middle) < first ? (middle + 1, high) : (low, middle);
        }

        for (; low < Count && Request(low) is ulong request && request >> 32 == hash; low++)
        {
            into.Add((int)request);
        }
    }

    public void CollectTimes(long since, long until, OrdinalSet into)
    {
        ReadOnlySpan<byte> places = Read(PlacesAt, _header.Places).Span;
        for (int i = 0; i < places.Length / 32; i++)
        {
            ReadOnlySpan<byte> times = places.Slice((i * 32) + 16, 16);
            if (BinaryPrimitives.ReadInt64LittleEndian(times[8..]) >= since && (BinaryPrimitives.ReadInt64LittleEndian(times) < until || until == long.MaxValue))
            {
                into.AddRange(i * FileIndexBuilder.Block, int.Min(Count, (i + 1) * FileIndexBuilder.Block));
            }
        }
    }

    public RecordPlace Place(int ordinal)
    {
        const int block = FileIndexBuilder.Block;
        if ((uint)ordinal >= (uint)Count)
        {
            throw IndexBytes.Damaged();
        }

        int at = ordinal / block;
        (long start, int distances) = Block(at);
        int next = at + 1 < _header.Places / 32 ? Block(at + 1).Distances : _header.Distances;
        if (next < distances || next > _header.Distances)
        {
            throw IndexBytes.Damaged();
        }

        IndexByteReader reader = new(Read(DistancesAt + distances, next - distances).Span);
        for (int i = at * block; i < ordinal; i++)
        {
            start += reader.Number();
        }

        long end = ordinal + 1 == Count ? Length : (ordinal + 1) % block == 0 ? Block(at + 1).Start : start + reader.Number();
        return start >= 0 && start < end && end <= Length ? new(start, end) : throw IndexBytes.Damaged();
    }

    public void Dispose() => file.Dispose();

    private (long Start, int Distances) Block(int index)
    {
        ReadOnlySpan<byte> place = Read(PlacesAt + (index * 32L), 16).Span;
        long distances = BinaryPrimitives.ReadInt64LittleEndian(place[8..]);
        return distances >= 0 && distances <= _header.Distances ? (BinaryPrimitives.ReadInt64LittleEndian(place), (int)distances) : throw IndexBytes.Damaged();
    }

    private ulong Request(int index) => BinaryPrimitives.ReadUInt64LittleEndian(Read(RequestsAt + (index * 8L), 8).Span);

    private ReadOnlyMemory<byte> Read(long at, int length)
    {
        if (length == 0)
        {
            return default;
        }

        int first = (int)(at / SegmentHeader.Page), last = (int)((at + length - 1) / SegmentHeader.Page), offset = (int)(at % SegmentHeader.Page);
        if (first == last)
        {
            if (_pages[first].IsEmpty)
            {
                Load(first, first);
            }

            return _pages[first].Slice(offset, length);
        }

        for (int page = first; page <= last; page++)
        {
            if (_pages[page].IsEmpty)
            {
                // One call for all of them, even if some are there.
                Load(page, last);
                break;
            }
        }

        byte[] bytes = new byte[length];
        int written = 0;
        for (int page = first; page <= last; page++)
        {
            ReadOnlySpan<byte> part = _pages[page].Span[(page == first ? offset : 0)..];
            part = part[..int.Min(part.Length, length - written)];
            part.CopyTo(bytes.AsSpan(written));
            written += part.Length;
        }

        return bytes;
    }

    private void Load(int first, int last)
    {
        long at = (long)first * SegmentHeader.Page;
        byte[] bytes = new byte[(int)(long.Min(_header.Body, (last + 1L) * SegmentHeader.Page) - at)];
        int read = 0;
        for (int got; read < bytes.Length && (got = RandomAccess.Read(file, bytes.AsSpan(read), SegmentHeader.Size + _header.Directory + at + read)) > 0;)
        {
            read += got;
        }

        for (int page = first; page <= last; page++)
        {
            int begin = (page - first) * SegmentHeader.Page;
            ReadOnlyMemory<byte> content = bytes.AsMemory(begin, int.Min(SegmentHeader.Page, bytes.Length - begin));
            if (read < bytes.Length || IndexBytes.Sum(content.Span) != directory.SumOf(page))
            {
                throw IndexBytes.Damaged();
            }

            _pages[page] = content;
        }
    }

    /// <summary>Goes through one block of keys.</summary>
    private sealed class BlockCursor
    {
        private readonly ReadOnlyMemory<byte> _block;
        private byte[] _key = new byte[256];
        private int _keyLength;
        private int _at;

        public BlockCursor(SegmentReader segment, int block)
        {
            (int begin, int end, int payload) = segment.Directory.Block(block);
            if (begin > end || end > segment._header.Keys)
            {
                throw IndexBytes.Damaged();
            }

            _block = segment.Read(begin, end - begin);
            (At, Length) = (payload, 0);
        }

        public ReadOnlySpan<byte> Key => _key.AsSpan(0, _keyLength);

        public ReadOnlyMemory<byte> KeyMemory => _key.AsMemory(0, _keyLength);

        /// <summary>Where what the key leads to begins, within that section.</summary>
        public int At { get; private set; }

        public int Length { get; private set; }

        public bool MoveNext()
        {
            IndexByteReader reader = new(_block.Span[_at..]);
            if (reader.AtEnd)
            {
                return false;
            }

            At = At <= int.MaxValue - Length ? At + Length : throw IndexBytes.Damaged();
            int shared = reader.Number();
            ReadOnlySpan<byte> rest = reader.Block();
            if (shared > _keyLength)
            {
                throw IndexBytes.Damaged();
            }

            _keyLength = shared + rest.Length;
            if (_keyLength > _key.Length)
            {
                Array.Resize(ref _key, int.Max(_keyLength, 2 * _key.Length));
            }

            rest.CopyTo(_key.AsSpan(shared));
            Length = reader.Number();
            _at = _block.Length - reader.Rest.Length;
            return true;
        }
    }

    private SegmentDirectory Directory => directory;
}
