using Coffer.Core.Sealing;
using Coffer.Core.Stores;
using CsCheck;
using Xunit;
using static Coffer.Core.Tests.Sealing.TestKeys;

namespace Coffer.Core.Tests.Sealing;

// Changes of the keys that fail, crash or lose at each of their steps, and backups from before them.
public sealed partial class SealServiceTests
{
    // Attack 45: the rotation is interrupted at each of its steps.
    [Theory]
    [InlineData(nameof(StoreFault.FailBefore), 1)]
    [InlineData(nameof(StoreFault.CrashBefore), 1)]
    [InlineData(nameof(StoreFault.FailAfter), 2)]
    [InlineData(nameof(StoreFault.CrashAfter), 2)]
    [InlineData(nameof(StoreFault.Lose), 1)]
    public async Task An_interrupted_rotation_leaves_the_old_keys_or_the_new_ones(string fault, int keys)
    {
        SealService service = await NewAsync();
        byte[] old = service.Current.Seal("old"u8, Value());
        _store.Next = Enum.Parse<StoreFault>(fault);

        Exception? failure = await Record.ExceptionAsync(async () => await service.RotateKeysAsync(new KeyFileSeal(KeyFilePath), None));

        Assert.Equal(_store.Next == StoreFault.None && fault == nameof(StoreFault.FailAfter), failure is null);
        byte[] made = service.Current.Seal("made"u8, Value());
        AssertOpens(service.Current, old, "old"u8);
        _store.Restart();
        using (Keyring reopened = await ReopenAsync())
        {
            Assert.Equal(keys, reopened.KeyCount);
            AssertOpens(reopened, old, "old"u8);
            AssertOpens(reopened, made, "made"u8);
        }

        uint next = await service.RotateKeysAsync(new KeyFileSeal(KeyFilePath), None);
        Assert.Equal((uint)keys + 1, next);
        Assert.Equal(keys + 1, service.Current.KeyCount);
        AssertOpens(service.Current, made, "made"u8);
    }

    // Attack 45: an old backup is restored after the rotation.
    [Fact]
    public async Task An_old_backup_opens_what_is_in_it_and_refuses_what_came_later()
    {
        SealService service = await NewAsync();
        byte[] old = service.Current.Seal("old"u8, Value());
        KeyTable backup = _store.Table!;
        await service.RotateKeysAsync(new KeyFileSeal(KeyFilePath), None);
        byte[] later = service.Current.Seal("later"u8, Value());

        _store.Table = backup;
        using (Keyring restored = await ReopenAsync())
        {
            AssertOpens(restored, old, "old"u8);
            Assert.Equal(SealFailure.UnknownKey, Assert.Throws<SealIntegrityException>(() => restored.Open(later, Value())).Reason);
        }

        // The restored store rotates again and gives the id of the lost key to another one: still nothing opens wrongly.
        SealService again = new(_store, _clock);
        await again.UnsealAsync(new KeyFileSeal(KeyFilePath), None);
        Assert.Equal(2u, await again.RotateKeysAsync(new KeyFileSeal(KeyFilePath), None));
        Assert.Equal(SealFailure.NotAuthentic, Assert.Throws<SealIntegrityException>(() => again.Current.Open(later, Value())).Reason);
        AssertOpens(again.Current, old, "old"u8);
    }

    [Fact]
    public async Task A_backup_from_before_a_rekey_opens_with_the_old_key_file_only()
    {
        SealService service = await NewAsync();
        byte[] old = service.Current.Seal("old"u8, Value());
        KeyTable backup = _store.Table!;
        string kept = Path.Combine(_folder.FullName, "kept.key");
        File.Copy(KeyFilePath, kept);
        await service.RekeyAsync(new KeyFileSeal(KeyFilePath), new KeyFileSeal(KeyFilePath), None);

        Assert.Equal(SealRefusal.Wrong, Assert.Throws<SealRefusedException>(() => SealService.Open(new KeyFileSeal(KeyFilePath), backup)).Reason);
        using Keyring restored = SealService.Open(new KeyFileSeal(kept), backup);
        AssertOpens(restored, old, "old"u8);
    }

    // Attack 45, for the root key: interrupted at each step, the old seal or the new one opens.
    [Theory]
    [InlineData(nameof(StoreFault.FailBefore))]
    [InlineData(nameof(StoreFault.CrashBefore))]
    [InlineData(nameof(StoreFault.FailAfter))]
    [InlineData(nameof(StoreFault.CrashAfter))]
    [InlineData(nameof(StoreFault.Lose))]
    public async Task An_interrupted_rekey_opens_with_what_lies_on_the_disk(string fault)
    {
        SealService service = await NewAsync();
        byte[] old = service.Current.Seal("old"u8, Value());
        _store.Next = Enum.Parse<StoreFault>(fault);

        Exception? failure = await Record.ExceptionAsync(async () => await service.RekeyAsync(new KeyFileSeal(KeyFilePath), new KeyFileSeal(KeyFilePath), None));

        Assert.Equal(fault == nameof(StoreFault.FailAfter), failure is null);
        AssertOpens(service.Current, old, "old"u8);
        _store.Restart();
        using (Keyring reopened = await ReopenAsync())
        {
            AssertOpens(reopened, old, "old"u8);
        }

        Assert.False(File.Exists(KeyFilePath + ".new"));
        await service.RekeyAsync(new KeyFileSeal(KeyFilePath), new KeyFileSeal(KeyFilePath), None);
        using Keyring again = await ReopenAsync();
        AssertOpens(again, old, "old"u8);
    }

    [Fact]
    public async Task Whatever_is_interrupted_in_whatever_order_everything_sealed_opens()
    {
        Gen<(int Operation, StoreFault Fault)[]> steps = Gen.Select(Gen.Int[0, 3], Gen.Frequency((3, Gen.Const(StoreFault.None)), (4, Gen.Enum<StoreFault>()))).Array[1, 12];
        await steps.SampleAsync(async script =>
        {
            DirectoryInfo folder = Directory.CreateTempSubdirectory("coffer-seal-steps-");
            try
            {
                string file = Path.Combine(folder.FullName, "seal.key");
                MemoryKeyStore store = new();
                SealService service = new(store, _clock);
                await service.InitializeAsync(new KeyFileSeal(file), None);
                List<byte[]> made = [];
                foreach ((int operation, StoreFault fault) in script)
                {
                    made.Add(service.Current.Seal([(byte)made.Count], Value(number: made.Count)));
                    store.Next = fault;
                    await Record.ExceptionAsync(async () =>
                    {
                        switch (operation)
                        {
                            case 0: await service.RotateKeysAsync(new KeyFileSeal(file), None); break;
                            case 1: await service.RekeyAsync(new KeyFileSeal(file), new KeyFileSeal(file), None); break;
                            case 2: await service.RekeyAsync(new KeyFileSeal(file), new KeyFileSeal(file), None, _ => throw new InvalidOperationException()); break;
                            default: service.Seal(); break;
                        }
                    });
                    store.Next = StoreFault.None;
                    store.Restart();
                    // A start anew, as after a crash, and the process that lived on where it did.
                    SealService fresh = new(store, _clock);
                    await fresh.UnsealAsync(new KeyFileSeal(file), None);
                    service = operation == 3 || fault is StoreFault.CrashBefore or StoreFault.CrashAfter ? fresh : service;
                    for (int i = 0; i < made.Count; i++)
                    {
                        fresh.Current.Open(made[i], Value(number: i)).Dispose();
                        service.Current.Open(made[i], Value(number: i)).Dispose();
                    }
                }
            }
            finally
            {
                folder.Delete(recursive: true);
            }
        }, iter: 60);
    }

    [Fact]
    public async Task An_initialization_that_a_crash_interrupted_can_be_repeated_or_opened()
    {
        _store.Next = StoreFault.CrashBefore;
        await Assert.ThrowsAsync<IOException>(async () => await new SealService(_store, _clock).InitializeAsync(new KeyFileSeal(KeyFilePath), None));
        _store.Restart();
        _store.Next = StoreFault.CrashAfter;
        await Assert.ThrowsAsync<IOException>(async () => await new SealService(_store, _clock).InitializeAsync(new KeyFileSeal(KeyFilePath), None));
        _store.Restart();

        using Keyring ring = await ReopenAsync();

        Assert.Equal(1, ring.KeyCount);
        Assert.True(File.Exists(KeyFilePath));
    }
}
