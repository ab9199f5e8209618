using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Text.Json;

namespace Coffer.Trusts.Tokens;

/// <summary>
/// Claims as names and values: nested names joined by <c>.</c>, a list of simple values gives several, numbers and truth values are
/// their JSON text. What could be read in two ways is refused, and what has no one value (an object in a list) is left out.
/// </summary>
internal static class ClaimValues
{
    private const int MostClaims = 1024;

    /// <summary>The values, or null where two claims come to have the same name.</summary>
    public static FrozenDictionary<string, ImmutableArray<string>>? Of(JsonElement claims)
    {
        Dictionary<string, ImmutableArray<string>> values = new(StringComparer.Ordinal);
        return Add(values, "", claims) ? values.ToFrozenDictionary(StringComparer.Ordinal) : null;
    }

    private static bool Add(Dictionary<string, ImmutableArray<string>> values, string prefix, JsonElement element)
    {
        foreach (JsonProperty member in element.EnumerateObject())
        {
            string name = prefix + member.Name;
            if (member.Value.ValueKind == JsonValueKind.Object)
            {
                if (!Add(values, name + ".", member.Value))
                {
                    return false;
                }

                continue;
            }

            ImmutableArray<string> found = member.Value.ValueKind == JsonValueKind.Array ? [.. member.Value.EnumerateArray().Select(Text).OfType<string>()] : Text(member.Value) is { } one ? [one] : [];
            // {"a.b": 1, "a": {"b": 2}}: whoever may choose a claim's name could give another claim's value.
            if (!values.TryAdd(name, found) || values.Count > MostClaims)
            {
                return false;
            }
        }

        return true;
    }

    private static string? Text(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString(),
        JsonValueKind.Number => value.GetRawText(),
        JsonValueKind.True => "true",
        JsonValueKind.False => "false",
        _ => null,
    };
}
