using Coffer.Core;
using Coffer.Core.Access;
using Coffer.Core.Sealing;
using Coffer.Core.Stores;
using Coffer.Stores.Sqlite;

namespace Coffer.Server;

/// <summary>A server's folder while no server runs on it: making one, restoring one, checking a backup.</summary>
public static class ServerInstallation
{
    /// <summary>
    /// Makes keys, certificates and the first operator, proven by the user who runs this. False where there is a server in
    /// the folder already. Throws <see cref="ServerStartException"/>.
    /// </summary>
    public static async Task<bool> CreateAsync(ServerOptions options, PrincipalName operatorName, ISeal seal, TimeProvider clock, CancellationToken cancellationToken)
    {
        await using IStore store = await CofferServer.OpenStoreAsync(options, clock, cancellationToken).ConfigureAwait(false);
        await using CofferCore core = new(new() { Store = store, AuditDirectory = options.AuditDirectory, Clock = clock });
        if (!await core.Seals.InitializeAsync(seal, cancellationToken).ConfigureAwait(false))
        {
            return false;
        }

        await core.StartAsync(cancellationToken).ConfigureAwait(false);
        await core.BootstrapAsync(operatorName, LocalUser.Id, cancellationToken).ConfigureAwait(false);
        _ = ServerCertificates.Open(options with { Address = System.Net.IPAddress.Loopback }, clock);
        return true;
    }

    /// <summary>
    /// Decrypts a backup into an empty folder of its own and opens every record of it. The folder is the restored store; with
    /// <paramref name="keep"/> false it is removed again.
    /// </summary>
    /// <param name="file">The backup.</param>
    /// <param name="directory">Folder for the store; must not exist or be empty.</param>
    /// <param name="keep">Whether the folder stays if every record opens.</param>
    /// <param name="seal">Opens the backup's key table.</param>
    /// <param name="clock">The clock.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static async Task<CheckReport> RestoreAsync(string file, string directory, bool keep, ISeal seal, TimeProvider clock, CancellationToken cancellationToken)
    {
        if (Directory.Exists(directory) && Directory.EnumerateFileSystemEntries(directory).Any())
        {
            throw new ServerStartException($"{directory} is not empty", "restore into a new folder");
        }

        Directory.CreateDirectory(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        bool whole = false;
        try
        {
            SqliteOptions options = new() { Folder = directory };
            KeyTable? table = null;
            await using (FileStream source = new(file, FileMode.Open, FileAccess.Read))
            await using (FileStream target = new(options.DatabasePath, new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            }))
            {
                await BackupFile.ReadAsync(source, t => SealService.Open(seal, table = t), target, cancellationToken).ConfigureAwait(false);
                target.Flush(flushToDisk: true);
            }

            await using IStore store = await SqliteStore.OpenAsync(options, clock, cancellationToken).ConfigureAwait(false);
            using Keyring keys = SealService.Open(seal, table!);
            CheckReport report = await StoreCheck.RunAsync(store, keys, cancellationToken).ConfigureAwait(false);
            whole = report.Faults.Count == 0;
            return report;
        }
        finally
        {
            if (!keep || !whole)
            {
                Directory.Delete(directory, recursive: true);
            }
        }
    }
}
