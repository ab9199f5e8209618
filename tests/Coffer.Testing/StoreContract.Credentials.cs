using Coffer.Core.Access;
using Coffer.Core.Stores;
using Xunit;

namespace Coffer.Testing;

public abstract partial class StoreContract
{
    [Fact]
    public async Task A_credential_comes_back_member_for_member_by_public_id_and_by_verifier()
    {
        Principal principal = StoreRows.Principal();
        Credential full = StoreRows.Credential(1, principal.Id), bare = new() { PublicId = "bare", PrincipalId = null, Kind = CredentialKind.Token, Created = StoreRows.Start };
        Assert.True(await SaveAsync(new AccessChange { Principals = [principal], Credentials = [full, bare, bare with { PublicId = "bare2" }] }));
        Same(full, await Store.Access.FindCredentialAsync(full.PublicId, Token));
        Same(full, await Store.Access.FindCredentialAsync(full.Verifier, Token));
        Same(bare, await Store.Access.FindCredentialAsync("bare", Token));
        Assert.Null(await Store.Access.FindCredentialAsync("BARE", Token));
        Assert.Null(await Store.Access.FindCredentialAsync(StoreRows.Bytes("verifier", 2), Token));
        Assert.Null(await Store.Access.FindCredentialAsync(ReadOnlyMemory<byte>.Empty, Token));
    }

    [Fact]
    public async Task Credentials_come_in_pages_by_creation()
    {
        Principal one = StoreRows.Principal(1), two = StoreRows.Principal(2);
        Credential[] credentials =
        [
            .. Enumerable.Range(1, 9).Select(i => StoreRows.Credential(i, (i % 3) switch { 0 => null, 1 => one.Id, _ => two.Id }) with { Created = StoreRows.Start + (i * 5 % 4) }),
        ];
        Assert.True(await SaveAsync(new AccessChange { Principals = [one, two], Credentials = credentials }));
        foreach (Guid? principal in new Guid?[] { null, one.Id, two.Id, Guid.NewGuid() })
        {
            List<string> seen = [];
            while (await Store.Access.CredentialsAsync(principal, seen.LastOrDefault() ?? "", 2, Token) is { Count: > 0 } page)
            {
                Assert.True(page.Count <= 2);
                seen.AddRange(page.Select(c => c.PublicId));
            }

            Assert.Equal(
                credentials.Where(c => principal is null || c.PrincipalId == principal).OrderBy(c => c.Created).ThenBy(c => c.PublicId, StringComparer.Ordinal).Select(c => c.PublicId),
                seen);
        }
    }

    [Fact]
    public async Task A_page_of_credentials_behind_one_that_went_starts_over_and_loses_none()
    {
        Credential[] credentials = [StoreRows.Credential(1, null), StoreRows.Credential(2, null), StoreRows.Credential(3, null)];
        Assert.True(await SaveAsync(new AccessChange { Credentials = credentials }));
        Assert.True(await SaveAsync(new AccessChange { RemovedCredentials = [credentials[1].PublicId] }));
        Assert.Equal([credentials[0].PublicId, credentials[2].PublicId], (await Store.Access.CredentialsAsync(null, credentials[1].PublicId, 10, Token)).Select(c => c.PublicId));
    }

    [Fact]
    public async Task A_time_step_is_taken_once_and_none_before_it_is_taken_afterwards()
    {
        Credential seed = StoreRows.Credential(1, null) with { Kind = CredentialKind.OneTimeCode };
        Assert.True(await SaveAsync(new AccessChange { Credentials = [seed] }));
        bool[] taken = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(async () => await Store.Access.TakeStepAsync(seed.PublicId, 58_000_000, Token), Token)));
        Assert.Single(taken, t => t);
        Assert.False(await Store.Access.TakeStepAsync(seed.PublicId, 57_999_999, Token));
        Assert.True(await Store.Access.TakeStepAsync(seed.PublicId, 58_000_001, Token));
        Assert.False(await Store.Access.TakeStepAsync("unknown", 1, Token));
        // An edit of what was loaded before does not bring a step back.
        Assert.True(await SaveAsync(new AccessChange { Credentials = [seed with { Description = "edited" }] }));
        Assert.Equal(58_000_001, (await Store.Access.FindCredentialAsync(seed.PublicId, Token))!.LastStep);
    }

    [Fact]
    public async Task Uses_are_taken_one_by_one_until_none_is_left()
    {
        Assert.True(await SaveAsync(new AccessChange { Credentials = [StoreRows.Credential(1, null) with { UsesLeft = 2 }, StoreRows.Credential(2, null) with { UsesLeft = null }] }));
        string counted = StoreRows.Credential(1, null).PublicId, free = StoreRows.Credential(2, null).PublicId;
        Assert.True(await Store.Access.TakeUseAsync(counted, Token));
        Assert.True(await Store.Access.TakeUseAsync(counted, Token));
        Assert.False(await Store.Access.TakeUseAsync(counted, Token));
        Assert.Equal(0, (await Store.Access.FindCredentialAsync(counted, Token))!.UsesLeft);
        Assert.True(await Store.Access.TakeUseAsync(free, Token));
        Assert.Null((await Store.Access.FindCredentialAsync(free, Token))!.UsesLeft);
        Assert.False(await Store.Access.TakeUseAsync("unknown", Token));
    }

    [Fact]
    public async Task Many_takers_at_once_get_exactly_the_uses_there_are()
    {
        Assert.True(await SaveAsync(new AccessChange { Credentials = [StoreRows.Credential(1, null) with { UsesLeft = 20 }] }));
        string id = StoreRows.Credential(1, null).PublicId;
        bool[] taken = await Task.WhenAll(Enumerable.Range(0, 60).Select(_ => Task.Run(async () => await Store.Access.TakeUseAsync(id, Token), Token)));
        Assert.Equal(20, taken.Count(t => t));
        Assert.Equal(0, (await Store.Access.FindCredentialAsync(id, Token))!.UsesLeft);
    }

    [Fact]
    public async Task Days_of_use_only_go_forward()
    {
        Credential credential = StoreRows.Credential(1, null) with { LastUsedDay = null };
        Assert.True(await SaveAsync(new AccessChange { Credentials = [credential] }));
        await Store.Access.MarkUsedAsync([(credential.PublicId, 20_000), ("unknown", 20_000)], Token);
        await Store.Access.MarkUsedAsync([(credential.PublicId, 19_999)], Token);
        Same(credential with { LastUsedDay = 20_000 }, await Store.Access.FindCredentialAsync(credential.PublicId, Token));
    }

    [Fact]
    public async Task The_key_table_is_replaced_whole_and_only_by_one_who_knows_it()
    {
        Assert.Null(await Store.Keys.LoadAsync(Token));
        Assert.False(await Store.Keys.ReplaceAsync(StoreRows.Keys(2, 1), 1, Token));
        Assert.Null(await Store.Keys.LoadAsync(Token));
        Assert.True(await Store.Keys.ReplaceAsync(StoreRows.Keys(1, 3), 0, Token));
        Assert.False(await Store.Keys.ReplaceAsync(StoreRows.Keys(1, 1), 0, Token));
        Same(StoreRows.Keys(1, 3), await Store.Keys.LoadAsync(Token));
        Assert.True(await Store.Keys.ReplaceAsync(StoreRows.Keys(2, 2), 1, Token));
        Same(StoreRows.Keys(2, 2), await Store.Keys.LoadAsync(Token));
    }

    [Fact]
    public async Task Of_many_who_replace_the_key_table_one_wins()
    {
        bool[] won = await Task.WhenAll(Enumerable.Range(1, 8).Select(i => Task.Run(async () => await Store.Keys.ReplaceAsync(StoreRows.Keys(i, i), 0, Token), Token)));
        Assert.Equal(1, won.Count(w => w));
        int winner = Array.IndexOf(won, true) + 1;
        Same(StoreRows.Keys(winner, winner), await Store.Keys.LoadAsync(Token));
    }

    [Fact]
    public async Task Audit_bodies_wait_in_the_order_of_commits_until_they_are_confirmed()
    {
        PendingAudit[] bodies = [.. Enumerable.Range(1, 7).Select(i => new PendingAudit(StoreRows.Id("record", i), StoreRows.Bytes("body", i, 400)))];
        foreach (PendingAudit[] batch in bodies.Chunk(2))
        {
            await CommitAsync(async t =>
            {
                foreach (PendingAudit body in batch)
                {
                    await t.AddPendingAsync(body, Token);
                }

                return 0;
            });
        }

        Same(bodies[..3], await Store.Audit.PendingAsync(3, Token));
        Same(bodies, await Store.Audit.PendingAsync(100, Token));
        await Store.Audit.RemovePendingAsync([bodies[0].Id, bodies[4].Id, Guid.NewGuid()], Token);
        await Store.Audit.RemovePendingAsync([], Token);
        Same(new[] { bodies[1], bodies[2], bodies[3], bodies[5], bodies[6] }, await Store.Audit.PendingAsync(100, Token));
    }

    [Fact]
    public async Task The_latest_checkpoint_is_kept()
    {
        Assert.Null(await Store.Audit.CheckpointAsync(Token));
        await Store.Audit.SaveCheckpointAsync([1, 2], Token);
        await Store.Audit.SaveCheckpointAsync([3], Token);
        Same(new byte[] { 3 }, await Store.Audit.CheckpointAsync(Token));
    }
}
