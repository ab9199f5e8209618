using System.Text;
using Coffer.Sources.DotEnv;
using CsCheck;
using Xunit;

namespace Coffer.Sources.Tests.DotEnv;

public sealed class DotEnvEditTests
{
    private static readonly Gen<string> Values = Gen.OneOf(
        Gen.OneOf("", "x", " ", "a b", "#", " #x", "x #y", "'", "\"", "'\"", "\\", "x\\", "$", "$A", "${A}", "$$", "$(id)", "`id`", "\n", "\r", "\r\n", "a\nb", "\t", "\uFEFF", "é", "😀", "\\n", "}", "="),
        DotEnvRobustnessTests.Texts.Select(text => text.Replace("\0", "", StringComparison.Ordinal)),
        Gen.Char[' ', '~'].Array[0, 20].Select(c => new string(c)));

    [Fact]
    public void Whatever_is_set_reads_back_and_nothing_else_changes() =>
        Gen.Select(DotEnvRobustnessTests.Texts, Gen.OneOf("A", "B", "C", "new.key-1"), Values).Sample(
            (text, key, value) =>
            {
                DotEnvDocument? before = Parsed(text);
                if (before is null)
                {
                    return;
                }

                DotEnvDocument after = before.Set(key, value);
                Assert.Equal(value, after.Find(key)!.Template.Literal);
                DotEnvDocument again = DotEnvDocument.Parse(after.ToUtf8(), "f");
                Assert.Equal(value, again.Find(key)!.Template.Literal);
                Assert.Equal(before.Entries.Where(e => e != before.Find(key)).Select(e => (e.Key, Raw(before, e))), again.Entries.Where(e => e != again.Find(key)).Select(e => (e.Key, Raw(again, e))));
                Assert.Equal(after.ToUtf8(), after.Set(key, value).ToUtf8());
            },
            iter: 20_000);

    [Fact]
    public void Whatever_is_unset_is_gone_and_nothing_else_changes() =>
        Gen.Select(DotEnvRobustnessTests.Texts, Gen.OneOf("A", "B", "C")).Sample(
            (text, key) =>
            {
                if (Parsed(text) is { } before)
                {
                    DotEnvDocument after = before.Unset(key);
                    Assert.Null(after.Find(key));
                    Assert.Equal(before.Entries.Where(e => e.Key != key).Select(e => (e.Key, Raw(before, e))), after.Entries.Select(e => (e.Key, Raw(after, e))));
                }
            },
            iter: 20_000);

    [Theory]
    [InlineData("A=1 # note\nB=2\n", "A", "3", "A=3 # note\nB=2\n")]
    [InlineData("# head\r\nexport A = '1'\t# note\r\n\r\nB=2", "A", "a b", "# head\r\nexport A = 'a b'\t# note\r\n\r\nB=2")]
    [InlineData("A=\"1\"\n", "A", "x", "A=\"x\"\n")]
    [InlineData("A=\"1\"\n", "A", "say \"$5\"", "A=\"say \\\"\\$5\\\"\"\n")]
    [InlineData("A='1'\n", "A", "it's", "A=\"it's\"\n")]
    [InlineData("A=1\n", "A", "two words", "A='two words'\n")]
    [InlineData("A=\n", "A", "x", "A=x\n")]
    [InlineData("A=   # later\n", "A", "x", "A=x   # later\n")]
    [InlineData("A=1\nA=2\n", "A", "3", "A=1\nA=3\n")]
    [InlineData("A=1", "B", "2", "A=1\nB=2\n")]
    [InlineData("A=1\r\n", "B", "l1\nl2", "A=1\r\nB='l1\r\nl2'\r\n")]
    [InlineData("A=1\n", "A", "", "A=\n")]
    [InlineData("A='1'\n", "A", "", "A=''\n")]
    [InlineData("", "A", "coffer://v/n#f", "A='coffer://v/n#f'\n")]
    [InlineData("\uFEFF", "A", "1", "\uFEFFA=1\n")]
    [InlineData("A=$B\n", "A", "$B", "A='$B'\n")]
    [InlineData("A=\"l1\nl2\" # note\nB=1\n", "A", "x", "A=\"x\" # note\nB=1\n")]
    public void Setting_keeps_place_quotes_comment_and_line_ends(string before, string key, string value, string after) =>
        Assert.Equal(after, Text(DotEnvDocument.Parse(before, "f").Set(key, value)));

    [Theory]
    [InlineData("A=1\n# about B\nB=2 # note\nC=3\n", "# about B\n", "A=1\n# about B\nC=3\n")]
    [InlineData("B='l1\nl2'\nA=1\nexport B=2", "", "A=1\n")]
    [InlineData("A=1\n", "", "A=1\n")]
    public void Unsetting_takes_every_assignment_and_leaves_comments(string before, string kept, string after)
    {
        string text = Text(DotEnvDocument.Parse(before, "f").Unset("B"));
        Assert.Equal(after, text);
        Assert.Contains(kept, text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "x")]
    [InlineData("A B", "x")]
    [InlineData("A=B", "x")]
    [InlineData("-A", "x")]
    [InlineData("A\n", "x")]
    [InlineData("A", "x\0y")]
    public void What_a_file_cannot_hold_is_refused(string key, string value) =>
        Assert.Equal(SourceErrorKind.Invalid, Assert.Throws<SourceException>(() => DotEnvDocument.Parse("", "f").Set(key, value)).Kind);

    [Fact]
    public void Broken_surrogates_are_refused()
    {
        Assert.Throws<SourceException>(() => DotEnvDocument.Parse("", "f").Set("A", "x" + (char)0xD800));
        Assert.Throws<SourceException>(() => DotEnvDocument.Parse("", "f").Set("A", (char)0xDC00 + "x"));
        Assert.Equal((2, 3), Assert.Throws<SourceException>(() => DotEnvDocument.Parse("A=1\nB=" + (char)0xD800, "f")) is var e ? (e.Line, e.Column) : default);
    }

    private static string Raw(DotEnvDocument document, DotEnvEntry entry) => Text(document)[entry.Span.ValueStart..entry.Span.ValueEnd];

    private static string Text(DotEnvDocument document) => Encoding.UTF8.GetString(document.ToUtf8());

    private static DotEnvDocument? Parsed(string text)
    {
        try
        {
            return DotEnvDocument.Parse(text, "f");
        }
        catch (SourceException)
        {
            return null;
        }
    }
}
