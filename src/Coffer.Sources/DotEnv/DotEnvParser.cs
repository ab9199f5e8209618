namespace Coffer.Sources.DotEnv;

/// <summary>
/// Reads lines into assignments, each character once. The dialect and its reasons are in <c>docs/dotenv.md</c>: bash where bash is safe,
/// an error with a place where programs disagree and a wrong guess would be a wrong secret.
/// </summary>
internal ref partial struct DotEnvParser
{
    private readonly ReadOnlySpan<char> _text;
    private readonly string _file;
    private readonly List<DotEnvEntry> _entries = [];
    private int _at;
    private int _line = 1;

    private DotEnvParser(ReadOnlySpan<char> text, string file)
    {
        _text = text;
        _file = file;
    }

    /// <summary>Characters looked at: what the linearity test counts instead of measuring time.</summary>
    public long Work { get; private set; }

    public static List<DotEnvEntry> Parse(ReadOnlySpan<char> text, string file, out long work)
    {
        DotEnvParser parser = new(text, file);
        parser.ReadLines();
        work = parser.Work;
        return parser._entries;
    }

    public static bool IsKey(ReadOnlySpan<char> key)
    {
        if (key.IsEmpty || key.Length > DotEnvLimits.KeyLength || key[0] is '.' or '-')
        {
            return false;
        }

        foreach (char c in key)
        {
            if (!IsKeyCharacter(c))
            {
                return false;
            }
        }

        return true;
    }

    private readonly char Peek(int ahead = 0) => _at + ahead < _text.Length ? _text[_at + ahead] : '\0';

    private readonly bool AtEnd => _at >= _text.Length;

    private readonly bool AtLineEnd => AtEnd || _text[_at] is '\n' or '\r';

    private static bool IsKeyCharacter(char c) => char.IsAsciiLetterOrDigit(c) || c is '_' or '.' or '-';

    private static bool IsNameStart(char c) => char.IsAsciiLetter(c) || c == '_';

    private static bool IsNameCharacter(char c) => char.IsAsciiLetterOrDigit(c) || c == '_';

    private static bool IsBlank(char c) => c is ' ' or '\t';

    private void ReadLines()
    {
        if (Peek() == DotEnvText.ByteOrderMark)
        {
            Take();
        }

        while (!AtEnd)
        {
            int start = _at;
            SkipBlanks();
            if (AtLineEnd)
            {
                SkipLineEnd();
            }
            else if (Peek() == '#')
            {
                SkipComment();
            }
            else
            {
                ReadAssignment(start);
            }
        }
    }

    private void ReadAssignment(int lineStart)
    {
        int line = _line;
        string key = ReadKey();
        int equals = _at;
        Take();
        SkipBlanks();

        int valueStart = _at;
        DotEnvQuote quote = Peek() switch { '\'' => DotEnvQuote.Single, '"' => DotEnvQuote.Double, _ => DotEnvQuote.None };
        DotEnvTemplate template;
        int valueEnd;
        switch (quote)
        {
            case DotEnvQuote.Single:
                template = ReadSingleQuoted();
                valueEnd = _at;
                ExpectEndOfValue('\'');
                break;
            case DotEnvQuote.Double:
                template = ReadDoubleQuoted();
                valueEnd = _at;
                ExpectEndOfValue('"');
                break;
            default:
                if (Peek() == '`')
                {
                    throw Fail(_at, "a value in backticks", "use '…' or \"…\"; other programs read backticks as quotes, as text or as a command");
                }

                // Of "A=  # note" the blanks belong to the note, so that setting A leaves it a note.
                template = Peek() == '#' && valueStart > equals + 1 ? DotEnvTemplate.Empty : ReadBare();
                valueEnd = _at;
                if (template.Parts.Length == 0)
                {
                    valueStart = valueEnd = equals + 1;
                }

                break;
        }

        SkipBlanks();
        if (!AtLineEnd)
        {
            SkipComment();
        }
        else
        {
            SkipLineEnd();
        }

        if (_entries.Count == DotEnvLimits.Entries)
        {
            throw Fail(lineStart, "more than 100000 assignments", "a .env file holds settings, not data");
        }

        _entries.Add(new(key, line, quote, template, new(lineStart, _at, valueStart, valueEnd)));
    }

    private string ReadKey()
    {
        if (_text[_at..].StartsWith("export", StringComparison.Ordinal) && IsBlank(Peek(6)))
        {
            int back = _at;
            Take(6);
            SkipBlanks();
            if (Peek() == '=')
            {
                _at = back;
            }
        }

        int start = _at;
        while (!AtEnd && IsKeyCharacter(_text[_at]))
        {
            Take();
        }

        ReadOnlySpan<char> key = _text[start.._at];
        if (key.IsEmpty)
        {
            throw Peek() switch
            {
                '\'' or '"' or '`' => Fail(start, "a quoted name", "write the name without quotes: NAME=value"),
                '=' => Fail(start, "no name before the equals sign", "write NAME=value"),
                _ => NotAnAssignment(start),
            };
        }

        if (!IsKey(key))
        {
            throw Fail(start, key.Length > DotEnvLimits.KeyLength ? "a name of more than 512 characters" : "a name that starts with . or -", "names have letters, digits, _, . and -");
        }

        int end = _at;
        SkipBlanks();
        if (Peek() == '=')
        {
            return key.ToString();
        }

        throw AtLineEnd
            ? Fail(start, "a name without a value", AfterBackslash(start)
                ? "a backslash does not continue a line; put the value in quotes to write it over several lines"
                : "write NAME= for an empty value, or NAME=env://NAME to pass a variable on")
            : Peek() == ':' && end == _at ? Fail(_at, "a colon after the name", "write NAME=value; the form NAME: value is not read")
            : NotAnAssignment(start);
    }

    private readonly bool AfterBackslash(int lineStart)
    {
        ReadOnlySpan<char> before = _text[..lineStart].TrimEnd(" \t\r\n");
        return before is [.., '\\'];
    }

    private readonly SourceException NotAnAssignment(int offset) =>
        Fail(offset, "a line that is not NAME=value", "start comments with #; a value over several lines needs quotes");

    private void ExpectEndOfValue(char quote)
    {
        int end = _at;
        SkipBlanks();
        if (!AtLineEnd && (Peek() != '#' || _at == end))
        {
            throw Fail(_at, "text after the closing quote", quote == '\''
                ? "inside '…' a backslash is text and ' ends the value; use \"…\" for a value with '"
                : "write \\\" for a quote inside the value, and a space before a comment");
        }
    }

    private void SkipBlanks()
    {
        while (!AtEnd && IsBlank(_text[_at]))
        {
            Take();
        }
    }

    private void SkipComment()
    {
        while (!AtLineEnd)
        {
            Take();
        }

        SkipLineEnd();
    }

    private void SkipLineEnd()
    {
        if (AtEnd)
        {
            return;
        }

        Take(Peek() == '\r' && Peek(1) == '\n' ? 2 : 1);
        _line++;
    }

    private void Take(int count = 1)
    {
        _at += count;
        Work += count;
    }

    private readonly SourceException Fail(int offset, string problem, string hint)
    {
        (int line, int column) = DotEnvText.Position(_text, offset);
        return new(SourceErrorKind.Invalid, problem, hint, _file, line, column);
    }
}
