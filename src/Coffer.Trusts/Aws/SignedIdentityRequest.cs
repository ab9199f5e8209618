using System.Buffers;
using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Globalization;
using Coffer.Core.Access;

namespace Coffer.Trusts.Aws;

/// <summary>
/// A GetCallerIdentity that a client signed (Signature Version 4), taken apart and found to be that and nothing else. Of where the client
/// says it goes nothing is kept: only its signature, its credential and headers from a fixed list go out, to the trust's own endpoint.
/// </summary>
internal sealed class SignedIdentityRequest
{
    public const string AudienceHeader = "x-coffer-audience";

    /// <summary>The body of the one call that is made, and the beginning of its query where it is presigned.</summary>
    public const string Call = "Action=GetCallerIdentity&Version=2011-06-15";

    /// <summary>How old a signature may be, and how far ahead the client's clock.</summary>
    public static readonly TimeSpan MaxAge = TimeSpan.FromMinutes(15), MaxAhead = TimeSpan.FromMinutes(5);

    private const string Algorithm = "AWS4-HMAC-SHA256";
    private const int MaxHeader = 8192;

    /// <summary>What a client may sign. Any other header could change what the endpoint does or answers.</summary>
    private static readonly FrozenSet<string> Signable = FrozenSet.ToFrozenSet(
        ["host", "content-type", "content-length", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256", "x-amz-user-agent", "amz-sdk-invocation-id", "amz-sdk-request", AudienceHeader, "x-coffer-nonce"],
        StringComparer.Ordinal);

    private static readonly FrozenSet<string> Presigned = FrozenSet.ToFrozenSet(
        ["Action", "Version", "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders", "X-Amz-Signature", "X-Amz-Security-Token"],
        StringComparer.Ordinal);

    private static readonly SearchValues<char> QueryText = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~%=&+");

    private SignedIdentityRequest(bool post, string query, string signature, DateTimeOffset time, ImmutableArray<(string, string)> headers) =>
        (IsPost, Query, Signature, Time, Headers) = (post, query, signature, time, headers);

    public bool IsPost { get; }

    /// <summary>The query as it was signed, or ''.</summary>
    public string Query { get; }

    /// <summary>64 hexadecimal digits in lower case.</summary>
    public string Signature { get; }

    /// <summary>When it was signed, to the second.</summary>
    public DateTimeOffset Time { get; }

    /// <summary>Headers to send, all of them signed but Authorization.</summary>
    public ImmutableArray<(string Name, string Value)> Headers { get; }

    /// <summary>Takes a request apart. Null, and a reason that holds nothing of it, where it is not the call, not signed for us, or not now.</summary>
    /// <param name="proof">As the client sent it.</param>
    /// <param name="authority">Host, and port where it is not 443, of the trust's endpoint.</param>
    /// <param name="audiences">Audiences of which one must be signed.</param>
    /// <param name="now">The time.</param>
    /// <param name="reason">Why not.</param>
    public static SignedIdentityRequest? Parse(TrustProof.SignedRequest proof, string authority, ImmutableArray<string> audiences, DateTimeOffset now, out string reason)
    {
        reason = "not a signed GetCallerIdentity";
        if (Target(proof.Url) is not var (host, path, query) || path is not ("" or "/"))
        {
            return null;
        }

        bool post = proof.Method == "POST";
        Signed? signed = post
            ? query.Length == 0 && proof.Body.Span.SequenceEqual("Action=GetCallerIdentity&Version=2011-06-15"u8) ? Signed.OfHeader(proof.Headers) : null
            : proof.Method == "GET" && proof.Body.IsEmpty ? Signed.OfQuery(query) : null;
        if (signed is null || !IsCredential(signed.Credential, signed.Date) || !IsSignature(signed.Signature))
        {
            return null;
        }

        string[] names = signed.Headers.Split(';');
        if (names.Any(n => !Signable.Contains(n)) || names.Distinct(StringComparer.Ordinal).Count() != names.Length)
        {
            reason = "the request signs a header that is not sent on";
            return null;
        }

        if (!names.Contains("host") || (proof.Headers.ContainsKey("host") ? Header(proof, "host") : host) != authority)
        {
            reason = "the request is signed for another host";
            return null;
        }

        // The audience is signed, so that a request for another service, or another Coffer, cannot be shown here.
        if (!names.Contains(AudienceHeader) || Header(proof, AudienceHeader) is not { } audience || !audiences.Contains(audience, StringComparer.Ordinal))
        {
            reason = "the request is for another audience";
            return null;
        }

        if ((post && !names.Contains("x-amz-date")) || !DateTimeOffset.TryParseExact(signed.Date, "yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset time)
            || now - time > MaxAge || time - now > MaxAhead)
        {
            reason = "the request is too old, or not of this time";
            return null;
        }

        List<(string, string)> headers = [];
        foreach (string name in names)
        {
            // Host and length are those of the call that is made.
            if (name is "host" or "content-length")
            {
                continue;
            }

            if (Header(proof, name) is not { } value)
            {
                reason = "a signed header is missing or malformed";
                return null;
            }

            headers.Add((name, value));
        }

        if (post)
        {
            headers.Add(("authorization", proof.Headers["authorization"]));
        }

        reason = "";
        return new(post, query, signed.Signature, time, [.. headers]);
    }

    /// <summary>Host, path and query of an address, as text; null where it is none. The host is compared and never called.</summary>
    private static (string Host, string Path, string Query)? Target(string url)
    {
        int scheme = url.IndexOf("://", StringComparison.Ordinal);
        if (url.Length > 16 * 1024 || scheme < 0 || url.AsSpan().ContainsAnyExceptInRange('!', '~') || url.AsSpan().ContainsAny('#', '\\'))
        {
            return null;
        }

        string rest = url[(scheme + 3)..];
        int path = rest.AsSpan().IndexOfAny('/', '?');
        if (path < 0)
        {
            return (rest, "", "");
        }

        int query = rest.IndexOf('?', StringComparison.Ordinal);
        return query < 0 ? (rest[..path], rest[path..], "") : (rest[..path], rest[path..query], rest[(query + 1)..]);
    }

    private static string? Header(TrustProof.SignedRequest proof, string name) =>
        proof.Headers.TryGetValue(name, out string? value) && value.Length is > 0 and <= MaxHeader && !value.AsSpan().ContainsAnyExceptInRange(' ', '~') && value[0] != ' ' && value[^1] != ' ' ? value : null;

    /// <summary><c>KEY/DATE/REGION/sts/aws4_request</c> of the same day.</summary>
    private static bool IsCredential(string text, string date) =>
        text.Split('/') is [var key, var day, var region, "sts", "aws4_request"]
        && key.Length is >= 16 and <= 128 && key.All(char.IsAsciiLetterOrDigit) && date.StartsWith(day, StringComparison.Ordinal) && day.Length == 8
        && region.Length is > 0 and <= 32 && region.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-');

    private static bool IsSignature(string text) => text.Length == 64 && text.All(char.IsAsciiHexDigitLower);

    private sealed record Signed(string Credential, string Headers, string Signature, string Date)
    {
        public static Signed? OfHeader(ImmutableSortedDictionary<string, string> headers)
        {
            if (!headers.TryGetValue("authorization", out string? text) || text.Length > 2048 || text.AsSpan().ContainsAnyExceptInRange(' ', '~') || !text.StartsWith(Algorithm + " ", StringComparison.Ordinal)
                || !headers.TryGetValue("x-amz-date", out string? date))
            {
                return null;
            }

            Dictionary<string, string> parts = new(StringComparer.Ordinal);
            foreach (string part in text[(Algorithm.Length + 1)..].Split(','))
            {
                string[] pair = part.Trim(' ').Split('=', 2);
                if (pair.Length != 2 || !parts.TryAdd(pair[0], pair[1]))
                {
                    return null;
                }
            }

            return parts.Count == 3 && parts.TryGetValue("Credential", out string? credential) && parts.TryGetValue("SignedHeaders", out string? signed) && parts.TryGetValue("Signature", out string? signature)
                ? new(credential, signed, signature, date)
                : null;
        }

        public static Signed? OfQuery(string query)
        {
            if (query.AsSpan().ContainsAnyExcept(QueryText))
            {
                return null;
            }

            Dictionary<string, string> values = new(StringComparer.Ordinal);
            foreach (string part in query.Split('&'))
            {
                string[] pair = part.Split('=');
                if (pair.Length != 2 || !Presigned.Contains(pair[0]) || pair[1].Contains('+', StringComparison.Ordinal) || !values.TryAdd(pair[0], Uri.UnescapeDataString(pair[1])))
                {
                    return null;
                }
            }

            string? Value(string name) => values.GetValueOrDefault(name);
            return Value("Action") == "GetCallerIdentity" && Value("Version") == "2011-06-15" && Value("X-Amz-Algorithm") == Algorithm
                && Value("X-Amz-Credential") is { } credential && Value("X-Amz-SignedHeaders") is { } headers && Value("X-Amz-Signature") is { } signature && Value("X-Amz-Date") is { } date
                && int.TryParse(Value("X-Amz-Expires"), NumberStyles.None, CultureInfo.InvariantCulture, out int seconds) && seconds is > 0 and <= 3600
                ? new(credential, headers, signature, date)
                : null;
        }
    }
}
