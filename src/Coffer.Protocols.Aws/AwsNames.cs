using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using Coffer.Core.Access;
using Coffer.Core.Secrets;
using Coffer.Protocols.Aws.Policies;

namespace Coffer.Protocols.Aws;

/// <summary>What a SecretId points at: a vault by number or (null) the caller's own, a name, and perhaps one creation of it.</summary>
/// <param name="Account">The vault's number as an ARN names it, or null for a plain name.</param>
/// <param name="Name">The name.</param>
/// <param name="Suffix">The six characters of a full ARN, or null.</param>
internal readonly record struct AwsSecretId(string? Account, SecretName Name, string? Suffix);

/// <summary>
/// Names as this wire writes them: secret names and ARNs in, ARNs and ids out. A text is read exactly once, into a
/// <see cref="SecretName"/>; nothing is decoded or folded, so no two spellings lead to one secret.
/// </summary>
internal static partial class AwsNames
{
    /// <summary>What AWS says about a text that is no name, in any operation.</summary>
    public const string InvalidName = "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!";

    /// <summary>Account of a caller without a home vault.</summary>
    public const string NoAccount = "000000000000";

    private const int SuffixLength = 6;
    private const string Base32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

    private static readonly SearchValues<char> Legal =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_+=.@-!");

    private static readonly SearchValues<char> LegalPart = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-");

    /// <summary>Parses a secret's name, or throws the wire's own <c>ValidationException</c>.</summary>
    public static SecretName ParseName(string text) =>
        !text.AsSpan().ContainsAnyExcept(Legal) && SecretName.TryParse(text, out SecretName name) ? name : throw new AwsRefusal(AwsError.Validation(InvalidName));

    /// <summary>
    /// Parses a name, a full ARN or a partial one (without the suffix). A resource part that ends in a hyphen and six
    /// characters is a full ARN, whatever the secret is called: that is how AWS reads it.
    /// </summary>
    public static AwsSecretId ParseSecretId(string text)
    {
        if (!text.StartsWith("arn:", StringComparison.Ordinal))
        {
            return new(null, ParseName(text), null);
        }

        Span<Range> parts = stackalloc Range[7];
        ReadOnlySpan<char> arn = text;
        if (arn.Split(parts, ':') != 7
            || !IsPartition(arn[parts[1]])
            || !arn[parts[2]].SequenceEqual("secretsmanager")
            || !IsRegion(arn[parts[3]])
            || arn[parts[4]].Length != 12 || arn[parts[4]].ContainsAnyExceptInRange('0', '9')
            || !arn[parts[5]].SequenceEqual("secret"))
        {
            throw new AwsRefusal(AwsError.Validation(InvalidName));
        }

        string account = arn[parts[4]].ToString();
        string resource = arn[parts[6]].ToString();
        return HasSuffix(resource)
            ? new(account, ParseName(resource[..^(SuffixLength + 1)]), resource[^SuffixLength..])
            : new(account, ParseName(resource), null);
    }

    /// <summary>
    /// The address in the core. A number that no vault has is judged as a vault that does not exist, so that who is denied
    /// cannot tell which numbers are taken.
    /// </summary>
    public static SecretPath? PathOf(this AwsSecretId id, VaultName? home, AccessSnapshot access)
    {
        if (id.Account is null)
        {
            return home is { } own ? new(own, id.Name) : null;
        }

        VaultName vault = VaultNumber.TryParse(id.Account, out VaultNumber number) && access.VaultsByNumber.TryGetValue(number, out Vault? found)
            ? found.Name
            : NoVault(id.Account, access);
        return new(vault, id.Name) { Suffix = id.Suffix };
    }

    /// <summary>
    /// Which version is meant: by id, by stage, by both together, or neither for what is current. Both passed the model's
    /// check, so they parse.
    /// </summary>
    public static VersionSelector SelectorOf(string? versionId, string? versionStage)
    {
        VersionLabel? label = versionStage is null ? null : VersionLabel.Parse(versionStage);
        return versionId is not null ? new VersionSelector.ByToken(RequestToken.Parse(versionId), label)
            : label is null || label == VersionLabel.Current ? VersionSelector.Current
            : new VersionSelector.ByLabel(label.Value);
    }

    /// <summary>Whether a text can stand as a region: lower-case letters, digits and hyphens, up to 64.</summary>
    public static bool IsRegion(ReadOnlySpan<char> text) => text.Length is >= 1 and <= 64 && !text.ContainsAnyExcept(LegalPart);

    /// <summary>The ARN of a secret. The region is the one the caller signed for: it is echoed, never a boundary.</summary>
    public static string Arn(string region, Vault vault, Secret head) => Arn(region, vault.Number.ToString(), head.Name.Value, head.Uid.Suffix());

    /// <summary>The ARN of a secret.</summary>
    public static string Arn(string region, string account, string name, string suffix) => $"arn:aws:secretsmanager:{region}:{account}:secret:{name}-{suffix}";

    /// <summary>The role that an ARN means (<c>arn:aws:iam::ACCOUNT:role/PATH/NAME</c>), or null: its account is its home vault's number. The path is not looked at where the role has none.</summary>
    public static Principal? RoleOf(string arn, AccessSnapshot access)
    {
        string[] parts = arn.Split(':');
        return parts is ["arn", var partition, "iam", "", var account, var resource] && IsPartition(partition) && resource.StartsWith("role/", StringComparison.Ordinal)
            && AwsAccounts.Of(access).Find(account, isRole: true, resource[(resource.LastIndexOf('/') + 1)..]) is { } role
            && (role.Profile.Path == "/" || resource == $"role{role.Path}{role.Name}")
                ? role.Principal
                : null;
    }

    /// <summary>Whether a text can be repeated as an ARN: printable, without blanks.</summary>
    public static bool IsPlainArn(string text) => text.StartsWith("arn:", StringComparison.Ordinal) && !text.AsSpan().ContainsAnyExceptInRange('!', '~');

    /// <summary>Six random characters: the suffix of a secret that never was (a forced deletion of nothing answers with one).</summary>
    public static string DrawSuffix() => SecretUid.Draw().Suffix();

    /// <summary>The twelve-digit account of a caller: its home vault's number.</summary>
    public static string Account(VaultName? home, AccessSnapshot access) =>
        home is { } name && access.Vaults.TryGetValue(name, out Vault? vault) ? vault.Number.ToString() : NoAccount;

    /// <summary>A caller's ARN: of a role's session, or of a user.</summary>
    public static string CallerArn(Identity identity, string account)
    {
        AwsProfile profile = AwsIdentity.ProfileOf(identity.Principal);
        return profile.IsRole ? $"arn:aws:sts::{account}:assumed-role/{profile.Name}/{SessionOf(identity)}" : $"arn:aws:iam::{account}:user{profile.Path}{profile.Name}";
    }

    /// <summary>A caller's unique id, derived from the principal's own: it outlives a change of name.</summary>
    public static string CallerId(Identity identity) =>
        AwsIdentity.ProfileOf(identity.Principal).IsRole ? $"{UniqueId("AROA", identity.Principal.Id)}:{SessionOf(identity)}" : UniqueId("AIDA", identity.Principal.Id);

    private static string SessionOf(Identity identity) => identity.Session is { Length: > 0 } session ? session : identity.Principal.Name.Value;

    private static bool HasSuffix(string resource) =>
        resource.Length > SuffixLength + 1 && resource[^(SuffixLength + 1)] == '-' && IsAlphanumeric(resource.AsSpan(resource.Length - SuffixLength));

    private static bool IsAlphanumeric(ReadOnlySpan<char> text)
    {
        foreach (char c in text)
        {
            if (!char.IsAsciiLetterOrDigit(c))
            {
                return false;
            }
        }

        return true;
    }

    private static bool IsPartition(ReadOnlySpan<char> text) =>
        text.StartsWith("aws", StringComparison.Ordinal) && text.Length <= 32 && !text.ContainsAnyExcept(LegalPart);

    private static VaultName NoVault(string account, AccessSnapshot access)
    {
        VaultName name = VaultName.Parse("unknown-" + account);
        for (int i = 1; access.Vaults.ContainsKey(name); i++)
        {
            name = VaultName.Parse(string.Create(CultureInfo.InvariantCulture, $"none{i % 100}-{account}"));
        }

        return name;
    }

    /// <summary>A unique id of AWS's form, derived from a GUID.</summary>
    public static string UniqueId(string prefix, Guid id)
    {
        Span<byte> bytes = stackalloc byte[16];
        id.TryWriteBytes(bytes, bigEndian: true, out _);
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(bytes, digest);
        UInt128 number = BinaryPrimitives.ReadUInt128BigEndian(digest);
        return string.Create(prefix.Length + 17, (prefix, number), static (span, state) =>
        {
            state.prefix.CopyTo(span);
            UInt128 rest = state.number;
            foreach (ref char c in span[state.prefix.Length..])
            {
                c = Base32[(int)(uint)(rest & 31)];
                rest >>= 5;
            }
        });
    }
}
