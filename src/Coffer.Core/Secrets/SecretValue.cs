using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using Coffer.Core.Sealing;

namespace Coffer.Core.Secrets;

/// <summary>
/// Plaintext, for as long as it is needed and no longer: a pinned buffer that the collector never copies, zeroed by
/// <see cref="Dispose"/>. Prints, serialises and logs as <c>***</c>.
/// </summary>
[HoldsSecret]
[JsonConverter(typeof(RedactedConverter))]
public sealed class SecretValue : IDisposable
{
    /// <summary>What every type that holds a secret prints as.</summary>
    public const string Redacted = "***";

    private byte[]? _buffer;

    private SecretValue(byte[] buffer, int length)
    {
        _buffer = buffer;
        Length = length;
    }

    /// <summary>Bytes of plaintext.</summary>
    public int Length { get; private set; }

    /// <summary>The plaintext. Throws <see cref="ObjectDisposedException"/> once disposed.</summary>
    public ReadOnlySpan<byte> Span => Live.AsSpan(0, Length);

    /// <summary>The plaintext for asynchronous writers. Must not outlive the value.</summary>
    public ReadOnlyMemory<byte> Memory => Live.AsMemory(0, Length);

    /// <summary>The buffer to fill after <see cref="Rent"/>.</summary>
    public Span<byte> Buffer => Live.AsSpan(0, Length);

    private byte[] Live => _buffer ?? throw new ObjectDisposedException(nameof(SecretValue));

    /// <summary>A value with a copy of <paramref name="plaintext"/>.</summary>
    public static SecretValue Copy(ReadOnlySpan<byte> plaintext)
    {
        SecretValue value = Rent(plaintext.Length);
        plaintext.CopyTo(value.Buffer);
        return value;
    }

    /// <summary>A value of <paramref name="length"/> bytes to be written through <see cref="Buffer"/>.</summary>
    public static SecretValue Rent(int length) => new(PinnedBuffers.Rent(length), length);

    /// <summary>Shortens the value to the bytes that were written; the rest is zeroed.</summary>
    public void Truncate(int length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length);
        CryptographicOperations.ZeroMemory(Live.AsSpan(length, Length - length));
        Length = length;
    }

    /// <summary>Compares in time that depends on the length only.</summary>
    public bool FixedTimeEquals(SecretValue other) => CryptographicOperations.FixedTimeEquals(Span, other.Span);

    /// <inheritdoc/>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _buffer, null) is { } buffer)
        {
            PinnedBuffers.Return(buffer, Length);
        }
    }

    /// <inheritdoc/>
    public override string ToString() => Redacted;

    private sealed class RedactedConverter : JsonConverter<SecretValue>
    {
        public override SecretValue Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            throw new NotSupportedException("a secret value is not read from JSON by a serializer");

        public override void Write(Utf8JsonWriter writer, SecretValue value, JsonSerializerOptions options) => writer.WriteStringValue(Redacted);
    }
}
