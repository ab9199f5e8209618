using Coffer.Launch.Arguments;
using Coffer.Launch.Environments;
using Coffer.Launch.Posix;
using Coffer.Launch.Processes;
using Coffer.Sources;
using Coffer.Sources.DotEnv;

namespace Coffer.Launch.Commands;

/// <summary><c>coffer run</c>.</summary>
internal static class RunCommand
{
    private const string DefaultFile = ".env";

    public static PreparedRun Prepare(ParsedArguments arguments, SecretResolver? remote)
    {
        // What is wrong with the words themselves shows before a file is read or a secret asked for.
        if (arguments.Has(LaunchCommandTable.Doors) && !arguments.Has(LaunchCommandTable.As))
        {
            throw ParsedArguments.Usage(arguments.Command, "--doors goes with --as: the doors are that workload's");
        }

        // What this process is about to hold stays out of core dumps; the successor starts with the flag set again.
        _ = LibC.ProcessControl(LibC.PR_SET_DUMPABLE, 0, 0, 0, 0);

        EnvironmentBlock caller = EnvironmentBlock.OfProcess();
        EnvironmentBlock inherited = arguments.Has(LaunchCommandTable.NoInherit) ? caller.Where(IsKept) : caller;
        string? vault = arguments.Value(LaunchCommandTable.Vault);

        // The program is looked for before any secret is asked for, and in the caller's PATH: what a file says about PATH is for the program.
        string path = ProgramPath.Find(arguments.Operands[0], caller.Text("PATH"));
        Func<string, DotEnvDocument> load = arguments.Has(LaunchCommandTable.AllowTracked) ? DotEnvFile.Read : LaunchSources.LoadUntracked;
        LaunchSources sources = new(
            vault ?? (caller.Text("COFFER_VAULT") is { Length: > 0 } home ? home : null),
            load,
            references => LaunchSources.ResolveAt(arguments.Value(LaunchCommandTable.Socket), arguments.Value(LaunchCommandTable.Address), caller.Text, references, remote));

        EnvironmentPlan plan = new(caller, inherited, sources, arguments.Has(LaunchCommandTable.Override));
        EnvironmentBlock environment = plan.Compute(Files(arguments, load));
        Warn(plan.Warnings);
        if (vault is not null)
        {
            environment.Set("COFFER_VAULT", vault);
        }

        foreach (string name in arguments.Values(LaunchCommandTable.Descriptor).Distinct(StringComparer.Ordinal))
        {
            byte[] value = environment.Bytes(name)
                ?? throw new LaunchException(CofferExit.NotFound, $"--fd {SourceException.Printable(name)}: no variable of that name is set", "check the name, and which file sets it");
            environment.Remove(name);
            environment.Set($"{name}_FILE", SealedDescriptor.Create(value));
        }

        return new(path, [.. arguments.Operands], environment)
        {
            As = arguments.Value(LaunchCommandTable.As),
            Doors = arguments.Value(LaunchCommandTable.Doors),
            Socket = arguments.Value(LaunchCommandTable.Socket),
            Address = arguments.Value(LaunchCommandTable.Address),
        };
    }

    private static List<DotEnvDocument> Files(ParsedArguments arguments, Func<string, DotEnvDocument> load)
    {
        IReadOnlyList<string> named = arguments.Values(LaunchCommandTable.EnvFile);
        if (arguments.Has(LaunchCommandTable.NoEnvFile))
        {
            return named.Count == 0 ? [] : throw ParsedArguments.Usage(arguments.Command, "--env-file and --no-env-file exclude each other");
        }

        if (named.Count > 0)
        {
            return [.. named.Select(load)];
        }

        // Only ever the current directory: a directory above may be anybody's.
        if (!File.Exists(DefaultFile))
        {
            return [];
        }

        DotEnvDocument found = load(DefaultFile);
        return found.Entries.FirstOrDefault(entry => DecidesWhatIsLoaded(entry.Key)) is { } entry
            ? throw new LaunchException(
                CofferExit.Refused,
                $"{DefaultFile}: line {entry.Line}: sets {entry.Key}, which decides what code programs load",
                "look at the file, then name it with --env-file if you trust it; --no-env-file leaves it out")
            : [found];
    }

    // A folder that was unpacked from somewhere must not get to run code because somebody ran a harmless program in it.
    private static bool DecidesWhatIsLoaded(string name) =>
        name.StartsWith("LD_", StringComparison.Ordinal) || name is "BASH_ENV" or "ENV" or "GCONV_PATH" or "GLIBC_TUNABLES" or "SHELLOPTS" or "PS4";

    private static bool IsKept(string name) =>
        name is "HOME" or "LANG" or "LOGNAME" or "PATH" or "SHELL" or "TERM" or "TMPDIR" or "TZ" or "USER" or "XDG_RUNTIME_DIR" || name.StartsWith("LC_", StringComparison.Ordinal);

    private static void Warn(IReadOnlyList<DotEnvWarning> warnings)
    {
        foreach (DotEnvWarning warning in warnings)
        {
            StandardStreams.Remark($"coffer: warning: {SourceException.Printable(warning.File)}: line {warning.Line}, column {warning.Column}: names a variable that is not set, so it stands for nothing");
        }

        if (warnings.Count > 0)
        {
            StandardStreams.Remark("hint: write \\$ or use '…' for a dollar sign, or ${NAME-} for a variable that may be missing");
        }
    }
}
