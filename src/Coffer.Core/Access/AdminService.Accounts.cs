using System.Collections.Immutable;
using Coffer.Core.Errors;
using Coffer.Core.Sealing;
using Coffer.Core.Secrets;
using Coffer.Core.Stores;

namespace Coffer.Core.Access;

/// <summary>
/// What changes among the principals and policies of one vault: the use case of wires on which an account has identities of
/// its own. Rows come unsigned; what is on a principal that goes, goes with it.
/// </summary>
public sealed record AccountEdit
{
    /// <summary>Principals to create or change; their home is the vault.</summary>
    public IReadOnlyList<Principal> Principals { get; init; } = [];

    /// <summary>Principals to remove, with all that is theirs.</summary>
    public IReadOnlyList<Principal> RemovedPrincipals { get; init; } = [];

    /// <summary>Policies to write or replace: on principals of the vault, or kept in the vault's library.</summary>
    public IReadOnlyList<Policy> Policies { get; init; } = [];

    /// <summary>Policies to remove.</summary>
    public IReadOnlyList<Policy> RemovedPolicies { get; init; } = [];
}

public sealed partial class AdminService
{
    /// <summary>
    /// Changes the principals and policies of a vault, all or nothing. Asked as administration of the vault; of the server, where a
    /// principal is no workload, is in a group, or holds anything outside the vault: else a vault's administrators could reach
    /// beyond it in its name. Errors: AccessDenied; AlreadyExists; NotFound (vault); InvalidRequest (a policy that cannot be judged
    /// exactly); PreconditionFailed (policies there take a second person); and what <paramref name="edit"/> throws.
    /// </summary>
    /// <param name="caller">Who asks.</param>
    /// <param name="vault">The vault.</param>
    /// <param name="subject">What it is about, for the trail.</param>
    /// <param name="edit">Makes the change from the state it applies to.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public ValueTask<T> EditAccountAsync<T>(Caller caller, VaultName vault, string subject, Func<AccessSnapshot, (AccountEdit Edit, T Result)> edit, CancellationToken cancellationToken) =>
        ChangeAsync(
            caller,
            Operation.Administer,
            vault,
            subject,
            (snapshot, keys) =>
            {
                Vault home = snapshot.Vaults.GetValueOrDefault(vault) ?? throw Error.NotFound("vault", vault.Value);
                (AccountEdit wanted, T result) = edit(snapshot);
                return (ChangeOf(caller, snapshot, keys, home, wanted), result);
            },
            cancellationToken,
            change => LibraryChanges(vault, change) ? WithLibrary(vault, change) : null);

    /// <summary>
    /// The state of principals and policies, for one who may read those of the vault. Errors: AccessDenied; NotFound.
    /// </summary>
    public async ValueTask<AccessSnapshot> ReadAccountAsync(Caller caller, VaultName vault, string subject, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        await AuthoriseAsync(caller, Operation.ReadPolicy, vault, subject).ConfigureAwait(false);
        return Snapshot.Vaults.ContainsKey(vault) ? Snapshot : throw Error.NotFound("vault", vault.Value);
    }

    /// <summary>
    /// Whether a vault's administrators administer the principal as well: a workload at home there that holds nothing outside, and
    /// that nobody names as one who may act as them (an agent's principal becomes others, wherever they are).
    /// </summary>
    public static bool IsOf(AccessSnapshot snapshot, Principal principal, VaultName vault) =>
        principal.Kind == PrincipalKind.Workload && principal.Home == vault && !snapshot.GroupsOf.ContainsKey(principal.Id)
        && !snapshot.Parsed.Values.Any(p => p is ParsedAssumption { IsGroup: false } assumption && assumption.Name == principal.Name)
        && snapshot.On(GrantLanguage.LanguageName, Attachment.ToPrincipal(principal.Id)).All(p => GrantLanguage.GrantOf(p) is not { } grant || grant.Vault == vault);

    private VaultName? AuthorityOver(PrincipalName principal) =>
        Snapshot.PrincipalsByName.TryGetValue(principal, out Principal? found) && found.Home is { } home && IsOf(Snapshot, found, home) ? home : null;

    private VaultName? AuthorityOver(Credential? credential) =>
        credential?.PrincipalId is { } owner && Snapshot.Principals.TryGetValue(owner, out Principal? principal) ? AuthorityOver(principal.Name) : null;

    private AccessChange ChangeOf(Caller caller, AccessSnapshot snapshot, Keyring keys, Vault vault, AccountEdit edit)
    {
        Dictionary<Guid, Principal> changed = edit.Principals.ToDictionary(p => p.Id);
        foreach (Principal principal in edit.Principals)
        {
            if (principal.Home != vault.Name)
            {
                throw Error.InvalidRequest("an account's principals are at home there", "home");
            }

            if (!snapshot.Principals.ContainsKey(principal.Id) && snapshot.PrincipalsByName.ContainsKey(principal.Name))
            {
                throw Error.AlreadyExists("principal", principal.Name.Value);
            }
        }

        List<Policy> written = [];
        foreach (Policy policy in edit.Policies)
        {
            ParsedPolicy parsed = _parts.Access.Parse(policy);
            Policy? before = snapshot.Policies.GetValueOrDefault(policy.Id);
            RefuseLoosening(snapshot, vault, parsed, before);
            written.Add(RowMacs.Sign(keys, policy with { Revision = (before?.Revision ?? 0) + 1 }));
        }

        foreach (Policy policy in edit.RemovedPolicies)
        {
            RefuseLoosening(snapshot, vault, null, policy);
        }

        HashSet<Guid> gone = [.. edit.RemovedPrincipals.Select(p => p.Id)];
        foreach (Policy policy in edit.Policies.Concat(edit.RemovedPolicies))
        {
            if (policy.AttachedTo.Kind == AttachmentKind.Principal && Guid.TryParse(policy.AttachedTo.Id, out Guid id))
            {
                if (!changed.ContainsKey(id))
                {
                    changed.Add(id, snapshot.Principals.GetValueOrDefault(id) ?? throw Error.NotFound("principal"));
                }
            }
            else if (policy.AttachedTo != Attachment.To(vault.Number) || policy.Use != PolicyUse.Library)
            {
                throw Error.InvalidRequest("a policy of an account is on one of its principals, or in its library", "policy");
            }
        }

        foreach (Principal touched in changed.Values.Concat(edit.RemovedPrincipals))
        {
            // A new one is looked at as it will be: its name may still be named by what was said of another.
            if (!IsOf(snapshot, snapshot.Principals.GetValueOrDefault(touched.Id) ?? touched, vault.Name))
            {
                RefuseOutsider(caller, snapshot, touched);
            }
        }

        HashSet<Guid> removed = [.. edit.RemovedPolicies.Select(p => p.Id), .. edit.RemovedPrincipals.SelectMany(p => PoliciesOn(snapshot, Attachment.ToPrincipal(p.Id))).Select(p => p.Id)];
        HashSet<Guid> replaced = [.. written.Select(p => p.Id)];
        return new()
        {
            Principals =
            [
                .. changed.Values.Where(p => !gone.Contains(p.Id)).Select(p =>
                {
                    Attachment at = Attachment.ToPrincipal(p.Id);
                    IEnumerable<Policy> kept = PoliciesOn(snapshot, at).Where(o => !removed.Contains(o.Id) && !replaced.Contains(o.Id));
                    return Sign(keys, snapshot, p with { Revision = (snapshot.Principals.GetValueOrDefault(p.Id)?.Revision ?? 0) + 1 }, kept.Concat(written.Where(w => w.AttachedTo == at)));
                }),
            ],
            Policies = written,
            RemovedPolicies = [.. removed],
            RemovedPrincipals = [.. gone],
        };
    }

    /// <summary>A principal that reaches beyond the vault is the server's to change.</summary>
    private void RefuseOutsider(Caller caller, AccessSnapshot snapshot, Principal principal)
    {
        AccessDecision decision = AccessEvaluator.Decide(snapshot, new() { Operation = Operation.Administer, Caller = caller with { Native = null }, Now = _parts.Clock.Now() });
        if (!decision.Allowed)
        {
            throw Error.AccessDenied(Operation.Administer.Text(), principal.Name.Value, "the principal reaches beyond the vault: an administrator of the server changes it", decision.Explicit, decision.By);
        }
    }

    private static void RefuseLoosening(AccessSnapshot snapshot, Vault vault, ParsedPolicy? after, Policy? before)
    {
        bool applies = (after?.Policy ?? before!).Use is not (PolicyUse.Library or PolicyUse.Trust);
        bool deniedBefore = before is not null && snapshot.Parsed.TryGetValue(before.Id, out ParsedPolicy? old) && (old.CanDeny || before.Use == PolicyUse.Boundary);
        if (applies && (after?.CanAllow == true || deniedBefore))
        {
            RefuseAlone(snapshot, vault.Name, "no policy of another language gives or takes back there");
        }
    }

    private bool LibraryChanges(VaultName vault, AccessChange change)
    {
        Attachment at = Attachment.To(Snapshot.Vaults[vault].Number);
        return change.Policies.Any(p => p.AttachedTo == at) || change.RemovedPolicies.Any(id => Snapshot.Policies.TryGetValue(id, out Policy? gone) && gone.AttachedTo == at);
    }

    private Vault WithLibrary(VaultName name, AccessChange change)
    {
        Vault vault = Snapshot.Vaults[name];
        Attachment at = Attachment.To(vault.Number);
        HashSet<Guid> others = [.. change.RemovedPolicies, .. change.Policies.Select(p => p.Id)];
        IEnumerable<Policy> all = PoliciesOn(Snapshot, at).Where(p => !others.Contains(p.Id)).Concat(change.Policies.Where(p => p.AttachedTo == at));
        return RowMacs.Sign(_parts.Keys, vault with { SettingsRevision = vault.SettingsRevision + 1, PolicyDigest = RowMacs.PolicyDigest(all) });
    }
}
