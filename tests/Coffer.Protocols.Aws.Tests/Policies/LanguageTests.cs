using Coffer.Core.Access;
using Coffer.Core.Errors;
using Coffer.Protocols.Aws.Policies;

namespace Coffer.Protocols.Aws.Tests.Policies;

/// <summary>AWS IAM's rules, one by one: which statements match, and how policies of different kinds add up.</summary>
public sealed class LanguageTests
{
    private const string AllowRead = """{"Effect":"Allow","Action":"secretsmanager:GetSecretValue","Resource":"*"}""";

    [Theory]
    [InlineData("secretsmanager:GetSecretValue", true)]
    [InlineData("SecretsManager:getsecretvalue", true)]
    [InlineData("secretsmanager:Get*", true)]
    [InlineData("secretsmanager:Get??????Value", true)]
    [InlineData("secretsmanager:*", true)]
    [InlineData("*", true)]
    [InlineData("*:*", true)]
    [InlineData("secretsmanager:GetSecret", false)]
    [InlineData("secretsmanager:PutSecretValue", false)]
    [InlineData("s3:*", false)]
    public void An_action_is_matched_without_case_and_with_wildcards(string action, bool may)
    {
        PolicyWorld world = new();
        Assert.Equal(may, world.On(world.Role, $$"""{"Effect":"Allow","Action":"{{action}}","Resource":"*"}""").May(world.Role));
        PolicyWorld not = new();
        Assert.Equal(!may, not.On(not.Role, $$"""{"Effect":"Allow","NotAction":"{{action}}","Resource":"*"}""").May(not.Role));
    }

    [Theory]
    [InlineData("arn:aws:secretsmanager:eu-west-1:111111111111:secret:db-??????", true)]
    [InlineData("arn:aws:secretsmanager:ap-south-1:111111111111:secret:db-*", true)]
    [InlineData("arn:aws:secretsmanager:*:*:secret:*", true)]
    [InlineData("arn:aws:secretsmanager:*:111111111111:*", true)]
    [InlineData("arn:aws:secretsmanager:eu-west-1:111111111111:secret:db", false)]
    [InlineData("arn:aws:secretsmanager:eu-west-1:111111111111:secret:DB-??????", false)]
    [InlineData("arn:aws:secretsmanager:eu-west-1:222222222222:secret:db-??????", false)]
    [InlineData("arn:aws:secretsmanager:eu-west-1:111111111111:secret:d-??????", false)]
    [InlineData("arn:aws:s3:eu-west-1:111111111111:secret:db-??????", false)]
    [InlineData("arn:aws-cn:secretsmanager:eu-west-1:111111111111:secret:db-??????", false)]
    public void A_resource_is_matched_part_by_part_and_with_case(string resource, bool may)
    {
        PolicyWorld world = new();
        Assert.Equal(may, world.On(world.Role, $$"""{"Effect":"Allow","Action":"*","Resource":"{{resource}}"}""").May(world.Role));
        PolicyWorld not = new();
        Assert.Equal(!may, not.On(not.Role, $$"""{"Effect":"Allow","Action":"*","NotResource":"{{resource}}"}""").May(not.Role));
    }

    [Fact]
    public void The_arn_without_a_suffix_matches_nothing_and_a_longer_name_is_another_secret()
    {
        PolicyWorld world = new();
        world.Secret = PolicyWorld.SecretOf("db-other");
        Assert.False(world.On(world.Role, """{"Effect":"Allow","Action":"*","Resource":"arn:aws:secretsmanager:*:*:secret:db-??????"}""").May(world.Role));
        Assert.True(new PolicyWorld().On(world.Role, AllowRead) is not null);
    }

    [Fact]
    public void A_colon_in_a_name_of_another_wire_moves_no_part_of_the_arn()
    {
        PolicyWorld world = new();
        world.Secret = PolicyWorld.SecretOf("a:b");
        world.On(world.Role, """{"Effect":"Allow","Action":"*","Resource":"arn:aws:secretsmanager:*:*:secret:a%3Ab-??????"}""");
        Assert.True(world.May(world.Role));
    }

    [Theory]
    [InlineData(Operation.ListSecrets, "arn:aws:secretsmanager:*:*:*", false)]
    [InlineData(Operation.ListSecrets, "*", true)]
    [InlineData(Operation.RandomPassword, "arn:aws:secretsmanager:*:*:*", true)]
    public void What_has_no_resource_is_allowed_on_everything_only(Operation operation, string resource, bool may)
    {
        PolicyWorld world = new();
        world.On(world.Role, $$"""{"Effect":"Allow","Action":"secretsmanager:*","Resource":"{{resource}}"}""");
        Assert.Equal(may, world.May(world.Role, operation, r => r with { Name = null, Head = null, Version = null }));
    }

    [Fact]
    public void A_deny_wins_over_every_allow_whichever_policy_it_is_in()
    {
        const string deny = """{"Sid":"NoProd","Effect":"Deny","Action":"secretsmanager:GetSecretValue","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/env":"prod"}}}""";
        PolicyWorld identity = new();
        AccessDecision decision = identity.On(identity.Role, AllowRead).On(identity.Role, deny).Ask(identity.Role);
        Assert.Equal((false, true, IamLanguage.LanguageName, PolicyUse.Identity), (decision.Allowed, decision.Explicit, decision.Language, decision.By!.Value));
        Assert.Contains("NoProd", decision.Reason, StringComparison.Ordinal);

        PolicyWorld resource = new();
        decision = resource.On(resource.Role, AllowRead).OnSecret(deny.Replace("\"Effect\"", "\"Principal\":\"*\",\"Effect\"", StringComparison.Ordinal)).Ask(resource.Role);
        Assert.Equal((false, PolicyUse.Resource), (decision.Allowed, decision.By!.Value));
        PolicyWorld everywhere = new();
        Assert.Equal(PolicyUse.Organisation, everywhere.On(everywhere.Role, AllowRead).Everywhere(AllowRead).Everywhere(deny).Ask(everywhere.Role).By);
    }

    [Fact]
    public void In_one_account_either_side_is_enough_and_across_accounts_both_are_needed()
    {
        PolicyWorld world = new();
        Assert.False(world.May(world.Role));
        world.OnSecret("""{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::111111111111:role/deployer","arn:aws:iam::222222222222:role/stranger"]},"Action":"secretsmanager:GetSecretValue","Resource":"*"}""");
        Assert.True(world.May(world.Role));
        Assert.False(world.May(world.User));
        Assert.False(world.May(world.Stranger));
        world.On(world.Stranger, AllowRead);
        Assert.True(world.May(world.Stranger));
        Assert.False(world.May(world.Stranger, Operation.AddVersion));
        Assert.False(new PolicyWorld().On(world.Stranger, AllowRead).May(world.Stranger));
        // One without a home is nobody's.
        world.On(world.Homeless, AllowRead);
        Assert.False(world.May(world.Homeless));
    }

    [Fact]
    public void The_account_as_principal_only_delegates()
    {
        PolicyWorld world = new();
        world.OnSecret("""{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::111111111111:root","222222222222"]},"Action":"secretsmanager:GetSecretValue","Resource":"*"}""");
        Assert.False(world.May(world.Role));
        Assert.False(world.May(world.Stranger));
        world.On(world.Stranger, AllowRead).On(world.Role, AllowRead);
        Assert.True(world.May(world.Stranger));
        Assert.True(world.May(world.Role));
    }

    [Theory]
    [InlineData("\"*\"", true)]
    [InlineData("""{"AWS":"*"}""", true)]
    [InlineData("""{"AWS":"arn:aws:sts::111111111111:assumed-role/deployer/ci"}""", true)]
    [InlineData("""{"AWS":"arn:aws:sts::111111111111:assumed-role/deployer/other"}""", false)]
    [InlineData("""{"AWS":"arn:aws:iam::111111111111:role/other"}""", false)]
    [InlineData("""{"AWS":"arn:aws:iam::111111111111:user/deployer"}""", false)]
    [InlineData("""{"Service":"lambda.amazonaws.com"}""", false)]
    public void A_principal_names_everybody_a_role_or_one_session_of_it(string principal, bool may)
    {
        PolicyWorld world = new();
        Assert.Equal(may, world.OnSecret($$"""{"Effect":"Allow","Principal":{{principal}},"Action":"*","Resource":"*"}""").May(world.Role));
    }

    [Fact]
    public void Who_is_spared_by_NotPrincipal_stands_in_the_list_with_account_role_and_session()
    {
        const string account = "\"arn:aws:iam::111111111111:root\"", role = "\"arn:aws:iam::111111111111:role/deployer\"", session = "\"arn:aws:sts::111111111111:assumed-role/deployer/ci\"";
        foreach ((string list, bool spared) in new[] { (role, false), (account, false), ($"{account},{role}", false), ($"{account},{role},{session}", true) })
        {
            PolicyWorld world = new();
            world.On(world.Role, AllowRead).On(world.User, AllowRead).OnSecret($$"""{"Effect":"Deny","NotPrincipal":{"AWS":[{{list}}]},"Action":"*","Resource":"*"}""");
            Assert.Equal(spared, world.May(world.Role));
            Assert.False(world.May(world.User));
        }
    }

    [Fact]
    public void Boundaries_and_organisation_policies_only_narrow()
    {
        PolicyWorld world = new();
        world.On(world.Role, """{"Effect":"Allow","Action":"secretsmanager:*","Resource":"*"}""").On(world.Role, AllowRead, PolicyUse.Boundary);
        Assert.True(world.May(world.Role));
        AccessDecision outside = world.Ask(world.Role, Operation.DeleteSecret);
        Assert.Equal((false, false, PolicyUse.Boundary), (outside.Allowed, outside.Explicit, outside.By!.Value));
        // A boundary alone allows nothing.
        Assert.False(new PolicyWorld().On(world.User, AllowRead, PolicyUse.Boundary).May(world.User));
        world.Everywhere("""{"Effect":"Allow","Action":"secretsmanager:DescribeSecret","Resource":"*"}""");
        Assert.Equal(PolicyUse.Organisation, world.Ask(world.Role).By);
    }

    [Fact]
    public void What_is_given_to_a_session_by_name_is_not_narrowed_by_the_boundary()
    {
        foreach ((string principal, bool may) in new[] { ("arn:aws:sts::111111111111:assumed-role/deployer/ci", true), ("arn:aws:iam::111111111111:role/deployer", false) })
        {
            PolicyWorld world = new();
            world.On(world.Role, """{"Effect":"Allow","Action":"secretsmanager:DescribeSecret","Resource":"*"}""", PolicyUse.Boundary)
                .OnSecret($$"""{"Effect":"Allow","Principal":{"AWS":"{{principal}}"},"Action":"secretsmanager:GetSecretValue","Resource":"*"}""");
            Assert.Equal(may, world.May(world.Role));
        }
    }

    [Fact]
    public void A_boundary_narrows_what_another_language_allows_as_well()
    {
        PolicyWorld world = new();
        world.On(world.Role, """{"Effect":"Allow","Action":"secretsmanager:DescribeSecret","Resource":"*"}""", PolicyUse.Boundary);
        Assert.False(world.May(world.Role));
        Assert.Equal(PolicyUse.Boundary, world.Ask(world.Role).By);
    }

    [Fact]
    public void Administration_of_the_server_and_what_has_no_word_here_is_denied_by_this_language_and_never_allowed()
    {
        PolicyWorld world = new();
        world.On(world.Role, """{"Effect":"Allow","Action":"*","Resource":"*"}""");
        foreach (Operation operation in new[] { Operation.Administer, Operation.WritePolicy, Operation.ReadPolicy, Operation.ReadAudit })
        {
            Assert.False(world.May(world.Role, operation));
        }

        world.On(world.Role, """{"Effect":"Deny","Action":"*","Resource":"*"}""");
        Assert.True(world.Ask(world.Role, Operation.ReadAudit).Explicit);
        Assert.True(world.May(world.Role, Operation.WhoAmI));
    }

    [Theory]
    [InlineData(Operation.AddVersion, "PutSecretValue")]
    [InlineData(Operation.EditMetadata, "UpdateSecret")]
    [InlineData(Operation.EditTags, "TagResource")]
    [InlineData(Operation.MoveLabel, "UpdateSecretVersionStage")]
    [InlineData(Operation.EnableVersion, "UpdateSecretVersionStage")]
    [InlineData(Operation.DestroyVersion, "DeleteSecret")]
    [InlineData(Operation.RecoverSecret, "RestoreSecret")]
    [InlineData(Operation.ReadMetadata, "DescribeSecret")]
    [InlineData(Operation.ListVersions, "ListSecretVersionIds")]
    [InlineData(Operation.RotateSecret, "RotateSecret")]
    public void A_call_on_another_wire_is_asked_as_this_wire_s_own(Operation operation, string action)
    {
        PolicyWorld world = new();
        Assert.True(world.On(world.Role, $$"""{"Effect":"Allow","Action":"secretsmanager:{{action}}","Resource":"*"}""").May(world.Role, operation));
        PolicyWorld other = new();
        Assert.False(other.On(other.Role, $$"""{"Effect":"Allow","NotAction":"secretsmanager:{{action}}","Resource":"*"}""").May(other.Role, operation));
    }

    [Fact]
    public void A_missing_secret_is_judged_by_its_name_as_sent()
    {
        PolicyWorld world = new();
        world.On(world.Role, """{"Effect":"Allow","Action":"*","Resource":"arn:aws:secretsmanager:*:*:secret:*"}""");
        Assert.False(world.May(world.Role, with: r => r with { Head = null }));
        Assert.True(world.On(world.Role, AllowRead).May(world.Role, with: r => r with { Head = null }));
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("""{"Statement":[]}""")]
    [InlineData("""{"Version":"2012-10-17"}""")]
    [InlineData("""{"Version":"2013-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}""")]
    [InlineData("""{"Version":"2012-10-17","Extra":1,"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}""")]
    [InlineData("""{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}],"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}""")]
    [InlineData("""{"Statement":{"Effect":"allow","Action":"*","Resource":"*"}}""")]
    [InlineData("""{"Statement":{"Effect":"Allow","Action":"*"}}""")]
    [InlineData("""{"Statement":{"Effect":"Allow","Action":"*","NotAction":"*","Resource":"*"}}""")]
    [InlineData("""{"Statement":{"Effect":"Allow","Action":[],"Resource":"*"}}""")]
    [InlineData("""{"Statement":{"Effect":"Allow","Action":"secretsmanager","Resource":"*"}}""")]
    [InlineData("""{"Statement":{"Effect":"Allow","Action":"secrets*:Get","Resource":"*"}}""")]
    [InlineData("""{"Statement":{"Effect":"Allow","Action":"*","Resource":"db"}}""")]
    [InlineData("""{"Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:*"}}""")]
    [InlineData("""{"Statement":{"Effect":"Allow","Action":"*","Resource":"arn:*:secretsmanager:*:*:secret:x"}}""")]
    [InlineData("""{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Principal":"*"}}""")]
    [InlineData("""{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":[]}}""")]
    [InlineData("""{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringMatches":{"aws:username":"x"}}}}""")]
    [InlineData("""{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"username":"x"}}}}""")]
    [InlineData("""{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:username":"x","AWS:UserName":"y"}}}}""")]
    [InlineData("""{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"yes"}}}}""")]
    [InlineData("""{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"NumericEquals":{"aws:EpochTime":"x"}}}}""")]
    [InlineData("""{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"DateLessThan":{"aws:CurrentTime":"tomorrow"}}}}""")]
    [InlineData("""{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/33"}}}}""")]
    [InlineData("""{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"ArnLike":{"aws:PrincipalArn":"role/x"}}}}""")]
    [InlineData("""{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"NullIfExists":{"aws:username":"true"}}}}""")]
    [InlineData("""{"Statement":{"Sid":"a","Effect":"Allow","Action":"*","Resource":"*","Comment":"x"}}""")]
    [InlineData("""{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:secretsmanager:*:*:secret:${aws:username"}}""")]
    [InlineData("""{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:${aws:username}:*:*:secret:x"}}""")]
    public void What_cannot_be_judged_exactly_is_refused(string document) =>
        Assert.Equal(CofferErrorCode.InvalidRequest, Assert.Throws<CofferException>(() => IamParser.Parse(document, "p", PolicyUse.Identity)).Code);

    [Theory]
    [InlineData("""{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}""")]
    [InlineData("""{"Statement":{"Effect":"Allow","NotPrincipal":"*","Action":"*","Resource":"*"}}""")]
    [InlineData("""{"Statement":{"Effect":"Allow","Principal":"me","Action":"*","Resource":"*"}}""")]
    [InlineData("""{"Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:role/*"},"Action":"*","Resource":"*"}}""")]
    [InlineData("""{"Statement":{"Effect":"Allow","Principal":{"CanonicalUser":"x"},"Action":"*","Resource":"*"}}""")]
    [InlineData("""{"Statement":{"Effect":"Allow","Principal":{},"Action":"*","Resource":"*"}}""")]
    public void A_principal_that_is_none_is_refused(string document) =>
        Assert.Throws<CofferException>(() => IamParser.Parse(document, "p", PolicyUse.Resource));

    [Fact]
    public void A_long_document_of_deep_nesting_is_refused_at_once()
    {
        Assert.Throws<CofferException>(() => IamParser.Parse(new string('[', 20_000), "p", PolicyUse.Identity));
        Assert.Throws<CofferException>(() => IamParser.Parse(PolicyWorld.Document(AllowRead) + new string(' ', 20_480), "p", PolicyUse.Identity));
        // The worst that a pattern of that length can do is bounded by the product of the lengths.
        PolicyWorld world = new();
        world.Secret = PolicyWorld.SecretOf(new string('a', 500));
        world.On(world.Role, $$"""{"Effect":"Allow","Action":"*","Resource":"arn:aws:secretsmanager:*:*:secret:{{string.Concat(Enumerable.Repeat("*a", 5_000))}}b"}""");
        Assert.False(world.May(world.Role));
    }
}
