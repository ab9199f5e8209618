using System.Text;
using Coffer.Launch.Environments;

namespace Coffer.Launch.Processes;

/// <summary>The full program, which lies beside the front.</summary>
public static class FullProgram
{
    /// <summary>
    /// Replaces this process by <c>coffer-full</c> of the folder that this executable lies in (through links to where it really is; PATH
    /// and the current directory have no say). Returns only if that fails, with the exit code.
    /// </summary>
    public static int Execute(string[] arguments)
    {
        string path = Path.Combine(AppContext.BaseDirectory, "coffer-full");
        return LaunchProgram.Report(File.Exists(path)
            ? ProcessImage.Replace(path, [Encoding.UTF8.GetBytes(path), .. RawArguments.Of(arguments)], EnvironmentBlock.OfProcess().Entries)
            : new LaunchException(CofferExit.Failure, "coffer-full is missing beside this program", "install the folder whole"));
    }
}
