using Coffer.Core.Secrets;
using Coffer.Core.Stores;
using Xunit;

namespace Coffer.Testing;

public abstract partial class StoreContract
{
    [Fact]
    public async Task Versions_come_back_member_for_member()
    {
        SecretVersion[] versions = [StoreRows.Version(1), StoreRows.PlainVersion(2), StoreRows.Version(4)];
        SecretState state = await AddSecretAsync(StoreRows.Plain(Shop.Id, "a"), versions);
        Same(versions, await Store.Secrets.VersionsAsync(state.Head.Id, 0, false, 100, Token));
        foreach (SecretVersion version in versions)
        {
            (SecretVersion found, ReadOnlyMemory<byte> value) = (await Store.Secrets.FindVersionAsync(state.Head.Id, version.Number, Token))!.Value;
            Same(version, found);
            Same(version.HasValue ? ValueOf(version) : [], value);
        }

        Assert.Null(await Store.Secrets.FindVersionAsync(state.Head.Id, 3, Token));
        Assert.Null(await Store.Secrets.FindVersionAsync(state.Head.Id + 1, 1, Token));
    }

    [Fact]
    public async Task A_version_is_found_by_id_and_by_token_of_its_own_secret()
    {
        SecretState state = await AddSecretAsync(StoreRows.Plain(Shop.Id, "a"), StoreRows.Version(1), StoreRows.Version(2), StoreRows.PlainVersion(3));
        SecretState other = await AddSecretAsync(StoreRows.Plain(Shop.Id, "b", 2), StoreRows.Version(2) with { Number = 7 });
        Assert.Equal(2, await Store.Secrets.FindNumberAsync(state.Head.Id, StoreRows.Version(2).Id, Token));
        Assert.Equal(2, await Store.Secrets.FindNumberAsync(state.Head.Id, StoreRows.Version(2).Token!.Value, Token));
        Assert.Equal(7, await Store.Secrets.FindNumberAsync(other.Head.Id, StoreRows.Version(2).Id, Token));
        Assert.Equal(7, await Store.Secrets.FindNumberAsync(other.Head.Id, StoreRows.Version(2).Token!.Value, Token));
        Assert.Equal(0, await Store.Secrets.FindNumberAsync(other.Head.Id, StoreRows.Version(1).Id, Token));
        Assert.Equal(0, await Store.Secrets.FindNumberAsync(other.Head.Id, StoreRows.Version(1).Token!.Value, Token));
    }

    [Fact]
    public async Task Details_of_many_are_what_each_tells_by_itself_in_the_order_asked_for()
    {
        SecretState first = await AddSecretAsync(StoreRows.Plain(Shop.Id, "a") with { Current = 4, Previous = 2 }, StoreRows.Version(1), StoreRows.PlainVersion(2), StoreRows.Version(3), StoreRows.Version(4));
        first = await ChangeAsync(first, s => s with
        {
            Head = s.Head with { LabelCount = 2 },
            Labels = s.Labels.Add(VersionLabel.Parse("keep"), 1).Add(VersionLabel.Parse("too"), 4),
            Annotations = s.Annotations.Add((0, "aws"), "{}").Add((1, "aws"), "1"),
        });
        SecretState bare = await AddSecretAsync(StoreRows.Plain(Shop.Id, "b", 2) with { Current = 0, Previous = 0 });
        IReadOnlyList<SecretDetail> details = await Store.Secrets.DetailsAsync([bare.Head, first.Head], Token);
        Assert.Equal(2, details.Count);
        Assert.Empty(details[0].Labels);
        Assert.Empty(details[0].Versions);
        Assert.Empty(details[0].Annotations);
        Assert.Equal(await Store.Secrets.LabelsAsync(first.Head.Id, Token), details[1].Labels);
        Same(new[] { StoreRows.Version(4), StoreRows.PlainVersion(2), StoreRows.Version(1) }, details[1].Versions);
        Assert.Equal([new SecretAnnotation(0, "aws", "{}")], details[1].Annotations);
        Assert.Empty(await Store.Secrets.DetailsAsync([], Token));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Versions_come_in_pages_both_ways(bool descending)
    {
        int[] numbers = [1, 2, 3, 5, 8, 13, 21];
        SecretState state = await AddSecretAsync(StoreRows.Plain(Shop.Id, "a"), [.. numbers.Select(StoreRows.PlainVersion)]);
        await AddSecretAsync(StoreRows.Plain(Shop.Id, "b", 2), StoreRows.PlainVersion(4));
        List<int> seen = [];
        int after = descending ? int.MaxValue : 0;
        while (await Store.Secrets.VersionsAsync(state.Head.Id, after, descending, 3, Token) is { Count: > 0 } page)
        {
            Assert.True(page.Count <= 3);
            seen.AddRange(page.Select(v => v.Number));
            after = seen[^1];
        }

        Assert.Equal(descending ? numbers.Reverse() : numbers, seen);
    }

    [Fact]
    public async Task A_version_that_waited_gets_its_value_and_another_replaces_it()
    {
        SecretState state = await AddSecretAsync(StoreRows.Plain(Shop.Id, "a"), StoreRows.PlainVersion(1) with { HasValue = false });
        SecretState filled = state with { Head = Touched(state.Head), Versions = state.Versions.SetItem(1, StoreRows.Version(1) with { HasValue = true, LastReadDay = null }) };
        foreach (byte[] value in new byte[][] { [1, 2, 3], [9] })
        {
            Assert.NotNull(await SaveAsync(new SecretChange { Before = state, After = filled, Versions = [filled.Version(1)!], Values = [(1, value)] }));
            (SecretVersion version, ReadOnlyMemory<byte> stored) = (await Store.Secrets.FindVersionAsync(state.Head.Id, 1, Token))!.Value;
            Same(filled.Version(1), version);
            Same(value, stored);
            (state, filled) = (filled, filled with { Head = Touched(filled.Head) });
        }
    }

    [Fact]
    public async Task An_erased_value_is_gone_and_its_version_stays()
    {
        SecretState state = await AddSecretAsync(StoreRows.Plain(Shop.Id, "a") with { Current = 1 }, StoreRows.PlainVersion(1), StoreRows.PlainVersion(2));
        SecretState after = state with { Head = Touched(state.Head), Versions = state.Versions.SetItem(1, state.Version(1)! with { DestroyedAt = StoreRows.Start }) };
        SecretChange change = SecretChange.Between(state, after);
        Assert.Equal([1], change.ErasedValues);
        Assert.NotNull(await SaveAsync(change));
        Same((after.Version(1)!, Array.Empty<byte>()), (await Store.Secrets.FindVersionAsync(state.Head.Id, 1, Token))!.Value);
        Same((after.Version(2)!, ValueOf(after.Version(2)!)), (await Store.Secrets.FindVersionAsync(state.Head.Id, 2, Token))!.Value);
        Assert.True((await Store.Secrets.FindCurrentAsync(Shop.Id, "", "a", Token))!.Sealed.IsEmpty);
    }

    [Fact]
    public async Task A_removed_version_takes_along_what_hangs_on_it_even_if_that_was_not_loaded()
    {
        SecretState state = await AddSecretAsync(StoreRows.Plain(Shop.Id, "a"), StoreRows.Version(1), StoreRows.Version(2));
        state = await ChangeAsync(state, s => s with
        {
            Attributes = s.Attributes.Add((0, AttributeSpace.Custom, "k"), "v").Add((1, AttributeSpace.VersionTag, "k"), "v").Add((2, AttributeSpace.VersionTag, "k"), "v"),
            Annotations = s.Annotations.Add((0, "aws"), "{}").Add((1, "aws"), "{}").Add((2, "aws"), "{}"),
            Labels = s.Labels.Add(VersionLabel.Pending, 1).Add(VersionLabel.Parse("keep"), 2),
        });
        SecretState loaded = new() { Head = state.Head, Versions = state.Versions, Labels = state.Labels };
        await ChangeAsync(loaded, s => s with { Versions = s.Versions.Remove(1), Labels = s.Labels.Remove(VersionLabel.Pending) });
        Assert.Null(await Store.Secrets.FindVersionAsync(state.Head.Id, 1, Token));
        Assert.Equal(0, await Store.Secrets.FindNumberAsync(state.Head.Id, StoreRows.Version(1).Token!.Value, Token));
        Assert.Equal([0, 2], (await Store.Secrets.AttributesAsync(state.Head.Id, Token)).Select(a => a.Number));
        Assert.Equal([0, 2], (await Store.Secrets.AnnotationsAsync(state.Head.Id, Token)).Select(a => a.Number));
        Assert.Equal([KeyValuePair.Create(VersionLabel.Parse("keep"), 2)], await Store.Secrets.LabelsAsync(state.Head.Id, Token));
    }

    [Fact]
    public async Task The_largest_value_comes_back_byte_for_byte()
    {
        byte[] value = StoreRows.Bytes("large", 1, SecretLimits.ValueBytes + 64);
        SecretState state = new() { Head = StoreRows.Plain(Shop.Id, "a") with { Current = 1 } };
        long id = Assert.NotNull(await SaveAsync(new SecretChange { After = state, Versions = [StoreRows.PlainVersion(1)], Values = [(1, value)] }));
        ReadOnlyMemory<byte> byNumber = (await Store.Secrets.FindVersionAsync(id, 1, Token))!.Value.Sealed, byName = (await Store.Secrets.FindCurrentAsync(Shop.Id, "", "a", Token))!.Sealed;
        Assert.True(byNumber.Span.SequenceEqual(value));
        Assert.True(byName.Span.SequenceEqual(value));
    }

    [Fact]
    public async Task Labels_are_set_moved_and_removed()
    {
        SecretState state = await AddSecretAsync(StoreRows.Plain(Shop.Id, "a"), StoreRows.PlainVersion(1), StoreRows.PlainVersion(2));
        VersionLabel blue = VersionLabel.Parse("blue"), upper = VersionLabel.Parse("BLUE"), spaced = VersionLabel.Parse("a label ~");
        state = await ChangeAsync(state, s => s with { Labels = s.Labels.Add(blue, 1).Add(upper, 2).Add(spaced, 1) });
        Assert.Equal(state.Labels, await Store.Secrets.LabelsAsync(state.Head.Id, Token));
        state = await ChangeAsync(state, s => s with { Labels = s.Labels.SetItem(blue, 2).Remove(spaced).Add(VersionLabel.Pending, 1) });
        Assert.Equal(state.Labels, await Store.Secrets.LabelsAsync(state.Head.Id, Token));
        state = await ChangeAsync(state, s => s with { Labels = s.Labels.Clear() });
        Assert.Empty(await Store.Secrets.LabelsAsync(state.Head.Id, Token));
    }

    [Fact]
    public async Task Attributes_change_by_what_was_loaded_and_tags_live_in_the_head()
    {
        SecretState state = await AddSecretAsync(StoreRows.Secret(Shop.Id, "a"), StoreRows.PlainVersion(1));
        state = await ChangeAsync(state, s => s with
        {
            Attributes = s.Attributes.Add((0, AttributeSpace.Label, "k"), "1").Add((0, AttributeSpace.Annotation, "k"), "2").Add((0, AttributeSpace.Custom, "k"), "3")
                .Add((1, AttributeSpace.VersionTag, "k"), "4").Add((1, AttributeSpace.VersionTag, "K"), ""),
        });
        Same(Sorted(state), await Store.Secrets.AttributesAsync(state.Head.Id, Token));
        state = await ChangeAsync(state, s => s with
        {
            Head = s.Head with { Tags = StoreRows.Pairs(("env", "dev"), ("new", "")) },
            Attributes = s.Attributes.Remove((0, AttributeSpace.Label, "k")).SetItem((0, AttributeSpace.Custom, "k"), "5").SetItem((1, AttributeSpace.VersionTag, "K"), "6"),
        });
        Same(Sorted(state), await Store.Secrets.AttributesAsync(state.Head.Id, Token));
        Same(state.Head.Tags, (await HeadAsync(state)).Tags);
        // A command that loaded none leaves the others alone.
        SecretState loaded = new() { Head = state.Head, Versions = state.Versions };
        SecretState after = await ChangeAsync(loaded, s => s with { Attributes = s.Attributes.Add((1, AttributeSpace.VersionTag, "extra"), "7"), Head = s.Head with { Tags = Secret.NoTags } });
        Same(Sorted(state with { Attributes = state.Attributes.SetItems(after.Attributes) }), await Store.Secrets.AttributesAsync(state.Head.Id, Token));
        Assert.Empty((await HeadAsync(state)).Tags);

        static IEnumerable<SecretAttribute> Sorted(SecretState state) => state.Attributes
            .Select(a => new SecretAttribute(a.Key.Number, a.Key.Space, a.Key.Key, a.Value)).OrderBy(a => a.Number).ThenBy(a => a.Space).ThenBy(a => a.Key, StringComparer.Ordinal);
    }

    [Fact]
    public async Task Annotations_change_by_what_was_loaded()
    {
        SecretState state = await AddSecretAsync(StoreRows.Plain(Shop.Id, "a"), StoreRows.PlainVersion(1));
        state = await ChangeAsync(state, s => s with { Annotations = s.Annotations.Add((0, "aws"), "{}").Add((0, "vault"), "[]").Add((1, "aws"), "1") });
        Same(new SecretAnnotation[] { new(0, "aws", "{}"), new(0, "vault", "[]"), new(1, "aws", "1") }, await Store.Secrets.AnnotationsAsync(state.Head.Id, Token));
        state = await ChangeAsync(state, s => s with { Annotations = s.Annotations.Remove((0, "vault")).SetItem((1, "aws"), "2") });
        await ChangeAsync(new() { Head = state.Head }, s => s with { Annotations = s.Annotations.Add((0, "google"), "3") });
        Same(new SecretAnnotation[] { new(0, "aws", "{}"), new(0, "google", "3"), new(1, "aws", "2") }, await Store.Secrets.AnnotationsAsync(state.Head.Id, Token));
    }
}
