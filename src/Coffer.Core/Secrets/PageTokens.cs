using System.Buffers.Binary;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Coffer.Core.Access;
using Coffer.Core.Errors;
using Coffer.Core.Stores;

namespace Coffer.Core.Secrets;

/// <summary>
/// Continuation tokens: the key of the last row, authenticated and bound to who lists what, so that no client can seek
/// where its listing would not have come by itself. Stateless.
/// </summary>
/// <param name="key">A key derived for this purpose.</param>
internal sealed class PageTokens(byte[] key)
{
    private const int TagBytes = 16;

    /// <summary>Makes a token for <paramref name="position"/>. <paramref name="scope"/> is everything else about the listing, in one text.</summary>
    public string Make(Caller caller, string scope, SecretPosition position)
    {
        byte[] name = Encoding.UTF8.GetBytes(position.Name);
        byte[] token = new byte[16 + name.Length + TagBytes];
        BinaryPrimitives.WriteInt64BigEndian(token, position.Number);
        BinaryPrimitives.WriteInt64BigEndian(token.AsSpan(8), position.Id);
        name.CopyTo(token, 16);
        Tag(caller, scope, token.AsSpan(0, 16 + name.Length)).CopyTo(token.AsSpan(16 + name.Length));
        return Base64Url.EncodeToString(token);
    }

    /// <summary>Reads a token back, or throws <see cref="CofferErrorCode.InvalidPageToken"/>.</summary>
    public SecretPosition Read(Caller caller, string scope, string token)
    {
        byte[] bytes;
        try
        {
            bytes = token.Length <= 4096 ? Base64Url.DecodeFromChars(token) : [];
        }
        catch (FormatException)
        {
            throw Error.InvalidPageToken();
        }

        if (bytes.Length < 16 + TagBytes)
        {
            throw Error.InvalidPageToken();
        }

        Span<byte> body = bytes.AsSpan(0, bytes.Length - TagBytes);
        if (!CryptographicOperations.FixedTimeEquals(Tag(caller, scope, body), bytes.AsSpan(body.Length)))
        {
            throw Error.InvalidPageToken();
        }

        return new(BinaryPrimitives.ReadInt64BigEndian(body), Encoding.UTF8.GetString(body[16..]), BinaryPrimitives.ReadInt64BigEndian(body[8..]));
    }

    private ReadOnlySpan<byte> Tag(Caller caller, string scope, ReadOnlySpan<byte> body)
    {
        using IncrementalHash mac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, key);
        Span<byte> length = stackalloc byte[4];
        foreach (string part in (ReadOnlySpan<string>)[caller.Principal.Id.ToString("D"), caller.Dialect, scope])
        {
            byte[] bytes = Encoding.UTF8.GetBytes(part);
            BinaryPrimitives.WriteInt32BigEndian(length, bytes.Length);
            mac.AppendData(length);
            mac.AppendData(bytes);
        }

        mac.AppendData(body);
        return mac.GetHashAndReset().AsSpan(0, TagBytes);
    }
}
