using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Serialization;
using Coffer.Core.Secrets;

namespace Coffer.Core.Sealing;

/// <summary>
/// One data key, as what is derived from it (HKDF-SHA256, extracted once):
/// <code>
///   extracted      HKDF-Extract(salt "coffer/data-key/1", data key)
///   sealing key    HKDF-Expand(extracted, "coffer/seal" 00 · layout · key id · context without kind)    one per version
///   MAC key        HKDF-Expand(extracted, "coffer/mac" 00 · row kind)                                   one per kind of row
///   other keys     HKDF-Expand(extracted, "coffer/key" 00 · purpose as UTF-8)
/// </code>
/// The key itself is not kept.
/// </summary>
[HoldsSecret]
[DebuggerDisplay(SecretValue.Redacted)]
[JsonConverter(typeof(RedactedJsonConverter))]
internal sealed class DataKey
{
    public const int Bytes = 32;

    private const int RowKinds = (int)RowKind.Approval;

    // The extracted key, then one MAC key for each kind of row.
    [DebuggerBrowsable(DebuggerBrowsableState.Never)]
    private readonly byte[] _keys = GC.AllocateArray<byte>(Bytes * (1 + RowKinds), pinned: true);

    public DataKey(uint id, ReadOnlySpan<byte> key)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(key.Length, Bytes);
        Id = id;
        HKDF.Extract(HashAlgorithmName.SHA256, key, "coffer/data-key/1"u8, _keys.AsSpan(0, Bytes));
        Span<byte> info = stackalloc byte[13];
        "coffer/mac\0"u8.CopyTo(info);
        for (int kind = 1; kind <= RowKinds; kind++)
        {
            info[11] = (byte)kind;
            Expand(info, MacKeySpan(kind));
        }
    }

    public uint Id { get; }

    public ReadOnlySpan<byte> MacKey(RowKind kind) => MacKeySpan((int)kind);

    /// <summary>
    /// HKDF-Expand to 32 bytes: one HMAC, without the objects that <see cref="HKDF"/> makes. The last byte of
    /// <paramref name="info"/> is room for HKDF's block number and does not count.
    /// </summary>
    public void Expand(Span<byte> info, Span<byte> output)
    {
        info[^1] = 1;
        HMACSHA256.HashData(_keys.AsSpan(0, Bytes), info, output);
    }

    /// <summary>A key for one purpose; pinned, the caller's to zero.</summary>
    public byte[] Derive(string purpose)
    {
        byte[] info = new byte[12 + Encoding.UTF8.GetByteCount(purpose)];
        "coffer/key\0"u8.CopyTo(info);
        Encoding.UTF8.GetBytes(purpose, info.AsSpan(11));
        byte[] output = GC.AllocateArray<byte>(Bytes, pinned: true);
        Expand(info, output);
        return output;
    }

    public void Zero() => CryptographicOperations.ZeroMemory(_keys);

    public override string ToString() => SecretValue.Redacted;

    private Span<byte> MacKeySpan(int kind) => _keys.AsSpan(kind * Bytes, Bytes);
}
