using Coffer.Core.Errors;
using Coffer.Core.Secrets;
using Xunit;

namespace Coffer.Core.Tests.Secrets;

/// <summary>The two rules of pruning: by count (AWS: over 100, older than a day) and by window (Vault: so many numbers back).</summary>
public sealed class PruneTests
{
    private static readonly PruneRule ByCount = new(3, Story.Day, ByWindow: false);
    private static readonly PruneRule ByWindow = new(3, 0, ByWindow: true);

    [Fact]
    public void By_window_old_numbers_go_and_the_history_begins_later()
    {
        Story story = Window(Story.Begin(), 5);
        Assert.Equal([3, 4, 5], story.Numbers);
        Assert.Equal((5, 3, 3, 5), (story.Head.Current, story.Head.Oldest, story.Head.VersionCount, story.Head.Highest));
        Assert.True(story.Last!.Events.HasFlag(SecretEvents.Pruned));
    }

    [Fact]
    public void By_window_nothing_goes_before_the_window_is_full()
    {
        Story story = Window(Story.Begin(), 3);
        Assert.Equal([1, 2, 3], story.Numbers);
        Assert.Equal(1, story.Head.Oldest);
        Assert.False(story.Last!.Events.HasFlag(SecretEvents.Pruned));
    }

    [Fact]
    public void By_window_a_smaller_limit_removes_several_at_once()
    {
        Story story = Story.WithVersions(9, "vault").Add(Story.Write("ten", wire: "vault") with { Prune = ByWindow });
        Assert.Equal([8, 9, 10], story.Numbers);
        Assert.Equal((8, 3), (story.Head.Oldest, story.Head.VersionCount));
    }

    [Fact]
    public void Only_what_the_pruning_wire_wrote_goes()
    {
        Story story = Story.Begin().Put("google", wire: "google").Put("azure", wire: "azure");
        story = Window(story, 5);
        Assert.Equal([1, 2, 5, 6, 7], story.Numbers);
        Assert.Equal(5, story.Head.Oldest);
    }

    [Fact]
    public void Labelled_versions_stay()
    {
        Story story = Window(Story.WithVersions(1, "vault").Move(Story.Blue, null, 1), 6);
        Assert.Equal([1, 5, 6, 7], story.Numbers);
        Assert.Equal(1, story.State.NumberOf(Story.Blue));
    }

    [Fact]
    public void Previous_goes_where_AWS_never_touched_the_secret_and_stays_where_it_did()
    {
        PruneRule one = new(1, 0, ByWindow: true);
        Story vault = Story.WithVersions(2, "vault").Add(Story.Write("three", wire: "vault") with { Prune = one });
        Assert.Equal([3], vault.Numbers);
        Assert.Equal(0, vault.Head.Previous);

        Story mixed = Story.Begin().Put("aws").Put("two", wire: "vault").Add(Story.Write("three", wire: "vault") with { Prune = one });
        Assert.Equal([1, 2, 3], mixed.Numbers);
        Assert.Equal(2, mixed.Head.Previous);
    }

    [Fact]
    public void By_count_the_oldest_unlabelled_ones_older_than_a_day_go()
    {
        Story story = Story.WithVersions(3).Later(Story.Day).Add(Story.Write("four") with { Prune = ByCount });
        Assert.Equal([2, 3, 4], story.Numbers);
        Assert.Equal((1, 3), (story.Head.Oldest, story.Head.VersionCount));
    }

    [Fact]
    public void By_count_a_write_that_finds_nothing_old_enough_is_refused()
    {
        Story young = Story.WithVersions(3).Later(Story.Hour);
        young.Refuses(CofferErrorCode.QuotaExceeded, s => s.Add(Story.Write("four") with { Prune = ByCount }));
        Story labelled = Story.WithVersions(3).Move(Story.Blue, null, 1).Later(2 * Story.Day);
        labelled.Refuses(CofferErrorCode.QuotaExceeded, s => s.Move(Story.Green, null, 2).Add(Story.Write("four", labels: [VersionLabel.Pending]) with { Prune = ByCount }));
    }

    [Fact]
    public void By_count_a_repeat_is_answered_however_full_the_secret_is()
    {
        Story full = Story.WithVersions(2).Put("three", Story.Token('a'));
        Assert.Same(full.State, full.Add(Story.Write("three", Story.Token('a')) with { Prune = ByCount }).State);
    }

    [Fact]
    public void By_count_only_the_wires_own_versions_count()
    {
        Story story = Story.WithVersions(9, "google").Add(Story.Write("ten") with { Prune = ByCount });
        Assert.Equal(10, story.Head.VersionCount);
        for (int i = 0; i < 4; i++)
        {
            story = story.Later(2 * Story.Day).Add(Story.Write($"more {i}") with { Prune = ByCount });
        }

        Assert.Equal([1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 14], story.Numbers);
    }

    [Fact]
    public void By_count_current_and_previous_stay_however_old()
    {
        Story story = Story.WithVersions(4).Move(VersionLabel.Current, 4, 1).Later(5 * Story.Day);
        story = story.Add(Story.Write("five", labels: [Story.Blue]) with { Prune = ByCount });
        Assert.Equal([1, 4, 5], story.Numbers);
    }

    [Fact]
    public void What_went_went_with_its_attributes()
    {
        Story story = Story.Begin().Add(Story.Write("one", wire: "vault") with { VersionTags = Secret.NoTags.Add("k", "v") });
        Story after = Window(story, 4);
        Assert.Empty(after.State.Attributes);
        Assert.Equal([1, 2], SecretChange.Between(Window(story, 2).State, after.State).RemovedVersions);
    }

    [Fact]
    public void Numbers_are_not_reused_after_pruning()
    {
        Story story = Window(Story.Begin(), 5);
        Assert.Equal(6, story.Put("next").Last!.Number);
    }

    private static Story Window(Story story, int writes)
    {
        for (int i = 0; i < writes; i++)
        {
            story = story.Later(1).Add(Story.Write($"window {i}", wire: "vault") with { Prune = ByWindow });
        }

        return story;
    }
}
