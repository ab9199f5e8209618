using System.Security.Cryptography;
using Coffer.Core.Secrets;

namespace Coffer.Core.Sealing;

/// <summary>
/// Shamir's secret sharing over GF(2⁸) with the field of AES (x⁸+x⁴+x³+x+1), byte by byte: share i is the value at i of a
/// random polynomial whose value at 0 is the secret. Fewer shares than the threshold say nothing about it. No table and no
/// branch depends on a secret.
/// </summary>
internal static class Shamir
{
    public const int MostShares = 16;
    public const int LeastThreshold = 2;

    /// <summary>The shares for 1, 2, 3 …, each as long as the secret.</summary>
    public static SecretValue[] Split(ReadOnlySpan<byte> secret, int threshold, int shares)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threshold, LeastThreshold);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(threshold, shares);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(shares, MostShares);
        using SecretValue coefficients = SecretValue.Rent((threshold - 1) * secret.Length);
        RandomNumberGenerator.Fill(coefficients.Buffer);
        SecretValue[] result = new SecretValue[shares];
        for (int share = 0; share < shares; share++)
        {
            SecretValue value = SecretValue.Rent(secret.Length);
            byte x = (byte)(share + 1);
            for (int i = 0; i < secret.Length; i++)
            {
                byte y = 0;
                for (int c = threshold - 2; c >= 0; c--)
                {
                    y = Multiply((byte)(y ^ coefficients.Span[(c * secret.Length) + i]), x);
                }

                value.Buffer[i] = (byte)(y ^ secret[i]);
            }

            result[share] = value;
        }

        return result;
    }

    /// <summary>
    /// Interpolates at 0. <paramref name="points"/> are distinct and not 0; the caller verifies the result, since shares of
    /// different secrets, or too few, give a wrong one.
    /// </summary>
    public static SecretValue Combine(ReadOnlySpan<byte> points, IReadOnlyList<SecretValue> values)
    {
        SecretValue secret = SecretValue.Rent(values[0].Length);
        for (int j = 0; j < points.Length; j++)
        {
            byte weight = 1;
            for (int m = 0; m < points.Length; m++)
            {
                if (m != j)
                {
                    weight = Multiply(weight, Multiply(points[m], Invert((byte)(points[m] ^ points[j]))));
                }
            }

            ReadOnlySpan<byte> value = values[j].Span;
            for (int i = 0; i < value.Length; i++)
            {
                secret.Buffer[i] ^= Multiply(value[i], weight);
            }
        }

        return secret;
    }

    /// <summary>The product in the field, in the same eight steps for all factors.</summary>
    internal static byte Multiply(byte left, byte right)
    {
        uint a = left, b = right, product = 0;
        for (int bit = 0; bit < 8; bit++)
        {
            product ^= (0u - (b & 1)) & a;
            a = (a << 1) ^ ((0u - (a >> 7)) & 0x11Bu);
            b >>= 1;
        }

        return (byte)product;
    }

    /// <summary>The inverse, as the 254th power; 0 for 0.</summary>
    internal static byte Invert(byte value)
    {
        byte square = value, result = 1;
        for (int i = 0; i < 7; i++)
        {
            square = Multiply(square, square);
            result = Multiply(result, square);
        }

        return result;
    }
}
