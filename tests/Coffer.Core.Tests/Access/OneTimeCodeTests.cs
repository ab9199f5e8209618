using System.Globalization;
using System.Text;
using Coffer.Core.Access;
using Coffer.Core.Access.People;
using Coffer.Core.Secrets;
using CsCheck;
using Xunit;

namespace Coffer.Core.Tests.Access;

public class OneTimeCodeTests
{
    private static readonly byte[] Seed = Encoding.ASCII.GetBytes("12345678901234567890");

    /// <summary>RFC 6238, appendix B: the last six of the eight digits there.</summary>
    [Theory]
    [InlineData(59, "287082")]
    [InlineData(1111111109, "081804")]
    [InlineData(1111111111, "050471")]
    [InlineData(1234567890, "005924")]
    [InlineData(2000000000, "279037")]
    [InlineData(20000000000, "353130")]
    public void Codes_are_those_of_the_standard(long seconds, string code)
    {
        long now = seconds * Microseconds.PerSecond, step = OneTimeCodes.StepOf(now);
        Assert.Equal(code, OneTimeCodes.CodeOf(Seed, step).ToString("D6", CultureInfo.InvariantCulture));
        Assert.Equal(step, OneTimeCodes.StepFor(Seed, code, now));
    }

    [Fact]
    public void A_code_is_good_one_step_early_or_late_and_no_more()
    {
        const long now = 1234567890 * Microseconds.PerSecond, step = 30 * Microseconds.PerSecond;
        Assert.Equal(OneTimeCodes.StepOf(now), OneTimeCodes.StepFor(Seed, "005924", now + step));
        Assert.Equal(OneTimeCodes.StepOf(now), OneTimeCodes.StepFor(Seed, "005924", now - step));
        Assert.Null(OneTimeCodes.StepFor(Seed, "005924", now + (2 * step)));
        Assert.Null(OneTimeCodes.StepFor(Seed, "005924", now - (2 * step)));
    }

    [Theory]
    [InlineData(" 005924")]
    [InlineData("005924 ")]
    [InlineData("005 924")]
    [InlineData("+05924")]
    [InlineData("5924")]
    [InlineData("0005924")]
    [InlineData("005924\n")]
    [InlineData("００５９２４")]
    [InlineData("٠٠٥٩٢٤")]
    [InlineData("00592\u0964")]
    [InlineData("")]
    public void Attack_8_a_code_has_one_spelling(string code) => Assert.Null(OneTimeCodes.StepFor(Seed, code, 1234567890 * Microseconds.PerSecond));

    [Fact]
    public void A_seed_is_written_as_apps_read_it()
    {
        using SecretValue text = OneTimeCodes.Base32(Seed);
        Assert.Equal("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", Encoding.ASCII.GetString(text.Span));
        using SecretValue uri = OneTimeCodes.Uri(Seed, PrincipalName.Parse("alice"));
        Assert.Equal("otpauth://totp/Coffer:alice?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Coffer&algorithm=SHA1&digits=6&period=30", Encoding.ASCII.GetString(uri.Span));
        Gen.Byte.Array[20].Sample(seed =>
        {
            using SecretValue written = OneTimeCodes.Base32(seed);
            return PeopleWorld.Base32(Encoding.ASCII.GetString(written.Span)).AsSpan().SequenceEqual(seed);
        });
    }

    [Fact]
    public void Recovery_codes_are_all_different_and_are_read_only_as_written()
    {
        HashSet<string> seen = [];
        for (int i = 0; i < 200; i++)
        {
            using SecretValue code = RecoveryCodes.Draw();
            string text = Encoding.ASCII.GetString(code.Span);
            Assert.Matches("^([0-9a-hj-km-np-tv-z]{4}-){3}[0-9a-hj-km-np-tv-z]{4}$", text);
            Assert.True(seen.Add(text));
            Assert.True(RecoveryCodes.IsOne(text));
            Assert.All([text.ToUpperInvariant() + "x", " " + text, text + " ", text.Replace("-", "", StringComparison.Ordinal), text.Replace('-', ' '), text[..^1] + "l", ""], other => Assert.False(RecoveryCodes.IsOne(other)));
        }
    }
}
