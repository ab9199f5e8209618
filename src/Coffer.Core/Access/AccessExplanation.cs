using System.Collections.Immutable;
using Coffer.Core.Secrets;

namespace Coffer.Core.Access;

/// <summary>What one policy said to one question.</summary>
/// <param name="Language">Its language.</param>
/// <param name="Policy">Its name in that language.</param>
/// <param name="On">What it hangs on, in words: <c>group shop-developers</c>.</param>
/// <param name="Verdict">What it says, judged by itself.</param>
/// <param name="Statement">The statement, or why there is silence.</param>
/// <param name="Until">When it ends by itself, UTC microseconds, or null.</param>
public sealed record PolicyTrace(string Language, string Policy, string On, Verdict Verdict, string Statement, long? Until);

/// <summary>A decision with everything that was looked at.</summary>
/// <param name="Subject">Whose call it is.</param>
/// <param name="Operation">What was asked.</param>
/// <param name="Decision">How it was decided.</param>
/// <param name="Considered">Every policy that applies to the subject there: those that deny, those that allow, those that are silent.</param>
/// <param name="Until">When an allowed call stops being allowed because grants end, UTC microseconds, or null: not by itself.</param>
/// <param name="Remedy">The smallest change that turns the decision, as a command; null where it is allowed.</param>
public sealed record AccessExplanation(Principal Subject, Operation Operation, AccessDecision Decision, ImmutableArray<PolicyTrace> Considered, long? Until, string? Remedy);

/// <summary>Explains decisions. Slower than deciding, and never used to decide.</summary>
internal static partial class AccessExplainer
{
    public static AccessExplanation Explain(AccessSnapshot snapshot, AccessRequest request, ImmutableArray<ParsedPolicy> onSecret)
    {
        AccessDecision decision = AccessEvaluator.Decide(snapshot, request, onSecret);
        List<(PolicyTrace Trace, long Created)> considered = [];
        foreach (IPolicyLanguage language in snapshot.Languages)
        {
            foreach (ParsedPolicy policy in snapshot.Applicable(language, request, onSecret))
            {
                considered.Add((Trace(snapshot, language, policy, request), policy.Policy.Created));
            }
        }

        return new(request.Caller.Principal, request.Operation, decision, InOrder(considered), decision.Allowed ? UntilOf(snapshot, request, onSecret) : null, Remedy(snapshot, request, decision, onSecret));
    }

    /// <summary>What spoke first, denials before permissions; older before newer.</summary>
    private static ImmutableArray<PolicyTrace> InOrder(List<(PolicyTrace Trace, long Created)> considered) =>
        [.. considered.OrderByDescending(c => c.Trace.Verdict).ThenBy(c => c.Created).ThenBy(c => c.Trace.Policy, StringComparer.Ordinal).Select(c => c.Trace)];

    /// <summary>When the last of the allowing grants ends: the first moment at which the same question is denied, if grants' own ends bring it.</summary>
    public static long? UntilOf(AccessSnapshot snapshot, AccessRequest request, ImmutableArray<ParsedPolicy> onSecret)
    {
        IPolicyLanguage? grants = snapshot.Languages.FirstOrDefault(l => l.Name == GrantLanguage.LanguageName);
        if (grants is null)
        {
            return null;
        }

        // Few policies apply to one principal; each end is tried, soonest first.
        SortedSet<long> ends = [];
        foreach (ParsedPolicy policy in snapshot.Applicable(grants, request, onSecret))
        {
            if (GrantLanguage.GrantOf(policy) is { Allow: true, Until: { } until } && until > request.Now)
            {
                ends.Add(until);
            }
        }

        return ends.Select(e => (long?)e).FirstOrDefault(end => !AccessEvaluator.Decide(snapshot, request with { Now = end!.Value }, onSecret).Allowed);
    }

    private static PolicyTrace Trace(AccessSnapshot snapshot, IPolicyLanguage language, ParsedPolicy policy, AccessRequest request)
    {
        string on = NameOf(snapshot, policy.Policy.AttachedTo);
        if (policy is UnjudgeablePolicy)
        {
            return new(language.Name, policy.Policy.Name, on, Verdict.Deny, "it can no longer be judged, and so denies", null);
        }

        if (policy.Policy.Use == PolicyUse.Trust)
        {
            return new(language.Name, policy.Policy.Name, on, Verdict.Silent, "says who may act as this principal", null);
        }

        Judgement judgement = AccessEvaluator.JudgeAll(snapshot, language, [policy], request);
        Grant? grant = GrantLanguage.GrantOf(policy);
        string statement = judgement.Verdict == Verdict.Silent && grant is not null ? GrantLanguage.WhySilent(policy, request) : judgement.Reason;
        return new(language.Name, policy.Policy.Name, on, judgement.Verdict, statement, grant?.Until);
    }

    private static string? Remedy(AccessSnapshot snapshot, AccessRequest request, AccessDecision decision, ImmutableArray<ParsedPolicy> onSecret)
    {
        if (decision.Allowed)
        {
            return null;
        }

        PrincipalName name = request.Caller.Principal.Name;
        if (!snapshot.Principals.TryGetValue(request.Caller.Principal.Id, out Principal? principal))
        {
            return null;
        }

        if (!principal.Enabled)
        {
            return $"coffer principal enable {name}";
        }

        // What denies comes first: with it, nothing that allows would help.
        foreach (IPolicyLanguage language in snapshot.Languages)
        {
            foreach (ParsedPolicy policy in snapshot.Applicable(language, request, onSecret))
            {
                if (policy is UnjudgeablePolicy || AccessEvaluator.JudgeAll(snapshot, language, [policy], request).Verdict == Verdict.Deny)
                {
                    return language.Name == GrantLanguage.LanguageName ? $"coffer grant delete {policy.Policy.Name}" : $"change the {language.Name} policy {policy.Policy.Name} on {NameOf(snapshot, policy.Policy.AttachedTo)}";
                }
            }
        }

        // The characters of names that shells read otherwise than they are written are between single quotes.
        string where = request.VaultName is { } vault ? request.Name is { } secret ? Quoted($"{vault}/{secret}") : vault.Value : "'*'";
        string actions = string.Join(',', ActionNames.Write(request.Operation.Actions()));
        string grant = request.Vault is { } on && (on.Approvals & ApprovalNeeds.Grants) != 0
            ? $"coffer request grant {actions} {where} --principal {name} --reason …"
            : $"coffer grant create {name} {actions} {where}";
        return decision.Explicit && request.Vault is { } guarded && AccessGates.Closed(snapshot, request, guarded) is not null
            ? request.Operation is Operation.PurgeSecret or Operation.DestroyVersion ? $"coffer request purge {request.VaultName}/{request.Name} --reason …"
                : guarded.SeparateDuties && request.Head?.Tags.ContainsKey(AccessGates.BreakGlassTag) != true ? $"a principal that does not administer {request.VaultName} reads it" : $"coffer request break-glass {request.VaultName}/{request.Name} --reason …"
            : grant;
    }

    private static string Quoted(string text) => text.AsSpan().ContainsAny(" !~:") ? $"'{text}'" : text;

    internal static string NameOf(AccessSnapshot snapshot, Attachment at) => at.Kind switch
    {
        AttachmentKind.Server => "the server",
        AttachmentKind.Vault => VaultNumber.TryParse(at.Id, out VaultNumber number) && snapshot.VaultsByNumber.TryGetValue(number, out Vault? vault) ? $"vault {vault.Name}" : $"vault {at.Id}",
        AttachmentKind.Secret => "the secret",
        AttachmentKind.Principal => Guid.TryParse(at.Id, out Guid id) && snapshot.Principals.TryGetValue(id, out Principal? principal) ? $"principal {principal.Name}" : "a principal",
        AttachmentKind.Group => Guid.TryParse(at.Id, out Guid id) && snapshot.Groups.TryGetValue(id, out Group? group) ? $"group {group.Name}" : "a group",
        AttachmentKind.Credential => $"credential {at.Id}",
    };
}
