using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Coffer.Protocols.Aws.Tests.Policies;

/// <summary>The rules of AWS IAM once more, slow and obvious: what the language is compared with. Null in place of a key's values: it cannot be known.</summary>
internal sealed class Reference
{
    public required string Action { get; init; }

    public required string Resource { get; init; }

    public required string Arn { get; init; }

    public required string SessionArn { get; init; }

    public required string Account { get; init; }

    public required string ResourceAccount { get; init; }

    /// <summary>Keys by lower-case name; absent ones are not in it.</summary>
    public required Dictionary<string, string[]?> Keys { get; init; }

    /// <summary>Whether everything together allows.</summary>
    public bool Allows(IReadOnlyList<string> identity, IReadOnlyList<string> resource, IReadOnlyList<string> boundary)
    {
        JsonObject[] all = [.. Statements(identity), .. Statements(resource), .. Statements(boundary)];
        if (all.Any(s => (string)s["Effect"]! == "Deny" && Applies(s) != false))
        {
            return false;
        }

        bool byIdentity = Allowing(identity).Any();
        JsonObject[] byResource = [.. Allowing(resource)];
        bool sameAccount = Account == ResourceAccount;
        bool exact = byResource.Any(s => Named(s).Contains(SessionArn));
        bool direct = byResource.Any(s => Named(s).Any(n => n == "*" || n == Arn || n == SessionArn));
        bool allowed = sameAccount ? byIdentity || direct : byIdentity && byResource.Length > 0;
        bool within = boundary.Count == 0 || Allowing(boundary).Any() || (sameAccount && exact);
        return allowed && within;
    }

    private IEnumerable<JsonObject> Allowing(IReadOnlyList<string> documents) => Statements(documents).Where(s => (string)s["Effect"]! == "Allow" && Applies(s) == true);

    private static IEnumerable<JsonObject> Statements(IReadOnlyList<string> documents) => documents.SelectMany(d => JsonNode.Parse(d)!["Statement"]!.AsArray().Select(s => s!.AsObject()));

    /// <summary>True, false, or null where it hangs on what cannot be known.</summary>
    private bool? Applies(JsonObject statement)
    {
        bool action = Texts(statement[nameof(Action)] ?? statement["NotAction"]).Any(p => Glob(p, Action, RegexOptions.IgnoreCase)) == statement.ContainsKey(nameof(Action));
        bool resource = Texts(statement[nameof(Resource)] ?? statement["NotResource"]).Any(p => p == "*" || ArnGlob(p)) == statement.ContainsKey(nameof(Resource));
        bool principal = !statement.ContainsKey("Principal") || Named(statement).Any(n => n == "*" || n == Arn || n == SessionArn || n == Account || n == $"arn:aws:iam::{Account}:root");
        if (!action || !resource || !principal)
        {
            return false;
        }

        bool? all = true;
        foreach ((string operation, JsonNode? keys) in statement["Condition"]?.AsObject() ?? [])
        {
            foreach ((string key, JsonNode? values) in keys!.AsObject())
            {
                bool? one = Holds(operation, key, Texts(values));
                all = one == false || all == false ? false : one is null || all is null ? null : true;
            }
        }

        return all;
    }

    private bool? Holds(string operation, string key, string[] values)
    {
        bool there = Keys.TryGetValue(key.ToLowerInvariant(), out string[]? given);
        if (there && given is null)
        {
            return null;
        }

        if (operation == "Null")
        {
            return values.Contains(there ? "false" : "true");
        }

        string? quantifier = operation.Contains(':', StringComparison.Ordinal) ? operation.Split(':')[0] : null;
        string name = operation.Split(':')[^1];
        bool ifExists = name.EndsWith("IfExists", StringComparison.Ordinal);
        name = ifExists ? name[..^8] : name;
        bool not = name.Contains("Not", StringComparison.Ordinal);
        bool like = name.EndsWith("Like", StringComparison.Ordinal);
        if (!there)
        {
            return ifExists || quantifier == "ForAllValues" || (not && quantifier is null);
        }

        bool Fits(string value) => values.Any(v => like ? Glob(v, value, RegexOptions.None) : v == value) != not;
        return quantifier == "ForAnyValue" || (quantifier is null && !not) ? given!.Any(Fits) : given!.All(Fits);
    }

    private static string[] Named(JsonObject statement) => statement["Principal"] is JsonValue everyone ? [(string)everyone!] : statement["Principal"] is JsonObject kinds ? Texts(kinds["AWS"]) : [];

    private bool ArnGlob(string pattern)
    {
        string[] wanted = pattern.Split(':', 6), parts = Resource.Split(':', 6);
        return wanted.Length == 6 && parts.Length == 6 && Enumerable.Range(0, 6).All(i => (i == 3 && wanted[2] == "secretsmanager") || Glob(wanted[i], parts[i], RegexOptions.None));
    }

    private static bool Glob(string pattern, string text, RegexOptions options) =>
        Regex.IsMatch(text, "^" + Regex.Escape(pattern).Replace("\\*", ".*", StringComparison.Ordinal).Replace("\\?", ".", StringComparison.Ordinal) + "$", options | RegexOptions.Singleline | RegexOptions.CultureInvariant);

    private static string[] Texts(JsonNode? node) => node is JsonArray many ? [.. many.Select(n => n!.ToString())] : node is null ? [] : [node.ToString()];
}
