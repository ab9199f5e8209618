using Coffer.Core.Access;
using Coffer.Core.Secrets;
using Coffer.Core.Stores;
using Xunit;

namespace Coffer.Testing;

public abstract partial class StoreContract
{
    [Fact]
    public async Task A_new_secret_comes_back_member_for_member()
    {
        SecretState state = await AddSecretAsync(StoreRows.Secret(Shop.Id, "db/password"));
        Same(state.Head, await Store.Secrets.FindHeadAsync(Shop.Id, StoreRows.Region, "db/password", Token));
        Same(state.Head, await Store.Secrets.FindHeadAsync(state.Head.Uid, Token));
    }

    [Fact]
    public async Task A_plain_secret_comes_back_member_for_member()
    {
        SecretState state = await AddSecretAsync(StoreRows.Plain(Shop.Id, "plain"));
        Same(state.Head, await Store.Secrets.FindHeadAsync(Shop.Id, "", "plain", Token));
    }

    [Fact]
    public async Task The_plain_read_brings_head_current_version_and_value()
    {
        SecretState state = await AddSecretAsync(StoreRows.Secret(Shop.Id, "a") with { Location = "" }, StoreRows.Version(1), StoreRows.Version(2));
        SecretRow row = (await Store.Secrets.FindCurrentAsync(Shop.Id, "", "a", Token))!;
        Same(new SecretRow(state.Head, state.Version(2), ValueOf(StoreRows.Version(2))), row);
    }

    [Fact]
    public async Task The_plain_read_tells_no_version_and_no_value_apart()
    {
        await AddSecretAsync(StoreRows.Plain(Shop.Id, "none"));
        await AddSecretAsync(StoreRows.Plain(Shop.Id, "waiting", 2) with { Current = 1 }, StoreRows.PlainVersion(1) with { HasValue = false });
        SecretRow none = (await Store.Secrets.FindCurrentAsync(Shop.Id, "", "none", Token))!;
        SecretRow waiting = (await Store.Secrets.FindCurrentAsync(Shop.Id, "", "waiting", Token))!;
        Assert.Null(none.Version);
        Assert.True(none.Sealed.IsEmpty);
        Assert.NotNull(waiting.Version);
        Assert.True(waiting.Sealed.IsEmpty);
    }

    [Fact]
    public async Task What_is_missing_is_null()
    {
        await AddSecretAsync(StoreRows.Plain(Shop.Id, "a"));
        Assert.Null(await Store.Secrets.FindCurrentAsync(Shop.Id, "", "b", Token));
        Assert.Null(await Store.Secrets.FindCurrentAsync(Shop.Id, StoreRows.Region, "a", Token));
        Assert.Null(await Store.Secrets.FindCurrentAsync(Shop.Id + 1, "", "a", Token));
        Assert.Null(await Store.Secrets.FindHeadAsync(Shop.Id, "", "A", Token));
        Assert.Null(await Store.Secrets.FindHeadAsync(SecretUid.Draw(), Token));
        Assert.Null(await Store.Secrets.FindFoldedAsync(Shop.Id, "b", Token));
    }

    [Theory]
    [InlineData("a'; DROP TABLE secrets; --")]
    [InlineData("%")]
    [InlineData("a\0b")]
    [InlineData("")]
    [InlineData("\ud800")]
    public async Task Text_that_is_no_name_finds_nothing_and_breaks_nothing(string text)
    {
        SecretState state = await AddSecretAsync(StoreRows.Plain(Shop.Id, "a"));
        Assert.Null(await Store.Secrets.FindCurrentAsync(Shop.Id, "", text, Token));
        Assert.Null(await Store.Secrets.FindFoldedAsync(Shop.Id, text, Token));
        Assert.Null(await Store.Access.FindCredentialAsync(text, Token));
        if (text.Length > 0)
        {
            Assert.Null(await Store.Secrets.FindHeadAsync(Shop.Id, text, "a", Token));
            Assert.Empty(await Store.Secrets.ListAsync(new() { VaultId = Shop.Id, NamePrefix = text, Limit = 10 }, Token));
            Assert.Empty(await Store.Secrets.ListAsync(new() { VaultId = Shop.Id, NamePrefix = text, Order = SecretOrder.Name, Limit = 10 }, Token));
        }

        Same(state.Head, await HeadAsync(state));
    }

    [Fact]
    public async Task Names_differ_by_case_and_location()
    {
        Secret[] heads =
        [
            StoreRows.Plain(Shop.Id, "key", 1), StoreRows.Plain(Shop.Id, "Key", 2), StoreRows.Plain(Shop.Id, "KEY", 3),
            StoreRows.Plain(Shop.Id, "key", 4) with { Location = StoreRows.Region },
        ];
        foreach (Secret head in heads)
        {
            await AddSecretAsync(head);
        }

        foreach (Secret head in heads)
        {
            Assert.Equal(head.Uid, (await Store.Secrets.FindHeadAsync(Shop.Id, head.Location, head.Name.Value, Token))!.Uid);
        }
    }

    [Fact]
    public async Task Without_case_the_oldest_is_found_by_creation_and_then_by_row()
    {
        await AddSecretAsync(StoreRows.Plain(Shop.Id, "DB-Pass", 1) with { Created = StoreRows.Start + 20 });
        SecretState oldest = await AddSecretAsync(StoreRows.Plain(Shop.Id, "db-pass", 2) with { Created = StoreRows.Start + 10 });
        await AddSecretAsync(StoreRows.Plain(Shop.Id, "DB-PASS", 3) with { Created = StoreRows.Start + 10 });
        await AddSecretAsync(StoreRows.Plain(Shop.Id, "Db-Pass", 4) with { Created = StoreRows.Start, Location = StoreRows.Region });
        Same(oldest.Head, await Store.Secrets.FindFoldedAsync(Shop.Id, "db-pass", Token));
    }

    [Fact]
    public async Task A_taken_name_is_refused_and_nothing_is_written()
    {
        await AddSecretAsync(StoreRows.Plain(Shop.Id, "a"));
        string before = await AllAsync();
        Assert.Null(await SaveAsync(new SecretChange { After = new() { Head = StoreRows.Plain(Shop.Id, "a", 2) }, Versions = [StoreRows.Version(1)], Values = [(1, [1])] }));
        Assert.Null(await SaveAsync(new SecretChange { After = new() { Head = StoreRows.Plain(Shop.Id, "other", 1) } }));
        Assert.Null(await SaveAsync(new SecretChange { After = new() { Head = StoreRows.Plain(Shop.Id + 7, "a", 3) } }));
        Assert.Equal(before, await AllAsync());
    }

    [Fact]
    public async Task Row_numbers_ascend_and_are_never_given_again()
    {
        SecretState first = await AddSecretAsync(StoreRows.Plain(Shop.Id, "a", 1)), second = await AddSecretAsync(StoreRows.Plain(Shop.Id, "b", 2));
        Assert.True(second.Head.Id > first.Head.Id);
        await SaveAsync(new SecretChange { Before = second });
        SecretState third = await AddSecretAsync(StoreRows.Plain(Shop.Id, "b", 3));
        Assert.True(third.Head.Id > second.Head.Id);
    }

    [Fact]
    public async Task A_changed_head_comes_back_member_for_member()
    {
        SecretState state = await AddSecretAsync(StoreRows.Plain(Shop.Id, "a"));
        Secret full = StoreRows.Secret(Shop.Id, "a", 5);
        SecretState after = await ChangeAsync(state, s => s with
        {
            Head = full with { Id = s.Head.Id, Uid = s.Head.Uid, Location = "", Created = s.Head.Created, LastReadDay = null },
        });
        Same(after.Head, await HeadAsync(after));
        SecretState back = await ChangeAsync(after, s => state with { Head = state.Head with { Changed = s.Head.Changed } });
        Same(back.Head, await HeadAsync(back));
    }

    [Fact]
    public async Task A_head_that_somebody_changed_is_a_lost_race()
    {
        SecretState state = await AddSecretAsync(StoreRows.Plain(Shop.Id, "a") with { Highest = 1, Current = 1, VersionCount = 1 }, StoreRows.PlainVersion(1));
        Func<Secret, Secret>[] changes =
        [
            h => h with { Changed = h.Changed + 1 }, h => h with { Revision = h.Revision + 1 }, h => h with { Highest = h.Highest + 1 },
            h => h with { Current = 0 }, h => h with { Previous = 1 }, h => h with { VersionCount = 9 }, h => h with { Mac = new byte[] { 7 } },
        ];
        foreach (Func<Secret, Secret> change in changes)
        {
            SecretState theirs = state with { Head = change(state.Head) };
            Assert.NotNull(await SaveAsync(SecretChange.Between(state, theirs)));
            string before = await AllAsync();
            SecretState ours = state with { Head = Touched(state.Head, h => h with { Description = "ours" }), Labels = state.Labels.Add(VersionLabel.Pending, 1) };
            Assert.Null(await SaveAsync(SecretChange.Between(state, ours)));
            Assert.Null(await SaveAsync(new SecretChange { Before = state }));
            Assert.Equal(before, await AllAsync());
            state = theirs;
        }
    }

    [Fact]
    public async Task A_purged_and_recreated_secret_is_another_one()
    {
        SecretState state = await AddSecretAsync(StoreRows.Plain(Shop.Id, "a"));
        await SaveAsync(new SecretChange { Before = state });
        SecretState again = await AddSecretAsync(state.Head with { Id = 0, Uid = SecretUid.Draw() });
        Assert.Null(await SaveAsync(SecretChange.Between(state, state with { Head = Touched(state.Head) })));
        Same(again.Head, await HeadAsync(again));
    }

    [Fact]
    public async Task The_identity_of_a_secret_never_changes()
    {
        SecretState state = await AddSecretAsync(StoreRows.Plain(Shop.Id, "a"));
        Func<Secret, Secret>[] changes = [h => h with { Uid = SecretUid.Draw() }, h => h with { Name = SecretName.Parse("b") }, h => h with { Location = "x" }, h => h with { VaultId = 99 }];
        foreach (Func<Secret, Secret> change in changes)
        {
            await Assert.ThrowsAsync<ArgumentException>(async () => await SaveAsync(SecretChange.Between(state, state with { Head = Touched(state.Head, change) })));
        }

        Same(state.Head, await HeadAsync(state));
    }

    [Fact]
    public async Task A_purge_leaves_nothing_of_the_secret_and_everything_of_the_others()
    {
        SecretState kept = await AddSecretAsync(StoreRows.Secret(Shop.Id, "kept", 2), StoreRows.Version(1), StoreRows.Version(2));
        Assert.True(await SaveAsync(new AccessChange { Policies = [StoreRows.Policy(2, Attachment.To(kept.Head.Uid)), StoreRows.Policy(3, Attachment.Server)] }));
        string without = await AllAsync();
        SecretState state = await AddSecretAsync(StoreRows.Secret(Shop.Id, "gone"), StoreRows.Version(1), StoreRows.Version(2), StoreRows.Version(3));
        state = await ChangeAsync(state, s => s with
        {
            Labels = s.Labels.Add(VersionLabel.Pending, 2),
            Attributes = s.Attributes.Add((0, AttributeSpace.Custom, "k"), "v").Add((2, AttributeSpace.VersionTag, "k"), "v"),
            Annotations = s.Annotations.Add((0, "aws"), "{}"),
        });
        Assert.True(await SaveAsync(new AccessChange { Policies = [StoreRows.Policy(1, Attachment.To(state.Head.Uid))] }));
        // As background work does it: only the head was loaded.
        Assert.Equal(state.Head.Id, await SaveAsync(new SecretChange { Before = new() { Head = state.Head } }));
        Assert.Null(await Store.Secrets.FindHeadAsync(state.Head.Uid, Token));
        Assert.Null(await Store.Secrets.FindVersionAsync(state.Head.Id, 2, Token));
        Assert.Empty(await Store.Secrets.VersionsAsync(state.Head.Id, 0, false, 10, Token));
        Assert.Empty(await Store.Secrets.LabelsAsync(state.Head.Id, Token));
        Assert.Empty(await Store.Secrets.AttributesAsync(state.Head.Id, Token));
        Assert.Empty(await Store.Secrets.AnnotationsAsync(state.Head.Id, Token));
        Assert.Empty(await Store.Access.PoliciesAsync(Attachment.To(state.Head.Uid), Token));
        Assert.Equal(WithoutEpoch(without), WithoutEpoch(await AllAsync()));
        await AddSecretAsync(StoreRows.Secret(Shop.Id, "gone", 5));
    }

    [Fact]
    public async Task Days_of_reads_only_go_forward_and_touch_nothing_else()
    {
        SecretState state = await AddSecretAsync(StoreRows.Plain(Shop.Id, "a"), StoreRows.PlainVersion(1), StoreRows.PlainVersion(2));
        SecretState other = await AddSecretAsync(StoreRows.Plain(Shop.Id, "b", 2), StoreRows.PlainVersion(1));
        await Store.Secrets.MarkReadAsync([(state.Head.Id, 2, 20_000), (state.Head.Id + 999, 1, 20_000)], Token);
        await Store.Secrets.MarkReadAsync([(state.Head.Id, 1, 19_999)], Token);
        Same(state.Head with { LastReadDay = 20_000 }, await HeadAsync(state));
        Same(other.Head, await HeadAsync(other));
        Assert.Equal([19_999, 20_000], (await Store.Secrets.VersionsAsync(state.Head.Id, 0, false, 10, Token)).Select(v => v.LastReadDay));
        // What was loaded before the day was noted can still be written, and the day stays.
        SecretState after = await ChangeAsync(state, s => s with { Versions = s.Versions.SetItem(2, s.Version(2)! with { Revision = 8 }) });
        Same(after.Head with { LastReadDay = 20_000 }, await HeadAsync(after));
        Same(after.Version(2)! with { LastReadDay = 20_000 }, (await Store.Secrets.FindVersionAsync(state.Head.Id, 2, Token))!.Value.Version);
    }

    private static string WithoutEpoch(string all) => System.Text.RegularExpressions.Regex.Replace(all, "Epoch=[0-9]+", "");
}
