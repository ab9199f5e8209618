using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using System.Text.Unicode;
using Coffer.Contracts;
using Coffer.Core;
using Coffer.Core.Access;
using Coffer.Core.Audit;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;
using Coffer.Core.Stores;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Coffer.Protocols.Native;

/// <summary>
/// From the request line to the core's names. Works on the target as it was sent: a name is one path part, decoded exactly
/// once, and then it is a <see cref="SecretName"/> or the request is refused. Nothing is resolved, folded or trimmed.
/// </summary>
internal static partial class NativeNames
{
    private const int LongestPart = 4096;

    private static readonly SearchValues<char> Visible = SearchValues.Create([.. Enumerable.Range('!', '~' - '!' + 1).Select(c => (char)c)]);

    /// <summary>The path as sent, without host and query.</summary>
    public static ReadOnlySpan<char> PathOf(HttpContext context) => Split(context, out _);

    /// <summary>The query as sent, without its question mark; '' if there is none.</summary>
    public static ReadOnlySpan<char> QueryOf(HttpContext context)
    {
        Split(context, out ReadOnlySpan<char> query);
        return query;
    }

    /// <summary>Decodes one part of a path or query once. Refuses broken escapes, control characters and bytes that are not UTF-8.</summary>
    public static bool TryDecode(ReadOnlySpan<char> raw, [NotNullWhen(true)] out string? text)
    {
        text = null;
        if (raw.Length > LongestPart || raw.ContainsAnyExcept(Visible))
        {
            return false;
        }

        if (!raw.Contains('%'))
        {
            text = raw.ToString();
            return true;
        }

        Span<byte> bytes = stackalloc byte[LongestPart];
        int length = 0;
        for (int i = 0; i < raw.Length; i++)
        {
            if (raw[i] != '%')
            {
                bytes[length++] = (byte)raw[i];
            }
            else if (i + 2 < raw.Length && byte.TryParse(raw.Slice(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte value) && value is >= 0x20 and not 0x7F)
            {
                bytes[length++] = value;
                i += 2;
            }
            else
            {
                return false;
            }
        }

        // Overlong forms are not UTF-8, so none of them becomes a character.
        bytes = bytes[..length];
        text = Utf8.IsValid(bytes) ? Encoding.UTF8.GetString(bytes) : null;
        return text is not null;
    }

    /// <summary>
    /// The query's parameters. One that the route does not know, or that comes twice, is refused: a misspelt limit must
    /// not be no limit. A plus sign is a plus sign.
    /// </summary>
    public static Dictionary<string, string> ParseQuery(ReadOnlySpan<char> query, IReadOnlyCollection<NativeParameter> known)
    {
        Dictionary<string, string> values = new(StringComparer.Ordinal);
        if (query.IsEmpty)
        {
            return values;
        }

        foreach (Range range in query.Split('&'))
        {
            ReadOnlySpan<char> pair = query[range];
            int equals = pair.IndexOf('=');
            if (equals <= 0 || !TryDecode(pair[..equals], out string? name) || !TryDecode(pair[(equals + 1)..], out string? value))
            {
                throw Error.InvalidRequest("the query is not a list of name=value", "query");
            }

            if (!known.Any(p => string.Equals(p.Name, name, StringComparison.Ordinal)))
            {
                throw Error.InvalidRequest(known.Count == 0 ? "this resource takes no query" : "unknown query parameter; known are " + string.Join(", ", known.Select(p => p.Name)), "query");
            }

            if (!values.TryAdd(name, value))
            {
                throw Error.InvalidRequest("a query parameter is given twice", name);
            }
        }

        return values;
    }

    /// <summary>A whole number in a range, or null where there is none.</summary>
    public static int? Number(string? text, string parameter, int least, int most) =>
        text is null ? null
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= least && number <= most ? number
        : throw Error.InvalidRequest($"{parameter} is a number from {least} to {most}", parameter);

    /// <summary><c>true</c> or <c>false</c>; absent is false.</summary>
    public static bool Flag(string? text, string parameter) => text switch
    {
        null or "false" => false,
        "true" => true,
        _ => throw Error.InvalidRequest($"{parameter} is true or false", parameter),
    };

    /// <summary>A time, or null where there is none.</summary>
    public static long? Time(string? text, string parameter) =>
        text is null ? null
        : UtcTime.TryParse(text, out DateTimeOffset time) ? Microseconds.From(time)
        : throw Error.InvalidRequest($"{parameter} is a time such as 2026-01-31T12:00:00Z", parameter);

    /// <summary>A version by number or by the 32 hex digits of its id.</summary>
    public static VersionSelector Version(string text) =>
        text.Length == 32 && VersionId.TryParse(text, out VersionId id) ? new VersionSelector.ById(id)
        : text is [not '0', ..] && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? new VersionSelector.ByNumber(number)
        : throw Error.InvalidName("version", "a number from 1, or 32 hex digits");

    /// <summary>Version or label of a read; neither is the current version, both together are refused.</summary>
    public static VersionSelector Selector(string? version, string? label) => (version, label) switch
    {
        (null, null) => VersionSelector.Current,
        (not null, null) => Version(version),
        (null, not null) => new VersionSelector.ByLabel(VersionLabel.Parse(label)),
        _ => throw Error.InvalidCombination("a version is named by number, id or label, not by two of them", "version"),
    };

    /// <summary>The order of a listing, with <c>-</c> in front backwards.</summary>
    public static (SecretOrder Order, bool Descending) Order(string? text)
    {
        bool descending = text is ['-', ..];
        return ((descending ? text![1..] : text) switch
        {
            null or "name" => SecretOrder.Name,
            "created" => SecretOrder.Created,
            "changed" => SecretOrder.Changed,
            "lastRead" => SecretOrder.LastRead,
            _ => throw Error.InvalidRequest("order is name, created, changed or lastRead, with - in front backwards", "order"),
        }, descending);
    }

    /// <summary>Which secrets a listing covers.</summary>
    public static SecretFilter Filter(string? text) => text switch
    {
        null or "exclude" => SecretFilter.Active,
        "include" => SecretFilter.All,
        "only" => SecretFilter.Deleted,
        _ => throw Error.InvalidRequest("deleted is exclude, include or only", "deleted"),
    };

    /// <summary>A prefix of names: '' or what a name may begin with.</summary>
    public static string Prefix(string? text) =>
        text is null or "" || SecretName.TryParse(text.TrimEnd(' ').TrimEnd('.') + "x", out _) ? text ?? "" : throw Error.InvalidName("name prefix", "the characters of a secret name");

    /// <summary>How an audited request ended.</summary>
    public static AuditDecision? Decision(string? text) => text switch
    {
        null => null,
        "allow" => AuditDecision.Allow,
        "deny" => AuditDecision.Deny,
        "fail" => AuditDecision.Fail,
        _ => throw Error.InvalidRequest("decision is allow, deny or fail", "decision"),
    };

    /// <summary>What a principal is.</summary>
    public static PrincipalKind Kind(string? text) => text switch
    {
        null or "workload" => PrincipalKind.Workload,
        "person" => PrincipalKind.Person,
        "operator" => PrincipalKind.Operator,
        _ => throw Error.InvalidRequest("kind is workload, person or operator", "kind"),
    };

    /// <summary>Public id of a credential or grant: up to 128 of <c>A-Za-z0-9-_.</c>.</summary>
    public static string PublicId(string text) =>
        text is { Length: >= 1 and <= 128 } && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.') ? text : throw Error.InvalidName("id", "up to 128 letters, digits, '-', '_' and '.'");

    /// <summary>Session name: 2–64 of <c>A-Za-z0-9+=,.@_-</c>.</summary>
    public static string SessionName(string? text) =>
        text is null ? "coffer"
        : text is { Length: >= 2 and <= 64 } && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '+' or '=' or ',' or '.' or '@' or '_' or '-') ? text
        : throw Error.InvalidName("session name", "2 to 64 letters, digits and +=,.@_-");

    /// <summary>
    /// The tag of an If-Match header (without its quotes), or null where there is none. One strong tag is understood; a
    /// weak one, a list or <c>*</c> is refused rather than guessed at.
    /// </summary>
    public static string? IfMatch(HttpContext context)
    {
        Microsoft.Extensions.Primitives.StringValues header = context.Request.Headers.IfMatch;
        return header.Count == 0 ? null
            : header is [{ Length: > 2 } tag] && tag[0] == '"' && tag[^1] == '"' && !tag.AsSpan(1, tag.Length - 2).Contains('"') ? tag[1..^1]
            : throw Error.InvalidRequest("If-Match takes one tag in quotes", "If-Match");
    }

    private static ReadOnlySpan<char> Split(HttpContext context, out ReadOnlySpan<char> query)
    {
        ReadOnlySpan<char> target = context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        if (target is not ['/', ..] && target.IndexOf("://", StringComparison.Ordinal) is > 0 and int scheme)
        {
            // The absolute form, as a proxy gets it.
            target = target[(scheme + 3)..];
            int slash = target.IndexOf('/');
            target = slash < 0 ? "/" : target[slash..];
        }

        int mark = target.IndexOf('?');
        query = mark < 0 ? default : target[(mark + 1)..];
        return mark < 0 ? target : target[..mark];
    }
}
