using System.Buffers;
using System.Buffers.Text;
using System.Text;
using System.Text.Json;

namespace Coffer.Trusts.Tokens;

/// <summary>
/// A signed token taken apart (RFC 7515, compact form), its signature not yet verified. Of the header only <c>alg</c> and <c>kid</c>
/// are read: a key, or where to get one, is never taken from the token itself.
/// </summary>
internal sealed class CompactToken : IDisposable
{
    /// <summary>Longest token, in characters.</summary>
    public const int MaxLength = 16 * 1024;

    private const int MaxKeyId = 256;

    private static readonly SearchValues<char> Alphabet = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

    private readonly JsonDocument _claims;

    private CompactToken(string algorithm, string? keyId, byte[] signed, byte[] signature, JsonDocument claims) =>
        (Algorithm, KeyId, Signed, Signature, _claims) = (algorithm, keyId, signed, signature, claims);

    public string Algorithm { get; }

    public string? KeyId { get; }

    /// <summary>What the signature is over.</summary>
    public byte[] Signed { get; }

    public byte[] Signature { get; }

    /// <summary>The payload, an object.</summary>
    public JsonElement Claims => _claims.RootElement;

    /// <summary>Takes a token apart. Null, and a reason that holds nothing of it, where it is none.</summary>
    public static CompactToken? Parse(string text, out string reason)
    {
        reason = "not a signed token";
        if (text.Length > MaxLength)
        {
            reason = "the token is too long";
            return null;
        }

        Span<Range> parts = stackalloc Range[4];
        if (text.AsSpan().Split(parts, '.') != 3 || Decode(text.AsSpan(parts[0])) is not { } header || Decode(text.AsSpan(parts[1])) is not { } payload || Decode(text.AsSpan(parts[2])) is not { } signature)
        {
            return null;
        }

        using JsonDocument? head = StrictJson.ParseObject(header);
        if (head is null || StrictJson.Text(head.RootElement, "alg") is not { Length: > 0 } algorithm)
        {
            reason = "the token's header is malformed";
            return null;
        }

        // An extension that must be understood (RFC 7515, 4.1.11): none is.
        if (head.RootElement.TryGetProperty("crit", out _) || head.RootElement.TryGetProperty("b64", out _) || head.RootElement.TryGetProperty("zip", out _))
        {
            reason = "the token uses an extension that is not understood";
            return null;
        }

        string? keyId = StrictJson.Text(head.RootElement, "kid");
        if (keyId is { Length: > MaxKeyId } || (keyId is null && head.RootElement.TryGetProperty("kid", out _)))
        {
            reason = "the token's header is malformed";
            return null;
        }

        if (StrictJson.ParseObject(payload) is not { } claims)
        {
            reason = "the token's claims are malformed or repeated";
            return null;
        }

        return new(algorithm, keyId, Encoding.ASCII.GetBytes(text[..(parts[1].End.GetOffset(text.Length))]), signature, claims);
    }

    public void Dispose() => _claims.Dispose();

    /// <summary>Base64url in its one canonical form: no padding, no white space, no stray bits at the end.</summary>
    internal static byte[]? Decode(ReadOnlySpan<char> text)
    {
        if (text.IsEmpty || text.ContainsAnyExcept(Alphabet) || text.Length % 4 == 1)
        {
            return null;
        }

        try
        {
            byte[] bytes = Base64Url.DecodeFromChars(text);
            return text.SequenceEqual(Base64Url.EncodeToString(bytes)) ? bytes : null;
        }
        catch (FormatException)
        {
            return null;
        }
    }
}
