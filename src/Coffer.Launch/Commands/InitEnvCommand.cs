using System.IO.Enumeration;
using System.Text;
using Coffer.Launch.Arguments;
using Coffer.Launch.Git;
using Coffer.Launch.Posix;
using Coffer.Sources;
using Coffer.Sources.DotEnv;
using Coffer.Sources.Posix;

namespace Coffer.Launch.Commands;

/// <summary><c>coffer init --env</c>: a <c>.env</c> that stays out of version control, and an example that may go in.</summary>
internal static class InitEnvCommand
{
    private const uint Shared = 0b110_100_100;
    private const int MaxBytes = 1024 * 1024;
    private const string ExampleHead = "# Names that this project reads. Copy to .env and fill in, or write references: NAME=coffer://vault/name\n";

    public static int Execute(ParsedArguments arguments)
    {
        string file = arguments.Value(LaunchCommandTable.File) ?? ".env";
        string name = Path.GetFileName(file), folder = Path.GetDirectoryName(file) ?? "";
        string ignore = Path.Combine(folder, ".gitignore"), example = file + ".example";
        string[] keys = [.. ReadKeys(file)];

        bool ignoreChanged = Edit(ignore, text => Ignore(text, name));
        bool exampleChanged = Edit(example, text => Example(text, keys, example));
        if (arguments.Has(LaunchCommandTable.Json))
        {
            EnvCommands.WriteJson(json =>
            {
                json.WriteString("ignore"u8, ignore);
                json.WriteBoolean("ignoreChanged"u8, ignoreChanged);
                json.WriteString("example"u8, example);
                json.WriteBoolean("exampleChanged"u8, exampleChanged);
            });
        }
        else
        {
            StandardStreams.Remark($"{ignore}: {(ignoreChanged ? "written" : "unchanged")}");
            StandardStreams.Remark($"{example}: {(exampleChanged ? "written" : "unchanged")}");
        }

        if (File.Exists(file))
        {
            TrackedFiles.Refuse(file);
        }

        return CofferExit.Ok;
    }

    /// <summary>The text of a .gitignore that ignores <paramref name="name"/> and not its example: what it says already, or with lines added.</summary>
    internal static string Ignore(string text, string name)
    {
        string added = (IsIgnored(text, name) ? "" : name + "\n") + (IsIgnored(text, name + ".example") ? $"!{name}.example\n" : "");
        return added.Length == 0 ? text : text.Length == 0 || text.EndsWith('\n') ? text + added : $"{text}\n{added}";
    }

    private static string Example(string text, string[] keys, string path)
    {
        DotEnvDocument document = DotEnvDocument.Parse(text.Length == 0 ? ExampleHead : text, path);
        return Encoding.UTF8.GetString(keys.Aggregate(document, (example, key) => example.Find(key) is null ? example.Set(key, "") : example).ToUtf8());
    }

    // Of git's patterns those that can name a file of this folder: no slash inside, the last one that fits decides.
    private static bool IsIgnored(string text, string name)
    {
        bool ignored = false;
        foreach (string line in text.Split('\n'))
        {
            string pattern = line.TrimEnd('\r', ' ');
            bool negated = pattern.StartsWith('!');
            pattern = negated ? pattern[1..] : pattern;
            pattern = pattern.StartsWith('/') ? pattern[1..] : pattern.StartsWith("**/", StringComparison.Ordinal) ? pattern[3..] : pattern;
            if (pattern.Length > 0 && pattern[0] != '#' && FileSystemName.MatchesSimpleExpression(pattern, name, ignoreCase: false))
            {
                ignored = !negated;
            }
        }

        return ignored;
    }

    private static IEnumerable<string> ReadKeys(string file)
    {
        try
        {
            return DotEnvFile.Read(file).Keys;
        }
        catch (SourceException error) when (error.Kind == SourceErrorKind.NotFound)
        {
            return [];
        }
    }

    private static bool Edit(string path, Func<string, string> edit)
    {
        using FileReplacement replacement = FileReplacement.Begin(path);
        byte[] before = replacement.Read(MaxBytes);
        byte[] after = Encoding.UTF8.GetBytes(edit(Encoding.UTF8.GetString(before)));
        if (replacement.Exists && after.AsSpan().SequenceEqual(before))
        {
            return false;
        }

        replacement.Commit(after, Shared);
        return true;
    }
}
