using System.Buffers;
using System.Text.Json;
using Coffer.Launch.Arguments;
using Coffer.Launch.Environments;
using Coffer.Launch.Posix;
using Coffer.Sources;
using Coffer.Sources.DotEnv;

namespace Coffer.Launch.Commands;

/// <summary><c>coffer env list|get|set|unset</c>: one <c>.env</c> file, read and edited.</summary>
internal static class EnvCommands
{
    public static int List(ParsedArguments arguments)
    {
        DotEnvDocument document = DotEnvFile.Read(FileOf(arguments));
        string[] keys = [.. document.Keys];
        Dictionary<string, string>? values = arguments.Has(LaunchCommandTable.Show) ? Evaluate(document) : null;
        if (arguments.Has(LaunchCommandTable.Json))
        {
            WriteJson(json =>
            {
                json.WriteString("file"u8, document.File);
                if (values is null)
                {
                    json.WriteStartArray("keys"u8);
                    Array.ForEach(keys, json.WriteStringValue);
                    json.WriteEndArray();
                }
                else
                {
                    json.WriteStartObject("values"u8);
                    Array.ForEach(keys, key => json.WriteString(key, values[key]));
                    json.WriteEndObject();
                }
            });
        }
        else if (values is null)
        {
            StandardStreams.Out(string.Concat(keys.Select(key => key + "\n")));
        }
        else
        {
            // Quoted, so that what is printed is a .env file again.
            StandardStreams.Out(keys.Aggregate(DotEnvDocument.Parse("", "stdout"), (shown, key) => shown.Set(key, values[key])).ToUtf8());
        }

        return CofferExit.Ok;
    }

    public static int Get(ParsedArguments arguments)
    {
        string key = KeyOf(arguments);
        DotEnvDocument document = DotEnvFile.Read(FileOf(arguments));
        if (document.Find(key) is null)
        {
            throw Missing(document.File, key);
        }

        string value = Evaluate(document)[key];
        if (arguments.Has(LaunchCommandTable.Json))
        {
            WriteJson(json =>
            {
                json.WriteString("key"u8, key);
                json.WriteString("value"u8, value);
            });
        }
        else
        {
            StandardStreams.Out(StandardStreams.OutputIsTerminal ? value + "\n" : value);
        }

        return CofferExit.Ok;
    }

    public static int Set(ParsedArguments arguments)
    {
        string key = KeyOf(arguments);
        string value = SecretInput.Read(arguments, key);
        return Changed(arguments, key, DotEnvFile.Edit(FileOf(arguments), document => document.Set(key, value)));
    }

    public static int Unset(ParsedArguments arguments)
    {
        string key = KeyOf(arguments), file = FileOf(arguments);
        return Changed(arguments, key, DotEnvFile.Edit(file, document => document.Find(key) is null ? throw Missing(file, key) : document.Unset(key)));
    }

    /// <summary>One JSON object and a line end on stdout.</summary>
    internal static void WriteJson(Action<Utf8JsonWriter> members)
    {
        ArrayBufferWriter<byte> body = new();
        using (Utf8JsonWriter json = new(body, new JsonWriterOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            members(json);
            json.WriteEndObject();
        }

        body.Write("\n"u8);
        StandardStreams.Out(body.WrittenSpan);
    }

    // As run expands, the environment first; what is printed is the file's own value all the same.
    private static Dictionary<string, string> Evaluate(DotEnvDocument document)
    {
        EnvironmentBlock environment = EnvironmentBlock.OfProcess();
        Dictionary<string, string> values = new(StringComparer.Ordinal);
        DotEnvExpansion expansion = new(name => environment.Text(name) ?? values.GetValueOrDefault(name));
        foreach (DotEnvEntry entry in document.Entries)
        {
            values[entry.Key] = expansion.Expand(document, entry);
        }

        return values;
    }

    private static int Changed(ParsedArguments arguments, string key, bool changed)
    {
        if (arguments.Has(LaunchCommandTable.Json))
        {
            WriteJson(json =>
            {
                json.WriteString("file"u8, FileOf(arguments));
                json.WriteString("key"u8, key);
                json.WriteBoolean("changed"u8, changed);
            });
        }

        return CofferExit.Ok;
    }

    private static string FileOf(ParsedArguments arguments) => arguments.Value(LaunchCommandTable.File) ?? ".env";

    private static string KeyOf(ParsedArguments arguments) => DotEnvDocument.IsKey(arguments.Operands[0])
        ? arguments.Operands[0]
        : throw new LaunchException(CofferExit.Invalid, "not a name that a .env file can hold", "names have letters, digits, _, . and -; coffer env set KEY asks for the value");

    private static SourceException Missing(string file, string key) => new(SourceErrorKind.NotFound, $"{key} is not in the file", "coffer env list shows what is", file, 0, 0);
}
