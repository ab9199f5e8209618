using Coffer.Client;
using Coffer.Contracts;

namespace Coffer.Protocols.Native.Tests;

/// <summary>Attack 28: nobody unseals, seals or rekeys without proof, or from anywhere but the machine itself.</summary>
public sealed class SealTests
{
    private const string Unseal = "/coffer/v1/sys/unseal";
    private const string Right = "{\"passphrase\":\"correct horse battery\"}";

    [Theory]
    [InlineData("/coffer/v1/sys/seal", null)]
    [InlineData("/coffer/v1/sys/rotate-keys", "{}")]
    [InlineData("/coffer/v1/sys/rekey", "{\"seal\":\"key-file\"}")]
    [InlineData("/coffer/v1/sys/backup", null)]
    [InlineData("/coffer/v1/audit/verify", null)]
    public async Task What_runs_the_server_asks_for_its_administrator(string path, string? body)
    {
        await using NativeTestServer server = await NativeTestServer.StartAsync();
        Assert.Equal(401, (await server.SendAsync("POST", path, body, principal: null)).Status);
        foreach (string principal in new[] { "nobody", "reader", "writer", "keeper" })
        {
            Assert.Equal(403, (await server.SendAsync("POST", path, body, principal)).Status);
        }

        Assert.True(server.Core.IsRunning);
        Assert.Empty(server.System.Calls);
        Assert.Equal(200, (await server.SendAsync("POST", path, body)).Status);
    }

    [Fact]
    public async Task A_network_cannot_unseal_unless_the_server_allows_it()
    {
        await using NativeTestServer server = await NativeTestServer.StartAsync();
        await server.Core.SealAsync(TestContext.Current.CancellationToken);
        Assert.Equal(403, (await server.SendAsync("POST", Unseal, Right, principal: null)).Status);
        Assert.Empty(server.System.Calls);
        server.System.RemoteUnseal = true;
        Assert.Equal(200, (await server.SendAsync("POST", Unseal, Right, principal: null)).Status);
        Assert.True(server.Core.IsRunning);
    }

    [Fact]
    public async Task Guessing_over_the_network_is_slow()
    {
        await using NativeTestServer server = await NativeTestServer.StartAsync();
        await server.Core.SealAsync(TestContext.Current.CancellationToken);
        server.System.RemoteUnseal = true;
        for (int i = 0; i < 10; i++)
        {
            Assert.Equal(400, (await server.SendAsync("POST", Unseal, "{\"passphrase\":\"guess\"}", principal: null)).Status);
        }

        TestAnswer refused = await server.SendAsync("POST", Unseal, Right, principal: null);
        Assert.Equal(429, refused.Status);
        Assert.Equal("60", refused.Header("Retry-After"));
        Assert.Equal(10, server.System.Calls.Count);
        Assert.False(server.Core.IsRunning);
        server.Clock.Advance(TimeSpan.FromSeconds(60));
        Assert.Equal(200, (await server.SendAsync("POST", Unseal, Right, principal: null)).Status);
    }

    [Fact]
    public async Task Only_the_servers_own_user_and_root_unseal_over_the_socket()
    {
        await using NativeTestServer server = await NativeTestServer.StartAsync();
        using CofferClient client = server.SocketClient();
        await client.SealAsync(TestContext.Current.CancellationToken);
        server.PeerUid = 1001;
        using UnsealRequest request = new() { Passphrase = SecretText.From("correct horse battery") };
        CofferClientException denied = await Assert.ThrowsAsync<CofferClientException>(() => client.UnsealAsync(request, TestContext.Current.CancellationToken));
        Assert.Equal("access_denied", denied.Code);
        server.PeerUid = 0;
        Assert.Equal("unsealed", (await client.UnsealAsync(request, TestContext.Current.CancellationToken)).State);
    }

    [Fact]
    public async Task A_sealed_server_answers_every_other_operation_alike()
    {
        await using NativeTestServer server = await NativeTestServer.StartAsync();
        await server.Core.SealAsync(TestContext.Current.CancellationToken);
        foreach (NativeRoute route in RouteTableTests.Routes.Where(r => r.Access == NativeAccess.Proven))
        {
            TestAnswer answer = await server.SendAsync(route.Method, string.Join('/', route.Template.Split('/').Select(p => p is ['{', ..] ? "x" : p)), route.Body is null ? null : "{}");
            Assert.Equal(503, answer.Status);
            Assert.Contains("\"code\":\"sealed\"", answer.Body, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Neither_passphrase_nor_share_comes_back()
    {
        await using NativeTestServer server = await NativeTestServer.StartAsync();
        await server.Core.SealAsync(TestContext.Current.CancellationToken);
        server.System.RemoteUnseal = true;
        foreach (string body in new[] { "{\"passphrase\":\"hunter2-hunter2\"}", "{\"share\":\"hunter2-hunter2\"}", "{\"passphrase\":\"hunter2-hunter2\",\"share\":\"x\"}", "{\"passphrase\":{\"hunter2-hunter2\":1}}", "{\"hunter2-hunter2\":1}", "\"hunter2-hunter2\"" })
        {
            TestAnswer answer = await server.SendAsync("POST", Unseal, body, principal: null);
            Assert.Equal(400, answer.Status);
            Assert.DoesNotContain("hunter2", answer.Body, StringComparison.Ordinal);
        }

        Assert.DoesNotContain(server.Log, l => l.Contains("hunter2", StringComparison.Ordinal));
    }
}
