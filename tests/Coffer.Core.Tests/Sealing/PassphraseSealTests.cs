using System.Security.Cryptography;
using Coffer.Core.Sealing;
using Coffer.Core.Secrets;
using Xunit;

namespace Coffer.Core.Tests.Sealing;

public sealed class PassphraseSealTests
{
    private static readonly byte[] Passphrase = "correct horse battery"u8.ToArray();

    [Fact]
    public void The_same_passphrase_opens_and_another_does_not()
    {
        using SecretValue right = SecretValue.Copy(Passphrase), wrong = SecretValue.Copy("correct horse batterz"u8);
        (SealParameters parameters, SecretValue key) = new PassphraseSeal(right, Kdf).Create(null);
        using SecretValue made = key, opened = new PassphraseSeal(right, Kdf).Open(parameters);

        Assert.True(made.FixedTimeEquals(opened));
        Assert.Equal((65536, 3, 1, 16), (parameters.MemoryKib, parameters.Passes, parameters.Lanes, parameters.Salt!.Length));
        Assert.Equal(SealRefusal.Wrong, Refusal(() => new PassphraseSeal(wrong, Kdf).Open(parameters)));
        Assert.Equal(SealRefusal.OtherType, Refusal(() => new PassphraseSeal(right, Kdf).Open(parameters with { Type = "keyfile" })));
    }

    [Fact]
    public void Each_seal_has_a_salt_of_its_own()
    {
        using SecretValue passphrase = SecretValue.Copy(Passphrase);
        PassphraseSeal seal = new(passphrase, Kdf);
        (SealParameters one, SecretValue key1) = seal.Create(null);
        (SealParameters two, SecretValue key2) = seal.Create(one);

        Assert.NotEqual(one.Salt, two.Salt);
        Assert.False(key1.FixedTimeEquals(key2));
        key1.Dispose();
        key2.Dispose();
    }

    // Whoever can write the store must not make the next unseal hash the passphrase cheaply, nor for ever.
    [Theory]
    [InlineData(65535, 3, 1, 16)]
    [InlineData(65536, 2, 1, 16)]
    [InlineData(65536, 3, 0, 16)]
    [InlineData(65536, 3, 1, 15)]
    [InlineData(65536, 3, 1, 65)]
    [InlineData(-1, 3, 1, 16)]
    [InlineData(4194305, 3, 1, 16)]
    [InlineData(65536, 65, 1, 16)]
    [InlineData(65536, 3, 17, 16)]
    public void Parameters_outside_what_is_accepted_never_reach_the_derivation(int memory, int passes, int lanes, int salt)
    {
        using SecretValue passphrase = SecretValue.Copy(Passphrase);
        bool ran = false;
        PassphraseSeal seal = new(passphrase, (_, _, _, _) => ran = true);
        SealParameters weakened = new() { Type = PassphraseSeal.TypeName, KeyFingerprint = "", MemoryKib = memory, Passes = passes, Lanes = lanes, Salt = new byte[salt] };

        Assert.Equal(SealRefusal.Weakened, Refusal(() => seal.Open(weakened)));
        Assert.False(ran);
    }

    [Fact]
    public void Missing_parameters_are_refused()
    {
        using SecretValue passphrase = SecretValue.Copy(Passphrase);

        Assert.Equal(SealRefusal.Weakened, Refusal(() => new PassphraseSeal(passphrase, Kdf).Open(new() { Type = PassphraseSeal.TypeName, KeyFingerprint = "" })));
    }

    [Fact]
    public void A_new_passphrase_has_a_least_length_and_new_costs_a_least_height()
    {
        using SecretValue shortOne = SecretValue.Copy("eleven byte"u8), good = SecretValue.Copy(Passphrase);

        Assert.Equal(SealRefusal.WeakPassphrase, Refusal(() => new PassphraseSeal(shortOne, Kdf).Create(null).Key));
        Assert.Equal(SealRefusal.Weakened, Refusal(() => new PassphraseSeal(good, Kdf, new(1024, 3, 1)).Create(null).Key));
        (SealParameters parameters, SecretValue key) = new PassphraseSeal(good, Kdf, new(131072, 4, 2)).Create(null);
        key.Dispose();
        Assert.Equal((131072, 4, 2), (parameters.MemoryKib, parameters.Passes, parameters.Lanes));
    }

    /// <summary>Stands for Argon2id, which lives outside the core: cheap, and depends on all that it is given.</summary>
    internal static void Kdf(ReadOnlySpan<byte> passphrase, ReadOnlySpan<byte> salt, Argon2Parameters parameters, Span<byte> output) =>
        HKDF.DeriveKey(HashAlgorithmName.SHA256, passphrase, output, salt, [(byte)parameters.Passes, (byte)parameters.Lanes, .. BitConverter.GetBytes(parameters.MemoryKib)]);

    private static SealRefusal Refusal(Func<SecretValue> action) => Assert.Throws<SealRefusedException>(() => action().Dispose()).Reason;
}
