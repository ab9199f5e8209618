using System.Text.Json.Nodes;
using Coffer.Core.Errors;
using Coffer.Testing;

namespace Coffer.Protocols.Native.Tests;

public sealed class OpenApiTests
{
    /// <summary>COFFER_GOLDEN=update writes the document into the source tree; the build after that serves it.</summary>
    [Fact]
    public async Task The_document_checked_in_is_the_route_table()
    {
        string file = RepositoryFolder.At("docs/openapi.json"), made = OpenApiDocument.Make();
        if (Environment.GetEnvironmentVariable("COFFER_GOLDEN") == "update")
        {
            await File.WriteAllTextAsync(file, made, TestContext.Current.CancellationToken);
            return;
        }

        Assert.Equal(made, await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task The_document_served_is_the_one_checked_in()
    {
        await using NativeTestServer server = await NativeTestServer.StartAsync();
        TestAnswer answer = await server.SendAsync("GET", "/coffer/openapi.json", principal: null);
        Assert.Equal(200, answer.Status);
        Assert.Equal("application/json", answer.Header("Content-Type"));
        Assert.Equal(await File.ReadAllTextAsync(RepositoryFolder.At("docs/openapi.json"), TestContext.Current.CancellationToken), answer.Body);
    }

    [Fact]
    public void Every_reference_in_the_document_leads_somewhere()
    {
        JsonNode document = JsonNode.Parse(OpenApiDocument.Make())!;
        JsonObject schemas = document["components"]!["schemas"]!.AsObject();
        HashSet<string> used = [];
        Walk(document, node =>
        {
            if (node is JsonObject o && o["$ref"] is JsonValue reference)
            {
                string name = reference.GetValue<string>();
                Assert.StartsWith("#/components/schemas/", name, StringComparison.Ordinal);
                Assert.True(schemas.ContainsKey(name["#/components/schemas/".Length..]), name);
                used.Add(name["#/components/schemas/".Length..]);
            }
        });
        Assert.Equal(schemas.Select(s => s.Key).Order(), used.Order());
    }

    [Fact]
    public async Task The_guide_names_every_operation_and_every_code()
    {
        string guide = await File.ReadAllTextAsync(RepositoryFolder.At("docs/api.md"), TestContext.Current.CancellationToken);
        Assert.All(RouteTableTests.Routes, r => Assert.Contains($"| {r.Method} | `{r.Template}` |", guide, StringComparison.Ordinal));
        Assert.All(Enum.GetValues<CofferErrorCode>().Select(NativeErrors.Describe), e => Assert.Contains($"| `{e.Code}` | {e.Status} |", guide, StringComparison.Ordinal));
    }

    private static void Walk(JsonNode? node, Action<JsonNode> visit)
    {
        switch (node)
        {
            case JsonObject o:
                visit(o);
                foreach ((_, JsonNode? child) in o)
                {
                    Walk(child, visit);
                }

                break;
            case JsonArray a:
                foreach (JsonNode? child in a)
                {
                    Walk(child, visit);
                }

                break;
        }
    }
}
