using System.Collections.Immutable;
using System.Runtime.Versioning;
using Coffer.Core.Sealing;
using Coffer.Core.Secrets;
using Coffer.Core.Stores;
using Microsoft.Extensions.Time.Testing;
using Xunit;
using static Coffer.Core.Tests.Sealing.TestKeys;

namespace Coffer.Core.Tests.Sealing;

[UnsupportedOSPlatform("windows")]
public sealed partial class SealServiceTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("coffer-seal-");
    private readonly MemoryKeyStore _store = new();
    private readonly FakeTimeProvider _clock = new(DateTimeOffset.UnixEpoch.AddDays(20_000));

    private static CancellationToken None => TestContext.Current.CancellationToken;

    private string KeyFilePath => Path.Combine(_folder.FullName, "seal.key");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task From_nothing_to_unsealed_and_back()
    {
        SealService service = new(_store, _clock);
        List<SealState> seen = [];
        service.Changed += (_, state) => seen.Add(state);
        Assert.Equal(SealState.Uninitialized, await service.StateAsync(None));
        Assert.Null(await service.ParametersAsync(None));
        Assert.Null(await service.TableAsync(None));
        Assert.Throws<SealedException>(() => service.Current);
        Assert.False(await service.UnsealAsync(new KeyFileSeal(KeyFilePath), None));

        Assert.True(await service.InitializeAsync(new KeyFileSeal(KeyFilePath), None));

        Assert.Equal(SealState.Unsealed, await service.StateAsync(None));
        byte[] sealedBytes = service.Current.Seal("kept"u8, Value());
        Keyring before = service.Current;
        service.Seal();
        service.Seal();
        Assert.Equal(SealState.Sealed, await service.StateAsync(None));
        Assert.Throws<SealedException>(() => service.Current);
        Assert.Throws<SealedException>(() => before.Open(sealedBytes, Value()));

        Assert.True(await service.UnsealAsync(new KeyFileSeal(KeyFilePath), None));
        Keyring after = service.Current;
        Assert.True(await service.UnsealAsync(new KeyFileSeal(KeyFilePath), None));
        Assert.Same(after, service.Current);
        AssertOpens(service.Current, sealedBytes, "kept"u8);
        Assert.Equal([SealState.Unsealed, SealState.Sealed, SealState.Unsealed], seen);
        Assert.Equal("keyfile", (await service.ParametersAsync(None))!.Type);
    }

    [Fact]
    public async Task A_store_is_initialized_once()
    {
        await NewAsync();
        KeyTable? table = _store.Table;

        Assert.False(await new SealService(_store, _clock).InitializeAsync(new MemorySeal(), None));

        Assert.Same(table, _store.Table);
        _store.Table = null;
        _store.Next = StoreFault.Lose;
        SealService late = new(_store, _clock);
        Assert.False(await late.InitializeAsync(new MemorySeal(), None));
        Assert.Throws<SealedException>(() => late.Current);
    }

    [Fact]
    public async Task Rotation_adds_one_key_and_keeps_the_ring()
    {
        SealService service = await NewAsync();
        Keyring ring = service.Current;
        byte[] old = ring.Seal("old"u8, Value()), token = ring.Index("t"u8);
        string auditKey = ring.AuditSigner.KeyId;
        _clock.Advance(TimeSpan.FromDays(1));

        Assert.Equal(2u, await service.RotateKeysAsync(new KeyFileSeal(KeyFilePath), None));

        Assert.Same(ring, service.Current);
        Assert.Equal((2u, 2), (ring.NewestKeyId, ring.KeyCount));
        byte[] made = ring.Seal("new"u8, Value());
        Assert.Equal(2u, SealedValue.KeyIdOf(made));
        Assert.Equal([20_000 * Microseconds.PerDay, 20_001 * Microseconds.PerDay], _store.Table!.Keys.Select(k => k.CreatedAt));
        Assert.Equal(2, _store.Replacements);
        using Keyring reopened = await ReopenAsync();
        AssertOpens(reopened, old, "old"u8);
        AssertOpens(reopened, made, "new"u8);
        Assert.Equal(token, reopened.Index("t"u8));
        Assert.Equal(auditKey, reopened.AuditSigner.KeyId);
    }

    [Fact]
    public async Task Rekey_replaces_root_key_and_seal_and_touches_no_value()
    {
        SealService service = await NewAsync();
        await service.RotateKeysAsync(new KeyFileSeal(KeyFilePath), None);
        byte[] old = service.Current.Seal("old"u8, Value()), before = File.ReadAllBytes(KeyFilePath);
        KeyTable was = _store.Table!;
        Keyring ring = service.Current;

        await service.RekeyAsync(new KeyFileSeal(KeyFilePath), new KeyFileSeal(KeyFilePath), None);

        Assert.Same(ring, service.Current);
        Assert.NotEqual(before, File.ReadAllBytes(KeyFilePath));
        Assert.False(File.Exists(KeyFilePath + ".new"));
        Assert.Equal(was.Revision + 1, _store.Table!.Revision);
        Assert.All(was.Keys.Zip(_store.Table.Keys), p => Assert.NotEqual(p.First.Wrapped, p.Second.Wrapped));
        using Keyring reopened = await ReopenAsync();
        AssertOpens(reopened, old, "old"u8);
        Assert.Equal(ring.AuditSigner.KeyId, reopened.AuditSigner.KeyId);
    }

    [Fact]
    public async Task Every_seal_can_follow_every_other()
    {
        SealService service = await NewAsync();
        byte[] old = service.Current.Seal("old"u8, Value());
        using SecretValue passphrase = SecretValue.Copy("correct horse battery"u8);
        PassphraseSeal words = new(passphrase, PassphraseSealTests.Kdf);
        using MemorySeal memory = new();
        using ShamirSeal split = new(2, 3), shares = new();

        await service.RekeyAsync(new KeyFileSeal(KeyFilePath), words, None);
        await service.RekeyAsync(words, memory, None);
        await service.RekeyAsync(memory, split, None, _ =>
        {
            // Handed out before the store commits.
            Assert.Equal("memory", KeyTableDocument.Parse(_store.Table!).Seal.Type);
            shares.Give(split.Made[2].Span);
            shares.Give(split.Made[0].Span);
            return ValueTask.CompletedTask;
        });
        Assert.Equal((2, 3), ((await service.ParametersAsync(None))!.Threshold, (await service.ParametersAsync(None))!.Shares));
        SealService fresh = new(_store, _clock);
        Assert.Equal(SealRefusal.OtherType, (await Assert.ThrowsAsync<SealRefusedException>(async () => await fresh.UnsealAsync(words, None))).Reason);
        Assert.True(await fresh.UnsealAsync(shares, None));
        AssertOpens(fresh.Current, old, "old"u8);

        string other = Path.Combine(_folder.FullName, "other.key");
        await fresh.RekeyAsync(shares, new KeyFileSeal(other), None);
        using Keyring last = SealService.Open(new KeyFileSeal(other), _store.Table!);
        AssertOpens(last, old, "old"u8);
    }

    [Fact]
    public async Task Shares_that_nobody_confirmed_leave_the_old_seal_in_force()
    {
        SealService service = await NewAsync();
        byte[] old = service.Current.Seal("old"u8, Value());
        KeyTable was = _store.Table!;
        using ShamirSeal split = new(2, 3);

        await Assert.ThrowsAsync<InvalidOperationException>(async () => await service.RekeyAsync(new KeyFileSeal(KeyFilePath), split, None, _ => throw new InvalidOperationException()));
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await service.RekeyAsync(new KeyFileSeal(KeyFilePath), new KeyFileSeal(KeyFilePath), None, _ => throw new InvalidOperationException()));

        Assert.Same(was, _store.Table);
        Assert.False(File.Exists(KeyFilePath + ".new"));
        using Keyring reopened = await ReopenAsync();
        AssertOpens(reopened, old, "old"u8);
    }

    [Fact]
    public async Task The_wrong_secret_changes_nothing()
    {
        SealService service = await NewAsync();
        KeyTable was = _store.Table!;
        string other = Path.Combine(_folder.FullName, "other.key");
        File.WriteAllBytes(other, [.. Enumerable.Range(0, 32).Select(i => (byte)i)]);
        File.SetUnixFileMode(other, UnixFileMode.UserRead | UnixFileMode.UserWrite);

        Assert.Equal(SealRefusal.Wrong, (await Assert.ThrowsAsync<SealRefusedException>(async () => await service.RotateKeysAsync(new KeyFileSeal(other), None))).Reason);
        Assert.Equal(SealRefusal.Wrong, (await Assert.ThrowsAsync<SealRefusedException>(async () => await service.RekeyAsync(new KeyFileSeal(other), new MemorySeal(), None))).Reason);
        Assert.Equal(SealRefusal.Wrong, (await Assert.ThrowsAsync<SealRefusedException>(async () => await new SealService(_store, _clock).UnsealAsync(new KeyFileSeal(other), None))).Reason);
        Assert.Same(was, _store.Table);
    }

    [Fact]
    public async Task Rotating_a_sealed_server_does_not_unseal_it()
    {
        SealService service = await NewAsync();
        service.Seal();

        Assert.Equal(2u, await service.RotateKeysAsync(new KeyFileSeal(KeyFilePath), None));

        Assert.Throws<SealedException>(() => service.Current);
        using Keyring reopened = await ReopenAsync();
        Assert.Equal(2, reopened.KeyCount);
    }

    [Fact]
    public async Task A_rotation_takes_in_keys_that_another_node_added()
    {
        SealService one = await NewAsync(), two = new(_store, _clock);
        await two.UnsealAsync(new KeyFileSeal(KeyFilePath), None);
        await two.RotateKeysAsync(new KeyFileSeal(KeyFilePath), None);
        byte[] others = two.Current.Seal("other"u8, Value());

        Assert.Equal(3u, await one.RotateKeysAsync(new KeyFileSeal(KeyFilePath), None));

        Assert.Equal(3, one.Current.KeyCount);
        AssertOpens(one.Current, others, "other"u8);
    }

    // Attack 46: a table put together by the store's owner from parts that were genuine once.
    [Fact]
    public async Task Genuine_parts_of_different_tables_do_not_mix()
    {
        SealService service = await NewAsync();
        KeyTable first = _store.Table!;
        await service.RotateKeysAsync(new KeyFileSeal(KeyFilePath), None);
        KeyTable second = _store.Table!;
        ImmutableArray<KeyTable> forged =
        [
            second with { Keys = first.Keys },
            second with { Seal = first.Seal },
            second with { Revision = 1 },
            first with { Keys = second.Keys },
        ];

        foreach (KeyTable table in forged)
        {
            Assert.Throws<SealIntegrityException>(() => SealService.Open(new KeyFileSeal(KeyFilePath), table));
        }

        SealService.Open(new KeyFileSeal(KeyFilePath), first).Dispose();
        SealService.Open(new KeyFileSeal(KeyFilePath), second).Dispose();
    }

    [Fact]
    public async Task A_throw_away_server_is_unreadable_once_its_process_is_gone()
    {
        SealService service = new(_store, _clock);
        MemorySeal seal = new();
        await service.InitializeAsync(seal, None);
        service.Seal();
        await service.UnsealAsync(seal, None);
        seal.Dispose();

        using MemorySeal other = new();
        Assert.Equal(SealRefusal.Wrong, Assert.Throws<SealRefusedException>(() => SealService.Open(other, _store.Table!)).Reason);
        Assert.Throws<ObjectDisposedException>(() => SealService.Open(seal, _store.Table!));
    }

    private static void AssertOpens(Keyring keys, byte[] sealedBytes, ReadOnlySpan<byte> expected)
    {
        using SecretValue opened = keys.Open(sealedBytes, Value());
        Assert.Equal(expected, opened.Span);
    }

    private async Task<SealService> NewAsync()
    {
        SealService service = new(_store, _clock);
        Assert.True(await service.InitializeAsync(new KeyFileSeal(KeyFilePath), None));
        return service;
    }

    private async Task<Keyring> ReopenAsync()
    {
        SealService fresh = new(_store, _clock);
        Assert.True(await fresh.UnsealAsync(new KeyFileSeal(KeyFilePath), None));
        return fresh.Current;
    }
}
