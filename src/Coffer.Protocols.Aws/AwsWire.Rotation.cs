using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Coffer.Core.Rotations;
using Coffer.Core.Secrets;

namespace Coffer.Protocols.Aws;

/// <summary>Rotation rules as sent.</summary>
internal sealed record AwsRotationRules(long? AutomaticallyAfterDays, string? Duration, string? ScheduleExpression);

internal sealed partial class AwsInput
{
    public string? RotationLambdaARN { get; private set; }

    public AwsRotationRules? RotationRules { get; private set; }

    public bool? RotateImmediately { get; private set; }

    public IReadOnlyList<AwsTag>? ExternalSecretRotationMetadata { get; private set; }

    public string? ExternalSecretRotationRoleArn { get; private set; }

    /// <summary>Whether it is about a secret that another service manages.</summary>
    public bool IsExternalRotation => ExternalSecretRotationMetadata is not null || ExternalSecretRotationRoleArn is not null;

    private void TakeRotation(ref Utf8JsonReader reader, AwsMembers member)
    {
        switch (member)
        {
            case AwsMembers.RotationLambdaARN: RotationLambdaARN = Text(in reader); break;
            case AwsMembers.RotationRules: RotationRules = Rules(ref reader); break;
            case AwsMembers.RotateImmediately: RotateImmediately = reader.GetBoolean(); break;
            case AwsMembers.ExternalSecretRotationMetadata: ExternalSecretRotationMetadata = Pairs(ref reader, "Key"u8, "Value"u8); break;
            case AwsMembers.ExternalSecretRotationRoleArn: ExternalSecretRotationRoleArn = Text(in reader); break;
            default: reader.Skip(); break;
        }
    }

    private static AwsRotationRules Rules(ref Utf8JsonReader reader)
    {
        Expect(reader.TokenType == JsonTokenType.StartObject);
        AwsRotationRules rules = new(null, null, null);
        bool seenDays = false, seenDuration = false, seenExpression = false;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("AutomaticallyAfterDays"u8))
            {
                Once(ref seenDays);
                reader.Read();
                rules = rules with { AutomaticallyAfterDays = reader.TokenType == JsonTokenType.Null ? null : Number(in reader) };
            }
            else if (reader.ValueTextEquals("Duration"u8))
            {
                Once(ref seenDuration);
                rules = rules with { Duration = NextText(ref reader) };
            }
            else if (reader.ValueTextEquals("ScheduleExpression"u8))
            {
                Once(ref seenExpression);
                rules = rules with { ScheduleExpression = NextText(ref reader) };
            }
            else
            {
                reader.Skip();
            }
        }

        return rules;
    }
}

internal static partial class AwsWire
{
    private const string DurationPattern = "[0-9]+h";
    private const string SchedulePattern = @"[0-9A-Za-z\(\)#\?\*\-\/, ]+";

    private static readonly SearchValues<char> ScheduleChars =
        SearchValues.Create("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz()#?*-/, ");

    /// <summary>Answer of RotateSecret.</summary>
    public static AwsBuffer Write(WriteOutcome outcome, string region, RequestToken token) => Filled(512, (outcome, region, token), static (writer, answer) =>
    {
        writer.WriteStartObject();
        writer.WriteString("ARN"u8, AwsNames.Arn(answer.region, answer.outcome.Vault, answer.outcome.Head));
        writer.WriteString("Name"u8, answer.outcome.Head.Name.Value);
        writer.WriteString("VersionId"u8, answer.token.Value);
        writer.WriteEndObject();
    });

    /// <summary>The event that a rotation function is called with.</summary>
    public static byte[] RotationEvent(RotationCall call, string region)
    {
        ArrayBufferWriter<byte> buffer = new(512);
        using (Utf8JsonWriter writer = new(buffer, WriterOptions))
        {
            writer.WriteStartObject();
            writer.WriteString("Step"u8, call.Step switch
            {
                RotationStep.Create => "createSecret",
                RotationStep.Set => "setSecret",
                RotationStep.Test => "testSecret",
                RotationStep.Finish => "finishSecret",
            });
            writer.WriteString("SecretId"u8, AwsNames.Arn(region, call.Vault, call.Head));
            writer.WriteString("ClientRequestToken"u8, call.Token.Value);
            writer.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>What Describe and List show of rotation: nothing until it was configured.</summary>
    private static void Rotation(Utf8JsonWriter writer, Secret head)
    {
        if (RotationSettings.Of(head) is not { } settings)
        {
            return;
        }

        writer.WriteBoolean("RotationEnabled"u8, settings.Enabled);
        writer.WriteString("RotationLambdaARN"u8, settings.Function);
        if (settings.Rules is { } rules)
        {
            writer.WriteStartObject("RotationRules"u8);
            if (rules.Days is { } days)
            {
                writer.WriteNumber("AutomaticallyAfterDays"u8, days);
            }
            else if (settings.Last is not null)
            {
                // Of an expression it is told how long the current interval is, once there was a rotation.
                long interval = rules.ToSchedule().NextAfter(settings.Since).Start - settings.Since;
                writer.WriteNumber("AutomaticallyAfterDays"u8, Math.Max(1, (interval + MicrosecondsPerDay - 1) / MicrosecondsPerDay));
            }

            if (rules.Hours is { } hours)
            {
                writer.WriteString("Duration"u8, string.Create(CultureInfo.InvariantCulture, $"{hours}h"));
            }

            if (rules.Expression is { } expression)
            {
                writer.WriteString("ScheduleExpression"u8, expression);
            }

            writer.WriteEndObject();
        }

        if (settings.Last is { } last)
        {
            Seconds(writer, "LastRotatedDate"u8, last);
        }

        if (settings.Next is { } next)
        {
            Seconds(writer, "NextRotationDate"u8, next.End);
        }
    }

    private static void Rotation(ref AwsViolations found, AwsInput input)
    {
        Hidden(ref found, "rotationLambdaARN", input.RotationLambdaARN, 0, 2048);
        Hidden(ref found, "externalSecretRotationRoleArn", input.ExternalSecretRotationRoleArn, 20, 2048);
        for (int i = 0; i < input.ExternalSecretRotationMetadata?.Count; i++)
        {
            Hidden(ref found, Item("externalSecretRotationMetadata", i) + ".key", input.ExternalSecretRotationMetadata[i].Key, 1, 256);
            Hidden(ref found, Item("externalSecretRotationMetadata", i) + ".value", input.ExternalSecretRotationMetadata[i].Value, 1, 2048);
        }

        if (input.RotationRules is not { } rules)
        {
            return;
        }

        Number(ref found, "rotationRules.automaticallyAfterDays", rules.AutomaticallyAfterDays, 1, 1000);
        Hidden(ref found, "rotationRules.duration", rules.Duration, 2, 3);
        if (rules.Duration is { } duration && (duration.Length < 2 || duration[^1] != 'h' || duration.AsSpan(0, duration.Length - 1).ContainsAnyExceptInRange('0', '9')))
        {
            found.Add("rotationRules.duration", $"satisfy regular expression pattern: {DurationPattern}", null);
        }

        Hidden(ref found, "rotationRules.scheduleExpression", rules.ScheduleExpression, 1, 256);
        if (rules.ScheduleExpression is { } expression)
        {
            Pattern(ref found, "rotationRules.scheduleExpression", expression, ScheduleChars, SchedulePattern);
        }
    }
}
