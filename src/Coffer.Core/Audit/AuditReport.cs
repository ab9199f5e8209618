using System.Globalization;

namespace Coffer.Core.Audit;

/// <summary>What is wrong at one place of the trail. Names are printed and frozen.</summary>
public enum AuditProblemKind
{
    /// <summary>A line was altered, or is no line of a trail at all.</summary>
    Changed = 1,

    /// <summary>Lines are missing between two others.</summary>
    Dropped = 2,

    /// <summary>A line stands somewhere else than it was written.</summary>
    Reordered = 3,

    /// <summary>A line stands twice.</summary>
    Duplicated = 4,

    /// <summary>The end of the trail is missing.</summary>
    CutOff = 5,

    /// <summary>The signature of a checkpoint, or the MAC of the head, is not right.</summary>
    BadSignature = 6,

    /// <summary>A checkpoint is signed but contradicts the lines before it.</summary>
    BadCheckpoint = 7,

    /// <summary>The last line is incomplete: a crash while it was written. It was never acknowledged; the next start removes it.</summary>
    TornTail = 8,

    /// <summary>A file of the trail is missing.</summary>
    MissingFile = 9,

    /// <summary>A row of the store is older than the trail says.</summary>
    StaleRow = 10,

    /// <summary>A row that the trail knows is not in the store.</summary>
    MissingRow = 11,

    /// <summary>A row of the store is newer than the trail says, or unknown to it.</summary>
    UnrecordedRow = 12,
}

/// <summary>One problem.</summary>
/// <param name="Kind">What is wrong.</param>
/// <param name="File">The file's name without folder, or '' for a row of the store.</param>
/// <param name="Line">The line in that file, from 1; 0 = the file as a whole.</param>
/// <param name="Sequence">The record's number in the trail; 0 = not known.</param>
/// <param name="Detail">A sentence for people; holds no text from the trail but numbers.</param>
public sealed record AuditProblem(AuditProblemKind Kind, string File, long Line, long Sequence, string Detail)
{
    /// <summary>Whether a signed record of the break, written at a later start, names this very place.</summary>
    public bool Accepted { get; init; }

    /// <inheritdoc/>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{(File.Length == 0 ? "store" : File)}{(Line > 0 ? $":{Line}" : "")}{(Sequence > 0 ? $" (record {Sequence})" : "")}: {Kind}: {Detail}");
}

/// <summary>What a verification found.</summary>
public sealed record AuditReport
{
    /// <summary>The problems in the order of the trail, at most 10,000 of them.</summary>
    public required IReadOnlyList<AuditProblem> Problems { get; init; }

    /// <summary>How many problems there are, listed or not.</summary>
    public long ProblemCount { get; init; }

    /// <summary>Files read.</summary>
    public int Files { get; init; }

    /// <summary>Records read that are right.</summary>
    public long Records { get; init; }

    /// <summary>Checkpoints read whose signature is right.</summary>
    public long Checkpoints { get; init; }

    /// <summary>Breaks that somebody accepted at a start.</summary>
    public int Breaks { get; init; }

    /// <summary>Bytes read.</summary>
    public long Bytes { get; init; }

    /// <summary>Number of the last record.</summary>
    public long LastSequence { get; init; }

    /// <summary>The state hash at the end of the trail.</summary>
    public AuditStateHash State { get; init; }

    /// <summary>Nothing is wrong but what was accepted, and at most an incomplete last line.</summary>
    public bool Sound => ProblemCount == Problems.Count && Problems.All(static p => p.Accepted || p.Kind == AuditProblemKind.TornTail);

    /// <summary>The first problem that is not accepted, or null.</summary>
    public AuditProblem? First => Problems.FirstOrDefault(static p => !p.Accepted);
}

/// <summary>One row as the store has it, for <see cref="AuditVerifier.VerifyStoreAsync"/>.</summary>
/// <param name="Kind">The table; versions go with their secret.</param>
/// <param name="Id">The key in canonical text: the uid's 32 hex digits, a GUID in its plain form, a public id.</param>
/// <param name="Revision">The row's revision, 1 or more.</param>
/// <param name="Versions">A secret's versions and their revisions; empty otherwise.</param>
public sealed record AuditStoreRow(AuditRowKind Kind, string Id, long Revision, IReadOnlyList<(int Number, long Revision)> Versions);
