using Coffer.Client;
using Coffer.Contracts;

namespace Coffer.Protocols.Native.Tests;

public sealed class AuditStreamTests
{
    [Fact]
    public async Task A_follower_sees_what_happens_from_now_on()
    {
        await using NativeTestServer server = await NativeTestServer.StartAsync();
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        using CofferClient follower = server.Client(), reader = server.Client("reader");
        await using IAsyncEnumerator<AuditEvent> records = follower.FollowAuditAsync(stop.Token).GetAsyncEnumerator(stop.Token);
        AuditEvent first = await NextAsync(server, records, r => r.Principal == "reader", () => Assert.ThrowsAsync<CofferClientException>(() => reader.GetSecretAsync("shop-dev", "none", stop.Token)));
        Assert.Equal(("reader", "none", "fail"), (first.Principal, first.Name, first.Decision));
        await stop.CancelAsync();
    }

    [Fact]
    public async Task A_follower_whose_right_is_taken_back_sees_no_more()
    {
        await using NativeTestServer server = await NativeTestServer.StartAsync();
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        using CofferClient root = server.Client();
        await root.CreatePrincipalAsync(new() { Name = "auditor" }, cancellation);
        GrantInfo grant = await root.CreateGrantAsync(new() { Principal = "auditor", Actions = ["administer"] }, cancellation);
        using IssuedSecret token = await root.CreateTokenAsync("auditor", cancellationToken: cancellation);
        using CofferClient auditor = new(new() { Address = new($"http://127.0.0.1:{server.Port}"), Token = token.Secret });
        await using IAsyncEnumerator<AuditEvent> records = auditor.FollowAuditAsync(cancellation).GetAsyncEnumerator(cancellation);
        await NextAsync(server, records, r => r.WireOperation == "whoAmI", () => root.WhoAmIAsync(cancellation));
        await root.DeleteGrantAsync(grant.Id, cancellation);
        await root.CreateGroupAsync("after", cancellation);
        List<string> rest = [];
        while (await WaitAsync(server, records.MoveNextAsync().AsTask()))
        {
            rest.Add(records.Current.WireOperation);
        }

        Assert.DoesNotContain("createGroup", rest);
    }

    [Fact]
    public async Task A_query_that_follows_goes_on_with_what_matches_and_only_that()
    {
        await using NativeTestServer server = await NativeTestServer.StartAsync();
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        using CofferClient root = server.Client(), reader = server.Client("reader");
        await Assert.ThrowsAsync<CofferClientException>(() => reader.GetSecretAsync("shop-dev", "before", cancellation));
        await Assert.ThrowsAsync<CofferClientException>(() => root.GetSecretAsync("shop-dev", "before", cancellation));
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        await using IAsyncEnumerator<AuditEvent> records = root.FollowAuditAsync(new() { Principal = "reader", Path = "shop-dev/*" }, stop.Token).GetAsyncEnumerator(stop.Token);
        Assert.True(await records.MoveNextAsync());
        Assert.Equal(("reader", "before"), (records.Current.Principal, records.Current.Name));
        await Assert.ThrowsAsync<CofferClientException>(() => root.GetSecretAsync("shop-dev", "after", cancellation));
        await Assert.ThrowsAsync<CofferClientException>(() => reader.GetSecretAsync("shop-staging", "after", cancellation));
        await Assert.ThrowsAsync<CofferClientException>(() => reader.GetSecretAsync("shop-dev", "after", cancellation));
        Assert.True(await WaitAsync(server, records.MoveNextAsync().AsTask()));
        Assert.Equal(("reader", "shop-dev", "after"), (records.Current.Principal, records.Current.Vault, records.Current.Name));
        await stop.CancelAsync();
    }

    [Fact]
    public async Task Readers_are_told_by_principal_and_version()
    {
        await using NativeTestServer server = await NativeTestServer.StartAsync();
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        using CofferClient root = server.Client(), reader = server.Client("reader");
        await root.PutValueAsync("shop-dev", "a", new() { Text = new("1"u8) }, cancellation);
        for (int i = 0; i < 3; i++)
        {
            using SecretContent content = await root.GetValueAsync("shop-dev", "a", cancellationToken: cancellation);
        }

        await root.PutValueAsync("shop-dev", "a", new() { Text = new("2"u8) }, cancellation);
        using (SecretContent content = await root.GetValueAsync("shop-dev", "a", cancellationToken: cancellation))
        {
        }

        SecretReaders readers = await root.ListReadersAsync("shop-dev", "a", cancellation);
        Assert.Equal([("root", "2", 1L), ("root", "1", 3L)], readers.Readers.Select(static r => (r.Principal, r.Version, r.Count)));
        CofferClientException refused = await Assert.ThrowsAsync<CofferClientException>(() => reader.ListReadersAsync("shop-dev", "a", cancellation));
        Assert.Equal("access_denied", refused.Code);
        AuditEvent record = Assert.Single(await All(root.QueryAuditAsync(new() { Request = readers.Readers[0].RequestId }, cancellation)));
        Assert.Equal(("ReadValue", "2", "root"), (record.Action, record.Version, record.Principal));

        static async Task<List<AuditEvent>> All(IAsyncEnumerable<AuditEvent> records)
        {
            List<AuditEvent> all = [];
            await foreach (AuditEvent record in records)
            {
                all.Add(record);
            }

            return all;
        }
    }

    [Fact]
    public async Task A_query_of_many_records_is_one_line_each()
    {
        await using NativeTestServer server = await NativeTestServer.StartAsync();
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        using CofferClient root = server.Client();
        for (int i = 0; i < 300; i++)
        {
            await root.WhoAmIAsync(cancellation);
        }

        List<long> sequences = [];
        await foreach (AuditEvent record in root.QueryAuditAsync(new() { Action = "whoAmI", Decision = "allow", Principal = "root" }, cancellation))
        {
            sequences.Add(record.Sequence);
        }

        Assert.Equal(300, sequences.Count);
        Assert.Equal(sequences.Order(), sequences);
    }

    /// <summary>
    /// Causes records until the follower sees the one meant: it only begins once its request has arrived, and records of
    /// earlier writes may come first.
    /// </summary>
    private static async Task<AuditEvent> NextAsync(NativeTestServer server, IAsyncEnumerator<AuditEvent> records, Func<AuditEvent, bool> meant, Func<Task> cause)
    {
        do
        {
            Task<bool> next = records.MoveNextAsync().AsTask();
            while (!next.IsCompleted)
            {
                await cause();
                server.Clock.Advance(TimeSpan.FromMilliseconds(200));
            }

            Assert.True(await next);
        }
        while (!meant(records.Current));
        return records.Current;
    }

    private static async Task<bool> WaitAsync(NativeTestServer server, Task<bool> next)
    {
        // The reader waits by the server's clock; each step wakes it once.
        while (!next.IsCompleted)
        {
            server.Clock.Advance(TimeSpan.FromMilliseconds(200));
            await Task.Yield();
        }

        return await next;
    }
}
