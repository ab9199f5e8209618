using Coffer.Core.Access;
using Coffer.Core.Secrets;
using Coffer.Core.Stores;
using Xunit;

namespace Coffer.Testing;

public abstract partial class StoreContract
{
    [Fact]
    public async Task Rows_that_decide_access_come_back_member_for_member()
    {
        Principal principal = StoreRows.Principal();
        AccessChange change = new()
        {
            Principals = [principal, StoreRows.Principal(2) with { Home = null, Enabled = false, Annotations = Secret.NoTags }],
            Groups = [StoreRows.Group(1, principal.Id, StoreRows.Principal(2).Id), StoreRows.Group(2)],
            Trusts = [StoreRows.Trust(1, principal.Id), StoreRows.Trust(2, principal.Id) with { Claims = Secret.NoTags }, StoreRows.Trust(3, principal.Id) with { PrincipalId = null, PrincipalClaim = null, NewGroup = null, Audiences = [], Settings = "", Sealed = default }],
            Policies = [StoreRows.Policy(1, Attachment.Server), StoreRows.Policy(2, Attachment.ToPrincipal(principal.Id))],
            Roles = [StoreRows.Role(1, null), StoreRows.Role(1, "shop"), new("vault", null, "empty", [])],
            Aliases = [StoreRows.Alias(1, principal.Id), StoreRows.Alias(2, principal.Id) with { Metadata = Secret.NoTags }],
            Approvals = [StoreRows.Approval(1, principal.Id), StoreRows.Approval(2, principal.Id) with { State = ApprovalState.Pending, DecidedBy = null, DecidedAt = null, ValidUntil = null, Grant = "" }],
        };
        Assert.True(await SaveAsync(change));
        AccessRows rows = await Store.Access.LoadAsync(Token);
        SameSet(change.Principals, rows.Principals);
        SameSet(change.Groups, rows.Groups);
        SameSet(change.Trusts, rows.Trusts);
        SameSet(change.Policies, rows.Policies);
        SameSet(change.Roles, rows.Roles);
        SameSet(change.Aliases, rows.Aliases);
        SameSet(change.Approvals, rows.Approvals);
    }

    [Fact]
    public async Task Rows_that_decide_access_are_replaced_by_key()
    {
        Principal principal = StoreRows.Principal(), second = StoreRows.Principal(2);
        Assert.True(await SaveAsync(new AccessChange
        {
            Principals = [principal, second],
            Groups = [StoreRows.Group(1, principal.Id)],
            Credentials = [StoreRows.Credential(1, principal.Id)],
            Trusts = [StoreRows.Trust(1, principal.Id)],
            Policies = [StoreRows.Policy(1, Attachment.Server)],
            Roles = [StoreRows.Role(1, null)],
            Aliases = [StoreRows.Alias(1, principal.Id)],
            Approvals = [StoreRows.Approval(1, principal.Id)],
        }));
        AccessChange change = new()
        {
            Principals = [StoreRows.Principal(3) with { Id = principal.Id }, second],
            Groups = [StoreRows.Group(3, second.Id) with { Id = StoreRows.Group(1).Id }],
            Credentials = [StoreRows.Credential(3, second.Id) with { PublicId = StoreRows.Credential(1, null).PublicId }],
            Trusts = [StoreRows.Trust(3, second.Id) with { Id = StoreRows.Trust(1, default).Id }],
            Policies = [StoreRows.Policy(3, Attachment.ToPrincipal(second.Id)) with { Id = StoreRows.Policy(1, default).Id, Use = PolicyUse.Identity }],
            Roles = [StoreRows.Role(1, null) with { Permissions = ["other"], Mac = new byte[] { 9 } }],
            Approvals = [StoreRows.Approval(3, second.Id) with { Id = StoreRows.Approval(1, default).Id }],
            Aliases = [StoreRows.Alias(1, second.Id) with { Metadata = StoreRows.Pairs(("a", "b")), Mac = new byte[] { 9 } }],
        };
        Assert.True(await SaveAsync(change));
        AccessRows rows = await Store.Access.LoadAsync(Token);
        SameSet(change.Principals, rows.Principals);
        SameSet(change.Groups, rows.Groups);
        SameSet(change.Trusts, rows.Trusts);
        SameSet(change.Policies, rows.Policies);
        SameSet(change.Roles, rows.Roles);
        SameSet(change.Aliases, rows.Aliases);
        SameSet(change.Approvals, rows.Approvals);
        // Uses and the last day are written by using it alone: an edit of what was loaded before must not bring a use back.
        Credential old = StoreRows.Credential(1, null);
        Same(change.Credentials[0] with { UsesLeft = old.UsesLeft, LastUsedDay = old.LastUsedDay, LastStep = old.LastStep }, await Store.Access.FindCredentialAsync(old.PublicId, Token));
        Assert.Null(await Store.Access.FindCredentialAsync(old.Verifier, Token));
        Assert.NotNull(await Store.Access.FindCredentialAsync(change.Credentials[0].Verifier, Token));
    }

    [Fact]
    public async Task A_taken_name_or_a_principal_that_is_not_there_refuses_the_whole_change()
    {
        Principal principal = StoreRows.Principal();
        Assert.True(await SaveAsync(new AccessChange
        {
            Principals = [principal, StoreRows.Principal(8)],
            Groups = [StoreRows.Group(1, principal.Id)],
            Credentials = [StoreRows.Credential(1, principal.Id)],
            Trusts = [StoreRows.Trust(1, principal.Id)],
            Policies = [StoreRows.Policy(1, Attachment.Server)],
        }));
        string before = await AllAsync();
        Guid nobody = StoreRows.Id("nobody", 1);
        AccessChange[] refused =
        [
            new() { Principals = [StoreRows.Principal(2) with { Name = principal.Name }] },
            new() { Groups = [StoreRows.Group(2) with { Name = StoreRows.Group(1).Name }] },
            new() { Trusts = [StoreRows.Trust(2, principal.Id) with { Name = StoreRows.Trust(1, default).Name }] },
            new() { Policies = [StoreRows.Policy(2, Attachment.Server) with { Name = StoreRows.Policy(1, default).Name }] },
            new() { Credentials = [StoreRows.Credential(2, null) with { Verifier = StoreRows.Credential(1, null).Verifier }] },
            new() { Groups = [StoreRows.Group(2, nobody)] },
            new() { Credentials = [StoreRows.Credential(2, nobody)] },
            new() { Trusts = [StoreRows.Trust(2, nobody)] },
            new() { Aliases = [StoreRows.Alias(2, nobody)] },
            new() { Approvals = [StoreRows.Approval(2, nobody)] },
        ];
        foreach (AccessChange change in refused)
        {
            Assert.False(await SaveAsync(change with
            {
                Principals = [StoreRows.Principal(9), .. change.Principals],
                Roles = [StoreRows.Role(9, null)],
                RemovedPrincipals = [StoreRows.Principal(8).Id],
            }));
            Assert.Equal(before, await AllAsync());
        }

        // What is free again may be taken in the same change; one name may hang on two objects and in two languages.
        Assert.True(await SaveAsync(new AccessChange
        {
            RemovedPrincipals = [principal.Id],
            RemovedPolicies = [StoreRows.Policy(1, default).Id],
            Principals = [StoreRows.Principal(2) with { Name = principal.Name }],
            Policies =
            [
                StoreRows.Policy(2, Attachment.Server) with { Name = "p" }, StoreRows.Policy(3, Attachment.Server) with { Name = "p", Language = "vault" },
                StoreRows.Policy(4, Attachment.To(Shop.Number)) with { Name = "p" },
            ],
        }));
    }

    [Fact]
    public async Task A_refused_change_leaves_the_rest_of_its_transaction()
    {
        await using IStoreTransaction transaction = await Store.BeginAsync(Token);
        Assert.True(await transaction.SaveAsync(new AccessChange { Principals = [StoreRows.Principal(1)] }, Token));
        Assert.False(await transaction.SaveAsync(new AccessChange { Principals = [StoreRows.Principal(2), StoreRows.Principal(3) with { Name = StoreRows.Principal(1).Name }] }, Token));
        Assert.True(await transaction.SaveAsync(new AccessChange { Principals = [StoreRows.Principal(4)] }, Token));
        await transaction.CommitAsync(Token);
        Assert.Equal(["principal1", "principal4"], (await Store.Access.LoadAsync(Token)).Principals.Select(p => p.Name.Value).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_removed_principal_takes_along_what_is_its_own()
    {
        Principal gone = StoreRows.Principal(1), kept = StoreRows.Principal(2);
        AccessChange keeps = new()
        {
            Principals = [kept],
            Groups = [StoreRows.Group(1, kept.Id), StoreRows.Group(2)],
            Credentials = [StoreRows.Credential(2, kept.Id), StoreRows.Credential(3, null)],
            Trusts = [StoreRows.Trust(2, kept.Id)],
            Policies = [StoreRows.Policy(2, Attachment.ToPrincipal(kept.Id)), StoreRows.Policy(3, Attachment.ToCredential(StoreRows.Credential(2, null).PublicId)), StoreRows.Policy(4, Attachment.ToGroup(StoreRows.Group(1).Id))],
            Aliases = [StoreRows.Alias(2, kept.Id)],
            Approvals = [StoreRows.Approval(2, kept.Id)],
        };
        Assert.True(await SaveAsync(keeps));
        string before = WithoutEpoch(await AllAsync());
        Assert.True(await SaveAsync(new AccessChange
        {
            Principals = [gone],
            Groups = [StoreRows.Group(1, kept.Id, gone.Id), StoreRows.Group(2, gone.Id)],
            Credentials = [StoreRows.Credential(1, gone.Id)],
            Trusts = [StoreRows.Trust(1, gone.Id)],
            Policies = [StoreRows.Policy(1, Attachment.ToPrincipal(gone.Id)), StoreRows.Policy(5, Attachment.ToCredential(StoreRows.Credential(1, null).PublicId))],
            Aliases = [StoreRows.Alias(1, gone.Id)],
            Approvals = [StoreRows.Approval(1, gone.Id)],
        }));
        Assert.True(await SaveAsync(new AccessChange { RemovedPrincipals = [gone.Id] }));
        Assert.Equal(before, WithoutEpoch(await AllAsync()));
    }

    [Fact]
    public async Task Groups_credentials_trusts_and_policies_are_removed_with_what_hangs_on_them()
    {
        Principal principal = StoreRows.Principal();
        Assert.True(await SaveAsync(new AccessChange { Principals = [principal] }));
        string before = WithoutEpoch(await AllAsync());
        Credential credential = StoreRows.Credential(1, principal.Id);
        Assert.True(await SaveAsync(new AccessChange
        {
            Groups = [StoreRows.Group(1, principal.Id)],
            Credentials = [credential],
            Trusts = [StoreRows.Trust(1, principal.Id)],
            Aliases = [StoreRows.Alias(1, principal.Id)],
            Approvals = [StoreRows.Approval(1, principal.Id)],
            Policies = [StoreRows.Policy(1, Attachment.ToGroup(StoreRows.Group(1).Id)), StoreRows.Policy(2, Attachment.ToCredential(credential.PublicId)), StoreRows.Policy(3, Attachment.Server)],
        }));
        Assert.True(await SaveAsync(new AccessChange
        {
            RemovedGroups = [StoreRows.Group(1).Id, StoreRows.Id("unknown", 1)],
            RemovedCredentials = [credential.PublicId, "unknown"],
            RemovedTrusts = [StoreRows.Trust(1, default).Id],
            RemovedAliases = [(StoreRows.Alias(1, default).Mount, StoreRows.Alias(1, default).Name), ("unknown", "unknown")],
            RemovedApprovals = [StoreRows.Approval(1, default).Id, "unknown"],
            RemovedPolicies = [StoreRows.Policy(3, default).Id],
        }));
        Assert.Equal(before, WithoutEpoch(await AllAsync()));
    }

    [Fact]
    public async Task The_epoch_moves_with_every_change_of_access_and_with_nothing_else()
    {
        long epoch = (await Store.Access.LoadAsync(Token)).Epoch;
        async ValueTask<bool> MovedAsync()
        {
            long before = epoch;
            epoch = (await Store.Access.LoadAsync(Token)).Epoch;
            return epoch > before;
        }

        Assert.True(await SaveAsync(new AccessChange { Principals = [StoreRows.Principal()] }));
        Assert.True(await MovedAsync());
        Assert.True(await SaveAsync(new AccessChange { Credentials = [StoreRows.Credential(1, StoreRows.Principal().Id)] }));
        Assert.True(await MovedAsync());
        Assert.True(await SaveAsync(new AccessChange { RemovedPrincipals = [StoreRows.Principal().Id] }));
        Assert.True(await MovedAsync());
        Assert.True(await SaveAsync(new AccessChange { Credentials = [StoreRows.Credential(2, null)] }));
        Assert.True(await MovedAsync());
        await AddSecretAsync(StoreRows.Plain(Shop.Id, "a"));
        await Store.Access.TakeUseAsync(StoreRows.Credential(2, null).PublicId, Token);
        await Store.Access.MarkUsedAsync([(StoreRows.Credential(2, null).PublicId, 30_000)], Token);
        Assert.False(await MovedAsync());
        await using (IStoreTransaction transaction = await Store.BeginAsync(Token))
        {
            Assert.True(await transaction.SaveAsync(new AccessChange { Principals = [StoreRows.Principal(5)] }, Token));
        }

        Assert.False(await MovedAsync());
    }

    [Fact]
    public async Task Policies_on_secrets_are_asked_for_and_never_loaded_together()
    {
        SecretUid one = SecretUid.Draw(), two = SecretUid.Draw();
        Policy[] policies = [StoreRows.Policy(1, Attachment.To(one)), StoreRows.Policy(2, Attachment.To(one)), StoreRows.Policy(3, Attachment.To(two)), StoreRows.Policy(4, Attachment.Server)];
        Assert.True(await SaveAsync(new AccessChange { Policies = policies }));
        SameSet(policies[..2], await Store.Access.PoliciesAsync(Attachment.To(one), Token));
        SameSet(policies[2..3], await Store.Access.PoliciesAsync(Attachment.To(two), Token));
        SameSet(policies[3..], await Store.Access.PoliciesAsync(Attachment.Server, Token));
        Assert.Empty(await Store.Access.PoliciesAsync(Attachment.To(SecretUid.Draw()), Token));
        SameSet(policies[3..], (await Store.Access.LoadAsync(Token)).Policies);
    }

    private static void SameSet<T>(IEnumerable<T> expected, IEnumerable<T> actual) =>
        Assert.Equal(expected.Select(r => StoreText.Of(r)).Order(StringComparer.Ordinal), actual.Select(r => StoreText.Of(r)).Order(StringComparer.Ordinal));
}
