namespace Coffer.Core.Audit.Indexing;

/// <summary>What a key leads to, while it is gathered.</summary>
internal abstract class IndexEntry
{
    /// <summary>Appends it as it is kept.</summary>
    /// <param name="buffer">Where to.</param>
    /// <param name="records">How many records the file has.</param>
    public abstract void Write(LineBuffer buffer, int records);

    public ReadOnlyMemory<byte> ToPayload(int records)
    {
        LineBuffer buffer = new(256);
        Write(buffer, records);
        return buffer.WrittenMemory;
    }
}

/// <summary>Records in ascending order: the distance to the one before, or one bit for each record where that is shorter.</summary>
internal sealed class PostingList : IndexEntry
{
    private const byte Distances = 0, Bits = 1;

    private readonly LineBuffer _distances = new(8);
    private int _last = -1;

    public void Add(int ordinal)
    {
        if (ordinal != _last)
        {
            IndexBytes.Number(_distances, ordinal - _last);
            _last = ordinal;
        }
    }

    public override void Write(LineBuffer buffer, int records)
    {
        if (_distances.Length <= (records + 63) / 64 * 8)
        {
            buffer.Append(Distances);
            buffer.Append(_distances.Written);
            return;
        }

        OrdinalSet set = new(records);
        Read(_distances.Written, set);
        buffer.Append(Bits);
        set.WriteBits(buffer);
    }

    /// <summary>Adds the records of a kept list to the set.</summary>
    public static void Collect(ReadOnlySpan<byte> payload, OrdinalSet into)
    {
        switch (payload)
        {
            case [Distances, ..]:
                Read(payload[1..], into);
                break;
            case [Bits, ..]:
                into.AddBits(payload[1..]);
                break;
            default:
                throw IndexBytes.Damaged();
        }
    }

    private static void Read(ReadOnlySpan<byte> distances, OrdinalSet into)
    {
        IndexByteReader reader = new(distances);
        for (int ordinal = -1; !reader.AtEnd;)
        {
            ordinal = unchecked(ordinal + reader.Number());
            into.Add(ordinal);
        }
    }
}

/// <summary>How often one principal read one version of one secret, and which record was the last.</summary>
internal sealed class ReaderTally : IndexEntry
{
    public int Count { get; private set; }

    public int Last { get; private set; }

    public void Add(int ordinal) => (Count, Last) = (Count + 1, ordinal);

    public override void Write(LineBuffer buffer, int records)
    {
        IndexBytes.Number(buffer, Count);
        IndexBytes.Number(buffer, Last);
    }

    public static (int Count, int Last) Read(ReadOnlySpan<byte> payload)
    {
        IndexByteReader reader = new(payload);
        return (reader.Number(), reader.Number());
    }
}

/// <summary>How often something was allowed for one reason, when last, and on which names: the first few different ones.</summary>
internal sealed class UseTally : IndexEntry
{
    private readonly List<byte[]> _names = [];
    private int _count;
    private long _last = long.MinValue;
    private bool _more;

    public void Add(long time, ReadOnlySpan<byte> name)
    {
        _count++;
        _last = long.Max(_last, time);
        if (name.IsEmpty || _more)
        {
            return;
        }

        foreach (byte[] known in _names)
        {
            if (name.SequenceEqual(known))
            {
                return;
            }
        }

        if (_names.Count < AuditUse.MostNames)
        {
            _names.Add(name.ToArray());
        }
        else
        {
            _more = true;
        }
    }

    public override void Write(LineBuffer buffer, int records)
    {
        IndexBytes.Number(buffer, _count);
        IndexBytes.Long(buffer, _last);
        buffer.Append(_more ? (byte)1 : (byte)0);
        foreach (byte[] name in _names)
        {
            IndexBytes.Block(buffer, name);
        }
    }

    public static (int Count, long Last, bool More, List<string> Names) Read(ReadOnlySpan<byte> payload)
    {
        IndexByteReader reader = new(payload);
        (int count, long last, bool more) = (reader.Number(), reader.Long(), reader.Byte() != 0);
        List<string> names = [];
        while (!reader.AtEnd)
        {
            names.Add(System.Text.Encoding.UTF8.GetString(reader.Block()));
        }

        return (count, last, more, names);
    }
}
