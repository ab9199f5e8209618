using System.Buffers;
using System.Collections.Immutable;
using Coffer.Core.Stores;

namespace Coffer.Core.Secrets;

/// <summary>Which wires can express a name. Stores keep the answer with the head row, so the rules never change for a name once written.</summary>
public static class WireExpression
{
    private const int AzureLength = 127, GoogleLength = 255;

    private static readonly SearchValues<char> Aws = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_+=.@-!");
    private static readonly SearchValues<char> Google = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");

    /// <summary>
    /// Every answer that <see cref="For"/> can give: the alphabets lie within one another (Azure in Google in AWS), and
    /// what has no '/' has no empty segment. A listing of one wire merges the few masks that contain it.
    /// </summary>
    public static ImmutableArray<WireNames> Masks { get; } =
    [
        WireNames.Aws | WireNames.Azure | WireNames.Google | WireNames.Vault,
        WireNames.Aws | WireNames.Google | WireNames.Vault,
        WireNames.Aws | WireNames.Vault,
        WireNames.Aws,
        WireNames.Vault,
        WireNames.None,
    ];

    /// <summary>The wires that can express <paramref name="name"/>.</summary>
    public static WireNames For(SecretName name)
    {
        ReadOnlySpan<char> text = name.Value;
        WireNames wires = WireNames.None;
        if (!text.ContainsAnyExcept(Aws))
        {
            wires |= WireNames.Aws;
            if (text.Length <= GoogleLength && !text.ContainsAnyExcept(Google))
            {
                wires |= WireNames.Google;
                if (text.Length <= AzureLength && !text.Contains('_'))
                {
                    wires |= WireNames.Azure;
                }
            }
        }

        if (text[0] != '/' && text[^1] != '/' && !text.Contains("//", StringComparison.Ordinal))
        {
            wires |= WireNames.Vault;
        }

        return wires;
    }
}
