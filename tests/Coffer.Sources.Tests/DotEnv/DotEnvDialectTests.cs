using System.Text;
using Coffer.Sources.DotEnv;
using Xunit;

namespace Coffer.Sources.Tests.DotEnv;

public sealed class DotEnvDialectTests
{
    public static TheoryData<DotEnvProbe> Probes => [.. DotEnvProbes.All];

    [Fact]
    public void All_64_probes_are_answered() =>
        Assert.Equal(Enumerable.Range(1, 64), DotEnvProbes.All.Select(p => p.Number).Concat(DotEnvProbes.Bytes.Select(p => p.Number)).Order());

    [Theory]
    [MemberData(nameof(Probes))]
    public void The_dialect_answers_every_probe(DotEnvProbe probe)
    {
        if (probe.Answer is null)
        {
            SourceException error = Assert.Throws<SourceException>(() => Evaluated(probe.Text));
            Assert.Equal(SourceErrorKind.Invalid, error.Kind);
            Assert.Equal(probe.Place, $"{error.Line}:{error.Column}");
            Assert.NotNull(error.Hint);
        }
        else
        {
            Assert.Equal(probe.Answer, Evaluated(probe.Text));
        }
    }

    [Fact]
    public void Bytes_that_are_not_utf8_are_refused_with_their_place()
    {
        foreach ((int number, byte[] bytes, string place) in DotEnvProbes.Bytes)
        {
            SourceException error = Assert.Throws<SourceException>(() => DotEnvDocument.Parse(bytes, "probe"));
            Assert.True(place == $"{error.Line}:{error.Column}", $"probe {number}");
        }
    }

    [Theory]
    [InlineData("A=x\\", "A=x\\")]
    [InlineData("A=\"a\\\nb\"", "A=ab")]
    [InlineData("A=\"\\d\\'\"", "A=\\d\\'")]
    [InlineData("A=\"\\$B \\` \\r\"", "A=$B ` \r")]
    [InlineData("A=$5.00 $ $% ", "A=$5.00 $ $%")]
    [InlineData("A=$${B}", "A=${B}")]
    [InlineData("A= # note", "A=")]
    [InlineData("A= x # note # more", "A=x")]
    [InlineData("A=\"x\"\t# note", "A=x")]
    [InlineData("export\tA=x\nexport=y\nexport = z", "A=x|export=z")]
    [InlineData("exported=x", "exported=x")]
    [InlineData("A=${N:-a b # c}", "A=a b # c")]
    [InlineData("A=${N:-a\\}b}", "A=a}b")]
    [InlineData("A=\"${N:-l1\nl2}\"", "A=l1\nl2")]
    [InlineData("E=\nA=${E-d}${E:-e}${E+f}${E:+g}", "E=|A=ef")]
    [InlineData("A=$NOPE# note", "A=# note")]
    [InlineData("A=$NOPE # note", "A=")]
    [InlineData("A=v${EXIST:+-${EXIST}-}w", "A=v-fromenv-w")]
    [InlineData("A='\r\n\r'", "A=\n\n")]
    [InlineData("\uFEFF", "")]
    [InlineData("", "")]
    [InlineData("#A=x\n\n \t\n  # B=y", "")]
    public void Finer_points(string text, string answer) => Assert.Equal(answer, Evaluated(text));

    [Theory]
    [InlineData("A=1\nB='x", 2, 3, "never closed")]
    [InlineData("A=\"${N:-x\"", 1, 4, "${ that is never closed")]
    [InlineData("A=${N:-x\nB=1}", 1, 3, "${ that is never closed")]
    [InlineData("A=${N", 1, 3, "${ that is never closed")]
    [InlineData("A=${N:", 1, 3, "${ that is never closed")]
    [InlineData("A=${}", 1, 3, "without a variable's name")]
    [InlineData("A=${1}", 1, 3, "without a variable's name")]
    [InlineData("A=${N%x}", 1, 6, "not supported")]
    [InlineData("A=${N:}", 1, 7, "not supported")]
    [InlineData("A=\"x$(y)\"", 1, 5, "never runs")]
    [InlineData("😀=x", 1, 1, "not NAME=value")]
    [InlineData("A='😀' x", 1, 7, "after the closing quote")]
    [InlineData("A=\"x\"#c", 1, 6, "after the closing quote")]
    [InlineData("=x", 1, 1, "no name")]
    [InlineData(".A=x", 1, 1, "starts with")]
    [InlineData("export A", 1, 8, "without a value")]
    [InlineData("A B=x", 1, 1, "not NAME=value")]
    public void Errors_say_where_and_what(string text, int line, int column, string problem)
    {
        SourceException error = Assert.Throws<SourceException>(() => DotEnvDocument.Parse(text, "dir/.env"));
        Assert.Equal((line, column), (error.Line, error.Column));
        Assert.Contains(problem, error.Problem, StringComparison.Ordinal);
        Assert.StartsWith($"dir/.env: line {line}, column {column}: ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_required_variable_names_itself_and_its_literal_message_only()
    {
        Assert.Equal("NOPE is not set: say which", Assert.Throws<SourceException>(() => Evaluated("A=${NOPE?say which}")).Problem);
        Assert.Equal("E is empty, and the file requires it", Assert.Throws<SourceException>(() => Evaluated("E=\nP=hunter2\nA=${E:?$P}")).Problem);
    }

    [Fact]
    public void A_variable_that_is_not_set_is_warned_about_by_its_place_alone()
    {
        DotEnvDocument document = DotEnvDocument.Parse("A=pa$sword\nB=${NOPE:-x}$EXIST", ".env");
        DotEnvExpansion expansion = new(name => name == "EXIST" ? "" : null);
        Assert.Equal("pa", expansion.Expand(document, document.Entries[0]));
        Assert.Equal("x", expansion.Expand(document, document.Entries[1]));
        Assert.Equal([new DotEnvWarning(".env", 1, 5)], expansion.Warnings);
    }

    [Fact]
    public void Nothing_that_prints_shows_a_value()
    {
        DotEnvDocument document = DotEnvDocument.Parse("A=hunter2", ".env");
        Assert.Equal(".env (1 assignments)", document.ToString());
        Assert.Equal("A", document.Entries[0].ToString());
        Assert.DoesNotContain("hunter2", document.Entries[0].Template.ToString(), StringComparison.Ordinal);
    }

    private static string Evaluated(string text) => string.Join('|', Evaluate(DotEnvDocument.Parse(Encoding.UTF8.GetBytes(text), "probe")).Select(p => $"{p.Key}={p.Value}"));

    /// <summary>As <c>coffer run</c> evaluates: the environment first, then the file so far.</summary>
    internal static OrderedDictionary<string, string> Evaluate(DotEnvDocument document)
    {
        OrderedDictionary<string, string> values = new(StringComparer.Ordinal);
        DotEnvExpansion expansion = new(name => name == "EXIST" ? "fromenv" : values.GetValueOrDefault(name));
        foreach (DotEnvEntry entry in document.Entries)
        {
            values[entry.Key] = expansion.Expand(document, entry);
        }

        return values;
    }
}
