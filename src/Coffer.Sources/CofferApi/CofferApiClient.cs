using System.Buffers;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text.Json;
using Coffer.Sources.References;

namespace Coffer.Sources.CofferApi;

/// <summary>What one reference gave: a text or an error. Never prints the text.</summary>
public sealed class ResolvedSecret
{
    /// <summary>A value.</summary>
    public ResolvedSecret(string text) => Text = text;

    /// <summary>The reason why there is none.</summary>
    public ResolvedSecret(SourceException error) => Error = error;

    /// <summary>The value, or null if there is an <see cref="Error"/>.</summary>
    public string? Text { get; }

    /// <summary>Why there is no value.</summary>
    public SourceException? Error { get; }

    /// <inheritdoc/>
    public override string ToString() => Error?.Message ?? "***";
}

/// <summary>Asks a local Coffer server or agent for secrets: <c>POST /coffer/v1/resolve</c>, a hundred references in one round trip.</summary>
public static class CofferApiClient
{
    /// <summary>References in one request: the server takes no more.</summary>
    internal const int BatchSize = 100;

    /// <summary>
    /// The values of <paramref name="references"/> in their order; each must name its vault. Throws <see cref="SourceException"/> when no
    /// trustworthy server answers (<see cref="SourceErrorKind.Unavailable"/>, <see cref="SourceErrorKind.Unsafe"/>) or it refuses the whole
    /// request; what it says about one reference is in that reference's result.
    /// </summary>
    public static IReadOnlyList<ResolvedSecret> Resolve(string socketPath, IReadOnlyList<CofferReference> references)
    {
        if (references.Count <= BatchSize)
        {
            return references.Count == 0 ? [] : Ask(socketPath, references);
        }

        List<ResolvedSecret> results = [];
        foreach (CofferReference[] batch in references.Chunk(BatchSize))
        {
            results.AddRange(Ask(socketPath, batch));
        }

        return results;
    }

    private static IReadOnlyList<ResolvedSecret> Ask(string socketPath, IReadOnlyList<CofferReference> references)
    {
        try
        {
            using Socket socket = CofferSocket.Connect(socketPath);
            using NetworkStream stream = new(socket);
            using HttpExchange exchange = new(stream);
            byte[] answer = exchange.Post("/coffer/v1/resolve", Request(references));
            try
            {
                return exchange.Status == 200 ? ResolveAnswer.Read(answer, references) : throw ResolveAnswer.Problem(exchange.Status, answer);
            }
            finally
            {
                CryptographicOperations.ZeroMemory(answer);
            }
        }
        catch (IOException)
        {
            throw new SourceException(SourceErrorKind.Unavailable, "the server did not answer within 10 seconds, or broke off", "look at the server's log");
        }
    }

    internal static byte[] Request(IReadOnlyList<CofferReference> references)
    {
        ArrayBufferWriter<byte> body = new();
        using (Utf8JsonWriter json = new(body))
        {
            json.WriteStartObject();
            json.WriteStartArray("references"u8);
            foreach (CofferReference reference in references)
            {
                json.WriteStartObject();
                json.WriteString("vault"u8, reference.Vault);
                json.WriteString("name"u8, reference.Name);
                if (reference.Version is { } version)
                {
                    json.WriteString("version"u8, version);
                }

                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        return body.WrittenSpan.ToArray();
    }
}
