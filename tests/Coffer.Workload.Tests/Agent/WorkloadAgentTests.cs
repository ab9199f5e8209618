using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Coffer.Workload.Agent;
using Coffer.Workload.Child;
using Coffer.Workload.Intercepting;
using Coffer.Workload.Tests.Support;

namespace Coffer.Workload.Tests.Agent;

/// <summary>The agent among several users of one machine, which the kernel tells apart.</summary>
public sealed class WorkloadAgentTests
{
    private static readonly string[] Secrets = ["cfs_", "s3cr3t", "ASIA"];

    /// <summary>Each door's request, and what its refusal looks like.</summary>
    public static TheoryData<string, string[], string> Doors() => new()
    {
        { "aws", ["-X", "PUT", "-H", "x-aws-ec2-metadata-token-ttl-seconds: 60", "@/latest/api/token"], "403 - Forbidden" },
        { "azure", ["-H", "Metadata: true", "@/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://vault.azure.net"], "{\"error\":\"access_denied\",\"error_description\":" },
        { "google", ["-H", "Metadata-Flavor: Google", "@/computeMetadata/v1/instance/service-accounts/default/token"], "these credentials are for another program" },
        { "api", ["--unix-socket", "#", "http://localhost/coffer/v1/whoami"], "{\"type\":\"urn:coffer:error:access_denied\"," },
    };

    private static string[] At(AgentRun run, string[] request) => [.. request.Select(r => r == "#" ? run.ApiSocket : r.StartsWith('@') ? run.Address + r[1..] : r)];

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Attack_34_Another_user_of_the_machine_gets_nothing_but_a_403_in_the_vendors_shape(string door, string[] request, string refusal)
    {
        await using AgentRun run = await AgentRun.StartAsync();

        (int status, string body, string headers) = await OtherUser.AskAsync(OtherUser.Stranger, At(run, request));
        Assert.Equal(403, status);
        Assert.StartsWith(refusal, body, StringComparison.Ordinal);
        Assert.All(Secrets, s => Assert.DoesNotContain(s, body, StringComparison.Ordinal));
        Assert.Equal(door == "google", headers.Contains("metadata-flavor: google", StringComparison.Ordinal));

        string line = Assert.Single(run.Log.All, l => l.Contains("refused", StringComparison.Ordinal));
        Assert.Contains($"at the {door} door of shop-api: uid {OtherUser.Stranger}", line, StringComparison.Ordinal);
        Assert.Contains($"(curl): the user is not {OtherUser.Peer};", line, StringComparison.Ordinal);
        Assert.Empty(run.Forwarded);

        (status, body, _) = await OtherUser.AskAsync(OtherUser.Peer, At(run, request));
        Assert.True(status == 200, "the peer itself is answered");
        Assert.All(run.Log.All, l => Assert.All(Secrets, s => Assert.DoesNotContain(s, l, StringComparison.Ordinal)));
    }

    [Fact]
    public async Task The_peer_gets_its_key_through_the_whole_exchange_of_instance_metadata()
    {
        await using AgentRun run = await AgentRun.StartAsync();
        const string Roles = "/latest/meta-data/iam/security-credentials/";
        string token = (await OtherUser.AskAsync(OtherUser.Peer, "-X", "PUT", "-H", "x-aws-ec2-metadata-token-ttl-seconds: 60", run.Address + "/latest/api/token")).Body;
        string role = (await OtherUser.AskAsync(OtherUser.Peer, "-H", "x-aws-ec2-metadata-token: " + token, run.Address + Roles)).Body;

        // The session token itself proves nobody: it is worthless in another user's hands.
        Assert.Equal(403, (await OtherUser.AskAsync(OtherUser.Stranger, "-H", "x-aws-ec2-metadata-token: " + token, run.Address + Roles + role)).Status);
        JsonElement document = JsonSerializer.Deserialize<JsonElement>((await OtherUser.AskAsync(OtherUser.Peer, "-H", "x-aws-ec2-metadata-token: " + token, run.Address + Roles + role)).Body);

        Assert.Equal("shop-api", role);
        Assert.StartsWith("ASIA", document.GetProperty("AccessKeyId").GetString(), StringComparison.Ordinal);
    }

    /// <summary>Root can be anybody; it is not answered by mistake.</summary>
    [Fact]
    public async Task Root_is_not_the_peer_either()
    {
        await using AgentRun run = await AgentRun.StartAsync();
        using HttpClient tcp = run.OwnClient(), api = run.OwnClient(isApi: true);

        Assert.Equal(HttpStatusCode.Forbidden, (await tcp.GetAsync("/latest/api/token", TestContext.Current.CancellationToken)).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await api.GetAsync("/coffer/v1/whoami", TestContext.Current.CancellationToken)).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await tcp.GetAsync("/no/door", TestContext.Current.CancellationToken)).StatusCode);
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Attack_24_What_was_forwarded_for_somebody_is_refused_even_from_the_peer(string door, string[] request, string refusal)
    {
        await using AgentRun run = await AgentRun.StartAsync();
        foreach (string header in (string[])["X-Forwarded-For: 10.1.2.3", "Forwarded: for=10.1.2.3"])
        {
            (int status, string body, _) = await OtherUser.AskAsync(OtherUser.Peer, ["-H", header, .. At(run, request)]);
            Assert.Equal(403, status);
            Assert.True(door == "google" || body.StartsWith(refusal, StringComparison.Ordinal), body);
        }

        Assert.Equal(2, run.Log.All.Count(l => l.Contains("the request was forwarded", StringComparison.Ordinal)));
        Assert.Empty(run.Forwarded);
    }

    [Fact]
    public async Task Attack_24_A_page_of_the_web_whose_name_leads_to_loopback_is_refused()
    {
        await using AgentRun run = await AgentRun.StartAsync();
        (int status, _, _) = await OtherUser.AskAsync(OtherUser.Peer, "-H", "Host: rebound.example.com", "-H", "Metadata-Flavor: Google", run.Address + "/computeMetadata/v1/instance/service-accounts/default/token");
        Assert.Equal(403, status);
    }

    [Fact]
    public async Task Any_loopback_address_and_name_will_do()
    {
        await using AgentRun run = await AgentRun.StartAsync(change: (_, w) => w with { Listen = new(IPAddress.Parse("127.8.9.10"), 0) });
        foreach (string host in (string[])[run.Address["http://".Length..], "LocalHost:1", "shop.localhost"])
        {
            Assert.Equal(200, (await OtherUser.AskAsync(OtherUser.Peer, "-H", $"Host: {host}", "-H", "Metadata-Flavor: Google", run.Address + "/computeMetadata/v1/instance/service-accounts/default/token")).Status);
        }
    }

    /// <summary>Connections are shared by all workloads: who is refused holds few, and none for longer than the refusal takes.</summary>
    [Fact]
    public async Task Who_is_refused_takes_no_connections_from_those_who_are_served()
    {
        await using AgentRun run = await AgentRun.StartAsync();
        using HttpClient own = run.OwnClient();
        using (HttpResponseMessage refused = await own.GetAsync("/latest/api/token", TestContext.Current.CancellationToken))
        {
            Assert.Equal((HttpStatusCode.Forbidden, true), (refused.StatusCode, refused.Headers.ConnectionClose));
        }

        List<Socket> held = [];
        try
        {
            for (int i = 0; i < PeerConnections.MostRefused + 1; i++)
            {
                Socket socket = new(SocketType.Stream, ProtocolType.Tcp);
                held.Add(socket);
                await socket.ConnectAsync(run.Agent.Addresses[0]!, TestContext.Current.CancellationToken);
            }

            // Which of them is one too many is the listener's business; it is ended before it has said a word.
            Task<bool>[] ends = [.. held.Select(async socket =>
            {
                try
                {
                    return await socket.ReceiveAsync(new byte[1], SocketFlags.None, TestContext.Current.CancellationToken) == 0;
                }
                catch (SocketException)
                {
                    return true;
                }
            })];
            Assert.True(await await Task.WhenAny(ends));
            Assert.Contains(run.Log.All, l => l.Contains("it holds too many connections", StringComparison.Ordinal));
            Assert.Equal(200, (await OtherUser.AskAsync(OtherUser.Peer, "-H", "Metadata-Flavor: Google", run.Address + "/computeMetadata/v1/instance/service-accounts/default/token")).Status);
            held.ForEach(s => s.Dispose());
            await Task.WhenAll(ends.Select(async end =>
            {
                try
                {
                    await end;
                }
                catch (ObjectDisposedException)
                {
                }
            }));
        }
        finally
        {
            held.ForEach(s => s.Dispose());
        }
    }

    [Fact]
    public async Task At_the_socket_every_request_is_the_workloads_whatever_it_brought_along()
    {
        await using AgentRun run = await AgentRun.StartAsync();
        foreach (string[] header in (string[][])[[], ["-H", "Authorization: Bearer cft_somebodyelses"]])
        {
            Assert.Equal("served", (await OtherUser.AskAsync(OtherUser.Peer, [.. header, "--unix-socket", run.ApiSocket, "http://localhost/coffer/v1/whoami"])).Body);
        }

        Assert.Equal(2, run.Forwarded.Count);
        Assert.All(run.Forwarded, f => Assert.StartsWith("GET /coffer/v1/whoami Bearer cfs_coffer#", f, StringComparison.Ordinal));
        // The proofs of other wires are not this socket's to give.
        Assert.Equal(404, (await OtherUser.AskAsync(OtherUser.Peer, "--unix-socket", run.ApiSocket, "http://localhost/v1/secret/data/x")).Status);
        Assert.Equal(2, run.Forwarded.Count);
    }

    [Fact]
    public async Task The_token_file_is_the_peers_alone_and_the_only_file_with_a_token()
    {
        await using AgentRun run = await AgentRun.StartAsync();

        FileStatus status = FileStatus.Of(run.TokenFile)!;
        Assert.Equal(OtherUser.Peer, status.Owner);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, status.Mode);
        Assert.StartsWith("cfs_vault#", (await OtherUser.RunAsync(OtherUser.Peer, "/bin/cat", run.TokenFile)).Out, StringComparison.Ordinal);
        Assert.NotEqual(0, (await OtherUser.RunAsync(OtherUser.Stranger, "/bin/cat", run.TokenFile)).Exit);
        Assert.Equal([run.ApiSocket, run.TokenFile], Directory.EnumerateFileSystemEntries(run.Folder).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Its_files_go_with_it()
    {
        AgentRun run = await AgentRun.StartAsync();
        await run.Agent.DisposeAsync();
        Assert.Empty(Directory.EnumerateFileSystemEntries(run.Folder));
        await run.DisposeAsync();
    }

    [Fact]
    public async Task A_token_file_on_a_disk_is_refused()
    {
        string disk = Path.Combine(AppContext.BaseDirectory, "vault-token");
        Assert.False(new DriveInfo(AppContext.BaseDirectory).DriveFormat is "tmpfs" or "ramfs", "the tests themselves are in memory: there is no disk to refuse");
        WorkloadException refused = await Assert.ThrowsAsync<WorkloadException>(() => AgentRun.StartAsync(change: (_, w) => w with { VaultTokenFile = disk }));
        Assert.Contains("not in memory", refused.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(disk));
    }

    [Fact]
    public async Task A_folder_in_which_others_may_change_names_is_refused()
    {
        WorkloadException refused = await Assert.ThrowsAsync<WorkloadException>(() => AgentRun.StartAsync(change: (_, w) => w with { VaultTokenFile = "/dev/shm/coffer-vault-token" }));
        Assert.Contains("others may change", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Doors_are_at_loopback_only()
    {
        WorkloadException refused = await Assert.ThrowsAsync<WorkloadException>(() => AgentRun.StartAsync(change: (_, w) => w with { Listen = new(IPAddress.Any, 0) }));
        Assert.Contains("not a loopback address", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_control_group_narrows_a_user_to_one_service()
    {
        IReadOnlyList<string> own = PeerProcess.ControlGroups(Environment.ProcessId);
        Assert.True(own.Count > 0, "this machine has no control groups: /proc/self/cgroup names none");
        string[] request = ["-H", "Metadata-Flavor: Google", "@/computeMetadata/v1/instance/service-accounts/default/token"];

        // What the tests start is in their own group.
        await using (AgentRun run = await AgentRun.StartAsync(r => r with { ControlGroup = own[0] }))
        {
            Assert.Equal(200, (await OtherUser.AskAsync(OtherUser.Peer, At(run, request))).Status);
        }

        await using AgentRun other = await AgentRun.StartAsync(r => r with { ControlGroup = "/system.slice/shop-api.service" });
        Assert.Equal(403, (await OtherUser.AskAsync(OtherUser.Peer, At(other, request))).Status);
        Assert.Equal(403, (await OtherUser.AskAsync(OtherUser.Peer, "--unix-socket", other.ApiSocket, "http://localhost/coffer/v1/whoami")).Status);
        string[] refused = [.. other.Log.All.Where(l => l.Contains("refused", StringComparison.Ordinal))];
        Assert.Equal(2, refused.Length);
        Assert.All(refused, l => Assert.Contains("(curl): the control group is another", l, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_label_that_the_caller_does_not_have_keeps_it_out()
    {
        await using AgentRun run = await AgentRun.StartAsync(r => r with { Label = "system_u:system_r:shop_t:s0" });
        Assert.Equal(403, (await OtherUser.AskAsync(OtherUser.Peer, "--unix-socket", run.ApiSocket, "http://localhost/coffer/v1/whoami")).Status);
        Assert.Contains(run.Log.All, l => l.Contains("the label is another", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_socket_nobody_listens_at_makes_way_and_nothing_else_does()
    {
        await using (AgentRun run = await AgentRun.StartAsync(change: (r, w) =>
        {
            // As a killed agent leaves it.
            using Socket left = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            left.Bind(new UnixDomainSocketEndPoint(r.ApiSocket));
            return w;
        }))
        {
            Assert.Equal("served", (await OtherUser.AskAsync(OtherUser.Peer, "--unix-socket", run.ApiSocket, "http://localhost/coffer/v1/whoami")).Body);
            WorkloadException second = await Assert.ThrowsAsync<WorkloadException>(() => AgentRun.StartAsync(change: (_, w) => w with { ApiSocket = run.ApiSocket }));
            Assert.Contains("somebody listens", second.Message, StringComparison.Ordinal);
        }

        WorkloadException refused = await Assert.ThrowsAsync<WorkloadException>(() => AgentRun.StartAsync(change: (r, w) =>
        {
            File.WriteAllText(r.ApiSocket, "somebody's");
            return w;
        }));
        Assert.Contains("no socket", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_address_that_another_program_has_is_told_of()
    {
        using Socket taken = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        taken.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        taken.Listen();
        WorkloadException refused = await Assert.ThrowsAsync<WorkloadException>(() => AgentRun.StartAsync(change: (_, w) => w with { Listen = (IPEndPoint)taken.LocalEndPoint! }));
        Assert.Contains("in use", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Anybody_may_ask_whether_it_is_alive_and_learns_no_more()
    {
        await using AgentRun run = await AgentRun.StartAsync();
        await run.Agent.ProbeAsync(TestContext.Current.CancellationToken);
        (int status, string body, _) = await OtherUser.AskAsync(OtherUser.Stranger, run.Address + WorkloadAgent.AlivePath);
        Assert.Equal((204, ""), (status, body));
        Assert.DoesNotContain(run.Log.All, l => l.Contains("refused", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_server_that_refuses_ends_the_start_and_leaves_nothing()
    {
        string? left = null;
        WorkloadException refused = await Assert.ThrowsAsync<WorkloadException>(() => AgentRun.StartAsync(
            change: (r, w) =>
            {
                r.Issuer.Failure = new WorkloadException("shop-api may not be assumed", "coffer principal allow-assume");
                return w;
            },
            failed: r => left = string.Join(' ', Directory.EnumerateFileSystemEntries(r.Folder))));
        Assert.Equal("shop-api may not be assumed", refused.Message);
        Assert.Equal("", left);
    }

    [Fact]
    public async Task A_server_that_refuses_the_files_token_alone_ends_the_start_too()
    {
        WorkloadException refused = await Assert.ThrowsAsync<WorkloadException>(() => AgentRun.StartAsync(change: (r, w) =>
        {
            r.Issuer.Failure = new WorkloadException("shop-api may not be assumed", "coffer principal allow-assume");
            return w with { Doors = [], Listen = null, ApiSocket = null, ApiToken = null };
        }));
        Assert.Equal("shop-api may not be assumed", refused.Message);
    }

    [Fact]
    public async Task While_the_server_is_away_what_was_issued_is_given()
    {
        await using AgentRun run = await AgentRun.StartAsync();
        run.Issuer.Failure = new IOException("away");
        int asked = run.Issuer.Asked.Count;
        Assert.Equal("served", (await OtherUser.AskAsync(OtherUser.Peer, "--unix-socket", run.ApiSocket, "http://localhost/coffer/v1/whoami")).Body);
        Assert.Equal(200, (await OtherUser.AskAsync(OtherUser.Peer, At(run, ["-H", "Metadata-Flavor: Google", "@/computeMetadata/v1/instance/service-accounts/default/token"]))).Status);
        // As issued, and without asking anew for what still holds.
        Assert.StartsWith("GET /coffer/v1/whoami Bearer cfs_coffer#", Assert.Single(run.Forwarded), StringComparison.Ordinal);
        Assert.Equal(asked, run.Issuer.Asked.Count);
    }
}
