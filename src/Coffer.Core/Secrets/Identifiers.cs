using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Coffer.Core.Errors;

namespace Coffer.Core.Secrets;

/// <summary>
/// 128 random bits that tell one creation of a name from the next: a purged and re-created name is another secret.
/// Written as 32 lower-case hex digits.
/// </summary>
public readonly record struct SecretUid(UInt128 Value)
{
    private const string Base62 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

    /// <summary>Draws a new one.</summary>
    public static SecretUid Draw() => new(Id128.Draw());

    /// <summary>Reads sixteen stored bytes, big-endian.</summary>
    public static SecretUid From(ReadOnlySpan<byte> bytes) => new(BinaryPrimitives.ReadUInt128BigEndian(bytes));

    /// <summary>The sixteen bytes, big-endian.</summary>
    public byte[] ToBytes() => Id128.Bytes(Value);

    /// <summary>Six base-62 characters derived from the uid: the suffix of the secret's ARN. Never stored.</summary>
    public string Suffix()
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, Value);
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(bytes, digest);
        ulong number = BinaryPrimitives.ReadUInt64BigEndian(digest);
        return string.Create(6, number, static (span, n) =>
        {
            for (int i = 0; i < span.Length; i++)
            {
                span[i] = Base62[(int)(n % 62)];
                n /= 62;
            }
        });
    }

    /// <inheritdoc/>
    public override string ToString() => Id128.Text(Value);
}

/// <summary>Identity of a version: 32 lower-case hex digits; unique within its secret.</summary>
public readonly record struct VersionId(UInt128 Value)
{
    /// <summary>Draws a new one.</summary>
    public static VersionId Draw() => new(Id128.Draw());

    /// <summary>Reads sixteen stored bytes, big-endian.</summary>
    public static VersionId From(ReadOnlySpan<byte> bytes) => new(BinaryPrimitives.ReadUInt128BigEndian(bytes));

    /// <summary>Parses 32 hex digits, upper or lower case, without hyphens.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out VersionId id)
    {
        bool ok = Id128.TryParse(text, out UInt128 value);
        id = new(value);
        return ok;
    }

    /// <summary>The sixteen bytes, big-endian.</summary>
    public byte[] ToBytes() => Id128.Bytes(Value);

    /// <summary>The id in UUID form, as AWS shows a version that was written without a token.</summary>
    public string ToUuid()
    {
        string hex = Id128.Text(Value);
        return string.Concat(string.Concat(hex.AsSpan(0, 8), "-", hex.AsSpan(8, 4), "-"), string.Concat(hex.AsSpan(12, 4), "-", hex.AsSpan(16, 4), "-"), hex.AsSpan(20));
    }

    /// <inheritdoc/>
    public override string ToString() => Id128.Text(Value);
}

/// <summary>The client's idempotency token as sent: 32–64 printable ASCII characters. Compared ordinally.</summary>
public readonly record struct RequestToken
{
    private RequestToken(string value) => Value = value;

    /// <summary>The text as sent.</summary>
    public string Value { get; }

    /// <summary>Parses or returns false.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out RequestToken token)
    {
        bool ok = text is { Length: >= 32 and <= 64 } && !text.AsSpan().ContainsAnyExceptInRange('!', '~');
        token = ok ? new(text!) : default;
        return ok;
    }

    /// <summary>Parses, or throws <see cref="CofferErrorCode.InvalidName"/>.</summary>
    public static RequestToken Parse(string? text) =>
        TryParse(text, out RequestToken token) ? token : throw Error.InvalidName("request token", "32 to 64 printable ASCII characters");

    /// <summary>
    /// If the token is a UUID (8-4-4-4-12 hex digits), its digits as a version id, so that one version has one identity
    /// on every wire.
    /// </summary>
    public bool TryGetVersionId(out VersionId id)
    {
        id = default;
        if (Value.Length != 36 || Value[8] != '-' || Value[13] != '-' || Value[18] != '-' || Value[23] != '-')
        {
            return false;
        }

        Span<char> hex = stackalloc char[32];
        ReadOnlySpan<char> text = Value;
        text[..8].CopyTo(hex);
        text[9..13].CopyTo(hex[8..]);
        text[14..18].CopyTo(hex[12..]);
        text[19..23].CopyTo(hex[16..]);
        text[24..].CopyTo(hex[20..]);
        return VersionId.TryParse(hex, out id);
    }

    /// <inheritdoc/>
    public override string ToString() => Value;
}

/// <summary>Which version a caller means: exactly one of the four ways.</summary>
public abstract record VersionSelector
{
    private VersionSelector()
    {
    }

    /// <summary>The version a plain read returns.</summary>
    public static VersionSelector Current { get; } = new CurrentVersion();

    /// <summary>The plain read.</summary>
    public sealed record CurrentVersion : VersionSelector;

    /// <summary>By number, 1 and up.</summary>
    /// <param name="Number">The number.</param>
    public sealed record ByNumber(int Number) : VersionSelector;

    /// <summary>By 32-digit id.</summary>
    /// <param name="Id">The id.</param>
    public sealed record ById(VersionId Id) : VersionSelector;

    /// <summary>By the token it was written with (or, where it had none, its id in UUID form); perhaps also by a label it must carry.</summary>
    /// <param name="Token">The token.</param>
    /// <param name="Label">A label that the version must carry, or null.</param>
    public sealed record ByToken(RequestToken Token, VersionLabel? Label = null) : VersionSelector;

    /// <summary>By label.</summary>
    /// <param name="Label">The label.</param>
    public sealed record ByLabel(VersionLabel Label) : VersionSelector;

    /// <summary>What the audit record says was asked for.</summary>
    public string Describe() => this switch
    {
        ByNumber n => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"#{n.Number}"),
        ById i => i.Id.ToString(),
        ByToken t => t.Token.Value,
        ByLabel l => "label:" + l.Label.Value,
        _ => "current",
    };
}

/// <summary>What <see cref="SecretUid"/> and <see cref="VersionId"/> share.</summary>
internal static class Id128
{
    public static UInt128 Draw()
    {
        Span<byte> bytes = stackalloc byte[16];
        RandomNumberGenerator.Fill(bytes);
        return BinaryPrimitives.ReadUInt128BigEndian(bytes);
    }

    public static byte[] Bytes(UInt128 value)
    {
        byte[] bytes = new byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, value);
        return bytes;
    }

    public static string Text(UInt128 value)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, value);
        return Convert.ToHexStringLower(bytes);
    }

    public static bool TryParse(ReadOnlySpan<char> text, out UInt128 value)
    {
        value = default;
        Span<byte> bytes = stackalloc byte[16];
        if (text.Length != 32 || Convert.FromHexString(text, bytes, out _, out _) != System.Buffers.OperationStatus.Done)
        {
            return false;
        }

        value = BinaryPrimitives.ReadUInt128BigEndian(bytes);
        return true;
    }
}
