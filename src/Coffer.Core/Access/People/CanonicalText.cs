using System.Buffers;
using System.Collections.Frozen;
using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Coffer.Core.Secrets;

namespace Coffer.Core.Access.People;

/// <summary>
/// Normalisation form C, so that a password is the same whichever keyboard composed its letters. The runtime's own does nothing
/// without a globalisation library, and says that it did; this one works from Unicode's table and leaves no copy behind.
/// </summary>
internal static class CanonicalText
{
    private const int HangulS = 0xAC00, HangulL = 0x1100, HangulV = 0x1161, HangulT = 0x11A7, HangulVs = 21, HangulTs = 28, HangulSs = 11172;

    // The longest canonical decomposition of one character.
    private const int LongestDecomposition = 4;

    private static readonly Lazy<Tables> Unicode = new(Load);

    /// <summary>The text in form C as UTF-8 and how many characters that is; null where the bytes are no UTF-8.</summary>
    public static (SecretValue Text, int Characters)? Compose(ReadOnlySpan<byte> utf8)
    {
        if (!System.Text.Unicode.Utf8.IsValid(utf8))
        {
            return null;
        }

        int[] buffer = ArrayPool<int>.Shared.Rent(Math.Max(1, utf8.Length * LongestDecomposition));
        try
        {
            int length = Decompose(utf8, buffer);
            Order(buffer.AsSpan(0, length));
            length = Compose(buffer.AsSpan(0, length));
            return (Encode(buffer.AsSpan(0, length)), length);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(MemoryMarshal.AsBytes(buffer.AsSpan()));
            ArrayPool<int>.Shared.Return(buffer);
        }
    }

    private static int Decompose(ReadOnlySpan<byte> utf8, int[] target)
    {
        int length = 0;
        while (!utf8.IsEmpty)
        {
            Rune.DecodeFromUtf8(utf8, out Rune rune, out int consumed);
            utf8 = utf8[consumed..];
            length = Append(rune.Value, target, length);
        }

        return length;
    }

    private static int Append(int code, int[] target, int length)
    {
        if (code is >= HangulS and < HangulS + HangulSs)
        {
            int index = code - HangulS, last = index % HangulTs;
            target[length++] = HangulL + (index / (HangulVs * HangulTs));
            target[length++] = HangulV + (index % (HangulVs * HangulTs) / HangulTs);
            if (last != 0)
            {
                target[length++] = HangulT + last;
            }

            return length;
        }

        if (code < 0xC0 || !Unicode.Value.Parts.TryGetValue(code, out (int First, int Second) parts))
        {
            target[length++] = code;
            return length;
        }

        length = Append(parts.First, target, length);
        return parts.Second == 0 ? length : Append(parts.Second, target, length);
    }

    /// <summary>Marks that stand on one letter, in the order of their class; equal classes keep theirs.</summary>
    private static void Order(Span<int> codes)
    {
        for (int start = 0; start < codes.Length; start++)
        {
            int end = start;
            while (end < codes.Length && ClassOf(codes[end]) != 0)
            {
                end++;
            }

            if (end - start > 1)
            {
                // The place behind the class: equal classes keep their order. Time does not grow with the square of what somebody piled up.
                Span<int> marks = codes[start..end];
                long[] keys = GC.AllocateUninitializedArray<long>(marks.Length);
                for (int i = 0; i < marks.Length; i++)
                {
                    keys[i] = ((long)ClassOf(marks[i]) << 32) | (uint)i;
                }

                keys.AsSpan().Sort(marks);
                CryptographicOperations.ZeroMemory(MemoryMarshal.AsBytes(keys.AsSpan()));
            }

            start = end;
        }
    }

    private static int Compose(Span<int> codes)
    {
        int length = 0, starter = -1, before = 0;
        for (int i = 0; i < codes.Length; i++)
        {
            int code = codes[i], own = ClassOf(code);
            // Nothing with the same or a higher class may stand between a letter and the mark it takes in.
            bool reaches = starter >= 0 && (starter == length - 1 || (before != 0 && before < own));
            if (reaches && Pair(codes[starter], code) is { } whole)
            {
                codes[starter] = whole;
                continue;
            }

            if (own == 0)
            {
                starter = length;
            }

            before = own;
            codes[length++] = code;
        }

        return length;
    }

    private static int? Pair(int first, int second)
    {
        if (first is >= HangulL and < HangulL + 19 && second is >= HangulV and < HangulV + HangulVs)
        {
            return HangulS + ((((first - HangulL) * HangulVs) + (second - HangulV)) * HangulTs);
        }

        if (first is >= HangulS and < HangulS + HangulSs && (first - HangulS) % HangulTs == 0 && second is > HangulT and < HangulT + HangulTs)
        {
            return first + (second - HangulT);
        }

        return second < 0x300 || !Unicode.Value.Wholes.TryGetValue((first, second), out int whole) ? null : whole;
    }

    private static SecretValue Encode(ReadOnlySpan<int> codes)
    {
        SecretValue text = SecretValue.Rent(codes.Length * 4);
        int length = 0;
        foreach (int code in codes)
        {
            length += new Rune(code).EncodeToUtf8(text.Buffer[length..]);
        }

        text.Truncate(length);
        return text;
    }

    private static int ClassOf(int code)
    {
        if (code < 0x300)
        {
            return 0;
        }

        (int First, int Last, int Class)[] classes = Unicode.Value.Classes;
        int low = 0, high = classes.Length - 1;
        while (low <= high)
        {
            int middle = (low + high) / 2;
            if (code < classes[middle].First)
            {
                high = middle - 1;
            }
            else if (code > classes[middle].Last)
            {
                low = middle + 1;
            }
            else
            {
                return classes[middle].Class;
            }
        }

        return 0;
    }

    private static Tables Load()
    {
        Dictionary<int, (int First, int Second)> parts = [];
        Dictionary<(int First, int Second), int> wholes = [];
        List<(int First, int Last, int Class)> classes = [];
        using StreamReader reader = new(Assembly.GetExecutingAssembly().GetManifestResourceStream("canonical.txt")!);
        while (reader.ReadLine() is { } line)
        {
            string[] words = line.Split(' ');
            if (words[0] is not ("D" or "X" or "C"))
            {
                continue;
            }

            int[] numbers = [.. words.Skip(1).Take(words[0] == "C" ? 2 : 3).Select(w => int.Parse(w, NumberStyles.HexNumber, CultureInfo.InvariantCulture))];
            if (words[0] == "C")
            {
                classes.Add((numbers[0], numbers[1], int.Parse(words[3], CultureInfo.InvariantCulture)));
                continue;
            }

            parts[numbers[0]] = (numbers[1], numbers.Length > 2 ? numbers[2] : 0);
            if (words[0] == "D")
            {
                wholes[(numbers[1], numbers[2])] = numbers[0];
            }
        }

        return new(parts.ToFrozenDictionary(), wholes.ToFrozenDictionary(), [.. classes]);
    }

    private sealed record Tables(FrozenDictionary<int, (int First, int Second)> Parts, FrozenDictionary<(int First, int Second), int> Wholes, (int First, int Last, int Class)[] Classes);
}
