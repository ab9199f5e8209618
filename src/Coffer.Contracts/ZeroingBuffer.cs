using System.Buffers;
using System.Security.Cryptography;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Coffer.Contracts;

/// <summary>A growing pooled buffer for JSON that may hold values: every array is zeroed before it goes back.</summary>
public sealed class ZeroingBuffer : IBufferWriter<byte>, IDisposable
{
    /// <summary>
    /// How JSON is written: only what JSON itself demands is escaped, since it is served as JSON and never as part of a
    /// page, and a value of 1 MiB should not become one of six.
    /// </summary>
    public static JsonWriterOptions Json { get; } = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(1024);
    private int _written;

    /// <summary>What was written so far.</summary>
    public ReadOnlyMemory<byte> WrittenMemory => _buffer.AsMemory(0, _written);

    /// <summary>What was written so far.</summary>
    public ReadOnlySpan<byte> WrittenSpan => _buffer.AsSpan(0, _written);

    /// <summary>Writes one object as JSON into a new buffer. The caller disposes it.</summary>
    public static ZeroingBuffer Of<T>(T value, JsonTypeInfo<T> type)
    {
        ZeroingBuffer buffer = new();
        try
        {
            using Utf8JsonWriter writer = new(buffer, Json);
            JsonSerializer.Serialize(writer, value, type);
            writer.Flush();
            return buffer;
        }
        catch
        {
            buffer.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Reads a stream to its end into a new buffer, or answers null where it is longer than <paramref name="limit"/> bytes.
    /// </summary>
    public static async ValueTask<ZeroingBuffer?> ReadAsync(Stream stream, int limit, CancellationToken cancellationToken)
    {
        ZeroingBuffer buffer = new();
        try
        {
            while (true)
            {
                int read = await stream.ReadAsync(buffer.GetMemory(1), cancellationToken).ConfigureAwait(false);
                if (read == 0)
                {
                    return buffer;
                }

                buffer.Advance(read);
                if (buffer._written > limit)
                {
                    buffer.Dispose();
                    return null;
                }
            }
        }
        catch
        {
            buffer.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, _buffer.Length - _written);
        _written += count;
    }

    /// <inheritdoc/>
    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        int needed = Math.Max(sizeHint, 1);
        if (_buffer.Length - _written < needed)
        {
            byte[] larger = ArrayPool<byte>.Shared.Rent(Math.Max(_buffer.Length * 2, checked(_written + needed)));
            _buffer.AsSpan(0, _written).CopyTo(larger);
            Return(_buffer);
            _buffer = larger;
        }

        return _buffer.AsMemory(_written);
    }

    /// <inheritdoc/>
    public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_buffer.Length > 0)
        {
            Return(_buffer);
            _buffer = [];
            _written = 0;
        }
    }

    /// <inheritdoc/>
    public override string ToString() => "***";

    // The whole array: a writer may have used more than it advanced by.
    private static void Return(byte[] buffer)
    {
        CryptographicOperations.ZeroMemory(buffer);
        ArrayPool<byte>.Shared.Return(buffer);
    }
}
