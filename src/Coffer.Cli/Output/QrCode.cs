using System.Text;

namespace Coffer.Cli.Output;

/// <summary>
/// A QR code (ISO/IEC 18004) of bytes, at level L: a screen has no dirt. Versions 1 to 9, which all have blocks of one size; up to 230
/// bytes, more than the address of an app's seed ever has.
/// </summary>
internal sealed class QrCode
{
    private const int MostBytes = 230, Quiet = 4, Level = 1;

    // By version: all codewords, those for errors in each block, and blocks.
    private static readonly (int All, int Errors, int Blocks)[] Sizes =
        [(26, 7, 1), (44, 10, 1), (70, 15, 1), (100, 20, 1), (134, 26, 1), (172, 18, 2), (196, 20, 2), (242, 24, 2), (292, 30, 2)];

    private readonly bool[,] _dark, _fixed;

    private QrCode(int version)
    {
        Version = version;
        Size = 17 + (4 * version);
        _dark = new bool[Size, Size];
        _fixed = new bool[Size, Size];
    }

    /// <summary>Version, 1 to 9.</summary>
    public int Version { get; }

    /// <summary>Modules in a row, without the quiet zone.</summary>
    public int Size { get; }

    /// <summary>Characters in a line of <see cref="Lines"/>.</summary>
    public int Width => Size + (2 * Quiet);

    /// <summary>Whether a module is dark; beyond the edge none is.</summary>
    public bool this[int x, int y] => x >= 0 && y >= 0 && x < Size && y < Size && _dark[y, x];

    /// <summary>The code of some bytes, as small as it gets; null where they are more than 230.</summary>
    public static QrCode? Of(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > MostBytes)
        {
            return null;
        }

        int version = 1;
        while (DataOf(version) < bytes.Length + 2)
        {
            version++;
        }

        QrCode code = new(version);
        code.DrawPatterns();
        code.DrawData(Interleave(version, Data(version, bytes)));
        code.DrawBestMask();
        return code;
    }

    /// <summary>Lines of half blocks with the quiet zone; the colours are said, since on a light terminal the code would be inside out.</summary>
    public IEnumerable<string> Lines()
    {
        for (int y = -Quiet; y < Size + Quiet; y += 2)
        {
            StringBuilder line = new("\u001b[38;5;16;48;5;231m");
            for (int x = -Quiet; x < Size + Quiet; x++)
            {
                line.Append((this[x, y], this[x, y + 1]) switch { (true, true) => '█', (true, false) => '▀', (false, true) => '▄', _ => ' ' });
            }

            yield return line.Append("\u001b[0m").ToString();
        }
    }

    private static int DataOf(int version) => Sizes[version - 1].All - (Sizes[version - 1].Errors * Sizes[version - 1].Blocks);

    /// <summary>Mode and length of eight bits each, the bytes between their nibbles, and padding.</summary>
    private static byte[] Data(int version, ReadOnlySpan<byte> bytes)
    {
        byte[] data = new byte[DataOf(version)];
        // The mode (0100) takes half a byte, so that everything after it lies across two.
        data[0] = (byte)(0x40 | (bytes.Length >> 4));
        data[1] = (byte)(bytes.Length << 4);
        for (int i = 0; i < bytes.Length; i++)
        {
            data[i + 1] |= (byte)(bytes[i] >> 4);
            data[i + 2] = (byte)(bytes[i] << 4);
        }

        for (int i = bytes.Length + 2, pad = 0; i < data.Length; i++, pad++)
        {
            data[i] = pad % 2 == 0 ? (byte)0xEC : (byte)0x11;
        }

        return data;
    }

    private static byte[] Interleave(int version, byte[] data)
    {
        (int all, int errors, int blocks) = Sizes[version - 1];
        int length = data.Length / blocks;
        byte[] divisor = Divisor(errors), result = new byte[all];
        for (int block = 0; block < blocks; block++)
        {
            ReadOnlySpan<byte> part = data.AsSpan(block * length, length);
            byte[] remainder = Remainder(part, divisor);
            for (int i = 0; i < length; i++)
            {
                result[(i * blocks) + block] = part[i];
            }

            for (int i = 0; i < errors; i++)
            {
                result[data.Length + (i * blocks) + block] = remainder[i];
            }
        }

        return result;
    }

    /// <summary>(x − 1)(x − 2)…(x − 2^(n−1)) over GF(256), highest power first and left out.</summary>
    private static byte[] Divisor(int degree)
    {
        byte[] result = new byte[degree];
        result[^1] = 1;
        byte root = 1;
        for (int i = 0; i < degree; i++)
        {
            for (int j = 0; j < degree; j++)
            {
                result[j] = (byte)(Multiply(result[j], root) ^ (j + 1 < degree ? result[j + 1] : 0));
            }

            root = Multiply(root, 2);
        }

        return result;
    }

    private static byte[] Remainder(ReadOnlySpan<byte> data, byte[] divisor)
    {
        byte[] result = new byte[divisor.Length];
        foreach (byte value in data)
        {
            byte factor = (byte)(value ^ result[0]);
            for (int i = 0; i < result.Length; i++)
            {
                result[i] = (byte)((i + 1 < result.Length ? result[i + 1] : 0) ^ Multiply(divisor[i], factor));
            }
        }

        return result;
    }

    private static byte Multiply(byte one, byte other)
    {
        int product = 0;
        for (int bit = 7; bit >= 0; bit--)
        {
            product = (product << 1) ^ ((product >> 7) * 0x11D) ^ (((other >> bit) & 1) * one);
        }

        return (byte)product;
    }

    private void Fix(int x, int y, bool dark) => (_dark[y, x], _fixed[y, x]) = (dark, true);

    private void DrawPatterns()
    {
        for (int i = 0; i < Size; i++)
        {
            Fix(6, i, i % 2 == 0);
            Fix(i, 6, i % 2 == 0);
        }

        foreach ((int x, int y) in (ReadOnlySpan<(int, int)>)[(3, 3), (Size - 4, 3), (3, Size - 4)])
        {
            for (int dy = -4; dy <= 4; dy++)
            {
                for (int dx = -4; dx <= 4; dx++)
                {
                    int distance = Math.Max(Math.Abs(dx), Math.Abs(dy));
                    if (x + dx >= 0 && x + dx < Size && y + dy >= 0 && y + dy < Size)
                    {
                        Fix(x + dx, y + dy, distance is not (2 or 4));
                    }
                }
            }
        }

        int[] places = Version switch { 1 => [], < 7 => [6, Size - 7], _ => [6, (Size - 1) / 2, Size - 7] };
        foreach (int y in places)
        {
            foreach (int x in places)
            {
                if ((x, y) is not (6, 6) && (x, y) != (6, Size - 7) && (x, y) != (Size - 7, 6))
                {
                    for (int dy = -2; dy <= 2; dy++)
                    {
                        for (int dx = -2; dx <= 2; dx++)
                        {
                            Fix(x + dx, y + dy, Math.Max(Math.Abs(dx), Math.Abs(dy)) != 1);
                        }
                    }
                }
            }
        }

        DrawFormat(0);
        if (Version >= 7)
        {
            int bits = (Version << 12) | Check(Version, 12, 0x1F25);
            for (int i = 0; i < 18; i++)
            {
                int far = Size - 11 + (i % 3), near = i / 3;
                Fix(far, near, ((bits >> i) & 1) != 0);
                Fix(near, far, ((bits >> i) & 1) != 0);
            }
        }
    }

    /// <summary>Level and mask, twice, with their own check bits.</summary>
    private void DrawFormat(int mask)
    {
        int data = (Level << 3) | mask, bits = ((data << 10) | Check(data, 10, 0x537)) ^ 0x5412;
        for (int i = 0; i < 15; i++)
        {
            bool dark = ((bits >> i) & 1) != 0;
            // Round the first finder, past the timing pattern; and along the edges of the two others.
            (int x, int y) = i < 6 ? (8, i) : i < 8 ? (8, i + 1) : i == 8 ? (7, 8) : (14 - i, 8);
            Fix(x, y, dark);
            (x, y) = i < 8 ? (Size - 1 - i, 8) : (8, Size - 15 + i);
            Fix(x, y, dark);
        }

        Fix(8, Size - 8, true);
    }

    private static int Check(int data, int length, int generator)
    {
        int remainder = data;
        for (int i = 0; i < length; i++)
        {
            remainder = (remainder << 1) ^ ((remainder >> (length - 1)) * generator);
        }

        return remainder;
    }

    /// <summary>Two columns at a time from the right, up and down in turns, round what is fixed.</summary>
    private void DrawData(byte[] codewords)
    {
        int bit = 0;
        for (int right = Size - 1; right >= 1; right -= 2)
        {
            right = right == 6 ? 5 : right;
            for (int step = 0; step < Size; step++)
            {
                bool upward = ((right + 1) & 2) == 0;
                int y = upward ? Size - 1 - step : step;
                for (int x = right; x >= right - 1; x--)
                {
                    if (!_fixed[y, x] && bit < codewords.Length * 8)
                    {
                        _dark[y, x] = ((codewords[bit >> 3] >> (7 - (bit & 7))) & 1) != 0;
                        bit++;
                    }
                }
            }
        }
    }

    private void DrawBestMask()
    {
        (int best, int least) = (0, int.MaxValue);
        for (int mask = 0; mask < 8; mask++)
        {
            DrawMask(mask);
            int penalty = Penalty();
            (best, least) = penalty < least ? (mask, penalty) : (best, least);
            DrawMask(mask);
        }

        DrawMask(best);
    }

    /// <summary>Turns over what the mask says; a second time turns it back.</summary>
    private void DrawMask(int mask)
    {
        DrawFormat(mask);
        for (int y = 0; y < Size; y++)
        {
            for (int x = 0; x < Size; x++)
            {
                bool over = mask switch
                {
                    0 => (x + y) % 2 == 0,
                    1 => y % 2 == 0,
                    2 => x % 3 == 0,
                    3 => (x + y) % 3 == 0,
                    4 => ((x / 3) + (y / 2)) % 2 == 0,
                    5 => (x * y % 2) + (x * y % 3) == 0,
                    6 => ((x * y % 2) + (x * y % 3)) % 2 == 0,
                    _ => (((x + y) % 2) + (x * y % 3)) % 2 == 0,
                };
                _dark[y, x] ^= over && !_fixed[y, x];
            }
        }
    }

    /// <summary>How hard it is to read: long runs, squares, what looks like a finder, and too much of one shade.</summary>
    private int Penalty()
    {
        int penalty = 0, dark = 0;
        for (int y = 0; y < Size; y++)
        {
            int across = 0, down = 0, lastAcross = 0, lastDown = 0;
            for (int x = 0; x < Size; x++)
            {
                across = x > 0 && this[x, y] == this[x - 1, y] ? across + 1 : 1;
                down = x > 0 && this[y, x] == this[y, x - 1] ? down + 1 : 1;
                penalty += across == 5 ? 3 : across > 5 ? 1 : 0;
                penalty += down == 5 ? 3 : down > 5 ? 1 : 0;
                dark += this[x, y] ? 1 : 0;
                penalty += x > 0 && y > 0 && this[x, y] == this[x - 1, y] && this[x, y] == this[x, y - 1] && this[x, y] == this[x - 1, y - 1] ? 3 : 0;
                lastAcross = ((lastAcross << 1) | (this[x, y] ? 1 : 0)) & 0x7FF;
                lastDown = ((lastDown << 1) | (this[y, x] ? 1 : 0)) & 0x7FF;
                penalty += x >= 10 && lastAcross is (0x05D or 0x5D0) ? 40 : 0;
                penalty += x >= 10 && lastDown is (0x05D or 0x5D0) ? 40 : 0;
            }
        }

        return penalty + (Math.Abs((dark * 20) - (Size * Size * 10)) / (Size * Size) * 10);
    }
}
