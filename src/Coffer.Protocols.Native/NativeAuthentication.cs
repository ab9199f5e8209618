using Coffer.Core.Access;
using Coffer.Core.Errors;
using Microsoft.AspNetCore.Http;

namespace Coffer.Protocols.Native;

/// <summary>
/// Who calls: the token in the Authorization header, else the user at the other end of the local socket. A token that is
/// given and wrong is refused; the socket does not stand in for it.
/// </summary>
internal sealed class NativeAuthentication(DialectOptions options)
{
    private const string Scheme = "Bearer ";
    private const int LongestToken = 8192;

    /// <summary>
    /// Browsers send these headers and cannot leave them out. No web page has business with this API, whoever's cookie,
    /// socket or network it could use.
    /// </summary>
    public static void RefuseWebPages(HttpContext context)
    {
        IHeaderDictionary headers = context.Request.Headers;
        if (headers.Origin.Count > 0 || (headers.TryGetValue("Sec-Fetch-Site", out Microsoft.Extensions.Primitives.StringValues site) && site.Any(s => s is not "none")))
        {
            throw Error.AccessDenied("call this API", "server", "requests of web pages are refused");
        }
    }

    /// <summary>Proves the caller and counts the request, or throws Unauthenticated, CredentialExpired, Throttled or Sealed.</summary>
    public async ValueTask ProveAsync(NativeCall call)
    {
        HttpContext context = call.Context;
        CredentialService credentials = options.Core.Credentials;
        Microsoft.Extensions.Primitives.StringValues header = context.Request.Headers.Authorization;
        Identity? identity = null;
        ProofFailure failure = ProofFailure.Unknown;
        string reason = "no credential";
        if (header.Count > 0)
        {
            reason = "malformed credential";
            if (header is [{ } text] && text.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) && IsToken(text.AsSpan(Scheme.Length)))
            {
                (identity, failure) = await credentials.ProveTokenAsync(text[Scheme.Length..], context.PeerAddress(), context.RequestAborted).ConfigureAwait(false);
                reason = $"token: {failure}";
            }
        }
        else if (context.LocalPeer() is { } peer)
        {
            (identity, failure) = credentials.ProveLocalUser(peer.Uid);
            reason = $"local user: {failure}";
        }

        if (identity is null)
        {
            options.Rates.Failed(context.PeerAddress());
            await credentials.RefusedAsync(NativeDialect.DialectName, call.Route.Id, null, reason, context.PeerAddress(), context.UserAgent(), context.RequestId()).ConfigureAwait(false);
            throw failure == ProofFailure.Expired ? Error.CredentialExpired() : Error.Unauthenticated();
        }

        options.Rates.Admit(identity);
        call.Prove(identity, context.CallerOf(identity, NativeDialect.DialectName, call.Route.Id));
    }

    private static bool IsToken(ReadOnlySpan<char> text) =>
        text.Length is > 8 and <= LongestToken && (text.StartsWith(CredentialService.TokenPrefix, StringComparison.Ordinal) || text.StartsWith(CredentialService.BearerPrefix, StringComparison.Ordinal)) && !text.ContainsAnyExceptInRange('!', '~');
}

/// <summary>
/// How often a seal may be tried over the network: whoever guesses cannot be told from whoever mistypes, so all share one
/// allowance. The local socket is not counted.
/// </summary>
internal sealed class UnsealGate(TimeProvider clock)
{
    private const int Allowance = 10;
    private static readonly TimeSpan Window = TimeSpan.FromMinutes(1);

    private readonly Queue<DateTimeOffset> _tries = new();
    private readonly Lock _gate = new();

    /// <summary>Counts one try, or throws Throttled.</summary>
    public void Take()
    {
        lock (_gate)
        {
            DateTimeOffset now = clock.GetUtcNow();
            while (_tries.TryPeek(out DateTimeOffset oldest) && oldest <= now - Window)
            {
                _tries.Dequeue();
            }

            if (_tries.Count >= Allowance)
            {
                throw Error.Throttled(_tries.Peek() + Window - now);
            }

            _tries.Enqueue(now);
        }
    }
}
