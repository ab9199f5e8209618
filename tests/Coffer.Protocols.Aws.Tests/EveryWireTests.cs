using Coffer.Core.Access;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;
using Coffer.Protocols.Aws.Policies;

namespace Coffer.Protocols.Aws.Tests;

/// <summary>The same policy gives the same answer whichever wire asks, for what two wires can both ask.</summary>
public sealed class EveryWireTests
{
    private static readonly string[] Statements =
    [
        """{"Effect":"Allow","Action":"secretsmanager:GetSecretValue","Resource":"*"}""",
        """{"Effect":"Allow","Action":"secretsmanager:*","Resource":"arn:aws:secretsmanager:*:*:secret:app/*"}""",
        """{"Effect":"Allow","Action":["secretsmanager:Describe*","secretsmanager:List*"],"Resource":"*"}""",
        """{"Effect":"Deny","Action":"secretsmanager:GetSecretValue","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/env":"prod"}}}""",
        """{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"ForAnyValue:StringEquals":{"secretsmanager:VersionStage":"AWSPREVIOUS"}}}""",
        """{"Effect":"Deny","NotAction":"secretsmanager:DescribeSecret","Resource":"*"}""",
        """{"Effect":"Allow","Action":"secretsmanager:*","Resource":"arn:aws:secretsmanager:*:*:secret:${aws:username}/*"}""",
        """{"Effect":"Allow","Action":"secretsmanager:DeleteSecret","Resource":"*","Condition":{"NumericGreaterThanEquals":{"secretsmanager:RecoveryWindowInDays":"30"}}}""",
    ];

    [Fact]
    public async Task One_policy_is_one_answer()
    {
        CancellationToken stop = TestContext.Current.CancellationToken;
        await using AwsTestServer server = await AwsTestServer.StartAsync();
        foreach (string name in new[] { "app/db", "web", "prod/key" })
        {
            await server.CallAsync("CreateSecret", $$"""{"Name":"{{name}}","SecretString":"1","ClientRequestToken":"11111111-1111-4111-8111-111111111111"}""");
            await server.CallAsync("PutSecretValue", $$"""{"SecretId":"{{name}}","SecretString":"2","ClientRequestToken":"22222222-2222-4222-8222-222222222222"}""");
        }

        await server.CallAsync("TagResource", """{"SecretId":"prod/key","Tags":[{"Key":"env","Value":"prod"}]}""");
        PrincipalName who = PrincipalName.Parse("nobody");
        int differ = 0, allowed = 0;
        foreach (string[] statements in Policies())
        {
            await server.Core.Admin.EditAccountAsync(server.Operator, server.Vault.Name, "nobody", access => (new AccountEdit { Policies = [Policy(access, who, statements)] }, true), stop);
            Caller native = server.CallerOf("nobody");
            foreach (string name in new[] { "app/db", "web", "prod/key", "missing" })
            {
                SecretPath path = new(server.Vault.Name, SecretName.Parse(name));
                foreach ((string operation, string body, Func<Task> call) in new (string, string, Func<Task>)[]
                {
                    ("GetSecretValue", $$"""{"SecretId":"{{name}}"}""", async () => (await server.Core.Secrets.GetValueAsync(native, path, VersionSelector.Current, stop)).Dispose()),
                    ("GetSecretValue", $$"""{"SecretId":"{{name}}","VersionStage":"AWSPREVIOUS"}""", async () => (await server.Core.Secrets.GetValueAsync(native, path, new VersionSelector.ByLabel(VersionLabel.Previous), stop)).Dispose()),
                    ("DescribeSecret", $$"""{"SecretId":"{{name}}"}""", async () => await server.Core.Secrets.DescribeAsync(native, path, stop)),
                    ("ListSecretVersionIds", $$"""{"SecretId":"{{name}}"}""", async () => await server.Core.Secrets.ListVersionsAsync(native, path, labelled: true, 10, null, stop)),
                    ("ListSecrets", "{}", async () => await server.Core.Secrets.ListAsync(native, server.Vault.Name, new() { Limit = 10 }, stop)),
                })
                {
                    bool aws = (await server.CallAsync(operation, body, "nobody")).Outcome != "AccessDeniedException";
                    bool other = await MayAsync(call);
                    differ += aws == other ? 0 : 1;
                    allowed += aws ? 1 : 0;
                    Assert.True(aws == other, $"{operation} {body}: AWS {aws}, another wire {other}, by {string.Join(' ', statements)}");
                }
            }
        }

        Assert.Equal(0, differ);
        Assert.InRange(allowed, 100, 600);
    }

    /// <summary>Every pair of statements, and each by itself: the order is no matter.</summary>
    private static IEnumerable<string[]> Policies()
    {
        for (int i = 0; i < Statements.Length; i++)
        {
            for (int j = i; j < Statements.Length; j++)
            {
                yield return i == j ? [Statements[i]] : [Statements[i], Statements[j]];
            }
        }
    }

    private static async Task<bool> MayAsync(Func<Task> call)
    {
        try
        {
            await call();
            return true;
        }
        catch (CofferException failure)
        {
            return failure.Code != CofferErrorCode.AccessDenied;
        }
    }

    private static Policy Policy(AccessSnapshot access, PrincipalName who, string[] statements)
    {
        Attachment at = Attachment.ToPrincipal(access.PrincipalsByName[who].Id);
        return new()
        {
            Id = access.Policies.Values.FirstOrDefault(p => p.AttachedTo == at && p.Language == IamLanguage.LanguageName)?.Id ?? Guid.NewGuid(),
            Language = IamLanguage.LanguageName,
            Name = "p",
            Use = PolicyUse.Identity,
            Source = $$"""{"Version":"2012-10-17","Statement":[{{string.Join(',', statements)}}]}""",
            AttachedTo = at,
            Created = 1,
            CreatedBy = "root",
        };
    }
}
