using System.Diagnostics;
using System.Text.Json.Serialization;
using Coffer.Core.Secrets;

namespace Coffer.Core.Sealing;

/// <summary>
/// For throw-away servers: the sealing key exists only in this object, so that the store is unreadable once the process
/// is gone, however it ended.
/// </summary>
[HoldsSecret]
[DebuggerDisplay(SecretValue.Redacted)]
[JsonConverter(typeof(RedactedJsonConverter))]
public sealed class MemorySeal : ISeal, IDisposable
{
    /// <summary>The type as stored.</summary>
    public const string TypeName = "memory";

    [DebuggerBrowsable(DebuggerBrowsableState.Never)]
    private readonly SecretValue _key = KeyWrap.Draw();

    /// <inheritdoc/>
    public string Type => TypeName;

    /// <inheritdoc/>
    public (SealParameters Parameters, SecretValue Key) Create(SealParameters? inForce) =>
        (new() { Type = Type, KeyFingerprint = KeyWrap.Fingerprint(_key) }, SecretValue.Copy(_key.Span));

    /// <inheritdoc/>
    public SecretValue Open(SealParameters parameters) =>
        parameters.Type == Type && parameters.KeyFingerprint == KeyWrap.Fingerprint(_key)
            ? SecretValue.Copy(_key.Span)
            : throw new SealRefusedException(SealRefusal.Wrong, "the store was sealed by another process");

    /// <summary>Zeroes the key: nothing sealed with it opens any more.</summary>
    public void Dispose() => _key.Dispose();

    /// <summary>Always <c>***</c>.</summary>
    public override string ToString() => SecretValue.Redacted;
}
