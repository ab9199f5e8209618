using System.Text.Json;
using System.Text.Json.Serialization;

namespace Coffer.Protocols.Aws;

/// <summary>One region that a secret is replicated to. Here that is a view of the one secret, with a key name of its own.</summary>
/// <param name="Region">The region.</param>
/// <param name="KmsKeyId">The key named for it; null means the default key.</param>
internal sealed record AwsReplica(string Region, string? KmsKeyId);

/// <summary>What only this wire knows about a secret, kept with it so that it reads back as written.</summary>
internal sealed record AwsAnnotation
{
    /// <summary>The key the caller named; null means the default key.</summary>
    public string? KmsKeyId { get; init; }

    /// <summary>The region that the secret is replicated from; null unless it is replicated.</summary>
    public string? PrimaryRegion { get; init; }

    /// <summary>The regions it is replicated to, by name; null unless it is replicated.</summary>
    public IReadOnlyList<AwsReplica>? Replicas { get; init; }

    /// <summary>Reads back what <see cref="ToJson"/> wrote.</summary>
    public static AwsAnnotation Parse(string? json) => json is null ? new() : JsonSerializer.Deserialize(json, AwsJson.Default.AwsAnnotation) ?? new();

    /// <summary>As it is kept; null where there is nothing to keep.</summary>
    public string? ToJson() => KmsKeyId is null && Replicas is null ? null : JsonSerializer.Serialize(this, AwsJson.Default.AwsAnnotation);

    /// <summary>The replica in a region, or null.</summary>
    public AwsReplica? ReplicaIn(string region) => Replicas?.FirstOrDefault(r => r.Region == region);

    /// <summary>The key that a caller in a region sees: a replica's own, else the secret's; null means the default key.</summary>
    public string? KeyIn(string region) => ReplicaIn(region) is { } replica ? replica.KmsKeyId : KmsKeyId;

    /// <summary>With these replicas; without any it is as if it had never been replicated.</summary>
    public AwsAnnotation WithReplicas(string primary, IEnumerable<AwsReplica> replicas)
    {
        AwsReplica[] sorted = [.. replicas.OrderBy(r => r.Region, StringComparer.Ordinal)];
        return sorted.Length == 0 ? this with { PrimaryRegion = null, Replicas = null } : this with { PrimaryRegion = PrimaryRegion ?? primary, Replicas = sorted };
    }
}

[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(AwsAnnotation))]
[JsonSerializable(typeof(Policies.AwsProfile))]
[JsonSerializable(typeof(Policies.AwsManagedPolicy))]
internal sealed partial class AwsJson : JsonSerializerContext;
