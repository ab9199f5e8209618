using System.Collections.Immutable;
using Coffer.Core.Secrets;

namespace Coffer.Core.Access;

/// <summary>
/// What a vault asks of a call that its policies allow: that the reader is not the one who grants, and that a second person
/// approved. They only ever close; none of them allows anything.
/// </summary>
public static class AccessGates
{
    /// <summary>Tag that puts a secret behind glass, whatever the tag's value.</summary>
    public const string BreakGlassTag = "break-glass";

    /// <summary>The denial by the first gate that is closed, or null where all are open.</summary>
    internal static AccessDecision? Closed(AccessSnapshot snapshot, AccessRequest request, Vault vault)
    {
        bool reveals = request.Operation is Operation.ReadValue or Operation.BackupSecret;
        if (vault.SeparateDuties && reveals && Administers(snapshot, request))
        {
            return new(false, $"vault {vault.Name} separates duties: who administers it reads no values in it", Explicit: true);
        }

        // The tag that puts it there is not taken off by one alone either.
        if ((vault.Approvals & ApprovalNeeds.BreakGlass) != 0 && (reveals || request.Operation == Operation.EditTags) && request.Head is { } head && head.Tags.ContainsKey(BreakGlassTag) && !IsApproved(snapshot, request, ApprovalKind.BreakGlass))
        {
            return new(false, $"the secret is behind glass: a second person must approve (coffer request break-glass {vault.Name}/{request.Name} --reason …)", Explicit: true);
        }

        if ((vault.Approvals & ApprovalNeeds.Purge) != 0 && request.Operation is (Operation.PurgeSecret or Operation.DestroyVersion) && !IsApproved(snapshot, request, ApprovalKind.Purge))
        {
            return new(false, $"erasing for good takes a second person's approval in vault {vault.Name} (coffer request purge {vault.Name}/{request.Name} --reason …)", Explicit: true);
        }

        return null;
    }

    /// <summary>Whether the caller's principal has an approved request of the kind that holds now and covers the name.</summary>
    internal static bool IsApproved(AccessSnapshot snapshot, AccessRequest request, ApprovalKind kind)
    {
        if (snapshot.ApprovalsOf.TryGetValue(request.Caller.Principal.Id, out ImmutableArray<ApprovalRequest> own))
        {
            foreach (ApprovalRequest approval in own)
            {
                if (approval.Kind == kind && approval.Vault == request.VaultName && approval.Holds(request.Now)
                    && (request.Name is not { } name || Glob.Matches(approval.Names, name.Value)))
                {
                    return true;
                }
            }
        }

        return false;
    }

    /// <summary>
    /// Whether the principal may change who may do what in the vault: as itself, whatever credential it came with, so that a
    /// narrower credential is no way around.
    /// </summary>
    private static bool Administers(AccessSnapshot snapshot, AccessRequest request) =>
        AccessEvaluator.Decide(snapshot, new()
        {
            Operation = Operation.Administer,
            Caller = request.Caller with { Limits = [] },
            Now = request.Now,
            VaultName = request.VaultName,
            Vault = request.Vault,
        }).Allowed;
}
