using Coffer.Core.Access;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;
using Xunit;

namespace Coffer.Core.Tests.Access;

public sealed class ApprovalTests
{
    private static readonly VaultName Prod = VaultName.Parse("shop-prod");

    [Fact]
    public async Task A_grant_for_a_time_is_asked_by_one_approved_by_another_and_ends_by_itself()
    {
        await using CoreWorld world = await StartAsync();
        Caller dora = await world.NewAsync("dora"), otto = await world.NewAsync("otto", groups: "shop-operators");
        await world.WriteAsync(otto, "shop-prod/key", "p");
        ApprovalRequest request = await world.Admin.RequestApprovalAsync(dora, Ask(ApprovalKind.Grant) with { Grant = new() { Actions = CofferActions.Read }, Names = "key" }, CoreWorld.Token);
        Assert.Equal(CofferErrorCode.AccessDenied, (await CoreWorld.RefusedAsync(() => world.ReadAsync(dora, "shop-prod/key"))).Code);

        ApprovalRequest approved = await world.Admin.DecideApprovalAsync(otto, request.Id, true, null, CoreWorld.Token);
        Assert.Equal(ApprovalState.Approved, approved.State);
        Assert.Equal("p", await world.ReadAsync(dora, "shop-prod/key"));
        await world.WriteAsync(otto, "shop-prod/other", "q");
        Assert.Equal(CofferErrorCode.AccessDenied, (await CoreWorld.RefusedAsync(() => world.ReadAsync(dora, "shop-prod/other"))).Code);

        world.Clock.Advance(TimeSpan.FromHours(1));
        Assert.Equal(CofferErrorCode.AccessDenied, (await CoreWorld.RefusedAsync(() => world.ReadAsync(dora, "shop-prod/key"))).Code);
    }

    [Fact]
    public async Task Nobody_approves_what_they_asked_for_or_would_get_and_no_program_approves()
    {
        await using CoreWorld world = await StartAsync();
        Caller otto = await world.NewAsync("otto", groups: "shop-operators"), olga = await world.NewAsync("olga", groups: "shop-operators");
        Caller robot = await world.NewAsync("robot", PrincipalKind.Workload, groups: "shop-operators"), dora = await world.NewAsync("dora");
        NewApproval wanted = Ask(ApprovalKind.Grant) with { Grant = new() { Actions = CofferActions.Write } };
        ApprovalRequest own = await world.Admin.RequestApprovalAsync(otto, wanted, CoreWorld.Token);
        ApprovalRequest forOlga = await world.Admin.RequestApprovalAsync(dora, wanted with { Subject = PrincipalName.Parse("olga") }, CoreWorld.Token);
        ApprovalRequest forGroup = await world.Admin.RequestApprovalAsync(dora, wanted with { Subject = PrincipalName.Parse("shop-operators"), SubjectIsGroup = true }, CoreWorld.Token);
        foreach ((Caller who, ApprovalRequest what) in ((Caller, ApprovalRequest)[])[(otto, own), (olga, forOlga), (otto, forGroup), (olga, forGroup), (robot, own), (dora, own)])
        {
            Assert.Equal(CofferErrorCode.AccessDenied, (await CoreWorld.RefusedAsync(async () => await world.Admin.DecideApprovalAsync(who, what.Id, true, null, CoreWorld.Token))).Code);
        }

        Assert.Equal(CofferErrorCode.AccessDenied, (await CoreWorld.RefusedAsync(async () => await world.Admin.RequestApprovalAsync(robot, wanted, CoreWorld.Token))).Code);
        Assert.Equal(ApprovalState.Approved, (await world.Admin.DecideApprovalAsync(olga, own.Id, true, null, CoreWorld.Token)).State);
        Assert.Equal(CofferErrorCode.PreconditionFailed, (await CoreWorld.RefusedAsync(async () => await world.Admin.DecideApprovalAsync(olga, own.Id, false, null, CoreWorld.Token))).Code);
    }

    [Fact]
    public async Task A_secret_behind_glass_opens_for_who_was_approved_and_for_nobody_else()
    {
        await using CoreWorld world = await StartAsync(ApprovalNeeds.BreakGlass);
        Caller otto = await world.NewAsync("otto", groups: "shop-operators"), api = await world.NewAsync("api", PrincipalKind.Workload, "shop-prod", "shop-prod-workloads");
        Caller dora = await world.NewAsync("dora"), fritz = await world.NewAsync("fritz");
        await world.GrantAsync("dora", CofferActions.Reader, "shop-prod");
        await world.GrantAsync("fritz", CofferActions.Reader, "shop-prod");
        await world.WriteAsync(otto, "shop-prod/root-password", "glass");
        await world.WriteAsync(otto, "shop-prod/key", "plain");
        await world.Secrets.EditAsync(otto, CoreWorld.PathOf("shop-prod/root-password"), new() { SetTags = Secret.NoTags.Add("break-glass", "") }, CoreWorld.Token);
        Assert.Equal("plain", await world.ReadAsync(dora, "shop-prod/key"));
        CofferError refused = await CoreWorld.RefusedAsync(() => world.ReadAsync(dora, "shop-prod/root-password"));
        Assert.Contains("coffer request break-glass shop-prod/root-password", refused.Message, StringComparison.Ordinal);
        Assert.Equal(CofferErrorCode.AccessDenied, (await CoreWorld.RefusedAsync(() => world.ReadAsync(api, "shop-prod/root-password"))).Code);

        ApprovalRequest request = await world.Admin.RequestApprovalAsync(dora, Ask(ApprovalKind.BreakGlass) with { Names = "root-password" }, CoreWorld.Token);
        await world.Admin.DecideApprovalAsync(otto, request.Id, true, 600, CoreWorld.Token);
        Assert.Equal("glass", await world.ReadAsync(dora, "shop-prod/root-password"));
        Assert.Equal(CofferErrorCode.AccessDenied, (await CoreWorld.RefusedAsync(async () => await world.Secrets.EditAsync(otto, CoreWorld.PathOf("shop-prod/root-password"), new() { RemoveTags = ["break-glass"] }, CoreWorld.Token))).Code);
        Assert.Equal(CofferErrorCode.AccessDenied, (await CoreWorld.RefusedAsync(() => world.ReadAsync(fritz, "shop-prod/root-password"))).Code);
        world.Clock.Advance(TimeSpan.FromMinutes(10));
        Assert.Equal(CofferErrorCode.AccessDenied, (await CoreWorld.RefusedAsync(() => world.ReadAsync(dora, "shop-prod/root-password"))).Code);
    }

    [Fact]
    public async Task An_approval_opens_a_gate_and_grants_nothing()
    {
        await using CoreWorld world = await StartAsync(ApprovalNeeds.BreakGlass);
        Caller otto = await world.NewAsync("otto", groups: "shop-operators"), dora = await world.NewAsync("dora");
        await world.WriteAsync(otto, "shop-prod/key", "p");
        ApprovalRequest request = await world.Admin.RequestApprovalAsync(dora, Ask(ApprovalKind.BreakGlass), CoreWorld.Token);
        await world.Admin.DecideApprovalAsync(otto, request.Id, true, null, CoreWorld.Token);
        Assert.Equal(CofferErrorCode.AccessDenied, (await CoreWorld.RefusedAsync(() => world.ReadAsync(dora, "shop-prod/key"))).Code);
    }

    [Fact]
    public async Task Purging_takes_two_where_the_vault_says_so()
    {
        await using CoreWorld world = await StartAsync(ApprovalNeeds.Purge);
        Caller otto = await world.NewAsync("otto", groups: "shop-operators");
        await world.GrantAsync("otto", CofferActions.Purge, "shop-prod");
        await world.WriteAsync(otto, "shop-prod/key", "p");
        Task PurgeAsync(Caller by) => world.Secrets.PurgeAsync(by, CoreWorld.PathOf("shop-prod/key"), CoreWorld.Token).AsTask();
        Task DestroyAsync(Caller by) => world.Secrets.DestroyAsync(by, CoreWorld.PathOf("shop-prod/key"), new([1], VersionSetMode.Strict), CoreWorld.Token).AsTask();
        Assert.Equal(CofferErrorCode.AccessDenied, (await CoreWorld.RefusedAsync(() => PurgeAsync(otto))).Code);
        Assert.Equal(CofferErrorCode.AccessDenied, (await CoreWorld.RefusedAsync(() => DestroyAsync(world.Root))).Code);
        ApprovalRequest request = await world.Admin.RequestApprovalAsync(otto, Ask(ApprovalKind.Purge) with { Names = "key" }, CoreWorld.Token);
        await world.Admin.DecideApprovalAsync(world.Root, request.Id, true, null, CoreWorld.Token);
        Assert.Equal(CofferErrorCode.AccessDenied, (await CoreWorld.RefusedAsync(() => DestroyAsync(world.Root))).Code);
        await PurgeAsync(otto);
    }

    [Fact]
    public async Task Widening_takes_two_through_every_door()
    {
        await using CoreWorld world = await StartAsync();
        Caller olga = await world.NewAsync("olga", groups: "shop-operators");
        await world.NewAsync("dora");
        await world.Admin.UpdateVaultAsync(world.Root, Prod, new() { Approvals = ApprovalNeeds.Grants }, CoreWorld.Token);
        PrincipalName dora = PrincipalName.Parse("dora"), workloads = PrincipalName.Parse("shop-prod-workloads");
        Task<CofferError> Refused(Func<ValueTask> call) => CoreWorld.RefusedAsync(() => call().AsTask());
        Assert.Equal(CofferErrorCode.PreconditionFailed, (await Refused(async () => await world.Admin.CreateGrantAsync(world.Root, dora, false, new() { Actions = CofferActions.Read, Vault = Prod }, CoreWorld.Token))).Code);
        // A grant on all vaults would hold there too, and so would a membership, and so would the end of a deny.
        Assert.Equal(CofferErrorCode.PreconditionFailed, (await Refused(async () => await world.Admin.CreateGrantAsync(world.Root, dora, false, new() { Actions = CofferActions.Read }, CoreWorld.Token))).Code);
        Assert.Equal(CofferErrorCode.PreconditionFailed, (await Refused(async () => await world.Admin.EditGroupAsync(world.Root, workloads, [dora], [], CoreWorld.Token))).Code);
        GrantEntry deny = await world.Admin.CreateGrantAsync(world.Root, dora, false, new() { Allow = false, Actions = CofferActions.Read, Vault = Prod }, CoreWorld.Token);
        Assert.Equal(CofferErrorCode.PreconditionFailed, (await Refused(async () => await world.Admin.DeleteGrantAsync(world.Root, deny.Id, CoreWorld.Token))).Code);
        Assert.Equal(CofferErrorCode.PreconditionFailed, (await Refused(async () => await world.Admin.UpdateVaultAsync(world.Root, Prod, new() { Approvals = ApprovalNeeds.None }, CoreWorld.Token))).Code);
        // Elsewhere one is enough.
        await world.GrantAsync("dora", CofferActions.Read, "shop-dev");

        ApprovalRequest joins = await world.Admin.RequestApprovalAsync(olga, Ask(ApprovalKind.Membership) with { Group = workloads, Subject = dora, Seconds = 0 }, CoreWorld.Token);
        await world.Admin.DecideApprovalAsync(world.Root, joins.Id, true, null, CoreWorld.Token);
        Assert.Contains(world.Core.Access.PrincipalsByName[dora].Id, world.Core.Access.GroupsByName[workloads].Members);
        // Two may loosen it again.
        ApprovalRequest loosen = await world.Admin.RequestApprovalAsync(world.Root, Ask(ApprovalKind.Loosen), CoreWorld.Token);
        await world.Admin.DecideApprovalAsync(olga, loosen.Id, true, null, CoreWorld.Token);
        await world.Admin.UpdateVaultAsync(world.Root, Prod, new() { Approvals = ApprovalNeeds.None }, CoreWorld.Token);
    }

    [Fact]
    public async Task A_request_for_a_vault_that_is_not_there_looks_like_any_other_and_open_requests_are_few()
    {
        await using CoreWorld world = await StartAsync();
        Caller dora = await world.NewAsync("dora");
        NewApproval wanted = Ask(ApprovalKind.BreakGlass);
        ApprovalRequest real = await world.Admin.RequestApprovalAsync(dora, wanted, CoreWorld.Token), none = await world.Admin.RequestApprovalAsync(dora, wanted with { Vault = VaultName.Parse("no-such") }, CoreWorld.Token);
        Assert.Equal((real.State, real.Id.Length, real.Expires), (none.State, none.Id.Length, none.Expires));
        for (int i = 2; i < 10; i++)
        {
            await world.Admin.RequestApprovalAsync(dora, wanted, CoreWorld.Token);
        }

        Assert.Equal(CofferErrorCode.QuotaExceeded, (await CoreWorld.RefusedAsync(async () => await world.Admin.RequestApprovalAsync(dora, wanted, CoreWorld.Token))).Code);
        await world.Admin.WithdrawApprovalAsync(dora, none.Id, CoreWorld.Token);
        await world.Admin.RequestApprovalAsync(dora, wanted, CoreWorld.Token);
        Assert.All(await world.Admin.ListApprovalsAsync(await world.NewAsync("stranger"), CoreWorld.Token), _ => Assert.Fail("a stranger sees a request"));

        // Nobody decided in time; long after, the rows go.
        world.Clock.Advance(TimeSpan.FromDays(8));
        Assert.Equal(CofferErrorCode.PreconditionFailed, (await CoreWorld.RefusedAsync(async () => await world.Admin.DecideApprovalAsync(world.Root, real.Id, true, null, CoreWorld.Token))).Code);
        world.Clock.Advance(TimeSpan.FromDays(31));
        await world.Core.TickAsync(CoreWorld.Token);
        Assert.Empty(world.Core.Access.Approvals);
    }

    private static NewApproval Ask(ApprovalKind kind) => new() { Kind = kind, Vault = Prod, Reason = "ticket 7", Seconds = 3600 };

    private static async Task<CoreWorld> StartAsync(ApprovalNeeds needs = ApprovalNeeds.None)
    {
        CoreWorld world = await CoreWorld.StartAsync();
        await world.Admin.CreateProjectAsync(world.Root, ProjectName.Parse("shop"), CoreWorld.Token);
        await world.Admin.UpdateVaultAsync(world.Root, Prod, new() { Approvals = needs }, CoreWorld.Token);
        return world;
    }
}
