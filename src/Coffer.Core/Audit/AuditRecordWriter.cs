using System.Buffers;
using System.Globalization;
using System.Text;

namespace Coffer.Core.Audit;

/// <summary>Longest texts, in UTF-16 characters; what is longer is cut.</summary>
internal static class AuditLimits
{
    public const int Dialect = 16, WireOperation = 128, Action = 256, Principal = 128, Credential = 128, Vault = 64, Name = 512;
    public const int Version = 128, Reason = 512, Address = 64, UserAgent = 256, RequestId = 128, RowId = 128;

    /// <summary>A line that is longer was not written by us: texts of 2,576 characters escaped sixfold, and <see cref="AuditChange.MaxRows"/> rows.</summary>
    public const int LineBytes = 512 * 1024;
}

/// <summary>
/// A record's members as JSON, formatted by hand straight into the buffer: this runs for every request that the server
/// answers, and allocates nothing.
/// </summary>
internal static class AuditRecordWriter
{
    // Printable ASCII without the two characters that JSON escapes.
    private static readonly SearchValues<char> Plain = SearchValues.Create(
        " !#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]^_`abcdefghijklmnopqrstuvwxyz{|}~");

    private static readonly SearchValues<char> LowerHex = SearchValues.Create("0123456789abcdef");

    /// <summary><c>"id":…,"time":…,…</c> without braces.</summary>
    /// <exception cref="ArgumentException">The record's change is not one that can be replayed.</exception>
    public static void Write(LineBuffer buffer, AuditRecord record)
    {
        buffer.Append("\"id\":\""u8);
        buffer.Append(record.Id);
        buffer.Append("\",\"time\":"u8);
        buffer.Append(record.Time);
        Text(buffer, ",\"dialect\":\""u8, record.Dialect, AuditLimits.Dialect);
        Text(buffer, ",\"operation\":\""u8, record.WireOperation, AuditLimits.WireOperation);
        Text(buffer, ",\"action\":\""u8, record.Action, AuditLimits.Action);
        Text(buffer, ",\"principal\":\""u8, record.Principal, AuditLimits.Principal);
        if (record.PrincipalId is { } principalId)
        {
            buffer.Append(",\"principalId\":\""u8);
            buffer.Append(principalId);
            buffer.Append((byte)'"');
        }

        Text(buffer, ",\"credential\":\""u8, record.Credential, AuditLimits.Credential);
        Text(buffer, ",\"vault\":\""u8, record.Vault, AuditLimits.Vault);
        Text(buffer, ",\"name\":\""u8, record.Name, AuditLimits.Name);
        Text(buffer, ",\"version\":\""u8, record.Version, AuditLimits.Version);
        buffer.Append(record.Decision switch
        {
            AuditDecision.Allow => ",\"decision\":\"allow\""u8,
            AuditDecision.Deny => ",\"decision\":\"deny\""u8,
            AuditDecision.Fail => ",\"decision\":\"fail\""u8,
            _ => throw new ArgumentException("the decision is none of the three", nameof(record)),
        });
        Text(buffer, ",\"reason\":\""u8, record.Reason, AuditLimits.Reason);
        Text(buffer, ",\"address\":\""u8, record.Address, AuditLimits.Address);
        Text(buffer, ",\"userAgent\":\""u8, record.UserAgent, AuditLimits.UserAgent);
        Text(buffer, ",\"requestId\":\""u8, record.RequestId, AuditLimits.RequestId);
        if (record.Change is { } change)
        {
            Write(buffer, change);
        }
    }

    /// <summary>The member with its text, or nothing where the text is null.</summary>
    public static void Text(LineBuffer buffer, ReadOnlySpan<byte> opening, ReadOnlySpan<char> text, int limit)
    {
        if (text.Length > limit)
        {
            text = text[..(char.IsHighSurrogate(text[limit - 1]) ? limit - 1 : limit)];
        }

        buffer.Append(opening);
        Span<byte> room = buffer.Reserve((text.Length * 6) + 1);
        int written = 0;
        if (text.ContainsAnyExcept(Plain) || Ascii.FromUtf16(text, room, out written) != OperationStatus.Done)
        {
            written = Escape(text, room);
        }

        room[written] = (byte)'"';
        buffer.Advance(written + 1);
    }

    private static void Text(LineBuffer buffer, ReadOnlySpan<byte> opening, string? text, int limit)
    {
        if (text is not null)
        {
            Text(buffer, opening, text.AsSpan(), limit);
        }
    }

    // Whatever could act on a terminal or a log viewer (controls, bidirectional marks, separators, private and unassigned
    // characters) is written as \u escapes; half a surrogate pair becomes U+FFFD.
    private static int Escape(ReadOnlySpan<char> text, Span<byte> room)
    {
        int at = 0;
        while (!text.IsEmpty)
        {
            Rune.DecodeFromUtf16(text, out Rune rune, out int consumed);
            text = text[consumed..];
            if (rune.Value is '"' or '\\')
            {
                room[at++] = (byte)'\\';
                room[at++] = (byte)rune.Value;
            }
            else if (IsVisible(rune))
            {
                at += rune.EncodeToUtf8(room[at..]);
            }
            else if (rune.IsBmp)
            {
                at += EscapeUnit(rune.Value, room[at..]);
            }
            else
            {
                at += EscapeUnit(0xD800 + ((rune.Value - 0x10000) >> 10), room[at..]);
                at += EscapeUnit(0xDC00 + ((rune.Value - 0x10000) & 0x3FF), room[at..]);
            }
        }

        return at;
    }

    private static bool IsVisible(Rune rune) => rune.Value == ' ' || Rune.GetUnicodeCategory(rune) is not (
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse or
        UnicodeCategory.OtherNotAssigned or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator);

    private static int EscapeUnit(int unit, Span<byte> room)
    {
        ReadOnlySpan<byte> digits = "0123456789abcdef"u8;
        room[0] = (byte)'\\';
        room[1] = (byte)'u';
        room[2] = digits[(unit >> 12) & 15];
        room[3] = digits[(unit >> 8) & 15];
        room[4] = digits[(unit >> 4) & 15];
        room[5] = digits[unit & 15];
        return 6;
    }

    private static void Write(LineBuffer buffer, AuditChange change)
    {
        if (change.Versions.Count + change.Rows.Count > AuditChange.MaxRows)
        {
            throw new ArgumentException($"a change lists at most {AuditChange.MaxRows} rows", nameof(change));
        }

        buffer.Append(",\"change\":{"u8);
        if (change.Uid is { } uid)
        {
            if (uid.Length != 32 || uid.AsSpan().ContainsAnyExcept(LowerHex))
            {
                throw new ArgumentException("a uid is 32 lower-case hex digits", nameof(change));
            }

            Text(buffer, "\"uid\":\""u8, uid, 32);
            buffer.Append(",\"revision\":["u8);
            buffer.Append(change.Revision.Before);
            buffer.Append((byte)',');
            buffer.Append(change.Revision.After);
            buffer.Append("],\"versions\":["u8);
            for (int i = 0; i < change.Versions.Count; i++)
            {
                AuditVersionRevision version = change.Versions[i];
                buffer.Append(i == 0 ? "["u8 : ",["u8);
                buffer.Append(version.Number);
                Pair(buffer, version.Before, version.After);
            }

            buffer.Append("],"u8);
        }
        else if (change.Versions.Count > 0 || change.Gone != default || change.Revision != default)
        {
            throw new ArgumentException("versions belong to a secret: the uid is missing", nameof(change));
        }

        buffer.Append("\"rows\":["u8);
        for (int i = 0; i < change.Rows.Count; i++)
        {
            AuditRowRevision row = change.Rows[i];
            if (row.Id.Length is 0 or > AuditLimits.RowId || row.Id.AsSpan().ContainsAnyExcept(Plain))
            {
                throw new ArgumentException($"the key of a row is 1–{AuditLimits.RowId} printable ASCII characters", nameof(change));
            }

            Text(buffer, i == 0 ? "[\""u8 : ",[\""u8, AuditRowNames.NameOf(row.Kind), 16);
            Text(buffer, ",\""u8, row.Id, AuditLimits.RowId);
            Pair(buffer, row.Before, row.After);
        }

        buffer.Append((byte)']');
        if (change.Gone != default)
        {
            Span<byte> gone = stackalloc byte[32];
            change.Gone.WriteTo(gone);
            buffer.Append(",\"gone\":\""u8);
            buffer.AppendHex(gone);
            buffer.Append((byte)'"');
        }

        buffer.Append((byte)'}');
    }

    private static void Pair(LineBuffer buffer, long before, long after)
    {
        if (before < 0 || after < 0)
        {
            throw new ArgumentException("revisions are 0 or more");
        }

        buffer.Append((byte)',');
        buffer.Append(before);
        buffer.Append((byte)',');
        buffer.Append(after);
        buffer.Append((byte)']');
    }
}

/// <summary>Names of <see cref="AuditRowKind"/> as they are written.</summary>
internal static class AuditRowNames
{
    private static readonly string[] Names = ["", "secret", "version", "policy", "principal", "group", "credential", "trust", "vault", "approval"];

    public static string NameOf(AuditRowKind kind) => kind is > AuditRowKind.Version and <= AuditRowKind.Approval
        ? Names[(int)kind]
        : throw new ArgumentException("secrets and versions are not listed among the other rows", nameof(kind));

    public static bool TryParse(string? name, out AuditRowKind kind)
    {
        kind = (AuditRowKind)int.Max(0, Array.IndexOf(Names, name));
        return kind > AuditRowKind.Version;
    }
}
