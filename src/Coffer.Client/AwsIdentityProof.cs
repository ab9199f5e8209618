using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Coffer.Contracts;

namespace Coffer.Client;

/// <summary>
/// A proof of an AWS identity: a GetCallerIdentity (Signature Version 4) that is signed here and sent by the server, to the endpoint of its
/// trust. The secret key never leaves this process; the signature is good for one login, at one server, for minutes.
/// </summary>
public static class AwsIdentityProof
{
    private const string Body = "Action=GetCallerIdentity&Version=2011-06-15", Algorithm = "AWS4-HMAC-SHA256";

    /// <summary>Signs one. Throws <see cref="ArgumentException"/> where the endpoint is no https address without a path.</summary>
    /// <param name="accessKeyId">The access key, <c>AKIA…</c> or <c>ASIA…</c>.</param>
    /// <param name="secretAccessKey">Its secret.</param>
    /// <param name="sessionToken">Its session token where it is a temporary one, else null.</param>
    /// <param name="endpoint">The endpoint of the trust, such as <c>https://sts.eu-central-1.amazonaws.com</c>.</param>
    /// <param name="region">Its region; <c>us-east-1</c> for <c>https://sts.amazonaws.com</c>.</param>
    /// <param name="audience">One of the trust's audiences.</param>
    /// <param name="clock">The clock; the server allows 15 minutes behind and 5 ahead.</param>
    public static SignedRequest Sign(string accessKeyId, SecretText secretAccessKey, SecretText? sessionToken, Uri endpoint, string region, string audience, TimeProvider clock)
    {
        if (endpoint is not { IsAbsoluteUri: true, Scheme: "https", AbsolutePath: "/", Query: "", UserInfo: "" })
        {
            throw new ArgumentException("the endpoint is an https address without a path");
        }

        string time = clock.GetUtcNow().ToString("yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture);
        SortedDictionary<string, string> headers = new(StringComparer.Ordinal)
        {
            ["content-type"] = "application/x-www-form-urlencoded; charset=utf-8",
            ["host"] = endpoint.Authority,
            ["x-amz-date"] = time,
            ["x-coffer-audience"] = audience,
            // Two logins within a second are two signatures: a signature is taken once.
            ["x-coffer-nonce"] = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)),
        };
        if (sessionToken is not null)
        {
            headers["x-amz-security-token"] = sessionToken.Reveal();
        }

        string names = string.Join(';', headers.Keys), scope = $"{time[..8]}/{region}/sts/aws4_request";
        string canonical = $"POST\n/\n\n{string.Concat(headers.Select(h => $"{h.Key}:{h.Value}\n"))}\n{names}\n{Hash(Body)}";
        string signature = Signature(secretAccessKey, scope, $"{Algorithm}\n{time}\n{scope}\n{Hash(canonical)}");
        headers["authorization"] = $"{Algorithm} Credential={accessKeyId}/{scope}, SignedHeaders={names}, Signature={signature}";
        return new() { Method = "POST", Url = endpoint.GetLeftPart(UriPartial.Authority) + "/", Headers = headers, Body = Body };
    }

    private static string Signature(SecretText secret, string scope, string text)
    {
        byte[] key = [.. "AWS4"u8, .. secret.Utf8];
        foreach (string part in scope.Split('/'))
        {
            byte[] next = HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(part));
            CryptographicOperations.ZeroMemory(key);
            key = next;
        }

        string signature = Convert.ToHexStringLower(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(text)));
        CryptographicOperations.ZeroMemory(key);
        return signature;
    }

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
