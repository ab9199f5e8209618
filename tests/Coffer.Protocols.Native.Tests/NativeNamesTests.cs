using System.Text;
using CsCheck;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;

namespace Coffer.Protocols.Native.Tests;

public sealed class NativeNamesTests
{
    [Fact]
    public void A_name_survives_encoding_and_decoding() =>
        Gen.String[Gen.Char["ABCxyz019/_+=.@-!:,~ "], 1, 60].Where(text => SecretName.TryParse(text, out _)).Sample(text =>
        {
            Assert.True(NativeNames.TryDecode(Uri.EscapeDataString(text), out string? decoded));
            Assert.Equal(text, decoded);
        });

    [Fact]
    public void Decoding_happens_once() =>
        Gen.String[Gen.Char["%2Ff5cE."], 1, 24].Sample(raw =>
        {
            if (NativeNames.TryDecode(raw, out string? once))
            {
                Assert.Equal(Uri.UnescapeDataString(raw), once);
            }
        });

    [Theory]
    [InlineData("a%2fb", "a/b")]
    [InlineData("a%252fb", "a%2fb")]
    [InlineData("a+b", "a+b")]
    [InlineData("%C3%BC", "ü")]
    public void A_part_is_decoded_exactly_once(string raw, string expected)
    {
        Assert.True(NativeNames.TryDecode(raw, out string? text));
        Assert.Equal(expected, text);
    }

    [Theory]
    [InlineData("%")]
    [InlineData("%2")]
    [InlineData("%zz")]
    [InlineData("%+1")]
    [InlineData("a%00b")]
    [InlineData("a%0Ab")]
    [InlineData("a%7F")]
    [InlineData("%C0%AF")]
    [InlineData("%E0%80%AF")]
    [InlineData("%ED%A0%80")]
    [InlineData("%FF")]
    [InlineData("a b")]
    [InlineData("ü")]
    public void What_is_no_text_is_refused(string raw) => Assert.False(NativeNames.TryDecode(raw, out _));

    [Fact]
    public void A_part_of_any_length_is_decoded_or_refused() =>
        Gen.String[Gen.Char[' ', '~'], 0, 6000].Sample(raw => NativeNames.TryDecode(raw, out string? text) ? text.Length <= raw.Length : text is null);

    [Fact]
    public void Bytes_that_are_not_utf8_never_become_text() =>
        Gen.Byte.Array[1, 6].Sample(bytes =>
        {
            bool valid = Unicode(bytes) && bytes.All(b => b is >= 0x20 and not 0x7F);
            Assert.Equal(valid, NativeNames.TryDecode(string.Concat(bytes.Select(b => $"%{b:X2}")), out _));
        });

    [Fact]
    public void A_query_parameter_is_known_and_given_once()
    {
        NativeParameter[] known = [new("limit", ""), new("prefix", "")];
        Assert.Equal("a/b", NativeNames.ParseQuery("limit=1&prefix=a%2Fb", known)["prefix"]);
        Assert.Equal("a+b", NativeNames.ParseQuery("prefix=a+b", known)["prefix"]);
        Assert.Equal("", NativeNames.ParseQuery("prefix=", known)["prefix"]);
        foreach (string bad in new[] { "limit=1&limit=2", "limits=1", "limit", "=1", "limit=%", "&", "limit=1&", "Limit=1", "%6Cimits=1" })
        {
            Assert.Equal(CofferErrorCode.InvalidRequest, Assert.Throws<CofferException>(() => NativeNames.ParseQuery(bad, known)).Code);
        }

        // The name may be escaped, and is then the same name: it cannot come twice that way.
        Assert.Throws<CofferException>(() => NativeNames.ParseQuery("limit=1&%6Cimit=2", known));
    }

    [Theory]
    [InlineData("1")]
    [InlineData("2147483647")]
    public void A_number_names_a_version(string text) => Assert.IsType<VersionSelector.ByNumber>(NativeNames.Version(text));

    [Theory]
    [InlineData("0")]
    [InlineData("01")]
    [InlineData("-1")]
    [InlineData("+1")]
    [InlineData(" 1")]
    [InlineData("2147483648")]
    [InlineData("")]
    [InlineData("latest")]
    [InlineData("0123456789abcdef0123456789abcdeg")]
    [InlineData("0123456789abcdef0123456789abcdef0")]
    public void Anything_else_is_no_version(string text) => Assert.Equal(CofferErrorCode.InvalidName, Assert.Throws<CofferException>(() => NativeNames.Version(text)).Code);

    [Fact]
    public void Thirty_two_digits_are_an_id_even_if_they_are_decimal() =>
        Assert.Equal("12345678901234567890123456789012", Assert.IsType<VersionSelector.ById>(NativeNames.Version("12345678901234567890123456789012")).Id.ToString());

    [Theory]
    [InlineData("2026-01-31T12:00:00Z", true)]
    [InlineData("2026-01-31T12:00:00.123456+02:00", true)]
    [InlineData("2026-01-31T12:00:00", false)]
    [InlineData("2026-01-31", false)]
    [InlineData("1738324800", false)]
    [InlineData("2026-13-31T12:00:00Z", false)]
    public void A_time_has_a_date_a_time_and_an_offset(string text, bool valid)
    {
        if (valid)
        {
            Assert.NotNull(NativeNames.Time(text, "since"));
        }
        else
        {
            Assert.Equal("since", Assert.Throws<CofferException>(() => NativeNames.Time(text, "since")).Error.Parameter);
        }
    }

    private static bool Unicode(byte[] bytes)
    {
        try
        {
            new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(bytes);
            return true;
        }
        catch (DecoderFallbackException)
        {
            return false;
        }
    }
}
