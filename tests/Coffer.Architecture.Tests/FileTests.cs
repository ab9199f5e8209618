using System.Text.RegularExpressions;
using Xunit;

namespace Coffer.Architecture.Tests;

/// <summary>Where a thing is found: the same files in every dialect and every store, short files, telling names.</summary>
public sealed partial class FileTests
{
    private const int MostLines = 400;

    /// <summary>What every dialect is made of; each may be split further, as <c>XWire.Requests.cs</c>.</summary>
    private static readonly string[] DialectParts = ["Dialect", "Authentication", "Endpoints", "Names", "Wire", "Errors"];

    /// <summary>What every store is made of.</summary>
    private static readonly string[] StoreParts = ["Store", "Secrets", "Access", "Audit", "Keys", "Options"];

    public static TheoryData<string> Dialects => [.. Below("Coffer.Protocols.")];

    public static TheoryData<string> Stores => [.. Below("Coffer.Stores.")];

    [Theory]
    [MemberData(nameof(Dialects))]
    public void A_dialect_is_the_same_six_files(string dialect)
    {
        string[] files = FilesOf($"src/Coffer.Protocols.{dialect}");
        // A dialect that has not been begun is not in breach; one that has been is whole.
        if (files.Length > 0)
        {
            CheckParts(dialect, files, DialectParts, optional: ["Options"]);
        }
    }

    [Theory]
    [MemberData(nameof(Stores))]
    public void A_store_is_the_same_files_and_its_migrations(string store)
    {
        string folder = $"src/Coffer.Stores.{store}";
        string[] files = FilesOf(folder);
        if (files.Length == 0)
        {
            return;
        }

        CheckParts(store, files, StoreParts, optional: []);
        string[] migrations = [.. Directory.EnumerateFiles(Repository.FullPath($"{folder}/Migrations")).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal)];
        Assert.NotEmpty(migrations);
        Assert.All(migrations, m => Assert.Matches(MigrationName(), m));
        Assert.Equal(Enumerable.Range(1, migrations.Length), migrations.Select(m => int.Parse(m[..4], System.Globalization.CultureInfo.InvariantCulture)));
    }

    [Fact]
    public void No_file_is_longer_than_400_lines()
    {
        string[] longer = [.. Repository.SourceFiles("src", Repository.Tests, "bench").Select(f => (File: f, Lines: File.ReadLines(Repository.FullPath(f)).Count())).Where(f => f.Lines > MostLines).Select(f => $"{f.File} ({f.Lines})")];
        Assert.True(longer.Length == 0, string.Join(", ", longer));
    }

    [Fact]
    public void No_file_is_named_after_nothing_in_particular()
    {
        string[] vague = [.. Repository.SourceFiles("src", Repository.Tests, "bench").Where(f => VagueName().IsMatch(Path.GetFileName(f)))];
        Assert.True(vague.Length == 0, string.Join(", ", vague));
    }

    [Fact]
    public void A_namespace_is_the_folder_it_is_in()
    {
        foreach (string file in Repository.SourceFiles("src", Repository.Tests, "bench"))
        {
            Match declared = NamespaceLine().Match(File.ReadAllText(Repository.FullPath(file)));
            // A file of top-level statements or assembly attributes declares none.
            if (declared.Success)
            {
                string expected = Path.GetDirectoryName(file)!.Replace('\\', '/').Split('/', 2)[1].Replace('/', '.');
                Assert.True(declared.Groups[1].Value == expected, $"{file} declares {declared.Groups[1].Value}, not {expected}");
            }
        }
    }

    [Fact]
    public void Nothing_is_left_to_be_written()
    {
        foreach (string file in Repository.SourceFiles("src"))
        {
            Assert.DoesNotMatch(Unwritten(), File.ReadAllText(Repository.FullPath(file)));
        }
    }

    [Fact]
    public void Attack_09_what_proves_somebody_is_compared_in_fixed_time()
    {
        // Hashes of the trail's chain are no proof of anybody, and stand in the trail for all to read.
        string[] early = [.. Repository.SourceFiles("src").Where(f => !f.StartsWith("src/Coffer.Core/Audit/", StringComparison.Ordinal))
            .SelectMany(f => EarlyComparison().Matches(File.ReadAllText(Repository.FullPath(f))).Select(m => $"{f}: {m.Value}"))];
        Assert.True(early.Length == 0, string.Join(", ", early));
        string[] fixedTime = [.. Repository.SourceFiles("src").Where(f => File.ReadAllText(Repository.FullPath(f)).Contains("FixedTimeEquals", StringComparison.Ordinal)).Select(f => Path.GetFileNameWithoutExtension(f))];
        // Row MACs, tokens and sessions, request signatures, one-time and recovery codes, passwords: each is compared somewhere.
        Assert.All((string[])["Keyring", "CredentialService", "AwsAuthentication", "LoginService.Factors", "PasswordHasher", "BrowserLogins", "PageTokens"], place => Assert.Contains(fixedTime, f => f.StartsWith(place, StringComparison.Ordinal)));
    }

    private static void CheckParts(string name, string[] files, string[] parts, string[] optional)
    {
        Assert.All(parts, part => Assert.True(files.Contains($"{name}{part}.cs"), $"{name}{part}.cs is missing"));
        Assert.All(files, file => Assert.True(
            parts.Concat(optional).Any(part => file == $"{name}{part}.cs" || file.StartsWith($"{name}{part}.", StringComparison.Ordinal)),
            $"{file} is none of {string.Join(", ", parts.Concat(optional).Select(p => name + p))}"));
    }

    /// <summary>The C# files of a project's own folder; a dialect keeps its policy language in Policies/.</summary>
    private static string[] FilesOf(string folder) =>
        [.. Repository.SourceFiles(folder).Select(f => f[(folder.Length + 1)..]).Where(f => !f.StartsWith("Policies/", StringComparison.Ordinal))];

    private static IEnumerable<string> Below(string prefix) =>
        Repository.Projects("src").Keys.Where(p => p.StartsWith(prefix, StringComparison.Ordinal)).Select(p => p[prefix.Length..]).Order(StringComparer.Ordinal);

    [GeneratedRegex(@"(Manager|Helpers?|Utils?|Utilities|Common|Base|Impl)\.cs\z")]
    private static partial Regex VagueName();

    [GeneratedRegex(@"\A[0-9]{4}_[a-z0-9_]+\.sql\z")]
    private static partial Regex MigrationName();

    [GeneratedRegex(@"^namespace\s+([A-Za-z0-9_.]+)\s*;", RegexOptions.Multiline)]
    private static partial Regex NamespaceLine();

    [GeneratedRegex(@"\b\w*(?:[Vv]erifier|[Hh]ash|[Mm]ac|[Ss]ignature|[Tt]oken|[Cc]ode|[Pp]assword|[Ss]ecret)(?:\.Span|\.AsSpan\(\))?\.SequenceEqual\(")]
    private static partial Regex EarlyComparison();

    [GeneratedRegex(@"NotImplementedException|\bTODO\b|\bFIXME\b|\bHACK\b|\bXXX\b")]
    private static partial Regex Unwritten();
}
