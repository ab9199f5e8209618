using System.Text;
using Coffer.Contracts;
using Coffer.Core;
using Coffer.Core.Access;
using Microsoft.AspNetCore.Http;

namespace Coffer.Protocols.Native;

internal sealed partial class NativeEndpoints
{
    private IEnumerable<NativeRoute> CredentialRoutes()
    {
        const string own = "/coffer/v1/principals/{principal}", one = "/coffer/v1/credentials/{id}";
        yield return Ask(HttpMethods.Get, own + "/credentials", "listCredentials", "Lists a principal's credentials, without their secrets.", ContractsJson.Default.CredentialList, ListCredentialsAsync);
        yield return Tell(HttpMethods.Post, own + "/access-keys", "createAccessKey", "Makes an AWS access key. Its secret is in this answer and nowhere else.",
            ContractsJson.Strict.NewCredential, ContractsJson.Default.IssuedSecret,
            (call, body) => IssueAsync(call, body, _core.Admin.CreateAccessKeyAsync)) with { Statuses = [201] };
        yield return Tell(HttpMethods.Post, own + "/tokens", "createToken", "Makes a token of this API. It is in this answer and nowhere else.",
            ContractsJson.Strict.NewCredential, ContractsJson.Default.IssuedSecret,
            (call, body) => IssueAsync(call, body, _core.Admin.CreateTokenAsync)) with { Statuses = [201] };
        yield return Ask(HttpMethods.Get, one, "getCredential", "One credential, without its secret.", ContractsJson.Default.CredentialInfo, GetCredentialAsync);
        yield return Remove(one, "deleteCredential", "Removes a credential; it stops working at once.", call => _core.Admin.DeleteCredentialAsync(call.Caller, call.PublicId, call.Aborted));
        yield return Tell(HttpMethods.Post, "/coffer/v1/sessions", "issueSession", "A temporary AWS access key for the caller, or for a principal that it may act as.",
            ContractsJson.Strict.NewSession, ContractsJson.Default.SessionCredentials, IssueSessionAsync) with { Statuses = [201] };
    }

    private async ValueTask<CredentialList> ListCredentialsAsync(NativeCall call)
    {
        PrincipalName principal = call.Named;
        return new() { Credentials = [.. (await _core.Admin.ListCredentialsAsync(call.Caller, principal, call.Aborted).ConfigureAwait(false)).Select(c => NativeWire.Info(c, principal))] };
    }

    private async ValueTask<CredentialInfo> GetCredentialAsync(NativeCall call)
    {
        (Credential credential, Principal? owner) = await _core.Admin.GetCredentialAsync(call.Caller, call.PublicId, call.Aborted).ConfigureAwait(false);
        return NativeWire.Info(credential, owner?.Name);
    }

    private static async ValueTask<IssuedSecret> IssueAsync(
        NativeCall call, NewCredential body, Func<Caller, PrincipalName, CredentialOptions, CancellationToken, ValueTask<IssuedCredential>> issue)
    {
        CredentialOptions options = new()
        {
            Description = body.Description ?? "",
            Expires = body.Expires is { } end ? Microseconds.From(end) : null,
            Uses = body.Uses,
            Cidrs = [.. (body.Cidrs ?? []).Select(Grant.ParseNetwork)],
        };
        PrincipalName principal = call.Named;
        using IssuedCredential issued = await issue(call.Caller, principal, options, call.Aborted).ConfigureAwait(false);
        call.Context.Response.Headers.Location = $"/coffer/v1/credentials/{issued.Credential.PublicId}";
        return new() { Credential = NativeWire.Info(issued.Credential, principal), Secret = new(issued.Secret.Span) };
    }

    private async ValueTask<SessionCredentials> IssueSessionAsync(NativeCall call, NewSession body)
    {
        PrincipalName? principal = body.Principal is { } name ? PrincipalName.Parse(name) : null;
        using TemporaryAccessKey key = await _core.Credentials.IssueSessionAsync(
            call.Caller, call.Identity, principal, Home(body.Vault), body.Seconds ?? 3600, NativeNames.SessionName(body.Name), call.Aborted).ConfigureAwait(false);
        return Shown(key);
    }

    private static SessionCredentials Shown(TemporaryAccessKey key) => new()
    {
        AccessKeyId = key.AccessKeyId,
        SecretAccessKey = new(key.SecretAccessKey.Span),
        SessionToken = new(Encoding.ASCII.GetBytes(key.SessionToken)),
        Expiration = Microseconds.ToTime(key.Expires),
    };
}
