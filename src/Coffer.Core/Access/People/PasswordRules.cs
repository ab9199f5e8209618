using System.Buffers;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;

namespace Coffer.Core.Access.People;

/// <summary>
/// What a new password must be: long, and none of those that are tried first. No demand for digits or signs, which only moves
/// people to the same few patterns.
/// </summary>
internal static partial class PasswordRules
{
    /// <summary>Least characters, counted in form C.</summary>
    public const int MinLength = 12;

    /// <summary>Most characters.</summary>
    public const int MaxLength = 256;

    /// <summary>Most bytes looked at: more than the longest password can have in any form.</summary>
    public const int MaxBytes = MaxLength * 16;

    private static readonly SearchValues<char> Dates = SearchValues.Create("0123456789 -./:");

    /// <summary>The password in the form that is hashed; throws InvalidRequest where it may not be one.</summary>
    public static SecretValue Check(SecretValue typed, PrincipalName owner)
    {
        if (typed.Length > MaxBytes || CanonicalText.Compose(typed.Span) is not { } canonical)
        {
            throw Error.InvalidRequest($"a password is {MinLength} to {MaxLength} characters of text", "password");
        }

        string? fault = canonical.Characters is < MinLength or > MaxLength ? $"a password has {MinLength} to {MaxLength} characters" : FaultOf(canonical.Text.Span, owner.Value);
        if (fault is null)
        {
            return canonical.Text;
        }

        canonical.Text.Dispose();
        throw Error.InvalidRequest(fault, "password");
    }

    /// <summary>The form that is hashed, for a comparison; null for what can be nobody's password.</summary>
    public static SecretValue? Canonical(SecretValue typed) =>
        typed.Length > MaxBytes || CanonicalText.Compose(typed.Span) is not { } canonical ? null : canonical.Text;

    private static string? FaultOf(ReadOnlySpan<byte> utf8, string owner)
    {
        char[] buffer = GC.AllocateUninitializedArray<char>(utf8.Length, pinned: true);
        try
        {
            Span<char> text = buffer.AsSpan(0, Encoding.UTF8.GetChars(utf8, buffer));
            foreach (ref char c in text)
            {
                if (char.IsControl(c))
                {
                    return "a password has no control characters";
                }

                c = char.ToLowerInvariant(c);
            }

            return IsRepetition(text) || IsRun(text) || !text.ContainsAnyExcept(Dates) ? "the password is a pattern that is tried first"
                : IsMadeOf(Letters(text, signs: false), owner) || IsMadeOf(Letters(text, signs: true), owner) ? "the password is one of the commonest, or the name with little around it"
                : null;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(MemoryMarshal.AsBytes(buffer.AsSpan()));
        }
    }

    /// <summary>Whether it is a short piece over and over.</summary>
    private static bool IsRepetition(ReadOnlySpan<char> text)
    {
        for (int period = 1; period <= 4; period++)
        {
            if (text[period..].SequenceEqual(text[..^period]))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether it walks along the keyboard, the alphabet or the digits, forwards or backwards.</summary>
    private static bool IsRun(ReadOnlySpan<char> text)
    {
        foreach (string row in Rows)
        {
            if (row.AsSpan().Contains(text, StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The letters alone; with <paramref name="signs"/> in place, those that signs inside the text stand for.</summary>
    private static Span<char> Letters(Span<char> text, bool signs)
    {
        Span<char> rest = text;
        while (signs && !rest.IsEmpty && !char.IsLetter(rest[^1]))
        {
            rest = rest[..^1];
        }

        while (signs && !rest.IsEmpty && !char.IsLetter(rest[0]) && rest[0] is not ('@' or '$'))
        {
            rest = rest[1..];
        }

        char[] letters = GC.AllocateUninitializedArray<char>(rest.Length, pinned: true);
        int length = 0;
        foreach (char c in rest)
        {
            char plain = !signs ? c : c switch { '0' => 'o', '1' => 'i', '3' => 'e', '4' or '@' => 'a', '5' or '$' => 's', '7' => 't', _ => c };
            if (char.IsLetter(plain))
            {
                letters[length++] = plain;
            }
        }

        return letters.AsSpan(0, length);
    }

    /// <summary>Whether nothing is left of it but common words and the name.</summary>
    private static bool IsMadeOf(Span<char> letters, string owner)
    {
        ReadOnlySpan<char> text = letters;
        if (text.Length is 0 or > 40)
        {
            CryptographicOperations.ZeroMemory(MemoryMarshal.AsBytes(letters));
            return false;
        }

        Span<bool> reached = stackalloc bool[text.Length + 1];
        reached.Clear();
        reached[0] = true;
        for (int end = 1; end <= text.Length; end++)
        {
            for (int start = 0; start < end && !reached[end]; start++)
            {
                ReadOnlySpan<char> word = text[start..end];
                reached[end] = reached[start] && (Known.Contains(word) || word.SequenceEqual(owner));
            }
        }

        CryptographicOperations.ZeroMemory(MemoryMarshal.AsBytes(letters));
        return reached[^1];
    }
}
