using System.Globalization;
using Coffer.Core.Access;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;
using CsCheck;
using Xunit;

namespace Coffer.Core.Tests.Access;

public sealed class AnswerTests
{
    private static readonly VaultName Dev = VaultName.Parse("shop-dev");
    private static readonly string[] Patterns = ["*", "a/*", "b/*", "a/key", "?/key"];

    [Fact]
    public async Task Who_can_names_everybody_with_the_policy_and_the_end()
    {
        await using CoreWorld world = await StartAsync();
        await world.NewAsync("dora", groups: "shop-developers");
        await world.NewAsync("temp");
        await world.NewAsync("fritz");
        long until = (world.Clock.GetUtcNow().AddHours(2) - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
        await world.Admin.CreateGrantAsync(world.Root, PrincipalName.Parse("temp"), false, new() { Actions = CofferActions.Read, Vault = Dev, Names = "k*", Until = until }, CoreWorld.Token);
        await world.WriteAsync(world.Root, "shop-dev/key", "v");
        AccessQuestion question = new(Operation.ReadValue, Dev, SecretName.Parse("key"), VersionSelector.Current, null);
        WhoCanEntry[] may = [.. await world.Secrets.WhoCanAsync(world.Root, question, CoreWorld.Token)];
        Assert.Equal(["dora", "root", "temp"], may.Select(m => m.Principal.Name.Value));
        Assert.Equal([null, null, until], may.Select(m => m.Until));
        Assert.All(may, m => Assert.StartsWith("grant g-", m.Reason, StringComparison.Ordinal));
        Assert.DoesNotContain(await world.Secrets.WhoCanAsync(world.Root, question with { Name = SecretName.Parse("other") }, CoreWorld.Token), m => m.Principal.Name.Value == "temp");
        Assert.Equal(CofferErrorCode.AccessDenied, (await CoreWorld.RefusedAsync(async () => await world.Secrets.WhoCanAsync(world.As("dora"), question, CoreWorld.Token))).Code);
    }

    [Fact]
    public async Task Anybody_learns_why_for_themselves_and_administrators_for_others()
    {
        await using CoreWorld world = await StartAsync();
        Caller dora = await world.NewAsync("dora", groups: "shop-developers"), fritz = await world.NewAsync("fritz");
        AccessQuestion question = new(Operation.ReadValue, VaultName.Parse("shop-staging"), SecretName.Parse("key"), null, null);
        AccessExplanation own = await world.Secrets.ExplainAsync(dora, PrincipalName.Parse("dora"), question, CoreWorld.Token);
        Assert.False(own.Decision.Allowed);
        Assert.Equal(["it is for vault shop-dev", "it does not hold read"], own.Considered.Select(c => c.Statement[(c.Statement.IndexOf(": ", StringComparison.Ordinal) + 2)..]).Order(StringComparer.Ordinal).Reverse());
        Assert.All(own.Considered, c => Assert.Equal("group shop-developers", c.On));
        Assert.Equal("coffer grant create dora read shop-staging/key", own.Remedy);
        Assert.Equal(CofferErrorCode.AccessDenied, (await CoreWorld.RefusedAsync(async () => await world.Secrets.ExplainAsync(fritz, PrincipalName.Parse("dora"), question, CoreWorld.Token))).Code);
        Assert.Equal(CofferErrorCode.AccessDenied, (await CoreWorld.RefusedAsync(async () => await world.Secrets.ExplainAsync(fritz, PrincipalName.Parse("nobody"), question, CoreWorld.Token))).Code);
        Assert.Equal(CofferErrorCode.NotFound, (await CoreWorld.RefusedAsync(async () => await world.Secrets.ExplainAsync(world.Root, PrincipalName.Parse("nobody"), question, CoreWorld.Token))).Code);
    }

    /// <summary>Whatever was granted and denied, the change that an explanation names turns the decision, or names the next thing in the way.</summary>
    [Fact]
    public async Task The_remedy_of_every_denial_leads_to_the_permission()
    {
        await using CoreWorld world = await StartAsync();
        await world.NewAsync("dora");
        await world.WriteAsync(world.Root, "shop-dev/a/key", "v");
        Gen<(bool Allow, int Actions, string Names)> grant = Gen.Select(Gen.Bool, Gen.Int[1, 31], Gen.Int[0, 4].Select(i => Patterns[i]));
        await grant.Array[0, 6].SampleAsync(async grants =>
        {
            foreach (GrantEntry old in (await world.Admin.ListGrantsAsync(world.Root, null, CoreWorld.Token)).Where(g => g.Subject.Value == "dora"))
            {
                await world.Admin.DeleteGrantAsync(world.Root, old.Id, CoreWorld.Token);
            }

            await world.Admin.UpdatePrincipalAsync(world.Root, PrincipalName.Parse("dora"), grants.Length % 3 != 2, null, null, CoreWorld.Token);
            foreach ((bool allow, int actions, string names) in grants)
            {
                await world.GrantAsync("dora", (CofferActions)actions, "shop-dev", names, allow);
            }

            AccessQuestion question = new(Operation.ReadValue, Dev, SecretName.Parse("a/key"), VersionSelector.Current, null);
            for (int step = 0; step < 10; step++)
            {
                AccessExplanation why = await world.Secrets.ExplainAsync(world.Root, PrincipalName.Parse("dora"), question, CoreWorld.Token);
                if (why.Decision.Allowed)
                {
                    Assert.Null(why.Remedy);
                    return;
                }

                string[] words = why.Remedy!.Split(' ');
                switch (words[1..3])
                {
                    case ["principal", "enable"]:
                        await world.Admin.UpdatePrincipalAsync(world.Root, PrincipalName.Parse(words[3]), true, null, null, CoreWorld.Token);
                        break;
                    case ["grant", "delete"]:
                        await world.Admin.DeleteGrantAsync(world.Root, words[3], CoreWorld.Token);
                        break;
                    case ["grant", "create"]:
                        await world.GrantAsync(words[3], ActionNames.Read(words[4].Split(',')), "shop-dev", words[5]["shop-dev/".Length..]);
                        break;
                    default:
                        Assert.Fail(why.Remedy);
                        break;
                }
            }

            Assert.Fail("ten remedies did not help");
        }, iter: 40, threads: 1);
    }

    [Fact]
    public async Task An_answer_never_differs_from_the_decision()
    {
        await using CoreWorld world = await StartAsync();
        await world.NewAsync("dora", groups: "shop-developers");
        await world.NewAsync("api", PrincipalKind.Workload, "shop-prod", "shop-prod-workloads");
        await world.WriteAsync(world.Root, "shop-prod/key", "v");
        foreach (Operation operation in Enum.GetValues<Operation>())
        {
            foreach (string vault in (string[])["shop-dev", "shop-prod"])
            {
                AccessQuestion question = new(operation, VaultName.Parse(vault), SecretName.Parse("key"), null, null);
                string[] who = [.. (await world.Secrets.WhoCanAsync(world.Root, question, CoreWorld.Token)).Select(w => w.Principal.Name.Value)];
                foreach (string name in (string[])["dora", "api", "root"])
                {
                    bool can = (await world.Secrets.ExplainAsync(world.Root, PrincipalName.Parse(name), question, CoreWorld.Token)).Decision.Allowed;
                    Assert.True(can == who.Contains(name), string.Create(CultureInfo.InvariantCulture, $"{name} {operation} {vault}"));
                }
            }
        }
    }

    private static async Task<CoreWorld> StartAsync()
    {
        CoreWorld world = await CoreWorld.StartAsync();
        await world.Admin.CreateProjectAsync(world.Root, ProjectName.Parse("shop"), CoreWorld.Token);
        return world;
    }
}
