using System.Buffers;
using System.Buffers.Text;
using System.Text.Json;
using System.Text.Unicode;
using Coffer.Core.Secrets;

namespace Coffer.Protocols.Aws;

/// <summary>A tag as sent: either half may be missing.</summary>
internal readonly record struct AwsTag(string? Key, string? Value);

/// <summary>One filter of a listing as sent.</summary>
internal readonly record struct AwsFilter(string? Key, IReadOnlyList<string>? Values);

/// <summary>
/// The body of a request, parsed but not yet checked. Values go from the body's bytes straight into a
/// <see cref="SecretValue"/>. Dispose it.
/// </summary>
internal sealed partial class AwsInput : IDisposable
{
    private const int MaxDepth = 16;
    private const int MaxItems = 1_000;

    private static readonly (AwsMembers Member, byte[] Name)[] Members =
        [.. Enum.GetValues<AwsMembers>().Where(m => m != AwsMembers.None).Select(m => (m, System.Text.Encoding.UTF8.GetBytes(m.ToString())))];

    private AwsInput()
    {
    }

    public string? SecretId { get; private set; }

    public string? Name { get; private set; }

    public string? ClientRequestToken { get; private set; }

    public string? Description { get; private set; }

    public string? KmsKeyId { get; private set; }

    public SecretValue? SecretString { get; private set; }

    public SecretValue? SecretBinary { get; private set; }

    public IReadOnlyList<AwsTag>? Tags { get; private set; }

    public string? VersionId { get; private set; }

    public string? VersionStage { get; private set; }

    public IReadOnlyList<string>? VersionStages { get; private set; }

    public string? RotationToken { get; private set; }

    public long? RecoveryWindowInDays { get; private set; }

    public bool? ForceDeleteWithoutRecovery { get; private set; }

    public bool? IncludePlannedDeletion { get; private set; }

    public long? MaxResults { get; private set; }

    public string? NextToken { get; private set; }

    public IReadOnlyList<AwsFilter>? Filters { get; private set; }

    public string? SortOrder { get; private set; }

    public string? SortBy { get; private set; }

    public IReadOnlyList<AwsTag>? AddReplicaRegions { get; private set; }

    public bool? ForceOverwriteReplicaSecret { get; private set; }

    public IReadOnlyList<string>? RemoveReplicaRegions { get; private set; }

    public string? Type { get; private set; }

    public string? RemoveFromVersionId { get; private set; }

    public string? MoveToVersionId { get; private set; }

    public bool? IncludeDeprecated { get; private set; }

    public IReadOnlyList<string>? TagKeys { get; private set; }

    public IReadOnlyList<string>? SecretIdList { get; private set; }

    public long? PasswordLength { get; private set; }

    public string? ExcludeCharacters { get; private set; }

    public bool? RequireEachIncludedType { get; private set; }

    public string? ResourcePolicy { get; private set; }

    public bool? BlockPublicPolicy { get; private set; }

    /// <summary>Switches of a random password that are on.</summary>
    public AwsMembers Switches { get; private set; }

    /// <summary>
    /// Parses a body. Whatever is no JSON object of the members' own types, repeats a member or nests deeper than any
    /// request does is a <c>SerializationException</c>, which says nothing of what was sent.
    /// </summary>
    public static AwsInput Parse(ReadOnlySpan<byte> body, AwsMembers known)
    {
        AwsInput input = new();
        try
        {
            Utf8JsonReader reader = new(body, new JsonReaderOptions { MaxDepth = MaxDepth });
            Expect(reader.Read() && reader.TokenType == JsonTokenType.StartObject);
            AwsMembers seen = AwsMembers.None;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                AwsMembers member = Find(in reader, known);
                Expect((seen & member) == 0);
                seen |= member;
                reader.Read();
                input.Take(ref reader, member);
            }

            Expect(reader.TokenType == JsonTokenType.EndObject && !reader.Read());
            return input;
        }
        catch (Exception failure) when (failure is JsonException or InvalidOperationException or FormatException)
        {
            input.Dispose();
            throw new AwsRefusal(AwsError.Serialization);
        }
        catch
        {
            input.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        SecretString?.Dispose();
        SecretBinary?.Dispose();
    }

    public override string ToString() => SecretValue.Redacted;

    private void Take(ref Utf8JsonReader reader, AwsMembers member)
    {
        if (reader.TokenType == JsonTokenType.Null)
        {
            return;
        }

        switch (member)
        {
            case AwsMembers.SecretId: SecretId = Text(in reader); break;
            case AwsMembers.Name: Name = Text(in reader); break;
            case AwsMembers.ClientRequestToken: ClientRequestToken = Text(in reader); break;
            case AwsMembers.Description: Description = Text(in reader); break;
            case AwsMembers.KmsKeyId: KmsKeyId = Text(in reader); break;
            case AwsMembers.SecretString: SecretString = Value(in reader); break;
            case AwsMembers.SecretBinary: SecretBinary = Bytes(in reader); break;
            case AwsMembers.Tags: Tags = Pairs(ref reader, "Key"u8, "Value"u8); break;
            case AwsMembers.VersionId: VersionId = Text(in reader); break;
            case AwsMembers.VersionStage: VersionStage = Text(in reader); break;
            case AwsMembers.VersionStages: VersionStages = Texts(ref reader); break;
            case AwsMembers.RotationToken: RotationToken = Text(in reader); break;
            case AwsMembers.RecoveryWindowInDays: RecoveryWindowInDays = Number(in reader); break;
            case AwsMembers.ForceDeleteWithoutRecovery: ForceDeleteWithoutRecovery = reader.GetBoolean(); break;
            case AwsMembers.IncludePlannedDeletion: IncludePlannedDeletion = reader.GetBoolean(); break;
            case AwsMembers.MaxResults: MaxResults = Number(in reader); break;
            case AwsMembers.NextToken: NextToken = Text(in reader); break;
            case AwsMembers.Filters: Filters = FilterList(ref reader); break;
            case AwsMembers.SortOrder: SortOrder = Text(in reader); break;
            case AwsMembers.SortBy: SortBy = Text(in reader); break;
            case AwsMembers.AddReplicaRegions: AddReplicaRegions = Pairs(ref reader, "Region"u8, "KmsKeyId"u8); break;
            case AwsMembers.ForceOverwriteReplicaSecret: ForceOverwriteReplicaSecret = reader.GetBoolean(); break;
            case AwsMembers.RemoveReplicaRegions: RemoveReplicaRegions = Texts(ref reader); break;
            case AwsMembers.Type: Type = Text(in reader); break;
            case AwsMembers.RemoveFromVersionId: RemoveFromVersionId = Text(in reader); break;
            case AwsMembers.MoveToVersionId: MoveToVersionId = Text(in reader); break;
            case AwsMembers.IncludeDeprecated: IncludeDeprecated = reader.GetBoolean(); break;
            case AwsMembers.TagKeys: TagKeys = Texts(ref reader); break;
            case AwsMembers.SecretIdList: SecretIdList = Texts(ref reader); break;
            case AwsMembers.PasswordLength: PasswordLength = Number(in reader); break;
            case AwsMembers.ExcludeCharacters: ExcludeCharacters = Text(in reader); break;
            case AwsMembers.ResourcePolicy: ResourcePolicy = Text(in reader); break;
            case AwsMembers.BlockPublicPolicy: BlockPublicPolicy = reader.GetBoolean(); break;
            case AwsMembers.RequireEachIncludedType: RequireEachIncludedType = reader.GetBoolean(); break;
            case AwsMembers.ExcludeNumbers or AwsMembers.ExcludePunctuation or AwsMembers.ExcludeUppercase or AwsMembers.ExcludeLowercase or AwsMembers.IncludeSpace:
                Switches |= reader.GetBoolean() ? member : AwsMembers.None;
                break;
            default: TakeRotation(ref reader, member); break;
        }
    }

    private static AwsMembers Find(in Utf8JsonReader reader, AwsMembers known)
    {
        foreach ((AwsMembers member, byte[] name) in Members)
        {
            if ((known & member) != 0 && reader.ValueTextEquals(name))
            {
                return member;
            }
        }

        return AwsMembers.None;
    }

    private static string Text(in Utf8JsonReader reader)
    {
        Expect(reader.TokenType == JsonTokenType.String);
        return reader.GetString()!;
    }

    private static long Number(in Utf8JsonReader reader)
    {
        Expect(reader.TokenType == JsonTokenType.Number);
        Expect(reader.TryGetInt64(out long number));
        return number;
    }

    private static SecretValue Value(in Utf8JsonReader reader)
    {
        Expect(reader.TokenType == JsonTokenType.String);
        SecretValue value = SecretValue.Rent(reader.ValueSpan.Length);
        try
        {
            value.Truncate(reader.CopyString(value.Buffer));
            Expect(Utf8.IsValid(value.Span));
            return value;
        }
        catch
        {
            value.Dispose();
            throw;
        }
    }

    private static SecretValue Bytes(in Utf8JsonReader reader)
    {
        // Unescaped first ("\/" is legal in a base64 text), then decoded in place.
        SecretValue value = Value(in reader);
        if (Base64.DecodeFromUtf8InPlace(value.Buffer, out int written) != OperationStatus.Done)
        {
            value.Dispose();
            throw new FormatException();
        }

        value.Truncate(written);
        return value;
    }

    private static List<string> Texts(ref Utf8JsonReader reader)
    {
        Expect(reader.TokenType == JsonTokenType.StartArray);
        List<string> items = [];
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            Expect(items.Count < MaxItems);
            items.Add(Text(in reader));
        }

        return items;
    }

    private static List<AwsTag> Pairs(ref Utf8JsonReader reader, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second)
    {
        Expect(reader.TokenType == JsonTokenType.StartArray);
        List<AwsTag> items = [];
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            Expect(reader.TokenType == JsonTokenType.StartObject && items.Count < MaxItems);
            string? key = null, value = null;
            bool seenKey = false, seenValue = false;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                if (reader.ValueTextEquals(first))
                {
                    Once(ref seenKey);
                    key = NextText(ref reader);
                }
                else if (reader.ValueTextEquals(second))
                {
                    Once(ref seenValue);
                    value = NextText(ref reader);
                }
                else
                {
                    reader.Skip();
                }
            }

            items.Add(new(key, value));
        }

        return items;
    }

    private static List<AwsFilter> FilterList(ref Utf8JsonReader reader)
    {
        Expect(reader.TokenType == JsonTokenType.StartArray);
        List<AwsFilter> items = [];
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            Expect(reader.TokenType == JsonTokenType.StartObject && items.Count < MaxItems);
            string? key = null;
            List<string>? values = null;
            bool seenKey = false, seenValues = false;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                if (reader.ValueTextEquals("Key"u8))
                {
                    Once(ref seenKey);
                    key = NextText(ref reader);
                }
                else if (reader.ValueTextEquals("Values"u8))
                {
                    Once(ref seenValues);
                    reader.Read();
                    values = reader.TokenType == JsonTokenType.Null ? null : Texts(ref reader);
                }
                else
                {
                    reader.Skip();
                }
            }

            items.Add(new(key, values));
        }

        return items;
    }

    private static string? NextText(ref Utf8JsonReader reader)
    {
        reader.Read();
        return reader.TokenType == JsonTokenType.Null ? null : Text(in reader);
    }

    private static void Once(ref bool seen)
    {
        Expect(!seen);
        seen = true;
    }

    private static void Expect(bool holds)
    {
        if (!holds)
        {
            throw new JsonException();
        }
    }
}
