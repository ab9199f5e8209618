using System.Collections.Immutable;
using Coffer.Core.Access;

namespace Coffer.Protocols.Aws.Policies;

public sealed partial class IamLanguage
{
    private static readonly IamAction?[] Translations = BuildTranslations();

    private static readonly IamAction
        BatchGet = IamAction.Of("secretsmanager:BatchGetSecretValue"),
        GetValue = IamAction.Of("secretsmanager:GetSecretValue"),
        Describe = IamAction.Of("secretsmanager:DescribeSecret"),
        ListVersions = IamAction.Of("secretsmanager:ListSecretVersionIds"),
        Tag = IamAction.Of("secretsmanager:TagResource"),
        Replicate = IamAction.Of("secretsmanager:ReplicateSecretToRegions"),
        PutPolicy = IamAction.Of("secretsmanager:PutResourcePolicy");

    /// <inheritdoc/>
    public ImmutableArray<PolicyQuestion> Express(AccessSnapshot access, AccessRequest request)
    {
        // Who one is may be asked by anybody, whatever a policy says: so it is in AWS.
        if (request.Operation == Operation.WhoAmI)
        {
            return [];
        }

        AwsIdentity caller = AwsIdentity.Of(access, request.Caller);
        AwsExchange? native = request.Caller.Native as AwsExchange;
        if (native is not null && NativeOf(native, request.Operation) is { } own)
        {
            return native.Operation == AwsOperation.BatchGetSecretValue
                ? [Ask(request, caller, native, BatchGet), Ask(request, caller, native, own)]
                : native.Operation == AwsOperation.ValidateResourcePolicy && own != PutPolicy
                    ? [Ask(request, caller, native, own), Ask(request, caller, native, PutPolicy)]
                    : [Ask(request, caller, native, own)];
        }

        return request.Operation == Operation.BackupSecret
            ? [Ask(request, caller, null, GetValue), Ask(request, caller, null, Describe), Ask(request, caller, null, ListVersions)]
            : ActionOf(request.Operation) is { } action ? [Ask(request, caller, null, action)]
            : [Ask(request, caller, null, IamAction.Other)];
    }

    /// <summary>The action that an operation is in this language, or null where it has no word for it.</summary>
    private static IamAction? ActionOf(Operation operation) => Translations[(int)operation];

    /// <summary>
    /// The action that a call on this wire asks for one of the operations that follow from it, or null where the operation is
    /// asked beside the call (a denial's text asks whether it may name the secret).
    /// </summary>
    private static IamAction? NativeOf(AwsExchange native, Operation operation) => (native.Operation, operation) switch
    {
        (AwsOperation.Unknown, Operation.Administer or Operation.WritePolicy or Operation.ReadPolicy) => IamAction.Find(native.Action),
        (AwsOperation.GetSecretValue or AwsOperation.BatchGetSecretValue, Operation.ReadValue) => GetValue,
        (AwsOperation.CreateSecret, Operation.EditTags) => Tag,
        (AwsOperation.CreateSecret, Operation.EditMetadata) => Replicate,
        (AwsOperation.CreateSecret, Operation.CreateSecret or Operation.AddVersion)
            or (AwsOperation.PutSecretValue, Operation.AddVersion)
            or (AwsOperation.UpdateSecret, Operation.EditMetadata or Operation.AddVersion)
            or (AwsOperation.UpdateSecretVersionStage, Operation.MoveLabel or Operation.AddVersion)
            or (AwsOperation.TagResource or AwsOperation.UntagResource, Operation.EditTags)
            or (AwsOperation.DescribeSecret, Operation.ReadMetadata)
            or (AwsOperation.ListSecretVersionIds, Operation.ListVersions)
            or (AwsOperation.ListSecrets, Operation.ListSecrets or Operation.ListDeleted)
            or (AwsOperation.DeleteSecret, Operation.DeleteSecret or Operation.PurgeSecret)
            or (AwsOperation.RestoreSecret, Operation.RecoverSecret)
            or (AwsOperation.GetRandomPassword, Operation.RandomPassword)
            or (AwsOperation.GetResourcePolicy, Operation.ReadPolicy)
            or (AwsOperation.ReplicateSecretToRegions or AwsOperation.RemoveRegionsFromReplication or AwsOperation.StopReplicationToReplica, Operation.EditMetadata)
            or (AwsOperation.RotateSecret, Operation.RotateSecret or Operation.Administer)
            or (AwsOperation.CancelRotateSecret, Operation.CancelRotation)
            or (AwsOperation.PutResourcePolicy or AwsOperation.DeleteResourcePolicy or AwsOperation.ValidateResourcePolicy, Operation.WritePolicy)
                => IamAction.Of("secretsmanager:" + native.WireOperation),
        _ => null,
    };

    private static PolicyQuestion Ask(AccessRequest request, AwsIdentity caller, AwsExchange? native, IamAction action)
    {
        IamResource resource = !action.HasResource ? IamResource.None : ResourceOf(request, native);
        string account = request.Vault?.Number.ToString() ?? "";
        bool same = account.Length > 0 && account != AwsNames.NoAccount && account == caller.Account;
        IamQuestion question = new()
        {
            Action = action,
            Resource = resource,
            Caller = caller,
            Context = new(request, caller, action, resource, native),
            // What is on no secret is asked in the caller's own account.
            SameAccount = same,
            Counts = action != IamAction.Other,
        };
        return new(action.Name, resource.Text, question);
    }

    /// <summary>The ARN of the secret, or of the one to be made; the id as sent for one that is not there.</summary>
    private static IamResource ResourceOf(AccessRequest request, AwsExchange? native)
    {
        if (native is { ResourceArn: { } arn })
        {
            return IamResource.Of(arn);
        }

        if (request.Name is not { } name || request.Vault is not { } vault)
        {
            return request.Name is { } missing ? IamResource.Of(native?.SecretId ?? missing.Value) : IamResource.None;
        }

        if ((request.Head?.Uid ?? request.NewUid) is { } uid)
        {
            // A colon, which names of other wires may hold, would move the parts of the ARN.
            string relative = $"secret:{name.Value.Replace(":", "%3A", StringComparison.Ordinal)}-{uid.Suffix()}", account = vault.Number.ToString();
            return new($"arn:aws:secretsmanager:{native?.Region ?? "*"}:{account}:{relative}", "secretsmanager", account, relative);
        }

        return IamResource.Of(native is not null && native.IsAbout(name) && native.SecretId is { } sent ? sent : name.Value);
    }

    private static IamAction?[] BuildTranslations()
    {
        Operation[] all = Enum.GetValues<Operation>();
        IamAction?[] table = new IamAction?[(int)all[^1] + 1];
        foreach (Operation operation in all)
        {
            string? name = operation switch
            {
                Operation.ListSecrets or Operation.ListDeleted => "ListSecrets",
                Operation.CreateSecret or Operation.RestoreBackup => "CreateSecret",
                Operation.ReadMetadata or Operation.ReadDeleted or Operation.ReadVersionMetadata => "DescribeSecret",
                Operation.ListVersions => "ListSecretVersionIds",
                Operation.ReadValue => "GetSecretValue",
                Operation.AddVersion => "PutSecretValue",
                Operation.EditMetadata => "UpdateSecret",
                Operation.EditTags => "TagResource",
                Operation.MoveLabel or Operation.EnableVersion or Operation.DisableVersion => "UpdateSecretVersionStage",
                Operation.DestroyVersion or Operation.PurgeSecret or Operation.DeleteSecret => "DeleteSecret",
                Operation.RecoverSecret => "RestoreSecret",
                Operation.RotateSecret => "RotateSecret",
                Operation.CancelRotation => "CancelRotateSecret",
                Operation.RandomPassword => "GetRandomPassword",

                // Asked of three actions, or of none that this language could allow.
                Operation.BackupSecret or Operation.ReadPolicy or Operation.WritePolicy or Operation.Administer or Operation.WhoAmI or Operation.ReadAudit => null,
            };
            table[(int)operation] = name is null ? null : IamAction.Of("secretsmanager:" + name);
        }

        return table;
    }
}
