using System.Collections.Immutable;
using Coffer.Core.Secrets;

namespace Coffer.Core.Sealing;

/// <summary>Public parameters of a seal, as stored. Members that a type does not use are null.</summary>
public sealed record SealParameters
{
    /// <summary><c>keyfile</c>, <c>passphrase</c>, <c>shamir</c> or <c>memory</c>.</summary>
    public required string Type { get; init; }

    /// <summary>Fingerprint of the sealing key: tells a wrong key from a damaged table, and one key file from the next.</summary>
    public required string KeyFingerprint { get; init; }

    /// <summary>Salt of the passphrase.</summary>
    public byte[]? Salt { get; init; }

    /// <summary>Argon2id memory, KiB.</summary>
    public int? MemoryKib { get; init; }

    /// <summary>Argon2id passes.</summary>
    public int? Passes { get; init; }

    /// <summary>Argon2id lanes.</summary>
    public int? Lanes { get; init; }

    /// <summary>Shares needed.</summary>
    public int? Threshold { get; init; }

    /// <summary>Shares made.</summary>
    public int? Shares { get; init; }

    /// <summary>Names the set of shares, 16 hex digits; a share of another set is refused.</summary>
    public string? SetId { get; init; }

    /// <summary>SHA-256 of each share, by its index: a share that was never handed out is refused by itself, and spoils nothing.</summary>
    public ImmutableArray<byte[]>? ShareDigests { get; init; }

    /// <summary>Everything in canonical form: what the wrapped root key and the table's MAC are bound to.</summary>
    internal void Write(ref RowWriter row)
    {
        row.Write(Type);
        row.Write(KeyFingerprint);
        row.Write(Salt);
        row.Write(MemoryKib);
        row.Write(Passes);
        row.Write(Lanes);
        row.Write(Threshold);
        row.Write(Shares);
        row.Write(SetId);
        row.Write(ShareDigests?.Length ?? 0);
        foreach (byte[] digest in ShareDigests ?? [])
        {
            row.Write(digest);
        }
    }
}

/// <summary>
/// What protects the root key: it makes, and later gives again, a sealing key of 32 bytes. Who gets a key from it disposes it.
/// All methods throw <see cref="SealRefusedException"/>.
/// </summary>
public interface ISeal
{
    /// <summary>The type as stored.</summary>
    string Type { get; }

    /// <summary>
    /// Makes a new sealing key and its public parameters. What it keeps outside the store takes the place of nothing yet: until
    /// the store has committed, what opens now has to open still.
    /// </summary>
    /// <param name="inForce">The parameters in the store now; null before initialisation.</param>
    (SealParameters Parameters, SecretValue Key) Create(SealParameters? inForce);

    /// <summary>
    /// Finishes what <see cref="Create"/> began if that is what the store holds, and undoes it otherwise. Called when the store
    /// has committed, or will not; and, since a crash may have come between, by <see cref="Create"/> and <see cref="Open"/> themselves.
    /// </summary>
    /// <param name="inForce">The parameters in the store now.</param>
    void Settle(SealParameters inForce)
    {
    }

    /// <summary>The sealing key for stored parameters.</summary>
    SecretValue Open(SealParameters parameters);
}
