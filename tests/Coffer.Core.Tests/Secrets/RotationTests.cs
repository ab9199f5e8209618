using Coffer.Core.Errors;
using Coffer.Core.Secrets;
using Xunit;

namespace Coffer.Core.Tests.Secrets;

public sealed class RotationTests
{
    private static readonly RequestToken A = Story.Token('a'), B = Story.Token('b');

    [Fact]
    public void Beginning_makes_a_version_without_a_value_that_is_pending()
    {
        Story story = Story.WithVersions(1).Rotate(A);
        Assert.Equal((false, A, 0), (story.Version(2).HasValue, story.Version(2).Token!.Value, story.Version(2).Size));
        Assert.Equal((1, 2, 2), (story.Head.Current, story.Head.Highest, story.Head.VersionCount));
        Assert.Equal(["AWSPENDING"], story.Labels(2));
        Assert.Equal((SecretEvents.LabelsChanged, 2, false), (story.Last!.Events, story.Last.Number, story.Last.TakesValue));
    }

    [Fact]
    public void A_secret_without_versions_can_be_rotated_and_still_has_no_current()
    {
        Story story = Story.Begin().Rotate(A);
        Assert.Equal((0, 1), (story.Head.Current, story.State.NumberOf(VersionLabel.Pending)));
        Assert.Equal(1, story.Put("one", A, labels: [VersionLabel.Pending]).Head.Current);
    }

    [Fact]
    public void The_token_of_a_pending_rotation_can_be_repeated()
    {
        Story story = Story.WithVersions(1).Rotate(A);
        Story again = story.Rotate(A);
        Assert.Same(story.State, again.State);
        Assert.Equal((SecretEvents.None, 2), (again.Last!.Events, again.Last.Number));
    }

    [Fact]
    public void A_token_with_a_value_is_in_use() =>
        Story.Begin().Put("one", A).Refuses(CofferErrorCode.TokenInUse, s => s.Rotate(A));

    [Fact]
    public void A_second_rotation_is_refused_while_the_first_is_pending() =>
        Story.WithVersions(1).Rotate(A).Refuses(CofferErrorCode.PreconditionFailed, s => s.Rotate(B));

    [Fact]
    public void A_rotation_may_begin_where_AWSPENDING_is_still_on_the_current_version()
    {
        Story done = Story.WithVersions(1).Rotate(A).Put("two", A, labels: [VersionLabel.Pending]).Move(VersionLabel.Current, 1, 2);
        Assert.Equal(["AWSCURRENT", "AWSPENDING"], done.Labels(2));
        Assert.Equal(["AWSPENDING"], done.Rotate(B).Labels(3));
    }

    [Fact]
    public void A_deleted_secret_is_not_rotated() =>
        Story.WithVersions(1).Delete(Story.Day).Refuses(CofferErrorCode.Deleted, s => s.Rotate(A));

    [Fact]
    public void A_version_that_waits_for_its_value_never_becomes_current()
    {
        Story waiting = Story.WithVersions(1).Rotate(A);
        waiting.Refuses(CofferErrorCode.PreconditionFailed, s => s.Move(VersionLabel.Current, 1, 2));
    }

    [Theory]
    [InlineData(VersionSetMode.Strict)]
    [InlineData(VersionSetMode.Lenient)]
    public void A_version_that_waits_for_its_value_is_unknown_to_every_command_on_versions(VersionSetMode mode)
    {
        Story waiting = Story.WithVersions(1).Rotate(A);
        foreach (Func<Story, Story> step in (Func<Story, Story>[])[s => s.Enable(mode, 2), s => s.Disable(mode, 2), s => s.Destroy(mode, 0, 2), s => s.Destroy(mode, 10, 2)])
        {
            if (mode == VersionSetMode.Strict)
            {
                waiting.Refuses(CofferErrorCode.VersionNotFound, step);
            }
            else
            {
                Assert.Same(waiting.State, step(waiting).State);
            }
        }

        waiting.Refuses(CofferErrorCode.VersionNotFound, s => s.EditVersion(new() { Number = 2, ContentType = "x" }));
    }

    [Fact]
    public void No_alias_resolves_to_a_version_that_waits_for_its_value() =>
        Story.WithVersions(1).Rotate(A).Refuses(CofferErrorCode.VersionNotFound, s => s.Aliases((Story.Blue, 2)));

    [Fact]
    public void The_whole_of_a_rotation_ends_with_current_previous_and_nothing_pending()
    {
        Story story = Story.WithVersions(1).Rotate(A).Put("two", A, labels: [VersionLabel.Pending]).Move(VersionLabel.Current, 1, 2).Move(VersionLabel.Pending, 2, null);
        Assert.Equal((2, 1, 0), (story.Head.Current, story.Head.Previous, story.State.NumberOf(VersionLabel.Pending)));
        Assert.Equal(["AWSCURRENT"], story.Labels(2));
        Assert.Equal(["AWSPREVIOUS"], story.Labels(1));
    }

    [Fact]
    public void The_end_of_a_test_removes_its_copy_with_labels_and_attributes()
    {
        Story testing = Story.WithVersions(1).Add(Story.Write("copy", A, labels: [VersionLabel.Pending]) with { VersionTags = Secret.NoTags.Add("k", "v") });
        Transition ended = SecretTransitions.EndRotationTest(testing.State, testing.Path, 2, testing.Now + 5);
        Assert.Equal([1], ended.After!.Versions.Keys);
        Assert.Empty(ended.After.Labels);
        Assert.Empty(ended.After.Attributes);
        Assert.Equal((1, 2, testing.Now + 5), (ended.After.Head.VersionCount, ended.After.Head.Highest, ended.After.Head.Changed));
        Assert.Equal(3, testing.Then(ended).Put("next").Last!.Number);
    }

    [Fact]
    public void The_end_of_a_test_never_removes_current_or_what_is_not_there()
    {
        Story story = Story.WithVersions(2);
        story.Refuses(CofferErrorCode.VersionNotFound, s => SecretTransitions.EndRotationTest(s.State, s.Path, 2, s.Now));
        story.Refuses(CofferErrorCode.VersionNotFound, s => SecretTransitions.EndRotationTest(s.State, s.Path, 9, s.Now));
        story.Delete(Story.Day).Refuses(CofferErrorCode.Deleted, s => SecretTransitions.EndRotationTest(s.State, s.Path, 1, s.Now));
    }

    [Fact]
    public void A_rotation_counts_its_label_against_the_limit() =>
        Story.WithVersions(1).Put("two", labels: [.. Enumerable.Range(0, 50).Select(i => VersionLabel.Parse($"l{i}"))]).Refuses(CofferErrorCode.QuotaExceeded, s => s.Rotate(A));
}
