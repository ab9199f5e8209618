using Microsoft.AspNetCore.Http;

namespace Coffer.Workload.Doors;

/// <summary>
/// One vendor's way of handing credentials to a program that stores none: a path on the loopback listener, the variables that
/// lead a program there, and the answer. A wire adds its door as one row of <see cref="WorkloadOptions.Doors"/>. Disposing it zeroes
/// what it holds.
/// </summary>
public interface ICredentialDoor : IDisposable
{
    /// <summary>Path prefix, starting with a slash.</summary>
    string Prefix { get; }

    /// <summary>The wire whose credentials it gives: <c>aws</c>, <c>azure</c>, <c>google</c>.</summary>
    string Wire { get; }

    /// <summary>The child's variables that lead here. <paramref name="address"/> is the listener's <c>http://127.0.0.1:port</c>.</summary>
    IEnumerable<KeyValuePair<string, string>> Variables(string address);

    /// <summary>Variables that hide files of credentials which would win over this door. Set only where credentials are replaced.</summary>
    IEnumerable<KeyValuePair<string, string>> Hiding { get; }

    /// <summary>Variables of credentials that would win over this door: removed from the child's environment.</summary>
    IReadOnlyList<string> Overridden { get; }

    /// <summary>Whether a path is this door's.</summary>
    bool Claims(PathString path) => path.StartsWithSegments(Prefix, StringComparison.Ordinal);

    /// <summary>Answers a request, after checking its token.</summary>
    Task AnswerAsync(HttpContext context);

    /// <summary>Answers 403 in this door's own shape to a caller it is not for, whatever the request holds.</summary>
    Task TurnAwayAsync(HttpContext context, string message);

    /// <summary>Gets what it gives before anybody asks. Throws what its issuer throws.</summary>
    Task PrimeAsync(CancellationToken cancellationToken);
}
