using System.Buffers.Binary;
using System.Text;

namespace Coffer.Core.Sealing;

/// <summary>What a sealed thing is for. Numbers are stored in associated data and frozen.</summary>
public enum SealPurpose
{
    /// <summary>The value of a version.</summary>
    Value = 1,

    /// <summary>A credential's secret that a wire forces us to keep.</summary>
    Credential = 2,

    /// <summary>Configuration that holds secrets.</summary>
    Configuration = 3,
}

/// <summary>
/// Where a sealed thing belongs. It is associated data of the encryption and part of the derivation of its key: a sealed
/// thing opens in its own place and nowhere else.
/// </summary>
public readonly ref struct SealContext
{
    internal const int ValueBytes = 1 + 8 + 16 + 4 + 16 + 1;

    private readonly SealPurpose _purpose;
    private readonly long _vault;
    private readonly UInt128 _uid;
    private readonly int _number;
    private readonly UInt128 _version;
    private readonly byte _kind;
    private readonly string? _text;

    private SealContext(SealPurpose purpose, long vault, UInt128 uid, int number, UInt128 version, byte kind, string? text)
    {
        _purpose = purpose;
        _vault = vault;
        _uid = uid;
        _number = number;
        _version = version;
        _kind = kind;
        _text = text;
    }

    /// <summary>A version's value: vault number, secret uid, version number, version id, kind of value.</summary>
    public static SealContext ForValue(long vault, UInt128 uid, int number, UInt128 version, byte kind) => new(SealPurpose.Value, vault, uid, number, version, kind, null);

    /// <summary>A credential's secret, by its public id.</summary>
    public static SealContext ForCredential(string publicId) => new(SealPurpose.Credential, 0, 0, 0, 0, 0, publicId);

    /// <summary>Configuration, by its name.</summary>
    public static SealContext ForConfiguration(string name) => new(SealPurpose.Configuration, 0, 0, 0, 0, 0, name);

    /// <summary>Most bytes that <see cref="Write"/> needs.</summary>
    internal int MaxBytes => _text is null ? ValueBytes : 1 + 4 + Encoding.UTF8.GetMaxByteCount(_text.Length);

    /// <summary>Canonical bytes: fixed fields, or the purpose and a length-prefixed text.</summary>
    internal int Write(Span<byte> into)
    {
        into[0] = (byte)_purpose;
        if (_text is not null)
        {
            int length = Encoding.UTF8.GetBytes(_text, into[5..]);
            BinaryPrimitives.WriteInt32BigEndian(into[1..], length);
            return 5 + length;
        }

        BinaryPrimitives.WriteInt64BigEndian(into[1..], _vault);
        BinaryPrimitives.WriteUInt128BigEndian(into[9..], _uid);
        BinaryPrimitives.WriteInt32BigEndian(into[25..], _number);
        BinaryPrimitives.WriteUInt128BigEndian(into[29..], _version);
        into[45] = _kind;
        return ValueBytes;
    }
}

/// <summary>Why a sealed thing does not open.</summary>
public enum SealFailure
{
    /// <summary>Too short to be one.</summary>
    Truncated = 1,

    /// <summary>A layout that this version does not know.</summary>
    UnknownLayout = 2,

    /// <summary>Sealed under a key that the keyring does not hold.</summary>
    UnknownKey = 3,

    /// <summary>Changed, or not in its own place.</summary>
    NotAuthentic = 4,
}

/// <summary>A sealed thing did not open. Carries no data.</summary>
/// <param name="reason">Why.</param>
public sealed class SealIntegrityException(SealFailure reason) : Exception($"a sealed value did not open: {reason}")
{
    /// <summary>Why.</summary>
    public SealFailure Reason { get; } = reason;
}

/// <summary>There is no keyring now: the server is sealed.</summary>
public sealed class SealedException() : Exception("the server is sealed");
