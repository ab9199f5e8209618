using System.Runtime.InteropServices;

namespace Coffer.Server;

/// <summary>
/// Keeps keys and values out of core dumps, other processes of the same user, and swap where the limit allows. Values in
/// memory are short-lived all the same; this is for the moments between.
/// </summary>
internal static partial class ProcessHardening
{
    private const int PrSetDumpable = 4;
    private const int RlimitCore = 4;

    /// <summary>No core dumps, no attaching by others than root.</summary>
    public static void Apply()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        // Failure is no reason not to start: containers may forbid either, and then the platform decides.
        _ = Prctl(PrSetDumpable, 0, 0, 0, 0);
        Rlimit none = default;
        _ = SetRlimit(RlimitCore, in none);
    }

    [LibraryImport("libc", EntryPoint = "prctl")]
    private static partial int Prctl(int option, nuint a, nuint b, nuint c, nuint d);

    [LibraryImport("libc", EntryPoint = "setrlimit")]
    private static partial int SetRlimit(int resource, in Rlimit limit);

    private readonly struct Rlimit
    {
        public readonly nuint Current;
        public readonly nuint Maximum;
    }
}
