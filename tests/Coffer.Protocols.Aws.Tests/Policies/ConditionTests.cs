using System.Net;
using Coffer.Core.Access;
using Coffer.Core.Secrets;

namespace Coffer.Protocols.Aws.Tests.Policies;

/// <summary>Conditions: every operator, missing and unknown keys, lists, variables. The secret has tags env=prod and Owner=x, the role team=red; it is 2026-01-02T03:04:05Z, from 10.1.2.3.</summary>
public sealed class ConditionTests
{
    [Theory]
    [InlineData("""{"StringEquals":{"aws:ResourceTag/env":"prod"}}""", true)]
    [InlineData("""{"StringEquals":{"secretsmanager:ResourceTag/ENV":["dev","prod"]}}""", true)]
    [InlineData("""{"StringEquals":{"aws:ResourceTag/env":"Prod"}}""", false)]
    [InlineData("""{"StringEquals":{"aws:ResourceTag/env":"p*"}}""", false)]
    [InlineData("""{"StringEqualsIgnoreCase":{"aws:ResourceTag/env":"PROD"}}""", true)]
    [InlineData("""{"StringNotEquals":{"aws:ResourceTag/env":["dev","prod"]}}""", false)]
    [InlineData("""{"StringNotEquals":{"aws:ResourceTag/env":["dev","test"]}}""", true)]
    [InlineData("""{"StringNotEqualsIgnoreCase":{"aws:ResourceTag/env":"PROD"}}""", false)]
    [InlineData("""{"StringLike":{"aws:ResourceTag/env":"p?o*"}}""", true)]
    [InlineData("""{"StringNotLike":{"aws:ResourceTag/env":"p*"}}""", false)]
    [InlineData("""{"StringEquals":{"aws:ResourceTag/none":"x"}}""", false)]
    [InlineData("""{"StringNotEquals":{"aws:ResourceTag/none":"x"}}""", true)]
    [InlineData("""{"StringEqualsIfExists":{"aws:ResourceTag/none":"x"}}""", true)]
    [InlineData("""{"StringEqualsIfExists":{"aws:ResourceTag/env":"x"}}""", false)]
    [InlineData("""{"Null":{"aws:ResourceTag/none":"true"}}""", true)]
    [InlineData("""{"Null":{"aws:ResourceTag/env":true}}""", false)]
    [InlineData("""{"Null":{"aws:ResourceTag/env":"false"}}""", true)]
    [InlineData("""{"ForAllValues:StringEquals":{"aws:ResourceTag/none":"x"}}""", true)]
    [InlineData("""{"ForAnyValue:StringEquals":{"aws:ResourceTag/none":"x"}}""", false)]
    [InlineData("""{"ForAnyValue:StringNotEquals":{"aws:ResourceTag/none":"x"}}""", false)]
    [InlineData("""{"ForAnyValue:StringEquals":{"secretsmanager:VersionStage":"AWSCURRENT"}}""", true)]
    [InlineData("""{"StringEquals":{"secretsmanager:VersionStage":"AWSPREVIOUS"}}""", false)]
    [InlineData("""{"NumericLessThan":{"aws:EpochTime":1767323046}}""", true)]
    [InlineData("""{"NumericLessThanEquals":{"aws:EpochTime":"1767323044"}}""", false)]
    [InlineData("""{"NumericEquals":{"aws:EpochTime":"1767323045.0"}}""", true)]
    [InlineData("""{"NumericNotEquals":{"aws:EpochTime":"1767323045"}}""", false)]
    [InlineData("""{"NumericGreaterThan":{"aws:username":"1"}}""", false)]
    [InlineData("""{"DateGreaterThan":{"aws:CurrentTime":"2026-01-02T03:04:04Z"}}""", true)]
    [InlineData("""{"DateLessThan":{"aws:CurrentTime":"2026-01-02"}}""", false)]
    [InlineData("""{"DateLessThanEquals":{"aws:CurrentTime":"2026-01-02T04:04:05+01:00"}}""", true)]
    [InlineData("""{"DateEquals":{"aws:CurrentTime":"1767323045"}}""", true)]
    [InlineData("""{"DateNotEquals":{"aws:CurrentTime":"2026-01-02T03:04:05Z"}}""", false)]
    [InlineData("""{"Bool":{"aws:SecureTransport":true}}""", true)]
    [InlineData("""{"Bool":{"aws:SecureTransport":"false"}}""", false)]
    [InlineData("""{"Bool":{"aws:ViaAWSService":"false"}}""", true)]
    [InlineData("""{"IpAddress":{"aws:SourceIp":["192.0.2.0/24","10.0.0.0/8"]}}""", true)]
    [InlineData("""{"IpAddress":{"aws:SourceIp":"10.1.2.4"}}""", false)]
    [InlineData("""{"NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}}""", false)]
    [InlineData("""{"IpAddress":{"aws:SourceIp":"2001:db8::/32"}}""", false)]
    [InlineData("""{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/dep*"}}""", true)]
    [InlineData("""{"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::111111111111:role/deployer"}}""", true)]
    [InlineData("""{"ArnNotLike":{"aws:PrincipalArn":"arn:aws:iam::*:user/*"}}""", true)]
    [InlineData("""{"ArnLike":{"aws:PrincipalArn":"arn:aws:*:role/deployer:x:y"}}""", false)]
    [InlineData("""{"StringEquals":{"aws:PrincipalAccount":"111111111111","aws:PrincipalType":"AssumedRole"}}""", true)]
    [InlineData("""{"StringEquals":{"aws:PrincipalAccount":"111111111111"},"Bool":{"aws:SecureTransport":"false"}}""", false)]
    [InlineData("""{"StringLike":{"aws:userid":"AROA*:ci"}}""", true)]
    [InlineData("""{"StringEquals":{"aws:PrincipalTag/team":"red"}}""", true)]
    [InlineData("""{"StringEquals":{"aws:SourceVpce":"vpce-1"}}""", false)]
    [InlineData("""{"StringNotEquals":{"aws:SourceVpce":"vpce-1"}}""", true)]
    [InlineData("""{"StringEquals":{"aws:PrincipalTag/team":"${aws:PrincipalTag/team}"}}""", true)]
    [InlineData("""{"StringLike":{"aws:PrincipalTag/team":"${aws:PrincipalTag/none, 'r*'}"}}""", false)]
    [InlineData("""{"StringLike":{"aws:PrincipalTag/team":"${aws:PrincipalTag/none, 'red'}"}}""", true)]
    [InlineData("""{"StringNotEquals":{"aws:PrincipalTag/team":"${aws:PrincipalTag/none}"}}""", false)]
    [InlineData("""{"StringLike":{"aws:PrincipalTag/team":"${*}"}}""", false)]
    [InlineData("""{"BinaryEquals":{"aws:PrincipalTag/team":"cmVk"}}""", false)]
    public void A_condition_holds_or_not(string condition, bool holds)
    {
        PolicyWorld allow = new();
        Assert.Equal(holds, allow.On(allow.Role, Statement("Allow", condition)).May(allow.Role));
        // What is known for certain denies exactly where it would have allowed.
        PolicyWorld deny = new();
        Assert.Equal(!holds, deny.On(deny.Role, Statement("Allow", "{}")).On(deny.Role, Statement("Deny", condition)).May(deny.Role));
    }

    [Theory]
    [InlineData("""{"StringEquals":{"aws:RequestedRegion":"eu-west-1"}}""")]
    [InlineData("""{"StringNotEquals":{"aws:RequestedRegion":"eu-west-1"}}""")]
    [InlineData("""{"StringEqualsIfExists":{"secretsmanager:SecretPrimaryRegion":"eu-west-1"}}""")]
    [InlineData("""{"Null":{"aws:RequestedRegion":"true"}}""")]
    [InlineData("""{"StringLike":{"aws:PrincipalTag/team":"${aws:RequestedRegion}"}}""")]
    public void What_depends_on_a_key_that_cannot_be_known_never_allows_and_always_denies(string condition)
    {
        PolicyWorld allow = new();
        Assert.False(allow.On(allow.Role, Statement("Allow", condition)).May(allow.Role));
        PolicyWorld deny = new();
        Assert.False(deny.On(deny.Role, Statement("Allow", "{}")).On(deny.Role, Statement("Deny", condition)).May(deny.Role));
    }

    [Theory]
    [InlineData("secretsmanager:RecoveryWindowInDays", "NumericGreaterThanEquals", "30", Operation.DeleteSecret, true)]
    [InlineData("secretsmanager:RecoveryWindowInDays", "NumericGreaterThan", "30", Operation.DeleteSecret, false)]
    [InlineData("secretsmanager:ForceDeleteWithoutRecovery", "Bool", "false", Operation.DeleteSecret, true)]
    [InlineData("secretsmanager:ForceDeleteWithoutRecovery", "Bool", "false", Operation.PurgeSecret, false)]
    [InlineData("secretsmanager:ForceDeleteWithoutRecovery", "Bool", "true", Operation.DestroyVersion, true)]
    [InlineData("secretsmanager:Description", "StringEqualsIfExists", "x", Operation.EditMetadata, false)]
    [InlineData("aws:RequestTag/env", "StringEqualsIfExists", "x", Operation.EditTags, false)]
    [InlineData("aws:TagKeys", "ForAllValues:StringEquals", "x", Operation.EditTags, false)]
    [InlineData("aws:TagKeys", "ForAllValues:StringEquals", "x", Operation.ReadValue, true)]
    [InlineData("secretsmanager:Name", "StringLike", "d*", Operation.CreateSecret, true)]
    public void Keys_of_calls_on_other_wires_are_filled_where_they_can_be(string key, string operation, string value, Operation asked, bool may)
    {
        PolicyWorld world = new();
        world.On(world.Role, Statement("Allow", $$$"""{"{{{operation}}}":{"{{{key}}}":"{{{value}}}"}}"""));
        Assert.Equal(may, world.May(world.Role, asked));
    }

    [Fact]
    public void The_stage_is_the_one_asked_for_or_those_of_the_version_asked_for()
    {
        const string current = """{"ForAnyValue:StringEquals":{"secretsmanager:VersionStage":"AWSCURRENT"}}""";
        PolicyWorld world = new();
        world.On(world.Role, Statement("Allow", current));
        Assert.True(world.May(world.Role, with: r => r with { Version = new VersionSelector.ByNumber(3), Labels = [VersionLabel.Current, VersionLabel.Parse("x")] }));
        Assert.False(world.May(world.Role, with: r => r with { Version = new VersionSelector.ByNumber(2), Labels = [VersionLabel.Previous] }));
        Assert.False(world.May(world.Role, with: r => r with { Version = new VersionSelector.ByLabel(VersionLabel.Previous), Labels = [VersionLabel.Previous] }));
    }

    [Fact]
    public void A_variable_in_a_resource_is_the_caller_s_own_and_never_a_wildcard()
    {
        const string own = """{"Effect":"Allow","Action":"*","Resource":"arn:aws:secretsmanager:*:*:secret:${aws:PrincipalTag/team}/*"}""";
        PolicyWorld world = new() { Secret = PolicyWorld.SecretOf("red/db") };
        Assert.True(world.On(world.Role, own).On(world.User, own).May(world.Role));
        Assert.False(world.May(world.User));
        Assert.False(world.May(world.Role, with: r => r with { Caller = r.Caller with { SessionTags = Secret.NoTags.Add("team", "*") } }));
        Assert.True(world.May(world.User, with: r => r with { Caller = r.Caller with { SessionTags = Secret.NoTags.Add("Team", "red"), Address = IPAddress.Loopback } }) is false);
        // In the language of 2008 it is plain text.
        PolicyWorld old = new() { Secret = PolicyWorld.SecretOf("red/db") };
        Assert.False(old.On(old.Role, PolicyWorld.Document(own, "2008-10-17")).May(old.Role));
    }

    [Fact]
    public void An_address_of_six_bytes_that_is_one_of_four_is_compared_as_that()
    {
        PolicyWorld world = new();
        world.On(world.Role, Statement("Allow", """{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}"""));
        Assert.True(world.May(world.Role, with: r => r with { Caller = r.Caller with { Address = IPAddress.Parse("::ffff:192.0.2.9") } }));
        Assert.False(world.May(world.Role, with: r => r with { Caller = r.Caller with { Address = null } }));
    }

    [Fact]
    public void A_session_revoked_by_its_time_of_issue_is_denied_and_a_later_one_is_not()
    {
        PolicyWorld world = new();
        world.On(world.Role, Statement("Allow", "{}")).On(world.Role, Statement("Deny", """{"DateLessThan":{"aws:TokenIssueTime":"2026-01-02T00:00:00Z"}}"""));
        Assert.True(world.May(world.Role));
        Assert.False(world.May(world.Role, with: r => r with { Caller = r.Caller with { Issued = PolicyWorld.Now - (4 * 3_600_000_000L) } }));
        Assert.True(world.May(world.Role, with: r => r with { Caller = r.Caller with { Issued = PolicyWorld.Now } }));
    }

    private static string Statement(string effect, string condition) => $$"""{"Effect":"{{effect}}","Action":"*","Resource":"*","Condition":{{condition}}}""";
}
