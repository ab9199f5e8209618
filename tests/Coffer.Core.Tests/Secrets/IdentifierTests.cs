using System.Security.Cryptography;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;
using CsCheck;
using Xunit;

namespace Coffer.Core.Tests.Secrets;

public sealed class IdentifierTests
{
    private static readonly Gen<UInt128> Bits = Gen.Select(Gen.ULong, Gen.ULong, (high, low) => new UInt128(high, low));

    [Fact]
    public void Uids_and_version_ids_survive_their_bytes_and_texts() =>
        Bits.Sample(bits =>
            SecretUid.From(new SecretUid(bits).ToBytes()).Value == bits
            && VersionId.From(new VersionId(bits).ToBytes()).Value == bits
            && VersionId.TryParse(new VersionId(bits).ToString(), out VersionId parsed) && parsed.Value == bits
            && new SecretUid(bits).ToString() == bits.ToString("x32", System.Globalization.CultureInfo.InvariantCulture));

    [Fact]
    public void The_uuid_form_of_a_version_id_is_a_request_token_that_names_it() =>
        Bits.Sample(bits =>
        {
            VersionId id = new(bits);
            return RequestToken.Parse(id.ToUuid()).TryGetVersionId(out VersionId own) && own == id && Guid.Parse(id.ToUuid()).ToString("N") == id.ToString();
        });

    [Fact]
    public void The_arn_suffix_is_six_letters_and_digits_from_the_hash_of_the_uid()
    {
        const string alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        Bits.Sample(bits =>
        {
            SecretUid uid = new(bits);
            ulong n = System.Buffers.Binary.BinaryPrimitives.ReadUInt64BigEndian(SHA256.HashData(uid.ToBytes()));
            char[] expected = new char[6];
            for (int i = 0; i < 6; i++, n /= 62)
            {
                expected[i] = alphabet[(int)(n % 62)];
            }

            return uid.Suffix() == new string(expected);
        });
    }

    [Theory]
    [InlineData("0123456789abcdef0123456789abcdef", true)]
    [InlineData("0123456789ABCDEF0123456789abcdef", true)]
    [InlineData("0123456789abcdef0123456789abcde", false)]
    [InlineData("0123456789abcdef0123456789abcdef0", false)]
    [InlineData("0123456789abcdef0123456789abcdeg", false)]
    [InlineData("01234567-89ab-cdef-0123-456789abcdef", false)]
    [InlineData("0x0123456789abcdef0123456789abcd", false)]
    [InlineData(" 123456789abcdef0123456789abcdef", false)]
    [InlineData("\uff1023456789abcdef0123456789abcdef", false)]
    public void A_version_id_is_32_hex_digits(string text, bool legal) => Assert.Equal(legal, VersionId.TryParse(text, out _));

    [Theory]
    [InlineData("01234567-89ab-cdef-0123-456789abcdef", true)]
    [InlineData("01234567-89AB-CDEF-0123-456789ABCDEF", true)]
    [InlineData("0123456789abcdef0123456789abcdef", false)]
    [InlineData("{1234567-89ab-cdef-0123-456789abcde}", false)]
    [InlineData("01234567+89ab+cdef+0123+456789abcdef", false)]
    [InlineData("0123456-789ab-cdef-0123-456789abcdef", false)]
    [InlineData("g1234567-89ab-cdef-0123-456789abcdef", false)]
    public void Only_a_uuid_in_its_usual_form_gives_a_version_its_id(string text, bool uuid) =>
        Assert.Equal(uuid, RequestToken.Parse(text).TryGetVersionId(out _));

    [Fact]
    public void Two_draws_are_never_alike()
    {
        Assert.NotEqual(SecretUid.Draw(), SecretUid.Draw());
        Assert.NotEqual(VersionId.Draw(), VersionId.Draw());
    }

    [Fact]
    public void A_drawn_vault_number_has_twelve_digits_and_round_trips()
    {
        for (int i = 0; i < 1000; i++)
        {
            VaultNumber number = VaultNumber.Draw();
            Assert.Equal(12, number.ToString().Length);
            Assert.True(VaultNumber.TryParse(number.ToString(), out VaultNumber parsed));
            Assert.Equal(number, parsed);
            Assert.Equal(number, VaultNumber.From(number.Value));
        }
    }

    [Theory]
    [InlineData(99_999_999_999)]
    [InlineData(1_000_000_000_000)]
    [InlineData(0)]
    [InlineData(-100_000_000_000)]
    public void A_stored_number_outside_the_range_is_refused(long value) =>
        Assert.Equal(CofferErrorCode.InvalidName, Assert.Throws<CofferException>(() => VaultNumber.From(value)).Code);

    [Fact]
    public void A_token_names_its_version_and_the_shown_id_names_a_version_without_one()
    {
        SecretVersion bare = new() { Number = 1, Id = VersionId.Draw(), Created = 1, Updated = 1, Wire = "aws", CreatedBy = "me" };
        Assert.Equal(bare.Id.ToUuid(), bare.AwsId);
        Assert.True(bare.IsNamedBy(RequestToken.Parse(bare.AwsId)));

        RequestToken own = RequestToken.Parse("a-token-of-the-client-with-32-or-more");
        SecretVersion with = bare with { Token = own };
        Assert.Equal(own.Value, with.AwsId);
        Assert.True(with.IsNamedBy(own));
        Assert.False(with.IsNamedBy(RequestToken.Parse(bare.Id.ToUuid())));
    }

    [Fact]
    public void Every_selector_says_what_was_asked_for()
    {
        RequestToken token = RequestToken.Parse(new string('t', 32));
        VersionId id = VersionId.Draw();
        Assert.Equal("current", VersionSelector.Current.Describe());
        Assert.Equal("#7", new VersionSelector.ByNumber(7).Describe());
        Assert.Equal(id.ToString(), new VersionSelector.ById(id).Describe());
        Assert.Equal(token.Value, new VersionSelector.ByToken(token).Describe());
        Assert.Equal("label:blue", new VersionSelector.ByLabel(VersionLabel.Parse("blue")).Describe());
    }
}
