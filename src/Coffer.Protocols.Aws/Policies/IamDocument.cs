using System.Collections.Immutable;
using Coffer.Core.Access;

namespace Coffer.Protocols.Aws.Policies;

/// <summary>A parsed policy of this language.</summary>
internal sealed class IamPolicy(Policy policy, ImmutableArray<IamStatement> statements) : ParsedPolicy(policy)
{
    public ImmutableArray<IamStatement> Statements { get; } = statements;

    public override bool CanAllow => Statements.Any(s => s.Allow);

    public override bool CanDeny => Statements.Any(s => !s.Allow);

    /// <summary>Whether a statement allows everybody there is, and no condition on who or from where narrows it.</summary>
    public bool IsPublic() => Statements.Any(s => s.Allow && s.Principals is { IsEveryone: true } && !s.Conditions.Any(c => c.Narrows));
}

/// <summary>A document that is kept to be attached elsewhere: it applies to nothing by itself.</summary>
internal sealed class IamLibraryPolicy(Policy policy) : ParsedPolicy(policy);

/// <summary>One statement, ready to judge.</summary>
internal sealed class IamStatement
{
    /// <summary>The <c>Sid</c>, or its place in the document.</summary>
    public required string Id { get; init; }

    public required bool Allow { get; init; }

    /// <summary>Whom it is for; null in identity policies, which are for whom they hang on.</summary>
    public IamPrincipals? Principals { get; init; }

    public required IamActions Actions { get; init; }

    public required bool NotAction { get; init; }

    /// <summary>What it is on; empty in trust policies, which are on their role.</summary>
    public required ImmutableArray<IamResourcePattern> Resources { get; init; }

    public required bool NotResource { get; init; }

    public required ImmutableArray<IamCondition> Conditions { get; init; }

    /// <summary>The text for a decision's reason, made once.</summary>
    public required string Reason { get; init; }
}

/// <summary>Which of the known actions a statement names, worked out when it was parsed; and whether it names all there are.</summary>
internal sealed class IamActions(ulong[] known, bool everything)
{
    /// <summary>Whether it names every action of every service: all that a question outside this language is matched by.</summary>
    public bool Everything { get; } = everything;

    public bool Contains(IamAction action) => action.Index < 0 ? Everything : (known[action.Index >> 6] & (1UL << (action.Index & 63))) != 0;
}

/// <summary>A resource: an ARN in its parts, or a text that is none (a missing secret's id as sent; <c>*</c> where there is no resource).</summary>
internal readonly record struct IamResource(string Text, string Service, string Account, string Relative)
{
    /// <summary>For actions that are on no resource.</summary>
    public static IamResource None { get; } = new("*", "", "", "");

    public bool IsArn => Service.Length > 0;

    /// <summary>Takes a text apart where it is an ARN of our partition.</summary>
    public static IamResource Of(string text)
    {
        string[] parts = text.Split(':', 6);
        return parts is ["arn", "aws", { Length: > 0 } service, _, var account, var relative] ? new(text, service, account, relative) : new(text, "", "", "");
    }
}

/// <summary>
/// A pattern for resources. Its parts are compared one by one, so that a wildcard never crosses a colon before the last part;
/// the region of a secret matches every region, since regions are echoed here.
/// </summary>
internal sealed class IamResourcePattern
{
    private const string Secrets = "secretsmanager";

    private readonly IamTemplate? _template;
    private readonly Parts? _ready;

    private IamResourcePattern(IamTemplate? template, Parts? ready)
    {
        _template = template;
        _ready = ready;
    }

    /// <summary>Whether it is <c>*</c>.</summary>
    public bool MatchesAll => _template is null && _ready is null;

    public static IamResourcePattern Parse(string text, bool variables)
    {
        if (text == "*")
        {
            return new(null, null);
        }

        IamTemplate template = IamTemplate.Parse(text, variables);
        if (template.HasVariables)
        {
            // Variables stand in the last two parts only; what they stand for must not move the others.
            string[] split = text.Split(':', 5);
            if (split.Length < 5 || split[..4].Any(p => p.Contains("${", StringComparison.Ordinal)))
            {
                throw IamParser.Malformed("a resource is an ARN or \"*\"");
            }

            CheckHead(split);
            return new(template, null);
        }

        template.Resolve(null!, out IamPattern pattern);
        return new(null, Parts.Of(pattern) ?? throw IamParser.Malformed("a resource is an ARN or \"*\""));
    }

    public IamTruth Matches(in IamResource resource, IamContext context)
    {
        if (MatchesAll)
        {
            return IamTruth.True;
        }

        if (!resource.IsArn)
        {
            return IamTruth.False;
        }

        if (_ready is { } ready)
        {
            return ready.Matches(resource) ? IamTruth.True : IamTruth.False;
        }

        IamTruth known = _template!.Resolve(context, out IamPattern pattern);
        return known != IamTruth.True ? known : Parts.Of(pattern) is { } parts && parts.Matches(resource) ? IamTruth.True : IamTruth.False;
    }

    private static void CheckHead(string[] parts)
    {
        if (parts[0] != "arn" || parts[1].Length == 0 || parts[2].Length == 0 || parts[1].AsSpan().IndexOfAny('*', '?') >= 0 || parts[2].AsSpan().IndexOfAny('*', '?') >= 0)
        {
            throw IamParser.Malformed("a resource names its partition and service without wildcards");
        }
    }

    private sealed record Parts(string Partition, string Service, IamPattern Region, IamPattern Account, IamPattern Relative)
    {
        public static Parts? Of(IamPattern pattern)
        {
            string text = pattern.ToString();
            Span<Range> ranges = stackalloc Range[6];
            if (text.AsSpan().Split(ranges, ':') != 6)
            {
                return null;
            }

            CheckHead([text[ranges[0]], text[ranges[1]], text[ranges[2]]]);
            (int region, int regionLength) = ranges[3].GetOffsetAndLength(text.Length);
            (int account, int accountLength) = ranges[4].GetOffsetAndLength(text.Length);
            int relative = ranges[5].Start.Value;
            return new(text[ranges[1]], text[ranges[2]], pattern.Slice(region, regionLength), pattern.Slice(account, accountLength), pattern.Slice(relative, text.Length - relative));
        }

        private readonly bool _ours = Partition == "aws", _everyRegion = Service == Secrets || Region.Matches("");

        // What differs most often first.
        public bool Matches(in IamResource resource) =>
            _ours && Relative.Matches(resource.Relative) && Account.Matches(resource.Account) && _everyRegion && string.Equals(Service, resource.Service, StringComparison.Ordinal);
    }
}
