using System.Text;
using Microsoft.AspNetCore.Http;

namespace Coffer.Workload.Doors;

/// <summary>
/// Coffer's own API for a program. A child gets <c>COFFER_TOKEN</c>, a random text of its run that is replaced by a short-lived token on the way
/// to the server; behind an agent's socket, where the kernel says who calls, every request gets that token whatever it brought along.
/// </summary>
public sealed class CofferApiToken : IDisposable
{
    /// <summary>Audience of the tokens.</summary>
    public const string Audience = "coffer";

    private const string Bearer = "Bearer ";

    private readonly Renewed<DoorToken> _current;
    private readonly string _token = DoorSecret.Draw();
    private readonly DoorSecret _expected;

    /// <summary>Over an issuer; renewed on demand if nothing is said.</summary>
    public CofferApiToken(TokenIssuer issue, TimeProvider clock, Renewal? renewal = null)
    {
        _current = new(stop => issue(Audience, stop), t => t.Expires, Renewed<DoorToken>.TwoThirds, clock, renewal);
        _expected = new(_token);
    }

    /// <summary>Gets the token before anybody asks. Throws what the issuer throws.</summary>
    public async Task PrimeAsync(CancellationToken cancellationToken) => await _current.UseAsync(_ => true, cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public void Dispose() => _current.Dispose();

    /// <summary>The child's variables.</summary>
    internal IEnumerable<KeyValuePair<string, string>> Variables() => [new("COFFER_TOKEN", _token)];

    /// <summary>Puts the short-lived token in the place of this run's text. False where there is none to be had: the answer is written then.</summary>
    internal ValueTask<bool> ReplaceAsync(HttpContext context)
    {
        string given = context.Request.Headers.Authorization.ToString();
        return given.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase) && _expected.Is(given[Bearer.Length..]) ? PutAsync(context) : ValueTask.FromResult(true);
    }

    /// <summary>Makes the request this workload's. False where there is no token to be had: the answer is written then.</summary>
    internal async ValueTask<bool> PutAsync(HttpContext context)
    {
        string? header = await DoorAnswer.GetAsync(
            context,
            stop => _current.UseAsync(t => Bearer + Encoding.ASCII.GetString(t.Value), stop),
            (status, message) => RefuseAsync(context, status, status == StatusCodes.Status403Forbidden ? "access_denied" : "unavailable", message)).ConfigureAwait(false);
        if (header is not null)
        {
            context.Request.Headers.Authorization = header;
        }

        return header is not null;
    }

    /// <summary>An error in the shape of Coffer's own API.</summary>
    internal static Task RefuseAsync(HttpContext context, int status, string code, string title) => DoorAnswer.WriteAsync(
        context,
        status,
        DoorAnswer.Object(writer =>
        {
            writer.WriteString("type"u8, "urn:coffer:error:" + code);
            writer.WriteString("title"u8, title);
            writer.WriteNumber("status"u8, status);
            writer.WriteString("code"u8, code);
        }),
        "application/problem+json");
}
