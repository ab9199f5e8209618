using Coffer.Contracts;

namespace Coffer.Client;

/// <summary>A call that failed: with the server's problem document, or with one of our own where no server answered.</summary>
public sealed class CofferClientException : Exception
{
    /// <summary>The server could not be reached, or the connection broke.</summary>
    public const string Unreachable = "unreachable";

    /// <summary>No answer in time.</summary>
    public const string TimedOut = "timed_out";

    /// <summary>What answered is not a Coffer server, or the answer is not in the expected form.</summary>
    public const string UnexpectedAnswer = "unexpected_answer";

    /// <summary>The server answered with a redirect: never followed, since the token belongs to one origin.</summary>
    public const string Redirected = "redirected";

    internal CofferClientException(Problem problem, Exception? inner = null)
        : base(problem.Detail ?? problem.Title, inner) => Problem = problem;

    /// <summary>The problem document.</summary>
    public Problem Problem { get; }

    /// <summary>For programs: <c>not_found</c>, <c>access_denied</c> …, or one of the constants above.</summary>
    public string Code => Problem.Code;

    /// <summary>The HTTP status; 0 where no server answered.</summary>
    public int Status => Problem.Status;

    /// <summary>The id under which the server's log and trail know the request, or null.</summary>
    public string? RequestId => Problem.RequestId;

    /// <summary>What to do about it, or null.</summary>
    public string? Hint => Problem.Hint;

    internal static CofferClientException Local(string code, string title, string detail, int status = 0, string? hint = null, Exception? inner = null) =>
        new(new() { Type = "urn:coffer:client:" + code, Title = title, Status = status, Detail = detail, Code = code, Hint = hint }, inner);
}
