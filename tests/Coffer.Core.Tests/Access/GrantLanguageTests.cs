using System.Net;
using Coffer.Core.Access;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;
using Xunit;

namespace Coffer.Core.Tests.Access;

/// <summary>Every condition of a grant, one by one.</summary>
public sealed class GrantLanguageTests
{
    private static readonly Grant Read = new() { Actions = CofferActions.Read };
    private static readonly VersionLabel Blue = VersionLabel.Parse("blue");

    [Fact]
    public void A_grant_allows_its_actions_and_no_others()
    {
        AccessWorld world = World(new Grant { Actions = CofferActions.Describe });
        Assert.True(world.Decide(world.Ask(Operation.ReadMetadata)).Allowed);
        Assert.False(world.Decide(world.Ask(Operation.ReadValue)).Allowed);
        Assert.False(world.Decide(world.Ask(Operation.BackupSecret)).Allowed);
        Assert.True(World(Read, new Grant { Actions = CofferActions.Describe }) is var both && both.Decide(both.Ask(Operation.BackupSecret)).Allowed);
    }

    [Fact]
    public void Deny_wins_in_any_order_and_over_any_number()
    {
        Grant deny = Read with { Allow = false, Names = "db*" };
        foreach (Grant[] order in (Grant[][])[[Read, deny], [deny, Read], [Read, deny, Read, Read]])
        {
            AccessWorld world = World(order);
            Assert.Equal((false, true, "coffer"), world.Decide(world.Ask(Operation.ReadValue)) is var d ? (d.Allowed, d.Explicit, d.Language) : default);
            Assert.True(world.Decide(world.Ask(Operation.ReadValue, "app")).Allowed);
        }
    }

    [Fact]
    public void A_deny_of_one_action_denies_every_operation_that_needs_it()
    {
        AccessWorld world = World(new Grant { Actions = CofferActions.Reader }, new Grant { Allow = false, Actions = CofferActions.Describe });
        Assert.True(world.Decide(world.Ask(Operation.BackupSecret)).Explicit);
        Assert.True(world.Decide(world.Ask(Operation.ReadValue)).Allowed);
    }

    [Fact]
    public void The_reason_names_the_grant()
    {
        AccessWorld world = new AccessWorld(new GrantLanguage()).With(Read with { Vault = AccessWorld.Shop, Names = "d?" }, name: "g-12345678");
        Assert.Equal("grant g-12345678 allows read on shop/d?", world.Decide(world.Ask(Operation.ReadValue)).Reason);
    }

    [Theory]
    [InlineData("*", "db", true)]
    [InlineData("db", "db", true)]
    [InlineData("db", "db2", false)]
    [InlineData("db", "DB", false)]
    [InlineData("app/*", "app/a/b", true)]
    [InlineData("app/*", "app", false)]
    [InlineData("app/?", "app/a", true)]
    [InlineData("app/?", "app/ab", false)]
    public void Names_match_as_a_pattern_of_case_sensitive_text(string pattern, string name, bool allowed)
    {
        AccessWorld world = World(Read with { Names = pattern });
        Assert.Equal(allowed, world.Decide(world.Ask(Operation.ReadValue, name)).Allowed);
    }

    [Fact]
    public void A_grant_on_a_vault_is_one_on_no_other()
    {
        AccessWorld world = World(new Grant { Actions = CofferActions.Admin, Vault = AccessWorld.Shop });
        Assert.True(world.Decide(world.Ask(Operation.ReadValue)).Allowed);
        Assert.False(world.Decide(world.Ask(Operation.ReadValue, vault: AccessWorld.Dev)).Allowed);
        Assert.False(world.Decide(world.Ask(Operation.ReadValue, vault: VaultName.Parse("missing"))).Allowed);
    }

    [Fact]
    public void Administration_needs_a_grant_on_the_object_itself_or_above_it()
    {
        AccessWorld vault = World(new Grant { Actions = CofferActions.Admin, Vault = AccessWorld.Shop });
        Assert.True(vault.Decide(vault.Ask(Operation.Administer, null)).Allowed);
        Assert.False(vault.Decide(vault.Ask(Operation.Administer, null, server: true)).Allowed);
        AccessWorld server = World(new Grant { Actions = CofferActions.Admin });
        Assert.True(server.Decide(server.Ask(Operation.Administer, null, server: true)).Allowed);
        AccessWorld below = World(new Grant { Actions = CofferActions.Admin, Vault = AccessWorld.Shop, Names = "app/*" });
        Assert.False(below.Decide(below.Ask(Operation.Administer, null)).Allowed);
        Assert.False(below.Decide(below.Ask(Operation.WritePolicy, null)).Allowed);
        Assert.True(below.Decide(below.Ask(Operation.WritePolicy, "app/key")).Allowed);
    }

    [Fact]
    public void A_policy_attached_to_a_vault_never_allows_anything_of_the_server_or_another_vault()
    {
        AccessWorld world = new AccessWorld(new GrantLanguage()).With(new Grant { Actions = CofferActions.Admin }, Attachment.To(AccessWorld.Vaults[0].Number));
        Assert.True(world.Decide(world.Ask(Operation.Administer, null)).Allowed);
        Assert.False(world.Decide(world.Ask(Operation.Administer, null, server: true)).Allowed);
        Assert.False(world.Decide(world.Ask(Operation.Administer, null, vault: AccessWorld.Dev)).Allowed);
    }

    [Theory]
    [InlineData("app/*", false)]
    [InlineData("**", false)]
    [InlineData("*", true)]
    public void Only_a_grant_on_every_name_speaks_of_the_vault_itself(string names, bool allowed)
    {
        AccessWorld world = World(new Grant { Actions = CofferActions.List, Names = names });
        Assert.Equal(allowed, world.Decide(world.Ask(Operation.ListSecrets, null)).Allowed);
    }

    [Fact]
    public void A_grant_with_label_or_tags_says_nothing_of_the_vault_itself()
    {
        Assert.False(World(new Grant { Actions = CofferActions.List, Label = VersionLabel.Current }) is var a && a.Decide(a.Ask(Operation.ListSecrets, null)).Allowed);
        Assert.False(World(new Grant { Actions = CofferActions.List, Tags = Secret.NoTags.Add("a", "b") }) is var b && b.Decide(b.Ask(Operation.ListSecrets, null)).Allowed);
    }

    [Fact]
    public void A_grant_counts_from_its_start_until_just_before_its_end()
    {
        AccessWorld world = World(Read with { From = AccessWorld.Now, Until = AccessWorld.Now + 10 });
        foreach ((long at, bool allowed) in new[] { (-1L, false), (0L, true), (9L, true), (10L, false) })
        {
            Assert.Equal(allowed, world.Decide(world.Ask(Operation.ReadValue) with { Now = AccessWorld.Now + at }).Allowed);
        }

        AccessWorld denied = World(Read, Read with { Allow = false, Until = AccessWorld.Now });
        Assert.True(denied.Decide(denied.Ask(Operation.ReadValue)).Allowed);
        Assert.False(denied.Decide(denied.Ask(Operation.ReadValue) with { Now = AccessWorld.Now - 1 }).Allowed);
    }

    [Theory]
    [InlineData("10.0.0.0/8", "10.255.255.255", true)]
    [InlineData("10.0.0.0/8", "11.0.0.0", false)]
    [InlineData("10.0.0.0/8", "::ffff:10.1.2.3", true)]
    [InlineData("10.0.0.0/8", "::ffff:11.1.2.3", false)]
    [InlineData("10.0.0.0/8", "::a01:203", false)]
    [InlineData("10.1.2.3", "10.1.2.3", true)]
    [InlineData("10.1.2.3", "10.1.2.4", false)]
    [InlineData("0.0.0.0/0", "8.8.8.8", true)]
    [InlineData("0.0.0.0/0", "2001:db8::1", false)]
    [InlineData("2001:db8::/32", "2001:db8:1::1", true)]
    [InlineData("2001:db8::/32", "2001:db9::1", false)]
    [InlineData("2001:db8::1", "2001:db8::1", true)]
    [InlineData("::ffff:10.0.0.0/104", "10.9.9.9", true)]
    [InlineData("::ffff:10.0.0.0/104", "::ffff:10.9.9.9", true)]
    [InlineData("::ffff:10.0.0.0/104", "11.9.9.9", false)]
    [InlineData("::ffff:10.1.2.3", "10.1.2.3", true)]
    public void A_network_holds_the_addresses_in_it_however_they_are_written(string cidr, string address, bool inside)
    {
        AccessWorld world = World(Read with { Cidrs = [Grant.ParseNetwork(cidr)] });
        AccessRequest request = world.Ask(Operation.ReadValue) with { Caller = world.Caller(address: IPAddress.Parse(address)) };
        Assert.Equal(inside, world.Decide(request).Allowed);
        AccessWorld denied = World(Read, Read with { Allow = false, Cidrs = [Grant.ParseNetwork(cidr)] });
        Assert.Equal(!inside, denied.Decide(request).Allowed);
    }

    [Fact]
    public void One_of_several_networks_is_enough_and_a_call_without_address_is_in_none()
    {
        AccessWorld world = World(Read with { Cidrs = [Grant.ParseNetwork("10.0.0.0/8"), Grant.ParseNetwork("192.168.0.0/16")] });
        Assert.True(world.Decide(world.Ask(Operation.ReadValue) with { Caller = world.Caller(address: IPAddress.Parse("192.168.1.1")) }).Allowed);
        Assert.False(world.Decide(world.Ask(Operation.ReadValue)).Allowed);
    }

    [Fact]
    public void All_tags_of_a_grant_must_be_on_the_secret_with_the_same_value()
    {
        AccessWorld world = World(Read with { Tags = Secret.NoTags.Add("env", "dev").Add("team", "a") });
        bool Allowed(params (string, string)[] tags) => world.Decide(world.Ask(Operation.ReadValue) with { Head = AccessWorld.Head("db", tags) }).Allowed;
        Assert.True(Allowed(("env", "dev"), ("team", "a")));
        Assert.True(Allowed(("env", "dev"), ("team", "a"), ("more", "")));
        Assert.False(Allowed(("env", "dev")));
        Assert.False(Allowed(("env", "dev"), ("team", "A")));
        Assert.False(Allowed(("ENV", "dev"), ("team", "a")));
        Assert.False(Allowed());
    }

    [Fact]
    public void A_missing_secret_has_no_tags()
    {
        AccessWorld world = World(Read, Read with { Allow = false, Tags = Secret.NoTags.Add("env", "prod") });
        Assert.True(world.Decide(world.Ask(Operation.ReadValue) with { Head = null }).Allowed);
        Assert.False(world.Decide(world.Ask(Operation.ReadValue) with { Head = AccessWorld.Head("db", ("env", "prod")) }).Allowed);
        AccessWorld only = World(Read with { Tags = Secret.NoTags.Add("env", "dev") });
        Assert.False(only.Decide(only.Ask(Operation.ReadValue) with { Head = null }).Allowed);
    }

    public static TheoryData<string, bool> Selections => new()
    {
        { "current", false }, { "current+blue", true }, { "#1", false }, { "#1+blue", true }, { "label:blue", true }, { "label:green", false }, { "label:green+blue", true }, { "none", false }, { "none+blue", true },
    };

    [Theory]
    [MemberData(nameof(Selections))]
    public void A_label_is_that_of_the_version_however_the_version_is_named(string selection, bool carries)
    {
        string[] parts = selection.Split('+');
        AccessRequest With(AccessWorld world) => world.Ask(Operation.ReadValue) with
        {
            Version = parts[0] switch
            {
                "current" => VersionSelector.Current,
                "#1" => new VersionSelector.ByNumber(1),
                "none" => null,
                var label => new VersionSelector.ByLabel(VersionLabel.Parse(label["label:".Length..])),
            },
            Labels = parts.Length > 1 ? [Blue] : [],
        };
        AccessWorld allowed = World(Read with { Label = Blue }), denied = World(Read, Read with { Allow = false, Label = Blue });
        Assert.Equal(carries, allowed.Decide(With(allowed)).Allowed);
        Assert.Equal(!carries, denied.Decide(With(denied)).Allowed);
    }

    [Fact]
    public void A_plain_read_is_one_of_AWSCURRENT()
    {
        AccessWorld world = World(Read with { Label = VersionLabel.Current });
        Assert.True(world.Decide(world.Ask(Operation.ReadValue)).Allowed);
        Assert.False(world.Decide(world.Ask(Operation.ReadValue) with { Version = new VersionSelector.ByNumber(1) }).Allowed);
    }

    [Fact]
    public void Conditions_are_all_needed_together()
    {
        Grant narrow = Read with { Vault = AccessWorld.Shop, Names = "d*", Until = AccessWorld.Now + 1, Cidrs = [Grant.ParseNetwork("10.0.0.0/8")], Tags = Secret.NoTags.Add("a", "b"), Label = VersionLabel.Current };
        AccessWorld world = World(narrow);
        AccessRequest right = world.Ask(Operation.ReadValue) with { Caller = world.Caller(address: IPAddress.Parse("10.0.0.1")), Head = AccessWorld.Head("db", ("a", "b")) };
        Assert.True(world.Decide(right).Allowed);
        Assert.False(world.Decide(right with { VaultName = AccessWorld.Dev }).Allowed);
        Assert.False(world.Decide(right with { Name = SecretName.Parse("app") }).Allowed);
        Assert.False(world.Decide(right with { Now = AccessWorld.Now + 1 }).Allowed);
        Assert.False(world.Decide(right with { Caller = world.Caller(address: IPAddress.Parse("11.0.0.1")) }).Allowed);
        Assert.False(world.Decide(right with { Head = AccessWorld.Head("db") }).Allowed);
        Assert.False(world.Decide(right with { Version = new VersionSelector.ByLabel(Blue) }).Allowed);
    }

    [Theory]
    [InlineData(PolicyUse.Boundary)]
    [InlineData(PolicyUse.Organisation)]
    [InlineData(PolicyUse.Session)]
    [InlineData(PolicyUse.Trust)]
    public void Only_identity_and_resource_policies_can_be_grants(PolicyUse use)
    {
        Policy policy = AccessWorld.Document("coffer", Read.ToSource(), Attachment.Server, use: use);
        Assert.Equal(CofferErrorCode.InvalidRequest, Assert.Throws<CofferException>(() => new GrantLanguage().Parse(policy)).Code);
        AccessWorld world = World(Read).With("coffer", Read.ToSource(), use: use);
        Assert.False(world.Decide(world.Ask(Operation.ReadValue)).Allowed);
    }

    [Fact]
    public void May_hold_below_sees_what_some_name_might_be_allowed()
    {
        GrantLanguage language = new();
        bool Holds(Grant grant, Operation operation, VaultName? vault = null) =>
            World(grant) is var world && language.MayHoldBelow([language.Parse(AccessWorld.Document("coffer", grant.ToSource(), Attachment.Server))], world.Ask(operation, null, vault: vault));
        Assert.True(Holds(Read with { Names = "app/*" }, Operation.ReadValue));
        Assert.False(Holds(Read with { Names = "app/*" }, Operation.ReadMetadata));
        Assert.False(Holds(Read with { Vault = AccessWorld.Shop }, Operation.ReadValue, AccessWorld.Dev));
        Assert.False(Holds(Read with { Allow = false }, Operation.ReadValue));
        Assert.False(Holds(Read with { Until = AccessWorld.Now }, Operation.ReadValue));
    }

    private static AccessWorld World(params Grant[] grants) => grants.Aggregate(new AccessWorld(new GrantLanguage()), (world, grant) => world.With(grant));
}
