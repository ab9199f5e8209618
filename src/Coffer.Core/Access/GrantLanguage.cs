using System.Collections.Immutable;
using System.Net;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;

namespace Coffer.Core.Access;

/// <summary>Coffer's own policy language: grants. Deny wins; expired grants do not count; conditions are ANDed.</summary>
public sealed class GrantLanguage : IPolicyLanguage
{
    private static readonly ImmutableArray<PolicyQuestion>[] Questions = BuildQuestions();

    /// <summary>The language's name as stored with policies.</summary>
    public const string LanguageName = "coffer";

    /// <inheritdoc/>
    public string Name => LanguageName;

    /// <inheritdoc/>
    public int Bit => 1;

    /// <inheritdoc/>
    public ParsedPolicy Parse(Policy policy) => policy.Use switch
    {
        PolicyUse.Identity or PolicyUse.Resource => new ParsedGrant(policy, Grant.Parse(policy.Source)),
        PolicyUse.Trust => new ParsedAssumption(policy),
        _ => throw Error.InvalidRequest("a grant is no boundary, organisation or session policy", "use"),
    };

    /// <inheritdoc/>
    public ImmutableArray<PolicyQuestion> Express(AccessSnapshot access, AccessRequest request) => Questions[(int)request.Operation];

    /// <inheritdoc/>
    public Judgement Judge(ReadOnlySpan<ParsedPolicy> policies, AccessRequest request, in PolicyQuestion question)
    {
        CofferActions needed = request.Operation.Actions(), allowed = CofferActions.None;
        string reason = AccessEvaluator.NothingAllows;
        foreach (ParsedPolicy policy in policies)
        {
            // A trust policy says who may become a principal, and nothing about what that principal may do.
            if (policy is not ParsedGrant parsed || (parsed.Grant.Actions & needed) == 0 || !Matches(parsed.Grant, request))
            {
                continue;
            }

            if (!parsed.Grant.Allow)
            {
                return new(Verdict.Deny, parsed.Reason);
            }

            if ((parsed.Grant.Actions & needed & ~allowed) != 0)
            {
                allowed |= parsed.Grant.Actions & needed;
                reason = parsed.Reason;
            }
        }

        return allowed == needed ? new(Verdict.Allow, reason) : new(Verdict.Silent, AccessEvaluator.NothingAllows);
    }

    /// <inheritdoc/>
    public Judgement JudgeAssuming(AccessSnapshot access, AccessRequest request, Principal target) => AssumedBy.Judge(access, target, request.Caller.Principal);

    /// <inheritdoc/>
    public bool MayHoldBelow(ReadOnlySpan<ParsedPolicy> policies, AccessRequest request)
    {
        CofferActions needed = request.Operation.Actions();
        foreach (ParsedPolicy policy in policies)
        {
            if (policy is ParsedGrant { Grant: { Allow: true } grant } && (grant.Actions & needed) == needed && MatchesScope(grant, request))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The grant behind a parsed policy, or null where it is of another language.</summary>
    public static Grant? GrantOf(ParsedPolicy policy) => (policy as ParsedGrant)?.Grant;

    /// <summary>The first condition of a grant that the request does not meet, in words.</summary>
    internal static string WhySilent(ParsedPolicy policy, AccessRequest request)
    {
        if (policy is not ParsedGrant { Grant: var grant } parsed)
        {
            return AccessEvaluator.NothingAllows;
        }

        CofferActions needed = request.Operation.Actions();
        string why = (grant.Actions & needed) != needed ? $"it does not hold {string.Join('+', ActionNames.Write(needed & ~grant.Actions))}"
            : grant.Vault is { } vault && vault != request.VaultName ? $"it is for vault {vault}"
            : grant.From > request.Now ? "it has not begun"
            : grant.Until <= request.Now ? "it has ended"
            : !MatchesAddress(grant, request.Caller.Address) ? "the address is not in its networks"
            : request.Name is not { } name ? "it is for some names, and the vault as a whole was asked for"
            : !Glob.Matches(grant.Names, name.Value) ? $"it is for names like {grant.Names}"
            : !MatchesTags(grant, request.Head) ? "the secret does not carry its tags"
            : !MatchesLabel(grant, request) ? $"the version does not carry {grant.Label}" : "it is not enough by itself";
        return $"{parsed.Reason}: {why}";
    }

    private static bool Matches(Grant grant, AccessRequest request)
    {
        if (!MatchesScope(grant, request))
        {
            return false;
        }

        if (request.Name is not { } name)
        {
            // The vault or the server itself: a grant on part of the names says nothing about it.
            return grant is { Names: "*", Label: null, Tags.Count: 0 };
        }

        return Glob.Matches(grant.Names, name.Value) && MatchesTags(grant, request.Head) && MatchesLabel(grant, request);
    }

    private static bool MatchesScope(Grant grant, AccessRequest request) =>
        (grant.Vault is null || grant.Vault == request.VaultName)
        && !(grant.From > request.Now) && !(grant.Until <= request.Now)
        && MatchesAddress(grant, request.Caller.Address);

    private static bool MatchesAddress(Grant grant, IPAddress? address)
    {
        if (grant.Cidrs.IsEmpty)
        {
            return true;
        }

        if (address is null)
        {
            return false;
        }

        IPAddress plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        foreach (IPNetwork network in grant.Cidrs)
        {
            if (network.Contains(plain))
            {
                return true;
            }
        }

        return false;
    }

    private static bool MatchesTags(Grant grant, Secret? head)
    {
        if (grant.Tags.Count == 0)
        {
            return true;
        }

        if (head is null)
        {
            return false;
        }

        foreach ((string key, string value) in grant.Tags)
        {
            if (!head.Tags.TryGetValue(key, out string? own) || !string.Equals(own, value, StringComparison.Ordinal))
            {
                return false;
            }
        }

        return true;
    }

    private static bool MatchesLabel(Grant grant, AccessRequest request)
    {
        if (grant.Label is not { } label)
        {
            return true;
        }

        return request.Version switch
        {
            VersionSelector.CurrentVersion => label == VersionLabel.Current || request.Labels.Contains(label),
            VersionSelector.ByLabel by => by.Label == label || request.Labels.Contains(label),
            _ => request.Labels.Contains(label),
        };
    }

    private static ImmutableArray<PolicyQuestion>[] BuildQuestions()
    {
        Operation[] all = Enum.GetValues<Operation>();
        ImmutableArray<PolicyQuestion>[] questions = new ImmutableArray<PolicyQuestion>[(int)all[^1] + 1];
        foreach (Operation operation in all)
        {
            CofferActions actions = operation.Actions();
            questions[(int)operation] = actions == CofferActions.None ? [] : [new(string.Join('+', ActionNames.Write(actions)), "")];
        }

        return questions;
    }

    private sealed class ParsedGrant(Policy policy, Grant grant) : ParsedPolicy(policy)
    {
        public Grant Grant { get; } = grant;

        public string Reason { get; } = $"grant {policy.Name} {(grant.Allow ? "allows" : "denies")} {string.Join('+', ActionNames.Write(grant.Actions))} on {grant.Vault?.Value ?? "*"}/{grant.Names}";
    }
}

/// <summary>Patterns with <c>*</c> (any run, also empty) and <c>?</c> (one character), ordinal, in time linear in practice and never exponential.</summary>
public static class Glob
{
    /// <summary>Whether the whole text matches.</summary>
    public static bool Matches(ReadOnlySpan<char> pattern, ReadOnlySpan<char> text) => pattern is "*" || Matches(pattern, default, text, ignoreCase: false);

    /// <summary>Whether the whole text matches a pattern in which only some <c>*</c> and <c>?</c> are wildcards.</summary>
    /// <param name="pattern">The pattern.</param>
    /// <param name="wild">As long as the pattern: which of its characters are wildcards. Empty: every <c>*</c> and <c>?</c> is.</param>
    /// <param name="text">The text.</param>
    /// <param name="ignoreCase">Whether letters match without case.</param>
    public static bool Matches(ReadOnlySpan<char> pattern, ReadOnlySpan<bool> wild, ReadOnlySpan<char> text, bool ignoreCase)
    {
        int p = 0, t = 0, star = -1, mark = 0;
        while (t < text.Length)
        {
            bool isWild = p < pattern.Length && (wild.IsEmpty || wild[p]);
            if (isWild && pattern[p] == '*')
            {
                star = p++;
                mark = t;
            }
            else if (p < pattern.Length && ((isWild && pattern[p] == '?') || pattern[p] == text[t] || (ignoreCase && char.ToUpperInvariant(pattern[p]) == char.ToUpperInvariant(text[t]))))
            {
                p++;
                t++;
            }
            else if (star >= 0)
            {
                p = star + 1;
                t = ++mark;
            }
            else
            {
                return false;
            }
        }

        while (p < pattern.Length && pattern[p] == '*' && (wild.IsEmpty || wild[p]))
        {
            p++;
        }

        return p == pattern.Length;
    }
}
