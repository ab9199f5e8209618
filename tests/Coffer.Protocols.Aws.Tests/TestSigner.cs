using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Coffer.Protocols.Aws.Tests;

/// <summary>Signs requests the plain way, with strings. Its own correctness rests on the vectors: what it signs, the verifier they confirm accepts.</summary>
public static class TestSigner
{
    public static TestRequest Sign(TestRequest request, TestKey key, DateTimeOffset time, string region = AwsTestServer.Region, string? service = null, string? names = null)
    {
        string stamp = request.Header("X-Amz-Date") ?? time.UtcDateTime.ToString("yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture);
        if (request.Header("X-Amz-Date") is null)
        {
            request = request.With("X-Amz-Date", stamp);
        }

        if (key.Token is not null && request.Header("X-Amz-Security-Token") is null)
        {
            request = request.With("X-Amz-Security-Token", key.Token);
        }

        service ??= request.Header("X-Amz-Target") is null ? "sts" : "secretsmanager";
        names ??= string.Join(';', request.Headers.Select(h => h.Name.ToLowerInvariant()).Append("host").Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal));
        string scope = $"{stamp[..8]}/{region}/{service}/aws4_request";
        string signature = Signature(Canonical(request, names), scope, stamp, key.Secret);
        return request.With("Authorization", $"AWS4-HMAC-SHA256 Credential={key.Id}/{scope}, SignedHeaders={names}, Signature={signature}");
    }

    /// <summary>Puts the signature into the query of a GET.</summary>
    public static TestRequest Presign(TestRequest request, TestKey key, DateTimeOffset time, int seconds, string service = "sts")
    {
        string stamp = time.UtcDateTime.ToString("yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture);
        string scope = $"{stamp[..8]}/{AwsTestServer.Region}/{service}/aws4_request";
        string query = $"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={Uri.EscapeDataString($"{key.Id}/{scope}")}&X-Amz-Date={stamp}&X-Amz-Expires={seconds}"
            + (key.Token is null ? "" : "&X-Amz-Security-Token=" + Uri.EscapeDataString(key.Token)) + "&X-Amz-SignedHeaders=host";
        request = request with { Target = request.Target + (request.Target.Contains('?', StringComparison.Ordinal) ? "&" : "?") + query };
        return request with { Target = $"{request.Target}&X-Amz-Signature={Signature(Canonical(request, "host"), scope, stamp, key.Secret)}" };
    }

    private static string Canonical(TestRequest request, string names)
    {
        string[] parts = request.Target.Split('?', 2);
        string path = string.Join('/', parts[0].Split('/').Select(Uri.EscapeDataString));
        IEnumerable<string> query = parts.Length == 1 || parts[1].Length == 0 ? [] : parts[1].Split('&').Order(StringComparer.Ordinal);
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"{request.Method}\n{path}\n{string.Join('&', query)}\n");
        foreach (string name in names.Split(';'))
        {
            IEnumerable<string> values = name == "host" ? [request.Host] : request.Headers.Where(h => h.Name.Equals(name, StringComparison.OrdinalIgnoreCase)).Select(h => h.Value);
            text.Append(CultureInfo.InvariantCulture, $"{name}:{string.Join(',', values.Select(v => string.Join(' ', v.Split(' ', StringSplitOptions.RemoveEmptyEntries))))}\n");
        }

        return text.Append(CultureInfo.InvariantCulture, $"\n{names}\n{Hex(SHA256.HashData(request.Body))}").ToString();
    }

    private static string Signature(string canonical, string scope, string stamp, string secret)
    {
        byte[] key = Encoding.UTF8.GetBytes("AWS4" + secret);
        foreach (string part in scope.Split('/'))
        {
            key = HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(part));
        }

        return Hex(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes($"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{Hex(SHA256.HashData(Encoding.UTF8.GetBytes(canonical)))}")));
    }

    private static string Hex(byte[] bytes) => Convert.ToHexStringLower(bytes);
}
