using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Coffer.Workload.Doors;

/// <summary>How doors write: never to be cached, and zeroed once written.</summary>
internal static class DoorAnswer
{
    // Tokens are plain ASCII; HTML escapes would only make them longer.
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>One JSON object. The caller writes it with <see cref="WriteAsync"/>, which zeroes it.</summary>
    public static byte[] Object(Action<Utf8JsonWriter> members)
    {
        ArrayBufferWriter<byte> buffer = new(16 * 1024);
        using (Utf8JsonWriter writer = new(buffer, Options))
        {
            writer.WriteStartObject();
            members(writer);
            writer.WriteEndObject();
        }

        byte[] json = buffer.WrittenSpan.ToArray();
        buffer.Clear();
        return json;
    }

    /// <summary>Writes a body and zeroes it.</summary>
    public static async Task WriteAsync(HttpContext context, int status, byte[] body, string contentType = "application/json")
    {
        try
        {
            context.Response.StatusCode = status;
            context.Response.ContentType = contentType;
            context.Response.ContentLength = body.Length;
            context.Response.Headers.CacheControl = "no-store";
            if (!HttpMethods.IsHead(context.Request.Method))
            {
                await context.Response.Body.WriteAsync(body, context.RequestAborted).ConfigureAwait(false);
            }
        }
        finally
        {
            CryptographicOperations.ZeroMemory(body);
        }
    }

    /// <summary>Writes plain text.</summary>
    public static Task WriteTextAsync(HttpContext context, int status, string text, string contentType = "text/plain") => WriteAsync(context, status, Encoding.UTF8.GetBytes(text), contentType);

    /// <summary>Writes what <paramref name="answer"/> makes, or has <paramref name="refuse"/> say why there is nothing.</summary>
    public static async Task TryAsync(HttpContext context, Func<CancellationToken, ValueTask<byte[]>> answer, Func<int, string, Task> refuse, string contentType = "application/json")
    {
        if (await GetAsync(context, answer, refuse).ConfigureAwait(false) is { } body)
        {
            await WriteAsync(context, StatusCodes.Status200OK, body, contentType).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// What <paramref name="get"/> gets, or null: a refusal and a server that is away become what <paramref name="refuse"/> writes then, 403 with the
    /// server's words or 503, which every SDK tries again.
    /// </summary>
    public static async ValueTask<T?> GetAsync<T>(HttpContext context, Func<CancellationToken, ValueTask<T>> get, Func<int, string, Task> refuse)
        where T : class
    {
        try
        {
            return await get(context.RequestAborted).ConfigureAwait(false);
        }
        catch (WorkloadException refused)
        {
            await refuse(StatusCodes.Status403Forbidden, refused.Message).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is not OperationCanceledException || !context.RequestAborted.IsCancellationRequested)
        {
            context.Response.Headers.RetryAfter = "1";
            await refuse(StatusCodes.Status503ServiceUnavailable, "Coffer could not issue credentials").ConfigureAwait(false);
        }

        return null;
    }
}
