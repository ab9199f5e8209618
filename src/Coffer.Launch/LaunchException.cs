using Coffer.Sources;

namespace Coffer.Launch;

/// <summary>Ends a command: an exit code, one or more problems, a hint.</summary>
internal sealed class LaunchException(int exit, IReadOnlyList<string> problems, string? hint) : Exception(problems[0])
{
    public LaunchException(int exit, string problem, string? hint)
        : this(exit, [problem], hint)
    {
    }

    public int Exit { get; } = exit;

    public IReadOnlyList<string> Problems { get; } = problems;

    public string? Hint { get; } = hint;

    /// <summary>The errors of several references at once; the first decides code and hint.</summary>
    public static LaunchException Of(IReadOnlyList<SourceException> errors) =>
        new(ExitOf(errors[0].Kind), [.. errors.Select(error => error.Message).Distinct(StringComparer.Ordinal)], errors[0].Hint);

    public static LaunchException Of(SourceException error) => Of([error]);

    private static int ExitOf(SourceErrorKind kind) => kind switch
    {
        SourceErrorKind.Failure => CofferExit.Failure,
        SourceErrorKind.NotFound => CofferExit.NotFound,
        SourceErrorKind.AccessDenied => CofferExit.AccessDenied,
        SourceErrorKind.Unauthenticated => CofferExit.Unauthenticated,
        SourceErrorKind.Conflict => CofferExit.Conflict,
        SourceErrorKind.Invalid => CofferExit.Invalid,
        SourceErrorKind.Unavailable => CofferExit.Unavailable,
        SourceErrorKind.Unsafe => CofferExit.Refused,
    };
}
