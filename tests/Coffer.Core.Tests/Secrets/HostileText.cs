using System.Globalization;
using CsCheck;

namespace Coffer.Core.Tests.Secrets;

/// <summary>Text as an attacker would send it: legal names, broken in the ways that have broken name checks elsewhere.</summary>
internal static class HostileText
{
    /// <summary>How many texts each rule is tried with.</summary>
    internal const long Iterations = 20_000;

    /// <summary>Pieces that some decoder, folder, trimmer or file system would read as something else.</summary>
    internal static readonly string[] Pieces =
    [
        "%2f", "%2F", "%2e%2e", "%252f", "%00", "\0", ".", "..", "/", "//", "/../", "/./", "\\", "..\\", " ", "  ", "\t", "\r", "\n", "\u00a0",
        "\u200b", "\u200d", "\u202e", "\ufeff", "\u0130", "\u0131", "\u212a", "\u017f", "\u0430", "\u0435", "\u043e", "\uff0e", "\uff0f", "\u2044", "\u2215",
        "e\u0301", "\u00e9", "\ud83d\ude00", "\ud800", "\udc00", "*", "?", "[", "]", "{", "}", "'", "\"", "`", "<", ">", "|", "&", ";", "$", "#", "(", ")",
        "-", "--", "_", "=", "+", "@", "!", ":", ",", "~", "\u007f", "\u0080", "\u0660", "\uff11", "A", "Z", "a", "z", "0", "9", "AWSCURRENT",
    ];

    private static readonly Gen<string> Piece = Gen.OneOf(
        Pick(Pieces),
        Gen.String[Gen.Char['a', 'z'], 1, 8],
        Gen.String[Gen.Char['!', '~'], 1, 40],
        Gen.String[Gen.Char, 0, 6]);

    /// <summary>Any concatenation of such pieces, of any length up to well past every limit.</summary>
    internal static readonly Gen<string> Any = Gen.OneOf(
        Piece.Array[0, 6].Select(string.Concat),
        Piece.Array[10, 60].Select(string.Concat));

    /// <summary>A legal text with one piece put somewhere into it, so that only the piece can be what is wrong.</summary>
    internal static Gen<(string Text, string Piece)> Spoilt(Gen<string> legal) =>
        Gen.Select(legal, Pick(Pieces), Gen.Double.Unit, (text, piece, where) =>
        {
            int at = (int)(where * (text.Length + 1));
            return (text[..at] + piece + text[at..], piece);
        });

    /// <summary>One of the elements.</summary>
    internal static Gen<T> Pick<T>(IReadOnlyList<T> among) => Gen.Int[0, among.Count - 1].Select(i => among[i]);

    /// <summary>Shown in failures without what a terminal would act on.</summary>
    internal static string Show(string text) =>
        string.Concat(text.Select(c => c is >= ' ' and <= '~' ? c.ToString() : "\\u" + ((int)c).ToString("x4", CultureInfo.InvariantCulture)));
}
