using Coffer.Core.Audit;
using Xunit;

namespace Coffer.Core.Tests.Audit;

/// <summary>The lines of a trail, to be altered and written back.</summary>
internal sealed class TamperedTrail : IDisposable
{
    private readonly Dictionary<string, List<string>> _lines = [];

    public TrailDirectory At { get; } = new();

    public List<string> Files => [.. _lines.Keys.Order(StringComparer.Ordinal)];

    public static async Task<TamperedTrail> MakeAsync(bool closed = true)
    {
        TamperedTrail trail = new();
        if (closed)
        {
            await trail.At.WriteAsync(60, fileBytes: 10_000);
        }
        else
        {
            await using AuditTrail open = await trail.At.OpenAsync(trail.At.Options with { FileBytes = 10_000, CheckpointRecords = 1000 });
            for (int i = 1; i <= 30; i++)
            {
                await open.AppendAsync(trail.At.Record(i));
            }

            await open.AbandonAsync();
        }

        trail.Reload();
        return trail;
    }

    public List<string> Lines(string file) => _lines[file];

    public int Find(string file, Predicate<string> matches) => _lines[file].FindIndex(matches);

    public void Replace(string file, List<string> lines) => _lines[file] = lines;

    public void Remove(string file)
    {
        _lines.Remove(file);
        File.Delete(Path.Combine(At.Path, file));
    }

    public void Reload()
    {
        foreach (long number in TrailFolder.ForReading(At.Path).Numbers())
        {
            _lines[TrailFolder.NameOf(number)] = [.. File.ReadAllLines(At.FileOf(number))];
        }
    }

    /// <summary>Every line, with the place of the line that follows it.</summary>
    public IEnumerable<(string File, int Line, string Next, long At)> Everywhere()
    {
        List<string> files = Files;
        for (int f = 0; f < files.Count; f++)
        {
            int count = _lines[files[f]].Count;
            for (int line = 0; line < count; line++)
            {
                yield return line + 1 < count || f + 1 == files.Count ? (files[f], line, files[f], line + 1L) : (files[f], line, files[f + 1], 1L);
            }
        }
    }

    public void RehashFrom(string file, int line)
    {
        string? previous = null;
        foreach (string name in Files.SkipWhile(f => f != file))
        {
            List<string> lines = _lines[name];
            for (int i = name == file ? line : 0; i < lines.Count; i++)
            {
                lines[i] = AuditVerifierTests.Rehash(lines[i], previous);
                previous = lines[i][^66..^2];
            }
        }
    }

    /// <summary>Writes the files and says what the verifier finds.</summary>
    public async Task<List<(AuditProblemKind Kind, string File, long Line)>> ProblemsAsync()
    {
        foreach ((string file, List<string> lines) in _lines)
        {
            await File.WriteAllTextAsync(Path.Combine(At.Path, file), string.Concat(lines.Select(static l => l + "\n")), TestContext.Current.CancellationToken);
        }

        return [.. (await At.VerifyAsync()).Problems.Select(static p => (p.Kind, p.File, p.Line))];
    }

    public void Dispose() => At.Dispose();
}
