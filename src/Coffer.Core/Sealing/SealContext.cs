using System.Buffers.Binary;
using System.Text;

namespace Coffer.Core.Sealing;

/// <summary>What sealed bytes are for. Numbers go into associated data and never change.</summary>
public enum SealPurpose
{
    /// <summary>The value of a version.</summary>
    Value = 1,

    /// <summary>A credential's secret that a wire forces us to know.</summary>
    Credential = 2,

    /// <summary>Configuration that holds secrets (trusts, sources).</summary>
    Configuration = 3,
}

/// <summary>
/// Where sealed bytes belong: they open there and nowhere else. As bytes, told apart by the first:
/// <code>
///   value    purpose 1 · vault number 8 · uid 16 · number 4 · version id 16 · kind 1      46 bytes
///   other    purpose 1 · length 2 · id as UTF-8                                            3–515 bytes
/// </code>
/// Integers are big-endian.
/// </summary>
public readonly struct SealContext
{
    /// <summary>UTF-8 bytes that the id of something else than a value may have.</summary>
    public const int MaxIdBytes = 512;

    internal const int MaxBytes = 3 + MaxIdBytes;

    private readonly SealPurpose _purpose;
    private readonly long _vaultNumber;
    private readonly UInt128 _uid;
    private readonly int _number;
    private readonly UInt128 _versionId;
    private readonly byte _kind;
    private readonly string? _id;

    private SealContext(SealPurpose purpose, string id)
    {
        ArgumentNullException.ThrowIfNull(id);
        if (Encoding.UTF8.GetByteCount(id) > MaxIdBytes)
        {
            throw new ArgumentException($"the id has more than {MaxIdBytes} bytes", nameof(id));
        }

        _purpose = purpose;
        _id = id;
    }

    private SealContext(long vaultNumber, UInt128 uid, int number, UInt128 versionId, byte kind)
    {
        _purpose = SealPurpose.Value;
        _vaultNumber = vaultNumber;
        _uid = uid;
        _number = number;
        _versionId = versionId;
        _kind = kind;
    }

    /// <summary>The value of one version.</summary>
    /// <param name="vaultNumber">The vault's 12-digit number.</param>
    /// <param name="uid">The secret's uid.</param>
    /// <param name="number">The version's number.</param>
    /// <param name="versionId">The version's id.</param>
    /// <param name="kind">What kind of bytes the version holds.</param>
    public static SealContext ForValue(long vaultNumber, UInt128 uid, int number, UInt128 versionId, byte kind) => new(vaultNumber, uid, number, versionId, kind);

    /// <summary>The secret of one credential, by its public id. Throws <see cref="ArgumentException"/> above <see cref="MaxIdBytes"/>.</summary>
    public static SealContext ForCredential(string publicId) => new(SealPurpose.Credential, publicId);

    /// <summary>One piece of configuration. Throws <see cref="ArgumentException"/> above <see cref="MaxIdBytes"/>.</summary>
    public static SealContext ForConfiguration(string id) => new(SealPurpose.Configuration, id);

    /// <summary>Writes the bytes drawn above and answers how many.</summary>
    internal int Write(Span<byte> target)
    {
        target[0] = (byte)_purpose;
        if (_id is not null)
        {
            int length = Encoding.UTF8.GetBytes(_id, target[3..]);
            BinaryPrimitives.WriteUInt16BigEndian(target[1..], (ushort)length);
            return 3 + length;
        }

        if (_purpose != SealPurpose.Value)
        {
            throw new InvalidOperationException("a context comes from one of the factory methods");
        }

        BinaryPrimitives.WriteInt64BigEndian(target[1..], _vaultNumber);
        BinaryPrimitives.WriteUInt128BigEndian(target[9..], _uid);
        BinaryPrimitives.WriteInt32BigEndian(target[25..], _number);
        BinaryPrimitives.WriteUInt128BigEndian(target[29..], _versionId);
        target[45] = _kind;
        return 46;
    }

    /// <summary>
    /// How many of those bytes choose the key: all but the kind of a value, which the associated data alone binds.
    /// </summary>
    internal int KeyBytes(int written) => _id is null ? written - 1 : written;
}
