using Coffer.Core.Stores;
using Coffer.Testing;

namespace Coffer.Stores.Tests;

/// <summary>The reference holds to the same contract; so the suite itself is tried by two stores.</summary>
public sealed class InMemoryStoreContract : StoreContract
{
    protected override ValueTask<IStore> CreateAsync() => new(new InMemoryStore());

    protected override ValueTask<IStore> ReopenAsync(IStore disposed) => new(InMemoryStore.Reopen((InMemoryStore)disposed));

    protected override ValueTask<IStore> OpenBackupAsync(string file) => new(InMemoryStore.FromBackup(file));
}
