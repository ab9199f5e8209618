using System.Text.Json;
using System.Xml.Linq;
using Coffer.Core.Access;
using Coffer.Core.Secrets;

namespace Coffer.Protocols.Aws.Tests;

/// <summary>What is set up through the IAM surface is in force on the wire: keys, policies, boundaries, sessions, and how far an account's administrators reach.</summary>
public sealed class IamTests
{
    private const string Token = "11111111-1111-4111-8111-111111111111";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_user_made_by_iam_may_what_its_policies_say_from_the_next_request_on()
    {
        await using AwsTestServer server = await StartAsync();
        TestKey key = await UserAsync(server, "Reader");
        Assert.Equal("AccessDeniedException", (await Read(server, "app/db", key)).Outcome);
        await IamAsync(server, "PutUserPolicy", ("UserName", "Reader"), ("PolicyName", "p"), ("PolicyDocument", Allow("secretsmanager:GetSecretValue", $"arn:aws:secretsmanager:*:{server.Vault.Number}:secret:app/db-??????")));
        Assert.Equal("v", (await Read(server, "app/db", key))["SecretString"]);
        Assert.Equal("AccessDeniedException", (await Read(server, "other", key)).Outcome);
        // For one who may not read that name, what is not there looks as what is.
        Assert.Equal("AccessDeniedException", (await Read(server, "nothing", key)).Outcome);
        await IamAsync(server, "DeleteUserPolicy", ("UserName", "Reader"), ("PolicyName", "p"));
        Assert.Equal("AccessDeniedException", (await Read(server, "app/db", key)).Outcome);
    }

    [Fact]
    public async Task A_managed_policy_applies_where_it_is_attached_and_in_its_default_version()
    {
        await using AwsTestServer server = await StartAsync();
        TestKey key = await UserAsync(server, "u");
        string arn = $"arn:aws:iam::{server.Vault.Number}:policy/p";
        await IamAsync(server, "CreatePolicy", ("PolicyName", "p"), ("PolicyDocument", Allow("secretsmanager:GetSecretValue", "*")));
        Assert.Equal("AccessDeniedException", (await Read(server, "app/db", key)).Outcome);
        await IamAsync(server, "AttachUserPolicy", ("UserName", "u"), ("PolicyArn", arn));
        Assert.Equal("OK", (await Read(server, "app/db", key)).Outcome);
        await IamAsync(server, "CreatePolicyVersion", ("PolicyArn", arn), ("PolicyDocument", Allow("secretsmanager:DescribeSecret", "*")), ("SetAsDefault", "true"));
        Assert.Equal("AccessDeniedException", (await Read(server, "app/db", key)).Outcome);
        Assert.Equal("OK", (await server.CallAsync("DescribeSecret", """{"SecretId":"app/db"}""", key)).Outcome);
        await IamAsync(server, "SetDefaultPolicyVersion", ("PolicyArn", arn), ("VersionId", "v1"));
        Assert.Equal("OK", (await Read(server, "app/db", key)).Outcome);
        await IamAsync(server, "DetachUserPolicy", ("UserName", "u"), ("PolicyArn", arn));
        Assert.Equal("AccessDeniedException", (await Read(server, "app/db", key)).Outcome);
    }

    [Fact]
    public async Task A_denial_says_which_kind_of_policy_denies_or_is_wanting()
    {
        await using AwsTestServer server = await StartAsync();
        TestKey key = await UserAsync(server, "u");
        await IamAsync(server, "PutUserPolicy", ("UserName", "u"), ("PolicyName", "p"), ("PolicyDocument", Allow("secretsmanager:*", "*")));
        await IamAsync(server, "CreatePolicy", ("PolicyName", "b"), ("PolicyDocument", Allow("secretsmanager:DescribeSecret", "*")));
        await IamAsync(server, "PutUserPermissionsBoundary", ("UserName", "u"), ("PermissionsBoundary", $"arn:aws:iam::{server.Vault.Number}:policy/b"));
        Assert.EndsWith("because no permissions boundary allows the secretsmanager:GetSecretValue action", (await Read(server, "app/db", key)).Message, StringComparison.Ordinal);
        await IamAsync(server, "DeleteUserPermissionsBoundary", ("UserName", "u"));
        await IamAsync(server, "PutUserPolicy", ("UserName", "u"), ("PolicyName", "d"), ("PolicyDocument", Statement("Deny", "secretsmanager:GetSecretValue", "*", """{"StringEquals":{"aws:ResourceTag/env":"prod"}}""")));
        Assert.Equal("OK", (await Read(server, "app/db", key)).Outcome);
        await server.CallAsync("TagResource", """{"SecretId":"app/db","Tags":[{"Key":"env","Value":"prod"}]}""");
        TestAnswer denied = await Read(server, "app/db", key);
        Assert.EndsWith("with an explicit deny in an identity-based policy", denied.Message, StringComparison.Ordinal);
        Assert.Contains($":secret:app/db-", denied.Message, StringComparison.Ordinal);
        // Which statement it was is the operator's to know: it stands in the trail.
        Assert.Contains("AWS policy d, statement #1, denies it", await server.TrailAsync(), StringComparison.Ordinal);
        AccessExplanation why = await server.Core.Secrets.ExplainAsync(
            server.Operator, PrincipalName.Parse("u"), new(Operation.ReadValue, server.Vault.Name, SecretName.Parse("app/db"), VersionSelector.Current, null), Cancellation);
        Assert.False(why.Decision.Allowed);
        Assert.Equal("AWS policy d, statement #1, denies it", why.Decision.Reason);
        Assert.Equal([("aws", "d", Verdict.Deny), ("aws", "p", Verdict.Allow)], why.Considered.Select(c => (c.Language, c.Policy, c.Verdict)));
        Assert.Equal("change the aws policy d on principal u", why.Remedy);
    }

    [Fact]
    public async Task A_session_policy_narrows_and_never_widens_and_a_session_tag_stands_over_the_role_s()
    {
        await using AwsTestServer server = await StartAsync();
        await RoleAsync(server, "Tagged", server.Vault, "blind");
        await IamAsync(server, "TagRole", ("RoleName", "Tagged"), ("Tags.member.1.Key", "team"), ("Tags.member.1.Value", "none"));
        await IamAsync(server, "PutRolePolicy", ("RoleName", "Tagged"), ("PolicyName", "p"), ("PolicyDocument", Allow("secretsmanager:GetSecretValue", "arn:aws:secretsmanager:*:*:secret:${aws:PrincipalTag/team}/*")));
        TestKey plain = await AssumeAsync(server, "Tagged", "blind");
        Assert.Equal("AccessDeniedException", (await Read(server, "app/db", plain)).Outcome);
        TestKey tagged = await AssumeAsync(server, "Tagged", "blind", ("Tags.member.1.Key", "Team"), ("Tags.member.1.Value", "app"));
        Assert.Equal("AccessDeniedException", (await Read(server, "app/db", tagged)).Outcome);
        tagged = await AssumeAsync(server, "Tagged", "blind", ("Tags.member.1.Key", "team"), ("Tags.member.1.Value", "app"));
        Assert.Equal("v", (await Read(server, "app/db", tagged))["SecretString"]);
        TestKey narrow = await AssumeAsync(server, "Tagged", "blind", ("Tags.member.1.Key", "team"), ("Tags.member.1.Value", "app"), ("Policy", Allow("secretsmanager:*", "arn:aws:secretsmanager:*:*:secret:app/other-*")));
        TestAnswer denied = await Read(server, "app/db", narrow);
        Assert.EndsWith("because no session policy allows the secretsmanager:GetSecretValue action", denied.Message, StringComparison.Ordinal);
        TestKey wide = await AssumeAsync(server, "Tagged", "blind", ("Tags.member.1.Key", "team"), ("Tags.member.1.Value", "app"), ("PolicyArns.member.1.arn", "arn:aws:iam::aws:policy/AdministratorAccess"));
        Assert.Equal("OK", (await Read(server, "app/db", wide)).Outcome);
        Assert.Equal("AccessDeniedException", (await Read(server, "other", wide)).Outcome);
        Assert.Equal("AccessDeniedException", (await server.CallAsync("DeleteSecret", """{"SecretId":"app/db"}""", wide)).Outcome);
    }

    [Fact]
    public async Task A_tag_on_a_session_takes_the_permission_to_give_one_whoever_lets_the_role_be_had()
    {
        await using AwsTestServer server = await StartAsync();
        await server.Core.Admin.AllowAssumingAsync(server.Operator, PrincipalName.Parse("barred"), PrincipalName.Parse("blind"), isGroup: false, Cancellation);
        (string, string)[] role = [("RoleArn", $"arn:aws:iam::{server.Vault.Number}:role/barred"), ("RoleSessionName", "s1")];
        Assert.Equal(200, (await AskAsync(server, server.KeyOf("blind"), "AssumeRole", role)).Status);
        Assert.Equal(403, (await AskAsync(server, server.KeyOf("blind"), "AssumeRole", [.. role, ("Tags.member.1.Key", "team"), ("Tags.member.1.Value", "app")])).Status);
        // Nor are the policies of another account looked into.
        Assert.Equal(400, (await AskAsync(server, server.KeyOf("blind"), "AssumeRole", [.. role, ("PolicyArns.member.1.arn", $"arn:aws:iam::{server.Other.Number}:policy/x")])).Status);
    }

    [Fact]
    public async Task A_transitive_tag_goes_along_to_the_next_role_and_cannot_be_replaced_there()
    {
        await using AwsTestServer server = await StartAsync();
        await RoleAsync(server, "First", server.Vault, "blind");
        await RoleAsync(server, "Second", server.Vault, "First");
        await IamAsync(server, "PutRolePolicy", ("RoleName", "Second"), ("PolicyName", "p"), ("PolicyDocument", Allow("secretsmanager:GetSecretValue", "arn:aws:secretsmanager:*:*:secret:${aws:PrincipalTag/team}/*")));
        TestKey first = await AssumeAsync(server, "First", "blind", ("Tags.member.1.Key", "team"), ("Tags.member.1.Value", "app"), ("Tags.member.2.Key", "x"), ("Tags.member.2.Value", "y"), ("TransitiveTagKeys.member.1", "team"));
        TestKey second = KeyIn(await AskAsync(server, first, "AssumeRole", ("RoleArn", $"arn:aws:iam::{server.Vault.Number}:role/Second"), ("RoleSessionName", "s2")));
        Assert.Equal("v", (await Read(server, "app/db", second))["SecretString"]);
        TestAnswer replaced = await AskAsync(server, first, "AssumeRole", ("RoleArn", $"arn:aws:iam::{server.Vault.Number}:role/Second"), ("RoleSessionName", "s2"), ("Tags.member.1.Key", "TEAM"), ("Tags.member.1.Value", "other"));
        Assert.Equal(400, replaced.Status);
        Assert.Contains("conflicts with a transitive tag key", replaced.Body, StringComparison.Ordinal);
        Assert.Contains("1 hour session limit", (await AskAsync(server, first, "AssumeRole", ("RoleArn", $"arn:aws:iam::{server.Vault.Number}:role/Second"), ("RoleSessionName", "s2"), ("DurationSeconds", "3601"))).Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Across_accounts_both_sides_must_allow()
    {
        await using AwsTestServer server = await StartAsync();
        // An operator of the other account, with a user there.
        await server.Core.Admin.CreatePrincipalAsync(server.Operator, PrincipalName.Parse("chief"), PrincipalKind.Operator, server.Other.Name, "", Cancellation);
        await server.Core.Admin.CreateGrantAsync(server.Operator, PrincipalName.Parse("chief"), false, new() { Actions = CofferActions.Admin, Vault = server.Other.Name }, Cancellation);
        TestKey chief = await NewKeyAsync(server, "chief"), key;
        Assert.Equal(200, (await SendAsync(server, chief, "CreateUser", ("UserName", "guest"))).Status);
        key = KeyIn(await SendAsync(server, chief, "CreateAccessKey", ("UserName", "guest")));
        string arn = (await server.CallAsync("DescribeSecret", """{"SecretId":"app/db"}"""))["ARN"]!;
        Assert.Equal("AccessDeniedException", (await Read(server, arn, key)).Outcome);
        await SendAsync(server, chief, "PutUserPolicy", ("UserName", "guest"), ("PolicyName", "p"), ("PolicyDocument", Allow("secretsmanager:*", "*")));
        TestAnswer denied = await Read(server, arn, key);
        Assert.EndsWith("because no resource-based policy allows the secretsmanager:GetSecretValue action", denied.Message, StringComparison.Ordinal);
        string policy = JsonSerializer.Serialize(PolicyFor($"arn:aws:iam::{server.Other.Number}:root"));
        Assert.Equal("OK", (await server.CallAsync("PutResourcePolicy", $$"""{"SecretId":"app/db","ResourcePolicy":{{policy}}}""", "admin")).Outcome);
        Assert.Equal("v", (await Read(server, arn, key))["SecretString"]);
        Assert.Equal("AccessDeniedException", (await server.CallAsync("DescribeSecret", $$"""{"SecretId":"{{arn}}"}""", key)).Outcome);
        // And an account's administrator reaches nothing of another's.
        Assert.Equal(404, (await SendAsync(server, chief, "GetUser", ("UserName", "nobody"))).Status);
        Assert.Equal(404, (await SendAsync(server, chief, "GetPolicy", ("PolicyArn", $"arn:aws:iam::{server.Vault.Number}:policy/p"))).Status);
    }

    [Fact]
    public async Task An_account_s_administrator_does_not_reach_the_server_through_a_principal_that_does()
    {
        await using AwsTestServer server = await StartAsync();
        await server.Core.Admin.CreatePrincipalAsync(server.Operator, PrincipalName.Parse("local-admin"), PrincipalKind.Operator, server.Vault.Name, "", Cancellation);
        await server.Core.Admin.CreateGrantAsync(server.Operator, PrincipalName.Parse("local-admin"), false, new() { Actions = CofferActions.Admin, Vault = server.Vault.Name }, Cancellation);
        TestKey local = await NewKeyAsync(server, "local-admin");
        Assert.Equal(200, (await SendAsync(server, local, "CreateUser", ("UserName", "helper"))).Status);
        Assert.Equal(200, (await SendAsync(server, local, "CreateAccessKey", ("UserName", "helper"))).Status);
        // "admin" is at home in the same vault and administers the server.
        foreach ((string operation, (string, string)[] parameters) in new (string, (string, string)[])[]
        {
            ("CreateAccessKey", [("UserName", "admin")]),
            ("PutUserPolicy", [("UserName", "admin"), ("PolicyName", "p"), ("PolicyDocument", Statement("Deny", "*", "*"))]),
            ("DeleteUser", [("UserName", "admin")]),
            ("TagUser", [("UserName", "nobody"), ("Tags.member.1.Key", "a"), ("Tags.member.1.Value", "b")]),
        })
        {
            TestAnswer answer = await SendAsync(server, local, operation, parameters);
            Assert.True(answer.Status == 403, $"{operation}: {answer.Status} {answer.Body}");
        }

        // A workload that reaches beyond the vault is no longer the vault's alone.
        await server.Core.Admin.CreateGrantAsync(server.Operator, PrincipalName.Parse("helper"), false, new() { Actions = CofferActions.Read, Vault = server.Other.Name }, Cancellation);
        Assert.Equal(403, (await SendAsync(server, local, "CreateAccessKey", ("UserName", "helper"))).Status);
        Assert.Equal(403, (await SendAsync(server, local, "PutUserPolicy", ("UserName", "helper"), ("PolicyName", "p"), ("PolicyDocument", Allow("*", "*")))).Status);
        Assert.True(server.Core.Access.PrincipalsByName.ContainsKey(PrincipalName.Parse("admin")));
        // Nor is one that another names as who may act as it, nor a new one under the name of such a one that is gone.
        Assert.Equal(200, (await SendAsync(server, local, "CreateUser", ("UserName", "agent"))).Status);
        await server.Core.Admin.AllowAssumingAsync(server.Operator, PrincipalName.Parse("homeless"), PrincipalName.Parse("agent"), isGroup: false, Cancellation);
        Assert.Equal(403, (await SendAsync(server, local, "CreateAccessKey", ("UserName", "agent"))).Status);
        await server.Core.Admin.DeletePrincipalAsync(server.Operator, PrincipalName.Parse("agent"), Cancellation);
        Assert.Equal(403, (await SendAsync(server, local, "CreateUser", ("UserName", "agent"))).Status);
    }

    [Fact]
    public async Task Iam_itself_is_allowed_by_policies_in_one_s_own_account()
    {
        await using AwsTestServer server = await StartAsync();
        TestKey key = await UserAsync(server, "deputy");
        Assert.Equal(403, (await SendAsync(server, key, "CreateUser", ("UserName", "x"))).Status);
        await IamAsync(server, "PutUserPolicy", ("UserName", "deputy"), ("PolicyName", "p"), ("PolicyDocument", Allow("iam:*User*", $"arn:aws:iam::{server.Vault.Number}:user/team/*")));
        Assert.Equal(403, (await SendAsync(server, key, "CreateUser", ("UserName", "x"))).Status);
        Assert.Equal(200, (await SendAsync(server, key, "CreateUser", ("UserName", "x"), ("Path", "/team/"))).Status);
        Assert.Equal(200, (await SendAsync(server, key, "GetUser", ("UserName", "x"))).Status);
        Assert.Equal(403, (await SendAsync(server, key, "CreateAccessKey", ("UserName", "x"))).Status);
        Assert.Equal(403, (await SendAsync(server, key, "PutUserPolicy", ("UserName", "deputy"), ("PolicyName", "all"), ("PolicyDocument", Allow("*", "*")))).Status);
    }

    [Fact]
    public async Task A_vault_whose_grants_take_two_people_takes_no_policy_from_one()
    {
        await using AwsTestServer server = await StartAsync();
        TestKey key = await UserAsync(server, "u");
        await IamAsync(server, "PutUserPolicy", ("UserName", "u"), ("PolicyName", "d"), ("PolicyDocument", Statement("Deny", "*", "*")));
        await server.Core.Admin.UpdateVaultAsync(server.Operator, server.Vault.Name, new() { Approvals = ApprovalNeeds.Grants }, Cancellation);
        Assert.Equal(409, (await SendAsync(server, server.KeyOf("admin"), "PutUserPolicy", ("UserName", "u"), ("PolicyName", "p"), ("PolicyDocument", Allow("*", "*")))).Status);
        Assert.Equal(409, (await SendAsync(server, server.KeyOf("admin"), "DeleteUserPolicy", ("UserName", "u"), ("PolicyName", "d"))).Status);
        Assert.Equal(200, (await SendAsync(server, server.KeyOf("admin"), "PutUserPolicy", ("UserName", "u"), ("PolicyName", "e"), ("PolicyDocument", Statement("Deny", "*", "*")))).Status);
        string policy = JsonSerializer.Serialize(PolicyFor($"arn:aws:iam::{server.Vault.Number}:user/u"));
        Assert.Equal("InvalidRequestException", (await server.CallAsync("PutResourcePolicy", $$"""{"SecretId":"app/db","ResourcePolicy":{{policy}}}""", "admin")).Outcome);
        Assert.Equal("AccessDeniedException", (await Read(server, "app/db", key)).Outcome);
    }

    [Theory]
    [InlineData("TagResource", "\"Tags\":[{\"Key\":\"team\",\"Value\":\"blue\"}]")]
    [InlineData("UntagResource", "\"TagKeys\":[\"team\"]")]
    public async Task Tags_that_would_take_the_caller_s_own_access_away_stay_as_they_are(string operation, string change)
    {
        await using AwsTestServer server = await StartAsync();
        await server.CallAsync("TagResource", """{"SecretId":"app/db","Tags":[{"Key":"team","Value":"red"}]}""");
        TestKey key = await UserAsync(server, "u");
        await IamAsync(server, "PutUserPolicy", ("UserName", "u"), ("PolicyName", "p"), ("PolicyDocument", Statement("Allow", "secretsmanager:*", "*", """{"StringEquals":{"aws:ResourceTag/team":"red"}}""")));
        Assert.Equal("OK", (await server.CallAsync("TagResource", """{"SecretId":"app/db","Tags":[{"Key":"other","Value":"x"}]}""", key)).Outcome);
        Assert.Equal("AccessDeniedException", (await server.CallAsync(operation, $"{{\"SecretId\":\"app/db\",{change}}}", key)).Outcome);
        Assert.Equal("v", (await Read(server, "app/db", key))["SecretString"]);
        // Who may by something else than the tags may change them.
        Assert.Equal("OK", (await server.CallAsync(operation, $"{{\"SecretId\":\"app/db\",{change}}}")).Outcome);
        Assert.Equal("AccessDeniedException", (await Read(server, "app/db", key)).Outcome);
    }

    [Fact]
    public async Task A_random_password_is_anybody_s_whom_no_policy_denies_it()
    {
        await using AwsTestServer server = await StartAsync();
        TestKey key = await UserAsync(server, "u");
        Assert.Equal("OK", (await server.CallAsync("GetRandomPassword", "{}", key)).Outcome);
        await IamAsync(server, "PutUserPolicy", ("UserName", "u"), ("PolicyName", "d"), ("PolicyDocument", Statement("Deny", "secretsmanager:GetRandomPassword", "*")));
        TestAnswer denied = await server.CallAsync("GetRandomPassword", "{}", key);
        Assert.EndsWith("is not authorized to perform: secretsmanager:GetRandomPassword with an explicit deny in an identity-based policy", denied.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_batch_needs_its_own_action_and_the_reading_of_each()
    {
        await using AwsTestServer server = await StartAsync();
        TestKey key = await UserAsync(server, "u");
        await IamAsync(server, "PutUserPolicy", ("UserName", "u"), ("PolicyName", "p"), ("PolicyDocument", Allow("secretsmanager:GetSecretValue", "arn:aws:secretsmanager:*:*:secret:app/*")));
        TestAnswer none = await server.CallAsync("BatchGetSecretValue", """{"SecretIdList":["app/db"]}""", key);
        Assert.Empty(none.Json["SecretValues"]!.AsArray());
        await IamAsync(server, "PutUserPolicy", ("UserName", "u"), ("PolicyName", "b"), ("PolicyDocument", Allow("secretsmanager:BatchGetSecretValue", "*")));
        TestAnswer some = await server.CallAsync("BatchGetSecretValue", """{"SecretIdList":["app/db","other"]}""", key);
        Assert.Single(some.Json["SecretValues"]!.AsArray());
        Assert.Equal("AccessDeniedException", (string?)some.Json["Errors"]![0]!["ErrorCode"]);
    }

    [Theory]
    [InlineData("secretsmanager:UpdateSecret", "PutSecretValue", false)]
    [InlineData("secretsmanager:PutSecretValue", "PutSecretValue", true)]
    [InlineData("secretsmanager:PutSecretValue", "UpdateSecret", false)]
    [InlineData("secretsmanager:UpdateSecret", "UpdateSecret", true)]
    [InlineData("secretsmanager:UpdateSecretVersionStage", "UpdateSecretVersionStage", true)]
    public async Task On_its_own_wire_each_call_is_its_own_action(string action, string operation, bool may)
    {
        await using AwsTestServer server = await StartAsync();
        TestKey key = await UserAsync(server, "u");
        await IamAsync(server, "PutUserPolicy", ("UserName", "u"), ("PolicyName", "p"), ("PolicyDocument", Allow(action, "*")));
        string body = operation == "UpdateSecretVersionStage"
            ? $$"""{"SecretId":"app/db","VersionStage":"x","MoveToVersionId":"{{Token}}"}"""
            : """{"SecretId":"app/db","SecretString":"w","ClientRequestToken":"22222222-2222-4222-8222-222222222222"}""";
        Assert.Equal(may ? "OK" : "AccessDeniedException", (await server.CallAsync(operation, body, key)).Outcome);
    }

    [Theory]
    [InlineData("""{"StringEquals":{"aws:RequestTag/env":"dev"},"ForAllValues:StringEquals":{"aws:TagKeys":["env"]}}""", "CreateSecret", """{"Name":"app/new","ClientRequestToken":"33333333-3333-4333-8333-333333333333","Tags":[{"Key":"env","Value":"dev"}]}""", """{"Name":"app/new","ClientRequestToken":"33333333-3333-4333-8333-333333333333","Tags":[{"Key":"env","Value":"prod"}]}""")]
    [InlineData("""{"StringLike":{"secretsmanager:Name":"app/*"}}""", "CreateSecret", """{"Name":"app/new","ClientRequestToken":"33333333-3333-4333-8333-333333333333"}""", """{"Name":"new","ClientRequestToken":"33333333-3333-4333-8333-333333333333"}""")]
    [InlineData("""{"Bool":{"secretsmanager:ForceDeleteWithoutRecovery":"false"}}""", "DeleteSecret", """{"SecretId":"other"}""", """{"SecretId":"other","ForceDeleteWithoutRecovery":true}""")]
    [InlineData("""{"NumericGreaterThanEquals":{"secretsmanager:RecoveryWindowInDays":"14"}}""", "DeleteSecret", """{"SecretId":"other","RecoveryWindowInDays":14}""", """{"SecretId":"other","RecoveryWindowInDays":7}""")]
    [InlineData("""{"StringEquals":{"secretsmanager:VersionStage":"AWSCURRENT"}}""", "GetSecretValue", """{"SecretId":"other"}""", """{"SecretId":"other","VersionStage":"AWSPREVIOUS"}""")]
    [InlineData("""{"StringEquals":{"secretsmanager:VersionId":"11111111-1111-4111-8111-111111111111"}}""", "GetSecretValue", """{"SecretId":"other","VersionId":"11111111-1111-4111-8111-111111111111"}""", """{"SecretId":"other"}""")]
    [InlineData("""{"StringEquals":{"secretsmanager:SecretId":"other"}}""", "GetSecretValue", """{"SecretId":"other"}""", """{"SecretId":"app/db"}""")]
    [InlineData("""{"StringEquals":{"secretsmanager:Description":"ok"}}""", "UpdateSecret", """{"SecretId":"other","Description":"ok"}""", """{"SecretId":"other","Description":"no"}""")]
    public async Task Conditions_see_what_the_call_carries(string condition, string operation, string allowed, string denied)
    {
        await using AwsTestServer server = await StartAsync();
        TestKey key = await UserAsync(server, "u");
        await IamAsync(server, "PutUserPolicy", ("UserName", "u"), ("PolicyName", "p"), ("PolicyDocument", Statement("Allow", "secretsmanager:*", "*", condition)));
        Assert.Equal("AccessDeniedException", (await server.CallAsync(operation, denied, key)).Outcome);
        TestAnswer answer = await server.CallAsync(operation, allowed, key);
        Assert.True(answer.Outcome == "OK", answer.Body);
    }

    [Fact]
    public async Task A_reader_never_sees_half_a_change_of_a_secret_s_policy()
    {
        await using AwsTestServer server = await StartAsync();
        string policy = JsonSerializer.Serialize(PolicyFor($"arn:aws:iam::{server.Vault.Number}:role/app"));
        Task writes = Task.Run(async () =>
        {
            for (int i = 0; i < 40; i++)
            {
                Assert.Equal("OK", (await server.CallAsync(i % 3 == 2 ? "DeleteResourcePolicy" : "PutResourcePolicy", $$"""{"SecretId":"app/db","ResourcePolicy":{{policy}}}""", "admin")).Outcome);
            }
        }, Cancellation);
        while (!writes.IsCompleted)
        {
            Assert.Equal("OK", (await Read(server, "app/db", server.KeyOf("writer"))).Outcome);
        }

        await writes;
        Assert.DoesNotContain(server.Log, l => l.Contains("integrity", StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public async Task A_policy_goes_with_its_secret_and_a_new_one_of_the_name_has_none()
    {
        await using AwsTestServer server = await StartAsync();
        string policy = JsonSerializer.Serialize(PolicyFor($"arn:aws:iam::{server.Vault.Number}:role/barred"));
        await server.CallAsync("PutResourcePolicy", $$"""{"SecretId":"app/db","ResourcePolicy":{{policy}}}""", "admin");
        await server.CallAsync("DeleteSecret", """{"SecretId":"app/db","ForceDeleteWithoutRecovery":true}""", "admin");
        await server.CallAsync("CreateSecret", $$"""{"Name":"app/db","SecretString":"new","ClientRequestToken":"{{Token}}"}""");
        Assert.Null((await server.CallAsync("GetResourcePolicy", """{"SecretId":"app/db"}""", "admin"))["ResourcePolicy"]);
    }

    private static async Task<AwsTestServer> StartAsync()
    {
        AwsTestServer server = await AwsTestServer.StartAsync();
        foreach (string name in new[] { "app/db", "other" })
        {
            Assert.Equal("OK", (await server.CallAsync("CreateSecret", $$"""{"Name":"{{name}}","SecretString":"v","ClientRequestToken":"{{Token}}"}""")).Outcome);
        }

        return server;
    }

    private static string Allow(string action, string resource) => Statement("Allow", action, resource);

    private static string Statement(string effect, string action, string resource, string condition = "{}") =>
        $$"""{"Version":"2012-10-17","Statement":[{"Effect":"{{effect}}","Action":"{{action}}","Resource":"{{resource}}","Condition":{{condition}}}]}""";

    private static string PolicyFor(string principal) =>
        $$"""{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"{{principal}}"},"Action":"secretsmanager:GetSecretValue","Resource":"*"}]}""";

    private static Task<TestAnswer> Read(AwsTestServer server, string id, TestKey key) => server.CallAsync("GetSecretValue", $$"""{"SecretId":"{{id}}"}""", key);

    private static async Task<TestKey> UserAsync(AwsTestServer server, string name)
    {
        await IamAsync(server, "CreateUser", ("UserName", name));
        return KeyIn(await IamAsync(server, "CreateAccessKey", ("UserName", name)));
    }

    private static Task<TestAnswer> RoleAsync(AwsTestServer server, string name, Vault vault, string by) => IamAsync(server, "CreateRole", ("RoleName", name), (
        "AssumeRolePolicyDocument",
        $$"""{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::{{vault.Number}}:role/{{by}}"},"Action":["sts:AssumeRole","sts:TagSession"]}]}"""));

    private static async Task<TestKey> AssumeAsync(AwsTestServer server, string role, string by, params (string Name, string Value)[] more)
    {
        TestAnswer answer = await AskAsync(server, server.KeyOf(by), "AssumeRole", [("RoleArn", $"arn:aws:iam::{server.Vault.Number}:role/{role}"), ("RoleSessionName", "s1"), .. more]);
        Assert.True(answer.Status == 200, answer.Body);
        return KeyIn(answer);
    }

    private static async Task<TestKey> NewKeyAsync(AwsTestServer server, string principal)
    {
        using IssuedCredential issued = await server.Core.Admin.CreateAccessKeyAsync(server.Operator, PrincipalName.Parse(principal), new(), Cancellation);
        return new(issued.Credential.PublicId, System.Text.Encoding.ASCII.GetString(issued.Secret.Span));
    }

    private static async Task<TestAnswer> IamAsync(AwsTestServer server, string operation, params (string Name, string Value)[] parameters)
    {
        TestAnswer answer = await SendAsync(server, server.KeyOf("admin"), operation, parameters);
        Assert.True(answer.Status == 200, answer.Body);
        return answer;
    }

    private static Task<TestAnswer> SendAsync(AwsTestServer server, TestKey key, string operation, params (string Name, string Value)[] parameters) =>
        server.SendAsync(TestRequest.Form(Form(operation, "2010-05-08", parameters)), key, "iam");

    private static Task<TestAnswer> AskAsync(AwsTestServer server, TestKey key, string operation, params (string Name, string Value)[] parameters) =>
        server.SendAsync(TestRequest.Form(Form(operation, "2011-06-15", parameters)), key);

    private static string Form(string operation, string version, (string Name, string Value)[] parameters) =>
        $"Action={operation}&Version={version}" + string.Concat(parameters.Select(p => $"&{p.Name}={Uri.EscapeDataString(p.Value)}"));

    private static TestKey KeyIn(TestAnswer answer)
    {
        XElement[] all = [.. XDocument.Parse(answer.Body).Descendants()];
        string? Of(string name) => all.FirstOrDefault(e => e.Name.LocalName == name)?.Value;
        return new(Of("AccessKeyId")!, Of("SecretAccessKey")!, Of("SessionToken"));
    }
}
