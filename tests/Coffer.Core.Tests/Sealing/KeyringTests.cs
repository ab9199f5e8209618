using System.Security.Cryptography;
using Coffer.Core.Sealing;
using Coffer.Core.Secrets;
using CsCheck;
using Xunit;
using static Coffer.Core.Tests.Sealing.TestKeys;

namespace Coffer.Core.Tests.Sealing;

public sealed class KeyringTests
{
    private static readonly Gen<byte[]> Plaintext = Gen.Byte.Array[0, 300];
    private static readonly Gen<Place> Places = Gen.Frequency(
        (3, Gen.Select(Gen.Long, Gen.ULong, Gen.Int, Gen.ULong, Gen.Byte).Select((v, u, n, i, k) => (Place)new Place.Value(v, u, n, i, k))),
        (1, Gen.Select(Gen.Bool, Gen.String[0, 60]).Select((c, t) => (Place)new Place.Other(c, t))));

    /// <summary>A context that a generator can hold, shrink and print.</summary>
    private abstract record Place
    {
        public abstract SealContext Context { get; }

        public sealed record Value(long Vault, ulong Uid, int Number, ulong Version, byte Kind) : Place
        {
            public override SealContext Context => SealContext.ForValue(Vault, Uid, Number, Version, Kind);
        }

        public sealed record Other(bool Credential, string Id) : Place
        {
            public override SealContext Context => Credential ? SealContext.ForCredential(Id) : SealContext.ForConfiguration(Id);
        }
    }

    [Fact]
    public void What_was_sealed_opens_in_its_place()
    {
        using Keyring keys = Ring();
        Gen.Select(Plaintext, Places).Sample((plaintext, place) =>
        {
            byte[] sealedBytes = keys.Seal(plaintext, place.Context);
            using SecretValue opened = keys.Open(sealedBytes, place.Context);
            return sealedBytes.Length == plaintext.Length + SealedValue.OverheadBytes && opened.Span.SequenceEqual(plaintext);
        });
    }

    [Fact]
    public void Any_flipped_bit_fails()
    {
        using Keyring keys = Ring();
        Gen.Select(Plaintext, Places, Gen.UInt).Sample((plaintext, place, bit) =>
        {
            byte[] sealedBytes = keys.Seal(plaintext, place.Context);
            uint at = bit % (uint)(sealedBytes.Length * 8);
            sealedBytes[at / 8] ^= (byte)(1 << (int)(at % 8));
            return Fails(keys, sealedBytes, place.Context);
        });
    }

    [Fact]
    public void Any_cut_or_addition_fails()
    {
        using Keyring keys = Ring();
        Gen.Select(Plaintext, Places, Gen.UInt, Gen.Byte.Array[1, 40]).Sample((plaintext, place, length, more) =>
        {
            byte[] sealedBytes = keys.Seal(plaintext, place.Context);
            return Fails(keys, sealedBytes[..(int)(length % (uint)sealedBytes.Length)], place.Context) && Fails(keys, [.. sealedBytes, .. more], place.Context);
        });
    }

    // Attack 42: values swapped between rows, versions and vaults.
    [Fact]
    public void Sealed_bytes_open_in_no_other_place()
    {
        using Keyring keys = Ring();
        Gen.Select(Places, Places).Where((one, other) => one != other)
            .Sample((one, other) => Fails(keys, keys.Seal("swap"u8, one.Context), other.Context));
    }

    // Attack 42, one component at a time: random places hardly ever differ in just one.
    [Fact]
    public void Each_component_of_the_place_binds()
    {
        using Keyring keys = Ring();
        byte[] sealedBytes = keys.Seal("bound"u8, Value());

        Assert.True(Fails(keys, sealedBytes, Value(vault: 123456789013)));
        Assert.True(Fails(keys, sealedBytes, Value(uid: 2)));
        Assert.True(Fails(keys, sealedBytes, Value(number: 2)));
        Assert.True(Fails(keys, sealedBytes, Value(version: 2)));
        Assert.True(Fails(keys, sealedBytes, Value(kind: 2)));
        Assert.False(Fails(keys, sealedBytes, Value()));
    }

    // Attack 41: a cloned machine or restored backup seals the same version again.
    [Fact]
    public void A_clone_that_seals_the_same_place_again_repeats_no_nonce()
    {
        byte[] key = RandomNumberGenerator.GetBytes(32);
        HashSet<string> nonces = [], bodies = [];
        for (int clone = 0; clone < 50; clone++)
        {
            using Keyring keys = Ring((1u, key));
            for (int i = 0; i < 20; i++)
            {
                byte[] sealedBytes = keys.Seal("the same plaintext"u8, Value());
                Assert.True(nonces.Add(Convert.ToHexString(sealedBytes.AsSpan(SealedValue.HeaderBytes, SealedValue.NonceBytes))));
                Assert.True(bodies.Add(Convert.ToHexString(sealedBytes.AsSpan(SealedValue.HeaderBytes + SealedValue.NonceBytes))));
            }
        }
    }

    [Fact]
    public void Each_version_has_a_key_of_its_own()
    {
        // With one key, the same nonce and plaintext would give the same ciphertext.
        DataKey key = new(1, RandomNumberGenerator.GetBytes(32));
        byte[] nonce = new byte[SealedValue.NonceBytes], plaintext = new byte[64];

        byte[][] bodies =
        [
            Body(Value()), Body(Value(vault: 2)), Body(Value(uid: 2)), Body(Value(number: 2)), Body(Value(version: 2)),
            Body(SealContext.ForCredential("a")), Body(SealContext.ForConfiguration("a")), Body(SealContext.ForCredential("b")),
        ];

        Assert.Equal(bodies.Length, bodies.Select(Convert.ToHexString).Distinct().Count());

        byte[] Body(SealContext context) => SealedValue.Seal(key, plaintext, context, nonce)[(SealedValue.HeaderBytes + SealedValue.NonceBytes)..^SealedValue.TagBytes];
    }

    [Fact]
    public void The_derivation_is_HKDF()
    {
        byte[] key = RandomNumberGenerator.GetBytes(32);
        byte[] extracted = HKDF.Extract(HashAlgorithmName.SHA256, key, "coffer/data-key/1"u8.ToArray());

        Assert.Equal(HKDF.Expand(HashAlgorithmName.SHA256, extracted, 32, "coffer/key\0p"u8.ToArray()), new DataKey(1, key).Derive("p"));
    }

    [Fact]
    public void The_newest_key_seals_and_older_ones_open()
    {
        byte[] first = RandomNumberGenerator.GetBytes(32), second = RandomNumberGenerator.GetBytes(32);
        using Keyring old = Ring((1u, first));
        using Keyring keys = Ring((1u, first));
        byte[] before = old.Seal("before"u8, Value()), token = old.Index("t"u8), derived = old.DeriveKey("p"), mac = old.Mac(RowKind.Vault, "row"u8);

        keys.Add(new DataKey(2, second));

        byte[] after = keys.Seal("after"u8, Value());
        Assert.Equal(2u, keys.NewestKeyId);
        Assert.Equal(2u, SealedValue.KeyIdOf(after));
        using SecretValue opened = keys.Open(before, Value());
        Assert.Equal("before"u8, opened.Span);
        Assert.True(keys.VerifyMac(RowKind.Vault, "row"u8, mac));
        Assert.Equal(token, keys.Index("t"u8));
        Assert.Equal(derived, keys.DeriveKey("p"));
        Assert.Equal(SealFailure.UnknownKey, Assert.Throws<SealIntegrityException>(() => old.Open(after, Value())).Reason);
        Assert.False(old.VerifyMac(RowKind.Vault, "row"u8, keys.Mac(RowKind.Vault, "row"u8)));
    }

    // Attack 46: whoever writes the database cannot make or move a MAC.
    [Fact]
    public void A_MAC_holds_for_its_row_and_kind_only()
    {
        using Keyring keys = Ring();
        Gen.Select(Gen.Byte.Array[0, 700], Gen.Enum<RowKind>(), Gen.Enum<RowKind>(), Gen.UInt).Sample((row, kind, otherKind, bit) =>
        {
            byte[] mac = keys.Mac(kind, row), changed = [.. mac];
            uint at = bit % (uint)(mac.Length * 8);
            changed[at / 8] ^= (byte)(1 << (int)(at % 8));
            return keys.VerifyMac(kind, row, mac)
                && !keys.VerifyMac(kind, row, changed)
                && keys.VerifyMac(otherKind, row, mac) == (kind == otherKind)
                && !keys.VerifyMac(kind, [.. row, 0], mac)
                && !keys.VerifyMac(kind, row, mac.AsSpan(..^1))
                && !keys.VerifyMac(kind, row, []);
        });
    }

    [Fact]
    public void Nothing_works_after_dispose()
    {
        Keyring keys = Ring();
        byte[] sealedBytes = keys.Seal("x"u8, Value()), mac = keys.Mac(RowKind.Role, "x"u8);

        keys.Dispose();
        keys.Dispose();

        Assert.Throws<SealedException>(() => keys.Seal("x"u8, Value()));
        Assert.Throws<SealedException>(() => keys.Open(sealedBytes, Value()));
        Assert.Throws<SealedException>(() => keys.Mac(RowKind.Role, "x"u8));
        Assert.Throws<SealedException>(() => keys.VerifyMac(RowKind.Role, "x"u8, mac));
        Assert.Throws<SealedException>(() => keys.Index("x"u8));
        Assert.Throws<SealedException>(() => keys.DeriveKey("x"));
        Assert.Throws<SealedException>(() => keys.AuditSigner.Sign("x"u8));
        Assert.Throws<SealedException>(() => keys.AuditSigner.Mac("x"u8, new byte[32]));
        Assert.Throws<SealedException>(() => keys.Add(new DataKey(2, new byte[32])));
    }

    [Fact]
    public void Keys_are_zeroed_when_the_last_operation_under_way_ends()
    {
        int zeroed = 0;
        KeyLifetime lifetime = new(() => zeroed++);
        using (lifetime.Enter())
        {
            using (lifetime.Enter())
            {
                lifetime.Close();
                Assert.Throws<SealedException>(() => lifetime.Enter().Dispose());
                Assert.Equal(0, zeroed);
            }

            Assert.Equal(0, zeroed);
        }

        Assert.Equal(1, zeroed);
    }

    [Fact]
    public async Task Sealing_under_load_never_opens_or_seals_with_zeroed_keys()
    {
        byte[] key = RandomNumberGenerator.GetBytes(32);
        using Keyring judge = Ring((1u, key));
        for (int round = 0; round < 20; round++)
        {
            Keyring keys = Ring((1u, key));
            byte[] sealedBytes = keys.Seal("under load"u8, Value());
            using CountdownEvent running = new(4);
            Task[] load = [.. Enumerable.Range(0, 4).Select(_ => Task.Run(() =>
            {
                running.Signal();
                while (true)
                {
                    byte[] made;
                    try
                    {
                        using SecretValue opened = keys.Open(sealedBytes, Value());
                        Assert.Equal("under load"u8, opened.Span);
                        made = keys.Seal("made"u8, Value(number: 2));
                        Assert.True(judge.VerifyMac(RowKind.Vault, made, keys.Mac(RowKind.Vault, made)));
                    }
                    catch (SealedException)
                    {
                        return;
                    }

                    judge.Open(made, Value(number: 2)).Dispose();
                }
            }, TestContext.Current.CancellationToken))];
            running.Wait(TestContext.Current.CancellationToken);
            keys.Dispose();
            await Task.WhenAll(load);
        }
    }

    [Fact]
    public void A_context_takes_ids_up_to_its_limit_and_no_default()
    {
        using Keyring keys = Ring();

        Assert.Throws<ArgumentException>(() => keys.Seal("x"u8, SealContext.ForCredential(new string('x', SealContext.MaxIdBytes + 1))));
        Assert.Throws<ArgumentException>(() => keys.Seal("x"u8, SealContext.ForCredential(new string('ä', (SealContext.MaxIdBytes / 2) + 1))));
        Assert.Throws<InvalidOperationException>(() => keys.Seal("x"u8, default));
        Assert.False(Fails(keys, keys.Seal("x"u8, SealContext.ForCredential(new string('ä', SealContext.MaxIdBytes / 2))), SealContext.ForCredential(new string('ä', SealContext.MaxIdBytes / 2))));
    }

    private static bool Fails(Keyring keys, byte[] sealedBytes, SealContext context)
    {
        try
        {
            keys.Open(sealedBytes, context).Dispose();
            return false;
        }
        catch (SealIntegrityException)
        {
            return true;
        }
    }
}
