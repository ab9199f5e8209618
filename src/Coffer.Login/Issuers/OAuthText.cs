using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;

namespace Coffer.Login.Issuers;

/// <summary>Small rules of the OAuth family of standards.</summary>
internal static class OAuthText
{
    /// <summary>A verifier for PKCE (RFC 7636), 256 bits.</summary>
    public static string NewVerifier() => Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));

    /// <summary>The challenge of a verifier, method S256.</summary>
    public static string Challenge(string verifier) => Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(verifier)));

    /// <summary>Compares texts without telling by its time how far they agree.</summary>
    public static bool AreSame(string? one, string other) => one is not null && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(one), Encoding.UTF8.GetBytes(other));

    /// <summary>An error code, where it is one: what a stranger sends does not reach the terminal otherwise.</summary>
    public static string Code(string? code) => code is { Length: > 0 and <= 64 } && code.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.') ? code : "an error without a code";

    /// <summary>Adds parameters to a query, after what it has.</summary>
    public static Uri With(Uri endpoint, params ReadOnlySpan<(string Name, string Value)> parameters)
    {
        StringBuilder text = new(endpoint.AbsoluteUri);
        foreach ((string name, string value) in parameters)
        {
            text.Append(text.ToString().Contains('?', StringComparison.Ordinal) ? '&' : '?').Append(name).Append('=').Append(Uri.EscapeDataString(value));
        }

        return new(text.ToString());
    }

    /// <summary>Reads a query whose every name is given once. False where one is given twice. A broken escape stays as it is: nothing that is compared has one.</summary>
    public static bool TryReadQuery(string query, [NotNullWhen(true)] out Dictionary<string, string>? values)
    {
        values = new(StringComparer.Ordinal);
        foreach (string pair in query.Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            int equals = pair.IndexOf('=', StringComparison.Ordinal);
            (string name, string value) = equals < 0 ? (pair, "") : (pair[..equals], pair[(equals + 1)..]);
            if (!values.TryAdd(Decode(name), Decode(value)))
            {
                values = null;
                return false;
            }
        }

        return true;
    }

    private static string Decode(string text) => Uri.UnescapeDataString(text.Replace('+', ' '));
}
