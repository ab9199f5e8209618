using System.Globalization;
using System.Runtime.InteropServices;
using Coffer.Launch.Posix;

namespace Coffer.Launch.Processes;

/// <summary>
/// A value in an anonymous file of memory that a successor inherits and nobody can change. Unlike an environment variable it is not in
/// <c>/proc/PID/environ</c>, in crash reports or in what <c>printenv</c> shows.
/// </summary>
internal static class SealedDescriptor
{
    /// <summary>Path of the descriptor, for the successor to open and read as often as it likes.</summary>
    public static string Create(ReadOnlySpan<byte> value)
    {
        int descriptor = LibC.CreateMemoryFile("coffer", LibC.MFD_ALLOW_SEALING);
        return descriptor >= 0 && StandardStreams.Write(descriptor, value) && LibC.FControl(descriptor, LibC.F_ADD_SEALS, LibC.AllSeals) == 0
            ? string.Create(CultureInfo.InvariantCulture, $"/dev/fd/{descriptor}")
            : throw new LaunchException(CofferExit.Failure, $"cannot make a file in memory: {Marshal.GetLastPInvokeErrorMessage().ToLowerInvariant()}", null);
    }
}
