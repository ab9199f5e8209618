using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using Xunit;

namespace Coffer.Architecture.Tests;

/// <summary>
/// What is public is meant to be. The list lies beside this file; to write it anew, run these tests with
/// <c>COFFER_WRITE_PUBLIC_SURFACE=1</c> in the environment and review the difference.
/// </summary>
public sealed class PublicSurfaceTests
{
    private static readonly string ListFile = $"{Repository.Tests}/Coffer.Architecture.Tests/PublicSurface.txt";

    /// <summary>Projects that nothing can reference: what is public in a program is seen by nobody.</summary>
    private static readonly string[] Programs = ["Coffer.Cli", "Coffer.Front"];

    [Fact]
    public void Every_public_type_is_in_the_list_and_every_line_of_the_list_is_a_public_type()
    {
        string[] now = [.. Assemblies().SelectMany(PublicTypes).Order(StringComparer.Ordinal)];
        string list = Repository.FullPath(ListFile);
        if (Environment.GetEnvironmentVariable("COFFER_WRITE_PUBLIC_SURFACE") == "1")
        {
            File.WriteAllLines(list, now);
        }

        string[] intended = File.ReadAllLines(list);
        Assert.True(now.Except(intended).ToArray() is [], "public and not in the list: " + string.Join(", ", now.Except(intended)));
        Assert.True(intended.Except(now).ToArray() is [], "in the list and not public: " + string.Join(", ", intended.Except(now)));
    }

    [Fact]
    public void A_dialect_and_a_store_show_what_composes_them_and_nothing_of_the_wire_or_the_database()
    {
        foreach (string assembly in Assemblies().Where(a => Path.GetFileNameWithoutExtension(a) is var n && (n.StartsWith("Coffer.Protocols.", StringComparison.Ordinal) || n.StartsWith("Coffer.Stores.", StringComparison.Ordinal))))
        {
            string last = Path.GetFileNameWithoutExtension(assembly).Split('.')[^1];
            // What the server hands to the dialect of its own API, and what it hands to the core of a vendor's.
            string[] handed = last switch
            {
                "Native" => ["ISystemControl", "SealStatus"],
                "Aws" => ["IamLanguage"],
                _ => [],
            };
            string[] shown = [.. PublicTypes(assembly).Select(t => t.Split('.')[^1]).Except(handed)];
            Assert.All(shown, type => Assert.True(
                type.StartsWith($"{last}Dialect", StringComparison.Ordinal) || type.StartsWith($"{last}Store", StringComparison.Ordinal) || type.StartsWith($"{last}Options", StringComparison.Ordinal),
                $"{type} is public in {Path.GetFileName(assembly)}"));
        }
    }

    /// <summary>The built assemblies, copied beside this one after the build.</summary>
    private static string[] Assemblies()
    {
        string folder = Path.Combine(AppContext.BaseDirectory, "read");
        return
        [
            .. Repository.Projects("src").Keys.Except(Programs).Select(p => Path.Combine(folder, p + ".dll"))
                .Select(f => File.Exists(f) ? f : throw new Xunit.Sdk.XunitException($"{f} is not there: build the solution first")),
        ];
    }

    private static IEnumerable<string> PublicTypes(string assembly)
    {
        using PEReader file = new(File.OpenRead(assembly));
        MetadataReader metadata = file.GetMetadataReader();
        List<string> types = [];
        foreach (TypeDefinitionHandle handle in metadata.TypeDefinitions)
        {
            TypeDefinition type = metadata.GetTypeDefinition(handle);
            if ((type.Attributes & TypeAttributes.VisibilityMask) == TypeAttributes.Public)
            {
                types.Add($"{metadata.GetString(type.Namespace)}.{metadata.GetString(type.Name)}");
            }
        }

        return types;
    }
}
