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
        bool withinLimits = true;
        foreach (IPolicyLanguage language in snapshot.Languages)
        {
            ReadOnlySpan<ParsedPolicy> policies = snapshot.Applicable(language, request, onSecret);
            if (policies.IsEmpty && !AnyCallerMay(request.Operation))
            {
                continue;
            }

            Judgement judgement = JudgeAll(language, policies, request);
            withinLimits &= judgement.WithinLimits;
            if (judgement.Verdict == Verdict.Deny)
            {
                return new(false, judgement.Reason, Explicit: true, language.Name);
            }

            if (judgement.Verdict == Verdict.Allow)
            {
                allow ??= new(true, judgement.Reason, Explicit: true, language.Name);
            }
        }

        if (allow is not { } allowed)
        {
            return new(false, NothingAllows);
        }

        if (!withinLimits)
        {
            return new(false, "a boundary, organisation or session policy does not allow it");
        }

        foreach (PolicySet limit in request.Caller.Limits)
        {
            if (!snapshot.LimitAllows(limit, request))
            {
                return new(false, "the limits of the credential do not allow it");
            }
        }

        return request.Vault is { SeparateDuties: true } or { Approvals: not ApprovalNeeds.None } && AccessGates.Closed(snapshot, request, request.Vault) is { } closed
            ? closed
            : allowed;
    }

    /// <summary>Whether an operation needs no allowing policy (a deny still counts).</summary>
    public static bool AnyCallerMay(Operation operation) => operation is Operation.RandomPassword or Operation.WhoAmI;

    internal static Judgement JudgeAll(IPolicyLanguage language, ReadOnlySpan<ParsedPolicy> policies, AccessRequest request)
    {
        foreach (ParsedPolicy policy in policies)
        {
            if (policy is UnjudgeablePolicy)
            {
                return new(Verdict.Deny, $"{language.Name} policy {policy.Policy.Name} can no longer be judged");
            }
        }

        ImmutableArray<PolicyQuestion> questions = language.Express(request);
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
}
