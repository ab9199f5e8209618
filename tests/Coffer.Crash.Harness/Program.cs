// A server's core under load, to be killed at any moment. Each line on stdout says what was acknowledged, after it was:
//   W <name> <version> <sha256 of the value>    a write
//   R <request id>                              an answered read
// With "rotate" in place of the number of workers it rotates one secret, and tells each step: see Rotation.cs.
using System.Globalization;
using System.Security.Cryptography;
using Coffer.Core;
using Coffer.Core.Access;
using Coffer.Core.Sealing;
using Coffer.Core.Secrets;
using Coffer.Core.Stores;
using Coffer.Stores.Sqlite;

string folder = args[0];
bool rotates = args[1] == "rotate";
int workers = rotates ? 0 : int.Parse(args[1], CultureInfo.InvariantCulture);
await using IStore store = await SqliteStore.OpenAsync(new SqliteOptions { Folder = Path.Combine(folder, "store") }, TimeProvider.System, default);
CofferCore core = new(new() { Store = store, AuditDirectory = Path.Combine(folder, "audit"), Clock = TimeProvider.System, Functions = rotates ? new Rotation() : null, Retries = new(1, 1) });
KeyFileSeal seal = new(Path.Combine(folder, "seal.key"));
if (!await core.Seals.InitializeAsync(seal, default))
{
    await core.Seals.UnsealAsync(seal, default);
}

await core.StartAsync(default);
VaultName vault = VaultName.Parse("crash-dev");
if (await core.BootstrapAsync(PrincipalName.Parse("admin"), 12345, default))
{
    await core.Admin.CreateVaultAsync(CallerOf("setup"), vault, new(), default);
}

if (rotates)
{
    await Rotation.RunAsync(core, new(vault, SecretName.Parse("rotated")), CallerOf("rotate"));
    return;
}

TextWriter output = TextWriter.Synchronized(Console.Out);
output.WriteLine("READY");
output.Flush();
await Task.WhenAll(Enumerable.Range(0, workers).Select(worker => Task.Run(() => WorkAsync(worker))));

async Task WorkAsync(int worker)
{
    for (int i = 0; ; i++)
    {
        SecretPath path = new(vault, SecretName.Parse($"w{worker}/s{RandomNumberGenerator.GetInt32(0, 5)}"));
        if (i % 3 != 0)
        {
            byte[] bytes = RandomNumberGenerator.GetBytes(RandomNumberGenerator.GetInt32(1, 200));
            using SecretValue value = SecretValue.Copy(bytes);
            WriteOutcome written = await core.Secrets.AddVersionAsync(CallerOf("write"), path, new() { Value = value, Kind = ValueKind.Binary }, createIfMissing: true, default);
            output.WriteLine($"W {path.Name} {written.Version!.Number} {Convert.ToHexString(SHA256.HashData(bytes))}");
        }
        else
        {
            Caller caller = CallerOf("read");
            try
            {
                using SecretReading reading = await core.Secrets.GetValueAsync(caller, path, VersionSelector.Current, default);
                output.WriteLine($"R {caller.RequestId}");
            }
            catch (Coffer.Core.Errors.CofferException missing) when (missing.Code == Coffer.Core.Errors.CofferErrorCode.NotFound)
            {
                output.WriteLine($"R {caller.RequestId}");
            }
        }

        output.Flush();
    }
}

Caller CallerOf(string operation)
{
    Identity identity = core.Credentials.ProveLocalUser(12345).Identity!;
    return new()
    {
        Principal = identity.Principal,
        Credential = identity.Credential,
        Dialect = "test",
        WireOperation = operation,
        RequestId = Guid.NewGuid().ToString("D"),
    };
}
