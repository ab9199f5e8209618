namespace Coffer.Sources.DotEnv;

/// <summary>What stands between a variable's name and its word in <c>${NAME…word}</c>.</summary>
internal enum ExpansionOperator
{
    /// <summary><c>$NAME</c> or <c>${NAME}</c>.</summary>
    None,

    /// <summary><c>-</c>: the word if the variable is not set.</summary>
    Default,

    /// <summary><c>+</c>: the word if the variable is set, else nothing.</summary>
    Alternative,

    /// <summary><c>?</c>: an error if the variable is not set; the word is its message.</summary>
    Required,
}

/// <summary>A value as written: literal text and variables in order.</summary>
internal sealed record DotEnvTemplate(TemplatePart[] Parts)
{
    public static DotEnvTemplate Empty { get; } = new([]);

    /// <summary>The value when nothing in it needs expanding, else null.</summary>
    public string? Literal => Parts switch
    {
        [] => "",
        [{ Name: null, Text: var text }] => text,
        _ => null,
    };

    /// <summary>A value must not reach a log by way of a record's generated text.</summary>
    public override string ToString() => "***";
}

/// <summary>Literal text (<c>Name</c> is null), or a variable with what to do when it is unset.</summary>
/// <param name="Text">The literal text.</param>
/// <param name="Name">The variable.</param>
/// <param name="Operator">What the word means.</param>
/// <param name="EmptyIsUnset">Whether a colon makes an empty variable count as unset.</param>
/// <param name="Word">The text after the operator.</param>
/// <param name="Offset">Where in the file the <c>$</c> stands.</param>
internal sealed record TemplatePart(string Text, string? Name, ExpansionOperator Operator, bool EmptyIsUnset, DotEnvTemplate Word, int Offset)
{
    public TemplatePart(string text)
        : this(text, null, ExpansionOperator.None, false, DotEnvTemplate.Empty, 0)
    {
    }

    /// <inheritdoc cref="DotEnvTemplate.ToString"/>
    public override string ToString() => "***";
}

/// <summary>How a value is quoted in the file.</summary>
public enum DotEnvQuote
{
    /// <summary>Bare: expansion; ends at the line's end or at white space and <c>#</c>.</summary>
    None,

    /// <summary><c>'…'</c>: everything literal.</summary>
    Single,

    /// <summary><c>"…"</c>: escapes and expansion.</summary>
    Double,
}

/// <summary>One assignment of a <c>.env</c> file. Never prints its value.</summary>
public sealed class DotEnvEntry
{
    internal DotEnvEntry(string key, int line, DotEnvQuote quote, DotEnvTemplate template, DotEnvSpan span) =>
        (Key, Line, Quote, Template, Span) = (key, line, quote, template, span);

    /// <summary>The name: <c>A-Z a-z 0-9 _ . -</c>, first not <c>.</c> or <c>-</c>.</summary>
    public string Key { get; }

    /// <summary>The line it starts on, from 1.</summary>
    public int Line { get; }

    /// <summary>How its value is quoted.</summary>
    public DotEnvQuote Quote { get; }

    internal DotEnvTemplate Template { get; }

    internal DotEnvSpan Span { get; }

    /// <summary>The key alone.</summary>
    public override string ToString() => Key;
}

/// <summary>Character offsets of an assignment: its lines whole, with the last line's end, and its value with the quotes.</summary>
internal readonly record struct DotEnvSpan(int LineStart, int LineEnd, int ValueStart, int ValueEnd);
