using System.Buffers;
using System.Buffers.Text;
using System.Collections.Immutable;
using System.Globalization;
using System.Security;
using System.Text;
using Coffer.Core;
using Coffer.Core.Access;
using Coffer.Core.Secrets;

namespace Coffer.Protocols.Aws.Policies;

/// <summary>One call of the IAM surface: who asks, in which account, with what; and its answer as it is written.</summary>
internal sealed class IamCall(AwsExchange exchange, Vault home, IReadOnlyDictionary<string, string?> parameters, AwsBuffer answer)
{
    private const int MaxPage = 1000, UsualPage = 100;

    private static readonly SearchValues<char> NameCharacters = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+=,.@-");

    private AwsViolations _found;

    public AwsExchange Exchange => exchange;

    public Caller Caller => exchange.Caller!;

    /// <summary>The caller's home vault: its account.</summary>
    public Vault Home => home;

    public string Account { get; } = home.Number.ToString();

    public AwsBuffer Answer => answer;

    /// <summary>A parameter that must be there, 1 to <paramref name="most"/> characters.</summary>
    public string Needed(string name, int most, int least = 1)
    {
        string path = char.ToLowerInvariant(name[0]) + name[1..];
        if (parameters.GetValueOrDefault(name) is { } text)
        {
            _found.Length(path, text.Length, least, most, null);
            return text;
        }

        _found.Missing(path);
        return "";
    }

    /// <summary>The name of a user, role or policy.</summary>
    public string NameOf(string parameter, int most = 64)
    {
        string name = Needed(parameter, most);
        if (name.AsSpan().ContainsAnyExcept(NameCharacters))
        {
            _found.Add(char.ToLowerInvariant(parameter[0]) + parameter[1..], "satisfy regular expression pattern: [\\w+=,.@-]+", null);
        }

        return name;
    }

    public bool Has(string name) => parameters.ContainsKey(name);

    public string? Optional(string name, int most)
    {
        string? text = parameters.GetValueOrDefault(name);
        if (text is not null)
        {
            _found.Length(char.ToLowerInvariant(name[0]) + name[1..], text.Length, 0, most, null);
        }

        return text;
    }

    /// <summary>A path; <c>/</c> where none is given.</summary>
    public string PathOf(string parameter = "Path")
    {
        string path = Optional(parameter, 512) ?? "/";
        if (path.Length == 0 || path[0] != '/' || path[^1] != '/' || path.AsSpan().ContainsAnyExceptInRange('!', '~') || path.AsSpan().IndexOfAny('*', '?', ':') >= 0)
        {
            _found.Add("path", "satisfy regular expression pattern: (\\u002F)|(\\u002F[\\u0021-\\u007E]+\\u002F)", null);
        }

        return path;
    }

    public int? NumberOf(string name, int least, int most)
    {
        if (parameters.GetValueOrDefault(name) is not { } text)
        {
            return null;
        }

        if (!int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int number))
        {
            throw new AwsRefusal(AwsError.Query(400, "MalformedInput", "A number is no whole number."));
        }

        AwsWire.Number(ref _found, char.ToLowerInvariant(name[0]) + name[1..], number, least, most);
        return number;
    }

    public bool FlagOf(string name) => string.Equals(parameters.GetValueOrDefault(name), "true", StringComparison.OrdinalIgnoreCase);

    /// <summary>Tags of the request, of which two that differ in case alone are one too many.</summary>
    public ImmutableSortedDictionary<string, string> TagsOf() => AwsTags.Of(parameters, ref _found);

    /// <summary>Texts of a list.</summary>
    public List<string> ListOf(string name)
    {
        List<string> items = [];
        for (int i = 1; parameters.TryGetValue(string.Create(CultureInfo.InvariantCulture, $"{name}.member.{i}"), out string? item); i++)
        {
            items.Add(item ?? "");
        }

        return items;
    }

    /// <summary>Says what the parameters broke, once all of them were read and before anything is asked.</summary>
    public void Check() => _found.ThrowIfAny();

    /// <summary>Writes an element with its text.</summary>
    public IamCall Element(string name, string? text)
    {
        if (text is not null)
        {
            answer.Write($"<{name}>{SecurityElement.Escape(text)}</{name}>");
        }

        return this;
    }

    public IamCall Date(string name, long time) => Element(name, Microseconds.ToTime(time).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture));

    /// <summary>A policy document, which goes percent-encoded into an answer.</summary>
    public IamCall Document(string name, string source) => Element(name, Uri.EscapeDataString(source));

    public void Within(string name, Action content)
    {
        answer.Write($"<{name}>");
        content();
        answer.Write($"</{name}>");
    }

    public void Tags(ImmutableSortedDictionary<string, string> tags, bool always = false)
    {
        if (tags.Count > 0 || always)
        {
            Within("Tags", () =>
            {
                foreach ((string key, string value) in tags)
                {
                    Within("member", () => Element("Key", key).Element("Value", value));
                }
            });
        }
    }

    /// <summary>A page of a list, from behind the marker; the marker is the last key, opaque to clients.</summary>
    public void Page<T>(string name, IEnumerable<T> all, Func<T, string> keyOf, Action<T> write)
    {
        int most = NumberOf("MaxItems", 1, MaxPage) ?? UsualPage;
        string? marker = Optional("Marker", 1024);
        Check();
        string? after = null;
        if (marker is not null)
        {
            Span<byte> bytes = stackalloc byte[1024];
            after = Base64Url.IsValid(marker) && Base64Url.TryDecodeFromChars(marker, bytes, out int length)
                ? Encoding.UTF8.GetString(bytes[..length])
                : throw new AwsRefusal(AwsError.Query(400, "ValidationError", "Invalid Marker"));
        }

        T[] rest = [.. all.Where(i => after is null || string.CompareOrdinal(keyOf(i), after) > 0).OrderBy(keyOf, StringComparer.Ordinal).Take(most + 1)];
        Within(name, () =>
        {
            foreach (T item in rest.Take(most))
            {
                write(item);
            }
        });
        Element("IsTruncated", rest.Length > most ? "true" : "false");
        if (rest.Length > most)
        {
            Element("Marker", Base64Url.EncodeToString(Encoding.UTF8.GetBytes(keyOf(rest[most - 1]))));
        }
    }
}

/// <summary>Tags in the query protocol.</summary>
internal static class AwsTags
{
    public const int MaxTags = 50;

    /// <summary>Reads <c>Tags.member.N.Key</c> and <c>Value</c>.</summary>
    public static ImmutableSortedDictionary<string, string> Of(IReadOnlyDictionary<string, string?> parameters, ref AwsViolations found)
    {
        ImmutableSortedDictionary<string, string>.Builder tags = Secret.NoTags.ToBuilder();
        for (int i = 1; parameters.TryGetValue(string.Create(CultureInfo.InvariantCulture, $"Tags.member.{i}.Key"), out string? key); i++)
        {
            string value = parameters.GetValueOrDefault(string.Create(CultureInfo.InvariantCulture, $"Tags.member.{i}.Value")) ?? "";
            found.Length(string.Create(CultureInfo.InvariantCulture, $"tags.{i}.member.key"), key?.Length ?? 0, 1, 128, null);
            found.Length(string.Create(CultureInfo.InvariantCulture, $"tags.{i}.member.value"), value.Length, 0, 256, null);
            if (key is null || tags.Keys.Contains(key, StringComparer.OrdinalIgnoreCase))
            {
                throw new AwsRefusal(AwsError.Query(400, "InvalidParameterValue", "Duplicate tag keys found. Please note that Tag keys are case insensitive."));
            }

            if (key.StartsWith("aws:", StringComparison.OrdinalIgnoreCase))
            {
                throw new AwsRefusal(AwsError.Query(400, "InvalidParameterValue", "Tag keys that begin with aws: are reserved."));
            }

            tags.Add(key, value);
        }

        found.Length("tags", tags.Count, 0, MaxTags, null);
        return tags.ToImmutable();
    }
}
