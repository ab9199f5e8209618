using System.Collections.Immutable;
using System.Net;
using Coffer.Contracts;
using Coffer.Core;
using Coffer.Core.Access;
using Coffer.Core.Audit;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;
using Microsoft.AspNetCore.Http;

namespace Coffer.Protocols.Native;

internal sealed partial class NativeEndpoints
{
    /// <summary>Answers to who may, why, and what to look at.</summary>
    private IEnumerable<NativeRoute> AnswerRoutes()
    {
        const string access = "/coffer/v1/access";
        yield return Tell(HttpMethods.Post, access + "/who-can", "whoCan", "Who may do something, through which policy, until when.", ContractsJson.Strict.AccessQuery, ContractsJson.Default.WhoCanList, WhoCanAsync);
        yield return Tell(HttpMethods.Post, access + "/why", "explain", "Whether a principal may do something, and why.", ContractsJson.Strict.AccessQuery, ContractsJson.Default.Explanation, ExplainAsync);
        yield return Ask(HttpMethods.Get, access + "/requests/{request}", "explainRequest", "Why a request of the trail was decided as it was, and how it would be now.", ContractsJson.Default.Explanation, ExplainRequestAsync);
        yield return Ask(HttpMethods.Get, access + "/review", "reviewAccess", "Grants and credentials to look at.", ContractsJson.Default.Review, ReviewAsync) with
        {
            Query = [new("days", "How far back use counts, and how far ahead an end: 1 to 3650; 90 if absent.")],
        };
    }

    private async ValueTask<WhoCanList> WhoCanAsync(NativeCall call, AccessQuery body)
    {
        if (body.Principal is not null)
        {
            throw Error.InvalidCombination("who can asks about everybody", "principal");
        }

        return new()
        {
            Principals = [.. (await _core.Secrets.WhoCanAsync(call.Caller, Question(body, NativeNames.OperationOf(body.Action)), call.Aborted).ConfigureAwait(false)).Select(e => new WhoCanInfo
            {
                Principal = e.Principal.Name.Value,
                Kind = NativeWire.Info(e.Principal).Kind,
                Reason = e.Reason,
                Until = e.Until is { } until ? Microseconds.ToTime(until) : null,
            })],
        };
    }

    private async ValueTask<Explanation> ExplainAsync(NativeCall call, AccessQuery body)
    {
        PrincipalName subject = body.Principal is { } name ? PrincipalName.Parse(name) : call.Caller.Principal.Name;
        AccessQuestion question = Question(body, NativeNames.OperationOf(body.Action));
        return Info(question, await _core.Secrets.ExplainAsync(call.Caller, subject, question, call.Aborted).ConfigureAwait(false));
    }

    /// <summary>One's own request, or any as one who may read the trail; what one may not see is not there.</summary>
    private async ValueTask<Explanation> ExplainRequestAsync(NativeCall call)
    {
        AuditRecord? record = (await Searching(_core.AuditReader.FindRequestAsync(call.PublicId, call.Aborted)).ConfigureAwait(false))?.Record;
        if (record?.PrincipalId != call.Caller.Principal.Id)
        {
            await _core.Admin.AuthoriseAuditAsync(call.Caller, call.Aborted).ConfigureAwait(false);
        }

        if (record is not { Principal: { } name } || !PrincipalName.TryParse(name, out PrincipalName subject))
        {
            throw Error.NotFound("request of a known principal");
        }

        // What is no question of policies (a wrong code, say) has only its record.
        Explanation answer = await _core.Secrets.ExplainRecordAsync(call.Caller, subject, record, call.Aborted).ConfigureAwait(false) is { } asked
            ? Info(asked.Question, asked.Why)
            : new()
            {
                Principal = name,
                Operation = record.Action,
                Vault = record.Vault,
                Name = record.Name,
                Allowed = record.Decision == AuditDecision.Allow,
                Reason = record.Reason,
                Considered = [],
            };
        return answer with { Then = Microseconds.ToTime(record.Time), ThenDecision = record.Decision.ToString().ToLowerInvariant(), ThenReason = record.Reason };
    }

    private async ValueTask<Review> ReviewAsync(NativeCall call)
    {
        int days = NativeNames.Number(call.Query("days"), "days", 1, 3650) ?? 90;
        // Who may is asked before the trail is searched.
        await _core.Admin.ReviewAsync(call.Caller, [], days, call.Aborted).ConfigureAwait(false);
        IReadOnlyList<AuditUse> uses = await Searching(_core.AuditReader.LastUseAsync(call.Aborted)).ConfigureAwait(false);
        ImmutableArray<ReviewFinding> findings = await _core.Admin.ReviewAsync(call.Caller, uses, days, call.Aborted).ConfigureAwait(false);
        return new()
        {
            Findings = [.. findings.Select(f => new ReviewFindingInfo { Kind = NativeNames.Word(f.Kind), Subject = f.Subject, Object = f.Object, Vault = f.Vault?.Value, Detail = f.Detail, Remedy = f.Remedy })],
        };
    }

    private static async ValueTask<T> Searching<T>(ValueTask<T> search)
    {
        try
        {
            return await search.ConfigureAwait(false);
        }
        catch (IOException failure)
        {
            throw Error.Unavailable("the audit trail cannot be read", failure);
        }
    }

    private static AccessQuestion Question(AccessQuery body, Operation operation) => new(
        operation,
        body.Vault is { } vault ? VaultName.Parse(vault) : null,
        body.Name is { } name ? SecretName.Parse(name) : null,
        operation == Operation.ReadValue ? VersionSelector.Current : null,
        body.Address is not { } text ? null : IPAddress.TryParse(text, out IPAddress? address) ? address : throw Error.InvalidRequest("that is no IP address", "address"));

    private static Explanation Info(AccessQuestion question, AccessExplanation why) => new()
    {
        Principal = why.Subject.Name.Value,
        Operation = why.Operation.Text(),
        Vault = question.Vault?.Value,
        Name = question.Name?.Value,
        Allowed = why.Decision.Allowed,
        Reason = why.Decision.Reason,
        Considered = [.. why.Considered.Select(c => new PolicyTraceInfo { Language = c.Language, Policy = c.Policy, On = c.On, Verdict = c.Verdict.ToString().ToLowerInvariant(), Statement = c.Statement })],
        Until = why.Until is { } until ? Microseconds.ToTime(until) : null,
        Remedy = why.Remedy,
    };
}
