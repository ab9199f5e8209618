using System.Text.RegularExpressions;
using Coffer.Core.Access;
using CsCheck;
using Xunit;

namespace Coffer.Core.Tests.Access;

public sealed class GlobTests
{
    private static Gen<string> Over(string alphabet, int longest) => Gen.Int[0, alphabet.Length - 1].Select(i => alphabet[i]).Array[0, longest].Select(c => new string(c));

    [Fact]
    public void A_pattern_matches_what_the_regular_expression_of_it_matches() =>
        Gen.Select(Over("ab/*?.", 8), Over("ab/.", 10)).Sample(
            (pattern, text) => Glob.Matches(pattern, text) == Regex.IsMatch(text, "\\A" + Regex.Escape(pattern).Replace("\\*", ".*", StringComparison.Ordinal).Replace("\\?", ".", StringComparison.Ordinal) + "\\z", RegexOptions.Singleline),
            iter: 50_000);

    [Fact]
    public void A_text_with_some_of_it_starred_out_matches() =>
        Gen.Select(Over("abc/", 20), Gen.Int[0, 20], Gen.Int[0, 20]).Sample(
            (text, from, length) =>
            {
                int at = Math.Min(from, text.Length), end = Math.Min(at + length, text.Length);
                return Glob.Matches(text[..at] + "*" + text[end..], text) && Glob.Matches(text[..at] + new string('?', end - at) + text[end..], text);
            });

    [Theory]
    [InlineData("", "", true)]
    [InlineData("", "a", false)]
    [InlineData("*", "", true)]
    [InlineData("**", "", true)]
    [InlineData("?", "", false)]
    [InlineData("a*a", "a", false)]
    [InlineData("a*a", "aa", true)]
    [InlineData("*a", "ab", false)]
    [InlineData("[ab]", "a", false)]
    public void Edges(string pattern, string text, bool matches) => Assert.Equal(matches, Glob.Matches(pattern, text));

    /// <summary>A pattern that a backtracking matcher would take for ever over: here steps grow with the product of the lengths at most.</summary>
    [Fact]
    public void Many_stars_do_not_take_exponential_time()
    {
        string pattern = string.Concat(Enumerable.Repeat("*a", 250)) + "b", text = new('a', 512);
        Assert.False(Glob.Matches(pattern, text));
    }
}
