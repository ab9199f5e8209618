using System.Text.Json.Serialization;

namespace Coffer.Core.Sealing;

/// <summary>Public parameters of a seal, as stored. Members that a type does not use are null.</summary>
public sealed record SealParameters
{
    /// <summary><c>keyfile</c>, <c>passphrase</c>, <c>shamir</c> or <c>memory</c>.</summary>
    public required string Type { get; init; }

    /// <summary>Fingerprint of the sealing key: tells a wrong key from a damaged table.</summary>
    public required string KeyFingerprint { get; init; }

    /// <summary>Salt of the passphrase, base64.</summary>
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

    /// <summary>Names the set of shares; a share of another set is refused.</summary>
    public string? SetId { get; init; }
}

/// <summary>The key table's public part, as JSON.</summary>
internal sealed record SealDocument
{
    public required SealParameters Seal { get; init; }

    /// <summary>The root key under the sealing key.</summary>
    public required byte[] WrappedRoot { get; init; }

    /// <summary>The audit signing key under the root key.</summary>
    public required byte[] WrappedAuditKey { get; init; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(SealDocument))]
internal sealed partial class SealJson : JsonSerializerContext;

/// <summary>Why a seal does not give its key.</summary>
public enum SealRefusal
{
    /// <summary>The key file, passphrase or shares are missing.</summary>
    Missing = 1,

    /// <summary>They are of another installation, or wrong.</summary>
    Wrong = 2,

    /// <summary>A key file that others can read, a link, or foreign property.</summary>
    Unsafe = 3,

    /// <summary>A share that is damaged, given twice, or of another set.</summary>
    BadShare = 4,

    /// <summary>Parameters weaker than the minimum: somebody weakened the table.</summary>
    Weakened = 5,

    /// <summary>This seal cannot open a table of that type.</summary>
    OtherType = 6,
}

/// <summary>A seal did not give its key. The message never holds key material.</summary>
/// <param name="reason">Why.</param>
/// <param name="message">For people.</param>
public sealed class SealRefusedException(SealRefusal reason, string message) : Exception(message)
{
    /// <summary>Why.</summary>
    public SealRefusal Reason { get; } = reason;
}

/// <summary>
/// What protects the root key: it makes, and later gives again, a sealing key of 32 bytes. Keys it hands out are zeroed by
/// who asked.
/// </summary>
public interface ISeal
{
    /// <summary>The type as stored.</summary>
    string Type { get; }

    /// <summary>Makes a new sealing key and its public parameters. What it writes must not replace what opens now until <see cref="Commit"/>.</summary>
    (SealParameters Parameters, byte[] Key) Create();

    /// <summary>Puts what <see cref="Create"/> made in the place of what opened before. Called after the table was replaced; may be repeated.</summary>
    void Commit();

    /// <summary>The sealing key for stored parameters, or <see cref="SealRefusedException"/>.</summary>
    byte[] Open(SealParameters parameters);
}
