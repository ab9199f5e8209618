using Coffer.Core.Errors;
using Coffer.Core.Secrets;
using Xunit;

namespace Coffer.Core.Tests.Secrets;

public sealed class LabelTests
{
    [Fact]
    public void A_label_is_attached_moved_and_detached()
    {
        Story story = Story.WithVersions(2).Move(Story.Blue, null, 1);
        Assert.Equal(["blue"], story.Labels(1)[1..]);
        story = story.Move(Story.Blue, 1, 2);
        Assert.Equal(["AWSCURRENT", "blue"], story.Labels(2));
        story = story.Move(Story.Blue, 2, null);
        Assert.Empty(story.State.Labels);
        Assert.Equal(2, story.Last!.Number);
    }

    [Fact]
    public void Moving_AWSCURRENT_makes_the_other_one_previous()
    {
        Story story = Story.WithVersions(3).Move(VersionLabel.Current, 3, 1);
        Assert.Equal((1, 3), (story.Head.Current, story.Head.Previous));
        Assert.Equal(SecretEvents.LabelsChanged | SecretEvents.CurrentMoved, story.Last!.Events);
    }

    [Fact]
    public void Moving_AWSCURRENT_to_the_previous_version_swaps_the_two()
    {
        Story story = Story.WithVersions(2).Move(VersionLabel.Current, 2, 1);
        Assert.Equal((1, 2), (story.Head.Current, story.Head.Previous));
    }

    [Fact]
    public void AWSCURRENT_is_never_removed()
    {
        CofferError error = Story.WithVersions(1).Refuses(CofferErrorCode.LabelConflict, s => s.Move(VersionLabel.Current, 1, null));
        Assert.Equal("AWSCURRENT", error.Subject);
    }

    [Fact]
    public void AWSPREVIOUS_can_be_set_and_removed()
    {
        Assert.Equal(1, Story.WithVersions(3).Move(VersionLabel.Previous, 2, 1).Head.Previous);
        Assert.Equal(0, Story.WithVersions(3).Move(VersionLabel.Previous, 2, null).Head.Previous);
    }

    [Fact]
    public void A_label_that_is_elsewhere_is_not_taken_without_saying_from_where()
    {
        CofferError error = Story.WithVersions(2).Move(Story.Blue, null, 1).Refuses(CofferErrorCode.LabelConflict, s => s.Move(Story.Blue, null, 2));
        Assert.Equal("blue", error.Subject);
        Assert.Equal(Story.WithVersions(1).Version(1).AwsId, error.Related);
    }

    [Fact]
    public void A_label_is_not_removed_from_a_version_it_is_not_on()
    {
        Story.WithVersions(2).Move(Story.Blue, null, 1).Refuses(CofferErrorCode.LabelConflict, s => s.Move(Story.Blue, 2, null));
        Assert.Null(Story.WithVersions(2).Refuses(CofferErrorCode.LabelConflict, s => s.Move(Story.Blue, 2, null)).Related);
        Story.WithVersions(2).Refuses(CofferErrorCode.LabelConflict, s => s.Move(VersionLabel.Current, 1, 2));
    }

    [Fact]
    public void A_label_that_is_already_there_stays_there()
    {
        Story story = Story.WithVersions(2).Move(Story.Blue, null, 1).Move(Story.Blue, null, 1);
        Assert.Equal(1, story.State.NumberOf(Story.Blue));
    }

    [Fact]
    public void A_move_from_nowhere_to_nowhere_is_no_move() =>
        Story.WithVersions(1).Refuses(CofferErrorCode.InvalidCombination, s => s.Move(Story.Blue, null, null));

    [Fact]
    public void A_label_goes_to_no_unknown_version() =>
        Story.WithVersions(1).Refuses(CofferErrorCode.VersionNotFound, s => s.Move(Story.Blue, null, 9));

    [Fact]
    public void AWSCURRENT_goes_to_no_destroyed_version()
    {
        Story story = Story.WithVersions(2).Destroy(VersionSetMode.Strict, 0, 1);
        story.Refuses(CofferErrorCode.PreconditionFailed, s => s.Move(VersionLabel.Current, 2, 1));
        Story late = Story.WithVersions(2).Destroy(VersionSetMode.Strict, 10, 1).Later(10);
        late.Refuses(CofferErrorCode.PreconditionFailed, s => s.Move(VersionLabel.Current, 2, 1));
    }

    [Fact]
    public void AWSCURRENT_may_go_to_a_disabled_version() =>
        Assert.Equal(1, Story.WithVersions(2).Disable(VersionSetMode.Strict, 1).Move(VersionLabel.Current, 2, 1).Head.Current);

    [Fact]
    public void Only_labels_other_than_the_three_raise_the_revision()
    {
        Story story = Story.WithVersions(2);
        Assert.Equal(2, story.Move(Story.Blue, null, 1).Head.Revision);
        Assert.Equal(1, story.Move(VersionLabel.Current, 2, 1).Head.Revision);
        Assert.Equal(1, story.Move(VersionLabel.Previous, 1, null).Head.Revision);
        Assert.Equal(1, story.Move(VersionLabel.Pending, null, 1).Head.Revision);
        Assert.Equal((1, 1), (story.Move(Story.Blue, null, 1).Version(1).Revision, story.Move(VersionLabel.Current, 2, 1).Version(1).Revision));
    }

    [Fact]
    public void Labels_of_a_deleted_secret_stay_as_they_are()
    {
        Story deleted = Story.WithVersions(2).Delete(Story.Day);
        deleted.Refuses(CofferErrorCode.Deleted, s => s.Move(Story.Blue, null, 1));
        deleted.Refuses(CofferErrorCode.Deleted, s => s.Aliases((Story.Blue, 1)));
    }

    [Fact]
    public void Aliases_are_replaced_as_a_whole_and_the_reserved_labels_stay()
    {
        Story story = Story.WithVersions(3).Move(VersionLabel.Pending, null, 1).Move(Story.Blue, null, 1).Aliases((Story.Green, 2));
        Assert.Equal((3, 2, 1), (story.Head.Current, story.Head.Previous, story.State.NumberOf(VersionLabel.Pending)));
        Assert.Equal((0, 2), (story.State.NumberOf(Story.Blue), story.State.NumberOf(Story.Green)));
        Assert.Equal(3, story.Head.Revision);
        Assert.Equal(SecretEvents.LabelsChanged, story.Last!.Events);
        Assert.Equal([VersionLabel.Pending], story.Aliases().State.Labels.Keys);
    }

    [Theory]
    [InlineData("AWSCURRENT")]
    [InlineData("AWSPREVIOUS")]
    [InlineData("AWSPENDING")]
    public void No_alias_takes_a_reserved_label(string label) =>
        Story.WithVersions(2).Refuses(CofferErrorCode.InvalidRequest, s => s.Aliases((VersionLabel.Parse(label), 1)));

    [Fact]
    public void No_alias_names_an_unknown_or_destroyed_version()
    {
        Story.WithVersions(2).Refuses(CofferErrorCode.VersionNotFound, s => s.Aliases((Story.Blue, 3)));
        Story.WithVersions(2).Refuses(CofferErrorCode.VersionNotFound, s => s.Aliases((Story.Blue, 0)));
        Story.WithVersions(2).Destroy(VersionSetMode.Strict, 0, 1).Refuses(CofferErrorCode.VersionNotFound, s => s.Aliases((Story.Blue, 1)));
    }

    [Fact]
    public void More_than_50_aliases_are_refused()
    {
        (VersionLabel, int)[] aliases = [.. Enumerable.Range(0, 51).Select(i => (VersionLabel.Parse($"l{i}"), 1))];
        Story.WithVersions(1).Refuses(CofferErrorCode.QuotaExceeded, s => s.Aliases(aliases));
        Assert.Equal(50, Story.WithVersions(1).Aliases(aliases[1..]).State.Labels.Count);
    }
}
