using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Coffer.Core.Audit;

/// <summary>Where the chain stands: what the next line builds on. Copied, so that a failed flush leaves no trace.</summary>
internal struct TrailChain
{
    private UInt128 _high;
    private UInt128 _low;

    /// <summary>The last line's number.</summary>
    public long Sequence;

    /// <summary>Latest time of any record so far.</summary>
    public long Latest;

    /// <summary>Lines since the last checkpoint.</summary>
    public int SinceCheckpoint;

    public AuditStateHash State;

    /// <summary>The last line's hash, 32 bytes.</summary>
    public readonly void CopyHash(Span<byte> hash)
    {
        BinaryPrimitives.WriteUInt128BigEndian(hash, _high);
        BinaryPrimitives.WriteUInt128BigEndian(hash[16..], _low);
    }

    public void SetHash(ReadOnlySpan<byte> hash)
    {
        _high = BinaryPrimitives.ReadUInt128BigEndian(hash);
        _low = BinaryPrimitives.ReadUInt128BigEndian(hash[16..]);
    }

    /// <summary>Appends a record's line.</summary>
    public void AppendRecord(LineBuffer output, ReadOnlySpan<byte> members, long time, AuditChange? change)
    {
        int start = output.Length;
        output.Append("{\"seq\":"u8);
        output.Append(Sequence + 1);
        output.Append((byte)',');
        output.Append(members);
        Latest = long.Max(Latest, time);
        if (change is not null)
        {
            State = State.Apply(change);
        }

        SinceCheckpoint++;
        Close(output, start);
    }

    /// <summary>Appends a checkpoint; answers its line without the line feed.</summary>
    public AuditCheckpoint AppendCheckpoint(LineBuffer output, IAuditSigner signer, AuditCheckpointCause cause, long time, AuditProblem? broken = null)
    {
        int start = output.Length;
        Span<byte> previous = stackalloc byte[32];
        CopyHash(previous);
        AuditCheckpoint.Write(output, signer, cause, Sequence + 1, time, Latest, State, previous, broken);
        SinceCheckpoint = 0;
        Close(output, start);
        return AuditCheckpoint.Parse(output.From(start)[..^1]);
    }

    private void Close(LineBuffer output, int start)
    {
        Span<byte> hash = stackalloc byte[32];
        CopyHash(hash);
        output.Append(",\"prev\":\""u8);
        output.AppendHex(hash);
        output.Append((byte)'"');
        SHA256.HashData(output.From(start), hash);
        output.Append(",\"hash\":\""u8);
        output.AppendHex(hash);
        output.Append("\"}\n"u8);
        SetHash(hash);
        Sequence++;
    }
}
