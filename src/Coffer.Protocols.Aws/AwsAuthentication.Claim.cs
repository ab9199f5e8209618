using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Coffer.Protocols.Aws;

/// <summary>What a request says about its signature: well formed, in its time and of the right scope, and nothing proven yet.</summary>
internal readonly record struct AwsClaim
{
    public required string AccessKeyId { get; init; }

    /// <summary>Date, region, service and terminator as sent, with their slashes.</summary>
    public required ReadOnlyMemory<char> Scope { get; init; }

    public required string Region { get; init; }

    public required string Service { get; init; }

    /// <summary>The request's time in ISO 8601 basic form: what was signed.</summary>
    public required string Time { get; init; }

    /// <summary>Its day, as the number yyyymmdd.</summary>
    public required int Day { get; init; }

    public required ReadOnlyMemory<char> SignedHeaders { get; init; }

    public required ReadOnlyMemory<char> Signature { get; init; }

    public required string? SessionToken { get; init; }

    /// <summary>Whether it came in the query.</summary>
    public required bool Presigned { get; init; }

    public override string ToString() => "***";
}

internal sealed partial class AwsAuthentication
{
    private const string ContentHashHeader = "x-amz-content-sha256";
    private const string DateHeader = "x-amz-date";
    private const string TokenHeader = "x-amz-security-token";
    private const string TargetHeader = "x-amz-target";
    private const string Algorithm = "AWS4-HMAC-SHA256";
    private const string TimeFormat = "yyyyMMdd'T'HHmmss'Z'";
    private const int MaxAuthorization = 8 * 1024;
    private const int MaxSignedHeaders = 100;

    private static readonly AwsError SignatureDiffers = Invalid(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.");

    /// <summary>What was sent, before anything of it is judged. Absent parts are null.</summary>
    private struct Sent
    {
        public string Algorithm;
        public ReadOnlyMemory<char>? Credential;
        public ReadOnlyMemory<char>? SignedHeaders;
        public ReadOnlyMemory<char>? Signature;
        public string? Time;
        public string? SessionToken;
        public bool Malformed;
        public string? DateHeader;
        public TimeSpan? Life;
    }

    /// <summary>Reads the claim, or answers the first thing wrong with it in AWS's own order.</summary>
    internal static AwsError? Read(HttpContext context, AwsExchange exchange, DateTimeOffset now, out AwsClaim claim)
    {
        claim = default;
        HttpRequest request = context.Request;
        StringValues header = request.Headers.Authorization;
        bool presigned = request.QueryString.HasValue && request.Query.ContainsKey("X-Amz-Algorithm");
        if (presigned && header.Count > 0)
        {
            return Invalid("Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.");
        }

        // A query signature lives long and can be replayed: it proves who one is to STS, and reads no secret.
        if (header.Count == 0 && (!presigned || exchange.Shape != AwsShape.Query))
        {
            return new(400, "MissingAuthenticationTokenException", "Missing Authentication Token");
        }

        Sent sent = presigned ? FromQuery(request.Query) : FromHeaders(request.Headers, header);
        return (presigned ? MissingInQuery(request.Query) : MissingInHeader(sent, header))
            ?? (sent.Malformed ? Incomplete($"Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with Base64): '{Hash(header)}'.") : null)
            ?? Timely(ref sent, now, out DateTimeOffset time)
            ?? Signed(sent, exchange, presigned)
            ?? Scoped(sent, exchange, time, presigned, out claim);
    }

    private static Sent FromHeaders(IHeaderDictionary headers, StringValues authorization)
    {
        Sent sent = new()
        {
            Algorithm = "",
            SessionToken = headers[TokenHeader] is { Count: > 0 } token ? token.ToString() : null,
        };
        (sent.DateHeader, StringValues time) = headers[DateHeader] is { Count: > 0 } own ? (DateHeader, own) : ("date", headers.Date);
        sent.Time = time.Count == 0 ? null : time.ToString();
        if (authorization.Count != 1 || authorization[0] is not { Length: <= MaxAuthorization } text)
        {
            sent.Malformed = true;
            return sent;
        }

        ReadOnlyMemory<char> rest = text.AsMemory().Trim(' ');
        int space = rest.Span.IndexOf(' ');
        sent.Algorithm = (space < 0 ? rest : rest[..space]).ToString();
        rest = space < 0 ? default : rest[space..];
        while (!rest.IsEmpty)
        {
            int end = rest.Span.IndexOfAny(',', ' ');
            ReadOnlyMemory<char> part = end < 0 ? rest : rest[..end];
            rest = end < 0 ? default : rest[(end + 1)..];
            if (!part.IsEmpty)
            {
                Place(ref sent, part);
            }
        }

        return sent;
    }

    private static void Place(ref Sent sent, ReadOnlyMemory<char> part)
    {
        int equals = part.Span.IndexOf('=');
        if (equals < 0)
        {
            sent.Malformed = true;
            return;
        }

        ReadOnlyMemory<char> value = part[(equals + 1)..];
        switch (part.Span[..equals])
        {
            case "Credential": Once(ref sent, ref sent.Credential, value); break;
            case "SignedHeaders": Once(ref sent, ref sent.SignedHeaders, value); break;
            case "Signature": Once(ref sent, ref sent.Signature, value); break;
            default: break;
        }
    }

    private static void Once(ref Sent sent, ref ReadOnlyMemory<char>? place, ReadOnlyMemory<char> value)
    {
        sent.Malformed |= place is not null;
        place = value;
    }

    private static Sent FromQuery(IQueryCollection query) => new()
    {
        Algorithm = query["X-Amz-Algorithm"].ToString(),
        Credential = Single(query["X-Amz-Credential"])?.AsMemory(),
        SignedHeaders = Single(query["X-Amz-SignedHeaders"])?.AsMemory(),
        Signature = Single(query["X-Amz-Signature"])?.AsMemory(),
        Time = Single(query["X-Amz-Date"]),
        SessionToken = query["X-Amz-Security-Token"] is { Count: > 0 } token ? token.ToString() : null,
        Life = int.TryParse(Single(query["X-Amz-Expires"]), NumberStyles.None, CultureInfo.InvariantCulture, out int seconds) && seconds is >= 1 and <= 604_800
            ? TimeSpan.FromSeconds(seconds)
            : null,
    };

    private static string? Single(StringValues values) => values is [{ Length: > 0 } only] ? only : null;

    private static AwsError? MissingInHeader(in Sent sent, StringValues header)
    {
        bool credential = sent.Credential is { IsEmpty: false }, signature = sent.Signature is { IsEmpty: false }, signed = sent.SignedHeaders is { IsEmpty: false };
        if (credential && signature && signed && sent.Time is not null)
        {
            return null;
        }

        StringBuilder text = new();
        Append(text, credential, "Authorization header requires 'Credential' parameter. ");
        Append(text, signature, "Authorization header requires 'Signature' parameter. ");
        Append(text, signed, "Authorization header requires 'SignedHeaders' parameter. ");
        Append(text, sent.Time is not null, "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ");
        return Incomplete(text.Append("(Hashed with SHA-256 and encoded with Base64) Authorization=").Append(Hash(header)).ToString());
    }

    private static AwsError? MissingInQuery(IQueryCollection query)
    {
        StringBuilder text = new();
        foreach (string name in (ReadOnlySpan<string>)["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date", "X-Amz-Expires"])
        {
            Append(text, Single(query[name]) is not null, $"AWS query-string parameters must include '{name}'. ");
        }

        return text.Length == 0 ? null : Incomplete(text.Append("Re-examine the query-string parameters.").ToString());
    }

    private static void Append(StringBuilder text, bool present, string complaint) => text.Append(present ? "" : complaint);

    private static AwsError? Timely(ref Sent sent, DateTimeOffset now, out DateTimeOffset time)
    {
        const DateTimeStyles utc = DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal;
        if (!DateTimeOffset.TryParseExact(sent.Time, TimeFormat, CultureInfo.InvariantCulture, utc, out time))
        {
            // A Date header may be in its own format; what is signed is the basic form all the same.
            if (sent.DateHeader != "date" || !DateTimeOffset.TryParseExact(sent.Time, "r", CultureInfo.InvariantCulture, utc, out time))
            {
                return Incomplete($"Date must be in ISO-8601 'basic format'. Got '{Shown(sent.Time)}'. See http://en.wikipedia.org/wiki/ISO_8601");
            }

            sent.Time = Basic(time);
        }

        TimeSpan age = now - time;
        TimeSpan life = sent.DateHeader is null ? (sent.Life is { } claimed && claimed < MaxPresigned ? claimed : MaxPresigned) : Window;
        if (age > life)
        {
            string minutes = life.TotalMinutes.ToString("0.##", CultureInfo.InvariantCulture);
            return Invalid($"Signature expired: {sent.Time} is now earlier than {Basic(now - life)} ({Basic(now)} - {minutes} min.)");
        }

        return -age > Window
            ? Invalid($"Signature not yet current: {sent.Time} is still later than {Basic(now + Window)} ({Basic(now)} + 5 min.)")
            : null;
    }

    /// <summary>Everything that says what the request means must be under the signature.</summary>
    private static AwsError? Signed(in Sent sent, AwsExchange exchange, bool presigned)
    {
        ReadOnlySpan<char> names = sent.SignedHeaders!.Value.Span;
        if (!Lists(names, "host"))
        {
            return Invalid("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.");
        }

        if (names.Count(';') >= MaxSignedHeaders)
        {
            return Invalid("The AWS Authorization lists too many 'SignedHeaders'.");
        }

        if (!presigned && !Lists(names, sent.DateHeader))
        {
            return Invalid($"'{(sent.DateHeader == DateHeader ? "X-Amz-Date" : "Date")}' must be a 'SignedHeader' in the AWS Authorization.");
        }

        if (exchange.Shape == AwsShape.Json && !Lists(names, TargetHeader))
        {
            return Invalid("'X-Amz-Target' must be a 'SignedHeader' in the AWS Authorization.");
        }

        return !presigned && sent.SessionToken is not null && !Lists(names, TokenHeader)
            ? Invalid("'X-Amz-Security-Token' must be a 'SignedHeader' in the AWS Authorization.")
            : null;
    }

    private static AwsError? Scoped(in Sent sent, AwsExchange exchange, DateTimeOffset time, bool presigned, out AwsClaim claim)
    {
        claim = default;
        if (sent.Algorithm != Algorithm)
        {
            return Incomplete($"Unsupported AWS 'algorithm': '{Shown(sent.Algorithm)}'.");
        }

        ReadOnlyMemory<char> credential = sent.Credential!.Value;
        Span<Range> parts = stackalloc Range[6];
        if (credential.Span.Split(parts, '/') != 5)
        {
            return Incomplete($"Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '{Shown(credential.Span)}'");
        }

        ReadOnlySpan<char> date = credential.Span[parts[1]], region = credential.Span[parts[2]], service = credential.Span[parts[3]], term = credential.Span[parts[4]];
        // Two services speak the query protocol; which one is meant is in the scope, and must be what the form asks for.
        exchange.Service = exchange.Shape != AwsShape.Query ? AwsExchange.SecretsManager : service.SequenceEqual(AwsExchange.Iam) ? AwsExchange.Iam : AwsExchange.Sts;
        string expected = exchange.Service;
        StringBuilder? wrong = null;
        if (!AwsNames.IsRegion(region))
        {
            (wrong ??= new()).Append(CultureInfo.InvariantCulture, $"Credential should be scoped to a valid region, not '{Shown(region)}'. ");
        }

        if (!service.SequenceEqual(expected))
        {
            (wrong ??= new()).Append(CultureInfo.InvariantCulture, $"Credential should be scoped to correct service: '{expected}'. ");
        }

        if (!term.SequenceEqual("aws4_request"))
        {
            (wrong ??= new()).Append(CultureInfo.InvariantCulture, $"Credential should be scoped with a valid terminator: 'aws4_request', not '{Shown(term)}'. ");
        }

        if (!date.SequenceEqual(sent.Time.AsSpan(0, 8)))
        {
            (wrong ??= new()).Append(CultureInfo.InvariantCulture, $"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{Shown(date)}' != '{sent.Time.AsSpan(0, 8)}', from '{sent.Time}'. ");
        }

        if (wrong is not null)
        {
            return Invalid(wrong.ToString().TrimEnd());
        }

        claim = new()
        {
            AccessKeyId = credential.Span[parts[0]].ToString(),
            Scope = credential[(parts[0].End.Value + 1)..],
            Region = region.ToString(),
            Service = expected,
            Time = sent.Time!,
            Day = (time.Year * 10_000) + (time.Month * 100) + time.Day,
            SignedHeaders = sent.SignedHeaders!.Value,
            Signature = sent.Signature!.Value,
            SessionToken = sent.SessionToken,
            Presigned = presigned,
        };
        return null;
    }

    private static bool Lists(ReadOnlySpan<char> names, ReadOnlySpan<char> name)
    {
        foreach (Range range in names.Split(';'))
        {
            if (names[range].SequenceEqual(name))
            {
                return true;
            }
        }

        return false;
    }

    private static AwsError Invalid(string message) => new(400, "InvalidSignatureException", message);

    private static AwsError Incomplete(string message) => new(400, "IncompleteSignatureException", message);

    private static string Basic(DateTimeOffset time) => time.UtcDateTime.ToString(TimeFormat, CultureInfo.InvariantCulture);

    /// <summary>A header that may hold anything is never repeated; its hash tells a client which one it was.</summary>
    private static string Hash(StringValues header) => Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(header.ToString())));

    /// <summary>Short, printable texts are repeated as sent, others not at all.</summary>
    private static string Shown(ReadOnlySpan<char> text) =>
        text.Length <= 96 && !text.ContainsAnyExceptInRange(' ', '~') && !text.ContainsAny('\'', '"') ? text.ToString() : "...";
}
