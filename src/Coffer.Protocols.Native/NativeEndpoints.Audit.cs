using Coffer.Contracts;
using Coffer.Core.Audit;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;
using Microsoft.AspNetCore.Http;

namespace Coffer.Protocols.Native;

internal sealed partial class NativeEndpoints
{
    private const string AuditPath = "/coffer/v1/audit";

    private IEnumerable<NativeRoute> AuditRoutes()
    {
        yield return new NativeRoute
        {
            Method = HttpMethods.Get,
            Template = AuditPath,
            Id = "queryAudit",
            Summary = "Records of the audit trail that match, oldest first, one JSON object on each line.",
            Query =
            [
                new("principal", "Name of the principal, exactly."),
                new("path", "vault/name, by a pattern of * and ?, where * also stands for slashes."),
                new("vault", "The vault, exactly."),
                new("name", "The name, by a pattern of * and ?."),
                new("action", "One of the core operations, or the wire's own."),
                new("decision", "allow, deny or fail."),
                new("credential", "Public id of the credential, exactly."),
                new("address", "The peer's address, exactly."),
                new("request", "The id under which an answer and the log know a request, exactly."),
                new("since", "Not earlier."),
                new("until", "Earlier than this."),
                new("limit", "Only that many, the newest; 1 to 100000.", "integer"),
                new("follow", "true goes on with every record that comes and matches, for as long as the caller may read them.", "boolean"),
            ],
            Answer = ContractsJson.Default.AuditEvent,
            ContentType = "application/x-ndjson",
            Handler = QueryAuditAsync,
        };
        yield return new NativeRoute
        {
            Method = HttpMethods.Get,
            Template = AuditPath + "/follow",
            Id = "followAudit",
            Summary = "Every record from now on as it comes, one JSON object on each line, for as long as the caller may read them.",
            Answer = ContractsJson.Default.AuditEvent,
            ContentType = "application/x-ndjson",
            Handler = FollowAuditAsync,
        };
        yield return Ask(HttpMethods.Post, AuditPath + "/verify", "verifyAudit", "Proves that nothing in the trail was changed, dropped or cut off, or says what was.", ContractsJson.Default.AuditVerification, VerifyAuditAsync);
        yield return Ask(HttpMethods.Post, AuditPath + "/index", "indexAudit", "Examines the trail's index and builds what is missing, damaged or stale in it; it can all be made from the trail.", ContractsJson.Default.AuditIndexState, IndexAuditAsync) with
        {
            Query = [new("rebuild", "true builds all of it anew.", "boolean")],
        };
        yield return Ask(HttpMethods.Get, SecretPart + "/readers", "listReaders", "Who read the secret's values: each principal and version with the last time, from the audit trail.", ContractsJson.Default.SecretReaders, ListReadersAsync);
    }

    private async Task QueryAuditAsync(NativeCall call)
    {
        AuditQuery query = new()
        {
            Principal = call.Query("principal"),
            PathPattern = call.Query("path"),
            Vault = call.Query("vault"),
            NamePattern = call.Query("name"),
            Action = call.Query("action"),
            Decision = NativeNames.Decision(call.Query("decision")),
            Credential = call.Query("credential"),
            Address = call.Query("address"),
            RequestId = call.Query("request"),
            Since = NativeNames.Time(call.Query("since"), "since"),
            Until = NativeNames.Time(call.Query("until"), "until"),
            Limit = NativeNames.Number(call.Query("limit"), "limit", 1, 100_000),
        };
        bool follow = NativeNames.Flag(call.Query("follow"), "follow");
        if (follow && query.Until is not null)
        {
            throw Error.InvalidCombination("what is followed has no end: follow or until", "until");
        }

        await _core.Admin.AuthoriseAuditAsync(call.Caller, call.Aborted).ConfigureAwait(false);
        await Reading(follow
            ? NativeWire.WriteLinesAsync(call.Context, _core.AuditReader.QueryAndFollowAsync(query, call.Aborted), flushEach: true, () => MayGoOnAsync(call))
            : NativeWire.WriteLinesAsync(call.Context, _core.AuditReader.QueryAsync(query, call.Aborted), flushEach: false, () => ValueTask.FromResult(true))).ConfigureAwait(false);
    }

    private async Task FollowAuditAsync(NativeCall call)
    {
        call.CheckQuery();
        await _core.Admin.AuthoriseAuditAsync(call.Caller, call.Aborted).ConfigureAwait(false);
        await Reading(NativeWire.WriteLinesAsync(call.Context, _core.AuditReader.FollowAsync(call.Aborted), flushEach: true, () => MayGoOnAsync(call))).ConfigureAwait(false);
    }

    private async ValueTask<bool> MayGoOnAsync(NativeCall call)
    {
        try
        {
            return !(call.Identity!.Expires <= Now) && await _core.Admin.MayStillReadAuditAsync(call.Caller, call.Aborted).ConfigureAwait(false);
        }
        catch (CofferException failure) when (failure.Code == CofferErrorCode.Sealed)
        {
            return false;
        }
    }

    private async ValueTask<AuditVerification> VerifyAuditAsync(NativeCall call)
    {
        await _core.Admin.AuthoriseAuditAsync(call.Caller, call.Aborted).ConfigureAwait(false);
        return NativeWire.Info(await _core.VerifyAuditAsync(call.Aborted).ConfigureAwait(false));
    }

    private async ValueTask<AuditIndexState> IndexAuditAsync(NativeCall call)
    {
        bool rebuild = NativeNames.Flag(call.Query("rebuild"), "rebuild");
        await _core.Admin.AuthoriseAuditAsync(call.Caller, call.Aborted).ConfigureAwait(false);
        return NativeWire.Info(await Reading(_core.AuditReader.IndexAsync(rebuild, call.Aborted).AsTask()).ConfigureAwait(false));
    }

    private async ValueTask<SecretReaders> ListReadersAsync(NativeCall call)
    {
        SecretPath path = call.Secret;
        await _core.Admin.AuthoriseAuditAsync(call.Caller, call.Aborted).ConfigureAwait(false);
        return NativeWire.Info(await Reading(_core.AuditReader.ReadersAsync(path.Vault.Value, path.Name.Value, call.Aborted).AsTask()).ConfigureAwait(false));
    }

    private static async Task<T> Reading<T>(Task<T> reading)
    {
        await Reading((Task)reading).ConfigureAwait(false);
        return await reading.ConfigureAwait(false);
    }

    private static async Task Reading(Task reading)
    {
        try
        {
            await reading.ConfigureAwait(false);
        }
        catch (IOException failure) when (failure is not BadHttpRequestException)
        {
            throw Error.Unavailable("the audit trail cannot be read", failure);
        }
    }
}
