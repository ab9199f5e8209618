using Coffer.Core.Audit.Indexing;

namespace Coffer.Core.Audit;

public sealed partial class AuditReader
{
    private const int SegmentsAtOnce = 4;

    /// <summary>Who read the secret's values: for every principal and version how often, and the last time; the newest first.</summary>
    /// <param name="vault">The vault's name.</param>
    /// <param name="name">The secret's name.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    /// <exception cref="IOException">The folder or a file in it cannot be read.</exception>
    public async ValueTask<IReadOnlyList<AuditReading>> ReadersAsync(string vault, string name, CancellationToken cancellationToken = default)
    {
        byte[] prefix = IndexKey.OfParts(IndexField.Reader, $"{vault}/{name}");
        Dictionary<(string Principal, string Version), (long Count, AuditEntry Last)> readers = [];
        TrailScan scan = new(_folder, new() { Vault = vault, Action = "ReadValue", Decision = AuditDecision.Allow });
        IReadOnlyList<long> files = _folder.Numbers();
        for (int i = files.Count - 1; i >= 0; i--)
        {
            List<(string Principal, string Version, int Count, RecordPlace Last)> found = (await _index.AskAsync(files[i], i == files.Count - 1, index => Readers(index, prefix), inMemory: true, cancellationToken).ConfigureAwait(false))!;
            foreach ((string principal, string version, int count, RecordPlace last) in found)
            {
                if (readers.TryGetValue((principal, version), out (long Count, AuditEntry Last) known))
                {
                    readers[(principal, version)] = (known.Count + count, known.Last);
                }
                else if (scan.At(files[i], new([last]), cancellationToken).FirstOrDefault() is { } entry && entry.Record.Name == name && entry.Record.Principal == principal && entry.Record.Version == version)
                {
                    readers.Add((principal, version), (count, entry));
                }
            }
        }

        return
        [
            .. readers.Select(static r => new AuditReading { Principal = r.Key.Principal, Version = r.Key.Version, Count = r.Value.Count, Last = r.Value.Last })
                .OrderByDescending(static r => r.Last.Sequence),
        ];
    }

    /// <summary>
    /// What was allowed, and when last: by principal, vault, operation and reason, in that order. What is not in it was never
    /// used as far back as the trail goes.
    /// </summary>
    /// <exception cref="IOException">The folder or a file in it cannot be read.</exception>
    public async ValueTask<IReadOnlyList<AuditUse>> LastUseAsync(CancellationToken cancellationToken = default)
    {
        SortedDictionary<UseKey, (long Count, long Last, bool More, SortedSet<string> Names)> uses = [];
        IReadOnlyList<long> files = _folder.Numbers();
        for (int i = 0; i < files.Count; i++)
        {
            foreach ((UseKey key, int count, long last, bool more, List<string> names) in (await _index.AskAsync(files[i], i == files.Count - 1, Uses, inMemory: true, cancellationToken).ConfigureAwait(false))!)
            {
                (long Count, long Last, bool More, SortedSet<string> Names) use = uses.GetValueOrDefault(key, (0, long.MinValue, false, new(StringComparer.Ordinal)));
                foreach (string name in names)
                {
                    if (use.Names.Count < AuditUse.MostNames || use.Names.Contains(name))
                    {
                        use.Names.Add(name);
                    }
                    else
                    {
                        use.More = true;
                    }
                }

                uses[key] = (use.Count + count, long.Max(use.Last, last), use.More || more, use.Names);
            }
        }

        return
        [
            .. uses.Select(static u => new AuditUse
            {
                Principal = u.Key.Principal, Vault = u.Key.Vault, Action = u.Key.Action, Reason = u.Key.Reason,
                Count = u.Value.Count, Last = u.Value.Last, Names = [.. u.Value.Names], MoreNames = u.Value.More,
            }),
        ];
    }

    /// <summary>Examines the index in full and builds what is missing, damaged or stale in it, or all of it.</summary>
    /// <param name="rebuild">All of it, whether it is sound or not.</param>
    /// <param name="cancellationToken">Ends it; what was built by then stays.</param>
    /// <exception cref="IOException">The folder or a file in it cannot be read.</exception>
    public ValueTask<AuditIndexReport> IndexAsync(bool rebuild, CancellationToken cancellationToken = default) => _index.ExamineAsync(rebuild, cancellationToken);

    /// <summary>Builds what the index lacks, a few files at a time: so that no query has to. Costs next to nothing where it lacks nothing.</summary>
    /// <exception cref="IOException">The folder or a file in it cannot be read.</exception>
    public ValueTask KeepUpAsync(CancellationToken cancellationToken = default) => _index.KeepUpAsync(SegmentsAtOnce, cancellationToken);

    private static List<(string Principal, string Version, int Count, RecordPlace Last)> Readers(IFileIndex index, byte[] prefix)
    {
        List<(string, string, int, RecordPlace)> readers = [];
        foreach (IndexTerm term in index.Range(prefix))
        {
            (int count, int last) = ReaderTally.Read(term.Payload().Span);
            if (IndexKey.Parts(term.Key) is [_, string principal, string version])
            {
                readers.Add((principal, version, count, index.Place(last)));
            }
        }

        return readers;
    }

    private static List<(UseKey Key, int Count, long Last, bool More, List<string> Names)> Uses(IFileIndex index)
    {
        List<(UseKey, int, long, bool, List<string>)> uses = [];
        foreach (IndexTerm term in index.Range(IndexKey.OfParts(IndexField.Use)))
        {
            (int count, long last, bool more, List<string> names) = UseTally.Read(term.Payload().Span);
            if (IndexKey.Parts(term.Key) is [string principal, string vault, string action, string reason])
            {
                uses.Add((new(principal, vault, action, reason), count, last, more, names));
            }
        }

        return uses;
    }

    private readonly record struct UseKey(string Principal, string Vault, string Action, string Reason) : IComparable<UseKey>
    {
        public int CompareTo(UseKey other) =>
            string.CompareOrdinal(Principal, other.Principal) is not 0 and int principal ? principal
            : string.CompareOrdinal(Vault, other.Vault) is not 0 and int vault ? vault
            : string.CompareOrdinal(Action, other.Action) is not 0 and int action ? action
            : string.CompareOrdinal(Reason, other.Reason);
    }
}
