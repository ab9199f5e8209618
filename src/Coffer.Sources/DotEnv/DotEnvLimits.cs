namespace Coffer.Sources.DotEnv;

/// <summary>How much a <c>.env</c> file may ask for. A file beyond a limit is refused whole; nothing is cut.</summary>
public static class DotEnvLimits
{
    /// <summary>Bytes of one file.</summary>
    public const int FileBytes = 16 * 1024 * 1024;

    /// <summary>Characters of one key.</summary>
    public const int KeyLength = 512;

    /// <summary>Assignments in one file.</summary>
    public const int Entries = 100_000;

    /// <summary>Levels of <c>${A:-${B:-…}}</c>.</summary>
    public const int Depth = 32;

    /// <summary>Characters of one value after expansion.</summary>
    public const int ValueLength = 1024 * 1024;

    /// <summary>Characters of all values of a file together after expansion.</summary>
    public const int TotalLength = 16 * 1024 * 1024;
}
