using Coffer.Workload.Child;

namespace Coffer.Workload.Tests.Support;

/// <summary>Programs of other users of this machine. Numbers need no entry in the user directory.</summary>
internal static class OtherUser
{
    /// <summary>The peer of the agents under test.</summary>
    public const uint Peer = 43210;

    /// <summary>Somebody else.</summary>
    public const uint Stranger = 43211;

    private const string Setpriv = "/usr/bin/setpriv", Curl = "/usr/bin/curl";

    public static Task<(int Exit, string Out, string Error)> RunAsync(uint uid, string program, params string[] arguments)
    {
        Assert.True(FileStatus.CurrentUser() == 0, "only root can start a program as a second user: run the tests as root, as CI does");
        Assert.True(File.Exists(Setpriv), "setpriv of util-linux is not installed: it starts programs as a second user");
        return Programs.RunAsync(
            Setpriv,
            [$"--reuid={uid}", $"--regid={uid}", "--clear-groups", "--inh-caps=-all", "--", program, .. arguments],
            new Dictionary<string, string> { ["PATH"] = "/usr/bin:/bin", ["LANG"] = "C.UTF-8" });
    }

    /// <summary>One request by curl: status, body, and headers in lower case.</summary>
    public static async Task<(int Status, string Body, string Headers)> AskAsync(uint uid, params string[] arguments)
    {
        (int exit, string output, string error) = await RunAsync(uid, Curl, ["--silent", "--show-error", "--include", "--max-time", "20", .. arguments]);
        Assert.True(exit == 0, $"curl ended with {exit}: {error}");
        string[] parts = output.Split("\r\n\r\n", 2);
        return (int.Parse(parts[0].Split(' ', 3)[1], System.Globalization.CultureInfo.InvariantCulture), parts[1], parts[0].ToLowerInvariant());
    }
}
