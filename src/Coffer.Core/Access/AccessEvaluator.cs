using System.Collections.Immutable;
using Coffer.Core.Secrets;

namespace Coffer.Core.Access;

/// <summary>
/// The decision: denied if any language denies, else allowed if any allows and every limit allows too, else denied by
/// default. A pure function over a snapshot.
/// </summary>
public static class AccessEvaluator
{
    /// <summary>What a default denial says.</summary>
    public const string NothingAllows = "no policy allows it";

    /// <summary>Decides one request.</summary>
    /// <param name="snapshot">One consistent state of principals and policies.</param>
    /// <param name="request">The request, its head already looked up.</param>
    /// <param name="onSecret">Policies on the secret itself, parsed; usually none.</param>
    public static AccessDecision Decide(AccessSnapshot snapshot, AccessRequest request, ImmutableArray<ParsedPolicy> onSecret = default)
    {
        if (!snapshot.Principals.TryGetValue(request.Caller.Principal.Id, out Principal? principal) || !principal.Enabled)
        {
            return new(false, "the principal is disabled or gone", Explicit: true);
        }

        AccessDecision? allow = null;
        PolicyUse? wanting = null;
        bool withinLimits = true;
        foreach (IPolicyLanguage language in snapshot.Languages)
        {
            ReadOnlySpan<ParsedPolicy> policies = snapshot.Applicable(language, request, onSecret);
            if (policies.IsEmpty && !AnyCallerMay(request.Operation))
            {
                continue;
            }

            Judgement judgement = JudgeAll(snapshot, language, policies, request);
            wanting ??= judgement.By;
            withinLimits &= judgement.WithinLimits;
            if (judgement.Verdict == Verdict.Deny)
            {
                return new(false, judgement.Reason, Explicit: true, language.Name) { By = judgement.By };
            }

            if (judgement.Verdict == Verdict.Allow)
            {
                allow ??= new(true, judgement.Reason, Explicit: true, language.Name);
            }
        }

        if (allow is not { } allowed)
        {
            return new(false, NothingAllows) { By = wanting };
        }

        if (!withinLimits)
        {
            return new(false, "a boundary, organisation or session policy does not allow it") { By = wanting };
        }

        foreach (PolicySet limit in request.Caller.Limits)
        {
            if (!snapshot.LimitAllows(limit, request))
            {
                return new(false, "the limits of the credential do not allow it") { By = PolicyUse.Session };
            }
        }

        return request.Vault is { SeparateDuties: true } or { Approvals: not ApprovalNeeds.None } && AccessGates.Closed(snapshot, request, request.Vault) is { } closed
            ? closed
            : allowed;
    }

    /// <summary>Whether an operation needs no allowing policy (a deny still counts).</summary>
    public static bool AnyCallerMay(Operation operation) => operation is Operation.RandomPassword or Operation.WhoAmI;

    internal static Judgement JudgeAll(AccessSnapshot snapshot, IPolicyLanguage language, ReadOnlySpan<ParsedPolicy> policies, AccessRequest request)
    {
        foreach (ParsedPolicy policy in policies)
        {
            if (policy is UnjudgeablePolicy)
            {
                return new(Verdict.Deny, $"{language.Name} policy {policy.Policy.Name} can no longer be judged");
            }
        }

        ImmutableArray<PolicyQuestion> questions = language.Express(snapshot, request);
        if (questions.IsEmpty)
        {
            return AnyCallerMay(request.Operation) ? new(Verdict.Allow, "any caller may") : new(Verdict.Silent, NothingAllows);
        }

        Judgement overall = new(Verdict.Allow, "");
        bool withinLimits = true;
        foreach (PolicyQuestion question in questions)
        {
            Judgement one = language.Judge(policies, request, question);
            withinLimits &= one.WithinLimits;
            if (one.Verdict == Verdict.Deny)
            {
                return one;
            }

            if (one.Verdict == Verdict.Silent || overall.Verdict == Verdict.Allow)
            {
                overall = overall.Verdict == Verdict.Silent ? overall : one;
            }
        }

        return overall with { WithinLimits = withinLimits };
    }

    /// <summary>Whether a set that limits a credential allows the request: each of its questions, judged by the set alone.</summary>
    internal static bool LimitAllows(AccessSnapshot snapshot, IPolicyLanguage language, ReadOnlySpan<ParsedPolicy> set, AccessRequest request)
    {
        foreach (ParsedPolicy policy in set)
        {
            if (policy is UnjudgeablePolicy)
            {
                return false;
            }
        }

        ImmutableArray<PolicyQuestion> questions = language.Express(snapshot, request);
        if (questions.IsEmpty)
        {
            return AnyCallerMay(request.Operation);
        }

        foreach (PolicyQuestion question in questions)
        {
            if (!language.LimitAllows(set, request, question))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Whether the caller may act as another principal by that one's trust policies: denied if any language denies, else allowed if any allows.</summary>
    internal static AccessDecision DecideAssuming(AccessSnapshot snapshot, AccessRequest request, Principal target)
    {
        AccessDecision? allow = null;
        foreach (IPolicyLanguage language in snapshot.Languages)
        {
            Judgement judgement = language.JudgeAssuming(snapshot, request, target);
            if (judgement.Verdict == Verdict.Deny)
            {
                return new(false, judgement.Reason, Explicit: true, language.Name) { By = judgement.By };
            }

            if (judgement.Verdict == Verdict.Allow)
            {
                allow ??= new(true, judgement.Reason, Explicit: true, language.Name);
            }
        }

        return allow ?? new(false, NothingAllows);
    }
}
