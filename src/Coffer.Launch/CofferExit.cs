namespace Coffer.Launch;

/// <summary>The exit codes of every Coffer command. <c>coffer run</c> ends as its child ends, so there the child's own codes come on top.</summary>
public static class CofferExit
{
    /// <summary>Done.</summary>
    public const int Ok = 0;

    /// <summary>Failed for a reason that no other code names.</summary>
    public const int Failure = 1;

    /// <summary>The arguments make no command.</summary>
    public const int Usage = 2;

    /// <summary>The file, key, vault, secret or version does not exist, or may not be seen.</summary>
    public const int NotFound = 3;

    /// <summary>A rule or file permission forbids it.</summary>
    public const int AccessDenied = 4;

    /// <summary>The server does not know who asks.</summary>
    public const int Unauthenticated = 5;

    /// <summary>It exists already, or was changed by somebody else meanwhile.</summary>
    public const int Conflict = 6;

    /// <summary>A file, name or value is malformed.</summary>
    public const int Invalid = 7;

    /// <summary>No server answers, or it is sealed.</summary>
    public const int Unavailable = 8;

    /// <summary>Refused for safety: a <c>.env</c> that git tracks, a file that everyone may change, a link, another user's server.</summary>
    public const int Refused = 9;

    /// <summary>The program was found but cannot be executed, as in a shell.</summary>
    public const int NotExecutable = 126;

    /// <summary>The program was not found, as in a shell.</summary>
    public const int ProgramNotFound = 127;

    /// <summary>Interrupted by Ctrl-C.</summary>
    public const int Interrupted = 130;

    /// <summary>Each code with its meaning, in order, for the manual.</summary>
    public static IReadOnlyList<(int Code, string Meaning)> Meanings { get; } =
    [
        (Ok, "done"),
        (Failure, "failed for a reason that no other code names"),
        (Usage, "the arguments make no command"),
        (NotFound, "the file, key, vault, secret or version does not exist, or may not be seen"),
        (AccessDenied, "a rule or file permission forbids it"),
        (Unauthenticated, "the server does not know who asks"),
        (Conflict, "it exists already, or was changed by somebody else meanwhile"),
        (Invalid, "a file, name or value is malformed"),
        (Unavailable, "no server answers, or it is sealed"),
        (Refused, "refused for safety: a `.env` that git tracks, a file that everyone may change, a link, another user's server"),
        (NotExecutable, "`run`: the program was found but cannot be executed"),
        (ProgramNotFound, "`run`: the program was not found"),
        (Interrupted, "interrupted by Ctrl-C"),
    ];
}
