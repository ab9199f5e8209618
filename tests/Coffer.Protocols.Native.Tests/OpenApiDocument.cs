using System.ComponentModel.DataAnnotations;
using System.Reflection;
using System.Text.Encodings.Web;
using System.Text.Json.Nodes;
using System.Text.Json.Schema;
using System.Text.Json.Serialization.Metadata;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Coffer.Contracts;
using Microsoft.AspNetCore.Http;

namespace Coffer.Protocols.Native.Tests;

/// <summary>
/// The route table and the contracts as an OpenAPI 3.1 document. Made here and not by the server, which serves the document
/// as it is checked in: so nothing of this is in the executable.
/// </summary>
internal static partial class OpenApiDocument
{
    private static readonly Dictionary<string, string> Comments = XDocument.Load(Path.ChangeExtension(typeof(Problem).Assembly.Location, ".xml"))
        .Descendants("member").ToDictionary(m => m.Attribute("name")!.Value, m => Plain(m.Element("summary")));

    public static string Make()
    {
        JsonObject schemas = [];
        JsonObject paths = [];
        foreach (NativeRoute route in RouteTableTests.Routes)
        {
            if (paths[route.Template] is not JsonObject path)
            {
                paths[route.Template] = path = [];
            }

            path[route.Method.ToLowerInvariant()] = Operation(route, schemas);
        }

        Reference(ContractsJson.Default.Problem, schemas);
        JsonObject document = new()
        {
            ["openapi"] = "3.1.0",
            ["info"] = new JsonObject
            {
                ["title"] = "Coffer",
                ["version"] = NativeEndpoints.Version,
                ["description"] = "Coffer's own API. A name in a path is one percent-encoded part: a / in it is %2F. Unknown members and query parameters are refused.",
                ["license"] = new JsonObject { ["name"] = "Apache-2.0", ["identifier"] = "Apache-2.0" },
            },
            ["servers"] = new JsonArray(new JsonObject { ["url"] = "https://localhost:8200" }),
            ["security"] = new JsonArray(new JsonObject { ["token"] = new JsonArray() }),
            ["paths"] = Sorted(paths),
            ["components"] = new JsonObject
            {
                ["schemas"] = Sorted(schemas),
                ["securitySchemes"] = new JsonObject
                {
                    ["token"] = new JsonObject { ["type"] = "http", ["scheme"] = "bearer", ["bearerFormat"] = "cft_…", ["description"] = "A token of Coffer's own; over the local socket the kernel says who calls." },
                },
            },
        };
        return document.ToJsonString(new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }) + "\n";
    }

    private static JsonObject Operation(NativeRoute route, JsonObject schemas)
    {
        JsonObject operation = new() { ["operationId"] = route.Id, ["summary"] = route.Summary };
        if (route.Access is NativeAccess.Anyone or NativeAccess.Unsealer)
        {
            operation["security"] = new JsonArray();
        }

        JsonArray parameters = [];
        foreach (string name in route.Parts.Where(p => p is ['{', ..]).Select(p => p[1..^1]))
        {
            parameters.Add(new JsonObject { ["name"] = name, ["in"] = "path", ["required"] = true, ["schema"] = new JsonObject { ["type"] = "string" } });
        }

        foreach (NativeParameter parameter in route.Query)
        {
            parameters.Add(new JsonObject { ["name"] = parameter.Name, ["in"] = "query", ["description"] = parameter.Description, ["schema"] = new JsonObject { ["type"] = parameter.Type } });
        }

        if (route.Summary.Contains("If-Match", StringComparison.Ordinal))
        {
            parameters.Add(new JsonObject { ["name"] = "If-Match", ["in"] = "header", ["schema"] = new JsonObject { ["type"] = "string" } });
        }

        if (parameters.Count > 0)
        {
            operation["parameters"] = parameters;
        }

        if (route.Body is not null)
        {
            operation["requestBody"] = new JsonObject { ["required"] = true, ["content"] = Content("application/json", Reference(route.Body, schemas)) };
        }

        JsonObject responses = [];
        foreach (int status in route.Statuses)
        {
            JsonObject response = new() { ["description"] = status switch { StatusCodes.Status201Created => "Made.", StatusCodes.Status204NoContent => "Done.", StatusCodes.Status503ServiceUnavailable => "Not ready.", _ => "As asked." } };
            if (status != StatusCodes.Status204NoContent)
            {
                response["content"] = Content(route.ContentType, route.Answer is null ? new JsonObject() : Reference(route.Answer, schemas));
            }

            responses[status.ToString(System.Globalization.CultureInfo.InvariantCulture)] = response;
        }

        responses["default"] = new JsonObject { ["description"] = "What went wrong.", ["content"] = Content(NativeErrors.ContentType, new JsonObject { ["$ref"] = "#/components/schemas/Problem" }) };
        operation["responses"] = responses;
        return operation;
    }

    private static JsonObject Content(string type, JsonNode schema) => new() { [type] = new JsonObject { ["schema"] = schema } };

    private static JsonObject Reference(JsonTypeInfo type, JsonObject schemas)
    {
        string name = type.Type.Name;
        if (!schemas.ContainsKey(name))
        {
            schemas[name] = null;
            JsonNode schema = type.GetJsonSchemaAsNode(new() { TreatNullObliviousAsNonNullable = true, TransformSchemaNode = (context, node) => Transform(context, node, type, schemas) });
            schemas[name] = schema;
        }

        return new() { ["$ref"] = "#/components/schemas/" + name };
    }

    private static JsonNode Transform(JsonSchemaExporterContext context, JsonNode node, JsonTypeInfo root, JsonObject schemas)
    {
        JsonObject schema = node as JsonObject ?? [];
        Type type = Nullable.GetUnderlyingType(context.TypeInfo.Type) ?? context.TypeInfo.Type;
        if (type == typeof(SecretText))
        {
            schema = new() { ["type"] = "string", ["format"] = "password" };
        }
        else if (type == typeof(SecretBytes))
        {
            schema = new() { ["type"] = "string", ["contentEncoding"] = "base64", ["format"] = "password" };
        }
        else if (type == typeof(DateTimeOffset))
        {
            schema = new() { ["type"] = "string", ["format"] = "date-time" };
        }
        else if (type == typeof(System.Text.Json.JsonElement))
        {
            schema = new() { ["type"] = "object" };
        }
        else if (type.Assembly == typeof(Problem).Assembly && type.Name != root.Type.Name)
        {
            schema = Reference(context.TypeInfo.Options.GetTypeInfo(type), schemas);
        }

        // What is null is left out, so that absent is the one way to say nothing.
        if (schema["type"] is JsonArray types)
        {
            JsonNode[] real = [.. types.Where(t => t!.GetValue<string>() != "null").Select(t => t!.DeepClone())];
            schema["type"] = real.Length == 1 ? real[0] : new JsonArray(real);
        }

        schema.Remove("pattern");
        schema.Remove("default");
        if (context.PropertyInfo is { } property && property.DeclaringType.GetProperties().FirstOrDefault(p => p.Name.Equals(property.Name, StringComparison.OrdinalIgnoreCase)) is { } member && context.Path is [.., var last] && last == property.Name)
        {
            if (schema.Count == 0 || (member.PropertyType == typeof(string) && schema["type"] is null))
            {
                schema = new() { ["type"] = new JsonArray("integer", "string") };
            }

            if (member.GetCustomAttribute<AllowedValuesAttribute>() is { } allowed)
            {
                schema["enum"] = new JsonArray([.. allowed.Values.Select(v => JsonValue.Create((string)v!))]);
            }

            if (member.GetCustomAttribute<RangeAttribute>() is { } range)
            {
                schema["minimum"] = (int)range.Minimum;
                schema["maximum"] = (int)range.Maximum;
            }

            Describe(schema, $"P:{property.DeclaringType.FullName}.{member.Name}", $"M:{property.DeclaringType.FullName}.#ctor", member.Name);
        }
        else if (context.Path.IsEmpty)
        {
            Describe(schema, $"T:{type.FullName}", null, null);
        }

        return schema;
    }

    private static void Describe(JsonObject schema, string key, string? constructor, string? parameter)
    {
        if (Comments.TryGetValue(key, out string? text) && text.Length > 0)
        {
            schema["description"] = text;
        }
        else if (constructor is not null && parameter is not null)
        {
            string type = constructor[2..constructor.IndexOf(".#ctor", StringComparison.Ordinal)];
            XElement? described = XDocument.Load(Path.ChangeExtension(typeof(Problem).Assembly.Location, ".xml")).Descendants("member")
                .FirstOrDefault(m => m.Attribute("name")!.Value.StartsWith($"M:{type}.#ctor(", StringComparison.Ordinal) || m.Attribute("name")!.Value == $"T:{type}")?
                .Elements("param").FirstOrDefault(p => p.Attribute("name")!.Value == parameter);
            if (described is not null)
            {
                schema["description"] = Plain(described);
            }
        }
    }

    private static JsonObject Sorted(JsonObject unsorted)
    {
        JsonObject sorted = [];
        foreach ((string name, JsonNode? node) in unsorted.OrderBy(p => p.Key, StringComparer.Ordinal))
        {
            sorted[name] = node?.DeepClone();
        }

        return sorted;
    }

    private static string Plain(XElement? element)
    {
        if (element is null)
        {
            return "";
        }

        string text = string.Concat(element.Nodes().Select(n => n switch
        {
            XText t => t.Value,
            XElement { Name.LocalName: "see" } see => Member(see.Attribute("cref")!.Value),
            XElement e => e.Value,
            _ => "",
        }));
        return Spaces().Replace(text, " ").Replace(" Dispose it.", "", StringComparison.Ordinal).Trim();
    }

    // A member's name as JSON has it.
    private static string Member(string reference)
    {
        string name = reference[(reference.LastIndexOf('.') + 1)..];
        return reference[0] == 'P' ? char.ToLowerInvariant(name[0]) + name[1..] : name;
    }

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces();
}
