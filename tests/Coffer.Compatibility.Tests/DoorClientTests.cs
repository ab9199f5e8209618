using System.Buffers.Text;
using System.Text;

namespace Coffer.Compatibility.Tests;

/// <summary>The vendors' own libraries, unmodified, find the doors by themselves; what they get proves the workload to the core.</summary>
public sealed class DoorClientTests
{
    private const string Email = "shop-api@shop-dev.iam.gserviceaccount.com";

    private static Task<DoorCloud> StartAsync(bool isInstance) => DoorCloud.StartAsync(isInstance, TestContext.Current.CancellationToken);

    private static Task<string[]> PythonAsync(DoorCloud cloud, string script, params string[] arguments) =>
        cloud.RunAsync("/usr/bin/python3", [Path.Combine(CofferCommand.Clients, "python", script), .. arguments]);

    private static Task<string[]> NodeAsync(DoorCloud cloud, string script) => cloud.RunAsync("node", Path.Combine(CofferCommand.Clients, "node", script));

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Azure_identity_for_Python_takes_its_token_from_the_door(bool isInstance)
    {
        await using DoorCloud cloud = await StartAsync(isInstance);
        string[] tokens = isInstance ? await PythonAsync(cloud, "door_azure.py") : await PythonAsync(cloud, "door_azure.py", "--chain");
        Assert.Equal(isInstance ? 1 : 2, tokens.Length);
        foreach (string token in tokens)
        {
            await cloud.AssertProvesAsync(token, "azure:https://vault.azure.net");
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Azure_identity_for_JavaScript_takes_its_token_from_the_door(bool isInstance)
    {
        await using DoorCloud cloud = await StartAsync(isInstance);
        string[] tokens = await NodeAsync(cloud, "door_azure.mjs");
        Assert.Equal(2, tokens.Length);
        foreach (string token in tokens)
        {
            await cloud.AssertProvesAsync(token, "azure:https://vault.azure.net");
        }
    }

    [Fact]
    public async Task Google_auth_for_Python_takes_its_token_from_the_door()
    {
        await using DoorCloud cloud = await StartAsync(isInstance: false);
        string[] lines = await PythonAsync(cloud, "door_google.py");
        await cloud.AssertProvesAsync(lines[0], "google");
        Assert.Equal([Email, "shop-dev"], lines[1..]);
    }

    [Fact]
    public async Task Google_auth_for_JavaScript_takes_its_tokens_from_the_door()
    {
        await using DoorCloud cloud = await StartAsync(isInstance: false);
        string[] lines = await NodeAsync(cloud, "door_google.mjs");
        await cloud.AssertProvesAsync(lines[0], "google");
        Assert.Equal([Email, "shop-dev"], lines[1..3]);
        await cloud.AssertProvesAsync(Encoding.ASCII.GetString(Base64Url.DecodeFromChars(lines[3].Split('.')[2])), "google-id:https://shop.example");
    }

    [Fact]
    public async Task Boto3_and_the_SDK_for_JavaScript_take_their_keys_from_instance_metadata()
    {
        await using DoorCloud cloud = await StartAsync(isInstance: true);
        string[] python = await PythonAsync(cloud, "door_imds.py"), node = await NodeAsync(cloud, "door_imds.mjs");
        Assert.Matches("^ASIA[A-Z2-7]{16}$", python[0]);
        Assert.True(python.SequenceEqual(node), "both get the one session of this workload");
    }

    [Fact]
    public async Task Hvac_sends_this_runs_token_and_the_server_sees_a_short_lived_one()
    {
        await using DoorCloud cloud = await StartAsync(isInstance: false);
        string[] lines = await PythonAsync(cloud, "door_vault.py");
        await cloud.AssertProvesAsync(Assert.Single(cloud.VaultTokens), "vault");
        await cloud.AssertProvesAsync(lines[0], "vault");
        Assert.Equal("0o600", lines[1]);
        Assert.False(cloud.Environment["VAULT_TOKEN"] == lines[0], "the child's variable is not the token itself");
        Assert.Null(await ProofOf(cloud.Environment["VAULT_TOKEN"]));

        async Task<string?> ProofOf(string text)
        {
            try
            {
                await cloud.AssertProvesAsync(text, "vault");
                return text;
            }
            catch (Xunit.Sdk.TrueException)
            {
                return null;
            }
        }
    }
}
