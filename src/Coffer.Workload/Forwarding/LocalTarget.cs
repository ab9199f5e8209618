using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Coffer.Workload.Forwarding;

/// <summary>
/// What must not be passed on over the server's local socket. The server believes the kernel there on who is at the other end, and that is not the
/// program but what passes on for it: where no token is shown, and always where it is asked to unseal. What is passed on is never this process's own,
/// however the path is spelt.
/// </summary>
internal static class LocalTarget
{
    // Each round takes one layer of percent-encoding off; more layers than these are nobody's honest spelling.
    private const int MostLayers = 8;

    /// <summary>Null where a request may be passed on.</summary>
    public static (int Status, string Code, string Message)? Refuse(HttpContext context)
    {
        string target = context.Features.Get<IHttpRequestFeature>()!.RawTarget;
        if (!target.StartsWith('/'))
        {
            return (StatusCodes.Status400BadRequest, "invalid_request", "the target must be a path");
        }

        return Words(target) is not { } words ? (StatusCodes.Status400BadRequest, "invalid_request", "the path is encoded too often")
            : Unseals(words) ? (StatusCodes.Status403Forbidden, "access_denied", "unsealing is for who stands at the server's own socket")
            : string.IsNullOrWhiteSpace(context.Request.Headers.Authorization) && Contains(words, "coffer") ? (StatusCodes.Status401Unauthorized, "unauthenticated", "this API asks for a token")
            : null;
    }

    /// <summary>The parts of the path, whatever they are separated by and however often they are encoded. The query goes first: an encoded question mark is part of the path.</summary>
    private static string[]? Words(string target)
    {
        string path = target.Split('?', 2)[0];
        for (int layer = 0; layer < MostLayers; layer++)
        {
            string plain = Uri.UnescapeDataString(path);
            if (plain == path)
            {
                return path.Split(['/', '\\'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            }

            path = plain;
        }

        return null;
    }

    private static bool Unseals(string[] words)
    {
        // Where it leads through dot segments is not followed: nobody's honest spelling has them, and two readers could disagree.
        if (words.Contains(".."))
        {
            return Contains(words, "coffer") && Contains(words, "unseal");
        }

        string[] path = [.. words.Where(w => w != ".")];
        return Enumerable.Range(0, path.Length).Any(i => path[i..] is [var coffer, _, var sys, var unseal, ..] && Is(coffer, "coffer") && Is(sys, "sys") && Is(unseal, "unseal"));
    }

    private static bool Contains(string[] words, string word) => words.Any(w => Is(w, word));

    private static bool Is(string given, string word) => string.Equals(given, word, StringComparison.OrdinalIgnoreCase);
}
