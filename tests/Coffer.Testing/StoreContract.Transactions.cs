using System.Reflection;
using Coffer.Core.Access;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;
using Coffer.Core.Stores;
using Xunit;

namespace Coffer.Testing;

public abstract partial class StoreContract
{
    [Fact]
    public async Task A_transaction_sees_its_own_changes_and_nobody_else_does_before_the_commit()
    {
        await using IStoreTransaction transaction = await Store.BeginAsync(Token);
        SecretState state = new() { Head = StoreRows.Plain(Shop.Id, "a") with { Current = 2 } };
        long id = Assert.NotNull(await transaction.SaveAsync(new SecretChange { After = state, Versions = [StoreRows.Version(2)], Values = [(2, [1, 2])] }, Token));
        Assert.True(await transaction.SaveAsync(new AccessChange { Credentials = [StoreRows.Credential(1, null) with { UsesLeft = 1 }] }, Token));
        Assert.True(await transaction.Access.TakeUseAsync(StoreRows.Credential(1, null).PublicId, Token));
        Assert.False(await transaction.Access.TakeUseAsync(StoreRows.Credential(1, null).PublicId, Token));
        Same(new byte[] { 1, 2 }, (await transaction.Secrets.FindCurrentAsync(Shop.Id, "", "a", Token))!.Sealed);
        Assert.Equal(2, await transaction.Secrets.FindNumberAsync(id, StoreRows.Version(2).Id, Token));
        Assert.Single(await transaction.Secrets.ListAsync(new() { VaultId = Shop.Id, Limit = 5 }, Token));
        Assert.Equal(["a"], await transaction.Secrets.FolderAsync(Shop.Id, "", "", 5, Token));

        Assert.Null(await Store.Secrets.FindCurrentAsync(Shop.Id, "", "a", Token));
        Assert.Empty(await Store.Secrets.ListAsync(new() { VaultId = Shop.Id, Limit = 5 }, Token));
        Assert.Null(await Store.Access.FindCredentialAsync(StoreRows.Credential(1, null).PublicId, Token));
        Assert.Equal(0, await Store.Secrets.CountAsync(Shop.Id, Token));

        await transaction.CommitAsync(Token);
        Assert.NotNull(await Store.Secrets.FindCurrentAsync(Shop.Id, "", "a", Token));
        Assert.Equal(0, (await Store.Access.FindCredentialAsync(StoreRows.Credential(1, null).PublicId, Token))!.UsesLeft);
    }

    [Fact]
    public async Task A_transaction_that_is_not_committed_leaves_no_trace()
    {
        await FillAsync();
        string before = await AllAsync();
        SecretState plain = new() { Head = (await Store.Secrets.FindHeadAsync(Shop.Id, "", "plain", Token))! };
        await using (IStoreTransaction transaction = await Store.BeginAsync(Token))
        {
            Assert.NotNull(await transaction.SaveAsync(new SecretChange { After = new() { Head = StoreRows.Plain(Shop.Id, "new", 9) }, Versions = [StoreRows.Version(2)], Values = [(2, [1])] }, Token));
            Assert.NotNull(await transaction.SaveAsync(new SecretChange { Before = plain }, Token));
            Assert.NotNull(await transaction.SaveAsync(StoreRows.Vault("second", 5), Token));
            Assert.True(await transaction.SaveAsync(new AccessChange { RemovedPrincipals = [StoreRows.Principal().Id], Roles = [StoreRows.Role(5, null)] }, Token));
            await transaction.AddPendingAsync(new(Guid.CreateVersion7(), [1]), Token);
            await transaction.Secrets.MarkReadAsync([(plain.Head.Id, 1, 30_000)], Token);
        }

        Assert.Equal(before, await AllAsync());
    }

    [Fact]
    public async Task A_transaction_that_is_over_leads_nowhere()
    {
        IStoreTransaction transaction = await Store.BeginAsync(Token);
        ISecretStore secrets = transaction.Secrets;
        await transaction.CommitAsync(Token);
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await transaction.SaveAsync(StoreRows.Vault("late", 5), Token));
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await secrets.VaultsAsync(Token));
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await transaction.CommitAsync(Token));
        await transaction.DisposeAsync();
        await transaction.DisposeAsync();
        Assert.Single(await Store.Secrets.VaultsAsync(Token));
        await AddVaultAsync(StoreRows.Vault("next", 6));
    }

    [Fact]
    public async Task Who_gave_up_before_it_began_changes_nothing_and_blocks_nobody()
    {
        using CancellationTokenSource gone = new();
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await Store.BeginAsync(gone.Token));
        await using (IStoreTransaction open = await Store.BeginAsync(Token))
        {
            using CancellationTokenSource waiting = new();
            ValueTask<IStoreTransaction> second = Store.BeginAsync(waiting.Token);
            if (!second.IsCompleted)
            {
                await waiting.CancelAsync();
                await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await second);
            }
            else
            {
                await (await second).DisposeAsync();
            }
        }

        await AddVaultAsync(StoreRows.Vault("next", 6));
    }

    [Fact]
    public async Task Many_writers_of_one_secret_lose_no_update()
    {
        SecretState start = await AddSecretAsync(StoreRows.Plain(Shop.Id, "a"));
        await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => Task.Run(
            async () =>
            {
                for (int i = 0; i < 10;)
                {
                    await using IStoreTransaction transaction = await Store.BeginAsync(Token);
                    Secret head = (await transaction.Secrets.FindHeadAsync(start.Head.Uid, Token))!;
                    int number = head.Highest + 1;
                    SecretState before = new() { Head = head };
                    SecretState after = before with
                    {
                        Head = head with { Highest = number, Current = number, Changed = head.Changed + 1, VersionCount = number },
                        Versions = before.Versions.Add(number, StoreRows.PlainVersion(number)),
                    };
                    SecretChange change = new() { Before = before, After = after, Versions = [after.Version(number)!], Values = [(number, StoreRows.Bytes("value", number))] };
                    if (await transaction.SaveAsync(change, Token) is not null)
                    {
                        await transaction.CommitAsync(Token);
                        i++;
                    }
                }
            },
            Token)));
        Assert.Equal(60, (await HeadAsync(start)).Highest);
        Assert.Equal(Enumerable.Range(1, 60), (await Store.Secrets.VersionsAsync(start.Head.Id, 0, false, 100, Token)).Select(v => v.Number));
        Same(StoreRows.Bytes("value", 60), (await Store.Secrets.FindCurrentAsync(Shop.Id, "", "a", Token))!.Sealed);
    }

    [Fact]
    public async Task Many_writers_of_many_secrets_and_readers_beside_them_see_whole_states()
    {
        Task[] writers =
        [
            .. Enumerable.Range(0, 4).Select(w => Task.Run(
                async () =>
                {
                    for (int i = 0; i < 15; i++)
                    {
                        await AddSecretAsync(StoreRows.Plain(Shop.Id, $"s{w}-{i}", (w * 100) + i + 1) with { Current = 2, Highest = 2 }, StoreRows.PlainVersion(1), StoreRows.PlainVersion(2));
                    }
                },
                Token)),
        ];
        Task written = Task.WhenAll(writers);
        await Task.WhenAll(Enumerable.Range(0, 3).Select(r => Task.Run(
            async () =>
            {
                int last = 0;
                bool over;
                do
                {
                    over = written.IsCompleted;
                    IReadOnlyList<Secret> heads = await Store.Secrets.ListAsync(new() { VaultId = Shop.Id, Limit = 1000 }, Token);
                    Assert.True(heads.Count >= last);
                    last = heads.Count;
                    foreach (Secret head in heads.TakeLast(3))
                    {
                        SecretRow row = (await Store.Secrets.FindCurrentAsync(Shop.Id, "", head.Name.Value, Token))!;
                        Assert.Equal(2, row.Version?.Number);
                        Same(ValueOf(row.Version!), row.Sealed);
                    }
                }
                while (!over);
                Assert.Equal(60, last);
            },
            Token)));
        await written;
        Assert.Equal(60, await Store.Secrets.CountAsync(Shop.Id, Token));
    }

    [Fact]
    public async Task One_who_creates_the_name_wins_and_the_others_are_told()
    {
        long?[] saved = await Task.WhenAll(Enumerable.Range(1, 8).Select(i => Task.Run(
            async () => await SaveAsync(new SecretChange { After = new() { Head = StoreRows.Plain(Shop.Id, "a", i) } }), Token)));
        long winner = Assert.Single(saved, s => s is not null)!.Value;
        Assert.Equal(StoreRows.Plain(Shop.Id, "a", Array.IndexOf(saved, winner) + 1).Uid, (await Store.Secrets.FindHeadAsync(Shop.Id, "", "a", Token))!.Uid);
    }

    [Fact]
    public async Task A_store_that_was_closed_and_opened_again_holds_everything()
    {
        await FillAsync();
        string before = await AllAsync();
        await Store.DisposeAsync();
        Store = await ReopenAsync(Store);
        Assert.Equal(before, await AllAsync());
        await AddSecretAsync(StoreRows.Plain(Shop.Id, "next", 77));
    }

    [Fact]
    public async Task A_backup_holds_everything_and_never_overwrites_a_file()
    {
        await FillAsync();
        string before = await AllAsync(), folder = Directory.CreateTempSubdirectory("coffer-backup-").FullName, file = Path.Combine(folder, "copy");
        try
        {
            await Store.BackupAsync(file, Token);
            Assert.Equal(CofferErrorCode.AlreadyExists, (await Assert.ThrowsAsync<CofferException>(async () => await Store.BackupAsync(file, Token))).Code);
            await AddSecretAsync(StoreRows.Plain(Shop.Id, "later", 77));
            Assert.NotEqual(before, await AllAsync());
            await Store.DisposeAsync();
            Store = await OpenBackupAsync(file);
            Assert.Equal(before, await AllAsync());
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Guards the rows that the other tests write: a member added later must be set in them, or nobody sees it lost.</summary>
    [Fact]
    public void The_rows_of_these_tests_leave_no_member_at_its_default()
    {
        object[] rows =
        [
            StoreRows.Vault("shop") with { Id = 1 }, StoreRows.Secret(1, "a") with { Id = 1 }, StoreRows.Version(2), StoreRows.Principal(), StoreRows.Group(1, Guid.NewGuid()),
            StoreRows.Credential(1, Guid.NewGuid()), StoreRows.Trust(1, Guid.NewGuid()), StoreRows.Policy(1, Attachment.Server), StoreRows.Role(1, "shop"), StoreRows.Alias(1, Guid.NewGuid()),
            StoreRows.Approval(1, Guid.NewGuid()),
        ];
        foreach (object row in rows)
        {
            foreach (PropertyInfo member in StoreText.Members(row.GetType()))
            {
                object? value = member.GetValue(row), none = member.PropertyType.IsValueType ? Activator.CreateInstance(member.PropertyType) : null;
                bool isEmpty = Equals(value, none) || value is "" or ReadOnlyMemory<byte> { IsEmpty: true } or System.Collections.ICollection { Count: 0 };
                Assert.False(isEmpty, $"{row.GetType().Name}.{member.Name} is at its default");
            }
        }
    }
}
