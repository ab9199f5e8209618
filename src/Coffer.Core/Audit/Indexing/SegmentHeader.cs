using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace Coffer.Core.Audit.Indexing;

/// <summary>
/// The first 512 bytes of a segment. It is followed by the directory (the first key of each block of keys, and a sum of each
/// page), which stays in memory, and the body (keys, what they lead to, places of records, requests), which is read page by page.
/// Everything is little-endian; nothing in it is trusted before its sum was checked.
/// </summary>
internal sealed record SegmentHeader
{
    public const int Size = 512, Page = 4096, DigestBytes = 512;

    private const int Hashed = Size - 32, Sections = 80;
    private const uint Layout = 1;

    /// <summary>Number of the trail's file.</summary>
    public required long Number { get; init; }

    /// <summary>Bytes of the trail's file.</summary>
    public required long TrailLength { get; init; }

    /// <summary>SHA-256 of the last bytes of the trail's file, its chain's last hash among them: another file has another.</summary>
    public required ReadOnlyMemory<byte> TrailDigest { get; init; }

    public required int Records { get; init; }

    public required long Earliest { get; init; }

    public required long Latest { get; init; }

    /// <summary>Bytes of the table of blocks of keys.</summary>
    public required int BlockTable { get; init; }

    /// <summary>Bytes of the pages' sums: four a page.</summary>
    public required int Sums { get; init; }

    /// <summary>Bytes of the keys.</summary>
    public required int Keys { get; init; }

    /// <summary>Bytes of what they lead to.</summary>
    public required int Payloads { get; init; }

    /// <summary>Bytes of the table of places: 32 for 64 records.</summary>
    public required int Places { get; init; }

    /// <summary>Bytes of the distances between records.</summary>
    public required int Distances { get; init; }

    /// <summary>Bytes of the requests: eight a record.</summary>
    public required int Requests { get; init; }

    /// <summary>Sum over the directory.</summary>
    public required uint DirectorySum { get; init; }

    public int Directory => BlockTable + Sums;

    public long Body => (long)Keys + Payloads + Places + Distances + Requests;

    public long FileLength => Size + Directory + Body;

    public byte[] Format()
    {
        byte[] bytes = new byte[Size];
        Span<byte> at = bytes;
        Magic.CopyTo(at);
        BinaryPrimitives.WriteUInt32LittleEndian(at[8..], Layout);
        BinaryPrimitives.WriteInt32LittleEndian(at[12..], Records);
        BinaryPrimitives.WriteInt64LittleEndian(at[16..], Number);
        BinaryPrimitives.WriteInt64LittleEndian(at[24..], TrailLength);
        TrailDigest.Span.CopyTo(at[32..]);
        BinaryPrimitives.WriteInt64LittleEndian(at[64..], Earliest);
        BinaryPrimitives.WriteInt64LittleEndian(at[72..], Latest);
        int[] sections = [BlockTable, Sums, Keys, Payloads, Places, Distances, Requests];
        for (int i = 0; i < sections.Length; i++)
        {
            BinaryPrimitives.WriteInt32LittleEndian(at[(Sections + (4 * i))..], sections[i]);
        }

        BinaryPrimitives.WriteUInt32LittleEndian(at[(Sections + 28)..], DirectorySum);
        SHA256.HashData(at[..Hashed], at[Hashed..]);
        return bytes;
    }

    public static bool TryRead(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out SegmentHeader? header)
    {
        header = null;
        Span<byte> hash = stackalloc byte[32];
        if (bytes.Length != Size || !bytes.StartsWith(Magic) || BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]) != Layout)
        {
            return false;
        }

        SHA256.HashData(bytes[..Hashed], hash);
        if (!hash.SequenceEqual(bytes[Hashed..]))
        {
            return false;
        }

        header = new()
        {
            Records = BinaryPrimitives.ReadInt32LittleEndian(bytes[12..]),
            Number = BinaryPrimitives.ReadInt64LittleEndian(bytes[16..]),
            TrailLength = BinaryPrimitives.ReadInt64LittleEndian(bytes[24..]),
            TrailDigest = bytes.Slice(32, 32).ToArray(),
            Earliest = BinaryPrimitives.ReadInt64LittleEndian(bytes[64..]),
            Latest = BinaryPrimitives.ReadInt64LittleEndian(bytes[72..]),
            BlockTable = Section(bytes, 0),
            Sums = Section(bytes, 1),
            Keys = Section(bytes, 2),
            Payloads = Section(bytes, 3),
            Places = Section(bytes, 4),
            Distances = Section(bytes, 5),
            Requests = Section(bytes, 6),
            DirectorySum = (uint)Section(bytes, 7),
        };
        return header is { BlockTable: >= 0, Sums: >= 0, Keys: >= 0, Payloads: >= 0, Places: >= 0, Distances: >= 0, Records: >= 0 } &&
            header.Requests == 8L * header.Records && header.Sums == 4 * ((header.Body + Page - 1) / Page) &&
            header.Places == 32L * ((header.Records + FileIndexBuilder.Block - 1) / FileIndexBuilder.Block);
    }

    private static ReadOnlySpan<byte> Magic => "CofAuIdx"u8;

    private static int Section(ReadOnlySpan<byte> bytes, int index) => BinaryPrimitives.ReadInt32LittleEndian(bytes[(Sections + (4 * index))..]);
}
