using System.Collections.Immutable;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;
using Xunit;

namespace Coffer.Core.Tests.Secrets;

public sealed class AddVersionTests
{
    private static readonly RequestToken A = Story.Token('a'), B = Story.Token('b');

    [Fact]
    public void The_first_version_is_number_1_and_current()
    {
        Story story = Story.Begin().Put("one");
        Assert.Equal((1, 1, 0, 1, 1), (story.Head.Highest, story.Head.Current, story.Head.Previous, story.Head.Oldest, story.Head.VersionCount));
        Assert.Equal(SecretEvents.VersionAdded | SecretEvents.CurrentMoved, story.Last!.Events);
        Assert.Equal(1, story.Last.Number);
        Assert.True(story.Last.TakesValue);
        Assert.Equal(["AWSCURRENT"], story.Labels(1));
    }

    [Fact]
    public void The_next_version_moves_current_and_previous_follows()
    {
        Story story = Story.WithVersions(3);
        Assert.Equal((3, 3, 2), (story.Head.Highest, story.Head.Current, story.Head.Previous));
        Assert.Equal(["AWSPREVIOUS"], story.Labels(2));
        Assert.Empty(story.Labels(1));
    }

    [Fact]
    public void Adding_a_version_changes_the_secret_but_not_its_revision()
    {
        Story story = Story.Begin().Later(5).Put("one");
        Assert.Equal((1, Story.Start + 5, Story.Start), (story.Head.Revision, story.Head.Changed, story.Head.Created));
        Assert.Equal(1, story.Version(1).Revision);
    }

    [Fact]
    public void Everything_the_writer_says_is_kept()
    {
        SecretVersion made = Story.Begin().Add(Story.Write("v") with
        {
            Kind = ValueKind.Binary,
            ContentType = "text/x",
            NotBefore = 3,
            Expires = 4,
            KeyName = "alias/k",
            VersionTags = Secret.NoTags.Add("t", "1"),
        }).Version(1);
        Assert.Equal((ValueKind.Binary, 1, "text/x", 3L, 4L, "alias/k", "aws", "me"), (made.Kind, made.Size, made.ContentType, made.NotBefore!.Value, made.Expires!.Value, made.KeyName, made.Wire, made.CreatedBy));
        Assert.Equal((Story.Start, Story.Start, true), (made.Created, made.Updated, made.HasValue));
    }

    [Fact]
    public void A_version_inherits_nothing_from_the_one_before()
    {
        Story story = Story.Begin().Add(Story.Write("v") with { ContentType = "text/x", NotBefore = 3, VersionTags = Secret.NoTags.Add("t", "1") }).Put("w");
        Assert.Equal((null, (long?)null), (story.Version(2).ContentType, story.Version(2).NotBefore));
        Assert.DoesNotContain(story.State.Attributes.Keys, k => k.Number == 2);
        Assert.Equal("1", story.State.Attributes[(1, AttributeSpace.VersionTag, "t")]);
    }

    [Fact]
    public void A_version_can_be_written_disabled_or_disabled_later()
    {
        Story story = Story.Begin().Add(Story.Write("v") with { Disabled = true }).Add(Story.Write("w") with { DisableAfter = 10 });
        Assert.Equal(VersionState.Disabled, story.StateOf(1));
        Assert.Equal(VersionState.Enabled, story.Later(9).StateOf(2));
        Assert.Equal(VersionState.Disabled, story.Later(10).StateOf(2));
    }

    [Fact]
    public void With_other_labels_current_stays()
    {
        Story story = Story.WithVersions(1).Put("two", labels: [Story.Blue]);
        Assert.Equal((1, 0, 2), (story.Head.Current, story.Head.Previous, story.Head.Highest));
        Assert.Equal(["blue"], story.Labels(2));
        Assert.Equal(SecretEvents.VersionAdded | SecretEvents.LabelsChanged, story.Last!.Events);
    }

    [Fact]
    public void With_other_labels_the_first_version_becomes_current_all_the_same()
    {
        Story story = Story.Begin().Put("one", labels: [Story.Blue]);
        Assert.Equal(1, story.Head.Current);
        Assert.Equal(["AWSCURRENT", "blue"], story.Labels(1));
    }

    [Fact]
    public void A_label_that_is_elsewhere_moves_to_the_new_version()
    {
        Story story = Story.Begin().Put("one", labels: [Story.Blue]).Put("two", labels: [VersionLabel.Current, Story.Blue]);
        Assert.Equal(["AWSCURRENT", "blue"], story.Labels(2));
        Assert.Equal(["AWSPREVIOUS"], story.Labels(1));
    }

    [Fact]
    public void AWSPREVIOUS_listed_is_set_after_the_move()
    {
        Assert.Equal(["AWSCURRENT", "AWSPREVIOUS"], Story.WithVersions(1).Put("two", labels: [VersionLabel.Previous, VersionLabel.Current]).Labels(2));
        Story aside = Story.WithVersions(2).Put("three", labels: [VersionLabel.Previous]);
        Assert.Equal((2, 3), (aside.Head.Current, aside.Head.Previous));
    }

    [Fact]
    public void AWSPENDING_leaves_the_version_that_was_current_if_it_was_there()
    {
        Story story = Story.WithVersions(1).Move(VersionLabel.Pending, null, 1).Put("two");
        Assert.Equal(["AWSPREVIOUS"], story.Labels(1));
        Assert.Equal(0, story.State.NumberOf(VersionLabel.Pending));
    }

    [Fact]
    public void AWSPENDING_on_another_version_than_the_current_one_stays()
    {
        Story story = Story.WithVersions(1).Put("two", labels: [VersionLabel.Pending]).Put("three");
        Assert.Equal(["AWSPENDING"], story.Labels(2));
        Assert.Equal(3, story.Head.Current);
    }

    [Fact]
    public void AWSPENDING_listed_with_AWSCURRENT_moves_to_the_new_version()
    {
        Story story = Story.WithVersions(1).Move(VersionLabel.Pending, null, 1).Put("two", labels: [VersionLabel.Current, VersionLabel.Pending]);
        Assert.Equal(["AWSCURRENT", "AWSPENDING"], story.Labels(2));
    }

    [Fact]
    public void A_repeated_token_with_the_same_value_changes_nothing()
    {
        Story first = Story.Begin().Put("one", A).Later(Story.Day);
        Story again = first.Put("one", A);
        Assert.Equal((SecretEvents.None, 1, false), (again.Last!.Events, again.Last.Number, again.Last.TakesValue));
        Assert.Same(first.State, again.State);
    }

    [Fact]
    public void A_repeat_answers_as_before_even_when_other_versions_came_since_and_whatever_labels_it_lists()
    {
        Story story = Story.Begin().Put("one", A).Put("two", B);
        Assert.Same(story.State, story.Put("one", A, labels: [Story.Blue]).State);
    }

    [Fact]
    public void A_repeat_is_recognised_before_the_optimistic_check_that_its_first_success_made_fail()
    {
        Story story = Story.Begin().Add(Story.Write("one", A) with { IfCurrent = 0 });
        Assert.Same(story.State, story.Add(Story.Write("one", A) with { IfCurrent = 0 }).State);
        story.Refuses(CofferErrorCode.TokenInUse, s => s.Add(Story.Write("other", A) with { IfCurrent = 0 }));
    }

    [Fact]
    public void A_known_token_with_another_value_or_kind_is_in_use()
    {
        Story story = Story.Begin().Put("one", A);
        CofferError error = story.Refuses(CofferErrorCode.TokenInUse, s => s.Put("other", A));
        Assert.Equal(A.Value, error.Subject);
        story.Refuses(CofferErrorCode.TokenInUse, s => s.Add(Story.Write("one", A) with { Kind = ValueKind.Binary }));
    }

    [Fact]
    public void The_token_of_a_destroyed_version_stays_in_use()
    {
        Story.Begin().Put("one", A).Put("two").Destroy(VersionSetMode.Strict, 0, 1).Refuses(CofferErrorCode.TokenInUse, s => s.Put("one", A));
        Story scheduled = Story.Begin().Put("one", A).Put("two").Destroy(VersionSetMode.Strict, 10, 1);
        Assert.Same(scheduled.State, scheduled.Later(9).Put("one", A).State);
        // Being late with the erasing never shows.
        scheduled.Later(10).Refuses(CofferErrorCode.TokenInUse, s => s.Put("one", A));
    }

    [Fact]
    public void A_uuid_token_gives_the_version_its_id_unless_the_id_is_taken()
    {
        RequestToken uuid = RequestToken.Parse("01234567-89ab-cdef-0123-456789abcdef");
        Assert.True(uuid.TryGetVersionId(out VersionId own));
        Assert.Equal(own, Story.Begin().Put("one", uuid).Version(1).Id);

        RequestToken upper = RequestToken.Parse("01234567-89AB-CDEF-0123-456789ABCDEF");
        Story both = Story.Begin().Put("one", uuid).Put("two", upper);
        Assert.Equal(Story.Write("two", upper).Id, both.Version(2).Id);
        Assert.Equal(upper.Value, both.Version(2).AwsId);
    }

    [Fact]
    public void The_id_that_is_shown_for_a_version_without_token_is_its_token()
    {
        Story story = Story.Begin().Put("one");
        RequestToken shown = RequestToken.Parse(story.Version(1).AwsId);
        Assert.Equal(SecretEvents.None, story.Put("one", shown).Last!.Events);
        story.Refuses(CofferErrorCode.TokenInUse, s => s.Put("two", shown));
    }

    [Fact]
    public void The_optimistic_check_compares_with_current_and_0_means_none()
    {
        Story story = Story.Begin().Add(Story.Write("one") with { IfCurrent = 0 });
        story.Refuses(CofferErrorCode.VersionConflict, s => s.Add(Story.Write("two") with { IfCurrent = 0 }));
        Assert.Equal(2, story.Add(Story.Write("two") with { IfCurrent = 1 }).Head.Current);
        story.Put("aside", labels: [Story.Blue]).Refuses(CofferErrorCode.VersionConflict, s => s.Add(Story.Write("three") with { IfCurrent = 2 }));
    }

    [Fact]
    public void Filling_gives_a_pending_version_value_kind_and_labels()
    {
        Story story = Story.WithVersions(1).Rotate(A).Later(5).Add(Story.Write("two", A, labels: [VersionLabel.Pending]) with { Kind = ValueKind.Binary });
        SecretVersion filled = story.Version(2);
        Assert.Equal((true, ValueKind.Binary, 3, 2), (filled.HasValue, filled.Kind, filled.Size, filled.Revision));
        Assert.Equal(Story.Start + 1, filled.Created);
        Assert.Equal((2, 1, 2), (story.Head.Highest, story.Head.Current, story.Head.VersionCount));
        Assert.Equal(["AWSPENDING"], story.Labels(2));
        Assert.True(story.Last!.TakesValue);
    }

    [Fact]
    public void Filling_without_labels_makes_it_current_and_with_others_takes_AWSPENDING_off()
    {
        Story rotating = Story.WithVersions(1).Rotate(A);
        Assert.Equal((2, 1), (rotating.Put("two", A).Head.Current, rotating.Put("two", A).Head.Previous));
        Assert.Equal(["blue"], rotating.Put("two", A, labels: [Story.Blue]).Labels(2));
    }

    [Fact]
    public void Filling_can_be_repeated()
    {
        Story filled = Story.WithVersions(1).Rotate(A).Put("two", A, labels: [VersionLabel.Pending]);
        Assert.Same(filled.State, filled.Put("two", A, labels: [VersionLabel.Pending]).State);
        filled.Refuses(CofferErrorCode.TokenInUse, s => s.Put("three", A));
    }

    [Fact]
    public void A_deleted_secret_takes_no_version_and_no_repeat()
    {
        Story deleted = Story.Begin().Put("one", A).Delete(Story.Day);
        deleted.Refuses(CofferErrorCode.Deleted, s => s.Put("two"));
        deleted.Refuses(CofferErrorCode.Deleted, s => s.Put("one", A));
    }

    [Fact]
    public void A_51st_label_is_refused()
    {
        VersionLabel[] labels = [.. Enumerable.Range(0, 51).Select(i => VersionLabel.Parse($"l{i}"))];
        Story.WithVersions(1).Refuses(CofferErrorCode.QuotaExceeded, s => s.Put("two", labels: labels));
        Assert.Equal(50, Story.WithVersions(1).Put("two", labels: labels[..50]).State.Labels.Count);
    }

    [Fact]
    public void Erasing_the_older_ones_leaves_only_the_new_value()
    {
        Story story = Story.WithVersions(2).Add(Story.Write("three") with { EraseOlder = true });
        Assert.Equal([VersionState.Destroyed, VersionState.Destroyed, VersionState.Enabled], [story.StateOf(1), story.StateOf(2), story.StateOf(3)]);
        Assert.True(story.Last!.Events.HasFlag(SecretEvents.ValueErased));
        Assert.Equal([1, 2], SecretChange.Between(Story.WithVersions(2).State, story.State).ErasedValues);
    }

    [Fact]
    public void Erasing_the_older_ones_leaves_a_version_that_still_waits_for_its_value()
    {
        Story story = Story.WithVersions(1).Rotate(A).Add(Story.Write("three", wire: "vault") with { EraseOlder = true });
        Assert.Equal(VersionState.Destroyed, story.StateOf(1));
        Assert.Null(story.Version(2).DestroyedAt);
        Assert.True(story.Put("two", A).Version(2).HasValue);
    }

    [Fact]
    public void Tags_of_a_version_are_limited() =>
        Story.Begin().Refuses(CofferErrorCode.QuotaExceeded, s => s.Add(Story.Write("one") with { VersionTags = Enumerable.Range(0, 101).ToImmutableSortedDictionary(i => $"k{i}", _ => "") }));
}
