using Coffer.Core.Access;
using Coffer.Core.Secrets;
using Coffer.Core.Stores;
using Coffer.Stores.Sqlite;
using Xunit;

namespace Coffer.Stores.Tests;

/// <summary>What is written to disk and must never change its meaning. A change here needs a migration, not another figure.</summary>
public sealed class PinnedNumbersTests
{
    [Fact]
    public void Applied_migrations_never_change() => Assert.Equal(
        ["1 0001_initial 19705269c369ec81f55eb18bae20676e71b6c4ca0c7a744447461dce956db209", "2 0002_access 9ce63873a55574e0832c92e1d3902eae1567cf3e73c1313356110d9e2f3b7a5c", "3 0003_rotation 0ece01b2dacc18724ef5f620af8ee9da14aa2cb580d6869d540286087637cf2e", "4 0004_listing 6c6251cabf3a1baf557444d56a3ca76f0476788d22728aa89926eed78e1b50d6"],
        SqliteMigrations.All.Select(m => $"{m.Number} {m.Name} {m.Checksum}"));

    [Fact]
    public void Stored_enum_numbers_never_change()
    {
        Assert.Equal("Text=1 Binary=2 Object=3", Numbers<ValueKind>());
        Assert.Equal("Tag=1 Label=2 Annotation=3 Custom=4 VersionTag=5", Numbers<AttributeSpace>());
        Assert.Equal("Policies=1 Rbac=2", Numbers<AzureAccess>());
        Assert.Equal("None=0 Aws=1 Azure=2 Google=4 Vault=8", Numbers<WireNames>());
        Assert.Equal("Workload=1 Person=2 Operator=3", Numbers<PrincipalKind>());
        Assert.Equal("AccessKey=1 Token=2 ClientSecret=3 ServiceAccountKey=4 SecretId=5 Password=6 Certificate=7 OneTimeCode=8 RecoveryCode=9 Invitation=10", Numbers<CredentialKind>());
        Assert.Equal("Identity=1 Resource=2 Boundary=3 Organisation=4 Session=5 Trust=6 Library=7", Numbers<PolicyUse>());
        Assert.Equal("Server=1 Vault=2 Secret=3 Principal=4 Group=5 Credential=6", Numbers<AttachmentKind>());
        Assert.Equal("LocalUser=1 WebToken=2 Kubernetes=3 AwsIdentity=4 Certificate=5", Numbers<TrustKind>());
        Assert.Equal("Grant=1 BreakGlass=2 Purge=3 Membership=4 Loosen=5", Numbers<ApprovalKind>());
        Assert.Equal("Pending=1 Approved=2 Refused=3 Withdrawn=4", Numbers<ApprovalState>());
        Assert.Equal("None=0 Development=1 Staging=2 Production=3", Numbers<VaultStage>());
        Assert.Equal("None=0 BreakGlass=1 Purge=2 Grants=4 All=7", Numbers<ApprovalNeeds>());
        Assert.Equal("Created=1 Changed=2 LastRead=3 Name=4", Numbers<SecretOrder>());
    }

    [Theory]
    [InlineData("api-key", 15)]
    [InlineData("Api-Key0", 15)]
    [InlineData("api_key", 13)]
    [InlineData("app/key", 9)]
    [InlineData("a+=.@!", 9)]
    [InlineData("app//key", 1)]
    [InlineData("/app", 1)]
    [InlineData("app/", 1)]
    [InlineData("a b", 8)]
    [InlineData("a:b,c~d", 8)]
    [InlineData("a b/", 0)]
    public void Wires_that_express_a_name_never_change(string name, int wires) => Assert.Equal((WireNames)wires, WireExpression.For(SecretName.Parse(name)));

    [Theory]
    [InlineData(127, 15)]
    [InlineData(128, 13)]
    [InlineData(255, 13)]
    [InlineData(256, 9)]
    [InlineData(512, 9)]
    public void Wires_have_their_lengths(int length, int wires) => Assert.Equal((WireNames)wires, WireExpression.For(SecretName.Parse(new string('a', length))));

    [Fact]
    public void Every_name_falls_into_one_of_the_six_sets_that_listings_merge() =>
        CsCheck.Check.Sample(
            CsCheck.Gen.String[CsCheck.Gen.Char["abzAZ09/_+=.@-!:,~ "], 1, 300],
            text =>
            {
                if (SecretName.TryParse(text, out SecretName name))
                {
                    Assert.Contains(WireExpression.For(name), WireExpression.Masks);
                }
            });

    private static string Numbers<T>()
        where T : struct, Enum => string.Join(' ', Enum.GetValues<T>().Select(v => $"{v}={Convert.ToInt32(v, System.Globalization.CultureInfo.InvariantCulture)}"));
}
