using System.Buffers;
using System.Text;
using Coffer.Core.Access;

namespace Coffer.Core.Audit.Indexing;

/// <summary>
/// Answers a query from the index of one file: no record that matches is left out. One that is named need not match (the
/// index knows times by blocks and requests by hash), so the caller compares each.
/// </summary>
internal sealed class IndexSearch
{
    private readonly List<byte[]> _terms = [];
    private readonly AuditQuery _query;
    private readonly byte[]? _paths;
    private readonly uint? _request;

    public IndexSearch(AuditQuery query)
    {
        _query = query;
        Require(IndexField.Principal, query.Principal);
        Require(IndexField.Credential, query.Credential);
        Require(IndexField.Address, query.Address);
        if (query.Action is { } action)
        {
            _terms.Add(IndexKey.OfAction(action));
        }

        if (query.Decision is { } decision)
        {
            _terms.Add(IndexKey.Of(decision));
        }

        if (query.RequestId is { } request)
        {
            _request = IndexKey.OfRequest(Encoding.UTF8.GetBytes(request));
        }

        if (query.PathPattern is { } pattern && pattern.AsSpan().IndexOfAny('*', '?') < 0)
        {
            _terms.Add(IndexKey.Of(IndexField.Path, pattern));
        }
        else if (query.PathPattern is not null || query.Vault is not null || query.NamePattern is not null)
        {
            _paths = Prefix(query);
        }
    }

    /// <summary>Whether every record named does match, so that no more need be named than are wanted.</summary>
    private bool IsExact(IFileIndex index) => _request is null && !IsTimed(index);

    private bool IsTimed(IFileIndex index) => _query.Since > index.Earliest || _query.Until <= index.Latest;

    /// <summary>Places of the records, ascending; at least the newest <paramref name="most"/> that match.</summary>
    public RecordPlace[] Find(IFileIndex index, int most)
    {
        if (Narrow(index) is not { } found)
        {
            return [];
        }

        int[] ordinals = found.Newest(IsExact(index) ? most : int.MaxValue);
        RecordPlace[] places = new RecordPlace[ordinals.Length];
        for (int i = 0; i < places.Length; i++)
        {
            places[i] = index.Place(ordinals[i]);
        }

        return places;
    }

    private OrdinalSet? Narrow(IFileIndex index)
    {
        if (index.Count == 0 || _query.Since > index.Latest || _query.Until <= index.Earliest)
        {
            return null;
        }

        OrdinalSet? found = null;
        foreach (byte[] term in _terms)
        {
            if (!index.TryFind(term, out ReadOnlyMemory<byte> payload))
            {
                return null;
            }

            OrdinalSet records = new(index.Count);
            PostingList.Collect(payload.Span, records);
            Intersect(ref found, records);
        }

        if (_request is { } request)
        {
            OrdinalSet records = new(index.Count);
            index.CollectRequest(request, records);
            Intersect(ref found, records);
        }

        if (_paths is not null)
        {
            OrdinalSet records = new(index.Count);
            CollectPaths(index, records);
            Intersect(ref found, records);
        }

        if (IsTimed(index))
        {
            OrdinalSet records = new(index.Count);
            index.CollectTimes(_query.Since ?? long.MinValue, _query.Until ?? long.MaxValue, records);
            Intersect(ref found, records);
        }

        if (found is null)
        {
            found = new(index.Count);
            found.AddRange(0, index.Count);
        }

        return found;
    }

    private void CollectPaths(IFileIndex index, OrdinalSet into)
    {
        char[] path = ArrayPool<char>.Shared.Rent(1024);
        foreach (IndexTerm term in index.Range(_paths))
        {
            ReadOnlySpan<byte> key = term.Key[1..];
            if (path.Length < key.Length)
            {
                ArrayPool<char>.Shared.Return(path);
                path = ArrayPool<char>.Shared.Rent(key.Length);
            }

            if (IsWanted(path.AsSpan(0, Encoding.UTF8.GetChars(key, path))))
            {
                PostingList.Collect(term.Payload().Span, into);
            }
        }

        ArrayPool<char>.Shared.Return(path);
    }

    // The name of a vault has no slash.
    private bool IsWanted(ReadOnlySpan<char> path)
    {
        int slash = path.IndexOf('/');
        return (_query.PathPattern is null || Glob.Matches(_query.PathPattern, path))
            && (_query.Vault is null || (path.StartsWith(_query.Vault) && (path.Length == _query.Vault.Length || path[_query.Vault.Length] == '/')))
            && (_query.NamePattern is null || (slash >= 0 && Glob.Matches(_query.NamePattern, path[(slash + 1)..])));
    }

    private static void Intersect(ref OrdinalSet? found, OrdinalSet records)
    {
        if (found is null)
        {
            found = records;
        }
        else
        {
            found.IntersectWith(records);
        }
    }

    private static byte[] Prefix(AuditQuery query)
    {
        string vault = query.Vault is { } name ? query.NamePattern is null ? name : name + "/" : "";
        string? literal = query.PathPattern is { } pattern ? Literal(pattern) : query.Vault is not null && query.NamePattern is { } names ? vault + Literal(names) : null;
        string prefix = literal is not null && literal.Length > vault.Length ? literal : vault;

        // Half of a pair is not the beginning of the whole in UTF-8.
        return IndexKey.Of(IndexField.Path, prefix.Length > 0 && char.IsHighSurrogate(prefix[^1]) ? prefix[..^1] : prefix);
    }

    private static string Literal(string pattern)
    {
        int wild = pattern.AsSpan().IndexOfAny('*', '?');
        return wild < 0 ? pattern : pattern[..wild];
    }

    private void Require(IndexField field, string? text)
    {
        if (text is not null)
        {
            _terms.Add(IndexKey.Of(field, text));
        }
    }
}
