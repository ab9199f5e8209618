using Coffer.Core.Errors;
using Coffer.Core.Secrets;
using Xunit;

namespace Coffer.Core.Tests.Secrets;

/// <summary>Enable, disable, destroy and edit versions: strict as Azure and Google are, lenient as Vault is.</summary>
public sealed class VersionSetTests
{
    private const VersionSetMode Strict = VersionSetMode.Strict, Lenient = VersionSetMode.Lenient;

    [Fact]
    public void Disable_and_enable_are_one_state_and_its_end()
    {
        Story off = Story.WithVersions(2).Disable(Strict, 1);
        Assert.Equal((VersionState.Disabled, VersionState.Enabled), (off.StateOf(1), off.StateOf(2)));
        Assert.Equal(off.Now, off.Version(1).DisabledAt);
        Story on = off.Later(5).Enable(Strict, 1);
        Assert.Equal((VersionState.Enabled, null), (on.StateOf(1), on.Version(1).DisabledAt));
        Assert.Equal((3, on.Now), (on.Version(1).Revision, on.Version(1).Updated));
        Assert.Equal((SecretEvents.VersionChanged, 1), (on.Last!.Events, on.Last.Number));
    }

    [Fact]
    public void Version_changes_touch_the_secret_but_not_its_revision()
    {
        Story story = Story.WithVersions(2).Later(9).Disable(Strict, 1);
        Assert.Equal((1, story.Now), (story.Head.Revision, story.Head.Changed));
    }

    [Fact]
    public void A_set_is_changed_as_a_whole_or_not_at_all()
    {
        Story story = Story.WithVersions(3).Disable(Strict, 1, 3);
        Assert.Equal([VersionState.Disabled, VersionState.Enabled, VersionState.Disabled], [story.StateOf(1), story.StateOf(2), story.StateOf(3)]);
        Assert.Equal(0, story.Last!.Number);
        Story.WithVersions(3).Refuses(CofferErrorCode.VersionNotFound, s => s.Disable(Strict, 1, 9));
    }

    [Fact]
    public void A_strict_change_that_changes_nothing_still_raises_the_revision()
    {
        Assert.Equal(2, Story.WithVersions(1).Enable(Strict, 1).Version(1).Revision);
        Story off = Story.WithVersions(1).Disable(Strict, 1);
        Story again = off.Later(5).Disable(Strict, 1);
        Assert.Equal((3, off.Now), (again.Version(1).Revision, again.Version(1).DisabledAt));
    }

    [Fact]
    public void A_lenient_change_that_changes_nothing_changes_nothing()
    {
        Story story = Story.WithVersions(1);
        Assert.Same(story.State, story.Enable(Lenient, 1).State);
        Story off = story.Disable(Lenient, 1);
        Assert.Same(off.State, off.Later(5).Disable(Lenient, 1).State);
        Assert.Equal(SecretEvents.None, off.Later(5).Disable(Lenient, 1).Last!.Events);
    }

    [Fact]
    public void Unknown_and_destroyed_versions_are_refused_strictly_and_passed_over_leniently()
    {
        Story story = Story.WithVersions(3).Destroy(Strict, 0, 1);
        story.Refuses(CofferErrorCode.Destroyed, s => s.Enable(Strict, 1));
        story.Refuses(CofferErrorCode.VersionNotFound, s => s.Disable(Strict, 9));
        story.Refuses(CofferErrorCode.VersionNotFound, s => s.Disable(Strict, 0));
        story.Refuses(CofferErrorCode.Destroyed, s => s.Destroy(Strict, 0, 1));
        Story passed = story.Disable(Lenient, 1, 2, 9, 0);
        Assert.Equal(VersionState.Disabled, passed.StateOf(2));
        Assert.Same(story.Version(1), passed.Version(1));
    }

    [Fact]
    public void A_version_whose_date_has_come_counts_as_destroyed_before_it_is_erased()
    {
        Story late = Story.WithVersions(2).Destroy(Strict, 10, 1).Later(10);
        late.Refuses(CofferErrorCode.Destroyed, s => s.Enable(Strict, 1));
        Assert.Same(late.State, late.Enable(Lenient, 1).State);
    }

    [Fact]
    public void Disabling_brings_a_future_date_forward_and_keeps_a_past_one()
    {
        Story later = Story.Begin().Add(Story.Write("v") with { DisableAfter = 100 });
        Assert.Equal(later.Now, later.Disable(Strict, 1).Version(1).DisabledAt);
        Assert.Equal(Story.Start + 100, later.Later(200).Disable(Strict, 1).Version(1).DisabledAt);
    }

    [Fact]
    public void Enabling_may_set_the_date_of_the_next_disabling()
    {
        Story story = Story.WithVersions(1).Disable(Lenient, 1);
        story = story.Then(SecretTransitions.Enable(story.State, story.Path, new([1], Lenient, 50), story.Now));
        Assert.Equal((VersionState.Enabled, VersionState.Disabled), (story.Later(49).StateOf(1), story.Later(50).StateOf(1)));
    }

    [Fact]
    public void Enabling_and_disabling_call_a_scheduled_erasure_off()
    {
        Story scheduled = Story.WithVersions(2).Destroy(Strict, 100, 1);
        Assert.Equal((VersionState.Disabled, Story.Start + 2 + 100), (scheduled.StateOf(1), scheduled.Version(1).DestroyAt!.Value));
        Assert.Equal((null, VersionState.Enabled), (scheduled.Enable(Strict, 1).Version(1).DestroyAt, scheduled.Enable(Strict, 1).Later(100).StateOf(1)));
        Assert.Equal((null, VersionState.Disabled), (scheduled.Disable(Strict, 1).Version(1).DestroyAt, scheduled.Disable(Strict, 1).Later(100).StateOf(1)));
    }

    [Fact]
    public void Destroying_at_once_erases_the_value_and_keeps_number_row_and_date_of_disabling()
    {
        Story before = Story.WithVersions(3).Disable(Strict, 1), after = before.Later(5).Destroy(Strict, 0, 1);
        Assert.Equal((VersionState.Destroyed, after.Now), (after.StateOf(1), after.Version(1).DestroyedAt));
        Assert.Equal((before.Version(1).DisabledAt, before.Version(1).Id, 3), (after.Version(1).DisabledAt, after.Version(1).Id, after.Head.VersionCount));
        Assert.Equal(SecretEvents.VersionChanged | SecretEvents.ValueErased, after.Last!.Events);
        Assert.Equal([1], SecretChange.Between(before.State, after.State).ErasedValues);
    }

    [Fact]
    public void Destroying_the_current_version_leaves_current_where_it_is()
    {
        Story story = Story.WithVersions(2).Destroy(Strict, 0, 2);
        Assert.Equal((2, 1, VersionState.Destroyed), (story.Head.Current, story.Head.Previous, story.StateOf(2)));
    }

    [Fact]
    public void Destroying_later_disables_now_and_a_second_scheduling_is_refused()
    {
        Story story = Story.WithVersions(2).Destroy(Strict, 100, 1);
        Assert.Equal((SecretEvents.VersionChanged, story.Now), (story.Last!.Events, story.Version(1).DisabledAt));
        Assert.Empty(SecretChange.Between(Story.WithVersions(2).State, story.State).ErasedValues);
        story.Refuses(CofferErrorCode.PreconditionFailed, s => s.Destroy(Strict, 100, 1));
        Assert.Equal(VersionState.Destroyed, story.Destroy(Strict, 0, 1).StateOf(1));
    }

    [Fact]
    public void Destroying_later_keeps_a_past_date_of_disabling()
    {
        Story off = Story.WithVersions(2).Disable(Strict, 1);
        Assert.Equal(off.Now, off.Later(5).Destroy(Strict, 100, 1).Version(1).DisabledAt);
    }

    [Fact]
    public void A_command_names_at_most_100_versions() =>
        Story.WithVersions(1).Refuses(CofferErrorCode.InvalidRequest, s => s.Disable(Lenient, [.. Enumerable.Range(1, 101)]));

    [Fact]
    public void Versions_of_a_deleted_secret_stay_as_they_are()
    {
        Story deleted = Story.WithVersions(2).Delete(Story.Day);
        foreach (VersionSetMode mode in Enum.GetValues<VersionSetMode>())
        {
            deleted.Refuses(CofferErrorCode.Deleted, s => s.Enable(mode, 1));
            deleted.Refuses(CofferErrorCode.Deleted, s => s.Disable(mode, 1));
            deleted.Refuses(CofferErrorCode.Deleted, s => s.Destroy(mode, 0, 1));
        }

        deleted.Refuses(CofferErrorCode.Deleted, s => s.EditVersion(new() { Number = 1 }));
    }

    [Fact]
    public void Editing_a_version_changes_what_is_given_and_leaves_the_rest()
    {
        Story story = Story.Begin().Add(Story.Write("v") with { ContentType = "a", NotBefore = 1, Expires = 2, VersionTags = Secret.NoTags.Add("k", "v").Add("l", "w") });
        SecretVersion edited = story.Later(5).EditVersion(new() { Number = 1, ContentType = "b" }).Version(1);
        Assert.Equal(("b", 1L, 2L, 2, Story.Start + 5), (edited.ContentType, edited.NotBefore!.Value, edited.Expires!.Value, edited.Revision, edited.Updated));
        Assert.Equal(2, story.EditVersion(new() { Number = 1, NotBefore = 9 }).State.Attributes.Count);

        Story tagged = story.EditVersion(new() { Number = 1, Tags = Secret.NoTags.Add("k", "x") });
        Assert.Equal("x", Assert.Single(tagged.State.Attributes).Value);
        Assert.Empty(story.EditVersion(new() { Number = 1, Tags = Secret.NoTags }).State.Attributes);
    }

    [Fact]
    public void Editing_a_version_enables_and_disables()
    {
        Story story = Story.WithVersions(1);
        Story off = story.EditVersion(new() { Number = 1, Enabled = false });
        Assert.Equal(VersionState.Disabled, off.StateOf(1));
        Assert.Equal(off.Version(1).DisabledAt, off.Later(5).EditVersion(new() { Number = 1, Enabled = false }).Version(1).DisabledAt);
        Assert.Equal(VersionState.Enabled, off.EditVersion(new() { Number = 1, Enabled = true }).StateOf(1));
        Story scheduled = Story.WithVersions(2).Destroy(Strict, 100, 1);
        Assert.NotNull(scheduled.EditVersion(new() { Number = 1, ContentType = "x" }).Version(1).DestroyAt);
        Assert.Null(scheduled.EditVersion(new() { Number = 1, Enabled = true }).Version(1).DestroyAt);
    }

    [Fact]
    public void Editing_an_unknown_or_destroyed_version_is_refused()
    {
        Story story = Story.WithVersions(2).Destroy(Strict, 0, 1);
        story.Refuses(CofferErrorCode.Destroyed, s => s.EditVersion(new() { Number = 1, ContentType = "x" }));
        story.Refuses(CofferErrorCode.VersionNotFound, s => s.EditVersion(new() { Number = 0, Tags = Secret.NoTags.Add("k", "v") }));
    }

    [Fact]
    public void What_has_fallen_due_is_erased_once_and_nothing_else_is()
    {
        Story story = Story.WithVersions(3).Destroy(Strict, 10, 1).Later(5).Destroy(Strict, 10, 2);
        Assert.Same(story.State, story.Later(4).EraseDue().State);
        Story due = story.Later(5).EraseDue();
        Assert.Equal((Story.Start + 3 + 10, null), (due.Version(1).DestroyedAt!.Value, due.Version(1).DestroyAt));
        Assert.Equal((VersionState.Destroyed, VersionState.Disabled, VersionState.Enabled), (due.StateOf(1), due.StateOf(2), due.StateOf(3)));
        Assert.Equal([1], SecretChange.Between(story.State, due.State).ErasedValues);
        Assert.Same(due.State, due.EraseDue().State);
        Assert.Equal(VersionState.Destroyed, due.Later(5).EraseDue().StateOf(2));
    }
}
