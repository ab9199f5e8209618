using System.Globalization;
using Coffer.Core.Access;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;
using Coffer.Core.Tests.Access;
using Xunit;

namespace Coffer.Core.Tests.Secrets;

/// <summary>What the cache of rows and free names holds, and when it lets go.</summary>
public sealed class SecretCacheTests
{
    private static readonly CachedSecret Row = new(null!, null, new byte[] { 1 }, []);

    private readonly SecretCache _cache = new(16);

    [Fact]
    public void A_name_is_unknown_a_free_one_or_a_row()
    {
        Assert.False(_cache.TryFind(1, "", "a", out _));
        _cache.Keep(1, "", "a", Row, _cache.Stamp(1, "a"));
        _cache.Keep(1, "", "b", null, _cache.Stamp(1, "b"));
        Assert.True(_cache.TryFind(1, "", "a", out CachedSecret? row));
        Assert.Same(Row, row);
        Assert.True(_cache.TryFind(1, "", "b", out CachedSecret? free));
        Assert.Null(free);
        Assert.False(_cache.TryFind(2, "", "a", out _));
        Assert.False(_cache.TryFind(1, "x", "b", out _));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_write_takes_the_entry_away_and_what_was_loaded_beside_it_is_not_kept(bool free)
    {
        CachedSecret? loaded = free ? null : Row;
        long stamp = _cache.Stamp(1, "a");
        _cache.Keep(1, "", "a", loaded, stamp);
        _cache.Drop(1, "", "a");
        Assert.False(_cache.TryFind(1, "", "a", out _));
        _cache.Keep(1, "", "a", loaded, stamp);
        Assert.False(_cache.TryFind(1, "", "a", out _));
        _cache.Keep(1, "", "a", loaded, _cache.Stamp(1, "a"));
        Assert.True(_cache.TryFind(1, "", "a", out _));
        _cache.Clear();
        Assert.False(_cache.TryFind(1, "", "a", out _));
    }

    [Fact]
    public void Names_asked_for_at_random_push_no_row_out_and_go_themselves()
    {
        _cache.Keep(1, "", "row", Row, _cache.Stamp(1, "row"));
        for (int i = 0; i < 20_000; i++)
        {
            string name = i.ToString(CultureInfo.InvariantCulture);
            _cache.Keep(1, "", name, null, _cache.Stamp(1, name));
        }

        Assert.True(_cache.TryFind(1, "", "row", out CachedSecret? row));
        Assert.Same(Row, row);
        Assert.True(_cache.TryFind(1, "", "19999", out _));
        Assert.False(_cache.TryFind(1, "", "0", out _));
    }

    [Fact]
    public void What_is_used_stays_while_others_go()
    {
        _cache.Keep(1, "", "used", Row, _cache.Stamp(1, "used"));
        for (int i = 0; i < 200; i++)
        {
            string name = i.ToString(CultureInfo.InvariantCulture);
            _cache.Keep(1, "", name, Row, _cache.Stamp(1, name));
            Assert.True(_cache.TryFind(1, "", "used", out _));
        }

        Assert.False(_cache.TryFind(1, "", "0", out _));
    }

    [Fact]
    public async Task A_refusal_of_what_is_there_and_of_what_is_not_asks_the_store_as_often()
    {
        await using CoreWorld world = await CoreWorld.StartAsync();
        await world.Admin.CreateVaultAsync(world.Root, VaultName.Parse("shop-dev"), new(), CoreWorld.Token);
        Caller stranger = await world.NewAsync("stranger");
        await world.WriteAsync(world.Root, "shop-dev/there", "v");
        int[] asked = new int[2];
        foreach ((int i, string path) in ((int, string)[])[(0, "shop-dev/there"), (1, "shop-dev/gone")])
        {
            int before = world.Store.LookUps;
            for (int n = 0; n < 3; n++)
            {
                Assert.Equal(CofferErrorCode.AccessDenied, await RefusedOfAsync(world, stranger, path));
            }

            asked[i] = world.Store.LookUps - before;
        }

        Assert.Equal([1, 1], asked);
    }

    [Fact]
    public async Task A_name_that_was_found_free_is_taken_as_soon_as_it_is_created_and_free_again_once_it_is_purged()
    {
        await using CoreWorld world = await CoreWorld.StartAsync();
        await world.Admin.CreateVaultAsync(world.Root, VaultName.Parse("shop-dev"), new(), CoreWorld.Token);
        for (int round = 0; round < 3; round++)
        {
            Assert.Equal(CofferErrorCode.NotFound, await RefusedOfAsync(world, world.Root, "shop-dev/a"));
            Assert.Equal(CofferErrorCode.NotFound, await RefusedOfAsync(world, world.Root, "shop-dev/a"));
            await world.WriteAsync(world.Root, "shop-dev/a", "v");
            Assert.Equal("v", await world.ReadAsync(world.Root, "shop-dev/a"));
            await world.Secrets.PurgeAsync(world.Root, CoreWorld.PathOf("shop-dev/a"), CoreWorld.Token);
        }
    }

    private static async Task<CofferErrorCode> RefusedOfAsync(CoreWorld world, Caller caller, string path) =>
        (await CoreWorld.RefusedAsync(() => world.ReadAsync(caller, path))).Code;
}
