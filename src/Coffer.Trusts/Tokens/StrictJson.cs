using System.Text.Json;
using System.Text.Unicode;

namespace Coffer.Trusts.Tokens;

/// <summary>JSON that has one meaning: valid UTF-8, no repeated member at any depth (escapes resolved), no comment, bounded in depth.</summary>
internal static class StrictJson
{
    public const int MaxDepth = 16;

    private static readonly JsonDocumentOptions Options = new() { AllowDuplicateProperties = false, MaxDepth = MaxDepth };

    /// <summary>An object, or null.</summary>
    public static JsonDocument? ParseObject(ReadOnlyMemory<byte> utf8)
    {
        if (!Utf8.IsValid(utf8.Span))
        {
            return null;
        }

        JsonDocument? document = null;
        try
        {
            document = JsonDocument.Parse(utf8, Options);
            if (document.RootElement.ValueKind == JsonValueKind.Object && IsText(document.RootElement))
            {
                return document;
            }
        }
        catch (Exception failure) when (failure is JsonException or InvalidOperationException)
        {
            // Not JSON, or a half of a surrogate pair; the exception may quote it.
        }

        document?.Dispose();
        return null;
    }

    /// <summary>A member that is a string, or null.</summary>
    public static string? Text(JsonElement element, string name) =>
        element.TryGetProperty(name, out JsonElement member) && member.ValueKind == JsonValueKind.String ? member.GetString() : null;

    /// <summary>Reads every name and string once, since a lone surrogate throws only when it is read.</summary>
    private static bool IsText(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                foreach (JsonProperty member in element.EnumerateObject())
                {
                    _ = member.Name;
                    IsText(member.Value);
                }

                break;
            case JsonValueKind.Array:
                foreach (JsonElement item in element.EnumerateArray())
                {
                    IsText(item);
                }

                break;
            case JsonValueKind.String:
                _ = element.GetString();
                break;
        }

        return true;
    }
}
