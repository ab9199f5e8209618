using System.Buffers.Binary;
using System.Buffers.Text;
using System.Text.Json;

namespace Coffer.Core.Audit;

/// <summary>
/// The end of the trail, authenticated: the number and hash of the last durable line. Rewritten in place behind every
/// flush, without a flush of its own, so it can lag behind the trail but never run ahead of it; a trail that ends before
/// its head was cut. One sector, so that it is never half old and half new.
/// </summary>
internal sealed record TrailHead(long Sequence, string Hash)
{
    public const int Size = 512;

    /// <summary>Before the first line.</summary>
    public static readonly string NoHash = new('0', 64);

    public static byte[] Format(long sequence, ReadOnlySpan<byte> hash, IAuditSigner signer)
    {
        LineBuffer buffer = new(Size);
        Format(buffer, sequence, hash, signer);
        return buffer.Written.ToArray();
    }

    /// <summary>Into a buffer that is used again: this runs with every flush.</summary>
    public static void Format(LineBuffer buffer, long sequence, ReadOnlySpan<byte> hash, IAuditSigner signer)
    {
        Span<byte> data = stackalloc byte[DataLength], mac = stackalloc byte[32];
        WriteData(data, sequence, hash);
        signer.Mac(data, mac);
        buffer.Clear();
        buffer.Append("{\"seq\":"u8);
        buffer.Append(sequence);
        buffer.Append(",\"hash\":\""u8);
        buffer.AppendHex(hash);
        AuditRecordWriter.Text(buffer, "\",\"key\":\""u8, signer.KeyId, 64);
        buffer.Append(",\"mac\":\""u8);
        buffer.AppendHex(mac);
        buffer.Append("\"}"u8);
        int rest = Size - buffer.Length;
        Span<byte> room = buffer.Reserve(rest)[..rest];
        room.Fill((byte)' ');
        room[^1] = (byte)'\n';
        buffer.Advance(rest);
    }

    /// <summary>Null where these bytes are no head, or not one that the signer's keys made.</summary>
    public static TrailHead? Read(ReadOnlySpan<byte> bytes, IAuditSigner signer)
    {
        try
        {
            long sequence = -1;
            string? hash = null, key = null, mac = null;
            Utf8JsonReader json = new(bytes);
            json.Read();
            while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
            {
                string name = json.GetString()!;
                json.Read();
                switch (name)
                {
                    case "seq": sequence = json.GetInt64(); break;
                    case "hash": hash = json.GetString(); break;
                    case "key": key = json.GetString(); break;
                    case "mac": mac = json.GetString(); break;
                    default: json.Skip(); break;
                }
            }

            return sequence >= 0 && hash is { Length: 64 } && key is not null && mac is { Length: 64 } &&
                signer.VerifyMac(key, Data(sequence, Convert.FromHexString(hash)), Convert.FromHexString(mac))
                ? new(sequence, hash)
                : null;
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>The number alone, not authenticated; 0 where there is none.</summary>
    public static long SequenceOf(ReadOnlySpan<byte> bytes) =>
        bytes.StartsWith("{\"seq\":"u8) && Utf8Parser.TryParse(bytes[7..], out long sequence, out _) ? sequence : 0;

    private const int DataLength = 21 + 8 + 32;

    private static byte[] Data(long sequence, ReadOnlySpan<byte> hash)
    {
        byte[] data = new byte[DataLength];
        WriteData(data, sequence, hash);
        return data;
    }

    private static void WriteData(Span<byte> data, long sequence, ReadOnlySpan<byte> hash)
    {
        "coffer-audit-head-v1\n"u8.CopyTo(data);
        BinaryPrimitives.WriteInt64BigEndian(data[21..], sequence);
        hash.CopyTo(data[29..]);
    }
}
