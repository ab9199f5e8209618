using System.Runtime.InteropServices;
using System.Text;

namespace Coffer.Core.Audit.Indexing;

/// <summary>
/// The index of a file in memory, line by line: of the file that still grows, and of any other until its segment is
/// written. Not thread-safe.
/// </summary>
internal sealed class FileIndexBuilder : IFileIndex
{
    /// <summary>Records whose places and times are kept together.</summary>
    public const int Block = 64;

    private static readonly byte[] ReadValue = "ReadValue"u8.ToArray();

    private readonly Dictionary<byte[], IndexEntry> _terms;
    private readonly Dictionary<byte[], IndexEntry>.AlternateLookup<ReadOnlySpan<byte>> _byBytes;
    private readonly List<long> _starts = [];
    private readonly List<(long Earliest, long Latest)> _times = [];
    private readonly List<ulong> _requests = [];
    private readonly IndexedRecord _record = new();
    private readonly LineBuffer _key = new(512);
    private readonly LineBuffer _path = new(512);

    public FileIndexBuilder()
    {
        _terms = new(new BytesComparer());
        _byBytes = _terms.GetAlternateLookup<ReadOnlySpan<byte>>();
    }

    public int Count => _starts.Count;

    public long Length { get; private set; }

    public long Earliest { get; private set; } = long.MaxValue;

    public long Latest { get; private set; } = long.MinValue;

    public IReadOnlyCollection<KeyValuePair<byte[], IndexEntry>> Terms => _terms;

    /// <summary>Hashes of request ids with their records, in the order of the records.</summary>
    public IReadOnlyList<ulong> Requests => _requests;

    public IReadOnlyList<(long Earliest, long Latest)> Times => _times;

    /// <summary>The file's next line, whatever it is.</summary>
    /// <param name="line">Without its line feed.</param>
    /// <param name="start">Where it begins.</param>
    /// <param name="end">Where the next begins.</param>
    public void Add(ReadOnlySpan<byte> line, long start, long end)
    {
        Length = end;
        if (!_record.TryRead(line))
        {
            return;
        }

        int ordinal = Count;
        long time = _record.Time;
        _starts.Add(start);
        (Earliest, Latest) = (long.Min(Earliest, time), long.Max(Latest, time));
        if (ordinal % Block == 0)
        {
            _times.Add((time, time));
        }
        else
        {
            ref (long Earliest, long Latest) block = ref CollectionsMarshal.AsSpan(_times)[^1];
            block = (long.Min(block.Earliest, time), long.Max(block.Latest, time));
        }

        _requests.Add(((ulong)IndexKey.OfRequest(_record.RequestId) << 32) | (uint)ordinal);
        AddTerms(ordinal);
        if (_record.Decision == AuditDecision.Allow)
        {
            AddTallies(ordinal);
        }
    }

    public bool TryFind(ReadOnlySpan<byte> key, out ReadOnlyMemory<byte> payload)
    {
        bool found = _byBytes.TryGetValue(key, out IndexEntry? entry);
        payload = found ? entry!.ToPayload(Count) : default;
        return found;
    }

    public IEnumerable<IndexTerm> Range(ReadOnlyMemory<byte> prefix)
    {
        foreach ((byte[] key, IndexEntry entry) in _terms)
        {
            if (key.AsSpan().StartsWith(prefix.Span))
            {
                yield return new(this, key, entry, 0, 0);
            }
        }
    }

    public ReadOnlyMemory<byte> Payload(object? entry, int at, int length) => ((IndexEntry)entry!).ToPayload(Count);

    public void CollectRequest(uint hash, OrdinalSet into)
    {
        foreach (ulong request in CollectionsMarshal.AsSpan(_requests))
        {
            if (request >> 32 == hash)
            {
                into.Add((int)request);
            }
        }
    }

    public void CollectTimes(long since, long until, OrdinalSet into)
    {
        for (int i = 0; i < _times.Count; i++)
        {
            if (_times[i].Latest >= since && (_times[i].Earliest < until || until == long.MaxValue))
            {
                into.AddRange(i * Block, int.Min(Count, (i + 1) * Block));
            }
        }
    }

    public RecordPlace Place(int ordinal) => new(_starts[ordinal], ordinal + 1 < Count ? _starts[ordinal + 1] : Length);

    public void Dispose()
    {
    }

    private void AddTerms(int ordinal)
    {
        if (_record.HasPrincipal)
        {
            Post(IndexField.Principal, _record.Principal, ordinal);
        }

        if (_record.HasVault || _record.HasName)
        {
            Begin(IndexField.Path);
            AppendPath();
            Post(ordinal);
        }

        foreach (Range part in _record.Action.Split((byte)'+'))
        {
            PostAction(_record.Action[part], trim: true, ordinal);
        }

        PostAction(_record.WireOperation, trim: false, ordinal);
        Begin(IndexField.Decision);
        _key.Append((byte)_record.Decision);
        Post(ordinal);
        if (_record.HasCredential)
        {
            Post(IndexField.Credential, _record.Credential, ordinal);
        }

        if (_record.HasAddress)
        {
            Post(IndexField.Address, _record.Address, ordinal);
        }
    }

    private void AddTallies(int ordinal)
    {
        if (!_record.HasPrincipal)
        {
            return;
        }

        foreach (Range part in _record.Action.Split((byte)'+'))
        {
            ReadOnlySpan<byte> operation = _record.Action[part];
            operation = operation[Ascii.Trim(operation)];
            if (operation.SequenceEqual(ReadValue) && _record.HasVersion)
            {
                Begin(IndexField.Reader);
                _path.Clear();
                _path.Append(_record.Vault);
                _path.Append((byte)'/');
                _path.Append(_record.Name);
                IndexKey.Part(_key, _path.Written);
                IndexKey.Part(_key, _record.Principal);
                IndexKey.Part(_key, _record.Version);
                Entry<ReaderTally>().Add(ordinal);
            }

            Begin(IndexField.Use);
            IndexKey.Part(_key, _record.Principal);
            IndexKey.Part(_key, _record.Vault);
            IndexKey.Part(_key, operation);
            IndexKey.Part(_key, _record.Reason);
            Entry<UseTally>().Add(_record.Time, _record.Name);
        }
    }

    // What is not ASCII is for the one place that knows its capitals and spaces.
    private void PostAction(ReadOnlySpan<byte> operation, bool trim, int ordinal)
    {
        if (Ascii.IsValid(operation))
        {
            operation = trim ? operation[Ascii.Trim(operation)] : operation;
            Begin(IndexField.Action);
            Ascii.ToUpper(operation, _key.Reserve(operation.Length), out int written);
            _key.Advance(written);
        }
        else
        {
            string text = Encoding.UTF8.GetString(operation);
            _key.Clear();
            _key.Append(IndexKey.OfAction(trim ? text.Trim() : text));
        }

        Post(ordinal);
    }

    private void AppendPath()
    {
        _key.Append(_record.Vault);
        if (_record.HasName)
        {
            _key.Append((byte)'/');
            _key.Append(_record.Name);
        }
    }

    private void Begin(IndexField field)
    {
        _key.Clear();
        _key.Append((byte)field);
    }

    private void Post(IndexField field, ReadOnlySpan<byte> text, int ordinal)
    {
        Begin(field);
        _key.Append(text);
        Post(ordinal);
    }

    private void Post(int ordinal) => Entry<PostingList>().Add(ordinal);

    private T Entry<T>()
        where T : IndexEntry, new()
    {
        ref IndexEntry? entry = ref CollectionsMarshal.GetValueRefOrAddDefault(_byBytes, _key.Written, out _);
        return (T)(entry ??= new T());
    }

    private sealed class BytesComparer : IEqualityComparer<byte[]>, IAlternateEqualityComparer<ReadOnlySpan<byte>, byte[]>
    {
        public bool Equals(byte[]? x, byte[]? y) => x.AsSpan().SequenceEqual(y);

        public int GetHashCode(byte[] obj) => GetHashCode(obj.AsSpan());

        public byte[] Create(ReadOnlySpan<byte> alternate) => alternate.ToArray();

        public bool Equals(ReadOnlySpan<byte> alternate, byte[] other) => alternate.SequenceEqual(other);

        public int GetHashCode(ReadOnlySpan<byte> alternate)
        {
            HashCode hash = default;
            hash.AddBytes(alternate);
            return hash.ToHashCode();
        }
    }
}
