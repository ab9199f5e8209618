using System.Text.Json;
using System.Text.Json.Serialization;
using Coffer.Core.Secrets;

namespace Coffer.Core.Sealing;

/// <summary>
/// Keeps a type out of JSON, whoever serialises it and with whatever options: written as <c>"***"</c>, never read. Works on
/// any class, so that there is no generic type to be made at run time.
/// </summary>
internal sealed class RedactedJsonConverter : JsonConverter<object>
{
    public override bool CanConvert(Type typeToConvert) => true;

    public override object Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        throw new NotSupportedException($"{typeToConvert.Name} does not come from JSON");

    public override void Write(Utf8JsonWriter writer, object value, JsonSerializerOptions options) => writer.WriteStringValue(SecretValue.Redacted);
}
