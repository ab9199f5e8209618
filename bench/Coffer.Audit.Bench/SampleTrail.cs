using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using Coffer.Core.Audit;

namespace Coffer.Audit.Bench;

/// <summary>
/// A trail as a year of a middling company leaves it, the same every time. Principal k asks in proportion to 1/(k+1); each
/// uses twenty secrets; of fifty requests one is a write and one is refused.
/// </summary>
internal sealed class SampleTrail(string folder, long records)
{
    public const string Rare = "seldom";

    private const int Principals = 1000, Secrets = 10_000, Vaults = 50, Batch = 5000;
    private const long FirstTime = 1_700_000_000_000_000, Apart = 3_000_000;

    private readonly double[] _shares = Shares();

    public static string Principal(int number) => string.Create(CultureInfo.InvariantCulture, $"workload-{number:D4}");

    public static string Vault(int secret) => string.Create(CultureInfo.InvariantCulture, $"vault-{secret % Vaults:D2}");

    public static string Name(int secret) => string.Create(CultureInfo.InvariantCulture, $"team-{secret / Vaults % 20}/service-{secret / 1000}/credential-{secret:D5}");

    public static string Path(int secret) => $"{Vault(secret)}/{Name(secret)}";

    public static string Request(long number) => new Guid(SHA256.HashData(BitConverter.GetBytes(number)).AsSpan(0, 16)).ToString();

    public static long Bytes(string folder) => new DirectoryInfo(folder).EnumerateFiles("trail-*.jsonl").Sum(static f => f.Length);

    public long Time(long number) => FirstTime + (number * Apart);

    /// <summary>Tells the kernel that the files' pages are not needed; like dropping the page cache, but of this folder alone.</summary>
    public static void ForgetPages(string folder)
    {
        foreach (string file in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
        {
            using Process dd = Process.Start(new ProcessStartInfo("dd", [$"if={file}", "iflag=nocache", "count=0", "status=none"]))!;
            dd.WaitForExit();
        }
    }

    /// <summary>False where there is a trail already.</summary>
    public async Task<bool> WriteAsync()
    {
        if (Directory.Exists(folder))
        {
            return false;
        }

        await using AuditTrail trail = await AuditTrail.OpenAsync(new() { Directory = folder, Signer = new Signer(), Clock = TimeProvider.System, PendingBytes = 128 * 1024 * 1024 });
        ulong state = 88172645463325252;
        Queue<Task> waiting = [];
        for (long number = 1; number <= records;)
        {
            List<AuditRecord> batch = [];
            for (; batch.Count < Batch && number <= records; number++)
            {
                batch.Add(Make(number, ref state));
            }

            waiting.Enqueue(trail.AppendBatchAsync(batch).AsTask());
            if (waiting.Count > 4)
            {
                await waiting.Dequeue();
            }
        }

        await Task.WhenAll(waiting);
        return true;
    }

    private AuditRecord Make(long number, ref ulong state)
    {
        int principal = Array.BinarySearch(_shares, (Next(ref state) >> 11) / (double)(1UL << 53));
        principal = int.Min(Principals - 1, principal < 0 ? ~principal : principal);
        int kind = (int)(Next(ref state) % 50), secret = (int)(((ulong)principal * 7919 + (Next(ref state) % 20 * 104_729)) % Secrets);
        bool rare = number % (records / 10) == records / 20, write = kind == 0, refused = kind == 1;
        return new()
        {
            Id = Guid.CreateVersion7(DateTimeOffset.UnixEpoch.AddMicroseconds(Time(number))),
            Time = Time(number),
            Dialect = "aws",
            WireOperation = write ? "PutSecretValue" : "GetSecretValue",
            Action = write ? "AddVersion" : "ReadValue",
            Principal = rare ? Rare : Principal(principal),
            PrincipalId = new(principal, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10),
            Credential = string.Create(CultureInfo.InvariantCulture, $"AKIACOFFER{principal:D10}"),
            Vault = Vault(secret),
            Name = Name(secret),
            Version = string.Create(CultureInfo.InvariantCulture, $"{1 + (number * 4 / records)}"),
            Decision = refused ? AuditDecision.Deny : AuditDecision.Allow,
            Reason = refused ? "no policy allows it" : string.Create(CultureInfo.InvariantCulture, $"grant g-{principal % 200:D8} allows reader on {Vault(secret)}/*"),
            Address = string.Create(CultureInfo.InvariantCulture, $"10.{principal % 8}.{principal / 250}.{principal % 250}"),
            UserAgent = "aws-sdk-go-v2/1.30 os/linux lang/go#1.23 md/GOARCH#amd64",
            RequestId = Request(number),
        };
    }

    private static double[] Shares()
    {
        double[] shares = new double[Principals];
        double sum = 0;
        for (int i = 0; i < Principals; i++)
        {
            shares[i] = sum += 1.0 / (i + 1);
        }

        return [.. shares.Select(s => s / sum)];
    }

    private static ulong Next(ref ulong state)
    {
        state ^= state << 13;
        state ^= state >> 7;
        return state ^= state << 17;
    }

    /// <summary>One HMAC key for everything: nothing here is kept.</summary>
    private sealed class Signer : IAuditSigner
    {
        private static readonly byte[] Key = SHA256.HashData("bench"u8);

        public string KeyId => "bench";

        public byte[] Sign(ReadOnlySpan<byte> data) => HMACSHA256.HashData(Key, data);

        public bool Verify(string keyId, ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature) => CryptographicOperations.FixedTimeEquals(Sign(data), signature);

        public void Mac(ReadOnlySpan<byte> data, Span<byte> mac) => HMACSHA256.HashData(Key, data, mac);

        public bool VerifyMac(string keyId, ReadOnlySpan<byte> data, ReadOnlySpan<byte> mac) => Verify(keyId, data, mac);
    }
}
