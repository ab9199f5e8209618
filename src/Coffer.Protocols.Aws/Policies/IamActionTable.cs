using System.Collections.Frozen;

namespace Coffer.Protocols.Aws.Policies;

/// <summary>An action that this server asks about. Actions of other services may stand in a policy and match nothing here.</summary>
/// <param name="Index">Its bit.</param>
/// <param name="Name"><c>service:Operation</c>.</param>
/// <param name="HasResource">False for actions that only a policy on <c>*</c> matches.</param>
internal sealed record IamAction(int Index, string Name, bool HasResource)
{
    private static readonly IamAction[] AllActions = Build();
    private static readonly FrozenDictionary<string, IamAction> ByName = AllActions.ToFrozenDictionary(a => a.Name, StringComparer.Ordinal);

    /// <summary>Stands for a question that this language has no word for: only a policy on every action matches it.</summary>
    public static IamAction Other { get; } = new(-1, "*", false);

    public static IReadOnlyList<IamAction> All => AllActions;

    /// <summary>The action of that exact name; it is one of the table.</summary>
    public static IamAction Of(string name) => ByName[name];

    public static IamAction? Find(string name) => ByName.GetValueOrDefault(name);

    private static IamAction[] Build()
    {
        string[] secrets =
        [
            "BatchGetSecretValue-", "CancelRotateSecret", "CreateSecret", "DeleteResourcePolicy", "DeleteSecret", "DescribeSecret", "GetRandomPassword-", "GetResourcePolicy", "GetSecretValue",
            "ListSecretVersionIds", "ListSecrets-", "PutResourcePolicy", "PutSecretValue", "RemoveRegionsFromReplication", "ReplicateSecretToRegions", "RestoreSecret", "RotateSecret",
            "StopReplicationToReplica", "TagResource", "UntagResource", "UpdateSecret", "UpdateSecretVersionStage", "ValidateResourcePolicy",
        ];
        string[] sts = ["AssumeRole", "AssumeRoleWithWebIdentity", "TagSession", "SetSourceIdentity"];
        IEnumerable<string> names = secrets.Select(n => "secretsmanager:" + n).Concat(sts.Select(n => "sts:" + n)).Concat(IamOperations.Names.Select(n => "iam:" + n));
        return [.. names.Select((name, i) => new IamAction(i, name.TrimEnd('-'), name[^1] != '-'))];
    }
}
