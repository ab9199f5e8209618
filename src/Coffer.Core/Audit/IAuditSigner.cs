namespace Coffer.Core.Audit;

/// <summary>
/// Signs checkpoints and authenticates the head of the trail. The keys live with the keyring, never with the trail, so
/// that one who can write the trail's folder cannot make a trail that verifies. Thread-safe.
/// </summary>
public interface IAuditSigner
{
    /// <summary>The key in use: 1–64 of <c>A-Za-z0-9._:-</c>. May change while the trail is open; older keys still verify.</summary>
    string KeyId { get; }

    /// <summary>Signs under <see cref="KeyId"/>; 1–512 bytes.</summary>
    byte[] Sign(ReadOnlySpan<byte> data);

    /// <summary>Whether the signature is right; false for a key that is not known.</summary>
    bool Verify(string keyId, ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature);

    /// <summary>Writes a MAC of 32 bytes under <see cref="KeyId"/>. Called once per flush.</summary>
    void Mac(ReadOnlySpan<byte> data, Span<byte> mac);

    /// <summary>Compares a MAC in constant time; false for a key that is not known.</summary>
    bool VerifyMac(string keyId, ReadOnlySpan<byte> data, ReadOnlySpan<byte> mac);
}

/// <summary>
/// A further destination of the trail (a collector, a database). It is fed from what is durable, in order, by a loop of
/// its own that waits for it: it can lag behind for as long as it likes, and neither blocks nor loses a record.
/// </summary>
public interface IAuditSink
{
    /// <summary>
    /// The last record that this destination holds: it is given what comes behind it. 0 = from the beginning of the
    /// trail; <see cref="long.MaxValue"/> = only what is written from now on.
    /// </summary>
    ValueTask<long> LastSequenceAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Takes one or more whole lines, each ending in a line feed, checkpoints included. When it throws, the same lines
    /// come again after a pause that grows from one second to one minute.
    /// </summary>
    /// <param name="lines">UTF-8; valid only until the call ends.</param>
    /// <param name="cancellationToken">Ends when the trail is closed.</param>
    ValueTask WriteAsync(ReadOnlyMemory<byte> lines, CancellationToken cancellationToken);
}
