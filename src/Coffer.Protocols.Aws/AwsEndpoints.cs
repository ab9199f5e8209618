using System.Collections.Frozen;
using Coffer.Core;
using Coffer.Core.Access;
using Coffer.Core.Secrets;
using Coffer.Core.Stores;
using Coffer.Protocols.Aws.Policies;
using Microsoft.AspNetCore.Http;

namespace Coffer.Protocols.Aws;

/// <summary>One method per operation: check, call the core once, write. Rules that any other wire could need are in the core.</summary>
internal sealed partial class AwsEndpoints(CofferCore core, RateGate rates)
{
    private readonly IamService _iam = new(core);

    private const AwsMembers Writes = AwsMembers.ClientRequestToken | AwsMembers.SecretString | AwsMembers.SecretBinary;

    private static readonly FrozenDictionary<string, AwsOperation> Targets =
        Enum.GetValues<AwsOperation>().Where(o => o != AwsOperation.Unknown).ToFrozenDictionary(o => $"secretsmanager.{o}", StringComparer.Ordinal);

    private static readonly string[] OperationNames = Enum.GetNames<AwsOperation>();

    /// <summary>The operation's own name.</summary>
    public static string NameOf(AwsOperation operation) => OperationNames[(int)operation];

    /// <summary>The operation that a target names, or <see cref="AwsOperation.Unknown"/>.</summary>
    public static AwsOperation OperationOf(string target) => Targets.GetValueOrDefault(target);

    /// <summary>Answers a proven request. Disposes the body as soon as it was parsed.</summary>
    public async Task HandleAsync(HttpContext context, AwsExchange exchange, RequestBody body)
    {
        if (exchange.Shape != AwsShape.Json)
        {
            using (body)
            {
                await (exchange.Shape == AwsShape.Query ? StsAsync(context, exchange, body) : throw new AwsRefusal(AwsErrors.NoOperation)).ConfigureAwait(false);
            }

            return;
        }

        using AwsInput input = Read(exchange.Operation, body);
        exchange.Input = input;
        using AwsBuffer answer = await (exchange.Operation switch
        {
            AwsOperation.GetSecretValue => GetSecretValueAsync(exchange, input, context.RequestAborted),
            AwsOperation.CreateSecret => CreateSecretAsync(exchange, input, context.RequestAborted),
            AwsOperation.PutSecretValue => PutSecretValueAsync(exchange, input, context.RequestAborted),
            AwsOperation.DescribeSecret => DescribeSecretAsync(exchange, input, context.RequestAborted),
            AwsOperation.ListSecrets => ListSecretsAsync(context, exchange, input, context.RequestAborted),
            AwsOperation.DeleteSecret => DeleteSecretAsync(exchange, input, context.RequestAborted),
            AwsOperation.RestoreSecret => RestoreSecretAsync(exchange, input, context.RequestAborted),
            AwsOperation.UpdateSecret => UpdateSecretAsync(exchange, input, context.RequestAborted),
            AwsOperation.UpdateSecretVersionStage => UpdateSecretVersionStageAsync(exchange, input, context.RequestAborted),
            AwsOperation.ListSecretVersionIds => ListSecretVersionIdsAsync(exchange, input, context.RequestAborted),
            AwsOperation.TagResource => TagResourceAsync(exchange, input, context.RequestAborted),
            AwsOperation.UntagResource => UntagResourceAsync(exchange, input, context.RequestAborted),
            AwsOperation.GetRandomPassword => GetRandomPasswordAsync(exchange, input, context.RequestAborted),
            AwsOperation.BatchGetSecretValue => BatchGetSecretValueAsync(exchange, input, context.RequestAborted),
            AwsOperation.ReplicateSecretToRegions => ReplicateSecretToRegionsAsync(exchange, input, context.RequestAborted),
            AwsOperation.RemoveRegionsFromReplication => RemoveRegionsFromReplicationAsync(exchange, input, context.RequestAborted),
            AwsOperation.StopReplicationToReplica => StopReplicationToReplicaAsync(exchange, input, context.RequestAborted),
            AwsOperation.RotateSecret => RotateSecretAsync(exchange, input, context.RequestAborted),
            AwsOperation.CancelRotateSecret => CancelRotateSecretAsync(exchange, input, context.RequestAborted),
            AwsOperation.PutResourcePolicy => PutResourcePolicyAsync(exchange, input, context.RequestAborted),
            AwsOperation.GetResourcePolicy => GetResourcePolicyAsync(exchange, input, context.RequestAborted),
            AwsOperation.DeleteResourcePolicy => DeleteResourcePolicyAsync(exchange, input, context.RequestAborted),
            AwsOperation.ValidateResourcePolicy => ValidateResourcePolicyAsync(exchange, input, context.RequestAborted),
            AwsOperation.Unknown => throw new AwsRefusal(AwsError.UnknownOperation),
        }).ConfigureAwait(false);
        await AwsWire.SendJsonAsync(context, answer).ConfigureAwait(false);
    }

    private static AwsInput Read(AwsOperation operation, RequestBody body)
    {
        (AwsMembers known, AwsMembers required) = MembersOf(operation);
        AwsInput input;
        using (body)
        {
            input = AwsInput.Parse(body.Span, known);
        }

        try
        {
            AwsWire.Check(input, required, operation == AwsOperation.BatchGetSecretValue ? MaxBatch : 100);
            return input;
        }
        catch
        {
            input.Dispose();
            throw;
        }
    }

    private static (AwsMembers Known, AwsMembers Required) MembersOf(AwsOperation operation) => operation switch
    {
        AwsOperation.GetSecretValue => (AwsMembers.SecretId | AwsMembers.VersionId | AwsMembers.VersionStage, AwsMembers.SecretId),
        AwsOperation.CreateSecret => (
            Writes | AwsMembers.Name | AwsMembers.Description | AwsMembers.KmsKeyId | AwsMembers.Tags | AwsMembers.AddReplicaRegions | AwsMembers.ForceOverwriteReplicaSecret | AwsMembers.Type,
            AwsMembers.Name),
        AwsOperation.PutSecretValue => (Writes | AwsMembers.SecretId | AwsMembers.VersionStages | AwsMembers.RotationToken, AwsMembers.SecretId),
        AwsOperation.RotateSecret => (AwsMembers.SecretId | RotationMembers, AwsMembers.SecretId),
        AwsOperation.DescribeSecret or AwsOperation.RestoreSecret or AwsOperation.StopReplicationToReplica or AwsOperation.CancelRotateSecret => (AwsMembers.SecretId, AwsMembers.SecretId),
        AwsOperation.ListSecrets => (
            AwsMembers.IncludePlannedDeletion | AwsMembers.MaxResults | AwsMembers.NextToken | AwsMembers.Filters | AwsMembers.SortOrder | AwsMembers.SortBy,
            AwsMembers.None),
        AwsOperation.DeleteSecret => (AwsMembers.SecretId | AwsMembers.RecoveryWindowInDays | AwsMembers.ForceDeleteWithoutRecovery, AwsMembers.SecretId),
        AwsOperation.UpdateSecret => (Writes | AwsMembers.SecretId | AwsMembers.Description | AwsMembers.KmsKeyId | AwsMembers.Type, AwsMembers.SecretId),
        AwsOperation.UpdateSecretVersionStage => (
            AwsMembers.SecretId | AwsMembers.VersionStage | AwsMembers.RemoveFromVersionId | AwsMembers.MoveToVersionId,
            AwsMembers.SecretId | AwsMembers.VersionStage),
        AwsOperation.ListSecretVersionIds => (AwsMembers.SecretId | AwsMembers.MaxResults | AwsMembers.NextToken | AwsMembers.IncludeDeprecated, AwsMembers.SecretId),
        AwsOperation.TagResource => (AwsMembers.SecretId | AwsMembers.Tags, AwsMembers.SecretId | AwsMembers.Tags),
        AwsOperation.UntagResource => (AwsMembers.SecretId | AwsMembers.TagKeys, AwsMembers.SecretId | AwsMembers.TagKeys),
        AwsOperation.GetRandomPassword => (PasswordMembers, AwsMembers.None),
        AwsOperation.BatchGetSecretValue => (AwsMembers.SecretIdList | AwsMembers.Filters | AwsMembers.MaxResults | AwsMembers.NextToken, AwsMembers.None),
        AwsOperation.ReplicateSecretToRegions => (
            AwsMembers.SecretId | AwsMembers.AddReplicaRegions | AwsMembers.ForceOverwriteReplicaSecret, AwsMembers.SecretId | AwsMembers.AddReplicaRegions),
        AwsOperation.RemoveRegionsFromReplication => (AwsMembers.SecretId | AwsMembers.RemoveReplicaRegions, AwsMembers.SecretId | AwsMembers.RemoveReplicaRegions),
        AwsOperation.GetResourcePolicy or AwsOperation.DeleteResourcePolicy => (AwsMembers.SecretId, AwsMembers.SecretId),
        AwsOperation.PutResourcePolicy => (AwsMembers.SecretId | AwsMembers.ResourcePolicy | AwsMembers.BlockPublicPolicy, AwsMembers.SecretId | AwsMembers.ResourcePolicy),
        AwsOperation.ValidateResourcePolicy => (AwsMembers.SecretId | AwsMembers.ResourcePolicy, AwsMembers.ResourcePolicy),
        AwsOperation.Unknown => default,
    };

    private async Task<AwsBuffer> GetSecretValueAsync(AwsExchange exchange, AwsInput input, CancellationToken cancellationToken)
    {
        exchange.Selector = AwsNames.SelectorOf(input.VersionId, input.VersionStage);
        SecretPath path = await LocateAsync(exchange, input.SecretId!).ConfigureAwait(false);
        using SecretReading reading = await core.Secrets.GetValueAsync(exchange.Caller!, path, exchange.Selector, cancellationToken).ConfigureAwait(false);
        return AwsWire.Write(reading, exchange.Region);
    }

    private async Task<AwsBuffer> DescribeSecretAsync(AwsExchange exchange, AwsInput input, CancellationToken cancellationToken)
    {
        SecretPath path = await LocateAsync(exchange, input.SecretId!).ConfigureAwait(false);
        return AwsWire.Write(await core.Secrets.DescribeAsync(exchange.Caller!, path, cancellationToken).ConfigureAwait(false), exchange.Region);
    }

    private async Task<AwsBuffer> ListSecretsAsync(HttpContext context, AwsExchange exchange, AwsInput input, CancellationToken cancellationToken)
    {
        if (exchange.Caller!.HomeOf() is not { } home)
        {
            throw await NoHomeAsync(exchange, null).ConfigureAwait(false);
        }

        SecretPage page = await core.Secrets.ListAsync(
            exchange.Caller!,
            home,
            ListOf(input, 100) with
            {
                Order = input.SortBy switch
                {
                    "last-accessed-date" => SecretOrder.LastRead,
                    "last-changed-date" => SecretOrder.Changed,
                    "name" => SecretOrder.Name,
                    _ => SecretOrder.Created,
                },
                Descending = input.SortOrder == "desc",
                Filter = input.IncludePlannedDeletion == true ? SecretFilter.All : SecretFilter.Active,
                WithVersions = true,
            },
            cancellationToken).ConfigureAwait(false);
        return AwsWire.Write(page, exchange.Region);
    }

    private static ListRequest ListOf(AwsInput input, int most)
    {
        AwsFilters filters = AwsFilters.Parse(input.Filters);
        return new()
        {
            Limit = (int)(input.MaxResults ?? most),
            PageToken = input.NextToken,
            NamePrefix = filters.NamePrefix,
            Wire = WireNames.Aws,
            Where = filters.Where,
            WhereAnnotation = filters.WhereAnnotation,
            WhereText = filters.Text,
        };
    }

    /// <summary>Reads the SecretId and says where it leads; notes both for error texts.</summary>
    private async ValueTask<SecretPath> LocateAsync(AwsExchange exchange, string secretId)
    {
        AwsSecretId id = AwsNames.ParseSecretId(secretId);
        exchange.SecretId = secretId;
        if (id.PathOf(exchange.Caller!.HomeOf(), core.Access) is not { } path)
        {
            throw await NoHomeAsync(exchange, secretId).ConfigureAwait(false);
        }

        path = path with { Condition = ConditionOf(exchange, path.Name) };
        exchange.Path = path;
        return path;
    }

    /// <summary>A caller without a home vault named no vault: there is nothing that it could be allowed.</summary>
    private async ValueTask<AwsRefusal> NoHomeAsync(AwsExchange exchange, string? secretId)
    {
        Caller caller = exchange.Caller!;
        await core.Credentials.RefusedAsync(caller.Dialect, caller.WireOperation, caller.Credential, "the principal has no home vault", caller.Address, caller.UserAgent, caller.RequestId).ConfigureAwait(false);
        return new(AwsErrors.NoHome(exchange, secretId));
    }
}
