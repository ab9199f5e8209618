using System.Text;
using Coffer.Sources.DotEnv;
using CsCheck;
using Xunit;

namespace Coffer.Sources.Tests.DotEnv;

public sealed class DotEnvRobustnessTests
{
    // Pieces with a meaning, so that random texts reach every state of the parser.
    private static readonly string[] Pieces =
    [
        "A", "B", "=", " ", "\t", "\n", "\r", "\r\n", "'", "\"", "`", "\\", "$", "$$", "${", "}", ":-", "-", ":+", ":?", "#", "export ", "$(", ")", "x", "é", "😀",
        "\uFEFF", "\0", "A=1\n", "B='", "C=\"", "${A:-", "${A:+", "\\$", "\\n", "AAAAAAAA", "://", "..", "{", "\u00A0", "\u2028",
    ];

    internal static Gen<string> Texts { get; } = Gen.OneOf(Pieces).Array[0, 60].Select(string.Concat);

    [Fact]
    public void Any_text_parses_or_fails_with_the_typed_error_and_a_place_inside_it() =>
        Texts.Sample(
            text =>
            {
                try
                {
                    DotEnvDocument document = DotEnvDocument.Parse(text, "f");
                    DotEnvDialectTests.Evaluate(document);
                    return Encoding.UTF8.GetString(document.ToUtf8()) == text;
                }
                catch (SourceException error)
                {
                    return error.Kind == SourceErrorKind.Invalid && error.Line >= 1 && error.Column >= 1 && error.Line <= text.Length + 1 && error.Hint is not null;
                }
            },
            iter: 20_000);

    [Fact]
    public void Any_bytes_parse_or_fail_with_the_typed_error() =>
        Gen.Byte.Array[0, 80].Sample(
            bytes =>
            {
                try
                {
                    DotEnvDialectTests.Evaluate(DotEnvDocument.Parse(bytes, "f"));
                }
                catch (SourceException)
                {
                }
            },
            iter: 20_000);

    [Fact]
    public void No_error_ever_shows_a_value() =>
        Gen.Select(Texts, Texts, (before, after) => (before, after)).Sample(
            pair =>
            {
                string text = $"{pair.before}hunter2{pair.after}";
                try
                {
                    DotEnvDialectTests.Evaluate(DotEnvDocument.Parse(text, "f"));
                }
                catch (SourceException error) when (!text.Contains('?', StringComparison.Ordinal))
                {
                    Assert.DoesNotContain("hunter2", error.Message + error.Hint, StringComparison.Ordinal);
                }
                catch (SourceException)
                {
                    // ${NAME?message} is written in order to be shown.
                }
            },
            iter: 10_000);

    /// <summary>A seeded mutator: valid files, a few bytes changed, dropped, doubled or spliced. By hand for longer: COFFER_FUZZ_ROUNDS.</summary>
    [Fact]
    public void Mutated_files_never_crash_the_parser()
    {
        int rounds = int.TryParse(Environment.GetEnvironmentVariable("COFFER_FUZZ_ROUNDS"), out int given) ? given : 30_000;
        byte[][] corpus = [.. DotEnvProbes.All.Select(p => Encoding.UTF8.GetBytes(p.Text)), .. DotEnvProbes.Bytes.Select(p => p.Bytes)];
        ulong state = 0x5EED_C0FFE5;
        int parsed = 0, refused = 0;
        for (int round = 0; round < rounds; round++)
        {
            List<byte> bytes = [.. corpus[Next(corpus.Length)], (byte)'\n', .. corpus[Next(corpus.Length)]];
            for (int change = Next(6); change >= 0 && bytes.Count > 0; change--)
            {
                int at = Next(bytes.Count);
                switch (Next(4))
                {
                    case 0:
                        bytes[at] = (byte)Next(256);
                        break;
                    case 1:
                        bytes.RemoveAt(at);
                        break;
                    case 2:
                        bytes.InsertRange(at, bytes.GetRange(at, Math.Min(Next(9), bytes.Count - at)));
                        break;
                    default:
                        bytes.Insert(at, "$\"'\\{}=#\n\r "u8[Next(11)]);
                        break;
                }
            }

            try
            {
                DotEnvDialectTests.Evaluate(DotEnvDocument.Parse([.. bytes], "f"));
                parsed++;
            }
            catch (SourceException)
            {
                refused++;
            }
        }

        Assert.True(parsed > rounds / 20 && refused > rounds / 20, $"the corpus no longer exercises both outcomes: {parsed} parsed, {refused} refused");

        int Next(int below)
        {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            return (int)(state % (ulong)below);
        }
    }

    [Theory]
    [InlineData("NAME_{0}=value {0}\n")]
    [InlineData("NAME_{0}=\"value ${{NAME_1:-${{X}}}} {0}\" # note\n")]
    [InlineData("NAME_{0}='line\r\nline'\r\n")]
    [InlineData("  export NAME_{0} =    a    b    \t\n")]
    public void Ten_thousand_lines_parse_with_work_in_proportion(string line)
    {
        (long work, long length) small = Measure(10_000), large = Measure(40_000);
        Assert.InRange(small.work, small.length / 2, small.length * 2);
        Assert.InRange((double)large.work / large.length / ((double)small.work / small.length), 0.99, 1.01);

        (long, long) Measure(int lines)
        {
            string text = string.Concat(Enumerable.Range(0, lines).Select(i => line.Replace("{0}", $"{i:D5}", StringComparison.Ordinal).Replace("{{", "{", StringComparison.Ordinal).Replace("}}", "}", StringComparison.Ordinal)));
            DotEnvDocument document = DotEnvDocument.Parse(text, "f");
            Assert.Equal(lines, document.Entries.Count);
            return (document.Work, text.Length);
        }
    }

    [Theory]
    [InlineData("A=${B:-", 5_000_000)]
    [InlineData("A='", 1)]
    [InlineData("A=\"\\", 1)]
    public void Hostile_shapes_are_looked_at_once(string head, int repeats)
    {
        string text = string.Concat(Enumerable.Repeat(head, Math.Min(repeats, 200_000)));
        Assert.Throws<SourceException>(() => DotEnvDocument.Parse(text, "f"));
    }

    [Fact]
    public void Attack_50_what_crashes_other_parsers_gives_an_answer_or_an_error()
    {
        Assert.Equal("#x", DotEnvDialectTests.Evaluate(DotEnvDocument.Parse("A=#x", "f"))["A"]);
        byte[][] hostile =
        [
            "A=x\0y"u8.ToArray(), [0xFF, 0xFE, 0x41, 0], [0xFE, 0xFF, 0, 0x41], "A=\"x"u8.ToArray(), "A='x"u8.ToArray(), "A=\xE9"u8[..2].ToArray().Append((byte)0xE9).ToArray(),
            new byte[DotEnvLimits.FileBytes + 1], [(byte)'A', (byte)'=', 0xED, 0xA0, 0x80],
        ];
        foreach (byte[] bytes in hostile)
        {
            Assert.Equal(SourceErrorKind.Invalid, Assert.Throws<SourceException>(() => DotEnvDocument.Parse(bytes, "f")).Kind);
        }

        // The longest line that is let in, with no line end at all.
        DotEnvDocument longest = DotEnvDocument.Parse("A=" + new string('x', DotEnvLimits.FileBytes - 2), "f");
        Assert.Equal("a value of more than 1 MiB", Assert.Throws<SourceException>(() => DotEnvDialectTests.Evaluate(longest)).Problem);
    }

    [Fact]
    public void Attack_50_a_chain_that_doubles_ends_in_an_error_and_not_in_memory()
    {
        StringBuilder text = new("V0=xxxxxxxxxxxxxxxx\n");
        for (int i = 1; i <= 64; i++)
        {
            text.Append('V').Append(i).Append("=$V").Append(i - 1).Append("$V").Append(i - 1).Append('\n');
        }

        DotEnvDocument document = DotEnvDocument.Parse(text.ToString(), "f");
        SourceException error = Assert.Throws<SourceException>(() => DotEnvDialectTests.Evaluate(document));
        Assert.Equal(SourceErrorKind.Invalid, error.Kind);
        Assert.InRange(error.Line, 15, 20);
    }

    [Fact]
    public void Nesting_is_bounded()
    {
        string Nested(int levels) => "A=" + string.Concat(Enumerable.Repeat("${N:-", levels)) + "x" + new string('}', levels);
        Assert.Equal("x", DotEnvDialectTests.Evaluate(DotEnvDocument.Parse(Nested(DotEnvLimits.Depth), "f"))["A"]);
        Assert.Contains("32 levels", Assert.Throws<SourceException>(() => DotEnvDocument.Parse(Nested(DotEnvLimits.Depth + 1), "f")).Problem, StringComparison.Ordinal);
        Assert.Throws<SourceException>(() => DotEnvDocument.Parse(Nested(1_000_000), "f"));
    }
}
