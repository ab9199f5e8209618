using System.Collections.Immutable;
using Coffer.Core.Access;
using Coffer.Core.Secrets;
using Coffer.Core.Stores;
using Xunit;

namespace Coffer.Testing;

/// <summary>
/// What every store must do. A store's own test class inherits it and says how to make one; nothing in here knows which.
/// </summary>
public abstract partial class StoreContract : IAsyncLifetime
{
    private static readonly string[] Locations = ["", StoreRows.Region];

    /// <summary>The store under test, empty but for <see cref="Shop"/>.</summary>
    protected IStore Store { get; private set; } = null!;

    /// <summary>A vault that every test may use.</summary>
    protected Vault Shop { get; private set; } = null!;

    /// <summary>The running test's token.</summary>
    protected static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <inheritdoc/>
    public virtual async ValueTask InitializeAsync()
    {
        Store = await CreateAsync();
        Shop = await AddVaultAsync(StoreRows.Vault("shop"));
    }

    /// <inheritdoc/>
    public virtual async ValueTask DisposeAsync()
    {
        await Store.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    /// <summary>Makes a store that nobody else uses, with nothing in it.</summary>
    protected abstract ValueTask<IStore> CreateAsync();

    /// <summary>Opens the rows of a store that was just disposed.</summary>
    protected abstract ValueTask<IStore> ReopenAsync(IStore disposed);

    /// <summary>Opens a file that <see cref="IStore.BackupAsync"/> wrote as a store of its own.</summary>
    protected abstract ValueTask<IStore> OpenBackupAsync(string file);

    /// <summary>Whether two rows are the same, member for member.</summary>
    protected static void Same(object? expected, object? actual) => Assert.Equal(StoreText.Of(expected), StoreText.Of(actual));

    /// <summary>Runs one transaction and commits it.</summary>
    protected async ValueTask<T> CommitAsync<T>(Func<IStoreTransaction, ValueTask<T>> write)
    {
        await using IStoreTransaction transaction = await Store.BeginAsync(Token);
        T answer = await write(transaction);
        await transaction.CommitAsync(Token);
        return answer;
    }

    /// <summary>Saves a vault that must be new.</summary>
    protected async ValueTask<Vault> AddVaultAsync(Vault vault) =>
        vault with { Id = Assert.NotNull(await CommitAsync(t => t.SaveAsync(vault, Token))) };

    /// <summary>Saves a change; null where it was refused.</summary>
    protected ValueTask<long?> SaveAsync(SecretChange change) => CommitAsync(t => t.SaveAsync(change, Token));

    /// <summary>Saves a change of access rows.</summary>
    protected ValueTask<bool> SaveAsync(AccessChange change) => CommitAsync(t => t.SaveAsync(change, Token));

    /// <summary>Saves a new secret with the given versions and a value for each that has one.</summary>
    protected async ValueTask<SecretState> AddSecretAsync(Secret head, params SecretVersion[] versions)
    {
        SecretState state = new() { Head = head, Versions = versions.ToImmutableSortedDictionary(v => v.Number, v => v) };
        long id = Assert.NotNull(await SaveAsync(new SecretChange { After = state, Versions = versions, Values = [.. versions.Where(v => v.HasValue).Select(v => (v.Number, ValueOf(v)))] }));
        return state with { Head = head with { Id = id } };
    }

    /// <summary>The sealed bytes that <see cref="AddSecretAsync"/> stores.</summary>
    protected static byte[] ValueOf(SecretVersion version) => StoreRows.Bytes("value", version.Number, 50 + version.Number);

    /// <summary>The head as it would be after a change.</summary>
    protected static Secret Touched(Secret head, Func<Secret, Secret>? more = null)
    {
        Secret changed = head with { Changed = head.Changed + 1, Mac = StoreRows.Bytes("mac of change", (int)(head.Changed % 1000)) };
        return more is null ? changed : more(changed);
    }

    /// <summary>Writes one state over another, as the core does.</summary>
    protected async ValueTask<SecretState> ChangeAsync(SecretState before, Func<SecretState, SecretState> change)
    {
        SecretState after = change(before with { Head = Touched(before.Head) });
        Assert.NotNull(await SaveAsync(SecretChange.Between(before, after)));
        return after;
    }

    /// <summary>Everything in the store, as text.</summary>
    protected ValueTask<string> AllAsync() => StoreText.OfAsync(Store, Locations, Token);

    private async ValueTask<Secret> HeadAsync(SecretState state) => (await Store.Secrets.FindHeadAsync(state.Head.Uid, Token))!;

    private async ValueTask FillAsync()
    {
        Principal owner = StoreRows.Principal(), other = StoreRows.Principal(2);
        SecretState full = await AddSecretAsync(StoreRows.Secret(Shop.Id, "db/password"), StoreRows.Version(1), StoreRows.Version(2), StoreRows.Version(4));
        await ChangeAsync(full, state => state with
        {
            Labels = state.Labels.Add(VersionLabel.Pending, 2).Add(VersionLabel.Parse("blue"), 1),
            Attributes = state.Attributes.Add((0, AttributeSpace.Custom, "k"), "v").Add((2, AttributeSpace.VersionTag, "k"), ""),
            Annotations = state.Annotations.Add((0, "aws"), "{}").Add((1, "azure"), """{"a":1}"""),
        });
        await AddSecretAsync(StoreRows.Plain(Shop.Id, "plain", 2), StoreRows.PlainVersion(1));
        Assert.True(await SaveAsync(new AccessChange
        {
            Principals = [owner, other],
            Groups = [StoreRows.Group(1, owner.Id, other.Id), StoreRows.Group(2)],
            Credentials = [StoreRows.Credential(1, owner.Id), StoreRows.Credential(2, null)],
            Trusts = [StoreRows.Trust(1, owner.Id)],
            Policies =
            [
                StoreRows.Policy(1, Attachment.Server), StoreRows.Policy(2, Attachment.To(Shop.Number)), StoreRows.Policy(3, Attachment.To(full.Head.Uid)),
                StoreRows.Policy(4, Attachment.ToPrincipal(owner.Id)), StoreRows.Policy(5, Attachment.ToGroup(StoreRows.Group(1).Id)),
                StoreRows.Policy(6, Attachment.ToCredential(StoreRows.Credential(1, null).PublicId)),
            ],
            Roles = [StoreRows.Role(1, null), StoreRows.Role(1, "shop")],
            Aliases = [StoreRows.Alias(1, owner.Id)],
        }));
        Assert.True(await Store.Keys.ReplaceAsync(StoreRows.Keys(1, 3), 0, Token));
        await CommitAsync(async t =>
        {
            await t.AddPendingAsync(new(Guid.CreateVersion7(), [1, 2, 3]), Token);
            return 0;
        });
        await Store.Audit.SaveCheckpointAsync([4, 5, 6], Token);
    }
}
