using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using Coffer.Core;
using Coffer.Core.Access;
using Coffer.Core.Audit;
using Coffer.Core.Sealing;
using Coffer.Core.Secrets;
using Coffer.Core.Stores;
using Coffer.Stores.Sqlite;

namespace Coffer.Server.Tests;

/// <summary>A process under load, killed at random moments: nothing acknowledged is lost, nothing unaudited was answered.</summary>
public class CrashTests
{
    private const int Rounds = 200;
    private const int Workers = 4;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Killed_two_hundred_times_nothing_acknowledged_is_lost_and_nothing_answered_is_unrecorded()
    {
        string folder = Directory.CreateTempSubdirectory("coffer-crash-").FullName;
        Dictionary<(string Name, int Version), string> writes = [];
        HashSet<string> answers = [];
        int acknowledged = 0;
        try
        {
            for (int round = 0; round < Rounds; round++)
            {
                foreach (string line in await RunAndKillAsync(folder))
                {
                    string[] words = line.Split(' ');
                    if (words is ["W", string name, string version, { Length: 64 } hash])
                    {
                        writes[(name, int.Parse(version, CultureInfo.InvariantCulture))] = hash;
                        acknowledged++;
                    }
                    else if (words is ["R", { Length: 36 } request])
                    {
                        answers.Add(request);
                    }
                }

                // Every tenth time, and at the end, all that was ever acknowledged is looked for; each start verifies the chain's tail itself.
                if (round % 10 == 9)
                {
                    await CheckAsync(folder, writes, answers);
                }
            }

            Assert.True(acknowledged > Rounds, $"only {acknowledged} writes in {Rounds} rounds: the load was no load");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>One rotation, whose process is killed when it was acknowledged, and before and after each of its steps.</summary>
    [Fact]
    public async Task Killed_at_every_point_of_a_rotation_it_is_done_all_the_same()
    {
        string folder = Directory.CreateTempSubdirectory("coffer-crash-").FullName;
        try
        {
            string[] points = ["ASKED", .. new[] { "Create", "Set", "Test", "Finish" }.SelectMany(s => new[] { "S " + s, "D " + s })];
            foreach (string point in points)
            {
                using Process process = StartHarness(folder, "rotate");
                while (await process.StandardOutput.ReadLineAsync(Token) is { } line && line != point)
                {
                    Assert.NotEqual("ROTATED", line);
                }

                process.Kill();
                await process.WaitForExitAsync(Token);
            }

            using (Process last = StartHarness(folder, "rotate"))
            {
                string[] lines = (await last.StandardOutput.ReadToEndAsync(Token)).Split('\n', StringSplitOptions.RemoveEmptyEntries);
                await last.WaitForExitAsync(Token);
                // Nobody asked again, and what was done is done again: every function takes that.
                Assert.Equal((0, "ROTATED", "S Create"), (last.ExitCode, lines[^1], lines[0]));
            }

            await using IStore store = await SqliteStore.OpenAsync(new SqliteOptions { Folder = Path.Combine(folder, "store") }, TimeProvider.System, Token);
            await using CofferCore core = new(new() { Store = store, AuditDirectory = Path.Combine(folder, "audit"), Clock = TimeProvider.System });
            Assert.True(await core.Seals.UnsealAsync(new KeyFileSeal(Path.Combine(folder, "seal.key")), Token));
            await core.StartAsync(Token);
            Assert.Empty((await StoreCheck.RunAsync(store, core.Seals.Current, Token)).Faults);
            Identity identity = core.Credentials.ProveLocalUser(12345).Identity!;
            Caller caller = new() { Principal = identity.Principal, Credential = identity.Credential, Dialect = "test", WireOperation = "check", RequestId = "check" };
            using SecretReading reading = await core.Secrets.GetValueAsync(caller, new(VaultName.Parse("crash-dev"), SecretName.Parse("rotated")), VersionSelector.Current, Token);
            Assert.Equal(("new", 2, 1, 2), (System.Text.Encoding.ASCII.GetString(reading.Value.Span), reading.Head.Current, reading.Head.Previous, reading.Head.VersionCount));
            Assert.True((await core.VerifyAuditAsync(Token)).Sound);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static Process StartHarness(string folder, string what)
    {
        string harness = Path.Combine(AppContext.BaseDirectory, "..", "..", "Coffer.Crash.Harness", "release", "Coffer.Crash.Harness.dll");
        Assert.True(File.Exists(harness), "the crash harness is not built");
        return Process.Start(new ProcessStartInfo("dotnet", [harness, folder, what]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
    }

    private static async Task<IReadOnlyList<string>> RunAndKillAsync(string folder)
    {
        using Process process = StartHarness(folder, Workers.ToString(CultureInfo.InvariantCulture));
        Task<string> errors = process.StandardError.ReadToEndAsync();
        List<string> lines = [];
        // Killed after so many acknowledgements, or right at the start, where migrations and recovery run.
        int limit = RandomNumberGenerator.GetInt32(0, 60);
        while (await process.StandardOutput.ReadLineAsync() is { } line)
        {
            lines.Add(line);
            if (lines.Count > limit)
            {
                break;
            }
        }

        Assert.False(process.HasExited && lines.Count <= limit, "the harness ended by itself: " + (process.HasExited ? await errors : ""));
        process.Kill();
        // What it had written to the pipe before it died was acknowledged too. A line cut short was not.
        string rest = await process.StandardOutput.ReadToEndAsync();
        lines.AddRange(rest.Split('\n').SkipLast(1));
        await process.WaitForExitAsync();
        return lines;
    }

    private static async Task CheckAsync(string folder, Dictionary<(string Name, int Version), string> writes, HashSet<string> answers)
    {
        await using IStore store = await SqliteStore.OpenAsync(new SqliteOptions { Folder = Path.Combine(folder, "store") }, TimeProvider.System, default);
        await using CofferCore core = new(new() { Store = store, AuditDirectory = Path.Combine(folder, "audit"), Clock = TimeProvider.System });
        Assert.True(await core.Seals.UnsealAsync(new KeyFileSeal(Path.Combine(folder, "seal.key")), default));
        await core.StartAsync(default);
        CheckReport report = await StoreCheck.RunAsync(store, core.Seals.Current, default);
        Assert.Empty(report.Faults);
        Identity identity = core.Credentials.ProveLocalUser(12345).Identity!;
        Caller caller = new() { Principal = identity.Principal, Credential = identity.Credential, Dialect = "test", WireOperation = "check", RequestId = "check" };
        foreach (((string name, int version), string hash) in writes)
        {
            using SecretReading reading = await core.Secrets.GetValueAsync(caller, new(VaultName.Parse("crash-dev"), SecretName.Parse(name)), new VersionSelector.ByNumber(version), default);
            Assert.Equal(hash, Convert.ToHexString(SHA256.HashData(reading.Value.Span)));
        }

        AuditReport verified = await core.VerifyAuditAsync(default);
        Assert.True(verified.Sound, verified.ToString());
        HashSet<string> recorded = [];
        await foreach (AuditEntry entry in core.AuditReader.QueryAsync(new() { Action = "ReadValue" }, default))
        {
            recorded.Add(entry.Record.RequestId);
        }

        Assert.Empty(answers.Except(recorded));
        answers.Clear();
    }
}
