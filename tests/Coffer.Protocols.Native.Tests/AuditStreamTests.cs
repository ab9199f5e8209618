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
