using System.Globalization;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using Coffer.Core;
using Coffer.Core.Access;
using Coffer.Core.Sealing;
using Coffer.Core.Secrets;
using Coffer.Server;

namespace Coffer.Benchmarks;

/// <summary>
/// Whether the time of a refusal tells what is there: a principal without grants asks over TLS, in turns, for a secret that
/// exists and for one that does not, on both wires. Status, headers and length are compared for every pair.
/// </summary>
internal static class ExistenceTimes
{
    private const string There = "team07/secret-one", Gone = "team07/secret-two", Region = "eu-west-1";
    private const int Warming = 300;

    public static async Task RunAsync(int samples)
    {
        string folder = Directory.CreateTempSubdirectory("coffer-existence-").FullName;
        try
        {
            using MemorySeal seal = new();
            await using CofferServer server = await CofferServer.StartAsync(new() { DataDirectory = Path.Combine(folder, "data"), Port = 0, Rates = new() { PerAddress = 0, PerPrincipal = 0 } }, TimeProvider.System, _ => { }, seal, default);
            (string id, string secret, string token) = await FillAsync(server.Core);
            // The bench measures its own server, whose authority is made anew each time.
            using HttpClient client = new(new SocketsHttpHandler { SslOptions = new() { RemoteCertificateValidationCallback = (_, _, _, _) => true } }) { BaseAddress = server.Address };
            Console.WriteLine($"{"wire",-8} {"there µs",10} {"gone µs",10} {"z",7}   (median of {samples} each; |z| below 2 is noise)");
            await CompareAsync("coffer", samples, client, name => Native(name, token));
            await CompareAsync("aws", samples, client, name => Aws(name, server.Address!.Authority, id, secret));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<(string Id, string Secret, string Token)> FillAsync(CofferCore core)
    {
        VaultName vault = VaultName.Parse("shop-dev");
        PrincipalName stranger = PrincipalName.Parse("stranger");
        await core.BootstrapAsync(PrincipalName.Parse("root"), 0, default);
        Caller root = new() { Principal = core.Access.PrincipalsByName[PrincipalName.Parse("root")], Credential = "bench", Dialect = "native", WireOperation = "bench", RequestId = "bench" };
        await core.Admin.CreateVaultAsync(root, vault, new(), default);
        await core.Admin.CreatePrincipalAsync(root, stranger, PrincipalKind.Workload, vault, "", default);
        using SecretValue value = SecretValue.Copy("value"u8);
        await core.Secrets.AddVersionAsync(root, new(vault, SecretName.Parse(There)), new() { Value = value, Kind = ValueKind.Text }, createIfMissing: true, default);
        using IssuedCredential key = await core.Admin.CreateAccessKeyAsync(root, stranger, new(), default);
        using IssuedCredential token = await core.Admin.CreateTokenAsync(root, stranger, new(), default);
        return (key.Credential.PublicId, Encoding.ASCII.GetString(key.Secret.Span), Encoding.ASCII.GetString(token.Secret.Span));
    }

    private static async Task CompareAsync(string wire, int samples, HttpClient client, Func<string, HttpRequestMessage> ask)
    {
        double[] there = new double[samples], gone = new double[samples];
        for (int i = -Warming; i < samples; i++)
        {
            // Who is first changes, so that what the first of a pair pays does not count against one of them.
            bool swap = RandomNumberGenerator.GetInt32(2) == 1;
            (double Time, string Seen) one = await TimeAsync(client, ask(swap ? Gone : There));
            (double Time, string Seen) two = await TimeAsync(client, ask(swap ? There : Gone));
            if (one.Seen != two.Seen)
            {
                throw new InvalidOperationException($"{wire} tells them apart: {one.Seen} and {two.Seen}");
            }

            if (i >= 0)
            {
                (there[i], gone[i]) = swap ? (two.Time, one.Time) : (one.Time, two.Time);
            }
        }

        double z = RankSum(there, gone);
        Array.Sort(there);
        Array.Sort(gone);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{wire,-8} {there[samples / 2],10:F1} {gone[samples / 2],10:F1} {z,7:F2}"));
    }

    private static async Task<(double Time, string Seen)> TimeAsync(HttpClient client, HttpRequestMessage request)
    {
        using HttpRequestMessage sent = request;
        long begin = TimeProvider.System.GetTimestamp();
        using HttpResponseMessage response = await client.SendAsync(sent);
        byte[] body = await response.Content.ReadAsByteArrayAsync();
        double time = TimeProvider.System.GetElapsedTime(begin).TotalMicroseconds;
        return (time, $"{(int)response.StatusCode} {string.Join(',', response.Headers.Select(h => h.Key).Order(StringComparer.Ordinal))} {body.Length}");
    }

    /// <summary>Mann and Whitney's statistic as a normal deviate: no assumption about how times are spread.</summary>
    private static double RankSum(double[] a, double[] b)
    {
        double rank = 0, sum = 0;
        foreach ((double _, bool first) in a.Select(t => (Time: t, First: true)).Concat(b.Select(t => (Time: t, First: false))).OrderBy(t => t.Time))
        {
            rank++;
            sum += first ? rank : 0;
        }

        double n = a.Length, m = b.Length;
        return (sum - (n * (n + m + 1) / 2)) / Math.Sqrt(n * m * (n + m + 1) / 12);
    }

    private static HttpRequestMessage Native(string name, string token)
    {
        HttpRequestMessage request = new(HttpMethod.Get, $"/coffer/v1/vaults/shop-dev/secrets/{Uri.EscapeDataString(name)}/value");
        request.Headers.Authorization = new("Bearer", token);
        return request;
    }

    private static HttpRequestMessage Aws(string name, string host, string id, string secret)
    {
        byte[] body = Encoding.UTF8.GetBytes($$"""{"SecretId":"{{name}}"}""");
        const string target = "secretsmanager.GetSecretValue", names = "host;x-amz-date;x-amz-target";
        string time = TimeProvider.System.GetUtcNow().ToString("yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture), scope = $"{time[..8]}/{Region}/secretsmanager/aws4_request";
        string canonical = $"POST\n/\n\nhost:{host}\nx-amz-date:{time}\nx-amz-target:{target}\n\n{names}\n{Convert.ToHexStringLower(SHA256.HashData(body))}";
        byte[] key = scope.Split('/').Aggregate(Encoding.UTF8.GetBytes("AWS4" + secret), (k, part) => HMACSHA256.HashData(k, Encoding.UTF8.GetBytes(part)));
        string signature = Convert.ToHexStringLower(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes($"AWS4-HMAC-SHA256\n{time}\n{scope}\n{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(canonical)))}")));
        HttpRequestMessage request = new(HttpMethod.Post, "/") { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/x-amz-json-1.1");
        request.Headers.TryAddWithoutValidation("X-Amz-Date", time);
        request.Headers.TryAddWithoutValidation("X-Amz-Target", target);
        request.Headers.TryAddWithoutValidation("Authorization", $"AWS4-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}");
        return request;
    }
}
