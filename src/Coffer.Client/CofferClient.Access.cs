using Coffer.Contracts;

namespace Coffer.Client;

public sealed partial class CofferClient
{
    private const string PrincipalsPath = "/coffer/v1/principals";
    private const string GroupsPath = "/coffer/v1/groups";
    private const string CredentialsPath = "/coffer/v1/credentials";
    private const string GrantsPath = "/coffer/v1/grants";

    /// <summary>All principals.</summary>
    public Task<PrincipalList> ListPrincipalsAsync(CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Get, PrincipalsPath, ContractsJson.Default.PrincipalList, cancellationToken);

    /// <summary>One principal with its groups.</summary>
    public Task<PrincipalInfo> GetPrincipalAsync(string name, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Get, $"{PrincipalsPath}/{Part(name)}", ContractsJson.Default.PrincipalInfo, cancellationToken);

    /// <summary>Creates a principal.</summary>
    public Task<PrincipalInfo> CreatePrincipalAsync(NewPrincipal principal, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Post, PrincipalsPath, ContractsJson.Default.PrincipalInfo, cancellationToken, Body(principal, ContractsJson.Default.NewPrincipal));

    /// <summary>Changes a principal.</summary>
    public Task<PrincipalInfo> UpdatePrincipalAsync(string name, PrincipalChange change, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Patch, $"{PrincipalsPath}/{Part(name)}", ContractsJson.Default.PrincipalInfo, cancellationToken, Body(change, ContractsJson.Default.PrincipalChange));

    /// <summary>Removes a principal with its credentials, trusts, memberships and grants.</summary>
    public Task DeletePrincipalAsync(string name, CancellationToken cancellationToken = default) => CallAsync(HttpMethod.Delete, $"{PrincipalsPath}/{Part(name)}", cancellationToken);

    /// <summary>All groups.</summary>
    public Task<GroupList> ListGroupsAsync(CancellationToken cancellationToken = default) => CallAsync(HttpMethod.Get, GroupsPath, ContractsJson.Default.GroupList, cancellationToken);

    /// <summary>One group with its members.</summary>
    public Task<GroupInfo> GetGroupAsync(string name, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Get, $"{GroupsPath}/{Part(name)}", ContractsJson.Default.GroupInfo, cancellationToken);

    /// <summary>Creates a group without members.</summary>
    public Task<GroupInfo> CreateGroupAsync(string name, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Post, GroupsPath, ContractsJson.Default.GroupInfo, cancellationToken, Body(new NewGroup { Name = name }, ContractsJson.Default.NewGroup));

    /// <summary>Adds members and removes others.</summary>
    public Task<GroupInfo> UpdateGroupAsync(string name, GroupChange change, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Patch, $"{GroupsPath}/{Part(name)}", ContractsJson.Default.GroupInfo, cancellationToken, Body(change, ContractsJson.Default.GroupChange));

    /// <summary>Removes a group with its grants.</summary>
    public Task DeleteGroupAsync(string name, CancellationToken cancellationToken = default) => CallAsync(HttpMethod.Delete, $"{GroupsPath}/{Part(name)}", cancellationToken);

    /// <summary>Credentials of one principal.</summary>
    public Task<CredentialList> ListCredentialsAsync(string principal, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Get, $"{PrincipalsPath}/{Part(principal)}/credentials", ContractsJson.Default.CredentialList, cancellationToken);

    /// <summary>One credential, without its secret.</summary>
    public Task<CredentialInfo> GetCredentialAsync(string id, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Get, $"{CredentialsPath}/{Part(id)}", ContractsJson.Default.CredentialInfo, cancellationToken);

    /// <summary>Makes an AWS access key. Its secret is shown this once; dispose the answer.</summary>
    public Task<IssuedSecret> CreateAccessKeyAsync(string principal, NewCredential? options = null, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Post, $"{PrincipalsPath}/{Part(principal)}/access-keys", ContractsJson.Default.IssuedSecret, cancellationToken, Body(options ?? new(), ContractsJson.Default.NewCredential));

    /// <summary>Makes a token of this API. It is shown this once; dispose the answer.</summary>
    public Task<IssuedSecret> CreateTokenAsync(string principal, NewCredential? options = null, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Post, $"{PrincipalsPath}/{Part(principal)}/tokens", ContractsJson.Default.IssuedSecret, cancellationToken, Body(options ?? new(), ContractsJson.Default.NewCredential));

    /// <summary>Removes a credential; it stops working at once.</summary>
    public Task DeleteCredentialAsync(string id, CancellationToken cancellationToken = default) => CallAsync(HttpMethod.Delete, $"{CredentialsPath}/{Part(id)}", cancellationToken);

    /// <summary>A temporary AWS access key. Dispose the answer.</summary>
    public Task<SessionCredentials> IssueSessionAsync(NewSession session, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Post, "/coffer/v1/sessions", ContractsJson.Default.SessionCredentials, cancellationToken, Body(session, ContractsJson.Default.NewSession));

    /// <summary>Grants that apply to one vault, or (null) all of them.</summary>
    public Task<GrantList> ListGrantsAsync(string? vault = null, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Get, $"{GrantsPath}{Query(("vault", vault))}", ContractsJson.Default.GrantList, cancellationToken);

    /// <summary>One grant.</summary>
    public Task<GrantInfo> GetGrantAsync(string id, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Get, $"{GrantsPath}/{Part(id)}", ContractsJson.Default.GrantInfo, cancellationToken);

    /// <summary>Grants or denies.</summary>
    public Task<GrantInfo> CreateGrantAsync(NewGrant grant, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Post, GrantsPath, ContractsJson.Default.GrantInfo, cancellationToken, Body(grant, ContractsJson.Default.NewGrant));

    /// <summary>Takes a grant back; it is out of force at once.</summary>
    public Task DeleteGrantAsync(string id, CancellationToken cancellationToken = default) => CallAsync(HttpMethod.Delete, $"{GrantsPath}/{Part(id)}", cancellationToken);
}
