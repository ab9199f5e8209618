using System.Collections.Immutable;
using Coffer.Core.Secrets;

namespace Coffer.Core.Access;

/// <summary>One thing asked: what every language translates into its own terms.</summary>
public sealed record AccessRequest
{
    /// <summary>What.</summary>
    public required Operation Operation { get; init; }

    /// <summary>Who.</summary>
    public required Caller Caller { get; init; }

    /// <summary>When, UTC microseconds.</summary>
    public required long Now { get; init; }

    /// <summary>The vault's name as asked for, or null for the server itself.</summary>
    public VaultName? VaultName { get; init; }

    /// <summary>The vault, or null where there is none of that name.</summary>
    public Vault? Vault { get; init; }

    /// <summary>The secret's name, or null for the vault itself.</summary>
    public SecretName? Name { get; init; }

    /// <summary>The secret's head, or null where there is none of that name.</summary>
    public Secret? Head { get; init; }

    /// <summary>The uid drawn for a secret that is about to be created, or null.</summary>
    public SecretUid? NewUid { get; init; }

    /// <summary>Which version, or null where no version is meant.</summary>
    public VersionSelector? Version { get; init; }

    /// <summary>Labels that the version carries, or that are to be moved.</summary>
    public ImmutableArray<VersionLabel> Labels { get; init; } = [];
}

/// <summary>A policy made ready for judging, kept as long as its revision lives.</summary>
public abstract class ParsedPolicy
{
    /// <summary>Keeps the policy it came from.</summary>
    protected ParsedPolicy(Policy policy) => Policy = policy;

    /// <summary>The policy as stored.</summary>
    public Policy Policy { get; }

    /// <summary>Whether some statement of it could allow anything.</summary>
    public virtual bool CanAllow => true;

    /// <summary>Whether some statement of it could deny anything.</summary>
    public virtual bool CanDeny => true;
}

/// <summary>A stored policy that its language can no longer judge exactly: it denies whatever it might apply to.</summary>
/// <param name="policy">The policy.</param>
public sealed class UnjudgeablePolicy(Policy policy) : ParsedPolicy(policy);

/// <summary>One question in one language.</summary>
/// <param name="Action">The language's own word for the action.</param>
/// <param name="Resource">The language's own text for the object.</param>
/// <param name="Detail">Whatever else the language needs, or null.</param>
public readonly record struct PolicyQuestion(string Action, string Resource, object? Detail = null);

/// <summary>What one language says.</summary>
public enum Verdict
{
    /// <summary>No policy of the language speaks to the question.</summary>
    Silent = 0,

    /// <summary>A policy allows.</summary>
    Allow = 1,

    /// <summary>A policy denies.</summary>
    Deny = 2,
}

/// <summary>A language's answer to one question.</summary>
/// <param name="Verdict">Allow, deny or silence.</param>
/// <param name="Reason">Policy and statement that made it, or why there is silence. Kept strings, no allocation per request.</param>
/// <param name="WithinLimits">Whether the language's limiting policies (boundary, organisation, session) also allow; true where there are none.</param>
public readonly record struct Judgement(Verdict Verdict, string Reason, bool WithinLimits = true)
{
    /// <summary>The use of the policy that decided, or of the one that is wanting; null where a language does not tell.</summary>
    public PolicyUse? By { get; init; }
}

/// <summary>
/// A policy language: translates requests into its own questions and judges its own policies by its own rule. Lives in
/// its dialect's project and is handed to the core at start. Pure: no clock, no store.
/// </summary>
public interface IPolicyLanguage
{
    /// <summary>Name as stored with policies.</summary>
    string Name { get; }

    /// <summary>Bit in <see cref="Secret.PolicyLanguages"/>.</summary>
    int Bit { get; }

    /// <summary>The use under which a limit of a credential is parsed.</summary>
    PolicyUse LimitUse => PolicyUse.Identity;

    /// <summary>Makes a policy ready. What cannot be judged exactly is refused with <c>InvalidRequest</c>, and so never stored.</summary>
    ParsedPolicy Parse(Policy policy);

    /// <summary>The question or questions that the request is in this language; all must be allowed. Empty: any caller may.</summary>
    /// <param name="access">The state that the request is judged in: who the caller and where its home is.</param>
    /// <param name="request">The request.</param>
    ImmutableArray<PolicyQuestion> Express(AccessSnapshot access, AccessRequest request);

    /// <summary>Judges one question over all policies that apply, together.</summary>
    Judgement Judge(ReadOnlySpan<ParsedPolicy> policies, AccessRequest request, in PolicyQuestion question);

    /// <summary>Whether a set of policies that limits a credential allows one question, judged by itself.</summary>
    bool LimitAllows(ReadOnlySpan<ParsedPolicy> set, AccessRequest request, in PolicyQuestion question) =>
        Judge(set, request, question) is { Verdict: Verdict.Allow, WithinLimits: true };

    /// <summary>
    /// Whether the caller may act as another principal: by the policies with <see cref="PolicyUse.Trust"/> on that one, and
    /// where the language wants it by those of the caller. Silent where the language has no such policies.
    /// </summary>
    /// <param name="access">The state that it is judged in.</param>
    /// <param name="request">Who asks, and when.</param>
    /// <param name="target">The principal wanted.</param>
    Judgement JudgeAssuming(AccessSnapshot access, AccessRequest request, Principal target) => new(Verdict.Silent, AccessEvaluator.NothingAllows);

    /// <summary>Whether some policy could allow <paramref name="request"/>'s operation on some name below its vault.</summary>
    bool MayHoldBelow(ReadOnlySpan<ParsedPolicy> policies, AccessRequest request);
}

/// <summary>The one decision for all wires.</summary>
/// <param name="Allowed">Whether the operation may happen.</param>
/// <param name="Reason">The policy and statement that decided, or the reason of the silence.</param>
/// <param name="Explicit">True where a policy denied, false where none allowed.</param>
/// <param name="Language">The language that decided, or null for a default denial.</param>
public readonly record struct AccessDecision(bool Allowed, string Reason, bool Explicit = false, string? Language = null)
{
    /// <summary>The use of the policy that denied, or of the kind that is wanting; null where no language told.</summary>
    public PolicyUse? By { get; init; }
}
