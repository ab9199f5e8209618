using System.Text;
using System.Text.Json;
using Coffer.Sources.References;

namespace Coffer.Sources.CofferApi;

/// <summary>Reads what the server said. Errors carry the server's own words, made printable, and never a part of a value.</summary>
internal static class ResolveAnswer
{
    public static IReadOnlyList<ResolvedSecret> Read(ReadOnlySpan<byte> json, IReadOnlyList<CofferReference> references)
    {
        List<ResolvedSecret> results = [];
        try
        {
            Utf8JsonReader reader = new(json);
            Expect(reader.Read() && reader.TokenType == JsonTokenType.StartObject);
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                bool values = reader.ValueTextEquals("values"u8);
                Expect(reader.Read());
                if (!values)
                {
                    reader.Skip();
                    continue;
                }

                Expect(reader.TokenType == JsonTokenType.StartArray && results.Count == 0);
                while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
                {
                    Expect(reader.TokenType == JsonTokenType.StartObject && results.Count < references.Count);
                    results.Add(ReadValue(ref reader, references[results.Count]));
                }
            }

            Expect(reader.TokenType == JsonTokenType.EndObject && !reader.Read() && results.Count == references.Count);
            return results;
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            // The inner exception could quote the answer.
            throw NotUnderstood();
        }
    }

    /// <summary>The error of a whole request: a problem document of RFC 9457, or whatever else came.</summary>
    public static SourceException Problem(int status, ReadOnlySpan<byte> body)
    {
        string? detail = null, title = null;
        try
        {
            Utf8JsonReader reader = new(body);
            if (reader.Read() && reader.TokenType == JsonTokenType.StartObject)
            {
                while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
                {
                    bool isDetail = reader.ValueTextEquals("detail"u8), isTitle = reader.ValueTextEquals("title"u8);
                    reader.Read();
                    string? text = (isDetail || isTitle) && reader.TokenType == JsonTokenType.String ? reader.GetString() : null;
                    (detail, title) = (isDetail ? text : detail, isTitle ? text : title);
                    reader.Skip();
                }
            }
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            (detail, title) = (null, null);
        }

        string problem = Message(detail ?? title) ?? $"the server answered {status}";
        return status switch
        {
            400 or 413 or 422 => new(SourceErrorKind.Invalid, problem),
            401 => new(SourceErrorKind.Unauthenticated, problem, "the server does not know this user; its administrator can add one"),
            403 => new(SourceErrorKind.AccessDenied, problem, "coffer why tells which rule decided"),
            404 or 405 => new(SourceErrorKind.Unavailable, "the server does not resolve references", "update the server"),
            409 => new(SourceErrorKind.Conflict, problem),
            429 or >= 500 => new(SourceErrorKind.Unavailable, problem, "coffer status tells whether the server is sealed"),
            _ => new(SourceErrorKind.Failure, problem),
        };
    }

    private static ResolvedSecret ReadValue(ref Utf8JsonReader reader, CofferReference reference)
    {
        ResolvedSecret? result = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("text"u8))
            {
                Expect(reader.Read() && reader.TokenType == JsonTokenType.String && result is null);
                result = Select(reader.GetString()!, reference);
            }
            else if (reader.ValueTextEquals("base64"u8))
            {
                Expect(reader.Read() && reader.TokenType == JsonTokenType.String && result is null);
                result = Failed(reference, SourceErrorKind.Invalid, "is binary, which no environment variable can hold", "write it to a file with coffer get");
            }
            else if (reader.ValueTextEquals("error"u8))
            {
                Expect(reader.Read() && reader.TokenType == JsonTokenType.StartObject && result is null);
                result = ReadError(ref reader, reference);
            }
            else
            {
                Expect(reader.Read());
                reader.Skip();
            }
        }

        Expect(reader.TokenType == JsonTokenType.EndObject && result is not null);
        return result!;
    }

    private static ResolvedSecret ReadError(ref Utf8JsonReader reader, CofferReference reference)
    {
        string code = "", message = "";
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            bool isCode = reader.ValueTextEquals("code"u8), isMessage = reader.ValueTextEquals("message"u8);
            Expect(reader.Read());
            string text = (isCode || isMessage) && reader.TokenType == JsonTokenType.String ? reader.GetString()! : "";
            (code, message) = (isCode ? text : code, isMessage ? text : message);
            reader.Skip();
        }

        (SourceErrorKind kind, string? hint) = code switch
        {
            "not_found" or "version_not_found" => (SourceErrorKind.NotFound, "check the name, or whether you may read it: both look the same"),
            "access_denied" => (SourceErrorKind.AccessDenied, "coffer why tells which rule decided"),
            "unauthenticated" or "credential_expired" => (SourceErrorKind.Unauthenticated, "the server does not know this user; its administrator can add one"),
            "deleted" => (SourceErrorKind.Conflict, "coffer recover brings it back"),
            "disabled" or "destroyed" or "precondition_failed" => (SourceErrorKind.Conflict, "coffer history shows the versions"),
            "invalid_request" or "invalid_name" or "invalid_combination" or "too_large" => (SourceErrorKind.Invalid, null),
            "sealed" or "unavailable" or "throttled" => (SourceErrorKind.Unavailable, "coffer status tells whether the server is sealed"),
            _ => (SourceErrorKind.Failure, (string?)null),
        };
        return Failed(reference, kind, Message(message) is { } said ? $"cannot be read: {said}" : "cannot be read", hint);
    }

    private static ResolvedSecret Select(string text, CofferReference reference)
    {
        if (reference.Field is null)
        {
            return text.Contains('\0', StringComparison.Ordinal)
                ? Failed(reference, SourceErrorKind.Invalid, "holds a NUL character, which no environment variable can", "write it to a file with coffer get")
                : new(text);
        }

        try
        {
            Utf8JsonReader reader = new(Encoding.UTF8.GetBytes(text));
            if (reader.Read() && reader.TokenType == JsonTokenType.StartObject)
            {
                string? found = null;
                while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
                {
                    bool wanted = reader.ValueTextEquals(reference.Field);
                    reader.Read();
                    long start = reader.TokenStartIndex;
                    string? plain = wanted && reader.TokenType == JsonTokenType.String ? reader.GetString() : null;
                    bool isNull = reader.TokenType == JsonTokenType.Null;
                    reader.Skip();
                    if (wanted)
                    {
                        // As in every JSON parser, the last of two members of one name counts.
                        found = plain ?? (isNull ? null : Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text).AsSpan((int)start, (int)(reader.BytesConsumed - start))));
                    }
                }

                if (reader.TokenType == JsonTokenType.EndObject && !reader.Read())
                {
                    return found is null ? Failed(reference, SourceErrorKind.NotFound, "has no such field", "coffer get shows the fields")
                        : found.Contains('\0', StringComparison.Ordinal) ? Failed(reference, SourceErrorKind.Invalid, "holds a NUL character, which no environment variable can", null)
                        : new(found);
                }
            }
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
        }

        return Failed(reference, SourceErrorKind.Invalid, "is not a JSON object, so it has no fields", "leave #… out to get the whole value");
    }

    private static ResolvedSecret Failed(CofferReference reference, SourceErrorKind kind, string problem, string? hint) =>
        new(new SourceException(kind, $"{SourceException.Printable(reference.ToString())} {problem}", hint));

    private static string? Message(string? text) => string.IsNullOrWhiteSpace(text) ? null : SourceException.Printable(text.TrimEnd('.', ' '));

    private static void Expect(bool condition)
    {
        if (!condition)
        {
            throw NotUnderstood();
        }
    }

    private static SourceException NotUnderstood() => new(SourceErrorKind.Failure, "the server's answer is not what this program expects", "update the older of the two");
}
