using System.Collections.Immutable;
using System.Globalization;
using Coffer.Core.Access;
using Coffer.Core.Secrets;

namespace Coffer.Core.Tests.Access;

/// <summary>
/// Four vendors' languages, each with its own way of deciding and just enough words for the worked examples. Policies are
/// lines of words; what matters is that the four ways are different and none is translated into another.
/// </summary>
internal abstract class StandIn(string name, int bit) : IPolicyLanguage
{
    public string Name => name;

    public int Bit => bit;

    public ParsedPolicy Parse(Policy policy) => new Lines(policy, [.. policy.Source.Split('\n').Select(l => l.Split(' '))]);

    public ImmutableArray<PolicyQuestion> Express(AccessSnapshot access, AccessRequest request) => Question(request) is { } question ? [question] : [];

    public Judgement Judge(ReadOnlySpan<ParsedPolicy> policies, AccessRequest request, in PolicyQuestion question)
    {
        List<(string Policy, string[] Words)> lines = [];
        foreach (ParsedPolicy policy in policies)
        {
            lines.AddRange(((Lines)policy).Words.Select(w => (policy.Policy.Name, w)));
        }

        return Judge(lines, request, question);
    }

    public bool MayHoldBelow(ReadOnlySpan<ParsedPolicy> policies, AccessRequest request) => false;

    protected abstract PolicyQuestion? Question(AccessRequest request);

    protected abstract Judgement Judge(List<(string Policy, string[] Words)> lines, AccessRequest request, PolicyQuestion question);

    private sealed class Lines(Policy policy, ImmutableArray<string[]> words) : ParsedPolicy(policy)
    {
        public ImmutableArray<string[]> Words { get; } = words;
    }
}

/// <summary>Any deny wins, wherever it stands: <c>Allow|Deny ACTION ARN-PATTERN [tag=value]</c>.</summary>
internal sealed class AwsStandIn() : StandIn("aws", 2)
{
    protected override PolicyQuestion? Question(AccessRequest request) => request.Operation switch
    {
        Operation.ReadValue => new("secretsmanager:GetSecretValue", $"arn:aws:secretsmanager:eu-west-1:{request.Vault!.Number}:secret:{request.Name!.Value.Value.Replace(":", "%3A", StringComparison.Ordinal)}-{request.Head!.Uid.Suffix()}"),
        Operation.ListSecrets => new("secretsmanager:ListSecrets", "*"),
        _ => null,
    };

    protected override Judgement Judge(List<(string Policy, string[] Words)> lines, AccessRequest request, PolicyQuestion question)
    {
        Judgement judgement = new(Verdict.Silent, "no statement");
        foreach ((string policy, string[] words) in lines)
        {
            if (!Glob.Matches(words[1], question.Action) || !Glob.Matches(words[2], question.Resource) || (words.Length > 3 && !request.Head!.Tags.Contains(KeyValuePair.Create(words[3].Split('=')[0], words[3].Split('=')[1]))))
            {
                continue;
            }

            if (words[0] == "Deny")
            {
                return new(Verdict.Deny, $"aws policy {policy} denies {words[1]}");
            }

            judgement = new(Verdict.Allow, $"aws policy {policy} allows {words[1]}");
        }

        return judgement;
    }
}

/// <summary>A list of rights per object id, on a vault in policies mode; there is no deny: <c>OBJECT-ID right right …</c>.</summary>
internal sealed class AzureStandIn() : StandIn("azure", 4)
{
    protected override PolicyQuestion? Question(AccessRequest request) => request.Operation switch
    {
        Operation.ReadValue => new("get", request.VaultName!.Value.Value),
        Operation.ListSecrets => new("list", request.VaultName!.Value.Value),
        _ => null,
    };

    protected override Judgement Judge(List<(string Policy, string[] Words)> lines, AccessRequest request, PolicyQuestion question) =>
        request.Vault!.AzureAccess == AzureAccess.Policies && lines.Any(l => l.Words[0] == request.Caller.Principal.Id.ToString("D") && l.Words.Skip(1).Contains(question.Action))
            ? new(Verdict.Allow, $"azure access policy has {question.Action}")
            : new(Verdict.Silent, "no access policy");
}

/// <summary>Bindings of a role with a condition on the start of the resource's name: <c>ROLE [PREFIX]</c>.</summary>
internal sealed class GoogleStandIn() : StandIn("google", 8)
{
    protected override PolicyQuestion? Question(AccessRequest request) => request.Operation switch
    {
        Operation.ReadValue => new("secretmanager.versions.access", $"projects/{request.Vault!.Number}/secrets/{request.Name!.Value.Value.Replace("/", "%2F", StringComparison.Ordinal)}/versions/{(request.Version is VersionSelector.ByNumber n ? n.Number.ToString(CultureInfo.InvariantCulture) : "latest")}"),
        Operation.ListSecrets => new("secretmanager.secrets.list", $"projects/{request.Vault!.Number}"),
        _ => null,
    };

    protected override Judgement Judge(List<(string Policy, string[] Words)> lines, AccessRequest request, PolicyQuestion question) =>
        lines.Any(l => l.Words[0] == "secretAccessor" && question.Action == "secretmanager.versions.access" && (l.Words.Length == 1 || question.Resource.StartsWith(l.Words[1], StringComparison.Ordinal)))
            ? new(Verdict.Allow, "google binding secretAccessor")
            : new(Verdict.Silent, "no binding");
}

/// <summary>Only the most specific path rule decides: <c>PATH deny|read,list …</c>; a trailing <c>*</c> matches the rest.</summary>
internal sealed class VaultStandIn() : StandIn("vault", 16)
{
    protected override PolicyQuestion? Question(AccessRequest request) => request.Operation switch
    {
        Operation.ReadValue => new("read", $"{request.VaultName!.Value.Value}/data/{request.Name!.Value.Value}"),
        Operation.ListSecrets => new("list", $"{request.VaultName!.Value.Value}/metadata/"),
        _ => null,
    };

    protected override Judgement Judge(List<(string Policy, string[] Words)> lines, AccessRequest request, PolicyQuestion question)
    {
        string[]? rule = lines.Select(l => l.Words)
            .Where(w => w[0].EndsWith('*') ? question.Resource.StartsWith(w[0][..^1], StringComparison.Ordinal) : question.Resource == w[0])
            .MaxBy(w => (w[0].Length, !w[0].EndsWith('*')));
        return rule is null ? new(Verdict.Silent, "no rule")
            : rule[1] == "deny" ? new(Verdict.Deny, $"vault rule {rule[0]} denies")
            : rule[1].Split(',').Contains(question.Action) ? new(Verdict.Allow, $"vault rule {rule[0]} allows") : new(Verdict.Silent, "the rule has no such capability");
    }
}
