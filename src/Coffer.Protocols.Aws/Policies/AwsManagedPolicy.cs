using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Coffer.Core.Access;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;

namespace Coffer.Protocols.Aws.Policies;

/// <summary>One version of a managed policy.</summary>
internal sealed record AwsPolicyVersion
{
    [JsonPropertyName("n")]
    public required int Number { get; init; }

    [JsonPropertyName("at")]
    public required long Created { get; init; }

    [JsonPropertyName("doc")]
    public required string Document { get; init; }

    [JsonIgnore]
    public string Id => string.Create(CultureInfo.InvariantCulture, $"v{Number}");
}

/// <summary>
/// A managed policy: a document with a name of its own and up to five versions, kept in its account's library. Attaching it
/// puts a copy of the default version on the principal, so that a decision never has to look anything up.
/// </summary>
internal sealed record AwsManagedPolicy
{
    public const int MaxVersions = 5;

    [JsonPropertyName("path")]
    public string Path { get; init; } = "/";

    [JsonPropertyName("description")]
    public string? Description { get; init; }

    [JsonPropertyName("default")]
    public required int Default { get; init; }

    [JsonPropertyName("last")]
    public required int Last { get; init; }

    [JsonPropertyName("versions")]
    public required ImmutableArray<AwsPolicyVersion> Versions { get; init; }

    [JsonPropertyName("tags")]
    public ImmutableSortedDictionary<string, string> Tags { get; init; } = Secret.NoTags;

    /// <summary>The text that applies where it is attached.</summary>
    [JsonIgnore]
    public string Document => Versions.First(v => v.Number == Default).Document;

    public string ToJson() => JsonSerializer.Serialize(this, AwsJson.Default.AwsManagedPolicy);

    public static AwsManagedPolicy Of(Policy policy)
    {
        try
        {
            AwsManagedPolicy read = JsonSerializer.Deserialize(policy.Source, AwsJson.Default.AwsManagedPolicy) ?? throw new JsonException();
            return read with { Tags = read.Tags.WithComparers(StringComparer.Ordinal) };
        }
        catch (JsonException)
        {
            throw Error.InvalidRequest("not a managed policy", "policy");
        }
    }

    /// <summary>Policies that every account has from the start.</summary>
    public static IReadOnlyDictionary<string, string> Everywhere { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["arn:aws:iam::aws:policy/AdministratorAccess"] = """{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}""",
        ["arn:aws:iam::aws:policy/SecretsManagerReadWrite"] = """{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"secretsmanager:*","Resource":"*"}]}""",
    };

    public static string ArnOf(string account, string path, string name) => $"arn:aws:iam::{account}:policy{path}{name}";
}
