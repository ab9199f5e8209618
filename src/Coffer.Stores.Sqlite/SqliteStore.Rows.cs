using System.Buffers;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;
using Microsoft.Data.Sqlite;

namespace Coffer.Stores.Sqlite;

/// <summary>Columns to members and back, where the driver's own types do not say it.</summary>
internal static class SqliteRows
{
    public static string? Text(this SqliteDataReader row, int column) => row.IsDBNull(column) ? null : row.GetString(column);

    public static long? Time(this SqliteDataReader row, int column) => row.IsDBNull(column) ? null : row.GetInt64(column);

    public static byte[] Blob(this SqliteDataReader row, int column) => row.GetFieldValue<byte[]>(column);

    public static byte[] BlobOrEmpty(this SqliteDataReader row, int column) => row.IsDBNull(column) ? [] : row.GetFieldValue<byte[]>(column);

    public static Guid Id(this SqliteDataReader row, int column) => new(row.GetFieldValue<byte[]>(column), bigEndian: true);

    public static int? Day(this SqliteDataReader row, int column) => row.GetInt32(column) is var day and >= 0 ? day : null;

    public static object Day(int? day) => day ?? -1;

    public static byte[] Bytes(Guid id) => id.ToByteArray(bigEndian: true);

    /// <summary>The bytes without a copy where they are a whole array.</summary>
    public static byte[] Bytes(ReadOnlyMemory<byte> bytes) =>
        MemoryMarshal.TryGetArray(bytes, out ArraySegment<byte> segment) && segment.Offset == 0 && segment.Array!.Length == segment.Count
            ? segment.Array
            : bytes.ToArray();

    public static byte[]? BytesOrNull(ReadOnlyMemory<byte> bytes) => bytes.IsEmpty ? null : Bytes(bytes);

    /// <summary>A JSON object; null when there is nothing in it, as for most rows.</summary>
    public static string? Json(ImmutableSortedDictionary<string, string> pairs)
    {
        return pairs.IsEmpty ? null : Written(pairs, static (json, pairs) =>
        {
            json.WriteStartObject();
            foreach ((string key, string value) in pairs)
            {
                json.WriteString(key, value);
            }

            json.WriteEndObject();
        });
    }

    public static string? Json(ImmutableArray<string> texts) => texts.IsDefaultOrEmpty ? null : Written(texts, WriteTexts);

    public static ImmutableSortedDictionary<string, string> Pairs(this SqliteDataReader row, int column)
    {
        if (row.IsDBNull(column))
        {
            return Secret.NoTags;
        }

        Utf8JsonReader json = new(Encoding.UTF8.GetBytes(row.GetString(column)));
        ImmutableSortedDictionary<string, string>.Builder pairs = Secret.NoTags.ToBuilder();
        Expect(ref json, JsonTokenType.StartObject);
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            string key = json.GetString()!;
            Expect(ref json, JsonTokenType.String);
            pairs.Add(key, json.GetString()!);
        }

        return pairs.ToImmutable();
    }

    public static ImmutableArray<string> Texts(this SqliteDataReader row, int column)
    {
        if (row.IsDBNull(column))
        {
            return [];
        }

        Utf8JsonReader json = new(Encoding.UTF8.GetBytes(row.GetString(column)));
        Expect(ref json, JsonTokenType.StartArray);
        return ReadTexts(ref json);
    }

    public static string Written<T>(T value, Action<Utf8JsonWriter, T> write)
    {
        ArrayBufferWriter<byte> buffer = new();
        using (Utf8JsonWriter json = new(buffer))
        {
            write(json, value);
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    public static void WriteTexts(Utf8JsonWriter json, ImmutableArray<string> texts)
    {
        json.WriteStartArray();
        foreach (string text in texts)
        {
            json.WriteStringValue(text);
        }

        json.WriteEndArray();
    }

    /// <summary>Reads strings up to the end of the array whose start was read.</summary>
    public static ImmutableArray<string> ReadTexts(ref Utf8JsonReader json)
    {
        ImmutableArray<string>.Builder texts = ImmutableArray.CreateBuilder<string>();
        while (json.Read() && json.TokenType == JsonTokenType.String)
        {
            texts.Add(json.GetString()!);
        }

        return json.TokenType == JsonTokenType.EndArray ? texts.ToImmutable() : throw Spoilt();
    }

    public static void Expect(ref Utf8JsonReader json, JsonTokenType type)
    {
        if (!json.Read() || json.TokenType != type)
        {
            throw Spoilt();
        }
    }

    public static CofferException Spoilt() => Error.Integrity("a JSON column");
}
