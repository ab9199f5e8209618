using System.Buffers;
using System.Text;
using Coffer.Core.Secrets;

namespace Coffer.Protocols.Aws;

/// <summary>
/// Filters of ListSecrets. Entries must all hold; of the values of one entry one must. Names, tags: the whole text begins
/// so, in its own case. Description and all: a word search without case.
/// </summary>
internal sealed class AwsFilters
{
    private static readonly SearchValues<char> Specials = SearchValues.Create("/-_+=.@");

    private AwsFilters(string namePrefix, Func<Secret, bool>? where, Func<string?, bool>? regions, string text)
    {
        WhereAnnotation = regions is null ? null : (AwsDialect.DialectName, regions);
        NamePrefix = namePrefix;
        Where = where;
        Text = text;
    }

    /// <summary>What the store can seek by itself, or ''.</summary>
    public string NamePrefix { get; }

    /// <summary>The rest, or null.</summary>
    public Func<Secret, bool>? Where { get; }

    /// <summary>What is asked of the region that a secret is replicated from, or null.</summary>
    public (string Dialect, Func<string?, bool> Holds)? WhereAnnotation { get; }

    /// <summary>The filters in one canonical text: page tokens are bound to it.</summary>
    public string Text { get; }

    /// <summary>Makes filters that passed the model's own check, or throws what AWS says of missing keys and values.</summary>
    public static AwsFilters Parse(IReadOnlyList<AwsFilter>? filters)
    {
        string prefix = "";
        StringBuilder text = new();
        List<Func<Secret, bool>> all = [];
        List<Func<string?, bool>> regions = [];
        foreach (AwsFilter filter in filters ?? [])
        {
            string key = filter.Key ?? throw new AwsRefusal(AwsError.InvalidParameter("Invalid filter key"));
            IReadOnlyList<string> values = filter.Values ?? throw new AwsRefusal(AwsError.InvalidParameter($"Invalid filter values for key: {key}"));
            if (key == "name" && prefix.Length == 0 && values is [var only] && !only.StartsWith('!'))
            {
                prefix = only;
                continue;
            }

            text.Append(key).Append(';');
            foreach (string value in values)
            {
                text.Append(value.Length).Append(':').Append(value);
            }

            if (key == "primary-region")
            {
                regions.Add(primary => values.Any(v => v.StartsWith('!') ? primary?.StartsWith(v[1..], StringComparison.Ordinal) != true : primary?.StartsWith(v, StringComparison.Ordinal) == true));
            }
            else
            {
                all.Add(EntryOf(key, values));
            }
        }

        return new(
            prefix,
            all.Count == 0 ? null : secret => all.TrueForAll(holds => holds(secret)),
            regions.Count == 0 ? null : json => AwsAnnotation.Parse(json).PrimaryRegion is var primary && regions.TrueForAll(holds => holds(primary)),
            text.ToString());
    }

    private static Func<Secret, bool> EntryOf(string key, IReadOnlyList<string> values)
    {
        List<Func<Secret, bool>> any = [];
        foreach (string value in values)
        {
            bool negated = value.StartsWith('!');
            Func<Secret, bool> one = TestOf(key, negated ? value[1..] : value);
            any.Add(negated ? secret => !one(secret) : one);
        }

        return secret => any.Exists(holds => holds(secret));
    }

    private static Func<Secret, bool> TestOf(string key, string value)
    {
        switch (key)
        {
            case "name":
                return secret => secret.Name.Value.StartsWith(value, StringComparison.Ordinal);
            case "tag-key":
                return secret => secret.Tags.Keys.Any(k => k.StartsWith(value, StringComparison.Ordinal));
            case "tag-value":
                return secret => secret.Tags.Values.Any(v => v.StartsWith(value, StringComparison.Ordinal));
            case "description":
                List<string> wanted = Words(value);
                return secret => Holds(wanted, Words(secret.Description));
            case "all":
                List<string> sought = Words(value);
                return secret => Holds(sought, WordsOf(secret));
            default:
                // No secret here is owned by a service.
                return _ => false;
        }
    }

    private static List<string> WordsOf(Secret secret)
    {
        List<string> words = Words(secret.Name.Value);
        Split(secret.Description, words);
        foreach ((string key, string value) in secret.Tags)
        {
            Split(key, words);
            Split(value, words);
        }

        return words;
    }

    private static bool Holds(List<string> wanted, List<string> words) =>
        wanted.Count > 0 && wanted.TrueForAll(w => words.Exists(word => word.StartsWith(w, StringComparison.OrdinalIgnoreCase)));

    /// <summary>
    /// The words of a text: split at blanks, then at special characters if there is only one kind of them in the piece,
    /// then where a letter that is not lower-case is followed by lower-case ones.
    /// </summary>
    internal static List<string> Words(string text)
    {
        List<string> words = [];
        Split(text, words);
        return words;
    }

    private static void Split(ReadOnlySpan<char> text, List<string> words)
    {
        foreach (Range range in text.Split(' '))
        {
            ReadOnlySpan<char> piece = text[range];
            int first = piece.IndexOfAny(Specials);
            if (first < 0)
            {
                SplitCase(piece, words);
            }
            else if (!HasOther(piece, piece[first]))
            {
                foreach (Range part in piece.Split(piece[first]))
                {
                    SplitCase(piece[part], words);
                }
            }
            else
            {
                words.Add(piece.ToString());
            }
        }
    }

    private static bool HasOther(ReadOnlySpan<char> piece, char kind)
    {
        foreach (char c in piece)
        {
            if (c != kind && Specials.Contains(c))
            {
                return true;
            }
        }

        return false;
    }

    private static void SplitCase(ReadOnlySpan<char> piece, List<string> words)
    {
        int start = 0;
        for (int i = 0; i < piece.Length; i++)
        {
            bool begins = !char.IsAsciiLetterLower(piece[i]) && i + 1 < piece.Length && char.IsAsciiLetterLower(piece[i + 1]);
            if (begins && i > start)
            {
                words.Add(piece[start..i].ToString());
                start = i;
            }

            if (begins)
            {
                int end = i + 1;
                while (end < piece.Length && char.IsAsciiLetterLower(piece[end]))
                {
                    end++;
                }

                words.Add(piece[start..end].ToString());
                start = end;
                i = end - 1;
            }
        }

        if (start < piece.Length)
        {
            words.Add(piece[start..].ToString());
        }
    }
}
