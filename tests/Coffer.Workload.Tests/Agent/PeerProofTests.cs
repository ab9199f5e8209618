using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Coffer.Workload.Agent;
using Coffer.Workload.Child;

namespace Coffer.Workload.Tests.Agent;

public sealed class PeerProofTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(0, true)]
    [InlineData(1, false)]
    public async Task The_processes_are_looked_for_only_where_the_user_is_the_one_that_is_meant(uint beyond, bool areLookedFor)
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        using TcpClient client = new();
        await client.ConnectAsync((IPEndPoint)listener.LocalEndpoint, Stop);
        using Socket accepted = await listener.AcceptSocketAsync(Stop);
        PeerRule rule = new() { Uid = FileStatus.CurrentUser() + beyond, ControlGroup = "/any" };

        Peer peer = PeerProof.Of(accepted, rule.NeedsProcess)!;

        Assert.Equal(FileStatus.CurrentUser(), peer.Uid);
        Assert.Equal(areLookedFor ? [Environment.ProcessId] : [], peer.Processes.Select(p => p.Pid));
        Assert.Equal(beyond == 0 ? "the control group is another" : $"the user is not {rule.Uid}", rule.Refuse(peer));
    }

    /// <summary>Its number may be another's by now: nothing that is read by number proves anything.</summary>
    [Fact]
    public async Task A_process_that_is_gone_is_not_taken_for_one_that_runs()
    {
        string path = Path.Combine(Directory.CreateTempSubdirectory("coffer-proof-").FullName, "s");
        using Socket listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen();
        const string Script = "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); sys.stdin.read()";
        using Process process = Process.Start(new ProcessStartInfo("/usr/bin/python3", ["-c", Script, path]) { RedirectStandardInput = true })!;
        using Socket accepted = await listener.AcceptAsync(Stop);

        PeerFacts facts = Assert.Single(PeerProof.Of(accepted, _ => true)!.Processes);
        Assert.Equal(process.Id, facts.Pid);
        Assert.NotEmpty(facts.ControlGroups);

        process.StandardInput.Close();
        await process.WaitForExitAsync(Stop);
        Peer gone = PeerProof.Of(accepted, _ => true)!;
        Assert.Equal(FileStatus.CurrentUser(), gone.Uid);
        Assert.Empty(gone.Processes);
        Directory.Delete(Path.GetDirectoryName(path)!, recursive: true);
    }
}
