using Coffer.Contracts;

namespace Coffer.Client;

public sealed partial class CofferClient
{
    private const string LoginPath = "/coffer/v1/login";
    private const string SelfPath = "/coffer/v1/self";

    /// <summary>Logs a person in. Goes over TLS, to this machine, or not at all. Dispose the answer.</summary>
    public Task<LoginResult> LoginAsync(PasswordLogin login, CancellationToken cancellationToken = default) =>
        OpenAsync("/password", Body(login, ContractsJson.Default.PasswordLogin), ContractsJson.Default.LoginResult, cancellationToken);

    /// <summary>Sets a password with an invitation.</summary>
    public Task<InvitedPerson> AcceptInvitationAsync(InvitationAcceptance acceptance, CancellationToken cancellationToken = default) =>
        OpenAsync("/invitation", Body(acceptance, ContractsJson.Default.InvitationAcceptance), ContractsJson.Default.InvitedPerson, cancellationToken);

    /// <summary>The issuers through which people log in with a browser.</summary>
    public Task<LoginProviderList> ListLoginProvidersAsync(CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Get, $"{LoginPath}/providers", ContractsJson.Default.LoginProviderList, cancellationToken);

    /// <summary>Begins a login through an issuer.</summary>
    public Task<BrowserLoginInfo> BeginBrowserLoginAsync(NewBrowserLogin login, CancellationToken cancellationToken = default) =>
        OpenAsync("/oidc/start", Body(login, ContractsJson.Default.NewBrowserLogin), ContractsJson.Default.BrowserLoginInfo, cancellationToken);

    /// <summary>Finishes a login with the issuer's token. Dispose the answer.</summary>
    public Task<LoginResult> FinishBrowserLoginAsync(BrowserLoginProof proof, CancellationToken cancellationToken = default) =>
        OpenAsync("/oidc/finish", Body(proof, ContractsJson.Default.BrowserLoginProof), ContractsJson.Default.LoginResult, cancellationToken);

    /// <summary>Ends the session that we are proven with.</summary>
    public Task LogoutAsync(CancellationToken cancellationToken = default) => CallAsync(HttpMethod.Delete, LoginPath, cancellationToken);

    /// <summary>Makes an invitation. It is shown this once; dispose the answer.</summary>
    public Task<IssuedInvitation> InvitePersonAsync(string person, NewInvitation? options = null, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Post, $"{PrincipalsPath}/{Part(person)}/invitation", ContractsJson.Default.IssuedInvitation, cancellationToken, Body(options ?? new(), ContractsJson.Default.NewInvitation));

    /// <summary>Ends a person's password, codes and sessions, and makes an invitation. Dispose the answer.</summary>
    public Task<IssuedInvitation> ResetPersonAsync(string person, NewInvitation? options = null, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Post, $"{PrincipalsPath}/{Part(person)}/reset", ContractsJson.Default.IssuedInvitation, cancellationToken, Body(options ?? new(), ContractsJson.Default.NewInvitation));

    /// <summary>Lets a person try again at once.</summary>
    public Task UnlockPersonAsync(string person, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Post, $"{PrincipalsPath}/{Part(person)}/unlock", cancellationToken);

    /// <summary>Sessions of a person.</summary>
    public Task<SessionList> ListSessionsAsync(string person, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Get, $"{PrincipalsPath}/{Part(person)}/sessions", ContractsJson.Default.SessionList, cancellationToken);

    /// <summary>Changes our own password.</summary>
    public Task ChangePasswordAsync(PasswordChange change, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Put, $"{SelfPath}/password", cancellationToken, Body(change, ContractsJson.Default.PasswordChange));

    /// <summary>Draws a seed for our one-time codes. It is shown this once; dispose the answer.</summary>
    public Task<NewOneTimeCodes> BeginOneTimeCodesAsync(PasswordProof proof, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Post, $"{SelfPath}/one-time-codes", ContractsJson.Default.NewOneTimeCodes, cancellationToken, Body(proof, ContractsJson.Default.PasswordProof));

    /// <summary>Confirms the seed. The recovery codes are shown this once; dispose the answer.</summary>
    public Task<RecoveryCodeList> ConfirmOneTimeCodesAsync(CodeProof proof, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Post, $"{SelfPath}/one-time-codes/confirm", ContractsJson.Default.RecoveryCodeList, cancellationToken, Body(proof, ContractsJson.Default.CodeProof));

    /// <summary>Ends our one-time and recovery codes.</summary>
    public Task EndOneTimeCodesAsync(CodeProof proof, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Post, $"{SelfPath}/one-time-codes/end", cancellationToken, Body(proof, ContractsJson.Default.CodeProof));

    /// <summary>Makes new recovery codes. They are shown this once; dispose the answer.</summary>
    public Task<RecoveryCodeList> RenewRecoveryCodesAsync(CodeProof proof, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Post, $"{SelfPath}/recovery-codes", ContractsJson.Default.RecoveryCodeList, cancellationToken, Body(proof, ContractsJson.Default.CodeProof));

    /// <summary>Makes another key or token like one; the old one goes on for a while. Dispose the answer.</summary>
    public Task<RotatedCredential> RotateCredentialAsync(string id, CredentialRotation? options = null, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Post, $"{CredentialsPath}/{Part(id)}/rotate", ContractsJson.Default.RotatedCredential, cancellationToken, Body(options ?? new(), ContractsJson.Default.CredentialRotation));

    /// <summary>Changes description and end of a credential.</summary>
    public Task<CredentialInfo> UpdateCredentialAsync(string id, CredentialUpdate change, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Patch, $"{CredentialsPath}/{Part(id)}", ContractsJson.Default.CredentialInfo, cancellationToken, Body(change, ContractsJson.Default.CredentialUpdate));

    /// <summary>
    /// Throws <see cref="ArgumentException"/> where a proof would go in the clear to another machine. Every login checks it; for whoever asks
    /// somebody for a password, and wants to know before.
    /// </summary>
    public void CheckPrivate()
    {
        if (!_options.IsPrivate)
        {
            throw new ArgumentException("what proves somebody is not sent over plain http to another machine; use https");
        }
    }

    /// <summary>Posts what proves somebody, and is answered with more of that: like a token, never in the clear to another machine.</summary>
    private Task<T> OpenAsync<T>(string path, HttpContent body, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> answer, CancellationToken cancellationToken)
    {
        try
        {
            CheckPrivate();
        }
        catch
        {
            body.Dispose();
            throw;
        }

        return CallAsync(HttpMethod.Post, LoginPath + path, answer, cancellationToken, body);
    }
}
