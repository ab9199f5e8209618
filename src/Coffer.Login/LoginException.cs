namespace Coffer.Login;

/// <summary>Why a login was refused or given up.</summary>
public enum LoginFault
{
    /// <summary>The issuer, or what answered in its place, was not what it must be.</summary>
    Refused,

    /// <summary>The person, or the issuer, said no; or nobody answered in time.</summary>
    Declined,

    /// <summary>The issuer cannot be reached, or does not offer what is needed.</summary>
    Unavailable,

    /// <summary>A file of a session is not as we left it.</summary>
    UnsafeFile,

    /// <summary>The session is past its end.</summary>
    Ended,
}

/// <summary>A login, or the use of one that is kept, failed on this side.</summary>
/// <param name="fault">What kind of failure.</param>
/// <param name="problem">Lower case, no full stop, nothing that the other side sent but short codes.</param>
/// <param name="hint">What to do, or null.</param>
/// <param name="inner">The cause, or null.</param>
public sealed class LoginException(LoginFault fault, string problem, string? hint = null, Exception? inner = null) : Exception(problem, inner)
{
    /// <summary>What kind of failure.</summary>
    public LoginFault Fault { get; } = fault;

    /// <summary>What to do, or null.</summary>
    public string? Hint { get; } = hint;
}
