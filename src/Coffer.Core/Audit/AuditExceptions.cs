namespace Coffer.Core.Audit;

/// <summary>
/// The record could not be made durable, so whatever it was about must not be answered. The trail heals by itself: the
/// next append tries again.
/// </summary>
public sealed class AuditUnavailableException : Exception
{
    internal AuditUnavailableException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}

/// <summary>
/// The trail is broken or cut and the server does not start on it. <c>coffer audit verify</c> names every damaged record;
/// starting with <c>--accept-broken-trail</c> goes on in a new file that begins with a signed record of the break.
/// </summary>
public sealed class AuditTrailBrokenException : Exception
{
    internal AuditTrailBrokenException(AuditProblem problem)
        : base($"the audit trail is not whole: {problem}; run `coffer audit verify` to see every damaged record, and start with --accept-broken-trail to go on behind it") =>
        Problem = problem;

    /// <summary>What was found first.</summary>
    public AuditProblem Problem { get; }
}
