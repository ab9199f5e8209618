using System.Reflection;
using System.Text;
using Coffer.Core.Access.People;
using Coffer.Core.Secrets;
using CsCheck;
using Xunit;

namespace Coffer.Core.Tests.Access;

public class CanonicalTextTests
{
    [Theory]
    [InlineData("e\u0301", "\u00E9")]
    [InlineData("\u00E9", "\u00E9")]
    [InlineData("\u212B", "\u00C5")]
    [InlineData("q\u0323\u0307", "q\u0323\u0307")]
    [InlineData("q\u0307\u0323", "q\u0323\u0307")]
    [InlineData("\u1100\u1161\u11A8", "\uAC01")]
    [InlineData("\uAC00\u11A8", "\uAC01")]
    [InlineData("\u0958", "\u0915\u093C")]
    [InlineData("\uF900", "\u8C48")]
    [InlineData("a\u0315\u0300\u05AE\u0300b", "\u00E0\u05AE\u0300\u0315b")]
    public void Text_has_one_form(string text, string expected) => Assert.Equal(expected, Composed(text));

    [Fact]
    public void Every_vector_of_another_implementation_comes_out_the_same()
    {
        using StreamReader reader = new(Assembly.GetExecutingAssembly().GetManifestResourceStream("form-c.txt")!);
        int checkedLines = 0;
        while (reader.ReadLine() is { } line)
        {
            if (line.StartsWith('#'))
            {
                continue;
            }

            string[] halves = line.Split(' ');
            (SecretValue text, int characters) = CanonicalText.Compose(Convert.FromHexString(halves[0]))!.Value;
            using (text)
            {
                Assert.Equal(halves[1], Convert.ToHexStringLower(text.Span));
                Assert.Equal(Encoding.UTF8.GetString(text.Span).EnumerateRunes().Count(), characters);
            }

            checkedLines++;
        }

        Assert.Equal(400, checkedLines);
    }

    [Fact]
    public void Composing_twice_changes_nothing_more() =>
        Gen.String[Gen.OneOf(Gen.Char['a', 'z'], Gen.Char['\u00C0', '\u017F'], Gen.Char['\u0300', '\u036F'], Gen.Char['\u1100', '\u11FF'], Gen.Char['\uAC00', '\uD7A3'])]
            .Sample(text => Composed(text) == Composed(Composed(text)));

    [Fact]
    public void Bytes_that_are_no_text_have_no_form()
    {
        Assert.Null(CanonicalText.Compose([0xC0, 0x80]));
        Assert.Null(CanonicalText.Compose([0xED, 0xA0, 0x80]));
        Assert.Null(CanonicalText.Compose([0x61, 0xFF]));
    }

    private static string Composed(string text)
    {
        (SecretValue composed, _) = CanonicalText.Compose(Encoding.UTF8.GetBytes(text))!.Value;
        using (composed)
        {
            return Encoding.UTF8.GetString(composed.Span);
        }
    }
}
