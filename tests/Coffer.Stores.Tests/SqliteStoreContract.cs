using Coffer.Core.Stores;
using Coffer.Testing;

namespace Coffer.Stores.Tests;

public sealed class SqliteStoreContract : StoreContract
{
    private readonly SqliteFolder _folder = new(), _restored = new();

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        _folder.Dispose();
        _restored.Dispose();
    }

    protected override async ValueTask<IStore> CreateAsync() => await _folder.OpenAsync();

    protected override async ValueTask<IStore> ReopenAsync(IStore disposed) => await _folder.OpenAsync();

    protected override async ValueTask<IStore> OpenBackupAsync(string file)
    {
        _restored.Place(file);
        return await _restored.OpenAsync();
    }
}
