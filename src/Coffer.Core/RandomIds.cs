using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Coffer.Core;

/// <summary>
/// Random UUIDs that cost no system call each: every thread draws from the kernel once for many. For ids that are shown and
/// recorded with every request; nothing secret is made here, since drawn bytes lie in memory for a while.
/// </summary>
public static class RandomIds
{
    private const int IdBytes = 16, DrawnBytes = 256 * IdBytes;

    [ThreadStatic]
    private static byte[]? _drawn;

    [ThreadStatic]
    private static int _used;

    /// <summary>122 random bits.</summary>
    public static Guid Version4()
    {
        Span<byte> id = stackalloc byte[IdBytes];
        Draw(id);
        return Make(id, 4);
    }

    /// <summary>The time in milliseconds, then 74 random bits: ids of later times sort behind earlier ones.</summary>
    public static Guid Version7(DateTimeOffset time)
    {
        Span<byte> id = stackalloc byte[IdBytes];
        Draw(id);
        long milliseconds = time.ToUnixTimeMilliseconds();
        BinaryPrimitives.WriteUInt16BigEndian(id, (ushort)(milliseconds >> 32));
        BinaryPrimitives.WriteUInt32BigEndian(id[2..], (uint)milliseconds);
        return Make(id, 7);
    }

    private static Guid Make(Span<byte> id, int version)
    {
        id[6] = (byte)((id[6] & 0x0F) | (version << 4));
        id[8] = (byte)((id[8] & 0x3F) | 0x80);
        return new(id, bigEndian: true);
    }

    private static void Draw(Span<byte> id)
    {
        byte[] drawn = _drawn ??= new byte[DrawnBytes];
        if (_used % DrawnBytes == 0)
        {
            RandomNumberGenerator.Fill(drawn);
            _used = 0;
        }

        drawn.AsSpan(_used, IdBytes).CopyTo(id);
        _used += IdBytes;
    }
}
