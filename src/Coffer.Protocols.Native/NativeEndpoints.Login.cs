using System.Text.Json.Serialization.Metadata;
using Coffer.Contracts;
using Coffer.Core;
using Coffer.Core.Access;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;
using Microsoft.AspNetCore.Http;

namespace Coffer.Protocols.Native;

internal sealed partial class NativeEndpoints
{
    // A password and a code; an issuer's token with a person's groups in it.
    private const long LoginBodyBytes = 16 * 1024, TokenBodyBytes = 64 * 1024;

    private IEnumerable<NativeRoute> LoginRoutes()
    {
        const string login = "/coffer/v1/login";
        yield return Open(login + "/password", "loginWithPassword", "Logs a person in by password and, where they have them, one-time or recovery code.",
            ContractsJson.Strict.PasswordLogin, ContractsJson.Default.LoginResult, LoginWithPasswordAsync, LoginBodyBytes) with { Statuses = [201] };
        yield return Open(login + "/invitation", "acceptInvitation", "Sets a password with an invitation, which is used up.",
            ContractsJson.Strict.InvitationAcceptance, ContractsJson.Default.InvitedPerson, AcceptInvitationAsync, LoginBodyBytes);
        yield return Ask(HttpMethods.Get, login + "/providers", "listLoginProviders", "Lists the issuers through which people log in with a browser.", ContractsJson.Default.LoginProviderList,
            call => ValueTask.FromResult(new LoginProviderList { Providers = [.. _core.Logins.Providers().Select(p => new LoginProvider { Trust = p.Trust.Value, Issuer = p.Issuer, ClientId = p.ClientId, Scopes = p.Scopes, Device = p.Device })] }))
            with { Access = NativeAccess.Anyone };
        yield return Open(login + "/oidc/start", "beginBrowserLogin", "Begins a login through an issuer.",
            ContractsJson.Strict.NewBrowserLogin, ContractsJson.Default.BrowserLoginInfo, BeginBrowserLoginAsync, LoginBodyBytes) with { Statuses = [201] };
        yield return Open(login + "/oidc/finish", "finishBrowserLogin", "Finishes a login with the token that the issuer gave for it.",
            ContractsJson.Strict.BrowserLoginProof, ContractsJson.Default.LoginResult, FinishBrowserLoginAsync, TokenBodyBytes) with { Statuses = [201] };
        yield return Remove(login, "logout", "Ends the session that the caller is proven with, and what was got with it.", call => _core.Admin.LogoutAsync(call.Caller, call.Aborted));
    }

    private async ValueTask<LoginResult> LoginWithPasswordAsync(NativeCall call, PasswordLogin body)
    {
        using SecretValue password = SecretValue.Copy(body.Password.Utf8);
        using IssuedCredential session = await _core.Logins.LoginAsync(From(call), body.Principal, password, body.Code?.Reveal(), call.Aborted).ConfigureAwait(false);
        return Result(session);
    }

    private async ValueTask<InvitedPerson> AcceptInvitationAsync(NativeCall call, InvitationAcceptance body)
    {
        using SecretValue invitation = SecretValue.Copy(body.Invitation.Utf8), password = SecretValue.Copy(body.Password.Utf8);
        return new() { Principal = (await _core.Logins.AcceptInvitationAsync(From(call), invitation, password, call.Aborted).ConfigureAwait(false)).Name.Value };
    }

    private ValueTask<BrowserLoginInfo> BeginBrowserLoginAsync(NativeCall call, NewBrowserLogin body)
    {
        BrowserLogin begun = _core.Logins.BeginBrowserLogin(PrincipalName.Parse(body.Trust), body.Device);
        return ValueTask.FromResult(new BrowserLoginInfo { Login = begun.Login, State = begun.State, Nonce = begun.Nonce, Expires = Microseconds.ToTime(begun.Expires) });
    }

    private async ValueTask<LoginResult> FinishBrowserLoginAsync(NativeCall call, BrowserLoginProof body)
    {
        using IssuedCredential session = await _core.Logins.FinishBrowserLoginAsync(From(call), body.Login, body.IdToken.Reveal(), call.Aborted).ConfigureAwait(false);
        return Result(session);
    }

    private LoginResult Result(IssuedCredential session) => new()
    {
        Id = session.Credential.PublicId,
        // Somebody may have removed the person since.
        Principal = (_core.Access.Principals.GetValueOrDefault(session.Credential.PrincipalId!.Value) ?? throw Error.Unauthenticated("the login is not valid")).Name.Value,
        Token = new(session.Secret.Span),
        Expires = Microseconds.ToTime(session.Credential.Expires!.Value),
    };

    private static LoginContext From(NativeCall call) =>
        new(NativeDialect.DialectName, call.Route.Id, call.Context.RequestId(), call.Context.PeerAddress(), call.Context.UserAgent());

    /// <summary>A route for who is not proven yet. What fails there counts to the address like any other failed proof.</summary>
    private NativeRoute Open<TBody, TAnswer>(
        string template, string id, string summary, JsonTypeInfo<TBody> body, JsonTypeInfo<TAnswer> answer, Func<NativeCall, TBody, ValueTask<TAnswer>> handler, long maxBody) =>
        Tell(HttpMethods.Post, template, id, summary, body, answer, async (call, content) =>
        {
            try
            {
                return await handler(call, content).ConfigureAwait(false);
            }
            catch (CofferException refused) when (refused.Code == CofferErrorCode.Unauthenticated)
            {
                _rates.Failed(call.Context.PeerAddress());
                throw;
            }
        }, maxBody) with { Access = NativeAccess.Anyone };
}
