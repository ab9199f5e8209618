using System.Globalization;
using Coffer.Core;
using Coffer.Core.Access;
using Coffer.Core.Sealing;
using Coffer.Core.Secrets;
using Coffer.Core.Stores;
using Coffer.Server;
using Coffer.Stores.Sqlite;

namespace Coffer.Bench;

/// <summary>Writes numbered secrets into the folder of a stopped server, through the core: sealed, MAC-ed and recorded like any other.</summary>
internal static class Filling
{
    private const int Workers = 256;

    public static async Task RunAsync(string data, string vault, int from, int to)
    {
        await using IStore store = await SqliteStore.OpenAsync(new SqliteOptions { Folder = Path.Combine(data, "store") }, TimeProvider.System, default);
        await using CofferCore core = new(new() { Store = store, AuditDirectory = Path.Combine(data, "audit"), Clock = TimeProvider.System });
        await core.Seals.UnsealAsync(new KeyFileSeal(Path.Combine(data, "seal.key")), default);
        await core.StartAsync(default);
        VaultName name = VaultName.Parse(vault);
        Identity identity = core.Credentials.ProveLocalUser(LocalUser.Id).Identity
            ?? throw new InvalidOperationException("this user has no credential on the server");
        int next = from - 1;
        await Task.WhenAll(Enumerable.Range(0, Workers).Select(_ => Task.Run(async () =>
        {
            for (int i; (i = Interlocked.Increment(ref next)) < to;)
            {
                Caller caller = new()
                {
                    Principal = identity.Principal,
                    Credential = identity.Credential,
                    Dialect = "native",
                    WireOperation = "fill",
                    RequestId = Guid.NewGuid().ToString("D"),
                };
                using SecretValue value = SecretValue.Copy(System.Text.Encoding.UTF8.GetBytes($"value-{i:D7}-of-forty-eight-characters-xxxxxxxxxxxxxxx"));
                SecretPath path = new(name, SecretName.Parse(string.Create(CultureInfo.InvariantCulture, $"team{i % 100:D2}/secret-{i:D7}")));
                await core.Secrets.AddVersionAsync(caller, path, new() { Value = value, Kind = ValueKind.Text }, createIfMissing: true, default);
                if (i % 50_000 == 0)
                {
                    Console.Error.WriteLine($"{i:N0} secrets");
                }
            }
        })));
    }
}
