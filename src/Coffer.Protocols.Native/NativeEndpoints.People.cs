using Coffer.Contracts;
using Coffer.Core;
using Coffer.Core.Access;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;
using Microsoft.AspNetCore.Http;

namespace Coffer.Protocols.Native;

internal sealed partial class NativeEndpoints
{
    private const int InvitationSeconds = 86_400, OverlapSeconds = 86_400;

    private IEnumerable<NativeRoute> PeopleRoutes()
    {
        const string person = "/coffer/v1/principals/{principal}", self = "/coffer/v1/self", credential = "/coffer/v1/credentials/{id}";
        yield return Tell(HttpMethods.Post, person + "/invitation", "invitePerson", "Makes an invitation to set a password. It is in this answer and nowhere else.",
            ContractsJson.Strict.NewInvitation, ContractsJson.Default.IssuedInvitation, (call, body) => InviteAsync(call, body, reset: false)) with { Statuses = [201] };
        yield return Tell(HttpMethods.Post, person + "/reset", "resetPerson", "Ends a person's password, one-time codes and sessions, and makes an invitation.",
            ContractsJson.Strict.NewInvitation, ContractsJson.Default.IssuedInvitation, (call, body) => InviteAsync(call, body, reset: true)) with { Statuses = [201] };
        yield return Do(person + "/unlock", "unlockPerson", "Lets a person try again at once whose name was guessed at too often.", call => _core.Logins.UnlockAsync(call.Caller, call.Named, call.Aborted));
        yield return Ask(HttpMethods.Get, person + "/sessions", "listSessions", "Lists a person's sessions: one's own, or (server administrators) anybody's.", ContractsJson.Default.SessionList, ListSessionsAsync);

        yield return DoWith(HttpMethods.Put, self + "/password", "changePassword", "Changes the caller's own password; sessions got with the old one end.", ContractsJson.Strict.PasswordChange, ChangePasswordAsync);
        yield return Tell(HttpMethods.Post, self + "/one-time-codes", "beginOneTimeCodes", "Draws a seed for the caller's one-time codes, which takes their password; it counts for nothing until a code confirms it.",
            ContractsJson.Strict.PasswordProof, ContractsJson.Default.NewOneTimeCodes, BeginOneTimeCodesAsync, LoginBodyBytes) with { Statuses = [201] };
        yield return Tell(HttpMethods.Post, self + "/one-time-codes/confirm", "confirmOneTimeCodes", "Confirms the seed with its first code, and answers ten recovery codes.",
            ContractsJson.Strict.CodeProof, ContractsJson.Default.RecoveryCodeList, (call, body) => CodesAsync(call, body, _core.Logins.ConfirmOneTimeCodesAsync), LoginBodyBytes);
        yield return DoWith(HttpMethods.Post, self + "/one-time-codes/end", "endOneTimeCodes", "Ends the caller's one-time and recovery codes, which takes one of them.", ContractsJson.Strict.CodeProof,
            (call, body) => _core.Logins.EndOneTimeCodesAsync(call.Caller, body.Code.Reveal(), call.Aborted));
        yield return Tell(HttpMethods.Post, self + "/recovery-codes", "renewRecoveryCodes", "Makes ten new recovery codes, which takes a code; the old ones end.",
            ContractsJson.Strict.CodeProof, ContractsJson.Default.RecoveryCodeList, (call, body) => CodesAsync(call, body, _core.Logins.RenewRecoveryCodesAsync), LoginBodyBytes) with { Statuses = [201] };

        yield return Tell(HttpMethods.Post, credential + "/rotate", "rotateCredential", "Makes another key or token like this one; the old one goes on for a while.",
            ContractsJson.Strict.CredentialRotation, ContractsJson.Default.RotatedCredential, RotateAsync) with { Statuses = [201] };
        yield return Tell(HttpMethods.Patch, credential, "updateCredential", "Changes description and end of a credential; disabling it stops it at once.",
            ContractsJson.Strict.CredentialUpdate, ContractsJson.Default.CredentialInfo, UpdateCredentialAsync);
    }

    private async ValueTask<IssuedInvitation> InviteAsync(NativeCall call, NewInvitation body, bool reset)
    {
        PrincipalName name = call.Named;
        using IssuedCredential invitation = await _core.Admin.InviteAsync(call.Caller, name, body.Seconds ?? InvitationSeconds, reset, call.Aborted).ConfigureAwait(false);
        return new() { Id = invitation.Credential.PublicId, Principal = name.Value, Invitation = new(invitation.Secret.Span), Expires = Microseconds.ToTime(invitation.Credential.Expires!.Value) };
    }

    private async ValueTask<SessionList> ListSessionsAsync(NativeCall call) => new()
    {
        Sessions =
        [
            .. (await _core.Admin.ListSessionsAsync(call.Caller, call.Named, call.Aborted).ConfigureAwait(false)).Select(s => new SessionInfo
            {
                Id = s.PublicId,
                Description = s.Description,
                Created = Microseconds.ToTime(s.Created),
                Expires = NativeWire.Time(s.Expires),
                LastUsed = NativeWire.Day(s.LastUsedDay),
                Current = s.PublicId == call.Caller.Credential,
            }),
        ],
    };

    private async ValueTask ChangePasswordAsync(NativeCall call, PasswordChange body)
    {
        using SecretValue old = SecretValue.Copy(body.Old.Utf8), fresh = SecretValue.Copy(body.New.Utf8);
        await _core.Logins.ChangePasswordAsync(call.Caller, old, fresh, call.Aborted).ConfigureAwait(false);
    }

    private async ValueTask<NewOneTimeCodes> BeginOneTimeCodesAsync(NativeCall call, PasswordProof body)
    {
        using SecretValue password = SecretValue.Copy(body.Password.Utf8);
        using CodeEnrolment enrolment = await _core.Logins.BeginOneTimeCodesAsync(call.Caller, password, call.Aborted).ConfigureAwait(false);
        return new() { Uri = new(enrolment.Uri.Span), Seed = new(enrolment.Seed.Span), Expires = Microseconds.ToTime(enrolment.Expires) };
    }

    private static async ValueTask<RecoveryCodeList> CodesAsync(NativeCall call, CodeProof body, Func<Caller, string, CancellationToken, ValueTask<IReadOnlyList<SecretValue>>> make)
    {
        IReadOnlyList<SecretValue> codes = await make(call.Caller, body.Code.Reveal(), call.Aborted).ConfigureAwait(false);
        try
        {
            return new() { Codes = [.. codes.Select(c => new SecretText(c.Span))] };
        }
        finally
        {
            foreach (SecretValue code in codes)
            {
                code.Dispose();
            }
        }
    }

    private async ValueTask<RotatedCredential> RotateAsync(NativeCall call, CredentialRotation body)
    {
        (IssuedCredential fresh, Credential old) = await _core.Admin.RotateCredentialAsync(
            call.Caller, call.PublicId, body.OverlapSeconds ?? OverlapSeconds, body.Expires is { } end ? Microseconds.From(end) : null, call.Aborted).ConfigureAwait(false);
        using (fresh)
        {
            PrincipalName? owner = OwnerOf(old);
            call.Context.Response.Headers.Location = $"/coffer/v1/credentials/{fresh.Credential.PublicId}";
            return new() { Credential = NativeWire.Info(fresh.Credential, owner), Secret = new(fresh.Secret.Span), Old = NativeWire.Info(old, owner) };
        }
    }

    private async ValueTask<CredentialInfo> UpdateCredentialAsync(NativeCall call, CredentialUpdate body)
    {
        if (body is { Enabled: false, Expires: not null })
        {
            throw Error.InvalidCombination("a credential that is disabled has its end now", "expires");
        }

        CredentialChange change = new()
        {
            Description = body.Description,
            Expires = body.Expires is { } end ? Microseconds.From(end) : null,
            NoEnd = body is { Enabled: true, Expires: null },
            Disable = body.Enabled == false,
        };
        Credential after = await _core.Admin.UpdateCredentialAsync(call.Caller, call.PublicId, change, call.Aborted).ConfigureAwait(false);
        return NativeWire.Info(after, OwnerOf(after));
    }

    private PrincipalName? OwnerOf(Credential credential) => credential.PrincipalId is { } id ? _core.Access.Principals.GetValueOrDefault(id)?.Name : null;
}
