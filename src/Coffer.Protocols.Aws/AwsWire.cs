using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Coffer.Protocols.Aws;

/// <summary>Bytes on their way in or out, in a pooled buffer that is zeroed when it goes: answers hold values, canonical requests hold session tokens.</summary>
internal sealed class AwsBuffer : IBufferWriter<byte>, IDisposable
{
    private byte[]? _bytes;

    public AwsBuffer(int capacity) => _bytes = ArrayPool<byte>.Shared.Rent(Math.Max(capacity, 256));

    public int Length { get; private set; }

    public ReadOnlyMemory<byte> Memory => Live.AsMemory(0, Length);

    public ReadOnlySpan<byte> Span => Live.AsSpan(0, Length);

    private byte[] Live => _bytes ?? throw new ObjectDisposedException(nameof(AwsBuffer));

    public void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, Live.Length - Length);
        Length += count;
    }

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Ensure(sizeHint);
        return Live.AsMemory(Length);
    }

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Ensure(sizeHint);
        return Live.AsSpan(Length);
    }

    public void Write(byte value)
    {
        Ensure(1);
        _bytes![Length++] = value;
    }

    public void Write(ReadOnlySpan<byte> bytes)
    {
        Ensure(bytes.Length);
        bytes.CopyTo(_bytes.AsSpan(Length));
        Length += bytes.Length;
    }

    /// <summary>Writes text as UTF-8.</summary>
    public void Write(ReadOnlySpan<char> text)
    {
        Ensure(Encoding.UTF8.GetMaxByteCount(text.Length));
        Length += Encoding.UTF8.GetBytes(text, _bytes.AsSpan(Length));
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _bytes, null) is { } bytes)
        {
            Return(bytes, Length);
        }
    }

    public override string ToString() => "***";

    private void Ensure(int more)
    {
        byte[] bytes = Live;
        if (bytes.Length - Length < Math.Max(1, more))
        {
            byte[] larger = ArrayPool<byte>.Shared.Rent(Math.Max(bytes.Length * 2, Length + more));
            bytes.AsSpan(0, Length).CopyTo(larger);
            _bytes = larger;
            Return(bytes, Length);
        }
    }

    private static void Return(byte[] bytes, int used)
    {
        CryptographicOperations.ZeroMemory(bytes.AsSpan(0, used));
        ArrayPool<byte>.Shared.Return(bytes);
    }
}

/// <summary>Bytes on the wire: limits, content types, requests in and answers out.</summary>
internal static partial class AwsWire
{
    public const string JsonContentType = "application/x-amz-json-1.1";

    public const string XmlContentType = "text/xml";

    public const string StsNamespace = "https://sts.amazonaws.com/doc/2011-06-15/";

    public const string IamNamespace = "https://iam.amazonaws.com/doc/2010-05-08/";

    /// <summary>The namespace of the service that a query request was for.</summary>
    public static string NamespaceOf(HttpContext context) => context.Features.Get<AwsExchange>()?.Service == AwsExchange.Iam ? IamNamespace : StsNamespace;

    /// <summary>Room for the largest value with every byte escaped, and then some; what is longer than the model allows must still get the model's own error.</summary>
    public const long MaxBodyBytes = 1024 * 1024;

    public const int MaxValueBytes = 65_536;

    public const int MaxStages = 20;

    public const int MaxPasswordLength = 4096;

    public const int MaxTags = 50;

    /// <summary>Not HTML: only what JSON itself asks for is escaped.</summary>
    public static readonly JsonWriterOptions WriterOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    /// <summary>Sends what was written as the whole answer. The status is set already.</summary>
    public static async Task SendAsync(HttpContext context, AwsBuffer buffer, string contentType)
    {
        context.Response.ContentType = contentType;
        context.Response.ContentLength = buffer.Length;
        await context.Response.BodyWriter.WriteAsync(buffer.Memory, context.RequestAborted).ConfigureAwait(false);
    }

    /// <summary>Sends a 200 of the JSON protocol.</summary>
    public static Task SendJsonAsync(HttpContext context, AwsBuffer buffer)
    {
        context.Response.Headers["x-amzn-RequestId"] = context.RequestId();
        return SendAsync(context, buffer, JsonContentType);
    }
}
