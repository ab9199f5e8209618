namespace Coffer.Compatibility.Tests;

/// <summary>The vendor's own clients, unmodified, against the real executable over TLS, with nothing configured.</summary>
public class AwsClientTests
{
    private static string Coffer => Path.Combine(CofferCommand.Root, "artifacts", "coffer", "coffer");

    private static string DotNetClient => Path.Combine(CofferCommand.Root, "artifacts", "bin", "Coffer.Compatibility.DotNetClient", "release", "Coffer.Compatibility.DotNetClient.dll");

    [Fact]
    public async Task Boto3_reads_the_sample_secret_with_nothing_configured()
    {
        string script = await File.ReadAllTextAsync(Path.Combine(CofferCommand.Clients, "python", "done_when.py"), TestContext.Current.CancellationToken);
        (int exit, string output, string errors) = await CofferCommand.RunAsync(["dev", "--", "/usr/bin/python3", "-c", script]);
        Assert.True(exit == 0, errors);
        Assert.Single(output.TrimEnd().Split('\n'));
        Assert.NotEqual("", output.Trim());
    }

    [Theory]
    [InlineData("life_of_a_secret.py")]
    [InlineData("versions_and_tags.py")]
    [InlineData("regions.py")]
    [InlineData("replication.py")]
    public Task Boto3_of_Debian_12(string script) =>
        CofferCommand.RunClientAsync("/usr/bin/python3", Path.Combine(CofferCommand.Clients, "python", script));

    [Theory]
    [InlineData("/usr/bin/python3", "python/temporary_keys.py")]
    [InlineData("node", "node/temporary_keys.mjs")]
    public Task Keys_for_a_while_by_STS(string program, string script) => CofferCommand.RunClientAsync(
        "/bin/sh", "-ec", "\"$0\" principal create deployer --home demo-dev >&2; \"$0\" grant create deployer reader demo-dev >&2; exec \"$@\"",
        Path.Combine(CofferCommand.Root, "artifacts", "coffer", "coffer"), program, Path.Combine(CofferCommand.Clients, script));

    [Fact]
    public Task A_web_identity_in_a_file() => CofferCommand.RunClientAsync(
        "/usr/bin/python3", Path.Combine(CofferCommand.Clients, "python", "web_identity.py"), Coffer, "dotnet", DotNetClient, "web-identity");

    [Fact]
    public async Task Rotation_by_a_program_and_by_a_hook()
    {
        string folder = Directory.CreateTempSubdirectory("coffer-rotation-").FullName;
        try
        {
            (int exit, string output, string errors) = await CofferCommand.RunProgramAsync(
                "/usr/bin/python3", [Path.Combine(CofferCommand.Clients, "python", "rotation.py"), Path.Combine(CofferCommand.Root, "artifacts", "coffer", "coffer"), CofferCommand.Root, "node"], directory: folder);
            Assert.True(exit == 0 && output.TrimEnd().EndsWith("ok", StringComparison.Ordinal), $"exit {exit}\n{output}\n{errors}");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public Task A_profile_with_a_credential_process() => CofferCommand.RunClientAsync(
        "/usr/bin/python3",
        Path.Combine(CofferCommand.Clients, "python", "credential_process.py"),
        Coffer,
        Path.Combine(CofferCommand.Clients, "node", "credential_process.mjs"));

    [Fact]
    public Task Awscli_of_Debian_12() => CofferCommand.RunClientAsync("/bin/sh", Path.Combine(CofferCommand.Clients, "shell", "awscli.sh"));

    [Theory]
    [InlineData("life_of_a_secret.mjs")]
    [InlineData("versions_and_tags.mjs")]
    [InlineData("replication.mjs")]
    [InlineData("literal_host.mjs")]
    public Task Sdk_for_JavaScript_v3(string script) => CofferCommand.RunClientAsync("node", Path.Combine(CofferCommand.Clients, "node", script));

    [Fact]
    public Task Sdk_for_dotnet_v4() => CofferCommand.RunClientAsync(
        "/bin/sh", "-ec", "\"$0\" principal create deployer --home demo-dev >&2; \"$0\" grant create deployer reader demo-dev >&2; exec \"$@\"", Coffer, "dotnet", DotNetClient, "role", "deployer");

    /// <summary>Keys and sessions are proven by what is stored and sealed, not by what a process remembers.</summary>
    [Fact]
    public async Task The_same_clients_after_a_restart_with_the_keys_they_had()
    {
        (int exit, string output, string errors) = await CofferCommand.RunProgramAsync(
            "/usr/bin/python3", [Path.Combine(CofferCommand.Clients, "python", "restart.py"), Coffer, CofferCommand.Clients, DotNetClient]);
        Assert.True(exit == 0 && output.TrimEnd().EndsWith("ok", StringComparison.Ordinal), $"exit {exit}\n{output}\n{errors}");
    }
}
