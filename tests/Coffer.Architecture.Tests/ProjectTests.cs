using System.Xml.Linq;
using Xunit;

namespace Coffer.Architecture.Tests;

/// <summary>Who may know whom. Arrows point to the core; a dialect never sees a store or another dialect; a source never sees a dialect.</summary>
public sealed class ProjectTests
{
    /// <summary>Every project there is or is planned, with all that it may reference.</summary>
    private static readonly Dictionary<string, string[]> Allowed = new(StringComparer.Ordinal)
    {
        ["Coffer.Core"] = [],
        ["Coffer.Contracts"] = [],
        ["Coffer.Sources"] = [],
        ["Coffer.Workload"] = [],
        ["Coffer.Client"] = ["Coffer.Contracts"],
        ["Coffer.Login"] = ["Coffer.Client", "Coffer.Contracts"],
        ["Coffer.Launch"] = ["Coffer.Sources"],
        ["Coffer.Trusts"] = ["Coffer.Core"],
        ["Coffer.Stores.Sqlite"] = ["Coffer.Core"],
        ["Coffer.Stores.Postgres"] = ["Coffer.Core"],
        ["Coffer.Protocols"] = ["Coffer.Core"],
        ["Coffer.Protocols.Aws"] = ["Coffer.Core", "Coffer.Protocols"],
        ["Coffer.Protocols.Azure"] = ["Coffer.Core", "Coffer.Protocols"],
        ["Coffer.Protocols.Google"] = ["Coffer.Core", "Coffer.Protocols"],
        ["Coffer.Protocols.Vault"] = ["Coffer.Core", "Coffer.Protocols"],
        ["Coffer.Protocols.Native"] = ["Coffer.Core", "Coffer.Protocols", "Coffer.Contracts", "Coffer.Trusts"],
        ["Coffer.Server"] =
        [
            "Coffer.Core", "Coffer.Contracts", "Coffer.Trusts", "Coffer.Stores.Sqlite", "Coffer.Stores.Postgres", "Coffer.Protocols", "Coffer.Protocols.Aws",
            "Coffer.Protocols.Azure", "Coffer.Protocols.Google", "Coffer.Protocols.Vault", "Coffer.Protocols.Native",
        ],
        ["Coffer.Front"] = ["Coffer.Launch"],
        ["Coffer.Cli"] = ["Coffer.Server", "Coffer.Client", "Coffer.Contracts", "Coffer.Login", "Coffer.Sources", "Coffer.Launch", "Coffer.Workload"],
    };

    public static TheoryData<string> Projects => [.. Repository.Projects("src").Keys.Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Projects))]
    public void A_project_references_only_what_it_may(string project)
    {
        Assert.True(Allowed.TryGetValue(project, out string[]? allowed), $"{project} is in no row of the table: say what it may reference");
        Assert.Empty(Repository.Projects("src")[project].Except(allowed));
    }

    [Fact]
    public void The_table_itself_keeps_the_rule()
    {
        Assert.All(Allowed, row => Assert.All(row.Value, to => Assert.Contains(to, Allowed.Keys)));
        foreach ((string project, string[] to) in Allowed.Where(p => p.Key.StartsWith("Coffer.Protocols.", StringComparison.Ordinal) || p.Key.StartsWith("Coffer.Stores.", StringComparison.Ordinal)))
        {
            Assert.DoesNotContain(to, t => t.StartsWith("Coffer.Stores.", StringComparison.Ordinal) || t.StartsWith("Coffer.Protocols.", StringComparison.Ordinal));
            Assert.DoesNotContain("Coffer.Server", to);
        }

        Assert.DoesNotContain(Allowed["Coffer.Sources"], t => t.StartsWith("Coffer.Protocols", StringComparison.Ordinal));
    }

    [Fact]
    public void No_project_reaches_itself()
    {
        IReadOnlyDictionary<string, string[]> projects = Repository.Projects("src");
        foreach (string start in projects.Keys)
        {
            HashSet<string> seen = [];
            Stack<string> ahead = new(projects[start]);
            while (ahead.TryPop(out string? next))
            {
                Assert.NotEqual(start, next);
                if (seen.Add(next))
                {
                    foreach (string further in projects.GetValueOrDefault(next) ?? [])
                    {
                        ahead.Push(further);
                    }
                }
            }
        }
    }

    [Fact]
    public void The_core_takes_no_package_and_no_web_framework()
    {
        XDocument project = XDocument.Load(Repository.FullPath("src/Coffer.Core/Coffer.Core.csproj"));
        Assert.Empty(project.Descendants("PackageReference"));
        Assert.Empty(project.Descendants("FrameworkReference"));
    }

    [Fact]
    public void Every_project_is_in_the_solution_once()
    {
        string[] listed = [.. XDocument.Load(Repository.FullPath("Coffer.slnx")).Descendants("Project").Select(p => Path.GetFileNameWithoutExtension((string)p.Attribute("Path")!))];
        string[] there = [.. new[] { "src", Repository.Tests, "bench" }.Where(f => Directory.Exists(Repository.FullPath(f))).SelectMany(f => Repository.Projects(f).Keys)];
        Assert.Empty(there.Except(listed));
        Assert.Equal(listed.Length, listed.Distinct().Count());
    }

    [Fact]
    public void A_test_project_is_called_after_what_it_tests()
    {
        string[] sources = [.. Repository.Projects("src").Keys];
        // Tests over everything, and the programs that they start.
        string[] others = ["Coffer.Architecture.Tests", "Coffer.Compatibility.Tests", "Coffer.Compatibility.DotNetClient", "Coffer.Crash.Harness", "Coffer.Stores.Tests", "Coffer.EndToEnd.Tests", "Coffer.Security.Tests", "Coffer.Testing"];
        Assert.All(Repository.Projects(Repository.Tests).Keys.Except(others), t => Assert.Contains(t, sources.Select(s => s + ".Tests")));
    }
}
