using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Coffer.Contracts;

/// <summary>JSON strings to and from <see cref="SecretText"/>, buffer to buffer.</summary>
internal sealed class SecretTextConverter : JsonConverter<SecretText>
{
    public override SecretText Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        (byte[] buffer, int length) = SecretJson.Unescape(ref reader);
        return new(buffer, length);
    }

    public override void Write(Utf8JsonWriter writer, SecretText value, JsonSerializerOptions options) => writer.WriteStringValue(value.Utf8);
}

/// <summary>Base64 strings to and from <see cref="SecretBytes"/>, buffer to buffer.</summary>
internal sealed class SecretBytesConverter : JsonConverter<SecretBytes>
{
    public override SecretBytes Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        (byte[] buffer, int length) = SecretJson.Unescape(ref reader);
        if (Base64.DecodeFromUtf8InPlace(buffer.AsSpan(0, length), out int written) != OperationStatus.Done)
        {
            CryptographicOperations.ZeroMemory(buffer);
            throw new JsonException("not base64");
        }

        CryptographicOperations.ZeroMemory(buffer.AsSpan(written));
        return new(buffer, written);
    }

    public override void Write(Utf8JsonWriter writer, SecretBytes value, JsonSerializerOptions options) => writer.WriteBase64StringValue(value.Span);
}

/// <summary>What the two converters share.</summary>
internal static class SecretJson
{
    public static (byte[] Pinned, int Length) Unescape(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.String)
        {
            throw new JsonException("not a string");
        }

        int most = reader.HasValueSequence ? checked((int)reader.ValueSequence.Length) : reader.ValueSpan.Length;
        byte[] buffer = GC.AllocateUninitializedArray<byte>(most, pinned: true);
        try
        {
            return (buffer, reader.CopyString(buffer));
        }
        catch (InvalidOperationException)
        {
            // Half a surrogate pair, or bytes that are not UTF-8. The inner exception is dropped: it may quote them.
            CryptographicOperations.ZeroMemory(buffer);
            throw new JsonException("not valid text");
        }
    }
}

/// <summary>Times of the API: RFC 3339 in UTC with microseconds, <c>2026-01-31T12:00:00.000000Z</c>.</summary>
public static class UtcTime
{
    private const string Format = "yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'";

    /// <summary>The text of a time.</summary>
    public static string Write(DateTimeOffset time) => time.UtcDateTime.ToString(Format, CultureInfo.InvariantCulture);

    /// <summary>Reads an RFC 3339 time with any offset; without one it is not a point in time and is refused.</summary>
    public static bool TryParse(string? text, out DateTimeOffset time)
    {
        time = default;
        return text is { Length: >= 20 and <= 40 } && text[10] is 'T' && (text[^1] == 'Z' || text[^6] is '+' or '-')
            && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AdjustToUniversal, out time);
    }
}

/// <summary>Times in JSON, as <see cref="UtcTime"/> writes them.</summary>
internal sealed class UtcTimeConverter : JsonConverter<DateTimeOffset>
{
    public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.String && UtcTime.TryParse(reader.GetString(), out DateTimeOffset time) ? time : throw new JsonException("not an RFC 3339 time");

    public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options) => writer.WriteStringValue(UtcTime.Write(value));
}

/// <summary>A version in a request: a JSON number, or a string with a number or the 32 hex digits of an id.</summary>
internal sealed class VersionTextConverter : JsonConverter<string>
{
    public override string Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.TokenType switch
    {
        JsonTokenType.String => reader.GetString()!,
        JsonTokenType.Number when reader.TryGetInt32(out int number) => number.ToString(CultureInfo.InvariantCulture),
        _ => throw new JsonException("not a version"),
    };

    public override void Write(Utf8JsonWriter writer, string value, JsonSerializerOptions options) => writer.WriteStringValue(value);
}
