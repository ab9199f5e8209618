using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Coffer.Client;
using Coffer.Contracts;
using Coffer.Core.Access;
using Coffer.Core.Secrets;

namespace Coffer.Protocols.Native.Tests;

/// <summary>Logins over the wire, and what they must survive there.</summary>
public sealed class PeopleTests
{
    private const string Password = "correct zebra, wired lamp";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_person_is_invited_logs_in_takes_a_second_factor_and_logs_out()
    {
        await using NativeTestServer server = await NativeTestServer.StartAsync();
        CofferClient root = server.Client(), nobody = Anonymous(server);
        await root.CreatePrincipalAsync(new() { Name = "pat", Kind = "person" }, Cancellation);
        using (IssuedInvitation invitation = await root.InvitePersonAsync("pat", cancellationToken: Cancellation))
        {
            InvitedPerson person = await nobody.AcceptInvitationAsync(new() { Invitation = invitation.Invitation, Password = SecretText.From(Password) }, Cancellation);
            Assert.Equal("pat", person.Principal);
        }

        using LoginResult first = await nobody.LoginAsync(new() { Principal = "pat", Password = SecretText.From(Password) }, Cancellation);
        using CofferClient pat = With(server, first.Token);
        string seed;
        using (NewOneTimeCodes codes = await pat.BeginOneTimeCodesAsync(new() { Password = SecretText.From(Password) }, Cancellation))
        {
            seed = codes.Seed.Reveal();
            Assert.StartsWith("otpauth://totp/Coffer:pat?secret=" + seed, codes.Uri.Reveal(), StringComparison.Ordinal);
        }

        string recovery;
        using (RecoveryCodeList codes = await pat.ConfirmOneTimeCodesAsync(new() { Code = SecretText.From(Code(server, seed)) }, Cancellation))
        {
            Assert.Equal(10, codes.Codes.Count);
            recovery = codes.Codes[4].Reveal();
        }

        Assert.Equal(401, (await Assert.ThrowsAsync<CofferClientException>(() => nobody.LoginAsync(new() { Principal = "pat", Password = SecretText.From(Password) }, Cancellation))).Status);
        server.Clock.Advance(TimeSpan.FromMinutes(1));
        using LoginResult second = await nobody.LoginAsync(new() { Principal = "pat", Password = SecretText.From(Password), Code = SecretText.From(Code(server, seed)) }, Cancellation);
        using LoginResult third = await nobody.LoginAsync(new() { Principal = "pat", Password = SecretText.From(Password), Code = SecretText.From(recovery) }, Cancellation);
        Assert.Equal([first.Id, second.Id, third.Id], (await pat.ListSessionsAsync("pat", Cancellation)).Sessions.Select(s => s.Id).OrderBy(id => id == first.Id ? 0 : id == second.Id ? 1 : 2));
        await pat.DeleteCredentialAsync(second.Id, Cancellation);
        await pat.LogoutAsync(Cancellation);
        Assert.Equal(401, (await Assert.ThrowsAsync<CofferClientException>(() => pat.WhoAmIAsync(Cancellation))).Status);
        using CofferClient again = With(server, third.Token);
        SessionInfo left = Assert.Single((await again.ListSessionsAsync("pat", Cancellation)).Sessions);
        Assert.True(left.Current);
    }

    [Fact]
    public async Task Attack_3_no_object_but_a_person_logs_in()
    {
        await using NativeTestServer server = await NativeTestServer.StartAsync();
        await PersonAsync(server, "pat");
        await server.Client().CreateGroupAsync("staff", Cancellation);
        foreach (string name in new[] { "staff", "shop-dev", "local-1000", "reader", "coffer", "native", "server" })
        {
            Assert.Equal(401, (await LoginAsync(server, name, Password)).Status);
        }
    }

    [Fact]
    public async Task Attack_6_the_answer_for_a_name_that_nobody_has_is_the_same_to_the_byte()
    {
        await using NativeTestServer server = await NativeTestServer.StartAsync();
        await PersonAsync(server, "pat");
        string[] answers =
        [
            Shape(await LoginAsync(server, "pat", "wrong zebra, wired lamp")),
            Shape(await LoginAsync(server, "mel", "wrong zebra, wired lamp")),
            Shape(await LoginAsync(server, "reader", Password)),
            Shape(await LoginAsync(server, " pat", Password)),
            Shape(await LoginAsync(server, "\u0440at", Password)),
            Shape(await LoginAsync(server, "pat", "x")),
            Shape(await LoginAsync(server, "pat", Password + "!", "123456")),
        ];
        Assert.Single(answers.Distinct());
        // And so are the ones while each name waits.
        await LoginAsync(server, "mel", "wrong zebra, wired lamp");
        await LoginAsync(server, "mel", "wrong zebra, wired lamp");
        await LoginAsync(server, "mel", "wrong zebra, wired lamp");
        await LoginAsync(server, "pat", "wrong zebra, wired lamp");
        TestAnswer known = await LoginAsync(server, "pat", Password), unknown = await LoginAsync(server, "mel", Password);
        Assert.Equal(429, known.Status);
        Assert.Equal(Shape(known), Shape(unknown));
    }

    [Fact]
    public async Task Attack_7_a_locked_name_is_locked_in_every_spelling()
    {
        await using NativeTestServer server = await NativeTestServer.StartAsync();
        await PersonAsync(server, "pat");
        for (int i = 0; i < 10;)
        {
            TestAnswer answer = await LoginAsync(server, "pat", "wrong zebra, wired lamp");
            i += answer.Status == 401 ? 1 : 0;
            server.Clock.Advance(answer.Header("Retry-After") is { } wait && i < 10 ? TimeSpan.FromSeconds(int.Parse(wait, CultureInfo.InvariantCulture)) : TimeSpan.Zero);
        }

        TestAnswer locked = await LoginAsync(server, "pat", Password);
        Assert.Equal((429, "900"), (locked.Status, locked.Header("Retry-After")));
        foreach (string spelling in new[] { "Pat", "PAT", " pat", "pat ", "ｐａｔ", "p\u200Bat", "pat\u0301", "pat\u0000" })
        {
            Assert.Contains((await LoginAsync(server, spelling, Password)).Status, new[] { 401, 429 });
        }

        await server.Client().UnlockPersonAsync("pat", Cancellation);
        Assert.Equal(201, (await LoginAsync(server, "pat", Password)).Status);
    }

    [Fact]
    public async Task Attack_8_no_spelling_of_a_used_code_is_another_code()
    {
        await using NativeTestServer server = await NativeTestServer.StartAsync();
        CofferClient pat = await PersonAsync(server, "pat");
        string seed;
        using (NewOneTimeCodes codes = await pat.BeginOneTimeCodesAsync(new() { Password = SecretText.From(Password) }, Cancellation))
        {
            seed = codes.Seed.Reveal();
        }

        (await pat.ConfirmOneTimeCodesAsync(new() { Code = SecretText.From(Code(server, seed)) }, Cancellation)).Dispose();
        server.Clock.Advance(TimeSpan.FromMinutes(2));
        string code = Code(server, seed);
        Assert.Equal(201, (await LoginAsync(server, "pat", Password, code)).Status);
        foreach (string spelling in new[] { code, " " + code, code + " ", code.Insert(3, " "), string.Concat(code.Select(c => (char)(c - '0' + '٠'))), code + "\u0000" })
        {
            await server.Client().UnlockPersonAsync("pat", Cancellation);
            Assert.Equal(401, (await LoginAsync(server, "pat", Password, spelling)).Status);
        }

        // A number is no text: read strictly, it is refused before anybody looks at it.
        Assert.Equal(400, (await server.SendAsync("POST", "/coffer/v1/login/password", $$"""{"principal":"pat","password":"{{Password}}","code":{{code.TrimStart('0')}}}""", principal: null)).Status);
    }

    [Fact]
    public async Task Attack_11_no_refusal_carries_a_token()
    {
        await using NativeTestServer server = await NativeTestServer.StartAsync();
        await PersonAsync(server, "pat");
        (string Target, string Body)[] calls =
        [
            ("/coffer/v1/login/password", """{"principal":"pat","password":"wrong zebra, wired lamp"}"""),
            ("/coffer/v1/login/password", """{"principal":"pat","password":"wrong zebra, wired lamp","code":"000000"}"""),
            ("/coffer/v1/login/password", """{"principal":"pat"}"""),
            ("/coffer/v1/login/password", """{"principal":"pat","password":"correct zebra, wired lamp","extra":1}"""),
            ("/coffer/v1/login/invitation", """{"invitation":"cfi_x","password":"correct zebra, wired lamp"}"""),
            ("/coffer/v1/login/oidc/start", """{"trust":"none"}"""),
            ("/coffer/v1/login/oidc/finish", """{"login":"x","idToken":"x"}"""),
            ("/coffer/v1/principals/pat/invitation", "{}"),
            ("/coffer/v1/principals/pat/reset", "{}"),
            ("/coffer/v1/self/one-time-codes/confirm", """{"code":"000000"}"""),
            ("/coffer/v1/self/recovery-codes", """{"code":"000000"}"""),
        ];
        foreach ((string target, string body) in calls)
        {
            TestAnswer answer = await server.SendAsync("POST", target, body, principal: null);
            Assert.InRange(answer.Status, 400, 499);
            Assert.DoesNotMatch("cft_|cfi_|cfs_|otpauth|zebra", answer.Body + string.Concat(answer.Headers.Select(h => h.Value)));
        }
    }

    [Fact]
    public async Task Attack_12_no_name_becomes_another_through_any_door_of_the_login()
    {
        await using NativeTestServer server = await NativeTestServer.StartAsync();
        using (IssuedCredential invitation = await server.Core.Admin.InviteAsync(server.Root, PrincipalName.Parse("root"), 3600, reset: false, Cancellation))
        using (SecretValue password = SecretValue.Copy(Encoding.UTF8.GetBytes(Password)))
        {
            await server.Core.Logins.AcceptInvitationAsync(new("test", "seed", "seed", null, null), invitation.Secret, password, Cancellation);
        }

        foreach (string name in new[] { " root", "root ", "Root", "ROOT", "ｒｏｏｔ", "r\u200Boot", "root\u0000", "r\u043E\u043Et", "root/", "../root", "%72oot", "root\u00AD" })
        {
            Assert.Contains((await LoginAsync(server, name, Password)).Status, new[] { 401, 429 });
            // In a path it is a name that is none, or no path.
            string part = Uri.EscapeDataString(name);
            foreach (string door in new[] { "invitation", "reset", "unlock" })
            {
                Assert.Contains((await server.SendAsync("POST", $"/coffer/v1/principals/{part}/{door}", "{}")).Status, new[] { 400, 404 });
            }

            Assert.Contains((await server.SendAsync("GET", $"/coffer/v1/principals/{part}/sessions")).Status, new[] { 400, 404 });
            Assert.Contains((await server.SendAsync("POST", "/coffer/v1/login/oidc/start", new JsonObject { ["trust"] = name }.ToJsonString(), principal: null)).Status, new[] { 400, 404 });
        }
    }

    [Fact]
    public async Task Failed_logins_count_to_the_address_like_other_failed_proofs()
    {
        await using NativeTestServer server = await NativeTestServer.StartAsync(new() { PerAddress = 0, PerPrincipal = 0, FailuresPerAddress = 1 });
        List<int> statuses = [];
        for (int i = 0; i < 4; i++)
        {
            statuses.Add((await LoginAsync(server, $"name-{i}", "x")).Status);
        }

        Assert.Equal([401, 401, 429, 429], statuses);
    }

    [Fact]
    public async Task Bodies_of_logins_are_small()
    {
        await using NativeTestServer server = await NativeTestServer.StartAsync();
        Assert.Equal(413, (await LoginAsync(server, "pat", new string('x', 17 * 1024))).Status);
        Assert.Equal(413, (await server.SendAsync("POST", "/coffer/v1/login/oidc/finish", $$"""{"login":"x","idToken":"{{new string('x', 65 * 1024)}}"}""", principal: null)).Status);
    }

    [Fact]
    public async Task A_sealed_server_logs_nobody_in()
    {
        await using NativeTestServer server = await NativeTestServer.StartAsync();
        await PersonAsync(server, "pat");
        await server.Core.SealAsync(Cancellation);
        Assert.Equal(503, (await LoginAsync(server, "pat", Password)).Status);
        Assert.Equal(503, (await server.SendAsync("GET", "/coffer/v1/login/providers", principal: null)).Status);
    }

    [Fact]
    public async Task A_password_is_not_sent_in_the_clear_to_another_machine()
    {
        using CofferClient client = new(new() { Address = new("http://coffer.example:8200") });
        await Assert.ThrowsAsync<ArgumentException>(() => client.LoginAsync(new() { Principal = "pat", Password = SecretText.From(Password) }, Cancellation));
        await Assert.ThrowsAsync<ArgumentException>(() => client.AcceptInvitationAsync(new() { Invitation = SecretText.From("cfi_"), Password = SecretText.From(Password) }, Cancellation));
    }

    internal static async Task<CofferClient> PersonAsync(NativeTestServer server, string name)
    {
        CofferClient root = server.Client(), nobody = Anonymous(server);
        await root.CreatePrincipalAsync(new() { Name = name, Kind = "person" }, Cancellation);
        using IssuedInvitation invitation = await root.InvitePersonAsync(name, cancellationToken: Cancellation);
        await nobody.AcceptInvitationAsync(new() { Invitation = invitation.Invitation, Password = SecretText.From(Password) }, Cancellation);
        LoginResult session = await nobody.LoginAsync(new() { Principal = name, Password = SecretText.From(Password) }, Cancellation);
        return With(server, session.Token);
    }

    internal static CofferClient Anonymous(NativeTestServer server) => new(new() { Address = new($"http://127.0.0.1:{server.Port}") });

    internal static CofferClient With(NativeTestServer server, SecretText token) => new(new() { Address = new($"http://127.0.0.1:{server.Port}"), Token = token });

    private static Task<TestAnswer> LoginAsync(NativeTestServer server, string name, string password, string? code = null)
    {
        JsonObject body = new() { ["principal"] = name, ["password"] = password };
        if (code is not null)
        {
            body["code"] = code;
        }

        return server.SendAsync("POST", "/coffer/v1/login/password", body.ToJsonString(), principal: null);
    }

    /// <summary>All that a caller sees but the request's id and the time.</summary>
    private static string Shape(TestAnswer answer)
    {
        JsonObject body = JsonNode.Parse(answer.Body)!.AsObject();
        string id = body["requestId"]!.GetValue<string>();
        return $"{answer.Status}\n{string.Join('\n', answer.Headers.Where(h => h.Key is not ("Date" or "X-Request-Id")).Select(h => $"{h.Key}: {h.Value}"))}\n{answer.Body.Replace(id, "", StringComparison.Ordinal)}";
    }

    private static string Code(NativeTestServer server, string seed)
    {
        List<byte> bytes = [];
        int bits = 0, held = 0;
        foreach (char c in seed)
        {
            held = (held << 5) | "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".IndexOf(c, StringComparison.Ordinal);
            bits += 5;
            if (bits >= 8)
            {
                bits -= 8;
                bytes.Add((byte)(held >> bits));
                held &= (1 << bits) - 1;
            }
        }

        byte[] counter = new byte[8];
        global::System.Buffers.Binary.BinaryPrimitives.WriteInt64BigEndian(counter, server.Clock.GetUtcNow().ToUnixTimeSeconds() / 30);
#pragma warning disable CA5350 // What the apps speak.
        byte[] hash = global::System.Security.Cryptography.HMACSHA1.HashData(bytes.ToArray(), counter);
#pragma warning restore CA5350
        int number = (int)((global::System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(hash.AsSpan(hash[^1] & 15)) & 0x7FFF_FFFF) % 1_000_000);
        return number.ToString("D6", CultureInfo.InvariantCulture);
    }
}
