using Coffer.Core.Errors;

namespace Coffer.Core.Access;

/// <summary>
/// Coffer's trust policies: a principal names another principal or a group that may act as it, as a machine's agent does for the
/// programs on it. The text is <c>principal NAME</c> or <c>group NAME</c>.
/// </summary>
internal static class AssumedBy
{
    public static string Text(PrincipalName name, bool isGroup) => (isGroup ? "group " : "principal ") + name.Value;

    /// <summary>Reads a policy's text. Throws <c>InvalidRequest</c>.</summary>
    public static (PrincipalName Name, bool IsGroup) Parse(string source) =>
        source.Split(' ') is [("principal" or "group") and var kind, var name] && PrincipalName.TryParse(name, out PrincipalName parsed)
            ? (parsed, kind == "group")
            : throw Error.InvalidRequest("a trust policy is 'principal NAME' or 'group NAME'", "source");

    /// <summary>Allows where the target names the principal or one of its groups; else is silent.</summary>
    public static Judgement Judge(AccessSnapshot snapshot, Principal target, Principal principal)
    {
        foreach (ParsedPolicy policy in snapshot.On(GrantLanguage.LanguageName, Attachment.ToPrincipal(target.Id)))
        {
            if (policy is ParsedAssumption assumption
                && (assumption.IsGroup ? snapshot.GroupsOf.GetValueOrDefault(principal.Id, []).Any(g => g.Name == assumption.Name) : assumption.Name == principal.Name))
            {
                return new(Verdict.Allow, $"{target.Name} may be assumed by {policy.Policy.Source}");
            }
        }

        return new(Verdict.Silent, AccessEvaluator.NothingAllows);
    }
}

/// <summary>A trust policy, parsed.</summary>
internal sealed class ParsedAssumption : ParsedPolicy
{
    public ParsedAssumption(Policy policy)
        : base(policy) => (Name, IsGroup) = AssumedBy.Parse(policy.Source);

    public PrincipalName Name { get; }

    public bool IsGroup { get; }
}
