using System.Text.Json;
using Coffer.Core.Secrets;

namespace Coffer.Protocols.Aws;

internal static partial class AwsWire
{
    public const string DefaultKeyAlias = "alias/aws/secretsmanager";

    /// <summary>Answer of the operations on replication.</summary>
    public static AwsBuffer WriteReplication(WriteOutcome outcome, string region, bool withStatus)
    {
        AwsBuffer buffer = new(512);
        using Utf8JsonWriter writer = new(buffer, WriterOptions);
        writer.WriteStartObject();
        writer.WriteString("ARN"u8, AwsNames.Arn(region, outcome.Vault, outcome.Head));
        if (withStatus)
        {
            Replication(writer, AwsAnnotation.Parse(outcome.Annotations.GetValueOrDefault(AwsDialect.DialectName)));
        }

        writer.WriteEndObject();
        return buffer;
    }

    /// <summary>The status of every replica: they are the secret itself, so they are in step with it.</summary>
    private static void Replication(Utf8JsonWriter writer, AwsAnnotation kept)
    {
        writer.WriteStartArray("ReplicationStatus"u8);
        foreach (AwsReplica replica in kept.Replicas ?? [])
        {
            writer.WriteStartObject();
            writer.WriteString("KmsKeyId"u8, replica.KmsKeyId ?? DefaultKeyAlias);
            writer.WriteString("Region"u8, replica.Region);
            writer.WriteString("Status"u8, "InSync"u8);
            writer.WriteString("StatusMessage"u8, "Replication succeeded"u8);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static void Regions(ref AwsViolations found, string path, IReadOnlyList<string?>? regions, bool isRequired)
    {
        if (regions is null)
        {
            if (isRequired)
            {
                found.Missing(path);
            }

            return;
        }

        found.Length(path, regions.Count, 1, int.MaxValue, null);
        for (int i = 0; i < regions.Count; i++)
        {
            if (regions[i] is { } region)
            {
                string item = path == "addReplicaRegions" ? Item(path, i) + ".region" : Item(path, i);
                found.Length(item, region.Length, 1, 128, null);
                if (!IsRegionName(region))
                {
                    found.Add(item, $"satisfy regular expression pattern: {RegionPattern}", null);
                }
            }
        }
    }
}
