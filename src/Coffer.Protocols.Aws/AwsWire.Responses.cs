using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Unicode;
using Coffer.Core.Secrets;

namespace Coffer.Protocols.Aws;

internal static partial class AwsWire
{
    private const long MicrosecondsPerDay = 86_400_000_000;

    /// <summary>Answer of GetSecretValue: the value goes from its own buffer into the answer's, escaped in between in a third that is zeroed too.</summary>
    public static AwsBuffer Write(SecretReading reading, string region) =>
        Filled(1024 + (reading.Value.Length * 2), (reading, region), static (writer, answer) => Value(writer, answer.reading, answer.region));

    /// <summary>Answer of BatchGetSecretValue.</summary>
    public static AwsBuffer Write(IReadOnlyList<SecretReading> readings, IReadOnlyList<(string SecretId, AwsError Error)> errors, string? next, string region) =>
        Filled(1024 + readings.Sum(r => 512 + (r.Value.Length * 2)) + (errors.Count * 512), (readings, errors, next, region), static (writer, answer) =>
        {
            writer.WriteStartObject();
            writer.WriteStartArray("Errors"u8);
            foreach ((string secretId, AwsError error) in answer.errors)
            {
                writer.WriteStartObject();
                writer.WriteString("ErrorCode"u8, error.Type);
                writer.WriteString("Message"u8, error.Message ?? "");
                writer.WriteString("SecretId"u8, secretId);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            if (answer.next is { } token)
            {
                writer.WriteString("NextToken"u8, token);
            }

            writer.WriteStartArray("SecretValues"u8);
            foreach (SecretReading reading in answer.readings)
            {
                Value(writer, reading, answer.region);
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        });

    /// <summary>Answer of GetRandomPassword.</summary>
    public static AwsBuffer WritePassword(SecretValue password) => Filled(64 + (password.Length * 2), password, static (writer, value) =>
    {
        writer.WriteStartObject();
        writer.WritePropertyName("RandomPassword"u8);
        WriteValue(writer, value.Span);
        writer.WriteEndObject();
    });

    /// <summary>Answer of an operation that has none.</summary>
    public static AwsBuffer WriteNothing()
    {
        AwsBuffer buffer = new(16);
        buffer.Write("{}");
        return buffer;
    }

    /// <summary>Answer of ListSecretVersionIds. A labelled version has the secret's key, as in AWS, which seals those anew when the key changes.</summary>
    public static AwsBuffer Write(VersionPage page, string region)
    {
        SecretDescription secret = page.Description;
        string? key = AwsAnnotation.Parse(secret.Annotations.GetValueOrDefault(AwsDialect.DialectName)).KeyIn(region);
        AwsBuffer buffer = new(512 + (page.Versions.Length * 256));
        using Utf8JsonWriter writer = new(buffer, WriterOptions);
        writer.WriteStartObject();
        writer.WriteString("ARN"u8, AwsNames.Arn(region, secret.Vault, secret.Head));
        writer.WriteString("Name"u8, secret.Head.Name.Value);
        if (page.NextToken is { } next)
        {
            writer.WriteString("NextToken"u8, next);
        }

        writer.WriteStartArray("Versions"u8);
        foreach ((SecretVersion version, ImmutableArray<VersionLabel> labels) in page.Versions)
        {
            writer.WriteStartObject();
            Seconds(writer, "CreatedDate"u8, version.Created);
            writer.WriteStartArray("KmsKeyIds"u8);
            writer.WriteStringValue((labels.IsEmpty ? version.KeyName ?? key : key) ?? "DefaultEncryptionKey");
            writer.WriteEndArray();
            if (version.LastReadDay is { } day)
            {
                Seconds(writer, "LastAccessedDate"u8, day * MicrosecondsPerDay);
            }

            writer.WriteString("VersionId"u8, version.AwsId);
            Labels(writer, "VersionStages"u8, labels);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
        return buffer;
    }

    /// <summary>An answer with a value in it: whatever fails, the buffer is zeroed.</summary>
    private static AwsBuffer Filled<T>(int capacity, T content, Action<Utf8JsonWriter, T> write)
    {
        AwsBuffer buffer = new(capacity);
        try
        {
            using Utf8JsonWriter writer = new(buffer, WriterOptions);
            write(writer, content);
            writer.Flush();
            return buffer;
        }
        catch
        {
            buffer.Dispose();
            throw;
        }
    }

    private static void Value(Utf8JsonWriter writer, SecretReading reading, string region)
    {
        ReadOnlySpan<byte> value = reading.Value.Span;
        writer.WriteStartObject();
        writer.WriteString("ARN"u8, AwsNames.Arn(region, reading.Vault, reading.Head));
        Seconds(writer, "CreatedDate"u8, reading.Version.Created);
        writer.WriteString("Name"u8, reading.Head.Name.Value);
        if (reading.Version.Kind == ValueKind.Binary || !Utf8.IsValid(value))
        {
            writer.WriteBase64String("SecretBinary"u8, value);
        }
        else
        {
            writer.WritePropertyName("SecretString"u8);
            WriteValue(writer, value);
        }

        writer.WriteString("VersionId"u8, reading.Version.AwsId);
        Labels(writer, "VersionStages"u8, reading.Labels);
        writer.WriteEndObject();
    }

    /// <summary>Answer of the writes: ARN, name and, where the operation has them, version and stages.</summary>
    public static AwsBuffer Write(WriteOutcome outcome, string region, bool withVersion, bool withStages, bool withReplicas = false)
    {
        AwsBuffer buffer = new(512);
        using Utf8JsonWriter writer = new(buffer, WriterOptions);
        writer.WriteStartObject();
        writer.WriteString("ARN"u8, AwsNames.Arn(region, outcome.Vault, outcome.Head));
        writer.WriteString("Name"u8, outcome.Head.Name.Value);
        if (withVersion && outcome.Version is { } version)
        {
            writer.WriteString("VersionId"u8, version.AwsId);
        }

        if (withStages)
        {
            Labels(writer, "VersionStages"u8, outcome.Labels);
        }

        if (withReplicas && AwsAnnotation.Parse(outcome.Annotations.GetValueOrDefault(AwsDialect.DialectName)) is { Replicas: not null } kept)
        {
            Replication(writer, kept);
        }

        writer.WriteEndObject();
        return buffer;
    }

    /// <summary>Answer of DeleteSecret. Times in microseconds.</summary>
    public static AwsBuffer WriteDeletion(string arn, string name, long date)
    {
        AwsBuffer buffer = new(512);
        using Utf8JsonWriter writer = new(buffer, WriterOptions);
        writer.WriteStartObject();
        writer.WriteString("ARN"u8, arn);
        writer.WriteString("Name"u8, name);
        Seconds(writer, "DeletionDate"u8, date);
        writer.WriteEndObject();
        return buffer;
    }

    /// <summary>Answer of DescribeSecret.</summary>
    public static AwsBuffer Write(SecretDescription description, string region)
    {
        AwsBuffer buffer = new(1024);
        using Utf8JsonWriter writer = new(buffer, WriterOptions);
        Entry(writer, description, region, "VersionIdsToStages"u8, withReplicas: true);
        return buffer;
    }

    /// <summary>Answer of ListSecrets.</summary>
    public static AwsBuffer Write(SecretPage page, string region)
    {
        AwsBuffer buffer = new(512 + (page.Items.Length * 512));
        using Utf8JsonWriter writer = new(buffer, WriterOptions);
        writer.WriteStartObject();
        writer.WriteStartArray("SecretList"u8);
        foreach (SecretDescription item in page.Items)
        {
            Entry(writer, item, region, "SecretVersionsToStages"u8, withReplicas: false);
        }

        writer.WriteEndArray();
        if (page.NextToken is { } next)
        {
            writer.WriteString("NextToken"u8, next);
        }

        writer.WriteEndObject();
        return buffer;
    }

    /// <summary>What Describe and List show alike; only the map of versions has two names.</summary>
    private static void Entry(Utf8JsonWriter writer, SecretDescription item, string region, ReadOnlySpan<byte> versions, bool withReplicas)
    {
        AwsAnnotation kept = AwsAnnotation.Parse(item.Annotations.GetValueOrDefault(AwsDialect.DialectName));
        Secret head = item.Head;
        writer.WriteStartObject();
        writer.WriteString("ARN"u8, AwsNames.Arn(region, item.Vault, head));
        Seconds(writer, "CreatedDate"u8, head.Created);
        if (head.PurgeAt is { } date)
        {
            Seconds(writer, "DeletedDate"u8, date);
        }

        if (head.Description.Length > 0)
        {
            writer.WriteString("Description"u8, head.Description);
        }

        if (kept.KeyIn(region) is { } key)
        {
            writer.WriteString("KmsKeyId"u8, key);
        }

        if (head.LastReadDay is { } day)
        {
            Seconds(writer, "LastAccessedDate"u8, day * MicrosecondsPerDay);
        }

        Seconds(writer, "LastChangedDate"u8, head.Changed);
        writer.WriteString("Name"u8, head.Name.Value);
        if (kept.PrimaryRegion is { } primary)
        {
            writer.WriteString("PrimaryRegion"u8, primary);

            // A replica tells whose it is, and only the primary tells of all of them.
            if (withReplicas && kept.ReplicaIn(region) is null)
            {
                Replication(writer, kept);
            }
        }

        Rotation(writer, head);
        if (head.EverTagged)
        {
            writer.WriteStartArray("Tags"u8);
            foreach ((string tag, string value) in head.Tags)
            {
                writer.WriteStartObject();
                writer.WriteString("Key"u8, tag);
                writer.WriteString("Value"u8, value);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
        }

        if (!item.Versions.IsEmpty)
        {
            writer.WriteStartObject(versions);
            foreach ((SecretVersion version, ImmutableArray<VersionLabel> labels) in item.Versions)
            {
                writer.WritePropertyName(version.AwsId);
                Stages(writer, labels);
            }

            writer.WriteEndObject();
        }

        writer.WriteEndObject();
    }

    private static void Labels(Utf8JsonWriter writer, ReadOnlySpan<byte> name, ImmutableArray<VersionLabel> labels)
    {
        // A version without labels has no such member at all.
        if (!labels.IsEmpty)
        {
            writer.WritePropertyName(name);
            Stages(writer, labels);
        }
    }

    private static void Stages(Utf8JsonWriter writer, ImmutableArray<VersionLabel> labels)
    {
        writer.WriteStartArray();
        foreach (VersionLabel label in labels)
        {
            writer.WriteStringValue(label.Value);
        }

        writer.WriteEndArray();
    }

    /// <summary>Seconds since 1970 with three decimals, cut and not rounded: a date never lies in the future.</summary>
    private static void Seconds(Utf8JsonWriter writer, ReadOnlySpan<byte> name, long microseconds)
    {
        long milliseconds = Math.Max(0, microseconds / 1000);
        writer.WriteNumber(name, new decimal((int)milliseconds, (int)(milliseconds >> 32), 0, false, 3));
    }

    /// <summary>
    /// Writes a text value. The writer's own escaping would leave a copy in a shared pool, so it is escaped here into a
    /// buffer that is zeroed.
    /// </summary>
    private static void WriteValue(Utf8JsonWriter writer, ReadOnlySpan<byte> value)
    {
        int length = 2;
        foreach (byte b in value)
        {
            length += EscapedLength(b);
        }

        using SecretValue escaped = SecretValue.Rent(length);
        Span<byte> into = escaped.Buffer;
        into[0] = into[^1] = (byte)'"';
        if (length == value.Length + 2)
        {
            value.CopyTo(into[1..]);
        }
        else
        {
            Escape(value, into[1..]);
        }

        writer.WriteRawValue(escaped.Span, skipInputValidation: true);
    }

    private static int EscapedLength(byte b) => b switch
    {
        (byte)'"' or (byte)'\\' or (byte)'\n' or (byte)'\r' or (byte)'\t' => 2,
        < 0x20 or 0x7f => 6,
        _ => 1,
    };

    private static void Escape(ReadOnlySpan<byte> value, Span<byte> into)
    {
        int at = 0;
        foreach (byte b in value)
        {
            switch (EscapedLength(b))
            {
                case 1:
                    into[at++] = b;
                    break;
                case 2:
                    into[at++] = (byte)'\\';
                    into[at++] = b switch { (byte)'\n' => (byte)'n', (byte)'\r' => (byte)'r', (byte)'\t' => (byte)'t', _ => b };
                    break;
                default:
                    "\\u00"u8.CopyTo(into[at..]);
                    into[at + 4] = (byte)(b >> 4 == 0 ? '0' : b >> 4 == 1 ? '1' : '7');
                    into[at + 5] = "0123456789abcdef"u8[b & 15];
                    at += 6;
                    break;
            }
        }
    }
}
