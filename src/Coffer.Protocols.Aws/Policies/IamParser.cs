using System.Buffers;
using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using Coffer.Core.Access;
using Coffer.Core.Errors;

namespace Coffer.Protocols.Aws.Policies;

/// <summary>
/// Policy documents of AWS IAM, read strictly: what is not understood is refused, never passed over. Bounded by length and
/// depth before anything else, so that a hostile document costs no more than its size.
/// </summary>
internal static class IamParser
{
    /// <summary>Longest document of any kind: a secret's own.</summary>
    public const int MaxCharacters = 20_480;

    private const int MaxDepth = 12, MaxStatements = 1_000;

    private static readonly SearchValues<char> ActionCharacters = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-*?");

    /// <summary>Refuses a document. The message says what is wrong and repeats nothing of it.</summary>
    public static CofferException Malformed(string message) => Error.InvalidRequest(message, "policy");

    /// <summary>Whether a text can be a condition key: a prefix, a colon and a name.</summary>
    public static bool IsKey(string text)
    {
        int colon = text.IndexOf(':');
        return colon > 0 && colon < text.Length - 1 && text.Length <= 512 && !text.AsSpan().ContainsAnyInRange('\0', ' ') && !text.Contains('}');
    }

    /// <summary>Parses a document for its use. Errors: InvalidRequest.</summary>
    public static ImmutableArray<IamStatement> Parse(string source, string name, PolicyUse use)
    {
        if (source.Length > MaxCharacters)
        {
            throw Malformed("the document is too long");
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(source, new() { MaxDepth = MaxDepth, AllowDuplicateProperties = false });
            return Document(document.RootElement, name, use);
        }
        catch (JsonException)
        {
            throw Malformed("the document is no JSON, has a member twice, or is nested too deep");
        }
    }

    private static ImmutableArray<IamStatement> Document(JsonElement root, string name, PolicyUse use)
    {
        if (root.ValueKind != JsonValueKind.Object)
        {
            throw Malformed("the document is no JSON object");
        }

        string version = "2008-10-17";
        JsonElement? statement = null;
        foreach (JsonProperty member in root.EnumerateObject())
        {
            switch (member.Name)
            {
                case "Version":
                    version = Text(member.Value);
                    break;
                case "Id":
                    Text(member.Value);
                    break;
                case "Statement":
                    statement = member.Value;
                    break;
                default:
                    throw Malformed("a document has Version, Id and Statement, and nothing else");
            }
        }

        if (version is not ("2012-10-17" or "2008-10-17"))
        {
            throw Malformed("the version is 2012-10-17 or 2008-10-17");
        }

        bool variables = version == "2012-10-17";
        JsonElement[] all = statement switch
        {
            { ValueKind: JsonValueKind.Object } one => [one],
            { ValueKind: JsonValueKind.Array } many when many.GetArrayLength() is >= 1 and <= MaxStatements => [.. many.EnumerateArray()],
            _ => throw Malformed("Statement is an object or a list of them, of at least one"),
        };
        HashSet<string> ids = [];
        return [.. all.Select((one, i) => Statement(one, i, name, use, variables, ids))];
    }

    private static IamStatement Statement(JsonElement element, int index, string name, PolicyUse use, bool variables, HashSet<string> ids)
    {
        if (element.ValueKind != JsonValueKind.Object)
        {
            throw Malformed("a statement is a JSON object");
        }

        Dictionary<string, JsonElement> members = element.EnumerateObject().ToDictionary(m => m.Name, m => m.Value, StringComparer.Ordinal);
        if (members.Keys.Any(k => k is not ("Sid" or "Effect" or "Principal" or "NotPrincipal" or "Action" or "NotAction" or "Resource" or "NotResource" or "Condition")))
        {
            throw Malformed("a statement has a member that the language does not have");
        }

        string? sid = members.TryGetValue("Sid", out JsonElement given) ? Text(given) : null;
        if (sid is { Length: > 0 } && (!ids.Add(sid) || (use != PolicyUse.Resource && use != PolicyUse.Trust && sid.Any(c => !char.IsAsciiLetterOrDigit(c))) || sid.Length > 256 || sid.AsSpan().ContainsAnyExceptInRange(' ', '~')))
        {
            throw Malformed("a Sid is unique in its document, and of letters and digits");
        }

        bool allow = Text(Needed(members, "Effect")) switch
        {
            "Allow" => true,
            "Deny" => false,
            _ => throw Malformed("the Effect is Allow or Deny"),
        };
        (JsonElement action, bool notAction) = OneOf(members, "Action");
        bool onResources = use != PolicyUse.Trust;
        (JsonElement resource, bool notResource) = onResources ? OneOf(members, "Resource") : default;
        if (!onResources && (members.ContainsKey("Resource") || members.ContainsKey("NotResource")))
        {
            throw Malformed("a trust policy has no Resource");
        }

        bool named = use is PolicyUse.Resource or PolicyUse.Trust;
        if (!named && (members.ContainsKey("Principal") || members.ContainsKey("NotPrincipal")))
        {
            throw Malformed("only a resource's policy has a Principal");
        }

        IamPrincipals? principals = null;
        if (named)
        {
            (JsonElement principal, bool notPrincipal) = OneOf(members, "Principal");
            if (notPrincipal && allow)
            {
                throw Malformed("NotPrincipal stands with the Effect Deny only");
            }

            principals = IamPrincipals.Parse(principal, notPrincipal);
        }

        string id = sid is { Length: > 0 } ? sid : string.Create(CultureInfo.InvariantCulture, $"#{index + 1}");
        return new()
        {
            Id = id,
            Allow = allow,
            Principals = principals,
            Actions = Actions(Texts(action)),
            NotAction = notAction,
            Resources = onResources ? [.. Texts(resource).Select(r => IamResourcePattern.Parse(r, variables))] : [],
            NotResource = notResource,
            Conditions = members.TryGetValue("Condition", out JsonElement condition) ? Conditions(condition, variables) : [],
            Reason = $"{KindOf(use)} {name}, statement {id}, {(allow ? "allows" : "denies")} it",
        };
    }

    private static string KindOf(PolicyUse use) => use switch
    {
        PolicyUse.Resource => "AWS resource policy",
        PolicyUse.Boundary => "AWS permissions boundary",
        PolicyUse.Organisation => "AWS organisation policy",
        PolicyUse.Session => "AWS session policy",
        PolicyUse.Trust => "AWS trust policy",
        _ => "AWS policy",
    };

    private static IamActions Actions(List<string> texts)
    {
        ulong[] known = new ulong[(IamAction.All.Count >> 6) + 1];
        bool everything = false;
        foreach (string text in texts)
        {
            if (text == "*")
            {
                everything = true;
                Array.Fill(known, ulong.MaxValue);
                continue;
            }

            int colon = text.IndexOf(':');
            if (colon < 1 || colon == text.Length - 1 || text.Length > 256 || text.AsSpan(0, colon).ContainsAnyExcept(ActionCharacters) || text.AsSpan(colon + 1).ContainsAnyExcept(ActionCharacters)
                || (text.AsSpan(0, colon).IndexOfAny('*', '?') >= 0 && text[..colon] != "*"))
            {
                throw Malformed("an action is a service, a colon and a name, or \"*\"");
            }

            IamPattern pattern = IamPattern.Of(text);
            foreach (IamAction action in IamAction.All)
            {
                if (pattern.Matches(action.Name, ignoreCase: true))
                {
                    known[action.Index >> 6] |= 1UL << (action.Index & 63);
                }
            }

            everything |= text == "*:*";
        }

        return new(known, everything);
    }

    private static ImmutableArray<IamCondition> Conditions(JsonElement element, bool variables)
    {
        if (element.ValueKind != JsonValueKind.Object)
        {
            throw Malformed("a Condition is a JSON object of operators");
        }

        ImmutableArray<IamCondition>.Builder conditions = ImmutableArray.CreateBuilder<IamCondition>();
        foreach (JsonProperty operation in element.EnumerateObject())
        {
            if (operation.Value.ValueKind != JsonValueKind.Object)
            {
                throw Malformed("a condition operator holds a JSON object of keys");
            }

            HashSet<string> keys = new(StringComparer.OrdinalIgnoreCase);
            foreach (JsonProperty key in operation.Value.EnumerateObject())
            {
                if (!keys.Add(key.Name))
                {
                    throw Malformed("a condition operator has a key twice");
                }

                conditions.Add(IamCondition.Parse(operation.Name, key.Name, Texts(key.Value, scalars: true), variables));
            }
        }

        return conditions.DrainToImmutable();
    }

    private static JsonElement Needed(Dictionary<string, JsonElement> members, string name) =>
        members.TryGetValue(name, out JsonElement element) ? element : throw Malformed($"a statement has no {name}");

    private static (JsonElement Element, bool Not) OneOf(Dictionary<string, JsonElement> members, string name)
    {
        bool has = members.TryGetValue(name, out JsonElement plain), hasNot = members.TryGetValue("Not" + name, out JsonElement not);
        return has != hasNot ? (has ? plain : not, hasNot) : throw Malformed($"a statement has one of {name} and Not{name}");
    }

    private static string Text(JsonElement element) => element.ValueKind == JsonValueKind.String ? element.GetString()! : throw Malformed("a member that is text is something else");

    /// <summary>A text or a list of them; in conditions also numbers and truth values, as they are written.</summary>
    internal static List<string> Texts(JsonElement element, bool scalars = false)
    {
        JsonElement[] items = element.ValueKind == JsonValueKind.Array ? [.. element.EnumerateArray()] : [element];
        return items.Length == 0
            ? throw Malformed("a list is empty")
            : [.. items.Select(i => i.ValueKind switch
            {
                JsonValueKind.String => i.GetString()!,
                JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False when scalars => i.GetRawText(),
                _ => throw Malformed("a list holds something other than text"),
            })];
    }
}
