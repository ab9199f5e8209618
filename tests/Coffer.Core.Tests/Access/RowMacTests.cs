using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Reflection;
using Coffer.Core.Access;
using Coffer.Core.Errors;
using Coffer.Core.Sealing;
using Coffer.Core.Secrets;
using Coffer.Core.Stores;
using Coffer.Core.Tests.Sealing;
using Xunit;

namespace Coffer.Core.Tests.Access;

/// <summary>
/// Attack 46: a database changed behind Coffer's back. Every property of every signed row is changed in turn, by
/// reflection, so that a property added later is covered or fails here until it is named as an exception.
/// </summary>
public sealed class RowMacTests : IDisposable
{
    private readonly Keyring _keys = TestKeys.Ring();

    private static readonly VaultNumber Number = VaultNumber.From(111_111_111_111);
    private static readonly SecretUid Uid = new(7);

    public static TheoryData<string> Rows => [.. Samples.Keys];

    /// <summary>A row of each kind with something in every property, how it is checked, and what its MAC leaves out on purpose.</summary>
    private static readonly Dictionary<string, (object Row, Func<Keyring, object, object> Sign, Func<Keyring, object, bool> Holds, string[] Outside)> Samples = new()
    {
        // Row numbers are the store's own; the days of the last read and use are written behind; uses are counted down while authenticating.
        ["vault"] = (new Vault { Id = 3, Name = VaultName.Parse("shop"), Number = Number, Description = "d", Created = 1, PurgeProtection = true, Owner = "o", KeyValue = new(2, 3, true, 4), Aliases = Secret.NoTags.Add("vault", "kv"), PolicyDigest = new byte[] { 1 } },
            (k, r) => RowMacs.Sign(k, (Vault)r), (k, r) => RowMacs.Holds(k, (Vault)r), ["Id", "Mac"]),
        ["secret"] = (new Secret { Id = 3, Uid = Uid, VaultId = 4, Location = "eu", Name = SecretName.Parse("db"), Description = "d", Created = 1, Changed = 2, Highest = 5, Current = 5, Previous = 4, Oldest = 1, VersionCount = 5, DeletedAt = 6, PurgeAt = 7, Expires = 8, LastReadDay = 9, EverTagged = true, Rotation = "{}", RotationDue = 10, PolicyLanguages = 1, PolicyDigest = new byte[] { 1 }, Tags = Secret.NoTags.Add("a", "b"), LabelCount = 1, LabelDigest = new byte[] { 2 } },
            (k, r) => RowMacs.Sign(k, (Secret)r, Number), (k, r) => Verified(() => RowMacs.Verify(k, (Secret)r, Number)), ["Id", "VaultId", "LastReadDay", "Mac"]),
        ["version"] = (new SecretVersion { Number = 1, Id = new(5), Token = RequestToken.Parse(new string('t', 32)), Size = 3, Fingerprint = new byte[] { 1 }, Created = 1, Updated = 2, DisabledAt = 3, DestroyAt = 4, DestroyedAt = 5, NotBefore = 6, Expires = 7, ContentType = "c", Wire = "aws", KeyName = "k", CreatedBy = "me", LastReadDay = 8 },
            (k, r) => RowMacs.Sign(k, (SecretVersion)r, Uid), (k, r) => Verified(() => RowMacs.Verify(k, (SecretVersion)r, Uid)), ["LastReadDay", "Mac"]),
        ["principal"] = (new Principal { Id = Guid.NewGuid(), Name = PrincipalName.Parse("app"), Kind = PrincipalKind.Person, Home = VaultName.Parse("shop"), Description = "d", Created = 1, Annotations = Secret.NoTags.Add("aws", "{}"), PolicyDigest = new byte[] { 1 } },
            (k, r) => RowMacs.Sign(k, (Principal)r), (k, r) => RowMacs.Holds(k, (Principal)r), ["Mac"]),
        ["group"] = (new Group { Id = Guid.NewGuid(), Name = PrincipalName.Parse("team"), Members = [Guid.NewGuid()], Created = 1, PolicyDigest = new byte[] { 1 } },
            (k, r) => RowMacs.Sign(k, (Group)r), (k, r) => RowMacs.Holds(k, (Group)r), ["Mac"]),
        ["credential"] = (new Credential { PublicId = "AKIA", PrincipalId = Guid.NewGuid(), Kind = CredentialKind.AccessKey, Verifier = new byte[] { 1 }, Sealed = new byte[] { 2 }, Description = "d", Created = 1, Expires = 2, UsesLeft = 3, Cidrs = [IPNetwork.Parse("10.0.0.0/8")], LastUsedDay = 4, LastStep = 5, Policies = ["p"], Limits = [new("aws", ["{}"])], Parent = "AKIB", PolicyDigest = new byte[] { 1 } },
            (k, r) => RowMacs.Sign(k, (Credential)r), (k, r) => RowMacs.Holds(k, (Credential)r), ["UsesLeft", "LastUsedDay", "LastStep", "Mac"]),
        ["trust"] = (new Trust { Id = Guid.NewGuid(), Name = PrincipalName.Parse("ci"), Issuer = "https://issuer", Claims = Secret.NoTags.Add("sub", "x"), PrincipalId = Guid.NewGuid(), Created = 1 },
            (k, r) => RowMacs.Sign(k, (Trust)r), (k, r) => RowMacs.Holds(k, (Trust)r), ["Mac"]),
        ["web trust"] = (new Trust { Id = Guid.NewGuid(), Name = PrincipalName.Parse("ci"), Kind = TrustKind.WebToken, Issuer = "https://issuer", Audiences = ["a"], Claims = Secret.NoTags.Add("sub", "x"), PrincipalId = null, PrincipalClaim = "sub", NewGroup = Guid.NewGuid(), MaxSeconds = 60, Settings = "{}", Sealed = new byte[] { 3 }, Created = 1 },
            (k, r) => RowMacs.Sign(k, (Trust)r), (k, r) => RowMacs.Holds(k, (Trust)r), ["Mac"]),
        ["approval"] = (new ApprovalRequest { Id = "r-1", Kind = ApprovalKind.Grant, Vault = VaultName.Parse("shop"), Names = "*", RequesterId = Guid.NewGuid(), Grant = "{}", SubjectId = Guid.NewGuid(), SubjectIsGroup = true, Reason = "r", Seconds = 60, Created = 1, Expires = 2, State = ApprovalState.Approved, DecidedBy = Guid.NewGuid(), DecidedAt = 3, ValidUntil = 4 },
            (k, r) => RowMacs.Sign(k, (ApprovalRequest)r), (k, r) => RowMacs.Holds(k, (ApprovalRequest)r), ["Mac"]),
        ["policy"] = (new Policy { Id = Guid.NewGuid(), Language = "coffer", Name = "g", Use = PolicyUse.Identity, Source = "{}", AttachedTo = Attachment.Server, Created = 1, CreatedBy = "me" },
            (k, r) => RowMacs.Sign(k, (Policy)r), (k, r) => RowMacs.Holds(k, (Policy)r), ["Mac"]),
        ["role"] = (new Role("google", VaultName.Parse("shop"), "r", ["p"]),
            (k, r) => RowMacs.Sign(k, (Role)r), (k, r) => RowMacs.Holds(k, (Role)r), ["Mac"]),
        ["alias"] = (new PrincipalAlias("jwt", "n", Guid.NewGuid(), Secret.NoTags.Add("a", "b")),
            (k, r) => RowMacs.Sign(k, (PrincipalAlias)r), (k, r) => RowMacs.Holds(k, (PrincipalAlias)r), ["Mac"]),
    };

    public void Dispose() => _keys.Dispose();

    [Theory]
    [MemberData(nameof(Rows))]
    public void Attack_46_a_change_of_any_property_of_a_signed_row_is_noticed(string kind)
    {
        (object sample, Func<Keyring, object, object> sign, Func<Keyring, object, bool> holds, string[] outside) = Samples[kind];
        object signed = sign(_keys, sample);
        Assert.True(holds(_keys, signed));
        Assert.False(holds(_keys, sample), "an unsigned row held");
        PropertyInfo[] stored = [.. sample.GetType().GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(p => p.SetMethod is not null)];
        Assert.All(outside, name => Assert.Contains(stored, p => p.Name == name));
        foreach (PropertyInfo property in stored)
        {
            IReadOnlyList<object?> others = Others(property.PropertyType, property.GetValue(signed));
            Assert.NotEmpty(others);
            foreach (object? other in others)
            {
                object changed = Copy(signed);
                property.SetValue(changed, other);
                bool shouldHold = outside.Contains(property.Name) && property.Name != "Mac";
                Assert.True(shouldHold == holds(_keys, changed), $"{kind}.{property.Name} := {(other is null ? "null" : other.GetType().Name)} {(shouldHold ? "broke the MAC" : "went unnoticed")}");
            }
        }
    }

    [Fact]
    public void Attack_46_a_row_moved_to_another_vault_or_secret_is_noticed()
    {
        Secret head = RowMacs.Sign(_keys, (Secret)Samples["secret"].Row, Number);
        Assert.Equal(CofferErrorCode.Integrity, Assert.Throws<CofferException>(() => RowMacs.Verify(_keys, head, VaultNumber.From(222_222_222_222))).Code);
        SecretVersion version = RowMacs.Sign(_keys, (SecretVersion)Samples["version"].Row, Uid);
        Assert.Equal(CofferErrorCode.Integrity, Assert.Throws<CofferException>(() => RowMacs.Verify(_keys, version, new SecretUid(8))).Code);
    }

    [Fact]
    public void Attack_46_a_mac_of_one_kind_of_row_is_none_of_another()
    {
        Principal principal = RowMacs.Sign(_keys, (Principal)Samples["principal"].Row);
        Assert.All(Enum.GetValues<RowKind>(), kind => Assert.Equal(0, _keys.Mac(kind, [1, 2, 3]).Zip(_keys.Mac(RowKind.Vault, [1, 2, 3])).All(p => p.First == p.Second) == (kind == RowKind.Vault) ? 0 : 1));
        Group group = (Group)Samples["group"].Row;
        Assert.False(RowMacs.Holds(_keys, group with { Mac = principal.Mac }));
    }

    [Fact]
    public void Attack_46_what_moves_between_two_neighbouring_texts_is_noticed()
    {
        Vault vault = RowMacs.Sign(_keys, (Vault)Samples["vault"].Row with { Description = "ab", Owner = "c" });
        Assert.False(RowMacs.Holds(_keys, vault with { Description = "a", Owner = "bc" }));
        Credential credential = RowMacs.Sign(_keys, (Credential)Samples["credential"].Row with { Policies = ["a", "b"], Limits = [new("x", ["y", "z"])] });
        Assert.False(RowMacs.Holds(_keys, credential with { Policies = ["ab"] }));
        Assert.False(RowMacs.Holds(_keys, credential with { Limits = [new("x", ["y"]), new("z", [])] }));
        Assert.False(RowMacs.Holds(_keys, credential with { Limits = [] }));
    }

    [Fact]
    public void Attack_46_a_removed_label_policy_or_group_changes_the_digest()
    {
        Dictionary<VersionLabel, int> labels = new() { [VersionLabel.Parse("a")] = 1, [VersionLabel.Parse("b")] = 2 };
        byte[] both = RowMacs.LabelDigest(labels);
        Assert.Equal(both, RowMacs.LabelDigest(labels.Reverse()));
        Assert.NotEqual(both, RowMacs.LabelDigest(labels.Take(1)));
        Assert.NotEqual(both, RowMacs.LabelDigest(labels.Select(l => KeyValuePair.Create(l.Key, 1))));
        Assert.Empty(RowMacs.LabelDigest([]));

        Policy policy = (Policy)Samples["policy"].Row, other = policy with { Id = Guid.NewGuid() };
        Guid group = Guid.NewGuid();
        byte[] set = RowMacs.PolicyDigest([policy, other], [group]);
        Assert.Equal(set, RowMacs.PolicyDigest([other, policy], [group]));
        Assert.NotEqual(set, RowMacs.PolicyDigest([policy], [group]));
        Assert.NotEqual(set, RowMacs.PolicyDigest([policy, other]));
        Assert.NotEqual(set, RowMacs.PolicyDigest([policy, other with { Revision = 2 }], [group]));
        Assert.Empty(RowMacs.PolicyDigest([]));
    }

    private static object Copy(object row) => typeof(object).GetMethod("MemberwiseClone", BindingFlags.NonPublic | BindingFlags.Instance)!.Invoke(row, null)!;

    private static bool Verified(Action verify)
    {
        try
        {
            verify();
            return true;
        }
        catch (CofferException e) when (e.Code == CofferErrorCode.Integrity)
        {
            return false;
        }
    }

    /// <summary>Other values of the same type, null and empty where there is such a thing.</summary>
    private static List<object?> Others(Type type, object? value)
    {
        List<object?> others = value switch
        {
            bool b => [!b],
            int i => [i + 1, -i - 1],
            long l => [l + 1, 0L],
            string s => [s + "x", s.Length == 0 ? "y" : ""],
            Enum e => [Enum.ToObject(e.GetType(), Convert.ToInt32(e, CultureInfo.InvariantCulture) + 1)],
            Guid => [Guid.NewGuid()],
            VaultName => [VaultName.Parse("other")],
            VaultNumber => [VaultNumber.From(999_999_999_999)],
            SecretName => [SecretName.Parse("DB")],
            PrincipalName => [PrincipalName.Parse("other")],
            SecretUid uid => [new SecretUid(uid.Value + 1)],
            VersionId id => [new VersionId(id.Value ^ (UInt128.One << 127))],
            RequestToken => [RequestToken.Parse(new string('u', 32))],
            Attachment => [Attachment.To(Number), Attachment.ToPrincipal(Guid.NewGuid())],
            ReadOnlyMemory<byte> bytes => [new ReadOnlyMemory<byte>([.. bytes.ToArray(), 0]), .. bytes.IsEmpty ? Array.Empty<object?>() : [ReadOnlyMemory<byte>.Empty, Flipped(bytes)]],
            KeyValueSettings kv => [kv with { Version = 1 }, kv with { MaxVersions = 9 }, kv with { CasRequired = false }, kv with { DeleteVersionAfter = 9 }],
            null when type == typeof(string) => ["sub"],
            null when type == typeof(Guid?) => [Guid.NewGuid()],
            ImmutableSortedDictionary<string, string> d => [d.Add("zz", ""), d.Clear(), d.SetItem(d.Keys.First(), "other")],
            ImmutableSortedSet<Guid> set => [set.Add(Guid.NewGuid()), set.Clear()],
            ImmutableArray<IPNetwork> n => [n.Add(IPNetwork.Parse("0.0.0.0/0")), n.Clear(), ImmutableArray.Create(IPNetwork.Parse("10.0.0.0/9"))],
            ImmutableArray<string> s => [s.Add("more"), .. s.IsEmpty ? Array.Empty<object?>() : [s.Clear()], ImmutableArray.Create("other")],
            ImmutableArray<PolicySet> p => [p.Clear(), p.Add(p[0]), ImmutableArray.Create(p[0] with { Language = "vault" }), ImmutableArray.Create(p[0] with { Sources = ["other"] })],
            _ => throw new Xunit.Sdk.XunitException($"no other value is known for {type.Name}: give the sample row one, or this list a case"),
        };
        if (value is not null && Nullable.GetUnderlyingType(type) is not null)
        {
            others.Add(null);
        }

        return others;
    }

    private static ReadOnlyMemory<byte> Flipped(ReadOnlyMemory<byte> bytes)
    {
        byte[] copy = bytes.ToArray();
        copy[^1] ^= 1;
        return copy;
    }
}
