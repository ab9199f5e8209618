using Coffer.Core.Errors;
using Coffer.Core.Secrets;
using Xunit;

namespace Coffer.Core.Tests.Secrets;

/// <summary>In a vault with purge protection no command, however ordered, loses a value before the retention is over.</summary>
public sealed class PurgeProtectionTests
{
    private const long Retention = 30 * Story.Day;

    [Fact]
    public void A_deletion_lasts_at_least_the_retention()
    {
        Story story = Story.WithVersions(1, purgeProtection: true);
        Assert.Equal(story.Now + Retention, story.Delete(7 * Story.Day).Head.PurgeAt);
        Assert.Equal(story.Now + (90 * Story.Day), story.Delete(90 * Story.Day).Head.PurgeAt);
    }

    [Fact]
    public void A_purge_becomes_a_recoverable_deletion()
    {
        Story story = Story.WithVersions(1, purgeProtection: true);
        Transition purge = story.Purge();
        Assert.Equal((SecretEvents.Deleted, story.Now + Retention), (purge.Events, purge.After!.Head.PurgeAt!.Value));
        Assert.Equal(VersionState.Enabled, purge.After.Version(1)!.StateAt(story.Now));
    }

    [Fact]
    public void A_deleted_secret_is_not_purged_before_its_date()
    {
        Story deleted = Story.WithVersions(1, purgeProtection: true).Delete(0);
        deleted.Later(Retention - 1).Refuses(CofferErrorCode.PreconditionFailed, s => s.Purge());
        Assert.Null(deleted.Later(Retention).Purge().After);
    }

    [Fact]
    public void An_expiry_of_the_whole_secret_deletes_it_recoverably()
    {
        Story expired = Story.WithVersions(1, purgeProtection: true).Edit(new() { Expires = Story.Start + 10 }).Later(20);
        Secret seen = SecretTransitions.AsOf(expired.Head, expired.Vault, expired.Now);
        Assert.Equal((Story.Start + 10, Story.Start + 10 + Retention, null), (seen.DeletedAt!.Value, seen.PurgeAt!.Value, seen.Expires));
        Assert.False(seen.IsGone(expired.Now));
        Assert.True(SecretTransitions.AsOf(expired.Head, expired.Vault, Story.Start + 10 + Retention).IsGone(Story.Start + 10 + Retention));
        (expired with { State = expired.State with { Head = seen } }).Refuses(CofferErrorCode.PreconditionFailed, s => s.Purge());
    }

    [Fact]
    public void An_expiry_does_not_shorten_a_deletion()
    {
        Secret head = Story.WithVersions(1, purgeProtection: true).Edit(new() { Expires = Story.Start + (5 * Story.Day) }).Delete(0).Head;
        Secret seen = SecretTransitions.AsOf(head, Story.Begin(purgeProtection: true).Vault, Story.Start + (6 * Story.Day));
        Assert.Equal((head.DeletedAt, head.PurgeAt, null), (seen.DeletedAt, seen.PurgeAt, seen.Expires));
        Assert.False(seen.IsGone(Story.Start + (6 * Story.Day)));
    }

    [Fact]
    public void Without_protection_or_before_its_date_an_expiry_changes_nothing()
    {
        Story story = Story.WithVersions(1).Edit(new() { Expires = Story.Start + 10 });
        Assert.Same(story.Head, SecretTransitions.AsOf(story.Head, story.Vault, Story.Start + 20));
        Assert.Same(story.Head, SecretTransitions.AsOf(story.Head, story.Protect().Vault, Story.Start + 9));
    }

    [Fact]
    public void Destroying_disables_until_the_retention_is_over()
    {
        Story story = Story.WithVersions(2, purgeProtection: true).Destroy(VersionSetMode.Strict, 0, 1);
        Assert.Equal((VersionState.Disabled, story.Now + Retention), (story.StateOf(1), story.Version(1).DestroyAt!.Value));
        Assert.False(story.Last!.Events.HasFlag(SecretEvents.ValueErased));
        Assert.Equal(VersionState.Destroyed, story.Later(Retention).StateOf(1));
        Assert.Equal(story.Now + (60 * Story.Day), Story.WithVersions(2, purgeProtection: true).Destroy(VersionSetMode.Strict, 60 * Story.Day, 1).Version(1).DestroyAt);
        Assert.Equal(VersionState.Enabled, story.Enable(VersionSetMode.Strict, 1).StateOf(1));
    }

    [Fact]
    public void Destroying_twice_moves_the_date_neither_way()
    {
        Story once = Story.WithVersions(2, purgeProtection: true).Destroy(VersionSetMode.Strict, 0, 1);
        Assert.Equal(once.Version(1).DestroyAt, once.Later(5).Destroy(VersionSetMode.Strict, 0, 1).Version(1).DestroyAt);
        Assert.Same(once.State, once.Later(5).Destroy(VersionSetMode.Lenient, 0, 1).State);
        once.Refuses(CofferErrorCode.PreconditionFailed, s => s.Destroy(VersionSetMode.Strict, 1, 1));
    }

    [Fact]
    public void Pruning_only_hides()
    {
        PruneRule window = new(1, 0, ByWindow: true);
        Story story = Story.WithVersions(2, "vault", purgeProtection: true).Add(Story.Write("three", wire: "vault") with { Prune = window });
        Assert.Equal([1, 2, 3], story.Numbers);
        Assert.Equal((VersionState.Disabled, VersionState.Disabled, VersionState.Enabled), (story.StateOf(1), story.StateOf(2), story.StateOf(3)));
        Assert.Equal(story.Now + Retention, story.Version(1).DestroyAt);
        Assert.Empty(SecretChange.Between(Story.WithVersions(2, "vault").State, story.State).ErasedValues);

        Story next = story.Later(5).Add(Story.Write("four", wire: "vault") with { Prune = window });
        Assert.Same(story.Version(1), next.Version(1));
        Assert.Equal(next.Now + Retention, next.Version(3).DestroyAt);

        Story over = next.Later(Retention).EraseDue().Add(Story.Write("five", wire: "vault") with { Prune = window });
        Assert.Equal([4, 5], over.Numbers);
    }

    /// <summary>Hidden, it would be erased in the end, and a late Put could bring an erased version back.</summary>
    [Fact]
    public void What_still_waits_for_its_value_is_pruned_and_not_hidden()
    {
        RequestToken token = Story.Token('r');
        Story waiting = Story.WithVersions(2, purgeProtection: true).Rotate(token).Move(VersionLabel.Pending, 3, null).Later(2 * Story.Day);
        Story pruned = waiting.Put("four").Later(2 * Story.Day).Add(Story.Write("five") with { Prune = new(1, Story.Day, ByWindow: false) });
        Assert.Equal([1, 2, 4, 5], pruned.Numbers);
        Story late = pruned.Later(Retention).EraseDue().Put("late", token);
        Assert.Equal((6, null), (late.Last!.Number, late.Version(6).DestroyedAt));
    }

    [Fact]
    public void Pruning_by_count_hides_one_for_one()
    {
        Story story = Story.WithVersions(3, purgeProtection: true).Later(2 * Story.Day);
        for (int i = 0; i < 4; i++)
        {
            story = story.Later(2 * Story.Day).Add(Story.Write($"more {i}") with { Prune = new(3, Story.Day, ByWindow: false) });
        }

        Assert.Equal(7, story.Numbers.Length);
        Assert.Equal(3, story.Numbers.Count(n => story.StateOf(n) == VersionState.Enabled));
    }

    [Fact]
    public void Erasing_the_older_ones_only_hides()
    {
        Story story = Story.WithVersions(2, "vault", purgeProtection: true).Add(Story.Write("three", wire: "vault") with { EraseOlder = true });
        Assert.Equal((VersionState.Disabled, story.Now + Retention), (story.StateOf(1), story.Version(1).DestroyAt!.Value));
        Assert.False(story.Last!.Events.HasFlag(SecretEvents.ValueErased));
        Story next = story.Later(5).Add(Story.Write("four", wire: "vault") with { EraseOlder = true });
        Assert.Equal(story.Version(1).DestroyAt, next.Version(1).DestroyAt);
    }
}
