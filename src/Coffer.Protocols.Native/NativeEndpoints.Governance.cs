using System.Collections.Immutable;
using Coffer.Contracts;
using Coffer.Core;
using Coffer.Core.Access;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;
using Microsoft.AspNetCore.Http;

namespace Coffer.Protocols.Native;

internal sealed partial class NativeEndpoints
{
    /// <summary>Projects, promotions, and requests that a second person decides.</summary>
    private IEnumerable<NativeRoute> GovernanceRoutes()
    {
        const string projects = "/coffer/v1/projects", requests = "/coffer/v1/requests";
        yield return Ask(HttpMethods.Get, projects, "listProjects", "Lists projects of which the caller may see a vault.", ContractsJson.Default.ProjectList,
            async call => new() { Projects = [.. (await _core.Admin.ListProjectsAsync(call.Caller, call.Aborted).ConfigureAwait(false)).Select(Info)] });
        yield return Tell(HttpMethods.Post, projects, "createProject", "Creates a project's vaults, groups and grants; what is there stays.", ContractsJson.Strict.NewProject, ContractsJson.Default.ProjectInfo,
            async (call, body) => Info(await _core.Admin.CreateProjectAsync(call.Caller, ProjectName.Parse(body.Name), call.Aborted).ConfigureAwait(false))) with { Statuses = [201] };
        yield return Tell(HttpMethods.Post, "/coffer/v1/promotions", "promote", "Copies current values from one environment to a later one, or plans to.", ContractsJson.Strict.Promotion, ContractsJson.Default.PromotionResult, PromoteAsync);
        yield return Ask(HttpMethods.Get, requests, "listRequests", "Lists one's own requests and those that one may decide.", ContractsJson.Default.ApprovalList,
            async call => new() { Requests = [.. (await _core.Admin.ListApprovalsAsync(call.Caller, call.Aborted).ConfigureAwait(false)).Select(Info)] });
        yield return Tell(HttpMethods.Post, requests, "createRequest", "Asks a second person.", ContractsJson.Strict.NewApprovalRequest, ContractsJson.Default.ApprovalInfo, RequestAsync) with { Statuses = [201] };
        yield return Tell(HttpMethods.Post, requests + "/{request}/decision", "decideRequest", "Approves or refuses, as a second person.", ContractsJson.Strict.ApprovalDecision, ContractsJson.Default.ApprovalInfo,
            async (call, body) => Info(await _core.Admin.DecideApprovalAsync(call.Caller, call.PublicId, body.Approve, body.Seconds, call.Aborted).ConfigureAwait(false)));
        yield return Remove(requests + "/{request}", "withdrawRequest", "Takes one's own request back.",
            async call => await _core.Admin.WithdrawApprovalAsync(call.Caller, call.PublicId, call.Aborted).ConfigureAwait(false));
    }

    private async ValueTask<PromotionResult> PromoteAsync(NativeCall call, Promotion body)
    {
        ImmutableArray<PromotionItem> items = await _core.Secrets.PromoteAsync(
            call.Caller, VaultName.Parse(body.From), VaultName.Parse(body.To), [.. NativeWire.Whole(body.Names, "names").Select(SecretName.Parse)], body.Apply, call.Aborted).ConfigureAwait(false);
        return new() { Items = [.. items.Select(i => new PromotionItemInfo { Name = i.Name.Value, Step = NativeNames.Word(i.Step), Version = i.Version })] };
    }

    private async ValueTask<ApprovalInfo> RequestAsync(NativeCall call, NewApprovalRequest body)
    {
        ApprovalKind kind = NativeNames.ApprovalKindOf(body.Kind);
        if ((body.Actions is null) != (kind != ApprovalKind.Grant))
        {
            throw Error.InvalidCombination("a request for a grant names actions, and no other does", "actions");
        }

        if (body.Principal is not null && body.Group is not null && kind != ApprovalKind.Membership)
        {
            throw Error.InvalidCombination("a grant is for a principal or for a group", "principal");
        }

        bool forGroup = kind == ApprovalKind.Grant && body.Group is not null;
        ApprovalRequest request = await _core.Admin.RequestApprovalAsync(call.Caller, new()
        {
            Kind = kind,
            Vault = VaultName.Parse(body.Vault),
            Names = body.Names ?? "*",
            Grant = body.Actions is { } actions ? new() { Actions = ActionNames.Read(NativeWire.Whole(actions, "actions")) } : null,
            Subject = forGroup ? PrincipalName.Parse(body.Group) : body.Principal is { } principal ? PrincipalName.Parse(principal) : null,
            SubjectIsGroup = forGroup,
            Group = kind == ApprovalKind.Membership && body.Group is { } group ? PrincipalName.Parse(group) : null,
            Reason = body.Reason,
            Seconds = body.Seconds,
        }, call.Aborted).ConfigureAwait(false);
        return Info(request);
    }

    private static ProjectInfo Info(Project project) => new()
    {
        Name = project.Name.Value,
        Vaults = [.. project.Vaults.Select(NativeWire.Info)],
        Groups = [.. project.Groups.Select(g => g.Name.Value)],
    };

    private ApprovalInfo Info(ApprovalRequest request)
    {
        AccessSnapshot snapshot = _core.Access;
        string NameOf(Guid id) => snapshot.Principals.GetValueOrDefault(id)?.Name.Value ?? "(gone)";
        string GroupOf(Guid id) => snapshot.Groups.GetValueOrDefault(id)?.Name.Value ?? "(gone)";
        return new()
        {
            Id = request.Id,
            Kind = NativeNames.Word(request.Kind),
            Vault = request.Vault.Value,
            Names = request.Names,
            Requester = NameOf(request.RequesterId),
            Subject = request.SubjectIsGroup ? $"group {GroupOf(request.SubjectId)}" : NameOf(request.SubjectId),
            Actions = request.Kind switch
            {
                ApprovalKind.Grant => [.. ActionNames.Write(Grant.Parse(request.Grant).Actions)],
                ApprovalKind.Membership => [GroupOf(Guid.Parse(request.Grant))],
                ApprovalKind.BreakGlass or ApprovalKind.Purge or ApprovalKind.Loosen => [],
            },
            Reason = request.Reason,
            Seconds = request.Seconds,
            Created = Microseconds.ToTime(request.Created),
            Expires = Microseconds.ToTime(request.Expires),
            State = request.State == ApprovalState.Pending && !request.IsOpen(Now) ? "expired" : NativeNames.Word(request.State),
            DecidedBy = request.DecidedBy is { } by ? NameOf(by) : null,
            ValidUntil = request.ValidUntil is { } until ? Microseconds.ToTime(until) : null,
        };
    }
}
