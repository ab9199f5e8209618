namespace Coffer.Core.Audit;

/// <summary>How a request ended. Numbers and names are stored and frozen.</summary>
public enum AuditDecision
{
    /// <summary>A policy allowed it.</summary>
    Allow = 1,

    /// <summary>A policy denied it, or none allowed it, or nobody proved to be anybody.</summary>
    Deny = 2,

    /// <summary>The caller was known and allowed, but a rule of the model refused it (conflict, quota, missing, sealed …).</summary>
    Fail = 3,
}

/// <summary>
/// One decision. Every member is text that is safe to keep for ever: there is no member that could hold a value, a
/// body or a token, and texts are cut to the length that their summary gives (UTF-16 characters). Control,
/// formatting and line-separating characters are written escaped, so that one record is always one line.
/// </summary>
public sealed record AuditRecord
{
    /// <summary>The record's own id: a UUID of version 7, made when the decision is made.</summary>
    public required Guid Id { get; init; }

    /// <summary>When it was decided, UTC microseconds.</summary>
    public required long Time { get; init; }

    /// <summary>The wire that asked (<c>aws</c>, <c>azure</c>, <c>google</c>, <c>vault</c>, <c>native</c>, <c>core</c>); up to 16.</summary>
    public required string Dialect { get; init; }

    /// <summary>The operation as that wire calls it; up to 128.</summary>
    public required string WireOperation { get; init; }

    /// <summary>The core operations that were asked, separated by <c>+</c>; up to 256.</summary>
    public required string Action { get; init; }

    /// <summary>Name of the principal, or null where nobody was proved; up to 128.</summary>
    public string? Principal { get; init; }

    /// <summary>Id of the principal.</summary>
    public Guid? PrincipalId { get; init; }

    /// <summary>Public id of the credential (access key id, accessor, key id …), never the secret part; up to 128.</summary>
    public string? Credential { get; init; }

    /// <summary>The vault; up to 64.</summary>
    public string? Vault { get; init; }

    /// <summary>The secret, or the object of an administrative call; up to 512.</summary>
    public string? Name { get; init; }

    /// <summary>The version asked for (number, id or label); up to 128.</summary>
    public string? Version { get; init; }

    /// <summary>How it ended.</summary>
    public required AuditDecision Decision { get; init; }

    /// <summary>The policy and statement that decided, or why it was refused; up to 512.</summary>
    public required string Reason { get; init; }

    /// <summary>The peer's address; up to 64.</summary>
    public string? Address { get; init; }

    /// <summary>What the client calls itself; up to 256.</summary>
    public string? UserAgent { get; init; }

    /// <summary>The id under which the answer and the log know this request; up to 128.</summary>
    public required string RequestId { get; init; }

    /// <summary>The revisions that a committed write moved, or null.</summary>
    public AuditChange? Change { get; init; }

    /// <summary>The record as UTF-8 JSON, without a place in a chain: what an outbox keeps.</summary>
    /// <exception cref="ArgumentException">The change lists more rows than <see cref="AuditChange.MaxRows"/>.</exception>
    public byte[] ToUtf8()
    {
        LineBuffer buffer = new(1024);
        buffer.Append((byte)'{');
        AuditRecordWriter.Write(buffer, this);
        buffer.Append((byte)'}');
        return buffer.Written.ToArray();
    }

    /// <summary>Reads what <see cref="ToUtf8"/> wrote.</summary>
    /// <exception cref="FormatException">These bytes are not a record.</exception>
    public static AuditRecord Parse(ReadOnlySpan<byte> utf8) =>
        AuditLine.TryParseRecord(utf8, out _, out AuditRecord? record)
            ? record
            : throw new FormatException("these bytes are not an audit record");
}
