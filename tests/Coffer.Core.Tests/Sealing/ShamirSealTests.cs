using Coffer.Core.Sealing;
using Coffer.Core.Secrets;
using CsCheck;
using Xunit;

namespace Coffer.Core.Tests.Sealing;

public sealed class ShamirSealTests
{
    private static readonly Gen<(int Threshold, int Shares)> Sizes =
        Gen.Int[2, 16].SelectMany(shares => Gen.Int[2, shares].Select(threshold => (threshold, shares)));

    [Fact]
    public void Any_threshold_of_the_shares_open_in_any_order() =>
        Gen.Select(Sizes, Gen.Int[0, int.MaxValue].Array[16]).Sample((size, order) =>
        {
            using ShamirSeal made = new(size.Threshold, size.Shares);
            (SealParameters parameters, SecretValue key) = made.Create(null);
            using SecretValue expected = key;
            using ShamirSeal seal = new();
            foreach (SecretValue share in made.Made.Zip(order).OrderBy(p => p.Second).Take(size.Threshold).Select(p => p.First))
            {
                seal.Give(share.Span, parameters);
            }

            using SecretValue opened = seal.Open(parameters);
            return opened.FixedTimeEquals(expected);
        }, iter: 50);

    [Fact]
    public void One_share_less_is_refused_and_fits_every_secret()
    {
        using ShamirSeal made = new(3, 5);
        (SealParameters parameters, SecretValue key) = made.Create(null);
        key.Dispose();
        using ShamirSeal seal = new();
        Assert.Equal(2, seal.Give(made.Made[4].Span, parameters));
        Assert.Equal(1, seal.Give(made.Made[0].Span, parameters));

        Assert.Equal(SealRefusal.Missing, Assert.Throws<SealRefusedException>(() => seal.Open(parameters).Dispose()).Reason);
        Assert.Equal(2, seal.Given);

        // What k-1 shares leave open: for each value that a third share could have, another secret results.
        using SecretValue one = SecretValue.Copy([17]), two = SecretValue.Copy([99]);
        HashSet<byte> secrets = [];
        for (int third = 0; third < 256; third++)
        {
            using SecretValue guess = SecretValue.Copy([(byte)third]), secret = Shamir.Combine([1, 2, 3], [one, two, guess]);
            secrets.Add(secret.Span[0]);
        }

        Assert.Equal(256, secrets.Count);
    }

    [Fact]
    public void Too_few_shares_put_together_give_nothing_of_the_secret() =>
        Gen.Select(Sizes.Where(s => s.Threshold > 2), Gen.Byte.Array[32]).Sample((size, secret) =>
        {
            SecretValue[] values = Shamir.Split(secret, size.Threshold, size.Shares);
            byte[] points = [.. Enumerable.Range(1, size.Threshold - 1).Select(i => (byte)i)];
            using SecretValue wrong = Shamir.Combine(points, values[..(size.Threshold - 1)]);
            bool nothing = !wrong.FixedTimeEquals(secret);
            Array.ForEach(values, v => v.Dispose());
            return nothing;
        }, iter: 50);

    [Fact]
    public void The_shares_of_a_constant_secret_look_random()
    {
        // Each byte of a single share takes every value: it is no function of the secret.
        HashSet<byte>[] seen = [[], []];
        for (int i = 0; i < 4000; i++)
        {
            SecretValue[] values = Shamir.Split([0, 255], 2, 2);
            seen[0].Add(values[0].Span[0]);
            seen[1].Add(values[1].Span[1]);
            Array.ForEach(values, v => v.Dispose());
        }

        Assert.Equal([256, 256], seen.Select(s => s.Count));
    }

    [Fact]
    public void The_field_is_a_field()
    {
        for (int a = 1; a < 256; a++)
        {
            Assert.Equal(1, Shamir.Multiply((byte)a, Shamir.Invert((byte)a)));
            Assert.Equal(a, Shamir.Multiply((byte)a, 1));
            Assert.Equal(0, Shamir.Multiply((byte)a, 0));
        }

        Gen.Select(Gen.Byte, Gen.Byte, Gen.Byte).Sample((a, b, c) =>
            Shamir.Multiply(a, b) == Shamir.Multiply(b, a)
            && Shamir.Multiply(a, Shamir.Multiply(b, c)) == Shamir.Multiply(Shamir.Multiply(a, b), c)
            && Shamir.Multiply(a, (byte)(b ^ c)) == (Shamir.Multiply(a, b) ^ Shamir.Multiply(a, c)));
    }

    [Fact]
    public void A_share_given_twice_or_of_another_set_is_refused_and_the_others_stay()
    {
        using ShamirSeal made = new(2, 3), other = new(2, 3);
        (SealParameters parameters, SecretValue key) = made.Create(null);
        using SecretValue expected = key;
        other.Create(null).Key.Dispose();
        using ShamirSeal seal = new();
        seal.Give(made.Made[0].Span);

        SealRefusedException twice = Assert.Throws<SealRefusedException>(() => seal.Give(made.Made[0].Span));
        SealRefusedException foreign = Assert.Throws<SealRefusedException>(() => seal.Give(other.Made[1].Span));

        Assert.Equal((SealRefusal.BadShare, SealRefusal.BadShare), (twice.Reason, foreign.Reason));
        Assert.Contains("given already", twice.Message, StringComparison.Ordinal);
        Assert.Contains("another set", foreign.Message, StringComparison.Ordinal);
        Assert.Equal(1, seal.Given);
        seal.Give(made.Made[2].Span);
        using SecretValue opened = seal.Open(parameters);
        Assert.True(opened.FixedTimeEquals(expected));
    }

    [Fact]
    public void A_foreign_share_given_first_is_found_when_opening_and_forgotten()
    {
        using ShamirSeal made = new(2, 2), other = new(2, 2);
        (SealParameters parameters, SecretValue key) = made.Create(null);
        using SecretValue expected = key;
        other.Create(null).Key.Dispose();
        using ShamirSeal seal = new();
        seal.Give(other.Made[0].Span);

        Assert.Equal(SealRefusal.BadShare, Assert.Throws<SealRefusedException>(() => seal.Open(parameters).Dispose()).Reason);

        Assert.Equal(0, seal.Given);
        seal.Give(made.Made[0].Span);
        seal.Give(made.Made[1].Span);
        using SecretValue opened = seal.Open(parameters);
        Assert.True(opened.FixedTimeEquals(expected));
    }

    [Fact]
    public void Reset_forgets_the_shares()
    {
        using ShamirSeal made = new(2, 2);
        (SealParameters parameters, SecretValue key) = made.Create(null);
        key.Dispose();
        using ShamirSeal seal = new();
        seal.Give(made.Made[0].Span);

        seal.Reset();

        Assert.Equal(0, seal.Given);
        seal.Give(made.Made[1].Span);
        Assert.Equal(SealRefusal.Missing, Assert.Throws<SealRefusedException>(() => seal.Open(parameters).Dispose()).Reason);
    }

    [Fact]
    public void Any_changed_character_of_a_share_is_found()
    {
        using ShamirSeal made = new(2, 2);
        made.Create(null).Key.Dispose();
        byte[] text = made.Made[0].Span.ToArray();
        Gen.Select(Gen.Int[0, text.Length - 1], Gen.Byte).Where((at, b) => (b | 0x20) != (text[at] | 0x20)).Sample((at, b) =>
        {
            using ShamirSeal seal = new();
            byte[] changed = [.. text];
            changed[at] = b;
            try
            {
                seal.Give(changed);
                return false;
            }
            catch (SealRefusedException refused)
            {
                // White space at an end is trimmed, which leaves too little.
                return refused.Reason == SealRefusal.BadShare;
            }
        });
    }

    [Theory]
    [InlineData(1, 5)]
    [InlineData(0, 0)]
    [InlineData(4, 3)]
    [InlineData(2, 17)]
    public void Impossible_sets_are_refused(int threshold, int shares) => Assert.ThrowsAny<ArgumentOutOfRangeException>(() => new ShamirSeal(threshold, shares));

    [Fact]
    public void Parameters_that_make_no_sense_are_a_damaged_table()
    {
        using ShamirSeal made = new(2, 3);
        (SealParameters parameters, SecretValue key) = made.Create(null);
        key.Dispose();
        using ShamirSeal seal = new();

        Assert.Throws<SealIntegrityException>(() => seal.Open(parameters with { Threshold = 1 }));
        Assert.Throws<SealIntegrityException>(() => seal.Open(parameters with { Threshold = null }));
        Assert.Throws<SealIntegrityException>(() => seal.Open(parameters with { Threshold = 4 }));
        Assert.Throws<SealIntegrityException>(() => seal.Open(parameters with { ShareDigests = null }));
        Assert.Throws<SealIntegrityException>(() => seal.Open(parameters with { ShareDigests = [.. Enumerable.Repeat(new byte[32], 17)] }));
        Assert.Equal(SealRefusal.OtherType, Assert.Throws<SealRefusedException>(() => seal.Open(parameters with { Type = "memory" })).Reason);
    }
}
