using System.Buffers;
using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text.Json;

namespace Coffer.Core.Audit;

/// <summary>
/// What every line has: <c>{"seq":N,</c> in front, <c>,"prev":"64 hex","hash":"64 hex"}</c> at the end. The hash is the SHA-256 of
/// the exact bytes before its own member, so <c>prev</c> is under it, and nothing has to be parsed or formatted to check it.
/// </summary>
internal readonly ref struct LineFrame
{
    public const int PreviousLength = 9 + 64 + 1, HashLength = 9 + 64 + 2;

    private static readonly SearchValues<byte> Hex = SearchValues.Create("0123456789abcdef"u8);

    public long Sequence { get; private init; }

    /// <summary>The bytes under the hash.</summary>
    public ReadOnlySpan<byte> Hashed { get; private init; }

    /// <summary>64 lower-case hex digits.</summary>
    public ReadOnlySpan<byte> Previous { get; private init; }

    /// <summary>64 lower-case hex digits.</summary>
    public ReadOnlySpan<byte> Hash { get; private init; }

    public bool IsCheckpoint { get; private init; }

    public bool HasChange => Hashed.IndexOf(",\"change\":{"u8) >= 0;

    public static bool TryRead(ReadOnlySpan<byte> line, out LineFrame frame)
    {
        frame = default;
        if (line.Length < 7 + 2 + PreviousLength + HashLength || !line.StartsWith("{\"seq\":"u8) ||
            !Utf8Parser.TryParse(line[7..], out long sequence, out int digits) || sequence <= 0 || line[7] is (byte)'0' or (byte)'+' ||
            line[7 + digits] != ',')
        {
            return false;
        }

        ReadOnlySpan<byte> hash = line[^HashLength..], previous = line[^(HashLength + PreviousLength)..^HashLength];
        if (!previous.StartsWith(",\"prev\":\""u8) || previous[^1] != '"' || !hash.StartsWith(",\"hash\":\""u8) || !hash.EndsWith("\"}"u8) ||
            !IsHex(previous[9..^1]) || !IsHex(hash[9..^2]))
        {
            return false;
        }

        ReadOnlySpan<byte> body = line[(7 + digits)..^(HashLength + PreviousLength)];
        frame = new()
        {
            Sequence = sequence,
            Hashed = line[..^HashLength],
            Previous = previous[9..^1],
            Hash = hash[9..^2],
            IsCheckpoint = body.StartsWith(",\"time\":"u8) && body.IndexOf(AuditCheckpoint.KindMember) is > 0 and < 32,
        };
        return true;
    }

    /// <summary>Whether the hash is that of the line's bytes.</summary>
    public bool IsIntact()
    {
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Hashed, digest);
        Span<byte> hex = stackalloc byte[64];
        Convert.TryToHexStringLower(digest, hex, out _);
        return Hash.SequenceEqual(hex);
    }

    private static bool IsHex(ReadOnlySpan<byte> text) => !text.ContainsAnyExcept(Hex);
}

/// <summary>One record at its place in the trail.</summary>
/// <param name="Sequence">Its number, from 1; checkpoints have numbers too.</param>
/// <param name="Record">The record.</param>
public sealed record AuditEntry(long Sequence, AuditRecord Record);

/// <summary>Reads records back. Never throws on bytes, whatever they are.</summary>
internal static class AuditLine
{
    /// <summary>A record, in a line of the trail or alone (then <paramref name="sequence"/> is 0).</summary>
    public static bool TryParseRecord(ReadOnlySpan<byte> utf8, out long sequence, [NotNullWhen(true)] out AuditRecord? record)
    {
        sequence = 0;
        record = null;
        try
        {
            record = Read(utf8, out sequence);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException or OverflowException)
        {
        }

        return record is not null;
    }

    private static AuditRecord? Read(ReadOnlySpan<byte> utf8, out long sequence)
    {
        sequence = 0;
        Guid? id = null, principalId = null;
        long? time = null;
        AuditDecision decision = 0;
        AuditChange? change = null;
        string? dialect = null, operation = null, action = null, principal = null, credential = null, vault = null, name = null;
        string? version = null, reason = null, address = null, agent = null, request = null;
        Utf8JsonReader json = new(utf8, new JsonReaderOptions { MaxDepth = 8 });
        int next = 0;
        if (!json.Read() || json.TokenType != JsonTokenType.StartObject)
        {
            return null;
        }

        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            string member = Members[Member(ref json, ref next)];
            json.Read();
            switch (member)
            {
                case "seq": sequence = json.GetInt64(); break;
                case "id": id = json.GetGuid(); break;
                case "time": time = json.GetInt64(); break;
                case "kind": return null;
                case "dialect": dialect = json.GetString(); break;
                case "operation": operation = json.GetString(); break;
                case "action": action = json.GetString(); break;
                case "principal": principal = json.GetString(); break;
                case "principalId": principalId = json.GetGuid(); break;
                case "credential": credential = json.GetString(); break;
                case "vault": vault = json.GetString(); break;
                case "name": name = json.GetString(); break;
                case "version": version = json.GetString(); break;
                case "decision": decision = Decision(ref json); break;
                case "reason": reason = json.GetString(); break;
                case "address": address = json.GetString(); break;
                case "userAgent": agent = json.GetString(); break;
                case "requestId": request = json.GetString(); break;
                case "change": change = ReadChange(ref json); break;
                default: json.Skip(); break;
            }
        }

        if (json.TokenType != JsonTokenType.EndObject || json.BytesConsumed != utf8.Length ||
            id is null || time is null || decision == 0 || dialect is null || operation is null || action is null || reason is null || request is null)
        {
            return null;
        }

        return new()
        {
            Id = id.Value, Time = time.Value, Dialect = dialect, WireOperation = operation, Action = action, Principal = principal,
            PrincipalId = principalId, Credential = credential, Vault = vault, Name = name, Version = version, Decision = decision,
            Reason = reason, Address = address, UserAgent = agent, RequestId = request, Change = change,
        };
    }

    /// <summary>The change in a line, or null where there is none that can be read.</summary>
    public static AuditChange? ChangeOf(ReadOnlySpan<byte> line)
    {
        try
        {
            Utf8JsonReader json = new(line, new JsonReaderOptions { MaxDepth = 8 });
            json.Read();
            while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
            {
                bool found = json.ValueTextEquals("change"u8);
                json.Read();
                if (found)
                {
                    return ReadChange(ref json);
                }

                json.Skip();
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException or OverflowException)
        {
        }

        return null;
    }

    /// <summary>The time of a record's line; 0 where there is none.</summary>
    public static long TimeOf(ReadOnlySpan<byte> line)
    {
        int at = line.IndexOf(",\"time\":"u8);
        return at > 0 && Utf8Parser.TryParse(line[(at + 8)..], out long time, out _) ? time : 0;
    }

    /// <summary>The id of a record's line: it always stands right behind the number.</summary>
    public static bool TryIdOf(ReadOnlySpan<byte> line, out Guid id)
    {
        int at = line.IndexOf((byte)',');
        id = default;
        return at > 0 && line.Length >= at + 43 && line[at..].StartsWith(",\"id\":\""u8) && Guid.TryParse(line.Slice(at + 7, 36), out id);
    }

    /// <summary>Names of members in the order in which they are written; the last stands for any other.</summary>
    internal static readonly string[] Members =
    [
        "seq", "id", "time", "dialect", "operation", "action", "principal", "principalId", "credential", "vault", "name", "version",
        "decision", "reason", "address", "userAgent", "requestId", "change", "prev", "hash", "kind", "",
    ];

    /// <summary>
    /// The member's place among <see cref="Members"/>, without making a string of it. They come in the order in which they are
    /// written, so the search goes on where the last one was found.
    /// </summary>
    internal static int Member(ref Utf8JsonReader json, ref int next)
    {
        int known = Members.Length - 1;
        for (int i = 0; i < known; i++)
        {
            int member = (next + i) % known;
            if (json.ValueTextEquals(Members[member]))
            {
                next = member + 1;
                return member;
            }
        }

        return known;
    }

    internal static AuditDecision Decision(ref Utf8JsonReader json) =>
        json.ValueTextEquals("allow"u8) ? AuditDecision.Allow
        : json.ValueTextEquals("deny"u8) ? AuditDecision.Deny
        : json.ValueTextEquals("fail"u8) ? AuditDecision.Fail
        : 0;

    internal static AuditChange ReadChange(ref Utf8JsonReader json)
    {
        string? uid = null;
        AuditRevision revision = default;
        List<AuditVersionRevision> versions = [];
        List<AuditRowRevision> rows = [];
        AuditStateHash gone = default;
        Expect(ref json, JsonTokenType.StartObject);
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            string name = json.GetString()!;
            json.Read();
            switch (name)
            {
                case "uid":
                    uid = json.GetString();
                    break;
                case "revision":
                    Expect(ref json, JsonTokenType.StartArray);
                    revision = new(Next(ref json), Next(ref json));
                    End(ref json);
                    break;
                case "versions":
                    while (NextRow(ref json))
                    {
                        versions.Add(new(checked((int)Next(ref json)), Next(ref json), Next(ref json)));
                        End(ref json);
                    }

                    break;
                case "rows":
                    while (NextRow(ref json))
                    {
                        json.Read();
                        bool known = AuditRowNames.TryParse(json.GetString(), out AuditRowKind kind);
                        json.Read();
                        string id = json.GetString() is { Length: > 0 and <= AuditLimits.RowId } text && known ? text : throw new FormatException();
                        rows.Add(new(kind, id, Next(ref json), Next(ref json)));
                        End(ref json);
                    }

                    break;
                case "gone":
                    gone = AuditStateHash.TryParse(json.GetString(), out AuditStateHash sum) ? sum : throw new FormatException();
                    break;
                default:
                    json.Skip();
                    break;
            }
        }

        return uid is { Length: not 32 }
            ? throw new FormatException()
            : new() { Uid = uid, Revision = revision, Versions = versions, Rows = rows, Gone = gone };
    }

    private static bool NextRow(ref Utf8JsonReader json)
    {
        json.Read();
        if (json.TokenType == JsonTokenType.EndArray)
        {
            return false;
        }

        Expect(ref json, JsonTokenType.StartArray);
        return true;
    }

    private static long Next(ref Utf8JsonReader json)
    {
        json.Read();
        return json.GetInt64();
    }

    private static void End(ref Utf8JsonReader json)
    {
        json.Read();
        Expect(ref json, JsonTokenType.EndArray);
    }

    private static void Expect(ref Utf8JsonReader json, JsonTokenType token)
    {
        if (json.TokenType != token)
        {
            throw new FormatException();
        }
    }
}
