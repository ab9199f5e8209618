using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json.Serialization;
using Coffer.Core.Sealing;

namespace Coffer.Core.Secrets;

/// <summary>
/// Plaintext for as long as somebody needs it: bytes that the collector never moves, zeroed at <see cref="Dispose"/>.
/// Prints and serialises as <c>***</c>. Belongs to one owner at a time: whoever disposes it must be the last to look at
/// <see cref="Span"/>, as the buffer serves the next value after that.
/// </summary>
[HoldsSecret]
[DebuggerDisplay(Redacted)]
[JsonConverter(typeof(RedactedJsonConverter))]
public sealed class SecretValue : IDisposable
{
    /// <summary>What every type that holds a secret prints as.</summary>
    public const string Redacted = "***";

    // No finaliser on purpose: it could run while the last caller still holds the span, and zeros would be sealed as a value.
    [DebuggerBrowsable(DebuggerBrowsableState.Never)]
    private byte[]? _buffer;

    private SecretValue(int length)
    {
        _buffer = PinnedBuffers.Rent(length);
        Length = length;
    }

    /// <summary>Bytes of plaintext; still known after <see cref="Dispose"/>.</summary>
    public int Length { get; private set; }

    /// <summary>The plaintext; valid until <see cref="Dispose"/>. Throws <see cref="ObjectDisposedException"/> after.</summary>
    [DebuggerBrowsable(DebuggerBrowsableState.Never)]
    public ReadOnlySpan<byte> Span => Buffer;

    /// <summary>The plaintext for asynchronous writers. Must not outlive the value.</summary>
    [DebuggerBrowsable(DebuggerBrowsableState.Never)]
    public ReadOnlyMemory<byte> Memory => Live.AsMemory(0, Length);

    /// <summary>The same bytes to be written by the decoder that rented them. Throws <see cref="ObjectDisposedException"/> after <see cref="Dispose"/>.</summary>
    [DebuggerBrowsable(DebuggerBrowsableState.Never)]
    public Span<byte> Buffer => Live.AsSpan(0, Length);

    [DebuggerBrowsable(DebuggerBrowsableState.Never)]
    private byte[] Live
    {
        get
        {
            byte[]? buffer = _buffer;
            ObjectDisposedException.ThrowIf(buffer is null, this);
            return buffer;
        }
    }

    /// <summary>Takes a copy; the caller zeroes its own.</summary>
    public static SecretValue Copy(ReadOnlySpan<byte> plaintext)
    {
        SecretValue value = new(plaintext.Length);
        plaintext.CopyTo(value.Buffer);
        return value;
    }

    /// <summary>A zeroed buffer of <paramref name="length"/> bytes (0 and up), to be filled through <see cref="Buffer"/>.</summary>
    public static SecretValue Rent(int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        return new(length);
    }

    /// <summary>Shortens the value to the bytes that were written; the rest is zeroed.</summary>
    public void Truncate(int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length);
        CryptographicOperations.ZeroMemory(Live.AsSpan(length, Length - length));
        Length = length;
    }

    /// <summary>Compares the content in a time that depends on the lengths only.</summary>
    public bool FixedTimeEquals(SecretValue other) => FixedTimeEquals(other.Span);

    /// <summary>Compares the content in a time that depends on the lengths only.</summary>
    public bool FixedTimeEquals(ReadOnlySpan<byte> other) => CryptographicOperations.FixedTimeEquals(Span, other);

    /// <summary>Zeroes the bytes. Further calls do nothing.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _buffer, null) is { } buffer)
        {
            PinnedBuffers.Return(buffer, Length);
        }
    }

    /// <summary>Always <c>***</c>.</summary>
    public override string ToString() => Redacted;
}
