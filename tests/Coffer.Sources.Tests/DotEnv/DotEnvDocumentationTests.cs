using System.Globalization;
using System.Text;
using Xunit;

namespace Coffer.Sources.Tests.DotEnv;

/// <summary>The table of answers in <c>docs/dotenv.md</c> is the one that is tested. COFFER_UPDATE_DOCS=1 writes it.</summary>
public sealed class DotEnvDocumentationTests
{
    private const string Begin = "<!-- probes -->\n", End = "<!-- /probes -->";

    [Fact]
    public void The_documented_answers_are_the_tested_ones()
    {
        string path = Path.Combine(Root(), "docs", "dotenv.md");
        string text = File.ReadAllText(path);
        int begin = text.IndexOf(Begin, StringComparison.Ordinal) + Begin.Length, end = text.IndexOf(End, StringComparison.Ordinal);
        if (Environment.GetEnvironmentVariable("COFFER_UPDATE_DOCS") == "1")
        {
            File.WriteAllText(path, text[..begin] + Table() + text[end..]);
        }
        else
        {
            Assert.Equal(Table(), text[begin..end]);
        }
    }

    private static string Table()
    {
        StringBuilder table = new("| # | Text | Answer | Where it is not bash's, why |\n|---|---|---|---|\n");
        IEnumerable<(int Number, string Text, string Answer, string Reason)> rows = DotEnvProbes.All
            .Select(p => (p.Number, Code(p.Text), p.Answer is null ? $"error at {p.Place}" : string.Join(", ", p.Answer.Split('|').Select(Code)), p.Reason ?? ""))
            .Concat(DotEnvProbes.Bytes.Select(p => (p.Number, $"bytes {Convert.ToHexStringLower(p.Bytes)}", p.Place == "0:0" ? "error" : $"error at {p.Place}", "not UTF-8")));
        foreach ((int number, string text, string answer, string reason) in rows.OrderBy(row => row.Number))
        {
            table.Append(CultureInfo.InvariantCulture, $"| {number} | {text} | {answer} | {reason} |\n");
        }

        return table.ToString();
    }

    private static string Code(string text)
    {
        StringBuilder shown = new();
        foreach (char c in text)
        {
            shown.Append(c switch
            {
                '\n' => "\\n",
                '\r' => "\\r",
                '\t' => "\\t",
                '\\' => "\\\\",
                '|' => "\\|",
                '\0' or '\uFEFF' or '\u00A0' => $"\\u{(int)c:X4}",
                _ => c.ToString(),
            });
        }

        return text.Contains('`', StringComparison.Ordinal) ? $"`` {shown} ``" : $"`{shown}`";
    }

    private static string Root()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "Coffer.slnx")))
        {
            folder = Path.GetDirectoryName(folder);
        }

        return folder ?? throw new InvalidOperationException("the tests do not lie in the repository");
    }
}
