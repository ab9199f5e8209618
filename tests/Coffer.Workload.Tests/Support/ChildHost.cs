using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using Coffer.Workload.Child;

namespace Coffer.Workload.Tests.Support;

/// <summary>
/// This test program as a process of its own that does nothing but run a child, since <see cref="ChildProcess"/> adopts
/// all orphans of the process that it is in.
/// </summary>
internal static class ChildHost
{
    private const string Command = "COFFER_TEST_CHILD";
    private const string Linger = "COFFER_TEST_LINGER";
    private const char Separator = '\u001f';

    /// <summary>Starts it in a session of its own: no terminal of whoever runs the tests is near.</summary>
    public static Process Start(TimeSpan linger, params string[] words)
    {
        string assembly = typeof(ChildHost).Assembly.Location;
        return Programs.Start("/usr/bin/setsid", ["/usr/bin/dotnet", assembly], Environment(linger, words));
    }

    public static Dictionary<string, string> Environment(TimeSpan linger, params string[] words)
    {
        Dictionary<string, string> environment = System.Environment.GetEnvironmentVariables().Cast<System.Collections.DictionaryEntry>().ToDictionary(e => (string)e.Key, e => (string)e.Value!);
        environment[Command] = string.Join(Separator, words);
        environment[Linger] = linger.TotalSeconds.ToString(CultureInfo.InvariantCulture);
        return environment;
    }

#pragma warning disable CA2255 // The one place before the test runner's own entry point.
    [ModuleInitializer]
    internal static void RunInstead()
#pragma warning restore CA2255
    {
        if (System.Environment.GetEnvironmentVariable(Command) is { } command)
        {
            string[] words = command.Split(Separator);
            Dictionary<string, string> environment = new() { ["PATH"] = "/usr/bin:/bin" };
            TimeSpan linger = TimeSpan.FromSeconds(double.Parse(System.Environment.GetEnvironmentVariable(Linger)!, CultureInfo.InvariantCulture));
            System.Environment.Exit(ChildProcess.RunAsync(words[0], words[1..], environment, TimeProvider.System, linger).GetAwaiter().GetResult());
        }
    }
}
