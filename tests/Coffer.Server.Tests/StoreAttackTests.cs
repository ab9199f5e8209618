using System.Security.Cryptography;
using System.Text;
using Coffer.Core.Access;
using Coffer.Core.Sealing;
using Coffer.Core.Secrets;
using Coffer.Core.Stores;
using Microsoft.Data.Sqlite;

namespace Coffer.Server.Tests;

/// <summary>Whoever can write to the database, or reads the disk, against the whole server.</summary>
public partial class StoreAttackTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private const string Value = "correct-horse-battery-staple-9e07";

    /// <summary>What is written behind the server's back, what must then fail, and the word by which the check names it.</summary>
    public static TheoryData<string, string, string> Forgeries => new()
    {
        { "a grant for another", "INSERT INTO policies SELECT randomblob(16), language, 'g-forged00', use, source, attached_kind, (SELECT attached_id FROM policies WHERE source LIKE '%\"deny\"%'), created, created_by, revision, mac FROM policies WHERE source LIKE '%\"app/*\"%'", "nobody" },
        { "a wider grant", "UPDATE policies SET source = replace(source, 'app/*', '*') WHERE source LIKE '%\"app/*\"%'", "app" },
        { "a grant turned round", "UPDATE policies SET source = replace(source, '\"deny\"', '\"allow\"') WHERE source LIKE '%\"deny\"%'", "nobody" },
        { "a deny removed", "DELETE FROM policies WHERE source LIKE '%\"deny\"%'", "nobody" },
        { "a group membership removed", "DELETE FROM members", "nobody" },
        { "a group membership added", "INSERT INTO members SELECT g.group_id, p.principal_id FROM groups g, principals p WHERE p.name = 'app'", "group" },
        { "a principal made operator", "UPDATE principals SET kind = 3 WHERE name = 'nobody'", "nobody" },
        { "a key given to another", "UPDATE credentials SET principal_id = (SELECT principal_id FROM principals WHERE name = 'app') WHERE principal_id = (SELECT principal_id FROM principals WHERE name = 'nobody')", "credential" },
    };

    [Theory]
    [MemberData(nameof(Forgeries))]
    public async Task Attack_46_what_is_forged_in_the_database_gives_nothing_is_named_and_raises_the_alarm(string what, string sql, string subject)
    {
        await using Ground ground = await Ground.MakeAsync();
        await ground.ChangeAsync(sql);
        await using AttackedServer server = await AttackedServer.StartAsync(ground.Folder, ground.Seal, fill: false);
        foreach (string name in (string[])["app/key", "other/key"])
        {
            Answer native = await server.NativeAsync(HttpMethod.Get, $"{AttackedServer.Secrets}/{Uri.EscapeDataString(name)}/value", token: ground.Nobody.Token);
            Assert.True(native.IsProblem && !native.Body.Contains(Value, StringComparison.Ordinal), $"{what}: {native}");
            Answer aws = await server.AwsAsync("GetSecretValue", $$"""{"SecretId":"{{name}}"}""", ground.Nobody);
            Assert.True(aws.IsAwsError && !aws.Body.Contains(Value, StringComparison.Ordinal), $"{what}: {aws}");
        }

        Answer outside = await server.NativeAsync(HttpMethod.Get, $"{AttackedServer.Secrets}/other%2Fkey/value", token: ground.App.Token);
        Assert.True(outside.IsProblem, $"{what}: {outside}");
        Assert.Contains(server.Log, l => l.StartsWith("Critical", StringComparison.Ordinal) || l.StartsWith("Error", StringComparison.Ordinal));
        await server.StopAsync();
        CheckReport report = await AttackedServer.CheckAsync(ground.Folder, ground.Seal);
        Assert.True(report.Faults.Count > 0, $"{what}, about {subject}: the check names nothing");
    }

    [Fact]
    public async Task Attack_42_46_swapped_and_altered_values_never_open()
    {
        await using Ground ground = await Ground.MakeAsync();
        await ground.ChangeAsync("""
            CREATE TEMP TABLE two AS SELECT v.secret_id, v.number, v.sealed, row_number() OVER () AS n FROM sealed_values v JOIN secrets s USING (secret_id) WHERE s.name IN ('app/key', 'app/twin');
            UPDATE sealed_values SET sealed = (SELECT b.sealed FROM two a JOIN two b ON a.n <> b.n WHERE a.secret_id = sealed_values.secret_id) WHERE secret_id IN (SELECT secret_id FROM two);
            """);
        await using AttackedServer server = await AttackedServer.StartAsync(ground.Folder, ground.Seal, fill: false);
        foreach (string name in (string[])["app/key", "app/twin"])
        {
            Answer native = await server.NativeAsync(HttpMethod.Get, $"{AttackedServer.Secrets}/{Uri.EscapeDataString(name)}/value", token: ground.App.Token);
            Assert.True(native is { Status: 500, IsProblem: true }, native.ToString());
            Assert.Contains("\"code\":\"integrity\"", native.Body, StringComparison.Ordinal);
            Answer aws = await server.AwsAsync("GetSecretValue", $$"""{"SecretId":"{{name}}"}""", ground.App);
            Assert.True(aws is { Status: >= 400, IsAwsError: true }, aws.ToString());
            Assert.DoesNotContain(server.Answers, a => a.Contains(Value, StringComparison.Ordinal));
        }

        Assert.Contains(server.Log, l => l.StartsWith("Critical", StringComparison.Ordinal) || l.StartsWith("Error", StringComparison.Ordinal));
        await server.StopAsync();
        CheckReport report = await AttackedServer.CheckAsync(ground.Folder, ground.Seal);
        Assert.Equal(2, report.Faults.Count(f => f.StartsWith("value of", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Attack_43_46_a_head_row_rolled_back_is_named_by_the_audit_check()
    {
        await using Ground ground = await Ground.MakeAsync();
        string old = Path.Combine(ground.Folder, "..", "old.db");
        await ground.ChangeAsync($"VACUUM INTO '{old}'", changes: false);
        await using (AttackedServer server = await AttackedServer.StartAsync(ground.Folder, ground.Seal, fill: false))
        {
            await server.PutAsync(AttackedServer.Vault, "app/key", "the-second-value");
            Answer deny = await server.NativeAsync(HttpMethod.Delete, $"{AttackedServer.Secrets}/app%2Ftwin");
            Assert.Equal(200, deny.Status);
            await server.StopAsync();
        }

        string[] columns = await ground.ColumnsAsync("secrets");
        await ground.ChangeAsync($"""
            ATTACH '{old}' AS old;
            DELETE FROM versions WHERE number = 2;
            UPDATE secrets SET ({string.Join(",", columns)}) = (SELECT {string.Join(",", columns)} FROM old.secrets o WHERE o.secret_id = secrets.secret_id) WHERE name IN ('app/key', 'app/twin');
            UPDATE labels SET number = 1;
            """);
        await using AttackedServer after = await AttackedServer.StartAsync(ground.Folder, ground.Seal, fill: false);
        Answer verified = await after.NativeAsync(HttpMethod.Post, "/coffer/v1/audit/verify");
        Assert.Contains("\"sound\":false", verified.Body, StringComparison.Ordinal);
        Core.Audit.AuditReport report = await after.Server.Core.VerifyAuditAsync(Cancel);
        // The deletion that was taken back, and the version that is gone: each is named, and nothing else.
        Assert.Equal([Core.Audit.AuditProblemKind.StaleRow, Core.Audit.AuditProblemKind.MissingRow], report.Problems.Select(p => p.Kind).OrderBy(k => k));
    }

    [Fact]
    public async Task Attack_38_no_plaintext_reaches_any_file_of_the_folder()
    {
        List<string> markers = [];
        string Mark()
        {
            markers.Add("Mk" + Convert.ToHexString(RandomNumberGenerator.GetBytes(12)));
            return markers[^1];
        }

        AttackedServer server = await AttackedServer.StartAsync();
        MemorySeal seal = server.Seal;
        string folder = server.Folder;
        try
        {
            for (int i = 0; i < 40; i++)
            {
                await server.PutAsync(AttackedServer.Vault, $"app/s{i % 10}", Mark());
                Answer aws = await server.AwsAsync(i < 10 ? "CreateSecret" : "PutSecretValue", i < 10 ? $$"""{"Name":"app/aws{{i}}","SecretString":"{{Mark()}}","ClientRequestToken":"{{Guid.NewGuid()}}"}""" : $$"""{"SecretId":"app/aws{{i % 10}}","SecretString":"{{Mark()}}","ClientRequestToken":"{{Guid.NewGuid()}}"}""", server.App);
                Assert.True(aws.Status == 200, aws.ToString());
                Answer read = await server.NativeAsync(HttpMethod.Get, $"{AttackedServer.Secrets}/app%2Fs{i % 10}/value", token: server.App.Token);
                Assert.Contains(markers[^2], read.Body, StringComparison.Ordinal);
            }

            await server.PutAsync(AttackedServer.Vault, "app/big", string.Concat(Enumerable.Repeat(Mark(), 20_000)));
            foreach (Proof proof in (Proof[])[server.App, server.Nobody, server.Developer])
            {
                markers.AddRange(proof.SecretAccessKey, proof.Token);
            }

            await server.NativeAsync(HttpMethod.Post, $"{AttackedServer.Secrets}/app%2Fs0/destroy", """{"versions":[1]}""");
            await server.NativeAsync(HttpMethod.Delete, $"{AttackedServer.Secrets}/app%2Fs1?purge=true");
            Answer backup = await server.NativeAsync(HttpMethod.Post, "/coffer/v1/sys/backup");
            Assert.Equal(200, backup.Status);
            await File.WriteAllBytesAsync(Path.Combine(folder, "a.backup"), Encoding.Latin1.GetBytes(backup.Body), Cancel);
            Assert.True(backup.Body.Length > 100_000);

            // While it runs (the write-ahead log and shared memory are there), and after it ended.
            Assert.Contains(Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories), f => f.EndsWith("-wal", StringComparison.Ordinal));
            Search(folder, markers);
            await server.StopAsync();
            Search(folder, markers);
        }
        finally
        {
            await server.DisposeAsync();
            seal.Dispose();
        }
    }

    [Fact]
    public async Task Attack_21_the_folder_holds_no_executable_and_nothing_that_others_may_read()
    {
        await using AttackedServer server = await AttackedServer.StartAsync();
        await server.PutAsync(AttackedServer.Vault, "app/key", Value);
        UnixFileMode others = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(server.Folder));
        string[] files = Directory.GetFiles(server.Folder, "*", SearchOption.AllDirectories);
        Assert.True(files.Length > 5);
        foreach (string file in files)
        {
            UnixFileMode mode = File.GetUnixFileMode(file);
            Assert.True((mode & UnixFileMode.UserExecute) == 0, $"{file} is executable");
            // The certificates are public; they lie in a closed folder all the same.
            bool certificate = file.EndsWith(".pem", StringComparison.Ordinal) && !(await File.ReadAllTextAsync(file, Cancel)).Contains("PRIVATE", StringComparison.Ordinal);
            Assert.True((mode & others) == 0 || certificate, $"{file} has mode {mode}");
        }
    }

    [Fact]
    public async Task Attack_41_a_cloned_store_never_seals_twice_with_the_same_nonce()
    {
        await using Ground ground = await Ground.MakeAsync();
        HashSet<string> sealedValues = [];
        int total = 0;
        for (int clone = 0; clone < 3; clone++)
        {
            string copy = Path.Combine(ground.Folder, "..", "clone" + clone);
            Copy(ground.Folder, copy);
            await using (AttackedServer server = await AttackedServer.StartAsync(copy, ground.Seal, fill: false))
            {
                for (int i = 0; i < 20; i++)
                {
                    await server.PutAsync(AttackedServer.Vault, "app/key", "the-same-value-every-time");
                }

                await server.StopAsync();
            }

            await foreach (byte[] row in Ground.SealedAsync(Path.Combine(copy, "store"), "app/key"))
            {
                // Same key, same plaintext, same context in each clone: only a nonce drawn anew makes them differ, everywhere.
                total++;
                sealedValues.Add(Convert.ToHexString(row.AsSpan(row.Length - 20)));
                sealedValues.Add("head " + Convert.ToHexString(row.AsSpan(0, Math.Min(row.Length, 40))));
            }
        }

        Assert.True(total >= 60, $"{total} values");
        Assert.True(sealedValues.Count >= (total - 3) * 2, $"{sealedValues.Count} distinct parts of {total} values");
    }

    [Fact]
    public async Task Attack_45_an_old_backup_restores_after_rotation_and_every_record_opens()
    {
        await using Ground ground = await Ground.MakeAsync();
        await using AttackedServer server = await AttackedServer.StartAsync(ground.Folder, ground.Seal, fill: false);
        string file = Path.Combine(ground.Folder, "..", "old.backup"), into = Path.Combine(ground.Folder, "..", "restored");
        Answer backup = await server.NativeAsync(HttpMethod.Post, "/coffer/v1/sys/backup");
        await File.WriteAllBytesAsync(file, Encoding.Latin1.GetBytes(backup.Body), Cancel);
        for (int i = 0; i < 3; i++)
        {
            await server.Server.Core.Seals.RotateKeysAsync(ground.Seal, Cancel);
            await server.PutAsync(AttackedServer.Vault, "app/key", "value-under-key-" + i);
        }

        Answer read = await server.NativeAsync(HttpMethod.Get, $"{AttackedServer.Secrets}/app%2Fkey/value?version=1", token: ground.App.Token);
        Assert.Contains(Value, read.Body, StringComparison.Ordinal);
        CheckReport restored = await ServerInstallation.RestoreAsync(file, into, true, ground.Seal, TimeProvider.System, Cancel);
        Assert.Empty(restored.Faults);
        Assert.True(restored.Values >= 3);

        // Cut or changed anywhere, a backup is refused and leaves nothing behind.
        byte[] bytes = await File.ReadAllBytesAsync(file, Cancel);
        foreach (int at in (int[])[0, 8, 40, bytes.Length / 2, bytes.Length - 1])
        {
            byte[] changed = [.. bytes];
            changed[at] ^= 1;
            await File.WriteAllBytesAsync(file, changed, Cancel);
            await Assert.ThrowsAnyAsync<Exception>(() => ServerInstallation.RestoreAsync(file, into + "x", true, ground.Seal, TimeProvider.System, Cancel));
            Assert.False(Directory.Exists(into + "x"));
            await File.WriteAllBytesAsync(file, bytes[..at], Cancel);
            await Assert.ThrowsAnyAsync<Exception>(() => ServerInstallation.RestoreAsync(file, into + "x", true, ground.Seal, TimeProvider.System, Cancel));
            Assert.False(Directory.Exists(into + "x"));
        }

        await server.StopAsync();
        Assert.Empty((await AttackedServer.CheckAsync(ground.Folder, ground.Seal)).Faults);
    }

    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        foreach (string folder in Directory.GetDirectories(from))
        {
            Copy(folder, Path.Combine(to, Path.GetFileName(folder)));
        }

        foreach (string file in Directory.GetFiles(from).Where(f => !f.EndsWith(".sock", StringComparison.Ordinal)))
        {
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
        }
    }

    private static void Search(string folder, List<string> markers)
    {
        int files = 0;
        foreach (string file in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Where(f => !f.EndsWith(".sock", StringComparison.Ordinal)))
        {
            byte[] content;
            try
            {
                using FileStream stream = new(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
                content = new byte[stream.Length];
                stream.ReadExactly(content);
            }
            catch (IOException) when (file.EndsWith(".lock", StringComparison.Ordinal))
            {
                Assert.True(new FileInfo(file).Length < 16);
                continue;
            }

            files++;
            foreach (string marker in markers)
            {
                byte[] raw = Encoding.UTF8.GetBytes(marker);
                List<byte[]> forms = [raw, Encoding.Unicode.GetBytes(marker), Encoding.ASCII.GetBytes(Convert.ToHexString(raw)), Encoding.ASCII.GetBytes(Convert.ToHexStringLower(raw))];
                for (int shift = 0; shift < 3; shift++)
                {
                    // Base64 depends on where in the triplet it begins; only what does not touch the neighbours is looked for.
                    string text = Convert.ToBase64String([.. new byte[shift], .. raw]);
                    forms.Add(Encoding.ASCII.GetBytes(text[(shift == 0 ? 0 : 4)..((raw.Length + shift) / 3 * 4)]));
                }

                Assert.DoesNotContain(forms, f => content.AsSpan().IndexOf(f) >= 0);
            }
        }

        Assert.True(files > 5, $"only {files} files");
    }

    /// <summary>A stopped server's folder with secrets, and a principal that a deny of a group holds back.</summary>
    private sealed class Ground : IAsyncDisposable
    {
        public required string Folder { get; init; }

        public required MemorySeal Seal { get; init; }

        public required Proof App { get; init; }

        public required Proof Nobody { get; init; }

        public static async Task<Ground> MakeAsync()
        {
            string folder = Path.Combine(Directory.CreateTempSubdirectory("coffer-ground-").FullName, "data");
            MemorySeal seal = new();
            AttackedServer server = await AttackedServer.StartAsync(folder, seal);
            await server.PutAsync(AttackedServer.Vault, "app/key", Value);
            await server.PutAsync(AttackedServer.Vault, "app/twin", Value + "-twin");
            await server.PutAsync(AttackedServer.Vault, "other/key", Value + "-other");
            AdminService admin = server.Server.Core.Admin;
            VaultName vault = VaultName.Parse(AttackedServer.Vault);
            PrincipalName nobody = PrincipalName.Parse("nobody"), group = PrincipalName.Parse("held");
            await admin.CreateGroupAsync(server.Administrator(), group, Cancel);
            await admin.EditGroupAsync(server.Administrator(), group, [nobody], [], Cancel);
            await admin.CreateGrantAsync(server.Administrator(), group, true, new() { Allow = false, Actions = CofferActions.Admin, Vault = vault }, Cancel);
            await admin.CreateGrantAsync(server.Administrator(), nobody, false, new() { Actions = CofferActions.Reader, Vault = vault }, Cancel);
            await server.StopAsync();
            return new() { Folder = folder, Seal = seal, App = server.App, Nobody = server.Nobody };
        }

        public async Task ChangeAsync(string sql, bool changes = true)
        {
            await using SqliteConnection connection = Open(Path.Combine(Folder, "store"));
            await using SqliteCommand command = connection.CreateCommand();
            command.CommandText = sql;
            int rows = await command.ExecuteNonQueryAsync();
            Assert.True(rows > 0 || !changes, "the forgery changed nothing");
        }

        public async Task<string[]> ColumnsAsync(string table)
        {
            await using SqliteConnection connection = Open(Path.Combine(Folder, "store"));
            await using SqliteCommand command = connection.CreateCommand();
            command.CommandText = $"SELECT name FROM pragma_table_info('{table}') WHERE pk = 0";
            List<string> names = [];
            await using SqliteDataReader reader = await command.ExecuteReaderAsync();
            while (await reader.ReadAsync())
            {
                names.Add(reader.GetString(0));
            }

            return [.. names];
        }

        public static async IAsyncEnumerable<byte[]> SealedAsync(string store, string name)
        {
            await using SqliteConnection connection = Open(store);
            await using SqliteCommand command = connection.CreateCommand();
            command.CommandText = "SELECT sealed FROM sealed_values JOIN secrets USING (secret_id) WHERE name = $name AND number > 1";
            command.Parameters.AddWithValue("$name", name);
            await using SqliteDataReader reader = await command.ExecuteReaderAsync();
            while (await reader.ReadAsync())
            {
                yield return (byte[])reader[0];
            }
        }

        public ValueTask DisposeAsync()
        {
            Seal.Dispose();
            Directory.Delete(Path.GetDirectoryName(Folder)!, recursive: true);
            return ValueTask.CompletedTask;
        }

        private static SqliteConnection Open(string store)
        {
            string file = Directory.EnumerateFiles(store).Single(f => f.EndsWith(".db", StringComparison.Ordinal));
            SqliteConnection connection = new($"Data Source={file};Pooling=False;Foreign Keys=False");
            connection.Open();
            return connection;
        }
    }
}
