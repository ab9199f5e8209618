using System.Buffers;
using System.Text;
using System.Text.Json;

namespace Coffer.Workload.Doors;

/// <summary>
/// The tree of a Google metadata server, as far as client libraries ask: folders list their entries one a line, leaves are
/// text; <c>recursive=true</c> gives a folder as JSON whose names are in camel case, <c>alt=json</c> a leaf as JSON.
/// </summary>
internal sealed class GoogleMetadata
{
    private readonly Folder _root;

    public GoogleMetadata(WorkloadIdentity identity)
    {
        Folder account = new(
            ("aliases", new Lines("default")),
            ("email", new Text(identity.Email)),
            ("identity", Answered.Elsewhere),
            ("scopes", new Lines("https://www.googleapis.com/auth/cloud-platform")),
            ("token", Answered.Elsewhere));
        _root = new(
            ("instance", new Folder(
                ("attributes", new Folder()),
                ("id", new Number(identity.UniqueId[..18])),
                ("service-accounts", new Folder((identity.Email, account), ("default", account))))),
            ("project", new Folder(
                ("attributes", new Folder()),
                ("numeric-project-id", new Number(identity.VaultNumber)),
                ("project-id", new Text(identity.Vault)))),
            ("universe", new Folder(("universe-domain", new Text("googleapis.com")))));
    }

    /// <summary>The answer at a path below <c>/computeMetadata/v1/</c>, with its media type, or null where there is none.</summary>
    public (byte[] Body, string ContentType)? Read(string path, bool isRecursive, string? format)
    {
        Node? node = _root;
        foreach (string part in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            node = (node as Folder)?.Find(part);
        }

        // A leaf has no slash at its end; a folder is found with and without.
        if (node is null or Answered || (node is not Folder && path.EndsWith('/')))
        {
            return null;
        }

        if (format == "json" || (isRecursive && format is null && node is Folder))
        {
            return node is Folder && !isRecursive ? null : (Json(node), "application/json");
        }

        StringBuilder text = new();
        if (node is Folder folder && isRecursive)
        {
            folder.WriteLines(text, "");
        }
        else
        {
            node.Write(text);
        }

        return (Encoding.UTF8.GetBytes(text.ToString()), "application/text");
    }

    private static byte[] Json(Node node)
    {
        ArrayBufferWriter<byte> buffer = new();
        using (Utf8JsonWriter writer = new(buffer))
        {
            node.Write(writer);
        }

        return buffer.WrittenSpan.ToArray();
    }

    private abstract class Node
    {
        public abstract void Write(StringBuilder text);

        public abstract void Write(Utf8JsonWriter json);
    }

    private sealed class Text(string value) : Node
    {
        public override void Write(StringBuilder text) => text.Append(value);

        public override void Write(Utf8JsonWriter json) => json.WriteStringValue(value);
    }

    private sealed class Number(string digits) : Node
    {
        public override void Write(StringBuilder text) => text.Append(digits);

        public override void Write(Utf8JsonWriter json) => json.WriteRawValue(digits);
    }

    private sealed class Lines(params string[] values) : Node
    {
        public override void Write(StringBuilder text) => text.AppendJoin('\n', values).Append('\n');

        public override void Write(Utf8JsonWriter json)
        {
            json.WriteStartArray();
            foreach (string value in values)
            {
                json.WriteStringValue(value);
            }

            json.WriteEndArray();
        }
    }

    /// <summary>An entry that folders list and whose answer is made anew each time.</summary>
    private sealed class Answered : Node
    {
        public static readonly Answered Elsewhere = new();

        public override void Write(StringBuilder text)
        {
        }

        public override void Write(Utf8JsonWriter json)
        {
        }
    }

    private sealed class Folder(params (string Name, Node Node)[] entries) : Node
    {
        public Node? Find(string name) => entries.FirstOrDefault(e => string.Equals(e.Name, name, StringComparison.Ordinal)).Node;

        public override void Write(StringBuilder text)
        {
            foreach ((string name, Node node) in entries)
            {
                text.Append(name).Append(node is Folder ? "/\n" : "\n");
            }
        }

        public override void Write(Utf8JsonWriter json)
        {
            json.WriteStartObject();
            foreach ((string name, Node node) in entries.Where(e => e.Node is not Answered))
            {
                json.WritePropertyName(CamelCase(name));
                node.Write(json);
            }

            json.WriteEndObject();
        }

        public void WriteLines(StringBuilder text, string prefix)
        {
            foreach ((string name, Node node) in entries.Where(e => e.Node is not Answered))
            {
                if (node is Folder folder)
                {
                    folder.WriteLines(text, $"{prefix}{name}/");
                    continue;
                }

                StringBuilder value = new();
                node.Write(value);
                foreach (string line in value.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries))
                {
                    text.Append(prefix).Append(name).Append(' ').Append(line).Append('\n');
                }
            }
        }

        private static string CamelCase(string name)
        {
            // An address is a name of its own, hyphens and all.
            string[] words = name.Contains('@', StringComparison.Ordinal) ? [name] : name.Split('-');
            return words[0] + string.Concat(words.Skip(1).Select(w => char.ToUpperInvariant(w[0]) + w[1..]));
        }
    }
}
