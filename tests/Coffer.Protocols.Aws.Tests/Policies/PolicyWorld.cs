using System.Net;
using Coffer.Core.Access;
using Coffer.Core.Secrets;
using Coffer.Protocols.Aws.Policies;

namespace Coffer.Protocols.Aws.Tests.Policies;

/// <summary>Decisions of the language alone: two accounts, a role and a user in the first, a role in the second, and a secret of the first.</summary>
internal sealed class PolicyWorld
{
    public const long Now = 1_767_323_045_000_000;

    private readonly List<Policy> _policies = [];
    private readonly List<ParsedPolicy> _onSecret = [];
    private readonly IamLanguage _language = new();

    public PolicyWorld()
    {
        Shop = VaultOf(1, "shop", "111111111111");
        Bank = VaultOf(2, "bank", "222222222222");
        Role = PrincipalOf("deployer", Shop, isRole: true, ("team", "red"));
        User = PrincipalOf("alice", Shop, isRole: false, ("team", "blue"));
        Stranger = PrincipalOf("stranger", Bank, isRole: true);
        Homeless = new() { Id = Guid.NewGuid(), Name = PrincipalName.Parse("homeless"), Kind = PrincipalKind.Workload, Created = 1 };
        Secret = SecretOf("db", ("env", "prod"), ("Owner", "x"));
    }

    public Vault Shop { get; }

    public Vault Bank { get; }

    public Principal Role { get; }

    public Principal User { get; }

    public Principal Stranger { get; }

    public Principal Homeless { get; }

    public Secret Secret { get; set; }

    public string Arn => $"arn:aws:secretsmanager:eu-west-1:111111111111:secret:{Secret.Name.Value}-{Secret.Uid.Suffix()}";

    public AccessSnapshot Snapshot => new([Shop, Bank], new(1, [Role, User, Stranger, Homeless], [], [], [.. _policies], [], [], []), [new GrantLanguage(), _language]);

    public static string Document(string statements, string version = "2012-10-17") => $$"""{"Version":"{{version}}","Statement":[{{statements}}]}""";

    public PolicyWorld On(Principal principal, string statements, PolicyUse use = PolicyUse.Identity)
    {
        _policies.Add(Make(use, Attachment.ToPrincipal(principal.Id), statements));
        return this;
    }

    public PolicyWorld Everywhere(string statements)
    {
        _policies.Add(Make(PolicyUse.Organisation, Attachment.Server, statements));
        return this;
    }

    public PolicyWorld OnSecret(string statements)
    {
        _onSecret.Add(_language.Parse(Make(PolicyUse.Resource, Attachment.To(Secret.Uid), statements)));
        return this;
    }

    public AccessDecision Ask(Principal principal, Operation operation = Operation.ReadValue, Func<AccessRequest, AccessRequest>? with = null)
    {
        AccessRequest request = new()
        {
            Operation = operation,
            Caller = new()
            {
                Principal = principal,
                Credential = "test",
                Dialect = "native",
                WireOperation = "Test",
                RequestId = "r",
                Address = IPAddress.Parse("10.1.2.3"),
                Session = "ci",
            },
            Now = Now,
            VaultName = Shop.Name,
            Vault = Shop,
            Name = Secret.Name,
            Head = Secret,
            Version = operation == Operation.ReadValue ? VersionSelector.Current : null,
        };
        return AccessEvaluator.Decide(Snapshot, with?.Invoke(request) ?? request, [.. _onSecret]);
    }

    public bool May(Principal principal, Operation operation = Operation.ReadValue, Func<AccessRequest, AccessRequest>? with = null) => Ask(principal, operation, with).Allowed;

    public static Secret SecretOf(string name, params (string Key, string Value)[] tags) => new()
    {
        Uid = SecretUid.Draw(),
        VaultId = 1,
        Name = SecretName.Parse(name),
        Created = 1,
        Changed = 1,
        Tags = Secret.NoTags.AddRange(tags.Select(t => KeyValuePair.Create(t.Key, t.Value))),
    };

    private static Policy Make(PolicyUse use, Attachment at, string statements) => new()
    {
        Id = Guid.NewGuid(),
        Language = IamLanguage.LanguageName,
        Name = "p",
        Use = use,
        Source = statements.StartsWith("""{"Version""", StringComparison.Ordinal) ? statements : Document(statements),
        AttachedTo = at,
        Created = 1,
        CreatedBy = "root",
    };

    private static Vault VaultOf(long id, string name, string number) => new() { Id = id, Name = VaultName.Parse(name), Number = VaultNumber.TryParse(number, out VaultNumber parsed) ? parsed : throw new FormatException(), Created = 1 };

    private static Principal PrincipalOf(string name, Vault home, bool isRole, params (string Key, string Value)[] tags) => new()
    {
        Id = Guid.NewGuid(),
        Name = PrincipalName.Parse(name),
        Kind = PrincipalKind.Workload,
        Home = home.Name,
        Created = 1,
        Annotations = Secret.NoTags.Add("aws", new AwsProfile { Name = name, IsRole = isRole, Tags = Secret.NoTags.AddRange(tags.Select(t => KeyValuePair.Create(t.Key, t.Value))) }.ToJson()),
    };
}
