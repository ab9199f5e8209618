using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using Coffer.Core.Access;
using Coffer.Core.Sealing;
using Coffer.Core.Stores;
using Microsoft.Extensions.Time.Testing;

namespace Coffer.Server.Tests;

/// <summary>What goes wrong around a server: full and read-only disks, clocks, a second server, a stop, a seal; and what lies in its process.</summary>
public partial class LifeAttackTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private const string Value = "correct-horse-battery-staple-c3d8";
    private const int PrGetDumpable = 3;

    [Fact]
    public async Task Attack_44_on_a_full_disk_writes_are_refused_whole_and_it_heals_when_there_is_room()
    {
        string mount = Directory.CreateTempSubdirectory("coffer-full-").FullName;
        await RunAsync("mount", "-t", "tmpfs", "-o", "size=6m,mode=0700", "tmpfs", mount);
        try
        {
            string folder = Path.Combine(mount, "data"), ballast = Path.Combine(mount, "ballast");
            using MemorySeal seal = new();
            List<(string Name, string Value)> stored = [];
            await using (AttackedServer server = await AttackedServer.StartAsync(folder, seal))
            {
                await server.PutAsync(AttackedServer.Vault, "app/key", Value);
                await FillAsync(ballast, leave: 128 * 1024);
                List<Answer> refusals = [];
                for (int i = 0; i < 60 && refusals.Count < 8; i++)
                {
                    string value = $"v{i}-" + new string('x', 20_000);
                    Answer native = await server.NativeAsync(HttpMethod.Put, $"{AttackedServer.Secrets}/app%2Fn{i}", $$"""{"text":"{{value}}"}""", server.App.Token);
                    Answer aws = await server.AwsAsync("CreateSecret", $$"""{"Name":"app/a{{i}}","SecretString":"{{value}}","ClientRequestToken":"{{Guid.NewGuid()}}"}""", server.App);
                    foreach ((Answer answer, string name, bool own) in (ReadOnlySpan<(Answer, string, bool)>)[(native, $"app/n{i}", true), (aws, $"app/a{i}", false)])
                    {
                        if (answer.Status < 300)
                        {
                            stored.Add((name, value));
                            continue;
                        }

                        Assert.True(answer.Status is >= 500 and < 600 && (own ? answer.IsProblem : answer.IsAwsError), answer.ToString());
                        refusals.Add(answer);
                    }
                }

                Assert.True(refusals.Count >= 8, "the disk was never full");
                File.Delete(ballast);
                // There is room again. The trail may take one refused request to notice; then everything works.
                bool healed = false;
                for (int i = 0; i < 50 && !healed; i++)
                {
                    healed = (await server.NativeAsync(HttpMethod.Put, $"{AttackedServer.Secrets}/app%2Fafter", """{"text":"room"}""", server.App.Token)).Status < 300;
                }

                Assert.True(healed, string.Join("\n", server.Log.TakeLast(5)));
                foreach ((string name, string value) in stored)
                {
                    Answer read = await server.NativeAsync(HttpMethod.Get, $"{AttackedServer.Secrets}/{Uri.EscapeDataString(name)}/value", token: server.App.Token);
                    Assert.True(read.Status == 200 && read.Body.Contains(value, StringComparison.Ordinal), $"{name} was acknowledged and is not there");
                }

                await server.AssertSoundAsync();
            }

            CheckReport report = await AttackedServer.CheckAsync(folder, seal);
            Assert.Empty(report.Faults);
        }
        finally
        {
            await RunAsync("umount", "--lazy", mount);
            Directory.Delete(mount);
        }
    }

    [Fact]
    public async Task Attack_44_on_a_read_only_disk_nothing_is_acknowledged_and_a_start_is_refused_with_its_reason()
    {
        string mount = Directory.CreateTempSubdirectory("coffer-ro-").FullName;
        await RunAsync("mount", "-t", "tmpfs", "-o", "size=64m,mode=0700", "tmpfs", mount);
        try
        {
            string folder = Path.Combine(mount, "data");
            using MemorySeal seal = new();
            await using (AttackedServer server = await AttackedServer.StartAsync(folder, seal))
            {
                await server.PutAsync(AttackedServer.Vault, "app/key", Value);
                await server.StopAsync();
            }

            await RunAsync("mount", "-o", "remount,ro", mount);
            ServerStartException refused = await Assert.ThrowsAsync<ServerStartException>(() => AttackedServer.StartAsync(folder, seal, fill: false));
            Assert.NotEmpty(refused.Message);
            await RunAsync("mount", "-o", "remount,rw", mount);
            await using (AttackedServer server = await AttackedServer.StartAsync(folder, seal, fill: false))
            {
                Assert.Contains(Value, (await server.NativeAsync(HttpMethod.Get, $"{AttackedServer.Secrets}/app%2Fkey/value")).Body, StringComparison.Ordinal);
                await server.AssertSoundAsync();
            }
        }
        finally
        {
            await RunAsync("umount", "--lazy", mount);
            Directory.Delete(mount);
        }
    }

    [Fact]
    public async Task Attack_44_a_second_server_on_the_folder_refuses_and_the_first_goes_on()
    {
        await using AttackedServer server = await AttackedServer.StartAsync();
        await server.PutAsync(AttackedServer.Vault, "app/key", Value);
        ServerStartException refused = await Assert.ThrowsAsync<ServerStartException>(() => AttackedServer.StartAsync(server.Folder, server.Seal, fill: false));
        Assert.NotEmpty(refused.Message);
        await server.AssertSoundAsync();
        Assert.Contains(Value, (await server.NativeAsync(HttpMethod.Get, $"{AttackedServer.Secrets}/app%2Fkey/value", token: server.App.Token)).Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Attack_44_a_clock_that_jumps_back_and_forth_breaks_nothing()
    {
        FakeTimeProvider clock = new(TimeProvider.System.GetUtcNow());
        await using AttackedServer server = await AttackedServer.StartAsync(clock: clock);
        DateTimeOffset start = clock.GetUtcNow();
        TimeSpan[] jumps = [TimeSpan.FromDays(3), TimeSpan.FromHours(-5), TimeSpan.FromDays(-2), TimeSpan.FromDays(40), TimeSpan.FromDays(-39), TimeSpan.FromSeconds(-1), TimeSpan.FromMinutes(7)];
        int round = 0;
        foreach (TimeSpan jump in jumps)
        {
            clock.AdjustTime(start += jump);
            string value = "value-" + ++round;
            await server.PutAsync(AttackedServer.Vault, "app/key", value);
            Answer native = await server.NativeAsync(HttpMethod.Get, $"{AttackedServer.Secrets}/app%2Fkey/value", token: server.App.Token);
            Assert.Contains($"\"{value}\"", native.Body, StringComparison.Ordinal);
            Answer aws = await server.AwsAsync("GetSecretValue", """{"SecretId":"app/key"}""", server.App);
            Assert.Contains($"\"{value}\"", aws.Body, StringComparison.Ordinal);
            await server.Server.Core.TickAsync(Cancel);
        }

        await server.AssertSoundAsync();
        await server.StopAsync();
        await using AttackedServer again = await AttackedServer.StartAsync(server.Folder, server.Seal, fill: false);
        await again.AssertSoundAsync();
        Assert.Contains("\"value-7\"", (await again.NativeAsync(HttpMethod.Get, $"{AttackedServer.Secrets}/app%2Fkey/value")).Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_revoked_fails_in_the_very_next_request_while_others_go_on()
    {
        await using AttackedServer server = await AttackedServer.StartAsync();
        await server.PutAsync(AttackedServer.Vault, "app/key", Value);
        AdminService admin = server.Server.Core.Admin;
        PrincipalName app = PrincipalName.Parse("app");
        bool stop = false;
        int others = 0;
        Task load = Task.Run(async () =>
        {
            while (!Volatile.Read(ref stop))
            {
                Answer answer = await server.NativeAsync(HttpMethod.Get, $"{AttackedServer.Secrets}/app%2Fkey/value", token: server.Developer.Token);
                Assert.Equal(200, answer.Status);
                others++;
            }
        }, Cancel);
        async Task<(int Native, int Aws)> AskAsync(Proof proof) =>
            ((await server.NativeAsync(HttpMethod.Get, $"{AttackedServer.Secrets}/app%2Fkey/value", token: proof.Token)).Status, (await server.AwsAsync("GetSecretValue", """{"SecretId":"app/key"}""", proof)).Status);

        for (int round = 0; round < 10; round++)
        {
            Proof proof = await server.ProveAsync("app");
            Assert.Equal((200, 200), await AskAsync(proof));
            await admin.UpdatePrincipalAsync(server.Administrator(), app, false, null, null, Cancel);
            Assert.Equal((401, 400), await AskAsync(proof));
            await admin.UpdatePrincipalAsync(server.Administrator(), app, true, null, null, Cancel);
            Assert.Equal((200, 200), await AskAsync(proof));
            GrantEntry grant = (await admin.ListGrantsAsync(server.Administrator(), null, Cancel)).First(g => g.Subject == app);
            await admin.DeleteGrantAsync(server.Administrator(), grant.Id, Cancel);
            Assert.Equal((403, 400), await AskAsync(proof));
            await admin.CreateGrantAsync(server.Administrator(), app, false, grant.Grant, Cancel);
            Assert.Equal((200, 200), await AskAsync(proof));
            await admin.DeleteCredentialAsync(server.Administrator(), proof.AccessKeyId, Cancel);
            Assert.Equal((200, 400), await AskAsync(proof));
            await admin.DeleteCredentialAsync(server.Administrator(), proof.TokenId, Cancel);
            Assert.Equal((401, 400), await AskAsync(proof));
        }

        Volatile.Write(ref stop, true);
        await load;
        Assert.True(others > 10, $"only {others} requests beside");
        await server.AssertSoundAsync();
    }

    [Fact]
    public async Task A_stop_finishes_what_is_being_answered_and_loses_nothing_acknowledged()
    {
        await using AttackedServer server = await AttackedServer.StartAsync();
        int[] done = new int[4];
        using SemaphoreSlim started = new(0);
        Task[] writers = [.. Enumerable.Range(0, done.Length).Select(w => Task.Run(async () =>
        {
            for (int i = 1; ; i++)
            {
                try
                {
                    Answer answer = await server.NativeAsync(HttpMethod.Put, $"{AttackedServer.Secrets}/app%2Fw{w}", $$"""{"text":"value-{{i}}"}""");
                    if (answer.Status >= 300)
                    {
                        // Refused in its own shape while the server goes: an answer, and nothing was written.
                        Assert.True(answer.IsProblem, answer.ToString());
                        return;
                    }

                    done[w] = i;
                    started.Release();
                }
                catch (HttpRequestException)
                {
                    return;
                }
            }
        }, Cancel))];
        for (int i = 0; i < 40; i++)
        {
            await started.WaitAsync(Cancel);
        }

        await server.StopAsync(keepClients: true);
        await Task.WhenAll(writers);
        await using AttackedServer again = await AttackedServer.StartAsync(server.Folder, server.Seal, fill: false);
        for (int w = 0; w < done.Length; w++)
        {
            Answer answer = await again.NativeAsync(HttpMethod.Get, $"{AttackedServer.Secrets}/app%2Fw{w}/value?version={done[w]}");
            Assert.Contains($"\"value-{done[w]}\"", answer.Body, StringComparison.Ordinal);
            Answer beyond = await again.NativeAsync(HttpMethod.Get, $"{AttackedServer.Secrets}/app%2Fw{w}/value?version={done[w] + 1}");
            Assert.True(beyond.Status == 404, $"a write that was answered to nobody is there: {beyond.Status}");
        }

        await again.AssertSoundAsync();
        await again.StopAsync();
        Assert.Empty((await AttackedServer.CheckAsync(server.Folder, server.Seal)).Faults);
    }

    [Fact]
    public async Task A_sealed_server_answers_each_wire_in_its_own_words_and_serves_again_when_unsealed()
    {
        await using AttackedServer server = await AttackedServer.StartAsync();
        await server.PutAsync(AttackedServer.Vault, "app/key", Value);
        Assert.Equal(200, (await server.NativeAsync(HttpMethod.Post, "/coffer/v1/sys/seal")).Status);
        foreach (string? token in (string?[])[null, server.App.Token, server.App.Token + "x"])
        {
            Answer native = await server.NativeAsync(HttpMethod.Get, $"{AttackedServer.Secrets}/app%2Fkey/value", token: token);
            Assert.True(native is { Status: 503, IsProblem: true } && native.Body.Contains("\"code\":\"sealed\"", StringComparison.Ordinal), native.ToString());
        }

        Answer aws = await server.AwsAsync("GetSecretValue", """{"SecretId":"app/key"}""", server.App);
        Assert.True(aws is { Status: 503, IsAwsError: true }, aws.ToString());
        Answer health = await server.NativeAsync(HttpMethod.Get, "/coffer/health");
        Assert.Equal(503, health.Status);
        Answer remote = await server.NativeAsync(HttpMethod.Post, "/coffer/v1/sys/unseal", """{"passphrase":"guess"}""", server.App.Token);
        Assert.True(remote.IsProblem && remote.Status is 401 or 403 or 503, remote.ToString());
        await server.Server.Core.Seals.UnsealAsync(server.Seal, Cancel);
        await server.Server.Core.StartAsync(Cancel);
        Assert.Contains(Value, (await server.NativeAsync(HttpMethod.Get, $"{AttackedServer.Secrets}/app%2Fkey/value", token: server.App.Token)).Body, StringComparison.Ordinal);
        await server.AssertSoundAsync();
    }

    [Fact]
    public async Task Attack_35_37_a_server_cannot_be_dumped_and_holds_no_secret_in_its_environment()
    {
        await using AttackedServer server = await AttackedServer.StartAsync();
        await server.PutAsync(AttackedServer.Vault, "app/key", Value);
        Assert.Equal(0, Prctl(PrGetDumpable, 0, 0, 0, 0));
        string limits = await File.ReadAllTextAsync("/proc/self/limits", Cancel);
        string core = limits.Split('\n').Single(l => l.StartsWith("Max core file size", StringComparison.Ordinal));
        Assert.Equal(["0", "0", "bytes"], core["Max core file size".Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries));
        string environment = Encoding.UTF8.GetString(await File.ReadAllBytesAsync("/proc/self/environ", Cancel));
        string[] now = [.. Environment.GetEnvironmentVariables().Values.Cast<string>()];
        foreach (string secret in (string[])[Value, server.App.Token, server.App.SecretAccessKey, server.Developer.Token])
        {
            Assert.DoesNotContain(secret, environment, StringComparison.Ordinal);
            Assert.DoesNotContain(now, v => v.Contains(secret, StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task Attack_51_no_answer_redirects_a_client_anywhere()
    {
        await using AttackedServer server = await AttackedServer.StartAsync();
        foreach (string path in (string[])["/", "/coffer", "/coffer/", "/coffer/v1", "/coffer/v1/", "/coffer/v1/vaults/", "/coffer/v1/../v1/whoami", "/https://evil.example", "/coffer/v1/whoami/"])
        {
            foreach (string host in (string[])["localhost", "evil.example", "evil.example:99"])
            {
                Answer answer = await server.NativeAsync(HttpMethod.Get, path, token: server.App.Token, change: r => r.Headers.Host = host);
                Assert.False(answer.Status is >= 300 and < 400, answer.ToString());
                Assert.DoesNotContain("evil.example", answer.ToString(), StringComparison.Ordinal);
            }
        }
    }

    private static async Task FillAsync(string file, long leave)
    {
        await using FileStream ballast = new(file, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1);
        long room = new DriveInfo(Path.GetDirectoryName(file)!).AvailableFreeSpace - leave;
        byte[] page = new byte[4096];
        for (long written = 0; written < room; written += page.Length)
        {
            await ballast.WriteAsync(page);
        }
    }

    private static async Task RunAsync(string program, params string[] arguments)
    {
        string error = "";
        for (int i = 0; i < 100; i++)
        {
            using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
            error = await process.StandardError.ReadToEndAsync();
            await process.WaitForExitAsync();
            // A process that another test starts at this moment holds our files until it has become its program.
            if (process.ExitCode == 0 || !error.Contains("busy", StringComparison.Ordinal))
            {
                Assert.True(process.ExitCode == 0, $"{program} needs root and the right to mount: {error}");
                return;
            }
        }

        Assert.Fail($"{program}: {error}");
    }

    [LibraryImport("libc", EntryPoint = "prctl")]
    private static partial int Prctl(int option, nuint a, nuint b, nuint c, nuint d);
}
