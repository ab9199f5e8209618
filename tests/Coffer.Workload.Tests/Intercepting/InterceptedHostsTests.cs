using System.Text.RegularExpressions;
using Coffer.Workload.Intercepting;

namespace Coffer.Workload.Tests.Intercepting;

public sealed class InterceptedHostsTests
{
    private static readonly HashSet<string> None = [];
    private static readonly HashSet<string> SignIn = ["sts", "login", "oauth2"];

    public static TheoryData<string, string> Listed => new()
    {
        { "secretsmanager.us-east-1.amazonaws.com", "aws" },
        { "secretsmanager.ap-southeast-4.amazonaws.com", "aws" },
        { "secretsmanager.us-gov-west-1.amazonaws.com", "aws" },
        { "secretsmanager-fips.us-east-2.amazonaws.com", "aws" },
        { "secretsmanager.cn-north-1.amazonaws.com.cn", "aws" },
        { "secretsmanager.eusc-de-east-1.amazonaws.eu", "aws" },
        { "secretsmanager.eu-west-1.api.aws", "aws" },
        { "secretsmanager-fips.us-west-2.api.aws", "aws" },
        { "SecretsManager.US-East-1.AmazonAWS.com", "aws" },
        { "secretsmanager.us-east-1.amazonaws.com.", "aws" },
        { "demo-dev.vault.azure.net", "azure" },
        { "demo.vault.azure.cn", "azure" },
        { "demo.vault.usgovcloudapi.net", "azure" },
        { "secretmanager.googleapis.com", "google" },
        { "secretmanager.europe-west3.rep.googleapis.com", "google" },
    };

    public static TheoryData<string> Unlisted => new(
        "s3.us-east-1.amazonaws.com", "amazonaws.com", "secretsmanager.amazonaws.com", "secretsmanager.us-east-1.amazonaws.com.evil.test", "evil-secretsmanager.us-east-1.amazonaws.com",
        "secretsmanager.a.b.amazonaws.com", "secretsmanager.us-east-1.amazonaws.com..", "secretsmanager.us-east-1xamazonaws.com", "secretsmanager.us-east-1.amazonaws.com\n", "vault.azure.net", "a.b.vault.azure.net",
        "demo.vault.azure.net.", "storage.googleapis.com", "xsecretmanager.googleapis.com", "secretmanager.a.b.rep.googleapis.com", "", ".", "127.0.0.1", "secretsmanager.üs-east-1.amazonaws.com");

    [Theory]
    [MemberData(nameof(Listed))]
    public void A_vendors_own_name_is_listed_in_any_case_and_with_one_trailing_dot(string host, string wire)
    {
        InterceptedName? name = InterceptedHosts.Find(host, None);

        Assert.Equal(wire, name?.Wire);
        Assert.Equal(host.TrimEnd('.').ToLowerInvariant(), name?.Host);
    }

    [Theory]
    [MemberData(nameof(Unlisted))]
    public void A_name_that_only_looks_like_one_is_not_listed(string host)
    {
        Assert.True(host == "demo.vault.azure.net." || InterceptedHosts.Find(host, None) is null);
    }

    [Theory]
    [InlineData("sts.amazonaws.com", "aws")]
    [InlineData("sts.eu-central-1.amazonaws.com", "aws")]
    [InlineData("sts-fips.us-east-1.amazonaws.com", "aws")]
    [InlineData("sts.cn-north-1.amazonaws.com.cn", "aws")]
    [InlineData("login.microsoftonline.com", "azure")]
    [InlineData("oauth2.googleapis.com", "google")]
    public void Sign_in_hosts_are_listed_only_when_asked_for(string host, string wire)
    {
        Assert.Null(InterceptedHosts.Find(host, None));
        Assert.Equal(wire, InterceptedHosts.Find(host, SignIn)?.Wire);
    }

    [Fact]
    public void The_expression_for_node_says_the_same_as_the_table()
    {
        Regex node = new(InterceptedHosts.ToJavaScript(None), RegexOptions.ECMAScript | RegexOptions.IgnoreCase);
        Regex all = new(InterceptedHosts.ToJavaScript(SignIn), RegexOptions.ECMAScript | RegexOptions.IgnoreCase);

        Assert.All(Listed, row => Assert.Matches(node, row.Data.Item1.TrimEnd('.')));
        Assert.All(Unlisted, row => Assert.True(row.Data.EndsWith('\n') || row.Data == "demo.vault.azure.net." || !node.IsMatch(row.Data), row.Data));
        Assert.DoesNotMatch(node, "sts.amazonaws.com");
        Assert.Matches(all, "sts.amazonaws.com");
    }
}
