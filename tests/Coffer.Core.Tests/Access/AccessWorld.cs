using System.Collections.Immutable;
using System.Net;
using Coffer.Core.Access;
using Coffer.Core.Secrets;

namespace Coffer.Core.Tests.Access;

/// <summary>A small world of one principal, one group and two vaults, and the policies that a test puts into it.</summary>
internal sealed class AccessWorld
{
    public const long Now = 1_700_000_000_000_000;

    public static readonly VaultName Shop = VaultName.Parse("shop"), Dev = VaultName.Parse("dev");

    private readonly List<Policy> _policies = [];

    public AccessWorld(params IPolicyLanguage[] languages) => Languages = [.. languages];

    public ImmutableArray<IPolicyLanguage> Languages { get; }

    public Principal Me { get; set; } = new() { Id = Guid.Parse("11111111-1111-1111-1111-111111111111"), Name = PrincipalName.Parse("app"), Kind = PrincipalKind.Workload, Home = Shop, Created = 0 };

    public Group Team { get; } = new()
    {
        Id = Guid.Parse("22222222-2222-2222-2222-222222222222"),
        Name = PrincipalName.Parse("team"),
        Members = [Guid.Parse("11111111-1111-1111-1111-111111111111")],
        Created = 0,
    };

    public bool Registered { get; set; } = true;

    public static ImmutableArray<Vault> Vaults { get; } =
    [
        new() { Id = 1, Name = Shop, Number = VaultNumber.From(111_111_111_111), Created = 0 },
        new() { Id = 2, Name = Dev, Number = VaultNumber.From(222_222_222_222), Created = 0 },
    ];

    public AccessWorld With(string language, string source, Attachment? at = null, string name = "p", PolicyUse use = PolicyUse.Identity)
    {
        _policies.Add(Document(language, source, at ?? Attachment.ToPrincipal(Me.Id), name, use));
        return this;
    }

    public AccessWorld With(Grant grant, Attachment? at = null, string name = "g") => With(GrantLanguage.LanguageName, grant.ToSource(), at, name);

    public static Policy Document(string language, string source, Attachment at, string name = "p", PolicyUse use = PolicyUse.Identity) => new()
    {
        Id = Guid.NewGuid(),
        Language = language,
        Name = name,
        Use = use,
        Source = source,
        AttachedTo = at,
        Created = 0,
        CreatedBy = "admin",
    };

    public AccessSnapshot Snapshot(AccessSnapshot? older = null) => new(Vaults, new(1, Registered ? [Me] : [], [Team], [], _policies, [], [], []), Languages, older);

    public Caller Caller(string dialect = "coffer", IPAddress? address = null, params PolicySet[] limits) => new()
    {
        Principal = Me,
        Credential = "key-1",
        Dialect = dialect,
        WireOperation = "op",
        RequestId = "r",
        Address = address,
        Limits = [.. limits],
    };

    public AccessRequest Ask(Operation operation, string? name = "db", string dialect = "coffer", VaultName? vault = null, bool server = false) => new()
    {
        Operation = operation,
        Caller = Caller(dialect),
        Now = Now,
        VaultName = server ? null : vault ?? Shop,
        Vault = server ? null : Vaults.FirstOrDefault(v => v.Name == (vault ?? Shop)),
        Name = name is null ? null : SecretName.Parse(name),
        Head = name is null ? null : Head(name),
        Version = operation == Operation.ReadValue ? VersionSelector.Current : null,
    };

    public static Secret Head(string name, params (string Key, string Value)[] tags) => new()
    {
        Uid = new((UInt128)(ulong)name.Length + 77),
        VaultId = 1,
        Name = SecretName.Parse(name),
        Created = 0,
        Changed = 0,
        Tags = tags.ToImmutableSortedDictionary(t => t.Key, t => t.Value, StringComparer.Ordinal),
    };

    public AccessDecision Decide(AccessRequest request, params ParsedPolicy[] onSecret) => AccessEvaluator.Decide(Snapshot(), request, [.. onSecret]);
}
