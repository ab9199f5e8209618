using System.Globalization;
using System.Reflection;
using Xunit;

namespace Coffer.Architecture.Tests;

/// <summary>
/// Numbers that are on someone's disk. A member may be added; none may ever change or be given again. These lines are
/// written down a second time on purpose: whoever changes both knows what he does.
/// </summary>
public sealed class PersistedNumberTests
{
    private static readonly Assembly Core = Assembly.Load("Coffer.Core");

    [Theory]
    [InlineData("Secrets.ValueKind", "Text=1 Binary=2 Object=3")]
    [InlineData("Secrets.AttributeSpace", "Tag=1 Label=2 Annotation=3 Custom=4 VersionTag=5")]
    [InlineData("Secrets.AzureAccess", "Policies=1 Rbac=2")]
    [InlineData("Access.PrincipalKind", "Workload=1 Person=2 Operator=3")]
    [InlineData("Access.CredentialKind", "AccessKey=1 Token=2 ClientSecret=3 ServiceAccountKey=4 SecretId=5 Password=6 Certificate=7 OneTimeCode=8 RecoveryCode=9 Invitation=10")]
    [InlineData("Access.TrustKind", "LocalUser=1 WebToken=2 Kubernetes=3 AwsIdentity=4 Certificate=5")]
    [InlineData("Access.ApprovalKind", "Grant=1 BreakGlass=2 Purge=3 Membership=4 Loosen=5")]
    [InlineData("Access.ApprovalState", "Pending=1 Approved=2 Refused=3 Withdrawn=4")]
    [InlineData("Secrets.VaultStage", "None=0 Development=1 Staging=2 Production=3")]
    [InlineData("Secrets.ApprovalNeeds", "None=0 BreakGlass=1 Purge=2 Grants=4 All=7")]
    [InlineData("Access.PolicyUse", "Identity=1 Resource=2 Boundary=3 Organisation=4 Session=5 Trust=6 Library=7")]
    [InlineData("Access.AttachmentKind", "Server=1 Vault=2 Secret=3 Principal=4 Group=5 Credential=6")]
    [InlineData("Stores.WireNames", "None=0 Aws=1 Azure=2 Google=4 Vault=8")]
    [InlineData("Sealing.RowKind", "Vault=1 Secret=2 Version=3 Principal=4 Group=5 Member=6 Credential=7 Trust=8 Policy=9 Role=10 Alias=11 AuditHead=12 Lease=13 Approval=14")]
    [InlineData("Sealing.SealPurpose", "Value=1 Credential=2 Configuration=3")]
    [InlineData("Audit.AuditDecision", "Allow=1 Deny=2 Fail=3")]
    [InlineData("Audit.AuditRowKind", "Secret=1 Version=2 Policy=3 Principal=4 Group=5 Credential=6 Trust=7 Vault=8 Approval=9")]
    public void A_stored_number_means_what_it_always_meant(string type, string pinned)
    {
        Type found = Core.GetType("Coffer.Core." + type) ?? throw new Xunit.Sdk.XunitException($"{type} is gone; what it stored is not");
        Dictionary<string, long> now = Enum.GetNames(found).ToDictionary(n => n, n => Convert.ToInt64(Enum.Parse(found, n), CultureInfo.InvariantCulture), StringComparer.Ordinal);
        foreach (string[] pin in pinned.Split(' ').Select(p => p.Split('=')))
        {
            Assert.True(now.Remove(pin[0], out long number), $"{type}.{pin[0]} is gone");
            Assert.Equal(long.Parse(pin[1], CultureInfo.InvariantCulture), number);
        }

        Assert.True(now.Count == 0, $"{type} has new members; pin them here: {string.Join(' ', now.Select(n => $"{n.Key}={n.Value}"))}");
    }

    [Fact]
    public void No_enum_has_two_names_for_one_number()
    {
        foreach (Type type in Core.GetTypes().Where(t => t.IsEnum && t.GetCustomAttribute<FlagsAttribute>() is null))
        {
            long[] numbers = [.. Enum.GetNames(type).Select(n => Convert.ToInt64(Enum.Parse(type, n), CultureInfo.InvariantCulture))];
            Assert.Equal(numbers.Length, numbers.Distinct().Count());
        }
    }

    [Theory]
    [InlineData("Sealing.SealedValue", "Layout", 1)]
    [InlineData("Sealing.SealedValue", "HeaderBytes", 5)]
    [InlineData("Sealing.SealedValue", "OverheadBytes", 33)]
    [InlineData("Sealing.KeyWrap", "Layout", 1)]
    [InlineData("Sealing.KeyWrap", "WrappedBytes", 61)]
    [InlineData("Sealing.KeyTableDocument", "KnownLayout", 1)]
    [InlineData("Sealing.Keyring", "MacBytes", 36)]
    [InlineData("Sealing.SealContext", "MaxIdBytes", 512)]
    [InlineData("Secrets.SecretName", "MaxLength", 512)]
    [InlineData("Microseconds", "PerSecond", 1_000_000)]
    [InlineData("Microseconds", "PerDay", 86_400_000_000)]
    public void A_stored_layout_is_what_it_always_was(string type, string constant, long pinned)
    {
        FieldInfo field = Core.GetType("Coffer.Core." + type)?.GetField(constant, BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static)
            ?? throw new Xunit.Sdk.XunitException($"{type}.{constant} is gone");
        Assert.Equal(pinned, Convert.ToInt64(field.GetRawConstantValue(), CultureInfo.InvariantCulture));
    }
}
