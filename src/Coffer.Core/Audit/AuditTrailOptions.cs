namespace Coffer.Core.Audit;

/// <summary>Where and how the trail is kept. Start-up configuration only: no request can reach any of it.</summary>
public sealed record AuditTrailOptions
{
    /// <summary>The trail's own folder; made with mode 0700 if it is missing, refused if others may enter it or if it is a link.</summary>
    public required string Directory { get; init; }

    /// <summary>Signs checkpoints.</summary>
    public required IAuditSigner Signer { get; init; }

    /// <summary>The clock of checkpoints and of waiting sinks.</summary>
    public required TimeProvider Clock { get; init; }

    /// <summary>A file that has reached this many bytes is closed and the next begun; 4 KiB or more. A batch is never split.</summary>
    public long FileBytes { get; init; } = 64 * 1024 * 1024;

    /// <summary>A checkpoint follows after this many records; 1 or more.</summary>
    public int CheckpointRecords { get; init; } = 10_000;

    /// <summary>A checkpoint follows after this long if anything was written; more than zero.</summary>
    public TimeSpan CheckpointInterval { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>
    /// How many bytes of records may wait for the disk. Beyond, appends are refused at once as unavailable, since the
    /// alternative is to queue until memory ends; 64 KiB or more.
    /// </summary>
    public int PendingBytes { get; init; } = 32 * 1024 * 1024;

    /// <summary>The latest checkpoint that the database kept, or null: a trail that ends before it was cut.</summary>
    public AuditCheckpoint? Expected { get; init; }

    /// <summary>Told of every checkpoint once it is durable; only the newest if several wait. A failure is tried again with the next.</summary>
    public Func<AuditCheckpoint, ValueTask>? OnCheckpoint { get; init; }

    /// <summary>Further destinations.</summary>
    public IReadOnlyList<IAuditSink> Sinks { get; init; } = [];

    /// <summary>
    /// Goes on behind a trail that is broken or cut: begins a new file with a signed record of the break. The damage stays
    /// where it is, for <see cref="AuditVerifier"/> to name.
    /// </summary>
    public bool AcceptBroken { get; init; }
}
