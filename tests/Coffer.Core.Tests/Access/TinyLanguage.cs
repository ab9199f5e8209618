using System.Collections.Immutable;
using Coffer.Core.Access;
using Coffer.Core.Errors;

namespace Coffer.Core.Tests.Access;

/// <summary>
/// A second policy language, as small as one can be: lines of <c>allow|deny|limit ACTION RESOURCE</c>, where <c>*</c>
/// matches anything. A limit allows nothing by itself; where there are limits, one of them must match too.
/// </summary>
internal sealed class TinyLanguage(string name = "tiny", int bit = 2) : IPolicyLanguage
{
    public string Name { get; } = name;

    public int Bit { get; } = bit;

    /// <summary>How often it was asked to translate: a language without policies that apply must cost nothing.</summary>
    public int Asked { get; private set; }

    public ParsedPolicy Parse(Policy policy)
    {
        ImmutableArray<string[]> lines = [.. policy.Source.Split('\n').Select(l => l.Split(' '))];
        return lines.All(l => l is [("allow" or "deny" or "limit"), _, _]) ? new Parsed(policy, lines) : throw Error.InvalidRequest("not a tiny policy", "policy");
    }

    public ImmutableArray<PolicyQuestion> Express(AccessSnapshot access, AccessRequest request)
    {
        Asked++;
        string resource = $"{request.VaultName?.Value ?? "-"}/{request.Name?.Value ?? ""}";
        return request.Operation switch
        {
            Operation.BackupSecret => [new("take", resource), new("look", resource), new("list", resource)],
            Operation.WhoAmI => [],
            Operation.Administer => [],
            _ => [new(request.Operation.Text(), resource)],
        };
    }

    public Judgement Judge(ReadOnlySpan<ParsedPolicy> policies, AccessRequest request, in PolicyQuestion question)
    {
        Judgement judgement = new(Verdict.Silent, "silence");
        bool limited = false, within = false;
        foreach (ParsedPolicy policy in policies)
        {
            foreach (string[] line in ((Parsed)policy).Lines)
            {
                bool matches = Glob.Matches(line[1], question.Action) && Glob.Matches(line[2], question.Resource);
                limited |= line[0] == "limit";
                within |= line[0] == "limit" && matches;
                if (matches && line[0] == "deny")
                {
                    return new(Verdict.Deny, $"{policy.Policy.Name}: {string.Join(' ', line)}");
                }

                if (matches && line[0] == "allow")
                {
                    judgement = new(Verdict.Allow, $"{policy.Policy.Name}: {string.Join(' ', line)}");
                }
            }
        }

        return judgement with { WithinLimits = !limited || within };
    }

    public bool MayHoldBelow(ReadOnlySpan<ParsedPolicy> policies, AccessRequest request) => policies.Length > 0;

    private sealed class Parsed(Policy policy, ImmutableArray<string[]> lines) : ParsedPolicy(policy)
    {
        public ImmutableArray<string[]> Lines { get; } = lines;
    }
}
