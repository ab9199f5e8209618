namespace Coffer.Launch.Arguments;

/// <summary>The commands that this library carries out, and their options.</summary>
public static class LaunchCommandTable
{
    internal static readonly LaunchOption EnvFile = new("--env-file", "FILE", "read variables from a .env file; later files win over earlier ones", ".env in the current directory, if there is one", Repeatable: true);
    internal static readonly LaunchOption NoEnvFile = new("--no-env-file", null, "read no .env file");
    internal static readonly LaunchOption Vault = new("--vault", "VAULT", "the vault of references that name none (coffer:///name); the program gets it as COFFER_VAULT", "COFFER_VAULT");
    internal static readonly LaunchOption As = new("--as", "NAME", "run the program as this workload, with a short-lived identity of its own", FullProgram: true);
    internal static readonly LaunchOption Doors = new("--doors", "LIST", "with --as: the vendors' doors to open for it, separated by commas", "all that the server speaks");
    internal static readonly LaunchOption Override = new("--override", null, "let the files win over the environment", "the environment wins over the files");
    internal static readonly LaunchOption NoInherit = new("--no-inherit", null, "start from HOME, LANG, LC_*, LOGNAME, PATH, SHELL, TERM, TMPDIR, TZ, USER and XDG_RUNTIME_DIR only", "the whole environment is inherited");
    internal static readonly LaunchOption AllowTracked = new("--allow-tracked", null, "read a .env file although git tracks it", "such a file is refused");
    internal static readonly LaunchOption Descriptor = new("--fd", "NAME", "hand NAME over through a file descriptor: the program finds NAME_FILE=/dev/fd/N in place of NAME", Repeatable: true);
    internal static readonly LaunchOption Socket = new("--socket", "FILE", "the local socket of the server or agent", "COFFER_SOCKET, else coffer/coffer.sock under XDG_RUNTIME_DIR or /run, else ~/.coffer/coffer.sock");
    internal static readonly LaunchOption Address = new("--address", "URL", "the address of a server on another machine", "COFFER_ADDR; of a reference only when there is no local socket", FullProgram: true);
    internal static readonly LaunchOption File = new("--file", "FILE", "the .env file", ".env");
    internal static readonly LaunchOption Show = new("--show", null, "print the values too");
    internal static readonly LaunchOption Json = new("--json", null, "answer in JSON");
    internal static readonly LaunchOption FileValue = new("--file-value", "FILE", "take the value from a file, byte for byte", "a prompt without echo, or stdin");
    internal static readonly LaunchOption Value = new("--value", "TEXT", "the value itself; anyone who lists processes or reads the shell's history sees it");
    internal static readonly LaunchOption InitEnv = new("--env", null, "prepare the directory for a .env file that stays out of version control");

    internal static readonly LaunchCommand Run = new(
        "run", "[--] COMMAND [ARGUMENT...]", 1, int.MaxValue, true,
        "Runs a program with variables from .env files and secrets in place of references.",
        [
            "A variable whose whole value is a reference gets what the reference names: coffer://vault/name, with #field for a member of a JSON value and @version for a version; env://NAME; dotenv://file#KEY. That holds for the files and for the inherited environment.",
            "Precedence, highest first: the environment, the last --env-file, the ones before it. --override puts the environment last. Expansions ($NAME) follow the same order.",
            "The program replaces coffer: signals, terminal and exit code are its own. It is looked up in the PATH that coffer was started with.",
        ],
        [EnvFile, NoEnvFile, Vault, As, Doors, Override, NoInherit, Descriptor, AllowTracked, Socket, Address]);

    internal static readonly LaunchCommand EnvList = new(
        "env list", "", 0, 0, false, "Lists the names in a .env file.", ["Values are printed with --show only. References stay as they are written."], [File, Show, Json]);

    internal static readonly LaunchCommand EnvGet = new(
        "env get", "KEY", 1, 1, false, "Prints one value of a .env file, expanded.", ["The value is written as it is; on a terminal a line end follows. A reference stays as it is written."], [File, Json]);

    internal static readonly LaunchCommand EnvSet = new(
        "env set", "KEY", 1, 1, false, "Sets one value in a .env file, keeping comments, order and quotes.",
        ["One line end at the end of stdin is not part of the value. The file is replaced atomically and only its owner may read it."], [File, FileValue, Value, Json]);

    internal static readonly LaunchCommand EnvUnset = new(
        "env unset", "KEY", 1, 1, false, "Removes one name from a .env file, keeping the rest as it is.", [], [File, Json]);

    internal static readonly LaunchCommand Init = new(
        "init", "", 0, 0, false, "Writes the .gitignore entry and a .env.example with the names but no values.", ["Doing it again adds what is new and changes nothing else."], [InitEnv, File, Json]);

    /// <summary>All commands, in the order of the manual.</summary>
    public static IReadOnlyList<LaunchCommand> All { get; } = [Run, EnvList, EnvGet, EnvSet, EnvUnset, Init];
}
