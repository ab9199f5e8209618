using System.Collections.Immutable;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;
using Xunit;

namespace Coffer.Core.Tests.Secrets;

/// <summary>Edit, delete, recover, purge and restore.</summary>
public sealed class MetadataTests
{
    [Fact]
    public void An_edit_changes_what_is_given_and_raises_the_revision_by_one()
    {
        Story story = Story.Begin().Edit(new() { Description = "a", Expires = 99 }).Later(5).Edit(new() { Description = "b" });
        Assert.Equal(("b", 99L, 3, story.Now), (story.Head.Description, story.Head.Expires!.Value, story.Head.Revision, story.Head.Changed));
        Assert.Equal(SecretEvents.MetadataChanged, story.Last!.Events);
        Story cleared = story.Edit(new() { Expires = 0, Description = "" });
        Assert.Equal(("", null), (cleared.Head.Description, cleared.Head.Expires));
    }

    [Fact]
    public void Tags_are_set_replaced_and_removed_by_key()
    {
        Story story = Story.Begin().Edit(new() { SetTags = Secret.NoTags.Add("a", "1").Add("b", "2") });
        story = story.Edit(new() { SetTags = Secret.NoTags.Add("a", "3"), RemoveTags = ["b", "none"] });
        Assert.Equal([KeyValuePair.Create("a", "3")], story.Head.Tags);
        story = story.Edit(new() { RemoveTags = ["a"] });
        Assert.Empty(story.Head.Tags);
        Assert.True(story.Head.EverTagged);
    }

    [Fact]
    public void Tag_keys_are_ordinal()
    {
        Story story = Story.Begin().Edit(new() { SetTags = Secret.NoTags.Add("env", "1").Add("ENV", "2") });
        Assert.Equal(2, story.Head.Tags.Count);
        Assert.Equal("2", Assert.Single(story.Edit(new() { RemoveTags = ["env"] }).Head.Tags).Value);
    }

    [Fact]
    public void One_wires_map_never_changes_anothers()
    {
        Story story = Story.Begin().Edit(new() { SetTags = Secret.NoTags.Add("env", "prod") });
        story = story.Edit(new() { ReplaceAttributes = (AttributeSpace.Label, Secret.NoTags.Add("env", "dev").Add("x", "1")) });
        story = story.Edit(new() { ReplaceAttributes = (AttributeSpace.Custom, Secret.NoTags.Add("env", "test")) });
        story = story.Edit(new() { ReplaceAttributes = (AttributeSpace.Label, Secret.NoTags.Add("y", "2")) });
        Assert.Equal("prod", story.Head.Tags["env"]);
        Assert.Equal("test", story.State.Attributes[(0, AttributeSpace.Custom, "env")]);
        Assert.Equal("2", story.State.Attributes[(0, AttributeSpace.Label, "y")]);
        Assert.Equal(2, story.State.Attributes.Count);
    }

    [Theory]
    [InlineData(AttributeSpace.Tag)]
    [InlineData(AttributeSpace.VersionTag)]
    public void The_maps_with_their_own_commands_are_not_replaced_by_an_edit(AttributeSpace space) =>
        Story.Begin().Refuses(CofferErrorCode.InvalidRequest, s => s.Edit(new() { ReplaceAttributes = (space, Secret.NoTags) }));

    [Fact]
    public void An_annotation_is_one_dialects_own()
    {
        Story story = Story.Begin().Edit(new() { Annotation = new("aws", _ => "1") }).Edit(new() { Annotation = new("google", _ => "2") }).Edit(new() { Annotation = new("aws", was => was + "3") });
        Assert.Equal(("13", "2"), (story.State.Annotations[(0, "aws")], story.State.Annotations[(0, "google")]));
        Assert.Equal(["google"], story.Edit(new() { Annotation = new("aws", _ => null) }).State.Annotations.Keys.Select(k => k.Dialect));
    }

    [Fact]
    public void An_edit_of_another_revision_than_the_callers_is_refused()
    {
        Story story = Story.Begin().Edit(new() { Description = "a" });
        story.Refuses(CofferErrorCode.VersionConflict, s => s.Edit(new() { Description = "b", IfRevision = 1 }));
        Assert.Equal(3, story.Edit(new() { Description = "b", IfRevision = 2 }).Head.Revision);
        Assert.NotEqual(story.Head.ETag, story.Edit(new() { Description = "a" }).Head.ETag);
        Assert.Equal(story.Head.ETag, story.Later(9).Put("v").Head.ETag);
    }

    [Fact]
    public void Limits_are_enforced()
    {
        Story.Begin().Refuses(CofferErrorCode.InvalidRequest, s => s.Edit(new() { Description = new string('x', 2049) }));
        ImmutableSortedDictionary<string, string> many = Secret.NoTags.AddRange(Enumerable.Range(0, 101).Select(i => KeyValuePair.Create($"k{i}", "")));
        Story.Begin().Refuses(CofferErrorCode.QuotaExceeded, s => s.Edit(new() { SetTags = many }));
        Story.Begin().Refuses(CofferErrorCode.QuotaExceeded, s => s.Edit(new() { ReplaceAttributes = (AttributeSpace.Custom, many) }));
        Story.Begin().Edit(new() { SetTags = many.Remove("k0") }).Refuses(CofferErrorCode.QuotaExceeded, s => s.Edit(new() { SetTags = Secret.NoTags.Add("one more", "") }));
        Story.Begin().Refuses(CofferErrorCode.InvalidRequest, s => s.Edit(new() { SetTags = Secret.NoTags.Add(new string('k', 513), "") }));
    }

    [Fact]
    public void Deleting_sets_both_dates_and_recovering_clears_both()
    {
        Story before = Story.WithVersions(2).Move(Story.Blue, null, 1);
        Story deleted = before.Later(5).Delete(7 * Story.Day);
        Assert.Equal((deleted.Now, deleted.Now + (7 * Story.Day), true), (deleted.Head.DeletedAt!.Value, deleted.Head.PurgeAt!.Value, deleted.Head.IsDeleted));
        Assert.Equal((before.Head.Revision + 1, SecretEvents.Deleted), (deleted.Head.Revision, deleted.Last!.Events));
        deleted.Refuses(CofferErrorCode.Deleted, s => s.Delete(Story.Day));
        deleted.Refuses(CofferErrorCode.Deleted, s => s.Edit(new() { Description = "x" }));

        Story back = deleted.Later(9).Recover();
        Assert.Equal((null, null, SecretEvents.Recovered), (back.Head.DeletedAt, back.Head.PurgeAt, back.Last!.Events));
        Assert.Same(before.State.Versions, back.State.Versions);
        Assert.Same(before.State.Labels, back.State.Labels);
        Assert.Equal((before.Head.Current, before.Head.Previous), (back.Head.Current, back.Head.Previous));
    }

    [Fact]
    public void Recovering_what_is_not_deleted_changes_nothing()
    {
        Story story = Story.WithVersions(1);
        Assert.Equal((story.State, SecretEvents.None), (story.Recover().State, story.Recover().Last!.Events));
    }

    [Fact]
    public void Purging_leaves_nothing()
    {
        Assert.Equal(new Transition(null, SecretEvents.Purged), Story.WithVersions(2).Purge());
        Assert.Null(Story.WithVersions(2).Delete(Story.Day).Purge().After);
        SecretState before = Story.WithVersions(2).State;
        SecretChange change = SecretChange.Between(before, null);
        Assert.Same(before, change.Before);
        Assert.Null(change.After);
    }

    [Fact]
    public void A_secret_is_gone_from_its_date_on_and_not_before()
    {
        Secret head = Story.Begin().Head;
        Assert.False(head.IsGone(long.MaxValue));
        Assert.True((head with { DeletedAt = 1, PurgeAt = 10 }).IsGone(10));
        Assert.False((head with { DeletedAt = 1, PurgeAt = 10 }).IsGone(9));
        Assert.True((head with { Expires = 10 }).IsGone(10));
        Assert.False((head with { Expires = 10 }).IsGone(9));
        Assert.True((head with { DeletedAt = 1, PurgeAt = 100, Expires = 10 }).IsGone(10));
    }

    [Fact]
    public void A_restored_backup_is_another_secret_with_everything_as_it_was()
    {
        Story original = Story.WithVersions(3).Move(Story.Blue, null, 1).Disable(VersionSetMode.Strict, 2).Destroy(VersionSetMode.Strict, 0, 1)
            .Edit(new() { Description = "d", SetTags = Secret.NoTags.Add("k", "v") });
        SecretState backup = original.State with { Head = original.Head with { Id = 55, PolicyLanguages = 3, PolicyDigest = new byte[] { 1 } } };
        Vault other = original.Vault with { Id = 8, Name = VaultName.Parse("other"), Number = VaultNumber.From(999_999_999_999) };
        Transition restored = SecretTransitions.Restore(null, other, backup, new(99), original.Now + 50);
        SecretState after = restored.After!;
        Assert.Equal((new SecretUid(99), 0L, 8L, 0, 0), (after.Head.Uid, after.Head.Id, after.Head.VaultId, after.Head.PolicyLanguages, after.Head.PolicyDigest.Length));
        Assert.Equal((3, 3, 2, 3, original.Head.Created), (after.Head.Highest, after.Head.Current, after.Head.Previous, after.Head.VersionCount, after.Head.Created));
        Assert.Equal(original.State.Versions, after.Versions);
        Assert.Equal(original.State.Labels, after.Labels);
        Assert.Equal(("d", "v"), (after.Head.Description, after.Head.Tags["k"]));
        Assert.True(restored.Events.HasFlag(SecretEvents.Created));
    }

    [Fact]
    public void A_backup_of_a_deleted_secret_comes_back_active()
    {
        Story deleted = Story.WithVersions(1).Delete(Story.Day);
        Assert.False(SecretTransitions.Restore(null, deleted.Vault, deleted.State, new(99), deleted.Now).After!.Head.IsDeleted);
    }

    [Fact]
    public void A_backup_is_not_restored_over_a_secret_active_or_deleted()
    {
        Story story = Story.WithVersions(1);
        story.Refuses(CofferErrorCode.AlreadyExists, s => SecretTransitions.Restore(s.Head, s.Vault, s.State, new(99), s.Now));
        Story deleted = story.Delete(Story.Day);
        deleted.Refuses(CofferErrorCode.AlreadyExists, s => SecretTransitions.Restore(s.Head, s.Vault, s.State, new(99), s.Now));
        Assert.NotNull(SecretTransitions.Restore(deleted.Head, story.Vault, story.State, new(99), deleted.Now + Story.Day).After);
    }

    [Fact]
    public void The_state_of_a_version_follows_from_its_dates_in_order()
    {
        SecretVersion version = Story.WithVersions(1).Version(1);
        Assert.Equal(VersionState.Enabled, version.StateAt(long.MaxValue));
        Assert.Equal(VersionState.Enabled, (version with { DisabledAt = 10 }).StateAt(9));
        Assert.Equal(VersionState.Disabled, (version with { DisabledAt = 10 }).StateAt(10));
        Assert.Equal(VersionState.Enabled, (version with { DestroyAt = 10 }).StateAt(9));
        Assert.Equal(VersionState.Destroyed, (version with { DestroyAt = 10 }).StateAt(10));
        Assert.Equal(VersionState.Destroyed, (version with { DestroyAt = 10, DisabledAt = 1 }).StateAt(10));
        Assert.Equal(VersionState.Destroyed, (version with { DestroyedAt = 10 }).StateAt(0));
        Assert.Equal(VersionState.Enabled, (version with { NotBefore = 100, Expires = 1 }).StateAt(50));
    }
}
