using Coffer.Core.Access;
using Coffer.Core.Secrets;
using Coffer.Core.Stores;
using Xunit;

namespace Coffer.Testing;

public abstract partial class StoreContract
{
    [Fact]
    public async Task A_vault_comes_back_member_for_member() => Same(new[] { Shop }, await Store.Secrets.VaultsAsync(Token));

    [Fact]
    public async Task Vaults_come_by_name()
    {
        await AddVaultAsync(StoreRows.Vault("zoo", 2));
        await AddVaultAsync(StoreRows.Vault("alpha", 3));
        Assert.Equal(["alpha", "shop", "zoo"], (await Store.Secrets.VaultsAsync(Token)).Select(v => v.Name.Value));
    }

    [Fact]
    public async Task A_vault_is_replaced_with_its_aliases()
    {
        Vault changed = Shop with
        {
            Description = "", Owner = "", RetentionDays = 90, PurgeProtection = false, AzureAccess = AzureAccess.Rbac, KeyValue = new(), SettingsRevision = 9,
            Aliases = StoreRows.Pairs(("google", "other")), PolicyDigest = default, Mac = new byte[] { 1 },
        };
        Assert.Equal(Shop.Id, await CommitAsync(t => t.SaveAsync(changed, Token)));
        Same(new[] { changed }, await Store.Secrets.VaultsAsync(Token));
    }

    [Fact]
    public async Task A_name_a_number_and_an_alias_belong_to_one_vault()
    {
        Vault other = StoreRows.Vault("other", 2);
        Assert.Null(await CommitAsync(t => t.SaveAsync(other with { Name = Shop.Name }, Token)));
        Assert.Null(await CommitAsync(t => t.SaveAsync(other with { Number = Shop.Number }, Token)));
        Assert.Null(await CommitAsync(t => t.SaveAsync(other with { Aliases = Shop.Aliases }, Token)));
        Same(new[] { Shop }, await Store.Secrets.VaultsAsync(Token));
        Vault saved = await AddVaultAsync(other);
        Assert.Null(await CommitAsync(t => t.SaveAsync(saved with { Aliases = Shop.Aliases }, Token)));
        Assert.Equal(2, (await Store.Secrets.VaultsAsync(Token)).Count);
        Same(saved, (await Store.Secrets.VaultsAsync(Token)).Single(v => v.Id == saved.Id));
    }

    [Fact]
    public async Task A_vault_keeps_its_name_and_number()
    {
        Assert.Null(await CommitAsync(t => t.SaveAsync(Shop with { Name = VaultName.Parse("renamed") }, Token)));
        Assert.Null(await CommitAsync(t => t.SaveAsync(Shop with { Number = VaultNumber.From(999_999_999_999) }, Token)));
        Assert.Null(await CommitAsync(t => t.SaveAsync(Shop with { Id = Shop.Id + 100 }, Token)));
        Same(new[] { Shop }, await Store.Secrets.VaultsAsync(Token));
    }

    [Fact]
    public async Task A_vault_goes_only_when_it_is_empty()
    {
        SecretState state = await AddSecretAsync(StoreRows.Secret(Shop.Id, "a"));
        Assert.False(await CommitAsync(t => t.RemoveVaultAsync(Shop.Id, Token)));
        Assert.False(await CommitAsync(t => t.RemoveVaultAsync(Shop.Id + 100, Token)));
        Assert.NotNull(await SaveAsync(new SecretChange { Before = state }));
        Assert.True(await CommitAsync(t => t.RemoveVaultAsync(Shop.Id, Token)));
        Assert.Empty(await Store.Secrets.VaultsAsync(Token));
    }

    [Fact]
    public async Task A_vault_takes_its_policies_and_roles_along_and_no_others()
    {
        Vault other = await AddVaultAsync(StoreRows.Vault("other", 2));
        Assert.True(await SaveAsync(new AccessChange
        {
            Policies = [StoreRows.Policy(1, Attachment.To(Shop.Number)), StoreRows.Policy(2, Attachment.To(other.Number)), StoreRows.Policy(3, Attachment.Server)],
            Roles = [StoreRows.Role(1, "shop"), StoreRows.Role(1, "other"), StoreRows.Role(1, null)],
        }));
        AccessRows before = await Store.Access.LoadAsync(Token);
        Assert.True(await CommitAsync(t => t.RemoveVaultAsync(Shop.Id, Token)));
        AccessRows after = await Store.Access.LoadAsync(Token);
        Assert.True(after.Epoch > before.Epoch);
        Assert.Equal([Attachment.Server, Attachment.To(other.Number)], after.Policies.Select(p => p.AttachedTo).OrderBy(a => a.Kind));
        Assert.Equal(["", "other"], after.Roles.Select(r => r.Vault?.Value ?? "").Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task The_row_number_of_a_vault_is_never_given_again()
    {
        Assert.True(await CommitAsync(t => t.RemoveVaultAsync(Shop.Id, Token)));
        Assert.True((await AddVaultAsync(StoreRows.Vault("shop", 2))).Id > Shop.Id);
    }

    [Fact]
    public async Task Secrets_are_counted_by_vault()
    {
        Vault other = await AddVaultAsync(StoreRows.Vault("other", 2));
        Assert.Equal(0, await Store.Secrets.CountAsync(Shop.Id, Token));
        SecretState deleted = await AddSecretAsync(StoreRows.Secret(Shop.Id, "deleted"));
        await AddSecretAsync(StoreRows.Plain(Shop.Id, "a_b", 2));
        await AddSecretAsync(StoreRows.Plain(Shop.Id, "a b", 3));
        await AddSecretAsync(StoreRows.Plain(other.Id, "a", 4));
        Assert.Equal((3, 1), (await Store.Secrets.CountAsync(Shop.Id, Token), await Store.Secrets.CountAsync(other.Id, Token)));
        await SaveAsync(new SecretChange { Before = deleted });
        Assert.Equal((2, 1), (await Store.Secrets.CountAsync(Shop.Id, Token), await Store.Secrets.CountAsync(other.Id, Token)));
    }
}
