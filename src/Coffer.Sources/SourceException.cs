using System.Globalization;
using System.Text;

namespace Coffer.Sources;

/// <summary>What went wrong while reading or writing a source of secrets. Every program maps these once to its exit codes.</summary>
public enum SourceErrorKind
{
    /// <summary>Anything the other members do not say.</summary>
    Failure,

    /// <summary>The file, key or secret does not exist.</summary>
    NotFound,

    /// <summary>The caller may not.</summary>
    AccessDenied,

    /// <summary>The server does not know who is asking.</summary>
    Unauthenticated,

    /// <summary>Somebody else changed it at the same time.</summary>
    Conflict,

    /// <summary>The text or reference is malformed.</summary>
    Invalid,

    /// <summary>No server answers, or it is sealed.</summary>
    Unavailable,

    /// <summary>Refused because going on could leak or run something.</summary>
    Unsafe,
}

/// <summary>
/// The one error of every source: a problem, a hint and, for a file, where in it. Neither text ever holds a value.
/// </summary>
public sealed class SourceException : Exception
{
    /// <summary>Makes an error that has no place in a file.</summary>
    public SourceException(SourceErrorKind kind, string problem, string? hint = null)
        : this(kind, problem, hint, null, 0, 0)
    {
    }

    /// <summary>Makes an error about a file, or, with a <paramref name="line"/> above 0, about a place in it.</summary>
    public SourceException(SourceErrorKind kind, string problem, string? hint, string? file, int line, int column)
        : base(Compose(problem, file, line, column)) =>
        (Kind, Problem, Hint, File, Line, Column) = (kind, problem, hint, file, line, column);

    /// <summary>The kind, for exit codes and tests.</summary>
    public SourceErrorKind Kind { get; }

    /// <summary>The problem without its place: lower case, no final full stop.</summary>
    public string Problem { get; }

    /// <summary>What to do about it, or null.</summary>
    public string? Hint { get; }

    /// <summary>The file as the caller named it, or null.</summary>
    public string? File { get; }

    /// <summary>Line from 1, or 0 when the error has no place.</summary>
    public int Line { get; }

    /// <summary>Column from 1 in characters (a surrogate pair is one), or 0.</summary>
    public int Column { get; }

    /// <summary>
    /// <paramref name="text"/> fit for a terminal: control characters, which could move the cursor or recolour the screen, become <c>?</c>,
    /// and what is longer than 300 characters is cut.
    /// </summary>
    public static string Printable(string text)
    {
        StringBuilder builder = new(Math.Min(text.Length, 300));
        foreach (Rune rune in text.EnumerateRunes())
        {
            if (builder.Length >= 300)
            {
                return builder.Append('…').ToString();
            }

            UnicodeCategory category = Rune.GetUnicodeCategory(rune);
            bool hidden = category is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator
                or UnicodeCategory.ParagraphSeparator or UnicodeCategory.OtherNotAssigned;
            builder.Append(hidden ? "?" : rune.ToString());
        }

        return builder.ToString();
    }

    private static string Compose(string problem, string? file, int line, int column) =>
        file is null ? problem
        : line == 0 ? $"{Printable(file)}: {problem}"
        : string.Create(CultureInfo.InvariantCulture, $"{Printable(file)}: line {line}, column {column}: {problem}");
}
