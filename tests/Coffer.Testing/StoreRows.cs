using System.Collections.Immutable;
using System.Net;
using Coffer.Core.Access;
using Coffer.Core.Secrets;
using Coffer.Core.Stores;

namespace Coffer.Testing;

/// <summary>
/// Rows for tests of stores: every member set to something that is not its default, so that one that is not kept shows.
/// A number makes them differ.
/// </summary>
public static class StoreRows
{
    /// <summary>A region, for secrets that have one.</summary>
    public const string Region = "europe-west1";

    /// <summary>Any instant: times in rows count from here.</summary>
    public const long Start = 1_700_000_000_000_000;

    /// <summary>Bytes that nothing else in a store equals, derived from a word and a number.</summary>
    public static byte[] Bytes(string word, int number, int length = 32)
    {
        byte[] bytes = new byte[length];
        byte[] seed = System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes($"{word}:{number}"));
        for (int i = 0; i < length; i++)
        {
            bytes[i] = (byte)(seed[i % 32] + (i / 32));
        }

        return bytes;
    }

    /// <summary>A fixed id.</summary>
    public static Guid Id(string word, int number) => new(Bytes(word, number, 16));

    /// <summary>A vault.</summary>
    public static Vault Vault(string name, int number = 1) => new()
    {
        Name = VaultName.Parse(name),
        Number = VaultNumber.From(100_000_000_000 + number),
        Description = $"vault {number} – “quoted” \"too\"",
        Created = Start + number,
        RetentionDays = 7 + number,
        PurgeProtection = true,
        Owner = $"owner{number}",
        AzureAccess = AzureAccess.Policies,
        Project = $"project{number}",
        Stage = VaultStage.Staging,
        SeparateDuties = true,
        Approvals = ApprovalNeeds.Purge | ApprovalNeeds.Grants,
        KeyValue = new(1, 5 + number, true, 60 + number),
        Aliases = Pairs(("vault", $"mount{number}"), ("google", $"project-{number}")),
        SettingsRevision = 2 + number,
        PolicyDigest = Bytes("vault policies", number),
        Mac = Bytes("vault mac", number),
    };

    /// <summary>A head that was not saved yet.</summary>
    public static Secret Secret(long vaultId, string name, int number = 1) => new()
    {
        Uid = SecretUid.From(Bytes("uid", number, 16)),
        VaultId = vaultId,
        Location = Region,
        Name = SecretName.Parse(name),
        Description = $"secret {number}",
        Created = Start + number,
        Changed = Start + (2 * number),
        Revision = 3 + number,
        Highest = 4,
        Current = 2,
        Previous = 1,
        Oldest = 1,
        VersionCount = 4,
        DeletedAt = Start + 5,
        PurgeAt = Start + 6,
        Expires = Start + 7,
        LastReadDay = 19_000 + number,
        EverTagged = true,
        Rotation = """{"days":30}""",
        RotationDue = Start + 8,
        PolicyLanguages = 5,
        PolicyDigest = Bytes("secret policies", number),
        Tags = Pairs(("env", "prod"), ("team", $"t{number}"), ("ключ", "\"значение\" \\ \u0007")),
        LabelCount = 1,
        LabelDigest = Bytes("labels", number),
        Mac = Bytes("secret mac", number),
    };

    /// <summary>A plain head: global, active, without versions.</summary>
    public static Secret Plain(long vaultId, string name, int number = 1) => new()
    {
        Uid = SecretUid.From(Bytes("uid", number, 16)),
        VaultId = vaultId,
        Name = SecretName.Parse(name),
        Created = Start + number,
        Changed = Start + number,
        Mac = Bytes("secret mac", number),
    };

    /// <summary>A version.</summary>
    public static SecretVersion Version(int number) => new()
    {
        Number = number,
        Id = VersionId.From(Bytes("version", number, 16)),
        Token = RequestToken.Parse($"token-{number:D32}"),
        HasValue = number % 2 == 0,
        Kind = ValueKind.Object,
        Size = 10 + number,
        Fingerprint = Bytes("fingerprint", number),
        Created = Start + number,
        Updated = Start + number + 1,
        Revision = 2 + number,
        DisabledAt = Start + 10,
        DestroyAt = Start + 11,
        DestroyedAt = Start + 12,
        NotBefore = Start + 13,
        Expires = Start + 14,
        ContentType = "text/plain",
        Wire = "google",
        KeyName = "alias/key",
        CreatedBy = $"writer{number}",
        LastReadDay = 19_100 + number,
        Mac = Bytes("version mac", number),
    };

    /// <summary>A plain version with a value.</summary>
    public static SecretVersion PlainVersion(int number) => new()
    {
        Number = number,
        Id = VersionId.From(Bytes("version", number, 16)),
        Created = Start + number,
        Updated = Start + number,
        Wire = "native",
        CreatedBy = "writer",
        Mac = Bytes("version mac", number),
    };

    /// <summary>A principal.</summary>
    public static Principal Principal(int number = 1) => new()
    {
        Id = Id("principal", number),
        Name = PrincipalName.Parse($"principal{number}"),
        Kind = PrincipalKind.Person,
        Home = VaultName.Parse("shop"),
        Enabled = true,
        Description = $"principal {number}",
        Created = Start + number,
        Revision = 2 + number,
        Annotations = Pairs(("aws", """{"path":"/"}""")),
        PolicyDigest = Bytes("principal policies", number),
        Mac = Bytes("principal mac", number),
    };

    /// <summary>A group.</summary>
    public static Group Group(int number, params Guid[] members) => new()
    {
        Id = Id("group", number),
        Name = PrincipalName.Parse($"group{number}"),
        Members = [.. members],
        Created = Start + number,
        Revision = 2 + number,
        PolicyDigest = Bytes("group policies", number),
        Mac = Bytes("group mac", number),
    };

    /// <summary>A credential.</summary>
    public static Credential Credential(int number, Guid? principal) => new()
    {
        PublicId = $"AKIA{number:D16}",
        PrincipalId = principal,
        Kind = CredentialKind.SecretId,
        Verifier = Bytes("verifier", number),
        Sealed = Bytes("sealed credential", number, 60),
        Description = $"credential {number}",
        Created = Start + number,
        Expires = Start + 100 + number,
        UsesLeft = 3 + number,
        Cidrs = [IPNetwork.Parse("10.0.0.0/8"), IPNetwork.Parse("2001:db8::/32")],
        LastUsedDay = 19_200 + number,
        LastStep = 57_000_000 + number,
        Policies = ["default", "app \"quoted\""],
        Limits = [new("aws", ["{}", "{\"a\":[1]}"]), new("vault", [])],
        Parent = "AKIAPARENT",
        Revision = 2 + number,
        PolicyDigest = Bytes("credential policies", number),
        Mac = Bytes("credential mac", number),
    };

    /// <summary>A trust.</summary>
    public static Trust Trust(int number, Guid principal) => new()
    {
        Id = Id("trust", number),
        Name = PrincipalName.Parse($"trust{number}"),
        Kind = TrustKind.WebToken,
        Issuer = "https://issuer.example",
        Audiences = ["coffer", "https://coffer.example"],
        Claims = Pairs(("sub", "repo:a/b"), ("aud", "coffer")),
        PrincipalId = principal,
        PrincipalClaim = "sub",
        NewGroup = Id("group", number),
        MaxSeconds = 600 + number,
        Settings = """{"keys":[]}""",
        Sealed = Bytes("trust sealed", number, 60),
        Created = Start + number,
        Revision = 2 + number,
        Mac = Bytes("trust mac", number),
    };

    /// <summary>A request for approval.</summary>
    public static ApprovalRequest Approval(int number, Guid requester) => new()
    {
        Id = $"r-{number:D8}",
        Kind = ApprovalKind.Grant,
        Vault = VaultName.Parse("shop"),
        Names = "app/*",
        RequesterId = requester,
        Grant = """{"effect":"allow"}""",
        SubjectId = Id("group", number),
        SubjectIsGroup = true,
        Reason = $"reason {number} – “quoted”",
        Seconds = 3600 + number,
        Created = Start + number,
        Expires = Start + 100 + number,
        State = ApprovalState.Approved,
        DecidedBy = Id("principal", 9),
        DecidedAt = Start + 50 + number,
        ValidUntil = Start + 90 + number,
        Revision = 2 + number,
        Mac = Bytes("approval mac", number),
    };

    /// <summary>A policy.</summary>
    public static Policy Policy(int number, Attachment on) => new()
    {
        Id = Id("policy", number),
        Language = "aws",
        Name = $"policy{number}",
        Use = PolicyUse.Boundary,
        Source = """{"Statement":[]}""",
        AttachedTo = on,
        Created = Start + number,
        CreatedBy = "admin",
        Revision = 2 + number,
        Mac = Bytes("policy mac", number),
    };

    /// <summary>A role.</summary>
    public static Role Role(int number, string? vault) =>
        new("google", vault is null ? null : VaultName.Parse(vault), $"role{number}", ["secrets.get", "versions.access"]) { Mac = Bytes("role mac", number) };

    /// <summary>An alias.</summary>
    public static PrincipalAlias Alias(int number, Guid principal) =>
        new("auth/oidc", $"user{number}", principal, Pairs(("groups", "dev"))) { Mac = Bytes("alias mac", number) };

    /// <summary>A key table.</summary>
    public static KeyTable Keys(long revision, int keys) =>
        new(revision, Bytes("seal", (int)revision), [.. Enumerable.Range(1, keys).Select(k => new WrappedKey((uint)k, Start + k, Bytes($"key of {revision}", k, 60)))]);

    /// <summary>An ordinal map.</summary>
    public static ImmutableSortedDictionary<string, string> Pairs(params (string Key, string Value)[] pairs) =>
        pairs.ToImmutableSortedDictionary(p => p.Key, p => p.Value, StringComparer.Ordinal);
}
