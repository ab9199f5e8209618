using System.Diagnostics;
using System.Globalization;
using Coffer.Audit.Bench;
using Coffer.Core.Audit;

// dotnet run --project bench/Coffer.Audit.Bench -c Release -- FOLDER [RECORDS]
// Writes a trail of so many records (10,000,000) into the folder where it has none, then measures. 1,000 principals of which
// few ask often, 10,000 secrets in 50 vaults of which each principal uses twenty: see SampleTrail.
string folder = args[0];
long records = args.Length > 1 ? long.Parse(args[1], CultureInfo.InvariantCulture) : 10_000_000;
SampleTrail sample = new(folder, records);
Stopwatch watch = Stopwatch.StartNew();
if (await sample.WriteAsync())
{
    Say($"wrote {records:N0} records in {watch.Elapsed.TotalSeconds:F0} s");
}

Say($"trail: {Directory.GetFiles(folder, "trail-*.jsonl").Length} files, {SampleTrail.Bytes(folder):N0} bytes; load {File.ReadAllText("/proc/loadavg").Split(' ')[0]}");
string index = Path.Combine(folder, "index");
if (Directory.Exists(index))
{
    Directory.Delete(index, recursive: true);
}

AuditReader reader = new(folder, TimeProvider.System);
TimeSpan before = Environment.CpuUsage.TotalTime;
watch.Restart();
AuditIndexReport report = await reader.IndexAsync(rebuild: false);
Say($"built {report.Segments} segments of {report.Records:N0} records: {watch.Elapsed.TotalSeconds:F1} s, {(Environment.CpuUsage.TotalTime - before).TotalSeconds:F1} s of processor time, {report.Bytes:N0} bytes");
GC.Collect();
long memory = GC.GetTotalMemory(forceFullCollection: true);
await reader.KeepUpAsync();
await foreach (AuditEntry _ in reader.QueryAsync(new() { Principal = "nobody" }))
{
}

Say($"index of the growing file in memory, and what stays of the segments: {GC.GetTotalMemory(forceFullCollection: true) - memory:N0} bytes");

(string Name, Func<AuditReader, Task<int>> Ask)[] questions =
[
    ("the busiest principal, newest 1,000", Query(new() { Principal = SampleTrail.Principal(0), Limit = 1000 })),
    ("a middling principal, newest 1,000", Query(new() { Principal = SampleTrail.Principal(300), Limit = 1000 })),
    ("a middling principal, every record", Query(new() { Principal = SampleTrail.Principal(300) })),
    ("a principal seen ten times, every record", Query(new() { Principal = SampleTrail.Rare })),
    ("a principal never seen", Query(new() { Principal = "nobody" })),
    ("a middling principal's denials, newest 1,000", Query(new() { Principal = SampleTrail.Principal(300), Decision = AuditDecision.Deny, Limit = 1000 })),
    ("one secret, newest 1,000", Query(new() { PathPattern = SampleTrail.Path(4321), Limit = 1000 })),
    ("one secret, every record", Query(new() { PathPattern = SampleTrail.Path(4321) })),
    ("a pattern of paths, newest 1,000", Query(new() { PathPattern = "vault-07/team-1/*", Limit = 1000 })),
    ("one operation, newest 1,000", Query(new() { Action = "PutSecretValue", Limit = 1000 })),
    ("a day in the middle, every denial", Query(new() { Decision = AuditDecision.Deny, Since = sample.Time(records / 2), Until = sample.Time((records / 2) + 20_000) })),
    ("the first request of all", async r => await r.FindRequestAsync(SampleTrail.Request(1)) is null ? 0 : 1),
    ("a request in the middle", async r => await r.FindRequestAsync(SampleTrail.Request(records / 2)) is null ? 0 : 1),
    ("a request that never was", async r => await r.FindRequestAsync("none") is null ? 0 : 1),
    ("readers of one secret", async r => (await r.ReadersAsync(SampleTrail.Vault(4321), SampleTrail.Name(4321))).Count),
    ("last use, all of it", async r => (await r.LastUseAsync()).Count),
];

// Compiled before anything is measured.
foreach ((_, Func<AuditReader, Task<int>> ask) in questions)
{
    await ask(reader);
}

Say($"{"",-48}{"found",8}{"start",10}{"cold",10}{"warm",10}   ms; start: nothing in memory, files not in the page cache; cold: files not in the page cache; warm: median of nine");
foreach ((string name, Func<AuditReader, Task<int>> ask) in questions)
{
    SampleTrail.ForgetPages(folder);
    AuditReader fresh = new(folder, TimeProvider.System);
    (double start, int found) = await MeasureAsync(fresh, ask);
    SampleTrail.ForgetPages(folder);
    (double cold, _) = await MeasureAsync(fresh, ask);
    List<double> warm = [];
    for (int i = 0; i < 9; i++)
    {
        warm.Add((await MeasureAsync(fresh, ask)).Milliseconds);
    }

    Say($"{name,-48}{found,8:N0}{start,10:F1}{cold,10:F1}{warm.Order().ElementAt(4),10:F2}");
}

Say($"load {File.ReadAllText("/proc/loadavg").Split(' ')[0]}");

static Func<AuditReader, Task<int>> Query(AuditQuery query) => async reader =>
{
    int found = 0;
    await foreach (AuditEntry _ in reader.QueryAsync(query))
    {
        found++;
    }

    return found;
};

static async Task<(double Milliseconds, int Found)> MeasureAsync(AuditReader reader, Func<AuditReader, Task<int>> ask)
{
    long start = Stopwatch.GetTimestamp();
    int found = await ask(reader);
    return (Stopwatch.GetElapsedTime(start).TotalMilliseconds, found);
}

static void Say(FormattableString text) => Console.WriteLine(text.ToString(CultureInfo.InvariantCulture));
