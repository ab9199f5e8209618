using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Security.Cryptography;
using Coffer.Core.Errors;

namespace Coffer.Core.Secrets;

/// <summary>
/// Name of a vault: 3–24 of <c>a-z 0-9 -</c>, starts with a letter, no <c>--</c>, no trailing <c>-</c>. Compared
/// ordinally. The default value is not a name and must not be used.
/// </summary>
public readonly record struct VaultName
{
    private const string Rule = "3 to 24 of a-z, 0-9 and -, starting with a letter, without -- or a trailing -";
    private static readonly SearchValues<char> Legal = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-");

    private VaultName(string value) => Value = value;

    /// <summary>The canonical text.</summary>
    public string Value { get; }

    /// <summary>Parses or returns false.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out VaultName name)
    {
        bool ok = text is { Length: >= 3 and <= 24 } && text[0] is >= 'a' and <= 'z' && text[^1] != '-'
            && !text.AsSpan().ContainsAnyExcept(Legal) && !text.Contains("--", StringComparison.Ordinal);
        name = ok ? new(text!) : default;
        return ok;
    }

    /// <summary>Parses, or throws <see cref="CofferErrorCode.InvalidName"/>.</summary>
    public static VaultName Parse(string? text) => TryParse(text, out VaultName name) ? name : throw Error.InvalidName("vault name", Rule);

    /// <inheritdoc/>
    public override string ToString() => Value;
}

/// <summary>
/// Name of a project: a vault's name of up to 16 characters, so that the names of its environments' vaults (<c>NAME-staging</c>)
/// are vault names too.
/// </summary>
public readonly record struct ProjectName
{
    internal const string Rule = "3 to 16 of a-z, 0-9 and -, starting with a letter, without -- or a trailing -";

    private ProjectName(string value) => Value = value;

    /// <summary>The canonical text.</summary>
    public string Value { get; }

    /// <summary>Parses or returns false.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out ProjectName name)
    {
        bool ok = VaultName.TryParse(text, out _) && text.Length <= 16;
        name = ok ? new(text!) : default;
        return ok;
    }

    /// <summary>Parses, or throws <see cref="CofferErrorCode.InvalidName"/>.</summary>
    public static ProjectName Parse(string? text) => TryParse(text, out ProjectName name) ? name : throw Error.InvalidName("project name", Rule);

    /// <inheritdoc/>
    public override string ToString() => Value;
}

/// <summary>A vault's fixed 12-digit number (first digit not 0): the AWS account id and Google project number it appears under.</summary>
public readonly record struct VaultNumber
{
    private const long Lowest = 100_000_000_000, Highest = 999_999_999_999;

    private VaultNumber(long value) => Value = value;

    /// <summary>The number itself.</summary>
    public long Value { get; }

    /// <summary>Wraps a stored number, or throws <see cref="CofferErrorCode.InvalidName"/>.</summary>
    public static VaultNumber From(long value) =>
        value is >= Lowest and <= Highest ? new(value) : throw Error.InvalidName("vault number", "twelve digits, the first not 0");

    /// <summary>Parses twelve ASCII digits.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out VaultNumber number)
    {
        number = default;
        if (text.Length != 12 || text[0] == '0' || text.ContainsAnyExceptInRange('0', '9'))
        {
            return false;
        }

        number = new(long.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture));
        return true;
    }

    /// <summary>Draws a new one from the system's random source.</summary>
    public static VaultNumber Draw()
    {
        // Two draws, as GetInt32 does not reach 12 digits; both are uniform, so the pair is.
        long high = RandomNumberGenerator.GetInt32(100_000, 1_000_000);
        long low = RandomNumberGenerator.GetInt32(0, 1_000_000);
        return new((high * 1_000_000) + low);
    }

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("D12", CultureInfo.InvariantCulture);
}

/// <summary>
/// Name of a secret inside its vault: 1–512 of <c>A-Za-z0-9/_+=.@-!:,~</c> and inner spaces; no segment <c>.</c> or
/// <c>..</c>. Case-sensitive, compared ordinally. This is the only canonical form: nothing folds, trims or decodes it
/// after it was parsed. The default value is not a name.
/// </summary>
public readonly record struct SecretName : IComparable<SecretName>
{
    /// <summary>Longest name, in characters.</summary>
    public const int MaxLength = 512;

    private const string Rule = "1 to 512 of A-Z, a-z, 0-9, /_+=.@-!:,~ and inner spaces, without . or .. segments";
    private static readonly SearchValues<char> Legal =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_+=.@-!:,~ ");

    private SecretName(string value) => Value = value;

    /// <summary>The canonical text.</summary>
    public string Value { get; }

    /// <summary>Parses or returns false.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out SecretName name)
    {
        bool ok = text is { Length: >= 1 and <= MaxLength } && text[0] != ' ' && text[^1] != ' '
            && !text.AsSpan().ContainsAnyExcept(Legal) && !HasDotSegment(text);
        name = ok ? new(text!) : default;
        return ok;
    }

    /// <summary>Parses, or throws <see cref="CofferErrorCode.InvalidName"/>.</summary>
    public static SecretName Parse(string? text) => TryParse(text, out SecretName name) ? name : throw Error.InvalidName("secret name", Rule);

    /// <summary>The name with <c>A-Z</c> lower-cased: what the Azure wire compares. Only for looking names up, never shown.</summary>
    public string Fold() => Value.ToLowerInvariant();

    /// <inheritdoc/>
    public int CompareTo(SecretName other) => string.CompareOrdinal(Value, other.Value);

    /// <inheritdoc/>
    public override string ToString() => Value;

    private static bool HasDotSegment(ReadOnlySpan<char> text)
    {
        if (!text.Contains('.'))
        {
            return false;
        }

        foreach (Range segment in text.Split('/'))
        {
            if (text[segment] is "." or "..")
            {
                return true;
            }
        }

        return false;
    }
}

/// <summary>Vault and name: the address on which access is decided.</summary>
/// <param name="Vault">The vault.</param>
/// <param name="Name">The secret's name in it.</param>
public readonly record struct SecretPath(VaultName Vault, SecretName Name)
{
    /// <summary>The <see cref="SecretUid.Suffix"/> of the one creation of the name that is meant (a full ARN), or null for whichever there is.</summary>
    public string? Suffix { get; init; }

    /// <summary>What the asking wire wants to hold before a write, or null; reads pass over it.</summary>
    public AnnotationCondition? Condition { get; init; }

    /// <summary>Whether a secret of this name is the one meant.</summary>
    public bool Means(SecretUid uid) => Suffix is null || string.Equals(Suffix, uid.Suffix(), StringComparison.Ordinal);

    /// <inheritdoc/>
    public override string ToString() => $"{Vault.Value}/{Name.Value}";
}

/// <summary>A label on a version (AWS staging label, Google alias): 1–256 printable characters. Compared ordinally.</summary>
public readonly record struct VersionLabel : IComparable<VersionLabel>
{
    private VersionLabel(string value) => Value = value;

    /// <summary>The pointer to the version that a plain read returns.</summary>
    public static VersionLabel Current { get; } = new("AWSCURRENT");

    /// <summary>The pointer to the version that was current before.</summary>
    public static VersionLabel Previous { get; } = new("AWSPREVIOUS");

    /// <summary>The version a rotation is about to make current.</summary>
    public static VersionLabel Pending { get; } = new("AWSPENDING");

    /// <summary>The canonical text.</summary>
    public string Value { get; }

    /// <summary>Whether it is one of the three labels that rotation owns.</summary>
    public bool IsReserved => this == Current || this == Previous || this == Pending;

    /// <summary>Parses or returns false.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out VersionLabel label)
    {
        bool ok = text is { Length: >= 1 and <= 256 } && !text.AsSpan().ContainsAnyExceptInRange(' ', '~');
        label = ok ? new(text!) : default;
        return ok;
    }

    /// <summary>Parses, or throws <see cref="CofferErrorCode.InvalidName"/>.</summary>
    public static VersionLabel Parse(string? text) =>
        TryParse(text, out VersionLabel label) ? label : throw Error.InvalidName("version label", "1 to 256 printable ASCII characters");

    /// <inheritdoc/>
    public int CompareTo(VersionLabel other) => string.CompareOrdinal(Value, other.Value);

    /// <inheritdoc/>
    public override string ToString() => Value;
}
