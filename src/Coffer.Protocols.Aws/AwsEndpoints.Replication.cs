using Coffer.Core.Errors;
using Coffer.Core.Secrets;

namespace Coffer.Protocols.Aws;

/// <summary>
/// Replication. One secret answers for every region, so a replica is a view of it: it has the status and the key name that the
/// caller gave it, and in its region the secret is not written. Nothing is copied, so nothing lags or fails.
/// </summary>
internal sealed partial class AwsEndpoints
{
    /// <summary>There are fewer regions than this; the bound keeps what is stored small.</summary>
    private const int MaxReplicas = 100;

    private const string NotOnReplica = "Operation not permitted on a replica secret. Call must be made in primary secret's region.";
    private const string InvalidReplica = "Invalid replica region.";

    private async Task<AwsBuffer> ReplicateSecretToRegionsAsync(AwsExchange exchange, AwsInput input, CancellationToken cancellationToken)
    {
        AwsReplica[] wanted = ReplicasOf(exchange, input.AddReplicaRegions!);
        return await EditReplicasAsync(exchange, input, withStatus: true, cancellationToken, kept =>
        {
            if (wanted.Any(w => w.Region == kept.PrimaryRegion))
            {
                throw Refused(exchange, AwsError.InvalidParameter(InvalidReplica));
            }

            // One that is there already is left alone unless the caller means to overwrite it: only its key name could change.
            AwsReplica[] all = input.ForceOverwriteReplicaSecret == true
                ? [.. wanted, .. (kept.Replicas ?? []).Where(r => wanted.All(w => w.Region != r.Region))]
                : [.. kept.Replicas ?? [], .. wanted.Where(w => kept.ReplicaIn(w.Region) is null)];
            return all.Length <= MaxReplicas
                ? kept.WithReplicas(exchange.Region, all)
                : throw Refused(exchange, AwsError.InvalidParameter($"A secret can have at most {MaxReplicas} replica regions."));
        }).ConfigureAwait(false);
    }

    private Task<AwsBuffer> RemoveRegionsFromReplicationAsync(AwsExchange exchange, AwsInput input, CancellationToken cancellationToken) =>
        EditReplicasAsync(exchange, input, withStatus: true, cancellationToken, kept =>
            kept.WithReplicas(exchange.Region, (kept.Replicas ?? []).Where(r => !input.RemoveReplicaRegions!.Contains(r.Region))));

    private Task<AwsBuffer> StopReplicationToReplicaAsync(AwsExchange exchange, AwsInput input, CancellationToken cancellationToken) =>
        EditReplicasAsync(exchange, input, withStatus: false, cancellationToken, kept => kept.ReplicaIn(exchange.Region) is null
            ? throw Refused(exchange, AwsError.InvalidRequest("You can only stop replication of a replica secret. Call must be made in the replica's region."))
            : kept.WithReplicas(exchange.Region, kept.Replicas!.Where(r => r.Region != exchange.Region)));

    private async Task<AwsBuffer> EditReplicasAsync(
        AwsExchange exchange, AwsInput input, bool withStatus, CancellationToken cancellationToken, Func<AwsAnnotation, AwsAnnotation> change)
    {
        SecretPath path = await LocateAsync(exchange, input.SecretId!).ConfigureAwait(false);
        EditMetadata edit = new() { Annotation = new(AwsDialect.DialectName, json => change(AwsAnnotation.Parse(json)).ToJson()) };
        WriteOutcome outcome = await core.Secrets.EditAsync(exchange.Caller!, path, edit, cancellationToken).ConfigureAwait(false);
        return AwsWire.WriteReplication(outcome, exchange.Region, withStatus);
    }

    /// <summary>The regions named, each once and none of them the caller's own.</summary>
    private static AwsReplica[] ReplicasOf(AwsExchange exchange, IReadOnlyList<AwsTag> named)
    {
        if (named.Any(r => r.Key == exchange.Region))
        {
            throw new AwsRefusal(AwsError.InvalidParameter(InvalidReplica));
        }

        if (named.Count > MaxReplicas || named.DistinctBy(r => r.Key, StringComparer.Ordinal).Count() < named.Count)
        {
            throw new AwsRefusal(AwsError.InvalidParameter(named.Count > MaxReplicas ? $"A secret can have at most {MaxReplicas} replica regions." : "Duplicate replica regions found."));
        }

        return [.. named.Select(r => new AwsReplica(r.Key!, KeyOf(r.Value)))];
    }

    /// <summary>
    /// What must hold before a write: it is not signed for a replica's region, and a secret that is deleted has no replicas. Held
    /// where the write happens, so that it cannot be overtaken; a read costs nothing more.
    /// </summary>
    private static AnnotationCondition? ConditionOf(AwsExchange exchange, SecretName name) => exchange.Operation switch
    {
        AwsOperation.GetSecretValue or AwsOperation.BatchGetSecretValue or AwsOperation.DescribeSecret or AwsOperation.ListSecretVersionIds or AwsOperation.StopReplicationToReplica => null,
        _ => new(AwsDialect.DialectName, json =>
        {
            // Nearly every secret has no annotation, or none of this.
            if (json is null || AwsAnnotation.Parse(json) is not { Replicas: { } replicas } kept)
            {
                return;
            }

            if (kept.ReplicaIn(exchange.Region) is not null)
            {
                throw Refused(exchange, AwsError.InvalidParameter(NotOnReplica));
            }

            if (exchange.Operation == AwsOperation.DeleteSecret)
            {
                string regions = string.Join(", ", replicas.Select(r => r.Region));
                throw Refused(exchange, AwsError.InvalidParameter($"You can't delete secret {name.Value} that still has replica regions [{regions}]"));
            }
        }),
    };

    /// <summary>A refusal that the core records, told in this wire's own words.</summary>
    private static CofferException Refused(AwsExchange exchange, AwsError error)
    {
        exchange.Refused = error;
        return Error.PreconditionFailed(error.Message!);
    }
}
