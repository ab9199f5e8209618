using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Coffer.Trusts.Tests.Support;

/// <summary>
/// Answers GetCallerIdentity like AWS: recomputes the signature from what arrived, so that a header lost or changed on the way, or
/// a host that was not signed, is refused there.
/// </summary>
internal sealed class StubSts(string secret, string arn)
{
    public const string Account = "123456789012";

    public static string Xml(string arn, string account = Account, string user = "AROAEXAMPLE:i-0abc") => $"""
        <GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
          <GetCallerIdentityResult>
            <Arn>{arn}</Arn>
            <UserId>{user}</UserId>
            <Account>{account}</Account>
          </GetCallerIdentityResult>
          <ResponseMetadata>
            <RequestId>01234567-89ab-cdef-0123-456789abcdef</RequestId>
          </ResponseMetadata>
        </GetCallerIdentityResponse>
        """;

    public StubAnswer Answer(StubRequest request) => IsSigned(request) ? new(200, Xml(arn), "text/xml") : new(403, "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code></Error></ErrorResponse>", "text/xml");

    public bool IsSigned(StubRequest request)
    {
        string[] target = request.Path.Split('?', 2);
        string query = target.Length > 1 ? target[1] : "";
        Dictionary<string, string> fields = new(StringComparer.Ordinal);
        bool presigned = query.Length > 0;
        if (presigned)
        {
            foreach (string[] pair in query.Split('&').Select(p => p.Split('=')))
            {
                fields[pair[0].Replace("X-Amz-", "", StringComparison.Ordinal)] = Uri.UnescapeDataString(pair[1]);
            }
        }
        else if (request.Header("Authorization") is { } authorization)
        {
            foreach (string[] pair in authorization["AWS4-HMAC-SHA256 ".Length..].Split(", ").Select(p => p.Split('=', 2)))
            {
                fields[pair[0]] = pair[1];
            }

            fields["Date"] = request.Header("X-Amz-Date")!;
        }
        else
        {
            return false;
        }

        string canonicalQuery = string.Join('&', query.Split('&').Where(p => !p.StartsWith("X-Amz-Signature=", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
        string headers = string.Concat(fields["SignedHeaders"].Split(';').Select(n => $"{n}:{request.Header(n)}\n"));
        string scope = string.Join('/', fields["Credential"].Split('/')[1..]);
        string canonical = $"{request.Method}\n/\n{canonicalQuery}\n{headers}\n{fields["SignedHeaders"]}\n{Hash(request.Body)}";
        byte[] key = Encoding.UTF8.GetBytes("AWS4" + secret);
        foreach (string part in scope.Split('/'))
        {
            key = HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(part));
        }

        string text = string.Create(CultureInfo.InvariantCulture, $"AWS4-HMAC-SHA256\n{fields["Date"]}\n{scope}\n{Hash(canonical)}");
        return Convert.ToHexStringLower(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(text))) == fields["Signature"];
    }

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
