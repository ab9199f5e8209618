using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Coffer.Core.Secrets;

namespace Coffer.Core.Access.People;

/// <summary>One-time codes of RFC 6238 as every app makes them: HMAC-SHA-1, six digits, thirty seconds.</summary>
internal static class OneTimeCodes
{
    /// <summary>Bytes of a seed: those of the hash (RFC 4226, section 4).</summary>
    public const int SeedBytes = 20;

    /// <summary>Digits of a code.</summary>
    public const int Digits = 6;

    private const int StepSeconds = 30;
    private const string Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

    /// <summary>The time step of a time in UTC microseconds.</summary>
    public static long StepOf(long now) => now / Microseconds.PerSecond / StepSeconds;

    /// <summary>The code of one step.</summary>
    public static int CodeOf(ReadOnlySpan<byte> seed, long step)
    {
        Span<byte> counter = stackalloc byte[8];
        BinaryPrimitives.WriteInt64BigEndian(counter, step);
        Span<byte> hash = stackalloc byte[HMACSHA1.HashSizeInBytes];
#pragma warning disable CA5350 // RFC 6238 with what the apps speak; an HMAC does not need a hash that resists collisions.
        HMACSHA1.HashData(seed, counter, hash);
#pragma warning restore CA5350
        int offset = hash[^1] & 0xF;
        int code = (int)((BinaryPrimitives.ReadUInt32BigEndian(hash[offset..]) & 0x7FFF_FFFF) % 1_000_000);
        CryptographicOperations.ZeroMemory(hash);
        return code;
    }

    /// <summary>The step, from the one before now to the one after, whose code it is; null where it is none. Six ASCII digits and nothing else are a code.</summary>
    public static long? StepFor(ReadOnlySpan<byte> seed, string code, long now)
    {
        if (code.Length != Digits || code.AsSpan().ContainsAnyExceptInRange('0', '9'))
        {
            return null;
        }

        int given = int.Parse(code, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture);
        long current = StepOf(now);
        long? found = null;
        for (long step = current - 1; step <= current + 1; step++)
        {
            // All three, whichever it is.
            found = CodeOf(seed, step) == given ? step : found;
        }

        return found;
    }

    /// <summary>The seed as apps take it: base32 without padding.</summary>
    public static SecretValue Base32(ReadOnlySpan<byte> seed)
    {
        SecretValue text = SecretValue.Rent(seed.Length * 8 / 5);
        for (int i = 0; i < text.Length; i++)
        {
            int bit = i * 5, pair = (seed[bit / 8] << 8) | (bit / 8 + 1 < seed.Length ? seed[(bit / 8) + 1] : 0);
            text.Buffer[i] = (byte)Alphabet[(pair >> (11 - (bit % 8))) & 31];
        }

        return text;
    }

    /// <summary>The address that apps read from a picture.</summary>
    public static SecretValue Uri(ReadOnlySpan<byte> seed, PrincipalName name)
    {
        byte[] before = Encoding.ASCII.GetBytes($"otpauth://totp/Coffer:{name}?secret=");
        ReadOnlySpan<byte> after = "&issuer=Coffer&algorithm=SHA1&digits=6&period=30"u8;
        using SecretValue text = Base32(seed);
        SecretValue uri = SecretValue.Rent(before.Length + text.Length + after.Length);
        before.CopyTo(uri.Buffer);
        text.Span.CopyTo(uri.Buffer[before.Length..]);
        after.CopyTo(uri.Buffer[(before.Length + text.Length)..]);
        return uri;
    }
}

/// <summary>Recovery codes: 80 random bits, each good once, for whoever lost the app.</summary>
internal static class RecoveryCodes
{
    /// <summary>How many are made at a time.</summary>
    public const int Count = 10;

    /// <summary>Characters of one: four groups of four and the hyphens between.</summary>
    public const int Length = 19;

    // No letter that could be read as a digit.
    private const string Alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

    /// <summary>A new code.</summary>
    public static SecretValue Draw()
    {
        SecretValue code = SecretValue.Rent(Length);
        Span<byte> random = stackalloc byte[16];
        RandomNumberGenerator.Fill(random);
        for (int i = 0, at = 0; i < random.Length; i++)
        {
            if (i is 4 or 8 or 12)
            {
                code.Buffer[at++] = (byte)'-';
            }

            // 32 characters divide 256: every one is as likely.
            code.Buffer[at++] = (byte)Alphabet[random[i] & 31];
        }

        CryptographicOperations.ZeroMemory(random);
        return code;
    }

    /// <summary>Whether the text could be one, exactly as it is written.</summary>
    public static bool IsOne(string text)
    {
        if (text.Length != Length)
        {
            return false;
        }

        for (int i = 0; i < text.Length; i++)
        {
            if (i % 5 == 4 ? text[i] != '-' : !Alphabet.Contains(text[i], StringComparison.Ordinal))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>What is hashed of it: it is good for one person only.</summary>
    public static byte[] Bound(Guid person, ReadOnlySpan<byte> code) => [.. "recovery-code/"u8, .. person.ToByteArray(bigEndian: true), .. code];
}
