using System.Text;

namespace Coffer.Sources.DotEnv;

/// <summary>The values: three quotings, escapes and the grammar of <c>$</c>.</summary>
internal ref partial struct DotEnvParser
{
    private enum Context
    {
        Bare,
        Double,
    }

    private DotEnvTemplate ReadSingleQuoted()
    {
        int open = _at;
        Take();
        int length = _text[_at..].IndexOf('\'');
        if (length < 0)
        {
            throw Unterminated(open);
        }

        ReadOnlySpan<char> raw = _text.Slice(_at, length);
        string value = raw.ContainsAny('\r', '\n') ? WithLineFeeds(raw) : raw.ToString();
        Take(length + 1);
        return value.Length == 0 ? DotEnvTemplate.Empty : new([new TemplatePart(value)]);
    }

    private string WithLineFeeds(ReadOnlySpan<char> raw)
    {
        string value = raw.ToString().Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n');
        _line += value.AsSpan().Count('\n');
        return value;
    }

    private DotEnvTemplate ReadDoubleQuoted()
    {
        int open = _at;
        Take();
        TemplateBuilder builder = new();
        while (!AtEnd)
        {
            switch (Peek())
            {
                case '"':
                    Take();
                    return builder.Build();
                case '\\':
                    ReadEscape(builder, inWord: false);
                    break;
                case '$':
                    ReadDollar(builder, Context.Double, 0);
                    break;
                case '\r' or '\n':
                    SkipLineEnd();
                    builder.Append('\n');
                    break;
                default:
                    builder.Append(Peek());
                    Take();
                    break;
            }
        }

        throw Unterminated(open);
    }

    // Leaves the position behind the last character that is not a blank.
    private DotEnvTemplate ReadBare()
    {
        TemplateBuilder builder = new();
        int blanks = 0;
        while (!AtLineEnd)
        {
            char c = Peek();
            if (c == '#' && blanks > 0)
            {
                break;
            }

            if (c == '$')
            {
                ReadDollar(builder, Context.Bare, 0);
                blanks = 0;
            }
            else
            {
                // A backslash is text, so that C:\dir stays what it looks like; only \$ is an escape.
                if (c == '\\' && Peek(1) == '$')
                {
                    Take();
                    c = '$';
                }

                builder.Append(c);
                Take();
                blanks = IsBlank(c) ? blanks + 1 : 0;
            }
        }

        builder.DropLast(blanks);
        _at -= blanks;
        return builder.Build();
    }

    private void ReadEscape(TemplateBuilder builder, bool inWord)
    {
        char next = Peek(1);
        char? plain = next switch
        {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            '"' or '\\' or '$' or '`' => next,
            '}' when inWord => next,
            _ => null,
        };
        if (plain is { } c)
        {
            builder.Append(c);
            Take(2);
        }
        else if (next is '\r' or '\n')
        {
            // As in bash, a backslash at the end of a line inside double quotes joins it with the next.
            Take();
            SkipLineEnd();
        }
        else
        {
            // As in bash, a backslash before anything else stays: "\d" is two characters.
            builder.Append('\\');
            Take();
        }
    }

    private void ReadDollar(TemplateBuilder builder, Context context, int depth)
    {
        int dollar = _at;
        Take();
        char next = Peek();
        if (next == '$')
        {
            Take();
            builder.Append('$');
        }
        else if (next == '(')
        {
            throw Fail(dollar, "a command $(…), which a .env file never runs", "write \\$( for the text itself, or put the value in '…'");
        }
        else if (next == '{')
        {
            ReadBraced(builder, context, depth, dollar);
        }
        else if (IsNameStart(next))
        {
            builder.Add(new("", ReadName(), ExpansionOperator.None, false, DotEnvTemplate.Empty, dollar));
        }
        else
        {
            // "$5", "cost: $" and "$%" name no variable.
            builder.Append('$');
        }
    }

    private void ReadBraced(TemplateBuilder builder, Context context, int depth, int dollar)
    {
        if (depth == DotEnvLimits.Depth)
        {
            throw Fail(dollar, "more than 32 levels of ${…}", "give the inner part a name of its own");
        }

        Take();
        string name = IsNameStart(Peek()) ? ReadName() : throw Fail(dollar, "${ without a variable's name", "write \\${ for the text itself, or put the value in '…'");
        bool colon = Peek() == ':';
        if (colon)
        {
            Take();
        }

        ExpansionOperator op = Peek() switch
        {
            '-' => ExpansionOperator.Default,
            '+' => ExpansionOperator.Alternative,
            '?' => ExpansionOperator.Required,
            '}' when !colon => ExpansionOperator.None,
            _ when AtEnd || (context == Context.Bare && AtLineEnd) => throw UnterminatedBrace(dollar),
            _ => throw Fail(_at, "an expansion that is not supported", "${NAME}, ${NAME:-default}, ${NAME-default}, ${NAME:+other}, ${NAME+other}, ${NAME:?message} and ${NAME?message} are"),
        };
        DotEnvTemplate word = DotEnvTemplate.Empty;
        if (op != ExpansionOperator.None)
        {
            Take();
            word = ReadWord(context, depth + 1, dollar);
        }

        Take();
        builder.Add(new("", name, op, colon, word, dollar));
    }

    private DotEnvTemplate ReadWord(Context context, int depth, int dollar)
    {
        TemplateBuilder builder = new();
        while (!AtEnd && Peek() != '}')
        {
            char c = Peek();
            if (context == Context.Bare ? c is '\r' or '\n' : c == '"')
            {
                throw UnterminatedBrace(dollar);
            }

            if (c == '$')
            {
                ReadDollar(builder, context, depth);
            }
            else if (c == '\\' && context == Context.Double)
            {
                ReadEscape(builder, inWord: true);
            }
            else if (c is '\r' or '\n')
            {
                SkipLineEnd();
                builder.Append('\n');
            }
            else
            {
                if (c == '\\' && Peek(1) is '$' or '}')
                {
                    Take();
                    c = Peek();
                }

                builder.Append(c);
                Take();
            }
        }

        return AtEnd ? throw UnterminatedBrace(dollar) : builder.Build();
    }

    private string ReadName()
    {
        int start = _at;
        while (IsNameCharacter(Peek()))
        {
            Take();
        }

        return _text[start.._at].ToString();
    }

    private readonly SourceException Unterminated(int open) =>
        Fail(open, "a quote that is never closed", _text[open] == '\'' ? "close it with '" : "close it with \", and write \\\" for a quote inside the value");

    private readonly SourceException UnterminatedBrace(int dollar) =>
        Fail(dollar, "${ that is never closed", "close it with }, or write \\${ for the text itself");

    private sealed class TemplateBuilder
    {
        private readonly StringBuilder _literal = new();
        private List<TemplatePart>? _parts;

        public void Append(char c) => _literal.Append(c);

        public void DropLast(int count) => _literal.Length -= count;

        public void Add(TemplatePart part)
        {
            Flush();
            (_parts ??= []).Add(part);
        }

        public DotEnvTemplate Build()
        {
            if (_parts is null)
            {
                return _literal.Length == 0 ? DotEnvTemplate.Empty : new([new TemplatePart(_literal.ToString())]);
            }

            Flush();
            return new([.. _parts]);
        }

        private void Flush()
        {
            if (_literal.Length > 0)
            {
                (_parts ??= []).Add(new TemplatePart(_literal.ToString()));
                _literal.Clear();
            }
        }
    }
}
