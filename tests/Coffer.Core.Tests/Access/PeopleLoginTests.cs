using System.Net;
using System.Text;
using Coffer.Core.Access;
using Coffer.Core.Access.People;
using Coffer.Core.Audit;
using Coffer.Core.Errors;
using Coffer.Core.Sealing;
using Coffer.Core.Secrets;
using Xunit;

namespace Coffer.Core.Tests.Access;

/// <summary>Logins by password, and what they must survive.</summary>
public class PeopleLoginTests
{
    [Fact]
    public async Task A_person_who_was_invited_sets_a_password_and_logs_in()
    {
        await using PeopleWorld world = await PeopleWorld.StartAsync();
        await world.SetPasswordAsync("alice");
        using IssuedCredential session = await world.TokenAsync("alice");
        (Identity? identity, _) = await world.Core.Credentials.ProveTokenAsync(Encoding.UTF8.GetString(session.Secret.Span), world.Address, PeopleWorld.Cancellation);
        Assert.Equal("alice", identity!.Principal.Name.Value);
        Assert.Equal(world.Core.Clock.Now() + (CofferCoreOptions.DefaultLoginSeconds * Microseconds.PerSecond), identity.Expires);
        Assert.Equal("password, from 192.0.2.7", session.Credential.Description);
    }

    [Fact]
    public async Task A_password_is_the_same_however_its_letters_are_composed()
    {
        await using PeopleWorld world = await PeopleWorld.StartAsync();
        await world.SetPasswordAsync("alice", "un caf\u00E9 et deux th\u00E9s");
        (await world.TokenAsync("alice", "un cafe\u0301 et deux the\u0301s")).Dispose();
        await world.RefusedAsync("alice", "un cafe et deux thes");
    }

    [Fact]
    public async Task What_is_kept_of_a_password_gives_nothing_to_guess_against()
    {
        await using PeopleWorld world = await PeopleWorld.StartAsync();
        await world.SetPasswordAsync("alice");
        await world.SetPasswordAsync("bob");
        Credential[] kept = [(await world.CredentialsAsync("alice")).Single(c => c.Kind == CredentialKind.Password), (await world.CredentialsAsync("bob")).Single(c => c.Kind == CredentialKind.Password)];
        Assert.All(kept, c => Assert.Equal((61, 1), (c.Verifier.Length, c.Verifier.Span[0])));
        // Another salt each, and over the hash a MAC whose key is not in the store.
        Assert.NotEqual(Convert.ToHexString(kept[0].Verifier.Span[1..17]), Convert.ToHexString(kept[1].Verifier.Span[1..17]));
        byte[] hash = System.Security.Cryptography.HMACSHA256.HashData(kept[0].Verifier.Span[1..17], Encoding.UTF8.GetBytes(PeopleWorld.Password));
        Assert.NotEqual(Convert.ToHexString(hash), Convert.ToHexString(kept[0].Verifier.Span[29..]));
        Assert.All(world.Hashes, h => Assert.Equal(Argon2Parameters.Default, h));
    }

    [Fact]
    public async Task An_invitation_is_good_once_and_not_for_ever()
    {
        await using PeopleWorld world = await PeopleWorld.StartAsync();
        using SecretValue password = PeopleWorld.Text(PeopleWorld.Password), other = PeopleWorld.Text("another zebra, another lamp");
        using IssuedCredential first = await world.Core.Admin.InviteAsync(world.Root, PrincipalName.Parse("alice"), 3600, reset: false, PeopleWorld.Cancellation);
        using IssuedCredential second = await world.Core.Admin.InviteAsync(world.Root, PrincipalName.Parse("alice"), 3600, reset: false, PeopleWorld.Cancellation);
        async Task RefusedAsync(SecretValue invitation, SecretValue chosen) => Assert.Equal(
            CofferErrorCode.Unauthenticated,
            (await Assert.ThrowsAsync<CofferException>(async () => await world.Core.Logins.AcceptInvitationAsync(world.From(), invitation, chosen, PeopleWorld.Cancellation))).Code);

        await RefusedAsync(first.Secret, password);
        // A weak password leaves the invitation as it is.
        using SecretValue weak = PeopleWorld.Text("password1234");
        Assert.Equal(CofferErrorCode.InvalidRequest, (await Assert.ThrowsAsync<CofferException>(async () => await world.Core.Logins.AcceptInvitationAsync(world.From(), second.Secret, weak, PeopleWorld.Cancellation))).Code);
        await world.Core.Logins.AcceptInvitationAsync(world.From(), second.Secret, password, PeopleWorld.Cancellation);
        await RefusedAsync(second.Secret, other);
        (await world.TokenAsync("alice")).Dispose();
        using IssuedCredential late = await world.Core.Admin.InviteAsync(world.Root, PrincipalName.Parse("bob"), 3600, reset: false, PeopleWorld.Cancellation);
        world.Clock.Advance(TimeSpan.FromHours(1));
        await RefusedAsync(late.Secret, password);
    }

    [Fact]
    public async Task Of_many_who_use_one_invitation_at_once_one_succeeds()
    {
        await using PeopleWorld world = await PeopleWorld.StartAsync();
        using IssuedCredential invitation = await world.Core.Admin.InviteAsync(world.Root, PrincipalName.Parse("alice"), 3600, reset: false, PeopleWorld.Cancellation);
        int set = 0;
        await Task.WhenAll(Enumerable.Range(0, 8).Select(i => Task.Run(async () =>
        {
            using SecretValue password = PeopleWorld.Text($"zebra number {i}, wired lamp");
            try
            {
                await world.Core.Logins.AcceptInvitationAsync(world.From(), invitation.Secret, password, PeopleWorld.Cancellation);
                Interlocked.Increment(ref set);
            }
            catch (CofferException refused) when (refused.Code == CofferErrorCode.Unauthenticated)
            {
                // Another was first.
            }
        })));
        Assert.Equal(1, set);
        Assert.Single(await world.CredentialsAsync("alice"), c => c.Kind == CredentialKind.Password);
    }

    [Fact]
    public async Task An_invitation_is_no_token_of_the_api()
    {
        await using PeopleWorld world = await PeopleWorld.StartAsync();
        using IssuedCredential invitation = await world.Core.Admin.InviteAsync(world.Root, PrincipalName.Parse("alice"), 3600, reset: false, PeopleWorld.Cancellation);
        Assert.False(await world.WorksAsync(invitation));
    }

    [Fact]
    public async Task Only_administrators_invite_and_only_people_are_invited()
    {
        await using PeopleWorld world = await PeopleWorld.StartAsync();
        Caller alice = await world.InviteAndLoginAsync("alice");
        await Denied(async () => (await world.Core.Admin.InviteAsync(alice, PrincipalName.Parse("bob"), 3600, reset: true, PeopleWorld.Cancellation)).Dispose(), CofferErrorCode.AccessDenied);
        await Denied(async () => (await world.Core.Admin.InviteAsync(alice, PrincipalName.Parse("alice"), 3600, reset: true, PeopleWorld.Cancellation)).Dispose(), CofferErrorCode.AccessDenied);
        await Denied(async () => await world.Core.Logins.UnlockAsync(alice, PrincipalName.Parse("bob"), PeopleWorld.Cancellation), CofferErrorCode.AccessDenied);
        await Denied(async () => (await world.Core.Admin.InviteAsync(world.Root, PrincipalName.Parse("app"), 3600, reset: false, PeopleWorld.Cancellation)).Dispose(), CofferErrorCode.InvalidRequest);
    }

    [Fact]
    public async Task Attack_3_nothing_but_a_person_logs_in()
    {
        await using PeopleWorld world = await PeopleWorld.StartAsync();
        await world.SetPasswordAsync("alice");
        await world.Core.Admin.CreateGroupAsync(world.Root, PrincipalName.Parse("staff"), PeopleWorld.Cancellation);
        await world.Core.Admin.CreateVaultAsync(world.Root, VaultName.Parse("shop"), new(), PeopleWorld.Cancellation);
        GrantEntry grant = await world.Core.Admin.CreateGrantAsync(world.Root, PrincipalName.Parse("alice"), isGroup: false, new() { Actions = CofferActions.Reader, Vault = VaultName.Parse("shop") }, PeopleWorld.Cancellation);
        // A group, a vault, a grant, a trust, the server itself, a workload, a password's own id, an id of a principal.
        string password = (await world.CredentialsAsync("alice")).Single(c => c.Kind == CredentialKind.Password).PublicId;
        string id = world.Core.Access.PrincipalsByName[PrincipalName.Parse("alice")].Id.ToString("D");
        foreach (string name in new[] { "staff", "shop", grant.Id, "local-1000", "coffer", "server", "app", password, id, "native", "" })
        {
            CofferException refused = await world.RefusedAsync(name);
            Assert.Equal(CofferErrorCode.Unauthenticated, refused.Code);
        }

        await world.Core.Admin.UpdatePrincipalAsync(world.Root, PrincipalName.Parse("alice"), enabled: false, null, null, PeopleWorld.Cancellation);
        Assert.Equal(CofferErrorCode.Unauthenticated, (await world.RefusedAsync("alice")).Code);
    }

    [Fact]
    public async Task Attack_6_a_name_that_nobody_has_costs_and_says_the_same()
    {
        await using PeopleWorld world = await PeopleWorld.StartAsync();
        await world.SetPasswordAsync("alice");
        // Nobody, no name at all, no password yet, a workload, too long to be a password, no text.
        List<string> said = [];
        foreach ((string name, string password) in new[] { ("alice", "wrong zebra, wired lamp"), ("mallory", "wrong zebra, wired lamp"), (" alice", PeopleWorld.Password), ("bob", PeopleWorld.Password), ("app", PeopleWorld.Password), ("alice", new string('x', 5000)), ("mallory", "") })
        {
            int before = world.Hashes.Count;
            CofferException refused = await world.RefusedAsync(name, password);
            Assert.Equal(1, world.Hashes.Count - before);
            Assert.Equal(Argon2Parameters.Default, world.Hashes[^1]);
            said.Add($"{refused.Code} {refused.Message} {refused.Error.Subject} {refused.Error.Parameter}");
        }

        Assert.Single(said.Distinct());
    }

    [Fact]
    public async Task Attack_6_names_that_nobody_has_are_locked_too()
    {
        await using PeopleWorld world = await PeopleWorld.StartAsync();
        await world.SetPasswordAsync("alice");
        foreach (string name in new[] { "alice", "mallory" })
        {
            List<string> said = [];
            for (int i = 0; i < 5; i++)
            {
                CofferException refused = await world.RefusedAsync(name, "wrong zebra, wired lamp");
                said.Add($"{refused.Code} {refused.Error.RetryAfter?.TotalSeconds}");
            }

            Assert.Equal(["Unauthenticated ", "Unauthenticated ", "Unauthenticated ", "Unauthenticated ", "Throttled 1"], said);
        }
    }

    [Fact]
    public async Task Attack_7_no_other_spelling_of_a_name_is_another_name()
    {
        await using PeopleWorld world = await PeopleWorld.StartAsync();
        await world.SetPasswordAsync("alice");
        await LockAsync(world, "alice");
        // None of these is alice, so none gets round the lock; and none of them locks or frees her.
        foreach (string name in new[] { "Alice", "ALICE", " alice", "alice ", "alice\t", "ａｌｉｃｅ", "al\u200Bice", "alice\u0000", "\u0430lice", "alic\u0065\u0301", "alice.", "./alice", "%61lice" })
        {
            CofferException refused = await world.RefusedAsync(name);
            Assert.True(refused.Code is CofferErrorCode.Unauthenticated or CofferErrorCode.Throttled, name);
            Assert.NotNull((await world.RefusedAsync("alice")).Error.RetryAfter);
        }

        world.Clock.Advance(GuessLimiter.Lock);
        (await world.TokenAsync("alice")).Dispose();
    }

    [Fact]
    public async Task Attack_7_a_locked_name_stays_locked_with_the_right_password_until_it_is_time_or_somebody_unlocks()
    {
        await using PeopleWorld world = await PeopleWorld.StartAsync();
        await world.SetPasswordAsync("alice");
        await LockAsync(world, "alice");
        int hashes = world.Hashes.Count;
        Assert.Equal(CofferErrorCode.Throttled, (await world.RefusedAsync("alice")).Code);
        // And not even a hash is made for it.
        Assert.Equal(hashes, world.Hashes.Count);
        await world.Core.Logins.UnlockAsync(world.Root, PrincipalName.Parse("alice"), PeopleWorld.Cancellation);
        (await world.TokenAsync("alice")).Dispose();
    }

    [Fact]
    public async Task Attack_7_many_guesses_at_once_are_no_way_around()
    {
        await using PeopleWorld world = await PeopleWorld.StartAsync();
        await world.SetPasswordAsync("alice");
        int before = world.Hashes.Count;
        await Task.WhenAll(Enumerable.Range(0, 40).Select(i => Task.Run(() => world.RefusedAsync("alice", $"wrong zebra number {i}"))));
        Assert.Equal(GuessLimiter.FreePerName + 1, world.Hashes.Count - before);
    }

    [Fact]
    public async Task Whoever_is_turned_away_since_too_many_log_in_at_once_has_not_guessed()
    {
        await using PeopleWorld world = await PeopleWorld.StartAsync();
        await world.SetPasswordAsync("alice");
        using ManualResetEventSlim open = new();
        using CountdownEvent hashing = new(PasswordHasher.Running);
        world.WhileHashing = () =>
        {
            if (!open.IsSet)
            {
                hashing.Signal();
            }

            open.Wait(PeopleWorld.Cancellation);
        };
        List<Task> others = [.. Enumerable.Range(0, PasswordHasher.Running).Select(i => Task.Run(() => world.RefusedAsync($"other-{i}", address: IPAddress.Loopback)))];
        hashing.Wait(PeopleWorld.Cancellation);
        others.AddRange(Enumerable.Range(0, PasswordHasher.Waiting).Select(i => world.RefusedAsync($"waiting-{i}", address: IPAddress.Loopback)));
        for (int i = 0; i < 2 * GuessLimiter.MostPerName; i++)
        {
            Assert.Equal(TimeSpan.FromSeconds(1), (await world.RefusedAsync("alice")).Error.RetryAfter);
        }

        open.Set();
        await Task.WhenAll(others);
        (await world.TokenAsync("alice")).Dispose();
        Assert.Equal(2 * GuessLimiter.MostPerName, (await world.RecordsAsync("Login")).Count(r => r.Principal == "alice" && r is { Decision: AuditDecision.Deny, Reason: "too many passwords at this moment" }));
    }

    [Fact]
    public async Task Attack_12_no_name_becomes_another()
    {
        await using PeopleWorld world = await PeopleWorld.StartAsync();
        await world.SetPasswordAsync("root");
        (await world.TokenAsync("root")).Dispose();
        foreach (string name in new[] { " root", "root ", "Root", "ROOT", "ｒｏｏｔ", "r\u200Boot", "ro\u00ADot", "root\n", "root\u0000", "/root", "root/", "%72oot", "r\u043E\u043Et", "root\u0301" })
        {
            Assert.Equal(CofferErrorCode.Unauthenticated, (await world.RefusedAsync(name)).Code);
            Assert.Throws<CofferException>(() => PrincipalName.Parse(name));
        }
    }

    [Fact]
    public async Task Every_try_is_recorded_without_what_was_typed()
    {
        await using PeopleWorld world = await PeopleWorld.StartAsync();
        await world.SetPasswordAsync("alice");
        (await world.TokenAsync("alice")).Dispose();
        await world.RefusedAsync("alice", "hunter2-marker-1");
        await world.RefusedAsync("marker-2-typed-into-the-wrong-field");
        await world.RefusedAsync("mallory", code: "marker-3");
        await LockAsync(world, "alice");
        await world.RefusedAsync("alice");
        List<AuditRecord> records = await world.RecordsAsync("Login");
        Assert.Equal(
            ["Allow alice password", "Deny alice wrong password", "Deny  no person of that name", "Deny  no person of that name"],
            records.Take(4).Select(r => $"{r.Decision} {r.Principal} {r.Reason}"));
        Assert.Equal("Deny alice too many tries", $"{records[^1].Decision} {records[^1].Principal} {records[^1].Reason}");
        Assert.StartsWith("cn-", records[0].Credential, StringComparison.Ordinal);
        Assert.All(records, r => Assert.DoesNotContain("marker", Encoding.UTF8.GetString(r.ToUtf8()), StringComparison.Ordinal));
    }

    [Fact]
    public async Task Few_hashes_run_at_a_time_some_wait_and_the_rest_are_turned_away()
    {
        await using PeopleWorld world = await PeopleWorld.StartAsync();
        using ManualResetEventSlim go = new();
        int running = 0, most = 0;
        world.WhileHashing = () =>
        {
            int now = Interlocked.Increment(ref running);
            InterlockedMax(ref most, now);
            go.Wait(PeopleWorld.Cancellation);
            Interlocked.Decrement(ref running);
        };
        const int all = PasswordHasher.Running + PasswordHasher.Waiting + 10;
        Task<CofferException>[] tries = [.. Enumerable.Range(0, all).Select(i => Task.Factory.StartNew(
            () => world.RefusedAsync($"person-{i}", address: System.Net.IPAddress.Parse($"192.0.2.{i}")), PeopleWorld.Cancellation, TaskCreationOptions.LongRunning, TaskScheduler.Default).Unwrap())];
        // Ten find neither a place nor room to wait; only then the others go on.
        List<Task<CofferException>> open = [.. tries];
        for (int turnedAway = 0; turnedAway < 10; turnedAway++)
        {
            Task<CofferException> first = await Task.WhenAny(open);
            Assert.Equal(CofferErrorCode.Throttled, (await first).Code);
            open.Remove(first);
        }

        go.Set();
        CofferException[] said = await Task.WhenAll(tries);
        Assert.Equal(10, said.Count(s => s.Code == CofferErrorCode.Throttled));
        Assert.Equal(all - 10, said.Count(s => s.Code == CofferErrorCode.Unauthenticated));
        Assert.True(most <= PasswordHasher.Running, $"{most} at a time");
    }

    [Fact]
    public async Task A_server_without_a_hash_keeps_no_passwords()
    {
        string folder = Directory.CreateTempSubdirectory("coffer-people-").FullName;
        await using (CofferCore core = new(new() { Store = new Coffer.Testing.InMemoryStore(), AuditDirectory = Path.Combine(folder, "audit"), Clock = TimeProvider.System }))
        {
            using MemorySeal seal = new();
            await core.Seals.InitializeAsync(seal, PeopleWorld.Cancellation);
            await core.StartAsync(PeopleWorld.Cancellation);
            await core.BootstrapAsync(PrincipalName.Parse("root"), 1000, PeopleWorld.Cancellation);
            Caller root = new() { Principal = core.Access.PrincipalsByName[PrincipalName.Parse("root")], Credential = "local-1000", Dialect = "test", WireOperation = "op", RequestId = "r" };
            await Denied(async () => (await core.Admin.InviteAsync(root, PrincipalName.Parse("root"), 3600, reset: false, PeopleWorld.Cancellation)).Dispose(), CofferErrorCode.PreconditionFailed);
            using SecretValue password = PeopleWorld.Text(PeopleWorld.Password);
            await Denied(async () => (await core.Logins.LoginAsync(new("test", "login", "r", null, null), "root", password, null, PeopleWorld.Cancellation)).Dispose(), CofferErrorCode.PreconditionFailed);
        }

        Directory.Delete(folder, recursive: true);
    }

    private static async Task Denied(Func<Task> call, CofferErrorCode code) => Assert.Equal(code, (await Assert.ThrowsAsync<CofferException>(call)).Code);

    private static async Task LockAsync(PeopleWorld world, string name)
    {
        while ((await world.RefusedAsync(name, "wrong zebra, wired lamp")).Error.RetryAfter is var wait && wait != GuessLimiter.Lock)
        {
            world.Clock.Advance(wait ?? TimeSpan.Zero);
        }
    }

    private static void InterlockedMax(ref int most, int value)
    {
        for (int seen = Volatile.Read(ref most); value > seen; seen = Volatile.Read(ref most))
        {
            Interlocked.CompareExchange(ref most, value, seen);
        }
    }
}
