using System.Net;
using System.Text;
using Coffer.Core.Access;
using Coffer.Core.Audit;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;
using Xunit;

namespace Coffer.Core.Tests.Access;

/// <summary>Sessions of people, and the life of keys: rotated without a gap, ended, one's own and nobody else's.</summary>
public class SessionTests
{
    private static readonly PrincipalName Alice = PrincipalName.Parse("alice"), Bob = PrincipalName.Parse("bob"), App = PrincipalName.Parse("app");

    [Fact]
    public async Task A_session_ends_when_its_time_is_over_however_much_it_is_used()
    {
        await using PeopleWorld world = await PeopleWorld.StartAsync();
        await world.SetPasswordAsync("alice");
        using IssuedCredential session = await world.TokenAsync("alice");
        for (int i = 0; i < 8; i++)
        {
            Assert.True(await world.WorksAsync(session));
            world.Clock.Advance(TimeSpan.FromHours(1));
        }

        Assert.False(await world.WorksAsync(session));
        await world.Core.TickAsync(PeopleWorld.Cancellation);
        Assert.DoesNotContain(await world.CredentialsAsync("alice"), c => c.PublicId == session.Credential.PublicId);
    }

    [Fact]
    public async Task People_see_and_end_their_own_sessions_and_nobody_elses()
    {
        await using PeopleWorld world = await PeopleWorld.StartAsync();
        Caller alice = await world.InviteAndLoginAsync("alice"), bob = await world.InviteAndLoginAsync("bob");
        using IssuedCredential elsewhere = await world.TokenAsync("alice", address: IPAddress.Parse("198.51.100.9"));
        IReadOnlyList<Credential> own = await world.Core.Admin.ListSessionsAsync(alice, Alice, PeopleWorld.Cancellation);
        Assert.Equal(["password, from 192.0.2.7", "password, from 198.51.100.9"], own.Select(s => s.Description).Order());
        await DeniedAsync(async () => await world.Core.Admin.ListSessionsAsync(bob, Alice, PeopleWorld.Cancellation));
        await DeniedAsync(async () => await world.Core.Admin.GetCredentialAsync(bob, elsewhere.Credential.PublicId, PeopleWorld.Cancellation));
        // What exists and what does not are refused alike.
        CofferException there = await DeniedAsync(() => world.Core.Admin.DeleteCredentialAsync(bob, elsewhere.Credential.PublicId, PeopleWorld.Cancellation).AsTask());
        CofferException not = await DeniedAsync(() => world.Core.Admin.DeleteCredentialAsync(bob, "cn-none", PeopleWorld.Cancellation).AsTask());
        Assert.Equal(not.Message, there.Message);
        Assert.True(await world.WorksAsync(elsewhere));
        await world.Core.Admin.DeleteCredentialAsync(alice, elsewhere.Credential.PublicId, PeopleWorld.Cancellation);
        Assert.False(await world.WorksAsync(elsewhere));
        Assert.Single(await world.Core.Admin.ListSessionsAsync(world.Root, Alice, PeopleWorld.Cancellation));
    }

    [Fact]
    public async Task A_logout_ends_the_session_and_what_was_got_with_it()
    {
        await using PeopleWorld world = await PeopleWorld.StartAsync();
        await world.SetPasswordAsync("alice");
        using IssuedCredential session = await world.TokenAsync("alice"), other = await world.TokenAsync("alice");
        Caller alice = world.Caller("alice", session.Credential.PublicId);
        using BearerToken bearer = await world.Core.Credentials.IssueBearerAsync(alice, null, null, null, CredentialService.CofferAudience, 900, "", PeopleWorld.Cancellation);
        await world.Core.Admin.LogoutAsync(alice, PeopleWorld.Cancellation);
        Assert.False(await world.WorksAsync(session));
        Assert.True(await world.WorksAsync(other));
        Assert.Null((await world.Core.Credentials.ProveTokenAsync(Encoding.UTF8.GetString(bearer.Token.Span), world.Address, PeopleWorld.Cancellation)).Identity);
        Assert.Equal(CofferErrorCode.PreconditionFailed, (await Assert.ThrowsAsync<CofferException>(() => world.Core.Admin.LogoutAsync(world.Root, PeopleWorld.Cancellation).AsTask())).Code);
    }

    [Fact]
    public async Task Sessions_end_when_their_person_is_disabled_or_goes()
    {
        await using PeopleWorld world = await PeopleWorld.StartAsync();
        await world.SetPasswordAsync("alice");
        using IssuedCredential session = await world.TokenAsync("alice");
        await world.Core.Admin.UpdatePrincipalAsync(world.Root, Alice, enabled: false, null, null, PeopleWorld.Cancellation);
        Assert.False(await world.WorksAsync(session));
        await world.Core.Admin.UpdatePrincipalAsync(world.Root, Alice, enabled: true, null, null, PeopleWorld.Cancellation);
        Assert.True(await world.WorksAsync(session));
        await world.Core.Admin.DeletePrincipalAsync(world.Root, Alice, PeopleWorld.Cancellation);
        Assert.False(await world.WorksAsync(session));
    }

    [Fact]
    public async Task Too_many_sessions_end_the_oldest()
    {
        await using PeopleWorld world = await PeopleWorld.StartAsync();
        await world.SetPasswordAsync("alice");
        using IssuedCredential first = await world.TokenAsync("alice");
        world.Clock.Advance(TimeSpan.FromSeconds(1));
        using IssuedCredential second = await world.TokenAsync("alice");
        for (int i = 2; i <= AdminService.MaxSessions; i++)
        {
            world.Clock.Advance(TimeSpan.FromSeconds(1));
            (await world.TokenAsync("alice")).Dispose();
        }

        Assert.False(await world.WorksAsync(first));
        Assert.True(await world.WorksAsync(second));
        // And none of them takes the place of a key.
        using IssuedCredential key = await world.Core.Admin.CreateAccessKeyAsync(world.Root, Alice, new(), PeopleWorld.Cancellation);
        Assert.DoesNotContain(await world.Core.Admin.ListCredentialsAsync(world.Root, Alice, PeopleWorld.Cancellation), AdminService.IsSession);
    }

    [Fact]
    public async Task A_rotated_token_has_no_gap()
    {
        await using PeopleWorld world = await PeopleWorld.StartAsync();
        using IssuedCredential old = await world.Core.Admin.CreateTokenAsync(
            world.Root, App, new() { Description = "deploy", Cidrs = [IPNetwork.Parse("192.0.2.0/24")] }, PeopleWorld.Cancellation);
        (IssuedCredential fresh, Credential ending) = await world.Core.Admin.RotateCredentialAsync(world.Root, old.Credential.PublicId, 86_400, null, PeopleWorld.Cancellation);
        using (fresh)
        {
            Assert.Equal(("deploy", "192.0.2.0/24", (long?)null), (fresh.Credential.Description, fresh.Credential.Cidrs.Single().ToString(), fresh.Credential.Expires));
            Assert.Equal(world.Core.Clock.Now() + Microseconds.PerDay, ending.Expires);
            Assert.False(await world.WorksAsync(fresh, IPAddress.Parse("198.51.100.1")));
            world.Clock.Advance(TimeSpan.FromHours(23));
            Assert.True(await world.WorksAsync(old) && await world.WorksAsync(fresh));
            world.Clock.Advance(TimeSpan.FromHours(1));
            Assert.False(await world.WorksAsync(old));
            Assert.True(await world.WorksAsync(fresh));
        }

        Assert.Equal(CofferErrorCode.PreconditionFailed, (await Assert.ThrowsAsync<CofferException>(async () => await world.Core.Admin.RotateCredentialAsync(world.Root, old.Credential.PublicId, 0, null, PeopleWorld.Cancellation))).Code);
    }

    [Fact]
    public async Task A_rotated_access_key_has_another_id_and_secret()
    {
        await using PeopleWorld world = await PeopleWorld.StartAsync();
        using IssuedCredential old = await world.Core.Admin.CreateAccessKeyAsync(world.Root, App, new(), PeopleWorld.Cancellation);
        (IssuedCredential fresh, _) = await world.Core.Admin.RotateCredentialAsync(world.Root, old.Credential.PublicId, 60, null, PeopleWorld.Cancellation);
        using (fresh)
        {
            Assert.NotEqual(old.Credential.PublicId, fresh.Credential.PublicId);
            (KnownAccessKey? key, _) = await world.Core.Credentials.FindAccessKeyAsync(fresh.Credential.PublicId, null, null, PeopleWorld.Cancellation);
            using SecretValue secret = key!.OpenSecret();
            Assert.True(secret.FixedTimeEquals(fresh.Secret) && !secret.FixedTimeEquals(old.Secret));
        }

        Assert.NotNull((await world.Core.Credentials.FindAccessKeyAsync(old.Credential.PublicId, null, null, PeopleWorld.Cancellation)).Key);
        world.Clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(ProofFailure.Expired, (await world.Core.Credentials.FindAccessKeyAsync(old.Credential.PublicId, null, null, PeopleWorld.Cancellation)).Failure);
    }

    [Fact]
    public async Task A_person_rotates_their_own_keys_but_makes_none_last_longer()
    {
        await using PeopleWorld world = await PeopleWorld.StartAsync();
        Caller alice = await world.InviteAndLoginAsync("alice"), bob = await world.InviteAndLoginAsync("bob");
        long end = world.Core.Clock.Now() + (90 * Microseconds.PerDay);
        using IssuedCredential key = await world.Core.Admin.CreateAccessKeyAsync(world.Root, Alice, new() { Expires = end }, PeopleWorld.Cancellation);
        await DeniedAsync(async () => await world.Core.Admin.RotateCredentialAsync(bob, key.Credential.PublicId, 60, null, PeopleWorld.Cancellation));
        await DeniedAsync(async () => await world.Core.Admin.RotateCredentialAsync(alice, key.Credential.PublicId, 60, end + 1, PeopleWorld.Cancellation));
        await DeniedAsync(async () => await world.Core.Admin.UpdateCredentialAsync(alice, key.Credential.PublicId, new() { NoEnd = true }, PeopleWorld.Cancellation));
        (IssuedCredential fresh, _) = await world.Core.Admin.RotateCredentialAsync(alice, key.Credential.PublicId, 60, null, PeopleWorld.Cancellation);
        Assert.Equal(end, fresh.Credential.Expires);
        fresh.Dispose();
        // A workload's token rotates nothing, its own neither: whoever stole it could hold on to it.
        using IssuedCredential token = await world.Core.Admin.CreateTokenAsync(world.Root, App, new(), PeopleWorld.Cancellation);
        await DeniedAsync(async () => await world.Core.Admin.RotateCredentialAsync(world.Caller("app", token.Credential.PublicId), token.Credential.PublicId, 60, null, PeopleWorld.Cancellation));
    }

    [Fact]
    public async Task What_is_no_login_makes_and_ends_no_credential_of_the_same_person()
    {
        await using PeopleWorld world = await PeopleWorld.StartAsync();
        Caller alice = await world.InviteAndLoginAsync("alice");
        using IssuedCredential key = await world.Core.Admin.CreateAccessKeyAsync(world.Root, Alice, new(), PeopleWorld.Cancellation), token = await world.Core.Admin.CreateTokenAsync(world.Root, Alice, new(), PeopleWorld.Cancellation);
        using BearerToken bearer = await world.Core.Credentials.IssueBearerAsync(alice, null, null, null, CredentialService.CofferAudience, 900, "", PeopleWorld.Cancellation);
        await world.Core.Admin.AllowAssumingAsync(world.Root, Alice, App, isGroup: false, PeopleWorld.Cancellation);
        using IssuedCredential machine = await world.Core.Admin.CreateTokenAsync(world.Root, App, new(), PeopleWorld.Cancellation);
        using BearerToken assumed = await world.Core.Credentials.IssueBearerAsync(world.Caller("app", machine.Credential.PublicId), null, Alice, null, CredentialService.CofferAudience, 900, "", PeopleWorld.Cancellation);
        foreach (string proof in (string[])[bearer.Id, assumed.Id, token.Credential.PublicId])
        {
            Caller caller = world.Caller("alice", proof);
            await DeniedAsync(async () => await world.Core.Admin.RotateCredentialAsync(caller, key.Credential.PublicId, 60, null, PeopleWorld.Cancellation));
            await DeniedAsync(async () => await world.Core.Admin.RotateCredentialAsync(caller, token.Credential.PublicId, 60, null, PeopleWorld.Cancellation));
            await DeniedAsync(() => world.Core.Admin.DeleteCredentialAsync(caller, key.Credential.PublicId, PeopleWorld.Cancellation).AsTask());
            await DeniedAsync(() => world.Core.Admin.DeleteCredentialAsync(caller, alice.Credential, PeopleWorld.Cancellation).AsTask());
        }

        // What lies about may at least be ended by whoever finds it.
        await world.Core.Admin.DeleteCredentialAsync(world.Caller("alice", token.Credential.PublicId), token.Credential.PublicId, PeopleWorld.Cancellation);
        Assert.False(await world.WorksAsync(token));
        Assert.Contains(await world.RecordsAsync("RotateCredential"), r => r.Decision == AuditDecision.Deny);
    }

    [Fact]
    public async Task A_credential_whose_uses_are_counted_is_not_rotated()
    {
        await using PeopleWorld world = await PeopleWorld.StartAsync();
        Caller alice = await world.InviteAndLoginAsync("alice");
        using IssuedCredential counted = await world.Core.Admin.CreateTokenAsync(world.Root, Alice, new() { Uses = 5 }, PeopleWorld.Cancellation);
        foreach (Caller caller in (Caller[])[alice, world.Root])
        {
            Assert.Equal(CofferErrorCode.PreconditionFailed, (await Assert.ThrowsAsync<CofferException>(async () => await world.Core.Admin.RotateCredentialAsync(caller, counted.Credential.PublicId, 60, null, PeopleWorld.Cancellation))).Code);
        }

        Assert.Single(await world.Core.Admin.ListCredentialsAsync(world.Root, Alice, PeopleWorld.Cancellation), c => c.Kind == CredentialKind.Token);
    }

    [Fact]
    public async Task What_was_removed_while_it_was_being_described_stays_removed()
    {
        await using PeopleWorld world = await PeopleWorld.StartAsync();
        using IssuedCredential token = await world.Core.Admin.CreateTokenAsync(world.Root, App, new(), PeopleWorld.Cancellation);
        Assert.True(await world.WorksAsync(token));
        // Behind the core's back: it still finds the row that it remembers, as a change does that began before the removal.
        await using (Coffer.Core.Stores.IStoreTransaction transaction = await world.Store.BeginAsync(PeopleWorld.Cancellation))
        {
            Assert.True(await transaction.SaveAsync(new Coffer.Core.Stores.AccessChange { RemovedCredentials = [token.Credential.PublicId] }, PeopleWorld.Cancellation));
            await transaction.CommitAsync(PeopleWorld.Cancellation);
        }

        Assert.Equal(CofferErrorCode.NotFound, (await Assert.ThrowsAsync<CofferException>(async () =>
            await world.Core.Admin.UpdateCredentialAsync(world.Root, token.Credential.PublicId, new() { Description = "back" }, PeopleWorld.Cancellation))).Code);
        Assert.Equal(CofferErrorCode.NotFound, (await Assert.ThrowsAsync<CofferException>(async () =>
            await world.Core.Admin.DeleteCredentialAsync(world.Root, token.Credential.PublicId, PeopleWorld.Cancellation))).Code);
        Assert.Empty(await world.CredentialsAsync("app"));
    }

    [Fact]
    public async Task Neither_a_session_nor_a_password_is_rotated()
    {
        await using PeopleWorld world = await PeopleWorld.StartAsync();
        Caller alice = await world.InviteAndLoginAsync("alice");
        foreach (Credential credential in await world.CredentialsAsync("alice"))
        {
            Assert.Equal(CofferErrorCode.PreconditionFailed, (await Assert.ThrowsAsync<CofferException>(async () => await world.Core.Admin.RotateCredentialAsync(alice, credential.PublicId, 60, null, PeopleWorld.Cancellation))).Code);
        }

        Assert.Equal(CofferErrorCode.PreconditionFailed, (await Assert.ThrowsAsync<CofferException>(async () =>
            await world.Core.Admin.UpdateCredentialAsync(world.Root, alice.Credential, new() { NoEnd = true }, PeopleWorld.Cancellation))).Code);
    }

    [Fact]
    public async Task A_disabled_key_stops_at_once_with_what_was_got_with_it_and_may_be_let_work_again()
    {
        await using PeopleWorld world = await PeopleWorld.StartAsync();
        using IssuedCredential token = await world.Core.Admin.CreateTokenAsync(world.Root, App, new(), PeopleWorld.Cancellation);
        Caller app = world.Caller("app", token.Credential.PublicId);
        using BearerToken bearer = await world.Core.Credentials.IssueBearerAsync(app, null, null, null, CredentialService.CofferAudience, 900, "", PeopleWorld.Cancellation);
        async Task<bool> BearerWorksAsync() => (await world.Core.Credentials.ProveTokenAsync(Encoding.UTF8.GetString(bearer.Token.Span), world.Address, PeopleWorld.Cancellation)).Identity is not null;

        Assert.True(await world.WorksAsync(token) && await BearerWorksAsync());
        await world.Core.Admin.UpdateCredentialAsync(world.Root, token.Credential.PublicId, new() { Disable = true }, PeopleWorld.Cancellation);
        Assert.False(await world.WorksAsync(token) || await BearerWorksAsync());
        Credential again = await world.Core.Admin.UpdateCredentialAsync(world.Root, token.Credential.PublicId, new() { NoEnd = true, Description = "back" }, PeopleWorld.Cancellation);
        Assert.Equal(((long?)null, "back"), (again.Expires, again.Description));
        Assert.True(await world.WorksAsync(token) && await BearerWorksAsync());
    }

    [Fact]
    public async Task Keys_past_their_end_are_kept_for_a_month_and_take_no_place()
    {
        await using PeopleWorld world = await PeopleWorld.StartAsync();
        for (int i = 0; i < 20; i++)
        {
            (await world.Core.Admin.CreateTokenAsync(world.Root, App, new() { Expires = world.Core.Clock.Now() + Microseconds.PerDay }, PeopleWorld.Cancellation)).Dispose();
        }

        Assert.Equal(CofferErrorCode.QuotaExceeded, (await Assert.ThrowsAsync<CofferException>(async () => await world.Core.Admin.CreateTokenAsync(world.Root, App, new(), PeopleWorld.Cancellation))).Code);
        world.Clock.Advance(TimeSpan.FromDays(1));
        (await world.Core.Admin.CreateTokenAsync(world.Root, App, new(), PeopleWorld.Cancellation)).Dispose();
        await world.Core.TickAsync(PeopleWorld.Cancellation);
        Assert.Equal(21, (await world.CredentialsAsync("app")).Count);
        world.Clock.Advance(TimeSpan.FromDays(30));
        await world.Core.TickAsync(PeopleWorld.Cancellation);
        Assert.Single(await world.CredentialsAsync("app"));
    }

    [Fact]
    public async Task A_forged_session_or_password_proves_nobody()
    {
        await using PeopleWorld world = await PeopleWorld.StartAsync();
        await world.SetPasswordAsync("alice");
        await world.SetPasswordAsync("root", "administrator's zebra");
        // Somebody with the database gives root the hash of a password that they know.
        Credential alices = (await world.CredentialsAsync("alice")).Single(), roots = (await world.CredentialsAsync("root")).Single();
        await using (Coffer.Core.Stores.IStoreTransaction transaction = await world.Store.BeginAsync(PeopleWorld.Cancellation))
        {
            byte[] verifier = alices.Verifier.ToArray();
            Assert.True(await transaction.SaveAsync(new Coffer.Core.Stores.AccessChange { Credentials = [roots with { Verifier = verifier }], RemovedCredentials = [alices.PublicId] }, PeopleWorld.Cancellation));
            await transaction.CommitAsync(PeopleWorld.Cancellation);
        }

        Assert.Equal(CofferErrorCode.Unauthenticated, (await world.RefusedAsync("root")).Code);
        Assert.Equal(CofferErrorCode.Unauthenticated, (await world.RefusedAsync("root", "administrator's zebra")).Code);
    }

    private static async Task<CofferException> DeniedAsync(Func<Task> call)
    {
        CofferException denied = await Assert.ThrowsAsync<CofferException>(call);
        Assert.Equal(CofferErrorCode.AccessDenied, denied.Code);
        return denied;
    }
}
