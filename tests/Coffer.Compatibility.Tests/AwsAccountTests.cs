using System.Text.Json;
using System.Text.RegularExpressions;

namespace Coffer.Compatibility.Tests;

/// <summary>Users, roles and policies set up by the tools that AWS is set up with, against one server over TLS.</summary>
public partial class AwsAccountTests
{
    private static readonly string Steps = Path.Combine(CofferCommand.Clients, "terraform_aws.json");

    [Fact]
    public async Task Terraform_and_the_policies_of_IAM_from_two_languages()
    {
        string coffer = Path.Combine(CofferCommand.Root, "artifacts", "coffer", "coffer"), python = Path.Combine(CofferCommand.Clients, "python");
        (int exit, string output, string errors) = await CofferCommand.RunProgramAsync("/usr/bin/python3",
        [
            Path.Combine(python, "account_server.py"),
            coffer,
            CofferCommand.Root,
            $"/usr/bin/python3\n{Path.Combine(python, "terraform_replay.py")}\n{Steps}",
            $"/usr/bin/python3\n{Path.Combine(python, "iam.py")}",
            $"node\n{Path.Combine(CofferCommand.Clients, "node", "iam.mjs")}",
        ]);
        Assert.True(exit == 0 && output.TrimEnd().EndsWith("ok", StringComparison.Ordinal), $"exit {exit}\n{output}\n{errors}");
    }

    /// <summary>The lines of the guide, as they stand there.</summary>
    [Fact]
    public Task From_a_role_to_a_read_by_the_guide() => CofferCommand.RunClientAsync(
        "/bin/sh", Path.Combine(CofferCommand.Clients, "shell", "guide.sh"), Path.Combine(CofferCommand.Root, "docs", "aws.md"));

    /// <summary>What is replayed is what the example holds: a resource added there has its steps.</summary>
    [Fact]
    public async Task The_steps_are_those_of_the_example()
    {
        string example = await File.ReadAllTextAsync(Path.Combine(CofferCommand.Root, "examples", "terraform-aws", "main.tf"), TestContext.Current.CancellationToken);
        await using FileStream file = File.OpenRead(Steps);
        using JsonDocument steps = await JsonDocument.ParseAsync(file, cancellationToken: TestContext.Current.CancellationToken);
        string[] names = [.. steps.RootElement.EnumerateArray().Select(s => s.GetProperty("step").GetString()!)];
        string[] resources = [.. Resource().Matches(example).Select(m => $"{m.Groups[1].Value}.{m.Groups[2].Value}")];
        Assert.NotEmpty(resources);
        foreach (string resource in resources)
        {
            foreach (string phase in new[] { "apply", "refresh", "refresh again", "destroy" })
            {
                Assert.Contains(names, n => n == $"{phase} {resource}" || n.StartsWith($"{phase} {resource} (", StringComparison.Ordinal));
            }
        }
    }

    [GeneratedRegex("^resource \"(\\w+)\" \"(\\w+)\"", RegexOptions.Multiline)]
    private static partial Regex Resource();
}
