using System.Collections.Immutable;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;
using Xunit;

namespace Coffer.Core.Tests.Secrets;

public sealed class CreateTests
{
    private static readonly CreateSecret Command = new() { Uid = new(7), Name = SecretName.Parse("db") };

    [Fact]
    public void A_new_secret_has_no_version_and_revision_1()
    {
        Transition created = SecretTransitions.Create(null, Story.Begin().Vault, Command with { Description = "the database" }, 5);
        Secret head = created.After!.Head;
        Assert.Equal(SecretEvents.Created, created.Events);
        Assert.Equal((0, 0, 0, 0, 0), (head.Highest, head.Current, head.Previous, head.Oldest, head.VersionCount));
        Assert.Equal((5, 5, 1), (head.Created, head.Changed, head.Revision));
        Assert.Equal(("the database", new SecretUid(7), 7L), (head.Description, head.Uid, head.VaultId));
        Assert.False(head.EverTagged);
        Assert.Empty(created.After.Versions);
    }

    [Fact]
    public void Tags_and_annotations_come_with_it()
    {
        Secret head = SecretTransitions.Create(null, Story.Begin().Vault, Command with { Tags = Secret.NoTags.Add("env", "prod") }, 5).After!.Head;
        Assert.Equal("prod", head.Tags["env"]);
        Assert.True(head.EverTagged);
        SecretState state = SecretTransitions.Create(null, Story.Begin().Vault, Command with { Annotations = ImmutableDictionary<string, string>.Empty.Add("aws", "{}") }, 5).After!;
        Assert.Equal("{}", state.Annotations[(0, "aws")]);
    }

    [Fact]
    public void A_name_that_is_taken_is_refused() =>
        Story.Begin().Refuses(CofferErrorCode.AlreadyExists, s => SecretTransitions.Create(s.Head, s.Vault, Command, s.Now));

    [Fact]
    public void A_recoverable_secret_holds_its_name() =>
        Story.Begin().Delete(Story.Day).Refuses(CofferErrorCode.Deleted, s => SecretTransitions.Create(s.Head, s.Vault, Command, s.Now + Story.Day - 1));

    [Fact]
    public void A_secret_past_its_date_does_not_hold_its_name_even_while_its_row_is_there()
    {
        Story deleted = Story.Begin().Delete(Story.Day);
        Transition created = SecretTransitions.Create(deleted.Head, deleted.Vault, Command, deleted.Now + Story.Day);
        Assert.Equal(new SecretUid(7), created.After!.Head.Uid);
        Assert.Equal(0, created.After.Head.Id);

        Story expired = Story.Begin().Edit(new() { Expires = Story.Start + 10 });
        Assert.Equal(SecretEvents.Created, SecretTransitions.Create(expired.Head, expired.Vault, Command, Story.Start + 10).Events);
    }

    [Fact]
    public void Limits_are_enforced()
    {
        Vault vault = Story.Begin().Vault;
        Story.Begin().Refuses(CofferErrorCode.InvalidRequest, _ => SecretTransitions.Create(null, vault, Command with { Description = new string('x', 2049) }, 0));
        Story.Begin().Refuses(CofferErrorCode.QuotaExceeded, _ => SecretTransitions.Create(null, vault, Command with { Tags = Secret.NoTags.AddRange(Enumerable.Range(0, 101).Select(i => KeyValuePair.Create($"k{i}", ""))) }, 0));
        Story.Begin().Refuses(CofferErrorCode.InvalidRequest, _ => SecretTransitions.Create(null, vault, Command with { Tags = Secret.NoTags.Add("", "x") }, 0));
        Assert.NotNull(SecretTransitions.Create(null, vault, Command with { Description = new string('x', 2048) }, 0).After);
    }
}
