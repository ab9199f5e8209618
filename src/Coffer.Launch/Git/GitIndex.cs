using System.Buffers.Binary;
using Coffer.Sources.Posix;
using Microsoft.Win32.SafeHandles;

namespace Coffer.Launch.Git;

/// <summary>
/// Looks one path up in a git index (versions 2 to 4). Git itself is not asked, since a repository's own configuration can make git run
/// programs. Reads in order and in constant memory, and stops where the path would be.
/// </summary>
internal sealed class GitIndex
{
    private const int LongestName = 64 * 1024;
    private readonly SafeFileHandle _file;
    private readonly byte[] _window = new byte[64 * 1024];
    private readonly int _hashSize;
    private long _offset;
    private int _start;
    private int _end;
    private byte[] _name = new byte[256];
    private int _nameLength;

    private GitIndex(SafeFileHandle file, int hashSize) => (_file, _hashSize) = (file, hashSize);

    /// <summary>Whether the index at <paramref name="path"/> holds <paramref name="name"/> (relative to the working tree, bytes as git keeps them), or null if it is not an index that can be read.</summary>
    public static bool? Contains(string path, ReadOnlySpan<byte> name)
    {
        using SafeFileHandle file = RegularFile.Open(path);

        // Whether hashes have 20 or 32 bytes stands in the repository's configuration; the entries themselves tell as well.
        return new GitIndex(file, 20).Find(name) ?? new GitIndex(file, 32).Find(name);
    }

    private bool? Find(ReadOnlySpan<byte> wanted)
    {
        Span<byte> head = stackalloc byte[12];
        if (!Take(head) || !head.StartsWith("DIRC"u8))
        {
            return null;
        }

        uint version = BinaryPrimitives.ReadUInt32BigEndian(head[4..]), count = BinaryPrimitives.ReadUInt32BigEndian(head[8..]);
        if (version is < 2 or > 4)
        {
            return null;
        }

        for (uint i = 0; i < count; i++)
        {
            if (!ReadEntry(version, out bool isFolder))
            {
                return null;
            }

            ReadOnlySpan<byte> name = _name.AsSpan(0, _nameLength);

            // A sparse index keeps a folder outside the checkout as one entry: what is in it is tracked.
            if (name.SequenceEqual(wanted) || (isFolder && wanted.StartsWith(name)))
            {
                return true;
            }

            if (name.SequenceCompareTo(wanted) > 0)
            {
                return false;
            }
        }

        return false;
    }

    private bool ReadEntry(uint version, out bool isFolder)
    {
        isFolder = false;
        int fixedSize = 40 + _hashSize + 2;
        Span<byte> entry = stackalloc byte[74];
        if (!Take(entry[..fixedSize]))
        {
            return false;
        }

        uint mode = BinaryPrimitives.ReadUInt32BigEndian(entry[24..]);
        ushort flags = BinaryPrimitives.ReadUInt16BigEndian(entry[(fixedSize - 2)..]);
        if ((flags & 0x4000) != 0)
        {
            fixedSize += 2;
            if (version == 2 || !Take(entry[..2]))
            {
                return false;
            }
        }

        isFolder = mode >> 12 == 4;
        int keep = version < 4 ? 0 : ReadStrip() is { } strip && strip <= _nameLength ? _nameLength - strip : -1;
        if (keep < 0 || !ReadName(keep))
        {
            return false;
        }

        // The name's own length, as far as 12 bits say it: an index read with the wrong size of hash fails here at once.
        if ((flags & 0xFFF) != Math.Min(_nameLength, 0xFFF))
        {
            return false;
        }

        // The name's NUL was taken; entries before version 4 are padded with it to a multiple of 8.
        int padding = version < 4 ? ((fixedSize + _nameLength + 8) & ~7) - (fixedSize + _nameLength + 1) : 0;
        return Take(entry[..padding]) && !entry[..padding].ContainsAnyExcept((byte)0);
    }

    private bool ReadName(int keep)
    {
        _nameLength = keep;
        while (true)
        {
            if (_start == _end && !Fill())
            {
                return false;
            }

            int nul = _window.AsSpan(_start, _end - _start).IndexOf((byte)0);
            int length = nul < 0 ? _end - _start : nul;
            if (_nameLength + length > LongestName)
            {
                return false;
            }

            if (_nameLength + length > _name.Length)
            {
                Array.Resize(ref _name, Math.Max(_name.Length * 2, _nameLength + length));
            }

            _window.AsSpan(_start, length).CopyTo(_name.AsSpan(_nameLength));
            _nameLength += length;
            _start += length;
            if (nul >= 0)
            {
                _start++;
                return true;
            }
        }
    }

    private int? ReadStrip()
    {
        Span<byte> one = stackalloc byte[1];
        if (!Take(one))
        {
            return null;
        }

        int value = one[0] & 0x7F;
        while ((one[0] & 0x80) != 0)
        {
            if (value > LongestName || !Take(one))
            {
                return null;
            }

            value = ((value + 1) << 7) + (one[0] & 0x7F);
        }

        return value;
    }

    private bool Take(Span<byte> target)
    {
        while (!target.IsEmpty)
        {
            if (_start == _end && !Fill())
            {
                return false;
            }

            int count = Math.Min(target.Length, _end - _start);
            _window.AsSpan(_start, count).CopyTo(target);
            _start += count;
            target = target[count..];
        }

        return true;
    }

    private bool Fill()
    {
        _start = 0;
        _end = RandomAccess.Read(_file, _window, _offset);
        _offset += _end;
        return _end > 0;
    }
}
