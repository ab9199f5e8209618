using System.Collections.Immutable;
using Coffer.Core.Errors;
using Coffer.Core.Sealing;
using Coffer.Core.Secrets;
using Coffer.Core.Stores;

namespace Coffer.Core.Access;

/// <summary>What is asked for.</summary>
public sealed record NewApproval
{
    /// <summary>What kind of thing.</summary>
    public required ApprovalKind Kind { get; init; }

    /// <summary>The vault.</summary>
    public required VaultName Vault { get; init; }

    /// <summary>Which names, a pattern; not for memberships and settings.</summary>
    public string Names { get; init; } = "*";

    /// <summary>The grant asked for: its actions, label, tags and networks; vault, names and end come from here.</summary>
    public Grant? Grant { get; init; }

    /// <summary>Who it is for, or null for the requester: a principal, or (for a grant) a group.</summary>
    public PrincipalName? Subject { get; init; }

    /// <summary>Whether <see cref="Subject"/> is a group.</summary>
    public bool SubjectIsGroup { get; init; }

    /// <summary>The group to become a member of (memberships only).</summary>
    public PrincipalName? Group { get; init; }

    /// <summary>Why: 1–500 characters.</summary>
    public required string Reason { get; init; }

    /// <summary>For how long once approved: 60 seconds to 90 days; 0 = for good (grants and memberships only).</summary>
    public required long Seconds { get; init; }
}

public sealed partial class AdminService
{
    private const int MaxOpenRequests = 10;
    private const long MaxApprovalSeconds = 90 * 86_400;
    private static readonly long RequestLife = 7 * 86_400 * Microseconds.PerSecond, RequestKept = 30 * 86_400 * Microseconds.PerSecond;

    /// <summary>
    /// Asks a second person. Any person or operator may ask for any vault, whether there is one of that name or not: the answer
    /// is the same. Errors: AccessDenied (a workload); InvalidRequest; NotFound (subject, group); QuotaExceeded.
    /// </summary>
    public ValueTask<ApprovalRequest> RequestApprovalAsync(Caller caller, NewApproval wanted, CancellationToken cancellationToken) =>
        ChangeAsync(caller, Operation.WhoAmI, null, wanted.Vault.Value, (snapshot, keys) =>
        {
            if (caller.Principal.Kind == PrincipalKind.Workload)
            {
                throw Error.AccessDenied("RequestApproval", wanted.Vault.Value, "programs ask nobody");
            }

            long now = _parts.Clock.Now();
            if (snapshot.ApprovalsOf.GetValueOrDefault(caller.Principal.Id, []).Count(a => a.IsOpen(now)) >= MaxOpenRequests)
            {
                throw Error.QuotaExceeded($"at most {MaxOpenRequests} requests of one person are open at a time; withdraw one");
            }

            ApprovalRequest request = RowMacs.Sign(keys, Made(snapshot, caller, wanted, now));
            return (new AccessChange { Approvals = [request] }, request);
        }, cancellationToken);

    /// <summary>
    /// Approves or refuses, as a person who administers the vault and neither asked nor gets what is asked for. What was approved
    /// is in force when this returns. Errors: NotFound (also to one who may not decide); PreconditionFailed (decided already,
    /// or too old); AccessDenied.
    /// </summary>
    /// <param name="caller">Who decides.</param>
    /// <param name="id">The request.</param>
    /// <param name="approve">Yes or no.</param>
    /// <param name="seconds">A shorter time than was asked for, or null.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async ValueTask<ApprovalRequest> DecideApprovalAsync(Caller caller, string id, bool approve, long? seconds, CancellationToken cancellationToken)
    {
        ApprovalRequest? known = Snapshot.Approvals.FirstOrDefault(a => string.Equals(a.Id, id, StringComparison.Ordinal));
        return await ChangeAsync(caller, Operation.WritePolicy, known?.Vault, known?.Id, (snapshot, keys) =>
        {
            long now = _parts.Clock.Now();
            ApprovalRequest request = snapshot.Approvals.FirstOrDefault(a => a.Id == known?.Id) ?? throw Error.NotFound("request");
            if (!snapshot.Vaults.ContainsKey(request.Vault))
            {
                throw Error.NotFound("vault", request.Vault.Value);
            }

            if (!request.IsOpen(now))
            {
                throw Error.PreconditionFailed("the request was decided already, or nobody decided in time");
            }

            if (caller.Principal.Kind == PrincipalKind.Workload || IsParty(snapshot, request, caller.Principal))
            {
                throw Error.AccessDenied("DecideApproval", request.Id, "a second person decides: not who asked, not who gets it, and no program", isExplicit: true);
            }

            if (seconds is { } shorter && (shorter < 60 || (request.Seconds != 0 && shorter > request.Seconds)))
            {
                throw Error.InvalidRequest("the time is 60 seconds or more, and no longer than was asked for", "seconds");
            }

            long granted = seconds ?? request.Seconds;
            ApprovalRequest decided = RowMacs.Sign(keys, request with
            {
                State = approve ? ApprovalState.Approved : ApprovalState.Refused,
                DecidedBy = caller.Principal.Id,
                DecidedAt = now,
                ValidUntil = approve && granted != 0 ? now + (granted * Microseconds.PerSecond) : null,
                Revision = request.Revision + 1,
            });
            AccessChange effect = approve ? EffectOf(snapshot, keys, decided, caller.Principal.Name.Value) : new();
            return (effect with { Approvals = [decided] }, decided);
        }, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Takes one's own request back. Errors: NotFound; PreconditionFailed.</summary>
    public ValueTask<ApprovalRequest> WithdrawApprovalAsync(Caller caller, string id, CancellationToken cancellationToken) =>
        ChangeAsync(caller, Operation.WhoAmI, null, "request", (snapshot, keys) =>
        {
            ApprovalRequest request = snapshot.Approvals.FirstOrDefault(a => a.Id == id && a.RequesterId == caller.Principal.Id) ?? throw Error.NotFound("request");
            if (!request.IsOpen(_parts.Clock.Now()))
            {
                throw Error.PreconditionFailed("the request was decided already");
            }

            ApprovalRequest withdrawn = RowMacs.Sign(keys, request with { State = ApprovalState.Withdrawn, DecidedAt = _parts.Clock.Now(), Revision = request.Revision + 1 });
            return (new AccessChange { Approvals = [withdrawn] }, withdrawn);
        }, cancellationToken);

    /// <summary>One's own requests and those that one may decide, newest first.</summary>
    public async ValueTask<ImmutableArray<ApprovalRequest>> ListApprovalsAsync(Caller caller, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        AccessSnapshot snapshot = Snapshot;
        await _parts.RecordAsync(Record(caller, Operation.ReadPolicy, null, "requests", Audit.AuditDecision.Allow, "item by item")).ConfigureAwait(false);
        Dictionary<VaultName, bool> administers = [];
        bool MayDecide(VaultName vault)
        {
            if (!administers.TryGetValue(vault, out bool may))
            {
                administers[vault] = may = snapshot.Vaults.TryGetValue(vault, out Vault? found) && AccessEvaluator.Decide(snapshot, new()
                {
                    Operation = Operation.WritePolicy,
                    Caller = caller,
                    Now = _parts.Clock.Now(),
                    VaultName = vault,
                    Vault = found,
                }).Allowed;
            }

            return may;
        }

        return [.. snapshot.Approvals.Where(a => a.RequesterId == caller.Principal.Id || MayDecide(a.Vault)).OrderByDescending(a => a.Created).ThenBy(a => a.Id, StringComparer.Ordinal)];
    }

    /// <summary>Removes requests that ended long ago; the trail keeps what became of them.</summary>
    internal async ValueTask RemoveOldApprovalsAsync(CancellationToken cancellationToken)
    {
        long now = _parts.Clock.Now();
        string[] old = [.. Snapshot.Approvals.Where(a => !a.Holds(now) && Math.Max(a.Expires, a.ValidUntil ?? 0) + RequestKept < now).Select(a => a.Id)];
        if (old.Length == 0)
        {
            return;
        }

        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            AccessChange change = new() { RemovedApprovals = old };
            await using IStoreTransaction transaction = await _parts.Store.BeginAsync(cancellationToken).ConfigureAwait(false);
            await transaction.SaveAsync(change, cancellationToken).ConfigureAwait(false);
            await FinishAsync(transaction, Record(SystemCaller.For("maintenance"), Operation.WritePolicy, null, "requests", Audit.AuditDecision.Allow, "ended long ago") with
            {
                Change = new() { Rows = RowsOf(Snapshot, change, []) },
            }, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _gate.Release();
        }
    }

    private static ApprovalRequest Made(AccessSnapshot snapshot, Caller caller, NewApproval wanted, long now)
    {
        string reason = wanted.Reason.Trim();
        if (reason.Length is 0 or > 500 || reason.Any(char.IsControl))
        {
            throw Error.InvalidRequest("a request says why, in one line of up to 500 characters", "reason");
        }

        bool lasting = wanted.Kind is ApprovalKind.Grant or ApprovalKind.Membership;
        if (wanted.Seconds is < 0 or > MaxApprovalSeconds || (wanted.Seconds < 60 && !(lasting && wanted.Seconds == 0)) || (wanted.Kind == ApprovalKind.Membership && wanted.Seconds != 0))
        {
            throw Error.InvalidRequest(lasting ? "the time is 60 seconds to 90 days, or for good; a membership is for good" : "the time is 60 seconds to 90 days", "seconds");
        }

        (Guid subject, bool isGroup) = wanted.Subject is not { } name ? (caller.Principal.Id, false)
            : wanted.SubjectIsGroup ? ((snapshot.GroupsByName.GetValueOrDefault(name) ?? throw Error.NotFound("group", name.Value)).Id, true)
            : (Find(snapshot, name).Id, false);
        string grant = "";
        switch (wanted.Kind)
        {
            case ApprovalKind.Grant:
                Grant asked = wanted.Grant ?? throw Error.InvalidRequest("what is to be granted is missing", "grant");
                grant = (asked with { Vault = wanted.Vault, Names = wanted.Names, From = null, Until = null }).ToSource();
                _ = Grant.Parse(grant);
                break;
            case ApprovalKind.Membership:
                grant = (wanted.Group is { } group ? snapshot.GroupsByName.GetValueOrDefault(group) ?? throw Error.NotFound("group", group.Value) : throw Error.InvalidRequest("which group is missing", "group")).Id.ToString("D");
                break;
            default:
                if (wanted.Subject is not null)
                {
                    throw Error.InvalidRequest("this is approved for who asks, and nobody else", "subject");
                }

                _ = Grant.Parse(new Grant { Actions = CofferActions.Read, Names = wanted.Names }.ToSource());
                break;
        }

        return new()
        {
            Id = Draw("r-", 8),
            Kind = wanted.Kind,
            Vault = wanted.Vault,
            Names = wanted.Names,
            RequesterId = caller.Principal.Id,
            Grant = grant,
            SubjectId = subject,
            SubjectIsGroup = isGroup,
            Reason = reason,
            Seconds = wanted.Seconds,
            Created = now,
            Expires = now + RequestLife,
        };
    }

    /// <summary>Whether a principal asked for it, or would get it.</summary>
    private static bool IsParty(AccessSnapshot snapshot, ApprovalRequest request, Principal principal) =>
        request.RequesterId == principal.Id
        || (request.SubjectIsGroup ? snapshot.Groups.GetValueOrDefault(request.SubjectId)?.Members.Contains(principal.Id) == true : request.SubjectId == principal.Id);

    /// <summary>The rows that an approval writes beside itself: a grant or a membership; the other kinds open a gate.</summary>
    private AccessChange EffectOf(AccessSnapshot snapshot, Keyring keys, ApprovalRequest request, string by)
    {
        switch (request.Kind)
        {
            case ApprovalKind.Grant:
                (PrincipalName name, bool isGroup) = request.SubjectIsGroup
                    ? ((snapshot.Groups.GetValueOrDefault(request.SubjectId) ?? throw Error.NotFound("group")).Name, true)
                    : ((snapshot.Principals.GetValueOrDefault(request.SubjectId) ?? throw Error.NotFound("principal")).Name, false);
                return GrantChange(snapshot, keys, name, isGroup, Grant.Parse(request.Grant) with { Until = request.ValidUntil }, by).Change;
            case ApprovalKind.Membership:
                Group group = snapshot.Groups.GetValueOrDefault(Guid.Parse(request.Grant)) ?? throw Error.NotFound("group");
                Principal principal = snapshot.Principals.GetValueOrDefault(request.SubjectId) ?? throw Error.NotFound("principal");
                return MembersChange(keys, snapshot, group, [principal], []).Change;
            default:
                return new();
        }
    }

    /// <summary>Refuses what widens who may do what in a vault where that takes two.</summary>
    internal static void RefuseAlone(AccessSnapshot snapshot, VaultName? vault, string hint)
    {
        foreach (Vault guarded in snapshot.Vaults.Values)
        {
            if ((guarded.Approvals & ApprovalNeeds.Grants) != 0 && (vault is null || guarded.Name == vault))
            {
                throw Error.PreconditionFailed($"grants in vault {guarded.Name} take a second person's approval; {hint}");
            }
        }
    }
}
