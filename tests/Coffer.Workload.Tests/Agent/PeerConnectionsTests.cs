using Coffer.Workload.Agent;

namespace Coffer.Workload.Tests.Agent;

public sealed class PeerConnectionsTests
{
    private readonly PeerConnections _connections = new();

    private List<IDisposable> Fill(uint? uid, bool isRefused)
    {
        List<IDisposable> held = [];
        while (_connections.TryOpen(uid, isRefused) is { } one)
        {
            held.Add(one);
        }

        return held;
    }

    [Fact]
    public void Nobody_takes_what_is_for_others()
    {
        Assert.Equal(PeerConnections.MostAdmitted, Fill(1, isRefused: false).Count);
        Assert.Equal(PeerConnections.MostRefused, Fill(1, isRefused: true).Count);
        Assert.Equal(PeerConnections.MostRefused, Fill(null, isRefused: true).Count);
        Assert.Equal(PeerConnections.MostAdmitted, Fill(2, isRefused: false).Count);
    }

    [Fact]
    public void Many_users_together_take_no_more_than_a_quarter_with_connections_that_are_refused()
    {
        Assert.Equal(PeerConnections.MostRefusedOfAll, Enumerable.Range(1, 100).Sum(uid => Fill((uint)uid, isRefused: true).Count));
        Assert.NotNull(_connections.TryOpen(1, isRefused: false));
    }

    [Fact]
    public void What_is_closed_counts_no_more_and_only_once()
    {
        List<IDisposable> held = Fill(1, isRefused: true);
        held[0].Dispose();
        held[0].Dispose();
        Assert.Single(Fill(1, isRefused: true));
    }
}
