using Coffer.Client;
using Coffer.Contracts;

namespace Coffer.Protocols.Native.Tests;

/// <summary>Attack 18: a batch is no way round a decision.</summary>
public sealed class ResolveTests
{
    [Fact]
    public async Task Each_reference_is_decided_and_recorded_by_itself()
    {
        await using NativeTestServer server = await NativeTestServer.StartAsync();
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        using CofferClient root = server.Client(), reader = server.Client("reader");
        using NewValue value = new() { Text = SecretText.From("v") };
        await root.PutValueAsync("shop-dev", "mine", value, cancellation);
        await root.PutValueAsync("shop-dev", "locked", value, cancellation);
        await root.PutValueAsync("other", "theirs", value, cancellation);
        await root.CreateGrantAsync(new() { Effect = "deny", Principal = "reader", Actions = ["read"], Vault = "shop-dev", Names = "locked" }, cancellation);
        using ResolveResult result = await reader.ResolveAsync([new() { Vault = "shop-dev", Name = "mine" }, new() { Vault = "shop-dev", Name = "locked" }, new() { Vault = "other", Name = "theirs" }], cancellation);
        Assert.Equal([null, "access_denied", "access_denied"], result.Values.Select(v => v.Error?.Code));
        Assert.Equal("v", result.Values[0].Text!.Reveal());
        List<AuditEvent> trail = [];
        await foreach (AuditEvent record in root.QueryAuditAsync(new() { Principal = "reader", Action = "resolve" }, cancellation))
        {
            trail.Add(record);
        }

        Assert.Equal(["shop-dev/mine allow", "shop-dev/locked deny", "other/theirs deny"], trail.Select(r => $"{r.Vault}/{r.Name} {r.Decision}"));
    }

    [Fact]
    public async Task A_hundred_references_are_answered_in_order_and_one_more_is_refused()
    {
        await using NativeTestServer server = await NativeTestServer.StartAsync();
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        using CofferClient client = server.Client();
        for (int i = 0; i < 10; i++)
        {
            using NewValue value = new() { Text = SecretText.From($"v{i}") };
            await client.PutValueAsync("shop-dev", $"k{i}", value, cancellation);
        }

        SecretReference[] wanted = [.. Enumerable.Range(0, 100).Select(i => new SecretReference { Vault = "shop-dev", Name = $"k{i % 10}" })];
        using ResolveResult result = await client.ResolveAsync(wanted, cancellation);
        Assert.Equal(Enumerable.Range(0, 100).Select(i => $"v{i % 10}"), result.Values.Select(v => v.Text!.Reveal()));
        CofferClientException refused = await Assert.ThrowsAsync<CofferClientException>(() => client.ResolveAsync([.. wanted, wanted[0]], cancellation));
        Assert.Equal("invalid_request", refused.Code);
    }

    [Fact]
    public async Task Values_too_large_together_are_refused_as_a_whole()
    {
        await using NativeTestServer server = await NativeTestServer.StartAsync();
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        using CofferClient client = server.Client();
        using NewValue value = new() { Base64 = new(new byte[1024 * 1024]) };
        await client.PutValueAsync("shop-dev", "big", value, cancellation);
        using ResolveResult sixteen = await client.ResolveAsync([.. Enumerable.Repeat(new SecretReference { Vault = "shop-dev", Name = "big" }, 16)], cancellation);
        Assert.All(sixteen.Values, v => Assert.Equal(1024 * 1024, v.Base64!.Span.Length));
        CofferClientException refused = await Assert.ThrowsAsync<CofferClientException>(
            () => client.ResolveAsync([.. Enumerable.Repeat(new SecretReference { Vault = "shop-dev", Name = "big" }, 17)], cancellation));
        Assert.Equal("too_large", refused.Code);
    }
}
