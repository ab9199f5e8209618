using System.Buffers;
using System.IO.Pipelines;
using System.Security.Cryptography;
using Coffer.Core.Errors;
using Microsoft.AspNetCore.Http;

namespace Coffer.Protocols;

/// <summary>
/// A request body in one buffer that is zeroed when it goes: bodies of writes hold values. Never logged.
/// </summary>
public sealed class RequestBody : IDisposable
{
    private const int FirstBytes = 4096;

    private byte[]? _buffer;
    private int _length;

    private RequestBody(byte[] buffer) => _buffer = buffer;

    /// <summary>The bytes.</summary>
    public ReadOnlyMemory<byte> Memory => (_buffer ?? throw new ObjectDisposedException(nameof(RequestBody))).AsMemory(0, _length);

    /// <summary>The bytes.</summary>
    public ReadOnlySpan<byte> Span => Memory.Span;

    /// <summary>Reads the whole body; more than <paramref name="limit"/> bytes is <see cref="CofferErrorCode.TooLarge"/>.</summary>
    public static async ValueTask<RequestBody> ReadAsync(HttpContext context, long limit)
    {
        long? declared = context.Request.ContentLength;
        if (declared > limit)
        {
            throw Error.TooLarge("request body", limit);
        }

        RequestBody body = new(ArrayPool<byte>.Shared.Rent((int)Math.Min(limit, declared ?? FirstBytes)));
        try
        {
            PipeReader reader = context.Request.BodyReader;
            while (true)
            {
                ReadResult read = await reader.ReadAsync(context.RequestAborted).ConfigureAwait(false);
                long length = body._length + read.Buffer.Length;
                if (length <= limit)
                {
                    body.Append(read.Buffer);
                }

                reader.AdvanceTo(read.Buffer.End);
                if (length > limit)
                {
                    throw Error.TooLarge("request body", limit);
                }

                // What was declared is all there is: asking for the end as well would cost as much as the reading did.
                if (read.IsCompleted || length == declared)
                {
                    return body;
                }
            }
        }
        catch
        {
            body.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _buffer, null) is { } buffer)
        {
            Return(buffer, _length);
        }
    }

    /// <inheritdoc/>
    public override string ToString() => "***";

    private void Append(in ReadOnlySequence<byte> bytes)
    {
        int length = _length + (int)bytes.Length;
        if (length > _buffer!.Length)
        {
            byte[] old = _buffer;
            byte[] larger = ArrayPool<byte>.Shared.Rent(Math.Max(old.Length * 2, length));
            old.AsSpan(0, _length).CopyTo(larger);
            _buffer = larger;
            Return(old, _length);
        }

        bytes.CopyTo(_buffer.AsSpan(_length));
        _length = length;
    }

    private static void Return(byte[] buffer, int used)
    {
        CryptographicOperations.ZeroMemory(buffer.AsSpan(0, used));
        ArrayPool<byte>.Shared.Return(buffer);
    }
}
