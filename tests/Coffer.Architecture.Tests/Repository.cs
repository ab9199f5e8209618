using System.Xml.Linq;
using Coffer.Testing;

namespace Coffer.Architecture.Tests;

/// <summary>The source tree that this test was built from.</summary>
internal static class Repository
{
    public static string Root { get; } = RepositoryFolder.Root;

    /// <summary>The folder of the test projects.</summary>
    public static string Tests { get; } = "tests";

    /// <summary>All C# files below the folders that exist, with forward slashes, relative to the root.</summary>
    public static IReadOnlyList<string> SourceFiles(params string[] folders) =>
    [
        .. folders.Select(f => Path.Combine(Root, f)).Where(Directory.Exists)
            .SelectMany(f => Directory.EnumerateFiles(f, "*.cs", SearchOption.AllDirectories))
            .Select(f => Path.GetRelativePath(Root, f).Replace('\\', '/'))
            .Where(f => !f.Split('/').Any(part => part is "obj" or "bin" or "artifacts"))
            .Order(StringComparer.Ordinal),
    ];

    /// <summary>Projects below a folder, by name, with the names of the projects they reference.</summary>
    public static IReadOnlyDictionary<string, string[]> Projects(string folder) =>
        Directory.EnumerateFiles(Path.Combine(Root, folder), "*.csproj", SearchOption.AllDirectories).ToDictionary(
            f => Path.GetFileNameWithoutExtension(f),
            f => XDocument.Load(f).Descendants("ProjectReference").Select(r => r.Attribute("Include")?.Value).OfType<string>().Select(r => Path.GetFileNameWithoutExtension(r.Replace('\\', '/'))).Order(StringComparer.Ordinal).ToArray(),
            StringComparer.Ordinal);

    public static string FullPath(string relative) => Path.Combine(Root, relative);
}
