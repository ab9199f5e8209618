using Coffer.Core.Access;
using Coffer.Core.Secrets;
using Xunit;

namespace Coffer.Core.Tests.Access;

/// <summary>The four worked examples of the model: the request is translated, not the policy, so each right holds on every wire.</summary>
public sealed class WorkedExampleTests
{
    private static readonly string[] Wires = ["aws", "azure", "google", "vault", "coffer"];

    [Fact]
    public void Aws_a_deny_on_a_tag_holds_for_a_google_access()
    {
        AccessWorld world = World().With("aws", "Allow secretsmanager:GetSecretValue arn:aws:secretsmanager:*:111111111111:secret:db-??????\nDeny secretsmanager:GetSecretValue * env=prod", name: "DbReader");
        AccessRequest google = world.Ask(Operation.ReadValue, "db", "google");
        AccessDecision plain = world.Decide(google);
        Assert.Equal((true, "aws"), (plain.Allowed, plain.Language));
        AccessDecision tagged = world.Decide(google with { Head = AccessWorld.Head("db", ("env", "prod")) });
        Assert.Equal((false, true, "aws"), (tagged.Allowed, tagged.Explicit, tagged.Language));
        Assert.Equal("aws policy DbReader denies secretsmanager:GetSecretValue", tagged.Reason);
        Assert.False(world.Decide(world.Ask(Operation.ReadValue, "db-admin", "google")).Allowed);
    }

    [Fact]
    public void Aws_a_secret_whose_name_contains_another_arn_is_not_that_one()
    {
        AccessWorld world = World().With("aws", "Allow secretsmanager:GetSecretValue arn:aws:secretsmanager:*:111111111111:secret:app:*");
        Assert.False(world.Decide(world.Ask(Operation.ReadValue, "app:key", "vault")).Allowed);
    }

    [Fact]
    public void Azure_get_without_list_reads_through_vault_and_does_not_list_there()
    {
        AccessWorld world = World();
        world.With("azure", $"{world.Me.Id:D} get", Attachment.To(AccessWorld.Vaults[0].Number));
        Assert.True(world.Decide(Mode(world.Ask(Operation.ReadValue, "db", "vault"), AzureAccess.Policies)).Allowed);
        AccessDecision list = world.Decide(Mode(world.Ask(Operation.ListSecrets, null, "vault"), AzureAccess.Policies));
        Assert.Equal((false, false), (list.Allowed, list.Explicit));
        Assert.False(world.Decide(Mode(world.Ask(Operation.ReadValue, "db", "vault"), AzureAccess.Rbac)).Allowed);
    }

    [Fact]
    public void Google_a_binding_on_a_prefix_allows_aws_what_begins_with_it_and_nothing_else()
    {
        AccessWorld world = World().With("google", "secretAccessor projects/111111111111/secrets/app-");
        Assert.True(world.Decide(world.Ask(Operation.ReadValue, "app-key", "aws")).Allowed);
        Assert.False(world.Decide(world.Ask(Operation.ReadValue, "db", "aws")).Allowed);
        Assert.False(world.Decide(world.Ask(Operation.ReadValue, "app-key", "aws", AccessWorld.Dev)).Allowed);
    }

    [Fact]
    public void Google_a_slash_in_a_name_is_no_slash_of_the_resource()
    {
        AccessWorld world = World().With("google", "secretAccessor projects/111111111111/secrets/app/");
        Assert.False(world.Decide(world.Ask(Operation.ReadValue, "app/key", "vault")).Allowed);
    }

    [Fact]
    public void Vault_the_deciding_rule_holds_on_all_wires_even_against_an_aws_policy()
    {
        AccessWorld world = World()
            .With("vault", "shop/data/* deny\nshop/data/app/* read")
            .With("aws", "Allow secretsmanager:GetSecretValue *");
        foreach (string wire in Wires)
        {
            Assert.True(world.Decide(world.Ask(Operation.ReadValue, "app/key", wire)).Allowed, wire);
            AccessDecision denied = world.Decide(world.Ask(Operation.ReadValue, "db", wire));
            Assert.Equal((false, true, "vault", "vault rule shop/data/* denies"), (denied.Allowed, denied.Explicit, denied.Language, denied.Reason));
        }
    }

    [Fact]
    public void Vault_a_more_specific_read_beats_a_broader_deny_without_an_aws_policy_too()
    {
        AccessWorld world = World().With("vault", "shop/data/* deny\nshop/data/app/* read");
        Assert.All(Wires, wire => Assert.True(world.Decide(world.Ask(Operation.ReadValue, "app/key", wire)).Allowed));
        Assert.True(world.Decide(world.Ask(Operation.ReadValue, "application", "aws")).Explicit);
    }

    /// <summary>A deny of any one language closes the secret on every wire, whichever languages allow it.</summary>
    [Fact]
    public void Whatever_three_languages_allow_one_may_deny()
    {
        AccessWorld world = World()
            .With("aws", "Allow * *").With("google", "secretAccessor").With("coffer", new Grant { Actions = CofferActions.Admin }.ToSource())
            .With("vault", "shop/data/db deny");
        Assert.All(Wires, wire => Assert.Equal("vault", world.Decide(world.Ask(Operation.ReadValue, "db", wire)).Language));
        Assert.All(Wires, wire => Assert.True(world.Decide(world.Ask(Operation.ReadValue, "db2", wire)).Allowed));
    }

    private static AccessWorld World() => new(new GrantLanguage(), new AwsStandIn(), new AzureStandIn(), new GoogleStandIn(), new VaultStandIn());

    private static AccessRequest Mode(AccessRequest request, AzureAccess access) => request with { Vault = request.Vault! with { AzureAccess = access } };
}
