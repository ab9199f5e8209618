using System.Text;

namespace Coffer.Sources.DotEnv;

/// <summary>
/// A <c>.env</c> file: its text, untouched, and the assignments in it. Immutable; an edit gives a new document that differs in that one
/// assignment and keeps comments, order, quotes, spacing and line ends. Never prints its text.
/// </summary>
public sealed class DotEnvDocument
{
    private readonly string _text;
    private readonly Dictionary<string, DotEnvEntry> _last;

    private DotEnvDocument(string text, string file)
    {
        (_text, File) = (text, file);
        List<DotEnvEntry> entries = DotEnvParser.Parse(text, file, out long work);
        (Entries, Work) = (entries, work);
        _last = new(entries.Count, StringComparer.Ordinal);
        foreach (DotEnvEntry entry in entries)
        {
            _last[entry.Key] = entry;
        }
    }

    /// <summary>The file as the caller named it; used in errors only.</summary>
    public string File { get; }

    /// <summary>All assignments in the order of the file, a key as often as it is assigned.</summary>
    public IReadOnlyList<DotEnvEntry> Entries { get; }

    /// <summary>Each key once, in the order of first assignment.</summary>
    public IEnumerable<string> Keys => Entries.Select(entry => entry.Key).Distinct(StringComparer.Ordinal);

    /// <summary>Characters the parser looked at.</summary>
    internal long Work { get; }

    /// <summary>Whether <paramref name="key"/> can be a key: 1–512 of <c>A-Z a-z 0-9 _ . -</c>, first not <c>.</c> or <c>-</c>.</summary>
    public static bool IsKey(string key) => DotEnvParser.IsKey(key);

    /// <summary>
    /// Parses a whole file. Throws <see cref="SourceException"/> of kind <see cref="SourceErrorKind.Invalid"/> with line and column at the
    /// first thing that is not well formed: the encoding, a NUL, a bad line, an open quote, a <c>$(…)</c>, a limit of <see cref="DotEnvLimits"/>.
    /// </summary>
    public static DotEnvDocument Parse(ReadOnlySpan<byte> utf8, string file) => new(DotEnvText.Decode(utf8, file), file);

    /// <summary>Parses text; the same errors as for bytes. A surrogate without its pair is an error, as no file could hold it.</summary>
    public static DotEnvDocument Parse(string text, string file)
    {
        int bad = IndexOfUnwritable(text);
        if (bad >= 0)
        {
            (int line, int column) = DotEnvText.Position(text, bad);
            throw new SourceException(SourceErrorKind.Invalid, "a character that no environment variable can hold", "remove NUL characters and broken surrogate pairs", file, line, column);
        }

        return new(text, file);
    }

    /// <summary>The assignment of <paramref name="key"/> that counts, which is the last one, or null.</summary>
    public DotEnvEntry? Find(string key) => _last.GetValueOrDefault(key);

    /// <summary>
    /// The document with <paramref name="key"/> assigned. An existing assignment (the last, which is the one that counts) keeps its place,
    /// <c>export</c>, spacing, comment and, where the value allows, its quotes; a new one goes to the end. Throws
    /// <see cref="SourceException"/> for a key or value that a file cannot hold.
    /// </summary>
    public DotEnvDocument Set(string key, string value)
    {
        if (!IsKey(key))
        {
            throw new SourceException(SourceErrorKind.Invalid, "not a name that a .env file can hold", "names have letters, digits, _, . and -");
        }

        if (IndexOfUnwritable(value) >= 0 || value.Length > DotEnvLimits.ValueLength)
        {
            throw new SourceException(SourceErrorKind.Invalid, "a value that no environment variable can hold", "values are text of up to 1 MiB without NUL characters");
        }

        string newLine = NewLine();
        if (Find(key) is not { } entry)
        {
            string gap = EndsInMiddleOfLine() ? newLine : "";
            return new($"{_text}{gap}{key}={DotEnvQuoting.Write(value, DotEnvQuote.None, newLine)}{newLine}", File);
        }

        if (entry.Template.Literal == value)
        {
            return this;
        }

        DotEnvSpan span = entry.Span;
        string written = DotEnvQuoting.Write(value, entry.Quote, newLine);
        return new(string.Concat(_text.AsSpan(0, span.ValueStart), written, _text.AsSpan(span.ValueEnd)), File);
    }

    /// <summary>The document without any assignment of <paramref name="key"/>; the same document if there is none. Comments stay.</summary>
    public DotEnvDocument Unset(string key)
    {
        if (Find(key) is null)
        {
            return this;
        }

        StringBuilder text = new(_text.Length);
        int at = 0;
        foreach (DotEnvEntry entry in Entries.Where(entry => entry.Key == key))
        {
            text.Append(_text, at, entry.Span.LineStart - at);
            at = entry.Span.LineEnd;
        }

        return new(text.Append(_text, at, _text.Length - at).ToString(), File);
    }

    /// <summary>The file's bytes. They hold every value: the caller writes them to the file and nowhere else.</summary>
    public byte[] ToUtf8() => Encoding.UTF8.GetBytes(_text);

    /// <summary>The file's name and how many assignments it has; never its text.</summary>
    public override string ToString() => $"{File} ({Entries.Count} assignments)";

    internal (int Line, int Column) Position(int offset) => DotEnvText.Position(_text, offset);

    internal SourceException Fail(int offset, string problem, string hint)
    {
        (int line, int column) = Position(offset);
        return new(SourceErrorKind.Invalid, problem, hint, File, line, column);
    }

    private string NewLine()
    {
        int end = _text.AsSpan().IndexOfAny('\r', '\n');
        return end < 0 || _text[end] == '\n' ? "\n" : end + 1 < _text.Length && _text[end + 1] == '\n' ? "\r\n" : "\r";
    }

    private bool EndsInMiddleOfLine() => _text.Length > 0 && _text[^1] is not ('\n' or '\r') && _text is not [DotEnvText.ByteOrderMark];

    private static int IndexOfUnwritable(string text)
    {
        for (int i = text.AsSpan().IndexOfAnyInRange('\uD800', '\uDFFF'); i >= 0 && i < text.Length; i++)
        {
            if (char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]))
            {
                i++;
            }
            else if (char.IsSurrogate(text[i]))
            {
                return i;
            }
        }

        return text.IndexOf('\0', StringComparison.Ordinal);
    }
}
