using System.Collections.Immutable;
using Coffer.Contracts;
using Coffer.Core;
using Coffer.Core.Access;
using Coffer.Core.Errors;
using Microsoft.AspNetCore.Http;

namespace Coffer.Protocols.Native;

internal sealed partial class NativeEndpoints
{
    private const int TokenSeconds = 900;

    private IEnumerable<NativeRoute> TokenRoutes()
    {
        const string assumed = "/coffer/v1/principals/{principal}/assumed-by";
        yield return Tell(HttpMethods.Post, "/coffer/v1/tokens", "issueToken", "A short-lived bearer token for the caller, or for a principal that it may act as.",
            ContractsJson.Strict.NewBearerToken, ContractsJson.Default.IssuedBearerToken, IssueTokenAsync) with { Statuses = [201] };
        yield return Ask(HttpMethods.Get, assumed, "listAssumers", "Lists who may act as a principal.", ContractsJson.Default.AssumerList, ListAssumersAsync);
        yield return Tell(HttpMethods.Post, assumed, "allowAssuming", "Lets a principal, or each member of a group, act as this principal.",
            ContractsJson.Strict.Assumer, ContractsJson.Default.Assumer, AllowAssumingAsync) with { Statuses = [201] };
        yield return Remove(assumed + "/principals/{by}", "forbidAssuming", "Ends that a principal may act as this one; what it was given before goes on to its end.",
            async call => await _core.Admin.ForbidAssumingAsync(call.Caller, call.Named, call.Other, isGroup: false, call.Aborted).ConfigureAwait(false));
        yield return Remove(assumed + "/groups/{by}", "forbidAssumingByGroup", "Ends that members of a group may act as this principal.",
            async call => await _core.Admin.ForbidAssumingAsync(call.Caller, call.Named, call.Other, isGroup: true, call.Aborted).ConfigureAwait(false));
    }

    private async ValueTask<IssuedBearerToken> IssueTokenAsync(NativeCall call, NewBearerToken body)
    {
        PrincipalName? principal = body.Principal is { } name ? PrincipalName.Parse(name) : null;
        using BearerToken token = await _core.Credentials.IssueBearerAsync(
            call.Caller, call.Identity, principal, Home(body.Vault), body.Audience ?? CredentialService.CofferAudience, body.Seconds ?? TokenSeconds, NativeNames.SessionName(body.Name), call.Aborted)
            .ConfigureAwait(false);
        return new() { Id = token.Id, Token = new(token.Token.Span), Expiration = Microseconds.ToTime(token.Expires) };
    }

    private async ValueTask<AssumerList> ListAssumersAsync(NativeCall call)
    {
        ImmutableArray<(PrincipalName Name, bool IsGroup)> list = await _core.Admin.ListAssumingAsync(call.Caller, call.Named, call.Aborted).ConfigureAwait(false);
        return new() { AssumedBy = [.. list.Select(a => a.IsGroup ? new Assumer { Group = a.Name.Value } : new Assumer { Principal = a.Name.Value })] };
    }

    private async ValueTask<Assumer> AllowAssumingAsync(NativeCall call, Assumer body)
    {
        if (body.Principal is null == body.Group is null)
        {
            throw Error.InvalidCombination("who may act as it is a principal or a group", "principal");
        }

        PrincipalName target = call.Named, by = PrincipalName.Parse(body.Principal ?? body.Group);
        await _core.Admin.AllowAssumingAsync(call.Caller, target, by, body.Group is not null, call.Aborted).ConfigureAwait(false);
        call.Context.Response.Headers.Location = $"/coffer/v1/principals/{target.Value}/assumed-by/{(body.Group is null ? "principals" : "groups")}/{by.Value}";
        return body;
    }
}
