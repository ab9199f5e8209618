using System.Buffers;
using System.Globalization;

namespace Coffer.Protocols.Aws;

internal static partial class AwsWire
{
    private const string FilterPattern = @"^\!?[a-zA-Z0-9 :_@\/\+\=\.\-\!]*$";
    private const string RotationTokenPattern = @"^[a-zA-Z0-9\-]+$";
    private const string RegionPattern = @"^([a-z]+-)+\d+$";
    private const string PrintablePattern = @"^[\x20-\x7e]+$";
    private const string TokenPattern = @"^[\x21-\x7e]+$";

    private static readonly string[] FilterKeys = ["description", "name", "tag-key", "tag-value", "primary-region", "owning-service", "all"];
    private static readonly string[] SortOrders = ["asc", "desc"];
    private static readonly string[] SortKeys = ["created-date", "last-accessed-date", "last-changed-date", "name"];

    private static readonly SearchValues<char> FilterChars =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 :_@/+=.-!");

    private static readonly SearchValues<char> TokenChars =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-");

    /// <summary>
    /// Checks every bound, pattern and enumeration of the model. Clients leave most of it to the server. Texts that could
    /// hold a secret put into the wrong member are not repeated.
    /// </summary>
    /// <param name="input">What was sent.</param>
    /// <param name="required">Members that must be there.</param>
    /// <param name="most">The largest page of this operation.</param>
    public static void Check(AwsInput input, AwsMembers required, int most)
    {
        AwsViolations found = default;
        Text(ref found, "secretId", input.SecretId, 1, 2048, required.HasFlag(AwsMembers.SecretId));
        Text(ref found, "name", input.Name, 1, 512, required.HasFlag(AwsMembers.Name));
        Token(ref found, "clientRequestToken", input.ClientRequestToken);
        Hidden(ref found, "description", input.Description, 0, 2048);
        Hidden(ref found, "kmsKeyId", input.KmsKeyId, 0, 2048);
        Value(ref found, "secretString", input.SecretString?.Length);
        Value(ref found, "secretBinary", input.SecretBinary?.Length);
        Token(ref found, "versionId", input.VersionId);
        Stage(ref found, "versionStage", input.VersionStage, required.HasFlag(AwsMembers.VersionStage));
        Hidden(ref found, "nextToken", input.NextToken, 1, 4096);
        Hidden(ref found, "type", input.Type, 0, 256);
        OneOf(ref found, "sortOrder", input.SortOrder, SortOrders);
        OneOf(ref found, "sortBy", input.SortBy, SortKeys);
        if (input.VersionStages is { } stages)
        {
            found.Length("versionStages", stages.Count, 1, MaxStages, null);
            for (int i = 0; i < stages.Count; i++)
            {
                Stage(ref found, Item("versionStages", i), stages[i]);
            }
        }

        if (input.RotationToken is { } token)
        {
            Hidden(ref found, "rotationToken", token, 36, 256);
            Pattern(ref found, "rotationToken", token, TokenChars, RotationTokenPattern);
        }

        Number(ref found, "maxResults", input.MaxResults, 1, most);
        Number(ref found, "passwordLength", input.PasswordLength, 1, MaxPasswordLength);
        Hidden(ref found, "excludeCharacters", input.ExcludeCharacters, 0, MaxPasswordLength);
        Token(ref found, "removeFromVersionId", input.RemoveFromVersionId);
        Token(ref found, "moveToVersionId", input.MoveToVersionId);
        Texts(ref found, "secretIdList", input.SecretIdList, 1, 20, 2048, required.HasFlag(AwsMembers.SecretIdList));
        Texts(ref found, "tagKeys", input.TagKeys, 0, int.MaxValue, 128, required.HasFlag(AwsMembers.TagKeys));
        Tags(ref found, input.Tags, required.HasFlag(AwsMembers.Tags));
        Replicas(ref found, input.AddReplicaRegions, required.HasFlag(AwsMembers.AddReplicaRegions));
        Regions(ref found, "removeReplicaRegions", input.RemoveReplicaRegions, required.HasFlag(AwsMembers.RemoveReplicaRegions));
        Hidden(ref found, "resourcePolicy", input.ResourcePolicy, 1, 20_480);
        if (input.ResourcePolicy is null && required.HasFlag(AwsMembers.ResourcePolicy))
        {
            found.Missing("resourcePolicy");
        }

        Filters(ref found, input.Filters);
        Rotation(ref found, input);
        found.ThrowIfAny();
    }

    /// <summary>Bounds on a number, where there is one.</summary>
    internal static void Number(ref AwsViolations found, string path, long? number, long least, long most)
    {
        if (number < least)
        {
            found.Add(path, string.Create(CultureInfo.InvariantCulture, $"have value greater than or equal to {least}"), number.Value.ToString(CultureInfo.InvariantCulture));
        }
        else if (number > most)
        {
            found.Add(path, string.Create(CultureInfo.InvariantCulture, $"have value less than or equal to {most}"), number.Value.ToString(CultureInfo.InvariantCulture));
        }
    }

    private static void Texts(ref AwsViolations found, string path, IReadOnlyList<string>? texts, int least, int most, int longest, bool isRequired)
    {
        if (texts is null)
        {
            if (isRequired)
            {
                found.Missing(path);
            }

            return;
        }

        found.Length(path, texts.Count, least, most, null);
        for (int i = 0; i < texts.Count; i++)
        {
            Hidden(ref found, Item(path, i), texts[i], 1, longest);
        }
    }

    private static void Tags(ref AwsViolations found, IReadOnlyList<AwsTag>? tags, bool isRequired)
    {
        if (tags is null && isRequired)
        {
            found.Missing("tags");
        }

        for (int i = 0; i < tags?.Count; i++)
        {
            if (tags[i].Key is { } key)
            {
                Hidden(ref found, Item("tags", i) + ".key", key, 1, 128);
            }
            else
            {
                found.Missing(Item("tags", i) + ".key");
            }

            Hidden(ref found, Item("tags", i) + ".value", tags[i].Value, 0, 256);
        }
    }

    private static void Replicas(ref AwsViolations found, IReadOnlyList<AwsTag>? replicas, bool isRequired)
    {
        Regions(ref found, "addReplicaRegions", replicas?.Select(r => r.Key).ToArray(), isRequired);
        for (int i = 0; i < replicas?.Count; i++)
        {
            // A replica without a region would be one of nothing.
            if (replicas[i].Key is null)
            {
                found.Missing(Item("addReplicaRegions", i) + ".region");
            }

            Hidden(ref found, Item("addReplicaRegions", i) + ".kmsKeyId", replicas[i].Value, 0, 2048);
        }
    }

    private static void Filters(ref AwsViolations found, IReadOnlyList<AwsFilter>? filters)
    {
        if (filters is null)
        {
            return;
        }

        found.Length("filters", filters.Count, 0, 10, null);
        for (int i = 0; i < filters.Count; i++)
        {
            OneOf(ref found, Item("filters", i) + ".key", filters[i].Key, FilterKeys);
            if (filters[i].Values is { } values)
            {
                string path = Item("filters", i) + ".values";
                found.Length(path, values.Count, 1, 10, null);
                for (int j = 0; j < values.Count; j++)
                {
                    Hidden(ref found, Item(path, j), values[j], 0, 512);
                    Pattern(ref found, Item(path, j), values[j], FilterChars, FilterPattern);
                }
            }
        }
    }

    private static void Text(ref AwsViolations found, string path, string? text, int least, int most, bool isRequired)
    {
        if (text is not null)
        {
            found.Length(path, text.Length, least, most, text);
        }
        else if (isRequired)
        {
            found.Missing(path);
        }
    }

    private static void Hidden(ref AwsViolations found, string path, string? text, int least, int most)
    {
        if (text is not null)
        {
            found.Length(path, text.Length, least, most, null);
        }
    }

    private static void Value(ref AwsViolations found, string path, int? length)
    {
        if (length is { } bytes)
        {
            found.Length(path, bytes, 1, MaxValueBytes, null);
        }
    }

    private static void Token(ref AwsViolations found, string path, string? text)
    {
        if (text is not null)
        {
            found.Length(path, text.Length, 32, 64, null);
            if (text.AsSpan().ContainsAnyExceptInRange('!', '~'))
            {
                found.Add(path, $"satisfy regular expression pattern: {TokenPattern}", null);
            }
        }
    }

    private static void Stage(ref AwsViolations found, string path, string? text, bool isRequired = false)
    {
        if (text is null && isRequired)
        {
            found.Missing(path);
        }
        else if (text is not null)
        {
            found.Length(path, text.Length, 1, 256, null);
            if (text.AsSpan().ContainsAnyExceptInRange(' ', '~'))
            {
                found.Add(path, $"satisfy regular expression pattern: {PrintablePattern}", null);
            }
        }
    }

    private static void Pattern(ref AwsViolations found, string path, string text, SearchValues<char> legal, string pattern)
    {
        if (text.AsSpan().ContainsAnyExcept(legal))
        {
            found.Add(path, $"satisfy regular expression pattern: {pattern}", null);
        }
    }

    private static void OneOf(ref AwsViolations found, string path, string? text, string[] allowed)
    {
        if (text is not null && Array.IndexOf(allowed, text) < 0)
        {
            found.Add(path, $"satisfy enum value set: [{string.Join(", ", allowed)}]", text);
        }
    }

    private static bool IsRegionName(string text)
    {
        int last = text.LastIndexOf('-');
        return last > 0 && last < text.Length - 1 && !text.AsSpan(last + 1).ContainsAnyExceptInRange('0', '9')
            && text[0] != '-' && !text.Contains("--", StringComparison.Ordinal) && !text.AsSpan(0, last).ContainsAnyExcept(LowerAndHyphen);
    }

    private static readonly SearchValues<char> LowerAndHyphen = SearchValues.Create("abcdefghijklmnopqrstuvwxyz-");

    private static string Item(string path, int index) => string.Create(CultureInfo.InvariantCulture, $"{path}.{index + 1}.member");
}
