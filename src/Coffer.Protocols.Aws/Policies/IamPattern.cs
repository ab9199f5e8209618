using Coffer.Core.Access;

namespace Coffer.Protocols.Aws.Policies;

/// <summary>Three-valued truth: what depends on a key that cannot be known is <see cref="Unknown"/>; it never helps an Allow and always makes a Deny.</summary>
internal enum IamTruth
{
    False = 0,
    Unknown = 1,
    True = 2,
}

/// <summary>
/// A text with wildcards, ready to match: <c>*</c> is any run, <c>?</c> any one character. Which characters are wildcards is
/// kept apart from the text, so that what a variable stood for is matched as it is written.
/// </summary>
internal readonly struct IamPattern
{
    private readonly string _text;
    private readonly bool[]? _wild;
    private readonly int _plain;

    private IamPattern(string text, bool[]? wild)
    {
        _text = text;
        _wild = wild;
        _plain = wild is null ? text.Length : Math.Max(0, Array.IndexOf(wild, true));
    }

    /// <summary>Whether it matches everything.</summary>
    public bool MatchesAll => _text is "*" && _wild is not null;

    /// <summary>A pattern in which every <c>*</c> and <c>?</c> is a wildcard.</summary>
    public static IamPattern Of(string text)
    {
        if (text.AsSpan().IndexOfAny('*', '?') < 0)
        {
            return new(text, null);
        }

        bool[] wild = new bool[text.Length];
        for (int i = 0; i < wild.Length; i++)
        {
            wild[i] = text[i] is '*' or '?';
        }

        return new(text, wild);
    }

    /// <summary>A pattern whose wildcards are marked one by one.</summary>
    public static IamPattern Of(string text, bool[] wild) => new(text, Array.IndexOf(wild, true) < 0 ? null : wild);

    /// <summary>A part of it, as a pattern of its own.</summary>
    public IamPattern Slice(int start, int length) => new(_text.Substring(start, length), _wild?.AsSpan(start, length).ToArray());

    /// <summary>Whether the whole text matches. Backs up to the last <c>*</c> only: the time is at most the product of the two lengths.</summary>
    public bool Matches(ReadOnlySpan<char> text, bool ignoreCase = false)
    {
        if (_wild is null)
        {
            return ignoreCase ? text.Equals(_text, StringComparison.OrdinalIgnoreCase) : text.SequenceEqual(_text);
        }

        // Most patterns differ from a text before their first wildcard.
        return (ignoreCase || text.StartsWith(_text.AsSpan(0, _plain))) && Glob.Matches(_text, _wild, text, ignoreCase);
    }

    /// <inheritdoc/>
    public override string ToString() => _text ?? "";
}

/// <summary>A text of a policy that may hold variables (<c>${key}</c>, <c>${key, 'default'}</c>, <c>${*}</c>); without any it is made ready once.</summary>
internal sealed class IamTemplate
{
    private readonly IamPattern _ready;
    private readonly Part[]? _parts;

    private IamTemplate(IamPattern ready) => _ready = ready;

    private IamTemplate(Part[] parts) => _parts = parts;

    /// <summary>Whether it depends on the request.</summary>
    public bool HasVariables => _parts is not null;

    /// <summary>Parses a text. With <paramref name="variables"/> false (the language of 2008) all of it is plain.</summary>
    public static IamTemplate Parse(string text, bool variables)
    {
        if (!variables || !text.Contains("${", StringComparison.Ordinal))
        {
            return new(IamPattern.Of(text));
        }

        List<Part> parts = [];
        int at = 0;
        while (at < text.Length)
        {
            int start = text.IndexOf("${", at, StringComparison.Ordinal);
            if (start < 0)
            {
                parts.Add(new(text[at..], null, null));
                break;
            }

            if (start > at)
            {
                parts.Add(new(text[at..start], null, null));
            }

            int end = text.IndexOf('}', start);
            if (end < 0)
            {
                throw IamParser.Malformed("a policy variable is not closed");
            }

            parts.Add(Variable(text[(start + 2)..end]));
            at = end + 1;
        }

        return new([.. parts]);
    }

    /// <summary>The pattern for one request; where a variable has no value the truth says so and there is none.</summary>
    public IamTruth Resolve(IamContext context, out IamPattern pattern)
    {
        if (_parts is null)
        {
            pattern = _ready;
            return IamTruth.True;
        }

        System.Text.StringBuilder text = new();
        List<bool> wild = [];
        foreach (Part part in _parts)
        {
            string piece = part.Text;
            if (part.Key is { } key)
            {
                IamKey value = context.Get(key);
                if (value.State == IamKeyState.Unknown)
                {
                    pattern = default;
                    return IamTruth.Unknown;
                }

                if (value.Single is not { } single)
                {
                    if (part.Default is null)
                    {
                        pattern = default;
                        return IamTruth.False;
                    }

                    single = part.Default;
                }

                piece = single;
            }

            bool literal = part.Key is not null || part.Escaped;
            text.Append(piece);
            foreach (char c in piece)
            {
                wild.Add(!literal && c is '*' or '?');
            }
        }

        pattern = IamPattern.Of(text.ToString(), [.. wild]);
        return IamTruth.True;
    }

    private static Part Variable(string inner)
    {
        if (inner is "*" or "?" or "$")
        {
            return new(inner, null, null) { Escaped = true };
        }

        int comma = inner.IndexOf(',');
        string key = (comma < 0 ? inner : inner[..comma]).Trim();
        string? standIn = null;
        if (comma >= 0)
        {
            string rest = inner[(comma + 1)..].Trim();
            standIn = rest.Length >= 2 && rest[0] == '\'' && rest[^1] == '\'' && !rest.AsSpan(1, rest.Length - 2).Contains('\'')
                ? rest[1..^1]
                : throw IamParser.Malformed("the default of a policy variable stands between single quotes");
        }

        return IamParser.IsKey(key) ? new("", key.ToLowerInvariant(), standIn) : throw IamParser.Malformed("a policy variable names no condition key");
    }

    private readonly record struct Part(string Text, string? Key, string? Default)
    {
        public bool Escaped { get; init; }
    }
}
