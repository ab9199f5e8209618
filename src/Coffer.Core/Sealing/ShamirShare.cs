using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json.Serialization;
using Coffer.Core.Secrets;

namespace Coffer.Core.Sealing;

/// <summary>
/// One share, and its text: <c>coffer-share-</c> and 76 characters of RFC 4648 base32 in lower case (upper case is read too), for
/// <code>
///   layout 01 · set id 8 · threshold 1 · index 1 · value 32 · checksum 4         47 bytes
/// </code>
/// The set id is random and tells the shares of one split from those of another. The checksum, SHA-256 over a label and
/// what precedes, finds typing errors.
/// </summary>
[HoldsSecret]
[DebuggerDisplay(SecretValue.Redacted)]
[JsonConverter(typeof(RedactedJsonConverter))]
internal sealed class ShamirShare : IDisposable
{
    public const int ValueBytes = KeyWrap.KeyBytes;
    public const int SetBytes = 8;
    public const int TextLength = 13 + 76;

    private const byte Layout = 1;
    private const int ValueAt = 11, ChecksumAt = ValueAt + ValueBytes, ChecksumBytes = 4, PayloadBytes = ChecksumAt + ChecksumBytes;

    [DebuggerBrowsable(DebuggerBrowsableState.Never)]
    private readonly SecretValue _payload;

    private ShamirShare(SecretValue payload) => _payload = payload;

    private static ReadOnlySpan<byte> Prefix => "coffer-share-"u8;

    /// <summary>16 hex digits.</summary>
    public string Set => Convert.ToHexStringLower(_payload.Span.Slice(1, SetBytes));

    public byte Threshold => _payload.Span[9];

    public byte Index => _payload.Span[10];

    public ReadOnlySpan<byte> Value => _payload.Span.Slice(ValueAt, ValueBytes);

    public static ShamirShare Make(ReadOnlySpan<byte> set, byte threshold, byte index, ReadOnlySpan<byte> value)
    {
        SecretValue payload = SecretValue.Rent(PayloadBytes);
        payload.Buffer[0] = Layout;
        set.CopyTo(payload.Buffer.Slice(1, SetBytes));
        payload.Buffer[9] = threshold;
        payload.Buffer[10] = index;
        value.CopyTo(payload.Buffer[ValueAt..]);
        Checksum(payload.Span, payload.Buffer[ChecksumAt..]);
        return new(payload);
    }

    /// <summary>Reads the text, white space round it allowed; throws <see cref="SealRefusedException"/>.</summary>
    public static ShamirShare Parse(ReadOnlySpan<byte> text)
    {
        text = text.Trim(" \t\r\n"u8);
        if (text.Length != TextLength || !text.StartsWith(Prefix))
        {
            throw Malformed();
        }

        SecretValue payload = SecretValue.Rent(PayloadBytes);
        try
        {
            if (!Decode(text[Prefix.Length..], payload.Buffer) || payload.Span[0] != Layout)
            {
                throw Malformed();
            }

            Span<byte> checksum = stackalloc byte[ChecksumBytes];
            Checksum(payload.Span, checksum);
            if (!checksum.SequenceEqual(payload.Span[ChecksumAt..]))
            {
                throw new SealRefusedException(SealRefusal.BadShare, "the share was mistyped: its checksum does not match");
            }

            return new(payload);
        }
        catch
        {
            payload.Dispose();
            throw;
        }
    }

    public SecretValue ToText()
    {
        SecretValue text = SecretValue.Rent(TextLength);
        Prefix.CopyTo(text.Buffer);
        Encode(_payload.Span, text.Buffer[Prefix.Length..]);
        return text;
    }

    /// <summary>What the store keeps, to tell at once a share that was handed out from one that was not. Says nothing about 32 random bytes.</summary>
    public byte[] Digest() => SHA256.HashData(_payload.Span);

    public void Dispose() => _payload.Dispose();

    public override string ToString() => SecretValue.Redacted;

    private static SealRefusedException Malformed() => new(SealRefusal.BadShare, "that is not a share: one begins with coffer-share- and has 89 characters");

    private static void Checksum(ReadOnlySpan<byte> payload, Span<byte> target)
    {
        Span<byte> input = stackalloc byte[12 + ChecksumAt];
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        "coffer/share"u8.CopyTo(input);
        payload[..ChecksumAt].CopyTo(input[12..]);
        SHA256.HashData(input, digest);
        digest[..ChecksumBytes].CopyTo(target);
        CryptographicOperations.ZeroMemory(input);
    }

    // Base 32 by arithmetic: a table would be looked up at secret places.
    private static void Encode(ReadOnlySpan<byte> bytes, Span<byte> text)
    {
        for (int i = 0; i < text.Length; i++)
        {
            int bit = i * 5;
            int pair = (bytes[bit / 8] << 8) | ((bit / 8) + 1 < bytes.Length ? bytes[(bit / 8) + 1] : 0);
            int digit = (pair >> (11 - (bit % 8))) & 31;
            text[i] = (byte)('a' + digit - (((25 - digit) >> 31) & ('a' - '2' + 26)));
        }
    }

    // The spare bits at the end must be zero, so that a share has one text only.
    private static bool Decode(ReadOnlySpan<byte> text, Span<byte> bytes)
    {
        int bits = 0, held = 0, at = 0, wrong = 0;
        foreach (byte character in text)
        {
            int letter = (character | 0x20) - 'a', number = character - '2';
            int isLetter = (~letter & (letter - 26)) >> 31, isNumber = (~number & (number - 6)) >> 31;
            wrong |= ~(isLetter | isNumber);
            bits = ((bits << 5) | (isLetter & letter) | (isNumber & (number + 26))) & 0xFFFF;
            held += 5;
            if (held >= 8)
            {
                held -= 8;
                bytes[at++] = (byte)(bits >> held);
            }
        }

        return wrong == 0 && (bits & ((1 << held) - 1)) == 0;
    }
}
