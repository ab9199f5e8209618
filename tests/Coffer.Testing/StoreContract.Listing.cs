using System.Globalization;
using Coffer.Core.Secrets;
using Coffer.Core.Stores;
using Xunit;

namespace Coffer.Testing;

public abstract partial class StoreContract
{
    /// <summary>Names of every set of wires, with prefixes, folders and case among them.</summary>
    private static readonly string[] Names =
    [
        "api-key", "Api-Key", "api_key", "app/a", "app/a/b", "app/a/c", "app/b", "app", "app-x", "app0", "app//x", "/root", "app/", "db pass", "db:pass", "a~b,c", "z",
        "zz", "y@x", "y.z", new('l', 127), new('l', 128), new('m', 256), "A", "B/c d/e", "B/c", "~", "!", "0",
    ];

    [Theory]
    [MemberData(nameof(Listings))]
    public async Task A_listing_pages_through_exactly_its_rows_in_order(SecretOrder order, bool descending, SecretFilter filter)
    {
        List<Secret> all = await AddNamesAsync();
        foreach (WireNames? wire in new WireNames?[] { null, WireNames.Aws, WireNames.Azure, WireNames.Google, WireNames.Vault, WireNames.Aws | WireNames.Vault })
        {
            foreach (string prefix in new[] { "", "a", "app/", "l", "zzz" })
            {
                IEnumerable<Secret> rows = all
                    .Where(h => h.Location.Length == 0 && h.VaultId == Shop.Id && h.Name.Value.StartsWith(prefix, StringComparison.Ordinal))
                    .Where(h => filter == SecretFilter.All || h.IsDeleted == (filter == SecretFilter.Deleted))
                    .Where(h => wire is null || (WireExpression.For(h.Name) & wire) == wire);
                rows = order switch
                {
                    SecretOrder.Created => rows.OrderBy(h => h.Created).ThenBy(h => h.Id),
                    SecretOrder.Changed => rows.OrderBy(h => h.Changed).ThenBy(h => h.Id),
                    SecretOrder.LastRead => rows.OrderBy(h => h.LastReadDay ?? -1).ThenBy(h => h.Id),
                    SecretOrder.Name => rows.OrderBy(h => h.Name.Value, StringComparer.Ordinal),
                };
                string[] expected = [.. (descending ? rows.Reverse() : rows).Select(h => h.Name.Value)];
                SecretListQuery query = new() { VaultId = Shop.Id, Filter = filter, Order = order, Descending = descending, NamePrefix = prefix, Wire = wire, Limit = 4 };
                Assert.Equal(expected, await NamesAsync(query));
                Assert.Equal(expected, await NamesAsync(query with { Limit = 1000 }));
            }
        }
    }

    /// <summary>Every order, way and filter.</summary>
    public static TheoryData<SecretOrder, bool, SecretFilter> Listings()
    {
        TheoryData<SecretOrder, bool, SecretFilter> data = [];
        foreach (SecretOrder order in Enum.GetValues<SecretOrder>())
        {
            foreach (SecretFilter filter in Enum.GetValues<SecretFilter>())
            {
                data.Add(order, false, filter);
                data.Add(order, true, filter);
            }
        }

        return data;
    }

    [Fact]
    public async Task A_listing_goes_on_behind_a_row_that_went_meanwhile()
    {
        SecretState[] states = [await AddSecretAsync(StoreRows.Plain(Shop.Id, "a", 1)), await AddSecretAsync(StoreRows.Plain(Shop.Id, "b", 2)), await AddSecretAsync(StoreRows.Plain(Shop.Id, "c", 3))];
        await SaveAsync(new SecretChange { Before = states[1] });
        foreach (SecretOrder order in Enum.GetValues<SecretOrder>())
        {
            SecretListQuery query = new() { VaultId = Shop.Id, Order = order, After = PositionOf(order, states[1].Head), Limit = 10 };
            Assert.Equal(["c"], (await Store.Secrets.ListAsync(query, Token)).Select(h => h.Name.Value));
            Assert.Equal(["a"], (await Store.Secrets.ListAsync(query with { Descending = true }, Token)).Select(h => h.Name.Value));
        }
    }

    [Fact]
    public async Task A_listing_brings_whole_heads_of_its_location()
    {
        SecretState regional = await AddSecretAsync(StoreRows.Secret(Shop.Id, "a"));
        await AddSecretAsync(StoreRows.Plain(Shop.Id, "b", 2));
        Same(new[] { regional.Head }, await Store.Secrets.ListAsync(new() { VaultId = Shop.Id, Location = StoreRows.Region, Filter = SecretFilter.Deleted, Limit = 10 }, Token));
        Assert.Empty(await Store.Secrets.ListAsync(new() { VaultId = Shop.Id, Location = StoreRows.Region, Limit = 10 }, Token));
    }

    [Fact]
    public async Task A_row_moves_within_the_listings_as_it_changes()
    {
        SecretState a = await AddSecretAsync(StoreRows.Plain(Shop.Id, "a", 1)), b = await AddSecretAsync(StoreRows.Plain(Shop.Id, "b", 2));
        a = await ChangeAsync(a, s => s with { Head = s.Head with { Changed = StoreRows.Start + 50 } });
        Assert.Equal(["b", "a"], await NamesAsync(new() { VaultId = Shop.Id, Order = SecretOrder.Changed, Limit = 10 }));
        await Store.Secrets.MarkReadAsync([(b.Head.Id, 0, 20_000)], Token);
        Assert.Equal(["a", "b"], await NamesAsync(new() { VaultId = Shop.Id, Order = SecretOrder.LastRead, Limit = 10 }));
        a = await ChangeAsync(a, s => s with { Head = s.Head with { DeletedAt = StoreRows.Start, PurgeAt = StoreRows.Start + 1 } });
        Assert.Equal(["b"], await NamesAsync(new() { VaultId = Shop.Id, Limit = 10 }));
        Assert.Equal(["a"], await NamesAsync(new() { VaultId = Shop.Id, Filter = SecretFilter.Deleted, Limit = 10 }));
        await ChangeAsync(a, s => s with { Head = s.Head with { DeletedAt = null, PurgeAt = null } });
        Assert.Equal(["a", "b"], await NamesAsync(new() { VaultId = Shop.Id, Limit = 10 }));
    }

    [Theory]
    [InlineData("")]
    [InlineData("app/")]
    [InlineData("app/a/")]
    [InlineData("B/")]
    [InlineData("B/c d/")]
    [InlineData("nothing/")]
    public async Task A_folder_pages_through_its_children(string prefix)
    {
        List<Secret> all = await AddNamesAsync();
        string[] expected =
        [
            .. all.Where(h => h.Location.Length == 0 && h.VaultId == Shop.Id && !h.IsDeleted && WireExpression.For(h.Name).HasFlag(WireNames.Vault))
                .Select(h => h.Name.Value)
                .Where(n => n.StartsWith(prefix, StringComparison.Ordinal))
                .Select(n => n[prefix.Length..])
                .Select(n => n.Split('/') is [var child, _, ..] ? child + "/" : n)
                .Distinct().Order(StringComparer.Ordinal),
        ];
        foreach (int limit in new[] { 1, 2, 1000 })
        {
            List<string> seen = [];
            while (await Store.Secrets.FolderAsync(Shop.Id, prefix, seen.LastOrDefault() ?? "", limit, Token) is { Count: > 0 } page)
            {
                Assert.True(page.Count <= limit);
                seen.AddRange(page);
            }

            Assert.Equal(expected, seen);
        }
    }

    [Fact]
    public async Task A_folder_and_a_secret_of_one_name_live_side_by_side()
    {
        foreach ((string name, int number) in new[] { "a", "a/b", "a-", "a0", "a/c/d" }.Select((n, i) => (n, i + 1)))
        {
            await AddSecretAsync(StoreRows.Plain(Shop.Id, name, number));
        }

        Assert.Equal(["a", "a-", "a/", "a0"], await Store.Secrets.FolderAsync(Shop.Id, "", "", 10, Token));
        Assert.Equal(["a0"], await Store.Secrets.FolderAsync(Shop.Id, "", "a/", 10, Token));
        Assert.Equal(["b", "c/"], await Store.Secrets.FolderAsync(Shop.Id, "a/", "", 10, Token));
        Assert.Equal(["c/"], await Store.Secrets.FolderAsync(Shop.Id, "a/", "b", 10, Token));
    }

    [Fact]
    public async Task What_is_to_be_purged_comes_oldest_first_and_once()
    {
        long now = StoreRows.Start + 1000;
        await AddSecretAsync(StoreRows.Plain(Shop.Id, "later", 1) with { DeletedAt = 1, PurgeAt = now + 1 });
        await AddSecretAsync(StoreRows.Plain(Shop.Id, "now", 2) with { DeletedAt = 1, PurgeAt = now });
        await AddSecretAsync(StoreRows.Plain(Shop.Id, "expired", 3) with { Expires = now - 50 });
        await AddSecretAsync(StoreRows.Plain(Shop.Id, "both", 4) with { DeletedAt = 1, PurgeAt = now - 10, Expires = now - 60 });
        await AddSecretAsync(StoreRows.Plain(Shop.Id, "old", 5) with { DeletedAt = 1, PurgeAt = now - 100 });
        await AddSecretAsync(StoreRows.Plain(Shop.Id, "never", 6));
        await AddSecretAsync(StoreRows.Plain(Shop.Id, "regional", 7) with { Location = StoreRows.Region, Expires = now - 20 });
        Assert.Equal(["old", "both", "expired", "regional", "now"], (await Store.Secrets.DueAsync(DueWork.Purge, now, 10, Token)).Select(h => h.Name.Value));
        Assert.Equal(["old", "both", "expired"], (await Store.Secrets.DueAsync(DueWork.Purge, now, 3, Token)).Select(h => h.Name.Value));
        Assert.Empty(await Store.Secrets.DueAsync(DueWork.Purge, now - 101, 10, Token));
    }

    [Fact]
    public async Task What_is_to_be_destroyed_comes_oldest_first_and_once()
    {
        long now = StoreRows.Start + 1000;
        SecretVersion At(int number, long? due) => StoreRows.PlainVersion(number) with { DestroyAt = due };
        await AddSecretAsync(StoreRows.Plain(Shop.Id, "b", 1), At(1, now - 5), At(2, now - 50), At(3, now - 40));
        await AddSecretAsync(StoreRows.Plain(Shop.Id, "a", 2), At(1, now), At(2, null));
        await AddSecretAsync(StoreRows.Plain(Shop.Id, "c", 3), At(1, now + 1));
        await AddSecretAsync(StoreRows.Plain(Shop.Id, "d", 4), At(1, now - 60) with { DestroyedAt = now });
        await AddSecretAsync(StoreRows.Plain(Shop.Id, "e", 5), At(1, now - 45));
        Assert.Equal(["b", "e", "a"], (await Store.Secrets.DueAsync(DueWork.Destroy, now, 10, Token)).Select(h => h.Name.Value));
        Assert.Equal(["b", "e"], (await Store.Secrets.DueAsync(DueWork.Destroy, now, 2, Token)).Select(h => h.Name.Value));
        Assert.Empty(await Store.Secrets.DueAsync(DueWork.Destroy, now - 51, 10, Token));
    }

    [Fact]
    public async Task What_is_to_be_rotated_comes_oldest_first_and_again_only_when_it_is_due_again()
    {
        long now = StoreRows.Start + 1000;
        await AddSecretAsync(StoreRows.Plain(Shop.Id, "now", 1) with { RotationDue = now });
        await AddSecretAsync(StoreRows.Plain(Shop.Id, "later", 2) with { RotationDue = now + 1 });
        await AddSecretAsync(StoreRows.Plain(Shop.Id, "old", 3) with { RotationDue = now - 100 });
        await AddSecretAsync(StoreRows.Plain(Shop.Id, "never", 4));
        Assert.Equal(["old", "now"], (await Store.Secrets.DueAsync(DueWork.Rotate, now, 10, Token)).Select(h => h.Name.Value));
        Assert.Equal(["old"], (await Store.Secrets.DueAsync(DueWork.Rotate, now, 1, Token)).Select(h => h.Name.Value));
        Assert.Empty(await Store.Secrets.DueAsync(DueWork.Rotate, now - 101, 10, Token));
        foreach (long? due in new long?[] { now + 50, null })
        {
            Secret old = (await Store.Secrets.FindHeadAsync(Shop.Id, "", "old", Token))!;
            await CommitAsync(t => t.SaveAsync(new SecretChange { Before = new() { Head = old }, After = new() { Head = old with { RotationDue = due } } }, Token));
            Assert.Equal(due, (await Store.Secrets.FindHeadAsync(old.Uid, Token))!.RotationDue);
            Assert.Equal(["now"], (await Store.Secrets.DueAsync(DueWork.Rotate, now, 10, Token)).Select(h => h.Name.Value));
        }
    }

    private async ValueTask<List<Secret>> AddNamesAsync()
    {
        Vault other = await AddVaultAsync(StoreRows.Vault("other", 2));
        List<Secret> all = [];
        int number = 0;
        await CommitAsync(async t =>
        {
            foreach (string name in Names.Where(n => SecretName.TryParse(n, out _)))
            {
                foreach ((long vault, string location) in new[] { (Shop.Id, ""), (Shop.Id, StoreRows.Region), (other.Id, "") })
                {
                    number++;
                    // Few different times and days, so that there are ties.
                    Secret head = StoreRows.Plain(vault, name, number) with
                    {
                        Location = location,
                        Created = StoreRows.Start + (number * 7 % 5),
                        Changed = StoreRows.Start + (number * 11 % 4),
                        LastReadDay = number % 3 == 0 ? null : 19_000 + (number % 4),
                        DeletedAt = number % 4 == 1 ? StoreRows.Start : null,
                        PurgeAt = number % 4 == 1 ? StoreRows.Start + 9 : null,
                    };
                    all.Add(head with { Id = Assert.NotNull(await t.SaveAsync(new SecretChange { After = new() { Head = head } }, Token)) });
                }
            }

            return 0;
        });
        return all;
    }

    private async ValueTask<List<string>> NamesAsync(SecretListQuery query)
    {
        List<string> names = [];
        SecretPosition? after = null;
        while (await Store.Secrets.ListAsync(query with { After = after }, Token) is { Count: > 0 } page)
        {
            Assert.True(page.Count <= query.Limit, page.Count.ToString(CultureInfo.InvariantCulture));
            names.AddRange(page.Select(h => h.Name.Value));
            after = PositionOf(query.Order, page[^1]);
        }

        return names;
    }

    private static SecretPosition PositionOf(SecretOrder order, Secret head) => order switch
    {
        SecretOrder.Created => new(head.Created, "", head.Id),
        SecretOrder.Changed => new(head.Changed, "", head.Id),
        SecretOrder.LastRead => new(head.LastReadDay ?? -1, "", head.Id),
        SecretOrder.Name => new(0, head.Name.Value, head.Id),
    };
}
