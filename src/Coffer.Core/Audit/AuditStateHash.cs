using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;

namespace Coffer.Core.Audit;

/// <summary>
/// A running hash over the set of (row, revision) in the store: the sum modulo 2^256 of the SHA-256 of each row's
/// tuple. Order does not matter, so a row is replaced by taking its old tuple out and putting the new one in, without
/// looking at any other row. Immutable.
/// </summary>
/// <remarks>
/// Tuple: <c>coffer-state-v1</c>, kind (1 byte), number (8, big-endian), revision (8, big-endian), the key's UTF-8. A sum
/// is not collision-resistant against one who may invent rows; here every row carries a MAC, so only rows that once
/// existed can be put in, and that is what the sum tells apart.
/// </remarks>
public readonly struct AuditStateHash : IEquatable<AuditStateHash>
{
    private readonly UInt128 _high;
    private readonly UInt128 _low;

    private AuditStateHash(UInt128 high, UInt128 low) => (_high, _low) = (high, low);

    /// <summary>The hash of an empty store.</summary>
    public static AuditStateHash Zero => default;

    /// <summary>Puts a row in.</summary>
    /// <param name="kind">The table.</param>
    /// <param name="id">The row's key, up to 128 characters.</param>
    /// <param name="number">The version's number; 0 for every other kind.</param>
    /// <param name="revision">The row's revision; 0 adds nothing, since such a row is not there.</param>
    public AuditStateHash Add(AuditRowKind kind, string id, int number, long revision) =>
        revision == 0 ? this : Add(Tuple(kind, id, number, revision));

    /// <summary>Takes a row out; parameters as in <see cref="Add(AuditRowKind, string, int, long)"/>.</summary>
    public AuditStateHash Remove(AuditRowKind kind, string id, int number, long revision) =>
        revision == 0 ? this : Remove(Tuple(kind, id, number, revision));

    /// <summary>The union of two disjoint sets of rows.</summary>
    public AuditStateHash Add(AuditStateHash other)
    {
        UInt128 low = unchecked(_low + other._low);
        return new(unchecked(_high + other._high + (low < _low ? UInt128.One : UInt128.Zero)), low);
    }

    /// <summary>Takes a set of rows out.</summary>
    public AuditStateHash Remove(AuditStateHash other) =>
        new(unchecked(_high - other._high - (_low < other._low ? UInt128.One : UInt128.Zero)), unchecked(_low - other._low));

    /// <summary>Applies a committed write.</summary>
    public AuditStateHash Apply(AuditChange change)
    {
        AuditStateHash hash = Remove(change.Gone);
        if (change.Uid is { } uid)
        {
            hash = hash.Replace(AuditRowKind.Secret, uid, 0, change.Revision.Before, change.Revision.After);
            foreach (AuditVersionRevision version in change.Versions)
            {
                hash = hash.Replace(AuditRowKind.Version, uid, version.Number, version.Before, version.After);
            }
        }

        foreach (AuditRowRevision row in change.Rows)
        {
            hash = hash.Replace(row.Kind, row.Id, 0, row.Before, row.After);
        }

        return hash;
    }

    /// <summary>Puts in everything that one row of the store stands for.</summary>
    public AuditStateHash Add(AuditStoreRow row)
    {
        AuditStateHash hash = Add(row.Kind, row.Id, 0, row.Revision);
        foreach ((int number, long revision) in row.Versions)
        {
            hash = hash.Add(AuditRowKind.Version, row.Id, number, revision);
        }

        return hash;
    }

    /// <summary>The thirty-two bytes, big-endian.</summary>
    public byte[] ToBytes()
    {
        byte[] bytes = new byte[32];
        WriteTo(bytes);
        return bytes;
    }

    /// <summary>Reads thirty-two bytes, big-endian.</summary>
    public static AuditStateHash From(ReadOnlySpan<byte> bytes) =>
        new(BinaryPrimitives.ReadUInt128BigEndian(bytes), BinaryPrimitives.ReadUInt128BigEndian(bytes[16..32]));

    /// <summary>Reads 64 hex digits.</summary>
    public static bool TryParse(ReadOnlySpan<char> hex, out AuditStateHash hash)
    {
        Span<byte> bytes = stackalloc byte[32];
        if (hex.Length == 64 && Convert.FromHexString(hex, bytes, out _, out _) == System.Buffers.OperationStatus.Done)
        {
            hash = From(bytes);
            return true;
        }

        hash = default;
        return false;
    }

    /// <inheritdoc/>
    public bool Equals(AuditStateHash other) => _high == other._high && _low == other._low;

    /// <inheritdoc/>
    public override bool Equals([NotNullWhen(true)] object? obj) => obj is AuditStateHash other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(_high, _low);

    /// <summary>Whether both stand for the same rows.</summary>
    public static bool operator ==(AuditStateHash left, AuditStateHash right) => left.Equals(right);

    /// <summary>Whether they stand for different rows.</summary>
    public static bool operator !=(AuditStateHash left, AuditStateHash right) => !left.Equals(right);

    /// <summary>64 lower-case hex digits.</summary>
    public override string ToString() => Convert.ToHexStringLower(ToBytes());

    internal void WriteTo(Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt128BigEndian(bytes, _high);
        BinaryPrimitives.WriteUInt128BigEndian(bytes[16..], _low);
    }

    private AuditStateHash Replace(AuditRowKind kind, string id, int number, long before, long after) =>
        before == after ? this : Remove(kind, id, number, before).Add(kind, id, number, after);

    private static AuditStateHash Tuple(AuditRowKind kind, string id, int number, long revision)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(id.Length, AuditLimits.RowId, nameof(id));
        Span<byte> tuple = stackalloc byte[15 + 17 + (AuditLimits.RowId * 3)];
        "coffer-state-v1"u8.CopyTo(tuple);
        tuple[15] = (byte)kind;
        BinaryPrimitives.WriteInt64BigEndian(tuple[16..], number);
        BinaryPrimitives.WriteInt64BigEndian(tuple[24..], revision);
        int length = 32 + Encoding.UTF8.GetBytes(id, tuple[32..]);
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(tuple[..length], digest);
        return From(digest);
    }
}
