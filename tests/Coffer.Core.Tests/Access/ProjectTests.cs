using Coffer.Core.Access;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;
using Xunit;

namespace Coffer.Core.Tests.Access;

public sealed class ProjectTests
{
    [Fact]
    public async Task A_project_lets_developers_write_development_see_staging_and_nothing_of_production()
    {
        await using CoreWorld world = await CoreWorld.StartAsync();
        await world.Admin.CreateProjectAsync(world.Root, ProjectName.Parse("shop"), CoreWorld.Token);
        Caller developer = await world.NewAsync("dora", groups: "shop-developers");
        Caller manager = await world.NewAsync("otto", groups: "shop-operators");
        Caller workload = await world.NewAsync("api", PrincipalKind.Workload, "shop-prod", "shop-prod-workloads");

        Assert.Equal(1, await world.WriteAsync(developer, "shop-dev/key", "d"));
        Assert.Equal("d", await world.ReadAsync(developer, "shop-dev/key"));
        await world.WriteAsync(manager, "shop-staging/key", "s");
        await world.WriteAsync(manager, "shop-prod/key", "p");
        Assert.Equal("key", (await world.Secrets.DescribeAsync(developer, CoreWorld.PathOf("shop-staging/key"), CoreWorld.Token)).Head.Name.Value);
        Assert.Equal(CofferErrorCode.AccessDenied, (await CoreWorld.RefusedAsync(() => world.ReadAsync(developer, "shop-staging/key"))).Code);
        Assert.Equal(CofferErrorCode.AccessDenied, (await CoreWorld.RefusedAsync(() => world.WriteAsync(developer, "shop-staging/key", "x"))).Code);
        Assert.Equal(CofferErrorCode.AccessDenied, (await CoreWorld.RefusedAsync(async () => await world.Secrets.DescribeAsync(developer, CoreWorld.PathOf("shop-prod/key"), CoreWorld.Token))).Code);
        Assert.Equal(["shop-dev", "shop-staging"], (await world.Admin.ListVaultsAsync(developer, CoreWorld.Token)).Select(v => v.Name.Value));

        Assert.Equal("d", await world.ReadAsync(manager, "shop-dev/key"));
        Assert.Equal(CofferErrorCode.AccessDenied, (await CoreWorld.RefusedAsync(() => world.ReadAsync(manager, "shop-prod/key"))).Code);
        await world.Admin.CreateGrantAsync(manager, PrincipalName.Parse("api"), false, new() { Actions = CofferActions.Write, Vault = VaultName.Parse("shop-prod"), Names = "cache/*" }, CoreWorld.Token);

        Assert.Equal("p", await world.ReadAsync(workload, "shop-prod/key"));
        Assert.Equal(CofferErrorCode.AccessDenied, (await CoreWorld.RefusedAsync(() => world.ReadAsync(workload, "shop-dev/key"))).Code);
    }

    [Fact]
    public async Task Whoever_administers_production_reads_nothing_there_whatever_else_grants_it()
    {
        await using CoreWorld world = await CoreWorld.StartAsync();
        await world.Admin.CreateProjectAsync(world.Root, ProjectName.Parse("shop"), CoreWorld.Token);
        Caller manager = await world.NewAsync("otto", groups: "shop-operators");
        await world.WriteAsync(manager, "shop-prod/key", "p");

        // Granting it to oneself does not help, nor does being the server's administrator.
        await world.Admin.CreateGrantAsync(manager, PrincipalName.Parse("otto"), false, new() { Actions = CofferActions.Reader, Vault = VaultName.Parse("shop-prod") }, CoreWorld.Token);
        CofferError refused = await CoreWorld.RefusedAsync(() => world.ReadAsync(manager, "shop-prod/key"));
        Assert.Equal((CofferErrorCode.AccessDenied, true), (refused.Code, refused.Message.Contains("separates duties", StringComparison.Ordinal)));
        Assert.Equal(CofferErrorCode.AccessDenied, (await CoreWorld.RefusedAsync(() => world.ReadAsync(world.Root, "shop-prod/key"))).Code);

        // A narrower credential is no way around: the principal counts, not what it came with.
        Caller narrow = manager with { Limits = [new PolicySet(GrantLanguage.LanguageName, [new Grant { Actions = CofferActions.Reader }.ToSource()])] };
        Assert.Equal(CofferErrorCode.AccessDenied, (await CoreWorld.RefusedAsync(() => world.ReadAsync(narrow, "shop-prod/key"))).Code);

        // And the setting is not one administrator's to switch off.
        CofferError loosened = await CoreWorld.RefusedAsync(async () => await world.Admin.UpdateVaultAsync(manager, VaultName.Parse("shop-prod"), new() { SeparateDuties = false }, CoreWorld.Token));
        Assert.Equal(CofferErrorCode.PreconditionFailed, loosened.Code);
        Assert.Equal(CofferErrorCode.PreconditionFailed, (await CoreWorld.RefusedAsync(async () => await world.Admin.UpdateVaultAsync(world.Root, VaultName.Parse("shop-prod"), new() { Stage = VaultStage.Development }, CoreWorld.Token))).Code);
    }

    [Fact]
    public async Task A_second_call_leaves_what_is_there_and_a_foreign_vault_of_such_a_name_is_not_taken_over()
    {
        await using CoreWorld world = await CoreWorld.StartAsync();
        Project first = await world.Admin.CreateProjectAsync(world.Root, ProjectName.Parse("shop"), CoreWorld.Token);
        int grants = (await world.Admin.ListGrantsAsync(world.Root, null, CoreWorld.Token)).Length;
        Project second = await world.Admin.CreateProjectAsync(world.Root, ProjectName.Parse("shop"), CoreWorld.Token);
        Assert.Equal(first.Vaults.Select(v => v.Number), second.Vaults.Select(v => v.Number));
        Assert.Equal(5, second.Groups.Length);
        Assert.Equal(grants, (await world.Admin.ListGrantsAsync(world.Root, null, CoreWorld.Token)).Length);

        await world.Admin.CreateVaultAsync(world.Root, VaultName.Parse("web-prod"), new(), CoreWorld.Token);
        Assert.Equal(CofferErrorCode.AlreadyExists, (await CoreWorld.RefusedAsync(async () => await world.Admin.CreateProjectAsync(world.Root, ProjectName.Parse("web"), CoreWorld.Token))).Code);
        Assert.DoesNotContain(VaultName.Parse("web-dev"), world.Core.Access.Vaults.Keys);
    }

    [Theory]
    [InlineData("shop-dev", "shop-staging", true)]
    [InlineData("shop-dev", "shop-prod", true)]
    [InlineData("shop-staging", "shop-dev", false)]
    [InlineData("shop-prod", "shop-dev", false)]
    [InlineData("shop-prod", "shop-staging", false)]
    [InlineData("shop-prod", "web-prod", false)]
    [InlineData("shop-dev", "shop-dev", false)]
    [InlineData("shop-prod", "plain", false)]
    [InlineData("plain", "shop-dev", true)]
    public async Task Values_go_to_a_later_environment_only_and_never_out_of_production(string from, string to, bool may)
    {
        await using CoreWorld world = await CoreWorld.StartAsync();
        foreach (string project in (string[])["shop", "web"])
        {
            await world.Admin.CreateProjectAsync(world.Root, ProjectName.Parse(project), CoreWorld.Token);
        }

        await world.Admin.CreateVaultAsync(world.Root, VaultName.Parse("plain"), new(), CoreWorld.Token);
        await world.WriteAsync(world.Root, from + "/key", "value");
        Task<System.Collections.Immutable.ImmutableArray<PromotionItem>> Promote() =>
            world.Secrets.PromoteAsync(world.Root, VaultName.Parse(from), VaultName.Parse(to), [SecretName.Parse("key")], apply: true, CoreWorld.Token).AsTask();
        if (may)
        {
            Assert.Equal(new PromotionItem(SecretName.Parse("key"), PromotionStep.Create, 1), Assert.Single(await Promote()));
        }
        else
        {
            Assert.Equal(CofferErrorCode.PreconditionFailed, (await CoreWorld.RefusedAsync(Promote)).Code);
        }
    }

    [Fact]
    public async Task A_plan_changes_nothing_and_tells_equal_values_only_to_who_may_read_both()
    {
        await using CoreWorld world = await CoreWorld.StartAsync();
        await world.Admin.CreateProjectAsync(world.Root, ProjectName.Parse("shop"), CoreWorld.Token);
        Caller manager = await world.NewAsync("otto", groups: "shop-operators");
        await world.WriteAsync(world.Root, "shop-dev/same", "value");
        await world.WriteAsync(world.Root, "shop-dev/other", "value");
        await world.WriteAsync(world.Root, "shop-staging/same", "value");
        VaultName from = VaultName.Parse("shop-dev"), to = VaultName.Parse("shop-staging");
        System.Collections.Immutable.ImmutableArray<SecretName> names = [SecretName.Parse("same"), SecretName.Parse("other"), SecretName.Parse("none")];

        Assert.Equal([PromotionStep.Replace, PromotionStep.Create, PromotionStep.Missing], (await world.Secrets.PromoteAsync(manager, from, to, names, false, CoreWorld.Token)).Select(i => i.Step));
        Assert.Equal([PromotionStep.Same, PromotionStep.Create, PromotionStep.Missing], (await world.Secrets.PromoteAsync(world.Root, from, to, names, false, CoreWorld.Token)).Select(i => i.Step));
        Assert.Equal(CofferErrorCode.NotFound, (await CoreWorld.RefusedAsync(() => world.ReadAsync(world.Root, "shop-staging/other"))).Code);

        Assert.Equal([2, 1, null], (await world.Secrets.PromoteAsync(manager, from, to, names, true, CoreWorld.Token)).Select(i => i.Version));
        Caller developer = await world.NewAsync("dora", groups: "shop-developers");
        Assert.Equal([PromotionStep.Refused], (await world.Secrets.PromoteAsync(developer, from, to, [SecretName.Parse("same")], true, CoreWorld.Token)).Select(i => i.Step));
    }
}
