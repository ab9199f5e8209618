using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Coffer.Cli.Tests;

/// <summary><c>coffer agent</c> and <c>coffer run --as</c> as the machine sees them: processes, users, files and a server that dies.</summary>
public sealed partial class AgentTests
{
    [Fact]
    public async Task An_agent_outlives_a_server_that_is_killed_and_comes_back()
    {
        await using AgentRun run = await AgentRun.CreateAsync();
        run.Start("--token-file", await run.TokenFileAsync());
        await run.ReadyAsync();
        JsonElement before = await run.KeyAsync();
        Assert.Contains("\"shop-api\"", (await run.AskApiAsync(AgentRun.Peer)).Body, StringComparison.Ordinal);

        await run.Script.KillServerAsync();
        JsonElement meanwhile = await run.KeyAsync();
        Assert.True(before.GetProperty("AccessKeyId").GetString() == meanwhile.GetProperty("AccessKeyId").GetString(), "what was issued is given on");
        Assert.Equal(502, (await run.AskApiAsync(AgentRun.Peer)).Status);

        await run.Script.ServeAsync();
        (int status, string self) = await run.AskApiAsync(AgentRun.Peer);
        Assert.Equal(200, status);
        Assert.Contains("\"shop-api\"", self, StringComparison.Ordinal);
        Assert.False(run.Agent.HasExited);
        // The door's key is good at the server that came back.
        Assert.Equal("prod-value\n", await run.ShellAsync(
            $"AWS_ACCESS_KEY_ID={meanwhile.GetProperty("AccessKeyId")} AWS_SECRET_ACCESS_KEY={meanwhile.GetProperty("SecretAccessKey")} AWS_SESSION_TOKEN={meanwhile.GetProperty("Token")}"
            + " AWS_DEFAULT_REGION=us-east-1 AWS_CA_BUNDLE=data/tls/ca.pem /usr/bin/python3 -c '"
            + "import boto3, sys; print(boto3.client(\"secretsmanager\", endpoint_url=sys.argv[1]).get_secret_value(SecretId=\"api-key\")[\"SecretString\"])'"
            + $" {run.Script.Address}"));
    }

    [Fact]
    public async Task Attack_34_Another_user_gets_nothing_and_no_token_is_in_a_log_an_argument_a_variable_or_a_file()
    {
        await using AgentRun run = await AgentRun.CreateAsync();
        string tokenFile = await run.TokenFileAsync();
        run.Start("--token-file", tokenFile);
        await run.ReadyAsync();
        JsonElement key = await run.KeyAsync();

        Assert.Equal(403, (await run.AskAsync(AgentRun.Stranger, $"-X PUT -H 'x-aws-ec2-metadata-token-ttl-seconds: 60' {run.Address}/latest/api/token")).Status);
        Assert.Equal(403, (await run.AskApiAsync(AgentRun.Stranger)).Status);
        Assert.Equal(403, (await run.AskAsync(0, $"--unix-socket {run.ApiSocket} http://localhost/coffer/v1/whoami")).Status);

        // The agent is root to the server, who would let it unseal; it lends that to nobody.
        (int status, string said) = await run.AskAsync(AgentRun.Peer, $"--unix-socket {run.ApiSocket} -H 'Content-Type: application/json' --data '{{}}' http://localhost/coffer/v1/sys/unseal");
        Assert.Equal(403, status);
        Assert.Contains("unsealing is for who stands at the server's own socket", said, StringComparison.Ordinal);

        string process = $"/proc/{run.Agent.Id}";
        string around = await SeenAsync($"{process}/cmdline") + await SeenAsync($"{process}/environ");
        Assert.True(around.Contains("NOTIFY_SOCKET=", StringComparison.Ordinal) && around.Contains("--token-file", StringComparison.Ordinal), "that is not the agent's environment, or not its arguments");
        // Other programs of its user read none of its memory: it is not dumpable, so what is its own is root's.
        Assert.Equal("0", (await run.ShellAsync($"stat --format %u {process}/mem")).Trim());
        string[] secrets = [run.MachineToken, key.GetProperty("SecretAccessKey").GetString()!, key.GetProperty("Token").GetString()!];
        Assert.All(secrets, s => Assert.False(around.Contains(s, StringComparison.Ordinal), "a secret is in the arguments or the environment"));
        Assert.False(BearerToken().IsMatch(around), "a token is in the arguments or the environment");
        // The one file with a secret is the agent's own credential; nothing issued is written anywhere.
        foreach (string secret in secrets)
        {
            await File.WriteAllTextAsync(Path.Combine(run.Script.Folder, "..", Path.GetFileName(run.Script.Folder) + ".pattern"), secret, TestContext.Current.CancellationToken);
            (_, string found, _) = await run.Script.RunAsync("grep --recursive --files-with-matches --fixed-strings --devices=skip --file=\"$HOME.pattern\" \"$HOME\" /dev/shm; rm \"$HOME.pattern\"");
            Assert.Equal(secret == run.MachineToken ? tokenFile : "", found.Trim());
        }

        Assert.Equal(0, await run.StopAsync());
        await run.LogEnded;
        string log = string.Join('\n', run.Lines());
        Assert.All(secrets, s => Assert.False(log.Contains(s, StringComparison.Ordinal), "a secret is in the log"));
        Assert.False(BearerToken().IsMatch(log), "a token is in the log");
        Assert.Contains($"uid {AgentRun.Stranger}", log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_waits_for_a_server_and_tells_its_manager_of_each_step()
    {
        await using AgentRun run = await AgentRun.CreateAsync();
        await run.Script.KillServerAsync();
        run.Start("--token-file", await run.TokenFileAsync());
        await run.HearAsync("STATUS=waiting for the server");
        Assert.False(File.Exists(run.ApiSocket), "no door is open that has nothing to give");

        await run.Script.ServeAsync();
        await run.ReadyAsync();
        Assert.Equal(200, (await run.AskApiAsync(AgentRun.Peer)).Status);

        Assert.Equal(0, await run.StopAsync());
        await run.HearAsync("STOPPING=1");
        Assert.False(File.Exists(run.ApiSocket), "its socket goes with it");
    }

    [Fact]
    public async Task A_credential_that_is_refused_ends_it_at_once_without_a_word_of_it()
    {
        await using AgentRun run = await AgentRun.CreateAsync();
        string wrong = run.MachineToken[..^4] + "AAAA";
        run.Start("--token-file", await run.TokenFileAsync(wrong));
        await run.Agent.WaitForExitAsync(TestContext.Current.CancellationToken);
        await run.LogEnded;
        Assert.Equal(5, run.Agent.ExitCode);
        Assert.All(run.Lines(), l => Assert.False(l.Contains(wrong, StringComparison.Ordinal), "the credential is in the log"));

        (int exit, _, string errors) = await run.Script.RunAsync($"chmod 644 machine.token; coffer agent --as shop-api --user {AgentRun.Peer} --serve-socket {run.ApiSocket} --token-file machine.token");
        Assert.Equal(7, exit);
        Assert.Contains("is open to others", errors, StringComparison.Ordinal);
        (exit, _, errors) = await run.Script.RunAsync($"COFFER_TOKEN={run.MachineToken} coffer agent --as shop-api --user {AgentRun.Peer} --serve-socket {run.ApiSocket}");
        Assert.Equal(9, exit);
        Assert.Contains("takes no token from its environment", errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_workload_that_the_machine_may_not_be_is_refused()
    {
        await using AgentRun run = await AgentRun.CreateAsync();
        await run.ShellAsync("coffer principal create other --home shop-prod");
        run.StartWith("--token-file", await run.TokenFileAsync(), "--as", "other", "--user", $"{AgentRun.Peer}", "--serve-socket", run.ApiSocket);
        await run.Agent.WaitForExitAsync(TestContext.Current.CancellationToken);
        await run.LogEnded;
        Assert.Equal(4, run.Agent.ExitCode);
        Assert.False(File.Exists(run.ApiSocket));
    }

    [Fact]
    public async Task A_credential_that_systemd_loaded_is_found_by_its_name()
    {
        await using AgentRun run = await AgentRun.CreateAsync();
        string folder = Path.GetDirectoryName(await run.TokenFileAsync())!;
        run.StartWith([new("CREDENTIALS_DIRECTORY", folder)], ["--credential", "machine.token", "--as", "shop-api", "--user", "root", "--serve-socket", run.ApiSocket]);
        await run.ReadyAsync();
        Assert.Equal("prod-value", (await run.ShellAsync($"COFFER_SOCKET={run.ApiSocket} coffer get shop-prod/api-key --show")).Trim());
    }

    /// <summary>As a side-car in a pod: the cluster's token, which the kubelet renews, for a short-lived one.</summary>
    [Fact]
    public async Task A_projected_token_is_exchanged_through_a_trust()
    {
        await using AgentRun run = await AgentRun.CreateAsync();
        using ECDsa keys = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        ECParameters cluster = keys.ExportParameters(false);
        await run.Script.WriteAsync("jwks.json", $$"""{"keys":[{"kty":"EC","crv":"P-256","kid":"k","use":"sig","alg":"ES256","x":"{{Base64Url.EncodeToString(cluster.Q.X)}}","y":"{{Base64Url.EncodeToString(cluster.Q.Y)}}"}]}""");
        await run.ShellAsync(
            "coffer trust create cluster-1 --preset kubernetes --issuer https://cluster.example --audience https://coffer.example"
            + " --claim sub=system:serviceaccount:shop:api --jwks jwks.json --principal shop-api");
        long now = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();
        await run.Script.WriteAsync("projected", Sign(keys, $$"""
            {"iss":"https://cluster.example","aud":["https://coffer.example"],"sub":"system:serviceaccount:shop:api","iat":{{now}},"nbf":{{now}},"exp":{{now + 3600}},
             "kubernetes.io":{"namespace":"shop","serviceaccount":{"name":"api","uid":"8e2c6a38-2f7f-4a3e-9a0a-1f2e3d4c5b6a"},"pod":{"name":"api-1","uid":"5f1c2b3a-4d5e-6f70-8192-a3b4c5d6e7f8"} } }
            """));
        // In a pod the agent is the workload itself.
        run.StartWith("--trust", "cluster-1", "--token-file", Path.Combine(run.Script.Folder, "projected"), "--user", $"{AgentRun.Peer}", "--listen", "127.0.0.1:0", "--serve-socket", run.ApiSocket);
        await run.ReadyAsync();
        Assert.Contains("\"shop-api\"", (await run.AskApiAsync(AgentRun.Peer)).Body, StringComparison.Ordinal);
        Assert.Equal(403, (await run.AskApiAsync(AgentRun.Stranger)).Status);
    }

    [Fact]
    public async Task Attack_35_A_child_of_run_as_has_doors_and_nothing_that_is_worth_anything_without_them()
    {
        await using AgentRun run = await AgentRun.CreateAsync();
        await run.Script.WriteAsync("child.sh", $"""
            tr '\0' '\n' < /proc/$$/environ > environ.txt; tr '\0' '\n' < /proc/$$/cmdline > cmdline.txt; tr '\0' '\n' < /proc/$PPID/cmdline >> cmdline.txt
            coffer get api-key --show
            echo; coffer get shop-staging/api-key 2> /dev/null || echo refused
            curl --silent --noproxy '*' --cacert "$COFFER_CACERT" --output /dev/null --write-out '%{"{http_code}"}\n' "$COFFER_ADDR/coffer/v1/whoami"
            curl --silent --noproxy '*' --cacert "$COFFER_CACERT" -H "Authorization: Bearer $COFFER_TOKEN" -H 'Content-Type: application/json' --data '{"{}"}' --output /dev/null --write-out '%{"{http_code}"}\n' "$COFFER_ADDR/coffer/v1/sys/unseal"
            setpriv --reuid={AgentRun.Stranger} --regid={AgentRun.Stranger} --clear-groups curl --silent --noproxy '*' --write-out '\n%{"{http_code}"}\n' -H "Authorization: $AWS_CONTAINER_AUTHORIZATION_TOKEN" "$AWS_CONTAINER_CREDENTIALS_FULL_URI"
            echo "$COFFER_TOKEN" > used.txt
            """);
        string output = await run.ShellAsync($"COFFER_TOKEN={run.MachineToken} coffer run --as shop-api --doors aws -- sh child.sh");
        Assert.Equal(
            ["prod-value", "refused", "401", "403", """{"Code":"AccessDenied","Message":"these credentials are for another program"}""", "403"],
            output.TrimEnd().Split('\n'));

        string around = await File.ReadAllTextAsync(Path.Combine(run.Script.Folder, "environ.txt"), TestContext.Current.CancellationToken)
            + await File.ReadAllTextAsync(Path.Combine(run.Script.Folder, "cmdline.txt"), TestContext.Current.CancellationToken);
        Assert.False(around.Contains(run.MachineToken, StringComparison.Ordinal), "the starter's token is the child's");
        Assert.False(BearerToken().IsMatch(around), "a token is the child's");
        Assert.False(around.Contains("ASIA", StringComparison.Ordinal), "a temporary key is the child's");
        // The run's token is worth nothing at the server itself.
        string used = (await File.ReadAllTextAsync(Path.Combine(run.Script.Folder, "used.txt"), TestContext.Current.CancellationToken)).Trim();
        Assert.True(used.Length > 0 && around.Contains(used, StringComparison.Ordinal), "COFFER_TOKEN is not what the child's environment has");
        Assert.Equal(5, (await run.Script.RunAsync($"COFFER_TOKEN={used} coffer get shop-prod/api-key --show")).Exit);
    }

    [Fact]
    public async Task Doors_of_wires_that_the_server_does_not_speak_stay_shut()
    {
        await using AgentRun run = await AgentRun.CreateAsync();
        foreach (string command in (string[])["run --as shop-api --doors azure -- true", "run --as shop-api --doors aws,vault -- true", $"agent --as shop-api --user {AgentRun.Peer} --listen 127.0.0.1:0 --doors google"])
        {
            (int exit, _, string errors) = await run.Script.RunAsync("coffer " + command);
            Assert.Equal(2, exit);
            Assert.Contains("the server does not speak", errors, StringComparison.Ordinal);
        }
    }

    /// <summary>What the kernel shows of a process that may not be dumped: to root alone, and to root without that right not either.</summary>
    private static async Task<string> SeenAsync(string file)
    {
        try
        {
            return await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken);
        }
        catch (UnauthorizedAccessException)
        {
            Assert.Fail($"{file} may not be read: run the tests as root with CAP_SYS_PTRACE, as CI does");
            throw;
        }
    }

    private static string Sign(ECDsa keys, string claims)
    {
        string text = Base64Url.EncodeToString("""{"alg":"ES256","kid":"k","typ":"JWT"}"""u8) + "." + Base64Url.EncodeToString(Encoding.UTF8.GetBytes(claims));
        return text + "." + Base64Url.EncodeToString(keys.SignData(Encoding.ASCII.GetBytes(text), HashAlgorithmName.SHA256));
    }

    [GeneratedRegex("cf[ts]_[A-Za-z0-9_-]{20}")]
    private static partial Regex BearerToken();
}
