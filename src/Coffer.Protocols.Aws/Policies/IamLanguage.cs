using System.Collections.Immutable;
using Coffer.Core.Access;

namespace Coffer.Protocols.Aws.Policies;

/// <summary>
/// The policy language of AWS IAM: identity, resource, boundary, organisation, session and trust policies, judged as AWS
/// judges them. Deny wins; in one account an identity or a resource policy is enough, across accounts both are needed;
/// boundaries, organisation and session policies only narrow. A document that cannot be judged exactly is not taken.
/// </summary>
public sealed partial class IamLanguage : IPolicyLanguage
{
    /// <summary>The language's name as stored with policies.</summary>
    public const string LanguageName = "aws";

    /// <summary>The language's bit in <see cref="Core.Secrets.Secret.PolicyLanguages"/>.</summary>
    public const int LanguageBit = 2;

    /// <summary>The one there is: it holds nothing.</summary>
    internal static IamLanguage Instance { get; } = new();

    /// <inheritdoc/>
    public string Name => LanguageName;

    /// <inheritdoc/>
    public int Bit => LanguageBit;

    /// <inheritdoc/>
    public ParsedPolicy Parse(Policy policy) =>
        policy.Use == PolicyUse.Library ? new IamLibraryPolicy(policy) : new IamPolicy(policy, IamParser.Parse(policy.Source, NameIn(policy), policy.Use));

    /// <inheritdoc/>
    public Judgement Judge(ReadOnlySpan<ParsedPolicy> policies, AccessRequest request, in PolicyQuestion question) =>
        question.Detail is IamQuestion asked ? Judge(policies, asked) : new(Verdict.Silent, AccessEvaluator.NothingAllows);

    /// <inheritdoc/>
    public bool LimitAllows(ReadOnlySpan<ParsedPolicy> set, AccessRequest request, in PolicyQuestion question)
    {
        // A set narrows whatever the account: it is judged by itself, as if it were all there is.
        if (question.Detail is not IamQuestion asked)
        {
            return false;
        }

        bool allows = false;
        foreach (ParsedPolicy policy in set)
        {
            (IamNaming allowed, IamStatement? denied, _) = Weigh(policy, asked);
            if (denied is not null)
            {
                return false;
            }

            allows |= allowed != IamNaming.None;
        }

        return allows;
    }

    /// <inheritdoc/>
    public bool MayHoldBelow(ReadOnlySpan<ParsedPolicy> policies, AccessRequest request)
    {
        IamAction? action = ActionOf(request.Operation);
        foreach (ParsedPolicy policy in policies)
        {
            if (policy is IamPolicy { Policy.Use: PolicyUse.Identity } parsed && parsed.Statements.Any(s => s.Allow && action is not null && s.Actions.Contains(action) != s.NotAction))
            {
                return true;
            }
        }

        return false;
    }

    private static Judgement Judge(ReadOnlySpan<ParsedPolicy> policies, IamQuestion question, ImmutableArray<ParsedPolicy> trusts = default)
    {
        IamStatement? identity = null, resource = null;
        IamNaming naming = IamNaming.None;
        bool boundary = false, withinBoundary = false, organisation = false, withinOrganisation = false;
        foreach (ParsedPolicy policy in trusts.IsDefaultOrEmpty ? [] : trusts)
        {
            // To a role what a secret's own policy is to the secret.
            (IamNaming allowed, IamStatement? denied, IamStatement? by) = Weigh(policy, question);
            if (denied is not null)
            {
                return new(Verdict.Deny, denied.Reason) { By = PolicyUse.Trust };
            }

            if (allowed > naming)
            {
                naming = allowed;
                resource = by;
            }
        }

        foreach (ParsedPolicy policy in policies)
        {
            if (policy.Policy.Use == PolicyUse.Trust)
            {
                continue;
            }

            (IamNaming allowed, IamStatement? denied, IamStatement? by) = Weigh(policy, question);
            if (denied is not null)
            {
                return new(Verdict.Deny, denied.Reason) { By = policy.Policy.Use };
            }

            bool allows = allowed != IamNaming.None;
            switch (policy.Policy.Use)
            {
                case PolicyUse.Identity:
                    identity ??= allows ? by : null;
                    break;
                case PolicyUse.Resource when allowed > naming:
                    naming = allowed;
                    resource = by;
                    break;
                case PolicyUse.Boundary:
                    boundary = true;
                    withinBoundary |= allows;
                    break;
                case PolicyUse.Organisation:
                    organisation = true;
                    withinOrganisation |= allows;
                    break;
                default:
                    break;
            }
        }

        // What is given to a user or a session by name is not narrowed by its boundary.
        bool direct = question.SameAccount && naming == IamNaming.Exact;
        bool within = (!organisation || withinOrganisation) && (!boundary || withinBoundary || direct);
        IamStatement? allow = !question.Counts ? null
            : question.SameAccount ? identity ?? (naming > IamNaming.Account ? resource : null)
            : identity is not null && resource is not null ? identity : null;
        return allow is null
            ? new(Verdict.Silent, AccessEvaluator.NothingAllows, within) { By = SilentBy(question, within, organisation && !withinOrganisation, identity is not null) }
            : new(Verdict.Allow, allow.Reason, within) { By = within ? null : organisation && !withinOrganisation ? PolicyUse.Organisation : PolicyUse.Boundary };
    }

    /// <summary>Which kind of policy would have had to allow: what a denial names.</summary>
    private static PolicyUse SilentBy(IamQuestion question, bool within, bool byOrganisation, bool identity) =>
        !within ? byOrganisation ? PolicyUse.Organisation : PolicyUse.Boundary
        : !question.SameAccount && identity ? PolicyUse.Resource : PolicyUse.Identity;

    /// <summary>What one policy says: how closely it allows, and the statement that denies or allows.</summary>
    private static (IamNaming Allowed, IamStatement? Denied, IamStatement? By) Weigh(ParsedPolicy policy, IamQuestion question)
    {
        if (policy is not IamPolicy parsed)
        {
            return default;
        }

        IamNaming allowed = IamNaming.None;
        IamStatement? by = null;
        foreach (IamStatement statement in parsed.Statements)
        {
            if (statement.Actions.Contains(question.Action) == statement.NotAction)
            {
                continue;
            }

            IamNaming named = statement.Principals?.Names(question.Caller) ?? IamNaming.Exact;
            if (named == IamNaming.None || (statement.Allow && named <= allowed))
            {
                continue;
            }

            IamTruth holds = Holds(statement, question, policy.Policy.Use == PolicyUse.Resource);
            if (!statement.Allow && holds != IamTruth.False)
            {
                return (IamNaming.None, statement, statement);
            }

            if (statement.Allow && holds == IamTruth.True)
            {
                allowed = named;
                by = statement;
            }
        }

        return (allowed, null, by);
    }

    private static IamTruth Holds(IamStatement statement, IamQuestion question, bool onSecret)
    {
        IamTruth truth = Covers(statement, question, onSecret);
        return truth == IamTruth.False ? truth : Min(truth, ConditionsHold(statement, question.Context));
    }

    private static IamTruth ConditionsHold(IamStatement statement, IamContext context)
    {
        IamTruth truth = IamTruth.True;
        foreach (IamCondition condition in statement.Conditions)
        {
            IamTruth one = Min(condition.Resolvable(context), condition.Holds(context));
            if (one == IamTruth.False)
            {
                return one;
            }

            truth = Min(truth, one);
        }

        return truth;
    }

    private static IamTruth Covers(IamStatement statement, IamQuestion question, bool onSecret)
    {
        // A trust policy is on its role and says no resource.
        if (statement.Resources.IsEmpty)
        {
            return IamTruth.True;
        }

        IamTruth truth = IamTruth.False;
        foreach (IamResourcePattern pattern in statement.Resources)
        {
            // In a secret's own policy "*" is the secret, whatever was sent for it.
            IamTruth one = onSecret && pattern.MatchesAll ? IamTruth.True : pattern.Matches(question.Resource, question.Context);
            truth = one > truth ? one : truth;
            if (truth == IamTruth.True)
            {
                break;
            }
        }

        return !statement.NotResource || truth == IamTruth.Unknown ? truth : truth == IamTruth.True ? IamTruth.False : IamTruth.True;
    }

    private static IamTruth Min(IamTruth a, IamTruth b) => a < b ? a : b;

    private static string NameIn(Policy policy) => policy.Use switch
    {
        PolicyUse.Session => "of the session",
        PolicyUse.Resource when policy.AttachedTo.Kind == AttachmentKind.Secret => "of the secret",
        _ => policy.Name,
    };
}

/// <summary>One question with everything that is needed to judge it.</summary>
internal sealed record IamQuestion
{
    public required IamAction Action { get; init; }

    public required IamResource Resource { get; init; }

    public required AwsIdentity Caller { get; init; }

    public required IamContext Context { get; init; }

    /// <summary>Whether the caller's account is the resource's.</summary>
    public required bool SameAccount { get; init; }

    /// <summary>False for a question that is not this language's to allow: only its Deny counts.</summary>
    public bool Counts { get; init; } = true;
}
