using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Coffer.Core.Access;
using Coffer.Core.Errors;
using Coffer.Trusts.Certificates;
using Coffer.Trusts.Tokens;

namespace Coffer.Trusts;

/// <summary>Settings of trusts as JSON. Unknown and repeated members are refused: a misspelt limit must not become none.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    AllowDuplicateProperties = false,
    RespectNullableAnnotations = true,
    MaxDepth = StrictJson.MaxDepth)]
[JsonSerializable(typeof(CertificateSettings))]
[JsonSerializable(typeof(EndpointSettings))]
[JsonSerializable(typeof(WebTokenSettings))]
internal sealed partial class TrustsJson : JsonSerializerContext
{
    /// <summary>Reads the settings of a trust; <c>''</c> is the defaults. Throws InvalidRequest, without the text.</summary>
    public static T Read<T>(Trust trust, JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(trust.Settings.Length == 0 ? "{}" : trust.Settings, type) ?? throw Error.InvalidRequest("the settings are a JSON object", "settings");
        }
        catch (JsonException failure)
        {
            // The path names members, never values.
            throw Error.InvalidRequest($"the settings are not those of a trust of this kind (at {failure.Path ?? "$"})", "settings");
        }
    }
}
