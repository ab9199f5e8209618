using System.Net;
using System.Net.Sockets;
using Coffer.Workload.Intercepting;
using Coffer.Workload.Tests.Support;

namespace Coffer.Workload.Tests.Intercepting;

public sealed class PeerCheckTests
{
    private static readonly IPEndPoint Peer = new(IPAddress.Loopback, 0xA1B2);
    private static readonly IPEndPoint Own = new(IPAddress.Loopback, 0x1F90);

    private const string Header = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";

    [Theory]
    [InlineData("   1: 0100007F:A1B2 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1000        0 4242 1 0", 1000u)]
    [InlineData("   1: 0000000000000000FFFF00000100007F:A1B2 0000000000000000FFFF00000100007F:1F90 01 00000000:00000000 00:00000000 00000000  1001        0 4242 1 0", 1001u)]
    public void The_kernel_names_the_peers_user_for_plain_and_mapped_addresses(string line, uint uid) =>
        Assert.Equal(uid, PeerCheck.OwnerIn([Header, line], Peer, Own));

    [Theory]
    [InlineData("   1: 0100007F:1F90 0100007F:A1B2 01 00000000:00000000 00:00000000 00000000  1000        0 4242 1 0")]
    [InlineData("   1: 0100007F:A1B2 0200007F:1F90 01 00000000:00000000 00:00000000 00000000  1000        0 4242 1 0")]
    [InlineData("   1: 0100007F:A1B3 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1000        0 4242 1 0")]
    [InlineData("garbage")]
    public void Another_connections_row_says_nothing(string line) => Assert.Null(PeerCheck.OwnerIn([Header, line], Peer, Own));

    /// <summary>Closed by its process, a socket is listed as root's: anybody could pass for root by sending and closing.</summary>
    [Fact]
    public void A_socket_that_its_process_has_closed_proves_nothing() =>
        Assert.Null(PeerCheck.OwnerIn([Header, "   1: 0100007F:A1B2 0100007F:1F90 04 00000000:00000000 00:00000000 00000000     0        0 0 1 0"], Peer, Own));

    [Fact]
    public async Task This_processs_own_connection_is_its_own_users()
    {
        TaskCompletionSource<bool> result = new();
        await using TcpServer server = new(stream =>
        {
            result.SetResult(PeerCheck.IsOwnUser(stream.Socket.RemoteEndPoint, stream.Socket.LocalEndPoint));
            return Task.CompletedTask;
        });

        await using NetworkStream client = await Wire.ConnectAsync(server.Port);

        Assert.True(await result.Task);
    }

    /// <summary>Java's sockets are IPv6 ones even for 127.0.0.1, and listed in another table.</summary>
    [Fact]
    public async Task A_dual_stack_socket_is_found_too()
    {
        TaskCompletionSource<bool> result = new();
        await using TcpServer server = new(stream =>
        {
            result.SetResult(PeerCheck.IsOwnUser(stream.Socket.RemoteEndPoint, stream.Socket.LocalEndPoint));
            return Task.CompletedTask;
        });
        using Socket client = new(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp) { DualMode = true };

        await client.ConnectAsync(IPAddress.Loopback.MapToIPv6(), server.Port, TestContext.Current.CancellationToken);

        Assert.True(await result.Task);
    }
}
