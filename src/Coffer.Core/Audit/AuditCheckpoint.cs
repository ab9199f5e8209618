using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Json;

namespace Coffer.Core.Audit;

/// <summary>Why a checkpoint was written. Names are stored and frozen.</summary>
public enum AuditCheckpointCause
{
    /// <summary>First line of the trail.</summary>
    Created = 1,

    /// <summary>The trail was opened again.</summary>
    Opened = 2,

    /// <summary>Enough records.</summary>
    Count = 3,

    /// <summary>Enough time.</summary>
    Time = 4,

    /// <summary>Last line of a full file.</summary>
    FileEnd = 5,

    /// <summary>First line of the next file.</summary>
    FileStart = 6,

    /// <summary>Clean shutdown.</summary>
    Closed = 7,

    /// <summary>First line of a new file behind a broken trail; says what was found.</summary>
    Break = 8,
}

/// <summary>
/// A signed line of the trail that vouches for every line before it. The signature is over
/// <c>coffer-audit-checkpoint-v1</c>, a line feed, the exact bytes of the line before its <c>sig</c> member, a line feed, and
/// the 64 hex digits of <c>prev</c>.
/// </summary>
public sealed class AuditCheckpoint
{
    private static readonly string[] CauseNames = ["", "created", "opened", "count", "time", "file-end", "file-start", "closed", "break"];

    private readonly byte[] _line;

    private AuditCheckpoint(byte[] line) => _line = line;

    /// <summary>Its own number in the trail.</summary>
    public long Sequence { get; private init; }

    /// <summary>When it was written, UTC microseconds.</summary>
    public long Time { get; private init; }

    /// <summary>Why it was written.</summary>
    public AuditCheckpointCause Cause { get; private init; }

    /// <summary>The latest time of any record before it, UTC microseconds; does not go back when the clock does.</summary>
    public long Latest { get; private init; }

    /// <summary>The hash over the rows of the store, as the records before it leave them.</summary>
    public AuditStateHash State { get; private init; }

    /// <summary>Hash of the line before it, 64 hex digits: the chain that it vouches for.</summary>
    public string PreviousHash { get; private init; } = "";

    /// <summary>The key that signed it.</summary>
    public string KeyId { get; private init; } = "";

    /// <summary>Hash of its own line, 64 hex digits.</summary>
    internal string LineHash { get; private init; } = "";

    internal byte[] Signature { get; private init; } = [];

    /// <summary>Kind, file and line of the damage it was written behind (<see cref="AuditCheckpointCause.Break"/>), or null.</summary>
    internal (AuditProblemKind Kind, string File, long Line)? Broken { get; private init; }

    /// <summary>The line itself, without line feed: what a database keeps.</summary>
    public byte[] ToUtf8() => [.. _line];

    /// <summary>Whether the signer's key signed these very bytes.</summary>
    public bool IsSignedBy(IAuditSigner signer) =>
        signer.Verify(KeyId, SignedData(_line.AsSpan(0, _line.AsSpan().IndexOf(SignatureMember)), Encoding.ASCII.GetBytes(PreviousHash)), Signature);

    /// <summary>Reads what <see cref="ToUtf8"/> gave. Does not check the signature.</summary>
    /// <exception cref="FormatException">These bytes are not a checkpoint.</exception>
    public static AuditCheckpoint Parse(ReadOnlySpan<byte> line) =>
        TryParse(line, out AuditCheckpoint? checkpoint) ? checkpoint : throw new FormatException("these bytes are not a checkpoint of an audit trail");

    internal static ReadOnlySpan<byte> KindMember => ",\"kind\":\"checkpoint\","u8;

    private static ReadOnlySpan<byte> SignatureMember => ",\"sig\":\""u8;

    /// <summary>Appends the line up to its <c>prev</c> member, signed.</summary>
    internal static void Write(
        LineBuffer buffer, IAuditSigner signer, AuditCheckpointCause cause, long sequence, long time, long latest, AuditStateHash state,
        ReadOnlySpan<byte> previousHash, AuditProblem? broken)
    {
        int start = buffer.Length;
        buffer.Append("{\"seq\":"u8);
        buffer.Append(sequence);
        buffer.Append(",\"time\":"u8);
        buffer.Append(time);
        buffer.Append(KindMember);
        AuditRecordWriter.Text(buffer, "\"cause\":\""u8, CauseNames[(int)cause], 16);
        buffer.Append(",\"latest\":"u8);
        buffer.Append(latest);
        AuditRecordWriter.Text(buffer, ",\"state\":\""u8, state.ToString(), 64);
        if (broken is not null)
        {
            AuditRecordWriter.Text(buffer, ",\"broken\":{\"kind\":\""u8, broken.Kind.ToString(), 32);
            AuditRecordWriter.Text(buffer, ",\"file\":\""u8, broken.File, 64);
            buffer.Append(",\"line\":"u8);
            buffer.Append(broken.Line);
            buffer.Append((byte)'}');
        }

        AuditRecordWriter.Text(buffer, ",\"key\":\""u8, signer.KeyId, 64);
        byte[] signature = signer.Sign(SignedData(buffer.From(start), Encoding.ASCII.GetBytes(Convert.ToHexStringLower(previousHash))));
        AuditRecordWriter.Text(buffer, SignatureMember, Convert.ToBase64String(signature), 1024);
    }

    internal static bool TryParse(ReadOnlySpan<byte> line, [NotNullWhen(true)] out AuditCheckpoint? checkpoint)
    {
        checkpoint = null;
        if (!LineFrame.TryRead(line, out LineFrame frame) || !frame.IsCheckpoint || line.IndexOf(SignatureMember) < 0)
        {
            return false;
        }

        try
        {
            checkpoint = Read(line, frame);
            return checkpoint is not null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException or OverflowException)
        {
            return false;
        }
    }

    private static AuditCheckpoint? Read(ReadOnlySpan<byte> line, LineFrame frame)
    {
        long time = 0, latest = 0;
        int cause = 0;
        AuditStateHash state = default;
        string? key = null;
        byte[]? signature = null;
        (AuditProblemKind, string, long)? broken = null;
        bool hasState = false;
        Utf8JsonReader json = new(line);
        json.Read();
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            string name = json.GetString()!;
            json.Read();
            switch (name)
            {
                case "time": time = json.GetInt64(); break;
                case "latest": latest = json.GetInt64(); break;
                case "cause": cause = Array.IndexOf(CauseNames, json.GetString()); break;
                case "state": hasState = AuditStateHash.TryParse(json.GetString(), out state); break;
                case "key": key = json.GetString(); break;
                case "sig": signature = json.GetBytesFromBase64(); break;
                case "broken": broken = ReadBroken(ref json); break;
                default: json.Skip(); break;
            }
        }

        return cause <= 0 || !hasState || key is null || signature is null || json.BytesConsumed != line.Length ? null : new(line.ToArray())
        {
            Sequence = frame.Sequence,
            Time = time,
            Cause = (AuditCheckpointCause)cause,
            Latest = latest,
            State = state,
            PreviousHash = Encoding.ASCII.GetString(frame.Previous),
            LineHash = Encoding.ASCII.GetString(frame.Hash),
            KeyId = key,
            Signature = signature,
            Broken = broken,
        };
    }

    private static (AuditProblemKind, string, long) ReadBroken(ref Utf8JsonReader json)
    {
        (AuditProblemKind Kind, string File, long Line) broken = (0, "", 0);
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            string name = json.GetString()!;
            json.Read();
            switch (name)
            {
                case "kind": broken.Kind = Enum.TryParse(json.GetString(), out AuditProblemKind kind) ? kind : 0; break;
                case "file": broken.File = json.GetString() ?? ""; break;
                case "line": broken.Line = json.GetInt64(); break;
                default: json.Skip(); break;
            }
        }

        return broken;
    }

    private static byte[] SignedData(ReadOnlySpan<byte> body, ReadOnlySpan<byte> previousHex) =>
        [.. "coffer-audit-checkpoint-v1\n"u8, .. body, (byte)'\n', .. previousHex];
}
