using System.Collections.Immutable;
using System.Net;
using Coffer.Core.Access;
using Coffer.Core.Audit;
using Coffer.Core.Errors;

namespace Coffer.Core.Secrets;

/// <summary>Somebody who may do what was asked.</summary>
/// <param name="Principal">Who.</param>
/// <param name="Reason">The policy and statement that allows it.</param>
/// <param name="Language">Its language.</param>
/// <param name="Until">When it ends because grants end, UTC microseconds, or null.</param>
public sealed record WhoCanEntry(Principal Principal, string Reason, string? Language, long? Until);

/// <summary>What is asked about.</summary>
/// <param name="Operation">The operation.</param>
/// <param name="Vault">The vault, or null for the server itself.</param>
/// <param name="Name">The secret, or null for the vault or the server as a whole.</param>
/// <param name="Version">The version, or null where none is meant.</param>
/// <param name="Address">From where, or null: the local socket.</param>
public sealed record AccessQuestion(Operation Operation, VaultName? Vault, SecretName? Name, VersionSelector? Version, IPAddress? Address);

public sealed partial class SecretService
{
    /// <summary>
    /// Who may do something, through which policy, until when; by name. Only those who may read the vault's policies may ask.
    /// Errors: AccessDenied; NotFound (vault).
    /// </summary>
    public async ValueTask<ImmutableArray<WhoCanEntry>> WhoCanAsync(Caller caller, AccessQuestion question, CancellationToken cancellationToken)
    {
        (AccessSnapshot snapshot, AccessRequest request, ImmutableArray<ParsedPolicy> onSecret) = await AskedAsync(caller, null, question, own: false, evenIfGone: false, cancellationToken).ConfigureAwait(false);
        ImmutableArray<WhoCanEntry>.Builder may = ImmutableArray.CreateBuilder<WhoCanEntry>();
        foreach (Principal principal in snapshot.Principals.Values)
        {
            AccessRequest one = request with { Caller = As(caller, principal, question.Address) };
            AccessDecision decision = AccessEvaluator.Decide(snapshot, one, onSecret);
            if (decision.Allowed)
            {
                may.Add(new(principal, decision.Reason, decision.Language, AccessExplainer.UntilOf(snapshot, one, onSecret)));
            }
        }

        may.Sort((a, b) => string.CompareOrdinal(a.Principal.Name.Value, b.Principal.Name.Value));
        return may.DrainToImmutable();
    }

    /// <summary>
    /// Whether a principal may do something, and why: for oneself anybody may ask, for others who may read the vault's policies.
    /// Errors: AccessDenied; NotFound (vault, principal).
    /// </summary>
    public ValueTask<AccessExplanation> ExplainAsync(Caller caller, PrincipalName subject, AccessQuestion question, CancellationToken cancellationToken) =>
        ExplainAsync(caller, subject, question, evenIfGone: false, cancellationToken);

    /// <summary>
    /// How a call of the trail would be decided now, and why; of several operations by the first that is not allowed. Null where no
    /// policy was asked. Of a vault that is gone as well. Errors: AccessDenied; NotFound (principal).
    /// </summary>
    public async ValueTask<(AccessQuestion Question, AccessExplanation Why)?> ExplainRecordAsync(Caller caller, PrincipalName subject, AuditRecord record, CancellationToken cancellationToken)
    {
        (AccessQuestion Question, AccessExplanation Why)? answer = null;
        foreach (AccessQuestion question in AccessExplainer.QuestionsOf(record))
        {
            AccessExplanation why = await ExplainAsync(caller, subject, question, evenIfGone: true, cancellationToken).ConfigureAwait(false);
            if (record.Action == CredentialService.IssueAction && PrincipalName.TryParse(record.Name, out PrincipalName target) && target != subject)
            {
                why = AccessExplainer.OfAssuming(_parts.Access.Current, why, target, As(caller, why.Subject, question.Address), Now);
            }

            answer = (question, why);
            if (!why.Decision.Allowed)
            {
                break;
            }
        }

        return answer;
    }

    private async ValueTask<AccessExplanation> ExplainAsync(Caller caller, PrincipalName subject, AccessQuestion question, bool evenIfGone, CancellationToken cancellationToken)
    {
        AccessSnapshot current = _parts.Access.Current;
        Principal? principal = subject == caller.Principal.Name ? caller.Principal : current.PrincipalsByName.GetValueOrDefault(subject);
        (AccessSnapshot snapshot, AccessRequest request, ImmutableArray<ParsedPolicy> onSecret) = await AskedAsync(caller, principal, question, principal?.Id == caller.Principal.Id, evenIfGone, cancellationToken).ConfigureAwait(false);
        return principal is null
            ? throw Error.NotFound("principal", subject.Value)
            : AccessExplainer.Explain(snapshot, request with { Caller = As(caller, principal, question.Address) }, onSecret);
    }

    private async ValueTask<(AccessSnapshot Snapshot, AccessRequest Request, ImmutableArray<ParsedPolicy> OnSecret)> AskedAsync(
        Caller caller, Principal? about, AccessQuestion question, bool own, bool evenIfGone, CancellationToken cancellationToken)
    {
        long now = Now;
        Vault? vault = question.Vault is { } asked ? VaultOf(asked) : null;
        CachedSecret? found = vault is not null && question.Name is { } name ? await FindAsync(vault, name, "", now, cancellationToken).ConfigureAwait(false) : null;
        AccessRequest policies = Request(caller, own ? Operation.WhoAmI : Operation.ReadPolicy, question.Vault, vault, null, null, now);
        AccessDecision decision = await DecideAsync(policies, cancellationToken).ConfigureAwait(false);
        await _parts.RecordAsync(_parts.Record(caller, "Explain", question.Vault, question.Name, null, decision.Allowed ? AuditDecision.Allow : AuditDecision.Deny, about is null ? decision.Reason : $"about {about.Name}: {decision.Reason}")).ConfigureAwait(false);
        if (!decision.Allowed)
        {
            throw Error.AccessDenied(Operation.ReadPolicy.Text(), question.Vault?.Value ?? "server", decision.Reason);
        }

        if (question.Vault is { } missing && vault is null && !own && !evenIfGone)
        {
            throw Error.NotFound("vault", missing.Value);
        }

        // One who asks for oneself learns no more than the call itself would tell: a secret that is not there has no tags.
        AccessRequest request = Request(caller, question.Operation, question.Vault, vault, question.Name, found?.Head, now) with { Version = question.Version, Labels = found?.Labels ?? [] };
        return (_parts.Access.Current, request, await _parts.Access.OnSecretAsync(found?.Head, cancellationToken).ConfigureAwait(false));
    }

    private static Caller As(Caller asks, Principal principal, IPAddress? address) => asks with
    {
        Principal = principal,
        Credential = "",
        Address = address,
        Session = null,
        Native = null,
        Limits = [],
        Home = principal.Home,
    };
}
