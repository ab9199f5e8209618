namespace Coffer.Core.Errors;

/// <summary>One failure, safe to show to any caller: no value, no token, no SQL, no stack.</summary>
/// <param name="Code">What kind of failure.</param>
/// <param name="Message">A sentence for people. Never holds raw input other than names that passed their parser.</param>
public sealed record CofferError(CofferErrorCode Code, string Message)
{
    /// <summary>The object it is about, or null.</summary>
    public string? Subject { get; init; }

    /// <summary>A second object the message needs on some wires (the version a label sits on), or null.</summary>
    public string? Related { get; init; }

    /// <summary>The parameter at fault in the core's own spelling, or null.</summary>
    public string? Parameter { get; init; }

    /// <summary>For a denial: whether a policy denied, rather than none allowed.</summary>
    public bool Explicit { get; init; }

    /// <summary>For a denial: the use of the policy that denied, or of the kind that is wanting; null where no language told.</summary>
    public Access.PolicyUse? By { get; init; }

    /// <summary>How long to wait before trying again, or null.</summary>
    public TimeSpan? RetryAfter { get; init; }
}

/// <summary>Carries a <see cref="CofferError"/> to the one place that turns it into a wire's answer.</summary>
public sealed class CofferException : Exception
{
    internal CofferException(CofferError error, Exception? inner = null)
        : base(error.Message, inner) => Error = error;

    /// <summary>What the caller is told. The inner exception is for the log only.</summary>
    public CofferError Error { get; }

    /// <summary>Shorthand for <c>Error.Code</c>.</summary>
    public CofferErrorCode Code => Error.Code;
}
