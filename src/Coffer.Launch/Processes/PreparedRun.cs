using Coffer.Launch.Environments;

namespace Coffer.Launch.Processes;

/// <summary>A program with its arguments and final environment, ready to take this process's place. Never prints its environment.</summary>
public sealed class PreparedRun
{
    private readonly EnvironmentBlock _environment;
    private readonly byte[][] _arguments;

    internal PreparedRun(string path, string[] arguments, EnvironmentBlock environment)
    {
        (Path, Arguments, _environment) = (path, arguments, environment);
        _arguments = RawArguments.Of(arguments);
    }

    /// <summary>The file to execute, found in the caller's PATH.</summary>
    public string Path { get; }

    /// <summary>The command line; the first is the name as the caller wrote it.</summary>
    public IReadOnlyList<string> Arguments { get; }

    /// <summary>The workload of <c>--as</c>, or null.</summary>
    public string? As { get; internal init; }

    /// <summary>The list of <c>--doors</c> as it was given, or null.</summary>
    public string? Doors { get; internal init; }

    /// <summary>The server's socket of <c>--socket</c>, or null.</summary>
    public string? Socket { get; internal init; }

    /// <summary>The server's address of <c>--address</c>, or null.</summary>
    public string? Address { get; internal init; }

    /// <summary>The environment as text. Names and values that are not UTF-8 are only kept by <see cref="Execute"/>.</summary>
    public IEnumerable<KeyValuePair<string, string>> Environment =>
        _environment.Names.Select(name => KeyValuePair.Create(name, System.Text.Encoding.UTF8.GetString(_environment.Bytes(name)!)));

    /// <summary>Adds or replaces a variable.</summary>
    public void SetVariable(string name, string value) => _environment.Set(name, value);

    /// <summary>
    /// Replaces this process. Returns only if that fails: the message is on stderr, the result is 126 or 127.
    /// </summary>
    public int Execute() => LaunchProgram.Report(ProcessImage.Replace(Path, _arguments, _environment.Entries));

    /// <inheritdoc/>
    public override string ToString() => Path;
}
