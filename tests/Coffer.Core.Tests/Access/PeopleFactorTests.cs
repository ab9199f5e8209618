using System.Text;
using Coffer.Core.Access;
using Coffer.Core.Access.People;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;
using Xunit;

namespace Coffer.Core.Tests.Access;

/// <summary>One-time codes, recovery codes, changes of passwords.</summary>
public class PeopleFactorTests
{
    [Fact]
    public async Task Confirmed_codes_are_needed_from_then_on()
    {
        await using PeopleWorld world = await PeopleWorld.StartAsync();
        Caller alice = await world.InviteAndLoginAsync("alice");
        using (CodeEnrolment pending = await world.BeginAsync(alice))
        {
            // Before it was confirmed a seed counts for nothing.
            (await world.TokenAsync("alice")).Dispose();
        }

        (byte[] seed, _) = await world.EnrolAsync(alice);
        world.Clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(CofferErrorCode.Unauthenticated, (await world.RefusedAsync("alice")).Code);
        using IssuedCredential session = await world.TokenAsync("alice", code: world.Code(seed));
        Assert.StartsWith("password and one-time code", session.Credential.Description, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_seed_is_sealed_and_waits_ten_minutes_for_its_first_code()
    {
        await using PeopleWorld world = await PeopleWorld.StartAsync();
        Caller alice = await world.InviteAndLoginAsync("alice");
        byte[] seed;
        using (CodeEnrolment enrolment = await world.BeginAsync(alice))
        {
            seed = PeopleWorld.Base32(Encoding.ASCII.GetString(enrolment.Seed.Span));
            Assert.Equal("***", enrolment.ToString());
        }

        Credential row = (await world.CredentialsAsync("alice")).Single(c => c.Kind == CredentialKind.OneTimeCode);
        Assert.True(row.Sealed.Span.IndexOf(seed) < 0 && row.Verifier.IsEmpty);
        world.Clock.Advance(TimeSpan.FromSeconds(LoginService.EnrolmentSeconds));
        await DeniedAsync(async () => await world.Core.Logins.ConfirmOneTimeCodesAsync(alice, world.Code(seed), PeopleWorld.Cancellation), CofferErrorCode.PreconditionFailed);
        await world.Core.TickAsync(PeopleWorld.Cancellation);
        Assert.DoesNotContain(await world.CredentialsAsync("alice"), c => c.Kind == CredentialKind.OneTimeCode);
    }

    [Fact]
    public async Task Attack_8_a_code_is_good_once_however_it_is_written()
    {
        await using PeopleWorld world = await PeopleWorld.StartAsync();
        (byte[] seed, _) = await world.EnrolAsync(await world.InviteAndLoginAsync("alice"));
        // The code that confirmed is used up.
        Assert.Equal(CofferErrorCode.Unauthenticated, (await world.RefusedAsync("alice", code: world.Code(seed))).Code);
        world.Clock.Advance(TimeSpan.FromMinutes(2));
        string code = world.Code(seed);
        foreach (string spelling in new[] { " " + code, code + " ", code[..3] + " " + code[3..], "0" + code, string.Concat(code.Select(c => (char)(c - '0' + '０'))) })
        {
            await world.Core.Logins.UnlockAsync(world.Root, PrincipalName.Parse("alice"), PeopleWorld.Cancellation);
            Assert.Equal(CofferErrorCode.Unauthenticated, (await world.RefusedAsync("alice", code: spelling)).Code);
        }

        (await world.TokenAsync("alice", code: code)).Dispose();
        foreach (string spelling in new[] { code, " " + code, code + " ", string.Concat(code.Select(c => (char)(c - '0' + '０'))) })
        {
            Assert.Equal(CofferErrorCode.Unauthenticated, (await world.RefusedAsync("alice", code: spelling)).Code);
            await world.Core.Logins.UnlockAsync(world.Root, PrincipalName.Parse("alice"), PeopleWorld.Cancellation);
        }

        // Nor an older one that was never used, once a later one was.
        Assert.Equal(CofferErrorCode.Unauthenticated, (await world.RefusedAsync("alice", code: world.Code(seed, -1))).Code);
    }

    [Fact]
    public async Task Attack_8_a_code_stays_used_when_the_server_starts_anew()
    {
        await using PeopleWorld world = await PeopleWorld.StartAsync();
        (byte[] seed, _) = await world.EnrolAsync(await world.InviteAndLoginAsync("alice"));
        world.Clock.Advance(TimeSpan.FromMinutes(2));
        string code = world.Code(seed);
        (await world.TokenAsync("alice", code: code)).Dispose();
        await world.RestartAsync();
        Assert.Equal(CofferErrorCode.Unauthenticated, (await world.RefusedAsync("alice", code: code)).Code);
    }

    [Fact]
    public async Task Attack_8_of_many_who_show_one_code_at_once_one_gets_in()
    {
        await using PeopleWorld world = await PeopleWorld.StartAsync();
        (byte[] seed, _) = await world.EnrolAsync(await world.InviteAndLoginAsync("alice"));
        world.Clock.Advance(TimeSpan.FromMinutes(2));
        string code = world.Code(seed);
        int entered = 0;
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
        {
            try
            {
                (await world.TokenAsync("alice", code: code)).Dispose();
                Interlocked.Increment(ref entered);
            }
            catch (CofferException refused) when (refused.Code is CofferErrorCode.Unauthenticated or CofferErrorCode.Throttled)
            {
                // Another was first.
            }
        })));
        Assert.Equal(1, entered);
    }

    [Fact]
    public async Task Attack_8_guesses_of_a_code_are_counted_like_those_of_a_password()
    {
        await using PeopleWorld world = await PeopleWorld.StartAsync();
        Caller alice = await world.InviteAndLoginAsync("alice");
        (byte[] seed, _) = await world.EnrolAsync(alice);
        int tried = 0;
        for (CofferException refused = await world.RefusedAsync("alice", code: "000000"); refused.Error.RetryAfter != GuessLimiter.Lock; refused = await world.RefusedAsync("alice", code: "000000"))
        {
            tried += refused.Error.RetryAfter is null ? 1 : 0;
            world.Clock.Advance(refused.Error.RetryAfter ?? TimeSpan.Zero);
        }

        Assert.Equal(GuessLimiter.MostPerName, tried);
        // No other door counts anew.
        await DeniedAsync(() => world.Core.Logins.EndOneTimeCodesAsync(alice, world.Code(seed), PeopleWorld.Cancellation).AsTask(), CofferErrorCode.Throttled);
        await DeniedAsync(async () => await world.Core.Logins.RenewRecoveryCodesAsync(alice, world.Code(seed), PeopleWorld.Cancellation), CofferErrorCode.Throttled);
    }

    [Fact]
    public async Task A_wrong_password_uses_no_code_up()
    {
        await using PeopleWorld world = await PeopleWorld.StartAsync();
        (byte[] seed, string[] recovery) = await world.EnrolAsync(await world.InviteAndLoginAsync("alice"));
        world.Clock.Advance(TimeSpan.FromMinutes(2));
        await world.RefusedAsync("alice", "wrong zebra, wired lamp", world.Code(seed));
        await world.RefusedAsync("alice", "wrong zebra, wired lamp", recovery[0]);
        (await world.TokenAsync("alice", code: world.Code(seed))).Dispose();
        (await world.TokenAsync("alice", code: recovery[0])).Dispose();
    }

    [Fact]
    public async Task Attack_9_recovery_codes_are_kept_as_keyed_hashes_good_once_and_for_one_person()
    {
        await using PeopleWorld world = await PeopleWorld.StartAsync();
        (_, string[] alices) = await world.EnrolAsync(await world.InviteAndLoginAsync("alice"));
        (_, string[] bobs) = await world.EnrolAsync(await world.InviteAndLoginAsync("bob"));
        Assert.Equal(10, alices.Length);
        Assert.Equal(20, alices.Concat(bobs).Distinct().Count());
        Assert.All(await world.CredentialsAsync("alice"), c => Assert.DoesNotContain(alices, a => c.Verifier.Span.IndexOf(Encoding.ASCII.GetBytes(a)) >= 0 || c.Sealed.Span.IndexOf(Encoding.ASCII.GetBytes(a)) >= 0));
        // No byte of another's or of a wrong one brings anybody nearer: what is compared is a MAC over all of it.
        await world.RefusedAsync("alice", code: bobs[0]);
        await world.RefusedAsync("alice", code: alices[0][..^1] + (alices[0][^1] == '0' ? '1' : '0'));
        await world.RefusedAsync("alice", code: alices[0].ToUpperInvariant());
        using (IssuedCredential session = await world.TokenAsync("alice", code: alices[0]))
        {
            Assert.StartsWith("password and recovery code", session.Credential.Description, StringComparison.Ordinal);
        }

        await world.RestartAsync();
        await world.RefusedAsync("alice", code: alices[0]);
        (await world.TokenAsync("alice", code: alices[1])).Dispose();
    }

    [Fact]
    public async Task New_recovery_codes_end_the_old_ones()
    {
        await using PeopleWorld world = await PeopleWorld.StartAsync();
        Caller alice = await world.InviteAndLoginAsync("alice");
        (byte[] seed, string[] old) = await world.EnrolAsync(alice);
        await DeniedAsync(async () => await world.Core.Logins.RenewRecoveryCodesAsync(alice, "000000", PeopleWorld.Cancellation), CofferErrorCode.AccessDenied);
        world.Clock.Advance(TimeSpan.FromMinutes(1));
        IReadOnlyList<SecretValue> codes = await world.Core.Logins.RenewRecoveryCodesAsync(alice, world.Code(seed), PeopleWorld.Cancellation);
        string fresh = Encoding.ASCII.GetString(codes[3].Span);
        codes.ToList().ForEach(c => c.Dispose());
        await world.RefusedAsync("alice", code: old[3]);
        (await world.TokenAsync("alice", code: fresh)).Dispose();
        Assert.Equal(10, (await world.CredentialsAsync("alice")).Count(c => c.Kind == CredentialKind.RecoveryCode));
    }

    [Fact]
    public async Task Codes_end_with_one_of_them_and_not_without()
    {
        await using PeopleWorld world = await PeopleWorld.StartAsync();
        Caller alice = await world.InviteAndLoginAsync("alice");
        (_, string[] recovery) = await world.EnrolAsync(alice);
        await DeniedAsync(() => world.Core.Logins.EndOneTimeCodesAsync(alice, "000000", PeopleWorld.Cancellation).AsTask(), CofferErrorCode.AccessDenied);
        Credential seed = (await world.CredentialsAsync("alice")).Single(c => c.Kind == CredentialKind.OneTimeCode);
        // Nor by removing the row like a key.
        await DeniedAsync(() => world.Core.Admin.DeleteCredentialAsync(alice, seed.PublicId, PeopleWorld.Cancellation).AsTask(), CofferErrorCode.AccessDenied);
        await world.Core.Logins.EndOneTimeCodesAsync(alice, recovery[9], PeopleWorld.Cancellation);
        Assert.DoesNotContain(await world.CredentialsAsync("alice"), c => c.Kind is CredentialKind.OneTimeCode or CredentialKind.RecoveryCode);
        (await world.TokenAsync("alice")).Dispose();
    }

    [Fact]
    public async Task A_changed_password_takes_the_old_one_and_ends_what_was_got_with_it()
    {
        await using PeopleWorld world = await PeopleWorld.StartAsync();
        await world.SetPasswordAsync("alice");
        using IssuedCredential first = await world.TokenAsync("alice"), second = await world.TokenAsync("alice");
        Caller alice = world.Caller("alice", first.Credential.PublicId);
        using BearerToken bearer = await world.Core.Credentials.IssueBearerAsync(alice, null, null, null, CredentialService.CofferAudience, 900, "", PeopleWorld.Cancellation);
        string bearerText = Encoding.UTF8.GetString(bearer.Token.Span);
        using SecretValue old = PeopleWorld.Text(PeopleWorld.Password), wrong = PeopleWorld.Text("wrong zebra, wired lamp"), fresh = PeopleWorld.Text("another zebra, another lamp"), weak = PeopleWorld.Text("alice-alice-1");
        await DeniedAsync(() => world.Core.Logins.ChangePasswordAsync(alice, wrong, fresh, PeopleWorld.Cancellation).AsTask(), CofferErrorCode.AccessDenied);
        await DeniedAsync(() => world.Core.Logins.ChangePasswordAsync(alice, old, weak, PeopleWorld.Cancellation).AsTask(), CofferErrorCode.InvalidRequest);
        await DeniedAsync(() => world.Core.Logins.ChangePasswordAsync(alice, old, old, PeopleWorld.Cancellation).AsTask(), CofferErrorCode.InvalidRequest);
        Assert.True(await world.WorksAsync(first) && await world.WorksAsync(second));
        await world.Core.Logins.ChangePasswordAsync(alice, old, fresh, PeopleWorld.Cancellation);
        Assert.False(await world.WorksAsync(first) || await world.WorksAsync(second));
        Assert.Null((await world.Core.Credentials.ProveTokenAsync(bearerText, world.Address, PeopleWorld.Cancellation)).Identity);
        await world.RefusedAsync("alice");
        (await world.TokenAsync("alice", "another zebra, another lamp")).Dispose();
    }

    [Fact]
    public async Task A_stolen_session_cannot_guess_the_password_at_leisure()
    {
        await using PeopleWorld world = await PeopleWorld.StartAsync();
        Caller alice = await world.InviteAndLoginAsync("alice");
        using SecretValue wrong = PeopleWorld.Text("wrong zebra, wired lamp"), fresh = PeopleWorld.Text("another zebra, another lamp");
        for (int i = 0; i <= GuessLimiter.FreePerName; i++)
        {
            await DeniedAsync(() => world.Core.Logins.ChangePasswordAsync(alice, wrong, fresh, PeopleWorld.Cancellation).AsTask(), CofferErrorCode.AccessDenied);
        }

        await DeniedAsync(() => world.Core.Logins.ChangePasswordAsync(alice, wrong, fresh, PeopleWorld.Cancellation).AsTask(), CofferErrorCode.Throttled);
    }

    [Fact]
    public async Task Attack_7_a_stolen_session_with_codes_of_its_own_neither_locks_the_owner_out_nor_guesses_any_longer()
    {
        await using PeopleWorld world = await PeopleWorld.StartAsync();
        Caller alice = await world.InviteAndLoginAsync("alice");
        // Without the password there are none to be had.
        await DeniedAsync(async () => (await world.BeginAsync(alice, "wrong zebra, wired lamp")).Dispose(), CofferErrorCode.AccessDenied);
        Assert.DoesNotContain(await world.CredentialsAsync("alice"), c => c.Kind == CredentialKind.OneTimeCode);
        // And with the app, but not the password, being right about codes is no way to guess at it again and again.
        (byte[] seed, _) = await world.EnrolAsync(alice);
        using SecretValue wrong = PeopleWorld.Text("wrong zebra, wired lamp"), fresh = PeopleWorld.Text("another zebra, another lamp");
        for (int guesses = 0; guesses < GuessLimiter.MostPerName; guesses++)
        {
            await DeniedAsync(() => world.Core.Logins.ChangePasswordAsync(alice, wrong, fresh, PeopleWorld.Cancellation).AsTask(), CofferErrorCode.AccessDenied);
            world.Clock.Advance(TimeSpan.FromMinutes(2.5));
            (await world.Core.Logins.RenewRecoveryCodesAsync(alice, world.Code(seed), PeopleWorld.Cancellation)).ToList().ForEach(c => c.Dispose());
        }

        await DeniedAsync(() => world.Core.Logins.ChangePasswordAsync(alice, wrong, fresh, PeopleWorld.Cancellation).AsTask(), CofferErrorCode.Throttled);
    }

    [Fact]
    public async Task Attack_46_codes_taken_out_of_the_store_leave_no_login_by_password_alone()
    {
        await using PeopleWorld world = await PeopleWorld.StartAsync();
        await world.SetPasswordAsync("alice");
        using IssuedCredential session = await world.TokenAsync("alice");
        (byte[] seed, string[] recovery) = await world.EnrolAsync(world.Caller("alice", session.Credential.PublicId));
        await world.TakeAwayAsync((await world.CredentialsAsync("alice")).Where(c => c.Kind is CredentialKind.OneTimeCode or CredentialKind.RecoveryCode));
        foreach (string? code in (string?[])[null, world.Code(seed, 1), recovery[0]])
        {
            Assert.Equal(CofferErrorCode.Unauthenticated, (await world.RefusedAsync("alice", code: code)).Code);
        }

        Assert.False(await world.WorksAsync(session));
        // Another password alone is no way round it.
        await world.Core.Logins.UnlockAsync(world.Root, PrincipalName.Parse("alice"), PeopleWorld.Cancellation);
        await world.SetPasswordAsync("alice", "another zebra, another lamp");
        Assert.Equal(CofferErrorCode.Unauthenticated, (await world.RefusedAsync("alice", "another zebra, another lamp")).Code);
        Assert.Contains(await world.RecordsAsync("Login"), r => r.Reason == "the one-time codes are missing from the store");
        // An administrator's reset is.
        using IssuedCredential invitation = await world.Core.Admin.InviteAsync(world.Root, PrincipalName.Parse("alice"), 3600, reset: true, PeopleWorld.Cancellation);
        using SecretValue chosen = PeopleWorld.Text(PeopleWorld.Password);
        await world.Core.Logins.AcceptInvitationAsync(world.From(), invitation.Secret, chosen, PeopleWorld.Cancellation);
        (await world.TokenAsync("alice")).Dispose();
    }

    [Fact]
    public async Task An_administrator_who_removes_the_seed_removes_the_codes_with_it()
    {
        await using PeopleWorld world = await PeopleWorld.StartAsync();
        await world.EnrolAsync(await world.InviteAndLoginAsync("alice"));
        await world.Core.Admin.DeleteCredentialAsync(world.Root, (await world.CredentialsAsync("alice")).Single(c => c.Kind == CredentialKind.OneTimeCode).PublicId, PeopleWorld.Cancellation);
        Assert.DoesNotContain(await world.CredentialsAsync("alice"), c => c.Kind is CredentialKind.OneTimeCode or CredentialKind.RecoveryCode);
        (await world.TokenAsync("alice")).Dispose();
    }

    [Fact]
    public async Task A_changed_password_still_needs_the_codes()
    {
        await using PeopleWorld world = await PeopleWorld.StartAsync();
        Caller alice = await world.InviteAndLoginAsync("alice");
        (_, string[] recovery) = await world.EnrolAsync(alice);
        using SecretValue old = PeopleWorld.Text(PeopleWorld.Password), fresh = PeopleWorld.Text("another zebra, another lamp");
        await world.Core.Logins.ChangePasswordAsync(alice, old, fresh, PeopleWorld.Cancellation);
        Assert.Equal(CofferErrorCode.Unauthenticated, (await world.RefusedAsync("alice", "another zebra, another lamp")).Code);
        (await world.TokenAsync("alice", "another zebra, another lamp", recovery[0])).Dispose();
    }

    [Fact]
    public async Task A_key_or_token_that_lies_about_changes_nothing_of_how_its_owner_logs_in()
    {
        await using PeopleWorld world = await PeopleWorld.StartAsync();
        Caller session = await world.InviteAndLoginAsync("alice");
        using IssuedCredential token = await world.Core.Admin.CreateTokenAsync(world.Root, PrincipalName.Parse("alice"), new(), PeopleWorld.Cancellation);
        using BearerToken bearer = await world.Core.Credentials.IssueBearerAsync(session, null, null, null, CredentialService.CofferAudience, 900, "", PeopleWorld.Cancellation);
        Caller[] callers = [world.Caller("alice", token.Credential.PublicId), world.Caller("alice", bearer.Id), session with { Limits = [new(GrantLanguage.LanguageName, [])] }, world.Caller("alice", "local-1000")];
        using SecretValue old = PeopleWorld.Text(PeopleWorld.Password), fresh = PeopleWorld.Text("another zebra, another lamp");
        foreach (Caller caller in callers)
        {
            await DeniedAsync(() => world.Core.Logins.ChangePasswordAsync(caller, old, fresh, PeopleWorld.Cancellation).AsTask(), CofferErrorCode.AccessDenied);
            await DeniedAsync(async () => (await world.BeginAsync(caller)).Dispose(), CofferErrorCode.AccessDenied);
        }
    }

    [Fact]
    public async Task A_reset_ends_every_factor_and_session()
    {
        await using PeopleWorld world = await PeopleWorld.StartAsync();
        await world.SetPasswordAsync("alice");
        using IssuedCredential session = await world.TokenAsync("alice");
        await world.EnrolAsync(world.Caller("alice", session.Credential.PublicId));
        using IssuedCredential invitation = await world.Core.Admin.InviteAsync(world.Root, PrincipalName.Parse("alice"), 3600, reset: true, PeopleWorld.Cancellation);
        Assert.False(await world.WorksAsync(session));
        Assert.Equal([CredentialKind.Invitation], (await world.CredentialsAsync("alice")).Select(c => c.Kind));
        using SecretValue fresh = PeopleWorld.Text("another zebra, another lamp");
        await world.Core.Logins.AcceptInvitationAsync(world.From(), invitation.Secret, fresh, PeopleWorld.Cancellation);
        (await world.TokenAsync("alice", "another zebra, another lamp")).Dispose();
    }

    private static async Task DeniedAsync(Func<Task> call, CofferErrorCode code) => Assert.Equal(code, (await Assert.ThrowsAsync<CofferException>(call)).Code);
}
