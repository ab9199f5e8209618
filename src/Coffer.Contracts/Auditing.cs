using System.ComponentModel.DataAnnotations;

namespace Coffer.Contracts;

/// <summary>One record of the audit trail.</summary>
public sealed record AuditEvent
{
    /// <summary>Number in the trail, from 1 without gaps.</summary>
    public required long Sequence { get; init; }

    /// <summary>The record's id.</summary>
    public required Guid Id { get; init; }

    /// <summary>When it was decided.</summary>
    public required DateTimeOffset Time { get; init; }

    /// <summary>The wire that asked.</summary>
    public required string Dialect { get; init; }

    /// <summary>The operation as that wire calls it.</summary>
    public required string WireOperation { get; init; }

    /// <summary>The core operations asked, separated by <c>+</c>.</summary>
    public required string Action { get; init; }

    /// <summary>Name of the principal, or absent where nobody was proved.</summary>
    public string? Principal { get; init; }

    /// <summary>Id of the principal.</summary>
    public Guid? PrincipalId { get; init; }

    /// <summary>Public id of the credential.</summary>
    public string? Credential { get; init; }

    /// <summary>The vault.</summary>
    public string? Vault { get; init; }

    /// <summary>The secret, or the object of an administrative call.</summary>
    public string? Name { get; init; }

    /// <summary>The version asked for.</summary>
    public string? Version { get; init; }

    /// <summary>How it ended.</summary>
    [AllowedValues("allow", "deny", "fail")]
    public required string Decision { get; init; }

    /// <summary>The rule that decided, or why it was refused.</summary>
    public required string Reason { get; init; }

    /// <summary>The peer's address.</summary>
    public string? Address { get; init; }

    /// <summary>What the client calls itself.</summary>
    public string? UserAgent { get; init; }

    /// <summary>The id under which the answer and the log know the request.</summary>
    public required string RequestId { get; init; }
}

/// <summary>Which records; what is absent does not matter.</summary>
public sealed record AuditSearch
{
    /// <summary>Name of the principal, exactly.</summary>
    public string? Principal { get; init; }

    /// <summary><c>vault/name</c>, by a pattern: <c>*</c> any run of characters, slashes too; <c>?</c> one.</summary>
    public string? Path { get; init; }

    /// <summary>The vault, exactly.</summary>
    public string? Vault { get; init; }

    /// <summary>The name, by a pattern: <c>*</c> any run of characters, <c>?</c> one.</summary>
    public string? Name { get; init; }

    /// <summary>One of the core operations, or the wire's own.</summary>
    public string? Action { get; init; }

    /// <summary>How it ended: allow, deny or fail.</summary>
    public string? Decision { get; init; }

    /// <summary>Public id of the credential, exactly.</summary>
    public string? Credential { get; init; }

    /// <summary>The peer's address, exactly.</summary>
    public string? Address { get; init; }

    /// <summary>The id under which an answer and the log know the request, exactly.</summary>
    public string? Request { get; init; }

    /// <summary>Not earlier.</summary>
    public DateTimeOffset? Since { get; init; }

    /// <summary>Earlier than this.</summary>
    public DateTimeOffset? Until { get; init; }

    /// <summary>Only that many, the newest; 1–100,000.</summary>
    public int? Limit { get; init; }
}

/// <summary>What a verification of the trail found.</summary>
public sealed record AuditVerification
{
    /// <summary>Nothing is wrong but what was accepted.</summary>
    public required bool Sound { get; init; }

    /// <summary>Records that are right.</summary>
    public long Records { get; init; }

    /// <summary>Files read.</summary>
    public int Files { get; init; }

    /// <summary>Checkpoints whose signature is right.</summary>
    public long Checkpoints { get; init; }

    /// <summary>Breaks that somebody accepted at a start.</summary>
    public int Breaks { get; init; }

    /// <summary>Bytes read.</summary>
    public long Bytes { get; init; }

    /// <summary>Number of the last record.</summary>
    public long LastSequence { get; init; }

    /// <summary>How many problems there are, listed or not.</summary>
    public long ProblemCount { get; init; }

    /// <summary>The first 1,000 problems in the order of the trail.</summary>
    public IReadOnlyList<AuditFault> Problems { get; init; } = [];
}

/// <summary>One problem of the trail.</summary>
public sealed record AuditFault
{
    /// <summary>What is wrong: <c>Changed</c>, <c>Dropped</c>, <c>Reordered</c>, <c>Duplicated</c>, <c>CutOff</c> …</summary>
    public required string Kind { get; init; }

    /// <summary>The file's name, or '' for a row of the store.</summary>
    public string File { get; init; } = "";

    /// <summary>The line in it, from 1; 0 = the file as a whole.</summary>
    public long Line { get; init; }

    /// <summary>The record's number; 0 = not known.</summary>
    public long Sequence { get; init; }

    /// <summary>A sentence for people.</summary>
    public string Detail { get; init; } = "";

    /// <summary>Whether a signed record of the break names this very place.</summary>
    public bool Accepted { get; init; }
}

/// <summary>How the index of the trail stands, and what was done to it now.</summary>
public sealed record AuditIndexState
{
    /// <summary>Files of the trail that are full; each has a segment. The file that still grows has none.</summary>
    public required int Files { get; init; }

    /// <summary>Segments that are there and sound; fewer than files where the folder cannot be written.</summary>
    public required int Segments { get; init; }

    /// <summary>Records in them.</summary>
    public required long Records { get; init; }

    /// <summary>Bytes of them.</summary>
    public required long Bytes { get; init; }

    /// <summary>Segments that were missing and are built now.</summary>
    public required int Missing { get; init; }

    /// <summary>Segments that were damaged and are built anew.</summary>
    public required int Damaged { get; init; }

    /// <summary>Segments of another file than the trail has, built anew.</summary>
    public required int Stale { get; init; }

    /// <summary>Segments that were sound and are built anew all the same.</summary>
    public required int Rebuilt { get; init; }

    /// <summary>Segments that queries found damaged or stale since the server's start, and built anew.</summary>
    public required int Repaired { get; init; }
}

/// <summary>Who read a secret's values, as far back as the trail goes.</summary>
public sealed record SecretReaders
{
    /// <summary>One for each principal and version, the last read first.</summary>
    public required IReadOnlyList<SecretReader> Readers { get; init; }
}

/// <summary>One principal that read one version.</summary>
public sealed record SecretReader
{
    /// <summary>Name of the principal.</summary>
    public required string Principal { get; init; }

    /// <summary>Number of the version.</summary>
    public required string Version { get; init; }

    /// <summary>How often.</summary>
    public required long Count { get; init; }

    /// <summary>The last time.</summary>
    public required DateTimeOffset Last { get; init; }

    /// <summary>Public id of the credential of the last time.</summary>
    public string? Credential { get; init; }

    /// <summary>The peer's address of the last time; absent for a call over the local socket.</summary>
    public string? Address { get; init; }

    /// <summary>The wire of the last time.</summary>
    public required string Dialect { get; init; }

    /// <summary>The id under which answer and log know the last request.</summary>
    public required string RequestId { get; init; }
}
