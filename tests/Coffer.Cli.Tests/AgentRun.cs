using System.Diagnostics;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Coffer.Cli.Tests;

/// <summary>A server, a machine's principal that may act as <c>shop-api</c>, and an agent, all as processes; and programs of two other users.</summary>
internal sealed partial class AgentRun : IAsyncDisposable
{
    /// <summary>The user whose programs the agent answers.</summary>
    public const int Peer = 43210;

    /// <summary>Another one.</summary>
    public const int Stranger = 43211;

    private const string Roles = "/latest/meta-data/iam/security-credentials/";

    private readonly Socket _manager = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);

    private readonly TaskCompletionSource<string> _serving = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private AgentRun(ScriptRun script) => Script = script;

    public ScriptRun Script { get; }

    public Process Agent { get; private set; } = null!;

    /// <summary>The agent's log so far.</summary>
    public List<string> Log { get; } = [];

    /// <summary>When the log is whole: the agent has ended.</summary>
    public Task LogEnded { get; private set; } = Task.CompletedTask;

    /// <summary>Where the vendors' doors are.</summary>
    public string Address { get; private set; } = "";

    public string ApiSocket => Path.Combine(Script.Folder, "api.sock");

    /// <summary>The machine's own long-lived token.</summary>
    public string MachineToken { get; private set; } = "";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static async Task<AgentRun> CreateAsync()
    {
        AgentRun run = new(new(ScriptTests.Root));
        // Other users must reach the socket; who is answered there is what is tested.
        File.SetUnixFileMode(run.Script.Folder, (UnixFileMode)Convert.ToInt32("755", 8));
        run._manager.Bind(new UnixDomainSocketEndPoint(Path.Combine(run.Script.Folder, "notify")));
        await run.Script.StartServerAsync();
        await run.ShellAsync(
            "coffer vault create shop-prod && printf prod-value | coffer set shop-prod/api-key && coffer principal create shop-api --home shop-prod && coffer grant create shop-api reader shop-prod"
            + " && coffer principal create machine-7 && coffer principal allow-assume shop-api --by machine-7 && umask 077 && coffer key create machine-7 --kind token --json > key.json");
        using JsonDocument key = JsonDocument.Parse(await File.ReadAllTextAsync(Path.Combine(run.Script.Folder, "key.json"), Cancellation));
        run.MachineToken = key.RootElement.GetProperty("secret").GetString()!;
        File.Delete(Path.Combine(run.Script.Folder, "key.json"));
        return run;
    }

    /// <summary>The token in a file as an agent wants it.</summary>
    public async Task<string> TokenFileAsync(string? token = null)
    {
        string file = Path.Combine(Script.Folder, "machine.token");
        await File.WriteAllTextAsync(file, token ?? MachineToken, Cancellation);
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return file;
    }

    /// <summary>An agent for shop-api with all its doors.</summary>
    public void Start(params string[] proof) => StartWith([.. proof, "--as", "shop-api", "--user", $"{Peer}", "--listen", "127.0.0.1:0", "--serve-socket", ApiSocket]);

    /// <summary>An agent with exactly these arguments.</summary>
    public void StartWith(params string[] arguments) => StartWith([], arguments);

    /// <summary>The same with further variables.</summary>
    public void StartWith(IEnumerable<KeyValuePair<string, string>> variables, string[] arguments)
    {
        Agent = Script.StartBackground(new Dictionary<string, string>(variables) { ["NOTIFY_SOCKET"] = Path.Combine(Script.Folder, "notify") }, "coffer", ["agent", .. arguments]);
        LogEnded = ReadLogAsync(Agent);
    }

    /// <summary>What the agent tells its service manager, up to and with what begins so.</summary>
    public async Task<string> HearAsync(string wanted)
    {
        byte[] buffer = new byte[512];
        using CancellationTokenSource ended = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        _ = Agent.WaitForExitAsync(Cancellation).ContinueWith(_ => ended.CancelAsync(), TaskScheduler.Default);
        while (true)
        {
            // What it said before its end is still there to be read.
            string heard = _manager.Available > 0 ? Encoding.UTF8.GetString(buffer, 0, _manager.Receive(buffer)) : Encoding.UTF8.GetString(buffer, 0, await _manager.ReceiveAsync(buffer.AsMemory(), ended.Token));
            if (heard.StartsWith(wanted, StringComparison.Ordinal))
            {
                return heard;
            }
        }
    }

    /// <summary>Until every door is open.</summary>
    public async Task ReadyAsync()
    {
        try
        {
            await HearAsync("READY=1");
        }
        catch (OperationCanceledException) when (Agent.HasExited)
        {
            Assert.Fail($"the agent ended with {Agent.ExitCode}: {string.Join('\n', Lines())}");
        }

        // The log is written a moment later than the manager is told.
        Address = await _serving.Task.WaitAsync(Cancellation);
    }

    public string[] Lines()
    {
        lock (Log)
        {
            return [.. Log];
        }
    }

    /// <summary>Runs a command of the shell that must succeed. Where it does not, it is named as the test's text has it: what is filled in there may be secret, as may be what it printed.</summary>
    public async Task<string> ShellAsync(string command, [CallerArgumentExpression(nameof(command))] string written = "")
    {
        (int exit, string output, string errors) = await Script.RunAsync(command);
        Assert.True(exit == 0, $"{written}\nexit {exit}\n{Secret().Replace(MachineToken.Length > 0 ? errors.Replace(MachineToken, "***", StringComparison.Ordinal) : errors, "***")}");
        return output;
    }

    /// <summary>Status and body of a request by curl, as another user.</summary>
    public async Task<(int Status, string Body)> AskAsync(int uid, string arguments)
    {
        Assert.True(Environment.UserName == "root", "only root can start a program as a second user: run the tests as root, as CI does");
        Assert.True(File.Exists("/usr/bin/setpriv"), "setpriv of util-linux is not installed: it starts programs as a second user");
        string output = await ShellAsync($"setpriv --reuid={uid} --regid={uid} --clear-groups curl --silent --show-error --max-time 20 --write-out '\\n%{{http_code}}' {arguments}");
        int end = output.TrimEnd('\n').LastIndexOf('\n');
        return (int.Parse(output[(end + 1)..], System.Globalization.CultureInfo.InvariantCulture), output[..end]);
    }

    public Task<(int Status, string Body)> AskApiAsync(int uid) => AskAsync(uid, $"--unix-socket {ApiSocket} http://localhost/coffer/v1/whoami");

    /// <summary>The peer's AWS key, through the whole exchange of instance metadata.</summary>
    public async Task<JsonElement> KeyAsync()
    {
        (_, string session) = await AskAsync(Peer, $"-X PUT -H 'x-aws-ec2-metadata-token-ttl-seconds: 60' {Address}/latest/api/token");
        (int status, string document) = await AskAsync(Peer, $"-H 'x-aws-ec2-metadata-token: {session}' {Address}{Roles}shop-api");
        Assert.Equal(200, status);
        return JsonSerializer.Deserialize<JsonElement>(document);
    }

    public async Task<int> StopAsync()
    {
        await ShellAsync($"kill -TERM {Agent.Id}");
        await Agent.WaitForExitAsync(Cancellation);
        return Agent.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        await Script.DisposeAsync();
        _manager.Dispose();
    }

    private async Task ReadLogAsync(Process agent)
    {
        while (await agent.StandardError.ReadLineAsync(CancellationToken.None) is { } line)
        {
            lock (Log)
            {
                Log.Add(line);
            }

            if (Serving().Match(line) is { Success: true } serving)
            {
                _serving.TrySetResult("http://" + serving.Groups[1].Value);
            }
        }
    }

    [GeneratedRegex("(?:cf[ts]_|ASIA)[A-Za-z0-9_./+-]*")]
    private static partial Regex Secret();

    [GeneratedRegex(@"serving \S+ to \S+ at (127\.0\.0\.1:\d+|no address) ")]
    private static partial Regex Serving();
}
