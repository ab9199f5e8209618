using System.Buffers;

namespace Coffer.Sources.References;

/// <summary>
/// The core's rule for names, told here again because the programs that read sources do not carry the core; a test holds the two together.
/// </summary>
internal static class SourceNames
{
    private static readonly SearchValues<char> VaultCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-");
    private static readonly SearchValues<char> SecretCharacters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_+=.@-!:,~ ");

    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdefABCDEF");

    public static bool IsVault(ReadOnlySpan<char> text) =>
        text.Length is >= 3 and <= 24 && text[0] is >= 'a' and <= 'z' && text[^1] != '-'
            && !text.ContainsAnyExcept(VaultCharacters) && !text.Contains("--", StringComparison.Ordinal);

    public static bool IsSecret(ReadOnlySpan<char> text)
    {
        if (text.Length is < 1 or > 512 || text[0] == ' ' || text[^1] == ' ' || text.ContainsAnyExcept(SecretCharacters))
        {
            return false;
        }

        foreach (Range segment in text.Split('/'))
        {
            if (text[segment] is "." or "..")
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>A name of an environment variable: not empty, no <c>=</c>, nothing below a space, so that it fits a message and an <c>environ</c>.</summary>
    public static bool IsVariable(ReadOnlySpan<char> text) =>
        text.Length is >= 1 and <= 512 && !text.Contains('=') && text.IndexOfAnyInRange('\0', '\x1F') < 0;

    /// <summary>A version's number (from 1, no leading zero) or its id of 32 hexadecimal digits.</summary>
    public static bool IsVersion(ReadOnlySpan<char> text) => text.Length == 32
        ? !text.ContainsAnyExcept(HexDigits)
        : text.Length is >= 1 and <= 18 && text[0] != '0' && !text.ContainsAnyExceptInRange('0', '9');
}
