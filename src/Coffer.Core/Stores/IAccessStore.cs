using Coffer.Core.Access;

namespace Coffer.Core.Stores;

/// <summary>Everything that decides access and fits in memory: loaded as one consistent state.</summary>
/// <param name="Epoch">Moves on every change of these rows.</param>
/// <param name="Principals">All principals.</param>
/// <param name="Groups">All groups with their members.</param>
/// <param name="Trusts">All trusts.</param>
/// <param name="Policies">All policies but those on single secrets.</param>
/// <param name="Roles">All custom roles.</param>
/// <param name="Aliases">All aliases.</param>
/// <param name="Approvals">All requests for approval that were not removed yet.</param>
public sealed record AccessRows(
    long Epoch,
    IReadOnlyList<Principal> Principals,
    IReadOnlyList<Group> Groups,
    IReadOnlyList<Trust> Trusts,
    IReadOnlyList<Policy> Policies,
    IReadOnlyList<Role> Roles,
    IReadOnlyList<PrincipalAlias> Aliases,
    IReadOnlyList<ApprovalRequest> Approvals);

/// <summary>Rows to write and remove together.</summary>
public sealed record AccessChange
{
    /// <summary>Principals to insert or replace.</summary>
    public IReadOnlyList<Principal> Principals { get; init; } = [];

    /// <summary>Groups to insert or replace, members included.</summary>
    public IReadOnlyList<Group> Groups { get; init; } = [];

    /// <summary>Credentials to insert or replace.</summary>
    public IReadOnlyList<Credential> Credentials { get; init; } = [];

    /// <summary>Trusts to insert or replace.</summary>
    public IReadOnlyList<Trust> Trusts { get; init; } = [];

    /// <summary>Policies to insert or replace.</summary>
    public IReadOnlyList<Policy> Policies { get; init; } = [];

    /// <summary>Roles to insert or replace.</summary>
    public IReadOnlyList<Role> Roles { get; init; } = [];

    /// <summary>Aliases to insert or replace.</summary>
    public IReadOnlyList<PrincipalAlias> Aliases { get; init; } = [];

    /// <summary>Requests for approval to insert or replace.</summary>
    public IReadOnlyList<ApprovalRequest> Approvals { get; init; } = [];

    /// <summary>Aliases to remove, by mount and name.</summary>
    public IReadOnlyList<(string Mount, string Name)> RemovedAliases { get; init; } = [];

    /// <summary>Requests for approval to remove.</summary>
    public IReadOnlyList<string> RemovedApprovals { get; init; } = [];

    /// <summary>Principals to remove, with their credentials, memberships, aliases, trusts, policies and requests.</summary>
    public IReadOnlyList<Guid> RemovedPrincipals { get; init; } = [];

    /// <summary>Groups to remove, with their policies.</summary>
    public IReadOnlyList<Guid> RemovedGroups { get; init; } = [];

    /// <summary>Credentials to remove, with their policies.</summary>
    public IReadOnlyList<string> RemovedCredentials { get; init; } = [];

    /// <summary>Trusts to remove.</summary>
    public IReadOnlyList<Guid> RemovedTrusts { get; init; } = [];

    /// <summary>Policies to remove.</summary>
    public IReadOnlyList<Guid> RemovedPolicies { get; init; } = [];
}

/// <summary>Principals, credentials and policies.</summary>
public interface IAccessStore
{
    /// <summary>One consistent state of everything but credentials and policies on single secrets.</summary>
    ValueTask<AccessRows> LoadAsync(CancellationToken cancellationToken);

    /// <summary>A credential by its public id, or null.</summary>
    ValueTask<Credential?> FindCredentialAsync(string publicId, CancellationToken cancellationToken);

    /// <summary>A credential by the keyed hash of its secret text, or null.</summary>
    ValueTask<Credential?> FindCredentialAsync(ReadOnlyMemory<byte> verifier, CancellationToken cancellationToken);

    /// <summary>
    /// Credentials of one principal, by creation and public id; of all where the id is null. Behind a public id; from the
    /// start for '' and for one that went meanwhile, so that none is missed.
    /// </summary>
    ValueTask<IReadOnlyList<Credential>> CredentialsAsync(Guid? principalId, string after, int limit, CancellationToken cancellationToken);

    /// <summary>Takes one use of a credential; false when none is left. Atomic, durable before it answers.</summary>
    ValueTask<bool> TakeUseAsync(string publicId, CancellationToken cancellationToken);

    /// <summary>
    /// Takes one time step of a credential: false where it, or a later one, was taken before. Atomic, durable before it
    /// answers: a one-time code is good once, also across a crash.
    /// </summary>
    ValueTask<bool> TakeStepAsync(string publicId, long step, CancellationToken cancellationToken);

    /// <summary>Notes the UTC day of uses, in one batch; outside the MAC.</summary>
    ValueTask MarkUsedAsync(IReadOnlyCollection<(string PublicId, int Day)> uses, CancellationToken cancellationToken);

    /// <summary>Policies on one secret.</summary>
    ValueTask<IReadOnlyList<Policy>> PoliciesAsync(Attachment attachment, CancellationToken cancellationToken);
}
