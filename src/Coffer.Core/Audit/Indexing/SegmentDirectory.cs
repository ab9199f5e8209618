using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;

namespace Coffer.Core.Audit.Indexing;

/// <summary>Header and directory of a segment: what stays in memory, so that a search reads a few pages only. Immutable.</summary>
internal sealed class SegmentDirectory
{
    private readonly byte[] _bytes;
    private readonly List<(int Key, int Length, int At, int Payload)> _blocks = [];

    private SegmentDirectory(SegmentHeader header, byte[] raw, byte[] bytes)
    {
        Header = header;
        RawHeader = raw;
        _bytes = bytes;
        IndexByteReader reader = new(bytes.AsSpan(0, header.BlockTable));
        while (!reader.AtEnd)
        {
            int length = reader.Number(), key = header.BlockTable - reader.Rest.Length;
            reader.Bytes(length);
            _blocks.Add((key, length, reader.Number(), reader.Number()));
        }
    }

    public SegmentHeader Header { get; }

    /// <summary>The header's bytes: a segment with the same has the same directory.</summary>
    public ReadOnlyMemory<byte> RawHeader { get; }

    /// <summary>Roughly what it takes in memory.</summary>
    public int Bytes => _bytes.Length + (16 * _blocks.Count) + 1024;

    public int Blocks => _blocks.Count;

    /// <summary>Null where the file is no whole segment.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static SegmentDirectory? Read(SafeFileHandle file, SegmentHeader header, byte[] rawHeader)
    {
        byte[] bytes = new byte[header.Directory];
        if (RandomAccess.GetLength(file) != header.FileLength || RandomAccess.Read(file, bytes, SegmentHeader.Size) != bytes.Length || IndexBytes.Sum(bytes) != header.DirectorySum)
        {
            return null;
        }

        try
        {
            return new(header, rawHeader, bytes);
        }
        catch (InvalidDataException)
        {
            return null;
        }
    }

    /// <summary>The block in which a key would be, from 0; -1 before the first.</summary>
    public int BlockOf(ReadOnlySpan<byte> key)
    {
        int low = 0, high = _blocks.Count - 1;
        while (low <= high)
        {
            int middle = (low + high) / 2;
            (int at, int length, _, _) = _blocks[middle];
            if (_bytes.AsSpan(at, length).SequenceCompareTo(key) <= 0)
            {
                low = middle + 1;
            }
            else
            {
                high = middle - 1;
            }
        }

        return high;
    }

    /// <summary>Where a block's keys begin and end, and where what they lead to begins: within those sections.</summary>
    public (int Begin, int End, int Payload) Block(int index) =>
        (_blocks[index].At, index + 1 < _blocks.Count ? _blocks[index + 1].At : Header.Keys, _blocks[index].Payload);

    public uint SumOf(int page) => BinaryPrimitives.ReadUInt32LittleEndian(_bytes.AsSpan(Header.BlockTable + (4 * page)));
}
