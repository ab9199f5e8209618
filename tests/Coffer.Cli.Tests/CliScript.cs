using System.Text;
using System.Text.RegularExpressions;

namespace Coffer.Cli.Tests;

/// <summary>
/// One behaviour of the command line as text:
/// <code>
/// # a remark
/// @issuer                      a provider of identities beside it: ISSUER is its address, BROWSER a browser that confirms
/// @proofs                      what other systems prove, in files and the environment (<see cref="ScriptProofs"/>)
/// @server OPTIONS              a server of this script's own, COFFER_SOCKET set; SERVER is its address
/// @as NAME                     what follows is run with a token of that principal; without a name, as at the beginning
/// @file NAME                   a file; its lines follow, up to @end
/// $ coffer list shop-dev       a command for the shell; what it prints follows. REQUEST is the last request for approval shown
/// &lt; text                       a line that is typed into it: [invitation] and [seed] are what was shown, [recovery] a code that was, each once, [code] is the app's
/// NAME  VERSION                a line of stdout ([..] stands for anything)
/// 2> coffer: problem           a line of stderr
/// ? 3                          the exit code, where it is not 0
/// </code>
/// </summary>
internal sealed record CliScript(IReadOnlyList<CliScript.Step> Steps)
{
    public static CliScript Parse(string text)
    {
        List<Step> steps = [];
        Command? command = null;
        string[] lines = text.Split('\n');
        for (int i = 0; i < lines.Length; i++)
        {
            string line = lines[i];
            if (line.StartsWith('#'))
            {
                continue;
            }

            if (line.StartsWith("$ ", StringComparison.Ordinal))
            {
                command = new(line[2..]);
                steps.Add(command);
            }
            else if (line == "@server" || line.StartsWith("@server ", StringComparison.Ordinal))
            {
                steps.Add(new StartServer(line.Split(' ')[1..]));
            }
            else if (line == "@proofs")
            {
                steps.Add(new WriteProofs());
            }
            else if (line == "@as" || line.StartsWith("@as ", StringComparison.Ordinal))
            {
                steps.Add(new ActAs(line.Length > 4 ? line[4..] : null));
            }
            else if (line == "@issuer")
            {
                steps.Add(new StartIssuer());
            }
            else if (line.StartsWith("@file ", StringComparison.Ordinal))
            {
                int end = Array.IndexOf(lines, "@end", i);
                steps.Add(new WriteFile(line[6..], string.Join('\n', lines[(i + 1)..end]) + "\n"));
                i = end;
            }
            else if (command is null)
            {
                Assert.True(line.Trim().Length == 0, $"line {i + 1} belongs to no command");
            }
            else if (line == "<" || line.StartsWith("< ", StringComparison.Ordinal))
            {
                command.Typed.Add(line.Length > 2 ? line[2..] : "");
            }
            else if (line.StartsWith("2> ", StringComparison.Ordinal))
            {
                command.Errors.Add(line[3..]);
            }
            else if (line.StartsWith("? ", StringComparison.Ordinal))
            {
                command.Exit = int.Parse(line[2..], System.Globalization.CultureInfo.InvariantCulture);
            }
            else
            {
                command.Output.Add(line);
            }
        }

        foreach (Command step in steps.OfType<Command>())
        {
            // An empty line before the next command is layout, not output.
            while (step.Output is [.., ""])
            {
                step.Output.RemoveAt(step.Output.Count - 1);
            }
        }

        return new(steps);
    }

    /// <summary>Whether what was printed is what was expected; [..] stands for any text in a line.</summary>
    public static bool Matches(IReadOnlyList<string> expected, string actual)
    {
        string[] lines = actual.Length == 0 ? [] : actual.TrimEnd('\n').Split('\n');
        return lines.Length == expected.Count && expected.Zip(lines).All(pair => Line(pair.First).IsMatch(pair.Second));
    }

    private static Regex Line(string pattern) =>
        new("\\A" + string.Join(".*", pattern.Split("[..]").Select(Regex.Escape)) + "\\z", RegexOptions.NonBacktracking);

    internal abstract record Step;

    internal sealed record StartServer(string[] Options) : Step;

    internal sealed record WriteProofs : Step;

    internal sealed record StartIssuer : Step;

    internal sealed record ActAs(string? Principal) : Step;

    internal sealed record WriteFile(string Name, string Content) : Step;

    internal sealed record Command(string Text) : Step
    {
        public List<string> Typed { get; } = [];

        public List<string> Output { get; } = [];

        public List<string> Errors { get; } = [];

        public int Exit { get; set; }

        public override string ToString()
        {
            StringBuilder text = new();
            text.Append("$ ").AppendLine(Text);
            Output.ForEach(l => text.AppendLine(l));
            Errors.ForEach(l => text.Append("2> ").AppendLine(l));
            return text.Append("? ").Append(Exit).ToString();
        }
    }
}
