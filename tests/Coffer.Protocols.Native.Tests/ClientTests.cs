using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Coffer.Client;
using Coffer.Contracts;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Coffer.Protocols.Native.Tests;

public sealed class ClientTests
{
    private const string Token = "cft_0123456789012345678901234567890123456789012";

    [Theory]
    [InlineData(301)]
    [InlineData(302)]
    [InlineData(303)]
    [InlineData(307)]
    [InlineData(308)]
    public async Task A_redirect_is_an_error_and_the_token_stays_home(int status)
    {
        ConcurrentBag<string> stolen = [];
        await using WebApplication thief = await ListenAsync(context =>
        {
            stolen.Add(context.Request.Headers.Authorization.ToString());
            return Task.CompletedTask;
        });
        await using WebApplication server = await ListenAsync(context =>
        {
            context.Response.StatusCode = status;
            context.Response.Headers.Location = thief.Urls.First() + "/coffer/v1/whoami";
            return Task.CompletedTask;
        });
        using CofferClient client = new(new() { Address = new(server.Urls.First()), Token = SecretText.From(Token) });
        CofferClientException failure = await Assert.ThrowsAsync<CofferClientException>(() => client.WhoAmIAsync(TestContext.Current.CancellationToken));
        Assert.Equal(CofferClientException.Redirected, failure.Code);
        Assert.Equal(status, failure.Status);
        Assert.Empty(stolen);
    }

    [Theory]
    [InlineData("http://coffer.example:8200", false)]
    [InlineData("http://10.0.0.1", false)]
    [InlineData("http://127.0.0.1.example", false)]
    [InlineData("http://127.0.0.1:8200", true)]
    [InlineData("http://[::1]:8200", true)]
    [InlineData("https://coffer.example", true)]
    [InlineData("https://user:pw@coffer.example", false)]
    [InlineData("https://coffer.example/path", false)]
    [InlineData("https://coffer.example/?q", false)]
    [InlineData("ftp://coffer.example", false)]
    public void A_token_goes_to_https_or_this_machine_only(string address, bool accepted)
    {
        CofferClientOptions options = new() { Address = new(address), Token = SecretText.From(Token) };
        if (accepted)
        {
            new CofferClient(options).Dispose();
        }
        else
        {
            Assert.Throws<ArgumentException>(() => new CofferClient(options));
        }
    }

    [Fact]
    public void What_proves_somebody_goes_over_tls_or_to_this_machine_or_not_at_all()
    {
        using CofferClient open = new(new() { Address = new("http://coffer.example:8200") });
        using PasswordLogin password = new() { Principal = "pat", Password = SecretText.From("zebra wired lamp 77") };
        using InvitationAcceptance acceptance = new() { Invitation = SecretText.From("cfi_x"), Password = SecretText.From("zebra wired lamp 77") };
        using BrowserLoginProof token = new() { Login = "x", IdToken = SecretText.From("a.b.c") };
        using TrustLogin proof = new() { Trust = "ci", Token = SecretText.From("a.b.c") };
        foreach (Func<Task> call in new Func<Task>[]
        {
            () => open.LoginAsync(password), () => open.AcceptInvitationAsync(acceptance), () => open.BeginBrowserLoginAsync(new() { Trust = "staff" }), () => open.FinishBrowserLoginAsync(token),
            () => open.LoginByTrustAsync(proof), () => open.LoginByCertificateAsync(new() { Trust = "clients" }),
        })
        {
            // Before anything is asked of the network: nothing answers at this name.
            Assert.Contains("plain http", Assert.ThrowsAny<ArgumentException>(() => { _ = call(); }).Message, StringComparison.Ordinal);
        }

        Assert.Throws<ArgumentException>(open.CheckPrivate);
        foreach (CofferClientOptions options in new CofferClientOptions[] { new() { SocketPath = "/run/coffer.sock" }, new() { Address = new("https://coffer.example") }, new() { Address = new("http://[::1]:8200") } })
        {
            using CofferClient closed = new(options);
            closed.CheckPrivate();
        }
    }

    [Fact]
    public async Task A_ca_file_that_is_none_is_a_fault_of_the_options()
    {
        string file = Path.GetTempFileName();
        try
        {
            foreach (string text in new[] { "", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" })
            {
                await File.WriteAllTextAsync(file, text, TestContext.Current.CancellationToken);
                Assert.Throws<ArgumentException>(() => new CofferClient(new() { Address = new("https://coffer.example"), CaFile = file }));
            }
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public async Task Only_the_pinned_authority_is_trusted()
    {
        string folder = Directory.CreateTempSubdirectory("coffer-client-").FullName;
        try
        {
            using X509Certificate2 ours = Authority("CN=ours"), theirs = Authority("CN=theirs");
            await File.WriteAllTextAsync(Path.Combine(folder, "ours.pem"), ours.ExportCertificatePem(), TestContext.Current.CancellationToken);
            await File.WriteAllTextAsync(Path.Combine(folder, "theirs.pem"), theirs.ExportCertificatePem(), TestContext.Current.CancellationToken);
            using X509Certificate2 leaf = Leaf(ours);
            await using WebApplication server = await ListenAsync(context => context.Response.WriteAsJsonAsync(new Health { Status = "ready", Version = "1" }, ContractsJson.Default.Health), leaf);
            Uri address = new(server.Urls.First().Replace("127.0.0.1", "localhost", StringComparison.Ordinal));
            using CofferClient right = CofferClient.ForAddress(address, SecretText.From(Token), Path.Combine(folder, "ours.pem"));
            Assert.Equal("ready", (await right.GetHealthAsync(TestContext.Current.CancellationToken)).Status);
            using CofferClient wrong = CofferClient.ForAddress(address, SecretText.From(Token), Path.Combine(folder, "theirs.pem"));
            Assert.Equal(CofferClientException.Unreachable, (await Assert.ThrowsAsync<CofferClientException>(() => wrong.GetHealthAsync(TestContext.Current.CancellationToken))).Code);
            using CofferClient other = CofferClient.ForAddress(new(server.Urls.First()), SecretText.From(Token), Path.Combine(folder, "ours.pem"));
            Assert.Equal(CofferClientException.Unreachable, (await Assert.ThrowsAsync<CofferClientException>(() => other.GetHealthAsync(TestContext.Current.CancellationToken))).Code);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void The_environment_is_read_in_one_place()
    {
        Dictionary<string, string> environment = new()
        {
            ["COFFER_ADDR"] = "https://coffer.example:8200",
            ["COFFER_TOKEN"] = Token + "\n",
            ["COFFER_CACERT"] = "/etc/coffer/ca.pem",
            ["COFFER_SOCKET"] = " ",
        };
        CofferClientOptions options = CofferClientOptions.FromEnvironment(environment.GetValueOrDefault);
        Assert.Equal("https://coffer.example:8200/", options.Address!.ToString());
        Assert.Equal(Token, options.Token!.Reveal());
        Assert.Equal("/etc/coffer/ca.pem", options.CaFile);
        Assert.Null(options.SocketPath);
        Assert.DoesNotContain("cft_", options.ToString(), StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => CofferClientOptions.FromEnvironment(_ => "not an address"));
        Assert.Throws<ArgumentException>(() => new CofferClient(new()));
    }

    [Fact]
    public async Task A_failure_carries_the_problem_document()
    {
        await using NativeTestServer server = await NativeTestServer.StartAsync();
        using CofferClient client = server.Client("reader");
        CofferClientException failure = await Assert.ThrowsAsync<CofferClientException>(() => client.GetSecretAsync("shop-dev", "none", TestContext.Current.CancellationToken));
        Assert.Equal(("not_found", 404), (failure.Code, failure.Status));
        Assert.True(Guid.TryParse(failure.RequestId, out _));
        Assert.Equal("there is no such secret", failure.Message);
    }

    [Fact]
    public async Task What_is_no_coffer_server_is_told_apart()
    {
        await using WebApplication server = await ListenAsync(context =>
        {
            context.Response.StatusCode = context.Request.Path.Value!.EndsWith("whoami", StringComparison.Ordinal) ? 200 : 502;
            return context.Response.WriteAsync("<html>welcome</html>");
        });
        using CofferClient client = new(new() { Address = new(server.Urls.First()) });
        foreach (Func<Task> call in new Func<Task>[] { () => client.WhoAmIAsync(TestContext.Current.CancellationToken), () => client.ListVaultsAsync(TestContext.Current.CancellationToken), () => client.BackupAsync(Stream.Null, TestContext.Current.CancellationToken) })
        {
            Assert.Equal(CofferClientException.UnexpectedAnswer, (await Assert.ThrowsAsync<CofferClientException>(call)).Code);
        }

        using CofferClient nowhere = CofferClient.ForSocket("/nonexistent/coffer.sock");
        CofferClientException unreachable = await Assert.ThrowsAsync<CofferClientException>(() => nowhere.WhoAmIAsync(TestContext.Current.CancellationToken));
        Assert.Equal((CofferClientException.Unreachable, 0), (unreachable.Code, unreachable.Status));
    }

    [Fact]
    public async Task A_name_goes_out_as_it_is_and_dots_are_not_resolved()
    {
        List<string> targets = [];
        await using WebApplication server = await ListenAsync(context =>
        {
            targets.Add(context.Features.Get<Microsoft.AspNetCore.Http.Features.IHttpRequestFeature>()!.RawTarget);
            context.Response.StatusCode = 204;
            return Task.CompletedTask;
        });
        using CofferClient client = new(new() { Address = new(server.Urls.First()) });
        foreach (string name in new[] { "..", "a/../b", "a b", "a%2Fb", "a?b#c", "ü" })
        {
            await client.DeleteVaultAsync(name, TestContext.Current.CancellationToken);
        }

        Assert.Equal(["..", "a%2F..%2Fb", "a%20b", "a%252Fb", "a%3Fb%23c", "%C3%BC"], targets.Select(t => t["/coffer/v1/vaults/".Length..]));
        await Assert.ThrowsAsync<ArgumentException>(() => client.DeleteVaultAsync("", TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Everything_can_be_done_over_the_socket()
    {
        await using NativeTestServer server = await NativeTestServer.StartAsync();
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        using CofferClient client = server.SocketClient();
        Assert.Equal("root", (await client.WhoAmIAsync(cancellation)).Principal);
        Assert.True((await client.GetHealthAsync(cancellation)).Ready);
        Assert.Equal("unsealed", (await client.GetStatusAsync(cancellation)).State);
        await client.CreateVaultAsync(new() { Name = "shop-prod" }, cancellation);
        Assert.Equal(30, (await client.GetVaultAsync("shop-prod", cancellation)).RetentionDays);
        Assert.Equal("now", (await client.UpdateVaultAsync("shop-prod", new() { Description = "now" }, cancellation)).Description);
        Assert.Equal(3, (await client.ListVaultsAsync(cancellation)).Vaults.Count);
        using NewSecret created = new() { Name = "a/b", Text = SecretText.From("one"), Tags = new Dictionary<string, string> { ["k"] = "v" } };
        SecretInfo secret = (await client.CreateSecretAsync("shop-prod", created, cancellation)).Secret;
        using NewValue two = new() { Text = SecretText.From("two") };
        await client.PutValueAsync("shop-prod", "a/b", two, cancellation);
        using (SecretContent old = await client.GetValueAsync("shop-prod", "a/b", version: "1", cancellationToken: cancellation))
        {
            Assert.Equal("one", old.Text!.Reveal());
        }

        Assert.Equal("d", (await client.UpdateSecretAsync("shop-prod", "a/b", new() { Description = "d" }, secret.ETag, cancellation)).Secret.Description);
        Assert.Equal("version_conflict", (await Assert.ThrowsAsync<CofferClientException>(() => client.UpdateSecretAsync("shop-prod", "a/b", new() { Description = "e" }, secret.ETag, cancellation))).Code);
        Assert.Equal(2, (await client.ListVersionsAsync("shop-prod", "a/b", cancellationToken: cancellation)).Versions.Count);
        Assert.Equal(1, (await client.RollbackAsync("shop-prod", "a/b", "1", cancellation)).Secret.Current);
        await client.MoveLabelAsync("shop-prod", "a/b", new() { Label = "blue", To = "2" }, cancellation);
        await client.DisableVersionsAsync("shop-prod", "a/b", [2], cancellation);
        await client.EnableVersionsAsync("shop-prod", "a/b", [2], cancellation);
        await client.DestroyVersionsAsync("shop-prod", "a/b", [2], cancellation);
        await client.DeleteSecretAsync("shop-prod", "a/b", 7, cancellation);
        Assert.Single((await client.ListSecretsAsync("shop-prod", new() { Deleted = DeletedSecrets.Only }, cancellation)).Secrets);
        await client.RecoverSecretAsync("shop-prod", "a/b", cancellation);
        Assert.NotNull((await client.GetSecretAsync("shop-prod", "a/b", cancellation)).Versions);
        await client.PurgeSecretAsync("shop-prod", "a/b", cancellation);
        await client.DeleteVaultAsync("shop-prod", cancellation);

        await client.CreatePrincipalAsync(new() { Name = "api", Home = "shop-dev" }, cancellation);
        await client.UpdatePrincipalAsync("api", new() { Description = "x" }, cancellation);
        await client.CreateGroupAsync("team", cancellation);
        Assert.Equal(["api"], (await client.UpdateGroupAsync("team", new() { Add = ["api"] }, cancellation)).Members!);
        Assert.Equal(["team"], (await client.GetPrincipalAsync("api", cancellation)).Groups!);
        Assert.Equal(["api"], (await client.GetGroupAsync("team", cancellation)).Members!);
        Assert.Single((await client.ListGroupsAsync(cancellation)).Groups);
        Assert.Contains((await client.ListPrincipalsAsync(cancellation)).Principals, p => p.Name == "api");
        GrantInfo grant = await client.CreateGrantAsync(new() { Group = "team", Actions = ["reader"], Vault = "shop-dev" }, cancellation);
        Assert.Equal("team", (await client.GetGrantAsync(grant.Id, cancellation)).Group);
        Assert.Contains((await client.ListGrantsAsync("shop-dev", cancellation)).Grants, g => g.Id == grant.Id);
        await client.DeleteGrantAsync(grant.Id, cancellation);
        TrustInfo trust = await client.TrustLocalUserAsync("api", 4242, cancellation);
        Assert.Equal(2, (await client.ListTrustsAsync(cancellation)).Trusts.Count);
        await client.DeleteTrustAsync(trust.Name, cancellation);
        using (IssuedSecret key = await client.CreateAccessKeyAsync("api", cancellationToken: cancellation))
        {
            Assert.Equal(40, key.Secret.Utf8.Length);
            Assert.Equal("api", (await client.GetCredentialAsync(key.Credential.Id, cancellation)).Principal);
            Assert.Single((await client.ListCredentialsAsync("api", cancellation)).Credentials);
            await client.DeleteCredentialAsync(key.Credential.Id, cancellation);
        }

        using (SessionCredentials session = await client.IssueSessionAsync(new() { Principal = "api", Seconds = 900 }, cancellation))
        {
            Assert.StartsWith("ASIA", session.AccessKeyId, StringComparison.Ordinal);
            Assert.Equal(server.Clock.GetUtcNow().AddSeconds(900), session.Expiration);
        }

        await client.DeleteGroupAsync("team", cancellation);
        await client.DeletePrincipalAsync("api", cancellation);
        Assert.Equal(2u, (await client.RotateKeysAsync(cancellationToken: cancellation)).KeyId);
        using (RekeyRequest request = new() { Seal = "shamir", Shares = 3, Threshold = 2 })
        using (RekeyResult rekeyed = await client.RekeyAsync(request, cancellation))
        {
            Assert.Equal(3, rekeyed.Shares!.Count);
        }

        using MemoryStream backup = new();
        await client.BackupAsync(backup, cancellation);
        Assert.Equal("sealed bytes"u8.ToArray(), backup.ToArray());
        Assert.True((await client.VerifyAuditAsync(cancellation)).Sound);
    }

    [Fact]
    public async Task A_listing_is_enumerated_page_after_page()
    {
        await using NativeTestServer server = await NativeTestServer.StartAsync();
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        using CofferClient client = server.Client();
        for (int i = 0; i < 7; i++)
        {
            using NewSecret secret = new() { Name = $"k{i}" };
            await client.CreateSecretAsync("shop-dev", secret, cancellation);
        }

        List<string> names = [];
        await foreach (SecretInfo secret in client.EnumerateSecretsAsync("shop-dev", new() { Limit = 3, Order = "-name" }, cancellation))
        {
            names.Add(secret.Name);
        }

        Assert.Equal(["k6", "k5", "k4", "k3", "k2", "k1", "k0"], names);
    }

    [Fact]
    public async Task A_call_that_takes_too_long_ends_and_a_cancelled_one_is_cancelled()
    {
        TaskCompletionSource never = new();
        await using WebApplication server = await ListenAsync(_ => never.Task);
        using CofferClient client = new(new() { Address = new(server.Urls.First()), Timeout = TimeSpan.FromMilliseconds(1) });
        Assert.Equal(CofferClientException.TimedOut, (await Assert.ThrowsAsync<CofferClientException>(() => client.WhoAmIAsync(TestContext.Current.CancellationToken))).Code);
        using CancellationTokenSource cancelled = new();
        await cancelled.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => client.WhoAmIAsync(cancelled.Token));
        never.SetResult();
    }

    private static async Task<WebApplication> ListenAsync(RequestDelegate handler, X509Certificate2? certificate = null)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen =>
        {
            if (certificate is not null)
            {
                listen.UseHttps(certificate);
            }
        }));
        WebApplication app = builder.Build();
        app.Run(handler);
        await app.StartAsync(TestContext.Current.CancellationToken);
        return app;
    }

    private static X509Certificate2 Authority(string name)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new(name, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        return request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
    }

    private static X509Certificate2 Leaf(X509Certificate2 authority)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new("CN=localhost", key, HashAlgorithmName.SHA256);
        SubjectAlternativeNameBuilder names = new();
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        using X509Certificate2 bare = request.Create(authority, now.AddHours(-1), now.AddHours(1), RandomNumberGenerator.GetBytes(8));
        return bare.CopyWithPrivateKey(key);
    }
}
