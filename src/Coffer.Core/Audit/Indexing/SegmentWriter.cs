using System.Runtime.InteropServices;

namespace Coffer.Core.Audit.Indexing;

/// <summary>Composes a segment from an index in memory.</summary>
internal static class SegmentWriter
{
    /// <summary>Keys whose beginnings are shared and that are searched one by one.</summary>
    public const int KeysInBlock = 64;

    /// <summary>The whole file.</summary>
    /// <param name="index">Covers the whole of the trail's file.</param>
    /// <param name="number">Number of the trail's file.</param>
    /// <param name="trailLength">Its bytes.</param>
    /// <param name="trailDigest">See <see cref="SegmentHeader.TrailDigest"/>.</param>
    public static ReadOnlyMemory<byte>[] Compose(FileIndexBuilder index, long number, long trailLength, ReadOnlyMemory<byte> trailDigest)
    {
        LineBuffer directory = new(64 * 1024), keys = new(256 * 1024), payloads = new(256 * 1024), places = new(64 * 1024), distances = new(256 * 1024);
        WriteTerms(index, directory, keys, payloads);
        WritePlaces(index, places, distances);
        ulong[] requests = [.. index.Requests];
        Array.Sort(requests);
        byte[] body = [.. keys.Written, .. payloads.Written, .. places.Written, .. distances.Written, .. MemoryMarshal.AsBytes(LittleEndian(requests).AsSpan())];
        int blockTable = directory.Length;
        for (int at = 0; at < body.Length; at += SegmentHeader.Page)
        {
            IndexBytes.Int(directory, (int)IndexBytes.Sum(body.AsSpan(at, int.Min(SegmentHeader.Page, body.Length - at))));
        }

        SegmentHeader header = new()
        {
            Number = number,
            TrailLength = trailLength,
            TrailDigest = trailDigest,
            Records = index.Count,
            Earliest = index.Earliest,
            Latest = index.Latest,
            BlockTable = blockTable,
            Sums = directory.Length - blockTable,
            Keys = keys.Length,
            Payloads = payloads.Length,
            Places = places.Length,
            Distances = distances.Length,
            Requests = requests.Length * 8,
            DirectorySum = IndexBytes.Sum(directory.Written),
        };
        return [header.Format(), directory.WrittenMemory, body];
    }

    private static void WriteTerms(FileIndexBuilder index, LineBuffer table, LineBuffer keys, LineBuffer payloads)
    {
        KeyValuePair<byte[], IndexEntry>[] terms = [.. index.Terms];
        Array.Sort(terms, static (a, b) => a.Key.AsSpan().SequenceCompareTo(b.Key));
        byte[] before = [];
        for (int i = 0; i < terms.Length; i++)
        {
            (byte[] key, IndexEntry entry) = terms[i];
            int shared = 0;
            if (i % KeysInBlock == 0)
            {
                IndexBytes.Block(table, key);
                IndexBytes.Number(table, keys.Length);
                IndexBytes.Number(table, payloads.Length);
            }
            else
            {
                shared = key.AsSpan().CommonPrefixLength(before);
            }

            int start = payloads.Length;
            entry.Write(payloads, index.Count);
            IndexBytes.Number(keys, shared);
            IndexBytes.Block(keys, key.AsSpan(shared));
            IndexBytes.Number(keys, payloads.Length - start);
            before = key;
        }
    }

    private static void WritePlaces(FileIndexBuilder index, LineBuffer places, LineBuffer distances)
    {
        long before = 0;
        for (int i = 0; i < index.Count; i++)
        {
            long start = index.Place(i).Start;
            if (i % FileIndexBuilder.Block == 0)
            {
                (long earliest, long latest) = index.Times[i / FileIndexBuilder.Block];
                IndexBytes.Long(places, start);
                IndexBytes.Long(places, distances.Length);
                IndexBytes.Long(places, earliest);
                IndexBytes.Long(places, latest);
            }
            else
            {
                IndexBytes.Number(distances, checked((int)(start - before)));
            }

            before = start;
        }
    }

    private static ulong[] LittleEndian(ulong[] numbers)
    {
        if (!BitConverter.IsLittleEndian)
        {
            System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(numbers, numbers);
        }

        return numbers;
    }
}
